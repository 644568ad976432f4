"""The commands that only ask: names, options and help. None of them writes to a side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tui.options import (
    LARGEST_NUMBER,
    FieldOption,
    HomeOption,
    JsonOption,
    MomentArgument,
    NameArgument,
    RunOption,
    ValuesOption,
    WhoArgument,
    WhoOption,
    choice_of,
    finish,
    home_of,
)

questions = typer.Typer(rich_markup_mode=None)


@questions.command()
def explain(
    context: typer.Context,
    name: NameArgument,
    who: WhoArgument,
    at: Annotated[
        str, typer.Option("--at", help="As it was then: run:12, a date, or a time.", metavar="TIME", callback=choice_of)
    ] = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
    values: ValuesOption = False,
) -> None:
    """One contact through every gate, and what would let it sync.

    With --at what was found then, at the last examination not later; values of then are masked without --values.
    """
    from tui.commands.explaining import explain as examine
    from tui.commands.past import explain_at
    from tui.commands.session import session

    chosen = session(home_of(context, home), name)
    finish(explain_at(chosen, who, at, as_json=as_json, values=values) if at else examine(chosen, who, as_json=as_json))


@questions.command()
def diff(
    context: typer.Context,
    name: NameArgument,
    before: MomentArgument = "",
    after: Annotated[
        str,
        typer.Argument(help="As FROM; the last examination without it.", metavar="TO", callback=choice_of),
    ] = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
    contacts: Annotated[
        bool,
        typer.Option(
            "--contacts", help="Name the contacts of each move: their ids, and the address, masked without --values."
        ),
    ] = False,
    limit: Annotated[
        int, typer.Option("--limit", help="So many contacts of each move.", min=1, max=LARGEST_NUMBER)
    ] = 20,
    values: ValuesOption = False,
) -> None:
    """What changed between two examinations, and why; without a choice the last two.

    Exit code 1 if a contact got worse: moved to, or is new in, failing, conflict or unknown.
    """
    from tui.commands.past import diff as compare
    from tui.commands.session import session

    chosen = session(home_of(context, home), name)
    finish(compare(chosen, before, after, contacts=contacts, limit=limit, as_json=as_json, values=values))


@questions.command()
def trend(
    context: typer.Context,
    name: NameArgument,
    home: HomeOption = None,
    as_json: JsonOption = False,
    limit: Annotated[int, typer.Option("--limit", help="So many of the last examinations.", min=1, max=1000)] = 10,
) -> None:
    """How the counts moved from examination to examination: states, findings, the list's size."""
    from tui.commands.session import session
    from tui.commands.trend import trend as show

    finish(show(session(home_of(context, home), name), limit=limit, as_json=as_json))


@questions.command()
def waivers(context: typer.Context, name: NameArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """What is accepted, by whom, why and until when. Exit code 1 if a waiver has expired."""
    from tui.commands.session import session
    from tui.commands.waiving import waivers as list_them

    finish(list_them(session(home_of(context, home), name), as_json=as_json))


@questions.command()
def fixes(
    context: typer.Context,
    name: NameArgument,
    home: HomeOption = None,
    as_json: JsonOption = False,
    values: ValuesOption = False,
    limit: Annotated[int, typer.Option("--limit", help="How many repairs, and how many pairs.", min=1, max=100)] = 10,
) -> None:
    """Which repair, and which two together, would free most blocked contacts.

    Exact by the findings of the last check, and proved by planning contacts again with the repair done.
    """
    from tui.commands.repairing import fixes as rank
    from tui.commands.session import session

    finish(rank(session(home_of(context, home), name), as_json=as_json, values=values, limit=limit))


@questions.command()
def preflight(
    context: typer.Context,
    name: NameArgument,
    home: HomeOption = None,
    as_json: JsonOption = False,
    anew: Annotated[bool, typer.Option("--check", help="Examine both sides even if the last check is recent.")] = False,
) -> None:
    """Before activation: what is wrong, what would happen. Writes to neither side.

    Looks at what the last check saw, or checks first if that is older than an hour or the connection file has changed.
    """
    from tui.commands.preflight import preflight as look
    from tui.commands.session import session

    finish(look(session(home_of(context, home), name), as_json=as_json, anew=anew))


@questions.command()
def causes(
    code: Annotated[str, typer.Argument(help="A cause's code; all of them without it.", metavar="CODE")] = "",
    as_json: JsonOption = False,
) -> None:
    """Why contacts do not sync: all causes, or one with its explanation and remedy."""
    from tui.commands.causes import causes as show

    finish(show(code, as_json=as_json))


@questions.command()
def history(
    context: typer.Context,
    name: NameArgument,
    who: WhoArgument,
    field: FieldOption = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
    values: ValuesOption = False,
) -> None:
    """Who wrote a contact's fields, when and by what, and whether it will happen again.

    From HubSpot's property history, the record of our own writes and what the app tells. Writes to neither side.
    """
    from tui.commands.history import history as show
    from tui.commands.session import session

    finish(show(session(home_of(context, home), name), who, field=field, as_json=as_json, values=values))


@questions.command()
def conflicts(
    context: typer.Context,
    name: NameArgument,
    home: HomeOption = None,
    as_json: JsonOption = False,
    values: ValuesOption = False,
) -> None:
    """The fields that both sides changed, by whom and when."""
    from tui.commands.deciding import conflicts as list_them
    from tui.commands.session import session

    finish(list_them(session(home_of(context, home), name), as_json=as_json, values=values))


@questions.command()
def verify(
    context: typer.Context,
    name: NameArgument,
    home: HomeOption = None,
    as_json: JsonOption = False,
    contact: WhoOption = None,
    sample: Annotated[
        str | None,
        typer.Option("--sample", help="Read only so many contacts, or so many percent, at random.", metavar="N|P%"),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", help="Draw the sample of an earlier run again.", min=0, max=LARGEST_NUMBER),
    ] = None,
) -> None:
    """The three verifications, by an independent read.

    They are those of HubSpot's guide for the time after activation. Exit code 1 if one fails or a difference is unexplained.
    A sample says with 95 % confidence how many contacts of all can differ at most.
    """
    from tui.commands.session import session
    from tui.commands.verifying import sampling_of
    from tui.commands.verifying import verify as examine

    chosen = session(home_of(context, home), name)
    finish(examine(chosen, as_json=as_json, named=contact or (), sampling=sampling_of(sample, seed)))


@questions.command()
def report(
    context: typer.Context,
    name: NameArgument,
    home: HomeOption = None,
    as_json: JsonOption = False,
    folder: Annotated[Path | None, typer.Option("--out", help="Folder for the report.")] = None,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Show the contacts' values instead of masking them.")
    ] = False,
) -> None:
    """Write a support report: Markdown and JSON."""
    from tui.commands.records import report as write
    from tui.commands.session import session

    finish(write(session(home_of(context, home), name), as_json=as_json, folder=folder, reveal=reveal))


@questions.command()
def log(
    context: typer.Context,
    name: NameArgument,
    home: HomeOption = None,
    as_json: JsonOption = False,
    run: RunOption = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Watch the run in progress.")] = False,
) -> None:
    """The record of runs, events and exchanges."""
    from tui.commands.records import log as show
    from tui.commands.session import session

    finish(show(session(home_of(context, home), name), as_json=as_json, run=run, follow=follow))
