"""Repairs of values that the target does not take, and of fields that would be empty."""

from __future__ import annotations

from collections.abc import Mapping

from diagnostics.causes import field_format, field_length, field_range
from diagnostics.causes.cause import FixedBy
from diagnostics.causes.columns import EVIDENCE_CHARACTERS
from diagnostics.repairs import effects
from diagnostics.repairs.repair import VALUE, Answer, Obstacle, Repair, Stop
from diagnostics.repairs.samples import sample
from diagnostics.repairs.wording import called, mapping_of, opposite, pair_of, side_and_name, where
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


def no_choice(stop: Stop, situation: Situation) -> Answer:
    """A value that is none of the choices: one more choice, a translation, or another value."""
    side, name = side_and_name(stop.field)
    if side is None:
        return ()
    field = situation.schemas[side].fields[name]
    parts = [part.strip() for part in stop.value.split(";")] if field.type == "options" else [stop.value]
    known = {option.value for option in field.options}
    missing = [part for part in dict.fromkeys(parts) if part and part not in known]
    repairs: list[Repair] = []
    if missing and len(stop.value) < EVIDENCE_CHARACTERS:
        plural = "option" if len(missing) == 1 else "options"
        repairs.append(
            Repair(
                "option", f"add the {plural} {VALUE} to {called(situation, side, name)}", admin(side),
                effects.more_options(side, name, missing), side, name, ";".join(missing), once=True,
                personal=_personal(situation, side, name, missing), code=stop.code,
            )
        )  # fmt: skip
        repairs += _translated(stop, situation, side, name, missing)
    return (*repairs, *in_the_source(stop, situation, side, name))


def _personal(situation: Situation, side: Side, name: str, values: list[str]) -> bool:
    """A word is nobody's if the other side declares it as a choice, or the mapping translates to it."""
    mapping = mapping_of(situation, side, name)
    if mapping is None:
        return True
    source = situation.schemas[opposite(side)].fields.get(situation.connection.field(mapping, opposite(side)))
    declared = {word for option in (source.options if source else ()) for word in (option.value, option.label)}
    return not set(values) <= declared | set(mapping.options) | set(mapping.options.values())


def _translated(stop: Stop, situation: Situation, side: Side, name: str, missing: list[str]) -> list[Repair]:
    """The same value written as one of the choices; only where the value as it is in the source is known."""
    mapping, choices = mapping_of(situation, side, name), situation.schemas[side].fields[name].options
    if mapping is None or side == "hubspot" or len(missing) != 1 or missing[0] in mapping.options.values():
        return []
    free = [one.value for one in choices if one.value not in mapping.options.values()]
    choice = next(iter(free if mapping.direction != "to_app" else [one.value for one in choices]), None)
    if choice is None:
        return []
    words = f"translate {VALUE} to one of the choices in the mapping of {mapping.hubspot}"
    return [
        Repair(
            "mapping", words, "us", effects.translating(mapping.name, {missing[0]: choice}), "app", name, missing[0],
            once=True, personal=_personal(situation, side, name, missing), code=stop.code,
        )
    ]  # fmt: skip


def left_empty(stop: Stop, situation: Situation) -> Answer:
    """A required field without a value: a value in the source, a value in the target, a default, or an optional field."""
    side, name = side_and_name(stop.field)
    if side is None:
        return ()
    mapping = mapping_of(situation, side, name)
    made_up = sample(situation, side, name)
    repairs: list[Repair] = []
    if mapping is not None:
        repairs += in_the_source(stop, situation, side, name, verb="fill")
    elif made_up is not None:
        words = f"fill {called(situation, side, name)}"
        effect = effects.filled(None, side, name, made_up)
        repairs.append(Repair("value", words, admin(side), effect, side, name, code=stop.code, detail=stop.rule))
    if side == "hubspot" and made_up is not None:
        words = f"give new HubSpot records a value in {name} (hubspot.on_create)"
        repairs.append(
            Repair("rule", words, "us", effects.on_create(name, made_up), side, name, once=True, code=stop.code)
        )
    words = f"make {called(situation, side, name)} optional"
    repairs.append(
        Repair("rule", words, admin(side), effects.optional(side, name), side, name, once=True, code=stop.code)
    )
    return tuple(repairs)


def in_the_source(
    stop: Stop, situation: Situation, side: Side, name: str, *, verb: str = "correct"
) -> tuple[Repair, ...]:
    """Another value on the other side, from where the field is filled; a consent is no value to correct."""
    mapping = mapping_of(situation, side, name)
    made_up = sample(situation, side, name)
    if made_up is None:
        return ()
    if mapping is None:
        given = side == "hubspot" and name in situation.connection.hubspot.on_create
        words = f"give new HubSpot records another value in {name} (hubspot.on_create)"
        effect = effects.on_create(name, made_up)
        return (Repair("rule", words, "us", effect, side, name, once=True, code=stop.code),) if given else ()
    pair, source = pair_of(situation, mapping), opposite(side)
    if pair.merge == "consent":
        return ()
    field = pair.field(source)
    words = f"{verb} {called(situation, source, field)}"
    effect = effects.filled(pair, source, field, made_up)
    return (Repair("value", words, admin(source), effect, source, field, code=stop.code, detail=stop.rule),)


def corrected(stop: Stop, situation: Situation, side: Side, name: str) -> tuple[Repair, ...]:
    """Another value in the field itself, for one that could not be read."""
    mapping = mapping_of(situation, side, name)
    pair = pair_of(situation, mapping) if mapping is not None else None
    made_up = sample(situation, opposite(side) if pair else side, pair.field(opposite(side)) if pair else name)
    if made_up is None or (pair is not None and pair.merge == "consent"):
        return ()
    words = f"correct {called(situation, side, name)}"
    effect = effects.filled(pair, side, name, made_up)
    return (Repair("value", words, admin(side), effect, side, name, code=stop.code, detail=stop.rule),)


def _relaxed(stop: Stop, situation: Situation, side: Side, name: str) -> tuple[Repair, ...]:
    field = situation.schemas[side].fields.get(name)
    kinds = _KINDS.get(stop.code, ())
    if field is None or field.type in _BY_TYPE.get(stop.code, ()) or not any(one.kind in kinds for one in field.rules):
        return ()
    words = (
        f"relax the rule of {called(situation, side, name)}: {where(situation, side)}{_asked(stop, situation, side)}"
    )
    effect = effects.without_rules(side, name, kinds)
    return (Repair("rule", words, admin(side), effect, side, name, once=True, code=stop.code),)


def _asked(stop: Stop, situation: Situation, side: Side) -> str:
    return stop.rule.removeprefix(situation.schemas[side].app)
