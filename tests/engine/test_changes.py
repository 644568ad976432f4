"""Reading changes from the practice portal: equal times, the smallest pages, records that move while they are paged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.auth.secret import Secret
from engine.connectors import Connector, Record
from engine.connectors.hubspot import HubSpotConnector, HubSpotLimits
from engine.connectors.mailchimp import MailchimpConnector, MailchimpLimits
from engine.errors import UnexpectedAnswer
from sample_data.portal import Portal, open_portal
from sample_data.portal.limits import PortalLimits
from tests.engine.stage import Script, Stage, reply
from tests.sample_data.small_portal import KEY, TOKEN, Clock, open_small, write_folder

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
END = datetime(2100, 1, 1, tzinfo=UTC)


def hubspot(portal: Portal, page: int) -> tuple[HubSpotConnector, Stage]:
    """A connector whose searches give `page` contacts."""
    stage = Stage(httpx.ASGITransport(app=portal.hubspot), token=TOKEN)
    return HubSpotConnector(stage.client, "2026-03", Secret(TOKEN), limits=HubSpotLimits(search_page=page)), stage


async def all_changes(connector: Connector, since: datetime = BEGINNING, until: datetime = END) -> dict[str, Record]:
    """Every changed record, the last version of each."""
    pages = [page async for page in connector.changes(["email", "firstname", "EMAIL", "FNAME"], since, until)]
    return {record.id: record for page in pages for record in page}


def at_the_same_moment(portal: Portal, clock: Clock, contacts: int, moments: int) -> dict[str, str]:
    """Changes `contacts` contacts at `moments` different times; their new first names by id."""
    rows = portal._state.rows("SELECT id FROM contact WHERE archived = 0 ORDER BY id LIMIT ?", contacts)
    given = {}
    for position, (number,) in enumerate(rows):
        if position and position % max(1, contacts // moments) == 0:
            clock.moment += timedelta(milliseconds=1)
        given[str(number)] = f"new {position}"
        portal.tamper("hubspot", str(number), {"firstname": given[str(number)]})
    return given


@pytest.mark.parametrize(("page", "moments"), [(1, 1), (1, 4), (2, 1), (3, 2), (5, 12), (200, 1)])
async def test_more_equal_times_than_a_page_or_the_cap_holds(tmp_path: Path, page: int, moments: int) -> None:
    """All come, whatever the page; no search asks beyond its first page, so a cap of one page is never reached."""
    clock = Clock()
    people = write_folder(tmp_path / "data", limits={"search": 1_000}, contacts=12)
    sizes = PortalLimits(search_page=page, search_results=page)
    portal = open_portal(people, tmp_path / "state.db", now=clock, limits=sizes)
    clock.moment += timedelta(hours=1)
    since = clock.moment
    given = at_the_same_moment(portal, clock, 12, moments)
    connector, _ = hubspot(portal, page)

    found = await all_changes(connector, since)

    assert {record.id: record.values["firstname"] for record in found.values()} == given


async def test_only_what_lies_in_the_window_comes(tmp_path: Path) -> None:
    """The lower bound belongs to the window, the upper one does not."""
    portal, clock = open_small(tmp_path, contacts=4)
    clock.moment += timedelta(hours=1)
    since = clock.moment
    given = at_the_same_moment(portal, clock, 4, 4)
    connector, stage = hubspot(portal, 200)
    first, *_, last = given

    found = await all_changes(connector, since, since + timedelta(milliseconds=len(given) - 1))

    assert set(found) == set(given) - {last}
    assert first in found
    assert len(stage.log) == 1


async def test_contacts_that_change_while_they_are_paged_do_not_hide_others(tmp_path: Path) -> None:
    """After every page one that came already moves to the end; everyone comes all the same, movers as they are then."""
    portal, clock = open_small(tmp_path, contacts=12, limits={"search": 1_000})
    clock.moment += timedelta(hours=1)
    since = clock.moment
    given = at_the_same_moment(portal, clock, 12, 12)
    connector, _ = hubspot(portal, 3)
    found: dict[str, Record] = {}
    moved: set[str] = set()
    async for page in connector.changes(["firstname"], since, END):
        found |= {record.id: record for record in page}
        mover = next((record.id for record in page if record.id not in moved), None)
        if mover and len(moved) < 6:
            moved.add(mover)
            clock.moment += timedelta(seconds=1)
            portal.tamper("hubspot", mover, {"firstname": "moved"})
    assert set(found) == set(given)
    assert {record.values["firstname"] for record in found.values() if record.id in moved} == {"moved"}


async def test_a_search_that_gives_less_than_it_counts_is_refused() -> None:
    """A server that loses results is asked again, and then not believed."""
    contact = {"id": "7", "properties": {"lastmodifieddate": "2026-01-01T00:00:00.000Z"}}
    answer = reply(200, {"total": 2, "results": []})
    connector = HubSpotConnector(Stage(Script(answer, answer, answer)).client, "2026-03")
    with pytest.raises(UnexpectedAnswer, match="incomplete"):
        await all_changes(connector)
    outside: dict[str, Any] = {"total": 9, "results": [contact]}
    connector = HubSpotConnector(Stage(Script(reply(200, outside))).client, "2026-03")
    with pytest.raises(UnexpectedAnswer, match="outside"):
        await all_changes(connector, since=datetime(2026, 6, 1, tzinfo=UTC))


@pytest.mark.parametrize("page", [1, 2, 1000])
async def test_mailchimp_gives_changed_members_archived_ones_too(tmp_path: Path, page: int) -> None:
    """Changes within the same second all come, on any page; who did not change does not."""
    portal, clock = open_small(tmp_path)
    clock.moment += timedelta(hours=1)
    since = clock.moment
    rows = [str(row[0]) for row in portal._state.rows("SELECT contact_id FROM member ORDER BY number")]
    for member in rows[:2]:
        portal.tamper("mailchimp", member, {"FNAME": "new"})
    portal.tamper("mailchimp", rows[2], {"status": "archived"})
    stage = Stage(
        httpx.ASGITransport(app=portal.mailchimp), side="app", token=KEY, base_url="http://service.example/3.0"
    )
    connector = MailchimpConnector(stage.client, "a1b2c3d4e5", limits=MailchimpLimits(page=page))

    found = await all_changes(connector, since)

    assert set(found) == set(rows[:3])
    if page == 1000:
        assert len(stage.log) == 2
