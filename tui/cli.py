"""The command line: names, options and help of every command. The work is in `tui/commands/`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tui.cli_practice import practice
from tui.cli_questions import questions
from tui.options import (
    LARGEST_NUMBER,
    AcceptOption,
    FieldOption,
    FullOption,
    HomeOption,
    JsonOption,
    NameArgument,
    ShrinkOption,
    SideName,
    SomebodyArgument,
    Step,
    UndoneRunArgument,
    ValuesOption,
    WhoArgument,
    choice_of,
    finish,
    home_of,
    text_of,
)

cli = typer.Typer(
    name="syncdoctor",
    help="Finds out why contacts do not sync between HubSpot and an external app.",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
cli.add_typer(questions)
cli.add_typer(practice, name="practice")


@cli.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    home: HomeOption = None,
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    """Opens the console; every command below also works without a screen."""
    context.obj = home
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"syncdoctor {installed('syncdoctor')}")
        finish(0)
    if context.invoked_subcommand is None:
        from tui.app import run_console

        finish(run_console(home_of(context, home).path))


@cli.command()
def demo(
    context: typer.Context,
    home: HomeOption = None,
    headless: Annotated[bool, typer.Option("--headless", help="Text only, even on a terminal.")] = False,
    until: Annotated[Step | None, typer.Option("--until", help="Stop after this step.")] = None,
    data: Annotated[Path | None, typer.Option("--data", help="Another practice population (docs/practice.md).")] = None,
) -> None:
    """The console on the practice portal, or its story as text."""
    from tui.commands.story import demo as tell

    finish(tell(home_of(context, home), headless=headless, until=until.value if until else "", data=data))


@cli.command()
def connections(context: typer.Context, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the connections and the result of their last check."""
    from tui.commands.configure import connections as list_them

    finish(list_them(home_of(context, home), as_json=as_json))


