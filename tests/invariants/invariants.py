"""I1 to I20: what must hold in every history. Each function gives a sentence for everything that breaks it.

`after_run` look at what one run did, `at_rest` at the world after it has come to rest; the rest are metamorphic and
need copies of a world (`experiments.py`).
"""

from __future__ import annotations

import base64
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from urllib.parse import quote, quote_plus

from tests.invariants.adapter import VERDICT_STATES, Ran, mapped_fields, may_write
from tests.invariants.ledger import Judged, View
from tests.invariants.truth import FIELDS, ONE_WAY, Record, Side, comparable, other
from tests.invariants.wire import Item, Request
from tests.invariants.world import HIDING, Before, World

Complaints = Iterator[str]
SILENT = ("timeout_after", "500_after", "truncated", "missing_items", "empty_body", "wrong_shape", "null_results")
"""Faults with which a service carries a write out and does not say so."""
EXPLAINED = ("excluded", "failing", "conflict", "unknown")


def _mine(world: World, ran: Ran) -> list[Judged]:
    return [judged for judged in world.ledger.judged if judged.run == ran.number]


def _requests(world: World, ran: Ran) -> list[Request]:
    return [request for request in world.desk.requests if request.run == ran.number]


def _named(judged: Judged) -> str:
    change = judged.change
    return f"run {judged.run}: {change.side} {change.id} {change.field}: {change.before!r} -> {change.after!r}"


# After every run


def no_lost_update(world: World, ran: Ran) -> Complaints:
    """I3: what somebody typed is only overwritten by the linked record's value, in the direction and by the policy that the
    connection declares, and never by a value that nobody has touched since both sides agreed."""
    undone = world.undoes.get(ran.number)
    for judged in _mine(world, ran):
        change = judged.change
        if undone is not None:
            yield from _not_taken_back(judged, undone)
            continue
        if change.field not in mapped_fields(world.connection) or judged.here is None:
            continue  # a field that is not mapped is for I10
        if judged.partner is None:
            yield f"{_named(judged)}: the record is linked to nothing"
        elif not may_write(world.connection, change.side, change.field):
            yield f"{_named(judged)}: the direction forbids it"
        elif judged.in_gap:
            world.counts["branch edited in the gap"] += 1
        elif not (
            world.ledger.decided_for(judged)
            or _meets_first(world, judged)
            or any(_permitted(world, judged, view) for view in judged.views)
        ):
            yield f"{_named(judged)}: the policy {world.connection.sync.conflicts} does not allow it ({judged.views})"


def _not_taken_back(judged: Judged, undone: Before) -> Complaints:
    """An undo gives back what the undone run replaced, where the record still holds what that run wrote."""
    change = judged.change
    before, wrote = undone.get((change.side, change.id, change.field), (None, None))
    if change.field == "consent":
        return  # for I12
    if before is None or wrote is None:
        yield f"{_named(judged)}: the undone run wrote no such field"
    elif comparable(change.field, change.after) != comparable(change.field, before):
        yield f"{_named(judged)}: it was {before!r} before the undone run"
    elif comparable(change.field, change.before) != comparable(change.field, wrote) and not judged.in_gap:
        yield f"{_named(judged)}: the undone run wrote {wrote!r}, somebody has typed since"


def _meets_first(world: World, judged: Judged) -> bool:
    """A field that came into the mappings late has never been agreed on: a value fills an empty one."""
    return judged.change.field in world.once_unmapped and not judged.change.before.strip()


def _permitted(world: World, judged: Judged, view: View) -> bool:
    if not may_write(world.connection, "app" if judged.change.side == "hubspot" else "hubspot", judged.change.field):
        return True
    if view.known and not view.fresh_here:
        return True
    if view.known and not view.fresh_there:
        return False
    if not judged.change.before.strip() and not view.known:
        return True
    policy = world.connection.sync.conflicts
    if policy == "latest":
        return not judged.here_later
    return policy not in ("ask", judged.change.side)


