"""The home folder: where connections, workspaces, reports and logs lie."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.errors import ConfigurationError, WorkspaceError
from engine.visible import visible


@dataclass(frozen=True)
class Home:
    """Paths below one folder. Nothing is made before something is stored."""

    path: Path

    @property
    def connections(self) -> Path:
        """One TOML file per connection."""
        return self.path / "connections"

    @property
    def reports(self) -> Path:
        """Support reports."""
        return self.path / "reports"

    @property
    def log(self) -> Path:
        """Where a defect's traceback goes, without values."""
        return self.path / "log"

    @property
    def practice(self) -> Path:
        """The practice portal's people and state."""
        return self.path / "practice"

    def connection(self, name: str) -> Path:
        """A connection's file."""
        return self.connections / f"{name}.toml"

    def workspace(self, name: str) -> Path:
        """A connection's SQLite file."""
        return self.path / "workspaces" / f"{name}.sqlite"

    def names(self) -> list[str]:
        """The connections there are, in alphabetical order."""
        return sorted(path.stem for path in self.connections.glob("*.toml"))

    def existing(self, name: str) -> Path:
        """The file of a connection that must exist. Raises ConfigurationError naming the nearest one."""
        if name in self.names():
            return self.connection(name)
        near = difflib.get_close_matches(name, self.names(), n=1)
        if near:
            remedy = f"Did you mean {near[0]!r}?"
        elif self.names():
            remedy = f"There are: {', '.join(self.names())}."
        else:
            remedy = "Set one up: syncdoctor connect FILE.toml, or try the practice portal: syncdoctor demo."
        raise ConfigurationError(
            f"there is no connection {visible(name)!r}", where=str(self.connections), remedy=remedy
        )

    def prepare(self) -> None:
        """Makes the folder, for its owner only. Raises WorkspaceError if that is not possible."""
        try:
            for folder in (self.path, self.connections):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not os.access(self.connections, os.W_OK):
                raise PermissionError(13, "Permission denied", str(self.connections))
        except OSError as error:
            raise WorkspaceError(
                f"the home folder cannot be written: {error.strerror}",
                where=str(error.filename or self.path),
                remedy="Check its permissions and free space, or choose another with --home.",
            ) from None


def home_folder(chosen: Path | None, environ: Mapping[str, str] = os.environ) -> Home:
    """The home: `--home`, else SYNCDOCTOR_HOME, else the platform's data folder."""
    if chosen is not None:
        return Home(chosen.expanduser())
    if environ.get("SYNCDOCTOR_HOME"):
        return Home(Path(environ["SYNCDOCTOR_HOME"]).expanduser())
    from platformdirs import user_data_path

    return Home(user_data_path("syncdoctor"))


def refuse_place(file: Path) -> None:
    """Raises ConfigurationError, before any work is done, for a place where the user's `file` cannot be written."""
    if file.is_dir():
        raise ConfigurationError("this is a folder, not a file", where=str(file), remedy="Name a file in it.")
    if not file.parent.is_dir():
        raise ConfigurationError(
            "there is no such folder", where=str(file.parent), remedy="Make it, or choose another place for the file."
        )


def write_private(path: Path, content: bytes) -> None:
    """Writes a file that only its owner can read, whole or not at all. Raises WorkspaceError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise WorkspaceError(
            f"the file cannot be written: {error.strerror}",
            where=str(path),
            remedy="Check the folder's permissions and free space, or choose another place.",
        ) from None
