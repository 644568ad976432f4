"""What a user configures: one connection file (TOML) between a HubSpot portal and one account of an external app.

Readable, diffable, comments kept when it is written by the console. No secret is ever in it.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from engine.errors import ConfigurationError
from engine.schema import Side
from engine.visible import visible

Direction = Literal["two_way", "to_app", "to_hubspot"]
MergeKind = Literal["text", "set", "forward", "consent"]
CONSENTS = ("hs_email_optout",)
"""HubSpot properties that hold consent by themselves."""
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class GoalContacts(_Section):
    """Whom the goal names: contacts whose HubSpot property has one of these values."""

    property: str
    values: tuple[str, ...] = Field(min_length=1)


class Goals(_Section):
    """Answers to the questions that the source document asks before anything is connected."""

    intent: str = ""
    system_of_record: Literal["hubspot", "app"] = "hubspot"
    requirements: tuple[str, ...] = ()
    contacts: GoalContacts | None = None


class HubSpotSide(_Section):
    """The HubSpot portal. `server` is empty for HubSpot itself, `practice`, or an address."""

    account: int | None = None
    server: str = ""
    api_version: Literal["v3", "2026-03", "2026-09"] = "2026-03"
    tier: Literal["free", "starter", "professional", "enterprise", ""] = ""
    on_create: dict[str, str] = Field(default_factory=dict)


class AppOnCreate(_Section):
    """How the engine creates a record in the app."""

    status: Literal["subscribed", "pending", "transactional"] = "pending"


class AppSide(_Section):
    """The external app and the one audience in it that is synced."""

    name: Literal["mailchimp"]
    audience: str = Field(min_length=1)
    server: str = ""
    on_create: AppOnCreate = AppOnCreate()


class Scope(_Section):
    """Which contacts: the inclusion list by id or exact name; none means every contact."""

    list: str = ""
    stale_after_days: int = Field(default=90, ge=1, le=3650)


class OptIn(_Section):
    """The opt-in rule on HubSpot's side: a property with accepted values, or a subscription type by name."""

    property: str = ""
    accepted: tuple[str, ...] = ()
    subscription: str = ""

    @model_validator(mode="after")
    def _one_kind(self) -> OptIn:
        if bool(self.property) == bool(self.subscription):
            raise ValueError("give either property with accepted values, or subscription")
        if self.property and not self.accepted:
            raise ValueError("accepted is empty: nobody could ever pass")
        return self


UNWANTED = ("bounced", "test-address", "role-address", "disposable-domain")


class Unwanted(_Section):
    """Kinds of unwanted data that exclude a contact; the others are only reported."""

    exclude: tuple[Literal["bounced", "test-address", "role-address", "disposable-domain"], ...] = ()
    disposable_domains: tuple[str, ...] = ()


class Sync(_Section):
    """Direction of the whole connection and who wins where both sides changed the same field."""

    direction: Direction = "two_way"
    conflicts: Literal["hubspot", "app", "latest", "ask"] = "ask"
    clock_skew_seconds: int = Field(default=300, ge=0, le=86_400)
    country: str = ""
    """The mapped HubSpot property that holds a contact's country, for phone numbers without a country's code."""


class Brakes(_Section):
    """The most that one run may do; beyond it the run stops before its first write. In percent: `field_share` of the linked
    contacts may change in one field, `shrink` of a side or list may be gone since it was last read whole. A first sync that creates
    more than `first_creates` contacts in a side may not create more than that side holds."""

    creates: int = Field(default=500, ge=0)
    updates: int = Field(default=500, ge=0)
    clears: int = Field(default=50, ge=0)
    field_share: int = Field(default=25, ge=0, le=100)
    shrink: int = Field(default=30, ge=0, le=100)
    first_creates: int = Field(default=100, ge=0)


class Release(_Section):
    """Staged writing: a stage of which more than this percentage came out otherwise than planned is the last one."""

    tolerance: int = Field(default=5, ge=0, le=100)


