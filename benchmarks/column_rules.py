"""The peer with columns: pandera[polars] with the column rules of the practice connection.

`python -m benchmarks.column_rules WORKSPACE` reads the mirror as the product does, slice by slice, validates each lazily (all
failure cases are collected), stores them as findings and prints seconds, peak megabytes and counts as JSON. With `--rules` it
prints the seconds that the rules alone take on the same loaded frames: ours (the planner with the same gates), the planner with all
gates, and pandera's.

In: e-mail missing and invalid, opt-in, member status, bounced, test, role and disposable addresses, and what the target declares
of a field (required, type, option, format, length, range). pandera has no notion of what would be written, so it looks at every
source value, where ours looks at the values that differ; ours has to find these first. A value that was not fetched is left out.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl
from disposable_email_domains import blocklist

from benchmarks.mirrored import practice_connection
from diagnostics.causes.addresses import certainly_valid, why_invalid
from diagnostics.causes.role_address import ROLES
from diagnostics.checkup import GATES
from engine import canonical
from engine.fingerprint import numbered
from engine.gates import Situation
from engine.memory import memory_of_slice
from engine.plan import plan
from engine.population import Compared, slice_of
from engine.runs import Run
from engine.schema import SIDES, Side
from engine.situation import recall
from engine.slices import bounds, slices
from engine.workspace import Workspace

CODES = (
    "email-missing", "email-invalid", "opt-in", "member-status", "bounced", "test-address", "role-address",
    "disposable-domain", "required-field", "field-type", "field-option", "field-format", "field-length", "field-range",
)  # fmt: skip
"""The causes that look at one record's columns."""
OUR_GATES = tuple(gate for gate in GATES if gate.code in CODES)
ALONE = "alone.EMAIL"
"""The address of a member that has no HubSpot record, and so decides."""
FINDING = ("contact", "code", "field", "state", "blocking", "value", "rule")


@dataclass(frozen=True)
class ColumnRule:
    """What a column's values have to meet, and the finding for those that do not; null passes."""

    code: str
    field: str
    meets: Callable[[pl.Expr], pl.Expr]
    words: str
    state: str = "failing"
    blocking: bool = True

    @property
    def name(self) -> str:
        """Names the check among pandera's failure cases."""
        return f"{self.code} {self.field}: {self.words}"


_ROLE = pl.Series(ROLES).implode()
_HOST = r"(?:[^\s/?#@]+@)?[^\s/?#@.:]+(?:\.[^\s/?#@.:]+)*(?::[0-9]{1,5})?(?:[/?#]\S*)?"
_URL = rf"(?i)\A\s*(?:https?://{_HOST}\s*)?\z"
_URL_OR_HOST = r"(?i)\A\s*(?:(?:https?://)?[^\s/@.]+(?:\.[^\s/@.]+)+(?:/\S*)?\s*)?\z"
_NUMBER = r"\A\s*(?:[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)\s*)?\z"
_COUNTRIES = (
    "", "Deutschland", "Österreich", "Schweiz", "Frankreich", "Niederlande", "Polen", "Spanien", "Italien",
    "Vereinigtes Königreich", "USA",
)  # fmt: skip
_STAGES = ("", "subscriber", "lead", "opportunity", "customer", "evangelist")
"""HubSpot's stages that the mapping translates into one of the app's choices."""


def _matches(pattern: str) -> Callable[[pl.Expr], pl.Expr]:
    return lambda column: column.str.contains(pattern)


def _one_of(*values: str) -> Callable[[pl.Expr], pl.Expr]:
    return lambda column: column.str.strip_chars().is_in(values)


def _valid(column: pl.Expr) -> pl.Expr:
    address = column.str.strip_chars()
    doubtful = pl.when(~certainly_valid(address) & (address != "")).then(address)
    return ~doubtful.map_batches(_invalid, return_dtype=pl.Boolean).fill_null(False)


def _invalid(doubtful: pl.Series) -> pl.Series:
    verdicts = {address: bool(why_invalid(address)) for address in doubtful.drop_nulls().unique().to_list()}
    return doubtful.replace_strict(verdicts, default=False, return_dtype=pl.Boolean)


def _a_date(column: pl.Expr) -> pl.Expr:
    return canonical.date(column).is_not_null() | (column == "")


def _at_most(characters: int) -> Callable[[pl.Expr], pl.Expr]:
    return lambda column: column.str.len_chars() <= characters


def _at_most_bytes(number: int) -> Callable[[pl.Expr], pl.Expr]:
    return lambda column: column.str.len_bytes() <= number


def _number(column: pl.Expr) -> pl.Expr:
    return column.str.strip_chars().cast(pl.Float64, strict=False)


def _address(field: str, app: str) -> list[ColumnRule]:
    none = f"contacts are recognised by their e-mail address, and the {app} record has none"
    return [
        ColumnRule("email-missing", field, lambda column: column.str.strip_chars() != "", none, "excluded"),
        ColumnRule("email-invalid", field, _valid, "not a valid e-mail address", "excluded"),
    ]


