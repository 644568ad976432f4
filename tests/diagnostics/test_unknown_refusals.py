"""Unknown refusals, grouped: one line for each reason, wherever causes are listed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from diagnostics.report.building import build_report
from diagnostics.report.writing import render_json, render_markdown
from diagnostics.unknown_refusals import UnknownRefusal, unknown_refusals
from tests.diagnostics.small_world import LONG_AGO, NOW, SmallWorld, connection

LATER = "2026-02-20T10:00:00Z"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SmallWorld]:
    """An empty small world."""
    small = SmallWorld(tmp_path)
    yield small
    small.workspace.close()


def held(world: SmallWorld, contact: int, message: str, correlation: str, **more: str) -> None:
    """A refused field of the app that holds the contact back now."""
    row = {"field": "LNAME", "code": "ODD_CODE", "cause": "refused-unknown", "at": LONG_AGO, **more}
    world.sql(
        "INSERT INTO quarantine(contact_id, side, field, sent, lasting, code, message, correlation_id, run_id, at) "
        "VALUES (?, 'app', ?, 'x', 0, ?, ?, ?, 1, ?)",
        contact, row["field"], row["code"], message, correlation, row["at"],
    )  # fmt: skip
    world.finding(contact, row["cause"], field=f"app.{row['field']}", value=message)


def test_words_that_differ_in_values_are_one_group(world: SmallWorld) -> None:
    """Counted by contacts, most first, with the newest three ids; a known class and what holds nothing back stay out."""
    people = [world.pair(str(number), "failing", "refused-unknown", last=f"beispiel{number}x") for number in range(6)]
    world.mirrored()
    for number, contact in enumerate(people[:5]):
        held(
            world,
            contact,
            f"the flux of beispiel{number}x is odd",
            f"c-{number}",
            at=f"2026-02-0{number + 1}T10:00:00Z",
        )
    held(world, people[0], "the flux of 17 is odd", "c-0b", field="FNAME", at=LATER)
    held(world, people[5], "the warp is odd", "", at=LONG_AGO)
    held(world, people[1], "no such choice", "c-9", field="STAGE", code="INVALID_OPTION", cause="refused-option")
    world.sql("UPDATE quarantine SET field = 'GONE' WHERE contact_id = ? AND field = 'LNAME'", people[4])

    assert unknown_refusals(world.workspace) == (
        UnknownRefusal(
            "app", "ODD_CODE: the flux of <value> is odd", 4, ("c-0b", "c-3", "c-2"), "2026-02-01T10:00:00Z", LATER
        ),
        UnknownRefusal("app", "ODD_CODE: the warp is odd", 1, (), LONG_AGO, LONG_AGO),
    )


def test_nothing_unknown_is_no_group(world: SmallWorld) -> None:
    """The usual case."""
    contact = world.pair("1", "failing", "refused-option")
    held(world, contact, "no such choice", "c-9", code="INVALID_OPTION", cause="refused-option")
    assert unknown_refusals(world.workspace) == ()


def test_the_report_lists_the_groups_without_values(world: SmallWorld) -> None:
    """In both forms, below the causes."""
    contact = world.pair("1", "failing", "refused-unknown", last="ungewöhnlich", email="jo.klein@firma.example")
    world.mirrored()
    world.examined()
    held(world, contact, "Flux of jo.klein@firma.example and ungewöhnlich is odd", "c-7")
    report = build_report(world.workspace, connection(), now=NOW)

    (group,) = report.unknown_refusals
    assert (group.side, group.contacts, group.correlation_ids) == ("app", 1, ("c-7",))
    assert group.signature == "ODD_CODE: <value> of <value> and <value> is odd"
    assert "of <value> and <value> is odd" in render_markdown(report).replace("\\", "").replace("&lt;", "<").replace(
        "&gt;", ">"
    )
    for text in (render_markdown(report), render_json(report)):
        assert "ungewöhnlich" not in text
        assert "jo.klein" not in text
