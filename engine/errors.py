"""Every error that a user may see, as one tree; each names what is wrong, where, and what to do.

SyncdoctorError
  ConfigurationError          exit 2: wrong usage, connection file, mapping, list
    WorkspaceError            exit 2: the SQLite file or the home folder
  AccessError                 exit 3: a side cannot be reached or refuses
    CredentialsRefused
    ScopeMissing
    LimitExhausted
    Unreachable
    UnexpectedAnswer          not JSON, cut off, or not of the documented shape
  Halted                      exit 4: a brake, a lock, or the user stopped the run
    BrakeTripped
    ReleaseHalted
    PlanOutdated
    LockHeld
    Stopped
"""

from __future__ import annotations

from typing import ClassVar


class SyncdoctorError(Exception):
    """An error for a user.

    `what` is a sentence; `where` a file and line, field, side, list or endpoint; `remedy` the next step.
    None of them holds a secret or a personal value.
    """

    exit_code: ClassVar[int] = 1
    code: ClassVar[str] = "error"

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.what}" if self.where else self.what]
        if self.remedy:
            lines.append(self.remedy)
        return "\n".join(lines)


class ConfigurationError(SyncdoctorError):
    """Wrong usage, or a connection file that does not fit the two sides."""

    exit_code = 2
    code = "configuration"


class WorkspaceError(ConfigurationError):
    """The workspace file or the home folder cannot be used."""

    code = "workspace"


class AccessError(SyncdoctorError):
    """A side cannot be reached or refuses; nothing was concluded about its contacts."""

    exit_code = 3
    code = "access"


class CredentialsRefused(AccessError):
    """The side does not accept the token or key (HTTP 401, or a key of another data centre)."""

    code = "credentials-refused"


class ScopeMissing(AccessError):
    """The credentials lack a permission (HTTP 403). `scopes` names any one that would do."""

    code = "scope-missing"

    def __init__(self, what: str, *, scopes: tuple[str, ...] = (), where: str = "", remedy: str = "") -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.scopes = scopes


class LimitExhausted(AccessError):
    """The daily request limit is used up, or the side asks to wait longer than a run should."""

    code = "limit-exhausted"


class Unreachable(AccessError):
    """No connection, a time-out, or a server error that did not go away."""

    code = "unreachable"


class UnexpectedAnswer(AccessError):
    """An answer that is not JSON, is cut off, or has not the documented shape."""

    code = "unexpected-answer"


class Halted(SyncdoctorError):
    """A brake, a lock or the user ended the run before it was complete."""

    exit_code = 4
    code = "halted"


class BrakeTripped(Halted):
    """The plan is larger than the connection allows; nothing was written."""

    code = "brake"


class ReleaseHalted(Halted):
    """A stage of a staged release did not come out as planned; later stages were not written."""

    code = "release-halted"


class PlanOutdated(Halted):
    """What the plan was made on changed while it was written; the rest of it was not written."""

    code = "plan-outdated"


class LockHeld(Halted):
    """Another run works on this connection."""

    code = "locked"


class Stopped(Halted):
    """The user or the system asked the run to stop; it stopped at a safe point."""

    code = "stopped"
