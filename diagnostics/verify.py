"""Verification after activation: the source document's three, and *unexplained differences = 0*.

Both sides are read anew through their connectors, whole or a random sample of them, and compared by code that knows neither
mirror nor base. What the last check knows is used for one thing only: to explain what differs. So a record that was changed
behind the engine's back shows up, and so does a mistake of the engine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import polars as pl

from diagnostics.causes import erased
from diagnostics.verification.consent import consent_rules
from diagnostics.verification.differing import Expectation, claims, find_differences
from diagnostics.verification.filled import verify_filled
from diagnostics.verification.fresh import read_members, read_side, wanted_fields
from diagnostics.verification.inbound import verify_inbound
from diagnostics.verification.known import read_known, without_refuted
from diagnostics.verification.outbound import verify_outbound
from diagnostics.verification.result import (
    CLASSES,
    NAMED_LIMIT,
    Missing,
    Unexplained,
    Verification,
    VerificationResult,
)
from diagnostics.verification.sampled import chosen_contacts, read_sample, sample_result, within
from diagnostics.verification.sampling import Sampling, draw
from engine.connection import Connection
from engine.connectors import Connector, HubSpotSource
from engine.merge import mapped_pairs
from engine.runs import Run, iso
from engine.schema import SIDES, Side, SideSchema

__all__ = ["Missing", "Unexplained", "Verification", "VerificationResult", "verify"]


async def verify(
    run: Run,
    connection: Connection,
    hubspot: HubSpotSource,
    app: Connector,
    schemas: Mapping[Side, SideSchema],
    named: Sequence[str],
    sampling: Sampling | None = None,
) -> VerificationResult:
    """Runs the three verifications and classes every difference; stores both under the run's id.

    `named`: contacts by e-mail or id whose target fields are looked at one by one, besides those of the connection.
    `sampling`: read only a random sample, and those named. Raises AccessError if a side cannot be read, ConfigurationError if
    the inclusion list is not there or the sample is larger than what there is, Stopped.
    """
    began = iso(run.now())
    pairs, rules = mapped_pairs(connection, schemas), consent_rules(connection, schemas)
    named = (*named, *connection.verify.contacts)
    members = await read_members(run, hubspot, connection.scope.list)
    fields = {side: wanted_fields(schemas[side], pairs, rules) for side in SIDES}
    drawn = None
    if sampling is None:
        hubspot_now = await read_side(run, hubspot, schemas["hubspot"], fields["hubspot"])
        app_now = await read_side(run, app, schemas["app"], fields["app"])
        known = read_known(run.workspace)
    else:
        known = read_known(run.workspace)
        drawn = draw(known, members.rows, sampling)
        chosen = chosen_contacts(known, drawn, named)
        hubspot_now, app_now = await read_sample(run, known, chosen, named, (hubspot, app), schemas, fields)
        known, members = within(known, chosen), members.within(chosen["hubspot_id"])
    known = without_refuted(known, members.rows)
    run.progress("comparing", 0, 4)
    differences, hubspot_now, app_now = await find_differences(
        run, Expectation(known, pairs, rules, began), hubspot_now, app_now, (hubspot, app)
    )
    run.progress("comparing", 1, 4)
    outbound = await verify_outbound(connection, known, hubspot_now, app_now, members, app)
    run.progress("comparing", 2, 4)
    inbound = verify_inbound(connection, known, hubspot_now, app_now, sampled=drawn is not None)
    run.progress("comparing", 3, 4)
    filled = verify_filled(known, hubspot_now, app_now, pairs, named, differences)
    counted = dict(differences.group_by("class").len().iter_rows())
    result = VerificationResult(
        verifications=(outbound, inbound, filled),
        differences={name: counted[name] for name in CLASSES if name in counted},
        unexplained=counted.get("unexplained", 0),
        unexplained_differences=_unexplained(differences),
        claims=claims(known, differences),
        sample=None if drawn is None else sample_result(drawn, differences, outbound),
    )
    _store(run, result, differences)
    run.progress("comparing", 4, 4)
    return result


def _unexplained(differences: pl.DataFrame) -> tuple[Unexplained, ...]:
    rows = differences.filter(pl.col("class") == "unexplained").head(NAMED_LIMIT)
    return tuple(Unexplained(*row) for row in rows.select("hubspot_id", "app_id", "field").iter_rows())


def _stored(missing: Missing) -> dict[str, Any]:
    """As it is kept in the workspace; nothing of an erased person is."""
    return asdict(missing) | ({"email": ""} if missing.reason_cause == erased.CODE else {})


def _store(run: Run, result: VerificationResult, differences: pl.DataFrame) -> None:
    """Replaces what this run stored before; both tables hold personal values and stay in the workspace."""
    columns = ("contact", "hubspot_id", "app_id", "field", "class", "hubspot_value", "app_value")
    with run.workspace.transaction() as sql:
        sql.execute("DELETE FROM verification WHERE run_id = ?", (run.id,))
        sql.execute("DELETE FROM difference WHERE run_id = ?", (run.id,))
        sql.execute("DELETE FROM sample WHERE run_id = ?", (run.id,))
        if result.sample is not None:
            one = result.sample
            sql.execute(
                "INSERT INTO sample(run_id, population, size, seed, unexplained, besides, at_most) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (run.id, one.population, one.size, one.seed, one.unexplained, one.besides, one.at_most),
            )
        sql.executemany(
            "INSERT INTO verification(run_id, name, status, expected, found, missing, note) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    run.id,
                    each.name,
                    each.status,
                    each.expected,
                    each.found,
                    json.dumps([_stored(missing) for missing in each.missing], ensure_ascii=False),
                    each.note,
                )
                for each in result.verifications
            ],
        )
        sql.executemany(
            "INSERT INTO difference(run_id, contact_id, hubspot_id, app_id, field, class, hubspot_value, app_value) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            ((run.id, *row) for row in differences.select(columns).iter_rows()),
        )
