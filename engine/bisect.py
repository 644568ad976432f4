"""Finds the field at fault where a server refuses a record in words that name none, by sending it in parts."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace

from engine.connectors import Outcome
from engine.operations import IN_PARTS, Operation
from engine.schema import Side

Send = Callable[[Operation, bool], Awaitable[Outcome]]
"""Sends one operation and records its outcome. With True a vague refusal is recorded as "sent in parts" (code IN_PARTS,
more follows), with False as a refusal for good. May raise an AccessError or Stopped."""

RECORDS = 20
"""Records of a run that are taken apart; a server that refuses more of them in vague words has another trouble."""


def can_be_parted(op: Operation, always: Collection[str]) -> bool:
    """Whether an operation has parts that can be sent alone: two changed fields, or one that a create can do without."""
    return len(op.values) > 1 if op.kind == "update" else any(field not in always for field in op.values)


def requests_for(fields: int) -> int:
    """How many further requests finding one poisoned field among so many may cost."""
    return int(2 * math.log2(max(fields, 1))) + 2


def halves(op: Operation) -> tuple[Operation, Operation]:
    """The operation's fields in two halves; the first is the larger one."""
    names = list(op.values)
    middle = (len(names) + 1) // 2
    return op.only(names[:middle]), op.only(names[middle:])


async def in_parts(op: Operation, always: Collection[str], send: Send) -> None:
    """Sends the parts of a refused operation: the good ones are applied, the poisoned field is refused alone.

    A create is tried without half of its optional fields (`always` are those that every create needs); what was left
    out follows as updates. What the allowance of requests does not reach is left for the next run.
    """
    if op.kind == "update":
        await _update(deque(halves(op)), requests_for(len(op.values)), send)
    else:
        await _create(op, always, send)


async def _create(op: Operation, always: Collection[str], send: Send) -> None:
    optional = [field for field in op.values if field not in always]
    needed = [field for field in op.values if field in always]
    middle = (len(optional) + 1) // 2
    left = requests_for(len(optional))
    for kept in [optional[:middle], optional[middle:], []] if middle < len(optional) else [[]]:
        left -= 1
        outcome = await send(op.only([*needed, *kept]), bool(kept))
        if outcome.state == "applied" and outcome.record:
            rest = [field for field in optional if field not in kept]
            await _update(_left_out(op, outcome.record.id, rest), left, send)
            return
        if outcome.code != IN_PARTS:
            return


def _left_out(op: Operation, record_id: str, rest: list[str]) -> deque[Operation]:
    """What a create went without, as updates of the record that is there now: at least one of them holds the poison."""
    ids: dict[Side, str | None] = {**op.ids, op.side: record_id}
    values = {field: op.values[field] for field in rest}
    update = replace(op, kind="update", ids=ids, values=values, before=dict.fromkeys(values, ""), entry=0, whole=None)
    return deque(halves(update) if len(rest) > 1 else (update,))


async def _update(waiting: deque[Operation], left: int, send: Send) -> None:
    while waiting and left > 0:
        part = waiting.popleft()
        left -= 1
        outcome = await send(part, len(part.values) > 1 and left >= 1)
        if outcome.code == IN_PARTS:
            waiting.extendleft(reversed(halves(part)))
        elif outcome.state == "refused" and outcome.field in part.values and len(part.values) > 1:
            waiting.appendleft(part.without(outcome.field))
        elif outcome.state == "in_doubt":
            return
