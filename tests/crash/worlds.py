"""The homes in which the program is killed: a small population before its first sync, and after one with people's edits."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx

from engine.sqlite import sqlite3
from sample_data.generate import main as generate
from sample_data.portal import Portal, open_portal
from tests.crash.both_sides import BothSides, identifiers, read_both_sides, sent_inputs
from tests.crash.boundaries import Boundary, Target, read_trace
from tests.crash.nursery import Nursery

NAME = "practice"
SHARES = {
    "create-in-app": 4, "create-in-hubspot": 3, "update-in-app": 2, "update-in-hubspot": 2, "fill-in-app": 1,
    "fill-in-hubspot": 1, "stage-to-app": 1, "email-duplicate": 2, "opt-in": 1, "conflict": 1,
}  # fmt: skip
"""People of each kind; the others are pairs in sync."""
PEOPLE = 20


@dataclass(frozen=True)
class World:
    """A prepared home and what a run in it gives if nothing disturbs it.

    `trace` are the boundaries of that run, `recoveries` those of runs after a kill behind a writing request.
    """

    name: str
    home: Path
    batch_size: int | None
    known: frozenset[str]
    before: BothSides
    after: BothSides
    codes: frozenset[int]
    verdicts: dict[str, int]
    trace: list[Boundary]
    recoveries: list[list[Boundary]]


def sync(nursery: Nursery, folder: Path, target: Target | None = None, batch_size: int | None = None) -> int:
    """`syncdoctor sync` in the home of a folder; the exit code."""
    words = ["sync", NAME, "--home", str(folder / "home"), "--json"]
    return nursery.run(words, folder, target=target, batch_size=batch_size)


def prepare_homes(nursery: Nursery, folder: Path, seed: int) -> dict[str, Path]:
    """The homes of the worlds of a seed, made in a folder."""
    first = _first(nursery, folder / "first", seed)
    return {"first": first, "edited": _edited(nursery, first, folder / "edited")}


def _first(nursery: Nursery, folder: Path, seed: int) -> Path:
    folder.mkdir(parents=True)
    people, home = folder / "people", folder / "home"
    shares = [word for name, count in _shares().items() for word in ("--share", f"{name}={count / PEOPLE}")]
    if generate(["--seed", str(seed), "--people", str(PEOPLE), "--out", str(people), *shares]):
        raise RuntimeError("no population")
    words = ["demo", "--headless", "--until", "connect", "--data", str(people), "--home", str(home)]
    if nursery.run(words, folder):
        raise RuntimeError((folder / "said.txt").read_text(encoding="utf-8"))
    _portal(home).close()
    return home


def _portal(home: Path) -> Portal:
    return open_portal(home / "practice" / "data", home / "practice" / "portal.sqlite")


def _shares() -> dict[str, int]:
    from sample_data.population.compose import KINDS

    return {kind.name: SHARES.get(kind.name, 0) for kind in KINDS}


def _edited(nursery: Nursery, first: Path, folder: Path) -> Path:
    """The first world after its sync, and after people have edited both sides."""
    folder.mkdir(parents=True)
    home = Path(shutil.copytree(first, folder / "home"))
    if sync(nursery, folder) not in (0, 1):
        raise RuntimeError((folder / "said.txt").read_text(encoding="utf-8"))
    portal = _portal(home)
    try:
        _edit(portal, _pairs(home))
        asyncio.run(_newcomers(portal))
    finally:
        portal.close()
    return home


def _pairs(home: Path) -> Iterator[tuple[str, str]]:
    """Ids of people whom both services know and who may be written to."""
    with closing(sqlite3.connect(home / "practice" / "portal.sqlite")) as sql:
        rows = sql.execute(
            "SELECT c.id, m.contact_id FROM contact c JOIN contact_email e ON e.contact = c.id AND e.is_primary "
            "JOIN member m ON lower(m.email) = e.email WHERE c.archived = 0 AND m.status = 'subscribed' "
            'AND c.properties LIKE \'%"newsletter_opt_in": "true"%\' ORDER BY c.id'
        ).fetchall()
    return iter([(str(hubspot), str(app)) for hubspot, app in rows])


def _edit(portal: Portal, pairs: Iterator[tuple[str, str]]) -> None:
    edits: list[tuple[dict[str, str], dict[str, str]]] = [
        ({"city": "Bern"}, {}),
        ({}, {"CITY": "Graz"}),
        ({"city": ""}, {}),
        ({}, {"PHONE": ""}),
        ({"city": "Wien"}, {"LNAME": "Neu"}),
        ({"city": "Basel"}, {"CITY": "Linz"}),
        ({"city": "Chur"}, {"CITY": "Chur"}),
        ({"firstname": "Änne", "city": "Zürich"}, {"PHONE": "+49 30 901820"}),
    ]
    for (hubspot, app), (properties, fields) in zip(pairs, edits, strict=False):
        if properties:
            portal.tamper("hubspot", hubspot, properties)
        if fields:
            portal.tamper("mailchimp", app, fields)


async def _newcomers(portal: Portal) -> None:
    names = (("neu-eins", "Eins"), ("neu-zwei", "Zwei"), ("neu-drei", "Drei"))
    for address, name in names:
        properties = {
            "email": f"{address}@verein.example", "firstname": "Neu", "lastname": name, "country": "DE",
            "lifecyclestage": "lead", "newsletter_opt_in": "true",
        }  # fmt: skip
        await _call(portal.hubspot, portal.hubspot_token, "/crm/objects/2026-09/contacts", {"properties": properties})
    fields = {"FNAME": "Neu", "LNAME": "Vier"}
    member = {"email_address": "neu-vier@verein.example", "status": "subscribed", "merge_fields": fields}
    await _call(portal.mailchimp, portal.mailchimp_key, "/3.0/lists/a1b2c3d4e5/members", member)


async def _call(app: object, token: str, path: str, body: object) -> None:
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://practice.invalid") as client:
        answer = await client.post(path, json=body, headers={"Authorization": f"Bearer {token}"})
        answer.raise_for_status()


def examine(nursery: Nursery, folder: Path, name: str, home: Path, size: int | None) -> World:
    """A world: what happens in a home if nothing disturbs it, tried out in a folder.

    Raises RuntimeError if the undisturbed run fails, writes nothing, or a second one writes again.
    """
    folder.mkdir(parents=True)
    shutil.copytree(home, folder / "home")
    known = identifiers(home)
    before = read_both_sides(home, known)
    code = sync(nursery, folder, batch_size=size)
    if code not in (0, 1):
        raise RuntimeError((folder / "said.txt").read_text(encoding="utf-8"))
    trace = read_trace(folder / "trace.json")
    after, verdicts = read_both_sides(folder / "home", known), verdict_counts(folder / "home")
    sent = len(sent_inputs(folder))
    following = sync(nursery, folder, batch_size=size)
    if read_both_sides(folder / "home", known) != after or len(sent_inputs(folder)) != sent:
        raise RuntimeError(f"world {name}: even undisturbed, a second run writes again")
    targets = _behind_writes(trace)
    if not targets:
        raise RuntimeError(f"world {name}: an undisturbed run writes nothing")
    recoveries = [
        _recovery(nursery, folder / f"recovery-{number}", home, target, size) for number, target in enumerate(targets)
    ]
    return World(
        f"{name}, {'batches as usual' if size is None else f'batches of {size}'}",
        home, size, known, before, after, frozenset({code, following}), verdicts, trace, recoveries,
    )  # fmt: skip


def _behind_writes(trace: list[Boundary]) -> list[Target]:
    """Up to three boundaries behind a writing request, from the first to the last."""
    writes = [entry.place for entry in trace if entry.moment == "after writing request"]
    targets = [
        Target("after writing request", place, writes[: number + 1].count(place)) for number, place in enumerate(writes)
    ]
    chosen = sorted({0, len(targets) // 2, len(targets) - 1})
    return [targets[number] for number in chosen] if targets else []


def _recovery(nursery: Nursery, folder: Path, home: Path, target: Target, size: int | None) -> list[Boundary]:
    folder.mkdir()
    shutil.copytree(home, folder / "home")
    if sync(nursery, folder, target, size) != -signal.SIGKILL:
        raise RuntimeError(f"the run did not come to {target} a second time")
    sync(nursery, folder, batch_size=size)
    trace = read_trace(folder / "trace.json")
    shutil.rmtree(folder)
    return trace


def verdict_counts(home: Path) -> dict[str, int]:
    """Contacts per state and cause, as the last run in a home stored them."""
    with closing(sqlite3.connect(home / "workspaces" / f"{NAME}.sqlite")) as sql:
        rows = sql.execute("SELECT state, cause, count(*) FROM verdict GROUP BY state, cause").fetchall()
    return {f"{state} {cause}".strip(): int(count) for state, cause, count in rows}
