"""The names of HubSpot's users: page by page, also of those who were deactivated, on the practice portal and from scripted answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.auth.secret import Secret
from engine.connectors.hubspot import HubSpotConnector
from engine.errors import ScopeMissing, UnexpectedAnswer
from sample_data import PEOPLE
from sample_data.portal import Fault, open_portal
from tests.engine.stage import Stage, reply
from tests.sample_data.small_portal import TOKEN


def owner(number: int, first: str | None, last: str | None, user: int | None) -> dict[str, Any]:
    """A user as HubSpot gives one; without `user` a deactivated one."""
    return {
        "id": f"7{number}", "email": f"u{number}@firma.example", "firstName": first, "lastName": last, "userId": user,
        "userIdIncludingInactive": number, "archived": user is None,
    }  # fmt: skip


@pytest.mark.parametrize("version", ["v3", "2026-03", "2026-09"])
async def test_the_portals_users_have_names(tmp_path: Path, version: str) -> None:
    """In every version of the API; without the scope the refusal names it."""
    portal = open_portal(PEOPLE, tmp_path / "portal.sqlite")
    stage = Stage(httpx.ASGITransport(app=portal.hubspot), token="practice-hubspot-token")
    connector = HubSpotConnector(stage.client, version, Secret(TOKEN))

    assert await connector.user_names() == {"1": "Ina Beispiel", "2": "Urs Muster", "3": "Ole Vorlage"}

    portal.faults.add(Fault("hubspot", "GET", "owners", 0, "403_scope"))
    with pytest.raises(ScopeMissing):
        await connector.user_names()


async def test_names_come_page_by_page_and_hostile_ones_are_inert() -> None:
    """A user without a name is left out; of a deactivated one only the former user id is told; a user who came back has the name
    of now."""
    pages = {
        ("true", ""): {"results": [owner(3, "Ole", "Fort", None), owner(1, "Ina", "Ledig", None)]},
        ("false", ""): {"results": [owner(1, " Ina ", "Beispiel", 1)], "paging": {"next": {"after": "1"}}},
        ("false", "1"): {
            "results": [
                owner(2, None, " ", 2),
                owner(4, "\x1b[31m\ud800rot", None, 4),
                owner(5, "u5@firma.example", None, 5),
            ]
        },
    }

    def answer(request: httpx.Request) -> httpx.Response:
        asked = request.url.params
        return reply(200, pages[asked["archived"], asked.get("after", "")])

    names = await HubSpotConnector(Stage(answer).client, "2026-09").user_names()

    assert names == {"1": "Ina Beispiel", "3": "Ole Fort", "4": "␛[31m<U+D800>rot"}


@pytest.mark.parametrize("body", [[], {"results": None}, {"results": [{"firstName": "Ina"}]}, None])
async def test_an_answer_of_another_shape_is_said(body: object) -> None:
    """And paging that does not end."""
    with pytest.raises(UnexpectedAnswer):
        await HubSpotConnector(Stage(lambda _: reply(200, body)).client, "2026-09").user_names()
    endless = {"results": [owner(1, "Ina", "Beispiel", 1)], "paging": {"next": {"after": "1"}}}
    with pytest.raises(UnexpectedAnswer, match="paging does not end"):
        await HubSpotConnector(Stage(lambda _: reply(200, endless)).client, "2026-09").user_names()
