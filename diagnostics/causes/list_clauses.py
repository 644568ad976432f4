"""What the inclusion list's criteria say of contacts, for the causes that show it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

import polars as pl

from diagnostics.causes.columns import column_name, evidence
from diagnostics.criteria.border import criteria_of
from diagnostics.criteria.evaluate import Circumstances, answer, unknown_because
from diagnostics.criteria.form import Clause, Indexed, Part, alternatives, clauses_of, leaves
from diagnostics.criteria.reasons import left_open_because
from diagnostics.criteria.wording import in_words
from engine.gates import Population, Situation
from engine.visible import visible

DYNAMIC = "DYNAMIC"
"""`processingType` of a list that follows its criteria."""
MOST_CLAUSES = 100
KEPT_OUT = pl.Schema({"contact": pl.Int64, "field": pl.String, "value": pl.String, "words": pl.String})
"""A clause that a contact does not meet: the property's column (`hubspot.NAME`, empty for clauses on something else), its
value, and the clause in words."""
NOT_MET = pl.Schema([*KEPT_OUT.items(), ("way", pl.Int64), ("part", pl.Int64), ("known", pl.Boolean)])
"""A clause as in KEPT_OUT with the numbers of the way into the list that asks for it and of its place there; `known` false, without
field and words: nobody knows whether the contact meets it."""
_OVER = MOST_CLAUSES + 1

_read = lru_cache(maxsize=8)(criteria_of)


def live_criteria(situation: Situation) -> Part | None:
    """The criteria that membership follows; None for manual lists, and for snapshots, whose criteria counted once."""
    inclusion = situation.inclusion
    return _read(inclusion.filters) if inclusion and inclusion.processing_type == DYNAMIC else None


def hold_still(situation: Situation) -> bool:
    """Whether the live criteria ask for no moment that moves with the time, as "in the last 30 days" does."""
    tree = live_criteria(situation)
    clauses = [leaf for leaf in leaves(tree) if isinstance(leaf, Clause)] if tree else []
    points = (point for clause in clauses for bound in clause.bounds for point in bound.points)
    return not any(isinstance(point, Indexed) for point in points)


def asked_of(situation: Situation, name: str) -> tuple[str, ...]:
    """The clauses on a property, of criteria of any kind of list, in words and each once."""
    tree = _read(situation.inclusion.filters) if situation.inclusion else None
    clauses = [leaf for leaf in leaves(tree) if isinstance(leaf, Clause) and leaf.property == name] if tree else []
    return tuple(dict.fromkeys(map(in_words, clauses)))


def circumstances(situation: Situation, columns: Collection[str]) -> Circumstances:
    """What the criteria are evaluated against for a frame with these columns."""
    inclusion, members, unread = situation.inclusion, dict[str, pl.Expr](), dict[str, str]()
    if inclusion and "member_since" in columns:
        members[inclusion.id] = pl.col("member_since").is_not_null()
    for one in inclusion.named if inclusion else ():
        if one.unknown_because:
            unread[one.id] = f"{visible(one.name, 100)}: {one.unknown_because}" if one.name else one.unknown_because
        elif "named_lists" in columns:
            members[one.id] = pl.col("named_lists").str.contains(f",{one.id},", literal=True)
    zone = situation.schemas["hubspot"].account.time_zone
    return Circumstances(situation.now, zone, frozenset(columns), members, unread)


def meets(situation: Situation, columns: Collection[str]) -> pl.Expr:
    """Whether a contact meets the live criteria; null if that is not known, or there are none."""
    tree = live_criteria(situation)
    return pl.lit(None, pl.Boolean) if tree is None else answer(tree, circumstances(situation, columns))


def why_unknown(situation: Situation, columns: Collection[str]) -> str:
    """Why the criteria cannot be evaluated for everybody, in words; empty if they can."""
    tree = live_criteria(situation)
    return "" if tree is None else unknown_because(tree, circumstances(situation, columns))


def not_evaluated(situation: Situation) -> str:
    """Why the criteria cannot be evaluated for anybody, whatever is read of them: a filter of a kind that is not evaluated, a list that
    cannot be read, a property that HubSpot does not show. In words; empty if nothing of this is so."""
    shown = [column_name("hubspot", name) for name in situation.schemas["hubspot"].fields]
    return why_unknown(situation, ["member_since", "named_lists", *shown])


def fits(population: Population, situation: Situation) -> pl.Series:
    """What `meets` says of each contact of a population."""

    def answers() -> pl.DataFrame:
        return once_for_alike(population.contacts, {"fits": meets(situation, population.contacts.columns)})

    return population.once("fits", answers)["fits"]


def left_open(population: Population, situation: Situation, who: pl.Series) -> pl.DataFrame:
    """`contact` and `why`: of the contacts for whom `who` is true, those of whom it is not known whether they meet the criteria."""
    tree, contacts = live_criteria(situation), population.contacts
    open_ones = contacts.filter(who & fits(population, situation).is_null())
    if tree is None or open_ones.is_empty():
        return pl.DataFrame(schema={"contact": pl.Int64, "why": pl.String})
    why = left_open_because(tree, circumstances(situation, contacts.columns))
    return pl.concat([open_ones.select("contact"), once_for_alike(open_ones, {"why": why})], how="horizontal")


def kept_out(population: Population, situation: Situation, who: pl.Series) -> pl.DataFrame:
    """Rows of KEPT_OUT: for each contact (of those for whom `who` is true) that does not meet the criteria, the clauses of the
    way into the list that asks for the fewest changes. A contact whose answer is not known has no rows."""
    ways = _ways(situation)
    out = who & ~fits(population, situation)
    if not ways or not out.any():
        return pl.DataFrame(schema=KEPT_OUT)
    judged = _judged(population.contacts, situation, ways, out).with_columns(_nearest(ways).alias("_way"))
    rows = [_unmet(judged.filter(_way=i), i, j, part) for i, way in enumerate(ways) for j, part in enumerate(way)]
    return pl.concat([pl.DataFrame(schema=KEPT_OUT), *rows])


def not_met(contacts: pl.DataFrame, situation: Situation) -> pl.DataFrame:
    """Rows of NOT_MET: for each contact of whom it is not known that it meets the criteria, what every way into the list asks for
    that the contact does not meet, or perhaps not."""
    ways = _ways(situation)
    fitting = once_for_alike(contacts, {"fits": meets(situation, contacts.columns)})["fits"]
    out = ~fitting.fill_null(False)
    if not ways or not out.any():
        return pl.DataFrame(schema=NOT_MET)
    judged = _judged(contacts, situation, ways, out)
    blank = {name: pl.lit("") for name in ("field", "value", "words")}
    rows = [pl.DataFrame(schema=NOT_MET)]
    for i, way in enumerate(ways):
        for j, part in enumerate(way):
            numbered = {"way": pl.lit(i, pl.Int64), "part": pl.lit(j, pl.Int64)}
            rows.append(_unmet(judged, i, j, part).with_columns(**numbered, known=pl.lit(True)))
            open_ones = judged.filter(pl.col(f"_{i}_{j}").is_null()).select(pl.col("contact").cast(pl.Int64))
            rows.append(open_ones.with_columns(**blank, **numbered, known=pl.lit(False)))
    return pl.concat(rows)


def _ways(situation: Situation) -> Sequence[Sequence[Part]]:
    """What each way into the list asks for; empty without live criteria, and where these are too many clauses."""
    tree = live_criteria(situation)
    ways = [clauses_of(way) for way in alternatives(tree)] if tree else []
    return ways if sum(map(len, ways)) <= MOST_CLAUSES else []


def _judged(
    contacts: pl.DataFrame, situation: Situation, ways: Sequence[Sequence[Part]], which: pl.Series
) -> pl.DataFrame:
    """The contacts for whom `which` is true, with the properties that the clauses are on, and as `_WAY_PLACE` each clause's answer."""
    around = circumstances(situation, contacts.columns)
    answers = {f"_{i}_{j}": answer(clause, around) for i, way in enumerate(ways) for j, clause in enumerate(way)}
    named = {_field(clause) for way in ways for clause in way if _field(clause) in contacts.columns}
    looked_at = {name for one in answers.values() for name in one.meta.root_names()}
    chosen = contacts.select("contact", *sorted((named | looked_at) - {"contact"})).filter(which)
    return pl.concat([chosen, once_for_alike(chosen, answers)], how="horizontal")


