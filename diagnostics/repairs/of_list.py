"""Repairs of what the inclusion list has to do with: it is gone, empty or being processed, or it does not hold a contact.

What is said is what is tried: the criteria are widened where they keep the contact out, a value is changed so that they are met, or
the contact is added where people do that; the planner then judges with the criteria evaluated again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import polars as pl

from diagnostics.causes.columns import EVIDENCE_CHARACTERS
from diagnostics.causes.inclusion import list_name
from diagnostics.causes.list_clauses import circumstances, live_criteria
from diagnostics.causes.list_outside import ASKS, BEHIND, SYNC, TOO_MANY, by_hand
from diagnostics.criteria.evaluate import answer
from diagnostics.criteria.form import Clause, InList, Part, alternatives, clauses_of, leaves
from diagnostics.criteria.wording import in_words
from diagnostics.repairs import effects
from diagnostics.repairs.consents import agrees, holds_consent
from diagnostics.repairs.repair import VALUE, Answer, Hypothetical, Obstacle, Repair, Stop
from diagnostics.repairs.samples import candidates, taken
from diagnostics.repairs.widening import Widening, options_of
from diagnostics.repairs.wording import OfLastSituation, called, mapping_of, pair_of, side_and_name
from engine.gates import Situation
from engine.schema import Field
from engine.visible import visible

MOST_PARTS = 4
"""Of so many clauses on one property that keep a contact out together, the words are told apart."""
_MEASURED = ("number", "moment")
"""Clauses that ask for a range: one value more is no widening that anybody would make."""


def list_processing(stop: Stop, situation: Situation) -> Answer:
    """HubSpot is at work."""
    words = f"wait until HubSpot has processed the list {list_name(situation)}, then check again"
    return Obstacle("wait", words, "us", stop.code)


def list_gone(stop: Stop, situation: Situation) -> Answer:
    """Another list, or the old one, that holds the contacts."""
    words = f"restore the inclusion list {list_name(situation)} with its members, or choose another one that holds them"
    return (Repair("list", words, "HubSpot admin", effects.in_the_list, once=True, code=stop.code),)


def list_empty(stop: Stop, situation: Situation) -> Answer:
    """Criteria or members."""
    words = f"correct the criteria of the list {list_name(situation)} so that it holds the contacts, or add them"
    return (Repair("list", words, "HubSpot admin", effects.in_the_list, once=True, code=stop.code),)


def list_criteria(stop: Stop, situation: Situation) -> Answer:
    """A contact that the goal names: the criteria are widened, or its values changed."""
    return _let_in(stop, situation, change_first=False)


def list_membership(stop: Stop, situation: Situation) -> Answer:
    """A contact that nobody asked for: its values are changed, or the criteria widened."""
    if stop.state == "unknown":
        words = f"let the credentials read the list {list_name(situation)} and its members"
        return Obstacle("grant", words, "HubSpot admin", stop.code)
    return _let_in(stop, situation, change_first=True)


def _let_in(stop: Stop, situation: Situation, *, change_first: bool) -> Answer:
    name = list_name(situation)
    if by_hand(situation):
        return (_membership(stop, f"add the contact to the list {name}"),)
    asked = _asked(stop, situation)
    if asked is None and BEHIND in stop.rule:
        words = (
            f"wait until HubSpot has taken the contact into the list {name}, whose criteria it meets, and check again; if it "
            "stays outside, look at both in HubSpot"
        )
        return Obstacle("wait", words, "us", stop.code)
    if asked is None:
        told = "was not looked at" if TOO_MANY in stop.rule else "cannot be told here"
        words = f"bring the contact into the list {name}; which of its criteria keeps the contact out {told}"
        return (_membership(stop, words, foreseen=False),)
    said = _said_by_the_person(stop, situation, asked)
    if said is not None:
        return (said,)
    if _may_be_a_refusal(situation, asked):
        words = (
            f"look in HubSpot what the other list stands for: the list {name} asks for {asked.words}. If it keeps people who do not "
            "want to be written to, only they can change it"
        )
        return Obstacle("grant", words, "HubSpot admin", stop.code)
    widened = _widened(stop, situation, asked)
    change = _changed(stop, situation, asked)
    return (*change, widened) if change_first else (widened, *change)


def _membership(stop: Stop, words: str, *, foreseen: bool = True) -> Repair:
    effect = effects.in_the_list if foreseen or TOO_MANY in stop.rule else effects.in_the_list_unless_barred
    return Repair(
        "list", words, "HubSpot admin", effect, "hubspot", foreseen=foreseen, code=stop.code, detail=stop.rule
    )  # fmt: skip


@dataclass(frozen=True)
class _Asked:
    """What keeps a contact out: parts of one way into the list, on one property or on none, and what else this way asks of it."""

    parts: tuple[Part, ...]
    of_property: tuple[Clause, ...]
    words: str


_ASKED: OfLastSituation[_Asked | None] = OfLastSituation()


def _asked(stop: Stop, situation: Situation) -> _Asked | None:
    """The parts of the criteria that the stop's rule names; None if it names none."""
    return _ASKED.get(situation, f"{stop.field} {stop.rule}", lambda: _named_in(stop, situation))


