"""How certain a verdict is where another engine writes, whose memory and rules nobody can ask (pure).

`certain`: the evidence on both sides decides alone, under the connection file's rules. `likely`: one thing about the other engine
is assumed that there is a reason for. `possible`: it could as well do something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import polars as pl

from diagnostics.causes import address_swap, address_taken, counterpart_gone, many_to_one

Certainty = Literal["certain", "likely", "possible"]
LEVELS: tuple[Certainty, ...] = ("certain", "likely", "possible")
CERTAINTY = pl.Schema({"contact": pl.Int64(), "certainty": pl.String(), "reason": pl.String()})

REASONS: Mapping[str, tuple[Certainty, str]] = {
    "equal": ("certain", "Both records are there and all mapped fields are equal."),
    "evidence": ("certain", "What both sides show decides it, under the rules of the connection file."),
    "unexamined": ("certain", "It could not be examined, whoever syncs."),
    "left": ("likely", "Both records are there; what differs is left so by the direction in the connection file."),
    "unread": ("likely", "Both records are there and nothing that could be read differs; not every mapped value could be read."),
    "link-made": ("likely", "It depends on the link that Syncdoctor made when it created one of the records; whether the other "
                  "engine has the same one is not known."),
    "link": ("likely", "It depends on the link, which is inferred from the e-mail address."),
    "create": ("likely", "The record is alone. That the other engine creates its counterpart is assumed from the connection file."),
    "create-seen": ("likely", "The record is alone, and the other engine was seen to create contacts in this direction."),
    "one-way": ("likely", "Only one value can flow by the connection file: the field is one-way, or one side is empty."),
    "flow-seen": ("likely", "Both values differ, and the other engine was seen to carry this field in this direction only."),
    "sent-value": ("likely", "The value that breaks the rule is the one that the connection file would send; both values differ."),
    "direction": ("possible", "Both values differ, and which side the other engine takes is not known: the connection file's "
                  "direction and policy are assumed."),
    "other-way": ("possible", "Both values differ, and the other engine was seen to carry this field the other way."),
    "conflict": ("possible", "Both values differ and no rule of the connection file decides; what the other engine does is not known."),
    "link-doubt": ("possible", "Which records the other engine takes for one contact is in doubt."),
}  # fmt: skip
"""The level and the words of each reason."""

_OF_THE_LINK = (counterpart_gone.CODE, many_to_one.CODE, address_swap.CODE, address_taken.CODE)


def certainties(
    contacts: pl.DataFrame, verdicts: pl.DataFrame, differing: pl.DataFrame, ways: Mapping[str, str]
) -> pl.DataFrame:
    """A row of CERTAINTY per contact.

    `contacts`: `contact`, `hubspot` and `app` (whether the record is there), `by` (how it was linked), `doubtful` (an id on one of
    its records does not link), `unread` (a mapped value could not be read). `verdicts`: `contact`, `state`, `cause`, `sent_field` (the mapping whose value the deciding
    finding is about, else empty). `differing`: rows of `engine.merge.DIFFERENCE`. `ways`: the way of each mapping (empty: whole
    contacts) as seen.
    """
    seen = pl.DataFrame(list(ways.items()), schema={"mapping": pl.String, "way": pl.String}, orient="row")
    moving = pl.col("outcome").is_in(["to_app", "to_hubspot", "both", "conflict"])
    contested = (
        moving
        & (pl.col("ground") != "direction")
        & (pl.col("hubspot_canonical") != "")
        & (pl.col("app_canonical") != "")
    )
    known_way = (pl.col("way") == pl.col("outcome")).fill_null(False)
    rows = differing.join(seen, on="mapping", how="left")
    per_contact = rows.group_by("contact").agg(
        moves=moving.any(),
        open=(contested & pl.col("way").is_null()).any(),
        against=(contested & pl.col("way").is_not_null() & ~known_way).any(),
        along=(contested & known_way).any(),
        contested_fields=pl.col("mapping").filter(contested),
    )
    alone = ~(pl.col("hubspot") & pl.col("app"))
    towards = pl.when(pl.col("hubspot")).then(pl.lit("to_app")).otherwise(pl.lit("to_hubspot"))
    created = pl.lit(ways.get("", "")) == towards
    inferred = ~pl.col("by").str.starts_with("id ")
    sent = pl.col("sent_field").is_in("contested_fields").fill_null(False)
    state, cause = pl.col("state"), pl.col("cause")
    reasons: tuple[tuple[pl.Expr, str], ...] = (
        (state == "unknown", "unexamined"),
        ((state == "in_sync") & pl.col("unread"), "unread"),
        ((state == "in_sync") & pl.col("moves").is_null(), "equal"),
        ((state == "in_sync"), "left"),
        ((state == "failing") & cause.is_in(_OF_THE_LINK) & pl.col("doubtful"), "link-doubt"),
        ((state == "failing") & cause.is_in(_OF_THE_LINK) & (pl.col("by") == "created"), "link-made"),
        ((state == "failing") & cause.is_in(_OF_THE_LINK) & inferred, "link"),
        ((state == "failing") & sent, "sent-value"),
        (state.is_in(["excluded", "failing"]), "evidence"),
        (pl.col("doubtful") | (pl.col("by") == "additional e-mail"), "link-doubt"),
        (state == "conflict", "conflict"),
        (alone & created, "create-seen"),
        (alone, "create"),
        (pl.col("open").fill_null(False), "direction"),
        (pl.col("against").fill_null(False), "other-way"),
        (pl.col("along").fill_null(False), "flow-seen"),
    )
    named = pl.coalesce(*(pl.when(holds).then(pl.lit(name)) for holds, name in reasons), pl.lit("one-way"))
    levels = {name: level for name, (level, _) in REASONS.items()}
    return (
        contacts.join(verdicts, on="contact")
        .join(per_contact, on="contact", how="left")
        .with_columns(reason=named)
        .with_columns(certainty=pl.col("reason").replace_strict(levels, return_dtype=pl.String))
        .select(CERTAINTY.names())
    )
