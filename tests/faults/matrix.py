"""One case of the matrix: one cycle with one fault at one of its requests, quiet runs after it, and what must hold then."""

from __future__ import annotations

import asyncio
import random
import shutil
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import SyncdoctorError
from sample_data.portal import AppliedWrite, Fault
from sample_data.portal.faults import KINDS, FaultKind, can_hit
from sample_data.portal.hubspot.contacts import MergeRegime
from tests.faults.stage import Snapshot, World, copied, prepared

PAUSES = (6.0, 6.0, 30.0)
"""Hours before each of the quiet runs; the last one comes when a full reading is due."""
FOREVER = 1_000_000
LASTING: tuple[FaultKind, ...] = ("refuse", "timeout_before", "timeout_after", "500_after", "503", "429", "html_200")
"""Kinds that are also tried from a request on to the end of the cycle, as an outage that begins there."""

ALLOWED = {"status": "subscribed", "newsletter_opt_in": "true", "hs_email_optout": "false"}
"""The values of consent fields that let somebody be written to."""


@dataclass(frozen=True)
class Case:
    """A fault at the nth request of the cycle, or from it on."""

    nth: int
    kind: FaultKind
    lasting: bool = False

    @property
    def name(self) -> str:
        """The kind as the table shows it."""
        return f"{self.kind}..." if self.lasting else self.kind


@dataclass(frozen=True)
class Undisturbed:
    """The cycle without a fault: its requests in order, and what both sides hold in the end."""

    requests: Sequence[tuple[str, str, str]]
    before: Snapshot
    after: Snapshot
    creates: Counter[tuple[str, str]]
    writes_before: int

    def cases(self) -> list[Case]:
        """Every fault at every request that it can hit."""
        found = []
        for nth, (server, method, path) in enumerate(self.requests, 1):
            found += [Case(nth, kind) for kind in KINDS if can_hit(kind, server, method, path)]
            found += [Case(nth, kind, lasting=True) for kind in LASTING]
        return found

    def share(self, seed: int, count: int) -> list[Case]:
        """A seeded share of all cases, with as many different kinds as it has room for."""
        cases = self.cases()
        random.Random(seed).shuffle(cases)
        rank: Counter[str] = Counter()
        ranked = []
        for case in cases:
            rank[case.name] += 1
            ranked.append((rank[case.name], case))
        return [case for _, case in sorted(ranked, key=lambda entry: entry[0])[:count]]


@dataclass(frozen=True)
class Result:
    """What became of a case: whether the fault changed an answer, and which promises were broken (none: it held)."""

    case: Case
    hit: bool
    broken: tuple[str, ...]


async def undisturbed(master: Path, folder: Path) -> Undisturbed:
    """Learns the cycle on a copy."""
    world = World.opened(copied(master, folder))
    before, count = world.snapshot(), len(world.portal.applied())
    await world.sync()
    requests = [request[:3] for request in world.portal.requests]
    assert await world.sync() == 0
    writes = world.portal.applied(count)
    after = world.snapshot()
    world.close()
    return Undisturbed(requests, before, after, _creates(writes), count)


async def learned(folder: Path) -> tuple[Path, Undisturbed]:
    """The folder that every case copies, and its cycle."""
    folder.mkdir(parents=True, exist_ok=True)
    master = await prepared(folder / "master")
    return master, await undisturbed(master, folder / "undisturbed")


async def tried(
    case: Case, master: Path, folder: Path, usual: Undisturbed, *, regime: MergeRegime = "new_id"
) -> Result:
    """Runs one case on a copy in a new folder, which is removed again."""
    world = World.opened(copied(master, folder))
    world.portal.merge_regime = regime
    times = FOREVER if case.lasting else 1
    world.portal.faults.add(Fault("*", "*", "", case.nth, case.kind, times=times))
    broken = await disturbed_run(world)
    world.portal.faults.clear()
    hit = bool(world.portal.faults.broken)
    broken += await quiet_runs(world, lambda: not broken_promises(world, usual))
    broken += broken_promises(world, usual)
    world.close()
    shutil.rmtree(folder)
    return Result(case, hit, tuple(broken))


