"""An address at a provider of throw-away mailboxes."""

from __future__ import annotations

from functools import cache

import idna
import polars as pl
from disposable_email_domains import blocklist

from diagnostics.causes import document
from diagnostics.causes.cause import Cause
from diagnostics.causes.unwanted import by_address
from engine.gates import Population, Situation

CODE = "disposable-domain"


@cache
def _domains(own: tuple[str, ...]) -> pl.Series:
    return pl.Series(sorted({*blocklist, *(_ascii(domain) for domain in own)}), dtype=pl.String)


def _ascii(domain: str) -> str:
    """The form that `email_key` has: lower case, IDNA ASCII; a name that IDNA cannot express stays."""
    plain = domain.strip().lower().removeprefix("@")
    try:
        return idna.encode(plain, uts46=True).decode()
    except idna.IDNAError:
        return plain


def _thrown_away(population: Population, situation: Situation) -> pl.DataFrame:
    known = _domains(situation.connection.unwanted.disposable_domains)
    key = pl.col("email_key")
    disposable = key.str.split("@").list.last().is_in(known.implode()) & key.str.contains("@", literal=True)
    rule = "the domain gives out mailboxes to be thrown away"
    return by_address(CODE, population, situation, disposable, rule)


CAUSE = Cause(
    code=CODE,
    title="A throw-away address",
    explanation="The domain is known for mailboxes that live for minutes; mail to it reaches nobody.",
    remedy="Ask the contact for a lasting address, or take the contact out.",
    fixed_by="contact",
    says=document.UNWANTED,
    question="b",
    test=_thrown_away,
)
