"""Whether a terminal can show the console, and what is set before Textual is imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tui.terminal import prepare, refusal, wants_mouse

GOOD = {"TERM": "xterm-256color"}


@pytest.mark.parametrize(
    ("environ", "terminal", "encoding", "words"),
    [
        (GOOD, False, "utf-8", "needs a terminal"),
        ({"TERM": "dumb"}, True, "utf-8", "TERM=dumb"),
        ({}, True, "utf-8", "TERM=not set"),
        (GOOD, True, "iso8859-1", "PYTHONUTF8=1"),
        (GOOD, True, "ANSI_X3.4-1968", "UTF-8"),
    ],
)
def test_a_terminal_that_cannot_show_it_is_refused(
    environ: dict[str, str], terminal: bool, encoding: str, words: str
) -> None:
    """The refusal names what is missing and the command that needs no screen."""
    message = refusal(environ, terminal=terminal, encoding=encoding)

    assert words in message
    assert "syncdoctor check NAME" in message


@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "UTF-8", "utf_8"])
def test_a_utf8_terminal_is_accepted(encoding: str) -> None:
    """However UTF-8 is spelt."""
    assert refusal(GOOD, terminal=True, encoding=encoding) == ""


def test_settings_that_leak_or_animate_are_removed() -> None:
    """Logs, developer tools and screenshots are off; nothing moves."""
    environ = {"TEXTUAL_LOG": "x", "TEXTUAL_DEVTOOLS_PORT": "1", "TEXTUAL_SCREENSHOT_LOCATION": "y", "HOME": "h"}

    prepare(environ)

    assert environ == {
        "HOME": "h",
        "TEXTUAL_ANIMATIONS": "none",
        "TEXTUAL_SMOOTH_SCROLL": "0",
        "TEXTUAL_THEME": "ansi-dark",
    }


def test_no_color_overrides_a_chosen_theme() -> None:
    """A theme may be chosen, but NO_COLOR asks for none."""
    chosen, without = {"TEXTUAL_THEME": "nord"}, {"TEXTUAL_THEME": "nord", "NO_COLOR": "1"}

    prepare(chosen)
    prepare(without)

    assert (chosen["TEXTUAL_THEME"], without["TEXTUAL_THEME"]) == ("nord", "ansi-dark")


@pytest.mark.parametrize(
    ("environ", "asked", "expected"),
    [
        ({}, None, True),
        ({"SSH_CONNECTION": "1"}, None, False),
        ({"SSH_CONNECTION": "1"}, True, True),
        ({}, False, False),
    ],
)
def test_the_mouse_is_off_over_ssh_unless_asked_for(
    environ: dict[str, str], asked: bool | None, expected: bool
) -> None:
    """Over SSH the terminal keeps selecting text."""
    assert wants_mouse(environ, asked) is expected


def test_the_first_paint_imports_nothing_heavy() -> None:
    """The console's modules load neither Polars nor httpx, pydantic or plotext; the check itself needs no Textual."""
    heavy = "('polars','httpx','pydantic','plotext','pyarrow','jinja2','sqlite_utils')"
    code = (
        "import sys, tui.app; assert 'textual' not in sys.modules; import tui.console; "
        f"print([m for m in {heavy} if m in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