def tried_alone(case: Case, master: Path, folder: Path, usual: Undisturbed) -> Result:
    """The same in a process of its own."""
    return asyncio.run(tried(case, master, folder, usual))


async def disturbed_run(world: World) -> list[str]:
    """A run that may end in any error for users; a defect is a broken promise."""
    try:
        await world.sync()
    except SyncdoctorError:
        pass
    except Exception:
        return [f"the disturbed run ended in a defect: {_last_line()}"]
    return []


async def quiet_runs(world: World, settled: Callable[[], bool] = lambda: True) -> list[str]:
    """Up to three runs without a fault, until one has nothing to write and all is `settled`; then one more has nothing
    to write either, or the promise of coming to rest is broken."""
    for pause in PAUSES:
        written, broken = await _quiet_run(world, pause)
        if broken:
            return broken
        if not written and settled():
            return []
    written, broken = await _quiet_run(world, PAUSES[0])
    return broken or ([f"a run after {len(PAUSES)} quiet runs still writes {written} records"] if written else [])


async def _quiet_run(world: World, pause: float) -> tuple[int, list[str]]:
    world.time.seconds += pause * 3600
    try:
        return await world.sync(), []
    except SyncdoctorError as error:
        return 0, [f"a quiet run ended with: {type(error).__name__}: {error.what}"]
    except Exception:
        return 0, [f"a quiet run ended in a defect: {_last_line()}"]


def broken_promises(world: World, usual: Undisturbed) -> list[str]:
    """What does not hold after the quiet runs."""
    broken = []
    writes = world.portal.applied(usual.writes_before)
    now = world.snapshot()
    for server in now:
        if now[server] != usual.after[server]:
            broken.append(f"{server} differs from the undisturbed result: {_difference(now, usual.after, server)}")
    creates = _creates(writes)
    if creates != usual.creates:
        broken.append(
            f"creates differ: too many {dict(creates - usual.creates)}, missing {dict(usual.creates - creates)}"
        )
    if world.in_doubt():
        broken.append(f"{world.in_doubt()} writes are still in doubt")
    if any(write.kind == "delete" for write in writes):
        broken.append("something was deleted")
    if any(method == "DELETE" or path.endswith("/batch/archive") for _, method, path, _ in world.portal.requests):
        broken.append("a delete was sent")
    broken += [f"consent was loosened by a write to {write.record_id}" for write in writes if _loosens(write, usual)]
    return broken


def _creates(writes: Sequence[AppliedWrite]) -> Counter[tuple[str, str]]:
    return Counter((write.side, write.address.strip().lower()) for write in writes if write.kind == "create")


def _loosens(write: AppliedWrite, usual: Undisturbed) -> bool:
    """Whether a write to somebody who was there allows what was not allowed before."""
    before = dict(usual.before[write.side]).get(write.address.strip().lower())
    return before is not None and any(
        write.fields.get(field) == allowed and before.get(field) != allowed for field, allowed in ALLOWED.items()
    )


def _difference(now: Snapshot, usual: Snapshot, server: str) -> str:
    """Names records by their place among the addresses, not by the address."""
    found = []
    one, other = (dict(side[server]) for side in (now, usual))  # type: ignore[index]
    places = {address: place for place, address in enumerate(sorted(one.keys() | other.keys()))}
    for address, place in places.items():
        have, want = one.get(address), other.get(address)
        if have is None or want is None:
            found.append(f"record {place} {'is missing' if have is None else 'should not be'}")
        elif have != want:
            names = [name for name in sorted(have.keys() | want.keys()) if have.get(name, "") != want.get(name, "")]
            found.append(
                f"record {place}: " + ", ".join(f"{n} {have.get(n, '')!r} not {want.get(n, '')!r}" for n in names)
            )
    return "; ".join(found) or "the same records in other numbers"


def _last_line() -> str:
    lines = traceback.format_exc(limit=-1).strip().splitlines()
    return " | ".join(line.strip() for line in (lines[1], lines[-1]))
