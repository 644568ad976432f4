"""Merging histories and the journal: what is ours, what must have been set by others, and the words for sources."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from diagnostics.history.entry import Written
from diagnostics.history.sources import in_words, kind_of
from diagnostics.history.timeline import newest_first, of_history, of_journal
from engine.connectors import FieldVersion

SKEW = timedelta(minutes=5)
WRITE = Written(
    7, "hubspot", "update", "101", "Bern", "Wien", "Bern", "2026-03-01T08:00:00.000Z", "2026-03-01T08:01:00.000Z", "verified"
)  # fmt: skip


def version(value: str | None, at: str, kind: str = "INTEGRATION", id: str = "4711", label: str = "") -> FieldVersion:
    """A version at a time of that morning."""
    return FieldVersion(value, f"2026-03-01T{at}:00.000Z", kind, id, label)


@pytest.mark.parametrize(
    ("given", "ours"),
    [
        (version("Bern", "08:00"), True), (version("Bern", "08:06"), True), (version("Bern", "07:55"), True),
        (version("Bern", "08:07"), False), (version("Bern", "07:54"), False), (version("bern", "08:00"), False),
        (version("Bern", "08:00", "API"), True), (version("Bern", "08:00", "CRM_UI", "userId:1"), False),
        (version("Bern", "08:00", "WORKFLOWS"), False), (version(None, "08:00"), False),
        (replace(version("Bern", "08:00"), at=""), False),
    ],
)  # fmt: skip
def test_a_version_is_ours_by_value_time_and_source(given: FieldVersion, ours: bool) -> None:
    """All three have to fit; else it is somebody else's, and our write is said not to show."""
    found = of_history([given], [WRITE], SKEW)
    assert [one.kind == "us" for one in found] == ([True] if ours else [False, True])
    if not ours:
        assert found[1].note == "HubSpot's history does not show it"


def test_what_the_server_kept_otherwise_is_ours_too() -> None:
    """The history shows what was kept."""
    (found,) = of_history([version("BERN", "08:00")], [replace(WRITE, kept="BERN")], SKEW)
    assert (found.kind, found.run, found.value, found.note) == ("us", 7, "BERN", "kept otherwise than it was sent")


def test_a_version_and_a_write_count_once() -> None:
    """Two writes of the same value within minutes are two versions; a third of another integration stays its own."""
    second = replace(WRITE, run=8, planned_at="2026-03-01T08:03:00.000Z", settled_at="2026-03-01T08:03:30.000Z")
    versions = [
        version("Bern", "08:00"),
        version("Wien", "08:02", "CRM_UI", "userId:1"),
        version("Bern", "08:03"),
        version("Bern", "08:04"),
    ]
    found = newest_first(of_history(versions, [WRITE, second], SKEW))
    assert sorted(one.kind for one in found) == ["integration", "person", "us", "us"]
    assert [one.note for one in found if one.kind == "integration"] == [
        "under the id of our own writes, but not in our journal"
    ]


def test_refused_and_doubtful_writes_are_shown_and_never_in_force() -> None:
    """A write that was never sent is left out."""
    refused, doubtful, unsent = (
        replace(WRITE, state=state, code="INVALID_OPTION") for state in ("permanent", "in_doubt", "superseded")
    )
    found = of_history([], [refused, doubtful, unsent], SKEW)
    assert [(one.note, one.in_force) for one in found] == [
        ("refused (INVALID_OPTION)", False), ("nobody knows yet whether it was applied", False),
    ]  # fmt: skip


def _app(run: int, hour: int, before: str, sent: str, kind: str = "update", kept: str | None = None) -> Written:
    at = f"2026-03-01T{hour:02}:00:00.000Z"
    return Written(run, "app", kind, "m1", sent, before, kept, at, at, "verified")


def test_what_another_set_in_the_app_shows_between_our_writes() -> None:
    """Our second write met another value than the first had left; the third met what the second left."""
    writes = [_app(1, 8, "", "Bern", "create"), _app(2, 10, "BERN", "Bern"), _app(3, 12, "Bern", "Wien")]
    found = newest_first(of_journal("app", "Mailchimp", writes, "Wien", "2026-03-01T12:00:00Z"))
    assert [(one.kind, one.value) for one in found] == [("us", "Wien"), ("us", "Bern"), ("app", "BERN"), ("us", "Bern")]
    between = found[2]
    assert (between.since[11:16], between.at[11:16]) == ("08:00", "10:00")


