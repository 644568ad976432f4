"""Doubt is settled by reading: what the far side holds decides, and what cannot be told apart is not guessed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from engine.connectors import Outcome, Record
from engine.errors import Unreachable
from engine.lookup import looked_up
from engine.operations import AMBIGUOUS, EXISTS, GONE, NOT_APPLIED, Operation
from tests.diagnostics.causes.world import situation

ADDRESS = "anna@firma.example"


class Far:
    """HubSpot with some records, found by address (primary or additional) and by id."""

    side = "hubspot"

    def __init__(self, *records: Record, additional: str = "", reachable: bool = True) -> None:
        self._records = records
        self._additional = additional
        self._reachable = reachable

    async def read(self, ids: Sequence[str], fields: Sequence[str]) -> list[Record]:
        """Records by id."""
        return self._answer(record for record in self._records if record.id in ids)

    async def find(self, emails: Sequence[str], fields: Sequence[str]) -> list[Record]:
        """Records by address."""
        wanted = {email.strip().lower() for email in emails}
        return self._answer(
            record for record in self._records if record.values["email"].lower() in wanted or self._additional in wanted
        )

    def _answer(self, found: object) -> list[Record]:
        if not self._reachable:
            raise Unreachable("HubSpot cannot be reached")
        return list(found)  # type: ignore[call-overload, no-any-return]


def record(record_id: str, email: str = ADDRESS, city: str = "Ulm") -> Record:
    """A contact."""
    return Record(record_id, {"email": email, "city": city}, "", "")


async def judged(far: Far, outcome: Outcome, record_id: str | None = None) -> Outcome:
    """What becomes of one create, or of an update of a record's city from Ulm to Bern."""
    values = {"city": "Bern"} if record_id else {"email": " Anna@firma.example", "city": "Ulm"}
    ids = {"hubspot": record_id, "app": "m1"}
    op = Operation(1, "hubspot", "update" if record_id else "create", ids, ADDRESS, values, {"city": "Ulm"})  # type: ignore[arg-type]
    (found,) = await looked_up(situation(), far, [op], [outcome])  # type: ignore[arg-type]
    return found


DOUBT = Outcome(1, "in_doubt", message="no complete answer in time")


@pytest.mark.parametrize(
    ("far", "state", "code"),
    [
        (Far(record("5", "ANNA@firma.example")), "applied", ""),
        (Far(), "not_applied", NOT_APPLIED),
        (Far(record("5"), record("6")), "not_applied", AMBIGUOUS),
        (Far(record("5", "frueher@firma.example"), additional=ADDRESS), "not_applied", NOT_APPLIED),
        (Far(record("5"), reachable=False), "in_doubt", ""),
    ],
)
async def test_a_create_in_doubt(far: Far, state: str, code: str) -> None:
    """One record with the address is it; none is none; of several nobody knows; unread is still in doubt."""
    found = await judged(far, DOUBT)
    assert (found.state, found.code) == (state, code)


@pytest.mark.parametrize(
    ("far", "state", "code"),
    [
        (Far(record("5", city="Bern ")), "applied", ""),
        (Far(record("5", city="Ulm")), "not_applied", NOT_APPLIED),
        (Far(record("5", city="Ber")), "not_applied", AMBIGUOUS),
        (Far(record("7", city="Bern")), "not_applied", GONE),
        (Far(record("5"), reachable=False), "in_doubt", ""),
    ],
)
async def test_an_update_in_doubt(far: Far, state: str, code: str) -> None:
    """What was sent, what was there before, something else, or no record under the id any more."""
    found = await judged(far, DOUBT, "5")
    assert (found.state, found.code) == (state, code)


EXISTING = Outcome(1, "exists", code="CONFLICT", message="Contact already exists. Existing ID: 5", existing_id="5")


@pytest.mark.parametrize(
    ("far", "state", "held"),
    [
        (Far(record("5")), "exists", "5"),
        (Far(record("5", "frueher@firma.example"), additional=ADDRESS), "refused", "5"),
        (Far(), "refused", None),
    ],
)
async def test_a_create_that_met_somebody(far: Far, state: str, held: str | None) -> None:
    """With the same address it is mirrored for the next plan; under another one the server's refusal stands."""
    found = await judged(far, EXISTING)
    assert (found.state, found.code, found.record.id if found.record else None) == (state, EXISTS, held)
    assert "Existing ID: 5" in found.message
