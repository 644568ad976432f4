"""The gate of a class of refusals: a write that the server refused so, while nothing has changed that could make it take it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import polars as pl

from diagnostics.causes.cause import Test
from diagnostics.causes.columns import evidence
from engine.gates import Population, Situation, State, found, nothing
from engine.quarantine import held

ClassOf = Callable[[str, str, str], str]
"""The class of a refusal by its code, field and message."""


def test_of(code: str, state: State, class_of: ClassOf) -> Test:
    """The test of the class `code`."""

    def still_the_same(population: Population, situation: Situation) -> pl.DataFrame:
        refused = population.memory.refused
        if refused.is_empty():
            return nothing()
        mine = _of_class(refused, code, class_of)
        if mine.is_empty():
            return nothing()
        # What a contact was refused in other classes stays in sight: a whole record was sent without its refused fields.
        concerned = refused.join(mine.select("contact").unique(), on="contact", how="semi")
        rows = held(_remembering(population, concerned), situation)
        return _findings(_of_class(rows, code, class_of), situation, state)

    return still_the_same


def _of_class(rows: pl.DataFrame, code: str, class_of: ClassOf) -> pl.DataFrame:
    kinds = rows.select("code", "field", "message").unique()
    chosen = [row for row in kinds.iter_rows() if class_of(*(text or "" for text in row)) == code]
    return rows.join(
        pl.DataFrame(chosen, schema=kinds.schema, orient="row"), on=kinds.columns, how="semi", nulls_equal=True
    )


def _remembering(population: Population, refused: pl.DataFrame) -> Population:
    return replace(population, memory=replace(population.memory, refused=refused))


def _findings(rows: pl.DataFrame, situation: Situation, state: State) -> pl.DataFrame:
    hubspot, app = situation.schemas["hubspot"].app, situation.schemas["app"].app
    server = pl.when(pl.col("side") == "hubspot").then(pl.lit(hubspot)).otherwise(pl.lit(app))
    field, words = pl.col("field").fill_null(""), pl.col("code").fill_null("")
    correlation, wakes = pl.col("correlation_id").fill_null(""), pl.col("wake_at").fill_null("")
    return pl.concat(
        found(
            part,
            state=state,
            only_field=only_field,
            field=pl.when(field != "").then(pl.concat_str(pl.col("side"), pl.lit("."), field)).otherwise(pl.lit("")),
            value=evidence(pl.col("message")),
            rule=pl.concat_str(
                server,
                pl.when(field != "").then(pl.lit(" refused this value")).otherwise(pl.lit(" refused these values")),
                pl.when(words != "").then(pl.concat_str(pl.lit(" with "), words)).otherwise(pl.lit("")),
                pl.when(correlation != "")
                .then(pl.concat_str(pl.lit(" (correlation id "), correlation, pl.lit(")")))
                .otherwise(pl.lit("")),
                pl.when(wakes != "")
                .then(
                    pl.concat_str(
                        pl.lit("; tried again from "), wakes.str.slice(0, 16).str.replace("T", " "), pl.lit(" UTC")
                    )
                )
                .otherwise(pl.lit("")),
            ),
        )
        for only_field, part in ((False, rows.filter("whole")), (True, rows.filter(~pl.col("whole"))))
    )
