"""What both services really hold: read from the portal's own file, never through the engine."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from engine.sqlite import sqlite3
from sample_data.population.person import STAGE_CHOICES, TAGS

Side = Literal["hubspot", "app"]
SIDES: tuple[Side, Side] = ("hubspot", "app")
FIELDS = ("email", "firstname", "lastname", "city", "country", "loyalty_points", "lifecyclestage")
"""The mapped fields of the small world, by HubSpot's names. The last one flows to the app only."""
ONE_WAY = "lifecyclestage"
STAGE_OF = {choice: stage for stage, choice in STAGE_CHOICES.items()}
Consent = Literal["yes", "no", "open"]


@dataclass(frozen=True)
class Record:
    """One record as its service keeps it: `values` by HubSpot's field names, stages in HubSpot's words.

    `live` is false for an archived member (it is still there, and the service still lists it); `more` are additional
    addresses.
    """

    side: Side
    id: str
    values: Mapping[str, str]
    consent: Consent
    live: bool
    more: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The address in comparable form; empty if there is none."""
        return comparable("email", self.values["email"])


@dataclass(frozen=True)
class Change:
    """A field that holds something else than before. `field` is also `consent`, or `` for a record that came or went."""

    side: Side
    id: str
    field: str
    before: str
    after: str


State = Mapping[tuple[Side, str], Record]


@lru_cache(maxsize=65_536)
def comparable(field: str, value: str) -> str:
    """The form in which the judge compares values, written independently of the engine."""
    text = unicodedata.normalize("NFC", value).strip()
    if field == "email":
        name, _, domain = text.lower().rpartition("@")
        try:
            return f"{name}@{domain.encode('idna').decode()}" if name else text.lower()
        except UnicodeError:
            return text.lower()
    if field == "loyalty_points":
        try:
            return f"{float(text):g}"
        except ValueError:
            return text
    return text


class Truth:
    """The services' records, read anew whenever asked."""

    def __init__(self, portal_file: Path) -> None:
        self._sql = sqlite3.connect(portal_file, isolation_level=None)
        self.state: dict[tuple[Side, str], Record] = {}
        self.look()

    def close(self) -> None:
        """Closes the file."""
        self._sql.close()

    def look(self) -> list[Change]:
        """Reads both services; what has changed since the last look, in the order of sides and ids."""
        before, self.state = self.state, {(record.side, record.id): record for record in self._records()}
        return list(changes(before, self.state))

    def of(self, side: Side) -> list[Record]:
        """All records of a side by id."""
        return [record for (on, _), record in sorted(self.state.items()) if on == side]

    def get(self, side: Side, id: str) -> Record | None:
        """A record, None if it is gone."""
        return self.state.get((side, id))

    def _records(self) -> Iterator[Record]:
        for number, text in self._sql.execute("SELECT id, properties FROM contact WHERE archived = 0"):
            values = json.loads(text)
            out = values.get("newsletter_opt_in") == "false" or values.get("hs_email_optout") == "true"
            consent: Consent = "no" if out else "yes" if values.get("newsletter_opt_in") == "true" else "open"
            further = values.get("hs_additional_emails", "").split(";")
            more = tuple(comparable("email", address) for address in further if address)
            yield Record("hubspot", str(number), {name: values.get(name, "") for name in FIELDS}, consent, True, more)
        statuses: dict[str, Consent] = {"subscribed": "yes", "unsubscribed": "no", "cleaned": "no"}
        for contact_id, email, status, text in self._sql.execute(
            "SELECT contact_id, email, status, merge_fields FROM member"
        ):
            merge = json.loads(text)
            values = {name: str(merge.get(TAGS[name], "")) for name in FIELDS} | {"email": email}
            values[ONE_WAY] = STAGE_OF.get(values[ONE_WAY], values[ONE_WAY])
            yield Record("app", contact_id, values, statuses.get(status, "open"), status != "archived")


def changes(before: State, after: State) -> Iterator[Change]:
    """The differences between two states, field by field."""
    for side, id in sorted({*before, *after}):
        old, new = before.get((side, id)), after.get((side, id))
        if old is None or new is None:
            yield Change(side, id, "", "there" if old else "", "there" if new else "")
            continue
        for field in FIELDS:
            if old.values[field] != new.values[field]:
                yield Change(side, id, field, old.values[field], new.values[field])
        if old.consent != new.consent:
            yield Change(side, id, "consent", old.consent, new.consent)


def other(side: Side) -> Side:
    """The side across."""
    return "app" if side == "hubspot" else "hubspot"
