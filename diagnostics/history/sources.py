"""HubSpot's names of sources in words. Names: the source enumeration of the objects API; those not listed stay unknown."""

from __future__ import annotations

from collections.abc import Mapping

from diagnostics.history.entry import Kind
from engine.connectors import FieldVersion

_USER = "userId:"
_KINDS: Mapping[str, tuple[Kind, str]] = {
    "CRM_UI": ("person", ""),
    "CRM_UI_BULK_ACTION": ("person", "a bulk edit of "),
    "IMPORT": ("import", "import"),
    "WORKFLOWS": ("workflow", "workflow"),
    "AUTOMATION_PLATFORM": ("workflow", "workflow"),
    "FORM": ("form", "form"),
    "INTEGRATION": ("integration", "integration"),
    "INTEGRATIONS_PLATFORM": ("integration", "integration"),
    "INTEGRATIONS_SYNC": ("integration", "HubSpot's data sync"),
    "PORTAL_OBJECT_SYNC": ("integration", "a sync between portals"),
    "SALESFORCE": ("integration", "the Salesforce connector"),
    "API": ("api", "API key or private app"),
    "MERGE_CONTACTS": ("merge", "a merge with record"),
    "MERGE_OBJECTS": ("merge", "a merge with record"),
    "CALCULATED": ("hubspot", "HubSpot's calculation"),
    "DATA_ENRICHMENT": ("hubspot", "HubSpot's data enrichment"),
    "RESTORE_OBJECTS": ("hubspot", "a restored record"),
    "RECYCLING_BIN": ("hubspot", "a restored record"),
    "LEGAL_BASIS_REMEDIATION": ("hubspot", "HubSpot's legal basis tool"),
    "COMMUNICATION_PREFERENCES": ("person", "the contact's own subscription page"),
}
OURS = ("INTEGRATION", "INTEGRATIONS_PLATFORM", "API")
"""Sources under which a write of this engine's token appears."""


def kind_of(version: FieldVersion) -> Kind:
    """By what kind of writer a version was set."""
    return _KINDS.get(version.source_type, ("unknown", ""))[0]


def user_of(version: FieldVersion) -> str:
    """The id of the user who set a version; empty if it was none, or none is named."""
    if kind_of(version) != "person" or version.source_type == "COMMUNICATION_PREFERENCES":
        return ""
    user = version.user_id or version.source_id.removeprefix(_USER)
    return "" if "@" in user else user


def in_words(version: FieldVersion, users: Mapping[str, str]) -> str:
    """By what a version was set: `user 12 (Ada Muster)`, `workflow 77 (Spelling)`. A label that holds an address is left out.

    `users`: names by user id, as far as they are known.
    """
    kind, words = _KINDS.get(version.source_type, ("unknown", ""))
    label = (
        "" if "@" in version.source_label or version.source_label in ("", version.source_type) else version.source_label
    )
    named = f" ({label})" if label else ""
    if kind == "unknown":
        return f"{version.source_type or 'no source named'}{named}"
    if kind == "person" and version.source_type != "COMMUNICATION_PREFERENCES":
        user = user_of(version)
        name = f" ({users[user]})" if not named and user in users else named
        return f"{words}user {user}{name}" if user else f"{words}a user in HubSpot{named}"
    number = version.source_id if version.source_id and "@" not in version.source_id else ""
    return " ".join(part for part in (words, number) if part) + named


def writer_of(version: FieldVersion) -> str:
    """What tells this writer from another one."""
    return f"{kind_of(version)}:{version.source_id or version.user_id or version.source_label or version.source_type}"
