"""The three-way merge of one field, and the plan that follows from it."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.connection import Connection
from engine.gates import Population, Situation, found
from engine.memory import BASE, Memory, nothing_known
from engine.merge import differences, mapped_pairs
from engine.plan import plan
from engine.schema import Account, Field, Side, SideSchema

OLD, NEW = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"


def connection(
    *, conflicts: str = "ask", direction: str = "two_way", options: dict[str, str] | None = None
) -> Connection:
    """A connection that maps the e-mail and one more field."""
    return Connection.model_validate(
        {
            "name": "acme",
            "format": 1,
            "app": {"name": "mailchimp", "audience": "x"},
            "sync": {"conflicts": conflicts, "direction": direction},
            "mappings": [
                {"hubspot": "email", "app": "EMAIL"},
                {"hubspot": "city", "app": "CITY", "options": options or {}},
            ],
        }
    )


def schemas() -> dict[Side, SideSchema]:
    """Two sides with text fields."""
    return {
        "hubspot": SideSchema(
            "hubspot", "hubspot", Account("1", "a"), {n: Field(n, n, "text") for n in ("email", "city")}, "email"
        ),
        "app": SideSchema(
            "app", "mailchimp", Account("2", "b"), {n: Field(n, n, "text") for n in ("EMAIL", "CITY")}, "EMAIL"
        ),
    }


def pair(
    hubspot: str | None,
    app: str | None,
    *,
    hubspot_at: str = OLD,
    app_at: str = OLD,
    hubspot_written: str | None = None,
    app_written: str | None = None,
) -> pl.DataFrame:
    """One linked contact whose city differs; None is not fetched."""
    row = {
        "contact": 1, "hubspot_id": "1", "app_id": "a", "linked": True, "hubspot": True, "app": True,
        "hubspot_twins": 1, "app_twins": 1, "hubspot_updated_at": hubspot_at, "app_updated_at": app_at,
        "hubspot_written_at": hubspot_written, "app_written_at": app_written,
        "hubspot.email": "j@example.com", "app.EMAIL": "j@example.com", "hubspot.city": hubspot, "app.CITY": app,
    }  # fmt: skip
    return pl.DataFrame([row]).with_columns(
        pl.col("hubspot.city", "app.CITY", "hubspot_written_at", "app_written_at").cast(pl.String)
    )


def base_frame(base: tuple[str, str] | None, chosen: Connection) -> Memory:
    """The base of the city under the mapping as it is now."""
    fingerprint = mapped_pairs(chosen, schemas())[1].fingerprint
    return nothing_known(pl.DataFrame([(1, "city", *base, fingerprint)] if base else [], schema=BASE, orient="row"))


def outcome(contacts: pl.DataFrame, base: tuple[str, str] | None, chosen: Connection) -> str:
    """The merge's outcome for the city, or "equal"."""
    merged = differences(contacts, base_frame(base, chosen), chosen, mapped_pairs(chosen, schemas()))
    return str(merged["outcome"][0]) if merged.height else "equal"


@pytest.mark.parametrize(
    ("hubspot", "app", "base", "expected"),
    [
        ("Bern", " Bern ", None, "equal"),
        ("Bern", "Wien", ("Bern", "Bern"), "to_hubspot"),
        ("Bern", "Wien", ("Wien", "Wien"), "to_app"),
        ("Bern", "Wien", ("Graz", "Graz"), "conflict"),
        ("Bern", "Wien", ("Bern", "Wien"), "settled"),
        ("Bern", "Wien", None, "conflict"),
        ("Bern", "", None, "to_app"),
        ("", "Wien", None, "to_hubspot"),
        ("", "Wien", ("Wien", "Wien"), "to_app"),
        ("Bern", None, ("Bern", "Bern"), "equal"),
        (None, "Wien", ("Bern", "Bern"), "equal"),
    ],
)
def test_what_changed_since_the_base_flows(
    hubspot: str | None, app: str | None, base: tuple[str, str] | None, expected: str
) -> None:
    """Both changed is a conflict, an explicit clearing travels, and what was not fetched clears nothing."""
    assert outcome(pair(hubspot, app), base, connection()) == expected


@pytest.mark.parametrize(
    ("conflicts", "hubspot_at", "app_at", "expected"),
    [
        ("hubspot", OLD, NEW, "to_app"),
        ("app", NEW, OLD, "to_hubspot"),
        ("latest", NEW, OLD, "to_app"),
        ("latest", OLD, NEW, "to_hubspot"),
        ("latest", "2026-01-01T00:05:00Z", OLD, "conflict"),
        ("latest", "2026-01-01T00:05:01Z", OLD, "to_app"),
        ("ask", NEW, OLD, "conflict"),
    ],
)
def test_the_policy_decides_only_with_evidence(conflicts: str, hubspot_at: str, app_at: str, expected: str) -> None:
    """The newer one wins only beyond the clocks' skew; to ask is to leave both."""
    contacts = pair("Bern", "Wien", hubspot_at=hubspot_at, app_at=app_at)

    assert outcome(contacts, ("Graz", "Graz"), connection(conflicts=conflicts)) == expected


