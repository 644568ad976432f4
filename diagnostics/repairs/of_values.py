"""Repairs of values that the target does not take, and of fields that would be empty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from diagnostics.causes import field_format, field_length, field_range
from diagnostics.causes.cause import FixedBy
from diagnostics.causes.columns import EVIDENCE_CHARACTERS
from diagnostics.repairs import effects, settings
from diagnostics.repairs.consents import asked_anew, holds_consent
from diagnostics.repairs.of_list import as_the_list_asks, every_way_asks
from diagnostics.repairs.repair import VALUE, VERB, Answer, Effect, Obstacle, Repair, Stop
from diagnostics.repairs.samples import sample
from diagnostics.repairs.wording import (
    OfLastSituation,
    called,
    filling,
    mapping_of,
    opposite,
    pair_of,
    side_and_name,
)
from engine.gates import Situation
from engine.schema import FieldType, RuleKind, Side

_KINDS: Mapping[str, tuple[RuleKind, ...]] = {
    field_format.CODE: (
        "url", "email", "letters_only", "digits_only", "alphanumeric", "phone_with_country_code", "decimals", "regex",
    ),
    field_length.CODE: ("max_length", "min_length", "max_bytes"),
    field_range.CODE: ("min_number", "max_number"),
}  # fmt: skip
"""The rules that a side's administrator can relax, by the cause that they make."""
_CONCERNS: Mapping[str, str] = {field_format.CODE: "format", field_length.CODE: "length", field_range.CODE: "range"}
_BY_TYPE: Mapping[str, tuple[FieldType, ...]] = {field_format.CODE: ("url", "email")}
"""Types that ask the same of a value by themselves."""
NOT_PERMITTED = "could not be kept: not permitted"
NOT_KEPT = "could not be kept: "


def admin(side: Side) -> FixedBy:
    """Who changes things on a side."""
    return "HubSpot admin" if side == "hubspot" else "app admin"


def wrong_value(stop: Stop, situation: Situation) -> Answer:
    """A value of the wrong type, format, length or range: another value, or a relaxed rule."""
    side, name = side_and_name(stop.field)
    if side is None:
        return ()
    if NOT_PERMITTED in stop.rule:
        return Obstacle("grant", f"let the credentials see {called(situation, side, name)}", admin(side), stop.code)
    if NOT_KEPT in stop.rule:
        return corrected(stop, situation, side, name)
    return (*in_the_source(stop, situation, side, name), *_relaxed(stop, situation, side, name))


@dataclass(frozen=True)
class _Choices:
    """What is the same for all values that are none of a field's choices."""

    several: bool
    known: frozenset[str]
    by: FixedBy
    add: str
    """Empty where a new choice would have the connection say what only a person may say."""
    translate: str
    mapping: str
    choice: str | None
    """One of the choices, to which a value may be translated; None where a translation does not lead back, and for a consent."""
    nobodys: frozenset[str]
    """Words that are no person's: choices of the other side, and those that the mapping translates."""
    corrections: tuple[Repair, ...]


_CHOICES: OfLastSituation[_Choices] = OfLastSituation()


def no_choice(stop: Stop, situation: Situation) -> Answer:
    """A value that is none of the choices: one more choice, a translation, or another value."""
    side, name = side_and_name(stop.field)
    if side is None:
        return ()
    same = _CHOICES.get(situation, stop.field, lambda: _choices(stop, situation, side, name))
    if same.several:
        parts = dict.fromkeys(part.strip() for part in stop.value.split(";"))
        missing = [part for part in parts if part and part not in same.known]
    else:
        missing = [stop.value] if stop.value and stop.value not in same.known else []
    if not missing or not same.add or len(stop.value) >= EVIDENCE_CHARACTERS:
        return same.corrections
    value, personal = ";".join(missing), not same.nobodys.issuperset(missing)
    add = Repair(
        "option", same.add, same.by, settings.more_options(side, name, missing), side, name, value, once=True,
        personal=personal, code=stop.code,
    )  # fmt: skip
    if same.choice is None or len(missing) > 1:
        return (add, *same.corrections)
    effect = settings.translating(same.mapping, {value: same.choice})
    translate = Repair(
        "mapping", same.translate, "us", effect, side, name, value, once=True, personal=personal, code=stop.code
    )
    return (add, translate, *same.corrections)


def _choices(stop: Stop, situation: Situation, side: Side, name: str) -> _Choices:
    field, mapping = situation.schemas[side].fields[name], filling(situation, side, name)
    values = [option.value for option in field.options]
    nobodys: set[str] = set()
    choice, consent = None, holds_consent(situation, side, name)
    if mapping is not None:
        source = situation.schemas[opposite(side)].fields.get(situation.connection.field(mapping, opposite(side)))
        nobodys = {word for option in (source.options if source else ()) for word in (option.value, option.label)}
        nobodys |= {*mapping.options, *mapping.options.values()}
        taken = () if mapping.direction == "to_app" else tuple(mapping.options.values())
        free = (value for value in values if value not in taken)
        choice = next(free, None) if side == "app" and not consent else None
    return _Choices(
        several=field.type == "options",
        known=frozenset(values),
        by=admin(side),
        add="" if consent and mapping is None else f"add the option {VALUE} to {called(situation, side, name)}",
        translate=f"translate {VALUE} to one of the choices in the mapping of {mapping.name if mapping else name}",
        mapping=mapping.name if mapping else "",
        choice=choice,
        nobodys=frozenset(nobodys),
        corrections=in_the_source(stop, situation, side, name),
    )


