"""One contact through every gate: the planner run again on what the last check saw, so explaining equals doing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from diagnostics.bonds import Membership, Pairing, how, membership, pairing
from diagnostics.causes import CAUSES, cause
from diagnostics.causes.refusals import REFUSALS
from diagnostics.checkup import GATES
from diagnostics.contested import Contested, contested
from diagnostics.evidence import sentence
from diagnostics.observed.words import Certain, certain
from diagnostics.repairs import Hypothetical, Obstacle, Stop, answer_to
from diagnostics.repairs.smallest import SmallestChange, smallest_change
from engine.connection import Connection
from engine.errors import ConfigurationError
from engine.gates import Situation
from engine.memory import Memory, memory_of_slice
from engine.merge import field_states, mapped_pairs
from engine.plan import Plan, plan
from engine.population import slice_of
from engine.schema import SIDES
from engine.situation import recall
from engine.sqlite import sqlite3
from engine.workspace import Workspace


@dataclass(frozen=True)
class GateResult:
    """What a gate says of the contact: `passed` is None if it could not be examined. `evidence` are sentences."""

    code: str
    title: str
    passed: bool | None
    evidence: tuple[str, ...]
    decides: bool = False


@dataclass(frozen=True)
class FieldView:
    """One mapped field on both sides; None where a side has no record or the field was not fetched."""

    name: str
    hubspot_field: str
    app_field: str
    hubspot_value: str | None
    app_value: str | None
    base_hubspot: str | None
    base_app: str | None
    to_write: str
    note: str
    contested: Contested | None = None


@dataclass(frozen=True)
class Explanation:
    """Everything about one contact. Texts are as they came: make them visible before showing them.

    `change`: the smallest change that would let it sync; None if it was not asked for, or nothing stops the contact.
    """

    contact: int
    hubspot_id: str | None
    app_id: str | None
    email: str
    name: str
    state: str
    cause: str
    sentence: str
    gates: tuple[GateResult, ...]
    fields: tuple[FieldView, ...]
    remedy: str
    then: tuple[str, ...]
    history: tuple[str, ...]
    pairing: Pairing
    membership: Membership | None = None
    change: SmallestChange | None = None
    certain: Certain | None = None
    """How certain it is, where another engine writes."""


def explain(workspace: Workspace, connection: Connection, contact: int, *, prove: bool = False) -> Explanation:
    """Explains one contact of the last check; with `prove` also the smallest change, for which the planner is run some more
    times. Raises WorkspaceError if nothing was examined yet, ConfigurationError if there is no such contact."""
    situation = recall(workspace, connection)
    contacts = slice_of(workspace, contact - 1, contact)
    rows = workspace.rows("SELECT * FROM contact WHERE id = ?", (contact,))
    if not rows or contacts.is_empty():
        raise ConfigurationError("there is no such contact any more", remedy=f"Run: syncdoctor check {connection.name}")
    memory = memory_of_slice(workspace, contact - 1, contact)
    answer = plan(contacts, memory, situation, GATES)
    known = workspace.rows("SELECT state, cause FROM verdict WHERE contact_id = ?", (contact,))
    state, code = answer.verdicts.row(0)[1:]
    # A side that could not be read at all: no gate says so, the checkup did.
    unreadable = bool(known) and known[0]["state"] == "unknown" and cause(known[0]["cause"]).gate is None
    if unreadable:
        state, code = known[0]["state"], known[0]["cause"]
    row = rows[0]
    return Explanation(
        contact=contact,
        hubspot_id=row["hubspot_id"],
        app_id=row["app_id"],
        email=row["email"],
        name=row["name"],
        state=state,
        cause=code,
        sentence=_in_one_sentence(state, code, answer, situation),
        gates=_gates(answer, code, unreadable=unreadable),
        fields=_fields(contacts.row(0, named=True), _states(contacts, situation), memory, answer, situation),
        remedy=cause(code).to_do(connection) if code else _nothing_to_do(state, connection),
        then=_blockers_after(answer, code),
        history=tuple(_history(workspace, contact, row["hubspot_id"], row["app_id"])),
        pairing=pairing(dict(row)),
        membership=membership(contacts.row(0, named=True), situation),
        change=_change(Hypothetical(contacts, memory, situation), answer, code if unreadable else "")
        if prove
        else None,
        certain=certain(workspace, situation, contact),
    )


def _change(given: Hypothetical, answer: Plan, unreadable: str) -> SmallestChange | None:
    """The smallest change, which nobody can tell while a side cannot be read."""
    if unreadable:
        obstacle = answer_to(Stop(unreadable, state="unknown"), given.situation)
        return SmallestChange(obstacles=(obstacle,) if isinstance(obstacle, Obstacle) else (), left=(unreadable,))
    return smallest_change(given, answer, GATES)


def _in_one_sentence(state: str, code: str, answer: Plan, situation: Situation) -> str:
    if state == "in_sync":
        return "In sync: both records are there and all mapped fields agree."
    if state == "pending":
        writes = answer.writes
        parts = []
        for side, app in (("app", situation.schemas["app"].app), ("hubspot", situation.schemas["hubspot"].app)):
            chosen = writes.filter(pl.col("side") == side)
            if chosen.height:
                kind = "is created in" if chosen["kind"][0] == "create" else "is updated in"
                names = chosen["field"].to_list()
                fields = f"{', '.join(names[:4])}{' …' if len(names) > 4 else ''}"
                parts.append(f"{kind} {app} ({fields})")
        when = "what would have to flow: the" if situation.connection.mode == "observed" else "with the next sync the"
        return f"Pending: {when} contact {' and '.join(parts)}."
    word = {"excluded": "Excluded", "failing": "Failing", "conflict": "Conflict", "unknown": "Not examined"}[state]
    evidence = answer.findings.filter((pl.col("code") == code) & pl.col("blocking"))
    if evidence.height:
        first = evidence.row(0, named=True)
        return f"{word}: {sentence(code, first['field'], first['value'], first['rule'], mask=False)}"
    if state == "conflict":
        fields = ", ".join(answer.conflicts["field"].to_list())
        return f"Conflict: both sides hold a different value for {fields}, and the policy does not decide."
    return f"{word}: {cause(code).title}."


_REFUSALS = tuple(entry.code for entry in REFUSALS)


def _gates(answer: Plan, decides: str, *, unreadable: bool) -> tuple[GateResult, ...]:
    """Every gate in order. Of the classes of refusals only those that were met; without any, one line `refused` for all."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in answer.findings.iter_rows(named=True):
        found.setdefault(row["code"], []).append(row)
    results = []
    for entry in CAUSES:
        if entry.gate is None:
            continue
        rows = found.get(entry.code, [])
        evidence = tuple(sentence(entry.code, row["field"], row["value"], row["rule"], mask=False) for row in rows)
        unknown = unreadable or any(row["state"] == "unknown" for row in rows)
        passed = None if unknown else not any(row["blocking"] for row in rows)
        if rows or entry.code not in _REFUSALS:
            results.append(GateResult(entry.code, entry.title, passed, evidence, decides=entry.code == decides))
        elif entry.code == _REFUSALS[-1] and not any(result.code in _REFUSALS for result in results):
            results.append(GateResult("refused", "Refused by the server", passed, ()))
    return tuple(results)


