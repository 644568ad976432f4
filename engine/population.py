"""The contacts of the workspace as frames: both mirrored records of each side by side, with what links them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from engine.mirror import columns_of
from engine.schema import SIDES, Side
from engine.workspace import Workspace, quoted


@dataclass(frozen=True)
class Compared:
    """Where the two records of a contact differ, for a reader who needs most values only there.

    `always`: the fields of a side that are needed wherever there is a record. `pairs`: mapped fields, HubSpot's and the app's,
    that differ where they are not the same text. `unlike`: each tells of another mapping, from fields in `always`, where it differs.
    """

    always: Mapping[Side, frozenset[str]]
    pairs: tuple[tuple[str, str], ...]
    unlike: tuple[pl.Expr, ...]


def slice_of(workspace: Workspace, after: int, up_to: int, where: Compared | None = None) -> pl.DataFrame:
    """The contacts with ids in (after, up_to] as `gates.Population` describes them.

    `where`: fields that matter only where two records differ are read only there, and null elsewhere.
    """
    return _contacts(workspace, "c.id > ? AND c.id <= ?", (after, up_to), where)


def contacts_of(workspace: Workspace, ids: Sequence[int]) -> pl.DataFrame:
    """The named contacts as `gates.Population` describes them, with all their fields."""
    return _contacts(workspace, *_named(ids))


def _named(ids: Sequence[int]) -> tuple[str, tuple[str]]:
    return "c.id IN (SELECT value FROM json_each(?))", (json.dumps(list(ids)),)


_HOLDER: Mapping[Side, str] = {
    "hubspot": "CASE WHEN h._email_key <> a._email_key AND a._email_key <> '' THEN coalesce("
    "(SELECT min(o._id) FROM hubspot_contact o WHERE o._email_key = a._email_key AND o._id <> h._id), "
    "(SELECT min(e.record_id) FROM additional_email e WHERE e.email_key = a._email_key AND e.record_id <> h._id)) END",
    "app": "CASE WHEN h._email_key <> a._email_key AND h._email_key <> '' THEN "
    "(SELECT min(o._id) FROM app_contact o WHERE o._email_key = h._email_key AND o._id <> a._id) END",
}
"""Another record of the side that holds the address which this contact's other record has."""
_SWAP: Mapping[Side, str] = {
    "hubspot": "CASE WHEN h._email_key <> a._email_key AND a._email_key <> '' THEN EXISTS (SELECT 1 "
    "FROM hubspot_contact o JOIN contact t ON t.hubspot_id = o._id JOIN app_contact p ON p._id = t.app_id "
    "WHERE o._email_key = a._email_key AND p._email_key = h._email_key AND o._id <> h._id) ELSE 0 END",
    "app": "CASE WHEN h._email_key <> a._email_key AND h._email_key <> '' THEN EXISTS (SELECT 1 "
    "FROM app_contact o JOIN contact t ON t.app_id = o._id JOIN hubspot_contact p ON p._id = t.hubspot_id "
    "WHERE o._email_key = h._email_key AND p._email_key = a._email_key AND o._id <> a._id) ELSE 0 END",
}
"""Whether that record's contact would in turn get the address that this contact's record has now."""


_FREE = "NOT EXISTS (SELECT 1 FROM contact t WHERE t.{side}_id = f.id AND t.linked_at IS NOT NULL)"
_SUCCESSOR: Mapping[Side, str] = {
    "hubspot": "CASE WHEN c.linked_at IS NOT NULL AND h._id IS NULL AND a._email_key <> '' THEN "
    "(SELECT CASE WHEN count(*) = 1 THEN min(f.id) END FROM (SELECT o._id AS id FROM hubspot_contact o "
    "WHERE o._email_key = a._email_key UNION SELECT e.record_id FROM additional_email e WHERE e.email_key = a._email_key) f "
    f"WHERE {_FREE.format(side='hubspot')}) END",
    "app": "CASE WHEN c.linked_at IS NOT NULL AND a._id IS NULL AND h._id IS NOT NULL THEN "
    "(SELECT CASE WHEN count(*) = 1 THEN min(f.id) END FROM (SELECT o._id AS id FROM app_contact o "
    "WHERE o._email_key <> '' AND o._email_key IN (SELECT h._email_key UNION SELECT e.email_key FROM additional_email e "
    f"WHERE e.record_id = h._id)) f WHERE {_FREE.format(side='app')}) END",
}
"""Of a link whose record is gone from the side: the one record there, linked to nothing, with an address of the other."""


