"""Phone numbers in the form in which they are compared: E.164 where the number says its country, or the contact does."""

from __future__ import annotations

from functools import cache

import phonenumbers
import polars as pl

_SEPARATORS = r"[\s().\-/\u2010-\u2015]"
_ONLY_A_NUMBER = r"^[+0-9\s().\-/\u2010-\u2015]*$"
_INTERNATIONAL = r"^\+[1-9][0-9]{2,14}$"
_TRUNK_ZERO = (
    r"^\+(?:[17]|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]"
    r"|(?:2[1-689]|3[578]|42|5[09]|6[7-9]|8[035789]|9[679])[0-9])0"
)
"""A zero right after the country's code: dropped in Germany, part of the number in Italy. Only the library knows."""


def phone(column: pl.Expr, region: pl.Expr | None = None) -> pl.Expr:
    """`+4930123456`, or the bare digits of a national number whose country nobody knows; null if it is no number.

    A leading 00 is taken for +. `region` is the contact's country as ISO 3166 code or null; it only counts for
    numbers without a country's code of their own.
    """
    number = pl.when(column.str.contains(_ONLY_A_NUMBER)).then(column)
    compact = number.str.replace_all(_SEPARATORS, "").str.replace(r"^00", "+")
    digits = number.str.replace_all(r"[^0-9]", "")
    international = compact.str.contains(_INTERNATIONAL)
    plain = pl.when(international & ~compact.str.contains(_TRUNK_ZERO)).then(compact)
    known_region = pl.lit(None, pl.String) if region is None else region
    doubtful = (
        pl.when(international)
        .then(pl.concat_str(pl.lit(" "), compact))
        .when(compact.str.contains(r"^[0-9]+$") & known_region.is_not_null())
        .then(pl.concat_str(known_region, pl.lit(" "), compact))
    )
    asked = pl.when(plain.is_null()).then(doubtful).map_batches(_looked_up, return_dtype=pl.String)
    return pl.when(digits.str.len_chars() >= 3).then(pl.coalesce(plain, asked, digits))


def _looked_up(numbers: pl.Series) -> pl.Series:
    distinct = numbers.drop_nulls().unique().to_list()
    return numbers.replace_strict({one: _e164(one) for one in distinct}, default=None, return_dtype=pl.String)


def _e164(asked: str) -> str | None:
    region, _, number = asked.partition(" ")
    try:
        parsed = phonenumbers.parse(number, region or None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def region(column: pl.Expr) -> pl.Expr:
    """The ISO 3166 code of a country given by its German or English name or by its code; null if it is none of them."""
    return column.str.strip_chars().str.to_lowercase().map_batches(_regions, return_dtype=pl.String)


def _regions(names: pl.Series) -> pl.Series:
    return names.replace_strict(region_names(), default=None, return_dtype=pl.String)


@cache
def region_names() -> dict[str, str]:
    """ISO 3166 code by a country's German or English name or its code, in lower case."""
    from phonenumbers.geodata.locale import LOCALE_DATA

    names = {"usa": "US", "uk": "GB", "holland": "NL", "großbritannien": "GB"}
    for code, languages in LOCALE_DATA.items():
        for language in ("de", "en"):
            name = languages.get(language, "")
            name = languages.get(name[1:], "") if name.startswith("*") else name
            if name:
                names[name.lower()] = code
    return names | {code.lower(): code for code in LOCALE_DATA}
