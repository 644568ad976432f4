"""Which program is at work: what examines must know whether an earlier answer was its own."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import diagnostics
import engine

_DECIDE = ("syncdoctor", "polars", "phonenumbers", "email-validator", "idna", "disposable-email-domains")
"""Distributions whose next version may give another answer."""


@cache
def program() -> str:
    """A digest of the versions at work, and of size and time of every source file of engine and diagnostics: an installation from a
    repository changes without a new version."""
    found = [f"{name} {_version(name)}" for name in _DECIDE]
    for package in (engine, diagnostics):
        for folder in map(Path, package.__path__):
            files = ((path.relative_to(folder), path.stat()) for path in sorted(folder.rglob("*.py")))
            found += [f"{name} {about.st_size} {about.st_mtime_ns}" for name, about in files]
    return hashlib.sha256("\n".join(found).encode("utf-8", "surrogatepass")).hexdigest()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
