"""Keys of HubSpot's filters that nobody here knows: what they say is not guessed, so their filter is not evaluated."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from engine.visible import visible

_IDLE = frozenset({"propertyType", "operationType", "operatorName", "type", "frameworkFilterId"})
"""What repeats other keys, as older answers do, or is an id."""
_NOTHING: tuple[object, ...] = (None, "", [], {})


def strange(given: Mapping[str, object], known: Collection[str]) -> list[str]:
    """The keys that are not known and say something, in order."""
    return sorted(
        key for key, value in given.items() if key not in known and key not in _IDLE and value not in _NOTHING
    )


def named(keys: Iterable[str]) -> str:
    """The first of them, as they can be shown."""
    return ", ".join(str(visible(key, 40)) for key in list(keys)[:5])
