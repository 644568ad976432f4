"""The gates of the classes of refusals: what a server refused so, while nothing has changed that could make it take it."""

from __future__ import annotations

from collections.abc import Callable

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
        if population.memory.refused.is_empty():
            return nothing()
        held_back = population.once("refused", lambda: _classified(held(population, situation), class_of))
        rows = held_back.filter(pl.col("class") == code)
        return nothing() if rows.is_empty() else _findings(rows, situation, state)

    return still_the_same


def _classified(rows: pl.DataFrame, class_of: ClassOf) -> pl.DataFrame:
    """Rows of `engine.quarantine.HELD` and `class`."""
    said = rows.select(pl.col("code", "field", "message").fill_null("")).unique()
    classes = pl.Series("class", [class_of(*texts) for texts in said.iter_rows()], pl.String)
    return rows.with_columns(pl.col("code", "field", "message").fill_null("")).join(
        said.with_columns(classes), on=["code", "field", "message"], how="left", maintain_order="left"
    )


def _findings(rows: pl.DataFrame, situation: Situation, state: State) -> pl.DataFrame:
    hubspot, app = situation.schemas["hubspot"].app, situation.schemas["app"].app
    server = pl.when(pl.col("side") == "hubspot").then(pl.lit(hubspot)).otherwise(pl.lit(app))
    field, words = pl.col("field"), pl.col("code")
    correlation, wakes = pl.col("correlation_id").fill_null(""), pl.col("wake_at").fill_null("")
    return pl.concat(
        found(
            part,
            # Who is kept out by a rule is excluded as a whole; where only a field is held back, the others flow.
            state="failing" if only_field else state,
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