class FieldMapping(_Section):
    """One mapped pair of fields. `options` translates HubSpot's internal value to the app's choice.

    `merge` says what becomes of a field that both sides changed; None: what suits the fields. `accepted` are HubSpot's
    values with which a person may be written to. `separator` joins a set in the app. `country` as in `Sync`.
    """

    hubspot: str = Field(min_length=1)
    app: str = Field(min_length=1)
    direction: Direction = "two_way"
    options: dict[str, str] = Field(default_factory=dict)
    merge: MergeKind | None = None
    accepted: tuple[str, ...] = ()
    separator: Literal[";", ",", "|", "; ", ", "] = ";"
    country: str = ""

    @model_validator(mode="after")
    def _options_lead_back(self) -> FieldMapping:
        labels = list(self.options.values())
        twice = sorted({label for label in labels if labels.count(label) > 1})
        if twice and self.direction != "to_app":
            raise ValueError(
                f'options: {twice[0]!r} stands for several values, so it does not lead back; set direction = "to_app"'
            )
        return self

    @model_validator(mode="after")
    def _accepted_is_for_consent(self) -> FieldMapping:
        if self.accepted and self.merge not in (None, "consent"):
            raise ValueError('accepted goes with merge = "consent" only')
        return self

    @property
    def name(self) -> str:
        """How the pair is called in tables: the HubSpot property's name."""
        return self.hubspot


class Observe(_Section):
    """How often both sides are read whole; runs in between ask only for changes. 0: every time.

    For an observed connection: the fields that hold the other side's record id, if the other engine leaves one, and after
    how many hours something that waits unchanged is called stuck.
    """

    full_every_hours: int = Field(default=24, ge=0, le=2160)
    hubspot_id_field: str = ""
    app_id_field: str = ""
    stuck_after_hours: int = Field(default=24, ge=0, le=2160)


class Verify(_Section):
    """Contacts, by e-mail or id, whose target fields `verify` always checks one by one."""

    contacts: tuple[str, ...] = ()


class Connection(_Section):
    """A whole connection file; `name` is the file's name."""

    name: str
    format: Literal[1]
    mode: Literal["managed", "observed"] = "managed"
    goals: Goals = Goals()
    hubspot: HubSpotSide = HubSpotSide()
    app: AppSide
    scope: Scope = Scope()
    opt_in: OptIn | None = None
    unwanted: Unwanted = Unwanted()
    sync: Sync = Sync()
    brakes: Brakes = Brakes()
    release: Release = Release()
    observe: Observe = Observe()
    verify: Verify = Verify()
    mappings: tuple[FieldMapping, ...] = Field(min_length=1)

    @field_validator("mappings")
    @classmethod
    def _each_field_once(cls, mappings: tuple[FieldMapping, ...]) -> tuple[FieldMapping, ...]:
        for side in ("hubspot", "app"):
            names = [getattr(mapping, side) for mapping in mappings]
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{side} field {twice[0]!r} is mapped more than once")
        return mappings

    @model_validator(mode="after")
    def _consent_needs_evidence(self) -> Connection:
        if self.app.on_create.status == "subscribed" and self.opt_in is None:
            raise ValueError('app.on_create.status "subscribed" needs an [opt_in] rule as evidence of consent')
        return self

    @model_validator(mode="after")
    def _ids_are_observed(self) -> Connection:
        if self.mode == "managed" and (self.observe.hubspot_id_field or self.observe.app_id_field):
            raise ValueError(
                'observe.hubspot_id_field and observe.app_id_field go with mode = "observed": a managed connection keeps its '
                "links itself"
            )
        return self

    @model_validator(mode="after")
    def _typed_merges_know_enough(self) -> Connection:
        mapped = {mapping.hubspot for mapping in self.mappings}
        for mapping in self.mappings:
            derived = mapping.hubspot == (self.opt_in.property if self.opt_in else None) or mapping.hubspot in CONSENTS
            if mapping.merge == "consent" and not mapping.accepted and not derived:
                raise ValueError(
                    f'mapping {mapping.hubspot!r}: merge "consent" needs accepted, the values that allow writing to a person'
                )
            if self.country_of(mapping) and self.country_of(mapping) not in mapped:
                raise ValueError(f"country {self.country_of(mapping)!r} is not the HubSpot property of a mapping")
        return self

    def country_of(self, mapping: FieldMapping) -> str:
        """The HubSpot property with the country for a mapping's phone numbers, empty if none is known."""
        return mapping.country or self.sync.country

    def field(self, mapping: FieldMapping, side: Side) -> str:
        """The field's own name on a side."""
        return mapping.hubspot if side == "hubspot" else mapping.app

    def direction_of(self, mapping: FieldMapping) -> Direction:
        """The mapping's direction within the connection's: a one-way connection makes every mapping one-way."""
        return mapping.direction if self.sync.direction == "two_way" else self.sync.direction