def _nearest(ways: Sequence[Sequence[Part]]) -> pl.Expr:
    """Which way asks for the fewest changes, one for each property; of several the one of which most is known, then the shortest."""
    costs = []
    for i, way in enumerate(ways):
        met = {j: pl.col(f"_{i}_{j}").fill_null(False) for j in range(len(way))}
        by_field: dict[str, list[pl.Expr]] = {}
        for j, clause in enumerate(way):
            by_field.setdefault(_field(clause), []).append(~met[j])
        changes = pl.sum_horizontal(pl.any_horizontal(some).cast(pl.Int32) for some in by_field.values())
        not_known = pl.sum_horizontal(pl.col(f"_{i}_{j}").is_null().cast(pl.Int32) for j in met)
        unmet = pl.sum_horizontal((~one).cast(pl.Int32) for one in met.values())
        costs.append((changes * _OVER + not_known) * _OVER + unmet)
    return pl.concat_list(costs).list.arg_min()


def _unmet(judged: pl.DataFrame, i: int, j: int, part: Part) -> pl.DataFrame:
    """Rows of KEPT_OUT: the contacts that do not meet the part of a way for certain."""
    field = _field(part)
    if field and field not in judged.columns:
        return pl.DataFrame(schema=KEPT_OUT)
    return judged.filter(~pl.col(f"_{i}_{j}")).select(
        pl.col("contact").cast(pl.Int64),
        pl.lit(field).alias("field"),
        (evidence(pl.col(field)) if field else pl.lit("")).alias("value"),
        pl.lit(in_words(part)).alias("words"),
    )


def once_for_alike(contacts: pl.DataFrame, answers: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """The answers for each row, worked out once for all contacts that are alike in what the answers look at."""
    looked_at = sorted({name for one in answers.values() for name in one.meta.root_names()})
    if not looked_at:
        return contacts.with_columns(**answers).select(*answers)
    alike = contacts.select(looked_at)
    kinds = alike.unique().with_columns(**answers)
    return alike.join(kinds, on=looked_at, how="left", nulls_equal=True, maintain_order="left").select(*answers)


def _field(clause: Part) -> str:
    return column_name("hubspot", clause.property) if isinstance(clause, Clause) else ""
