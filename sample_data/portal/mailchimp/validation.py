"""Which merge field values Mailchimp accepts, and how it gives them back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sample_data.portal.keeping import Keeping
from sample_data.portal.mailchimp.errors import FieldError, fake_address, invalid

TEXT_BYTES = 255
ADDRESS = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)")
URL = re.compile(r"https?://[^\s/?#.]+(\.[^\s/?#.]+)*(:\d+)?([/?#]\S*)?", re.IGNORECASE)
US_PHONE_DIGITS = 10
DATE_FORMATS = ("%Y-%m-%d", "%m/%d/%Y")


class MergeFields:
    """The merge fields of the audience."""

    def __init__(self, definitions: list[dict[str, Any]], keeping: Keeping) -> None:
        self._keeping = keeping
        self.definitions = {definition["tag"]: definition for definition in definitions}

    def change(self, tag: str, changes: Mapping[str, Any] | None) -> None:
        """Changes entries of a merge field, or adds it as one of text; None deletes it."""
        if changes is None:
            del self.definitions[tag]
            return
        highest = max((int(item["merge_id"]) for item in self.definitions.values()), default=0)
        new = {"merge_id": highest + 1, "tag": tag, "name": tag, "type": "text", "required": False, "options": {}}
        self.definitions[tag] = {**self.definitions.get(tag, new), **changes}

    def accepted(self, given: Mapping[str, Any]) -> tuple[dict[str, str], list[FieldError]]:
        """The values to store (empty text clears) and what is wrong; unknown tags are passed over."""
        values: dict[str, str] = {}
        errors: list[FieldError] = []
        for tag, raw in given.items():
            definition = self.definitions.get(tag.upper())
            if definition is None:
                continue
            if isinstance(raw, dict | list | bool):
                message = "Data did not match any of the schemas described in anyOf."
                errors.append(FieldError(definition["tag"], message))
                continue
            text = "" if raw is None else str(raw)
            message, stored = _check(definition, text) if text else ("", "")
            if message:
                errors.append(FieldError(definition["tag"], message))
            else:
                text_field = definition["type"] in ("text", "phone")
                values[definition["tag"]] = self._keeping.kept(definition["tag"], stored) if text_field else stored
        return values, errors

    def missing(self, values: Mapping[str, str]) -> list[FieldError]:
        """The required fields that have no value."""
        return [
            FieldError(tag, "Please enter a value")
            for tag, definition in self.definitions.items()
            if definition["required"] and not values.get(tag, "").strip()
        ]

    def shown(self, values: Mapping[str, str]) -> dict[str, Any]:
        """All merge fields as a member shows them: numbers as numbers, the others as text, empty as ""."""
        return {tag: _shown(definition, values.get(tag, "")) for tag, definition in self.definitions.items()}


def check_address(address: object, fake: set[str]) -> str:
    """An e-mail address as given. Raises Problem for one that cannot be used."""
    if not isinstance(address, str) or not ADDRESS.fullmatch(address.strip()):
        raise invalid("Please provide a valid email address.")
    if address.strip().lower() in fake:
        raise fake_address(address)
    return address.strip()


def _check(definition: Mapping[str, Any], text: str) -> tuple[str, str]:
    """(message, value to store): an empty message if the value is accepted."""
    kind = definition["type"]
    options = definition.get("options") or {}
    message, stored = "", text
    if kind == "number":
        message = "" if NUMBER.fullmatch(text.strip()) else "Please enter a number"
        stored = text.strip()
    elif kind == "date":
        stored = _day(text.strip())
        message = "" if stored else "Please enter the date"
    elif kind in ("url", "imageurl"):
        message = "" if URL.fullmatch(text.strip()) else "Please enter a valid URL"
    elif kind in ("dropdown", "radio"):
        message = "" if text in (options.get("choices") or []) else "Please select one of the choices"
    elif kind == "phone" and options.get("phone_format") == "US":
        digits = re.sub(r"\D", "", text)
        message = "" if len(digits) == US_PHONE_DIGITS else "Please enter a valid phone number"
    if not message and len(text.encode()) > TEXT_BYTES:
        message = f"Please enter a value of at most {TEXT_BYTES} bytes"
    return message, stored


def _day(text: str) -> str:
    for pattern in DATE_FORMATS:
        try:
            return datetime.strptime(f"{text} +0000", f"{pattern} %z").date().isoformat()
        except ValueError:
            continue
    return ""


def _shown(definition: Mapping[str, Any], text: str) -> object:
    if definition["type"] != "number" or not NUMBER.fullmatch(text):
        return text
    return float(text) if "." in text else int(text)
