"""A table that keeps no rows: it asks for the pages it shows, off the loop, and draws line by line.

A row costs one or two segments, a cursor move two lines, and at the edge the view jumps by half a page: bytes are the
budget of a slow line.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from engine.visible import visible
from tui.notation import fit
from tui.reader import Superseded
from tui.widgets.background import in_background

PAGE = 64
_PAGES_KEPT = 16
_HEADER = Style(bold=True, underline=True)
_CURSOR = Style(reverse=True)


@dataclass(frozen=True)
class Column:
    """A column of at least `width` cells; columns that `grow` share what is left. `from_width` hides it on a
    narrower table. `right` aligns numbers."""

    title: str
    width: int
    grow: int = 0
    from_width: int = 0
    right: bool = False


@dataclass(frozen=True)
class Row:
    """One line: what it stands for, its cells (raw texts, made visible when drawn), and the first cell's style."""

    key: object
    cells: tuple[str, ...]
    style: str = ""


Fetch = Callable[[int, int], Awaitable[Sequence[Row]]]
"""Gives the rows from a position on, at most so many."""


class Table(ScrollView, can_focus=True):
    """A table over rows that are fetched when they come into view, with a cursor line."""

    BINDINGS: ClassVar = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown,space", "page(1)", show=False),
        Binding("home,g", "to(0)", show=False),
        Binding("end,G", "to(-1)", show=False),
        Binding("enter,right,l", "open", show=False),
    ]
    cursor = reactive(0, repaint=False)

    class Opened(Message):
        """A line was opened with Enter or a click."""

        def __init__(self, table: Table, row: Row) -> None:
            super().__init__()
            self.table = table
            self.row = row

        @property
        def control(self) -> Table:
            """The table."""
            return self.table

    def __init__(self, columns: Sequence[Column], *, empty: str = "", id: str | None = None) -> None:
        super().__init__(id=id)
        self.columns = tuple(columns)
        self.count = 0
        self.empty = empty
        self._fetch: Fetch | None = None
        self._pages: dict[int, Sequence[Row]] = {}
        self._wanted: set[int] = set()
        self._generation = 0
        self._open_when_there = False
        self._settled = False

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Shows rows that are at hand; the cursor stays on the same key where it can."""
        before = self.selected
        self._reset(len(rows), None)
        self._pages = {index // PAGE: rows[index : index + PAGE] for index in range(0, len(rows), PAGE)}
        keys = [row.key for row in rows]
        position = keys.index(before.key) if before is not None and before.key in keys else self.cursor
        self._settle(position)

    def show_query(self, count: int, fetch: Fetch, position: int = 0) -> None:
        """Shows a query of so many rows, with the cursor at a position."""
        self._reset(count, fetch)
        self._settle(position)

    def expect(self) -> None:
        """Says that other rows are on their way: opening waits for them."""
        self._settled = False

    @property
    def selected(self) -> Row | None:
        """The row under the cursor, if it is there already."""
        page = self._pages.get(self.cursor // PAGE)
        index = self.cursor % PAGE
        return page[index] if page is not None and index < len(page) else None

    def _reset(self, count: int, fetch: Fetch | None) -> None:
        self._generation += 1
        self.count, self._fetch = count, fetch
        self._pages, self._wanted = {}, set()

    def _settle(self, position: int) -> None:
        self._settled = True
        self.virtual_size = Size(self.size.width, self.count + 1)
        self.set_reactive(Table.cursor, max(0, min(position, self.count - 1)))
        self._keep_cursor_in_view()
        self.refresh()
        self._open_if_asked()

    def on_resize(self, event: events.Resize) -> None:
        """Keeps the cursor on the screen."""
        self.virtual_size = Size(event.size.width, self.count + 1)
        self._keep_cursor_in_view()

    def _shown_rows(self) -> int:
        return max(1, self.size.height - 1)

    def _keep_cursor_in_view(self) -> None:
        top, height = self.scroll_offset.y, self._shown_rows()
        if not top <= self.cursor < top + height:
            # scrolling by one line repaints the whole view: half a page costs the same and is needed less often
            self.scroll_to(y=max(0, self.cursor - height // 2), animate=False, immediate=True, force=True)

    def watch_cursor(self, old: int, new: int) -> None:
        """Repaints the two lines that a move touches."""
        self._keep_cursor_in_view()
        for index in (old, new):
            self.refresh(Region(0, index - self.scroll_offset.y + 1, self.size.width, 1))

    def action_move(self, by: int) -> None:
        """Moves the cursor by lines."""
        self.cursor = max(0, min(self.cursor + by, self.count - 1))

    def action_page(self, by: int) -> None:
        """Moves the cursor by pages."""
        self.action_move(by * self._shown_rows())

    def action_to(self, index: int) -> None:
        """Moves the cursor to the first or last row."""
        self.cursor = max(0, self.count - 1 if index < 0 else index)

    def action_open(self) -> None:
        """Opens the row under the cursor; one that is still on its way is opened when it is there."""
        if not self._settled or (self.count and self.selected is None):
            self._open_when_there = True
        elif self.selected is not None:
            self.post_message(self.Opened(self, self.selected))

    def _open_if_asked(self) -> None:
        if not self._open_when_there:
            return
        if self.selected is not None:
            self._open_when_there = False
            self.post_message(self.Opened(self, self.selected))
        elif not self.count:
            self._open_when_there = False

    def on_click(self, event: events.Click) -> None:
        """A click selects a row, a click on the selected row opens it."""
        index = self.scroll_offset.y + event.y - 1
        if event.y > 0 and index < self.count:
            if index == self.cursor:
                self.action_open()
            else:
                self.cursor = index

    def _widths(self) -> list[int]:
        """Columns' widths for the table's width; 0 hides a column."""
        width = self.size.width
        widths = [column.width if width >= column.from_width else 0 for column in self.columns]
        left = width - sum(widths) - sum(1 for one in widths if one)
        shares = sum(column.grow for column, one in zip(self.columns, widths, strict=True) if one)
        if left > 0 and shares:
            for index, column in enumerate(self.columns):
                if widths[index] and column.grow:
                    extra = left * column.grow // shares
                    widths[index] += extra
        return widths

    def _row(self, index: int) -> Row | None:
        page = index // PAGE
        if page not in self._pages:
            if self._fetch is not None and page not in self._wanted:
                self._wanted.add(page)
                in_background(self, partial(self._load, page, self._fetch, self._generation), group="pages")
            return None
        rows = self._pages[page]
        return rows[index % PAGE] if index % PAGE < len(rows) else None

    async def _load(self, page: int, fetch: Fetch, generation: int) -> None:
        try:
            rows = await fetch(page * PAGE, PAGE)
        except Superseded:
            rows = None
        if generation != self._generation:
            return
        self._wanted.discard(page)
        if rows is None:
            return
        while self._fetch is not None and len(self._pages) >= _PAGES_KEPT:
            self._pages.pop(next(iter(self._pages)))
        self._pages[page] = rows
        self.refresh()
        self._open_if_asked()

    def render_line(self, y: int) -> Strip:
        """The header, or the row at this line."""
        style, width = self.rich_style, self.size.width
        if y == 0:
            return self._strip([column.title for column in self.columns], style + _HEADER, style + _HEADER)
        index = self.scroll_offset.y + y - 1
        if index >= self.count:
            text = visible(self.empty) if not self.count and y == 2 and self._settled else ""
            return Strip([Segment(fit(text, width), style)], width)
        row = self._row(index)
        base = style + _CURSOR if index == self.cursor else style
        if row is None:
            return Strip([Segment(fit("…", width), base)], width)
        first = base + Style.parse(row.style) if row.style else base
        return self._strip(row.cells, base, first)

    def _strip(self, cells: Sequence[str], base: Style, first: Style) -> Strip:
        texts: list[str] = []
        for cell, column, width in zip(cells, self.columns, self._widths(), strict=True):
            if not width:
                continue
            shown = fit(visible(cell), width)
            if column.right:
                shown = shown.rstrip().rjust(width)
            texts.append(f"{shown} ")
        rest = "".join(texts[1:])
        segments = (
            [Segment(texts[0] + rest, base)] if first == base else [Segment(texts[0], first), Segment(rest, base)]
        )
        return Strip(segments).adjust_cell_length(self.size.width, base)
