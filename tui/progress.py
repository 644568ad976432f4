"""Progress in one line: phase, how far, how fast, when it ends, and which key stops it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tui.notation import clock, duration
from tui.reading.health import RunRow


def progress_line(run: RunRow, now: datetime) -> str:
    """A run at work in one line; the end is estimated from the phase's rate and given in UTC."""
    parts = [f"{run.command}: {run.phase or 'starting'}"]
    if run.total:
        parts.append(f"{run.done:,}/{run.total:,} ({min(100, run.done * 100 // run.total)}%)")
    elif run.done:
        parts.append(f"{run.done:,}")
    if run.rate:
        parts.append(f"{run.rate:,.0f}/s" if run.rate >= 10 else f"{run.rate:.1f}/s")
        if run.total and run.total > run.done:
            end = now.astimezone(UTC) + timedelta(seconds=(run.total - run.done) / run.rate)
            parts.append(f"ends {end:%H:%M:%S} UTC")
    parts.append("x stops")
    return "  ".join(parts)


def run_line(run: RunRow, *, gone: bool = False) -> str:
    """A run in one line: what, how it ended, when, how long."""
    if gone:
        return f"{run.command}: cut off in phase {run.phase or 'start'}; its process is gone"
    if run.running:
        return f"{run.command}: at work since {clock(run.started_at)} UTC"
    length = ""
    if run.ended_at:
        seconds = (datetime.fromisoformat(run.ended_at) - datetime.fromisoformat(run.started_at)).total_seconds()
        length = f", took {duration(seconds)}"
    code = "" if run.exit_code is None else f", exit code {run.exit_code}"
    message = f": {run.message}" if run.message else ""
    return f"{run.command}: {run.state}{code}{length}{message}"
