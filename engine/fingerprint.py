"""What makes two findings the same one: a digest of cause, field and rule, without values; and a contact's whole answer as a number."""

from __future__ import annotations

import hashlib
import json

import polars as pl

from engine.signature import VALUE, value_free_words
from engine.sqlite import sqlite3

VERSION = "v1"
_DIGITS = 16


def fingerprint(code: str, field: str, rule: str) -> str:
    """`v1:` and 16 hex digits over the cause's code, the field (`SIDE.NAME`) and the set of the rule's words without values.

    Neither the contact's values nor its number are in it, nor the order of the words: the same for every contact and in
    every workspace. Together with a record's id it names one finding. Another composition gets another version.
    """
    words = sorted(set(value_free_words(rule)) - {VALUE})
    text = "\x1f".join((code, field, *words)).encode("utf-8", "surrogatepass")
    return f"{VERSION}:{hashlib.sha256(text).hexdigest()[:_DIGITS]}"


def numbered(sql: sqlite3.Connection, findings: pl.DataFrame) -> pl.DataFrame:
    """The findings with a column `fingerprint`: the number of theirs in the table `fingerprint`, which gets the new ones."""
    said = findings.select("code", "field", "rule").unique(maintain_order=True)
    digests = [fingerprint(*row) for row in said.iter_rows()]
    sql.executemany(
        "INSERT OR IGNORE INTO fingerprint(digest, code, field, rule) VALUES (?, ?, ?, ?)",
        ((digest, *row) for digest, row in zip(digests, said.iter_rows(), strict=True)),
    )
    rows = sql.execute(
        "SELECT digest, id FROM fingerprint WHERE digest IN (SELECT value FROM json_each(?))",
        (json.dumps(list(dict.fromkeys(digests))),),
    )
    numbers = {row["digest"]: row["id"] for row in rows}
    known = said.with_columns(fingerprint=pl.Series([numbers[digest] for digest in digests], dtype=pl.Int64))
    return findings.join(known, on=["code", "field", "rule"], how="left", maintain_order="left")


def digested(verdicts: pl.DataFrame, findings: pl.DataFrame) -> pl.DataFrame:
    """The verdicts with a column `digest`: equal numbers mean equal verdicts and findings, values aside.

    `findings` as `numbered` gives them. Whoever reads the number may only take it as a hint that something changed: another
    version of the library may compute another one.
    """
    found = findings.lazy().group_by("contact").agg(found=_hash("fingerprint", "state", "blocking").sum())
    joined = verdicts.lazy().join(found, on="contact", how="left")
    return joined.select("contact", "state", "cause", digest=_hash("state", "cause", "found")).collect()


def _hash(*columns: str) -> pl.Expr:
    return pl.struct(columns).hash().reinterpret(signed=True)
