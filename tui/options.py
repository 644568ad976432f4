"""Options and arguments that several commands share: their names and help in one place."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

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
