"""What a repair is: one change, by somebody, after which a stop is gone; and the hypothetical on which the planner tries it."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field as attribute
from typing import Literal

import polars as pl

from diagnostics.causes.cause import FixedBy
from engine.gates import Situation
from engine.memory import Memory
from engine.schema import Side
from engine.visible import masked

Kind = Literal["value", "option", "list", "mapping", "rule", "consent", "other"]
"""What is changed: a value of the contact, a choice of a field, the inclusion list or its members, a mapping, a rule (of a
side or of the connection), a person's consent (which only the person can give), or something else."""
Hindrance = Literal["wait", "grant", "never"]
"""Why nobody can repair something now: it passes by itself, it cannot be seen before a permission is granted, or never."""

VALUE, VERB, WHO = "\0value\0", "\0verb\0", "\0who\0"
"""What `Repair.words` may hold, in a form that no name of a list or field has; WHO is where a command names the contact, or all of
them."""


@dataclass(frozen=True)
class Stop:
    """One reason why a contact does not sync: a blocking finding, or a field in conflict (`code` conflict, `rule` the ground).

    As in `engine.gates.FINDING`.
    """

    code: str
    field: str = ""
    value: str = ""
    rule: str = ""
    state: str = "failing"


@dataclass(frozen=True)
class Hypothetical:
    """What the planner is given: the contacts as they would be, what would be remembered of them, and the situation."""

    contacts: pl.DataFrame
    memory: Memory
    situation: Situation


Effect = Callable[[Hypothetical], Hypothetical]
"""What the repair would change: pure, for every contact of the frame at once. Values are samples and never advice."""


@dataclass(frozen=True)
class Repair:
    """One change. Two are the same if they change the same thing; who asked for it makes no difference.

    `once`: one action for all contacts that need it; else it is done for each contact. `foreseen`: whether the planner alone
    can tell that it helps; what a server refused before, only the server can tell. `words` may hold VALUE and VERB, in whose place
    `value` and `verb` are shown, and WHO in a command; `personal`: the value may be a person's. `detail` is what the stop says, for
    one contact.
    """

    kind: Kind
    words: str
    by: FixedBy = attribute(compare=False)
    effect: Effect = attribute(compare=False, repr=False)
    side: Side | None = None
    field: str = ""
    value: str = ""
    once: bool = attribute(default=False, compare=False)
    foreseen: bool = attribute(default=True, compare=False)
    personal: bool = attribute(default=False, compare=False)
    code: str = attribute(default="", compare=False)
    detail: str = attribute(default="", compare=False)
    verb: str = attribute(default="", compare=False)

    def said(self, *, mask: bool, who: str = "") -> str:
        """The repair in words, with or without what may be a person's value; of one contact (`who`: an id) or of all."""
        shown = masked(self.value) if mask and self.personal else f'"{self.value}"'
        words = self.words.replace(WHO, shlex.quote(who) if who else "--all")
        return words.replace(VERB, self.verb).replace(VALUE, shown)


@dataclass(frozen=True)
class Obstacle:
    """A stop that nobody can repair now."""

    hindrance: Hindrance
    words: str
    by: FixedBy = attribute(compare=False)
    code: str = attribute(default="", compare=False)


Answer = tuple[Repair, ...] | Obstacle
"""The repairs of which any one answers a stop, the first one preferred; or why there is none."""
