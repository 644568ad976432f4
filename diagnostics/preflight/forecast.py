"""What the plan would bring about besides its writes: the inclusion list, marketing contacts, requests of the day."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil

import polars as pl

from diagnostics.causes.list_clauses import live_criteria, meets, why_unknown
from diagnostics.criteria.form import properties
from diagnostics.preflight.codes import found
from diagnostics.preflight.finding import Finding
from engine.connectors import Room
from engine.gates import Situation
from engine.population import slice_of
from engine.schema import SIDES, Side
from engine.slices import bounds
from engine.verdicts import planned_counts
from engine.workspace import Workspace

_BY_HUBSPOT = ("createdate", "lastmodifieddate", "hs_")
"""Beginnings of properties that HubSpot sets itself when a contact is made or changed."""
RESERVE = 20
"""One in so many requests of the day stays for people (engine.budget)."""
NEARLY_FULL = 20
"""An account is nearly full with less than one in so many of its contacts left."""
_NEW = 20_000
"""New contacts of the app looked at together; they have no HubSpot record yet."""


@dataclass(frozen=True)
class ListEffect:
    """Contacts that would enter and leave the inclusion list by the plan's writes to HubSpot, and those for whom that is not
    known, with the reason."""

    enters: int = 0
    leaves: int = 0
    unknown: int = 0
    why: str = ""


@dataclass(frozen=True)
class Requests:
    """About how many requests a first sync takes per side, reading included; `left` of HubSpot's day, None if not known."""

    needed: Mapping[Side, int]
    left: int | None
    limit: int | None


def list_effect(workspace: Workspace, situation: Situation) -> ListEffect | None:
    """The effect on a list that follows its criteria, evaluated on each contact as it is and as it would be after the write.
    None if there is no such list."""
    tree = live_criteria(situation)
    if tree is None or "list" in situation.unavailable:
        return None
    effect = ListEffect()
    for after, up_to in bounds(workspace):
        written = workspace.frame(
            "SELECT contact_id AS contact, kind, field, value FROM planned_write WHERE side = 'hubspot' "
            "AND contact_id > ? AND contact_id <= ?",
            (after, up_to),
            integers=("contact",),
        )
        if written.is_empty():
            continue
        contacts = slice_of(workspace, after, up_to).join(written.select("contact").unique(), on="contact", how="semi")
        columns = {f"hubspot.{name}" for name in properties(tree)} & set(contacts.columns)
        effect = _added(effect, contacts, _written(contacts, written, columns), situation)
    return effect


def _written(contacts: pl.DataFrame, written: pl.DataFrame, columns: set[str]) -> pl.DataFrame:
    """The contacts with what the plan writes; what HubSpot sets itself is not known, what nobody gives a new contact is empty."""
    wide = written.select("contact", name=pl.concat_str(pl.lit("hubspot."), "field"), value="value").pivot(
        "name", index="contact", values="value"
    )
    joined = contacts.join(wide, on="contact", how="left", suffix="._new")
    new = ~pl.col("hubspot")
    after = []
    for column in sorted(columns):
        name = column.removeprefix("hubspot.")
        given = pl.col(f"{column}._new") if f"{column}._new" in joined.columns else pl.lit(None, pl.String)
        if name.startswith(_BY_HUBSPOT):
            kept = pl.when(new | (name == "lastmodifieddate")).then(pl.lit(None, pl.String)).otherwise(pl.col(column))
        else:
            kept = pl.when(new).then(pl.lit("")).otherwise(pl.col(column))
        after.append(pl.coalesce(given, kept).alias(column))
    return joined.with_columns(after)


def _added(effect: ListEffect, before: pl.DataFrame, after: pl.DataFrame, situation: Situation) -> ListEffect:
    columns = before.columns
    now = before.select("contact", member=pl.col("member_since").is_not_null(), was=meets(situation, columns)).join(
        after.select("contact", "hubspot", will=meets(situation, columns)), on="contact"
    )
    unknown = now.filter(pl.col("will").is_null())
    return ListEffect(
        effect.enters + now.filter(pl.col("will") & ~pl.col("member") & (~pl.col("hubspot") | pl.col("was").not_())).height,
        effect.leaves + now.filter(~pl.col("will") & pl.col("member") & pl.col("was")).height,
        effect.unknown + unknown.height,
        effect.why or (why_unknown(situation, columns) or "HubSpot sets a property itself that the criteria look at")
        * bool(unknown.height),
    )  # fmt: skip


