"""Which fields hold a person's consent, and the repair of those: the person says it. No repair has anybody else set one."""

from __future__ import annotations

from collections.abc import Set

import polars as pl

from diagnostics.causes.opt_in import SUBSCRIPTION
from diagnostics.repairs import effects, settings
from diagnostics.repairs.repair import Effect, Repair, Stop
from diagnostics.repairs.samples import sample, taken
from diagnostics.repairs.wording import OfLastSituation, called, filling, mapping_of, opposite, pair_of, where
from engine.connection import CONSENTS, FieldMapping
from engine.gates import Situation
from engine.schema import SIDES, Side

_OPTED_OUT_OF = tuple(f"{name}_" for name in CONSENTS)
"""How HubSpot's properties of single subscription types begin: `hs_email_optout_6125111`."""
_STATUSES = (*CONSENTS, SUBSCRIPTION, "hs_legal_basis", "hs_marketable_status")
"""HubSpot's own: opted out of all e-mail, a subscription's status, the legal basis, whether it is a marketing contact."""

_CONSENTS: OfLastSituation[Set[tuple[Side, str]]] = OfLastSituation()


def holds_consent(situation: Situation, side: Side, name: str) -> bool:
    """Whether the field says what its person has agreed to: HubSpot's own such properties, the property of the opt-in rule, the
    app's subscription status, and whatever is mapped to one of these or merged as a consent."""
    own = side == "hubspot" and (name in _STATUSES or name.startswith(_OPTED_OUT_OF))
    return own or (side, name) in _CONSENTS.get(situation, "", lambda: _configured(situation))


def _configured(situation: Situation) -> Set[tuple[Side, str]]:
    connection, status = situation.connection, situation.schemas["app"].consent
    known: set[tuple[Side, str]] = {("app", status.name)} if status else set()
    known |= {("hubspot", connection.opt_in.property)} if connection.opt_in and connection.opt_in.property else set()
    for mapping in connection.mappings:
        both: set[tuple[Side, str]] = {(side, connection.field(mapping, side)) for side in SIDES}
        by_name = mapping.hubspot in _STATUSES or mapping.hubspot.startswith(_OPTED_OUT_OF)
        if by_name or known & both or pair_of(situation, mapping).merge == "consent":
            known |= both
    return known


def accepted(situation: Situation, name: str) -> str | None:
    """What such a HubSpot property holds of a person who may be written to; None if that is not known."""
    rule = situation.connection.opt_in
    if rule is not None and rule.property == name:
        return rule.accepted[0]
    if name in CONSENTS or name.startswith(_OPTED_OUT_OF):
        return "false"
    mapping = mapping_of(situation, "hubspot", name)
    return next(iter(pair_of(situation, mapping).accepted), None) if mapping else None


def agrees(stop: Stop, situation: Situation) -> Repair:
    """The person agrees to be written to, and HubSpot has it in all properties that stand for it."""
    words = f"the person agrees to be written to, and {where(situation, 'hubspot')} records that consent"
    return Repair("consent", words, "contact", effects.consents_in_hubspot, "hubspot", code=stop.code, detail=stop.rule)


def asked_anew(stop: Stop, situation: Situation, side: Side, name: str) -> tuple[Repair, ...]:
    """The person says what they want, where a side takes nothing or something else in its field; none where the side would not
    take their agreement either."""
    mapping, field = filling(situation, side, name), situation.schemas[side].fields.get(name)
    agreed = accepted(situation, mapping.hubspot if mapping else name) if mapping or side == "hubspot" else None
    if agreed is None and field is not None:
        agreed = sample(side, field)
    if agreed is None:
        return ()
    source = opposite(side) if mapping else side
    recorded = situation.connection.field(mapping, source) if mapping else name
    written = agreed
    if mapping and side == "app":
        written = pl.select(pair_of(situation, mapping).translated(pl.lit(agreed), "app")).item()
    if field is not None and not taken(side, field, [str(written)]):
        return ()
    if mapping and source == "hubspot" and effects.agreed_in_hubspot(situation).get(recorded) == agreed:
        return (agrees(stop, situation),)
    words = f"the person says whether they may be written to, and {called(situation, source, recorded)} records it"
    effect = _recorded(mapping, source, recorded, agreed, situation)
    return (Repair("consent", words, "contact", effect, source, recorded, code=stop.code, detail=stop.rule),)


def _recorded(mapping: FieldMapping | None, side: Side, name: str, agreed: str, situation: Situation) -> Effect:
    """The side's record says so, also a new one in HubSpot."""
    if mapping is not None and side == "app":
        return effects.filled(pair_of(situation, mapping), side, name, agreed)
    there = effects.filled(None, side, name, agreed)
    if mapping is not None or side == "app":
        return there
    anew = settings.on_create(name, agreed)
    return lambda given: anew(there(given))
