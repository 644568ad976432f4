"""The portal as a whole: its state file, its data folder, its faults, and serving it."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from sample_data.portal import DataFolderError, Fault, open_portal, serve, serving
from tests.sample_data.small_portal import TOKEN, Clock, hubspot, mailchimp, open_small, write_folder

CONTACTS = "/crm/v3/objects/contacts"


async def _city(client: httpx.AsyncClient) -> str | None:
    record = (await client.get(f"{CONTACTS}/101", params={"properties": "city"})).json()
    city: str | None = record["properties"]["city"]
    return city


async def test_writes_are_there_for_the_next_process(tmp_path: Path) -> None:
    """A second portal on the same file sees what the first wrote, at once and after reopening."""
    first, clock = open_small(tmp_path)
    second = open_portal(tmp_path / "data", tmp_path / "state.db", now=clock)
    async with hubspot(first) as writer, hubspot(second) as reader:
        await writer.patch(f"{CONTACTS}/101", json={"properties": {"city": "Köln"}})
        assert await _city(reader) == "Köln"
        await reader.patch(f"{CONTACTS}/101", json={"properties": {"city": "Bonn"}})
        assert await _city(writer) == "Bonn"
    first.close()
    second.close()
    third = open_portal(tmp_path / "data", tmp_path / "state.db", now=clock)
    async with hubspot(third) as reader:
        assert await _city(reader) == "Bonn"


async def test_requests_are_recorded_in_order(tmp_path: Path) -> None:
    """Server, method, path without query, and status; a refused connection has status 0."""
    portal, _ = open_small(tmp_path, faults=[Fault("hubspot", "DELETE", "/contacts/", 0, "refuse")])
    async with hubspot(portal) as client, mailchimp(portal) as other:
        await client.get(CONTACTS, params={"limit": 1})
        await other.get("/ping")
        with pytest.raises(httpx.ConnectError):
            await client.delete(f"{CONTACTS}/101")
    assert portal.requests == [
        ("hubspot", "GET", CONTACTS, 200),
        ("mailchimp", "GET", "/3.0/ping", 200),
        ("hubspot", "DELETE", f"{CONTACTS}/101", 0),
    ]


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        ("hubspot_contacts.csv", "102,", "1o2,", "hubspot_contacts.csv, line 3, column id: must be digits"),
        ("hubspot_contacts.csv", "102,", "101,", "line 3, column id: 101 is there twice"),
        ("hubspot_contacts.csv", "Bernd@", "ANNA@", "line 3, column email: the address of line 2 is there again"),
        ("hubspot_contacts.csv", "2026-04-01T00:00:00Z", "heute", "line 2, column updatedAt: 'heute' is not"),
        ("hubspot_contacts.csv", ",firstname", ",vorname", "line 1, column vorname: is not a property"),
        ("hubspot_contacts.csv", "createdAt,", "", "line 1: the column createdAt is missing"),
        ("mailchimp_members.csv", ",cleaned,", ",weg,", "line 4, column status: must be one of subscribed"),
        ("mailchimp_members.csv", "ulla@", "ANNA@", "line 3, column email_address: the value of line 2"),
        ("hubspot_consent.csv", "SUBSCRIBED", "YES", "hubspot_consent.csv, line 2, column status"),
        ("hubspot_rules.json", '"requiredOnCreate": [', '"requiredOnCreate": ', "hubspot_rules.json, line"),
        ("hubspot_lists.json", '"listId": "102"', '"listId": "x"', "hubspot_lists.json, 1.listId: "),
        ("mailchimp_audience.json", '"data_center"', '"centre"', "mailchimp_audience.json, data_center: "),
    ],
)
def test_a_wrong_data_folder_is_named_by_file_and_place(
    tmp_path: Path, file: str, old: str, new: str, complaint: str
) -> None:
    """The message says where; nothing of the folder is left in the state, so a corrected one can be opened."""
    data = write_folder(tmp_path / "data")
    text = (data / file).read_text(encoding="utf-8")
    assert old in text
    (data / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DataFolderError) as error:
        open_portal(data, tmp_path / "state.db")
    assert complaint in str(error.value)
    (data / file).write_text(text, encoding="utf-8")
    open_portal(data, tmp_path / "state.db").close()


def test_missing_folders_and_files_are_named(tmp_path: Path) -> None:
    """No folder, and a folder without one of its files."""
    with pytest.raises(DataFolderError, match="is not a folder"):
        open_portal(tmp_path / "nowhere", tmp_path / "a.db")
    data = write_folder(tmp_path / "data")
    (data / "mailchimp_members.csv").unlink()
    with pytest.raises(DataFolderError, match=r"mailchimp_members\.csv: cannot be read"):
        open_portal(data, tmp_path / "b.db")


@pytest.mark.parametrize(
    ("kind", "stored", "seen"),
    [
        ("refuse", False, httpx.ConnectError),
        ("timeout_before", False, httpx.ReadTimeout),
        ("timeout_after", True, httpx.ReadTimeout),
        ("500_before", False, 500),
        ("500_after", True, 500),
        ("503", False, 503),
        ("html", False, 502),
        ("429", False, 429),
        ("429_retry_after", False, 429),
        ("429_daily", False, 429),
        ("401", False, 401),
        ("403_scope", False, 403),
        ("423", False, 423),
        ("477", False, 477),
        ("truncated", True, json.JSONDecodeError),
        ("slow", True, 200),
    ],
)
async def test_each_fault_is_seen_once_and_stores_what_it_says(
    tmp_path: Path, kind: str, stored: bool, seen: int | type[Exception]
) -> None:
    """The second update is broken in its way, the others pass; `_after` kinds have written."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    fault = Fault("hubspot", "PATCH", "/contacts/101$", 2, kind)  # type: ignore[arg-type]
    data = write_folder(tmp_path / "data")
    portal = open_portal(data, tmp_path / "state.db", now=Clock(), faults=[fault], sleep=sleep)
    async with hubspot(portal) as client:

        async def write(city: str) -> httpx.Response:
            answer = await client.patch(f"{CONTACTS}/101", json={"properties": {"city": city}})
            answer.json() if kind != "html" else None
            return answer

        assert (await write("Aachen")).status_code == 200
        if isinstance(seen, int):
            answer = await write("Bonn")
            assert answer.status_code == seen
            assert answer.headers.get("retry-after") == ("1" if kind == "429_retry_after" else None)
            assert ("<html>" in answer.text) == (kind == "html")
        else:
            with pytest.raises(seen):
                await write("Bonn")
        assert await _city(client) == ("Bonn" if stored else "Aachen")
        assert (await write("Celle")).status_code == 200
    assert slept == ([5.0] if kind == "slow" else [])


