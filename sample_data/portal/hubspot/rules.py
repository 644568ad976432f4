"""HubSpot's property validation rules, as far as their arguments are documented.

Rule types and the argument NUMERIC_ONLY: the property-validations API; the other arguments are taken literally.
A rule type that is not listed here is served but not enforced.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from sample_data.portal.moments import read_moment

Check = Callable[[str, Sequence[str]], str | None]

ALPHANUMERIC = {
    "NUMERIC_ONLY": (str.isdigit, "INVALID_NUMERIC", "Enter only numbers"),
    "ALPHABETIC_ONLY": (str.isalpha, "INVALID_ALPHA", "Enter only letters"),
    "ALPHANUMERIC_ONLY": (str.isalnum, "INVALID_ALPHANUMERIC", "Enter only letters and numbers"),
}
EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
DOMAIN = re.compile(r"[^@\s./]+(\.[^@\s./]+)+")
URL = re.compile(r"(https?://)?[^\s/@.]+(\.[^\s/@.]+)+(/\S*)?")


def broken_rule(rule: str, arguments: Sequence[str], value: str) -> tuple[str, str] | None:
    """The code and message of the rule that a value breaks, or None. The value is not empty."""
    if rule == "ALPHANUMERIC":
        for argument in arguments:
            test, code, message = ALPHANUMERIC.get(argument, (lambda text: True, "", ""))
            if not test(value.replace(" ", "")):
                return code, message
        return None
    check = CHECKS.get(rule)
    if check is None:
        return None
    try:
        complaint = check(value, arguments)
    except ValueError:
        complaint = "Enter a value of the right type"
    return None if complaint is None else (f"INVALID_{rule}", complaint)


def _max_length(value: str, arguments: Sequence[str]) -> str | None:
    limit = int(arguments[0])
    return f"Enter at most {limit} characters" if len(value) > limit else None


def _min_length(value: str, arguments: Sequence[str]) -> str | None:
    limit = int(arguments[0])
    return f"Enter at least {limit} characters" if len(value) < limit else None


def _regex(value: str, arguments: Sequence[str]) -> str | None:
    return None if re.fullmatch(arguments[0], value) else f"Enter a value that matches {arguments[0]}"


def _min_number(value: str, arguments: Sequence[str]) -> str | None:
    return f"Enter a number of at least {arguments[0]}" if float(value) < float(arguments[0]) else None


def _max_number(value: str, arguments: Sequence[str]) -> str | None:
    return f"Enter a number of at most {arguments[0]}" if float(value) > float(arguments[0]) else None


def _decimal(value: str, arguments: Sequence[str]) -> str | None:
    limit = int(arguments[0])
    return f"Enter at most {limit} decimal places" if len(value.partition(".")[2]) > limit else None


def _start(value: str, arguments: Sequence[str]) -> str | None:
    return f"Enter a date from {arguments[0]} on" if read_moment(value) < read_moment(arguments[0]) else None


def _end(value: str, arguments: Sequence[str]) -> str | None:
    return f"Enter a date up to {arguments[0]}" if read_moment(value) > read_moment(arguments[0]) else None


def _pattern(pattern: re.Pattern[str], what: str) -> Check:
    return lambda value, arguments: None if pattern.fullmatch(value) else f"Enter a valid {what}"


def _domain_of(value: str) -> str:
    host = value.rpartition("@")[2].partition("://")[2] or value.rpartition("@")[2]
    return host.partition("/")[0].lower()


def _allowed(value: str, arguments: Sequence[str]) -> str | None:
    return None if _domain_of(value) in arguments else f"Enter one of these domains: {', '.join(arguments)}"


def _blocked(value: str, arguments: Sequence[str]) -> str | None:
    return f"The domain {_domain_of(value)} is blocked" if _domain_of(value) in arguments else None


def _country_code(value: str, arguments: Sequence[str]) -> str | None:
    return None if value.startswith("+") else "Enter a phone number with its country code"


CHECKS: dict[str, Check] = {
    "MAX_LENGTH": _max_length,
    "MIN_LENGTH": _min_length,
    "REGEX": _regex,
    "MIN_NUMBER": _min_number,
    "MAX_NUMBER": _max_number,
    "DECIMAL": _decimal,
    "START_DATE": _start,
    "END_DATE": _end,
    "START_DATETIME": _start,
    "END_DATETIME": _end,
    "EMAIL": _pattern(EMAIL, "e-mail address"),
    "DOMAIN": _pattern(DOMAIN, "domain"),
    "URL": _pattern(URL, "URL"),
    "EMAIL_ALLOWED_DOMAINS": _allowed,
    "URL_ALLOWED_DOMAINS": _allowed,
    "EMAIL_BLOCKED_DOMAINS": _blocked,
    "URL_BLOCKED_DOMAINS": _blocked,
    "PHONE_NUMBER_WITH_EXPLICIT_COUNTRY_CODE": _country_code,
}