def _named_in(stop: Stop, situation: Situation) -> _Asked | None:
    tree = live_criteria(situation)
    behind_its_name = stop.rule.removeprefix(f"the list {visible(list_name(situation), 100)}")
    words = behind_its_name.partition(ASKS)[2].partition(SYNC)[0]
    _, name = side_and_name(stop.field)
    for way in map(clauses_of, alternatives(tree) if tree and words else ()):
        parts = [part for part in way if (part.property == name if isinstance(part, Clause) else not name)]
        for size in range(1, min(len(parts), MOST_PARTS) + 1):
            for some in combinations(parts, size):
                if " and ".join(map(in_words, some)) == words:
                    return _Asked(some, _of_property(way, name), words)
    return None


def parts_asked(stop: Stop, situation: Situation) -> frozenset[str]:
    """The parts of the criteria that keep the contact out, in words; empty if the stop names none."""
    asked = _asked(stop, situation)
    return frozenset(map(in_words, asked.parts)) if asked else frozenset()


def _said_by_the_person(stop: Stop, situation: Situation, asked: _Asked) -> Repair | None:
    """What a list asks about a consent, only the person can say; None where it asks nothing of that kind."""
    clauses = [leaf for part in asked.parts for leaf in leaves(part) if isinstance(leaf, Clause)]
    name = next((one.property for one in clauses if holds_consent(situation, "hubspot", one.property)), None)
    if name is None:
        return None
    of_it = asked.of_property or [one for one in clauses if one.property == name]
    agreed = effects.agreed_in_hubspot(situation).get(name)
    if agreed is not None and _meets(situation, name, agreed, of_it):
        return agrees(stop, situation)
    words = f"the person says it themselves: the list {list_name(situation)} asks for {asked.words}"
    # Who says what a list asks for that asks for people who do not agree does not sync for it.
    sample = _sample(situation, name, of_it) if agreed is None else None
    effect = effects.nothing if sample is None else effects.filled(None, "hubspot", name, sample)
    return Repair("consent", words, "contact", effect, "hubspot", name, code=stop.code, detail=stop.rule)


def _may_be_a_refusal(situation: Situation, asked: _Asked) -> bool:
    """Whether a list that is asked for may stand for what people agreed to: it is not known to go by other properties alone."""
    named = {one.id: one for one in situation.inclusion.named} if situation.inclusion else {}
    for leaf in (leaf for part in asked.parts for leaf in leaves(part) if isinstance(leaf, InList)):
        one = named.get(leaf.list_id)
        if one is None or not one.follows_criteria or not one.criteria_properties:
            return True
        if any(holds_consent(situation, "hubspot", name) for name in one.criteria_properties):
            return True
    return False


def _widened(stop: Stop, situation: Situation, asked: _Asked) -> Repair:
    """The criteria take this value too, or do not ask for what is asked: nobody widens a list address by address."""
    of_list = f"let the list {list_name(situation)}"
    _, name = side_and_name(stop.field)
    by_value = all(isinstance(part, Clause) and part.kind not in _MEASURED for part in asked.parts)
    by_value = by_value and name != situation.schemas["hubspot"].identity_field
    whole = len(stop.value) < EVIDENCE_CHARACTERS and bool(options_of(stop.value)) == bool(stop.value)
    parts = frozenset(map(in_words, asked.parts))
    if not by_value or not whole:
        words, effect = f"{of_list} no longer ask for {asked.words}", Widening(parts)
        return Repair(
            "list", words, "HubSpot admin", effect, "hubspot", name, once=True, code=stop.code, detail=stop.rule
        )
    takes = f"with {name} {VALUE}" if stop.value else f"without a value in {name}"
    words = f"{of_list} also take contacts {takes} where it asks for {asked.words}"
    field = situation.schemas["hubspot"].fields.get(name)
    known = {"", *(option.value for option in (field.options if field else ()))}
    effect = Widening(parts, name, stop.value)
    return Repair(
        "list", words, "HubSpot admin", effect, "hubspot", name, stop.value, once=True, personal=stop.value not in known,
        code=stop.code, detail=stop.rule,
    )  # fmt: skip


def _changed(stop: Stop, situation: Situation, asked: _Asked) -> tuple[Repair, ...]:
    """Another value of the contact that meets what is asked; none where nobody may write one, or the app takes no such value."""
    _, name = side_and_name(stop.field)
    if not name or not asked.of_property:
        return ()
    carried = _fits_both(situation, name, _sample(situation, name, asked.of_property))
    return _as_clauses_ask(stop, situation, name, asked.of_property) if carried else ()


def as_the_list_asks(stop: Stop, situation: Situation, name: str) -> tuple[Repair, ...]:
    """For each way into the list that asks something of a HubSpot property, a value that meets it and that the mapping carries over."""
    tree = live_criteria(situation)
    ways = [_of_property(way, name) for way in map(clauses_of, alternatives(tree) if tree else ())]
    asked = [clauses for clauses in dict.fromkeys(ways) if clauses]
    return tuple(
        repair
        for clauses in asked
        if _fits_both(situation, name, _sample(situation, name, clauses))
        for repair in _as_clauses_ask(stop, situation, name, clauses)
    )


