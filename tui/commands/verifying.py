"""`verify`: the three verifications after activation, and the differences that nothing explains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine.visible import visible
from tui.commands.session import Session, conduct
from tui.output import count, document, say

if TYPE_CHECKING:
    from diagnostics.verify import VerificationResult
    from engine.connectors import Connector
    from engine.observe import Sides
    from engine.runs import Run


def verify(chosen: Session, *, as_json: bool, named: Sequence[str]) -> int:
    """The three verifications and the unexplained differences. Exit code 1 if one fails or a difference is unexplained."""
    result = run_verify(chosen, named, quiet=as_json)
    if as_json:
        document({"connection": chosen.name, **verification_document(result)})
    else:
        show_verification(chosen, result)
    return _verify_code(result)


def _verify_code(result: VerificationResult) -> int:
    return int(not result.passed)


def run_verify(chosen: Session, named: Sequence[str], *, quiet: bool = False) -> VerificationResult:
    """The verification itself, as a run."""
    from diagnostics.verify import verify as examine
    from engine.errors import WorkspaceError

    if not chosen.path.exists():
        raise WorkspaceError(
            "nothing has been examined yet for this connection",
            where=str(chosen.path),
            remedy=f"Run: syncdoctor check {chosen.name}",
        )

    async def work(run: Run, sides: Sides) -> VerificationResult:
        app: Connector = sides.app
        schemas = {"hubspot": await sides.hubspot.describe(), "app": await app.describe()}
        return await examine(run, chosen.connection, sides.hubspot, app, schemas, named)  # type: ignore[arg-type]

    return conduct(
        chosen,
        "verify",
        work,
        exit_code=_verify_code,
        counts=lambda result: {"unexplained": result.unexplained, **result.differences},
        quiet=quiet,
    )


def verification_document(result: VerificationResult) -> dict[str, Any]:
    """A verification as documented in docs/json.md; `missing` names ids, states and causes, no addresses."""
    return {
        "verifications": [
            {
                "name": item.name,
                "status": item.status,
                "expected": item.expected,
                "found": item.found,
                "missing": [
                    {
                        "hubspot_id": missing.hubspot_id,
                        "app_id": missing.app_id,
                        "state": missing.reason_state,
                        "cause": missing.reason_cause,
                        "existing": list(missing.existing),
                    }
                    for missing in item.missing
                ],
                "note": item.note,
            }
            for item in result.verifications
        ],
        "differences": dict(result.differences),
        "unexplained": result.unexplained,
    }


def show_verification(chosen: Session, result: VerificationResult) -> None:
    """A verification as text."""
    say(f"{chosen.name}: verification")
    for item in result.verifications:
        found = f"{count(item.found or 0)} of {count(item.expected or 0)}" if item.expected is not None else ""
        say(f"  {item.name:<12} {item.status:<14} {found}  {visible(item.note)}".rstrip())
        reasons: dict[str, int] = {}
        for missing in item.missing:
            reason = f"{missing.reason_state} {missing.reason_cause}".strip() or "unexplained"
            reasons[reason] = reasons.get(reason, 0) + 1
        for reason, number in sorted(reasons.items(), key=lambda pair: -pair[1]):
            say(f"      missing {count(number)}: {visible(reason)}")
    for name, number in result.differences.items():
        say(f"  differences, {name}: {count(number)}")
    say(f"  unexplained differences: {count(result.unexplained)}")
