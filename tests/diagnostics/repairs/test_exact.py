"""The ranking against doing each repair for everybody and planning again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations, product

import polars as pl
import pytest

from diagnostics.causes.list_clauses import circumstances, live_criteria
from diagnostics.causes.refusals import PREFIX
from diagnostics.checkup import GATES
from diagnostics.criteria.evaluate import answer
from diagnostics.criteria.form import Clause, alternatives, clauses_of
from diagnostics.criteria.wording import in_words
from diagnostics.repairs import Hypothetical, Repair, answer_to, settings
from diagnostics.repairs.fixes import Fix, Fixes, best, fixes
from diagnostics.repairs.leaderboard import alike, counted
from diagnostics.repairs.smallest import GOOD, applied, stops_of
from engine.gates import Situation
from engine.memory import memory_of
from engine.plan import Plan, plan
from engine.population import contacts_of
from engine.situation import recall
from tests.diagnostics.repairs.random_lists import criteria
from tests.engine.test_cycle import World, people, world

__all__ = ["people", "world"]
CRITERIA = "/crm/v3/lists/101/update-list-filters"
SEEDS = (0, 6)
"""By hand more than 500 were right, singles and pairs."""


class Everybody:
    """All blocked contacts of the last check, planned again with repairs done."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.situation = recall(world.workspace, world.connection)
        rows = world.workspace.rows(f"SELECT contact_id FROM verdict WHERE state NOT IN {GOOD}")
        self.contacts = sorted(row["contact_id"] for row in rows)
        self.needs: dict[Repair, set[int]] = {}
        self.refused: set[int] = set()
        given = self.given(self.contacts)
        before = plan(given.contacts, given.memory, given.situation, GATES)
        for situation, found in ((given.situation, before), *self._opened(given)):
            for contact in self.contacts:
                for stop in stops_of(_part(found, contact)):
                    answers = answer_to(stop, situation)
                    self.refused |= {contact} if stop.code.startswith(PREFIX) else set()
                    for repair in answers if isinstance(answers, tuple) else ():
                        self.needs.setdefault(repair, set()).add(contact)
        self.unmet = self._unmet(given.contacts, before)

    def _opened(self, given: Hypothetical) -> list[tuple[Situation, Plan]]:
        """What a one-way connection is told once it runs both ways."""
        if self.situation.connection.sync.direction == "two_way":
            return []
        opened = settings.two_way(given)
        return [(opened.situation, plan(opened.contacts, opened.memory, opened.situation, GATES))]

    def _unmet(self, contacts: pl.DataFrame, before: Plan) -> dict[str, set[int]]:
        """By what a way into the list asks of a property, in words: who is outside and does not meet it."""
        outside = before.findings.filter(pl.col("code").is_in(["list-criteria", "list-membership"]))["contact"]
        rows = contacts.filter(pl.col("contact").is_in(outside.implode()))
        tree, around = live_criteria(self.situation), circumstances(self.situation, rows.columns)
        found: dict[str, set[int]] = {}
        for way in map(clauses_of, alternatives(tree) if tree else ()):
            clauses = [part for part in way if isinstance(part, Clause)]
            for name in {clause.property for clause in clauses}:
                asked = [clause for clause in clauses if clause.property == name]
                unmet = pl.any_horizontal(~answer(clause, around) for clause in asked)
                words = " and ".join(map(in_words, asked))
                found.setdefault(words, set()).update(rows.filter(unmet)["contact"].to_list())
        return found

    def _need(self, repair: Repair) -> set[int]:
        """Whose value a repair would change."""
        return self.needs.get(repair, set()) | self.unmet.get(repair.words.partition(" asks for: ")[2], set())

    def given(self, contacts: Sequence[int]) -> Hypothetical:
        """What the planner gets."""
        workspace = self.world.workspace
        return Hypothetical(contacts_of(workspace, contacts), memory_of(workspace, contacts), self.situation)

    def freed(self, repairs: Sequence[Repair]) -> set[int]:
        """Who is in sync or pending with the repairs done. One action is done for all; of what is done for each contact
        anything may be left out, and a value is corrected only where there is something to correct. What a server refused is
        tried again after any change of its schema; that alone frees nobody."""
        found: set[int] = set()
        each = [repair for repair in repairs if not repair.once]
        for size in range(len(each) + 1):
            for left_out in combinations(each, size):
                done = [repair for repair in repairs if repair not in left_out]
                who = set(self.contacts)
                for repair in done:
                    if repair.kind == "value" and repair.field not in ("email", "EMAIL"):
                        who &= self._need(repair)
                if who:
                    changed = applied(done, self.given(sorted(who)))
                    verdicts = plan(changed.contacts, changed.memory, changed.situation, GATES).verdicts
                    found |= set(verdicts.filter(pl.col("state").is_in(GOOD))["contact"].to_list())
        needed = set().union(*map(self._need, repairs))
        return found - (self.refused - needed)


