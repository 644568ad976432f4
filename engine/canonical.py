"""The form in which two values are compared. Stored and shown values stay as they are.

Outer white space, line ends (CRLF or LF), Unicode form (NFC), e-mail case and domain spelling, phone punctuation, number,
date and time spelling and the order of a set make no difference; everything else does, runs of inner white space too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import idna
import polars as pl

from engine.phones import phone
from engine.schema import FieldType

_TRUE, _FALSE = ("true", "1", "yes", "ja"), ("false", "0", "no", "nein")


@dataclass(frozen=True)
class Words:
    """What a side calls its options: spelling -> internal value. `folded` takes spellings in lower case that are not ambiguous."""

    exact: Mapping[str, str] = field(default_factory=dict)
    folded: Mapping[str, str] = field(default_factory=dict)

    def values(self, column: pl.Expr) -> pl.Expr:
        """Each spelling as the internal value; what is no known spelling stays."""
        if not self.exact:
            return column
        lower = column.str.to_lowercase().replace_strict(dict(self.folded), default=None, return_dtype=pl.String)
        exact = column.replace_strict(dict(self.exact), default=None, return_dtype=pl.String)
        return pl.coalesce(exact, lower, column)


def words(spellings: Iterable[tuple[str, str]]) -> Words:
    """Words of (spelling, internal value) pairs; the first of two equal spellings counts, and in another case only a
    spelling that stands for one value."""
    exact: dict[str, str] = {}
    meanings: dict[str, set[str]] = {}
    for spelling, value in spellings:
        exact.setdefault(spelling, value)
        meanings.setdefault(spelling.lower(), set()).add(value)
    return Words(exact, {spelling: next(iter(found)) for spelling, found in meanings.items() if len(found) == 1})


@dataclass(frozen=True)
class Reading:
    """How the raw values of one side's field are read for a mapping.

    `moments`: the field holds instants that are compared as days of `zone`, an IANA name. `region`: the contact's
    country as ISO 3166 code, for phone numbers. `separator` joins the values of a set, beside `;`.
    """

    kind: FieldType = "text"
    moments: bool = False
    zone: str = "UTC"
    words: Words = Words()
    separator: str = ";"
    region: pl.Expr | None = None


def text(column: pl.Expr) -> pl.Expr:
    """Outer white space off, Unicode NFC, line ends as LF."""
    return column.str.normalize("NFC").str.replace_all(r"\r+\n", "\n").str.strip_chars()


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


_WITH_ZONE = r"^(\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2}))$"
_WITHOUT_ZONE = r"^(\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)$"


def moment(column: pl.Expr, zone: str = "UTC") -> pl.Expr:
    """An instant (UTC) from an ISO date-time or milliseconds since 1970; null if it is neither.

    A date-time without an offset is the wall clock of `zone`, an IANA name; the hour that a clock skips or repeats is
    taken as the earlier one.
    """
    trimmed = column.str.strip_chars()
    offset = (
        trimmed.str.extract(_WITH_ZONE)
        .str.replace(" ", "T", literal=True)
        .str.replace("Z", "+0000", literal=True)
        .str.replace(r"T(\d{2}:\d{2})([+-])", "T${1}:00${2}")
        .str.replace(r"([+-]\d{2}):?(\d{2})$", "${1}${2}")
        .str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", time_unit="ms", strict=False, time_zone="UTC")
    )
    wall = (
        trimmed.str.extract(_WITHOUT_ZONE)
        .str.replace(" ", "T", literal=True)
        .str.replace(r"T(\d{2}:\d{2})$", "T${1}:00")
        .str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="ms", strict=False)
        .dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
        .dt.convert_time_zone("UTC")
    )
    millis = trimmed.str.extract(r"^(-?\d{9,14})$").cast(pl.Int64, strict=False).cast(pl.Datetime("ms", "UTC"))
    return pl.coalesce(offset, wall, millis)


def instant(column: pl.Expr, zone: str = "UTC") -> pl.Expr:
    """`2026-01-31T10:00:00.000Z` from what `moment` takes, else null."""
    return moment(column, zone).dt.to_string("%Y-%m-%dT%H:%M:%S%.3fZ")


def day_of_moment(column: pl.Expr, zone: str) -> pl.Expr:
    """`YYYY-MM-DD`: the day in `zone` at an instant, else null."""
    return moment(column, zone).dt.convert_time_zone(zone).dt.to_string("%Y-%m-%d")


def midnight(column: pl.Expr, zone: str) -> pl.Expr:
    """The instant at which a day (as `date` gives it) begins in `zone`, as `instant` writes it."""
    start = column.str.to_datetime("%Y-%m-%d", time_unit="ms", strict=False)
    local = start.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return local.dt.convert_time_zone("UTC").dt.to_string("%Y-%m-%dT%H:%M:%S%.3fZ")


def number(column: pl.Expr) -> pl.Expr:
    """Plain digits where the value is whole, else the shortest decimal spelling; null if it is no finite number."""
    trimmed = column.str.strip_chars()
    whole = trimmed.str.extract(r"^\+?(-?\d{1,18})(?:\.0*)?$").cast(pl.Int64, strict=False).cast(pl.String)
    decimal = trimmed.str.extract(r"^([+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?)$").cast(pl.Float64, strict=False)
    round_number = pl.when(decimal == decimal.round()).then(decimal.cast(pl.Int64, strict=False)).cast(pl.String)
    return pl.coalesce(whole, round_number, pl.when(decimal.is_finite()).then(decimal).cast(pl.String))


def boolean(column: pl.Expr) -> pl.Expr:
    """`true` or `false`; null if it is neither."""
    lower = column.str.strip_chars().str.to_lowercase()
    return pl.when(lower.is_in(_TRUE)).then(pl.lit("true")).when(lower.is_in(_FALSE)).then(pl.lit("false"))


def options(column: pl.Expr, separator: str = ";", meaning: Words | None = None) -> pl.Expr:
    """A set of values, joined by `;` or by the app's own separator, as internal values in alphabetical order, each once."""
    return members(column, separator, meaning).list.join(";")


def members(column: pl.Expr, separator: str = ";", meaning: Words | None = None) -> pl.Expr:
    """The set as a list."""
    own = separator.strip() or ";"
    parts = column.str.replace_all(own, ";", literal=True).str.split(";").list.eval(pl.element().str.strip_chars())
    known = parts.list.eval((meaning or Words()).values(pl.element()))
    return known.list.eval(pl.element().filter(pl.element() != "")).list.unique().list.sort()


def canonical(column: pl.Expr, kind: FieldType) -> pl.Expr:
    """The comparable form of a column of raw texts; a value that is not of its kind is compared as text."""
    return comparable(column, Reading(kind))


def comparable(column: pl.Expr, read: Reading) -> pl.Expr:
    """The comparable form of a column of raw texts, read as a mapping says; option values are the internal ones."""
    if read.kind == "options":
        return options(text(column), read.separator, read.words)
    known = read.words.values(column.str.strip_chars()) if read.words.exact else column
    plain = text(known)
    match read.kind:
        case "email":
            return email_key(known)
        case "phone":
            return pl.coalesce(phone(plain, read.region), plain)
        case "number":
            return pl.coalesce(number(known), plain)
        case "date" if read.moments:
            return pl.coalesce(day_of_moment(known, read.zone), date(known), plain)
        case "date":
            return pl.coalesce(date(known), plain)
        case "datetime":
            return pl.coalesce(instant(known, read.zone), plain)
        case "bool":
            return pl.coalesce(boolean(known), plain)
        case _:
            return plain
