"""WHO of the command line: the contact that is meant, with a word on standard error about what is not obvious."""

from __future__ import annotations

from engine.errors import ConfigurationError
from engine.visible import visible
from engine.who import find_contact
from engine.workspace import Workspace
from tui.output import note


def meant(workspace: Workspace, who: str) -> int:
    """The contact's number. Raises ConfigurationError for nobody or several."""
    found = find_contact(workspace, who)
    if found.remark:
        note(f"{visible(who.strip(), 80)}: {visible(found.remark, 200)}.")
    return found.contact


def by_id(workspace: Workspace, who: str) -> str:
    """WHO as an id, for those who read both sides without the workspace: as given for an address or id of a record's own, and
    for nobody or several."""
    try:
        found = find_contact(workspace, who)
    except ConfigurationError:
        return who
    if not found.remark:
        return who
    row = workspace.rows("SELECT hubspot_id, app_id FROM contact WHERE id = ?", (found.contact,))[0]
    return str(row["hubspot_id"] or row["app_id"])
