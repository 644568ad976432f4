"""What is said of a conflict that the times do not decide."""

from __future__ import annotations

import pytest

from diagnostics.contested import contested
from engine.connection import Sync
from engine.gates import Situation
from tests.diagnostics.small_world import NOW, connection, inclusion_list, schemas

EARLY, MIDDLE, LATE = "2026-03-01T10:00:00Z", "2026-03-02T10:00:00Z", "2026-03-03T10:00:00Z"
SYNCED = "was a sync of this connection, which tells nothing of the value"


def undecided(
    policy: str = "latest",
    *,
    reason: str = "both_changed",
    source: str = "",
    property_at: str | None = None,
    hubspot: tuple[str | None, str | None] = (LATE, None),
    app: tuple[str | None, str | None] = (MIDDLE, None),
) -> str:
    """The reason for a conflict of these times; of each record: when it was changed, and when the engine wrote it last."""
    chosen = connection(sync=Sync.model_validate({"conflicts": policy}))
    situation = Situation(chosen, schemas(), inclusion_list(), NOW)
    contact = {
        "hubspot_updated_at": hubspot[0], "hubspot_written_at": hubspot[1], "app_updated_at": app[0], "app_written_at": app[1],
    }  # fmt: skip
    conflict = {
        "reason": reason, "hubspot_source": source, "hubspot_changed_at": property_at or hubspot[0], "app_changed_at": app[0],
    }  # fmt: skip
    return contested(contact, conflict, situation).undecided


def test_an_app_record_later_than_the_value_but_not_than_the_record_decides_nothing() -> None:
    """Of the app only the record's time is known; the HubSpot record's is named, since nothing else shows it."""
    said = undecided(source="Anna", property_at=EARLY)

    assert f"that one was changed {LATE}" in said and "only the record's time is known" in said


@pytest.mark.parametrize(
    ("hubspot", "app", "source", "names"),
    [
        ((LATE, LATE), (MIDDLE, None), "", "hubspot"),
        ((LATE, None), (MIDDLE, MIDDLE), "Anna", "mailchimp"),
        ((LATE, LATE), (MIDDLE, MIDDLE), "", "hubspot and mailchimp"),
    ],
)
def test_the_engines_own_write_is_no_time_of_a_user(
    hubspot: tuple[str, str | None], app: tuple[str, str | None], source: str, names: str
) -> None:
    """On either side, or on both; HubSpot's history makes up for it on its side."""
    assert undecided(hubspot=hubspot, app=app, source=source) == f"the last change of the record in {names} {SYNCED}"


@pytest.mark.parametrize("source", ["", "IMPORT"])
def test_times_close_together_decide_nothing(source: str) -> None:
    """Clocks differ; whether HubSpot's history is known or not."""
    shortly_before = "2026-03-02T09:59:50.480Z"

    assert "s apart" in undecided(source=source, hubspot=(shortly_before, None))


@pytest.mark.parametrize(("hubspot", "app"), [((None, None), (MIDDLE, None)), ((LATE, None), (None, None))])
def test_a_time_that_nobody_tells_is_no_sync_and_no_short_while(
    hubspot: tuple[str | None, str | None], app: tuple[str | None, str | None]
) -> None:
    """A record without a time, never written by the engine."""
    assert undecided(hubspot=hubspot, app=app) == "not both times are known"


@pytest.mark.parametrize(
    ("policy", "reason"), [("ask", "both_changed"), ("hubspot", "both_changed"), ("latest", "loop")]
)
def test_where_times_are_not_asked_nothing_is_said_of_them(policy: str, reason: str) -> None:
    """Other policies, and conflicts on other grounds."""
    assert undecided(policy, reason=reason) == ""
