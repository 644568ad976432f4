"""Causes by their code, also by a code that this version does not know: a workspace may come from another one."""

from __future__ import annotations

from diagnostics.causes import Cause, cause


def cause_of(code: str) -> Cause:
    """The cause with this code; one without texts if there is none, so that only the code speaks."""
    try:
        return cause(code)
    except KeyError:
        return Cause(
            code=code,
            title="Not known to this version",
            explanation="",
            remedy="Update Syncdoctor, or run a new check.",
            fixed_by="us",
            says="",
            question="sync",
        )
