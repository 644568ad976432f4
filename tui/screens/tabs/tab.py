"""What all tabs share."""

from __future__ import annotations

from typing import ClassVar

from textual.containers import Vertical
from textual.widget import Widget

from tui.open_connection import OpenConnection
from tui.screens.connection_frame import ConnectionFrame


class Tab(Vertical):
    """One tab of a connection. It is mounted when it is first shown, and reads again when the workspace changed."""

    PLACES: ClassVar[tuple[str, ...]] = ()
    COMMAND: ClassVar[str] = "check {name}"
    LIVE: ClassVar[bool] = False
    """Whether it is also read again while a run is at work, at most once a second."""

    def __init__(self, connection: OpenConnection) -> None:
        super().__init__()
        self.connection = connection

    async def reload(self) -> None:
        """Reads the workspace and shows it. Raises SyncdoctorError, Superseded or sqlite3.Error."""
        raise NotImplementedError

    def takes_keys(self) -> Widget | None:
        """The widget that has the keys when the tab is shown."""
        return next(iter(self.query("Table, Lines").results(Widget)), None)

    def equivalent(self) -> str:
        """The command that gives the same."""
        return self.connection.equivalent(self.COMMAND)

    def where(self) -> str:
        """An addition to the title line."""
        return ""

    def why_not(self, action: str) -> str:
        """Why an action of this tab cannot be used now, or nothing."""
        del action
        return ""

    @property
    def frame(self) -> ConnectionFrame:
        """The screen it is on."""
        screen = self.screen
        assert isinstance(screen, ConnectionFrame)
        return screen