_FROM = (
    "contact c LEFT JOIN hubspot_contact h ON h._id = c.hubspot_id LEFT JOIN app_contact a ON a._id = c.app_id "
    "LEFT JOIN list_member m ON m.record_id = c.hubspot_id LEFT JOIN (SELECT contact_id, min(side) AS side FROM journal "
    "WHERE state IN ('intent', 'in_doubt') GROUP BY contact_id) d ON d.contact_id = c.id WHERE "
)
_DEPENDENT = "(h._email_key <> a._email_key OR c.linked_at IS NOT NULL AND (h._id IS NULL OR a._id IS NULL))"
_BY_OTHERS = {
    "hubspot_holder": _HOLDER["hubspot"], "app_holder": _HOLDER["app"],
    "hubspot_swap": _SWAP["hubspot"], "app_swap": _SWAP["app"],
    "hubspot_successor": _SUCCESSOR["hubspot"], "app_successor": _SUCCESSOR["app"],
}  # fmt: skip
"""What depends on other contacts' records. Few contacts have any of it, so it is read as one text."""
_EMAIL_KEY = "coalesce(nullif(h._email_key, ''), a._email_key, '')"
_OF_EVERYBODY = {
    "contact": "c.id", "linked": "c.linked_at IS NOT NULL", "member_since": "m.added_at", "email_key": _EMAIL_KEY,
    "email": f"nullif(c.email, {_EMAIL_KEY})", "hubspot._subscription": "h._subscription",
}  # fmt: skip
_OF_OTHERS = {
    "hubspot": "h._id IS NOT NULL", "app": "a._id IS NOT NULL", "hubspot_id": "c.hubspot_id", "app_id": "c.app_id",
    "hubspot_twins": "c.hubspot_twins", "app_twins": "c.app_twins",
    "hubspot_candidates": "c.hubspot_candidates", "app_candidates": "c.app_candidates", "erased": "c.erased",
    "in_doubt": "d.side", "dependent": f"{_DEPENDENT} IS TRUE",
    "hubspot._unreadable": "coalesce(h._unreadable, '')", "app._unreadable": "coalesce(a._unreadable, '')",
    "hubspot_updated_at": "h._updated_at", "app_updated_at": "a._updated_at",
    "hubspot_written_at": "c.hubspot_written_at", "app_written_at": "c.app_written_at",
}  # fmt: skip
_ORDINARY: Mapping[str, str | int] = {
    "hubspot": 1, "app": 1, "hubspot_twins": 1, "app_twins": 1, "hubspot_candidates": "", "app_candidates": "", "erased": 0,
    "dependent": 0, "hubspot._unreadable": "", "app._unreadable": "",
}  # fmt: skip
"""What an ordinary contact has, of which it is not read: two records that share their address with nobody. All else is null."""
_UNUSUAL = (
    f"h._id IS NULL OR a._id IS NULL OR {_DEPENDENT} OR c.hubspot_twins > 1 OR c.app_twins > 1 OR c.hubspot_candidates <> '' "
    "OR c.app_candidates <> '' OR c.erased OR d.side IS NOT NULL OR h._unreadable <> '' OR a._unreadable <> ''"
)
_INTEGERS = ("contact", "hubspot_twins", "app_twins", "linked", "hubspot", "app", "erased", "dependent")
_FLAGS = ("linked", "hubspot", "app", "erased", "dependent")


