"""`verify`: the three verifications after activation, and the differences that nothing explains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from secrets import randbelow
from typing import TYPE_CHECKING, Any

from engine.visible import visible
from tui.commands.session import Session, conduct
from tui.commands.whom import by_id
from tui.output import count, document, say

if TYPE_CHECKING:
    from diagnostics.verification.sampling import SampleResult, Sampling
    from diagnostics.verify import Missing, VerificationResult
    from engine.connectors import Connector
    from engine.observe import Sides
    from engine.runs import Run

_MOST_UNEXPLAINED = 20
_MOST_MISSING = 5
WORDS = {"agreed": " (known only from the last agreement)", "quarantined": " (refused, waiting)"}
LARGEST_NEW_SEED = 1_000_000
"""Seeds are short, since people type them again."""


def sampling_of(size: str | None, seed: int | None) -> Sampling | None:
    """The sample that was asked for, with a new seed if none was given. Raises ConfigurationError for a size that is none, or
    a seed without a size."""
    from diagnostics.verification.sampling import sampling
    from engine.errors import ConfigurationError

    if size is not None:
        return sampling(size, randbelow(LARGEST_NEW_SEED) if seed is None else seed)
    if seed is not None:
        raise ConfigurationError(
            "--seed says which sample is drawn", where="--seed", remedy="Give --sample too, as in the earlier run."
        )
    return None


def verify(chosen: Session, *, as_json: bool, named: Sequence[str], sampling: Sampling | None = None) -> int:
    """The three verifications and the unexplained differences. Exit code 1 if one fails or a difference is unexplained."""
    result = run_verify(chosen, named, sampling, quiet=as_json)
    if as_json:
        document({"connection": chosen.name, **verification_document(result)})
    else:
        show_verification(chosen, result)
    return _verify_code(result)


def _verify_code(result: VerificationResult) -> int:
    return int(not result.passed)


def run_verify(
    chosen: Session,
    named: Sequence[str],
    sampling: Sampling | None = None,
    *,
    quiet: bool = False,
    chain: bool = False,
) -> VerificationResult:
    """The verification itself, as a run."""
    from diagnostics.verify import verify as examine
    from engine.errors import WorkspaceError

    if not chosen.path.exists():
        raise WorkspaceError(
            "nothing has been examined yet for this connection",
            where=str(chosen.path),
            remedy=f"Run: syncdoctor check {chosen.name}",
        )
    with chosen.reading() as workspace:
        wanted = [by_id(workspace, who) for who in named]

    async def work(run: Run, sides: Sides) -> VerificationResult:
        app: Connector = sides.app
        schemas = {"hubspot": await sides.hubspot.describe(), "app": await app.describe()}
        return await examine(run, chosen.connection, sides.hubspot, app, schemas, wanted, sampling)  # type: ignore[arg-type]

    return conduct(
        chosen,
        "verify",
        work,
        exit_code=_verify_code,
        counts=lambda result: {"unexplained": result.unexplained, **result.differences},
        quiet=quiet,
        chain=chain,
    )


def verification_document(result: VerificationResult) -> dict[str, Any]:
    """A verification as documented in docs/json.md; `missing` names ids, fields, states and causes, no addresses."""
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
                        "fields": list(missing.fields),
                        "note": missing.note,
                    }
                    for missing in item.missing
                ],
                "note": item.note,
            }
            for item in result.verifications
        ],
        "differences": dict(result.differences),
        "unexplained": result.unexplained,
        "unexplained_differences": [
            {"hubspot_id": each.hubspot_id, "app_id": each.app_id, "field": each.field}
            for each in result.unexplained_differences
        ],
        "claims": asdict(result.claims),
        "sample": None if result.sample is None else sample_document(result.sample),
    }


def sample_document(sample: SampleResult) -> dict[str, int]:
    """What a sample says, as documented in docs/json.md."""
    return {**asdict(sample), "at_most": sample.at_most, "confidence": sample.confidence}


def show_verification(chosen: Session, result: VerificationResult) -> None:
    """A verification as text."""
    say(f"{chosen.name}: verification{' of a sample' if result.sample else ''}")
    for item in result.verifications:
        found = f"{count(item.found or 0)} of {count(item.expected or 0)}" if item.expected is not None else ""
        say(f"  {item.name:<12} {item.status:<14} {found}  {visible(item.note)}".rstrip())
        reasons: dict[str, int] = {}
        for missing in item.missing:
            reason = f"{missing.reason_state} {missing.reason_cause}".strip() or "unexplained"
            reasons[reason] = reasons.get(reason, 0) + 1
        for reason, number in sorted(reasons.items(), key=lambda pair: -pair[1]):
            say(f"      missing {count(number)}: {visible(reason)}")
        for line in _missing_lines(item.missing):
            say(f"        {line}")
    for name, number in result.differences.items():
        say(f"  differences, {name.replace('_', ' ')}{WORDS.get(name, '')}: {count(number)}")
    one = result.claims
    if one.looked_at:
        left = f", {count(one.left)} differ as agreed or by direction" if one.left else ""
        say(f"  called in sync by the last check: {count(one.looked_at)}, equal {count(one.equal)}{left}")
        if one.in_flight or one.broken:
            say(f"    in flight {count(one.in_flight)}, not as it said {count(one.broken)}")
    if result.sample:
        say(f"  {result.sample.sentence()}")
        if result.sample.besides:
            say(
                f"  Besides, {count(result.sample.besides)} contacts that the last sync linked or wrote were looked at."
            )
    say(f"  unexplained differences: {count(result.unexplained)}")
    for each in result.unexplained_differences[:_MOST_UNEXPLAINED]:
        say(f"    {_pair(each.hubspot_id, each.app_id)}: {visible(each.field) or 'the whole record'}")
    if result.unexplained > _MOST_UNEXPLAINED:
        say(f"    … {count(result.unexplained - _MOST_UNEXPLAINED)} more")


def _missing_lines(missing: Sequence[Missing]) -> list[str]:
    """What there is to say of single contacts: everyone who was named and is nowhere, of the others the first few."""
    nowhere = [each for each in missing if each.note and not each.fields and not each.existing]
    others = [each for each in missing if each.fields or each.existing]
    lines = []
    for each in [*nowhere, *others[:_MOST_MISSING]]:
        parts = [", ".join(each.fields)] if each.fields else []
        parts += [f"already there: {', '.join(each.existing)}"] if each.existing else []
        parts += [each.note] if each.note else []
        ids = _pair(each.hubspot_id, each.app_id)
        who = ", ".join(filter(None, (visible(each.email) if each in nowhere else "", ids)))
        lines.append(": ".join(filter(None, (who, visible("; ".join(parts))))))
    if len(others) > _MOST_MISSING:
        lines.append(f"… {count(len(others) - _MOST_MISSING)} more")
    return lines


def _pair(hubspot_id: str, app_id: str) -> str:
    ids = (f"HubSpot {hubspot_id}" if hubspot_id else "", f"app {app_id}" if app_id else "")
    return visible(", ".join(filter(None, ids)))
