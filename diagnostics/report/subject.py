"""What a report is about: the connection's two sides, its scope, its settings and its latest runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from diagnostics.criteria.border import criteria_of
from diagnostics.criteria.form import alternatives
from diagnostics.criteria.wording import in_words
from diagnostics.observed.certainty import LEVELS
from diagnostics.observed.look import observed
from diagnostics.report.masking import Mask
from diagnostics.report.model import Fact, RunLine, Scope
from diagnostics.report.moments import certain, moment
from engine.connection import Connection
from engine.gates import Situation
from engine.schema import SIDES, InclusionList
from engine.visible import visible
from engine.workspace import Workspace

RUNS = 10


@dataclass(frozen=True)
class Source:
    """All that the sections are made from. `situation` is None if nothing was ever examined."""

    workspace: Workspace
    connection: Connection
    situation: Situation | None
    mask: Mask
    zone: tzinfo


def identity(source: Source) -> tuple[Fact, ...]:
    """Both accounts, the tier, mode, direction and who wins. Facts that are not known are left out; where the settings
    and a side name the same fact, the side's word of the last check holds."""
    connection = source.connection
    rows: list[tuple[str, str]] = [
        ("HubSpot account", str(connection.hubspot.account or "")),
        ("HubSpot tier", connection.hubspot.tier),
        ("HubSpot API version", connection.hubspot.api_version),
        ("External app", connection.app.name),
        ("Audience", connection.app.audience),
    ]
    for side in SIDES:
        schema = source.situation.schemas[side] if source.situation else None
        if schema is None:
            continue
        where = "HubSpot" if side == "hubspot" else "App"
        if side == "app" or not connection.hubspot.account:
            rows.append((f"{where} account", schema.account.id))
        rows += [(f"{where} account name", schema.account.name), (f"{where} time zone", schema.account.time_zone)]
        rows += [(f"{where} {name}", value) for name, value in schema.account.details.items()]
        rows += [(f"{where} {name}", value) for name, value in schema.credentials.items()]
        rows += [(f"{where} limit {name}", value) for name, value in schema.limits.items()]
        if schema.scopes:
            rows.append((f"{where} scopes granted", ", ".join(schema.scopes)))
        rows += [(f"{where}: {area} could not be read", reason) for area, reason in schema.unavailable.items()]
    direction = {"two_way": "both ways", "to_app": "to the app only", "to_hubspot": "to HubSpot only"}
    winner = {
        "hubspot": "HubSpot wins",
        "app": "the app wins",
        "latest": f"the newer change wins if it is known to be more than {connection.sync.clock_skew_seconds} s newer",
        "ask": "nobody: a conflict is kept for a person",
    }
    rows += [
        ("Mode", "managed: Syncdoctor syncs" if connection.mode == "managed" else "observed: another engine syncs"),
        ("Direction", direction[connection.sync.direction]),
        ("Both sides changed", winner[connection.sync.conflicts]),
        ("System of record", connection.goals.system_of_record),
    ]
    if connection.mode == "observed":
        rows += _watched(source)
    known = {name: value for name, value in rows if value}
    return tuple(Fact(name=source.mask.text(name), value=source.mask.text(value)) for name, value in known.items())


def _watched(source: Source) -> list[tuple[str, str]]:
    """How certain the verdicts are where another engine writes, how links were inferred, and what was seen to flow."""
    if source.situation is None:
        return []
    seen = observed(source.workspace, source.situation)
    sums = [(level, sum(levels[level] for levels in seen.certainty.values())) for level in LEVELS]
    moved = sum(flow.moved for flow in seen.flows)
    doubts = sum(doubt.records for doubt in seen.doubts)
    return [
        ("Certainty of the verdicts", ", ".join(f"{count} {level}" for level, count in sums)),
        ("Pairs inferred", "; ".join(f"{count} by {how}" for how, count in seen.links.items())),
        ("Ids that link nobody", str(doubts) if doubts else ""),
        ("Seen to flow between checks", f"{moved} values or contacts"),
        ("Waiting", f"{seen.waiting} contacts, {seen.stuck} of them stuck"),
    ]


