"""What people do to their records on either side. Each action says whether anything came of it."""

from __future__ import annotations

import random

from sample_data.population.person import TAGS
from tests.invariants.truth import SIDES, Record, Side, comparable
from tests.invariants.world import AUDIENCE, World

TEXTS = (
    "",
    "",
    "Bern",
    " Graz ",
    "Mu\u0308nchen",
    "M\u00fcnchen",
    "<b>Wien</b>",
    "=1+1",
    "Zoë \u202e",
    "[/x]",
    "O'Neill",
    "x" * 300,
)
VALUES = {
    "firstname": TEXTS, "lastname": TEXTS, "city": TEXTS,
    "country": ("", "Deutschland", "Österreich", "Schweiz", "Atlantis"),
    "loyalty_points": ("", "0", "5", "5.0", "12", "-3", "1e3", "viele"),
    "lifecyclestage": ("subscriber", "lead", "customer", "partner", "other", ""),
}  # fmt: skip
CONTACTS = "/crm/v3/objects/contacts"
MEMBERS = f"/3.0/lists/{AUDIENCE}"


def _somebody(world: World, chance: random.Random, side: Side, *, live: bool = True) -> Record | None:
    there = [record for record in world.truth.of(side) if record.live or not live]
    return chance.choice(there) if there else None


def _someone_on_both(world: World, chance: random.Random) -> tuple[Record, Record] | None:
    pairs = [pair for pair in world.ledger.pairs() if pair[1].live]
    return chance.choice(pairs) if pairs else None


def _type(world: World, record: Record, values: dict[str, str], *, at_once: bool = False) -> None:
    """Gives a record values by HubSpot's field names; `at_once`: in the moment of what happened last. Nobody saves what is
    there already: that would move the record's time and no value."""
    now = world.truth.get(record.side, record.id) or record
    values = {name: value for name, value in values.items() if now.values.get(name) != value}
    if record.side == "app":
        values = {"email_address" if name == "email" else TAGS[name]: value for name, value in values.items()}
    world.desk.time.seconds += 0 if at_once else 1
    if values:
        world.tamper(record.side, record.id, values)


def edit(world: World, chance: random.Random) -> bool:
    """Somebody types a value on one side."""
    record = _somebody(world, chance, chance.choice(SIDES))
    if record is None:
        return False
    field = chance.choice(list(VALUES))
    _type(world, record, {field: chance.choice(VALUES[field])}, at_once=chance.random() < 0.4)
    return world.people_did("edits")


def edit_around_sync(world: World, chance: random.Random) -> bool:
    """Somebody types in the app, the engine syncs, and somebody types again in the same second: two changes with one time,
    for the app tells whole seconds."""
    pair = _someone_on_both(world, chance)
    if pair is None:
        return False
    world.desk.time.seconds = float(int(world.desk.time.seconds) + 1)
    record = pair[1]
    first, second = chance.sample(("Bern", "Graz", "Linz", "Ulm"), 2)
    _type(world, record, {"city": first}, at_once=True)
    world.people_did("edits at once")
    world.sync()
    _type(world, record, {"city": second}, at_once=True)
    return world.people_did("edits at once")


def edit_in_run(world: World, chance: random.Random) -> bool:
    """Somebody types while the engine syncs, before one of its requests."""
    side = chance.choice(SIDES)
    field = chance.choice(("firstname", "lastname", "city", "loyalty_points"))
    value, pick = chance.choice((f"Neu-{chance.randrange(100)}", *VALUES[field])), chance.random()

    def types() -> None:
        there = [record for record in world.truth.of(side) if record.live]
        if there:
            record = there[int(pick * len(there))]
            _type(world, record, {field: value}, at_once=True)
            world.people_did("edits in the run", in_run=True)

    world.desk.meanwhile = (chance.randint(1, 40), types)
    edit(world, chance)
    world.sync()
    happened = world.desk.meanwhile is None
    world.desk.meanwhile = None
    return happened


def edit_both(world: World, chance: random.Random) -> bool:
    """The same field on both sides, sometimes with the same value; sometimes another field along with it."""
    pair = _someone_on_both(world, chance)
    if pair is None:
        return False
    field = chance.choice(("firstname", "lastname", "city", "country", "loyalty_points"))
    values = [chance.choice(VALUES[field]) for _ in SIDES]
    if chance.random() < 0.3:
        values[1] = values[0]
    for record, value in zip(pair, values, strict=True):
        more = {"lastname": f"Neu-{chance.randrange(100)}"} if chance.random() < 0.3 and field != "lastname" else {}
        _type(world, record, {field: value, **more})
        if chance.random() < 0.5:
            world.desk.time.seconds += 1000
    return world.people_did("edits on both sides")


def clear(world: World, chance: random.Random) -> bool:
    """Somebody empties a field."""
    record = _somebody(world, chance, chance.choice(SIDES))
    if record is None:
        return False
    _type(world, record, {chance.choice(("city", "country", "lastname", "loyalty_points")): ""})
    return world.people_did("clears")


def _free_address(world: World, chance: random.Random) -> str:
    taken = {record.key for record in world.truth.state.values()}
    while True:
        address = f"neu{chance.randrange(10_000)}@{chance.choice(('bücher.example', 'firma.example', 'Example.ORG'))}"
        if comparable("email", address) not in taken:
            return address


def change_email(world: World, chance: random.Random) -> bool:
    """A person moves to another address; mostly somebody who is linked."""
    pair = _someone_on_both(world, chance) if chance.random() < 0.7 else None
    record = chance.choice(pair) if pair else _somebody(world, chance, chance.choice(SIDES))
    if record is None:
        return False
    _type(world, record, {"email": _free_address(world, chance)})
    return world.people_did("changes the address")


