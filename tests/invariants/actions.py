"""What happens in a history: people's edits, changes of scope and schema, time, faults, deaths, checks and syncs.

Each action takes the world and its own randomness and says whether anything happened. `ACTIONS` gives their weights.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import get_args

from engine.sqlite import sqlite3
from sample_data.portal.faults import FaultKind
from tests.invariants.adapter import mapped_fields, may_write, with_brakes, without_mapping
from tests.invariants.people import (
    VALUES,
    archive,
    change_email,
    clear,
    edit,
    edit_around_sync,
    edit_both,
    edit_in_run,
    erase,
    merge,
    new_on_both,
    new_person,
    new_twice,
    new_welcome,
    opt_in,
    opt_out,
    spell_email,
    swap_emails,
)
from tests.invariants.truth import SIDES, Side
from tests.invariants.wire import Break, Killed
from tests.invariants.world import World

Action = Callable[[World, random.Random], bool]
READ_FAULTS: tuple[FaultKind, ...] = (
    "refuse", "timeout_before", "503", "429", "429_retry_after", "truncated", "html", "missing_items", "500_before",
    "html_200", "empty_body", "wrong_shape", "null_results", "duplicate_item", "reordered", "repeated_page", "changing_page", "slow",
)  # fmt: skip
WRITE_FAULTS: tuple[FaultKind, ...] = (
    "refuse", "timeout_before", "timeout_after", "500_before", "500_after", "503", "429", "429_retry_after", "429_daily",
    "truncated", "html", "missing_items", "401", "403_scope", "423", "477", "html_200", "empty_body", "wrong_shape", "null_results",
    "duplicate_item", "reordered", "207_mixed",
)  # fmt: skip
assert {*READ_FAULTS, *WRITE_FAULTS} <= set(get_args(FaultKind))


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
    world.once_unmapped.add(field)
    world.ledger.unmapped.add(field)
    world.connection = without_mapping(world.connection, field)
    world.say(f"un-maps {field}")
    return True


def map_again(world: World, chance: random.Random) -> bool:
    """A field comes back into the mappings."""
    if not world.unmapped:
        return False
    field, before = world.unmapped.popitem()
    world.ledger.unmapped.discard(field)
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
    """The faults whose turn it is with this seed: on a reading, and on the first write to a side that the direction lets be
    written."""
    fault, misread = (faults[world.setting.seed % len(faults)] for faults in (WRITE_FAULTS, READ_FAULTS))
    world.desk.waiting.append(Break(chance.choice(SIDES), "read", misread))
    written: dict[str, tuple[Side, ...]] = {"to_app": ("app",), "to_hubspot": ("hubspot",)}
    for side in written.get(world.setting.direction, SIDES):
        world.desk.waiting.append(Break(side, "write", fault))
    world.say(f"the wire will break: {fault} on the first write, {misread} on a reading")
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


def _wait(world: World, chance: random.Random) -> None:
    """Mostly long enough for the search to show what was done."""
    world.desk.time.seconds += chance.choice((0, 10, 10))


def edit_while_in_doubt(world: World, chance: random.Random) -> bool:
    """Somebody types, the engine dies as its write is applied, and somebody types again before the next sync."""
    pair = next((pair for pair in world.ledger.pairs() if may_write(world.connection, "app", "city")), None)
    if pair is None:
        return False
    for value in ("Bern", "Graz"):
        world.tamper("hubspot", pair[0].id, {"city": value})
        world.people_did("edits")
        world.desk.time.seconds += 100
        world.desk.kill_at_write = 1 if value == "Bern" else None
        world.sync()
    return True


def check(world: World, chance: random.Random) -> bool:
    """The engine examines."""
    _wait(world, chance)
    world.check()
    return True


def sync(world: World, chance: random.Random) -> bool:
    """The engine syncs."""
    _wait(world, chance)
    world.sync()
    return True


def sync_saved(world: World, chance: random.Random) -> bool:
    """Somebody saves the plan, sometimes types something, and has exactly the plan written."""
    _wait(world, chance)
    saved = world.save()
    if saved is None:
        return False
    if chance.random() < 0.5:
        edit(world, chance)
        _wait(world, chance)
    ran = world.sync_saved(saved)
    world.counts["branch saved plan written"] += ran.wrote > 0
    world.counts["branch saved plan refused"] += ran.end == "refused"
    return True


def decide(world: World, chance: random.Random) -> bool:
    """Somebody decides a conflict, and the engine syncs."""
    open_ones = world.engine.open_conflicts()
    if not open_ones:
        return False
    conflict, winner = chance.choice(open_ones), chance.choice(SIDES)
    if not conflict.may_win(winner):
        return False
    try:
        world.engine.decide(conflict, winner)
    except Killed:
        world.engine.reopen()
        return False
    world.ledger.decide((conflict.hubspot_id, conflict.app_id), conflict.field, winner)
    world.say(f"decides: {conflict.field} of {conflict.hubspot_id[-6:]} and {conflict.app_id[-6:]} for {winner}")
    return sync(world, chance)


def undo(world: World, chance: random.Random) -> bool:
    """Somebody takes back the last run that wrote something."""
    wrote = [ran for ran in world.engine.runs if ran.command == "sync" and ran.wrote and ran.end in ("done", "halted")]
    if not wrote:
        return False
    _wait(world, chance)
    world.counts["branch undone"] += world.undo(wrote[-1]).wrote > 0
    return True


ACTIONS: dict[str, tuple[Action, int]] = {
    function.__name__: (function, weight)
    for function, weight in (
        (edit, 10), (edit_around_sync, 5), (edit_in_run, 4), (edit_while_in_doubt, 1), (edit_both, 8), (clear, 3), (change_email, 4), (spell_email, 2), (swap_emails, 2), (opt_out, 3),
        (opt_in, 2), (archive, 3), (erase, 2), (merge, 2), (new_person, 5), (new_on_both, 3), (new_twice, 1), (new_welcome, 2),
        (change_criteria, 1), (unmap, 4), (map_again, 6), (remove_option, 1), (time_passes, 3), (loosen_brakes, 1),
        (break_read, 4), (break_write, 6), (break_in_turn, 1), (die, 4), (check, 2), (sync, 14), (sync_saved, 2), (decide, 6), (undo, 2),
    )
}  # fmt: skip
"""Every action with its weight in a plain random history."""


def act(world: World, name: str, chance: random.Random) -> bool:
    """Lets one action happen and counts it if something came of it."""
    happened = ACTIONS[name][0](world, chance)
    world.counts[f"action {name}"] += happened
    return happened
