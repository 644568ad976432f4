"""Repairs of what stops a whole contact: its address, its consent, its links, the connection's own rules."""

from __future__ import annotations

from dataclasses import replace

from diagnostics.causes.plan_tier import custom_mappings
from diagnostics.repairs import effects, settings
from diagnostics.repairs.consents import agrees, holds_consent
from diagnostics.repairs.of_values import admin, taken_over
from diagnostics.repairs.repair import WHO, Answer, Obstacle, Repair, Stop
from diagnostics.repairs.wording import called, mapping_of, opposite, owner, side_and_name, where
from engine.gates import Situation
from engine.schema import Side

SUCCESSOR = " there has its address now"
"""How `counterpart-gone` ends where a record that was created anew takes the place of the one that is gone."""
MERGED = "and those on the other side were not)"
"""How `many-to-one` ends where records were merged on one side."""


def erased(stop: Stop, situation: Situation) -> Answer:
    """Only the person can come back, by their own wish."""
    del situation
    return Obstacle("never", "the person is on the list of erased people and stays away", "us", stop.code)


def in_doubt(stop: Stop, situation: Situation) -> Answer:
    """The next sync looks it up."""
    words = (
        "look at the record on both sides: a sync of before the connection was observed left a write in doubt"
        if situation.connection.mode == "observed"
        else f"run syncdoctor sync {situation.connection.name}: it looks up the write that is in doubt"
    )
    return Obstacle("wait", words, "us", stop.code)


def direction(stop: Stop, situation: Situation) -> Answer:
    """The other way has to be opened."""
    del situation
    words = "let the connection run two ways (sync.direction)"
    return (Repair("rule", words, "us", settings.two_way, once=True, code=stop.code),)


def several_for_one(stop: Stop, situation: Situation) -> Answer:
    """Records that would be one contact are merged; or each has its own address, where no merge has made them one."""
    return (_merged(stop),) if stop.rule.endswith(MERGED) else (_merged(stop), *address_of(stop, situation))


def shared_address(stop: Stop, situation: Situation) -> Answer:
    """Records that share an address are merged, or each has its own."""
    return (_merged(stop), *address_of(stop, situation))


def _merged(stop: Stop) -> Repair:
    words = "merge the records that are one person, or delete the superfluous ones"
    return Repair("other", words, "HubSpot admin", effects.one_record, code=stop.code, detail=stop.rule)


def counterpart_gone(stop: Stop, situation: Situation) -> Answer:
    """The link is ended; what becomes of it then is only foreseen where nothing takes the gone record's place."""
    name = situation.connection.name
    words = f"restore the record, or end the link: syncdoctor unlink {name} WHO"
    foreseen = not stop.rule.endswith(SUCCESSOR) and " and " not in stop.value
    return (
        Repair("other", words, "HubSpot admin", effects.unlinked, foreseen=foreseen, code=stop.code, detail=stop.rule),
    )


def plan_tier(stop: Stop, situation: Situation) -> Answer:
    """Without the custom mappings, or with a paid plan."""
    names = custom_mappings(situation)
    words = f"take the mappings of custom properties out of the connection: {', '.join(names)}"
    return (
        Repair("mapping", words, "us", settings.without_mappings(names), once=True, code=stop.code),
        Repair(
            "rule",
            "move the HubSpot account to a paid plan",
            "HubSpot admin",
            settings.paid_plan,
            once=True,
            code=stop.code,
        ),
    )


def address_of(stop: Stop, situation: Situation) -> tuple[Repair, ...]:
    """A valid address that belongs to nobody else, on the side whose address decides."""
    side, _ = side_and_name(stop.field)
    side = side or "hubspot"
    words = f"give the contact a valid e-mail address of its own in {where(situation, side)}"
    field = situation.schemas[side].identity_field
    return (
        Repair("value", words, admin(side), effects.own_address(situation, side), side, field, code=stop.code, detail=stop.rule),
    )  # fmt: skip


def unwanted(stop: Stop, situation: Situation) -> Answer:
    """Another address, or a connection that only reports such ones; where it could not be read, nobody knows."""
    if stop.state == "unknown":
        return Obstacle("grant", f"let the credentials read the property: {stop.rule}", "HubSpot admin", stop.code)
    address = address_of(stop, situation)
    words = f"only report {stop.code} instead of excluding for it (unwanted.exclude)"
    only_told = Repair("rule", words, "us", settings.not_excluding(stop.code), once=True, code=stop.code)
    return (*address, only_told)


def opt_in(stop: Stop, situation: Situation) -> Answer:
    """The person agrees; where it could not be read, nobody knows whether they have."""
    if stop.state == "unknown":
        return Obstacle("grant", f"let the credentials read the consent: {stop.rule}", "HubSpot admin", stop.code)
    return (agrees(stop, situation),)


def member_status(stop: Stop, situation: Situation) -> Answer:
    """The person subscribes; the status is never set by hand."""
    app = where(situation, "app")
    if stop.state == "unknown":
        return Obstacle("grant", f"let the credentials read the status in {app}", "app admin", stop.code)
    words = f"the person subscribes in {app} again, for instance by its sign-up form"
    return (Repair("consent", words, "contact", effects.subscribes_in_app, "app", code=stop.code, detail=stop.rule),)


def address_held(stop: Stop, situation: Situation) -> Answer:
    """The other record gives the address up, or the contact gets another one on the side that it comes from."""
    side, _ = side_and_name(stop.field)
    words = f"give {owner(situation, side or 'hubspot')} other record with this address its own one, or merge the two"
    up = Repair("other", words, admin(side or "hubspot"), effects.free_address, side, code=stop.code, detail=stop.rule)
    return (up, *address_of(replace(stop, field=f"{opposite(side or 'hubspot')}."), situation))


def field_loop(stop: Stop, situation: Situation) -> Answer:
    """Whatever rewrites the field is stopped."""
    side, name = side_and_name(stop.field)
    words = f"stop the workflow or automation that keeps rewriting {called(situation, side or 'hubspot', name)}"
    effect = effects.left_in_peace(stop.field)
    return (Repair("other", words, "us", effect, side, name, once=True, code=stop.code, detail=stop.rule),)


def conflict(stop: Stop, situation: Situation) -> Answer:
    """Somebody decides, or corrects one of the values; of a consent, the person says what they want."""
    name = stop.field
    side: Side = "hubspot"
    mapping = mapping_of(situation, side, name)
    if stop.rule == "consent" or holds_consent(situation, side, name):
        words = f"the person says on both sides whether they may be written to ({name})"
        return (Repair("consent", words, "contact", effects.says_the_same(name), side, name, code=stop.code),)
    there = mapping.app if mapping else name
    same = (*taken_over(stop, situation, "app", there), *taken_over(stop, situation, side, name))
    if situation.connection.mode == "observed":
        words = f"make both values of {called(situation, side, name)} equal, or set in the other engine which side wins"
        decision = Repair("other", words, "HubSpot admin", effects.decided(name), side, name, code=stop.code)
        return (decision, *same)
    command = f"syncdoctor decide {situation.connection.name} {WHO} --field {mapping.name if mapping else name}"
    words = (
        f"decide which side wins the conflict in {called(situation, side, name)} ({command} --winner hubspot, or app)"
    )
    decision = Repair("other", words, "us", effects.decided(name), side, name, once=True, code=stop.code)
    return (decision, *same)
