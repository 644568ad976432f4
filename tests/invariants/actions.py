"""What happens in a history: people's edits, changes of scope and schema, time, faults, deaths, checks and syncs.

Each action takes the world and its own randomness and says whether anything happened. `ACTIONS` gives their weights.
"""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable
from typing import get_args

from sample_data.population.person import TAGS
from sample_data.portal.faults import FaultKind
from tests.invariants.adapter import mapped_fields, with_brakes, without_mapping
from tests.invariants.truth import SIDES, Record, Side, comparable
from tests.invariants.wire import Break
from tests.invariants.world import AUDIENCE, World

Action = Callable[[World, random.Random], bool]
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
READ_FAULTS: tuple[FaultKind, ...] = (
    "refuse", "timeout_before", "503", "429", "429_retry_after", "truncated", "html", "missing_items", "500_before",
)  # fmt: skip
WRITE_FAULTS: tuple[FaultKind, ...] = (
    "refuse", "timeout_before", "timeout_after", "500_before", "500_after", "503", "429", "429_retry_after", "429_daily",
    "truncated", "html", "missing_items", "401", "403_scope", "423", "477",
)  # fmt: skip
assert {*READ_FAULTS, *WRITE_FAULTS} <= set(get_args(FaultKind))


def _somebody(world: World, chance: random.Random, side: Side, *, live: bool = True) -> Record | None:
    there = [record for record in world.truth.of(side) if record.live or not live]
    return chance.choice(there) if there else None


def _someone_on_both(world: World, chance: random.Random) -> tuple[Record, Record] | None:
    pairs = [pair for pair in world.ledger.pairs() if pair[1].live]
    return chance.choice(pairs) if pairs else None


def _type(world: World, record: Record, values: dict[str, str]) -> None:
    """Gives a record values by HubSpot's field names."""
    if record.side == "app":
        values = {"email_address" if name == "email" else TAGS[name]: value for name, value in values.items()}
    world.desk.time.seconds += 1
    world.tamper(record.side, record.id, values)


def edit(world: World, chance: random.Random) -> bool:
    """Somebody types a value on one side."""
    record = _somebody(world, chance, chance.choice(SIDES))
    if record is None:
        return False
    field = chance.choice(list(VALUES))
    _type(world, record, {field: chance.choice(VALUES[field])})
    return world.people_did("edits")


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
    """A person moves to another address."""
    record = _somebody(world, chance, chance.choice(SIDES))
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
    """Somebody consents again."""
    record = _somebody(world, chance, chance.choice(SIDES))
    if record is None:
        return False
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
    """Two HubSpot contacts are merged into one with a new id."""
    there = world.truth.of("hubspot")
    if len(there) < 2:
        return False
    one, two = chance.sample(there, 2)
    answer = world.call("hubspot", "POST", f"{CONTACTS}/merge", {"primaryObjectId": one.id, "objectIdToMerge": two.id})
    if answer.status_code == 200:
        world.ledger.merged(one.id, two.id, str(answer.json()["id"]))
    return world.people_did("merges")


def _add(world: World, side: Side, email: str, chance: random.Random) -> None:
    first, last, city = f"Vor{chance.randrange(100)}", f"Nach{chance.randrange(100)}", chance.choice(TEXTS[2:8])
    if side == "hubspot":
        properties = {"email": email, "firstname": first, "lastname": last, "city": city, "lifecyclestage": "lead"}
        properties["newsletter_opt_in"] = chance.choice(("true", "true", "false", ""))
        world.call(side, "POST", CONTACTS, {"properties": properties})
    else:
        member = {
            "email_address": email,
            "status": chance.choice(("subscribed", "subscribed", "unsubscribed", "pending")),
        }
        merge_fields = {"FNAME": first if chance.random() < 0.9 else "", "LNAME": last if chance.random() < 0.7 else ""}
        path = f"{MEMBERS}/members?skip_merge_validation=true"
        world.call(side, "POST", path, member | {"merge_fields": merge_fields | {"CITY": city}})


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


def change_criteria(world: World, chance: random.Random) -> bool:
    """The inclusion list gets other criteria: narrower, or wide again."""
    stages = chance.choice(
        (["subscriber", "lead", "opportunity", "customer", "partner"], ["lead", "customer"], ["customer"])
    )
    operation = {
        "operationType": "ENUMERATION",
        "operator": "IS_ANY_OF",
        "values": stages,
        "includeObjectsWithNoValueSet": False,
    }
    leaf = {"filterType": "PROPERTY", "property": "lifecyclestage", "operation": operation}
    inner = {"filterBranchType": "AND", "filterBranchOperator": "AND", "filterBranches": [], "filters": [leaf]}
    branch = {"filterBranchType": "OR", "filterBranchOperator": "OR", "filters": [], "filterBranches": [inner]}
    world.call("hubspot", "PUT", "/crm/v3/lists/101/update-list-filters", {"filterBranch": branch})
    world.say(f"criteria: lifecyclestage is one of {', '.join(stages)}")
    return True


