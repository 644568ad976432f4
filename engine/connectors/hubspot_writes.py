"""Batch creates and updates of HubSpot contacts: matched by trace id, else by id or address, never by position.

HubSpot answers a create batch in another order than it was sent in (15 of 16 recorded ones).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import ValidationError

from engine.answers import Answer, shaped
from engine.connectors import Outcome, Write
from engine.connectors.batches import BatchRefused
from engine.connectors.hubspot_bodies import BatchAnswer, BatchError, Refused, refused
from engine.connectors.hubspot_paths import Paths
from engine.errors import UnexpectedAnswer
from engine.http import AccountClient, InDoubt
from engine.refusals import without_values

EMAIL = "email"
DATA_ERRORS = (400, 409, 413, 414, 422)
_EXISTING = re.compile(r"already exists.*?Existing ID: (\d+)", re.DOTALL)
"""HubSpot's words for an address that a contact has, primary or additional (error-handling page)."""


class HubSpotWrites:
    """Writes to the contacts of one account."""

    def __init__(self, client: AccountClient, paths: Paths) -> None:
        self._client = client
        self._paths = paths

    async def send(self, writes: Sequence[Write]) -> list[Outcome]:
        """The outcomes that the answer tells of, in any order; what it does not mention is left out.

        Raises BatchRefused, InDoubt, or an AccessError if nothing was applied.
        """
        action = "create" if writes[0].kind == "create" else "update"
        path = f"{self._paths.contacts}/batch/{action}"
        answer = await self._client.request(
            "POST", path, template=path, intent="write", json={"inputs": [_input(write) for write in writes]}
        )
        if answer.status in DATA_ERRORS:
            raise BatchRefused(answer)
        where = f"HubSpot, POST {path}"
        if answer.status not in (200, 201, 207):
            raise UnexpectedAnswer(
                f"HubSpot answered {answer.status} to a batch of writes", where=where,
                remedy="Check the API version (hubspot.api_version) and run again.",
            )  # fmt: skip
        try:
            body = shaped(BatchAnswer, answer, where)
        except UnexpectedAnswer as error:
            raise InDoubt(error.what, answer.status, answer.correlation_id) from None
        return _matched(writes, body, answer)

    def refuse(self, write: Write, answer: Answer) -> Outcome:
        """The outcome of a write that was sent alone and refused."""
        try:
            reason = refused(BatchError.model_validate(answer.body))
        except ValidationError:
            reason = Refused(code=f"HTTP {answer.status}", property="", message="HubSpot gave no readable reason")
        return _refused(write, reason, answer)


def _input(write: Write) -> dict[str, Any]:
    entry: dict[str, Any] = {"objectWriteTraceId": str(write.operation)}
    if write.kind == "create":
        return entry | {"properties": {name: value for name, value in write.values.items() if value}}
    return entry | {"id": write.record_id, "properties": dict(write.values)}


def _matched(writes: Sequence[Write], body: BatchAnswer, answer: Answer) -> list[Outcome]:
    """An outcome for each write that the answer names exactly once; one that it names twice is left out, so in doubt."""
    told = [*_applied(writes, body, answer), *_errors(writes, body, answer)]
    times = Counter(outcome.operation for outcome in told)
    return [outcome for outcome in told if times[outcome.operation] == 1]


def _applied(writes: Sequence[Write], body: BatchAnswer, answer: Answer) -> Iterator[Outcome]:
    traces = {str(write.operation): write for write in writes}
    by_id = _unique([(write.record_id or "", write) for write in writes])
    by_address = _unique([(_address(write.values.get(EMAIL)), write) for write in writes if write.kind == "create"])
    for contact in body.results:
        if contact.trace_id:
            found = traces.get(contact.trace_id)
        else:
            found = by_id.get(contact.id) or by_address.get(_address(contact.properties.get(EMAIL)))
        if found is not None:
            record = contact.record(list(contact.properties))
            yield Outcome(
                found.operation, "applied", record, answer.status, correlation_id=answer.correlation_id
            )  # fmt: skip


def _errors(writes: Sequence[Write], body: BatchAnswer, answer: Answer) -> Iterator[Outcome]:
    traces = {str(write.operation): write for write in writes}
    by_id = _unique([(write.record_id or "", write) for write in writes])
    for error in body.errors:
        named = error.named("objectWriteTraceId")
        hits = [traces.get(name) for name in named] if named else [by_id.get(name) for name in error.named("ids")]
        for found in hits:
            if found is not None:
                yield _refused(found, refused(error), answer)


def _unique(pairs: Sequence[tuple[str, Write]]) -> dict[str, Write]:
    """The writes by a key that only one of them has."""
    times = Counter(key for key, _ in pairs)
    return {key: write for key, write in pairs if key and times[key] == 1}


def _address(value: object) -> str:
    return value.strip().lower() if isinstance(value, str) else ""


def _refused(write: Write, reason: Refused, answer: Answer) -> Outcome:
    existing = _EXISTING.search(reason.message) if write.kind == "create" else None
    return Outcome(
        write.operation, "exists" if existing else "refused", None, answer.status, reason.code, reason.property,
        without_values(reason.message, write.values, EMAIL), answer.correlation_id,
        existing_id=existing.group(1) if existing else "",
    )  # fmt: skip
