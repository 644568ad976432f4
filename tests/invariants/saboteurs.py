"""Engines that are broken on purpose, each in one place, and the invariant that is meant to catch it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch
from weakref import WeakKeyDictionary

import polars as pl

from engine.answers import Answer
from engine.apply import Applied
from engine.connectors import Write
from engine.gates import Gate
from tests.invariants.adapter import CONSENT_GATES, FEW_GATES
from tests.invariants.seams import SEAMS

Fake = Callable[[Any], Any]


@dataclass(frozen=True)
class Saboteur:
    """`caught_by`: the invariants meant for it. `fakes`: what stands in each seam, made from the real thing. `first`: the
    seed to begin with; it needs luck to be seen."""

    name: str
    caught_by: tuple[str, ...]
    fakes: dict[str, Fake]
    gates: Sequence[Gate] | None = None
    first: int = 0

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """The engine with this saboteur in it."""
        patches = []
        try:
            for seam, fake in self.fakes.items():
                holder, name = SEAMS[seam]
                patches.append(patch.object(holder, name, fake(getattr(holder, name))))
                patches[-1].start()
            yield
        finally:
            for started in reversed(patches):
                started.stop()


def _does_nothing(real: Any) -> Any:
    async def apply(*_: object) -> Applied:
        return Applied()

    return apply


def _deletes(real: Any) -> Any:
    async def apply(run: Any, situation: Any, sides: Any, operations: Any, *rest: Any) -> Applied:
        applied: Applied = await real(run, situation, sides, operations, *rest)
        ids = [
            row["hubspot_id"]
            for row in run.workspace.rows("SELECT hubspot_id FROM contact WHERE hubspot_id IS NOT NULL")
        ]
        path = "/crm/v3/objects/contacts/batch/archive"
        body = {"inputs": [{"id": one} for one in ids]}
        await sides.hubspot._client.request("POST", path, template=path, intent="write", json=body)
        return applied

    return apply


def _hubspot_always_wins(real: Any) -> Any:
    def differences(*given: Any) -> pl.DataFrame:
        found: pl.DataFrame = real(*given)
        return found.with_columns(outcome=pl.lit("to_app"))

    return differences


def _echo_by_author(real: Any) -> Any:
    def differences(contacts: pl.DataFrame, *given: Any) -> pl.DataFrame:
        found: pl.DataFrame = real(contacts, *given)
        ours = contacts.select(
            "contact",
            to_app=(pl.col("hubspot_updated_at") == pl.col("hubspot_written_at")).fill_null(False),
            to_hubspot=(pl.col("app_updated_at") == pl.col("app_written_at")).fill_null(False),
        )
        told = found.join(ours, on="contact", how="left", maintain_order="left")
        echo = ((pl.col("outcome") == "to_app") & pl.col("to_app")) | (
            (pl.col("outcome") == "to_hubspot") & pl.col("to_hubspot")
        )
        return told.with_columns(outcome=pl.when(echo).then(pl.lit("settled")).otherwise("outcome")).select(
            found.columns
        )

    return differences


def _email_is_the_key(real: Any) -> Any:
    def pair_contacts(workspace: Any, *given: Any, **named: Any) -> int:
        with workspace.transaction() as sql:
            sql.execute(
                "UPDATE contact SET linked_at = NULL, app_id = NULL WHERE id IN (SELECT c.id FROM contact c "
                "JOIN hubspot_contact h ON h._id = c.hubspot_id JOIN app_contact a ON a._id = c.app_id "
                "WHERE c.linked_at IS NOT NULL AND h._email_key <> a._email_key)"
            )
        return int(real(workspace, *given, **named))

    return pair_contacts


def _strictly_later(real: Any) -> Any:
    newest: WeakKeyDictionary[Any, str] = WeakKeyDictionary()

    async def changes(self: Any, fields: Sequence[str], since: Any, until: Any) -> Any:
        time = self._client._http._transport._desk.time
        before = newest.get(time, "")
        async for page in real(self, fields, since, until):
            later = [record for record in page if record.updated_at > before]
            newest[time] = max([newest.get(time, ""), *(record.updated_at for record in later)])
            yield later

    return changes


def _sends_again(real: Any) -> Any:
    async def looked_up(situation: Any, connector: Any, operations: Any, outcomes: Any) -> list[Any]:
        settled = []
        for op, outcome in zip(operations, outcomes, strict=True):
            if outcome.state == "in_doubt":
                write = Write(op.entry, op.kind, op.record_id, op.values)
                (again,) = await connector.write([write], list(op.values))
                settled.append(again)
            else:
                settled.append(outcome)
        return list(await real(situation, connector, operations, settled))

    return looked_up


def _answers_at_once(real: Any) -> Any:
    def told_to_wait(self: Any, received: Any, attempt: int, where: str) -> Any:
        if received.status == 429 and "batch/" in where and "read" not in where:
            return Answer(429, received.body, received.headers)
        return real(self, received, attempt, where)

    return told_to_wait


def _empties_unmapped(real: Any) -> Any:
    async def write(self: Any, writes: Sequence[Write], fields: Sequence[str]) -> Any:
        empty = {name: "" for name in ("city", "country", "loyalty_points") if name not in fields}
        more = [replace(one, values={**empty, **one.values}) if one.kind == "update" else one for one in writes]
        return await real(self, more, fields)

    return write


SABOTEURS = (
    Saboteur("does nothing", ("I1",), {"writing": _does_nothing}),
    Saboteur("deletes everything", ("I9",), {"writing": _deletes}),
    Saboteur("HubSpot always wins", ("I3",), {"merge": _hubspot_always_wins}),
    Saboteur("echo suppressed by author", ("I1",), {"merge": _echo_by_author}, first=16),
    Saboteur("e-mail as key", ("I7",), {"pairing": _email_is_the_key}, first=17),
    Saboteur("strictly later than the cursor", ("I1",), {"changes of HubSpot": _strictly_later, "changes of Mailchimp": _strictly_later}, first=20),
    Saboteur("sends again what is in doubt", ("I7",), {"looking up": _sends_again}),
    Saboteur(
        "bisects on 429", ("I8",),
        {
            "waiting": _answers_at_once,
            "HubSpot's data errors": lambda real: (*real, 429),
            "Mailchimp's data errors": lambda real: (*real, 429),
        },
        first=6,
    ),
    Saboteur("loosens consent", ("I12",), {}, tuple(gate for gate in FEW_GATES if gate.code not in CONSENT_GATES), first=3),
    Saboteur("has no brakes", ("I11",), {"brake": lambda real: lambda *_: None}, first=3),
    Saboteur("empties fields that are not mapped", ("I10",), {"writing HubSpot": _empties_unmapped}),
)  # fmt: skip