def no_invention(world: World, ran: Ran) -> Complaints:
    """I4: every value that the engine writes is what the linked record holds, or a new record's source held, or was
    configured for new records."""
    for judged in _mine(world, ran):
        change, here = judged.change, judged.here
        if here is None or change.field not in {"", *mapped_fields(world.connection)} or ran.command == "undo":
            continue
        sources = [judged.partner] if change.field else list(judged.sources)
        for field in [change.field] if change.field else FIELDS:
            value = comparable(field, here.values[field])
            held = {comparable(field, source.values[field]) for source in sources if source}
            held |= {comparable(field, text) for text in judged.earlier}
            configured = {""} | ({"subscriber"} if field == "lifecyclestage" else set()) if not change.field else set()
            if value not in held | configured:
                yield f"{_named(judged)}: {field} is {value!r}, the other side holds {sorted(held)}"


def no_duplicate(world: World, ran: Ran) -> Complaints:
    """I7: a new record has exactly one source, which was linked to nothing, and its person is not there already."""
    for judged in _mine(world, ran):
        if judged.change.field or judged.here is None:
            continue
        if len(judged.sources) != 1:
            yield f"{_named(judged)}: {len(judged.sources)} records across have its address"
        if judged.rivals:
            yield f"{_named(judged)}: the person is there already"
        if judged.was_linked:
            yield f"{_named(judged)}: its source was linked to another record"
    yield from _sent_again(world, ran)


def _sent_again(world: World, ran: Ran) -> Complaints:
    """A write that a service applied without saying so is looked for, never sent again."""
    unanswered: dict[tuple[Side, str], Request] = {}
    for request in _requests(world, ran):
        for item in request.items:
            place = (request.side, item.record)
            if place in unanswered:
                yield f"run {ran.number}: {request.method} {request.path} sends {item.kind} for {item.record!r} again, unseen"
            if request.changes and request.fault in SILENT:
                unanswered[place] = request
        if request.kind == "read" and request.status == 200:
            unanswered = {place: held for place, held in unanswered.items() if place[0] != request.side}


def quarantine_isolation(world: World, ran: Ran) -> Complaints:
    """I8: only what a service refused because of its data is refused: a batch that met a limit, a missing permission or a
    server's trouble is never split."""
    writes = [request for request in _requests(world, ran) if request.kind == "write"]
    for one, two in pairwise(writes):
        if (
            one.fault in ("429", "429_retry_after", "429_daily", "503", "401", "403_scope", "423", "477")
            and one.side == two.side
        ):
            before, after = {item.record for item in one.items}, {item.record for item in two.items}
            if after < before:
                yield f"run {ran.number}: {one.method} {one.path} met {one.fault} and was split"


def delete_evidence(world: World, ran: Ran) -> Complaints:
    """I9: no delete is ever sent."""
    for request in _requests(world, ran):
        if request.kind == "delete" or any(item.values.get("status") == "archived" for item in request.items):
            yield f"run {ran.number}: {request.method} {request.path}"


def scope_is_not_delete(world: World, ran: Ran) -> Complaints:
    """I10: whatever changed in scope, mapping or permission, no record goes, and no field is emptied that is not mapped."""
    for judged in _mine(world, ran):
        if not judged.change.field and judged.here is None:
            yield f"{_named(judged)}: the record is gone"
        if judged.change.field in FIELDS and judged.change.field not in mapped_fields(world.connection):
            yield f"{_named(judged)}: the field is not mapped"


def brake(world: World, ran: Ran) -> Complaints:
    """I11: a plan beyond a limit writes nothing at all and says which limit; no run ever writes more than the limits."""
    requests = _requests(world, ran)
    if ran.end == "refused" and any(request.kind == "write" for request in requests):
        yield f"run {ran.number} was refused ({ran.said}) and wrote"
    sent = {(request.side, item.kind, item.record): item for request in requests for item in request.items}
    # What is left of a create that was refused in vague words is written to the new record: one write in two requests.
    made = {(judged.change.side, "update", judged.change.id) for judged in _mine(world, ran) if not judged.change.field}
    sent = {key: item for key, item in sent.items() if key not in made}
    limits = world.connection.brakes
    if ran.end == "braked":
        if sent:
            yield f"run {ran.number} was stopped by a brake and wrote {len(sent)} records"
        if not re.search(r"creates|updates|clears|share|shrunk|contact", ran.said):
            yield f"run {ran.number}: {ran.said!r} names no limit"
    creates = sum(kind == "create" for _, kind, _ in sent)
    updates = len(sent) - creates
    clears = sum(value == "" for item in sent.values() if item.kind == "update" for value in item.values.values())
    for name, count, limit in (
        ("creates", creates, limits.creates), ("updates", updates, limits.updates), ("clears", clears, limits.clears),
    ):  # fmt: skip
        if count > limit:
            yield f"run {ran.number}: {count} {name}, allowed are {limit}"


