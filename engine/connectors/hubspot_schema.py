"""What a HubSpot account declares of its contacts, in the engine's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel

from engine.answers import shaped
from engine.auth.secret import Secret
from engine.budget import HubSpotBudget
from engine.connectors.hubspot_bodies import (
    AccountDetails,
    ObjectSchema,
    Properties,
    Property,
    ValidationRule,
    Validations,
)
from engine.connectors.hubspot_credentials import introspected
from engine.connectors.hubspot_paths import Paths
from engine.errors import ScopeMissing, UnexpectedAnswer
from engine.http import AccountClient
from engine.schema import Account, Field, FieldType, Option, Rule, RuleKind, SideSchema
from engine.visible import visible

Model = TypeVar("Model", bound=BaseModel)

_TYPES: Mapping[str, FieldType] = {
    "string": "text", "phone_number": "phone", "number": "number", "date": "date", "datetime": "datetime", "bool": "bool",
}  # fmt: skip
_RULES: Mapping[str, RuleKind] = {
    "MAX_LENGTH": "max_length",
    "MIN_LENGTH": "min_length",
    "REGEX": "regex",
    "MIN_NUMBER": "min_number",
    "MAX_NUMBER": "max_number",
    "DECIMAL": "decimals",
    "URL": "url",
    "EMAIL": "email",
    "PHONE_NUMBER_WITH_EXPLICIT_COUNTRY_CODE": "phone_with_country_code",
}
_ADDITIONAL_EMAILS = "hs_additional_emails"
_FORMER_IDS = ("hs_merged_object_ids", "hs_all_contact_vids")
_CHARACTERS: Mapping[tuple[str, ...], RuleKind] = {
    (): "alphanumeric",
    ("ALPHANUMERIC_ONLY",): "alphanumeric",
    ("NUMERIC_ONLY",): "digits_only",
    ("ALPHABETIC_ONLY",): "letters_only",
}
"""The rule type ALPHANUMERIC by its argument; only NUMERIC_ONLY is in the API's documentation."""


async def describe(client: AccountClient, paths: Paths, token: Secret | None) -> SideSchema:
    """The account, its contact properties with rules, and the token's scopes and kind.

    Account and properties are needed: without them an AccessError is raised. Rules, required fields and scopes that
    cannot be read are named in `unavailable`. Required fields hold from API version 2026-09 on; before it HubSpot
    does not enforce them on API writes.
    """
    unavailable: dict[str, str] = {}
    details = await _get(client, paths.account, AccountDetails)
    zone = details.time_zone or "UTC"
    if isinstance(client.budget, HubSpotBudget):
        client.budget.use_time_zone(details.time_zone or "")
    properties = await _get(client, paths.properties, Properties)
    rules = await _rules(client, paths, unavailable)
    required = await _required(client, paths, unavailable) if paths.enforces_required else frozenset[str]()
    known = await introspected(client, paths, token)
    if not known.scopes:
        unavailable["scopes"] = known.silent
    fields = {
        item.name: _field(item, rules.get(item.name, ()), item.name in required)
        for item in properties.results
        if not item.archived
    }
    account = Account(
        str(details.portal_id), f"HubSpot account {details.portal_id}", zone,
        {
            "type": visible(details.account_type, 40),
            "data hosting": visible(details.hosting, 40),
            "address": visible(details.ui_domain, 100),
            "API version": paths.version,
        },
    )  # fmt: skip
    return SideSchema(
        "hubspot", "HubSpot", account, fields, "email", ("firstname", "lastname"),
        additional_emails_field=_ADDITIONAL_EMAILS if _ADDITIONAL_EMAILS in fields else "",
        former_ids_fields=tuple(name for name in _FORMER_IDS if name in fields), scopes=known.scopes, limits=client.budget.limits(), unavailable=unavailable,
        credentials=known.facts,
    )  # fmt: skip


async def _get(client: AccountClient, path: str, model: type[Model]) -> Model:
    answer = await client.request("GET", path, template=path, intent="read")
    where = f"HubSpot, GET {path}"
    if answer.status != 200:
        raise UnexpectedAnswer(
            f"HubSpot answered {answer.status}", where=where,
            remedy="Check the server's address and the API version (hubspot.api_version).",
        )  # fmt: skip
    return shaped(model, answer, where)


async def _optional(
    client: AccountClient, path: str, model: type[Model], area: str, unavailable: dict[str, str]
) -> Model | None:
    try:
        return await _get(client, path, model)
    except (ScopeMissing, UnexpectedAnswer) as error:
        unavailable[area] = error.what
        return None


async def _rules(client: AccountClient, paths: Paths, unavailable: dict[str, str]) -> Mapping[str, tuple[Rule, ...]]:
    found = await _optional(client, paths.validations, Validations, "rules", unavailable)
    return {} if found is None else {item.name: tuple(map(_rule, item.rules)) for item in found.results}


def _rule(rule: ValidationRule) -> Rule:
    arguments = tuple(str(argument) for argument in rule.arguments or ())
    if rule.rule_type == "ALPHANUMERIC" and arguments in _CHARACTERS:
        return Rule(_CHARACTERS[arguments])
    kind = _RULES.get(rule.rule_type)
    if kind is None:
        return Rule("not_checked", (rule.rule_type, *arguments))
    return Rule(kind, arguments)


async def _required(client: AccountClient, paths: Paths, unavailable: dict[str, str]) -> frozenset[str]:
    found = await _optional(client, paths.schema, ObjectSchema, "required fields", unavailable)
    return frozenset(found.required if found else ())


def _field(item: Property, rules: tuple[Rule, ...], required: bool) -> Field:
    read_only = bool(item.calculated) or bool(item.modification and item.modification.read_only_value)
    options = tuple(Option(option.value, option.label or option.value) for option in item.options or ())
    return Field(
        item.name, item.label or item.name, _type(item), options, rules,
        required=required, read_only=read_only, custom=not item.hubspot_defined, unique=bool(item.unique),
    )  # fmt: skip


def _type(item: Property) -> FieldType:
    if item.type == "enumeration":
        return "options" if item.field_type == "checkbox" else "option"
    if item.field_type == "file":
        return "other"
    if item.field_type == "phonenumber":
        return "phone"
    if item.name == "email":
        return "email"
    return _TYPES.get(item.type, "other")
