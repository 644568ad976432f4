"""What holds for all contacts: the connection, its list, what earlier runs left. Made once, handed to the models as context."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from disposable_email_domains import blocklist

from diagnostics.causes.inclusion import list_name, standing
from diagnostics.causes.list_clauses import live_criteria
from diagnostics.causes.unwanted import excludes
from diagnostics.criteria.form import Clause, Group, Part, leaves
from diagnostics.criteria.wording import in_words
from engine.gates import Situation
from engine.merge import mapped_pairs
from engine.schema import Side
from engine.sqlite import sqlite3

GATES = (
    "erased", "in-doubt", "many-to-one", "counterpart-gone", "email-missing", "email-invalid", "email-duplicate", "opt-in",
    "member-status", "bounced", "test-address", "role-address", "disposable-domain", "list-criteria", "list-membership",
    "required-field", "field-type", "field-option", "field-format", "field-length", "field-range", "address-swap",
    "address-taken", "list-beyond-goal",
)  # fmt: skip
"""In the order in which they decide."""
RANK = {code: rank for rank, code in enumerate(GATES)}
FORGOTTEN = ("quarantine", "decision", "evidence", "suspended_field")
"""What earlier runs may leave and this peer does not know."""

Base = Mapping[str, tuple[str, str, str]]
"""Mapping's name to HubSpot's and the app's canonical value at the last agreement, and the mapping's fingerprint."""


class NotInThePeer(Exception):
    """The workspace or connection holds something whose rules the peer does not have."""


@dataclass
class Terms:
    """The context of a validation. `base` and `in_doubt` hold what is remembered of the contacts at hand."""

    situation: Situation
    sql: sqlite3.Connection
    base: dict[int, dict[str, tuple[str, str, str]]] = field(default_factory=dict)
    in_doubt: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        connection = self.situation.connection
        for table in FORGOTTEN:
            if self.sql.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone():
                raise NotInThePeer(f"the table {table} is not empty")
        pairs = mapped_pairs(connection, self.situation.schemas)
        if any(pair.merge in ("consent", "set") for pair in pairs):
            raise NotInThePeer("a mapping of consent or of a set")
        if connection.sync.direction != "two_way" or connection.sync.conflicts != "latest":
            raise NotInThePeer(f"{connection.sync.direction}, {connection.sync.conflicts}")
        if connection.hubspot.tier == "free" or standing(self.situation) != "usable":
            raise NotInThePeer("a free account, or a list that cannot be used")
        self.fingerprints = {pair.name: pair.fingerprint for pair in pairs}
        self.skew = connection.sync.clock_skew_seconds
        self.list_name = list_name(self.situation)
        self.goal = frozenset(connection.goals.contacts.values if connection.goals.contacts else ())
        self.excluding = {
            code: excludes(code, self.situation) for code in ("test-address", "role-address", "disposable-domain")
        }
        own = {domain.strip().lower().removeprefix("@") for domain in connection.unwanted.disposable_domains}
        self.thrown_away = frozenset(blocklist | own)

    @cached_property
    def criteria(self) -> Part | None:
        """The list's criteria; NotInThePeer if they ask for something else than one of a property's values."""
        tree = live_criteria(self.situation)
        for leaf in leaves(tree) if tree else ():
            known = isinstance(leaf, Clause) and leaf.property == "lifecyclestage" and leaf.operator == "IS_ANY_OF"
            if not known:
                raise NotInThePeer(f"the list's clause {in_words(leaf)}")
        return tree

    @cached_property
    def asked(self) -> str:
        """The criteria in words."""
        return in_words(self.criteria) if self.criteria else ""

    def meets(self, stage: str | None) -> bool | None:
        """Whether a contact in this stage meets the criteria; None if that is not known."""
        return None if self.criteria is None or stage is None else _meets(self.criteria, stage)

    def holder(self, side: Side, key: str, own: str) -> str | None:
        """Another record of the side that holds this address."""
        row = self.sql.execute(
            f"SELECT min(_id) FROM {side}_contact WHERE _email_key = ? AND _id <> ?", (key, own)
        ).fetchone()
        if row[0] is None and side == "hubspot":
            row = self.sql.execute(
                "SELECT min(record_id) FROM additional_email WHERE email_key = ? AND record_id <> ?", (key, own)
            ).fetchone()
        return str(row[0]) if row[0] is not None else None

    def swaps(self, side: Side, holder: str, key: str) -> bool:
        """Whether the holder's contact has, on the other side, the address that `key` names."""
        other = "app" if side == "hubspot" else "hubspot"
        row = self.sql.execute(
            f"SELECT 1 FROM contact t JOIN {other}_contact p ON p._id = t.{other}_id WHERE t.{side}_id = ? AND p._email_key = ?",
            (holder, key),
        ).fetchone()
        return row is not None


def _meets(part: Part, stage: str) -> bool:
    if isinstance(part, Group):
        inner = [_meets(one, stage) for one in part.parts]
        return (all(inner) if part.joined == "all" else any(inner)) != part.negated
    assert isinstance(part, Clause)
    return bool({one.strip() for one in stage.split(";")} & set(part.values))