def _unwanted(situation: Situation) -> list[ColumnRule]:
    own = situation.connection.unwanted.disposable_domains
    domains = pl.Series(sorted({*blocklist, *own})).implode()

    def rule(code: str, meets: Callable[[pl.Expr], pl.Expr], words: str) -> ColumnRule:
        return ColumnRule(code, "", meets, words, "excluded", code in situation.connection.unwanted.exclude)

    made_up = r"(?s)\A(?:test(?:[^\p{L}@].*)?|asdf|qwerty|foo|foobar|xxx|dummy)@[^@]*\z"
    return [
        rule("test-address", lambda key: ~key.str.contains(made_up), "the part before the @ is one used for tests"),
        rule("role-address", lambda key: ~key.str.extract(r"(?s)\A(.*)@[^@]*\z").is_in(_ROLE), "of a function"),
        rule("disposable-domain", lambda key: ~key.str.extract(r"@([^@]*)\z").is_in(domains), "to be thrown away"),
    ]


def _bytes(field: str) -> ColumnRule:
    return ColumnRule("field-length", f"app.{field}", _at_most_bytes(255), "takes at most 255 bytes in UTF-8 here")


def _into(code: str, field: str, meets: Callable[[pl.Expr], pl.Expr], words: str) -> ColumnRule:
    return ColumnRule(code, field, meets, words)


def column_rules(situation: Situation) -> Mapping[str, list[ColumnRule]]:
    """The rules of each column of a slice: what a side asks of its own record, and what the other side takes of it."""
    number, a_date = "takes only a number here, like 1250 or 12.5", "takes only a date here, like 2026-01-31"
    filled: Callable[[pl.Expr], pl.Expr] = lambda column: column.str.strip_chars() != ""  # noqa: E731
    return {
        "hubspot.email": _address("hubspot.email", "HubSpot"),
        ALONE: _address("app.EMAIL", "Mailchimp"),
        "email_key": _unwanted(situation),
        "hubspot.newsletter_opt_in": [
            ColumnRule("opt-in", "hubspot.newsletter_opt_in", _one_of("true"), "newsletter_opt_in is true", "excluded")
        ],
        "hubspot.hs_email_optout": [
            ColumnRule("opt-in", "hubspot.hs_email_optout", lambda c: ~_one_of("true")(c), "opted out", "excluded")
        ],
        "hubspot.hs_email_hard_bounce_reason_enum": [
            ColumnRule("bounced", "hubspot.hs_email_hard_bounce_reason_enum", _one_of(""), "came back", "excluded")
        ],
        "app.member_status": [
            ColumnRule("member-status", "app.member_status", _one_of("subscribed"), "subscribed only", "excluded")
        ],
        "hubspot.firstname": [_into("required-field", "app.FNAME", filled, "required"), _bytes("FNAME")],
        "hubspot.lastname": [_bytes("LNAME")],
        "hubspot.phone": [_bytes("PHONE")],
        "hubspot.city": [_bytes("CITY")],
        "hubspot.country": [
            _into("field-option", "app.COUNTRY", _one_of(*_COUNTRIES), "takes only some here"), _bytes("COUNTRY"),
        ],
        "hubspot.website": [
            _into("field-format", "app.WEBSITE", _matches(_URL), "takes only a web address with http:// or https:// here"),
            _into("field-format", "app.WEBSITE", _matches(_URL_OR_HOST), "takes only a web address here"), _bytes("WEBSITE"),
        ],
        "hubspot.customer_number": [_into("field-type", "app.CUSTNO", _matches(_NUMBER), number)],
        "hubspot.loyalty_points": [_into("field-type", "app.POINTS", _matches(_NUMBER), number)],
        "hubspot.contract_start": [_into("field-type", "app.CONTRACT", _a_date, a_date)],
        "hubspot.lifecyclestage": [
            _into("field-option", "app.STAGE", _one_of(*_STAGES), "takes only some here"), _bytes("STAGE"),
        ],
        "app.LNAME": [_into("required-field", "hubspot.lastname", filled, "required")],
        "app.CITY": [_into("field-length", "hubspot.city", _at_most(60), "takes at most 60 characters here")],
        "app.CUSTNO": [_into("field-format", "hubspot.customer_number", _matches(r"\A([0-9]{4,8})?\z"), "^[0-9]{4,8}$")],
        "app.POINTS": [
            _into("field-type", "hubspot.loyalty_points", _matches(_NUMBER), number),
            _into("field-range", "hubspot.loyalty_points", lambda c: _number(c) >= 0, "takes only numbers from 0 up here"),
            _into("field-range", "hubspot.loyalty_points", lambda c: _number(c) <= 100_000, "takes only numbers up to 100000"),
        ],
        "app.CONTRACT": [_into("field-type", "hubspot.contract_start", _a_date, a_date)],
    }  # fmt: skip


