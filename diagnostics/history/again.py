"""Will it happen again? Rules on a field's timeline that count what is there and guess nothing. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from diagnostics.history.entry import AUTOMATIC, Entry
from diagnostics.history.timeline import newest_first
from engine.schema import SIDES, Side

Word = Literal["yes", "maybe", "unlikely", "no", "unknown"]
OFTEN = 2
"""So often something has to have happened each time before it is called a rule."""


@dataclass(frozen=True)
class Outlook:
    """An answer for one side of a field. `times` of `of` is the evidence that was counted: how often the writer set the field
    after a write of ours, or (`of` 0) at all. `ours` and `theirs` are the two spellings where they differ in nothing else;
    they are contact values. `because` holds none."""

    side: Side
    word: Word
    because: str
    by: str = ""
    times: int = 0
    of: int = 0
    ours: str = ""
    theirs: str = ""


def outlooks(entries: Sequence[Entry], *, suspended: bool = False) -> tuple[Outlook, ...]:
    """One answer per side on which anything was set. `entries` in any order; `suspended`: the engine holds the field back because
    two writers kept flipping it (cause field-loop)."""
    ordered = [one for one in reversed(newest_first(entries)) if one.in_force and one.at]
    sides = [side for side in SIDES if any(one.side == side for one in ordered)]
    return tuple(_outlook(side, [one for one in ordered if one.side == side], suspended) for side in sides)


def _outlook(side: Side, ordered: Sequence[Entry], suspended: bool) -> Outlook:
    answer = next(_answers(side, ordered), None) or _last_word(side, ordered)
    if suspended and answer.word in ("maybe", "unknown"):
        because = "two writers kept flipping the field; it is suspended (field-loop) until one of them stops"
        return Outlook(
            side, "yes", f"{because}. {answer.because}", answer.by, answer.times, answer.of, answer.ours, answer.theirs
        )
    return answer


def _answers(side: Side, ordered: Sequence[Entry]) -> Iterator[Outlook]:
    """What was set after our own writes: the writer that did it most often."""
    ours = sum(one.kind == "us" for one in ordered)
    followers = list(_followers(ordered))
    counts = Counter(theirs.writer for _, theirs in followers)
    if not counts:
        return
    writer, times = counts.most_common(1)[0]
    mine, theirs = next(pair for pair in reversed(followers) if pair[1].writer == writer)
    spellings = _spellings(mine, theirs)
    if theirs.kind in AUTOMATIC or theirs.kind == "app":
        if times == ours >= OFTEN:
            because = f"{_who(theirs)} has set it after each of our writes ({times} of {ours} times)"
            yield Outlook(side, "yes", because, theirs.by, times, ours, *spellings)
        else:
            often = f"after {times} of our {ours} writes" if ours > 1 else "after our only write; once is no rule"
            because = f"{_who(theirs)} has set it {often}"
            yield Outlook(side, "maybe", because, theirs.by, times, ours, *spellings)
    elif times >= OFTEN and theirs.kind in ("person", "import"):
        because = f"{theirs.by} has set it after {times} of our {ours} writes"
        yield Outlook(side, "maybe", because, theirs.by, times, ours, *spellings)


def _who(theirs: Entry) -> str:
    return f"somebody ({theirs.by})" if theirs.kind == "app" else theirs.by


def _followers(ordered: Sequence[Entry]) -> Iterator[tuple[Entry, Entry]]:
    """Each write of ours with the first entry of somebody else before our next one."""
    for mine, after in pairwise(ordered):
        if mine.kind == "us" and after.kind != "us":
            yield mine, after


def _spellings(mine: Entry, theirs: Entry) -> tuple[str, str]:
    """Both values if they differ in case and white space only."""
    left, right = mine.value or "", theirs.value or ""
    same = "".join(left.split()).casefold() == "".join(right.split()).casefold()
    return (left, right) if same and left != right else ("", "")


def _last_word(side: Side, ordered: Sequence[Entry]) -> Outlook:
    """What the last writer other than us is like."""
    others = [one for one in ordered if one.kind != "us"]
    if not others:
        return Outlook(side, "unknown", "nothing says so: only we have written it")
    last = others[-1]
    times = sum(one.writer == last.writer for one in others)
    match last.kind:
        case "merge":
            return Outlook(side, "no", "it came from a merge, which happens once", last.by, times)
        case "form":
            return Outlook(side, "maybe", f"{last.by} sets it whenever the person submits the form", last.by, times)
        case "import" | "person" if times == 1:
            return Outlook(side, "unlikely", f"{last.by} set it once", last.by, times)
        case "import" | "person" | "workflow" | "integration" | "api" | "hubspot" if times >= OFTEN:
            return Outlook(
                side, "maybe", f"{last.by} has set it {times} times, never after a write of ours", last.by, times
            )
        case "app":
            return Outlook(side, "unknown", f"nothing says so: {last.by} it was set", last.by, times)
        case _:
            return Outlook(side, "unknown", f"nothing says so: {last.by} set it once", last.by, times)
