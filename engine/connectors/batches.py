"""Sends a batch of writes so that every one of them gets exactly one outcome, whatever the service answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from engine.answers import Answer
from engine.connectors import Outcome, Write
from engine.errors import SyncdoctorError
from engine.http import InDoubt
from engine.refusals import without_values

Send = Callable[[Sequence[Write]], Awaitable[list[Outcome]]]


class BatchRefused(Exception):
    """The service refused the whole request because of what a record in it holds; nothing of it was applied."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"HTTP {answer.status}")
        self.answer = answer


async def outcomes_of(writes: Sequence[Write], send: Send, refuse: Callable[[Write, Answer], Outcome]) -> list[Outcome]:
    """One outcome for each write, in their order.

    `send` raises BatchRefused for an error of the data: the batch is then halved down to the record, which `refuse`
    turns into an outcome. An error, also a stop while waiting, is raised only if nothing was applied or is in doubt;
    otherwise the writes that were not sent any more come back in doubt, and reading them shows that they were not applied.
    """
    found: dict[int, Outcome] = {}
    sent = {write.operation for write in writes}
    waiting = [list(writes)]
    while waiting:
        part = waiting.pop(0)
        try:
            answered = await send(part)
        except BatchRefused as error:
            if len(part) > 1:
                middle = len(part) // 2
                waiting[:0] = [part[:middle], part[middle:]]
                continue
            answered = [refuse(part[0], error.answer)]
        except InDoubt as doubt:
            answered = [in_doubt(write, doubt) for write in part]
        except SyncdoctorError as error:
            if all(outcome.state in ("refused", "exists") for outcome in found.values()):
                raise
            answered = [in_doubt(write, InDoubt(error.what)) for left in (part, *waiting) for write in left]
            waiting = []
        found.update((outcome.operation, outcome) for outcome in answered if outcome.operation in sent)
    missing = InDoubt("the answer does not mention it")
    return [found.get(write.operation) or in_doubt(write, missing) for write in writes]


def in_doubt(write: Write, doubt: InDoubt) -> Outcome:
    """The outcome of a write that no answer tells about."""
    reason = without_values(doubt.reason, write.values, "")
    return Outcome(
        write.operation, "in_doubt", status=doubt.status, message=reason, correlation_id=doubt.correlation_id
    )
