"""Lint of what the accounts allow: account, plan, permissions, required fields and rules by API version, mode. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from diagnostics.causes.plan_tier import custom_mappings
from diagnostics.causes.rules_unreadable import skipped_rules
from diagnostics.preflight.codes import found
from diagnostics.preflight.fields import Schemas, creates_in, flows_to
from diagnostics.preflight.finding import Finding
from engine.connection import Connection
from engine.gates import Situation
from engine.schema import SIDES, Side, SideSchema

ENFORCING = "2026-09"
"""From this version on HubSpot checks required fields and conditional ones on API writes; v3 and 2026-03 never do."""
READ_CONTACTS, WRITE_CONTACTS = "crm.objects.contacts.read", "crm.objects.contacts.write"
_CONSENT = ("communication_preferences.read", "communication_preferences.read_write", "subscriptions-status-read")
_CONSENT_BATCH = ("communication_preferences.statuses.batch.read", "communication_preferences.read_write")
"""Statuses in batches ask for a scope of their own, which belongs to Marketing Hub Enterprise."""


def enforces(connection: Connection) -> bool:
    """Whether HubSpot checks required fields on this connection's writes."""
    return connection.hubspot.api_version == ENFORCING


def lint_access(situation: Situation) -> Iterator[Finding]:
    """Findings on both accounts, from what they declared."""
    connection, schemas = situation.connection, situation.schemas
    account = schemas["hubspot"].account.id
    if connection.hubspot.account is not None and str(connection.hubspot.account) != account:
        what = f"the credentials open HubSpot account {account}, the connection is for {connection.hubspot.account}"
        yield found("account-other", "hubspot.account", what)
    yield from _tier(situation)
    yield from _scopes(situation)
    yield from _required(connection, schemas)
    yield from _rules(situation)
    if connection.mode == "observed":
        yield found("observed-mode", "mode", "another engine writes; Syncdoctor only reads")


def _tier(situation: Situation) -> Iterator[Finding]:
    if custom := custom_mappings(situation):
        what = f"a free HubSpot account cannot map {len(custom)} of the connection's properties"
        yield found("tier-mappings", "hubspot.tier", what, items=custom)
    if situation.connection.hubspot.tier:
        return
    fields = situation.schemas["hubspot"].fields
    mapped = [
        one.hubspot for one in situation.connection.mappings if one.hubspot in fields and fields[one.hubspot].custom
    ]
    if mapped:
        yield found(
            "tier-unknown", "hubspot.tier", "custom properties are mapped and the plan is not named", items=mapped
        )


def needed_scopes(connection: Connection) -> Mapping[tuple[str, ...], str]:
    """The scopes that HubSpot asks for, any one of each group, and what for."""
    needed: dict[tuple[str, ...], str] = {(READ_CONTACTS,): "to read contacts"}
    if connection.mode == "managed" and connection.sync.direction != "to_app":
        needed[WRITE_CONTACTS,] = "to write contacts"
    if connection.scope.list:
        needed["crm.lists.read",] = "to read the inclusion list"
    if connection.opt_in and connection.opt_in.subscription:
        needed[_CONSENT] = "to read subscription types"
        needed[_CONSENT_BATCH] = "to read subscription statuses in batches"
    return needed


def _scopes(situation: Situation) -> Iterator[Finding]:
    granted = situation.schemas["hubspot"].scopes
    needed = needed_scopes(situation.connection)
    if not granted:
        why = situation.schemas["hubspot"].unavailable.get("scopes", "the token does not tell its scopes")
        items = [" or ".join(names) for names in needed]
        yield found("scopes-unread", "hubspot, credentials", why, items=items)
        return
    for names, purpose in needed.items():
        if not set(names) & set(granted):
            what = f"the token lacks {' or '.join(names)}, needed {purpose}"
            yield found("scope-missing", "hubspot, credentials", what, items=names)


def _required(connection: Connection, schemas: Schemas) -> Iterator[Finding]:
    for side in SIDES:
        if creates_in(connection, side):
            yield from _unfilled(connection, schemas[side], side)
    writes = creates_in(connection, "hubspot") and connection.mode == "managed"
    if writes and not enforces(connection):
        what = f"API version {connection.hubspot.api_version} does not enforce required and conditional properties; 2026-09 does"
        yield found("required-not-enforced", "hubspot.api_version", what)
    elif writes:
        what = "API version 2026-09 enforces them on writes, and no endpoint tells them"
        yield found("conditional-unread", "hubspot.api_version", what)


def _unfilled(connection: Connection, schema: SideSchema, side: Side) -> Iterator[Finding]:
    given = {connection.field(one, side) for one in connection.mappings if flows_to(connection, one, side)}
    given |= set(connection.hubspot.on_create) if side == "hubspot" else set()
    for field in schema.fields.values():
        if field.required and not field.read_only and field.name not in given and field.name != schema.identity_field:
            where = "mappings or hubspot.on_create" if side == "hubspot" else "mappings"
            what = f"{schema.app} requires {field.name} of new contacts"
            yield found("required-unfilled", where, what, field=f"{side}.{field.name}")


def _rules(situation: Situation) -> Iterator[Finding]:
    for side in SIDES:
        for area in ("rules", "required fields"):
            if area in situation.schemas[side].unavailable:
                reason = situation.schemas[side].unavailable[area]
                yield found("rules-unread", f"{side}, {area}", f"{area} could not be read: {reason}")
    skipped = skipped_rules(situation)
    if skipped:
        yield found("rules-unread", "mappings", f"{len(skipped)} rules are not evaluated before writing", items=skipped)
