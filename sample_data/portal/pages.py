"""Changes to the JSON of requests and answers: items of a page, inputs of a batch. Bodies come and go as bytes."""

from __future__ import annotations

import json
from typing import Any

ITEM_LISTS = ("results", "members", "new_members", "updated_members", "lists")
VAGUE = "The request could not be processed."
MISSING = "Could not get some CONTACT objects, they may be deleted or not exist. Check that ids are valid."


def items(body: bytes) -> list[Any]:
    """The items of an answer: those of its first list that is not empty."""
    content = _object(body)
    name = _list_name(content)
    return list(content[name]) if name else []


def with_items(body: bytes, replaced: list[Any]) -> bytes:
    """An answer with other items; one without a list stays."""
    content = _object(body)
    name = _list_name(content) or next((name for name in ITEM_LISTS if name in content), None)
    return body if name is None else _text(content | {name: replaced})


def distorted(kind: str, body: bytes) -> bytes:
    """An answer without its last item, with its first one twice, in the opposite order, or with null for its items."""
    found = items(body)
    match kind:
        case "missing_items":
            return with_items(body, found[:-1])
        case "duplicate_item":
            return with_items(body, found[:1] + found)
        case "reordered":
            return with_items(body, found[::-1])
    content = _object(body)
    return _text(content | {name: None for name in ITEM_LISTS if name in content}) if content else body


def without_input(body: bytes) -> tuple[bytes, dict[str, Any] | None]:
    """A batch request without its first input, and that input; None if the request is no batch or has no input."""
    content = _object(body)
    name = next((name for name in ("inputs", "members") if content.get(name)), None)
    if name is None:
        return body, None
    first, *others = content[name]
    return _text(content | {name: others}), first


def first_id(body: bytes) -> str:
    """The id of the first input of a batch request, empty without one."""
    inputs = _object(body).get("inputs") or [{}]
    return str(inputs[0].get("id", ""))


def with_refusal(server: str, kind: str, body: bytes, left_out: dict[str, Any]) -> bytes:
    """A batch answer that also says, without a clear reason or as not found, that one input was not applied."""
    content = _object(body)
    errors = list(content.get("errors") or [])
    if server == "mailchimp":
        refused = {"email_address": str(left_out.get("email_address", "")), "error": VAGUE}
        errors.append(refused | {"error_code": "ERROR_GENERIC", "field": "", "field_message": ""})
        return _text(content | {"errors": errors, "error_count": len(errors)})
    vague = kind == "207_mixed"
    trace, context = left_out.get("objectWriteTraceId"), {}
    if trace:
        context["objectWriteTraceId"] = [str(trace)]
    elif "id" in left_out:
        context["ids"] = [str(left_out["id"])]
    category, message = ("VALIDATION_ERROR", VAGUE) if vague else ("OBJECT_NOT_FOUND", MISSING)
    errors.append({"status": "error", "category": category, "message": message, "context": context})
    return _text(content | {"errors": errors, "numErrors": len(errors)})


def _list_name(content: dict[str, Any]) -> str | None:
    return next((name for name in ITEM_LISTS if content.get(name)), None)


def _object(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body) if body else {}
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _text(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode()
