"""A value that is not written the way the target asks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.addresses import certainly_valid, why_invalid
from diagnostics.causes.cause import Cause
from diagnostics.causes.patterns import can_be_checked, whole
from diagnostics.causes.written import (
    LENGTHS,
    NUMBERS,
    VALUE,
    Requirement,
    broken_requirements,
    limit,
    not_evaluated,
    of_moments,
    rules,
    rules_unread,
)
from engine.gates import Population, Situation
from engine.schema import Field, Rule, RuleKind, Side

CODE = "field-format"
_HOST = r"(?:[^\s/?#@]+@)?[^\s/?#@.:]+(?:\.[^\s/?#@.:]+)*(?::[0-9]{1,5})?(?:[/?#]\S*)?"
_URL = rf"(?i)\Ahttps?://{_HOST}\z"
_URL_OR_HOST = r"(?i)\A(?:https?://)?[^\s/@.]+(?:\.[^\s/@.]+)+(?:/\S*)?\z"
_WITH_COUNTRY_CODE = r"\A\+[0-9]{7,15}\z"
"""International form, 7 to 15 digits. Source: ITU-T E.164."""
_PLAIN: Mapping[RuleKind, tuple[str, str]] = {
    "letters_only": (r"\A[\p{L} ]*\z", "takes only letters here"),
    "digits_only": (r"\A[0-9 ]*\z", "takes only digits here"),
    "alphanumeric": (r"\A[\p{L}\p{N} ]*\z", "takes only letters and digits here"),
    "url": (_URL_OR_HOST, "takes only a web address here"),
}


def _wrong_format(population: Population, situation: Situation) -> pl.DataFrame:
    identities = {(side, schema.identity_field) for side, schema in situation.schemas.items()}

    def asked(side: Side, field: Field) -> Iterable[Requirement]:
        # The identity has a cause of its own.
        return (*(() if (side, field.name) in identities else _of_format(field)), *not_evaluated(field, _how_written))

    return broken_requirements(population, situation, asked)


def _how_written(rule: Rule) -> bool:
    return rule.kind not in (*LENGTHS, *NUMBERS) and not of_moments(rule)


def _of_format(field: Field) -> Iterable[Requirement]:
    value = VALUE.str.strip_chars()
    if field.type == "url":
        yield Requirement(~value.str.contains(_URL), "takes only a web address with http:// or https:// here")
    if field.type == "email" or any(rules(field, "email")):
        yield Requirement(_not_an_address(value), "takes only a valid e-mail address here")
    for rule in field.rules:
        if rule.kind in _PLAIN:
            pattern, words = _PLAIN[rule.kind]
            yield Requirement(~value.str.contains(pattern), words)
    if any(rules(field, "phone_with_country_code")):
        digits = VALUE.str.replace_all(r"[\s()./-]", "")
        words = "takes only a phone number with + and country code here"
        yield Requirement(~digits.str.contains(_WITH_COUNTRY_CODE), words)
    for rule in rules(field, "decimals"):
        places = limit(rule)
        if places is not None:
            decimals = value.str.extract(r"\.([0-9]*)\z").fill_null("").str.len_chars()
            yield Requirement(decimals > places, f"takes at most {places:g} decimal places here")
    for rule in rules(field, "regex"):
        if rule.arguments and can_be_checked(rule.arguments[0]):
            pattern = rule.arguments[0]
            yield Requirement(~VALUE.str.contains(whole(pattern)), f"takes only values of the form {pattern} here")


def _not_an_address(value: pl.Expr) -> pl.Expr:
    """Whether a value is no valid address; the library is asked only about what the pattern doubts."""
    doubtful = pl.when(~certainly_valid(value)).then(value)
    judged = doubtful.map_batches(_invalid, return_dtype=pl.Boolean)
    return judged.fill_null(False)


def _invalid(doubtful: pl.Series) -> pl.Series:
    verdicts = {address: bool(why_invalid(address)) for address in doubtful.drop_nulls().unique().to_list()}
    return doubtful.replace_strict(verdicts, default=False, return_dtype=pl.Boolean)


CAUSE = Cause(
    code=CODE,
    title="Not in the format that the field asks for",
    explanation="The target checks how a value is written (a web address, a pattern, letters only), and this one does "
    "not pass.",
    remedy="Correct the value in the source, or relax the field's rule in the target.",
    fixed_by="HubSpot admin",
    says=document.RULES,
    question="d",
    test=_wrong_format,
    needs=("rules",),
    unread=rules_unread,
)
