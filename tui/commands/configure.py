"""`connections`, `connect`, `login`, `logout`: what is set up, and with which credentials."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path

from engine.connection import NAME, read_connection
from engine.errors import ConfigurationError, SyncdoctorError
from engine.schema import SIDES, Side
from engine.verdicts import counted
from engine.visible import visible
from engine.workspace import Workspace
from tui.home import Home, write_private
from tui.output import count, document, note, say
from tui.processes import is_alive
from tui.reading.health import run_row

SHOWN_STATES = ("in_sync", "pending", "excluded", "failing", "conflict", "unknown")


def connections(home: Home, *, as_json: bool) -> int:
    """Lists the connections with the result of their last check."""
    rows = [_health(home, name) for name in home.names()]
    if as_json:
        document({"connections": rows})
    elif not rows:
        say(f"No connection is set up in {home.path}.")
        say("Try the practice portal: syncdoctor demo. Set one up: syncdoctor connect FILE.toml")
    for row in rows if not as_json else []:
        say(f"{row['name']}: {row['problem'] or row['summary']}")
    return 0


def _health(home: Home, name: str) -> dict[str, object]:
    row: dict[str, object] = {
        "name": name,
        "problem": "",
        "summary": "not examined yet",
        "states": None,
        "last_run": None,
    }
    try:
        connection = read_connection(home.connection(name))
        row |= {"app": connection.app.name, "mode": connection.mode, "direction": connection.sync.direction}
        if home.workspace(name).exists():
            with Workspace(home.workspace(name), read_only=True) as workspace:
                row |= _last_check(workspace)
    except SyncdoctorError as error:
        row["problem"] = "; ".join(visible(part) for part in (error.what, error.where, error.remedy) if part)
    return row


def _last_check(workspace: Workspace) -> dict[str, object]:
    states = {state: 0 for state in SHOWN_STATES}
    for found in counted(workspace):
        states[found["state"]] += found["contacts"]
    runs = workspace.rows("SELECT * FROM run ORDER BY id DESC LIMIT 1")
    if not runs:
        return {}
    newest = run_row(runs[0])
    state = newest.state if not newest.running or is_alive(newest) else "abandoned"
    last = {name: runs[0][name] for name in ("id", "command", "started_at", "ended_at")} | {"state": state}
    examined = sum(states.values())
    summary = (
        ", ".join(f"{state} {count(number)}" for state, number in states.items()) if examined else "not examined yet"
    )
    when = f" ({newest.command} {state} {newest.ended_at or newest.started_at})"
    return {"states": states if examined else None, "last_run": last, "summary": f"{summary}{when}"}


def connect(home: Home, file: Path, *, name: str, as_json: bool) -> int:
    """Takes a connection file into the home. Raises ConfigurationError for a bad file or a name that is taken."""
    chosen = name or file.stem
    if not NAME.fullmatch(chosen):
        raise ConfigurationError(
            f"{visible(chosen)!r} cannot be a connection's name",
            remedy="Use lower-case letters, digits, - and _, at most 40: --name NAME",
        )
    connection = read_connection(file)
    target = home.connection(chosen)
    content = file.read_bytes()
    if target.exists() and target.read_bytes() != content:
        raise ConfigurationError(
            f"there is already a connection {chosen!r} with other settings",
            where=str(target),
            remedy="Choose another name with --name, or edit that file.",
        )
    home.prepare()
    write_private(target, content)
    if as_json:
        document({"connection": chosen, "file": str(target), "mappings": len(connection.mappings)})
    else:
        say(
            f"{chosen}: HubSpot <-> {connection.app.name}, {len(connection.mappings)} mapped fields, {connection.sync.direction}"
        )
        say(f"Next: syncdoctor login {chosen} hubspot, syncdoctor login {chosen} app, then syncdoctor check {chosen}")
    return 0


def login(home: Home, name: str, side: Side, *, from_stdin: bool) -> int:
    """Stores a token or key. It is read from a hidden prompt or standard input, never from the command line."""
    from engine.auth.vault import Vault

    home.existing(name)
    home.prepare()
    if from_stdin or not sys.stdin.isatty():
        text = sys.stdin.read()
    else:
        text = getpass.getpass(
            f"{'HubSpot token' if side == 'hubspot' else 'API key of the app'} for {name} (not shown): "
        )
    if not text.strip():
        raise ConfigurationError(
            "no token was given",
            remedy=f"Pipe it in (syncdoctor login {name} {side} --stdin < FILE) or type it at the prompt.",
        )
    vault = Vault(home.path, os.environ)
    vault.put(name, side, text)
    say(f"{name}, {side}: stored in {vault.where(name, side)}")
    return 0


def logout(home: Home, name: str, side: Side | None) -> int:
    """Forgets credentials of one side, or of both."""
    from engine.auth.vault import Vault

    home.existing(name)
    vault = Vault(home.path, os.environ)
    for one in (side,) if side else SIDES:
        vault.remove(name, one)
        left = vault.get(name, one)
        say(f"{name}, {one}: {'forgotten' if left is None else 'still given by ' + vault.where(name, one)}")
    if vault.get(name, "hubspot") is None:
        note("The tokens themselves stay valid until you revoke them in the apps.")
    return 0