def consent_monotone(world: World, ran: Ran) -> Complaints:
    """I12: nobody who is not opted in becomes opted in, or is written to, by the engine."""
    for judged in _mine(world, ran):
        change, here = judged.change, judged.here
        if change.field == "consent" and (change.after == "yes" or change.before == "no"):
            yield f"{_named(judged)}: consent was loosened"
        if not change.field and here is not None and here.consent == "yes":
            for source in judged.sources:
                if source.consent != "yes":
                    yield f"{_named(judged)}: made subscribed, but {source.side} {source.id} says {source.consent!r}"
    for request in _requests(world, ran):
        for item in request.items:
            if item.kind == "update" and {"status", "newsletter_opt_in"} & {*item.values} and _loosens(item):
                yield f"run {ran.number}: an update of {item.side} {item.record} carries a consent: {dict(item.values)}"


def _loosens(item: Item) -> bool:
    return item.values.get("status") == "subscribed" or item.values.get("newsletter_opt_in") == "true"


def erasure(world: World, ran: Ran) -> Complaints:
    """I13: a linked person who was erased is not made again."""
    for judged in _mine(world, ran):
        if not judged.change.field and judged.erased:
            yield f"{_named(judged)}: an erased person is back"


def verdict_totality(world: World, ran: Ran) -> Complaints:
    """I14: every record belongs to exactly one contact, every contact has one verdict with a reason, the counts add up."""
    if ran.end != "done":
        return
    verdicts = world.engine.verdicts()
    for verdict in verdicts:
        if verdict.state not in VERDICT_STATES:
            yield f"run {ran.number}: contact {verdict.contact} has the state {verdict.state!r}"
        if (verdict.state in EXPLAINED) != bool(verdict.cause):
            yield f"run {ran.number}: contact {verdict.contact} is {verdict.state} with the cause {verdict.cause!r}"
        if verdict.state in ("excluded", "failing") and not verdict.reasons:
            yield f"run {ran.number}: contact {verdict.contact} is {verdict.state} without a finding"
    seen = Counter(("hubspot", verdict.hubspot_id) for verdict in verdicts) + Counter(
        ("app", verdict.app_id) for verdict in verdicts
    )
    late = world.setting.search_lag > 0 and not world.resting
    # Whom a page of the last whole reading left out is met by the next one.
    read_in = world.engine.read_whole_in()
    left_out = any(request.fault in HIDING for request in world.desk.requests if request.run in read_in)
    hidden = late or left_out or any(request.fault for request in _requests(world, ran))
    for record in () if hidden else world.truth.state.values():
        if seen[record.side, record.id] != 1:
            yield f"run {ran.number}: {record.side} {record.id} belongs to {seen[record.side, record.id]} contacts"
    contacts, counted = world.engine.counted()
    if contacts != counted or contacts != len(verdicts):
        yield f"run {ran.number}: {contacts} contacts, {len(verdicts)} verdicts, counted {counted}"


def no_traceback(world: World, ran: Ran) -> Complaints:
    """I6 (its plainest part): no run ends in an error that no user should see."""
    if ran.end == "broken":
        yield f"run {ran.number} ({ran.command}): {ran.said}"


# At rest


