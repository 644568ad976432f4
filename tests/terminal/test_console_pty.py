"""The console in a real pseudo-terminal: what reaches the terminal, and how it is left behind."""

from __future__ import annotations

import csv
import os
import re
import signal
import sys
import termios
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pexpect
import pyte
import pytest

from tests.tui.populated import PEOPLE, populated

SECONDS = 60
HOSTILE = (
    "\x1b]52;c;aGk=\x07\x1b]0;owned\x07\x1b[2J\u009b31m@example.org",
    "[@click=app.quit]x[/]\x1b[5m",
    "failing",
    "field-option",
)


class Terminal:
    """A program in a pseudo-terminal of 80x24, with what it would show."""

    def __init__(self, home: Path, environ: Mapping[str, str] | None = None) -> None:
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith(("TEXTUAL", "NO_COLOR", "SSH_"))
        }
        clean |= {"TERM": "xterm-256color", "PYTHONUTF8": "1", "HOME": str(home), **(environ or {})}
        self.screen = pyte.Screen(80, 24)
        self.stream = pyte.ByteStream(self.screen)
        self.received = b""
        self.child = pexpect.spawn(
            sys.executable,
            ["-m", "tui", "--home", str(home)],
            env=clean,
            dimensions=(24, 80),
            timeout=SECONDS,
            echo=True,
        )

    def text(self) -> str:
        """The screen as lines."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def _take(self, chunk: bytes) -> None:
        self.received += chunk
        # pyte knows neither the private sequences with '>' and '<' nor the mode queries
        self.stream.feed(re.sub(rb"\x1b\[[<>=][0-9;]*u|\x1b\[\?[0-9;]*\$p", b"", chunk))

    def until(self, words: str) -> str:
        """Reads until the screen shows the words."""
        while words not in self.text():
            try:
                self._take(self.child.read_nonblocking(65536, timeout=SECONDS))
            except (pexpect.TIMEOUT, pexpect.EOF) as error:
                raise AssertionError(f"never shown: {words!r}; the screen says:\n{self.text()}") from error
        return self.text()

    def end(self) -> int:
        """Reads to the end and gives the exit code; 128 + N if a signal ended it."""
        try:
            while True:
                self._take(self.child.read_nonblocking(65536, timeout=SECONDS))
        except pexpect.EOF:
            pass
        self.child.close()
        return self.child.exitstatus if self.child.exitstatus is not None else 128 + int(self.child.signalstatus or 0)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with one connection, one contact of which is hostile."""
    return populated(tmp_path, people=(*PEOPLE, HOSTILE))


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    """Terminals that are closed whatever happens."""
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.child.close(force=True)


def opened(home: Path, terminals: list[Terminal], **environ: str) -> Terminal:
    """A console that shows its first screen."""
    terminal = Terminal(home, environ)
    terminals.append(terminal)
    terminal.until("!! 2")
    return terminal


def test_it_is_used_and_left_with_q(home: Path, terminals: list[Terminal]) -> None:
    """Keys work, nothing hostile gets through, and q leaves the terminal as it was, with exit code 0."""
    terminal = opened(home, terminals)
    before = termios.tcgetattr(terminal.child.child_fd)[3]
    terminal.child.send("\r")
    terminal.until("7 contacts at")
    terminal.child.send("2")
    terminal.until("[@click=app.quit]")
    terminal.child.send("q")
    terminal.until("contacts by state")
    terminal.child.send("q")

    assert terminal.end() == 0
    for sequence in (b"\x1b]52", b"\x1b]0;", b"\xc2\x9b", b"\x1b[5m"):
        assert sequence not in terminal.received
    assert not before & termios.ICANON
    assert terminal.received.rindex(b"\x1b[?1049l") > terminal.received.rindex(b"\x1b[?1049h")
    assert terminal.received.rindex(b"\x1b[?25h") > terminal.received.rindex(b"\x1b[?25l")


def test_sigterm_restores_the_terminal(home: Path, terminals: list[Terminal]) -> None:
    """Ended from outside it leaves the alternate screen, shows the cursor, ends mouse reporting; exit code 143."""
    terminal = opened(home, terminals)
    terminal.child.kill(signal.SIGTERM)

    assert terminal.end() == 128 + signal.SIGTERM
    for on, off in ((b"\x1b[?1049h", b"\x1b[?1049l"), (b"\x1b[?25l", b"\x1b[?25h"), (b"\x1b[?1003h", b"\x1b[?1003l")):
        assert terminal.received.rindex(off) > terminal.received.rindex(on)


def test_keys_typed_ahead_reach_the_screen_they_were_meant_for(home: Path, terminals: list[Terminal]) -> None:
    """Enter, /, an address, Enter, Enter in one burst open the contact; no letter of the address becomes a command."""
    terminal = opened(home, terminals)
    terminal.child.send("\r/anna.berg@example.org\r\r")
    text = terminal.until("= syncdoctor explain practice")

    assert "Syncdoctor > practice > Contacts >" in text
    terminal.child.send("q")
    assert "find: anna.berg@example.org" in terminal.until("find: anna")


