"""The connections of a home folder, each with its health or with why it cannot be used."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.errors import SyncdoctorError
from engine.sqlite import sqlite3
from engine.workspace import Workspace
from tui.home import Home
from tui.reading.health import Health, health


@dataclass(frozen=True)
class KnownConnection:
    """A connection; `problem` says why it cannot be used, `examined` whether it ever was."""

    name: str
    health: Health = field(default_factory=Health)
    mode: str = ""
    examined: bool = False
    problem: str = ""


def known_connection(home: Home, name: str) -> KnownConnection:
    """A connection with its health; whatever is wrong with it becomes its `problem`."""
    from engine.connection import read_connection

    path = home.workspace(name)
    try:
        mode = read_connection(home.connection(name)).mode
        if not path.exists():
            return KnownConnection(name, mode=mode)
        with Workspace(path, read_only=True) as workspace:
            return KnownConnection(name, health(workspace), mode, examined=True)
    except SyncdoctorError as error:
        return KnownConnection(name, problem=error.what)
    except sqlite3.Error as error:
        return KnownConnection(name, problem=f"the workspace cannot be read: {error}")
