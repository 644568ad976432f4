"""Will it happen again: each rule as a table of timelines and answers."""

from __future__ import annotations

import pytest

from diagnostics.history.again import outlooks
from diagnostics.history.entry import Entry, Kind
from engine.schema import Side

LETTERS: dict[str, tuple[Kind, str]] = {
    "U": ("us", "us"), "w": ("workflow", "workflow 7"), "x": ("workflow", "workflow 8"), "i": ("integration", "integration 9"),
    "k": ("api", "API key or private app 3"), "c": ("hubspot", "HubSpot's calculation"), "p": ("person", "user 1"),
    "q": ("person", "user 2"), "b": ("import", "import 5"), "m": ("merge", "a merge with record 4"), "f": ("form", "form 6"),
    "a": ("app", "Mailchimp does not say by whom"), "?": ("unknown", "SOMETHING_NEW"),
}  # fmt: skip


def entries(letters: str, side: Side = "hubspot") -> list[Entry]:
    """A timeline from letters, the oldest first."""
    made = []
    for number, letter in enumerate(letters):
        kind, by = LETTERS[letter]
        made.append(Entry(f"2026-03-01T08:{number:02}:00.000Z", side, kind, by, f"value {number}", by))
    return made


@pytest.mark.parametrize(
    ("letters", "word", "times", "of"),
    [
        # A writer that acts by itself, after each of our writes.
        ("UwUw", "yes", 2, 2), ("UwUwUw", "yes", 3, 3), ("iUiUi", "yes", 2, 2), ("UkUk", "yes", 2, 2), ("UcUc", "yes", 2, 2),
        ("UaUa", "yes", 2, 2), ("UwpUw", "yes", 2, 2),
        # After some of them, or once: no rule yet.
        ("Uw", "maybe", 1, 1), ("UwU", "maybe", 1, 2), ("UwUwU", "maybe", 2, 3), ("UwUx", "maybe", 1, 2), ("Ua", "maybe", 1, 1),
        # People and imports.
        ("p", "unlikely", 1, 0), ("Up", "unlikely", 1, 0), ("b", "unlikely", 1, 0), ("Ub", "unlikely", 1, 0),
        ("UpUp", "maybe", 2, 2), ("pp", "maybe", 2, 0), ("bb", "maybe", 2, 0), ("pq", "unlikely", 1, 0),
        # A merge happens once, a form whenever the person submits it.
        ("m", "no", 1, 0), ("Um", "no", 1, 0), ("wm", "no", 1, 0), ("f", "maybe", 1, 0), ("UfU", "maybe", 1, 0),
        # Nothing says so.
        ("", None, 0, 0), ("U", "unknown", 0, 0), ("UUU", "unknown", 0, 0), ("w", "unknown", 1, 0), ("wU", "unknown", 1, 0),
        ("a", "unknown", 1, 0), ("?", "unknown", 1, 0), ("??", "unknown", 2, 0), ("ww", "maybe", 2, 0),
    ],
)  # fmt: skip
def test_the_rules(letters: str, word: str | None, times: int, of: int) -> None:
    """The word, and the evidence that was counted for it."""
    found = outlooks(entries(letters))
    assert [(one.word, one.times, one.of) for one in found] == ([] if word is None else [(word, times, of)])


def test_the_order_of_the_entries_makes_no_difference() -> None:
    """They are put in the order of time."""
    assert outlooks(list(reversed(entries("UwUw")))) == outlooks(entries("UwUw"))


def test_each_side_has_its_own_answer() -> None:
    """A workflow in HubSpot says nothing of the app."""
    found = outlooks([*entries("UwUw"), *entries("U", "app")])
    assert [(one.side, one.word) for one in found] == [("hubspot", "yes"), ("app", "unknown")]


def test_a_refused_write_is_not_counted() -> None:
    """It never was in force, so nobody set the field after it."""
    made = entries("UwUw")
    refused = Entry("2026-03-01T09:00:00.000Z", "hubspot", "us", "us", "x", "us", note="refused", in_force=False)
    assert outlooks([*made, refused]) == outlooks(made)


def test_the_two_spellings_are_named_if_nothing_else_differs() -> None:
    """Case and white space; other values name none."""
    at = "2026-03-01T08:0{}:00.000Z"
    mine, theirs = (Entry(at.format(0), "hubspot", "us", "us", "ANNA  B", "us"),
                    Entry(at.format(1), "hubspot", "workflow", "workflow 7", "Anna B", "w"))  # fmt: skip
    (found,) = outlooks([mine, theirs])
    assert (found.ours, found.theirs) == ("ANNA  B", "Anna B")
    assert "ANNA" not in found.because
    (other,) = outlooks(entries("Uw"))
    assert (other.ours, other.theirs) == ("", "")


def test_a_suspended_field_keeps_flipping() -> None:
    """The engine held it back because it flipped: it would again. What happens once does not become more."""
    assert [one.word for one in outlooks(entries("UwU"), suspended=True)] == ["yes"]
    assert "field-loop" in outlooks(entries("UwU"), suspended=True)[0].because
    assert [one.word for one in outlooks(entries("m"), suspended=True)] == ["no"]