def scope(source: Source) -> Scope:
    """The goal, the inclusion list and the times that matter."""
    connection, workspace, mask, zone = source.connection, source.workspace, source.mask, source.zone
    inclusion = source.situation.inclusion if source.situation else None
    tree = criteria_of(inclusion.filters) if inclusion else None
    goal = connection.goals.contacts
    named = f"{goal.property} is one of {', '.join(goal.values)}" if goal else ""
    good = workspace.value(
        "SELECT ended_at FROM run WHERE state = 'done' AND exit_code IN (0, 1) "
        "AND (command LIKE 'check%' OR command LIKE 'sync%') ORDER BY id DESC LIMIT 1"
    )
    checked = workspace.value(
        "SELECT r.started_at FROM run r WHERE r.id = (SELECT max(run_id) FROM examination)",
    )
    return Scope(
        goal=mask.text(named or connection.goals.intent),
        list_name=mask.text(inclusion.name if inclusion else connection.scope.list),
        list_facts=tuple(
            Fact(name=name, value=mask.text(value)) for name, value in _list_facts(inclusion, zone) if value
        ),
        criteria=tuple(mask.text(in_words(way)) for way in (alternatives(tree) if tree is not None else ())),
        members=source.situation.list_size if source.situation and inclusion else None,
        activated_at=moment(workspace.fact("activated_at"), zone),
        last_check=moment(checked, zone),
        last_good_run=moment(good, zone),
    )


def _list_facts(inclusion: InclusionList | None, zone: tzinfo) -> list[tuple[str, str]]:
    if inclusion is None:
        return []
    facts = [
        ("Id", inclusion.id),
        ("Type", inclusion.processing_type),
        ("Status", inclusion.processing_status),
        ("Size that HubSpot reports", "" if inclusion.size is None else str(inclusion.size)),
    ]
    times = (
        ("Created", inclusion.created_at),
        ("Last edited", inclusion.updated_at),
        ("Criteria last edited", inclusion.criteria_updated_at),
        ("Newest membership", inclusion.members_changed_at),
        ("Deleted", inclusion.deleted_at),
    )
    for name, at in times:
        when = moment(at, zone)
        facts.append((name, f"{when.utc} ({when.account})" if when else ""))
    return facts


def settings(source: Source) -> tuple[str, ...]:
    """The connection as TOML lines, defaults included: e-mail addresses masked, addresses of servers left out."""
    import tomlkit

    document = source.connection.model_dump(mode="json", exclude_none=True)
    lines = tomlkit.dumps(_clean(document, source.mask)).splitlines()
    return tuple(visible(line) for line in lines)


def _clean(value: Any, mask: Mask) -> Any:
    match value:
        case Mapping():
            return {key: _clean(inner, mask) for key, inner in value.items() if inner not in ("", [], {})}
        case str():
            return mask.text(value)
        case Sequence():
            return [_clean(inner, mask) for inner in value]
        case _:
            return value


def runs(source: Source) -> tuple[RunLine, ...]:
    """The latest runs, newest first; of a command only its name is shown."""
    rows = source.workspace.rows(
        "SELECT r.*, (SELECT count(*) FROM exchange e WHERE e.run_id = r.id) AS requests FROM run r "
        "ORDER BY r.id DESC LIMIT ?",
        (RUNS,),
    )
    return tuple(
        RunLine(
            id=row["id"],
            command=source.mask.text((row["command"].split() or [""])[0]),
            state=source.mask.text(row["state"]),
            started_at=certain(row["started_at"], source.zone),
            ended_at=moment(row["ended_at"], source.zone),
            exit_code=row["exit_code"],
            requests=row["requests"],
            message=source.mask.text(row["message"]),
        )
        for row in rows
    )
