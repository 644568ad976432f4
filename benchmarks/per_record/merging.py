"""What would be written: the differences of two records, merged field by field against the last agreement."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any

from benchmarks.per_record.records import AppRecord, HubSpotRecord
from benchmarks.per_record.terms import Base, Terms
from benchmarks.per_record.values import day, email_key, number, phone, region, text

EQUAL: tuple[tuple[str, str, Callable[[str], str]], ...] = (
    ("email", "EMAIL", email_key), ("firstname", "FNAME", text), ("lastname", "LNAME", text), ("phone", "PHONE", text),
    ("city", "CITY", text), ("country", "COUNTRY", text), ("website", "WEBSITE", text), ("customer_number", "CUSTNO", number),
    ("loyalty_points", "POINTS", number), ("contract_start", "CONTRACT", day),
)  # fmt: skip
"""The mappings that go both ways and hold the same value on both sides, with the canonical form."""
STAGES = {
    "subscriber": "Abonnent", "lead": "Lead", "opportunity": "Chance", "customer": "Kunde", "evangelist": "Fürsprecher",
}  # fmt: skip
_STAGE_OF = {
    **{key.lower(): key for key in (*STAGES, "partner", "other")},
    "partner": "partner", "sonstiges": "other", **{label.lower(): key for key, label in STAGES.items()},
}  # fmt: skip
_ON_CREATE_HUBSPOT = {"lifecyclestage": "subscriber", "newsletter_opt_in": "true"}

_of_hubspot: Callable[[HubSpotRecord], tuple[str | None, ...]] = attrgetter(*(pair[0] for pair in EQUAL))
_of_app: Callable[[AppRecord], tuple[str | None, ...]] = attrgetter(*(pair[1] for pair in EQUAL))


@dataclass
class Writes:
    """Values that would be written to each side, and the fields that nobody decides."""

    hubspot: dict[str, str] = field(default_factory=dict)
    app: dict[str, str] = field(default_factory=dict)
    creates: str = ""
    disputed: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.hubspot or self.app)


def unreadable(record: HubSpotRecord | AppRecord) -> dict[str, str]:
    """Fields whose value is there and could not be kept, with the reason."""
    return dict(json.loads(record.unreadable)) if record.unreadable else {}


def updates(hubspot: HubSpotRecord, app: AppRecord, base: Base | None, terms: Terms) -> Writes:
    """What would be written where both records are there."""
    writes = Writes()
    ours, theirs = _of_hubspot(hubspot), _of_app(app)
    if ours != theirs:
        for (name, target, canonical), one, other in zip(EQUAL, ours, theirs, strict=True):
            if one == other or one is None or other is None:
                continue
            if name == "phone":
                own, far = region(hubspot.country), region(app.COUNTRY)
                left, right = phone(one, own or far), phone(other, far or own)
            else:
                left, right = canonical(one), canonical(other)
            if left == right or name in unreadable(hubspot) or target in unreadable(app):
                continue
            match _two_way(left, right, _agreed(base, name, terms), hubspot, app, terms):
                case "to_app":
                    writes.app[target] = _translated(name, one)
                case "to_hubspot":
                    writes.hubspot[name] = _translated(name, other)
                case "conflict":
                    writes.disputed.append(name)
    if hubspot.lifecyclestage is not None and app.STAGE is not None:
        left, right = _own_stage(hubspot.lifecyclestage), _stage(app.STAGE)
        if left != right and _one_way(left, right, _agreed(base, "lifecyclestage", terms)):
            writes.app["STAGE"] = STAGES.get(hubspot.lifecyclestage.strip(), hubspot.lifecyclestage.strip())
    return writes


def creates_app(hubspot: HubSpotRecord) -> Writes:
    """What a new member would get."""
    values = {target: _translated(name, value) for name, target, value in _filled(EQUAL, hubspot, _of_hubspot)}
    if hubspot.lifecyclestage is not None and (stage := hubspot.lifecyclestage.strip()):
        values["STAGE"] = STAGES.get(stage, stage)
    return Writes(app=values | {"member_status": "subscribed"}, creates="app")


def creates_hubspot(app: AppRecord) -> Writes:
    """What a new HubSpot contact would get; its stage fills the member's, where that is empty."""
    values = {name: value.strip() if name != "contract_start" else day(value) for name, _, value in _back(app)}
    carried = {"STAGE": STAGES["subscriber"]} if app.STAGE is not None and not app.STAGE.strip() else {}
    return Writes(hubspot=values | _ON_CREATE_HUBSPOT, app=carried, creates="hubspot")


def _back(app: AppRecord) -> list[tuple[str, str, str]]:
    return _filled(EQUAL, app, _of_app)


def _filled(pairs: Any, record: Any, values_of: Callable[[Any], tuple[str | None, ...]]) -> list[tuple[str, str, str]]:
    zipped = zip(pairs, values_of(record), strict=True)
    return [(name, target, value) for (name, target, _), value in zipped if value is not None and value.strip()]


def _translated(name: str, value: str) -> str:
    return day(value) if name == "contract_start" else value.strip()


@cache
def _own_stage(value: str) -> str:
    return text(value)


@cache
def _stage(value: str) -> str:
    trimmed = value.strip()
    return _STAGE_OF.get(trimmed.lower(), text(trimmed))


def _agreed(base: Base | None, name: str, terms: Terms) -> tuple[str, str] | None:
    known = base.get(name) if base else None
    return known[:2] if known and known[2] == terms.fingerprints[name] else None


def _one_way(source: str, target: str, agreed: tuple[str, str] | None) -> bool:
    if agreed is None:
        return source != ""
    if source == "" and source == agreed[0]:
        return False
    return (source, target) != agreed


def _two_way(
    left: str, right: str, agreed: tuple[str, str] | None, hubspot: HubSpotRecord, app: AppRecord, terms: Terms
) -> str:
    if agreed is None:
        if not right:
            return "to_app"
        if not left:
            return "to_hubspot"
    else:
        ours, theirs = left != agreed[0], right != agreed[1]
        if not (ours and theirs):
            return "to_app" if ours else "to_hubspot" if theirs else "settled"
    if hubspot.updated_at is None or app.updated_at is None:
        return "conflict"
    # A record that the engine itself changed last says nothing of what a person did.
    if hubspot.updated_at == hubspot.written_at or app.updated_at == app.written_at:
        return "conflict"
    ahead = datetime.fromisoformat(hubspot.updated_at) - datetime.fromisoformat(app.updated_at)
    seconds = ahead.total_seconds()
    return "to_app" if seconds > terms.skew else "to_hubspot" if seconds < -terms.skew else "conflict"
