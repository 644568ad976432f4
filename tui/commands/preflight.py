"""`preflight`: what is wrong with a connection before it is activated, what a sync would do, and what is not known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from engine.gates import STATES
from engine.visible import visible
from tui.commands.session import Session, conduct
from tui.notation import moment, plural
from tui.output import count, document, note, say, table

if TYPE_CHECKING:
    from diagnostics.preflight.finding import Finding, Severity
    from diagnostics.preflight.preflight import Expected, Preflight
    from engine.observe import Sides
    from engine.runs import Run

FRESH = timedelta(hours=1)
SHOWN, ITEMS_SHOWN, CAUSES_SHOWN = 20, 6, 8
_TITLES: dict[Severity, str] = {
    "stops": "Stops the activation",
    "warns": "Warnings",
    "unknown": "Could not be examined",
    "tells": "To know",
}


def preflight(chosen: Session, *, as_json: bool, anew: bool) -> int:
    """Judges a connection before activation. Exit code 1 if something stops it.

    Raises AccessError if a side cannot be read.
    """
    from diagnostics.preflight.preflight import examined_preflight, stored_preflight

    async def work(run: Run, sides: Sides) -> Preflight:
        return await examined_preflight(run, chosen.connection, sides)

    if not anew and _is_fresh(chosen):
        if not as_json:
            note("weighing what the last examination saw …")
        with chosen.reading() as workspace:
            result = stored_preflight(workspace, chosen.connection)
    else:
        result = conduct(
            chosen, "preflight", work, exit_code=lambda one: int(not one.ready),
            counts=lambda one: {severity: len(one.of(severity)) for severity in _TITLES}, quiet=as_json,
        )  # fmt: skip
    if as_json:
        document({"connection": chosen.name, **preflight_document(result)})
    else:
        show_preflight(chosen, result)
    return int(not result.ready)


def _is_fresh(chosen: Session) -> bool:
    """Whether the last examination is recent and was made with the connection file as it is."""
    from diagnostics.preflight.preflight import examined_since
    from engine.runs import utc_now

    if not chosen.path.exists():
        return False
    edited = datetime.fromtimestamp(chosen.home.connection(chosen.name).stat().st_mtime, UTC)
    with chosen.reading() as workspace:
        return examined_since(workspace, max(edited, utc_now() - FRESH))


def preflight_document(result: Preflight) -> dict[str, Any]:
    """A preflight as documented in docs/json.md."""
    return {
        "ready": result.ready,
        "verdict": verdict_line(result),
        "counts": {severity: len(result.of(severity)) for severity in _TITLES},
        "run": result.run,
        "examined_at": result.examined_at or None,
        "findings": [
            {
                "code": one.code, "severity": one.severity, "where": one.where, "mapping": one.mapping, "field": one.field,
                "what": one.what, "remedy": one.remedy, "fixed_by": one.fixed_by, "contacts": one.contacts,
                "items": list(one.items),
            }
            for one in result.findings
        ],
        "expected": _expected(result.expected),
    }  # fmt: skip


def _expected(expected: Expected | None) -> dict[str, Any] | None:
    if expected is None:
        return None
    effect, requests = expected.list_effect, expected.requests
    return {
        "population": expected.population,
        "states": {state: expected.states[state] for state in STATES},
        "causes": [
            {"code": code, "state": state, "contacts": contacts}
            for (code, state), contacts in sorted(expected.causes.items(), key=lambda item: (-item[1], item[0]))
        ],
        "writes": dict(expected.writes),
        "list": None
        if effect is None
        else {"enters": effect.enters, "leaves": effect.leaves, "unknown": effect.unknown},
        "requests": {**requests.needed, "left": requests.left, "limit": requests.limit},
    }


def verdict_line(result: Preflight) -> str:
    """`ready`, `ready with 2 warnings` or `not ready: 1 thing stops it`; what could not be examined is said after it."""
    stops, warns, unknown = (len(result.of(severity)) for severity in ("stops", "warns", "unknown"))
    if stops:
        return f"not ready: {plural(stops, 'thing')} {'stops' if stops == 1 else 'stop'} it"
    rest = f"; {plural(unknown, 'thing')} could not be examined" if unknown else ""
    warned = f" with {plural(warns, 'warning')}" if warns else ""
    return f"ready{warned}{rest}"


def show_preflight(chosen: Session, result: Preflight) -> None:
    """A preflight as text."""
    if result.expected is not None:
        _show_expected(chosen, result.expected, result.examined_at)
    for severity, title in _TITLES.items():
        _show_findings(title, result.of(severity))
    say(verdict_line(result))


def _show_expected(chosen: Session, expected: Expected, examined_at: str) -> None:
    say(f"{chosen.name}: expected of the next sync, by the examination of {moment(examined_at)}")
    table([[state, count(expected.states[state])] for state in STATES], right=frozenset({1}))
    causes = sorted(expected.causes.items(), key=lambda item: (-item[1], item[0]))
    if causes:
        say("Causes")
        table(
            [[state, code, count(contacts)] for (code, state), contacts in causes[:CAUSES_SHOWN]], right=frozenset({2})
        )
        _more(len(causes) - CAUSES_SHOWN)
    writes = expected.writes
    say("Writes")
    rows = [["", "creates", "updates"]]
    rows += [[name, count(writes[f"creates_{side}"]), count(writes[f"updates_{side}"])] for side, name in _SIDES]
    table(rows, right=frozenset({1, 2}))
    say(
        f"  {plural(writes['clears'], 'field')} emptied; about {count(expected.requests.needed['hubspot'])} requests to HubSpot"
    )


_SIDES = (("hubspot", "HubSpot"), ("app", "app"))


def _show_findings(title: str, findings: Sequence[Finding]) -> None:
    if not findings:
        return
    say(f"{title} ({len(findings)})")
    for one in findings[:SHOWN]:
        contacts = "" if one.contacts is None else f" ({plural(one.contacts, 'contact')})"
        say(f"  {one.code}: {visible(one.what)}{contacts}")
        for item in one.items[:ITEMS_SHOWN]:
            say(f"    - {visible(item, 100)}")
        _more(len(one.items) - ITEMS_SHOWN, indent="    ")
        if one.where:
            say(f"    where: {visible(one.where)}")
        if one.severity != "tells":
            say(f"    to do ({one.fixed_by}): {visible(one.remedy)}")
    _more(len(findings) - SHOWN)


def _more(left: int, indent: str = "  ") -> None:
    if left > 0:
        say(f"{indent}and {count(left)} more; --json lists all")
