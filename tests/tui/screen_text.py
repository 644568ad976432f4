"""What a screen shows as lines of text: the one place that looks into Textual's compositor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.pilot import Pilot


def lines_of(pilot: Pilot[Any]) -> list[str]:
    """The lines of the current screen, without trailing blanks."""
    screen = pilot.app.screen
    strips = screen._compositor.render_strips(screen.size)
    return [strip.text.rstrip() for strip in strips]


def text_of(pilot: Pilot[Any]) -> str:
    """The current screen as one text."""
    return "\n".join(lines_of(pilot))


async def until(pilot: Pilot[Any], holds: Callable[[str], bool], turns: int = 400) -> str:
    """Lets the application work until its text fulfils a condition; fails with the text if it never does."""
    for _ in range(turns):
        text = text_of(pilot)
        if holds(text):
            return text
        await pilot.pause(0.01)
    raise AssertionError(f"never shown; the screen says:\n{text_of(pilot)}")


async def shown(pilot: Pilot[Any], *texts: str) -> str:
    """Lets the application work until all texts are on the screen."""
    return await until(pilot, lambda text: all(one in text for one in texts))
