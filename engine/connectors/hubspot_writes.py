"""Batch creates and updates of HubSpot contacts: matched by trace id, never by position.

HubSpot answers a create batch in another order than it was sent in (15 of 16 recorded ones).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from engine.answers import Answer, shaped
from engine.connectors import Outcome, Write
from engine.connectors.batches import BatchRefused
from engine.connectors.hubspot_bodies import BatchAnswer, BatchError, Contact, Refused, refused
from engine.connectors.hubspot_paths import Paths
from engine.errors import UnexpectedAnswer
from engine.http import AccountClient, InDoubt

DATA_ERRORS = (400, 409, 413, 414, 422)


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
    left = {str(write.operation): write for write in writes}
    keys: dict[str, str] = {}
    for trace, write in left.items():
        key = write.record_id if write.kind == "update" else write.values.get("email", "").strip().lower()
        if key:
            keys[key] = trace
    outcomes: list[Outcome] = []
    for contact in body.results:
        found = _take(left, contact.trace_id, *(keys.get(name) for name in _names(contact)))
        if found is not None:
            record = contact.record(list(contact.properties))
            outcomes.append(
                Outcome(
                    found.operation, "applied", record, answer.status, correlation_id=answer.correlation_id
                )
            )  # fmt: skip
    for error in body.errors:
        traces = error.named("objectWriteTraceId") or [keys.get(name, "") for name in error.named("ids")]
        for trace in traces:
            found = _take(left, trace)
            if found is not None:
                outcomes.append(_refused(found, refused(error), answer))
    return outcomes


def _names(contact: Contact) -> tuple[str, ...]:
    email = contact.properties.get("email")
    return (contact.id, email.strip().lower() if isinstance(email, str) else "")


def _take(left: dict[str, Write], *traces: str | None) -> Write | None:
    """The write of the first trace that is still open, which is then closed."""
    return next((left.pop(trace) for trace in traces if trace and trace in left), None)


def _refused(write: Write, reason: Refused, answer: Answer) -> Outcome:
    return Outcome(
        write.operation, "refused", None, answer.status, reason.code, reason.property, reason.message,
        answer.correlation_id,
    )  # fmt: skip