async def test_an_answer_can_lack_an_item(tmp_path: Path) -> None:
    """A batch answer without its last item; faults can be added while the portal runs."""
    portal, _ = open_small(tmp_path)
    portal.faults.add(Fault("hubspot", "POST", "/batch/update$", 0, "missing_items"))
    inputs = [{"id": number, "properties": {"city": "Ulm"}} for number in ("101", "102")]
    async with hubspot(portal) as client:
        answer = await client.post(f"{CONTACTS}/batch/update", json={"inputs": inputs})
        assert [record["id"] for record in answer.json()["results"]] == ["101"]
        assert (await client.get(f"{CONTACTS}/102", params={"properties": "city"})).json()["properties"][
            "city"
        ] == "Ulm"


async def test_both_servers_are_under_one_application(tmp_path: Path) -> None:
    """/hubspot and /mailchimp lead to the servers, anything else to a 404, in-process."""
    portal, _ = open_small(tmp_path)
    transport = httpx.ASGITransport(app=portal.combined)
    async with httpx.AsyncClient(transport=transport, base_url="http://practice.example") as client:
        details = await client.get("/hubspot/account-info/v3/details", headers={"Authorization": f"Bearer {TOKEN}"})
        assert details.json()["portalId"] == 4711001
        assert (await client.get("/mailchimp/3.0/ping", auth=("any", portal.mailchimp_key))).status_code == 200
        assert (await client.get("/elsewhere")).status_code == 404


def test_it_is_served_over_http_on_the_loopback_interface_only(tmp_path: Path) -> None:
    """Requests and broken connections work over real HTTP; a public address is refused."""
    portal, _ = open_small(tmp_path, faults=[Fault("hubspot", "GET", "/contacts$", 1, "timeout_before")])
    headers = {"Authorization": f"Bearer {portal.hubspot_token}"}
    with serving(portal) as address:
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(f"{address}/hubspot{CONTACTS}", headers=headers)
        assert len(httpx.get(f"{address}/hubspot{CONTACTS}", headers=headers).json()["results"]) == 3
    with pytest.raises(ValueError, match="loopback"):
        serve(portal, 0, host="0.0.0.0")