def every_way_asks(situation: Situation, name: str) -> bool:
    """Whether no way into the list leaves the HubSpot property open."""
    tree = live_criteria(situation)
    return tree is not None and all(_of_property(way, name) for way in map(clauses_of, alternatives(tree)))


def _of_property(way: Sequence[Part], name: str) -> tuple[Clause, ...]:
    return tuple(part for part in way if isinstance(part, Clause) and part.property == name)


def _as_clauses_ask(stop: Stop, situation: Situation, name: str, clauses: Sequence[Clause]) -> tuple[Repair, ...]:
    schema = situation.schemas["hubspot"]
    field = schema.fields.get(name)
    value = _sample(situation, name, clauses)
    if value is None or field is None or field.read_only or name == schema.identity_field:
        return ()
    asked = " and ".join(map(in_words, clauses))
    words = f"let {called(situation, 'hubspot', name)} be what the list {list_name(situation)} asks for: {asked}"
    effect = Fulfilment(name, tuple(clauses), value)
    return (Repair("value", words, "HubSpot admin", effect, "hubspot", name, code=stop.code, detail=stop.rule),)


@dataclass(frozen=True)
class Fulfilment:
    """An effect: the HubSpot record has a value that meets what one way into the list asks of the property."""

    property: str
    clauses: tuple[Clause, ...]
    value: str

    def __call__(self, given: Hypothetical) -> Hypothetical:
        """The contacts with the value."""
        return effects.filled(None, "hubspot", self.property, self.value)(given)

    def needed_by(self, contacts: pl.DataFrame, situation: Situation) -> pl.Expr:
        """Whether a contact's own value does not meet what is asked, for certain."""
        around = circumstances(situation, contacts.columns)
        return pl.any_horizontal(~answer(one, around) for one in self.clauses).fill_null(False)


def _meets(situation: Situation, name: str, value: str, clauses: Sequence[Clause]) -> bool:
    return all(_meeting_all(situation, pl.DataFrame({f"hubspot.{name}": [value]}), clauses))


def _meeting_all(situation: Situation, values: pl.DataFrame, clauses: Sequence[Clause]) -> list[bool]:
    """Whether each value, of a frame's one column, meets all clauses for certain."""
    around = circumstances(situation, values.columns)
    met = values.with_columns(_met=pl.all_horizontal(answer(one, around) for one in clauses))
    return met["_met"].fill_null(False).to_list()


_SAMPLES: OfLastSituation[str | None] = OfLastSituation()


def _sample(situation: Situation, name: str, clauses: Sequence[Clause]) -> str | None:
    """A value of the property that meets the clauses, for the planner's re-run: one that the mapped field takes, if there is one."""
    key = " ".join([name, *map(in_words, clauses)])
    return _SAMPLES.get(situation, key, lambda: _meeting(situation, name, clauses))


def _meeting(situation: Situation, name: str, clauses: Sequence[Clause]) -> str | None:
    field = situation.schemas["hubspot"].fields.get(name)
    tried = list(dict.fromkeys([*_asked_values(clauses), *(candidates(field) if field else ()), ""]))
    met = _meeting_all(situation, pl.DataFrame({f"hubspot.{name}": tried}), clauses)
    fitting = [one for one, fits in zip(tried, met, strict=True) if fits]
    if field is not None:
        fitting = list(taken("hubspot", field, fitting))
    return next(iter([*_carried_over(situation, name, fitting), *fitting]), None)


def _asked_values(clauses: Sequence[Clause]) -> Iterator[str]:
    """The values in the clauses, and of numbers those beside them."""
    for clause in clauses:
        yield from clause.values
        for value in clause.values if clause.kind == "number" else ():
            try:
                yield from (f"{float(value) + step:g}" for step in (1, -1))
            except ValueError:
                continue


def _carried_over(situation: Situation, name: str, values: Sequence[str]) -> list[str]:
    """Those of the property's values of which the app's field takes what the mapping makes of them."""
    mapping = mapping_of(situation, "hubspot", name)
    field: Field | None = situation.schemas["app"].fields.get(mapping.app) if mapping else None
    if mapping is None or field is None or not pair_of(situation, mapping).flows_to("app"):
        return list(values)
    given = pl.DataFrame({"value": values}, schema={"value": pl.String})
    written = given.select(pair_of(situation, mapping).translated(pl.col("value"), "app")).to_series().to_list()
    kept = set(taken("app", field, list(map(str, written))))
    return [value for value, there in zip(values, written, strict=True) if str(there) in kept]


_CARRIED: OfLastSituation[bool] = OfLastSituation()


def _fits_both(situation: Situation, name: str, value: str | None) -> bool:
    """Whether there is a value, and the app's field takes it too."""
    if value is None:
        return False
    return _CARRIED.get(situation, f"{name} {value}", lambda: bool(_carried_over(situation, name, [value])))