def _states(contacts: pl.DataFrame, situation: Situation) -> Mapping[str, Mapping[str, str]]:
    """By mapping, the states of values that were not read, or of which the side noted something."""
    contact = contacts.row(0, named=True)
    noted = any(contact.get(f"{side}._unreadable") for side in SIDES)
    pairs = mapped_pairs(situation.connection, situation.schemas) if contact["hubspot"] and contact["app"] else ()
    doubtful = tuple(pair for pair in pairs if noted or any(contact.get(pair.column(side)) is None for side in SIDES))
    return {row["mapping"]: row for row in field_states(contacts, doubtful).iter_rows(named=True)}


def _fields(
    contact: Mapping[str, Any],
    states: Mapping[str, Mapping[str, str]],
    memory: Memory,
    answer: Plan,
    situation: Situation,
) -> tuple[FieldView, ...]:
    merged = answer.merged
    left = set(merged.filter(pl.col("outcome").is_in(["settled", "kept"]))["mapping"].to_list())
    bases = {row["field"]: row for row in memory.base.iter_rows(named=True)}
    wanted = {(row["side"], row["field"]): row["value"] for row in answer.wanted.iter_rows(named=True)}
    stopped = answer.writes.is_empty()
    disputed = {row["field"]: contested(contact, row, situation) for row in answer.conflicts.iter_rows(named=True)}
    grounds = {row["mapping"]: row["ground"] for row in merged.iter_rows(named=True)}
    views = []
    for mapping in situation.connection.mappings:
        known = bases.get(mapping.name)
        app, hubspot = wanted.get(("app", mapping.app)), wanted.get(("hubspot", mapping.hubspot))
        arrow = f"-> app: {app}" if app is not None else f"-> hubspot: {hubspot}" if hubspot is not None else ""
        to_write = f"(stopped) {arrow}" if arrow and stopped else arrow
        direction = situation.connection.direction_of(mapping)
        notes = ["conflict"] if mapping.name in disputed else []
        notes += ["differs, left as it is"] if mapping.name in left else []
        notes += [_GROUNDS[grounds[mapping.name]]] if grounds.get(mapping.name) in _GROUNDS else []
        notes += [
            f"{situation.schemas[side].app}: {_STATES[states[mapping.name][f'{side}_state']]}"
            for side in SIDES
            if mapping.name in states and states[mapping.name][f"{side}_state"] in _STATES
        ]
        notes += [] if direction == "two_way" else [f"only {direction.replace('_', ' ')}"]
        views.append(
            FieldView(
                name=mapping.name,
                hubspot_field=mapping.hubspot,
                app_field=mapping.app,
                hubspot_value=_text(contact.get(f"hubspot.{mapping.hubspot}")),
                app_value=_text(contact.get(f"app.{mapping.app}")),
                base_hubspot=known["hubspot_value"] if known else None,
                base_app=known["app_value"] if known else None,
                to_write=to_write,
                note=", ".join(notes),
                contested=disputed.get(mapping.name),
            )
        )
    return tuple(views)


