"""Merges by what a field holds: consent is never loosened, a stage only moves forward, sets add and remove."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.connection import Connection
from engine.memory import BASE, DECISION, EVIDENCE, Memory, nothing_known
from engine.merge import differences, field_states, mapped_pairs
from engine.schema import Account, Field, FieldType, Option, Side, SideSchema

STAGES = ("subscriber", "lead", "opportunity", "customer", "other")
OLD, NEW = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"


def connection(*, direction: str = "two_way", conflicts: str = "ask", **mapping: Any) -> Connection:
    """A connection with the e-mail and the field under test."""
    return Connection.model_validate(
        {
            "name": "acme",
            "format": 1,
            "app": {"name": "mailchimp", "audience": "x"},
            "sync": {"conflicts": conflicts},
            "mappings": [
                {"hubspot": "email", "app": "EMAIL"},
                {"hubspot": "field", "app": "FIELD", "direction": direction, **mapping},
            ],
        }
    )


def schemas(
    hubspot: FieldType, app: FieldType = "text", zones: tuple[str, str] = ("UTC", "UTC")
) -> dict[Side, SideSchema]:
    """Both sides with the field under test; stages are its options."""
    options = tuple(Option(stage, stage.title()) for stage in STAGES)
    return {
        "hubspot": SideSchema(
            "hubspot", "HubSpot", Account("1", "a", zones[0]),
            {"email": Field("email", "E-mail", "email"), "field": Field("field", "Field", hubspot, options)}, "email",
        ),
        "app": SideSchema(
            "app", "Mailchimp", Account("2", "b", zones[1]),
            {"EMAIL": Field("EMAIL", "E-mail", "email"), "FIELD": Field("FIELD", "Field", app)}, "EMAIL",
        ),
    }  # fmt: skip


def row(hubspot: str | None, app: str | None, unreadable: str = "") -> pl.DataFrame:
    """One linked contact."""
    return pl.DataFrame(
        [
            {
                "contact": 1, "hubspot": True, "app": True, "linked": True,
                "hubspot_updated_at": OLD, "app_updated_at": OLD, "hubspot_written_at": None, "app_written_at": None,
                "hubspot._unreadable": unreadable, "app._unreadable": "",
                "hubspot.email": "j@example.com", "app.EMAIL": "j@example.com",
                "hubspot.field": hubspot, "app.FIELD": app,
            }
        ]
    ).with_columns(pl.col("hubspot.field", "app.FIELD", "hubspot_written_at", "app_written_at").cast(pl.String))  # fmt: skip


def merged(
    chosen: Connection,
    kind: FieldType,
    hubspot: str | None,
    app: str | None,
    base: tuple[str, str] | None = None,
    *,
    decided: tuple[str, str, str] | None = None,
    known: tuple[str, str, str] | None = None,
    app_kind: FieldType = "text",
    contacts: pl.DataFrame | None = None,
) -> dict[str, Any]:
    """The merge of the field; an empty outcome if both sides agree."""
    pairs = mapped_pairs(chosen, schemas(kind, app_kind))
    agreed = [(1, "field", *base, pairs[1].fingerprint)] if base else []
    memory = Memory(
        base=pl.DataFrame(agreed, schema=BASE, orient="row"),
        decisions=pl.DataFrame([(1, "field", *decided, None)] if decided else [], schema=DECISION, orient="row"),
        suspended=nothing_known().suspended,
        refused=nothing_known().refused,
        evidence=pl.DataFrame([(1, "field", *known, "CRM_UI")] if known else [], schema=EVIDENCE, orient="row"),
    )
    known_contacts = row(hubspot, app) if contacts is None else contacts
    rows = differences(known_contacts, memory, chosen, pairs).to_dicts()
    return rows[0] if rows else {"outcome": "equal", "ground": "", "hubspot_merged": None, "app_merged": None}


CONSENT: dict[str, Any] = {"merge": "consent", "accepted": ["yes"]}


@pytest.mark.parametrize("conflicts", ["hubspot", "app", "latest", "ask"])
@pytest.mark.parametrize(
    ("hubspot", "app", "base", "expected"),
    [
        ("no", "yes", None, "to_app"),
        ("yes", "no", None, "to_hubspot"),
        ("no", "yes", ("no", "no"), "to_app"),
        ("yes", "no", ("no", "no"), "to_hubspot"),
        ("whatever", "yes", ("yes", "yes"), "to_app"),
        ("", "yes", ("yes", "yes"), "to_app"),
        ("", "yes", None, "conflict"),
        ("yes", "", None, "conflict"),
        ("yes", "no", ("yes", "no"), "settled"),
        ("", "no", None, "to_hubspot"),
    ],
)
def test_the_stricter_consent_wins_under_every_policy(
    conflicts: str, hubspot: str, app: str, base: tuple[str, str] | None, expected: str
) -> None:
    """An opt-in typed on one side is undone by what the other side says; silence at a first meeting decides nothing."""
    assert merged(connection(conflicts=conflicts, **CONSENT), "option", hubspot, app, base)["outcome"] == expected


@pytest.mark.parametrize(
    ("direction", "hubspot", "app", "expected"),
    [
        ("to_app", "yes", "no", "kept"),
        ("to_app", "no", "yes", "to_app"),
        ("to_app", "yes", "", "kept"),
        ("to_hubspot", "no", "yes", "kept"),
        ("to_hubspot", "yes", "no", "to_hubspot"),
    ],
)
def test_one_way_loosens_no_consent(direction: str, hubspot: str, app: str, expected: str) -> None:
    """The source of a one-way mapping does not overwrite an opt-out; nothing is written against the direction."""
    assert merged(connection(direction=direction, **CONSENT), "option", hubspot, app)["outcome"] == expected


ANSWERS = st.sampled_from(["", "yes", "no", "maybe", "unknown"])
BASES = st.none() | st.tuples(ANSWERS, ANSWERS)
DIRECTIONS = st.sampled_from(["two_way", "to_app", "to_hubspot"])
POLICIES = st.sampled_from(["hubspot", "app", "latest", "ask"])


@settings(deadline=None)
@given(ANSWERS, ANSWERS, BASES, DIRECTIONS, POLICIES, st.sampled_from(["", "hubspot", "app"]))
def test_no_history_makes_consent_looser(
    hubspot: str, app: str, base: tuple[str, str] | None, direction: str, conflicts: str, winner: str
) -> None:
    """Whatever base, direction, policy or decision: nobody who was not opted in becomes so by a write."""
    chosen = connection(direction=direction, conflicts=conflicts, **CONSENT)
    decided = (winner, hubspot, app) if winner else None
    outcome = merged(chosen, "option", hubspot, app, base, decided=decided)["outcome"]

    assert not (outcome == "to_app" and hubspot == "yes" and app != "yes")
    assert not (outcome == "to_hubspot" and app == "yes" and hubspot != "yes")


def test_consent_without_what_it_accepts_is_refused() -> None:
    """Nothing can be strict if nobody says what allows."""
    with pytest.raises(ValueError, match="accepted"):
        connection(merge="consent")


@pytest.mark.parametrize(
    ("hubspot", "app", "base", "expected"),
    [
        ("lead", "customer", None, "to_hubspot"),
        ("customer", "Lead", ("customer", "customer"), "to_app"),
        ("", "lead", ("lead", "lead"), "to_hubspot"),
        ("other", "customer", None, "to_app"),
        ("lead", "customer", ("lead", "customer"), "settled"),
        ("partner", "lead", ("lead", "lead"), "to_app"),
        ("partner", "lead", None, "conflict"),
        ("lead", "Lead", None, "equal"),
        ("lead", "LEAD", None, "equal"),
    ],
)
def test_a_stage_only_moves_forward(hubspot: str, app: str, base: tuple[str, str] | None, expected: str) -> None:
    """The stage further on wins; one that is in no order goes by the ordinary rules; labels are stages too."""
    assert merged(connection(merge="forward"), "option", hubspot, app, base)["outcome"] == expected


SETS = st.sets(st.sampled_from("abcd")).map(lambda held: ";".join(sorted(held)))


def held(text: str | None) -> set[str]:
    """A canonical set as a set."""
    return {part for part in (text or "").split(";") if part}


@settings(deadline=None)
@given(SETS, SETS, SETS)
def test_sets_take_over_what_was_added_and_removed(base: str, hubspot: str, app: str) -> None:
    """Both sides end with the base plus all additions minus all removals; nothing is invented; merging again changes nothing."""
    found = merged(connection(), "options", hubspot, app, (base, base))
    if hubspot == app:
        assert found["outcome"] == "equal"
        return
    expected = (held(hubspot) & held(app)) | ((held(hubspot) | held(app)) - held(base))

    assert held(found["hubspot_merged"]) == held(found["app_merged"]) == expected
    assert expected <= held(hubspot) | held(app)
    result = ";".join(sorted(expected))
    assert merged(connection(), "options", result, result, (base, base))["outcome"] == "equal"
    wanted = {(True, True): "both", (True, False): "to_hubspot", (False, True): "to_app"}
    assert found["outcome"] == wanted[hubspot != result, app != result]


@settings(deadline=None)
@given(SETS, SETS, SETS)
def test_a_merge_of_sets_that_was_cut_off_goes_on(base: str, hubspot: str, app: str) -> None:
    """One side was written, the other not, the base is the old one: the next merge completes the same result."""
    first = merged(connection(), "options", hubspot, app, (base, base))
    if first["outcome"] != "both":
        return
    again = merged(connection(), "options", first["hubspot_merged"], app, (base, base))

    assert (again["outcome"], again["app_merged"]) == ("to_app", first["app_merged"])


@settings(deadline=None)
@given(
    st.sampled_from(["text", "set", "forward", "consent"]),
    st.sampled_from(["", "lead", "customer", "partner"]),
    st.sampled_from(["", "lead", "customer", "partner"]),
    st.none() | st.tuples(*[st.sampled_from(["", "lead", "customer"])] * 2),
)
def test_swapping_the_sides_mirrors_the_outcome(
    merge: str, hubspot: str, app: str, base: tuple[str, str] | None
) -> None:
    """Without a policy that names a side, neither side is favoured."""
    mirror = {"to_app": "to_hubspot", "to_hubspot": "to_app"}
    accepted: dict[str, Any] = {"accepted": ["customer"]} if merge == "consent" else {}
    chosen = connection(merge=merge, **accepted)
    kind: FieldType = "options" if merge == "set" else "option"
    one = merged(chosen, kind, hubspot, app, base)["outcome"]
    other = merged(chosen, kind, app, hubspot, base and (base[1], base[0]))["outcome"]

    assert other == mirror.get(one, one)


def test_a_decision_holds_for_the_two_values_it_was_made_on() -> None:
    """The same conflict is decided; with another value on either side it is a conflict again; a policy is overruled."""
    contested = ("Bern", "Wien", ("Graz", "Graz"))
    decided = ("app", "Bern", "Wien")

    assert merged(connection(), "text", *contested, decided=decided)["outcome"] == "to_hubspot"
    assert merged(connection(conflicts="hubspot"), "text", *contested, decided=decided)["outcome"] == "to_hubspot"
    assert merged(connection(), "text", "Bern", "Linz", ("Graz", "Graz"), decided=decided)["outcome"] == "conflict"


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (None, "conflict"),
        (("Bern", "Wien", NEW), "to_app"),
        (("Bern", "Wien", "2025-12-01T00:00:00Z"), "conflict"),
        (("Bern", "Wien", "2026-01-01T00:04:00Z"), "conflict"),
        (("Bern", "Linz", NEW), "conflict"),
    ],
)
def test_latest_goes_by_the_propertys_history_where_it_is_known(
    known: tuple[str, str, str] | None, expected: str
) -> None:
    """The records' times are equal; the property's own time decides beyond the skew, and only for the values it is about. An older
    one does not: the app's value may be as old, only its record is known to be newer."""
    chosen = connection(conflicts="latest")

    assert merged(chosen, "text", "Bern", "Wien", ("Graz", "Graz"), known=known)["outcome"] == expected