class Columns:
    """The rules as a pandera schema."""

    def __init__(self, situation: Situation) -> None:
        import pandera.polars  # costs 500 ms to import

        self._errors = pandera.errors.SchemaErrors
        rules = column_rules(situation)
        self._rules = {rule.name: rule for some in rules.values() for rule in some}
        self._names = [name for name in rules if name != ALONE]
        self._schema = pandera.polars.DataFrameSchema(
            {
                name: pandera.polars.Column(
                    pl.String, nullable=True, checks=[_check(pandera.polars, rule) for rule in some]
                )
                for name, some in rules.items()
            }
        )

    def failures(self, contacts: pl.DataFrame) -> pl.DataFrame:
        """Rows of FINDING for the contacts of a slice."""
        columns = contacts.select(*self._names, pl.when(~pl.col("hubspot")).then("app.EMAIL").alias(ALONE))
        try:
            self._schema.validate(columns, lazy=True)
        except self._errors as error:
            return self._findings(contacts, error.failure_cases)
        return pl.DataFrame(schema={name: pl.Boolean if name == "blocking" else pl.String for name in FINDING})

    def _findings(self, contacts: pl.DataFrame, cases: pl.DataFrame) -> pl.DataFrame:
        rules = [self._rules[name] for name in cases["check"].unique()]
        known = pl.DataFrame(
            [(rule.name, rule.code, rule.field, rule.state, rule.blocking, rule.words) for rule in rules],
            schema=["check", "code", "field", "state", "blocking", "rule"],
            orient="row",
        )
        who = contacts.select("contact", pl.int_range(pl.len(), dtype=pl.Int32).alias("index"), "hubspot")
        deciding = pl.when("hubspot").then(pl.lit("hubspot.email")).otherwise(pl.lit("app.EMAIL"))
        return (
            cases.lazy()
            .join(known.lazy(), on="check", maintain_order="left")
            .join(who.lazy(), on="index", maintain_order="left")
            .with_columns(field=pl.when(pl.col("field") == "").then(deciding).otherwise("field"))
            .with_columns(value=pl.col("failure_case").str.slice(0, 200))
            .select(FINDING)
            .unique(["contact", "code", "field"], keep="first", maintain_order=True)
            .collect()
        )


def _check(pandera: Any, rule: ColumnRule) -> Any:
    return pandera.Check(
        lambda data: data.lazyframe.select(rule.meets(pl.col(data.key))), name=rule.code, error=rule.name
    )


def store(workspace: Workspace, findings: pl.DataFrame, run: int) -> None:
    """Stores a slice's findings as the product does."""
    with workspace.transaction() as sql:
        sql.executemany(
            "INSERT INTO finding(contact_id, code, field, state, blocking, value, rule, fingerprint, first_run, last_run) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            ((*row, run, run) for row in numbered(sql, findings).select(*FINDING, "fingerprint").iter_rows()),
        )


def _looked_at(situation: Situation) -> Compared:
    """Only the columns that the rules look at are read of everybody."""
    names: dict[Side, set[str]] = {side: set() for side in SIDES}
    for column in column_rules(situation):
        side, _, name = column.partition(".")
        if side in names:
            names[side].add(name)
    read = {side: frozenset(some) for side, some in names.items()}
    return Compared(read, situation.schemas["hubspot"].identity_field, (), ())


def end_to_end(workspace: Workspace, situation: Situation) -> dict[str, Any]:
    """Loads, validates and stores everything."""
    run, columns = Run(workspace, "check"), Columns(situation)
    population, counts = 0, Counter[str]()
    began = time.perf_counter()
    read = slices(workspace, lambda contacts, _: columns.failures(contacts), _looked_at(situation))
    for contacts, findings in chain.from_iterable(read):
        store(workspace, findings, run.id)
        population += contacts.height
        counts.update(findings["code"])
    seconds = time.perf_counter() - began
    run.finish("done", 0)
    return {"seconds": seconds, "population": population, "findings": counts.total(), "codes": counts}


def rules_alone(workspace: Workspace, situation: Situation) -> dict[str, Any]:
    """The same frames through each, in turn another one first; loading and storing is not in it."""
    columns, seconds = Columns(situation), {"ours": 0.0, "all gates": 0.0, "pandera": 0.0}
    for number, (after, up_to) in enumerate(bounds(workspace)):
        contacts, memory = slice_of(workspace, after, up_to), memory_of_slice(workspace, after, up_to)
        ways: list[tuple[str, Callable[[], object]]] = [
            ("ours", lambda contacts=contacts, memory=memory: plan(contacts, memory, situation, OUR_GATES)),  # type: ignore[misc]
            ("all gates", lambda contacts=contacts, memory=memory: plan(contacts, memory, situation, GATES)),  # type: ignore[misc]
            ("pandera", lambda contacts=contacts: columns.failures(contacts)),  # type: ignore[misc]
        ]
        for name, way in (*ways[number % 3 :], *ways[: number % 3]):
            began = time.perf_counter()
            way()
            seconds[name] += time.perf_counter() - began
    return dict(seconds)


def main(path: Path, *, rules: bool) -> None:
    """Measures once."""
    with Workspace(path) as workspace:
        situation = recall(workspace, practice_connection())
        answer = rules_alone(workspace, situation) if rules else end_to_end(workspace, situation)
    answer["peak_megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(answer))


if __name__ == "__main__":
    main(Path(sys.argv[1]), rules="--rules" in sys.argv)