def test_a_page_of_contacts_costs_few_bytes(tmp_path: Path, terminals: list[Terminal]) -> None:
    """On a slow line a page down sends at most 6,000 bytes, and nothing is sent while nothing happens."""
    people = [(f"p{number:04}@example.org", f"Name {number}", "in_sync", "") for number in range(300)]
    terminal = Terminal(populated(tmp_path / "many", people=people))
    terminals.append(terminal)
    terminal.until("ok 300")
    terminal.child.send("\r2")
    terminal.until("p0000@")
    terminal.child.send("G")
    terminal.until("p0299@")
    before = len(terminal.received)
    terminal.child.send("g")
    terminal.until("p0016@")

    assert "p0000@" in terminal.text()
    assert len(terminal.received) - before <= 6_000
    with pytest.raises(pexpect.TIMEOUT):
        terminal.child.read_nonblocking(65536, timeout=1.5)


def test_a_hang_up_ends_it(home: Path, terminals: list[Terminal]) -> None:
    """SIGHUP with the terminal still there restores it; exit code 129."""
    terminal = opened(home, terminals)
    terminal.child.kill(signal.SIGHUP)

    assert terminal.end() == 128 + signal.SIGHUP
    assert b"\x1b[?1049l" in terminal.received


def test_a_terminal_that_vanished_ends_it(home: Path, terminals: list[Terminal]) -> None:
    """When the line is cut nothing is left spinning: the process ends by itself."""
    terminal = opened(home, terminals)
    process = terminal.child.ptyproc
    process.fileobj.close()
    process.closed = terminal.child.closed = True
    guard = threading.Timer(SECONDS, os.kill, (process.pid, signal.SIGKILL))
    guard.start()
    process.wait()
    guard.cancel()

    assert process.exitstatus == 129 or process.signalstatus == signal.SIGHUP


def test_a_byte_that_is_not_utf8_does_no_harm(home: Path, terminals: list[Terminal]) -> None:
    """A Latin-1 letter in the filter is shown as a replacement character, and the console goes on."""
    terminal = opened(home, terminals)
    terminal.child.send("\r")
    terminal.until("7 contacts at")
    terminal.child.send("/")
    terminal.until("find:")
    terminal.child.send(b"an\xe9x")
    terminal.until("0 of 7 contacts")
    terminal.child.send("\x1b")
    terminal.until("7 of 7 contacts")
    terminal.child.send("\x03")

    assert terminal.end() == 0


@pytest.mark.parametrize(
    ("environ", "words"),
    [({"TERM": "dumb"}, "TERM=dumb"), ({"PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"}, "UTF-8")],
)
def test_a_poor_terminal_is_refused(home: Path, terminals: list[Terminal], environ: dict[str, str], words: str) -> None:
    """One message that names the command without a screen, exit code 2, no escape sequence."""
    terminal = Terminal(home, environ)
    terminals.append(terminal)

    assert terminal.end() == 2
    assert words in terminal.text() and "syncdoctor check NAME" in terminal.text()
    assert b"\x1b" not in terminal.received


def test_no_color_sends_no_color(home: Path, terminals: list[Terminal]) -> None:
    """With NO_COLOR only bold, dim, underline, reverse and default colours are sent, and the signs still tell the states."""
    terminal = opened(home, terminals, NO_COLOR="1")
    terminal.child.send("\r")
    text = terminal.until("!! failing")
    terminal.child.send("\x03")
    terminal.end()
    codes = {code for found in re.findall(rb"\x1b\[([0-9;]*)m", terminal.received) for code in found.split(b";")}

    assert "<> conflict" in text
    assert codes <= {b"", b"0", b"1", b"2", b"4", b"7", b"39", b"49"}


def test_the_mouse_is_off_over_ssh_and_can_be_switched(home: Path, terminals: list[Terminal]) -> None:
    """Over SSH no mouse reporting is asked for until m is pressed."""
    terminal = opened(home, terminals, SSH_CONNECTION="10.0.0.1 1 10.0.0.2 22")
    assert b"\x1b[?1003h" not in terminal.received
    terminal.child.send("m")
    terminal.until("mouse on")
    assert b"\x1b[?1003h" in terminal.received
    terminal.child.send("m")
    terminal.until("mouse off")
    terminal.child.send("q")

    assert terminal.end() == 0
    assert terminal.received.rindex(b"\x1b[?1003l") > terminal.received.rindex(b"\x1b[?1003h")


def test_from_the_start_to_a_contacts_reason_in_five_keys(checked: Path, terminals: list[Terminal]) -> None:
    """On the practice portal at 80x24: Enter, /, the address, Enter, Enter, and the reason stands there."""
    with (checked / "practice" / "data" / "answer_key.csv").open(encoding="utf-8", newline="") as file:
        person = next(row for row in csv.DictReader(file) if row["cause"] == "list-criteria" and row["email"].isascii())
    terminal = Terminal(checked)
    terminals.append(terminal)
    terminal.until("practice")
    keys = ["\r", "/", person["email"], "\r", "\r"]
    for key, shown in zip(keys, ["2,400 contacts", "find:", "1 of 2,400", "> Contacts", "Failing: "], strict=True):
        terminal.child.send(key)
        terminal.until(shown)

    assert "the goal names" in terminal.text()
