"""An address of a function instead of a person."""

from __future__ import annotations

import re

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.cause import Cause
from diagnostics.causes.unwanted import by_address, local_part
from engine.gates import Population, Situation

CODE = "role-address"
ROLES = (
    "abuse", "accounting", "admin", "administrator", "anfrage", "bewerbung", "billing", "buchhaltung", "career",
    "careers", "contact", "datenschutz", "dialog", "do-not-reply", "einkauf", "empfang", "feedback", "finance",
    "hello", "help", "hostmaster", "hr", "info", "jobs", "karriere", "kontakt", "kundenservice", "mail",
    "mailer-daemon", "marketing", "news", "newsletter", "no-reply", "noreply", "office", "personal", "post",
    "postmaster", "presse", "privacy", "rechnung", "root", "sales", "security", "sekretariat", "service",
    "spam", "support", "team", "verkauf", "vertrieb", "verwaltung", "webmaster", "zentrale",
)  # fmt: skip
"""Local parts of functions: those of RFC 2142 and the ones common in German-speaking companies."""
_OF_A_FUNCTION = local_part("|".join(map(re.escape, ROLES)))


def _of_a_function(population: Population, situation: Situation) -> pl.DataFrame:
    roles = pl.col("email_key").str.contains(_OF_A_FUNCTION)
    return by_address(CODE, population, situation, roles, "the address belongs to a function, not to one person")


CAUSE = Cause(
    code=CODE,
    title="An address of a function",
    explanation="Several people read such a mailbox; consent of one person does not cover it, and it is often "
    "reported as spam.",
    remedy="Ask for the person's own address, or leave it as it is.",
    fixed_by="HubSpot admin",
    says=document.UNWANTED,
    question="b",
    test=_of_a_function,
)
