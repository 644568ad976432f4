"""Creates and updates of members. An update never carries the status, so nobody's consent is ever loosened."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from engine.answers import Answer, shaped
from engine.connectors import Outcome, Write
from engine.connectors.batches import BatchRefused, in_doubt
from engine.connectors.mailchimp_bodies import EMAIL, STATUS, BatchAnswer, Member, MemberProblem, Problem
from engine.connectors.mailchimp_schema import LIST
from engine.errors import SyncdoctorError, UnexpectedAnswer
from engine.http import AccountClient, InDoubt
from engine.refusals import without_values
from engine.visible import visible

Model = TypeVar("Model", bound=BaseModel)

DATA_ERRORS = (400, 404, 405, 409, 413, 422)
EXISTS = ("ERROR_CONTACT_EXISTS", "Member Exists")
AT_ONCE = 4
SAFE_STATUS = "pending"
"""For a create that names no status: Mailchimp then asks the person to confirm."""


class MailchimpWrites:
    """Writes to the members of one audience."""

    def __init__(self, client: AccountClient, audience: str) -> None:
        self._client = client
        self._list = f"/lists/{quote(audience, safe='')}"

    async def create(self, writes: Sequence[Write], fields: Sequence[str]) -> list[Outcome]:
        """The outcomes that the answer tells of; matched by address, never by position.

        Members that exist are left alone and reported (ERROR_CONTACT_EXISTS). Raises BatchRefused, InDoubt, or an
        AccessError if nothing was applied.
        """
        answer = await self._client.request(
            "POST", self._list, template=LIST, intent="write",
            json={"members": [_new_member(write) for write in writes], "update_existing": False},
        )  # fmt: skip
        where = f"Mailchimp, POST {LIST}"
        if answer.status == 404:
            raise UnexpectedAnswer("the audience is gone", where=where, remedy="Look for it in Mailchimp.")
        if answer.status in DATA_ERRORS:
            raise BatchRefused(answer)
        body = _written(BatchAnswer, answer, where)
        named = Counter(_address(write.values.get(EMAIL)) for write in writes)
        of_address = {_address(write.values.get(EMAIL)): write for write in writes}
        told = Counter(
            [_address(member.email_address) for member in body.new_members]
            + [_address(problem.email_address) for problem in body.errors]
        )
        # An address that two writes share, or that the answer names twice, leaves open which is meant: in doubt.
        clear = {key: write for key, write in of_address.items() if key and named[key] == told[key] == 1}
        added = [(member, clear.get(_address(member.email_address))) for member in body.new_members]
        refused = [(problem, clear.get(_address(problem.email_address))) for problem in body.errors]
        return [
            *(
                Outcome(write.operation, "applied", member.record(fields), answer.status, read_back=True)
                for member, write in added
                if write
            ),
            *(_refused_in_batch(write, problem, answer) for problem, write in refused if write),
        ]

    async def update(self, writes: Sequence[Write], fields: Sequence[str]) -> list[Outcome]:
        """One request for each member, four at once. An error, also a stop, is raised only if none was applied."""
        gate = asyncio.Semaphore(AT_ONCE)
        stopped: list[SyncdoctorError] = []

        async def one(write: Write) -> Outcome | SyncdoctorError:
            async with gate:
                if stopped:
                    return stopped[0]
                try:
                    return await self._change(write, fields)
                except InDoubt as doubt:
                    return in_doubt(write, doubt)
                except SyncdoctorError as error:
                    stopped.append(error)
                    return error

        results = await asyncio.gather(*(one(write) for write in writes))
        if stopped and all(
            isinstance(result, SyncdoctorError) or result.state in ("refused", "exists") for result in results
        ):
            raise stopped[0]
        return [
            result if isinstance(result, Outcome) else in_doubt(write, InDoubt(result.what))
            for write, result in zip(writes, results, strict=True)
        ]

    def refuse(self, write: Write, answer: Answer) -> Outcome:
        """The outcome of a write that was sent alone and refused."""
        try:
            problem = Problem.model_validate(answer.body)
        except ValidationError:
            problem = Problem()
        first = problem.errors[0] if problem.errors else None
        said = " ".join(filter(None, (problem.detail, first.message if first else "")))
        exists = write.kind == "create" and problem.title in EXISTS
        return Outcome(
            write.operation, "exists" if exists else "refused", None, answer.status,
            code=visible(problem.title or f"HTTP {answer.status}", 100),
            field=visible(first.field if first else "", 100),
            message=_masked(said or "Mailchimp gave no readable reason", write),
            correlation_id=answer.correlation_id,
        )  # fmt: skip

    async def _change(self, write: Write, fields: Sequence[str]) -> Outcome:
        template = f"{LIST}/members/{{member}}"
        merge = {name: value for name, value in write.values.items() if name not in (EMAIL, STATUS)}
        changes: dict[str, Any] = {"merge_fields": merge} if merge else {}
        if write.values.get(EMAIL):
            changes["email_address"] = write.values[EMAIL].strip()
        answer = await self._client.request(
            "PATCH", f"{self._list}/members/{quote(write.record_id or '', safe='')}",
            template=template, intent="write", json=changes,
        )  # fmt: skip
        if answer.status in DATA_ERRORS:
            return self.refuse(write, answer)
        member = _written(Member, answer, f"Mailchimp, PATCH {template}")
        if member.contact_id != write.record_id:
            raise InDoubt("the answer is about another member", answer.status, answer.correlation_id)
        return Outcome(write.operation, "applied", member.record(fields), answer.status, read_back=True)


def _new_member(write: Write) -> dict[str, Any]:
    merge = {name: value for name, value in write.values.items() if name not in (EMAIL, STATUS) and value}
    return {
        "email_address": write.values.get(EMAIL, "").strip(),
        "status": write.values.get(STATUS) or SAFE_STATUS,
        "merge_fields": merge,
    }


def _written(model: type[Model], answer: Answer, where: str) -> Model:
    """The body of an answer to a write. Raises UnexpectedAnswer if it was refused, InDoubt if it cannot be read."""
    if answer.status >= 400:
        raise UnexpectedAnswer(f"Mailchimp answered {answer.status}", where=where, remedy="Run again.")
    try:
        return shaped(model, answer, where)
    except UnexpectedAnswer as error:
        raise InDoubt(error.what, answer.status, answer.correlation_id) from None


def _address(value: object) -> str:
    return value.strip().lower() if isinstance(value, str) else ""


def _refused_in_batch(write: Write, problem: MemberProblem, answer: Answer) -> Outcome:
    said = " ".join(filter(None, (problem.error, problem.field_message)))
    return Outcome(
        write.operation, "exists" if problem.error_code in EXISTS else "refused", None, answer.status, visible(problem.error_code, 100), visible(problem.field, 100),
        _masked(said, write), answer.correlation_id,
    )  # fmt: skip


def _masked(text: str, write: Write) -> str:
    """The words without the member's values; the status is none, and the words need its name."""
    return without_values(text, {name: value for name, value in write.values.items() if name != STATUS}, EMAIL)
