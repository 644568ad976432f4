"""Writes a population as the data folder that the practice portal reads, with its answer key."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

from sample_data.population.app_schema import audience, connection
from sample_data.population.clean import HUBSPOT_ONLY_FIELDS
from sample_data.population.hubspot_schema import account, lists, properties, rules
from sample_data.population.person import TAGS, Person
from sample_data.population.situations import REFUSALS

PROPERTIES = (*TAGS, *HUBSPOT_ONLY_FIELDS)
MERGE_TAGS = tuple(tag for tag in TAGS.values() if tag != "EMAIL")
FIRST_CONTACT_ID = 20_000_000_000


@dataclass(frozen=True)
class Numbered:
    """A person with the ids of its records; empty where there is none."""

    person: Person
    hubspot_id: str
    app_id: str


def write_folder(population: Sequence[Person], seed: int, folder: Path) -> None:
    """Writes all files of the data folder; the folder exists. Ids depend on the seed. Raises OSError."""
    numbered = _with_ids(population, Random(f"ids {seed}"))
    in_hubspot = [entry for entry in numbered if entry.hubspot_id]
    members = sorted(
        (entry for entry in numbered if entry.app_id), key=lambda entry: (entry.person.opted, entry.app_id)
    )
    ids = [entry.hubspot_id for entry in in_hubspot]
    _write_json(folder / "hubspot_account.json", account())
    _write_json(folder / "hubspot_properties.json", properties())
    _write_json(folder / "hubspot_rules.json", rules())
    _write_json(folder / "hubspot_lists.json", lists(ids[3::11], ids[5::40], ids[8::60]))
    _write_json(folder / "mailchimp_audience.json", _audience(members, population))
    _write_rows(
        folder / "hubspot_contacts.csv",
        ("id", "createdAt", "updatedAt", "archived", *PROPERTIES),
        (_contact_row(entry) for entry in in_hubspot),
    )
    _write_rows(
        folder / "hubspot_consent.csv",
        ("email", "subscriptionId", "subscription", "status", "source", "legalBasis", "timestamp"),
        (row for entry in in_hubspot for row in _consent_rows(entry.person)),
    )
    _write_rows(
        folder / "mailchimp_members.csv",
        ("contact_id", "email_address", "status", "timestamp_opt", "last_changed", "source", *MERGE_TAGS),
        (_member_row(entry) for entry in members),
    )
    _write_rows(
        folder / "answer_key.csv",
        ("hubspot_id", "app_id", "email", "state", "cause"),
        (_key_row(entry) for entry in numbered),
    )
    (folder / "connection.toml").write_text(connection(), encoding="utf-8", newline="\n")


def _with_ids(population: Sequence[Person], rng: Random) -> list[Numbered]:
    """Ordered by HubSpot id, which grows with the time of creation; then those without one by Mailchimp's id."""
    number = FIRST_CONTACT_ID
    with_record, without = [], []
    for person in sorted(population, key=lambda person: person.created):
        app_id = "" if person.member is None else f"{rng.getrandbits(128):032x}"
        if person.hubspot is None:
            without.append(Numbered(person, "", app_id))
        else:
            number += rng.randint(1, 4000)
            with_record.append(Numbered(person, str(number), app_id))
    return with_record + sorted(without, key=lambda entry: entry.app_id)


def _audience(members: Sequence[Numbered], population: Sequence[Person]) -> dict[str, Any]:
    statuses = Counter(entry.person.status for entry in members)
    refused = {
        name: sorted(person.value("email") for person in population if person.refusal == name) for name in REFUSALS
    }
    return audience(statuses, refused)


def _contact_row(entry: Numbered) -> list[str]:
    person, values = entry.person, entry.person.hubspot or {}
    times = [_milliseconds(person.created), _milliseconds(person.updated)]
    return [entry.hubspot_id, *times, "false", *(values[name] for name in PROPERTIES)]


def _member_row(entry: Numbered) -> list[str]:
    person, values = entry.person, entry.person.member or {}
    times = [person.opted.isoformat(), person.changed.isoformat()]
    return [entry.app_id, values["EMAIL"], person.status, *times, person.source, *(values[tag] for tag in MERGE_TAGS)]


def _consent_rows(person: Person) -> Iterator[list[str]]:
    values = person.hubspot or {}
    if not values["email"].strip():
        return
    if values["hs_email_optout"] == "true" or values["newsletter_opt_in"] == "false":
        status, basis = "UNSUBSCRIBED", ""
    elif values["newsletter_opt_in"] == "true":
        status, basis = "SUBSCRIBED", "CONSENT_WITH_NOTICE"
    else:
        status, basis = "NOT_SPECIFIED", ""
    yield [
        values["email"], "5", "Newsletter", status, "SUBSCRIPTION_STATUS", basis, _milliseconds(person.opted)
    ]  # fmt: skip


def _key_row(entry: Numbered) -> list[str]:
    state, cause = entry.person.verdict()
    return [entry.hubspot_id, entry.app_id, entry.person.value("email").strip(), state, cause]


def _milliseconds(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def _write_json(file: Path, content: object) -> None:
    file.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8", newline="\n")


def _write_rows(file: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
