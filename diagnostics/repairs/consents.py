"""Which fields hold a person's consent. What they say is the person's: no repair has anybody else set one."""

from __future__ import annotations

from collections.abc import Set

from diagnostics.causes.opt_in import SUBSCRIPTION
from diagnostics.repairs.wording import OfLastSituation, pair_of
from engine.connection import CONSENTS
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


def accepted(situation: Situation, side: Side, name: str) -> str | None:
    """A value of such a field with which its person may be written to, for the planner's re-run; None if none is known."""
    connection, status = situation.connection, situation.schemas["app"].consent
    if side == "app" and status is not None and status.name == name:
        return status.accepted[0]
    if side == "hubspot" and connection.opt_in is not None and connection.opt_in.property == name:
        return connection.opt_in.accepted[0]
    if side == "hubspot" and (name in CONSENTS or name.startswith(_OPTED_OUT_OF)):
        return "false"
    mapping = next((one for one in connection.mappings if connection.field(one, side) == name), None)
    return next(iter(pair_of(situation, mapping).accepted), None) if mapping and side == "hubspot" else None
