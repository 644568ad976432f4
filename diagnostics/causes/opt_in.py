"""A HubSpot record without the opt-in that the connection asks for."""

from __future__ import annotations

import polars as pl

from diagnostics.causes import document
from diagnostics.causes.cause import Cause
from diagnostics.causes.columns import column_name, evidence, fetched, trimmed
from engine.connection import OptIn
from engine.gates import Population, Situation, found, nothing

CODE = "opt-in"
OPTED_OUT_OF_ALL = "hs_email_optout"
SUBSCRIPTION = "_subscription"
SUBSCRIBED = "SUBSCRIBED"


def _not_opted_in(population: Population, situation: Situation) -> pl.DataFrame:
    rule = situation.connection.opt_in
    parts = [_opted_out_of_all(population)]
    if rule is not None:
        parts.append(_by_property(population, rule) if rule.property else _by_subscription(population, situation, rule))
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


def _by_property(population: Population, rule: OptIn) -> pl.DataFrame:
    column = column_name("hubspot", rule.property)
    contacts, present = population.contacts, pl.col("hubspot")
    unread = "the opt-in property was not read, so nobody is taken for opted in"
    if not fetched(population, "hubspot", rule.property):
        return found(contacts, where=present, state="unknown", field=column, rule=unread)
    asked = f"opted in means {rule.property} is {' or '.join(rule.accepted)}"
    refused = present & ~trimmed(column).is_in(rule.accepted)
    return pl.concat(
        [
            found(contacts, where=refused, state="excluded", field=column, value=evidence(pl.col(column)), rule=asked),
            found(contacts, where=present & pl.col(column).is_null(), state="unknown", field=column, rule=unread),
        ]
    )


def _by_subscription(population: Population, situation: Situation, rule: OptIn) -> pl.DataFrame:
    column = column_name("hubspot", SUBSCRIPTION)
    contacts, present = population.contacts, pl.col("hubspot")
    reason = situation.unavailable.get("subscription", "")
    if reason or not fetched(population, "hubspot", SUBSCRIPTION):
        unread = "the subscription statuses could not be read" + (f": {reason}" if reason else "")
        return found(contacts, where=present, state="unknown", field=column, rule=unread)
    asked = f"opted in means the subscription {rule.subscription!r} is {SUBSCRIBED}"
    refused = present & (trimmed(column) != SUBSCRIBED)
    unread = f"there is no status of the subscription {rule.subscription!r} for this contact"
    return pl.concat(
        [
            found(contacts, where=refused, state="excluded", field=column, value=evidence(pl.col(column)), rule=asked),
            found(contacts, where=present & pl.col(column).is_null(), state="unknown", field=column, rule=unread),
        ]
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
)