def unmap(world: World, chance: random.Random) -> bool:
    """A field leaves the mappings; its values stay as they are on both sides."""
    field = chance.choice(("city", "country", "loyalty_points"))
    if field not in mapped_fields(world.connection):
        return False
    world.unmapped[field] = world.connection.mappings
    world.connection = without_mapping(world.connection, field)
    world.say(f"un-maps {field}")
    return True


def map_again(world: World, chance: random.Random) -> bool:
    """A field comes back into the mappings."""
    if not world.unmapped:
        return False
    field, before = world.unmapped.popitem()
    back = tuple(mapping for mapping in before if mapping.hubspot == field)
    world.connection = world.connection.model_copy(update={"mappings": (*world.connection.mappings, *back)})
    world.say(f"maps {field} again")
    return True


def remove_option(world: World, chance: random.Random) -> bool:
    """A choice disappears from the app's list of countries; who has it keeps it."""
    with sqlite3.connect(world.state_file) as sql:
        body = json.loads(sql.execute("SELECT body FROM document WHERE name = 'audience'").fetchone()[0])
    sql.close()
    choices = next(field for field in body["merge_fields"] if field["tag"] == "COUNTRY")["options"]["choices"]
    if len(choices) < 2:
        return False
    gone = chance.choice([choice for choice in choices if choice in VALUES["country"]] or choices)
    choices.remove(gone)
    world.declare("audience", json.dumps(body, ensure_ascii=False))
    world.say(f"the choice {gone} is gone")
    return True


def time_passes(world: World, chance: random.Random) -> bool:
    """Minutes to days go by."""
    world.desk.time.seconds += chance.choice((1, 60, 400, 3600, 90_000))
    return True


def loosen_brakes(world: World, chance: random.Random) -> bool:
    """Somebody looks at the plan and raises the brakes, or tightens them again."""
    world.connection = with_brakes(world.connection, tight=chance.random() < 0.3)
    world.say(f"brakes: {world.connection.brakes.creates} creates")
    return True


def break_read(world: World, chance: random.Random) -> bool:
    """One of the next readings will go wrong."""
    wait = Break(chance.choice(SIDES), "read", chance.choice(READ_FAULTS), chance.randint(1, 6))
    world.desk.waiting.append(wait)
    world.say(f"the wire will break: {wait.fault} on reading {wait.side}")
    return True


def break_write(world: World, chance: random.Random) -> bool:
    """One of the next writes will go wrong; sometimes all of them do, however often they are tried."""
    side, fault = chance.choice(SIDES), chance.choice(WRITE_FAULTS)
    times = 7 if chance.random() < 0.2 else 1
    world.desk.waiting += [Break(side, "write", fault, chance.randint(1, 2)) for _ in range(times)]
    world.say(f"the wire will break: {fault} x{times} on a write to {side}")
    return True


def break_in_turn(world: World, chance: random.Random) -> bool:
    """The fault whose turn it is with this seed, on the first write to a side that the direction lets be written."""
    fault = WRITE_FAULTS[world.setting.seed % len(WRITE_FAULTS)]
    written: dict[str, tuple[Side, ...]] = {"to_app": ("app",), "to_hubspot": ("hubspot",)}
    for side in written.get(world.setting.direction, SIDES):
        world.desk.waiting.append(Break(side, "write", fault))
    world.say(f"the wire will break: {fault} on the first write")
    return True


def die(world: World, chance: random.Random) -> bool:
    """The next run will be killed at a boundary: around a request or a transaction, or when a write was just applied."""
    if chance.random() < 0.5:
        world.desk.kill_at_write = chance.randint(1, 3)
        world.say(f"the next run dies when its write {world.desk.kill_at_write} is applied")
    else:
        world.desk.kill_in = chance.randint(1, max(20, world.longest_run))
        world.say(f"the next run dies at boundary {world.desk.kill_in}")
    return True


def check(world: World, chance: random.Random) -> bool:
    """The engine examines."""
    world.check()
    return True


def sync(world: World, chance: random.Random) -> bool:
    """The engine syncs."""
    world.sync()
    return True


ACTIONS: dict[str, tuple[Action, int]] = {
    function.__name__: (function, weight)
    for function, weight in (
        (edit, 10), (edit_both, 8), (clear, 3), (change_email, 4), (spell_email, 2), (swap_emails, 2), (opt_out, 3),
        (opt_in, 1), (archive, 3), (erase, 2), (merge, 2), (new_person, 5), (new_on_both, 3), (new_twice, 1),
        (change_criteria, 1), (unmap, 2), (map_again, 3), (remove_option, 1), (time_passes, 3), (loosen_brakes, 1),
        (break_read, 4), (break_write, 6), (break_in_turn, 1), (die, 4), (check, 2), (sync, 14),
    )
}  # fmt: skip
"""Every action with its weight in a plain random history."""


def act(world: World, name: str, chance: random.Random) -> bool:
    """Lets one action happen and counts it if something came of it."""
    happened = ACTIONS[name][0](world, chance)
    world.counts[f"action {name}"] += happened
    return happened
