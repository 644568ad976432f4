"""Textual's terminal driver with two repairs: input that is not UTF-8, and a mouse that can be switched."""

from __future__ import annotations

import os
import select
from codecs import getincrementaldecoder

from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

from tui.terminal import terminal_is_gone

READ_BYTES = 4096
WAIT_SECONDS = 0.1
GONE = 129


class ConsoleDriver(LinuxDriver):
    """Reads keys without ever failing on a byte, and leaves when the terminal is gone.

    Textual 8.2.8 decodes strictly: one Latin-1 byte ends the program. It also spins at full speed on a terminal that
    was closed.
    """

    def run_input_thread(self) -> None:
        """Turns bytes into events until the program ends; a byte that is not UTF-8 becomes U+FFFD."""
        parser = XTermParser(self._debug)
        decoder = getincrementaldecoder("utf-8")(errors="replace")
        while not self.exit_event.is_set():
            ready, _, _ = select.select([self.fileno], [], [], WAIT_SECONDS)
            if ready:
                try:
                    received = os.read(self.fileno, READ_BYTES)
                except OSError:
                    received = b""
                if not received and terminal_is_gone():
                    os._exit(GONE)
                for event in parser.feed(decoder.decode(received)) if received else ():
                    self.process_message(event)
            for event in parser.tick():
                self.process_message(event)

    def switch_mouse(self, on: bool) -> None:
        """Starts or ends mouse reporting."""
        if on:
            self._mouse = True
            self._enable_mouse_support()
        else:
            self._disable_mouse_support()
            self.write("\x1b[?1016l")
            self.flush()
            self._mouse = False
            self._mouse_pixels = False
