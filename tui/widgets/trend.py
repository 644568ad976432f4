"""The trend of a connection as a plot, for terminals with room. Imported only there: plotext costs start-up time."""

from __future__ import annotations

from collections.abc import Sequence

from textual_plotext import PlotextPlot

from tui.reading.health import Check

MARKS = {"failing": ("!", "red"), "conflict": ("x", "magenta"), "unknown": ("?", "cyan"), "pending": ("o", "orange")}
"""One character per state beside its colour, so that the plot can be read without colour. In sync and excluded would dwarf these."""


class TrendPlot(PlotextPlot):
    """Contacts that need attention, over the last checks."""

    def show(self, checks: Sequence[Check]) -> None:
        """Draws the counts of the given checks, oldest first."""
        self.theme = "clear"
        self.plt.clear_data()
        self.plt.title("contacts that need attention, by check")
        numbers = [float(number) for number in range(1, len(checks) + 1)]
        for state, (mark, color) in MARKS.items():
            counts = [check.counts.get(state, 0) for check in checks]
            if any(counts):
                self.plt.plot(numbers, counts, marker=mark, color=color, label=state)
        self.plt.xticks(numbers, [check.at[5:16].replace("T", " ") for check in checks])
        self.plt.ylim(lower=0)
        self.refresh()
