"""The report as a typed document: these models are its JSON form (`format` 1) and what the Markdown is made of.

All texts have been made visible and, unless the user asked to reveal them, personal values are masked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Moment(_Part):
    """A moment in UTC and in the HubSpot account's time zone, both ISO 8601 with offset."""

    utc: str
    account: str


class Fact(_Part):
    """One named fact."""

    name: str
    value: str


class Scope(_Part):
    """Which contacts are meant, and since when. `list_facts` is empty if the connection names no list."""

    goal: str
    list_name: str
    list_facts: tuple[Fact, ...]
    criteria: tuple[str, ...]
    members: int | None
    activated_at: Moment | None
    last_check: Moment | None
    last_good_run: Moment | None


class CauseLine(_Part):
    """Contacts that one cause decides (`blocking`), or that it is only reported for; `waived` of them are accepted. When it was
    found first, and last on a contact anew."""

    code: str
    state: str
    contacts: int
    blocking: bool
    title: str
    remedy: str
    fixed_by: str
    nature: str
    waived: int = 0
    first_seen: Moment | None = None
    newest: Moment | None = None


class WaiverLine(_Part):
    """Findings of a cause that somebody accepts until a date: all, those of a field, those of one contact (its ids). `contacts`
    have such a finding now; `standing` is `active` or `expired`."""

    number: int
    code: str
    field: str
    hubspot_id: str
    app_id: str
    contacts: int
    owner: str
    reason: str
    since: Moment
    until: Moment
    standing: str


class TrendLine(_Part):
    """One examination's counts: contacts per state, members of the list, findings that were new, came back or were resolved.
    `unread` is the cause if a side could not be read."""

    run: int
    at: Moment
    contacts: int
    unread: str
    states: Mapping[str, int]
    list_members: int | None
    new: int
    came_back: int
    resolved: int


class UnknownReason(_Part):
    """Contacts that a side refused in the same words, which fit no known class. `signature` are the words without values,
    the ids the newest ones."""

    side: str
    signature: str
    contacts: int
    correlation_ids: tuple[str, ...]
    since: Moment
    last_at: Moment


class WholeFinding(_Part):
    """A finding about the connection and not about single contacts."""

    code: str
    state: str
    blocking: bool
    contacts: int
    title: str
    evidence: str
    remedy: str


class CodeCount(_Part):
    """How many contacts a code stops, and for how many of them it is the deciding one."""

    code: str
    contacts: int
    deciding: int


class Question(_Part):
    """One of the source document's four self-checks with its answer.

    `contacts` counts contacts that at least one code of the question stops. `looked_for` are the codes
    of the question's causes, less those that are reported without stopping anybody; `remarks` are facts that belong to it; `unchecked` says what was not looked at, and why.
    """

    letter: Literal["a", "b", "c", "d"]
    subject: str
    sentence: str
    answer: Literal["found", "ruled out", "could not be checked"]
    contacts: int
    codes: tuple[CodeCount, ...]
    looked_for: tuple[str, ...]
    remarks: tuple[str, ...]
    unchecked: tuple[str, ...]


class MissingGroup(_Part):
    """Missing contacts of a verification with the same reason; `examples` are HubSpot ids, else app ids."""

    state: str
    cause: str
    contacts: int
    examples: tuple[str, ...]


class VerificationLine(_Part):
    """One of the three verifications."""

    name: str
    question: str
    status: str
    expected: int | None
    found: int | None
    missing: tuple[MissingGroup, ...]
    note: str


class UnexplainedValue(_Part):
    """A difference that nothing explains; an empty field means that a whole record is gone. A field `hubspot.NAME` or
    `app.NAME` holds consent: the other side has no value then."""

    hubspot_id: str
    app_id: str
    field: str
    hubspot_value: str
    app_value: str


class VerificationPart(_Part):
    """The last verification; `at` is None if there was none. `sample` says what a sample proves, empty if all was read."""

    at: Moment | None
    lines: tuple[VerificationLine, ...]
    differences: Mapping[str, int]
    unexplained: int | None
    examples: tuple[UnexplainedValue, ...]
    sample: str = ""


class Evidence(_Part):
    """A field that stops a contact: the value found there and the rule it does not meet."""

    code: str
    field: str
    value: str
    rule: str
    first_seen: Moment | None


