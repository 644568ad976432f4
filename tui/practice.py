"""Starts the practice portal: in this process for a connection whose server is "practice", or over HTTP."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from engine.connection import Connection
from engine.errors import ConfigurationError, WorkspaceError
from engine.schema import SIDES, Side
from tui.home import Home
from tui.output import note

if TYPE_CHECKING:
    import httpx

    from sample_data.portal import Portal

PRACTICE = "practice"


def uses_practice(connection: Connection) -> dict[Side, bool]:
    """Which sides of a connection the practice portal plays."""
    return {"hubspot": connection.hubspot.server == PRACTICE, "app": connection.app.server == PRACTICE}


def install(home: Home, data: Path | None) -> Path:
    """Copies a data folder (the built-in one without `data`) into the home; what is there already stays.

    Returns the copy's folder. Raises ConfigurationError if `data` is given although another population is in use.
    """
    from sample_data import PEOPLE

    target = home.practice / "data"
    source = data or PEOPLE
    if target.exists():
        if data is not None and not _same(source, target):
            raise ConfigurationError(
                "the practice portal here already has other people",
                where=str(target),
                remedy="Choose a new home with --home. To start over in this one, remove practice/, "
                "connections/practice.toml and workspaces/practice.* in it.",
            )
        return target
    if not (source / "connection.toml").is_file():
        raise ConfigurationError(
            "this folder holds no practice population (connection.toml is missing)",
            where=str(source),
            remedy="See docs/practice.md for its files, or make one: python -m sample_data.generate --out DIR",
        )
    try:
        home.practice.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = home.practice / "data.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700)
        for file in sorted(source.iterdir()):
            if file.is_file() and file.suffix in {".csv", ".json", ".toml"}:
                shutil.copyfile(file, partial / file.name)
        _try_out(partial, source)
        partial.rename(target)
    except OSError as error:
        raise WorkspaceError(
            f"the practice portal cannot be set up: {error.strerror}",
            where=str(home.practice),
            remedy="Check permissions and free space, or choose another home with --home.",
        ) from None
    return target


def _try_out(partial: Path, source: Path) -> None:
    """Raises ConfigurationError naming file, line and column of the user's folder if the portal cannot use it."""
    from sample_data.portal import DataFolderError, open_portal

    state = partial / "trial.sqlite"
    try:
        open_portal(partial, state).close()
    except DataFolderError as error:
        raise ConfigurationError(
            str(error), where=str(source), remedy="See docs/practice.md for the folder's files."
        ) from None
    finally:
        for file in partial.glob("trial.sqlite*"):
            file.unlink()


def _same(one: Path, other: Path) -> bool:
    names = {file.name for file in one.iterdir() if file.suffix in {".csv", ".json", ".toml"}}
    return all((other / name).is_file() and (one / name).read_bytes() == (other / name).read_bytes() for name in names)


def open_practice(home: Home) -> Portal:
    """The practice portal of a home. Raises ConfigurationError if it is not set up or its folder is wrong."""
    from sample_data.portal import DataFolderError, open_portal

    data = home.practice / "data"
    if not data.is_dir():
        raise ConfigurationError(
            "the practice portal is not set up in this home", where=str(home.path), remedy="Run: syncdoctor demo"
        )
    try:
        return open_portal(data, home.practice / "portal.sqlite")
    except DataFolderError as error:
        raise ConfigurationError(str(error), remedy="See docs/practice.md for the folder's files.") from None


def transports(portal: Portal, connection: Connection) -> dict[Side, httpx.AsyncBaseTransport]:
    """In-process transports for the sides that the portal plays."""
    import httpx

    apps = {"hubspot": portal.hubspot, "app": portal.mailchimp}
    return {side: httpx.ASGITransport(app=apps[side]) for side in SIDES if uses_practice(connection)[side]}


def secrets(portal: Portal) -> Mapping[Side, str]:
    """The portal's own token and key; they open nothing else."""
    return {"hubspot": portal.hubspot_token, "app": portal.mailchimp_key}


def serve_forever(home: Home, data: Path | None, port: int) -> None:
    """Serves the practice portal over HTTP on the loopback address until Ctrl-C."""
    from sample_data.portal import serve

    install(home, data)
    portal = open_practice(home)
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ConfigurationError(
                f"the port {port} cannot be used: {error.strerror}",
                where="--port",
                remedy="Choose another with --port.",
            ) from None
    note(f"HubSpot: http://127.0.0.1:{port}/hubspot   Mailchimp: http://127.0.0.1:{port}/mailchimp/3.0")
    note(f"Tokens: {home.practice / 'data'}, in hubspot_account.json and mailchimp_audience.json. Ctrl-C ends it.")
    serve(portal, port)