def _part(answer: Plan, contact: int) -> Plan:
    mine = pl.col("contact") == contact
    return replace(answer, findings=answer.findings.filter(mine), conflicts=answer.conflicts.filter(mine))


def _differs(everybody: Everybody, found: Sequence[Fix]) -> list[tuple[str, int, int]]:
    """Words, claim and truth of every fix whose claim is not the truth; of what is said to do the same, of two."""
    repairs = [(fix, done) for fix in found for done in product(*(part[:2] for part in fix.parts))]
    counted = [(fix, done, len(everybody.freed(done))) for fix, done in repairs]
    return [
        (" and ".join(one.said(mask=False) for one in done), fix.frees, truth)
        for fix, done, truth in counted
        if fix.frees != truth
    ]


async def test_every_single_and_the_best_pairs_free_whom_they_claim(world: World) -> None:
    """Before the first sync: every planted fault of the practice portal, and contacts with several."""
    await world.check()
    everybody = Everybody(world)
    answer = fixes(world.workspace, world.connection, most=100, sample=0)

    assert len(answer.singles) > 15
    assert _differs(everybody, answer.singles) == []
    assert _differs(everybody, answer.pairs[:10]) == []


async def test_a_repair_counts_also_where_another_one_is_preferred(world: World) -> None:
    """Who shares an address is freed by an address of their own as well, although merging comes first."""
    await world.check()
    answer = fixes(world.workspace, world.connection, most=100, sample=0)
    own = next(fix for fix in answer.singles if fix.parts[0][0].field == "email")
    shared = world.one(
        "c.cause = 'email-duplicate' AND c.hubspot_id IS NOT NULL AND (SELECT count(*) FROM open_findings f "
        "WHERE f.contact_id = c.id AND f.blocking) = 1"
    )
    everybody = Everybody(world)

    assert shared["id"] in everybody.freed([own.parts[0][0]])
    assert own.frees == len(everybody.freed([own.parts[0][0]]))


async def test_a_conflict_behind_another_stop_is_counted(world: World) -> None:
    """The planner names conflicts only of contacts that nothing else stops; a consent alone does not free these."""
    await world.sync()
    both = world.workspace.rows(
        "SELECT c.hubspot_id, c.app_id, c.id FROM contacts c JOIN hubspot_contact h ON h._id = c.hubspot_id "
        "JOIN app_contact a ON a._id = c.app_id WHERE c.state = 'in_sync' AND h.city <> '' ORDER BY c.id LIMIT 3"
    )
    assert len(both) == 3
    for number, row in enumerate(both):
        out = {"newsletter_opt_in": "false"} if number else {}
        world.portal.tamper("hubspot", row["hubspot_id"], {"city": "Bern", **out})
        world.portal.tamper("mailchimp", row["app_id"], {"CITY": "Wien"})
    await world.check()
    everybody = Everybody(world)
    answer = fixes(world.workspace, world.connection, most=100, sample=0)

    assert _differs(everybody, [*answer.singles, *answer.pairs[:10]]) == []
    consent = next(
        fix for fix in answer.singles if fix.parts[0][0].kind == "consent" and fix.parts[0][0].side == "hubspot"
    )
    hidden = {row["id"] for row in both[1:]}
    assert not hidden & everybody.freed([consent.parts[0][0]])


@pytest.mark.parametrize("direction", ["to_app", "to_hubspot"])
async def test_what_a_closed_direction_hides_is_counted(world: World, direction: str) -> None:
    """Opening it lets records be created that the other side's rules refuse, and values be contested that were not."""
    sync = world.connection.sync.model_copy(update={"direction": direction})
    world.connection = world.connection.model_copy(update={"sync": sync})
    assert (await world.call("hubspot", "PUT", CRITERIA, {"filterBranch": criteria(0)})).status_code == 200
    await world.check()
    answer = fixes(world.workspace, world.connection, most=100, sample=0)

    assert any("run two ways" in fix.parts[0][0].words for fix in answer.singles)
    assert any("run two ways" in part[0].words for fix in answer.pairs[:10] for part in fix.parts)
    assert _differs(Everybody(world), [*answer.singles, *answer.pairs[:10]]) == []


