"""What changed around the contacts between two examinations: connection file, fields and options, the list, permissions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.workspace import Workspace

_WHERE = {
    "connection": "the connection",
    "hubspot.fields": "HubSpot's fields",
    "app.fields": "the app's fields",
    "hubspot.scopes": "HubSpot's permissions",
    "app.scopes": "the app's permissions",
    "list": "the list",
    "list.size": "the list",
    "unavailable": "what could not be read",
}


@dataclass(frozen=True)
class Change:
    """One thing that is not what it was: `part` of the situation, the `key` in it (`city.options`), and both values as text,
    empty where there was none. For lists of values only what was added and removed."""

    part: str
    key: str
    then: str
    now: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """The part in words."""
        return _WHERE.get(self.part, self.part)


def situation_changes(workspace: Workspace, before: int, after: int) -> tuple[Change, ...]:
    """The changes from the examination of run `before` to that of run `after`; none for parts that one of them lacks."""
    then, now = _situation(workspace, before), _situation(workspace, after)
    return tuple(
        change
        for part in now
        if part in then and then[part] != now[part]
        for change in _changes(part, "", json.loads(then[part]), json.loads(now[part]))
    )


def _situation(workspace: Workspace, run: int) -> dict[str, str]:
    rows = workspace.rows(
        "SELECT what, document, max(run_id) FROM declared_past WHERE run_id <= ? GROUP BY what ORDER BY what", (run,)
    )
    return {row["what"]: row["document"] for row in rows}


def _changes(part: str, key: str, then: Any, now: Any) -> Iterator[Change]:
    if then == now:
        return
    if isinstance(then, dict) and isinstance(now, dict):
        for name in dict.fromkeys((*then, *now)):
            yield from _changes(part, f"{key}.{name}" if key else name, then.get(name), now.get(name))
        return
    then, now = (_by_name(one) for one in (then, now))
    if isinstance(then, dict) and isinstance(now, dict):
        yield from _changes(part, key, then, now)
    elif _texts(then) and _texts(now):
        added, removed = (tuple(one for one in a if one not in b) for a, b in ((now, then), (then, now)))
        order = ("", "") if added or removed else (_text(then), _text(now))
        yield Change(part, key, *order, added, removed)
    else:
        yield Change(part, key, _text(then), _text(now))


def _by_name(value: Any) -> Any:
    """A list of mappings by the HubSpot property of each, so that one more does not make all of them differ."""
    if isinstance(value, list) and value and all(isinstance(one, dict) and "hubspot" in one for one in value):
        return {str(one["hubspot"]): one for one in value}
    return value


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _text(value: Any) -> str:
    """A value for people: a whole field that is new is its type."""
    if isinstance(value, dict) and "type" in value:
        return str(value["type"])
    if value in (None, "", [], {}):
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
