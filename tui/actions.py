"""Every key of the console, once: bindings, footer, help, palette and `docs/console.md` are made from this registry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from textual.binding import Binding

KEY_NAMES = {
    "slash": "/",
    "colon": ":",
    "question_mark": "?",
    "minus": "-",
    "enter": "Enter",
    "escape": "Esc",
    "backspace": "Backspace",
    "left": "Left",
    "right": "Right",
    "tab": "Tab",
    "shift+tab": "Shift-Tab",
    "ctrl+p": "Ctrl-P",
    "ctrl+c": "Ctrl-C",
}


@dataclass(frozen=True)
class Action:
    """One thing that a user can do.

    `name` is stable and the method's name after `action_`; `keys` are Textual's key names, the first one is shown;
    `places` are where it works: a screen's or tab's name, or a group of them; `footer` is its short label, empty if
    the footer does not show it; `command` is the equivalent command with `{name}` for the connection.
    """

    name: str
    keys: tuple[str, ...]
    title: str
    help: str
    places: tuple[str, ...]
    footer: str = ""
    command: str = ""
    first: bool = False
    """Taken before the focused widget sees the key: what is typed right after it must not be taken for commands."""

    @property
    def key(self) -> str:
        """The first key as people read it."""
        return key_name(self.keys[0]) if self.keys else ""


ACTIONS: tuple[Action, ...] = (
    Action(
        "back", ("escape", "q", "backspace", "left", "h"), "Back", "one level back; q on Home quits", ("page",), "back"
    ),
    Action("quit", ("ctrl+c",), "Quit", "leaves at once; a run goes on by itself", ("everywhere",)),
    Action("leave", ("q",), "Quit", "leaves the console; a run goes on by itself", ("home",), "quit"),
    Action("help", ("question_mark",), "Help", "all keys of this screen", ("everywhere",)),
    Action("palette", ("colon", "ctrl+p"), "Commands", "choose any action by name", ("everywhere",)),
    Action("mouse", ("m",), "Mouse on or off", "off leaves selecting text to the terminal", ("everywhere",)),
    Action("open", ("enter", "right", "l"), "Open", "opens the selected line", ("list",), "open"),
    Action(
        "check",
        ("n",),
        "Check now",
        "examines both sides; writes to neither",
        ("home", "connection"),
        "check",
        "check {name}",
    ),
    Action("stop", ("x",), "Stop the run", "stops at the next safe point; what was done stays", ("home", "connection")),
    Action("find", ("slash",), "Find a contact", "filters by e-mail, name or id", ("connection",), "find", first=True),
    Action("last_tab", ("minus",), "Last tab", "the tab shown before", ("tabs",)),
    Action("next_tab", ("tab",), "Next tab", "the tab to the right", ("tabs",)),
    Action("previous_tab", ("shift+tab",), "Previous tab", "the tab to the left", ("tabs",)),
    Action("tab('overview')", ("1",), "Overview", "counts, trend, accounts, limits", ("tabs",)),
    Action("tab('contacts')", ("2",), "Contacts", "every contact with its state and cause", ("tabs",)),
    Action("tab('causes')", ("3",), "Causes", "what stops contacts, and who can fix it", ("tabs",)),
    Action("tab('plan')", ("4",), "Plan", "what would be written", ("tabs",), "", "plan {name}"),
    Action("tab('verify')", ("5",), "Verify", "the proofs after activation", ("tabs",)),
    Action("tab('log')", ("6",), "Log", "runs, events and exchanges", ("tabs",), "", "log {name}"),
    Action("tab('report')", ("7",), "Report", "the support report", ("tabs",)),
    Action(
        "next_state", ("s",), "Next state", "shows only contacts of one state, then of the next", ("contacts",), "state"
    ),
    Action(
        "next_cause", ("c",), "Next cause", "shows only contacts with one cause, then the next", ("contacts",), "cause"
    ),
    Action("clear_filter", ("a",), "All contacts", "takes the filter off", ("contacts",), "all"),
    Action(
        "fixes",
        ("f",),
        "Fixes",
        "which repair, and which two together, would free most contacts",
        ("causes",),
        "fixes",
        "fixes {name}",
    ),
    Action(
        "sync", ("y",), "Sync", "writes the plan after a typed confirmation", ("plan",), "sync", "sync {name} --yes"
    ),
    Action(
        "decide",
        ("d",),
        "Decide",
        "says which side wins the conflict, on Plan all conflicts of the field; the next sync writes it",
        ("contact", "plan"),
        "decide",
        "decide {name} --winner hubspot|app",
    ),
    Action(
        "sync_staged",
        ("t",),
        "Sync in stages",
        "writes 1 contact, then 10, then a tenth, then all; halts where the outcome is not as planned",
        ("plan",),
        "stages",
        "sync {name} --staged --yes",
    ),
    Action(
        "undo",
        ("u",),
        "Undo the run",
        "takes back the selected run's updates after a typed confirmation",
        ("log",),
        "undo",
        "undo {name} RUN --yes",
    ),
    Action(
        "verify", ("v",), "Verify now", "reads both sides and proves the result", ("verify",), "verify", "verify {name}"
    ),
    Action(
        "other_part",
        ("p",),
        "Proofs or differences",
        "the keys go from the differences to the proofs, and back",
        ("verify",),
        "proofs",
    ),
    Action(
        "report", ("r",), "Write the report", "writes Markdown and JSON files", ("report",), "write", "report {name}"
    ),
    Action("follow", ("f",), "Follow", "stays at the newest line while the run works", ("run",), "follow"),
    Action("contacts", ("enter", "right", "l"), "Its contacts", "the contacts with this cause", ("cause",), "contacts"),
)
"""All actions. `page` is every screen but Home, `list` every table, `tabs` a connection's tabs, `connection` every
screen of a connection."""

MOVES: tuple[tuple[str, str], ...] = (
    ("Up Down k j", "one line"),
    ("PgUp PgDn", "one page"),
    ("g G", "to the top, to the bottom (also Home, End)"),
    ("1 - 7, Tab", "the tabs of a connection"),
)


def key_name(key: str) -> str:
    """A Textual key name as people read it."""
    return KEY_NAMES.get(key, key)


def actions_for(*places: str) -> Iterator[Action]:
    """The actions of the given places, in the registry's order."""
    yield from (action for action in ACTIONS if set(action.places) & set(places))


def bindings_for(*places: str) -> list[Binding | tuple[str, str] | tuple[str, str, str]]:
    """Textual bindings of the given places."""
    return [
        Binding(",".join(action.keys), action.name, action.title, show=False, priority=action.first)
        for action in actions_for(*places)
    ]
