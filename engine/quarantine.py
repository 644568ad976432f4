"""The quarantine: what a side refused, held back until its cause is gone. Per contact, side and field."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

import polars as pl

from engine.connectors import Outcome
from engine.gates import Population, Situation, released
from engine.memory import REFUSED
from engine.merge import mapped_pairs
from engine.operations import ALREADY_LINKED, EXISTS, Operation
from engine.runs import iso
from engine.schema import Side, SideSchema
from engine.sqlite import sqlite3

Kind = Literal["retryable", "permanent", "quarantined"]

LADDER = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=4), timedelta(days=1))
"""How long a write waits whose cause passes by itself or is not known, after each refusal; the last step repeats, and is
the only one where another record has the address."""

HELD = pl.Schema([*REFUSED.items(), ("whole", pl.Boolean)])
"""Rows of REFUSED that hold something back now. `whole`: nothing of the contact is written, not only the field."""

_TRANSIENT = frozenset(
    {"RATE_LIMIT", "RATE_LIMITS", "INTERNAL_ERROR", "LOCKED", "TIMEOUT", "SERVICE_UNAVAILABLE", "TOO MANY REQUESTS"}
)
_ABOUT_THE_PERSON = frozenset(
    {
        "CONFLICT", "INVALID_EMAIL", "OBJECT_NOT_FOUND", "OBJECT_ALREADY_EXISTS", EXISTS, ALREADY_LINKED,
        "ERROR_CONTACT_EXISTS", "MEMBER EXISTS", "MEMBER IN COMPLIANCE STATE", "FORGOTTEN EMAIL NOT SUBSCRIBED",
        "RESOURCE NOT FOUND",
    }
)  # fmt: skip
"""Codes of HubSpot and Mailchimp (in capitals) about the address, the person's existence or consent."""
_ABOUT_ANOTHER_RECORD = frozenset(
    {"CONFLICT", "OBJECT_ALREADY_EXISTS", EXISTS, ALREADY_LINKED, "ERROR_CONTACT_EXISTS", "MEMBER EXISTS"}
)
"""Those about a record that has the address already: when it gives the address up, nothing of the contact shows it."""


def essential(situation: Situation, side: Side) -> frozenset[str]:
    """The fields that every create of a side needs: the address, the required ones, all that tells consent, and what the
    connection gives new HubSpot records. A consent that followed as an update could loosen what somebody decided since."""
    schema, connection = situation.schemas[side], situation.connection
    pairs = mapped_pairs(connection, situation.schemas)
    consents = {pair.field(side) for pair in pairs if pair.merge == "consent"}
    consents |= {schema.consent.name} if schema.consent else set()
    given = set(connection.hubspot.on_create) if side == "hubspot" else set()
    required = {field.name for field in schema.fields.values() if field.required}
    return frozenset({schema.identity_field, *required, *consents, *given})


def transient(outcome: Outcome) -> bool:
    """Whether a refusal has a cause that passes by itself: the server's trouble, not the data."""
    return outcome.code.upper() in _TRANSIENT or (outcome.status or 0) >= 500


def about_the_person(outcome: Outcome) -> bool:
    """Whether a refusal is about the address, the person's existence or consent, and so about no other field."""
    words = outcome.message.lower()
    named = outcome.code.upper() in _ABOUT_THE_PERSON or outcome.field in ("email_address", "status")
    return named or "<e-mail>" in words or "email address" in words


def vague(outcome: Outcome, schema: SideSchema) -> bool:
    """Whether a refusal leaves open which value is to blame: it names no field that the side has."""
    if outcome.state != "refused" or outcome.field in schema.fields:
        return False
    return not (transient(outcome) or about_the_person(outcome))


def gone(op: Operation, outcome: Outcome) -> bool:
    """Whether an update was refused because its record is not there any more."""
    return op.kind == "update" and outcome.code.upper() in ("OBJECT_NOT_FOUND", "RESOURCE NOT FOUND")


def blamed(op: Operation, outcome: Outcome, schema: SideSchema) -> str:
    """The sent field that a refusal is about; empty if it is about the record as a whole."""
    if outcome.field in op.values:
        return outcome.field
    if op.kind == "update" and outcome.field not in schema.fields:
        if about_the_person(outcome) and schema.identity_field in op.values:
            return schema.identity_field
        if vague(outcome, schema) and len(op.values) == 1:
            return next(iter(op.values))
    return ""


def sort_of(outcome: Outcome, schema: SideSchema) -> Kind:
    """What becomes of a refused write: see `operations.MOVES`."""
    if transient(outcome):
        return "retryable"
    return "quarantined" if vague(outcome, schema) else "permanent"


def circumstances(situation: Situation, side: Side, field: str, member_since: str) -> str:
    """A digest of what has to change for a cause to go: what is declared, and the contact's time in the list."""
    return _digest(_declared(situation, side, field) + member_since)


def _declared(situation: Situation, side: Side, field: str) -> str:
    """The target fields' schema, the mappings into them, the token's scopes. All fields that the connection writes if
    `field` is empty."""
    schema = situation.schemas[side]
    pairs = [
        (pair.hubspot if side == "hubspot" else pair.app, pair.fingerprint)
        for pair in mapped_pairs(situation.connection, situation.schemas)
        if pair.flows_to(side)
    ]
    meanings = sorted(pair for pair in pairs if field in ("", pair[0]))
    names = sorted({name for name, _ in meanings} | ({field} if field else essential(situation, side)))
    known = [schema.fields[name] for name in names if name in schema.fields]
    rules = [(one.name, one.type, one.options, one.rules, one.read_only, one.required) for one in known]
    return repr((rules, meanings, sorted(schema.scopes)))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def sent(values: Mapping[str, str]) -> str:
    """The digest of values that would be sent together."""
    return _digest("\x1e".join(f"{field}\x1f{values[field]}" for field in sorted(values)))


