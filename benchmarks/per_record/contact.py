"""A contact: both records with what links them. Its validators are the rules that look at more than one record's field."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from pydantic import BaseModel, SkipValidation, ValidationInfo, model_validator

from benchmarks.per_record.merging import (
    EQUAL,
    Writes,
    creates_app,
    creates_hubspot,
    unreadable,
    updates,
)
from benchmarks.per_record.records import APP, EVIDENCE, HUBSPOT, MIRROR, AppRecord, Finding, HubSpotRecord
from benchmarks.per_record.targets import broken
from benchmarks.per_record.terms import RANK, Terms
from benchmarks.per_record.values import email_key
from diagnostics.causes.role_address import ROLES
from engine.schema import Side

_ROLES = frozenset(ROLES)
_MADE_UP = re.compile(r"test(?:[\W\d_].*)?|asdf|qwerty|foo|foobar|xxx|dummy", re.DOTALL)
_NAMES = {"hubspot": "HubSpot", "app": "Mailchimp"}
_MAPPED = {
    "hubspot": frozenset(HUBSPOT[MIRROR:]) & {*(pair[0] for pair in EQUAL), "lifecyclestage"},
    "app": frozenset(APP[MIRROR:]) & {*(pair[1] for pair in EQUAL), "STAGE"},
}


class Contact(BaseModel):
    """Everything that is known of a contact. `found` takes the findings, `writes` what would be written."""

    id: int
    hubspot_id: str | None
    app_id: str | None
    linked: bool
    hubspot_twins: int
    app_twins: int
    hubspot_candidates: str
    app_candidates: str
    erased: bool
    member_since: str | None
    email: str
    email_key: str
    hubspot: HubSpotRecord | None
    app: AppRecord | None
    found: SkipValidation[list[Finding]]
    writes: SkipValidation[Writes | None] = None

    @model_validator(mode="after")
    def _who_it_is(self, info: ValidationInfo) -> Contact:
        terms: Terms = info.context  # type: ignore[assignment]
        if self.erased:
            rule = "the address is on the connection's list of erased people, of which only hashes are kept"
            self.found.append(Finding("erased", "", "excluded", True, "", rule))
        if self.id in terms.in_doubt:
            side = terms.in_doubt[self.id]
            rule = f"a write to {_NAMES[side]} got no answer and was not looked up yet"
            self.found.append(Finding("in-doubt", f"{side}.id", "unknown", True, "", rule))
        if self.hubspot_candidates or self.app_candidates:
            rule = f"these would be one contact: HubSpot {self.hubspot_candidates}; Mailchimp {self.app_candidates}"
            here = "hubspot.id" if self.hubspot else "app.id"
            value = (self.hubspot_id if self.hubspot else self.app_id) or ""
            self.found.append(Finding("many-to-one", here, "failing", True, value, rule))
        elif not self.linked and self.email_key and self._shares():
            rule = (
                "several records share this address once it is normalised: "
                f"{self.hubspot_twins} in HubSpot and {self.app_twins} in Mailchimp"
            )
            self.found.append(Finding("email-duplicate", self._address(), "failing", True, self.email[:EVIDENCE], rule))
        if self.linked and not (self.hubspot and self.app):
            self.found.append(self._gone())
        return self

    def _shares(self) -> bool:
        return (
            self.hubspot_twins > 1
            or self.app_twins > 1
            or (self.app is None and self.app_twins > 0)
            or (self.hubspot is None and self.hubspot_twins > 0)
        )

    def _address(self) -> str:
        return "hubspot.email" if self.hubspot else "app.EMAIL"

    def _gone(self) -> Finding:
        if not self.hubspot and not self.app:
            value = " and ".join(one for one in (self.hubspot_id, self.app_id) if one)
            rule = "the linked records are gone from both HubSpot and Mailchimp"
            return Finding("counterpart-gone", "hubspot.id", "failing", True, value, rule)
        side = "app" if self.hubspot else "hubspot"
        value = (self.app_id if self.hubspot else self.hubspot_id) or ""
        rule = f"the linked record is no longer in {_NAMES[side]}"
        return Finding("counterpart-gone", f"{side}.id", "failing", True, value, rule)

    @model_validator(mode="after")
    def _nobody_unwanted(self, info: ValidationInfo) -> Contact:
        terms: Terms = info.context  # type: ignore[assignment]
        local, at, domain = self.email_key.rpartition("@")
        if not at:
            return self
        if _MADE_UP.fullmatch(local):
            self._unwanted("test-address", terms, "the part before the @ is one that people use for tests")
        if local in _ROLES:
            self._unwanted("role-address", terms, "the address belongs to a function, not to one person")
        if domain in terms.thrown_away:
            self._unwanted("disposable-domain", terms, "the domain gives out mailboxes to be thrown away")
        return self

    def _unwanted(self, code: str, terms: Terms, rule: str) -> None:
        finding = Finding(code, self._address(), "excluded", terms.excluding[code], self.email[:EVIDENCE], rule)
        self.found.append(finding)

    @model_validator(mode="after")
    def _in_the_list(self, info: ValidationInfo) -> Contact:
        if self.hubspot is None:
            return self
        terms: Terms = info.context  # type: ignore[assignment]
        stage = self.hubspot.lifecyclestage
        field, value = "hubspot.lifecyclestage", (stage or "")[:EVIDENCE]
        named = stage is not None and stage.strip() in terms.goal
        if self.member_since is not None:
            if terms.goal and stage is not None and not named:
                rule = f"the list holds the contact, and the goal names lifecyclestage {', '.join(sorted(terms.goal))}"
                self.found.append(Finding("list-beyond-goal", field, "unknown", False, value, rule))
        elif named:
            rule = f"the goal names lifecyclestage {', '.join(sorted(terms.goal))}, but the list asks for {terms.asked}"
            self.found.append(Finding("list-criteria", field, "failing", True, value, rule))
        elif terms.meets(stage) is False:
            rule = f"the list {terms.list_name} asks for {terms.asked}, and only its members sync"
            self.found.append(Finding("list-membership", field, "excluded", True, value, rule))
        else:
            rule = "the contact is not in it, and only its members sync"
            self.found.append(Finding("list-membership", "", "excluded", True, terms.list_name, rule))
        return self

    @model_validator(mode="after")
    def _what_is_written(self, info: ValidationInfo) -> Contact:
        terms: Terms = info.context  # type: ignore[assignment]
        self.found.extend(self._not_kept())
        if self.hubspot and self.app:
            writes = updates(self.hubspot, self.app, terms.base.get(self.id), terms)
        elif self.linked or not (self.hubspot or self.app):
            return self
        else:
            writes = creates_app(self.hubspot) if self.hubspot else creates_hubspot(self.app)  # type: ignore[arg-type]
        if writes or writes.disputed:
            self.__dict__["writes"] = writes
        for side, values in (("hubspot", writes.hubspot), ("app", writes.app)):
            if values:
                self.found.extend(self._left_empty(side, values, creates=writes.creates == side))
                self.found.extend(broken(side, values))
        if self.hubspot and self.app and ("email" in writes.hubspot or "EMAIL" in writes.app):
            self.found.extend(self._held(self.hubspot, self.app, writes, terms))
        return self

    def _not_kept(self) -> Iterator[Finding]:
        for side, record in (("hubspot", self.hubspot), ("app", self.app)):
            if record is not None and record.unreadable:
                for field, reason in unreadable(record).items():
                    if field in _MAPPED[side]:
                        rule = f"the value in {_NAMES[side]} could not be kept: {reason}"
                        yield Finding("field-type", f"{side}.{field}", "failing", True, "", rule)

    def _left_empty(self, side: str, values: dict[str, str], *, creates: bool) -> Iterator[Finding]:
        """HubSpot asks for a last name, the app for a first name."""
        field = "lastname" if side == "hubspot" else "FNAME"
        record = None if creates else getattr(self, side)
        after = values.get(field, "" if creates else getattr(record, field, None))
        if after is not None and not after.strip():
            rule = f"{_NAMES[side]} requires {field}, and the other side gives none"
            yield Finding("required-field", f"{side}.{field}", "failing", True, "", rule)

    def _held(self, hubspot: HubSpotRecord, app: AppRecord, writes: Writes, terms: Terms) -> Iterator[Finding]:
        ours, theirs = email_key(hubspot.email or ""), email_key(app.EMAIL or "")
        ways: tuple[tuple[Side, str, str | None, str, str, str | None], ...] = (
            ("hubspot", "email", writes.hubspot.get("email"), theirs, ours, self.hubspot_id),
            ("app", "EMAIL", writes.app.get("EMAIL"), ours, theirs, self.app_id),
        )
        for side, field, value, wanted, present, own in ways:
            if value is None or not wanted or own is None:
                continue
            holder = terms.holder(side, wanted, own)
            if holder is not None:
                code = "address-swap" if terms.swaps(side, holder, present) else "address-taken"
                rule = f"in {_NAMES[side]} this is an address of record {holder}"
                yield Finding(code, f"{side}.{field}", "failing", True, value[:EVIDENCE], rule, only_field=True)

    def verdict(self) -> tuple[str, str]:
        """State and deciding cause."""
        stopping = [one for one in self.found if one.blocking]
        if stopping:
            first = min(stopping, key=_rank)
            return first.state, first.code
        if self.writes is None:
            return "in_sync", ""
        return ("conflict", "conflict") if self.writes.disputed else ("pending", "")


def _rank(finding: Finding) -> int:
    return RANK[finding.code]


def distinct(found: Sequence[Finding]) -> Iterable[Finding]:
    """One finding for each cause and field, in the order of the gates."""
    if len(found) < 2:
        return found
    known: dict[tuple[str, str], Finding] = {}
    for one in sorted(found, key=_rank):
        known.setdefault((one.code, one.field), one)
    return known.values()
