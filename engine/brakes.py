"""Brakes: whether a run may write at all, and how much; looked at before the first write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.connection import Brakes, Connection
from engine.errors import BrakeTripped, ConfigurationError
from engine.schema import Side
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.operations import Operation

BRAKES = ("creates", "updates", "clears", "field_share", "first_creates")
"""The brakes that look at a plan, by their keys in the connection file."""
FEWEST_LINKED = 20
"""With fewer linked contacts a share of them says nothing, and `field_share` does not count."""


_NAMES: Mapping[Side, str] = {"hubspot": "HubSpot", "app": "the app"}


@dataclass(frozen=True)
class Volume:
    """How much a plan would do: contacts created and updated (per side), fields emptied, linked contacts whose value of
    one field changes, and how many contacts are linked. `first`: before anything was ever linked, per side what would be
    created in it, and what it holds as far as it was read."""

    creates: int = 0
    updates: int = 0
    clears: int = 0
    changed: Mapping[tuple[Side, str], int] = field(default_factory=dict)
    linked: int = 0
    first: Mapping[Side, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Tripped:
    """A brake that a plan goes beyond: its key, and in words by how much."""

    key: str
    what: str


def volume(operations: Iterable[Operation], workspace: Workspace) -> Volume:
    """Counts a plan's operations, against what the workspace holds."""
    kinds: Counter[str] = Counter()
    changed: Counter[tuple[Side, str]] = Counter()
    creates: Counter[Side] = Counter()
    clears = 0
    for op in operations:
        kinds[op.kind] += 1
        creates[op.side] += op.kind == "create"
        clears += sum(value == "" and op.before.get(name, "") != "" for name, value in op.values.items())
        if op.kind == "update":
            changed.update((op.side, name) for name in op.values)
    linked, first = linked_contacts(workspace), first_creates(workspace, creates)
    return Volume(kinds["create"], kinds["update"], clears, dict(changed), linked, first)


def linked_contacts(workspace: Workspace) -> int:
    """Contacts with a record on both sides."""
    return int(workspace.value("SELECT count(*) FROM contact WHERE hubspot_id IS NOT NULL AND app_id IS NOT NULL"))


def first_creates(workspace: Workspace, creates: Mapping[Side, int]) -> dict[Side, tuple[int, int]]:
    """`Volume.first` for a plan that creates so many contacts per side; empty once there are links."""
    if workspace.value("SELECT 1 FROM contact WHERE linked_at IS NOT NULL LIMIT 1") is not None:
        return {}
    return {
        side: (count, int(workspace.value(f"SELECT count(*) FROM {side}_contact")))
        for side, count in creates.items()
        if count
    }


def tripped(limits: Brakes, planned: Volume) -> list[Tripped]:
    """Every brake that the plan goes beyond."""
    found = [
        Tripped(key, f"{count:,} {key}, the connection allows {limit:,}")
        for key, count, limit in (
            ("creates", planned.creates, limits.creates),
            ("updates", planned.updates, limits.updates),
            ("clears", planned.clears, limits.clears),
        )
        if count > limit
    ]
    found += [
        Tripped(
            "first_creates",
            f"the first sync would create {count:,} contacts in {_NAMES[side]}, which holds only {held:,}: is {_NAMES[side]} "
            "complete, is it the right account?",
        )
        for side, (count, held) in sorted(planned.first.items())
        if count > limits.first_creates and count > held > 0
    ]
    if planned.linked < FEWEST_LINKED:
        return found
    for (side, name), contacts in sorted(planned.changed.items()):
        if contacts * 100 > limits.field_share * planned.linked:
            share = contacts * 100 / planned.linked
            found.append(
                Tripped(
                    "field_share",
                    f"{side}.{name} changes in {contacts:,} of {planned.linked:,} linked contacts ({share:.0f} %), "
                    f"the connection allows {limits.field_share} %",
                )
            )
    return found


def brake(
    connection: Connection, planned: Volume, accepted: Collection[str] = (), *, undoing: int | None = None
) -> None:
    """Raises BrakeTripped naming every brake that the plan goes beyond, except those that a person accepted for this
    run. `undoing`: the run that the plan takes back. Raises ConfigurationError for a name that is no brake."""
    unknown = sorted(set(accepted) - set(BRAKES))
    if unknown:
        raise ConfigurationError(
            f"there is no brake {unknown[0]!r}", where="--accept", remedy=f"There are: {', '.join(BRAKES)}."
        )
    found = [one for one in tripped(connection.brakes, planned) if one.key not in accepted]
    if not found:
        return
    keys = list(dict.fromkeys(one.key for one in found))
    accepting = " ".join(f"--accept {key}" for key in keys)
    raise BrakeTripped(
        f"the plan goes beyond {len(keys)} of the connection's brakes: {'; '.join(one.what for one in found)}. "
        "Nothing was written.",
        where=f"connection {connection.name}, {', '.join(f'brakes.{key}' for key in keys)}",
        remedy=_remedy(connection.name, accepting, undoing),
    )


def _remedy(name: str, accepting: str, undoing: int | None) -> str:
    either = "If it is right, raise the keys named above, or let it pass once:"
    if undoing is not None:
        command = f"syncdoctor undo {name} {undoing}"
        return f"Look at the undo: {command}. {either} {command} {accepting}"
    return (
        f"Look at the plan: syncdoctor plan {name}. {either} syncdoctor sync {name} {accepting} "
        "(--staged writes it step by step)."
    )


def refuse_observed(connection: Connection) -> None:
    """Raises ConfigurationError for a connection that another engine keeps in sync."""
    if connection.mode == "observed":
        raise ConfigurationError(
            "this connection is observed: another engine writes, Syncdoctor only reads",
            where=f"connection {connection.name}",
            remedy='Set mode = "managed" if Syncdoctor is to do the syncing.',
        )