def read_connection(path: Path) -> Connection:
    """The connection in a TOML file.

    Raises ConfigurationError naming file, line and key: not readable, not TOML, unknown key (with the nearest
    known one), wrong type or value.
    """
    name = path.stem
    if not NAME.fullmatch(name):
        raise ConfigurationError(
            f"{visible(name)!r} cannot be a connection's name",
            where=str(path),
            remedy="Use lower-case letters, digits, - and _, at most 40.",
        )
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigurationError("there is no such connection file", where=str(path)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the file cannot be read: {_reason(error)}", where=str(path)) from None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(
            f"not valid TOML: {visible(str(error))}",
            where=str(path),
            remedy="Correct the line and run again.",
        ) from None
    _refuse_secrets(text, path)
    data.pop("name", None)
    try:
        return Connection.model_validate({**data, "name": name})
    except ValidationError as error:
        raise _first_problem(error, text, path) from None


def _reason(error: Exception) -> str:
    return (error.strerror or "no reason given") if isinstance(error, OSError) else "it is not UTF-8 text"


_SECRET_KEYS = ("token", "key", "api_key", "apikey", "secret", "password", "access_token")
_SECRET = re.compile(r"\b(pat-[a-z0-9]+-[0-9a-f-]{20,}|[0-9a-f]{32}-us\d{1,2})\b", re.IGNORECASE)


def _refuse_secrets(text: str, path: Path) -> None:
    found = _SECRET.search(text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        raise ConfigurationError(
            "this line holds what looks like a token",
            where=f"{path}, line {line}",
            remedy=f"Remove it and store it with: syncdoctor login {path.stem}",
        )


def _first_problem(error: ValidationError, text: str, path: Path) -> ConfigurationError:
    problems = error.errors(include_url=False)
    # A misspelt key also makes the right one missing; the misspelling is what helps.
    problem = next((found for found in problems if found["type"] == "extra_forbidden"), problems[0])
    location = [part for part in problem["loc"] if part != "mappings" or len(problem["loc"]) == 1]
    keys = [str(part) for part in problem["loc"] if isinstance(part, str)]
    line = _line_of(text, problem["loc"])
    where = f"{path}, line {line}" if line else str(path)
    shown = ".".join(str(part) for part in location) or "the file"
    if problem["type"] == "extra_forbidden":
        known = list(_known_keys(keys[:-1]))
        near = difflib.get_close_matches(keys[-1], known, n=1, cutoff=0.5)
        if keys[-1].lower() in _SECRET_KEYS:
            near, known = [], [*known, "nothing secret: store it with syncdoctor login"]
        remedy = f"Did you mean {near[0]!r}?" if near else f"Known here: {', '.join(known)}."
        return ConfigurationError(f"unknown key {visible(keys[-1])!r}", where=where, remedy=remedy)
    if problem["type"] == "missing":
        return ConfigurationError(f"{visible(shown)} is missing", where=where, remedy="Add it and run again.")
    message = visible(problem["msg"].removeprefix("Value error, "))
    return ConfigurationError(f"{visible(shown)}: {message}", where=where, remedy="Correct it and run again.")


def _known_keys(path: list[str]) -> Iterator[str]:
    model: type[BaseModel] = Connection
    for key in path:
        annotation = model.model_fields[key].annotation if key in model.model_fields else None
        nested = list(_models_in(annotation))
        if not nested:
            return
        model = nested[0]
    yield from (key for key in model.model_fields if not (model is Connection and key == "name"))


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _models_in(argument)


def _line_of(text: str, location: tuple[int | str, ...]) -> int | None:
    """The line of the last key of a path, found by walking tables and keys in the order of the text."""
    keys = [part for part in location if isinstance(part, str)]
    index = next((part for part in location if isinstance(part, int)), 0)
    if not keys:
        return None
    table, seen, candidate = "", -1, None
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        header = re.match(r"\[\[?\s*([^\]]+?)\s*\]\]?", stripped)
        if header:
            table = header.group(1)
            seen += table == keys[0] and stripped.startswith("[[")
            if table == ".".join(keys):
                return number
            if table == ".".join(keys[:-1]) and (seen < 0 or seen == index):
                candidate = number
            continue
        key = re.match(r"[\"']?([\w-]+)[\"']?\s*=", stripped)
        if not key or (stripped.startswith("#")):
            continue
        full = [*([table] if table else []), key.group(1)]
        if ".".join(full) == ".".join(keys) and (seen < 0 or table != keys[0] or seen == index):
            return number
    return candidate
