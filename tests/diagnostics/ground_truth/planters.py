"""What makes a contact faulty: for each cause that a contact can have, the ways to have it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.gates import Situation, State
from engine.mapped_pair import mapped_pairs
from tests.diagnostics.causes.world import CONNECTION, INCLUSION, situation

Row = dict[str, Any]
USUAL: Situation = situation(
    mappings=[one for one in CONNECTION["mappings"] if one["hubspot"] != "lifecyclestage"],
    unwanted={**CONNECTION["unwanted"], "exclude": ["bounced", "test-address", "role-address", "disposable-domain"]},
)
PROCESSING = replace(USUAL, inclusion=replace(INCLUSION, processing_status="PROCESSING"))


@dataclass(frozen=True)
class Planter:
    """One way to have one cause. `plant` changes a row in place; `memory` gives what earlier runs left of it: a table of Memory
    and its row. `state` is the verdict if the cause decides, None for one that is only reported; `reports` are others that are
    reported then. `writes`: the cause is about something that would be written."""

    code: str
    state: State | None
    shapes: Sequence[str]
    touches: frozenset[str]
    plant: Callable[[Row], None]
    memory: Callable[[Row], tuple[str, Row]] | None = None
    writes: bool = False
    stops_writes: bool = False
    reports: Sequence[str] = ()


def _sets(**values: object) -> Callable[[Row], None]:
    """Sets facts of a row; `hubspot__city` is a field of a record, set where there is that record."""

    def plant(row: Row) -> None:
        for name, value in values.items():
            side, _, of = name.partition("__")
            if not of:
                row[name] = value
            elif row[side]:
                row[f"{side}.{of}"] = value

    return plant


def _address(address: str) -> Callable[[Row], None]:
    def plant(row: Row) -> None:
        given = address.format(row["contact"])
        _sets(hubspot__email=given, app__EMAIL=given, email=given, email_key=given.strip().lower())(row)

    return plant


def _no_address(row: Row) -> None:
    _sets(hubspot__email="  ", email=row.get("app.EMAIL") or None)(row)


def _gone(row: Row) -> None:
    row["linked"] = True
    row["app_id" if row["hubspot"] else "hubspot_id"] = "77"


def _into_app(name: str, target: str, value: str) -> Callable[[Row], None]:
    """A value of HubSpot that has to go to the app, where the field is empty."""
    return _sets(**{f"hubspot__{name}": value, f"app__{target}": ""})


def _into_hubspot(name: str, source: str, value: str) -> Callable[[Row], None]:
    return _sets(**{f"hubspot__{name}": "", f"app__{source}": value})


def _moved(*, swap: bool) -> Callable[[Row], None]:
    """A linked pair whose address was changed in HubSpot to one that another member has."""

    def plant(row: Row) -> None:
        row |= {
            "linked": True,
            "app_holder": "ff",
            "app_swap": swap,
            "hubspot.email": f"neu{row['contact']}@firma.example",
        }

    return plant


def _last_agreed(field_name: str, column: str) -> Callable[[Row], tuple[str, Row]]:
    prints = {pair.name: pair.fingerprint for pair in mapped_pairs(USUAL.connection, USUAL.schemas)}

    def remember(row: Row) -> tuple[str, Row]:
        held = row[column]
        values = {"hubspot_value": held, "app_value": held, "fingerprint": prints[field_name]}
        return "base", {"contact": row["contact"], "field": field_name, **values}

    return remember


def _flipping(row: Row) -> tuple[str, Row]:
    spelt = {"hubspot_value": "Ulm", "app_value": "Ulmen"}
    writers = {"hubspot_writer": "WORKFLOW", "app_writer": ""}
    return "suspended", {"contact": row["contact"], "field": "city", "flips": 4, **spelt, **writers}


def way(
    code: str, state: State | None, shapes: str, touches: str, plant: Callable[[Row], None], **more: Any
) -> Planter:
    """A planter; shapes and what it touches as words."""
    return Planter(code, state, tuple(shapes.split()), frozenset(touches.split()), plant, **more)


ANY, IN_HUBSPOT, IN_APP, FROM_HUBSPOT, FROM_APP = (
    "pair hubspot app",
    "pair hubspot",
    "pair app",
    "pair hubspot",
    "pair app",
)
OUTSIDE = {"member_since": None}
CONTACT_PLANTERS = (
    way("erased", "excluded", ANY, "erased", _sets(erased=True)),
    *(way("in-doubt", "unknown", ANY, "doubt", _sets(in_doubt=side)) for side in ("hubspot", "app")),
    way("many-to-one", "failing", ANY, "link", _sets(hubspot_candidates="1, 2", app_candidates="aa")),
    way("counterpart-gone", "failing", "hubspot app", "link", _gone, stops_writes=True),
    way("email-missing", "excluded", IN_HUBSPOT, "address", _no_address),
    *(
        way("email-invalid", "excluded", ANY, "address", _address(text))
        for text in ("p{0}@firma.test", "p{0}@@firma.example", "p {0}@firma.example")
    ),
    way("email-duplicate", "failing", ANY, "link", _sets(hubspot_twins=2)),
    *(
        way("opt-in", "excluded", IN_HUBSPOT, "consent", _sets(hubspot__newsletter_opt_in=value))
        for value in ("false", "", "maybe")
    ),
    *(
        way("member-status", "excluded", IN_APP, "status", _sets(app__status=status))
        for status in ("unsubscribed", "cleaned", "pending", "archived")
    ),
    way("bounced", "excluded", IN_HUBSPOT, "bounce", _sets(hubspot__hs_email_hard_bounce_reason_enum="OTHER")),
    way("role-address", "excluded", ANY, "address", _address("info@p{0}.example")),
    *(
        way("test-address", "excluded", ANY, "address", _address(text))
        for text in ("test.{0}@firma.example", "test-{0}@firma.example")
    ),
    way("disposable-domain", "excluded", ANY, "address", _address("p{0}@wegwerf.example")),
)
LIST_PLANTERS = (
    way("list-criteria", "failing", IN_HUBSPOT, "list", _sets(**OUTSIDE, hubspot__lifecyclestage="evangelist")),
    way("list-membership", "excluded", IN_HUBSPOT, "list", _sets(**OUTSIDE, hubspot__lifecyclestage="other")),
    way(
        "list-membership",
        "excluded",
        IN_HUBSPOT,
        "list",
        _sets(**OUTSIDE, hubspot__lifecyclestage="partner"),
        reports=("list-disagreement",),
    ),
    way("list-disagreement", None, IN_HUBSPOT, "list", _sets(hubspot__lifecyclestage="evangelist")),
    way("list-beyond-goal", None, IN_HUBSPOT, "list", _sets(hubspot__lifecyclestage="partner")),
    way(
        "list-beyond-goal",
        None,
        IN_HUBSPOT,
        "list",
        _sets(hubspot__lifecyclestage="other"),
        reports=("list-disagreement",),
    ),
)
"""The goal names leads and evangelists, the list takes leads and partners."""
FIELD_PLANTERS = tuple(
    way(code, "failing", shapes, touches, plant, writes=True)
    for code, shapes, touches, plant in (
        ("required-field", "hubspot", "firstname", _sets(hubspot__firstname=" ")),
        ("required-field", "app", "lastname", _sets(app__LNAME="")),
        ("field-type", FROM_HUBSPOT, "number", _into_app("customer_number", "CUSTNO", "A-1001")),
        ("field-type", FROM_APP, "points", _into_hubspot("loyalty_points", "POINTS", "viele")),
        ("field-option", FROM_HUBSPOT, "country", _into_app("country", "COUNTRY", "Atlantis")),
        ("field-format", FROM_HUBSPOT, "website", _into_app("website", "WEBSITE", "keine")),
        ("field-format", FROM_APP, "number", _into_hubspot("customer_number", "CUSTNO", "12")),
        ("field-length", FROM_HUBSPOT, "lastname", _into_app("lastname", "LNAME", "ü" * 128)),
        ("field-length", FROM_APP, "city", _into_hubspot("city", "CITY", "Oberammergau")),
        ("field-range", FROM_APP, "points", _into_hubspot("loyalty_points", "POINTS", "101")),
    )
)
LINK_PLANTERS = (
    way(
        "address-taken",
        "failing",
        "pair",
        "address link",
        _moved(swap=False),
        memory=_last_agreed("email", "app.EMAIL"),
        writes=True,
    ),
    way(
        "address-swap",
        "failing",
        "pair",
        "address link",
        _moved(swap=True),
        memory=_last_agreed("email", "app.EMAIL"),
        writes=True,
    ),
    way("field-loop", "conflict", "pair", "city", _sets(hubspot__city="Ulm", app__CITY="Ulmen"), memory=_flipping),
    way("conflict", "conflict", "pair", "city", _sets(hubspot__city="Ulm", app__CITY="Bonn")),
)
_ANYHOW = CONTACT_PLANTERS + FIELD_PLANTERS + LINK_PLANTERS
PLANTERS = _ANYHOW + LIST_PLANTERS
WHILE_PROCESSING = (*_ANYHOW, way("list-processing", "unknown", IN_HUBSPOT, "list", _sets(**OUTSIDE)))
"""For a list that HubSpot has not finished: nobody outside is known to stay there."""
