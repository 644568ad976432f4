"""What each side takes: models of the values that would be written to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, StringConstraints, ValidationError
from pydantic_core import PydanticCustomError

from benchmarks.per_record.records import EVIDENCE, Finding
from benchmarks.per_record.values import day_of

_HOST = r"(?:[^\s/?#@]+@)?[^\s/?#@.:]+(?:\.[^\s/?#@.:]+)*(?::[0-9]{1,5})?(?:[/?#]\S*)?"
_URL = rf"(?i)\A\s*https?://{_HOST}\s*\z"
_URL_OR_HOST = re.compile(r"(?i)\A(?:https?://)?[^\s/@.]+(?:\.[^\s/@.]+)+(?:/\S*)?\Z")
_NUMBER = r"\A\s*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)\s*\z"
_APP_BYTES = 255


def _address_of_the_web(value: str) -> str:
    if not _URL_OR_HOST.match(value.strip()):
        raise PydanticCustomError("field-format", "takes only a web address here")
    return value


def _a_date(value: str) -> str:
    if day_of(value) is None:
        raise PydanticCustomError("field-type", "takes only a date here, like 2026-01-31")
    return value


def _between(low: float, high: float) -> Callable[[str], str]:
    def check(value: str) -> str:
        if float(value) < low:
            raise PydanticCustomError("field-range", "takes only numbers from {low} up here", {"low": f"{low:g}"})
        if float(value) > high:
            raise PydanticCustomError("field-range", "takes only numbers up to {high} here", {"high": f"{high:g}"})
        return value

    return check


Number = Annotated[str, StringConstraints(pattern=_NUMBER)]
Date = Annotated[str, AfterValidator(_a_date)]
Stage = Literal["Abonnent", "Lead", "Chance", "Kunde", "Fürsprecher"]
Country = Literal[
    "Deutschland", "Österreich", "Schweiz", "Frankreich", "Niederlande", "Polen", "Spanien", "Italien",
    "Vereinigtes Königreich", "USA",
]  # fmt: skip
Lifecycle = Literal["subscriber", "lead", "opportunity", "customer", "evangelist", "partner", "other"]


class HubSpotWrite(BaseModel):
    """Values for a HubSpot contact, as its properties and their validation rules have them."""

    email: str | None = None
    firstname: str | None = None
    lastname: str | None = None
    phone: str | None = None
    city: Annotated[str, StringConstraints(max_length=60)] | None = None
    country: str | None = None
    website: str | None = None
    customer_number: Annotated[str, StringConstraints(pattern=r"\A[0-9]{4,8}\z")] | None = None
    loyalty_points: Annotated[Number, AfterValidator(_between(0, 100_000))] | None = None
    contract_start: Date | None = None
    lifecyclestage: Lifecycle | None = None
    newsletter_opt_in: Annotated[str, StringConstraints(pattern=r"(?i)\A\s*(?:true|false)\s*\z")] | None = None


class AppWrite(BaseModel):
    """Values for a member of the audience, as its merge fields have them."""

    EMAIL: str | None = None
    FNAME: str | None = None
    LNAME: str | None = None
    PHONE: str | None = None
    CITY: str | None = None
    COUNTRY: Country | None = None
    WEBSITE: Annotated[str, StringConstraints(pattern=_URL), AfterValidator(_address_of_the_web)] | None = None
    CUSTNO: Number | None = None
    POINTS: Number | None = None
    CONTRACT: Date | None = None
    STAGE: Stage | None = None


_IN_BYTES = frozenset({"FNAME", "LNAME", "PHONE", "CITY", "COUNTRY", "WEBSITE", "STAGE"})
_BY_FIELD = {"customer_number": "field-format", "WEBSITE": "field-format"}
_BY_TYPE = {"literal_error": "field-option", "string_too_long": "field-length", "string_pattern_mismatch": "field-type"}


def broken(side: str, values: Mapping[str, str]) -> Iterator[Finding]:
    """A finding for each value to be written that its field does not take. Empty values clear a field and are exempt."""
    filled = {field: value for field, value in values.items() if value}
    model, app = (HubSpotWrite, "HubSpot") if side == "hubspot" else (AppWrite, "Mailchimp")
    try:
        model.model_validate(filled)
    except ValidationError as error:
        for one in error.errors(include_url=False, include_context=False):
            yield _finding(side, app, str(one["loc"][0]), one)
    if side == "app":
        for field, value in filled.items():
            if field in _IN_BYTES and len(value.encode("utf-8", "surrogatepass")) > _APP_BYTES:
                words = f"takes at most {_APP_BYTES} bytes in UTF-8 here (an umlaut has two)"
                yield Finding("field-length", f"app.{field}", "failing", True, value[:EVIDENCE], f"{app} {words}")


def _finding(side: str, app: str, field: str, error: Any) -> Finding:
    kind = error["type"]
    mismatch = kind == "string_pattern_mismatch"
    code = _BY_FIELD.get(field, "field-type") if mismatch else _BY_TYPE.get(kind, kind)
    return Finding(code, f"{side}.{field}", "failing", True, error["input"][:EVIDENCE], f"{app}: {error['msg']}")