@cli.command()
def connect(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A connection file (TOML).", metavar="FILE")],
    name: Annotated[str, typer.Option("--name", help="The connection's name; else the file's.")] = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Set up a connection from a file."""
    from tui.commands.configure import connect as take

    finish(take(home_of(context, home), file, name=name, as_json=as_json))


@cli.command()
def login(
    context: typer.Context,
    name: NameArgument,
    side: Annotated[SideName, typer.Argument(help="hubspot or app.", metavar="SIDE")],
    from_stdin: Annotated[bool, typer.Option("--stdin", help="Read the token from standard input.")] = False,
    home: HomeOption = None,
) -> None:
    """Store a token or key.

    It is asked for, or read from standard input; never given on the command line.
    """
    from tui.commands.configure import login as store

    finish(store(home_of(context, home), name, side.value, from_stdin=from_stdin))


@cli.command()
def logout(
    context: typer.Context,
    name: NameArgument,
    side: Annotated[SideName | None, typer.Argument(help="hubspot or app; both without it.", metavar="SIDE")] = None,
    home: HomeOption = None,
) -> None:
    """Forget stored credentials."""
    from tui.commands.configure import logout as forget

    finish(forget(home_of(context, home), name, side.value if side else None))


@cli.command()
def check(
    context: typer.Context,
    name: NameArgument,
    home: HomeOption = None,
    as_json: JsonOption = False,
    contacts: Annotated[
        Path | None, typer.Option("--contacts", help="Also write one line per contact to this CSV file.")
    ] = None,
    full: FullOption = False,
    accept_shrink: ShrinkOption = False,
) -> None:
    """Examine both sides: counts per state, findings per cause. Writes to neither side."""
    from engine.losses import Demand
    from tui.commands.checking import check as examine
    from tui.commands.session import session

    finish(
        examine(
            session(home_of(context, home), name),
            as_json=as_json,
            contacts=contacts,
            demand=Demand(full, accept_shrink),
        )
    )


@cli.command()
def forget(
    context: typer.Context,
    name: NameArgument,
    who: WhoArgument,
    home: HomeOption = None,
    as_json: JsonOption = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; needed where there is no terminal.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Let this address sync again.")] = False,
) -> None:
    """Keep an erased person away.

    Removes their values from the workspace and remembers their addresses as keyed hashes. Writes to neither side.
    """
    from tui.commands.forgetting import forget as erase
    from tui.commands.forgetting import remember
    from tui.commands.session import session

    chosen = session(home_of(context, home), name)
    finish(remember(chosen, who, as_json=as_json) if undo else erase(chosen, who, as_json=as_json, yes=yes))


@cli.command()
def unlink(
    context: typer.Context,
    name: NameArgument,
    who: WhoArgument,
    home: HomeOption = None,
    as_json: JsonOption = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; needed where there is no terminal.")] = False,
) -> None:
    """End the link to a record that is gone.

    Shows first what follows: the record that is left is matched anew by its address, or may be created again on the other
    side. Writes to neither side.
    """
    from tui.commands.session import session
    from tui.commands.unlinking import unlink as end

    finish(end(session(home_of(context, home), name), who, as_json=as_json, yes=yes))


@cli.command()
def plan(
    context: typer.Context,
    name: NameArgument,
    home: HomeOption = None,
    as_json: JsonOption = False,
    values: ValuesOption = False,
    save: Annotated[Path | None, typer.Option("--save", help="Save the plan for sync --plan.")] = None,
) -> None:
    """Show what a sync would write. Writes to neither side."""
    from tui.commands.session import session
    from tui.commands.writing import plan as examine

    finish(examine(session(home_of(context, home), name), as_json=as_json, values=values, save=save))


@cli.command()
def sync(
    context: typer.Context,
    name: NameArgument,
    home: HomeOption = None,
    as_json: JsonOption = False,
    plan_file: Annotated[Path | None, typer.Option("--plan", help="Write exactly this saved plan, or refuse.")] = None,
    max_age: Annotated[
        float | None,
        typer.Option("--max-age", help="How old a saved plan may be; 24 without it.", min=0, metavar="HOURS"),
    ] = None,
    staged: Annotated[
        bool | None,
        typer.Option(
            "--staged/--at-once",
            help="Write 1 contact, then 10, then a tenth, then all, and halt where the outcome is not as planned. "
            "Without either: staged until a first sync went through.",
        ),
    ] = None,
    accept: AcceptOption = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask before writing; nothing is asked without a terminal.")
    ] = False,
    full: FullOption = False,
    accept_shrink: ShrinkOption = False,
) -> None:
    """Write what the plan holds, then examine the result."""
    from engine.losses import Demand
    from tui.commands.session import session
    from tui.commands.writing import Wish
    from tui.commands.writing import sync as write

    wish = Wish(plan_file, max_age, staged, tuple(accept or ()), Demand(full, accept_shrink))
    finish(write(session(home_of(context, home), name), wish, as_json=as_json, yes=yes))


@cli.command()
def undo(
    context: typer.Context,
    name: NameArgument,
    run: UndoneRunArgument,
    home: HomeOption = None,
    as_json: JsonOption = False,
    accept: AcceptOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Write without asking; without it only a terminal can.")] = False,
) -> None:
    """Take back the updates of an earlier run.

    Shown as a plan first, written when confirmed. What cannot be taken back is named.
    """
    from tui.commands.session import session
    from tui.commands.undoing import undo as take_back

    finish(
        take_back(session(home_of(context, home), name), run, as_json=as_json, yes=yes, accepted=tuple(accept or ()))
    )


@cli.command()
def decide(
    context: typer.Context,
    name: NameArgument,
    winner: Annotated[SideName, typer.Option("--winner", help="The side whose value counts.")],
    who: SomebodyArgument = "",
    field: FieldOption = "",
    everything: Annotated[bool, typer.Option("--all", help="All conflicts, or all of the field.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Decide conflicts; the next sync writes what was decided.

    Give WHO for one contact, or --all. Without a terminal nothing is asked.
    """
    from tui.commands.deciding import decide_conflicts
    from tui.commands.session import session

    chosen = session(home_of(context, home), name)
    finish(
        decide_conflicts(chosen, who, field=field, everything=everything, winner=winner.value, as_json=as_json, yes=yes)
    )


@cli.command()
def retry(
    context: typer.Context,
    name: NameArgument,
    who: SomebodyArgument = "",
    cause: Annotated[
        str, typer.Option("--cause", help="Only this class of refusals (refused-...).", callback=choice_of)
    ] = "",
    since: Annotated[
        str,
        typer.Option("--since", help="Only what was refused since a date or time.", metavar="TIME", callback=choice_of),
    ] = "",
    everything: Annotated[bool, typer.Option("--all", help="All that was refused.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try what a server refused again with the next sync, before its own time.

    Give WHO, --cause, --since, or --all. Writes to neither side.
    """
    from tui.commands.retrying import retry as wake
    from tui.commands.session import session

    chosen = session(home_of(context, home), name)
    finish(wake(chosen, who, cause=cause, since=since, everything=everything, as_json=as_json))


@cli.command()
def waive(
    context: typer.Context,
    name: NameArgument,
    cause: Annotated[
        str, typer.Argument(help="A cause's code (syncdoctor causes).", metavar="CAUSE", callback=text_of)
    ],
    owner: Annotated[str, typer.Option("--owner", help="Who accepts it.", callback=text_of)],
    reason: Annotated[str, typer.Option("--reason", help="Why.", callback=text_of)],
    until: Annotated[
        str, typer.Option("--until", help="A date, its end, or a time.", metavar="DATE", callback=text_of)
    ],
    who: SomebodyArgument = "",
    field: Annotated[
        str, typer.Option("--field", help="Only this field, as explain names it: hubspot.NAME.", callback=choice_of)
    ] = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Accept the findings of a cause until a date: of all contacts, one field, or one contact.

    No verdict and no write changes. What is waived is counted apart and needs nobody until the waiver expires.
    """
    from tui.commands.session import session
    from tui.commands.waiving import waive as accept

    chosen = session(home_of(context, home), name)
    finish(accept(chosen, cause, who, field=field, owner=owner, reason=reason, until=until, as_json=as_json))


@cli.command()
def unwaive(
    context: typer.Context,
    name: NameArgument,
    number: Annotated[
        int, typer.Argument(help="The waiver (syncdoctor waivers NAME).", metavar="WAIVER", min=1, max=LARGEST_NUMBER)
    ],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a waiver back."""
    from tui.commands.session import session
    from tui.commands.waiving import unwaive as take_back

    finish(take_back(session(home_of(context, home), name), number, as_json=as_json))
