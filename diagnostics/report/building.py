"""Builds the report from the workspace alone: no network, nothing that was not examined."""

from __future__ import annotations

from datetime import datetime
from importlib.metadata import PackageNotFoundError, version

from diagnostics.report import causes_found, over_time, subject, traffic, verified
from diagnostics.report.masking import NEVER, Mask
from diagnostics.report.model import Removed, Report
from diagnostics.report.moments import certain, zone_named
from diagnostics.report.written import written
from engine.connection import Connection
from engine.errors import WorkspaceError
from engine.gates import Situation
from engine.situation import recall
from engine.workspace import Workspace


def build_report(workspace: Workspace, connection: Connection, *, now: datetime, reveal: bool = False) -> Report:
    """The support report. With `reveal` personal values are shown: only for a user who asked for exactly that.

    Raises WorkspaceError if the file is damaged.
    """
    situation = _last_situation(workspace, connection)
    zone = zone_named(situation.schemas["hubspot"].account.time_zone if situation else "UTC")
    mask = Mask(reveal)
    source = subject.Source(workspace, connection, situation, mask, zone)
    states = causes_found.states(source)
    parts = {
        "identity": subject.identity(source),
        "scope": subject.scope(source),
        "states": states,
        "population": sum(states.values()),
        "causes": causes_found.causes(source, now),
        "unknown_refusals": traffic.unknown_reasons(source),
        "whole": causes_found.whole_findings(source),
        "waivers": over_time.waiver_lines(source, now),
        "trend": over_time.trend_lines(source),
        "questions": causes_found.questions(source),
        "verification": verified.verification(source),
        "examples": causes_found.examples(source),
        "exchanges": traffic.failed_exchanges(source),
        "latest_exchanges": traffic.latest_exchanges(source),
        "refusals": traffic.refusals(source),
        "written": written(source),
        "settings": subject.settings(source),
        "runs": subject.runs(source),
    }
    removed = Removed(emails=mask.emails, values=mask.values, words=mask.words, never=NEVER)
    return Report.model_validate(
        {
            **parts,
            "connection": connection.name,
            "made_at": certain(now, zone),
            "program": f"syncdoctor {_program_version()}",
            "revealed": reveal,
            "removed": removed,
        }
    )


def _last_situation(workspace: Workspace, connection: Connection) -> Situation | None:
    if not workspace.value("SELECT count(*) FROM declared WHERE what = 'situation'"):
        return None
    try:
        return recall(workspace, connection)
    except WorkspaceError:
        return None


def _program_version() -> str:
    try:
        return version("syncdoctor")
    except PackageNotFoundError:
        return "of unknown version"
