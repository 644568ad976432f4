"""Whether e-mail addresses are valid, for whole columns: a strict pattern accepts, email-validator judges the rest.

Everything that the pattern accepts is valid to the library too, so the verdict is always the library's; it is asked
only for the distinct addresses that the pattern doubts.
"""

from __future__ import annotations

import re

import polars as pl
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

_ATOM = r"[a-zA-Z0-9_!#$%&'*+\-/=?^`{|}~]+"
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_TOP = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61})?)?[a-zA-Z]"
_PLAIN = rf"\A{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+{_TOP}\z"
_RESERVED = rf"(?i)\.(?:{'|'.join(re.escape(name) for name in SPECIAL_USE_DOMAIN_NAMES)})\z"
ADDRESS_BYTES = 254
"""Longest address in UTF-8. Source: RFC 5321 4.5.3.1.3 with errata 1690 of RFC 3696; the library's limit."""
_TOO_LONG = f"an address has at most {ADDRESS_BYTES} bytes"


def certainly_valid(address: pl.Expr) -> pl.Expr:
    """Whether a plain ASCII address is beyond doubt: no hyphen pair, no reserved domain, no length near a limit."""
    return (
        address.str.contains(_PLAIN)
        & ~address.str.contains("--", literal=True)
        & ~address.str.contains(_RESERVED)
        & (address.str.len_bytes() <= ADDRESS_BYTES - 1)
    )


def invalid_addresses(addresses: pl.Series) -> pl.DataFrame:
    """The distinct invalid addresses of a column: `address`, `reason` (words without the address itself).

    Null is passed over. Outer white space has to be off already.
    """
    doubtful = (
        addresses.drop_nulls().unique().to_frame("address").filter(~certainly_valid(pl.col("address")))["address"]
    )
    verdicts = [(address, reason) for address in doubtful if (reason := why_invalid(address))]
    return pl.DataFrame(verdicts, schema={"address": pl.String, "reason": pl.String}, orient="row")


def why_invalid(address: str) -> str:
    """Why email-validator does not take the address, in its words; empty for a valid one.

    No look-up in the DNS; special-use domains (`.test`, `.invalid`, `localhost`) are invalid.
    """
    if len(address.encode("utf-8", "surrogatepass")) > ADDRESS_BYTES:
        return _TOO_LONG
    try:
        validate_email(address, check_deliverability=False, test_environment=False)
    except EmailNotValidError as error:
        # The library's brackets hold details that may repeat a part of the address.
        words = re.sub(r"\s*\(.*\)", "", str(error), flags=re.DOTALL).strip().rstrip(".")
        return words[:1].lower() + words[1:]
    return ""
