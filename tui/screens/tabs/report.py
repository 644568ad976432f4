"""Report: the support report as it was last written, and writing a new one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.widget import Widget

from tui.actions import bindings_for
from tui.notation import moment
from tui.reading.record import last_report
from tui.screens.tabs.tab import Tab
from tui.widgets.lines import Lines, Note, Page

LONGEST_LINE = 20_000


class ReportTab(Tab):
    """Shows the Markdown file. It is saved already: the path on top is where."""

    PLACES: ClassVar = ("report",)
    BINDINGS: ClassVar = bindings_for("report")
    COMMAND: ClassVar = "report {name}"

    def compose(self) -> Iterable[Widget]:
        """The path, and the text."""
        yield Note(id="report_path", classes="head")
        yield Lines()

    async def reload(self) -> None:
        """Reads the newest report's file."""
        found = await self.connection.reader.ask(last_report, topic="report")
        note, page = self.query_one("#report_path", Note), Page(longest=LONGEST_LINE)
        if found is None:
            note.say("No report was written yet. r writes one: it works offline, and personal values are masked.")
        else:
            places = "".join(f"\n         {path}" for path in found.others)
            note.say(("saved at ", "bold"), f"{moment(found.at)}: {found.path}{places}")
            if found.problem:
                page.add((f"!! {found.problem}", "bold red"))
            for line in found.text.splitlines():
                page.add(
                    (line, "bold") if line.startswith("#") else line, hanging=2 if line.startswith(("-", "*")) else 0
                )
        self.query_one(Lines).show(page)

    def action_report(self) -> None:
        """Writes a report in the background."""
        if not self.frame.refused("report"):
            self.frame.launch("report", self.connection.name)
