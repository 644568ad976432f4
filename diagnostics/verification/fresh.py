"""Reads both sides anew through their connectors: no mirror, no cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from diagnostics.verification.consent import ConsentRule
from engine.canonical import email_key
from engine.connectors import Connector, HubSpotSource, Record
from engine.errors import ScopeMissing
from engine.merge import MappedPair
from engine.runs import Run
from engine.schema import Side, SideSchema

OBJECT_SOURCE = "hs_object_source"
OBJECT_SOURCE_LABEL = "hs_object_source_label"
REREAD_LIMIT = 1_000
"""At most so many doubtful records are read again one by one; Mailchimp answers one address per request."""


_AT_ONCE: Mapping[Side, tuple[int, int]] = {"hubspot": (100, 0), "app": (10, 500)}
"""Records asked for between two looks at progress, and how many a page of the listing replaces at least; 0: a listing saves
nothing, since a batch by id is as large as a page."""


@dataclass(frozen=True)
class FreshSide:
    """A side as it is now.

    `records`: one row per live record: `id`, `created_at`, `updated_at`, `key` (normalised e-mail, empty if there is
    none), `email` as it is, and each field as `value.NAME` (null: not fetched, empty text: explicitly empty).
    """

    side: Side
    records: pl.DataFrame
    fields: tuple[str, ...]
    identity: str

    def with_reread(self, records: Sequence[Record], asked: Sequence[str]) -> FreshSide:
        """The same with the asked ids taken from a second reading; those not given back are gone."""
        kept = self.records.filter(~pl.col("id").is_in(list(asked)))
        again = _frame([records], self.fields, self.identity)
        return replace(self, records=pl.concat([kept, again]).unique("id", keep="last", maintain_order=True))


def wanted_fields(schema: SideSchema, pairs: Sequence[MappedPair], rules: Sequence[ConsentRule]) -> tuple[str, ...]:
    """The mapped fields of a side, its identity, what holds consent and, in HubSpot, where a record came from."""
    mapped = [pair.hubspot if schema.side == "hubspot" else pair.app for pair in pairs]
    source = (OBJECT_SOURCE, OBJECT_SOURCE_LABEL) if schema.side == "hubspot" else ()
    extra = [name for name in source if name in schema.fields]
    consent = [rule.field for rule in rules if rule.side == schema.side]
    return tuple(dict.fromkeys([*mapped, schema.identity_field, *consent, *extra]))


async def read_side(run: Run, connector: Connector, schema: SideSchema, fields: tuple[str, ...]) -> FreshSide:
    """All live records of a side. Raises what the connector raises, and Stopped at a page's end."""
    phase = f"reading {connector.app} anew"
    total = await connector.count()
    pages: list[list[Record]] = []
    done = 0
    frames: list[pl.DataFrame] = []
    run.progress(phase, 0, total)
    async for page in connector.records(fields):
        pages.append(page)
        done += len(page)
        if len(pages) >= 100:
            frames.append(_frame(pages, fields, schema.identity_field))
            pages = []
        run.progress(phase, done, total)
    frames.append(_frame(pages, fields, schema.identity_field))
    records = pl.concat(frames).unique("id", keep="last", maintain_order=True)
    return FreshSide(schema.side, records, fields, schema.identity_field)


async def read_chosen(
    run: Run,
    connector: Connector,
    schema: SideSchema,
    fields: tuple[str, ...],
    ids: Sequence[str],
    emails: Sequence[str],
) -> FreshSide:
    """Only the records with these ids or addresses. Raises what the connector raises, and Stopped between requests.

    A side that answers one id per request is listed instead where that takes fewer requests.
    """
    phase = f"reading a sample of {connector.app} anew"
    step, listing = _AT_ONCE[connector.side]
    total = await connector.count() if listing else None
    pages: list[list[Record]] = []
    if total is not None and len(ids) * listing > total:
        chosen, done = frozenset(ids), 0
        async for page in connector.records(fields):
            pages.append([record for record in page if record.id in chosen])
            done += len(page)
            run.progress(phase, done, total)
        ids = ()
    for asked, read in ((ids, connector.read), (emails, connector.find)):
        for start in range(0, len(asked), step):
            pages.append(await read(asked[start : start + step], fields))
            run.progress(phase, min(start + step, len(asked)), len(asked))
    records = _frame(pages, fields, schema.identity_field).unique("id", keep="last", maintain_order=True)
    return FreshSide(schema.side, records, fields, schema.identity_field)


def _frame(pages: Sequence[Sequence[Record]], fields: Sequence[str], identity: str) -> pl.DataFrame:
    records = [record for page in pages for record in page]
    columns: dict[str, list[str | None]] = {
        "id": [record.id for record in records],
        "created_at": [record.created_at for record in records],
        "updated_at": [record.updated_at for record in records],
    }
    values = {f"value.{name}": [record.values.get(name) for record in records] for name in fields}
    frame = pl.DataFrame({**columns, **values}, schema=dict.fromkeys([*columns, *values], pl.String))
    email = pl.col(f"value.{identity}").fill_null("")
    return frame.with_columns(email=email, key=email_key(email))


@dataclass(frozen=True)
class Members:
    """The inclusion list's members: `id`, `since`. None if the connection names no list, or with the reason in
    `unreadable` if it could not be read."""

    rows: pl.DataFrame | None
    unreadable: str = ""

    def within(self, ids: pl.Series) -> Members:
        """Only the members with these ids."""
        return self if self.rows is None else replace(self, rows=self.rows.filter(pl.col("id").is_in(ids.implode())))


async def read_members(run: Run, hubspot: HubSpotSource, reference: str) -> Members:
    """Reads the inclusion list by id or name. Raises ConfigurationError if there is no such list."""
    if not reference:
        return Members(None)
    members: list[tuple[str, str]] = []
    try:
        inclusion = await hubspot.inclusion_list(reference)
        if inclusion.deleted_at is not None:
            return Members(None, "the inclusion list was deleted")
        async for page in hubspot.list_members(inclusion.id):
            members.extend(page)
            run.progress("reading the list anew", len(members), inclusion.size)
    except ScopeMissing as error:
        return Members(None, error.what)
    rows = pl.DataFrame(members, schema={"id": pl.String, "since": pl.String}, orient="row")
    return Members(rows.unique("id", keep="first", maintain_order=True))
