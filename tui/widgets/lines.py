"""A page of text that scrolls: wrapped to the width, without markup, every piece of it made visible."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import Static

from engine.visible import visible

LONGEST = 20_000


@dataclass
class Page:
    """Text under construction: paragraphs with a hanging indent. Pieces are raw; drawing makes them visible."""

    paragraphs: list[tuple[Text, int]] = field(default_factory=list)

    def add(self, *pieces: str | tuple[str, str], indent: int = 0, hanging: int = 0) -> Page:
        """A paragraph of pieces, each a text or a text with a style, indented; wrapped lines hang `hanging` deeper."""
        text = Text(" " * indent, end="", overflow="fold")
        for piece in pieces:
            content, style = (piece, "") if isinstance(piece, str) else piece
            text.append(visible(content, LONGEST), style=style or None)
        self.paragraphs.append((text, indent + hanging))
        return self

    def heading(self, title: str) -> Page:
        """A heading, with an empty line before it unless it is the first."""
        if self.paragraphs:
            self.gap()
        return self.add((title, "bold underline"))

    def gap(self) -> Page:
        """An empty line."""
        return self.add("")

    def pair(self, label: str, value: str, *, width: int = 14, style: str = "") -> Page:
        """A label and its value, aligned."""
        return self.add((label.ljust(width), "bold"), (value, style), indent=2, hanging=width)

    def lines(self, width: int) -> list[Text]:
        """The paragraphs wrapped to a width."""
        wrapped: list[Text] = []
        for text, hanging in self.paragraphs:
            wrapped += _wrap(text, max(10, width), hanging)
        return wrapped


class Lines(ScrollView, can_focus=True):
    """Shows a page; keys scroll it."""

    BINDINGS: ClassVar = [
        Binding("up,k", "line(-1)", show=False),
        Binding("down,j", "line(1)", show=False),
        Binding("pageup", "screen(-1)", show=False),
        Binding("pagedown,space", "screen(1)", show=False),
        Binding("home,g", "edge(0)", show=False),
        Binding("end,G", "edge(1)", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._page = Page()
        self._lines: list[Text] = []

    def show(self, page: Page) -> None:
        """Shows another page; the place in it is kept."""
        self._page = page
        self._wrap(self.size.width)
        self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        """Wraps anew."""
        self._wrap(event.size.width)
        self.refresh()

    def _wrap(self, width: int) -> None:
        if width <= 0:
            return
        self._lines = self._page.lines(width)
        self.virtual_size = Size(width, len(self._lines))

    def render_line(self, y: int) -> Strip:
        """One line of the page."""
        index = self.scroll_offset.y + y
        width, style = self.size.width, self.rich_style
        if index >= len(self._lines):
            return Strip.blank(width, style)
        segments = self._lines[index].render(self.app.console)
        return Strip(segments).apply_style(style).adjust_cell_length(width, style)

    def action_line(self, by: int) -> None:
        """Scrolls by lines."""
        self._scroll(self.scroll_offset.y + by)

    def action_screen(self, by: int) -> None:
        """Scrolls by pages."""
        self._scroll(self.scroll_offset.y + by * max(1, self.size.height - 1))

    def action_edge(self, end: int) -> None:
        """Scrolls to the top or the bottom."""
        self._scroll(len(self._lines) if end else 0)

    def _scroll(self, y: int) -> None:
        self.scroll_to(y=max(0, y), animate=False, immediate=True, force=True)


class Note(Static):
    """A few lines that do not scroll. Shows text as it is: nothing in it is markup."""

    def __init__(self, text: str = "", *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(Text(visible(text, LONGEST, multiline=True)), id=id, classes=classes, markup=False)

    def say(self, *pieces: str | tuple[str, str]) -> None:
        """Shows other text, of pieces with or without a style."""
        text = Text(overflow="ellipsis", no_wrap=False)
        for piece in pieces:
            content, style = (piece, "") if isinstance(piece, str) else piece
            text.append(visible(content, LONGEST, multiline=True), style=style or None)
        self.update(text)


def _wrap(text: Text, width: int, hanging: int) -> Iterable[Text]:
    if text.cell_len <= width:
        return [text]
    hanging = min(hanging, width // 2)
    first, *rest = _broken(text, width)
    if not rest:
        return [first]
    remaining = text[len(first.plain) :]
    following = _broken(Text.assemble(remaining, end=""), width - hanging)
    lines = [first]
    for line in following:
        plain = line.plain.lstrip(" ")
        stripped = line[len(line.plain) - len(plain) :] if plain else line
        lines.append(Text.assemble(" " * hanging, stripped, end=""))
    return lines


def _broken(text: Text, width: int) -> list[Text]:
    """The text in lines of at most a width, broken at spaces where there are any."""
    lines: list[Text] = []
    plain, start = text.plain, 0
    while start < len(plain):
        columns, end, space = 0, start, -1
        while end < len(plain):
            columns += Text(plain[end]).cell_len
            if columns > width:
                break
            if plain[end] == " " and end > start:
                space = end
            end += 1
        if end < len(plain) and space > start and plain[start:space].strip():
            end = space + 1
        end = max(end, start + 1)
        lines.append(text[start:end])
        start = end
    return lines or [text]
