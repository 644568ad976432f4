"""Canonical forms of single values, as `engine.canonical` defines them for columns."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta
from functools import cache

import idna
import phonenumbers

from engine.phones import region_names

_LINE_ENDS = re.compile(r"\r+\n")
_NOT_ASCII = re.compile(r"[^\x00-\x7F]")
_ONLY_A_NUMBER = re.compile(r"[+0-9\s().\-/\u2010-\u2015]*")
_SEPARATORS = re.compile(r"[\s().\-/\u2010-\u2015]")
_NOT_A_DIGIT = re.compile(r"[^0-9]")
_WHOLE = re.compile(r"\+?(-?[0-9]{1,18})(?:\.0*)?")
_DECIMAL = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?")
_ISO = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ].*)?")
_AMERICAN = re.compile(r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}")
_MILLISECONDS = re.compile(r"-?[0-9]{9,14}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def text(value: str) -> str:
    """Outer white space off, NFC, line ends as LF."""
    return _LINE_ENDS.sub("\n", unicodedata.normalize("NFC", value)).strip()


def email_key(value: str) -> str:
    """The normalised address, its domain in IDNA's ASCII form where it has one."""
    address = text(value).lower()
    local, at, domain = address.rpartition("@")
    if at and _NOT_ASCII.search(domain):
        try:
            return f"{local}@{idna.encode(domain, uts46=True).decode()}"
        except idna.IDNAError:
            return address
    return address


def number(value: str) -> str:
    """Plain digits where the value is whole, else a decimal spelling; what is no number stays as text."""
    trimmed = value.strip()
    if whole := _WHOLE.fullmatch(trimmed):
        return str(int(whole[1]))
    if _DECIMAL.fullmatch(trimmed):
        known = float(trimmed)
        return str(int(known)) if known.is_integer() else repr(known)
    return text(value)


def day_of(value: str) -> str | None:
    """`YYYY-MM-DD`, or None if the value is no date."""
    trimmed = value.strip()
    try:
        if iso := _ISO.fullmatch(trimmed):
            return date.fromisoformat(iso[1]).isoformat()
        if _AMERICAN.fullmatch(trimmed):
            month, day, year = map(int, trimmed.split("/"))
            return date(year, month, day).isoformat()
        if _MILLISECONDS.fullmatch(trimmed):
            return (_EPOCH + timedelta(milliseconds=int(trimmed))).date().isoformat()
    except (ValueError, OverflowError):
        return None
    return None


def day(value: str) -> str:
    """`YYYY-MM-DD`; what is no date stays as text."""
    return day_of(value) or text(value)


@cache
def region(country: str | None) -> str | None:
    """The ISO 3166 code of a country's German or English name, or of the code itself."""
    return region_names().get(country.strip().lower()) if country else None


@cache
def phone(value: str, country: str | None) -> str:
    """E.164, or the bare digits of a number whose country nobody knows; what is no number stays as text."""
    plain = text(value)
    digits = _NOT_A_DIGIT.sub("", plain)
    if not _ONLY_A_NUMBER.fullmatch(plain) or len(digits) < 3:
        return plain
    compact = _SEPARATORS.sub("", plain)
    compact = f"+{compact[2:]}" if compact.startswith("00") else compact
    if not compact.startswith("+") and country is None:
        return digits
    try:
        parsed = phonenumbers.parse(compact, country)
    except phonenumbers.NumberParseException:
        return digits
    if not phonenumbers.is_possible_number(parsed):
        return compact if compact.startswith("+") else digits
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