@pytest.mark.parametrize(
    ("hubspot_at", "app_at", "known_at", "written", "expected"),
    [
        (OLD, NEW, OLD, None, "to_hubspot"),
        (OLD, NEW, None, None, "to_hubspot"),
        (NEW, "2026-01-20T00:00:00Z", OLD, None, "conflict"),
        (NEW, "2026-01-20T00:00:00Z", None, None, "to_app"),
        (NEW, "2026-01-20T00:00:00Z", NEW, None, "to_app"),
        (NEW, "2026-01-20T00:00:00Z", OLD, NEW, "conflict"),
        (OLD, "2026-01-20T00:02:00Z", "2026-01-20T00:00:00Z", None, "conflict"),
        (OLD, "2026-01-20T00:06:00Z", "2026-01-20T00:00:00Z", None, "to_hubspot"),
    ],
)
def test_the_apps_value_wins_only_over_a_record_that_is_older_altogether(
    hubspot_at: str, app_at: str, known_at: str | None, written: str | None, expected: str
) -> None:
    """Somebody typed in HubSpot's field long ago and in the record today, in between in some field of the app's record: whose
    value is the later one nobody knows. Nor does anybody after a write by the engine itself, which hides when the record changed. The
    field may have been set after its record was mirrored: then the field's time counts."""
    chosen = connection(conflicts="latest")
    times = {"hubspot_updated_at": hubspot_at, "app_updated_at": app_at, "hubspot_written_at": written}
    contacts = row("Bern", "Wien").with_columns(pl.lit(at, pl.String).alias(name) for name, at in times.items())
    known = ("Bern", "Wien", known_at) if known_at else None

    assert merged(chosen, "text", "Bern", "Wien", known=known, contacts=contacts)["outcome"] == expected


