"""The commands of the practice portal: names, options and help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tui.options import HomeOption, home_of

practice = typer.Typer(help="The practice portal: a HubSpot and an app to try things on.", rich_markup_mode=None)


@practice.command("serve")
def serve(
    context: typer.Context,
    port: Annotated[int, typer.Option("--port", help="The loopback port.", min=1, max=65535)] = 8765,
    data: Annotated[Path | None, typer.Option("--data", help="Another practice population (docs/practice.md).")] = None,
    home: HomeOption = None,
) -> None:
    """Serve the practice portal over HTTP on 127.0.0.1."""
    from tui.practice import serve_forever

    chosen = home_of(context, home)
    chosen.prepare()
    serve_forever(chosen, data, port)
    raise typer.Exit(0)
