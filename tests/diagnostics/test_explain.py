"""What `explain` says of one contact beyond its gates: who changed a contested field, and everything written to its records."""

from __future__ import annotations

import pytest

from diagnostics.explain import Explanation, explain
from engine.runs import Run
from engine.who import find_contact
from tests.engine.test_cycle import World, people, world
from tui.commands.explaining import explanation_document, show_explanation
from tui.screens.contact import contact_page

__all__ = ["people", "world"]


def explained(world: World, who: str) -> Explanation:
    """The explanation of the contact with this id."""
    return explain(world.workspace, world.connection, find_contact(world.workspace, who).contact)


async def test_a_conflict_says_who_changed_what_and_when(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """By HubSpot's property history and the app record's time, as text, as a document and in the console."""
    await world.sync()
    person = world.one("c.state = 'in_sync' AND h.city <> ''")
    world.portal.tamper("hubspot", person["hubspot_id"], {"city": "Bern"})
    world.portal.tamper("mailchimp", person["app_id"], {"CITY": "Wien"})
    await world.check()
    stored = world.workspace.rows("SELECT * FROM conflict WHERE contact_id = ?", (person["id"],))[0]

    answer = explained(world, person["hubspot_id"])
    show_explanation(answer)

    contested = {field.name: field.contested for field in answer.fields if field.contested}
    assert list(contested) == ["city"]
    said = contested["city"].sentence()
    assert stored["hubspot_source"] and stored["hubspot_changed_at"]
    assert f"HubSpot's value was set {stored['hubspot_changed_at']} by {stored['hubspot_source']}" in said
    assert f"the app's record was changed {stored['app_changed_at']}" in said
    assert f"city: {said}" in capsys.readouterr().out
    fields = {field["name"]: field["contested"] for field in explanation_document(answer)["fields"]}
    assert fields["city"]["hubspot"] == {
        "changed_at": stored["hubspot_changed_at"],
        "source": stored["hubspot_source"],
    }
    assert fields["email"] is None
    assert said in "\n".join(line.plain for line in contact_page(answer).lines(400))


async def test_without_a_history_it_says_that_nobody_knows(world: World) -> None:
    """The record's time is not taken for the field's."""
    await world.sync()
    person = world.one("c.state = 'in_sync' AND h.city <> ''")
    world.portal.tamper("hubspot", person["hubspot_id"], {"city": "Bern"})
    world.portal.tamper("mailchimp", person["app_id"], {"CITY": "Wien"})
    await world.check()
    world.workspace.sql.execute("DELETE FROM evidence")

    (contested,) = [field.contested for field in explained(world, person["app_id"]).fields if field.contested]

    assert contested.hubspot_source == ""
    assert "by whom is not known" in contested.sentence()


async def test_the_history_holds_what_was_written_under_former_numbers(world: World) -> None:
    """A create of before pairing gave the pair its number, and an update of a record that was merged into its own since."""
    await world.sync()
    person = world.one("c.state = 'in_sync'")
    run = Run(world.workspace, "sync").id
    before = len(explained(world, person["app_id"]).history)
    with world.workspace.transaction() as sql:
        sql.execute(
            "INSERT INTO alias(side, old_id, fate, record_id, run_id, at) VALUES ('hubspot', '77', 'merged', ?, ?, '')",
            (person["hubspot_id"], run),
        )
        for number, side, kind, record in (
            (10_001, "app", "create", person["app_id"]),
            (10_002, "hubspot", "update", "77"),
            (10_003, "hubspot", "update", person["app_id"]),
            (10_004, "app", "create", None),
        ):
            sql.execute(
                "INSERT INTO journal(run_id, contact_id, side, kind, record_id, state, sent, before, planned_at) "
                "VALUES (?, ?, ?, ?, ?, 'verified', '{\"LNAME\": \"x\"}', '{}', '2020-01-01T00:00:00.000Z')",
                (run, number, side, kind, record),
            )

    history = explained(world, person["app_id"]).history

    assert len(history) == before + 2
    assert "2020-01-01T00:00:00.000Z  create in app (LNAME): done" in history
    assert "2020-01-01T00:00:00.000Z  update in hubspot (LNAME): done, record 77" in history


async def test_how_it_was_paired_and_since_when_it_is_in_the_list(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also before a sync has linked the two records; as text, as a document and in the console."""
    await world.check()
    person = world.one("c.hubspot_id <> '' AND c.app_id <> '' AND c.state = 'in_sync'")

    matched = explained(world, person["app_id"])
    assert (matched.pairing.by, matched.pairing.linked_at) == ("email", None)
    assert matched.pairing.sentence == "Matched by e-mail; the next sync links the two records."
    assert matched.membership is not None and matched.membership.member
    assert matched.membership.since == world.workspace.value(
        "SELECT added_at FROM list_member WHERE record_id = ?", (person["hubspot_id"],)
    )
    outside = world.one("c.hubspot_id NOT IN (SELECT record_id FROM list_member)")
    left_out = explained(world, outside["hubspot_id"])
    assert left_out.membership is not None and left_out.membership.member is False

    await world.sync()
    linked = explained(world, person["app_id"])
    assert linked.pairing.linked_at
    show_explanation(linked)
    printed = capsys.readouterr().out
    assert "Linked by e-mail, " in printed
    assert f"since {matched.membership.since}" in printed
    document = explanation_document(linked)
    assert document["pairing"] == {"matched_by": "email", "linked_at": linked.pairing.linked_at}
    assert document["in_list"] == {"member": True, "since": matched.membership.since}
    page = "\n".join(line.plain for line in contact_page(linked).lines(400))
    assert linked.pairing.sentence in page
    assert f"since {matched.membership.since}" in page
