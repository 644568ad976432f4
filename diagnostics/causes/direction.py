"""A contact that is only on the side from which the connection does not send."""

from __future__ import annotations

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.cause import Cause
from engine.gates import Population, Situation, found, nothing
from engine.schema import Side

CODE = "direction"


def _only_where_nothing_is_sent(population: Population, situation: Situation) -> pl.DataFrame:
    direction = situation.connection.sync.direction
    if direction == "two_way":
        return nothing()
    target: Side = "app" if direction == "to_app" else "hubspot"
    source: Side = "hubspot" if target == "app" else "app"
    name, other = situation.schemas[target].app, situation.schemas[source].app
    alone = pl.col(target) & ~pl.col(source) & ~pl.col("linked")
    rule = f"the contact is only in {name}, and the connection sends from {other} to {name} only"
    return found(population.contacts, where=alone, state="excluded", rule=rule)


CAUSE = Cause(
    code=CODE,
    title="Only on the receiving side",
    explanation="The connection runs one way, and this contact exists only on the side that receives.",
    remedy="Set the connection's direction to two_way if such contacts should sync too; otherwise nothing is to do.",
    fixed_by="us",
    says=document.ONE_WAY,
    question="sync",
    test=_only_where_nothing_is_sent,
)
