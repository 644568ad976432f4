"""What a Mailchimp audience declares: account, merge fields with their rules, what a member's status means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import quote

from pydantic import BaseModel

from engine.answers import shaped
from engine.connectors.mailchimp_bodies import EMAIL, STATUS, AccountRoot, Audience, Audiences, MergeField, MergeFields
from engine.errors import ConfigurationError, UnexpectedAnswer
from engine.http import AccountClient
from engine.schema import Account, ConsentField, Field, FieldType, Option, Rule, SideSchema
from engine.visible import visible

Model = TypeVar("Model", bound=BaseModel)

TEXT_BYTES = "255"
"""Bytes (UTF-8) that a text value may have (merge fields documentation)."""
LIST = "/lists/{audience}"
_MEANINGS: Mapping[str, str] = {
    "unsubscribed": "has unsubscribed",
    "cleaned": "was cleaned: mail to the address came back",
    "pending": "has not confirmed the subscription yet",
    "transactional": "gets transactional mail only and never subscribed",
    "archived": "is archived",
}
_TYPES: Mapping[str, FieldType] = {
    "text": "text", "number": "number", "phone": "phone", "date": "date", "birthday": "text", "zip": "text",
    "url": "url", "imageurl": "url", "dropdown": "option", "radio": "option",
}  # fmt: skip
_BIRTHDAY = "^(0?[1-9]|1[0-2])/(0?[1-9]|[12][0-9]|3[01])$"
_DEFAULT_TAGS = ("FNAME", "LNAME", "ADDRESS", "PHONE", "BIRTHDAY", "COMPANY")


async def describe(client: AccountClient, audience: str) -> SideSchema:
    """Account, merge fields and consent of one audience.

    Raises ConfigurationError naming the audiences there are if this one does not exist, or an AccessError.
    """
    root = await _get(client, "/", "/", AccountRoot)
    found = await _audience(client, audience)
    path = f"/lists/{quote(audience, safe='')}/merge-fields"
    merge = await _get(client, path, f"{LIST}/merge-fields", MergeFields, {"count": 1000})
    fields = {
        EMAIL: Field(EMAIL, "E-mail address", "email", required=True),
        STATUS: Field(
            STATUS, "Subscription status", "option",
            tuple(Option(value, value) for value in ("subscribed", *_MEANINGS)), read_only=True,
        ),
        **{item.tag: _field(item) for item in merge.merge_fields},
    }  # fmt: skip
    details = {
        "audience": visible(found.name, 100),
        "audience id": visible(found.id, 40),
        "double opt-in": "on" if found.double_optin else "off",
    }
    account = Account(
        visible(root.account_id, 64), visible(root.account_name, 100) or "Mailchimp account",
        root.account_timezone or "UTC", details,
    )  # fmt: skip
    return SideSchema(
        "app", "Mailchimp", account, fields, EMAIL, ("FNAME", "LNAME"), ConsentField(STATUS, ("subscribed",), _MEANINGS),
        limits=client.budget.limits(), address_hash_is_id=True,
    )  # fmt: skip


async def member_count(client: AccountClient, audience: str) -> int | None:
    """How many members the audience counts, without archived ones; None if it does not tell."""
    answer = await client.request("GET", f"/lists/{quote(audience, safe='')}", template=LIST, intent="read")
    if answer.status != 200:
        return None
    stats = shaped(Audience, answer, f"Mailchimp, GET {LIST}").stats
    if stats is None or stats.member_count is None:
        return None
    return stats.member_count + stats.unsubscribe_count + stats.cleaned_count


async def _audience(client: AccountClient, audience: str) -> Audience:
    answer = await client.request("GET", f"/lists/{quote(audience, safe='')}", template=LIST, intent="read")
    if answer.status == 200:
        return shaped(Audience, answer, f"Mailchimp, GET {LIST}")
    if answer.status != 404:
        raise UnexpectedAnswer(
            f"Mailchimp answered {answer.status}", where=f"Mailchimp, GET {LIST}", remedy="Run again."
        )
    there = await _get(client, "/lists", "/lists", Audiences, {"count": 100, "fields": "lists.id,lists.name"})
    names = ", ".join(f"{visible(item.id, 40)} ({visible(item.name, 60)})" for item in there.lists)
    raise ConfigurationError(
        f"Mailchimp has no audience {visible(audience, 40)!r}", where="app.audience",
        remedy=f"Audiences of this account: {names}." if names else "This account has no audience yet.",
    )  # fmt: skip


async def _get(
    client: AccountClient, path: str, template: str, model: type[Model], params: Mapping[str, str | int] | None = None
) -> Model:
    answer = await client.request("GET", path, template=template, intent="read", params=params)
    where = f"Mailchimp, GET {template}"
    if answer.status != 200:
        raise UnexpectedAnswer(f"Mailchimp answered {answer.status}", where=where, remedy="Check the server's address.")
    return shaped(model, answer, where)


def _field(item: MergeField) -> Field:
    kind = _TYPES.get(item.type, "other")
    choices = item.options.choices if item.options else []
    return Field(
        item.tag, item.name or item.tag, kind, tuple(Option(choice, choice) for choice in choices), _rules(item, kind),
        required=item.required, custom=item.tag not in _DEFAULT_TAGS,
    )  # fmt: skip


def _rules(item: MergeField, kind: FieldType) -> tuple[Rule, ...]:
    rules = [Rule("max_bytes", (TEXT_BYTES,))] if kind in ("text", "url", "phone", "option") else []
    if kind == "url":
        rules.append(Rule("url"))
    if item.type == "birthday":
        rules.append(Rule("regex", (_BIRTHDAY,)))
    if item.type == "zip":
        rules.append(Rule("regex", ("^[0-9]{5}$",)))
    if item.type == "phone" and item.options and item.options.phone_format == "US":
        rules.append(Rule("not_checked", ("US phone number",)))
    return tuple(rules)
