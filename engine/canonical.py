"""The form in which two values are compared. Stored and shown values stay as they are.

White space, Unicode form (NFC), e-mail case and domain spelling, phone punctuation, number and date spelling make no
difference; everything else does.
"""

from __future__ import annotations

import idna
import polars as pl

from engine.schema import FieldType

_TRUE, _FALSE = ("true", "1", "yes", "ja"), ("false", "0", "no", "nein")


def text(column: pl.Expr) -> pl.Expr:
    """Outer white space off, Unicode NFC."""
    return column.str.normalize("NFC").str.strip_chars()


def email_key(column: pl.Expr) -> pl.Expr:
    """The normalised address by which contacts are matched: trimmed, NFC, lower case, domain in its IDNA ASCII form.

    A domain that IDNA cannot express stays as it is. Null and empty stay. Source: RFC 5891, UTS 46.
    """
    return text(column).str.to_lowercase().map_batches(_ascii_domains, return_dtype=pl.String)


def _ascii_domains(addresses: pl.Series) -> pl.Series:
    foreign = addresses.str.contains(r"@[^@]*[^\x00-\x7F]")
    doubtful = addresses.filter(foreign.fill_null(False)).unique().to_list()
    if not doubtful:
        return addresses
    return addresses.replace({address: _ascii_domain(address) for address in doubtful})


def _ascii_domain(address: str) -> str:
    local, _, domain = address.rpartition("@")
    try:
        return f"{local}@{idna.encode(domain, uts46=True).decode()}"
    except idna.IDNAError:
        return address


def date(column: pl.Expr) -> pl.Expr:
    """`YYYY-MM-DD` from an ISO date or date-time, `MM/DD/YYYY`, or milliseconds since 1970; null if it is none of them."""
    trimmed = column.str.strip_chars()
    iso = trimmed.str.extract(r"^(\d{4}-\d{2}-\d{2})(?:[T ].*)?$").str.to_date("%Y-%m-%d", strict=False)
    american = trimmed.str.to_date("%m/%d/%Y", strict=False)
    millis = trimmed.str.extract(r"^(-?\d{9,14})$").cast(pl.Int64, strict=False).cast(pl.Datetime("ms")).dt.date()
    return pl.coalesce(iso, american, millis).dt.to_string("%Y-%m-%d")


def number(column: pl.Expr) -> pl.Expr:
    """Plain digits where the value is whole, else the shortest decimal spelling; null if it is no finite number."""
    trimmed = column.str.strip_chars()
    whole = trimmed.str.extract(r"^\+?(-?\d{1,18})(?:\.0*)?$").cast(pl.Int64, strict=False).cast(pl.String)
    decimal = trimmed.str.extract(r"^([+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?)$").cast(pl.Float64, strict=False)
    round_number = pl.when(decimal == decimal.round()).then(decimal.cast(pl.Int64, strict=False)).cast(pl.String)
    return pl.coalesce(whole, round_number, pl.when(decimal.is_finite()).then(decimal).cast(pl.String))


def phone(column: pl.Expr) -> pl.Expr:
    """The digits, with a leading 00 taken for +; null if there are fewer than three."""
    digits = column.str.replace_all(r"[^0-9]", "").str.replace(r"^00", "")
    return pl.when(digits.str.len_chars() >= 3).then(digits)


def boolean(column: pl.Expr) -> pl.Expr:
    """`true` or `false`; null if it is neither."""
    lower = column.str.strip_chars().str.to_lowercase()
    return pl.when(lower.is_in(_TRUE)).then(pl.lit("true")).when(lower.is_in(_FALSE)).then(pl.lit("false"))


def options(column: pl.Expr) -> pl.Expr:
    """A set of semicolon-joined values in alphabetical order, each once."""
    parts = column.str.split(";").list.eval(pl.element().str.strip_chars()).list.unique().list.sort()
    return parts.list.eval(pl.element().filter(pl.element() != "")).list.join(";")


def canonical(column: pl.Expr, kind: FieldType) -> pl.Expr:
    """The comparable form of a column of raw texts; a value that is not of its kind is compared as text."""
    plain = text(column)
    match kind:
        case "email":
            return email_key(column)
        case "phone":
            return pl.coalesce(phone(column), plain)
        case "number":
            return pl.coalesce(number(column), plain)
        case "date" | "datetime":
            return pl.coalesce(date(column), plain)
        case "bool":
            return pl.coalesce(boolean(column), plain)
        case "options":
            return pl.coalesce(options(plain), plain)
        case _:
            return plain
