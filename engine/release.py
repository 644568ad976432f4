"""Staged release: a plan is written a little at a time, and stops where outcomes leave the prediction.

One contact first, then ten, then a tenth of the plan, then all. After each stage what the servers kept is compared with
what was planned. A stage that came out otherwise ends the release; what it wrote stays, and the journal shows it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields

from engine.apply import Applied, apply
from engine.base import mapping_names
from engine.errors import ReleaseHalted
from engine.gates import Situation
from engine.memory import memory_of
from engine.observe import Sides
from engine.operations import Operation
from engine.runs import RELEASE_OPEN, SMALL_PLAN, Run, iso, way_on
from engine.standing import Standing

FIRST, SECOND, THIRD_SHARE = 1, SMALL_PLAN, 10
"""Contacts of the first two stages, and the percentage of all contacts in the third."""


@dataclass(frozen=True)
class Stage:
    """How a stage came out: writes planned, and those that came out otherwise, counted by what became of them."""

    number: int
    planned: int
    otherwise: Mapping[str, int]

    @property
    def astray(self) -> int:
        """Writes that did not come out as planned."""
        return sum(self.otherwise.values())

    def beyond(self, tolerance: int) -> bool:
        """Whether more than `tolerance` percent of the writes went astray; the first stage tolerates none."""
        return self.astray * 100 > (0 if self.number == 1 else tolerance) * self.planned

    def __str__(self) -> str:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(self.otherwise.items()))
        return f"{self.planned - self.astray} of {self.planned} writes as planned" + (
            f" ({reasons})" if reasons else ""
        )


@dataclass(frozen=True)
class Released:
    """What a release did: the counts of all stages, how many stages there were, and the one that ended it early."""

    applied: Applied
    stages: int
    halted: Stage | None = None


def sizes(contacts: int) -> tuple[int, ...]:
    """Contacts per stage: 1, 10, a tenth (where that is more than 10), and the rest. They add up to `contacts`."""
    tenth = -(-contacts * THIRD_SHARE // 100)
    taken: list[int] = []
    for size in (FIRST, SECOND, tenth if tenth > SECOND else 0):
        taken.append(min(size, contacts - sum(taken)))
    return tuple(size for size in (*taken, contacts - sum(taken)) if size)


def in_stages(operations: Iterable[Operation]) -> list[list[Operation]]:
    """The operations in stages of whole contacts. Kinds and sides take turns, so that a small stage already shows each of
    them; updates come first, because they can be undone."""
    contacts: dict[int, list[Operation]] = {}
    for op in operations:
        contacts.setdefault(op.contact, []).append(op)
    seen: Counter[tuple[bool, str]] = Counter()
    turns: list[tuple[int, tuple[bool, str], int]] = []
    for contact, ops in contacts.items():
        group = (ops[0].kind == "create", ops[0].side)
        turns.append((seen[group], group, contact))
        seen[group] += 1
    order = [contact for _, _, contact in sorted(turns)]
    stages, start = [], 0
    for size in sizes(len(order)):
        stages.append([op for contact in order[start : start + size] for op in contacts[contact]])
        start += size
    return stages


def begin_release(run: Run, stages: Sequence[Sequence[Operation]]) -> None:
    """Notes, before the first write and at once, that the connection is active and that a release in stages has begun: a run
    cut off here must not let the next one write everything at once."""
    with run.workspace.transaction():
        if not run.workspace.fact("activated_at"):
            run.workspace.remember("activated_at", iso(run.now()))
        if len(stages) > 1:
            run.workspace.remember(RELEASE_OPEN, str(run.id))


async def release(run: Run, standing: Standing, sides: Sides, stages: Sequence[Sequence[Operation]]) -> Released:
    """Writes the stages in order, and none after one that went beyond the connection's tolerance or once the plan is outdated.

    A single stage is never held against the prediction. Raises what `apply` raises; what was settled is kept.
    """
    situation = standing.situation
    done: list[Applied] = []
    for number, operations in enumerate(stages, 1):
        since = int(run.workspace.value("SELECT coalesce(max(id), 0) FROM journal"))
        done.append(await apply(run, situation, sides, operations, standing))
        if len(stages) == 1:
            continue
        stage = compare(run, situation, number, operations, since)
        _record(run, stage, len(stages))
        if standing.outdated:
            break
        if stage.beyond(situation.connection.release.tolerance) and number < len(stages):
            return Released(_together(done), len(stages), stage)
    if not standing.outdated:
        run.workspace.remember(RELEASE_OPEN, "")
    return Released(_together(done), len(stages))


def compare(run: Run, situation: Situation, number: int, operations: Sequence[Operation], since: int) -> Stage:
    """Holds a stage's journal entries (those after the entry `since`) against its plan."""
    entries = {
        (row["contact_id"], row["side"]): row
        for row in run.workspace.rows(
            "SELECT contact_id, side, state, kept FROM journal WHERE run_id = ? AND id > ? ORDER BY id", (run.id, since)
        )
    }
    settled = _settled_fields(run, operations)
    names = mapping_names(situation)
    otherwise: Counter[str] = Counter()
    for op in operations:
        entry = entries.get((op.contact, op.side))
        if entry is None:
            otherwise["changed meanwhile"] += 1
        elif entry["state"] not in _WORDS:
            otherwise["refused"] += 1
        elif _WORDS[entry["state"]]:
            otherwise[_WORDS[entry["state"]]] += 1
        else:
            kept = json.loads(entry["kept"] or "{}")
            same = (
                str(kept.get(field, "")).strip() == value.strip()
                or (op.contact, names.get((op.side, field))) in settled
                for field, value in op.values.items()
            )
            if not all(same):
                otherwise["kept differently"] += 1
    return Stage(number, len(operations), otherwise)