class Example(_Part):
    """One of the smallest examples of a deciding cause."""

    state: str
    cause: str
    hubspot_id: str
    app_id: str
    email: str
    evidence: tuple[Evidence, ...]


class ExchangeLine(_Part):
    """An HTTP exchange; `path` is a template without ids and addresses."""

    at: Moment
    side: str
    method: str
    path: str
    status: int | None
    attempt: int
    correlation_id: str
    note: str


class Refusal(_Part):
    """Writes that a server refused with the same status, code and field; words and id of the newest."""

    at: Moment | None
    side: str
    kind: str
    status: int | None
    code: str
    field: str
    words: str
    correlation_id: str
    times: int
    contacts: int


class WriteCount(_Part):
    """Rows of the journal in the same state; `code` says why where a state has several reasons."""

    side: str
    kind: str
    state: str
    code: str
    writes: int
    newest_run: int


class Doubt(_Part):
    """A write whose outcome no answer tells; the next sync looks it up before it writes."""

    planned_at: Moment
    run: int
    side: str
    kind: str
    hubspot_id: str
    app_id: str
    correlation_id: str


class Held(_Part):
    """Refused writes that are not tried again: until their cause is gone (`lasting`), or also from `wakes_at` on. An empty
    field means whole records."""

    side: str
    field: str
    code: str
    lasting: bool
    contacts: int
    most_tries: int
    since: Moment | None
    wakes_at: Moment | None
    correlation_id: str


class ConflictExample(_Part):
    """Both values of a field and what is known of their changes: HubSpot's property history, the app record's time."""

    hubspot_id: str
    app_id: str
    reason: str
    hubspot_value: str
    hubspot_changed_at: Moment | None
    hubspot_source: str
    app_value: str
    app_changed_at: Moment | None
    app_source: str


class ConflictField(_Part):
    """The conflicts of a field. `decided`: those that a person decided and the next sync writes."""

    field: str
    contacts: int
    reasons: Mapping[str, int]
    decided: int
    examples: tuple[ConflictExample, ...]


class Stage(_Part):
    """A stage of a staged release."""

    run: int
    stage: int
    planned: int
    as_planned: int
    at: Moment


class Undone(_Part):
    """How many writes of run `run` were taken back by run `undo`."""

    undo: int
    run: int
    writes: int


class Fate(_Part):
    """Linked records that are gone: `merged`, `archived` or `gone` for good."""

    side: str
    fate: str
    records: int


class Alias(_Part):
    """A merged record's old id, and the id that its link follows now."""

    side: str
    old_id: str
    record_id: str


class Written(_Part):
    """What became of writing. `open_release` is the run of a staged release that did not go through."""

    states: tuple[WriteCount, ...]
    in_doubt: int
    doubts: tuple[Doubt, ...]
    held: tuple[Held, ...]
    conflicts: tuple[ConflictField, ...]
    open_release: int | None
    stages: tuple[Stage, ...]
    undone: tuple[Undone, ...]
    fates: tuple[Fate, ...]
    aliases: tuple[Alias, ...]
    erased_addresses: int


class RunLine(_Part):
    """One of the latest runs."""

    id: int
    command: str
    state: str
    started_at: Moment
    ended_at: Moment | None
    exit_code: int | None
    requests: int
    message: str


class Removed(_Part):
    """How many places were masked, and what is never part of a report."""

    emails: int
    values: int
    words: int
    never: tuple[str, ...]


class Report(_Part):
    """A support report.

    `exchanges` did not succeed; `latest_exchanges` are the newest of the last run per side and request, whatever came.
    """

    format: Literal[1] = 1
    connection: str
    made_at: Moment
    program: str
    revealed: bool
    identity: tuple[Fact, ...]
    scope: Scope
    population: int
    states: Mapping[str, int]
    causes: tuple[CauseLine, ...]
    unknown_refusals: tuple[UnknownReason, ...]
    whole: tuple[WholeFinding, ...]
    waivers: tuple[WaiverLine, ...]
    trend: tuple[TrendLine, ...]
    questions: tuple[Question, ...]
    verification: VerificationPart
    examples: tuple[Example, ...]
    exchanges: tuple[ExchangeLine, ...]
    latest_exchanges: tuple[ExchangeLine, ...]
    refusals: tuple[Refusal, ...]
    written: Written
    settings: tuple[str, ...]
    runs: tuple[RunLine, ...]
    removed: Removed
