"""Where tokens are kept: an environment variable, the system's keyring, or a file that only its owner can read.

Encrypting a file with a key beside it protects nothing, so the file is called what it is.
"""

from __future__ import annotations

import json
import os
import re
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from engine.auth.secret import Secret, cleaned
from engine.errors import ConfigurationError, WorkspaceError
from engine.schema import Side

SERVICE = "syncdoctor"
FILE = "credentials.json"


class Ring(Protocol):
    """What is needed of a keyring."""

    def get_password(self, service: str, username: str) -> str | None:
        """The password, or None."""
        ...

    def set_password(self, service: str, username: str, password: str) -> None:
        """Stores a password."""
        ...

    def delete_password(self, service: str, username: str) -> None:
        """Removes a password."""
        ...


def system_ring() -> Ring | None:
    """The system's keyring, None where there is no real one (a headless computer).

    Its methods raise WorkspaceError if it cannot be used (locked, not answering).
    """
    import keyring  # costs 100 ms
    from keyring.backends import fail, null

    backend = keyring.get_keyring()
    if isinstance(backend, (fail.Keyring, null.Keyring)) or float(backend.priority) <= 0:
        return None
    return _ExplainedRing(backend)


class _ExplainedRing:
    """A keyring whose own errors come as WorkspaceError."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring

    def get_password(self, service: str, username: str) -> str | None:
        with _explained():
            return self._ring.get_password(service, username)

    def set_password(self, service: str, username: str, password: str) -> None:
        with _explained():
            self._ring.set_password(service, username, password)

    def delete_password(self, service: str, username: str) -> None:
        with _explained():
            self._ring.delete_password(service, username)


@contextmanager
def _explained() -> Iterator[None]:
    from keyring.errors import KeyringError

    try:
        yield
    except KeyringError as error:
        raise WorkspaceError(
            f"the system keyring refuses: {type(error).__name__}",
            where="system keyring",
            remedy="Unlock it and run again, or give the token in an environment variable.",
        ) from None


class Vault:
    """The credentials of all connections of one home folder.

    The environment wins, then the keyring, then the file `credentials.json` in `home`. Raises WorkspaceError when
    the file is readable by others, a symbolic link, of another user, or damaged; nothing is then read from it.
    """

    def __init__(self, home: Path, environ: Mapping[str, str], ring: Callable[[], Ring | None] = system_ring) -> None:
        self._path = home / FILE
        self._environ = environ
        self._find_ring = ring
        self._rings: list[Ring | None] = []

    def get(self, connection: str, side: Side) -> Secret | None:
        """The token of a side, None if there is none."""
        variable = variable_of(connection, side)
        if self._environ.get(variable):
            return cleaned(self._environ[variable], f"environment variable {variable}")
        name = _name(connection, side)
        kept = self._from_ring(name)
        if kept is None:
            kept = self._read().get(name)
        return Secret(kept) if kept else None

    def put(self, connection: str, side: Side, token: str) -> str:
        """Stores a token and says where it is now. Raises ConfigurationError for what cannot be a token."""
        secret = cleaned(token, f"{connection}, {side}")
        name = _name(connection, side)
        ring = self._ring()
        if ring is not None:
            ring.set_password(SERVICE, name, secret.reveal())
            self._write({key: value for key, value in self._read().items() if key != name})
        else:
            self._write({**self._read(), name: secret.reveal()})
        return self.where(connection, side)

    def remove(self, connection: str, side: Side) -> None:
        """Forgets a token in keyring and file. A token in the environment stays: it is not ours."""
        name = _name(connection, side)
        ring = self._ring()
        if ring is not None and ring.get_password(SERVICE, name) is not None:
            ring.delete_password(SERVICE, name)
        kept = self._read()
        if name in kept:
            self._write({key: value for key, value in kept.items() if key != name})

    def where(self, connection: str, side: Side) -> str:
        """What holds (or would hold) the token, in plain words."""
        variable = variable_of(connection, side)
        if self._environ.get(variable):
            return f"environment variable {variable}"
        name = _name(connection, side)
        if self._from_ring(name) is not None or (self._ring() is not None and name not in self._read()):
            return "system keyring"
        return f"file {FILE}, readable by you and root only"

    def _ring(self) -> Ring | None:
        if not self._rings:
            self._rings.append(self._find_ring())
        return self._rings[0]

    def _from_ring(self, name: str) -> str | None:
        ring = self._ring()
        return ring.get_password(SERVICE, name) if ring is not None else None

    def _read(self) -> dict[str, str]:
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return {}
        except OSError as error:
            reason = "it is a symbolic link" if self._path.is_symlink() else error.strerror or "no reason given"
            raise self._unusable(f"the file cannot be opened: {reason}") from None
        with os.fdopen(descriptor, encoding="utf-8") as file:
            self._check(os.fstat(file.fileno()))
            try:
                kept = json.load(file)
            except ValueError:
                kept = None
        if not isinstance(kept, dict) or not all(isinstance(value, str) for value in kept.values()):
            raise self._unusable("the file is damaged", "Remove it and log in again.")
        return kept

    def _check(self, found: os.stat_result) -> None:
        if found.st_uid != os.geteuid():
            raise self._unusable("the file belongs to another user")
        mode = stat.S_IMODE(found.st_mode)
        if mode & 0o077:
            raise self._unusable(
                f"the file with the tokens is open to others (mode {mode:04o})",
                f"Run: chmod 600 {self._path}. If others could have read it, replace the tokens.",
            )

    def _write(self, kept: Mapping[str, str]) -> None:
        if not kept and not self._path.exists():
            return
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            # mkstemp creates with O_EXCL and mode 0600.
            descriptor, name = tempfile.mkstemp(prefix=".credentials-", dir=self._path.parent)
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    json.dump(dict(sorted(kept.items())), file, indent=2)
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).replace(self._path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise self._unusable(f"the file cannot be written: {error.strerror}") from None

    def _unusable(self, what: str, remedy: str = "Put it right, or remove it and log in again.") -> WorkspaceError:
        return WorkspaceError(what, where=str(self._path), remedy=remedy)


def variable_of(connection: str, side: Side) -> str:
    """The environment variable that may hold a token: `SYNCDOCTOR_<CONNECTION>_<SIDE>`."""
    return "SYNCDOCTOR_" + re.sub(r"[^A-Z0-9]", "_", f"{connection}_{side}".upper())


def _name(connection: str, side: Side) -> str:
    if "/" in connection:
        raise ConfigurationError("a connection's name has no slash", where=connection, remedy="Check the name.")
    return f"{connection}/{side}"