@pytest.mark.parametrize("seed", SEEDS)
async def test_other_criteria_are_counted_with_all_their_ways_in(world: World, seed: int) -> None:
    """Also where nobody can evaluate a part of them, and where a value that one way asks for closes another."""
    answer = await world.call("hubspot", "PUT", CRITERIA, {"filterBranch": criteria(seed)})
    assert answer.status_code == 200, answer.text
    await world.check()
    ranked = fixes(world.workspace, world.connection, most=100, sample=0)

    assert ranked.singles
    assert _differs(Everybody(world), [*ranked.singles[:20], *ranked.pairs[:10]]) == []


async def test_what_nobody_can_evaluate_still_keeps_out_whom_another_clause_let_in(world: World) -> None:
    """Where the city is not what one way asks for, giving up that clause alone frees nobody."""
    seen = {"filterType": "PAGE_VIEW", "operator": "HAS_PAGEVIEW_EQ", "pageUrl": "https://x.example"}
    answer = await _with_ways(world, [seen, CITY_B], [_stage("lead")])

    assert not [
        fix for fix in answer.singles if any(one.field == "city" and one.kind == "list" for one in fix.parts[0])
    ]
    assert any("lifecyclestage" in one.words for fix in answer.singles for one in fix.parts[0])
    assert _differs(Everybody(world), [*answer.singles, *answer.pairs[:10]]) == []


async def test_who_is_asked_for_less_is_let_in_with_others(world: World) -> None:
    """Giving up both bounds also lets in whom only the higher one keeps out."""
    answer = await _with_ways(world, [_points(5), _points(50)])

    given_up = [fix for fix in answer.singles if "no longer ask for" in fix.parts[0][0].words]
    assert len(given_up) == 2
    assert _differs(Everybody(world), given_up) == []


async def test_a_value_that_closes_the_way_it_was_meant_for_is_no_repair(world: World) -> None:
    """Who is a customer meets the group by that; as an opportunity they would not."""
    either = {"filterBranchType": "OR", "filterBranches": [], "filters": [_stage("customer"), CITY_B]}
    answer = await _with_ways(world, [_stage("opportunity"), either], [_stage("lead")])

    meant = [fix for fix in answer.singles if "asks for: lifecyclestage is any of opportunity" in fix.parts[0][0].words]
    assert len(meant) == 1
    assert _differs(Everybody(world), meant) == []


async def test_a_consent_and_an_address_let_into_the_list_that_asks_for_them(world: World) -> None:
    """Each is one repair, whoever asks for it; the value with which the opt-in rule is content is what the list takes too."""
    answer = await _with_ways(world, [AGREED, _stage("customer", "lead")], [KNOWN_ADDRESS, CITY_B])
    everybody = Everybody(world)
    consents = [
        fix for fix in answer.singles if fix.parts[0][0].kind == "consent" and fix.parts[0][0].side == "hubspot"
    ]
    asked_by_both = world.workspace.rows(
        "SELECT 1 FROM open_findings o JOIN open_findings l ON l.contact_id = o.contact_id AND l.code LIKE 'list-%' "
        "AND l.field = 'hubspot.newsletter_opt_in' WHERE o.code = 'opt-in'"
    )

    assert asked_by_both
    assert len(consents) == 1
    assert _differs(everybody, [*answer.singles, *answer.pairs[:10]]) == []


async def test_a_list_of_people_who_do_not_agree_lets_nobody_sync(world: World) -> None:
    """They would get into the list by taking their consent back, and be stopped for that."""
    taken_back = _asks(
        "newsletter_opt_in", {"operationType": "ENUMERATION", "operator": "IS_ANY_OF", "values": ["false"]}
    )
    answer = await _with_ways(world, [taken_back])

    assert not [fix for fix in answer.singles if "newsletter_opt_in" in fix.parts[0][0].words]
    assert _differs(Everybody(world), [*answer.singles, *answer.pairs[:10]]) == []