@pytest.mark.parametrize(
    ("direction", "hubspot", "app", "base", "expected"),
    [
        ("to_app", "Bern", "Wien", None, "to_app"),
        ("to_app", "", "Wien", None, "kept"),
        ("to_app", "", "Wien", ("Wien", "Wien"), "to_app"),
        ("to_app", "", "Wien", ("", ""), "kept"),
        ("to_app", "Bern", "Wien", ("Bern", "Bern"), "to_app"),
        ("to_app", "Bern", "Wien", ("Bern", "Wien"), "settled"),
        ("to_hubspot", "Bern", "Wien", None, "to_hubspot"),
        ("to_hubspot", "Bern", "", None, "kept"),
    ],
)
def test_one_way_never_writes_back(
    direction: str, hubspot: str, app: str, base: tuple[str, str] | None, expected: str
) -> None:
    """The source wins, an empty source clears only what it had, and the other side is never a source."""
    assert outcome(pair(hubspot, app), base, connection(direction=direction)) == expected


def test_the_engines_own_write_is_no_evidence() -> None:
    """Where the last change of a record is the engine's own, "latest" does not know who was later."""
    chosen = connection(conflicts="latest")
    contacts = pair("Bern", "Wien", hubspot_at=OLD, app_at=NEW, app_written=NEW)

    assert outcome(contacts, ("Graz", "Graz"), chosen) == "conflict"
    assert outcome(pair("Bern", "Wien", app_at=NEW, app_written=OLD), ("Graz", "Graz"), chosen) == "to_hubspot"


def test_a_mapping_that_changed_has_no_base() -> None:
    """What two other fields agreed on says nothing about these two."""
    before, after = connection(conflicts="hubspot"), connection(conflicts="hubspot", options={"bern": "Bern"})
    contacts = pair("Bern", "Wien")
    old_base = base_frame(("Bern", "Bern"), before)

    changed = differences(contacts, old_base, after, mapped_pairs(after, schemas()))

    assert changed["outcome"].to_list() == ["to_app"]
    assert outcome(contacts, ("Bern", "Bern"), before) == "to_hubspot"


def test_options_are_compared_and_written_in_the_targets_words() -> None:
    """The option map translates both ways."""
    chosen = connection(options={"bern": "Bern (CH)"})
    situation = Situation(chosen, schemas(), None, datetime(2026, 1, 1, tzinfo=UTC))

    assert outcome(pair("bern", "Bern (CH)"), None, chosen) == "equal"
    answer = plan(pair("bern", ""), nothing_known(), situation, ())
    assert answer.writes.select("side", "field", "value").rows() == [("app", "CITY", "Bern (CH)")]


VALUES = st.sampled_from(["", "Bern", "Wien", "Graz"])


@settings(deadline=None)
@given(VALUES, VALUES, st.none() | st.tuples(VALUES, VALUES), st.sampled_from(["hubspot", "app", "latest", "ask"]))
def test_a_written_plan_leaves_nothing_to_write(
    hubspot: str, app: str, base: tuple[str, str] | None, conflicts: str
) -> None:
    """After the writes are applied and the result is the base, the next plan is empty; verdict and writes agree."""
    chosen = connection(conflicts=conflicts)
    situation = Situation(chosen, schemas(), None, datetime(2026, 1, 1, tzinfo=UTC))
    answer = plan(pair(hubspot, app), base_frame(base, chosen), situation, ())
    state = answer.verdicts["state"][0]

    assert (state == "pending") == (answer.writes.height > 0)
    assert (state == "conflict") == (answer.conflicts.height > 0)
    after = {"hubspot": hubspot, "app": app}
    for write in answer.writes.iter_rows(named=True):
        after[write["side"]] = write["value"]
    if state == "pending":
        settled = base_frame((after["hubspot"], after["app"]), chosen)
        again = plan(pair(after["hubspot"], after["app"]), settled, situation, ())
        assert again.writes.height == 0
        assert again.verdicts["state"][0] == "in_sync"


class _SaysTwoThings:
    """A gate that stops every contact twice, with a state of its own for each field."""

    code = "two-things"

    def findings(self, population: Population, situation: Situation) -> pl.DataFrame:
        """First excluded, then unknown."""
        return pl.concat(
            [
                found(population.contacts, state="excluded", field="hubspot.email"),
                found(population.contacts, state="unknown", field="hubspot.city"),
            ]
        )


def test_of_two_findings_of_one_gate_the_first_named_gives_the_verdict() -> None:
    """Whatever the number of contacts: an unstable sort would give some of many the other state."""
    many = pl.concat([pair("Bern", "Bern")] * 5_000).with_columns(contact=pl.int_range(5_000))
    situation = Situation(connection(), schemas(), None, datetime(2026, 1, 1, tzinfo=UTC))
    answer = plan(many, nothing_known(), situation, (_SaysTwoThings(),))

    assert answer.verdicts.rows() == [(number, "excluded", "two-things") for number in range(5_000)]