def held(population: Population, situation: Situation) -> pl.DataFrame:
    """What the quarantine holds back: rows of HELD.

    What earlier gates hold back would not be sent. A row wakes when what would be sent is no longer what was refused, when the circumstances are others, or when its
    time has come. A field of a create that every create needs holds back the contact.
    """
    refused = population.memory.refused
    if refused.is_empty():
        return pl.DataFrame(schema=HELD)
    writes = released(population.writes, pl.concat(population.earlier)) if population.earlier else population.writes
    concerned = writes.join(refused.select("contact", "side").unique(), on=["contact", "side"], how="semi")
    wanted: dict[tuple[int, Side], dict[str, str]] = {}
    creates: set[tuple[int, Side]] = set()
    for contact, side, kind, field, value in concerned.select("contact", "side", "kind", "field", "value").iter_rows():
        wanted.setdefault((contact, side), {})[field] = value or ""
        if kind == "create":
            creates.add((contact, side))
    rows = refused.join(_member_since(population.contacts), on="contact", how="left").to_dicts()
    causes = refused.select("side", "field").unique().iter_rows()
    declared = {(side, field): _declared(situation, side, field or "") for side, field in causes}
    asleep = [row for row in rows if not _awake(row, declared[row["side"], row["field"]], situation.now)]
    holding = []
    for row in sorted(asleep, key=lambda row: row["field"] == ""):
        key = (row["contact"], row["side"])
        values, field = wanted.get(key, {}), row["field"] or ""
        if field and field in values and sent({field: values[field]}) == row["sent"]:
            needed = key in creates and field in essential(situation, row["side"])
            holding.append(row | {"whole": needed})
            del values[field]
        elif not field and values and sent(values) == row["sent"]:
            holding.append(row | {"whole": True})
    return pl.DataFrame(holding, schema=HELD)


def _member_since(contacts: pl.DataFrame) -> pl.DataFrame:
    since = pl.col("member_since") if "member_since" in contacts.columns else pl.lit(None, pl.String)
    return contacts.select("contact", since.fill_null("").alias("member_since"))


def _awake(row: Mapping[str, str | int | None], declared: str, now: datetime) -> bool:
    then = row["circumstances"]
    if then and then != _digest(declared + str(row["member_since"] or "")):
        return True
    if row["lasting"] or not row["wake_at"]:
        return False
    return datetime.fromisoformat(str(row["wake_at"])) <= now


def keep(
    sql: sqlite3.Connection, situation: Situation, op: Operation, outcome: Outcome, run: int, moment: datetime
) -> Kind:
    """Stores a refusal, inside the caller's transaction. Returns what becomes of the write."""
    schema = situation.schemas[op.side]
    field, kind = blamed(op, outcome, schema), sort_of(outcome, schema)
    known = sql.execute(
        "SELECT tries, sent FROM quarantine WHERE contact_id = ? AND side = ? AND field = ?",
        (op.contact, op.side, field),
    ).fetchone()
    values = {field: op.values[field]} if field else (op.whole or op.values)
    digest = sent(values)
    tries = known["tries"] + 1 if known and known["sent"] == digest else 1
    lasting = kind == "permanent" and outcome.code.upper() not in _ABOUT_ANOTHER_RECORD
    wait = LADDER[-1] if kind == "permanent" else LADDER[min(tries, len(LADDER)) - 1]
    wake_at = None if lasting else iso(moment + wait)
    member = sql.execute("SELECT added_at FROM list_member WHERE record_id = ?", (op.ids["hubspot"],)).fetchone()
    since = member["added_at"] if member else ""
    sql.execute(
        "INSERT OR REPLACE INTO quarantine(contact_id, side, field, sent, circumstances, lasting, code, message, "
        "correlation_id, tries, wake_at, run_id, at) SELECT id, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM contact WHERE id = ?",
        (
            op.side, field, digest, circumstances(situation, op.side, field, since), int(lasting),
            outcome.code, outcome.message, outcome.correlation_id, tries, wake_at, run, iso(moment), op.contact,
        ),
    )  # fmt: skip
    return kind


def wake(sql: sqlite3.Connection, rows: Iterable[tuple[int, Side, str]]) -> None:
    """Lets the named rows (contact, side, field) be tried again, for every answer from now on, also one as of the last check. They
    stay, with the server's words and the number of tries, until the side has taken the value or refused it once more."""
    long_ago = iso(datetime.fromtimestamp(0, UTC))
    sql.executemany(
        "UPDATE quarantine SET lasting = 0, wake_at = ? WHERE contact_id = ? AND side = ? AND field = ?",
        ((long_ago, *row) for row in rows),
    )


def release(sql: sqlite3.Connection, contact: int, side: Side, fields: Collection[str]) -> None:
    """Forgets what was refused of fields that the side has now taken, and of the record as a whole."""
    sql.executemany(
        "DELETE FROM quarantine WHERE contact_id = ? AND side = ? AND field = ?",
        [(contact, side, field) for field in ("", *fields)],
    )