def convergence(world: World, ran: Ran) -> Complaints:
    """I1: at rest both sides are equal in all mapped fields, or the contact's verdict says why they are not."""
    verdicts = {verdict.hubspot_id: verdict for verdict in world.engine.verdicts() if verdict.hubspot_id}
    conflicts = world.engine.conflicts()
    for verdict in world.engine.verdicts():
        if verdict.state == "pending":
            ids: tuple[tuple[Side, str | None], ...] = (("hubspot", verdict.hubspot_id), ("app", verdict.app_id))
            gone = [side for side, id in ids if id and world.truth.get(side, id) is None]
            yield f"contact {verdict.contact} stays pending{f', its record is gone from {gone}' if gone else ''}"
        if verdict.state == "in_sync" and not (verdict.hubspot_id and verdict.app_id):
            yield f"contact {verdict.contact} is in sync with nobody"
    for hubspot, app in world.ledger.pairs():
        found = verdicts.get(hubspot.id)
        if found is None or found.app_id != app.id:
            yield f"hubspot {hubspot.id} and app {app.id} are linked no more: {found}"
            continue
        for field in sorted(mapped_fields(world.connection)):
            left_so = _configured(world, hubspot, app, field) or _decided_to_stay(world, hubspot, app, field)
            if _differs(world, hubspot, app, field) and not left_so:
                if found.state not in EXPLAINED:
                    yield f"contact {found.contact} is {found.state}, but {field} differs: {_both(hubspot, app, field)}"
                elif found.state == "conflict" and (found.contact, field) not in conflicts:
                    yield f"contact {found.contact}: {field} differs beside the conflict: {_both(hubspot, app, field)}"


def _configured(world: World, hubspot: Record, app: Record, field: str) -> bool:
    """A new HubSpot record holds what the connection gives it, beside the app's own value of a field that flows to the app
    only: neither was typed against the other, and the app's value is not overwritten for it."""
    given = world.connection.hubspot.on_create.get(field)
    return field == ONE_WAY and hubspot.values[field] == given and app.values[field] != ""


def _decided_to_stay(world: World, hubspot: Record, app: Record, field: str) -> bool:
    """Somebody decided for the side whose value the direction lets nobody write to the other."""
    decided = world.ledger.decided.get(((hubspot.id, app.id), field))
    return decided is not None and not may_write(world.connection, other(decided[0]), field)


def _both(hubspot: Record, app: Record, field: str) -> str:
    return f"{hubspot.values[field]!r} and {app.values[field]!r}"


def _differs(world: World, hubspot: Record, app: Record, field: str) -> bool:
    """Whether a difference needs an explanation: an empty source that one-way leaves alone does not, and neither does a
    stage, which HubSpot only ever moves forward without saying so."""
    one, two = (comparable(field, record.values[field]) for record in (hubspot, app))
    if one == two:
        return False
    to_app, to_hubspot = (may_write(world.connection, side, field) for side in ("app", "hubspot"))
    if to_hubspot and field == ONE_WAY:
        return False
    if to_app and to_hubspot:
        return True
    source = one if to_app else two
    return source != ""


def quiescence(world: World, ran: Ran) -> Complaints:
    """I2: at rest a sync writes nothing."""
    writes = [request for request in _requests(world, ran) if request.kind != "read"]
    if writes or ran.end != "done":
        yield f"run {ran.number} at rest: {ran.end} {ran.said}, {len(writes)} writes"


# Of one text


def bundle_safety(text: str, personal: Sequence[str]) -> Complaints:
    """I20: no personal value stands in a text that leaves the house, however it is written there."""
    spoken = text.casefold()
    for value in personal:
        for spelling in spellings(value):
            if re.search(rf"(?<!\w){re.escape(spelling.casefold())}(?!\w)", spoken):
                yield f"{value!r} is in the report as {spelling!r}"
                break


def spellings(value: str) -> set[str]:
    """The encodings in which a value could slip through."""
    raw = value.encode("utf-8", "surrogatepass")
    plain = {value, unicodedata.normalize("NFC", value), unicodedata.normalize("NFD", value), value.strip()}
    escaped = {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], quote(value), quote_plus(value)}
    encoded = {base64.b64encode(raw).decode().rstrip("="), raw.hex()} if len(value) > 5 else set()
    return plain | escaped | encoded


AFTER_RUN: dict[str, Callable[[World, Ran], Complaints]] = {
    "I3": no_lost_update, "I4": no_invention, "I6": no_traceback, "I7": no_duplicate, "I8": quarantine_isolation,
    "I9": delete_evidence, "I10": scope_is_not_delete, "I11": brake, "I12": consent_monotone, "I13": erasure,
    "I14": verdict_totality,
}  # fmt: skip
AT_REST: dict[str, Callable[[World, Ran], Complaints]] = {"I1": convergence, "I2": quiescence}
