"""What is proposed, done by a person in the practice portal: the next check says what the planner has foreseen."""

from __future__ import annotations

import pytest

from diagnostics.explain import Explanation, explain
from diagnostics.repairs.fixes import fixes
from diagnostics.repairs.smallest import GOOD
from diagnostics.repairs.told import claim, for_many, proof
from engine.who import find_contact
from tests.engine.test_cycle import World, people, world
from tui.screens.contact import contact_page
from tui.screens.fixes import fixes_page

__all__ = ["people", "world"]

REAL = {
    "email": "ganz.neu@firma.example",
    "firstname": "Jo",
    "website": "https://neu.example",
    "newsletter_opt_in": "true",
}


def explained(world: World, who: str) -> Explanation:
    """With the smallest change."""
    return explain(world.workspace, world.connection, find_contact(world.workspace, who).contact, prove=True)


@pytest.mark.parametrize(
    ("cause", "field"),
    [
        ("email-missing", "email"),
        ("email-invalid", "email"),
        ("opt-in", "newsletter_opt_in"),
        ("required-field", "firstname"),
        ("field-format", "website"),
    ],
)
async def test_doing_it_flips_the_verdict_and_undoing_it_flips_it_back(world: World, cause: str, field: str) -> None:
    """With a real value in place of the sample; for a consent, by the person."""
    await world.check()
    alone = (
        f"c.cause = '{cause}' AND c.hubspot_id IS NOT NULL AND (SELECT count(*) FROM open_findings f "
        f"WHERE f.contact_id = c.id AND f.blocking) = 1 AND h.{field} IS NOT '{REAL[field]}'"
    )
    person = world.one(f"{alone} AND c.app_id IS NULL")
    change = explained(world, person["hubspot_id"]).change
    assert change is not None
    assert len(change.repairs) == 1
    assert change.repairs[0].side == "hubspot"

    world.portal.tamper("hubspot", person["hubspot_id"], {field: REAL[field]})
    await world.check()
    repaired = explained(world, person["hubspot_id"])
    assert (repaired.state, repaired.change) == (change.state, None)
    assert repaired.state in GOOD

    world.portal.tamper("hubspot", person["hubspot_id"], {field: person[field] or ""})
    await world.check()
    assert explained(world, person["hubspot_id"]).cause == cause


async def test_a_shared_repair_done_for_the_mapping_frees_whom_it_names(world: World) -> None:
    """The translation of an option, which the planner was given as a hypothetical, written into the connection."""
    await world.check()
    person = world.one("c.cause = 'field-option' AND c.app_id IS NULL")
    change = explained(world, person["hubspot_id"]).change
    assert change is not None
    (repair,) = [one for one in change.repairs if one.kind == "option"]
    translated = tuple(
        one.model_copy(
            update={"options": {**one.options, repair.value: "Deutschland" if one.app == "COUNTRY" else "Kunde"}}
        )
        if one.app == repair.field
        else one
        for one in world.connection.mappings
    )
    world.connection = world.connection.model_copy(update={"mappings": translated})
    await world.check()

    assert explained(world, person["hubspot_id"]).cause != "field-option"


async def test_the_console_shows_the_smallest_change_and_the_ranking(world: World) -> None:
    """The contact's page and the page of fixes say what the commands say; nobody's own words stand on the latter."""
    await world.check()
    person = world.one("c.cause = 'email-missing'")
    seen = explained(world, person["hubspot_id"] or person["app_id"])
    assert seen.change is not None
    page = " ".join(" ".join(line.plain for line in contact_page(seen).lines(400)).split())
    assert all(f"{number}. {one.said(mask=False)}" in page for number, one in enumerate(seen.change.repairs, 1))
    assert proof(seen.change) in page

    answer = fixes(world.workspace, world.connection, sample=0)
    ranking = " ".join(" ".join(line.plain for line in fixes_page(answer).lines(400)).split())
    best = answer.singles[0]
    assert f"1. {for_many(best.parts[0][0], mask=True)}" in ranking
    assert claim(best, sum(answer.blocked.values())) in ranking
    assert all(
        part.value not in ranking for fix in answer.singles for one in fix.parts for part in one if part.personal
    )
    assert "Two repairs together" in ranking


async def test_the_page_of_fixes_with_nobody_blocked(world: World) -> None:
    """An answer, not an empty page."""
    await world.check()
    world.workspace.sql.execute("UPDATE verdict SET state = 'in_sync', cause = ''")
    answer = fixes(world.workspace, world.connection)
    assert (answer.singles, answer.pairs, answer.beyond) == ((), (), ())
    assert "Nobody is blocked." in " ".join(line.plain for line in fixes_page(answer).lines(80))
