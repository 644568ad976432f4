"""The table of keys in `docs/console.md`, made from the registry."""

from __future__ import annotations

from tui.actions import ACTIONS, MOVES, key_name

PLACES = {
    "everywhere": "everywhere",
    "page": "every screen but Home",
    "home": "Home",
    "list": "tables",
    "connection": "a connection's screens",
    "tabs": "a connection's tabs",
    "contacts": "Contacts",
    "contact": "a contact's page",
    "causes": "Causes",
    "plan": "Plan",
    "log": "Log",
    "verify": "Verify",
    "report": "Report",
    "run": "a run's page",
    "cause": "a cause's page",
}


def keys_as_markdown() -> str:
    """All keys as a Markdown table."""
    lines = ["| keys | where | what |", "|---|---|---|"]
    lines += [f"| {keys} | everywhere | {what} |" for keys, what in MOVES]
    for action in ACTIONS:
        keys = " ".join(f"`{key_name(key)}`" for key in action.keys)
        where = ", ".join(PLACES[place] for place in action.places)
        command = f" (`syncdoctor {action.command.replace('{name}', 'NAME')}`)" if action.command else ""
        lines.append(f"| {keys} | {where} | {action.title}: {action.help}{command} |")
    return "\n".join(lines)
