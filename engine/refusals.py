"""Answers that refuse the whole request: credentials, permissions, limits. As errors that say what to do."""

from __future__ import annotations

import email.utils
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.errors import AccessError, CredentialsRefused, LimitExhausted, ScopeMissing, UnexpectedAnswer
from engine.visible import visible

LONGEST_WAIT = 60.0
"""Seconds; a service that asks for more ends the run."""
_DATA_CENTRE = re.compile(r"\bus\d{1,3}\b")
SHORTEST_VALUE, UNMISTAKABLE = 3, 6
"""Characters: shorter values say nothing; from the second on a value is no part of an ordinary word by chance."""
_BEFORE, _AFTER = r"(?:(?<![a-z0-9])|(?<=\\[bfnrt])|(?<=\\u[0-9a-f]{4}))", r"(?![a-z0-9])"
"""The edges of a word; an escape sequence in front of it is none of its letters."""
_ADDRESS = re.compile(r"[^\s\"'<>()\[\],;:]+@[^\s\"'<>()\[\],;:]+")


def without_addresses(text: str, limit: int = 512) -> str:
    """A service's words with every e-mail address replaced, safe to show."""
    return visible(_ADDRESS.sub("<e-mail>", text), limit)


def without_values(text: str, sent: Mapping[str, str], address: str, limit: int = 512) -> str:
    """A service's words about a write, safe to keep: without any address, and without what was sent.

    `sent` are the write's values by field, `address` names the field of the e-mail address. A value is also found in
    another case, escaped as in JSON, and as one entry of a set; one of fewer than six characters only as a word of its own,
    one of fewer than three not at all.
    """
    mails = _spellings([value for field, value in sent.items() if field == address or "@" in value])
    others = _spellings([part for value in sent.values() for part in (value, *value.split(";"))])
    patterns = ["|".join([*mails, _ADDRESS.pattern]), "|".join(others) or "(?!)"]
    anything = re.compile("|".join(f"({pattern})" for pattern in patterns), re.IGNORECASE)
    return visible(anything.sub(lambda found: "<e-mail>" if found.group(1) else "<value>", text), limit)


def _spellings(values: list[str]) -> list[str]:
    """Patterns of the values, the longest first, each also as JSON writes it."""
    plain = {value.strip() for value in values}
    escaped = {json.dumps(value, ensure_ascii=pure)[1:-1] for value in plain for pure in (True, False)}
    known = sorted(
        (value for value in plain | escaped if len(value) >= SHORTEST_VALUE), key=lambda one: (-len(one), one)
    )
    return [
        re.escape(value) if len(value) >= UNMISTAKABLE else f"{_BEFORE}{re.escape(value)}{_AFTER}" for value in known
    ]


def refusal(service: str, status: int, body: object, where: str) -> AccessError | None:
    """The error for an answer 401, 403, 407 or a redirect; None for any other status."""
    said = body if isinstance(body, dict) else {}
    if status == 401:
        return _credentials(service, said, where)
    if status == 403:
        return _forbidden(service, said, where)
    if status == 407:
        return UnexpectedAnswer("a proxy asks for its own sign-in", where=where, remedy="Check HTTPS_PROXY.")
    if 300 <= status < 400:
        return UnexpectedAnswer(
            f"answered {status}, a redirect to another address; it was not followed",
            where=where,
            remedy="Check the server's address, and whether a proxy is in the way.",
        )
    return None


def is_daily(body: object) -> bool:
    """Whether a 429 is about the daily limit (HubSpot's `policyName` DAILY, or its message)."""
    if not isinstance(body, dict):
        return False
    return body.get("policyName") == "DAILY" or "daily limit" in str(body.get("message", "")).lower()


def limit_exhausted(service: str, reason: str, until: datetime | None, where: str) -> LimitExhausted:
    """The error for a limit that a run does not wait for; `until` in UTC, None if unknown."""
    when = f"{until.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if until else ""
    return LimitExhausted(
        f"{service} {reason}" + (f" until {when}" if when else ""),
        where=where,
        remedy=f"Run again after {when}." if when else "Run again later.",
    )


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that `Retry-After` asks for, as a number or an HTTP date; None if absent or not usable."""
    text = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}", text):
        return float(text)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds = (moment - now) / timedelta(seconds=1)
    return seconds if seconds >= 0 else None


def suggested_wait(body: object, attempt: int) -> float:
    """Seconds to wait after a 429 without `Retry-After`: 10 for HubSpot's rolling window, else 1, times the attempt.

    Source: the retry constants of HubSpot's own JavaScript client.
    """
    said = body if isinstance(body, dict) else {}
    policy = f"{said.get('policyName', '')} {said.get('message', '')}".lower()
    return (10.0 if "ten_secondly" in policy else 1.0) * attempt


def _credentials(service: str, said: Mapping[str, Any], where: str) -> CredentialsRefused:
    if said.get("category") == "EXPIRED_AUTHENTICATION":
        what, remedy = (
            f"the token for {service} has expired",
            "Log in again with a new token: syncdoctor login NAME SIDE.",
        )
    else:
        what = f"{service} does not accept the token or key"
        remedy = "It may be mistyped, rotated or deleted. Log in again with a valid one: syncdoctor login NAME SIDE."
    return CredentialsRefused(what, where=where, remedy=remedy)


def _forbidden(service: str, said: Mapping[str, Any], where: str) -> AccessError:
    if said.get("title") == "Wrong Datacenter":
        found = _DATA_CENTRE.search(str(said.get("detail", "")))
        belongs = f"belongs to data centre {found.group()}" if found else "belongs to another data centre"
        return CredentialsRefused(
            f"the key {belongs}, the request went to another one",
            where=where,
            remedy="Copy the key whole: the part after the last - names its data centre. Then log in again.",
        )
    scopes = _scopes(said)
    needed = f": needs {' or '.join(scopes)}" if scopes else ""
    return ScopeMissing(
        f"the credentials for {service} lack a permission{needed}",
        scopes=scopes,
        where=where,
        remedy="Add it to the token's permissions in the service, or log in with another token.",
    )


def _scopes(said: Mapping[str, Any]) -> tuple[str, ...]:
    found: list[str] = []
    errors = said.get("errors")
    for entry in [said, *(errors if isinstance(errors, list) else [])]:
        context = entry.get("context") if isinstance(entry, dict) else None
        for key in ("requiredGranularScopes", "requiredScopes", "missingScopes"):
            names = context.get(key) if isinstance(context, dict) else None
            found += [visible(str(name), 100) for name in names] if isinstance(names, list) else []
    return tuple(dict.fromkeys(found))
