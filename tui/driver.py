"""Textual's terminal driver with three repairs: input that is not UTF-8, keys typed ahead, a mouse that can be switched."""

from __future__ import annotations

import asyncio
import os
import select
from codecs import getincrementaldecoder

from textual import events
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message
from textual.message_pump import MessagePump
from textual.widgets import Input

from tui.terminal import terminal_is_gone

READ_BYTES = 4096
WAIT_SECONDS = 0.1
GONE = 129
LOOK_SECONDS = 0.004
MOST_LOOKS = 250
QUIET_LOOKS = 3
MOVES = frozenset({"up", "down", "j", "k", "pageup", "pagedown", "space", "home", "end", "g", "G"})


class ConsoleDriver(LinuxDriver):
    """Reads keys without ever failing on a byte, and leaves when the terminal is gone.

    Textual 8.2.8 decodes strictly: one Latin-1 byte ends the program. It spins at full speed on a terminal that was
    closed. And it hands out all keys that arrived together at once: on a slow line Enter, `/` and an address typed
    ahead would go to the screen that Enter is about to leave, where letters are commands.
    """

    _typed: asyncio.Queue[Message]
    _hand_out: asyncio.Task[None] | None = None

    def start_application_mode(self) -> None:
        """Takes the terminal, and starts to hand out what is typed."""
        self._typed = asyncio.Queue()
        self._hand_out = asyncio.get_running_loop().create_task(self._in_order())
        super().start_application_mode()  # type: ignore[no-untyped-call]

    def stop_application_mode(self) -> None:
        """Gives the terminal back."""
        if self._hand_out is not None:
            self._hand_out.cancel()
        super().stop_application_mode()

    def process_message(self, message: Message) -> None:
        """Queues what is typed; Ctrl-C and all else goes through at once. Runs on the input thread."""
        typed = isinstance(message, events.Paste) or (isinstance(message, events.Key) and message.key != "ctrl+c")
        if typed:
            self._loop.call_soon_threadsafe(self._typed.put_nowait, message)
        else:
            super().process_message(message)

    async def _in_order(self) -> None:
        """Hands out one key after the other; after one that may change the screen it waits until that has happened."""
        while True:
            message = await self._typed.get()
            moves = isinstance(message, events.Key) and message.key in MOVES
            writes = isinstance(message, events.Key) and message.is_printable and isinstance(self._app.focused, Input)
            super().process_message(message)
            if not (moves or writes):
                await self._settled()

    async def _settled(self) -> None:
        quiet = 0
        for _ in range(MOST_LOOKS):
            await asyncio.sleep(LOOK_SECONDS)
            screen = self._app.screen
            busy: list[MessagePump] = [self._app, *(self._app.focused or screen).ancestors_with_self]
            waiting = any(one.message_queue_size for one in busy) or not (screen.is_running and screen.is_current)
            quiet = 0 if waiting or not screen.query("*") else quiet + 1
            if quiet == QUIET_LOOKS:
                return

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
