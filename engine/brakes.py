"""Brakes: whether a run may write at all, and how much; looked at before the first write."""

from __future__ import annotations

from collections.abc import Mapping

from engine.connection import Connection
from engine.errors import BrakeTripped, ConfigurationError


def brake(connection: Connection, counts: Mapping[str, int]) -> None:
    """Raises BrakeTripped if the plan goes beyond the connection's limits.

    `counts`: contacts to be created (`creates`), contacts to be updated (`updates`), fields to be emptied (`clears`).
    """
    limits = {
        "creates": connection.brakes.creates,
        "updates": connection.brakes.updates,
        "clears": connection.brakes.clears,
    }
    for name, limit in limits.items():
        if counts.get(name, 0) > limit:
            raise BrakeTripped(
                f"the plan holds {counts[name]} {name}, the connection allows {limit}; nothing was written",
                where=f"connection {connection.name}, brakes.{name}",
                remedy=f"Look at the plan (syncdoctor plan {connection.name}). If it is right, raise brakes.{name} and run again.",
            )


def refuse_observed(connection: Connection) -> None:
    """Raises ConfigurationError for a connection that another engine keeps in sync."""
    if connection.mode == "observed":
        raise ConfigurationError(
            "this connection is observed: another engine writes, Syncdoctor only reads",
            where=f"connection {connection.name}",
            remedy='Set mode = "managed" if Syncdoctor is to do the syncing.',
        )
