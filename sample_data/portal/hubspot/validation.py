"""Which property values HubSpot accepts: type, options, read-only, rules, required fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sample_data.portal.hubspot.errors import PropertyError
from sample_data.portal.hubspot.rules import EMAIL, broken_rule
from sample_data.portal.keeping import Keeping
from sample_data.portal.moments import EPOCH_MILLISECOND_DIGITS, iso_milliseconds, milliseconds, read_moment

DERIVED = ("hs_object_id", "createdate", "lastmodifieddate")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)")


@dataclass
class Checked:
    """The outcome of checking values: what would be stored, what is wrong, what was normalised."""

    values: dict[str, str] = field(default_factory=dict)
    errors: list[PropertyError] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)


class Schema:
    """The contact properties of the account with their rules."""

    def __init__(self, definitions: list[dict[str, Any]], rules: dict[str, Any], keeping: Keeping) -> None:
        self._keeping = keeping
        self.definitions = {definition["name"]: definition for definition in definitions}
        self.rules = rules
        self._rules_of = {entry["propertyName"]: entry["propertyValidationRules"] for entry in rules["validations"]}

    def known(self, name: str) -> bool:
        """Whether the account has the property."""
        return name in DERIVED or not self.definitions.get(name, {"archived": True}).get("archived")

    def change(self, name: str, change: Mapping[str, Any]) -> None:
        """Changes a property, or adds it as one of text: `remove_option`, `read_only`, `archived`, `required`."""
        if name not in self.definitions:
            self.definitions[name] = {"name": name, "label": name, "type": "string", "fieldType": "text", "options": []}
        definition = self.definitions[name]
        if "remove_option" in change:
            options = definition.get("options") or []
            if change["remove_option"] not in [option["value"] for option in options]:
                raise KeyError(change["remove_option"])
            definition["options"] = [option for option in options if option["value"] != change["remove_option"]]
        if "read_only" in change:
            metadata = definition.get("modificationMetadata") or {}
            definition["modificationMetadata"] = {**metadata, "readOnlyValue": change["read_only"]}
        if "archived" in change:
            definition["archived"] = change["archived"]
        if "required" in change:
            others = [other for other in self.rules["requiredOnCreate"] if other != name]
            self.rules["requiredOnCreate"] = [*others, name] if change["required"] else others

    def unique(self, name: str) -> bool:
        """Whether no two contacts may have the same value of the property."""
        return bool(self.definitions.get(name, {}).get("hasUniqueValue")) or name == "email"

    def check(self, given: Mapping[str, Any], *, strict: bool) -> Checked:
        """Checks given values one by one; empty text clears. `strict`: the date leniency of 2026-09."""
        checked = Checked()
        for name, raw in given.items():
            value = _text(raw)
            definition = self.definitions.get(name)
            if not self.known(name):
                checked.errors.append(PropertyError("PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist', name))
            elif definition is None or _read_only(definition):
                message = f'"{name}" is a read only property; its value cannot be set'
                checked.errors.append(PropertyError("READ_ONLY_VALUE", message, name))
            elif value == "":
                checked.values[name] = ""
            else:
                self._check_value(definition, value, checked, strict=strict)
        return checked

    def missing_on_create(self, values: Mapping[str, str]) -> list[PropertyError]:
        """The properties that a new contact has to have and does not."""
        return [
            PropertyError("MISSING_REQUIRED_PROPERTY", f"A value for {name} must be provided", name)
            for name in self.rules["requiredOnCreate"]
            if not values.get(name)
        ]

    def missing_by_condition(self, values: Mapping[str, str], written: set[str]) -> list[PropertyError]:
        """The properties that other values make necessary, if the write touches either of them."""
        found = []
        for rule in self.rules["conditionallyRequired"]:
            name, parent = rule["property"], rule["when"]["property"]
            holds = values.get(parent, "") in rule["when"]["values"]
            if holds and not values.get(name) and written & {name, parent}:
                message = f"{name} is required because of a conditional property rule based on [{parent}]"
                found.append(PropertyError("MISSING_CONDITIONAL_REQUIRED_PROPERTY", message, name))
        return found

    def lifecycle_rank(self, stage: str) -> int:
        """The position of a lifecycle stage; the service only moves a contact forward."""
        options = self.definitions.get("lifecyclestage", {}).get("options") or []
        ranked = sorted(options, key=lambda option: option.get("displayOrder", 0))
        return next((place for place, option in enumerate(ranked) if option["value"] == stage), -1)

    def _check_value(self, definition: dict[str, Any], value: str, checked: Checked, *, strict: bool) -> None:
        name = definition["name"]
        code, message, stored = _by_type(definition, value, strict=strict)
        if code:
            checked.errors.append(PropertyError(code, message, name))
            return
        if message:
            context = {"propertyName": name, "rawValue": value, "normalizedValue": stored}
            checked.warnings.append({"category": "PROPERTY_VALUE_NORMALIZED", "message": message, "context": context})
        for rule in self._rules_of.get(name, []):
            broken = broken_rule(rule["ruleType"], rule["ruleArguments"], stored)
            if broken:
                checked.errors.append(PropertyError(broken[0], broken[1], name))
        checked.values[name] = self._keeping.kept(name, stored) if definition["type"] == "string" else stored


def _text(raw: object) -> str:
    if raw is None:
        return ""
    if isinstance(raw, bool):
        return "true" if raw else "false"
    return str(raw)


def _read_only(definition: dict[str, Any]) -> bool:
    metadata = definition.get("modificationMetadata") or {}
    return bool(metadata.get("readOnlyValue") or definition.get("calculated"))


def _by_type(definition: dict[str, Any], value: str, *, strict: bool) -> tuple[str, str, str]:
    """(error code, message, value to store); no code but a message: the value was normalised."""
    kind, name = definition["type"], definition["name"]
    result = ("", "", value)
    if kind == "number":
        if not NUMBER.fullmatch(value.strip()):
            result = ("INVALID_INTEGER", f"{value} was not a valid number.", value)
        else:
            result = ("", "", value.strip())
    elif kind == "bool":
        lowered = value.lower()
        if lowered not in ("true", "false"):
            result = ("INVALID_OPTION", f"{value} was not one of the allowed options: [true, false]", value)
        else:
            result = ("", "", lowered)
    elif kind == "enumeration":
        result = _option(definition, value)
    elif kind == "date":
        result = _date(value, strict=strict)
    elif kind == "datetime":
        try:
            result = ("", "", iso_milliseconds(milliseconds(read_moment(value))))
        except ValueError:
            result = ("INVALID_LONG", f"{value} was not a valid long.", value)
    elif name == "email" and not EMAIL.fullmatch(value.strip()):
        result = ("INVALID_EMAIL", f"Email address {value} is invalid", value)
    return result


def _option(definition: dict[str, Any], value: str) -> tuple[str, str, str]:
    options = [option["value"] for option in definition.get("options") or []]
    if not options:
        return "", "", value
    chosen = [part for part in value.split(";") if part] if definition["fieldType"] == "checkbox" else [value]
    wrong = [part for part in chosen if part not in options]
    if wrong:
        labels = [f"label: {option.get('label', '')!r} value: {option['value']!r}" for option in definition["options"]]
        return "INVALID_OPTION", f"{wrong[0]} was not one of the allowed options: [{', '.join(labels)}]", value
    return "", "", value


def _date(value: str, *, strict: bool) -> tuple[str, str, str]:
    try:
        moment: datetime = read_moment(value)
    except ValueError:
        return "INVALID_LONG", f"{value} was not a valid long.", value
    day = moment.date().isoformat()
    at_midnight = (moment.hour, moment.minute, moment.second, moment.microsecond) == (0, 0, 0, 0)
    in_seconds = value.isdigit() and len(value) < EPOCH_MILLISECOND_DIGITS
    if at_midnight and not in_seconds:
        return "", "", day
    if strict:
        return "", f"The value {value} was normalized to {day}", day
    if in_seconds:
        return "INVALID_DATE", f"{value} is not at midnight of a day in milliseconds!", value
    return "INVALID_DATE", f"{value} is at {moment:%H:%M:%S.%f} UTC, not midnight!", value