def requests_needed(workspace: Workspace, situation: Situation) -> Requests:
    """About how many requests the next sync takes: pages, looks at each record before its write, batches, read-backs."""
    counts = planned_counts(workspace)
    held = {side: int(workspace.value(f"SELECT count(*) FROM {side}_contact")) for side in SIDES}
    looked_at = int(workspace.value("SELECT count(DISTINCT contact_id) FROM planned_write"))
    members = ceil(situation.list_size / 250) + 2 if situation.connection.scope.list else 0
    into_hubspot = ceil(counts["creates_hubspot"] / 100) + ceil(counts["updates_hubspot"] / 100)
    reading = ceil(held["hubspot"] / 100) + members + _SCHEMAS["hubspot"]
    needed: dict[Side, int] = {
        "hubspot": reading + _SCHEMAS["hubspot"] + ceil(looked_at / 100) + 2 * into_hubspot + members * bool(into_hubspot),
        "app": ceil(held["app"] / 1000) + 3 * _SCHEMAS["app"] + ceil(counts["creates_app"] / 500) + counts["updates_app"]
        + min(looked_at, ceil(looked_at / 200) * (ceil(held["app"] / 1000) + 3)),
    }  # fmt: skip
    left, limit = _of_the_day(workspace, situation)
    return Requests(needed, left, limit)


_SCHEMAS: Mapping[Side, int] = {"hubspot": 5, "app": 3}
"""Requests that describe a side."""


def _of_the_day(workspace: Workspace, situation: Situation) -> tuple[int | None, int | None]:
    """What is left of the day and its limit, as the last run saw them in the answers' headers."""
    told = re.search(r"daily ([\d,]+)/([\d,]+)", workspace.fact("limits.hubspot"))
    if told:
        return _number(told.group(1)), _number(told.group(2))
    limit = _number(situation.schemas["hubspot"].limits.get("requests a day", ""))
    return None, limit


def _number(text: str) -> int | None:
    digits = text.replace(",", "")
    return int(digits) if digits.isdecimal() else None


def forecast(
    situation: Situation,
    counts: Mapping[str, int],
    effect: ListEffect | None,
    requests: Requests,
    room: Room | None,
) -> Iterator[Finding]:
    """The findings of a forecast. `room`: the contacts that HubSpot holds and may hold, None if not known. Pure."""
    if effect is not None:
        if effect.enters:
            yield found(
                "list-enters",
                "scope.list",
                "meet the criteria after the write and are not members now",
                contacts=effect.enters,
            )
        if effect.leaves:
            yield found(
                "list-leaves",
                "scope.list",
                "are members now and do not meet the criteria after the write",
                contacts=effect.leaves,
            )
        if effect.unknown:
            yield found("list-effect-unknown", "scope.list", effect.why, contacts=effect.unknown)
    created = {side: counts.get(f"creates_{side}", 0) for side in SIDES}
    if created["hubspot"]:
        what = "would be created in HubSpot by an integration; all of them count if the app's switch is on"
        yield found("marketing-contacts", "hubspot", what, contacts=created["hubspot"])
        yield from _room(created["hubspot"], room)
    if created["app"]:
        what = f"{created['app']:,} contacts more in {situation.schemas['app'].app}, which does not tell how many fit"
        yield found("contact-limits", "app", what, contacts=created["app"])
    yield from _requests(requests)


def _room(created: int, room: Room | None) -> Iterator[Finding]:
    if room is None:
        what = f"{created:,} contacts more in HubSpot; preflight --check asks how many fit, if the account tells"
        yield found("contact-limits", "hubspot", what, contacts=created)
        return
    what = f"{created:,} contacts more in HubSpot, where {room.left:,} of {room.limit:,} are left"
    if created > room.left:
        yield found("contacts-too-many", "hubspot", what, contacts=created)
    elif (room.left - created) * NEARLY_FULL < room.limit:
        yield found("contacts-nearly-full", "hubspot", what, contacts=created)


def _requests(requests: Requests) -> Iterator[Finding]:
    available = requests.left if requests.left is not None else requests.limit
    if available is None or requests.limit is None:
        return
    needed = requests.needed["hubspot"]
    usable = available - requests.limit // RESERVE
    what = f"about {needed:,} requests are needed and {max(usable, 0):,} of {requests.limit:,} may be used today"
    if needed > usable:
        yield found("requests-of-the-day", "hubspot", what)
    elif needed * 2 > usable:
        yield found("requests-many", "hubspot", what)
