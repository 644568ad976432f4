"""What an HTTP answer may hold: strict JSON, of the documented shape. Everything else is named, never guessed at."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, StringConstraints, ValidationError

from engine.errors import UnexpectedAnswer
from engine.visible import visible

Model = TypeVar("Model", bound=BaseModel)
RecordId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,128}$")]
"""An id as both services give them. Ids are shown, stored and sent on as they came, so no other character may be in one."""
NumericId = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,17})$")]
"""A HubSpot record's id where it is stored as the number that it is: lists hold as many as there are contacts."""
NESTING = 100
SHOWN_START = 80


@dataclass(frozen=True)
class Answer:
    """An answer that was read whole: `body` is parsed JSON, None if there was none. Header names are lower case."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def correlation_id(self) -> str:
        """The id that the service's support asks for, or empty."""
        return correlation_id_of(self.headers, self.body)


class NotJson(ValueError):
    """The body is not usable JSON; the message says in what way, without the body's values."""


def correlation_id_of(headers: Mapping[str, str], body: object) -> str:
    """The correlation id from a header, or from the body (`correlationId`, Mailchimp's `instance`)."""
    found = headers.get("x-hubspot-correlation-id") or headers.get("x-request-id") or ""
    if not found and isinstance(body, dict):
        found = str(body.get("correlationId") or body.get("instance") or "")
    return visible(found, 64)


def parse(body: bytes, content_type: str) -> Any:
    """The body as JSON, None if it is empty.

    Refused: web pages, NaN and infinite numbers, nesting deeper than 100, cut-off texts. Lone surrogates pass: they
    belong to one value of one record, which its reader judges. Raises NotJson.
    """
    if not body.strip():
        return None
    if "html" in content_type.lower() or body.lstrip()[:1] == b"<":
        raise NotJson("answered a web page instead of JSON: a proxy or a wrong address?")
    try:
        text = body.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogatepass")
        value = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except UnicodeDecodeError:
        raise NotJson("answered something that is not UTF-8 text") from None
    except RecursionError:
        raise NotJson(f"answered JSON nested deeper than {NESTING} levels") from None
    except json.JSONDecodeError as error:
        if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
            raise NotJson("answered JSON that is cut off") from None
        start = visible(text[:SHOWN_START].strip()) if text.lstrip()[:1] not in "{[" else ""
        shown = f", it starts with {start!r}" if start else f" (line {error.lineno}, column {error.colno})"
        raise NotJson(f"answered something that is not JSON{shown}") from None
    except ValueError as error:
        raise NotJson(f"answered JSON with {error}") from None
    if _too_deep(value):
        raise NotJson(f"answered JSON nested deeper than {NESTING} levels")
    return value


def shaped(model: type[Model], answer: Answer, where: str) -> Model:
    """The body as a model. Raises UnexpectedAnswer naming the first field that does not fit, never its value."""
    try:
        return model.model_validate(answer.body)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in problem["loc"]) or "the whole answer"
        raise UnexpectedAnswer(
            f"the answer has not the documented shape: {visible(place, 120)}: {visible(problem['msg'], 160)}",
            where=where,
            remedy="Run again; if it stays, the service or its version has changed. Report it with the correlation id "
            f"{answer.correlation_id or '(none)'}.",
        ) from None


def _refuse(name: str) -> float:
    raise ValueError(f"the number {name}")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number too large")
    return number


def _too_deep(value: object) -> bool:
    level: list[object] = [value]
    for _ in range(NESTING):
        inner: list[object] = []
        for item in level:
            if isinstance(item, dict):
                inner += [child for child in item.values() if isinstance(child, (dict, list))]
            elif isinstance(item, list):
                inner += [child for child in item if isinstance(child, (dict, list))]
        if not inner:
            return False
        level = inner
    return True
