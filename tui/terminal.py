"""Whether this terminal can show the console, and the settings that have to be made before Textual is imported."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, MutableMapping

HEADLESS = (
    "Every screen has a command that needs no terminal: see syncdoctor --help, for instance: syncdoctor check NAME"
)
THEME = "ansi-dark"
"""The terminal's own 16 colours: half the bytes of a page in 24-bit colours, and readable on any background."""

_LEAKS = (
    "TEXTUAL_LOG",
    "TEXTUAL_DEVTOOLS_HOST",
    "TEXTUAL_DEVTOOLS_PORT",
    "TEXTUAL_DEBUG",
    "TEXTUAL_DRIVER",
    "TEXTUAL_PRESS",
)
_LEAK_PREFIXES = ("TEXTUAL_SCREENSHOT",)


def refusal(environ: Mapping[str, str], *, terminal: bool, encoding: str) -> str:
    """Why the console cannot be shown here, and what to do instead; empty if it can.

    `terminal` is whether input, output and errors are one; `encoding` is that of standard error, which Textual
    paints through. TERM=dumb is not honoured by Textual, it would paint a full screen.
    """
    if not terminal:
        return f"The console needs a terminal for input, output and errors.\n{HEADLESS}"
    if environ.get("TERM", "") in ("dumb", ""):
        return f"This terminal (TERM={environ.get('TERM') or 'not set'}) cannot show a full screen.\n{HEADLESS}"
    if encoding.lower().replace("-", "").replace("_", "") != "utf8":
        return (
            f"This terminal's encoding is {encoding}, the console needs UTF-8.\n"
            f"Start it with PYTHONUTF8=1 in front, or choose a UTF-8 locale (LANG=C.UTF-8).\n{HEADLESS}"
        )
    return ""


def here_refused() -> str:
    """The refusal for this process, empty if the console can be shown."""
    streams = (sys.__stdin__, sys.__stdout__, sys.__stderr__)
    terminal = all(stream is not None and stream.isatty() for stream in streams)
    encoding = (sys.__stderr__.encoding if sys.__stderr__ is not None else "") or "unknown"
    return refusal(os.environ, terminal=terminal, encoding=encoding)


def prepare(environ: MutableMapping[str, str]) -> None:
    """Settings that Textual reads when it is imported: no animation, colours of the terminal, no leaks to files.

    With NO_COLOR the theme has to be an ANSI one from the start; chosen later it paints black on black.
    """
    for name in list(environ):
        if name in _LEAKS or name.startswith(_LEAK_PREFIXES):
            del environ[name]
    environ["TEXTUAL_ANIMATIONS"] = "none"
    environ["TEXTUAL_SMOOTH_SCROLL"] = "0"
    if environ.get("NO_COLOR"):
        environ["TEXTUAL_THEME"] = THEME
    environ.setdefault("TEXTUAL_THEME", THEME)


def wants_mouse(environ: Mapping[str, str], asked: bool | None) -> bool:
    """Whether to start with the mouse: as asked, else not over SSH, where it takes away selecting text."""
    return asked if asked is not None else not environ.get("SSH_CONNECTION")


def terminal_is_gone() -> bool:
    """Whether the line was cut: asking the terminal for its foreground process fails."""
    if sys.__stdin__ is None:
        return True
    try:
        os.tcgetpgrp(sys.__stdin__.fileno())
    except OSError:
        return True
    return False
