"""State, deciding cause and every blocker of planted populations: precision and recall are one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from diagnostics.causes import CAUSES
from diagnostics.causes.refusals import CLASSES
from engine.gates import Situation
from tests.conftest import SHOWN
from tests.diagnostics.causes.world import CONNECTION, INCLUSION, NOW, situation
from tests.diagnostics.ground_truth.planters import PLANTERS, PROCESSING, USUAL, WHILE_PROCESSING
from tests.diagnostics.ground_truth.planting import ORDER, Truth, population

PEOPLE = 1_500
SEEDS = (1, 2, 3)


def confusion(*truths: Truth) -> str:
    """The table of right against found verdicts, the wrong ones marked, and of each cause's blockers, over all these populations."""
    everybody = [
        (one, answers.verdicts[number], answers.blockers[number])
        for truth, answers in ((truth, truth.answered()) for truth in truths)
        for number, one in truth.people.items()
    ]
    pairs = Counter((one.verdict, said) for one, said, _ in everybody)
    lines = [f"{'right':<34}{'found':<34}{'contacts':>8}"]
    for (given, said), people in sorted(pairs.items()):
        lines.append(f"{' '.join(given):<34}{' '.join(said):<34}{people:>8}{'' if given == said else '  WRONG'}")
    planted = Counter(code for one, _, _ in everybody for code in one.blockers)
    right = Counter(code for one, _, codes in everybody for code in one.blockers if code in codes)
    found = Counter(code for _, _, codes in everybody for code in codes)
    lines.append(f"\n{'blocker':<34}{'planted':>8}{'found':>8}{'right':>8}{'precision':>10}{'recall':>8}")
    for code in sorted(planted.keys() | found.keys(), key=ORDER.index):
        precision, recall = right[code] / max(found[code], 1), right[code] / max(planted[code], 1)
        lines.append(f"{code:<34}{planted[code]:>8}{found[code]:>8}{right[code]:>8}{precision:>10.3f}{recall:>8.3f}")
    return "\n".join(lines)


def wrong(truth: Truth) -> list[tuple[int, object, object]]:
    """Everybody whose verdict, blockers or reported causes are not the planted ones."""
    answers = truth.answered()
    told = {
        number: (answers.verdicts[number], answers.blockers[number], answers.reported[number])
        for number in truth.people
    }
    right = {number: (one.verdict, one.blockers, one.reported) for number, one in truth.people.items()}
    return [(number, right[number], told[number]) for number in truth.people if right[number] != told[number]]


def populations() -> list[Truth]:
    """Those with a list that can be used, and one while HubSpot works on it."""
    usual = [population(seed, PEOPLE) for seed in SEEDS]
    return [*usual, population(4, PEOPLE, PROCESSING, planters=WHILE_PROCESSING)]


def test_every_planted_fault_is_found_and_nothing_else(record_property: Callable[[str, object], None]) -> None:
    """Several faults a contact, in random proportions; the table stands below the results of every run of the tests."""
    truths = populations()
    record_property(f"{SHOWN}planted faults and what was found", confusion(*truths))
    assert [wrong(truth) for truth in truths] == [[]] * len(truths)


def test_the_populations_have_every_fault() -> None:
    """Every planter's cause and every class of refusals is met, as the deciding one and behind others."""
    people = [one for truth in populations() for one in truth.people.values()]
    met = {code for one in people for code in one.blockers}
    stopping = {one.code for one in (*PLANTERS, *WHILE_PROCESSING) if one.state}
    assert met == stopping | {one.code for one in CLASSES}
    assert {one.verdict[1] for one in people} - {""} >= met - {"address-swap", "address-taken"}
    assert {code for one in people for code in one.reported} == {one.code for one in PLANTERS if one.state is None}
    assert max(len(one.blockers) for one in people) >= 4


OF_THE_CONNECTION = (
    (
        "direction",
        situation(mappings=CONNECTION["mappings"][:-1], sync={"direction": "to_app"}),
        ("app",),
    ),
    (
        "plan-tier",
        situation(mappings=CONNECTION["mappings"][:-1], hubspot={"tier": "free"}),
        ("pair", "hubspot", "app"),
    ),
    ("list-deleted", replace(USUAL, inclusion=replace(INCLUSION, deleted_at=NOW)), ("pair", "hubspot")),
    ("list-empty", replace(USUAL, list_size=0), ("pair", "hubspot")),
)
"""Causes that everybody of some shapes has at once, and the situation that makes them."""
_OF_THE_WHOLE = "it is about the connection as a whole, and no contact has it"
_UNREAD = "a side could not be read: no contact is planned, and the check itself says so of everybody"
NOT_PLANTED = {
    "list-stale": _OF_THE_WHOLE,
    "list-clauses": _OF_THE_WHOLE,
    "rules-unreadable": _OF_THE_WHOLE,
    "credentials-refused": _UNREAD,
    "scope-missing": _UNREAD,
    "unreachable": _UNREAD,
    "limit-exhausted": _UNREAD,
    "unexpected-answer": _UNREAD,
}
"""Causes that no contact of a planned population can have, and why."""


def test_every_cause_is_planted_or_has_a_reason_why_not() -> None:
    """A cause that is added to the catalogue without either fails here, and so does a reason that is out of date."""
    planted = [one.code for one in (*PLANTERS, *WHILE_PROCESSING)] + [one.code for one in CLASSES]
    planted += [code for code, _, _ in OF_THE_CONNECTION]
    assert set(planted) | set(NOT_PLANTED) == {entry.code for entry in CAUSES}
    assert not set(planted) & set(NOT_PLANTED)


@pytest.mark.parametrize(("code", "of", "shapes"), OF_THE_CONNECTION)
def test_what_the_connection_stops_is_found_for_everybody_concerned(
    code: str, of: Situation, shapes: tuple[str, ...]
) -> None:
    """A fault of the connection or of the list as a whole comes on top of nobody's own."""
    truth = population(4, 300, of, faulty=0.0)
    answers = truth.answered()
    for number, one in truth.people.items():
        expected = [code] if one.shape in shapes else []
        assert [found for found in answers.blockers[number] if not found.startswith("refused-")] == expected