async def test_a_value_by_which_a_wider_list_goes_is_counted_with_it(world: World) -> None:
    """Who becomes an opportunity for the second way in gets in by the first, where it takes those too."""
    answer = await _with_ways(world, [_stage("lead")], [_stage("opportunity"), CITY_B])
    wider = 'also take contacts with lifecyclestage "opportunity"'
    value = "asks for: lifecyclestage is any of opportunity"
    words = [" and ".join(part[0].said(mask=False) for part in fix.parts) for fix in answer.pairs]
    (both,) = [fix for fix, said in zip(answer.pairs, words, strict=True) if wider in said and value in said]
    alone = {fix.parts[0][0]: fix.frees for fix in answer.singles}

    assert both.frees > sum(alone.get(part[0], 0) for part in both.parts)
    assert _differs(Everybody(world), [both]) == []


async def test_what_changes_what_the_list_looks_at_does_not_do_the_same_as_a_decision(world: World) -> None:
    """Both end the conflict in the city, but another city may lead out of the list once something else is repaired too."""
    await _with_ways(world, [CITY_B], [_stage("lead", "customer", "other")])
    reasons = best(world.workspace, recall(world.workspace, world.connection)).reasons
    (decided,) = [part for part in reasons.parts if "the conflict in HubSpot's Ort" in part[0].words]
    assert reasons.concerned is not None
    by_the_city = [repair for repair in reasons.concerned.changing if repair.field == "city"]

    assert any(repair.code == "conflict" for repair in by_the_city)
    assert not {*decided} & {*by_the_city}


async def test_a_value_is_needed_where_something_else_than_the_list_asks_for_it(world: World) -> None:
    """Of members as well."""
    await world.check()
    concerned = best(world.workspace, recall(world.workspace, world.connection)).reasons.concerned
    assert concerned is not None
    sets = [concerned.besides.sets[place] for place in concerned.besides.place]
    contacts = dict(zip(concerned.contacts["contact"], sets, strict=True))
    stopped = {
        repair: {contact for contact, reasons in contacts.items() if reasons & answered}
        for repair, answered in concerned.changing.items()
    }

    assert any(stopped.values())
    for repair, who in stopped.items():
        assert who <= {*concerned.contacts["contact"].filter(concerned.need(repair))}


@pytest.mark.parametrize("seed", (3, 5))
async def test_no_pair_that_was_not_evaluated_is_better(world: World, seed: int) -> None:
    """Bounds leave out most of them."""
    assert (await world.call("hubspot", "PUT", CRITERIA, {"filterBranch": criteria(seed)})).status_code == 200
    await world.check()
    ranking = best(world.workspace, recall(world.workspace, world.connection))
    reasons, together = ranking.reasons, ranking.together
    assert together is not None
    counts = counted(alike(reasons.incidence), reasons.answers)
    every = [(*pair, together.count(pair)) for pair in together.pairs]

    best_of_all = counts.best_of([*counts.pairs(10, together.pairs), *every], 10)
    assert [frees for _, _, frees in ranking.pairs] == [frees for _, _, frees in best_of_all]
    assert {(*pair, frees) for *pair, frees in ranking.pairs} <= {*every, *counts.pairs(1000, together.pairs)}


async def _with_ways(world: World, *ways: Sequence[Mapping[str, object]]) -> Fixes:
    """The ranking with an inclusion list of these ways in."""
    branches = [
        {
            "filterBranchType": "AND",
            "filterBranches": [part for part in way if "filterBranchType" in part],
            "filters": [part for part in way if "filterType" in part],
        }
        for way in ways
    ]
    branch = {"filterBranchType": "OR", "filterBranches": branches, "filters": []}
    assert (await world.call("hubspot", "PUT", CRITERIA, {"filterBranch": branch})).status_code == 200
    await world.check()
    return fixes(world.workspace, world.connection, most=100, sample=0)


def _asks(name: str, operation: Mapping[str, object]) -> dict[str, object]:
    return {"filterType": "PROPERTY", "property": name, "operation": operation}


def _stage(*values: str) -> dict[str, object]:
    return _asks("lifecyclestage", {"operationType": "ENUMERATION", "operator": "IS_ANY_OF", "values": list(values)})


def _points(bound: int) -> dict[str, object]:
    return _asks("loyalty_points", {"operationType": "NUMBER", "operator": "IS_GREATER_THAN", "value": bound})


CITY_B = _asks("city", {"operationType": "STRING", "operator": "STARTS_WITH", "value": "B"})
AGREED = _asks("newsletter_opt_in", {"operationType": "ENUMERATION", "operator": "IS_ANY_OF", "values": ["true"]})
KNOWN_ADDRESS = _asks("email", {"operationType": "ALL_PROPERTY", "operator": "IS_KNOWN"})
