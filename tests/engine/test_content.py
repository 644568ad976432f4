"""One number tells whether two records hold the same texts; whoever changes a record otherwise makes it unknown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.connectors import Record
from engine.content import compare_by, compared_fields, content, is_compared_by
from engine.mirror import add_columns, store
from engine.pairing import pair_contacts
from engine.runs import Run
from engine.suppression import suppress
from engine.workspace import Workspace
from tests.engine.test_aliases import SCHEMAS

PAIRS = (("email", "EMAIL"), ("city", "CITY"))
HELD = {"email": "Jo@firma.example", "city": "Bern"}
VALUES = st.lists(st.one_of(st.none(), st.text(alphabet="ab',\\ \x1f\ud800", max_size=3)), max_size=3)
Change = Callable[[Workspace], object]


@given(st.tuples(st.text(max_size=2), VALUES), st.tuples(st.text(max_size=2), VALUES))
def test_equal_numbers_mean_equal_values(
    one: tuple[str, list[str | None]], other: tuple[str, list[str | None]]
) -> None:
    """Whatever separators, quotes and gaps the values hold."""
    assert (content(*one) == content(*other)) == (one == other)
    assert -(2**63) <= content(*one) < 2**63


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A mirror that compares by these pairs, with one HubSpot record."""
    workspace = Workspace(tmp_path / "w.sqlite")
    for side, fields in (("hubspot", ["email", "city", "phone"]), ("app", ["EMAIL", "CITY"])):
        add_columns(workspace, side, fields)  # type: ignore[arg-type]
    compare_by(workspace, PAIRS)
    stored(workspace, HELD)
    return workspace


def stored(workspace: Workspace, values: dict[str, str], unreadable: Mapping[str, str] = MappingProxyType({})) -> None:
    """Stores record 1 of HubSpot, as a run of its own."""
    run = Run(workspace, "check")
    store(
        workspace, SCHEMAS["hubspot"], [Record("1", values, "", "", unreadable=unreadable)], ["email", "city"], run.id
    )


def number(workspace: Workspace) -> int | None:
    """The record's number."""
    found: int | None = workspace.value("SELECT _content FROM hubspot_contact")
    return found


def test_a_record_gets_the_number_of_its_content(workspace: Workspace) -> None:
    """Of the normalised address and the values as they are, on both sides the same."""
    run = Run(workspace, "check")
    other = Record("r", {"EMAIL": "Jo@firma.example", "CITY": "Bern"}, "", "")
    store(workspace, SCHEMAS["app"], [other], ["EMAIL", "CITY"], run.id)

    assert number(workspace) == content("jo@firma.example", list(HELD.values()))
    assert number(workspace) == workspace.value("SELECT _content FROM app_contact")
    assert is_compared_by(workspace, PAIRS)


@pytest.mark.parametrize(
    "change",
    [
        lambda workspace: stored(workspace, HELD),
        lambda workspace: workspace.sql.execute("UPDATE hubspot_contact SET _subscription = 'SUBSCRIBED'"),
        lambda workspace: compare_by(workspace, PAIRS),
    ],
)
def test_it_stays_known(workspace: Workspace, change: Change) -> None:
    """Read again, a status written beside it, the same pairs again."""
    before = number(workspace)

    change(workspace)

    assert number(workspace) == before is not None


@pytest.mark.parametrize(
    "change",
    [
        lambda workspace: workspace.sql.execute("UPDATE hubspot_contact SET city = 'Wien'"),
        lambda workspace: workspace.sql.execute("UPDATE hubspot_contact SET _email_key = '', phone = NULL"),
        lambda workspace: stored(workspace, HELD, unreadable={"city": "too long"}),
        lambda workspace: compare_by(workspace, PAIRS[:1]),
    ],
)
def test_it_is_not_known_any_more(workspace: Workspace, change: Change) -> None:
    """Changed by another program, not wholly readable, or meant of other fields."""
    change(workspace)

    assert number(workspace) is None


def test_of_an_erased_person_nothing_is_kept(workspace: Workspace) -> None:
    """Not even a number over the values."""
    suppress(Run(workspace, "forget"), ["jo@firma.example"], "why")
    stored(workspace, {**HELD, "city": "Wien"})

    assert number(workspace) is None


def test_a_record_that_was_read_without_some_field_has_no_number(workspace: Workspace) -> None:
    """The field keeps what it held, which is not looked at."""
    compare_by(workspace, (*PAIRS, ("phone", "PHONE")))
    stored(workspace, HELD)

    assert compared_fields(workspace, "hubspot") == ["email", "city", "phone"]
    assert number(workspace) is None


def test_without_its_trigger_no_number_counts(workspace: Workspace) -> None:
    """A table that another program made anew may hold numbers of what it held before."""
    workspace.sql.execute("DROP TRIGGER app_content_unknown")

    assert not is_compared_by(workspace, PAIRS)
    assert not is_compared_by(workspace, PAIRS[:1])


def test_a_field_may_be_called_as_sqlite_calls_its_rows(workspace: Workspace) -> None:
    """It hides that name, not the place of the record."""
    add_columns(workspace, "hubspot", ["rowid"])
    workspace.sql.execute("UPDATE hubspot_contact SET rowid = '77'")
    stored(workspace, HELD)
    pair_contacts(workspace, SCHEMAS)

    assert workspace.value("SELECT c.hubspot_row = h._rowid_ FROM contact c, hubspot_contact h") == 1
    assert number(workspace) is not None
    workspace.sql.execute("UPDATE hubspot_contact SET city = 'Wien'")
    assert number(workspace) is None
