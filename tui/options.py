"""Options and arguments that several commands share: their names and help in one place."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from engine.visible import is_storable
from tui.home import Home, home_folder

LARGEST_NUMBER = 2**63 - 1
"""What the workspace can hold."""


def finish(code: int) -> None:
    """Ends the command with an exit code."""
    raise typer.Exit(code)


def home_of(context: typer.Context, home: Path | None) -> Home:
    """The home folder that a command was given, or the one given before its name, or the usual one."""
    return home_folder(home or context.find_root().obj)


def text_of(given: str) -> str:
    """Words of the command line that are UTF-8: Python keeps other bytes as half characters, which nothing can store."""
    if not is_storable(given):
        raise typer.BadParameter("this is not UTF-8 text")
    return given


def choice_of(context: typer.Context, parameter: typer.CallbackParam, given: str) -> str:
    """A text that may be left out. An empty one is refused: a script's empty variable is not everybody, every field, or now."""
    source = context.get_parameter_source(parameter.name or "")
    if not given.strip() and source is not None and source.name != "DEFAULT":
        raise typer.BadParameter("this is empty; say which is meant, or leave it out")
    return text_of(given)


def _texts(given: list[str] | None) -> list[str] | None:
    return [text_of(one) for one in given] if given else given


HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home", help="Folder of connections, workspaces and reports.", envvar="SYNCDOCTOR_HOME", show_envvar=True
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on standard output (docs/json.md).")]
FullOption = Annotated[bool, typer.Option("--full", help="Read everything again, not only what changed.")]
ShrinkOption = Annotated[
    bool, typer.Option("--accept-shrink", help="Believe once that contacts of a side or list are gone.")
]
ValuesOption = Annotated[bool, typer.Option("--values", help="Show the contacts' values instead of masking them.")]
AcceptOption = Annotated[
    list[str] | None, typer.Option("--accept", help="Let this brake pass once (repeatable).", metavar="BRAKE")
]
WhoArgument = Annotated[
    str, typer.Argument(help="An e-mail address, an id of either side or a full name.", metavar="WHO", callback=text_of)
]
SomebodyArgument = Annotated[
    str, typer.Argument(help="As WHO of explain; everybody without it.", metavar="WHO", callback=choice_of)
]
WhoOption = Annotated[
    list[str] | None,
    typer.Option(
        "--contact", help="Also check this contact field by field (repeatable).", metavar="WHO", callback=_texts
    ),
]
FieldOption = Annotated[
    str, typer.Option("--field", help="Only this field, by its HubSpot property.", callback=choice_of)
]
UndoneRunArgument = Annotated[
    int,
    typer.Argument(
        help="The run whose updates are taken back (syncdoctor log NAME).", metavar="RUN", min=1, max=LARGEST_NUMBER
    ),
]
RunOption = Annotated[
    int | None,
    typer.Option("--run", help="This run's events and exchanges.", metavar="RUN", min=1, max=LARGEST_NUMBER),
]
MomentArgument = Annotated[
    str,
    typer.Argument(
        help="A run (run:12), a date or a time, in the account's time zone if none is named.",
        metavar="FROM",
        callback=choice_of,
    ),
]
NameArgument = Annotated[str, typer.Argument(help="The connection.", metavar="NAME")]


class SideName(StrEnum):
    """The two sides of a connection."""

    hubspot = "hubspot"
    app = "app"


class Step(StrEnum):
    """The steps of the demo."""

    connect = "connect"
    check = "check"
    plan = "plan"
    sync = "sync"
    verify = "verify"
    report = "report"
