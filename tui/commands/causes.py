"""`causes`: the catalogue of reasons that keep contacts from syncing, or one of them whole."""

from __future__ import annotations

from difflib import get_close_matches
from textwrap import wrap
from typing import Any

from diagnostics.causes import CAUSES, Cause
from diagnostics.causes.catalogue import QUESTIONS, meanings
from engine.errors import ConfigurationError
from engine.visible import visible
from tui.output import document, say, table

WIDTH = 100
NEAREST = 3


def causes(code: str, *, as_json: bool) -> int:
    """Lists all causes in the order in which they decide, or shows the one with this code.

    Raises ConfigurationError for an unknown code, naming the nearest ones.
    """
    chosen = _named(code) if code else None
    if as_json:
        document({"cause": _whole(chosen)} if chosen else {"causes": [_whole(one) for one in CAUSES]})
    elif chosen:
        _show(chosen)
    else:
        say("Causes, in the order in which they decide (syncdoctor causes CODE shows one)")
        rows = [[one.code, one.fixed_by, one.nature, one.title] for one in CAUSES]
        table([["code", "who fixes it", "nature", "title"], *rows])
    return 0


def _named(code: str) -> Cause:
    by_code = {one.code: one for one in CAUSES}
    wanted = code.strip().lower()
    if wanted in by_code:
        return by_code[wanted]
    within = [known for known in by_code if wanted and wanted in known]
    nearest = list(dict.fromkeys([*get_close_matches(wanted, by_code, NEAREST), *within]))[:NEAREST]
    hint = f"Nearest: {', '.join(nearest)}. " if nearest else ""
    raise ConfigurationError(
        f"there is no cause {visible(code, 60)}",
        remedy=f"{hint}All of them: syncdoctor causes.",
    )


def _whole(one: Cause) -> dict[str, Any]:
    return {
        "code": one.code,
        "title": one.title,
        "explanation": one.explanation,
        "remedy": one.remedy,
        "remedy_observed": one.observed or one.remedy,
        "fixed_by": one.fixed_by,
        "nature": one.nature,
        "check": one.question,
        "says": one.says,
        "server_codes": list(meanings(one.code)),
    }


def _show(one: Cause) -> None:
    say(f"{one.code}: {one.title}")
    rows = [
        ("why", one.explanation),
        ("to do", one.remedy),
        ("observed", one.observed),
        ("who", one.fixed_by),
        ("nature", "transient: it passes by itself" if one.nature == "transient" else "actionable"),
        ("check", QUESTIONS[one.question]),
        ("HubSpot says", f"„{one.says}“"),
        ("server codes", ", ".join(meanings(one.code))),
    ]
    for name, text in rows:
        for number, line in enumerate(wrap(text, WIDTH)):
            say(f"  {name if number == 0 else '':<12}  {line}")
