"""Invariants that compare two histories: the same world is copied, one thing is done differently, the ends are compared."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from tests.invariants.actions import WRITE_FAULTS, act, die
from tests.invariants.adapter import Ran
from tests.invariants.histories import A_WHILE, come_to_rest, examined, judge
from tests.invariants.invariants import bundle_safety
from tests.invariants.people import CONTACTS, MEMBERS, TEXTS
from tests.invariants.seams import Meeting, merged, shuffled
from tests.invariants.truth import FIELDS, SIDES, Side, comparable, other
from tests.invariants.wire import Break, Item, Request
from tests.invariants.world import World

Summary = list[tuple[str, ...]]
Essence = tuple[str, str, str, tuple[tuple[str, str], ...]]
"""Side, kind, record (of a create: its address), and fields with comparable values."""
STIRS = ("edit", "edit", "edit_both", "clear", "change_email", "opt_out", "new_person", "new_person", "new_on_both")
POISON = "poison"
LONGER_THAN_ANY_LAG = 10


def summary(world: World, *, without: str = "") -> Summary:
    """What both services hold, without ids and times: side, fields, consent, live. `without`: part of addresses left out."""
    return sorted(
        (record.side, *(comparable(field, record.values[field]) for field in FIELDS), record.consent, str(record.live))
        for record in world.truth.state.values()
        if not without or without not in record.values["email"]
    )


def _differing(one: Summary, two: Summary) -> Iterator[str]:
    for row in [row for row in one if row not in two][:3]:
        yield f"only without: {row}"
    for row in [row for row in two if row not in one][:3]:
        yield f"only with: {row}"


def stir(world: World, chance: random.Random) -> None:
    """People do a few things that do not depend on one another."""
    for name in chance.choices(STIRS, k=chance.randint(3, 6)):
        act(world, name, chance)
    world.desk.time.seconds += LONGER_THAN_ANY_LAG


def crash_safety(world: World, chance: random.Random) -> Iterator[str]:
    """I6: killed at any boundary (twice, in some histories) and started again, the end is the one without a kill."""
    yield from _same_end(world, chance, _die)


def _die(twin: World, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 1, 2))):
        die(twin, chance)
        examined(twin, twin.sync())


def lost_replies(world: World, chance: random.Random) -> Iterator[str]:
    """I7: whatever goes wrong on the wire, the end is the one without faults, and nobody is there twice."""
    yield from _same_end(world, chance, _break)


def _break(twin: World, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 3)):
        wait = Break(chance.choice(SIDES), "write", chance.choice(WRITE_FAULTS), chance.randint(1, 2))
        twin.desk.waiting.append(wait)
        twin.say(f"the wire will break: {wait.fault} on a write to {wait.side}")
    examined(twin, twin.sync())


def order_independence(world: World, chance: random.Random) -> Iterator[str]:
    """I16: the order in which a plan is carried out does not show in its result."""

    def mixed(twin: World, chance: random.Random) -> None:
        with shuffled(chance):
            examined(twin, twin.sync())

    yield from _same_end(world, chance, mixed)


def _same_end(
    world: World, chance: random.Random, differently: Callable[[World, random.Random], None]
) -> Iterator[str]:
    if world.connection.sync.conflicts == "latest":
        return  # Whatever takes longer may lead to another "latest".
    twins = world.fork(), world.fork()
    try:
        come_to_rest(twins[0])
        twins[1].longest_run = twins[0].desk.boundaries // max(1, len(twins[0].engine.runs) - len(world.engine.runs))
        differently(twins[1], chance)
        come_to_rest(twins[1])
        for twin in twins:
            world.counts.update({f"fault {kind}": count for kind, count in twin.desk.fired.items()})
            world.counts["branch settled after a crash"] += twin.engine.branches()["settled after a crash"]
        differing = list(_differing(summary(twins[0]), summary(twins[1])))
        yield from [*differing, *twins[1].log[len(world.log) :]] if differing else []
    finally:
        for twin in twins:
            twin.leave()


def quarantine_isolation(world: World, chance: random.Random) -> Iterator[str]:
    """I8: poisoned people among the others change nothing for the others, in the very same run."""
    side: Side = {"to_app": "hubspot", "to_hubspot": "app"}.get(world.setting.direction, chance.choice(SIDES))  # type: ignore[assignment]
    twins = world.fork(), world.fork()
    try:
        for number in range(chance.randint(1, 3)):
            _poison(twins[1], side, number)
        for twin in twins:
            twin.desk.time.seconds += LONGER_THAN_ANY_LAG
            # At once: a release in stages halts at a refusal, as it should.
            twin.resting = True
        examined(twins[0], twins[0].sync())
        examined(twins[1], twins[1].sync())
        world.counts["branch poisoned"] += bool(twins[1].engine.quarantined())
        yield from _differing(summary(twins[0]), summary(twins[1], without=POISON))
        if any(POISON in record.values["email"] for record in twins[1].truth.of(other(side))):
            yield "a poisoned person went through"
    finally:
        for twin in twins:
            twin.leave()


def _poison(world: World, side: Side, number: int) -> None:
    """Somebody whom the other service will refuse: it wants a first name (Mailchimp), a last name (HubSpot)."""
    email = f"{POISON}{number}@firma.example"
    if side == "hubspot":
        values = {"email": email, "lastname": "P", "lifecyclestage": "lead", "newsletter_opt_in": "true"}
        world.call(side, "POST", CONTACTS, {"properties": values})
    else:
        member = {"email_address": email, "status": "subscribed", "merge_fields": {"FNAME": "P"}}
        world.call(side, "POST", f"{MEMBERS}/members", member)
    world.people_did("adds poison")


def idempotence(world: World, chance: random.Random) -> Iterator[str]:
    """I5: the same plan applied twice leaves what it left after the first time."""
    twin = world.fork()
    states: list[dict[object, object]] = []
    try:
        twin.runner.run(twin.engine.apply_twice(twin.connection, lambda: states.append(dict(twin.truth.state))))
        if states[0] != twin.truth.state:
            yield f"the second time changed {[change for one in twin.desk.requests[-20:] for change in one.changes]}"
    finally:
        twin.leave()


def explain_is_do(world: World, chance: random.Random) -> Iterator[str]:
    """I15: a sync sends exactly what the check before it planned, and explain gives the verdict that decided."""
    twin = world.fork()
    try:
        if twin.engine.in_doubt():
            return
        checked = twin.check()
        examined(twin, checked)
        planned = {_essence(item) for item in twin.engine.planned() if not _gone(twin, item)}
        held = [verdict for verdict in twin.engine.verdicts() if verdict.state == "excluded"]
        verdicts = twin.engine.verdicts()
        for verdict in chance.sample(verdicts, min(2, len(verdicts))):
            explained = twin.engine.explain(twin.connection, verdict.contact)
            if explained != (verdict.state, verdict.cause):
                yield f"contact {verdict.contact} is {verdict.state} {verdict.cause}, explained as {explained}"
        ran = twin.sync()
        examined(twin, ran)
        sent = {_essence(item) for request in _of(twin, ran) for item in request.items}
        world.counts["branch explained and done"] += bool(sent)
        after = {verdict.app_id: verdict for verdict in twin.engine.verdicts() if verdict.app_id}
        # What goes with a create waits for it: the contact still has no record in HubSpot.
        waits = {item for item in planned - sent if item[2] in after and not after[item[2]].hubspot_id}
        planned -= waits
        if ran.end == "done" and (planned - sent or not all(_within(item, planned) for item in sent)):
            yield f"planned, not sent: {sorted(planned - sent)[:3]}; sent, not planned: {sorted(sent - planned)[:3]}"
        yield from _put_right(twin)
        ids = {record for verdict in held for record in (verdict.hubspot_id, verdict.app_id) if record}
        for side, kind, record, _ in sent:
            if kind == "update" and record in ids:
                yield f"{side} {record} was written although its contact is excluded"
    finally:
        twin.leave()


def _within(item: Essence, planned: set[Essence]) -> bool:
    """Whether it was planned, whole or as a part: what a service refuses is sent again without the refused field."""
    side, kind, record, values = item
    return any(
        side == one[0]
        and (record == one[2] or (kind == "update" and one[1] == "create"))
        and set(values) <= set(one[3])
        for one in planned
    )


def _gone(world: World, item: Item) -> bool:
    """Whether the record to be updated, or the source of a new one, is no longer there: the look before writing finds it."""
    if item.kind == "update":
        return world.truth.get(item.side, item.record) is None or world.ledger.bereft(item.side, item.record)
    key = comparable("email", item.record)
    return not any(key in (source.key, *source.more) for source in world.truth.of(other(item.side)))


def _of(world: World, ran: Ran) -> list[Request]:
    return [request for request in world.desk.requests if request.run == ran.number]


def _essence(item: Item) -> Essence:
    kept = sorted(
        (field, comparable(field, value))
        for field, value in item.values.items()
        if value.strip() or item.kind == "update"
    )
    record = comparable("email", item.record) if item.kind == "create" else item.record
    return item.side, item.kind, record, tuple(kept)


CURES: dict[str, tuple[Side, dict[str, str]]] = {
    "opt-in": ("hubspot", {"newsletter_opt_in": "true"}),
    "member-status": ("app", {"status": "subscribed"}),
}
"""What a person does about a cause."""


def _put_right(twin: World) -> Iterator[str]:
    """I15: when somebody puts right what a verdict names, the next check names it no more."""
    for verdict in twin.engine.verdicts():
        side, values = CURES.get(verdict.cause, ("hubspot", {}))
        id = verdict.hubspot_id if side == "hubspot" else verdict.app_id
        record = twin.truth.get(side, id) if id and values else None
        if record is None or not record.live:
            continue
        twin.tamper(side, record.id, values)
        twin.people_did("puts right what is named")
        twin.desk.time.seconds += A_WHILE
        if twin.check().end != "done":
            return
        twin.counts["branch cause put right"] += 1
        for now in twin.engine.verdicts():
            if record.id in (now.hubspot_id, now.app_id) and now.cause == verdict.cause:
                yield f"contact {now.contact} is still {now.cause} although it was put right"
        return


def determinism(world: World, chance: random.Random) -> Iterator[str]:
    """I19: the same seed, the same requests, byte for byte, and the same end."""
    twins = world.fork(), world.fork()
    wait = Break(chance.choice(SIDES), "write", chance.choice(WRITE_FAULTS))
    kill = chance.choice((None, chance.randint(20, 120)))
    try:
        for twin in twins:
            twin.desk.waiting.append(Break(wait.side, wait.kind, wait.fault))
            twin.desk.kill_in = kill
            twin.sync()
            twin.sync()
        ways = [[(one.method, one.path, one.body, one.status) for one in twin.desk.requests] for twin in twins]
        for number, (one, two) in enumerate(zip(*ways, strict=False)):
            if one != two:
                yield f"request {number} is {one} the first time and {two} the second"
                break
        if twins[0].truth.state != twins[1].truth.state or len(ways[0]) != len(ways[1]):
            yield "the ends differ"
    finally:
        for twin in twins:
            twin.leave()


def side_symmetry(world: World, chance: random.Random) -> Iterator[str]:
    """I17: with sides, direction and policy swapped the merge gives the swapped result."""
    swapped = {"hubspot": "app", "app": "hubspot", "to_app": "to_hubspot", "to_hubspot": "to_app"}
    texts = [*TEXTS[:6], "Ulm", "Bonn"]
    for _ in range(3):
        values = {side: chance.choice(texts) for side in SIDES}
        touched = {side: f"2026-01-01T{chance.randint(0, 23):02}:00:00Z" for side in SIDES}
        base = chance.choice((None, {side: comparable("city", chance.choice(texts)) for side in SIDES}))
        direction, policy = (
            chance.choice(("two_way", "to_app", "to_hubspot")),
            chance.choice(("hubspot", "app", "latest", "ask")),
        )
        there = merged(Meeting(values, touched, base, direction, policy))
        back = merged(
            Meeting(
                {side: values[other(side)] for side in SIDES},
                {side: touched[other(side)] for side in SIDES},
                None if base is None else {side: base[other(side)] for side in SIDES},
                swapped.get(direction, direction),
                swapped.get(policy, policy),
            )
        )
        world.counts[f"branch merge {there}"] += 1
        if swapped.get(there, there) != back:
            yield f"{values} over {base}, {direction}, {policy}, touched {touched}: {there}, and mirrored {back}"


def report_is_safe(world: World, chance: random.Random) -> Iterator[str]:
    """I20: the report that is made without --reveal names nobody and nothing of anybody."""
    kept = {"email": 1, "firstname": 5, "lastname": 5}
    names = {
        record.values[field]
        for record in world.truth.state.values()
        for field, shortest in kept.items()
        if len(record.values[field].strip()) >= shortest
    }
    yield from bundle_safety(world.engine.report(world.connection), sorted(names - {*TEXTS}))


EXPERIMENTS: dict[str, tuple[str, Callable[[World, random.Random], Iterator[str]]]] = {
    "crash": ("I6", crash_safety),
    "lost replies": ("I7", lost_replies),
    "order": ("I16", order_independence),
    "poison": ("I8", quarantine_isolation),
    "twice": ("I5", idempotence),
    "explain": ("I15", explain_is_do),
    "determinism": ("I19", determinism),
    "symmetry": ("I17", side_symmetry),
    "report": ("I20", report_is_safe),
}
PER_HISTORY = 1


def experiments_at_rest(world: World, chance: random.Random) -> None:
    """An experiment on a world that people have just stirred. Every one has its turn within nine seeds. Raises Broken."""
    world.resting = False
    stir(world, chance)
    names = list(EXPERIMENTS)
    first = world.setting.seed * PER_HISTORY
    for name in (names[(first + number) % len(names)] for number in range(PER_HISTORY)):
        number, experiment = EXPERIMENTS[name]
        world.counts[f"looked at {number}"] += 1
        world.counts[f"experiment {name}"] += 1
        world.say(f"experiment: {name}")
        judge(world, number, experiment(world, random.Random(f"{name} {world.setting.seed}")))
