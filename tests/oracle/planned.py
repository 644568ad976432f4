"""The same two replicas kept by the planner: its writes are applied, and what both sides agree on becomes the base."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import polars as pl

from engine.connection import Connection
from engine.gates import Situation
from engine.memory import BASE, nothing_known
from engine.merge import agreed_values, mapped_pairs
from engine.plan import plan
from engine.schema import SIDES, Account, Field, Side, SideSchema
from tests.oracle.histories import FIELDS, Edit, Replica

THEN = "2026-01-01T00:00:00Z"


def named(side: Side, field: str) -> str:
    """A field's name on a side."""
    return field if side == "hubspot" else field.upper()


class PlannedReplicas:
    """Two sides in memory, their links and their base."""

    def __init__(self, *, conflicts: str = "ask", direction: str = "two_way") -> None:
        connection = Connection.model_validate(
            {
                "name": "oracle",
                "format": 1,
                "app": {"name": "mailchimp", "audience": "x"},
                "sync": {"conflicts": conflicts, "direction": direction},
                "mappings": [{"hubspot": field, "app": field.upper()} for field in ("email", *FIELDS)],
            }
        )
        self._replicas: dict[Side, Replica] = {side: {} for side in SIDES}
        self._situation = Situation(
            connection, {side: _schema(side) for side in SIDES}, None, datetime(2026, 1, 1, tzinfo=UTC)
        )
        self._pairs = mapped_pairs(connection, self._situation.schemas)
        self._numbers: dict[str, int] = {}
        self._linked: set[str] = set()
        self._base = pl.DataFrame(schema=BASE)

    def edit(self, edits: Iterable[Edit]) -> None:
        """Applies edits."""
        for edit in edits:
            self._numbers.setdefault(edit.record, len(self._numbers) + 1)
            fields = self._replicas[edit.side].setdefault(edit.record, dict.fromkeys(FIELDS, ""))
            fields[edit.field] = edit.value

    def synchronise(self) -> None:
        """Plans, writes, and keeps the agreement, as a cycle of the engine does."""
        answer = plan(self._contacts(), nothing_known(self._base), self._situation, ())
        records = {number: record for record, number in self._numbers.items()}
        for write in answer.writes.iter_rows(named=True):
            side: Side = write["side"]
            fields = self._replicas[side].setdefault(records[write["contact"]], dict.fromkeys(FIELDS, ""))
            if write["field"].lower() in FIELDS:
                fields[write["field"].lower()] = write["value"]
        self._linked = {record for record in self._numbers if all(record in self._replicas[side] for side in SIDES)}
        values = agreed_values(self._contacts(), self._pairs)
        agreed = values.filter(pl.col("hubspot_value") == pl.col("app_value")).select(BASE.names())
        self._base = pl.concat([self._base.join(agreed, on=["contact", "field"], how="anti"), agreed])

    def replica(self, side: Side) -> Replica:
        """What a side holds."""
        return self._replicas[side]

    def _contacts(self) -> pl.DataFrame:
        return pl.DataFrame(
            [self._row(record, number) for record, number in self._numbers.items()],
            infer_schema_length=None,
            schema_overrides={
                **{f"{side}.{named(side, field)}": pl.String for side in SIDES for field in ("email", *FIELDS)},
                **{f"{side}_written_at": pl.String for side in SIDES},
            },
        )

    def _row(self, record: str, number: int) -> dict[str, object]:
        row: dict[str, object] = {"contact": number, "linked": record in self._linked}
        for side in SIDES:
            fields = self._replicas[side].get(record)
            values = {"email": f"{record}@example.com", **fields} if fields is not None else {}
            row |= {
                side: fields is not None,
                f"{side}_id": record if fields is not None else None,
                f"{side}_twins": int(fields is not None),
                f"{side}_updated_at": THEN,
                f"{side}_written_at": None,
                **{f"{side}.{named(side, field)}": values.get(field) for field in ("email", *FIELDS)},
            }
        return row


def _schema(side: Side) -> SideSchema:
    names = [named(side, field) for field in ("email", *FIELDS)]
    service = "hubspot" if side == "hubspot" else "mailchimp"
    return SideSchema(side, service, Account("1", "a"), {name: Field(name, name, "text") for name in names}, names[0])
