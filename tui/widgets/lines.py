"""A page of text that scrolls: wrapped to the width, without markup, every piece of it made visible."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from rich.cells import get_character_cell_size
from rich.text import Text
from textual import events
from textual.binding import Binding
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import Static

from engine.visible import visible

LONGEST = 600
"""Characters of one piece of text that a page shows; what is cut is said as `… +N`."""


@dataclass(frozen=True)
class _Paragraph:
    text: Text
    hanging: int

    def lines(self, width: int) -> list[Text]:
        return wrapped(self.text, width, self.hanging)


@dataclass(frozen=True)
class _Cells:
    """A line of a table whose cells wrap each in its own column."""

    cells: tuple[Text, ...]
    shares: tuple[int, ...]

    def lines(self, width: int) -> list[Text]:
        room = width - len(self.cells) - 1
        widths = [max(4, room * share // sum(self.shares)) for share in self.shares]
        columns = [wrapped(cell, one, 0) for cell, one in zip(self.cells, widths, strict=True)]
        lines: list[Text] = []
        for index in range(max(len(column) for column in columns)):
            line = Text("  ", end="")
            for column, one in zip(columns, widths, strict=True):
                cell = column[index].copy() if index < len(column) else Text()
                cell.pad_right(max(0, one - cell.cell_len) + 1)
                line.append_text(cell)
            lines.append(line)
        return lines


@dataclass
class Page:
    """Text under construction: paragraphs with a hanging indent. Pieces are raw; adding makes them visible."""

    parts: list[_Paragraph | _Cells] = field(default_factory=list)
    longest: int = LONGEST

    def add(self, *pieces: str | tuple[str, str], indent: int = 0, hanging: int = 0) -> Page:
        """A paragraph of pieces, each a text or a text with a style, indented; wrapped lines hang `hanging` deeper."""
        text = Text(" " * indent, end="")
        for piece in pieces:
            text.append_text(_shown(piece, self.longest))
        self.parts.append(_Paragraph(text, indent + hanging))
        return self

    def heading(self, title: str) -> Page:
        """A heading, with an empty line before it unless it is the first."""
        if self.parts:
            self.gap()
        return self.add((title, "bold underline"))

    def gap(self) -> Page:
        """An empty line."""
        return self.add("")

    def pair(self, label: str, value: str, *, width: int = 14, style: str = "") -> Page:
        """A label and its value, aligned."""
        return self.add((f"{label:<{width - 1}} ", "bold"), (value, style), indent=2, hanging=width)

    def cells(self, *cells: str | tuple[str, str], shares: tuple[int, ...]) -> Page:
        """A line of a table: each cell wraps in its column; the columns share the width."""
        self.parts.append(_Cells(tuple(_shown(cell, self.longest) for cell in cells), shares))
        return self

    def lines(self, width: int) -> list[Text]:
        """Everything wrapped to a width."""
        return [line for part in self.parts for line in part.lines(max(20, width))]


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


def _shown(piece: str | tuple[str, str], longest: int) -> Text:
    content, style = (piece, "") if isinstance(piece, str) else piece
    return Text(visible(content, longest), style=style, end="")


def wrapped(text: Text, width: int, hanging: int) -> list[Text]:
    """A text in lines of at most `width` columns, broken at spaces where there are any; all but the first are indented."""
    lines: list[Text] = []
    rest, indent = text, 0
    while rest.cell_len > width - indent:
        end = _break_at(rest.plain, width - indent)
        lines.append(_indented(rest[:end], indent))
        rest = rest[end:]
        indent = min(hanging, width // 2)
    if rest.plain or not lines:
        lines.append(_indented(rest, indent))
    return lines


def _indented(text: Text, indent: int) -> Text:
    return Text.assemble(" " * indent, text, end="") if indent else text


def _break_at(plain: str, width: int) -> int:
    """How many characters of a text fit a width, up to and with the last space if one is among them."""
    columns = 0
    space = 0
    for index, character in enumerate(plain):
        columns += get_character_cell_size(character)
        if columns > width:
            return space if plain[:space].strip() else max(1, index)
        if character == " ":
            space = index + 1
    return len(plain)