_GROUNDS = {
    "consent": "the stricter consent counts",
    "forward": "the stage further on counts",
    "set": "added and removed values of both sides are merged",
    "decision": "decided by a person",
    "loop": "keeps flipping, suspended",
}
_STATES = {
    "not_fetched": "not fetched, takes no part",
    "not_permitted": "not permitted to see, takes no part",
    "unparseable": "cannot be read, takes no part",
}


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _nothing_to_do(state: str, connection: Connection) -> str:
    if connection.mode == "observed" and state == "pending":
        return "Wait for the other engine. If it stays so over several checks, look at that engine's own log."
    return f"Run: syncdoctor sync {connection.name}" if state == "pending" else "Nothing to do."


def _blockers_after(answer: Plan, decides: str) -> tuple[str, ...]:
    """The codes that would still stop the contact once the deciding cause is gone, in their order."""
    rows = answer.findings.filter(pl.col("blocking") & (pl.col("code") != decides)).sort("rank")
    return tuple(dict.fromkeys(rows["code"].to_list()))


_OF_THE_PAIR = """
WITH held AS (
  SELECT 'hubspot' AS side, ?2 AS id UNION ALL SELECT 'app', ?3
  UNION ALL SELECT side, old_id FROM alias WHERE fate = 'merged'
    AND (side = 'hubspot' AND record_id = ?2 OR side = 'app' AND record_id = ?3)
)
SELECT * FROM journal WHERE contact_id = ?1
  OR id IN (SELECT j.id FROM held JOIN journal j ON j.record_id = held.id AND j.side = held.side)
ORDER BY id DESC LIMIT 20
"""
"""By number and by record, also under ids that were merged into the pair's: pairing may have given the contact another
number since a write."""


def _history(workspace: Workspace, contact: int, hubspot_id: str | None, app_id: str | None) -> list[str]:
    lines = []
    for row in workspace.rows(_OF_THE_PAIR, (contact, hubspot_id, app_id)):
        former = "" if row["record_id"] in (None, hubspot_id, app_id) else f", record {row['record_id']}"
        lines.append((row["planned_at"], f"{row['planned_at']}  {_wrote(row)}{former}"))
    for row in workspace.rows(
        "SELECT v.state, v.cause, r.started_at, r.command FROM verdict v JOIN run r ON r.id = v.since_run WHERE contact_id = ?",
        (contact,),
    ):
        cause_of = f" ({row['cause']})" if row["cause"] else ""
        lines.append((row["started_at"], f"{row['started_at']}  {row['state']}{cause_of} since this {row['command']}"))
    lines += _earlier_verdicts(workspace, contact)
    for row in workspace.rows(
        "SELECT linked_at, linked_by FROM contact WHERE id = ? AND linked_at IS NOT NULL", (contact,)
    ):
        lines.append((row["linked_at"], f"{row['linked_at']}  linked {how(row['linked_by'])}"))
    return [text for _, text in sorted(lines, reverse=True)]


def _earlier_verdicts(workspace: Workspace, contact: int) -> list[tuple[str, str]]:
    """The verdicts before the present one, by the examinations that first gave them; the newest twenty."""
    lines = []
    later = ("", "")
    for row in workspace.rows(
        "SELECT s.state, s.cause, s.closed_run, s.opened_run, e.at FROM verdict_span s JOIN examination e ON e.run_id = s.opened_run "
        "WHERE s.contact_id = ? ORDER BY s.opened_run DESC LIMIT 20",
        (contact,),
    ):
        verdict = (row["state"], row["cause"])
        if row["closed_run"] is not None and verdict != later:
            cause_of = f" ({row['cause']})" if row["cause"] else ""
            lines.append((row["at"], f"{row['at']}  {row['state']}{cause_of}, examined in run {row['opened_run']}"))
        later = verdict
    return lines


def _wrote(row: sqlite3.Row) -> str:
    fields = ", ".join(json.loads(row["sent"]))
    refused = f"refused: {row['message']}"
    words = {"verified": "done", "applied": "done", **dict.fromkeys(("permanent", "quarantined", "retryable"), refused)}
    outcome = words.get(row["state"], f"{row['state'].replace('_', ' ')}, {row['code']}".removesuffix(", "))
    correlation = f" [{row['correlation_id']}]" if row["correlation_id"] else ""
    return f"{row['kind']} in {row['side']} ({fields}): {outcome}{correlation}"
