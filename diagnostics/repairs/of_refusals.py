"""Repairs of what a server refused. Whether it takes the write then, only the server can tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from diagnostics.causes.cause import FixedBy
from diagnostics.causes.refusals import records, values
from diagnostics.repairs import effects, settings
from diagnostics.repairs.consents import holds_consent
from diagnostics.repairs.of_people import address_of
from diagnostics.repairs.repair import Answer, Kind, Obstacle, Repair, Stop
from diagnostics.repairs.wording import called, mapping_of, opposite, side_and_name, where
from engine.gates import Situation
from engine.signature import signature

FIELD, SOURCE, TARGET = "{field}", "{source}", "{target}"


@dataclass(frozen=True)
class _Action:
    """What is done about a class of refusals; the words may name the field, its source and the side."""

    kind: Kind
    words: str
    by: FixedBy
    once: bool = False


_ACTIONS: Mapping[str, _Action] = {
    records.OPT_OUT.code: _Action(
        "other", "opt the person out in {target} by hand; nothing may be sent to them before", "HubSpot admin"
    ),
    records.CONSENT.code: _Action(
        "consent", "the person subscribes again, for instance by {target}'s sign-up form", "contact"
    ),
    records.DUPLICATE_ADDRESS.code: _Action(
        "other", "merge {target}'s record with this address and this contact, or take the address out of it", "HubSpot admin"
    ),
    records.DUPLICATE_VALUE.code: _Action("value", "correct {source}, or take the value out of the other record", "HubSpot admin"),
    records.ADDRESS.code: _Action("value", "correct {source}: {target} does not take the address in it", "HubSpot admin"),
    values.OWNER.code: _Action("value", "give {source} an owner that {target} knows, or create that user", "HubSpot admin"),
    values.NO_PROPERTY.code: _Action("other", "restore {field}, or map another field", "HubSpot admin", once=True),
    values.CONDITIONAL.code: _Action(
        "value", "fill the field that {target} asks for because of another value ({field})", "HubSpot admin"
    ),
    values.REQUIRED.code: _Action("value", "fill {source}", "HubSpot admin"),
    values.OPTION.code: _Action("option", "add the choice that {target} does not know to {field}, or correct the value", "app admin"),
    values.LENGTH.code: _Action("value", "correct {source}: {target} finds it too long or too short", "HubSpot admin"),
    values.RANGE.code: _Action("value", "correct {source}: {target} finds it out of range", "HubSpot admin"),
    values.TYPE.code: _Action("value", "correct {source}: {target} wants another kind of value", "HubSpot admin"),
    values.FORMAT.code: _Action("value", "correct {source}: it breaks a rule of {target}", "HubSpot admin"),
    records.PERMISSION.code: _Action(
        "other", "grant the credentials the permission to write {field}", "HubSpot admin", once=True
    ),
    records.GATEWAY.code: _Action(
        "other", "tell the provider's support that the way to {target} is broken", "us", once=True
    ),
    records.LIMIT.code: _Action(
        "other", "make room in {target}: a larger plan, or fewer records", "app admin", once=True
    ),
    records.REQUEST.code: _Action(
        "other", "hand the report to Syncdoctor's makers: {target} could not use the request", "us", once=True
    ),
    records.GONE.code: _Action("other", "check again with --full, then restore the record or end the link", "HubSpot admin"),
}  # fmt: skip
_OF_CONSENTS: Mapping[Kind, _Action] = {
    "value": _Action("consent", "the person says anew whether they may be written to, in {source}", "contact"),
    "option": _Action("option", "add the choice that {target} does not know to {field}", "app admin"),
}
"""In place of what would have somebody else say it."""
_WAIT = frozenset((records.MANY_SIGNUPS.code, records.BUSY.code))


def refused(stop: Stop, situation: Situation) -> Answer:
    """What can be done about a refusal of a known class."""
    if stop.code == records.ERASED.code:
        return Obstacle("never", "the server keeps an erased person out", "contact", stop.code)
    if stop.code in _WAIT:
        return Obstacle("wait", "wait: it is tried again by itself", "us", stop.code)
    side, name = side_and_name(stop.field)
    action = _ACTIONS[stop.code]
    if side is not None and holds_consent(situation, side, name):
        action = _OF_CONSENTS.get(action.kind, action)
    words = _filled_in(action.words, stop, situation)
    effect = effects.not_refused(stop.field)
    return (
        Repair(
            action.kind, words, action.by, effect, side, name, once=action.once, foreseen=False, code=stop.code,
            detail=stop.rule,
        ),
    )  # fmt: skip


def address_refused(stop: Stop, situation: Situation) -> Answer:
    """Another address, which is written from the other side; where another field is to blame, another value there."""
    side, name = side_and_name(stop.field)
    if side is not None and name != situation.schemas[side].identity_field:
        return refused(stop, situation)
    source = opposite(side) if side else "hubspot"
    return address_of(Stop(stop.code, f"{source}.", stop.value, stop.rule, stop.state), situation)


def read_only(stop: Stop, situation: Situation) -> Answer:
    """The mapping into the field goes."""
    side, name = side_and_name(stop.field)
    mapping = mapping_of(situation, side, name) if side else None
    if mapping is None:
        words, effect = (
            "take the mapping into the read-only field out of the connection",
            effects.not_refused(stop.field),
        )
        return (Repair("mapping", words, "us", effect, side, name, once=True, foreseen=False, code=stop.code),)
    words = (
        f"take the mapping {mapping.hubspot} to {mapping.app} out of the connection, or let it run the other way only"
    )
    effect = settings.without_mappings((mapping.name,))
    return (Repair("mapping", words, "us", effect, side, name, once=True, code=stop.code),)


def unknown(stop: Stop, situation: Situation) -> Answer:
    """Everybody who was refused in the same words waits for the same answer."""
    side, name = side_and_name(stop.field)
    words = f'find out with the provider\'s support what it means: "{signature("", stop.value)}"'
    effect = effects.not_refused(stop.field)
    del situation
    return (
        Repair("other", words, "us", effect, side, name, once=True, foreseen=False, code=stop.code, detail=stop.rule),
    )


def _filled_in(words: str, stop: Stop, situation: Situation) -> str:
    side, name = side_and_name(stop.field)
    if side is None:
        return words.replace(FIELD, "the record").replace(SOURCE, "the refused value").replace(TARGET, "the server")
    mapping, source = mapping_of(situation, side, name), opposite(side)
    field = called(situation, side, name)
    from_where = called(situation, source, situation.connection.field(mapping, source)) if mapping else field
    return words.replace(FIELD, field).replace(SOURCE, from_where).replace(TARGET, where(situation, side))


REFUSED: Mapping[str, Callable[[Stop, Situation], Answer]] = {
    **{code: refused for code in (*_ACTIONS, *_WAIT, records.ERASED.code)},
    records.ADDRESS.code: address_refused,
    values.READ_ONLY.code: read_only,
    records.UNKNOWN.code: unknown,
}
"""By the code of the class."""
