"""HubSpot's own Python client works against the portal over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hubspot import Client
from hubspot.crm.contacts import (
    BatchInputSimplePublicObjectBatchInputUpsert,
    PublicObjectSearchRequest,
    SimplePublicObjectInput,
    SimplePublicObjectInputForCreate,
)
from hubspot.crm.contacts.exceptions import ApiException

from sample_data.portal import serving
from tests.sample_data.small_portal import READER, TOKEN, open_small


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """The address of a served portal with 12 live contacts."""
    portal, _ = open_small(tmp_path, contacts=13)
    with serving(portal) as served:
        yield f"{served}/hubspot"
    portal.close()


@pytest.fixture
def client(address: str) -> Client:
    """The official client with the full token."""
    return _client(address, TOKEN)


def _client(address: str, token: str) -> Client:
    client = Client(access_token=token)
    client.config["host"] = address
    return client


def test_contacts_are_listed_over_two_pages(client: Client) -> None:
    """The cursor of the first page leads to the rest, and the last page has none."""
    first = client.crm.contacts.basic_api.get_page(limit=10, properties=["email"])
    assert len(first.results) == 10
    second = client.crm.contacts.basic_api.get_page(limit=10, after=first.paging.next.after, properties=["email"])
    assert second.paging is None
    emails = [contact.properties["email"] for contact in first.results + second.results]
    assert len(set(emails)) == len(emails) == 12


def test_a_contact_is_created_and_updated(client: Client) -> None:
    """What the client wrote is what it reads, with times as the client parses them."""
    given = SimplePublicObjectInputForCreate(
        properties={"email": "neu@firma.example", "lastname": "Neu"}, associations=[]
    )
    created = client.crm.contacts.basic_api.create(given)
    changed = SimplePublicObjectInput(properties={"city": "Köln"})
    client.crm.contacts.basic_api.update(created.id, changed)
    read: Any = client.crm.contacts.basic_api.get_by_id(
        "neu@firma.example", id_property="email", properties=["city", "lastname"]
    )
    assert (read.id, read.properties["city"], read.properties["lastname"]) == (created.id, "Köln", "Neu")
    assert read.created_at.year == 2026


def test_contacts_are_upserted_in_a_batch(client: Client) -> None:
    """One input meets a contact, the other makes one, and the answer says which."""
    inputs = [
        {"id": "anna@firma.example", "idProperty": "email", "properties": {"city": "Bonn"}},
        {"id": "neu@firma.example", "idProperty": "email", "properties": {"lastname": "Neu"}},
    ]
    answer = client.crm.contacts.batch_api.upsert(BatchInputSimplePublicObjectBatchInputUpsert(inputs=inputs))
    assert sorted(result.new for result in answer.results) == [False, True]


def test_contacts_are_searched(client: Client) -> None:
    """A search by a property finds the one contact that has it."""
    groups = [{"filters": [{"propertyName": "lastname", "operator": "EQ", "value": "amsel"}]}]
    request = PublicObjectSearchRequest(filter_groups=groups, properties=["email"], limit=10, after="0", sorts=[])
    found = client.crm.contacts.search_api.do_search(request)
    assert (found.total, found.results[0].properties["email"]) == (1, "anna@firma.example")


def test_lists_and_properties_are_read(client: Client) -> None:
    """A list comes with its members, a property with its type and options."""
    found = client.crm.lists.lists_api.get_by_id("101", include_filters=True)
    assert (found.list.name, found.list.processing_type) == ("Newsletter DACH", "DYNAMIC")
    members = client.crm.lists.memberships_api.get_page("101")
    assert [member.record_id for member in members.results] == ["101", "103"]
    stage = client.crm.properties.core_api.get_by_name("contacts", "lifecyclestage")
    assert stage.type == "enumeration" and "lead" in [option.value for option in stage.options]
    assert len(client.crm.properties.core_api.get_all("contacts").results) == 17


def test_errors_reach_the_client_as_its_own_exceptions(client: Client, address: str) -> None:
    """A taken address is 409 with the existing id, and a token without the scope is 403."""
    given = SimplePublicObjectInputForCreate(properties={"email": "ANNA@firma.example"}, associations=[])
    with pytest.raises(ApiException) as taken:
        client.crm.contacts.basic_api.create(given)
    assert taken.value.status == 409 and "Existing ID: 101" in taken.value.body
    with pytest.raises(ApiException) as refused:
        _client(address, READER).crm.contacts.basic_api.create(given)
    assert refused.value.status == 403