@pytest.mark.parametrize(
    ("hubspot", "unreadable", "state"),
    [
        ("Bern", "", "value"),
        ("", "", "empty"),
        ("  ", "", "empty"),
        (None, "", "not_fetched"),
        (None, '{"field": "half a pair"}', "unparseable"),
        (None, '{"field": "not permitted: sensitive"}', "not_permitted"),
    ],
)
def test_only_what_is_there_or_explicitly_empty_takes_part(hubspot: str | None, unreadable: str, state: str) -> None:
    """Five states; the three that nobody typed never clear or change the other side."""
    chosen, contacts = connection(), row(hubspot, "Wien", unreadable)
    pairs = mapped_pairs(chosen, schemas("text"))
    base = nothing_known(pl.DataFrame([(1, "field", "Wien", "Wien", pairs[1].fingerprint)], schema=BASE, orient="row"))

    assert field_states(contacts, pairs).filter(pl.col("mapping") == "field")["hubspot_state"].to_list() == [state]
    outcomes = differences(contacts, base, chosen, pairs)["outcome"].to_list()
    assert outcomes == (["to_app"] if state in ("value", "empty") else [])


@pytest.mark.parametrize("missing", ["", '{"field": "half a pair"}', '{"field": "not permitted"}'])
@pytest.mark.parametrize("merge", ["text", "set", "forward"])
@pytest.mark.parametrize("conflicts", ["hubspot", "app", "latest", "ask"])
def test_an_unknown_value_never_clears(missing: str, merge: str, conflicts: str) -> None:
    """Under every merge and policy."""
    chosen = connection(merge=merge, conflicts=conflicts)
    contacts = row(None, "lead", missing)

    assert differences(contacts, nothing_known(), chosen, mapped_pairs(chosen, schemas("options"))).is_empty()