def spell_email(world: World, chance: random.Random) -> bool:
    """An address is spelt in another case: nothing has changed."""
    record = _somebody(world, chance, chance.choice(SIDES))
    if record is None or not record.values["email"]:
        return False
    _type(world, record, {"email": record.values["email"].swapcase()})
    return world.people_did("spells the address")


def swap_emails(world: World, chance: random.Random) -> bool:
    """Two records of one side exchange their addresses."""
    side = chance.choice(SIDES)
    there = [record for record in world.truth.of(side) if record.live]
    if len(there) < 2:
        return False
    one, two = chance.sample(there, 2)
    _type(world, one, {"email": _free_address(world, chance)})
    _type(world, two, {"email": one.values["email"]})
    _type(world, one, {"email": two.values["email"]})
    return world.people_did("swap addresses")


def opt_out(world: World, chance: random.Random) -> bool:
    """Somebody withdraws the consent, on either side."""
    record = _somebody(world, chance, chance.choice(SIDES))
    if record is None:
        return False
    out = {"newsletter_opt_in": "false"} if record.side == "hubspot" else {"status": "unsubscribed"}
    world.tamper(record.side, record.id, out)
    return world.people_did("opts out")


def opt_in(world: World, chance: random.Random) -> bool:
    """Somebody who had not consents."""
    without = [record for side in SIDES for record in world.truth.of(side) if record.live and record.consent != "yes"]
    if not without:
        return False
    record = chance.choice(without)
    world.tamper(
        record.side, record.id, {"newsletter_opt_in": "true"} if record.side == "hubspot" else {"status": "subscribed"}
    )
    return world.people_did("opts in")


def archive(world: World, chance: random.Random) -> bool:
    """A record is archived (Mailchimp) or deleted (HubSpot keeps it for ninety days)."""
    record = _somebody(world, chance, chance.choice(SIDES))
    if record is None:
        return False
    path = f"{CONTACTS}/{record.id}" if record.side == "hubspot" else f"{MEMBERS}/members/{record.id}"
    world.call(record.side, "DELETE", path)
    return world.people_did("deletes")


def erase(world: World, chance: random.Random) -> bool:
    """A person is erased for good on one side."""
    record = _somebody(world, chance, chance.choice(SIDES))
    if record is None:
        return False
    known = record.id in world.ledger.links or record.id in world.ledger.links.values()
    if record.side == "hubspot":
        world.call("hubspot", "POST", f"{CONTACTS}/gdpr-delete", {"objectId": record.id})
    else:
        world.call("app", "POST", f"{MEMBERS}/members/{record.id}/actions/delete-permanent")
    world.ledger.erase(record.side, record.key, known=known)
    return world.people_did("erases")


def merge(world: World, chance: random.Random) -> bool:
    """Two HubSpot contacts are merged into one, under a new id or the first one's."""
    there = world.truth.of("hubspot")
    if len(there) < 2:
        return False
    one, two = chance.sample(there, 2)
    answer = world.call("hubspot", "POST", f"{CONTACTS}/merge", {"primaryObjectId": one.id, "objectIdToMerge": two.id})
    if answer.status_code == 200:
        world.ledger.merged(one.id, two.id, str(answer.json()["id"]))
    return world.people_did("merges")


def _add(world: World, side: Side, email: str, chance: random.Random, *, welcome: bool = False) -> None:
    """Somebody new; `welcome`: opted in, in the list and complete."""
    first, last, city = f"Vor{chance.randrange(100)}", f"Nach{chance.randrange(100)}", chance.choice(TEXTS[2:8])
    if side == "hubspot":
        properties = {"email": email, "firstname": first, "lastname": last, "city": city, "lifecyclestage": "lead"}
        properties["newsletter_opt_in"] = "true" if welcome else chance.choice(("true", "true", "false", ""))
        world.call(side, "POST", CONTACTS, {"properties": properties})
    else:
        status = "subscribed" if welcome else chance.choice(("subscribed", "subscribed", "unsubscribed", "pending"))
        names = {
            "FNAME": first if welcome or chance.random() < 0.9 else "",
            "LNAME": last if welcome or chance.random() < 0.7 else "",
        }
        member = {"email_address": email, "status": status, "merge_fields": {**names, "CITY": city}}
        world.call(side, "POST", f"{MEMBERS}/members?skip_merge_validation=true", member)


def new_welcome(world: World, chance: random.Random) -> bool:
    """Somebody new on each side whom nothing keeps from the other."""
    for side in SIDES:
        _add(world, side, _free_address(world, chance), chance, welcome=True)
    return world.people_did("adds somebody welcome")


def new_person(world: World, chance: random.Random) -> bool:
    """Somebody new on one side."""
    _add(world, chance.choice(SIDES), _free_address(world, chance), chance)
    return world.people_did("adds")


def new_on_both(world: World, chance: random.Random) -> bool:
    """The same new person on both sides, each with values of its own."""
    address = _free_address(world, chance)
    for side in SIDES:
        _add(world, side, address, chance)
    return world.people_did("adds on both sides")


def new_twice(world: World, chance: random.Random) -> bool:
    """The same new person twice on one side: two spellings that the service takes for two addresses."""
    side, name = chance.choice(SIDES), f"zwei{chance.randrange(10_000)}"
    for domain in ("bücher.example", "xn--bcher-kva.example"):
        _add(world, side, f"{name}@{domain}", chance)
    return world.people_did("adds twice")