def test_what_the_app_holds_now_and_we_did_not_write() -> None:
    """Set after our last write; the record's last change is the latest moment it can have been."""
    found = newest_first(
        of_journal("app", "Mailchimp", [_app(1, 8, "", "Bern", "create")], "Genf", "2026-03-01T09:30:00Z")
    )
    assert [(one.kind, one.value, one.since[11:16], one.at[11:16]) for one in found] == [
        ("app", "Genf", "08:00", "09:30"), ("us", "Bern", "", "08:00"),
    ]  # fmt: skip


@pytest.mark.parametrize(("now", "kinds"), [("Bern", ["us"]), (" Bern ", ["us"]), (None, ["us"]), ("", ["app", "us"])])
def test_what_we_left_there_was_set_by_nobody_else(now: str | None, kinds: list[str]) -> None:
    """Equal but for outer white space, or not read; emptied is a change."""
    found = newest_first(
        of_journal("app", "Mailchimp", [_app(1, 8, "", "Bern", "create")], now, "2026-03-01T09:00:00Z")
    )
    assert [one.kind for one in found] == kinds


def test_a_field_that_we_never_wrote_is_as_old_as_its_record() -> None:
    """Said as such; an empty one has no entry."""
    (found,) = of_journal("app", "Mailchimp", [], "Bern", "2026-03-01T09:00:00Z")
    assert "or earlier" in found.note
    assert of_journal("app", "Mailchimp", [], "", "2026-03-01T09:00:00Z") == []


def test_the_value_that_our_first_write_met_was_somebody_elses() -> None:
    """An update knows what was there before."""
    found = newest_first(of_journal("app", "Mailchimp", [_app(1, 8, "Genf", "Bern")], "Bern", "2026-03-01T08:00:00Z"))
    assert [(one.kind, one.value) for one in found] == [("us", "Bern"), ("app", "Genf")]


@pytest.mark.parametrize(
    ("source", "kind", "words"),
    [
        (("CRM_UI", "userId:12", ""), "person", "user 12 (Ada Muster)"),
        (("CRM_UI", "userId:13", ""), "person", "user 13"),
        (("CRM_UI", "userId:12", "Ada M."), "person", "user 12 (Ada M.)"),
        (("CRM_UI", "", ""), "person", "a user in HubSpot"),
        (("CRM_UI", "anna@firma.example", ""), "person", "a user in HubSpot"),
        (("CRM_UI_BULK_ACTION", "userId:12", ""), "person", "a bulk edit of user 12 (Ada Muster)"),
        (("IMPORT", "55", "Fair 2026"), "import", "import 55 (Fair 2026)"),
        (("WORKFLOWS", "77", "Spelling"), "workflow", "workflow 77 (Spelling)"),
        (("AUTOMATION_PLATFORM", "78", ""), "workflow", "workflow 78"),
        (("FORM", "f1", "Newsletter"), "form", "form f1 (Newsletter)"),
        (("INTEGRATION", "4711", "INTEGRATION"), "integration", "integration 4711"),
        (("INTEGRATIONS_SYNC", "", ""), "integration", "HubSpot's data sync"),
        (("API", "9", ""), "api", "API key or private app 9"),
        (("MERGE_CONTACTS", "101", ""), "merge", "a merge with record 101"),
        (("CALCULATED", "", ""), "hubspot", "HubSpot's calculation"),
        (("IMPORT", "55", "anna@firma.example.csv"), "import", "import 55"),
        (("SOMETHING_NEW", "1", "Label"), "unknown", "SOMETHING_NEW (Label)"),
        (("", "", ""), "unknown", "no source named"),
    ],
)  # fmt: skip
def test_sources_in_words(source: tuple[str, str, str], kind: str, words: str) -> None:
    """Ids and names where there are any, never an address; what is not known keeps HubSpot's word."""
    given = FieldVersion("x", "2026-03-01T08:00:00.000Z", *source)
    assert (kind_of(given), in_words(given, {"12": "Ada Muster"})) == (kind, words)
