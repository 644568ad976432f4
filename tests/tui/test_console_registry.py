"""One registry of actions: bindings, footer, help and the manual agree with it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from textual.dom import DOMNode

import tui
from tui.actions import ACTIONS, Action, actions_for
from tui.screens.cause import CauseScreen
from tui.screens.connection import ConnectionScreen
from tui.screens.connection_frame import ConnectionFrame
from tui.screens.contact import ContactScreen
from tui.screens.frame import Frame
from tui.screens.home import HomeScreen
from tui.screens.manual import keys_as_markdown
from tui.screens.run import RunScreen
from tui.screens.tabs.causes import CausesTab
from tui.screens.tabs.contacts import ContactsTab
from tui.screens.tabs.log import LogTab
from tui.screens.tabs.plan import PlanTab
from tui.screens.tabs.report import ReportTab
from tui.screens.tabs.verify import VerifyTab
from tui.widgets.table import Table

TUI = Path(tui.__path__[0])
OWNERS: dict[str, tuple[type[DOMNode], ...]] = {
    "everywhere": (Frame,),
    "page": (Frame,),
    "home": (HomeScreen,),
    "list": (Table,),
    "connection": (ConnectionFrame,),
    "tabs": (ConnectionScreen,),
    "contacts": (ContactsTab,),
    "contact": (ContactScreen,),
    "causes": (CausesTab,),
    "plan": (PlanTab,),
    "log": (LogTab,),
    "verify": (VerifyTab,),
    "report": (ReportTab,),
    "run": (RunScreen,),
    "cause": (CauseScreen,),
}
SETS_OF_PLACES = (
    HomeScreen.PLACES,
    ContactScreen.PLACES,
    CauseScreen.PLACES,
    RunScreen.PLACES,
    *((tab, "list", "connection", "tabs", "page") for tab in ("contacts", "causes", "plan", "log", "verify", "report")),
)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_every_action_is_implemented_where_it_is_offered(action: Action) -> None:
    """Each place of an action has a class with its method."""
    method = f"action_{action.name.partition('(')[0]}"

    for place in action.places:
        assert any(hasattr(owner, method) for owner in OWNERS[place]), place


@pytest.mark.parametrize("places", SETS_OF_PLACES, ids=lambda places: places[0])
def test_no_key_means_two_things_at_one_place(places: tuple[str, ...]) -> None:
    """Where several groups of actions meet, each key belongs to one of them."""
    keys = [key for action in actions_for(*places, "everywhere") for key in action.keys]

    assert sorted(keys) == sorted(set(keys))


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_every_control_key_has_a_plain_twin(action: Action) -> None:
    """Keys that tmux, ssh or editors take are never the only ones; leaving at once is the convention itself."""
    plain = [key for key in action.keys if not key.startswith("ctrl+")]

    assert plain or action.name == "quit"


def test_the_manual_has_the_registrys_keys() -> None:
    """docs/console.md contains the table that the registry makes."""
    manual = (TUI.parent / "docs" / "console.md").read_text()

    assert keys_as_markdown() in manual


def _calls(tree: ast.AST, names: set[str]) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute) and _name(node.func) in names
    ]


def _name(function: ast.expr) -> str:
    return (
        function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
    )


@pytest.mark.parametrize("path", sorted(TUI.rglob("*.py")), ids=lambda path: str(path.relative_to(TUI)))
def test_no_widget_parses_outside_text_as_markup(path: Path) -> None:
    """Widgets that parse markup are not used with anything but literals; our own ones make text visible."""
    tree = ast.parse(path.read_text())
    parsing = {
        "Static",
        "Label",
        "DataTable",
        "OptionList",
        "Tree",
        "Markdown",
        "RichLog",
        "notify",
        "from_markup",
        "Button",
    }

    for call in _calls(tree, parsing):
        assert call.args and all(isinstance(argument, ast.Constant) for argument in call.args), ast.unparse(call)
    for call in _calls(tree, {"Text"}):
        assert all(
            isinstance(argument, ast.Constant)
            or (isinstance(argument, ast.Call) and _name(argument.func) in {"visible", "fit"})
            or "join" in ast.unparse(argument)
            or ast.unparse(argument).startswith(("' ' *", "f'syncdoctor: this is a defect"))
            for argument in call.args
        ), ast.unparse(call)


@pytest.mark.parametrize("path", sorted(TUI.rglob("*.py")), ids=lambda path: str(path.relative_to(TUI)))
def test_sql_is_only_in_the_reading_room(path: Path) -> None:
    """Screens render; statements are in tui/reading, except the commands' own."""
    inside = path.relative_to(TUI).parts[0]
    if inside in {"reading", "commands"}:
        assert "textual" not in path.read_text()
        return

    assert "SELECT " not in path.read_text()
