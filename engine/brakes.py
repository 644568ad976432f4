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

BRAKES = ("creates", "updates", "clears", "field_share")
"""The brakes that look at a plan, by their keys in the connection file."""
FEWEST_LINKED = 20
"""With fewer linked contacts a share of them says nothing, and `field_share` does not count."""


@dataclass(frozen=True)
class Volume:
    """How much a plan would do: contacts created and updated (per side), fields emptied, linked contacts whose value of
    one field changes, and how many contacts are linked."""

    creates: int = 0
    updates: int = 0
    clears: int = 0
    changed: Mapping[tuple[Side, str], int] = field(default_factory=dict)
    linked: int = 0


@dataclass(frozen=True)
class Tripped:
    """A brake that a plan goes beyond: its key, and in words by how much."""

    key: str
    what: str


def volume(operations: Iterable[Operation], linked: int) -> Volume:
    """Counts a plan's operations. `linked`: contacts with a record on both sides."""
    kinds: Counter[str] = Counter()
    changed: Counter[tuple[Side, str]] = Counter()
    clears = 0
    for op in operations:
        kinds[op.kind] += 1
        clears += sum(value == "" and op.before.get(name, "") != "" for name, value in op.values.items())
        if op.kind == "update":
            changed.update((op.side, name) for name in op.values)
    return Volume(kinds["create"], kinds["update"], clears, dict(changed), linked)


def linked_contacts(workspace: Workspace) -> int:
    """Contacts with a record on both sides."""
    return int(workspace.value("SELECT count(*) FROM contact WHERE hubspot_id IS NOT NULL AND app_id IS NOT NULL"))


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


def brake(connection: Connection, planned: Volume, accepted: Collection[str] = ()) -> None:
    """Raises BrakeTripped naming every brake that the plan goes beyond, except those that a person accepted for this
    run. Raises ConfigurationError for a name that is no brake."""
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
        remedy=f"Look at the plan: syncdoctor plan {connection.name}. If it is right, raise the keys named above, or let "
        f"it pass once: syncdoctor sync {connection.name} {accepting} (--staged writes it step by step).",
    )


def refuse_observed(connection: Connection) -> None:
    """Raises ConfigurationError for a connection that another engine keeps in sync."""
    if connection.mode == "observed":
        raise ConfigurationError(
            "this connection is observed: another engine writes, Syncdoctor only reads",
            where=f"connection {connection.name}",
            remedy='Set mode = "managed" if Syncdoctor is to do the syncing.',
        )
