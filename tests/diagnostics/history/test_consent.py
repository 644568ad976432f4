"""What HubSpot tells of a contact's consent, and what is said where it does not."""

from __future__ import annotations

from diagnostics.history.consent import NOT_READ, consent_of
from sample_data.portal.faults import Fault
from tests.diagnostics.portal_world import World


async def test_each_type_with_its_legal_basis(world: World) -> None:
    """As it is now, whatever the last check saw."""
    await world.synced()
    person = world.one("c.state = 'in_sync'")
    hubspot = world.sides().hubspot
    before = await consent_of(hubspot, person["hubspot_id"])
    assert before is not None and before.subscriptions is not None
    assert before.marketing in ("true", "false")
    assert [one.name for one in before.subscriptions] == ["Newsletter"]

    path = f"/communication-preferences/2026-09/statuses/{person['email']}"
    definitions = await world.call("hubspot", "GET", "/communication-preferences/2026-09/definitions")
    number = int(definitions.json()["results"][0]["id"])
    body = {
        "channel": "EMAIL", "statusState": "UNSUBSCRIBED", "subscriptionId": number,
        "legalBasis": "LEGITIMATE_INTEREST_OTHER", "legalBasisExplanation": "by phone",
    }  # fmt: skip
    assert (await world.call("hubspot", "POST", path, body)).status_code == 200
    after = await consent_of(hubspot, person["hubspot_id"])
    assert after is not None and after.subscriptions is not None
    (now,) = after.subscriptions
    assert (now.status, now.legal_basis, now.explanation) == ("UNSUBSCRIBED", "LEGITIMATE_INTEREST_OTHER", "by phone")
    assert now.at
    assert after.remarks == (NOT_READ,)


async def test_what_could_not_be_read_is_said(world: World) -> None:
    """No permission, no address, no record; nothing is raised."""
    await world.synced()
    person = world.one("c.state = 'in_sync'")
    nameless = world.one("c.hubspot_id <> '' AND h.email = ''")
    hubspot = world.sides().hubspot
    without = await consent_of(hubspot, nameless["hubspot_id"])
    assert without is not None and without.subscriptions is None
    assert any("no e-mail address" in one for one in without.remarks)
    assert await consent_of(hubspot, "999999999") is None

    world.portal.faults.add(Fault("hubspot", "GET", "/statuses/", 0, "403_scope"))
    refused = await consent_of(world.sides().hubspot, person["hubspot_id"])
    assert refused is not None and refused.subscriptions is None
    assert any(one.startswith("subscription statuses could not be read") for one in refused.remarks)
    assert refused.marketing in ("true", "false")
