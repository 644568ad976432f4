"""A HubSpot record without the opt-in that the connection asks for."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.cause import Cause
from diagnostics.causes.columns import column_name, evidence, fetched, not_read, trimmed
from engine.connection import OptIn
from engine.gates import Population, Situation, found, nothing

CODE = "opt-in"
OPTED_OUT_OF_ALL = "hs_email_optout"
SUBSCRIPTION = "_subscription"
SUBSCRIBED = "SUBSCRIBED"


def _not_opted_in(population: Population, situation: Situation) -> pl.DataFrame:
    rule = situation.connection.opt_in
    parts = [_opted_out_of_all(population)]
    if rule is not None and rule.property:
        asked = f"opted in means {rule.property} is {' or '.join(rule.accepted)}"
        parts.append(_refused(population, rule.property, rule.accepted, asked))
    elif rule is not None and "subscription" not in situation.unavailable:
        asked = f"opted in means the subscription {rule.subscription!r} is {SUBSCRIBED}"
        parts.append(_refused(population, SUBSCRIPTION, (SUBSCRIBED,), asked))
    return pl.concat(parts)


def _opted_out_of_all(population: Population) -> pl.DataFrame:
    if not fetched(population, "hubspot", OPTED_OUT_OF_ALL):
        return nothing()
    column = column_name("hubspot", OPTED_OUT_OF_ALL)
    return found(
        population.contacts,
        where=pl.col("hubspot") & (trimmed(column) == "true"),
        state="excluded",
        field=column,
        value=pl.col(column),
        rule="the contact opted out of all e-mail",
    )


def _refused(population: Population, name: str, accepted: Sequence[str], rule: str) -> pl.DataFrame:
    if not fetched(population, "hubspot", name):
        return nothing()
    column = column_name("hubspot", name)
    return found(
        population.contacts,
        where=pl.col("hubspot") & ~trimmed(column).is_in(accepted),
        state="excluded",
        field=column,
        value=evidence(pl.col(column)),
        rule=rule,
    )


def _unread(population: Population, situation: Situation) -> pl.DataFrame:
    rule = situation.connection.opt_in
    so = "so it is not known who opted out of all e-mail"
    parts = [not_read(population, situation, "hubspot", OPTED_OUT_OF_ALL, so)]
    if rule is not None and rule.property:
        so = "so nobody is taken for opted in"
        parts.append(not_read(population, situation, "hubspot", rule.property, so))
    elif rule is not None:
        parts.append(_without_status(population, situation, rule))
    return pl.concat(parts)


def _without_status(population: Population, situation: Situation, rule: OptIn) -> pl.DataFrame:
    column, present = column_name("hubspot", SUBSCRIPTION), pl.col("hubspot")
    reason = situation.unavailable.get("subscription", "")
    unread = bool(reason) or not fetched(population, "hubspot", SUBSCRIPTION)
    missing = f"there is no status of the subscription {rule.subscription!r} for this contact"
    return found(
        population.contacts,
        where=present if unread else present & pl.col(column).is_null(),
        state="unknown",
        field=column,
        rule="the subscription statuses could not be read" + (f": {reason}" if reason else "") if unread else missing,
    )


CAUSE = Cause(
    code=CODE,
    title="Not opted in",
    explanation="The contact has not agreed to be written to, or has withdrawn the agreement.",
    remedy="Ask the contact for consent and record it in HubSpot; never set it without evidence.",
    fixed_by="contact",
    says=document.OPT_IN,
    question="b",
    test=_not_opted_in,
    needs=(column_name("hubspot", OPTED_OUT_OF_ALL), "subscription"),
    unread=_unread,
)