_WORDS = {
    "verified": "",
    "applied": "not read back",
    "intent": "in doubt",
    "in_doubt": "in doubt",
    "planned": "left alone",
    "superseded": "left alone",
    "retryable": "left alone",
}
"""What a journal's state means for the prediction; all others are refusals."""


def _settled_fields(run: Run, operations: Sequence[Operation]) -> set[tuple[int, str | None]]:
    """Contacts' mapped fields in which both sides agree after the write, in whatever spelling the server keeps."""
    base = memory_of(run.workspace, [op.contact for op in operations]).base
    return {
        (row["contact"], row["field"]) for row in base.iter_rows(named=True) if row["hubspot_value"] == row["app_value"]
    }


def _record(run: Run, stage: Stage, stages: int) -> None:
    with run.workspace.transaction() as sql:
        sql.execute(
            "INSERT INTO release_stage(run_id, stage, planned, as_predicted, otherwise, at) VALUES (?, ?, ?, ?, ?, ?)",
            (run.id, stage.number, stage.planned, stage.planned - stage.astray, stage.astray, iso(run.now())),
        )
    run.event("warning" if stage.astray else "info", "stage", f"stage {stage.number} of {stages}: {stage}")


def _together(parts: Sequence[Applied]) -> Applied:
    return Applied(**{item.name: sum(getattr(part, item.name) for part in parts) for item in fields(Applied)})


def halt(run: Run, situation: Situation, released: Released, planned: int) -> None:
    """Raises ReleaseHalted if a stage ended the release. `planned`: writes of the whole plan."""
    if released.halted is None:
        return
    name = situation.connection.name
    raise ReleaseHalted(
        f"the release halted: stage {released.halted.number} of {released.stages} has {released.halted}; "
        f"{released.applied.writes} of {planned} were written, the rest was left alone",
        where=f"connection {name}, release.tolerance = {situation.connection.release.tolerance} %",
        remedy=f"What was written stays; syncdoctor undo {name} {run.id} takes updates back. {way_on(name, run.id)}",
    )