def left_empty(stop: Stop, situation: Situation) -> Answer:
    """A required field without a value: a value in the source, a value in the target, a default, or an optional field."""
    side, name = side_and_name(stop.field)
    if side is None:
        return ()
    mapping = filling(situation, side, name)
    made_up = _sample(situation, side, name)
    repairs: list[Repair] = []
    consent = holds_consent(situation, side, name)
    if consent or mapping is not None:
        repairs += in_the_source(stop, situation, side, name, verb="fill")
    elif made_up is not None:
        effect = effects.filled(None, side, name, made_up)
        repairs.append(_correction(stop, situation, side, name, effect, "fill"))
    if side == "hubspot" and mapping is None and made_up is not None and not consent:
        words = f"give new HubSpot records a value in {name} (hubspot.on_create)"
        repairs.append(
            Repair("rule", words, "us", settings.on_create(name, made_up), side, name, once=True, code=stop.code)
        )
    words = f"make {called(situation, side, name)} optional"
    repairs.append(
        Repair("rule", words, admin(side), settings.optional(side, name), side, name, once=True, code=stop.code)
    )
    return tuple(repairs)


def in_the_source(
    stop: Stop, situation: Situation, side: Side, name: str, *, verb: str = "correct"
) -> tuple[Repair, ...]:
    """Another value on the other side, from where the field is filled, such as the list asks for if it asks for one (none where this
    side takes no such value: any other takes the contact out of the list); a consent is no value to correct."""
    mapping = filling(situation, side, name)
    given = mapping is None and side == "hubspot" and name in situation.connection.hubspot.on_create
    if holds_consent(situation, side, name):
        return (_not_given(stop, name),) if given else asked_anew(stop, situation, side, name)
    if mapping is not None:
        asked = as_the_list_asks(stop, situation, mapping.hubspot) if side == "app" else ()
        out_of_the_list = side == "app" and not asked and every_way_asks(situation, mapping.hubspot)
        return () if out_of_the_list else asked or taken_over(stop, situation, side, name, verb=verb)
    made_up = _sample(situation, side, name)
    if made_up is None or not given:
        return ()
    words = f"give new HubSpot records another value in {name} (hubspot.on_create)"
    effect = settings.on_create(name, made_up)
    return (Repair("rule", words, "us", effect, side, name, once=True, code=stop.code),)


def taken_over(stop: Stop, situation: Situation, side: Side, name: str, *, verb: str = "correct") -> tuple[Repair, ...]:
    """The other side's value becomes one that this side takes: what it has already, if it has one. Nobody takes over a consent."""
    mapping, made_up = filling(situation, side, name), _sample(situation, side, name)
    if mapping is None or made_up is None or holds_consent(situation, side, name):
        return ()
    pair, source = pair_of(situation, mapping), opposite(side)
    effect = effects.filled(pair, source, pair.field(source), made_up)
    return (_correction(stop, situation, source, pair.field(source), effect, verb),)


def _correction(
    stop: Stop, situation: Situation, side: Side, name: str, effect: Effect, verb: str = "correct"
) -> Repair:
    words = f"{VERB} {called(situation, side, name)}"
    return Repair("value", words, admin(side), effect, side, name, code=stop.code, detail=stop.rule, verb=verb)


def _not_given(stop: Stop, name: str) -> Repair:
    """The connection does not say of new people what only they can say."""
    words = f"give new HubSpot records no value in {name}, which is the person's to say (hubspot.on_create)"
    return Repair("rule", words, "us", settings.not_on_create(name), "hubspot", name, once=True, code=stop.code)


def corrected(stop: Stop, situation: Situation, side: Side, name: str) -> tuple[Repair, ...]:
    """Another value in the field itself, for one that could not be read; a consent is the person's to correct."""
    mapping = mapping_of(situation, side, name)
    pair = pair_of(situation, mapping) if mapping is not None else None
    taker = opposite(side) if pair else side
    there = pair.field(taker) if pair else name
    if holds_consent(situation, side, name):
        return asked_anew(stop, situation, taker, there)
    made_up = _sample(situation, taker, there)
    if made_up is None:
        return ()
    return (_correction(stop, situation, side, name, effects.filled(pair, side, name, made_up)),)


def _sample(situation: Situation, side: Side, name: str) -> str | None:
    field = situation.schemas[side].fields.get(name)
    return sample(side, field) if field is not None else None


def _relaxed(stop: Stop, situation: Situation, side: Side, name: str) -> tuple[Repair, ...]:
    field = situation.schemas[side].fields.get(name)
    kinds = _KINDS.get(stop.code, ())
    if field is None or field.type in _BY_TYPE.get(stop.code, ()) or not any(one.kind in kinds for one in field.rules):
        return ()
    words = f"relax the rules of {called(situation, side, name)} on its {_CONCERNS[stop.code]}"
    effect = settings.without_rules(side, name, kinds)
    return (Repair("rule", words, admin(side), effect, side, name, once=True, code=stop.code),)