def _contacts(
    workspace: Workspace, which: str, parameters: Sequence[int | str], where: Compared | None = None
) -> pl.DataFrame:
    fields = {side: columns_of(workspace, side) for side in SIDES}
    values = {f"{side}.{name}": f"{side[0]}.{quoted(name)}" for side in SIDES for name in fields[side]}
    everything = {**_OF_EVERYBODY, **_OF_OTHERS, _TEXT: _by_others(), **values}
    if where is None:
        frame = workspace.population(everything, _FROM + which, parameters, integers=_INTEGERS)
    else:
        always = {f"{side}.{name}" for side in SIDES for name in where.always[side]}
        columns = {name: one for name, one in everything.items() if name in _OF_EVERYBODY or name in always}
        columns[_DIFFERS] = _differs(fields, where)
        frame = workspace.population(columns, _FROM + which, parameters, integers=(*_INTEGERS, _DIFFERS))
        rest = {name: one for name, one in everything.items() if name not in columns}
        frame = _with_the_rest(workspace, frame, rest, where.unlike)
    in_order = frame if frame["contact"].is_sorted() else frame.sort("contact")
    told = in_order.with_columns(
        pl.col(_FLAGS).cast(pl.Boolean),
        pl.col("email").fill_null(pl.col("email_key")),
        pl.col(_TEXT).str.json_decode(_TOLD),
    ).unnest(_TEXT)
    return told.select(*(name for name in everything if name != _TEXT), *_BY_OTHERS).with_columns(
        pl.col(_SWAPS).fill_null(False)
    )


_SWAPS = ("hubspot_swap", "app_swap")
_TEXT = "by others"
_TOLD = pl.Struct({name: pl.Boolean if name in _SWAPS else pl.String for name in _BY_OTHERS})


def _by_others() -> str:
    told = ", ".join(
        f"'{name}', json(CASE WHEN {expression} THEN 'true' ELSE 'false' END)"
        if name in _SWAPS
        else f"'{name}', {expression}"
        for name, expression in _BY_OTHERS.items()
    )
    return f"CASE WHEN {_DEPENDENT} THEN json_object({told}) || '' END"


_DIFFERS = "differs"
_MANY = 0.5
"""From this share of differing contacts on, it takes less time to read everything of everybody at once."""
_SAMPLE = 1_000


def mostly_alike(workspace: Workspace, where: Compared) -> bool:
    """Whether it is worthwhile to read most values only where records differ, by about 1,000 contacts from everywhere."""
    step = max(1, int(workspace.value("SELECT coalesce(max(id), 0) FROM contact")) // _SAMPLE)
    fields = {side: columns_of(workspace, side) for side in SIDES}
    which, parameters = _named(range(step, step * (_SAMPLE + 1), step))
    differing = workspace.value(f"SELECT avg({_differs(fields, where)}) FROM {_FROM}{which}", parameters)
    return (differing or 0) <= _MANY


def _differs(fields: Mapping[Side, Sequence[str]], where: Compared) -> str:
    pairs = [(one, other) for one, other in where.pairs if one in fields["hubspot"] and other in fields["app"]]
    unlike = [f"h.{quoted(one)} IS NOT a.{quoted(other)}" for one, other in pairs]
    return " OR ".join([_UNUSUAL, *unlike])


def _with_the_rest(
    workspace: Workspace, frame: pl.DataFrame, rest: Mapping[str, str], unlike: Sequence[pl.Expr]
) -> pl.DataFrame:
    differs = frame[_DIFFERS] == 1
    for other in unlike:
        names = sorted(set(other.meta.root_names()))
        if set(names) <= set(frame.columns):
            kinds = frame.select(names).unique().with_columns(other.alias(_DIFFERS))
            values = frame.select(names).join(kinds, on=names, how="left", nulls_equal=True, maintain_order="left")
            differs |= values[_DIFFERS].fill_null(False)
    which, parameters = _named(frame["contact"].filter(differs).to_list())
    values = workspace.population({"contact": "c.id", **rest}, _FROM + which, parameters, integers=_INTEGERS)
    ordinary = [pl.col(name).fill_null(value) for name, value in _ORDINARY.items()]
    return frame.join(values, on="contact", how="left", maintain_order="left").with_columns(ordinary)
