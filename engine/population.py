"""The contacts of the workspace as frames: both mirrored records of each side by side, with what links them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from engine.content import is_compared_by
from engine.mirror import columns_of
from engine.schema import SIDES, Side
from engine.workspace import Workspace, quoted


@dataclass(frozen=True)
class Compared:
    """Where the two records of a contact differ, for a reader who needs most values only there.

    `always`: the fields of a side that are needed wherever there is a record; besides these HubSpot's `address`. `pairs`: mapped
    fields, HubSpot's and the app's, that differ where they are not the same text. `unlike`: each tells of another mapping, from
    fields in `always`, where it differs.
    """

    always: Mapping[Side, frozenset[str]]
    address: str
    pairs: tuple[tuple[str, str], ...]
    unlike: tuple[pl.Expr, ...]


def slice_of(workspace: Workspace, after: int, up_to: int) -> pl.DataFrame:
    """The contacts with ids in (after, up_to] as `gates.Population` describes them, with all their fields."""
    return _contacts(workspace, *_range(after, up_to))


def alike_and_others(workspace: Workspace, after: int, up_to: int, where: Compared) -> list[pl.DataFrame]:
    """As `slice_of`, in two frames: those whose two records agree in everything, of whom only the least is read and all else is
    null, and all others."""
    alike, others = _alike(workspace, *_range(after, up_to), where)
    return [alike, contacts_of(workspace, others)] if others else [alike]


def contacts_of(workspace: Workspace, ids: Sequence[int]) -> pl.DataFrame:
    """The named contacts as `gates.Population` describes them, with all their fields."""
    which, values = _named(ids)
    found = _contacts(workspace, f"{which} AND {_WHERE_PAIRING_LEFT_THEM}", values, _BY_ROWS)
    rest = sorted({*ids}.difference(found["contact"]))
    return pl.concat([found, _contacts(workspace, *_named(rest))]).sort("contact") if rest else found


def inclusion_view(workspace: Workspace, ids: Sequence[int], fields: Sequence[str]) -> pl.DataFrame:
    """Of the named contacts those with a HubSpot record, as `gates.Population` describes them, but only with these fields (`SIDE.NAME`)
    and with what tells which lists they are in."""
    which, values = _named(ids)
    columns = {name: _OF_EVERYBODY[name] for name in ("contact", "hubspot", "member_since", "named_lists")}
    mirrored = _values(workspace)
    columns |= {name: mirrored[name] for name in fields if name in mirrored}
    records = "contact c JOIN hubspot_contact h ON h._id = c.hubspot_id LEFT JOIN app_contact a ON a._id = c.app_id "
    frame = workspace.population(columns, f"{records}{_MEMBER}WHERE {which}", values, integers=("contact", "hubspot"))
    return frame.sort("contact").with_columns(pl.col("hubspot").cast(pl.Boolean))


def _range(after: int, up_to: int) -> tuple[str, tuple[int, int]]:
    return "c.id > ? AND c.id <= ?", (after, up_to)


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


_RECORDS = "contact c LEFT JOIN hubspot_contact h ON {hubspot} LEFT JOIN app_contact a ON {app} "
_MEMBER = "LEFT JOIN list_member m ON m.record_id = c.hubspot_id "
_BY_IDS = _RECORDS.format(hubspot="h._id = c.hubspot_id", app="a._id = c.app_id") + _MEMBER
_BY_ROWS = _RECORDS.format(hubspot="h._rowid_ = c.hubspot_row", app="a._rowid_ = c.app_row") + _MEMBER
"""As pairing left them, in half the time: a record that is another one is not that of the contact."""
_WHERE_PAIRING_LEFT_THEM = "h._id IS c.hubspot_id AND a._id IS c.app_id"
_WITHOUT_ANSWER = "journal WHERE state IN ('intent', 'in_doubt')"
_WITH_DOUBT = (
    f"LEFT JOIN (SELECT contact_id, min(side) AS side FROM {_WITHOUT_ANSWER} GROUP BY contact_id) d "
    "ON d.contact_id = c.id WHERE "
)
_DEPENDENT = "(h._email_key <> a._email_key OR c.linked_at IS NOT NULL AND (h._id IS NULL OR a._id IS NULL))"
_BY_OTHERS = {
    "hubspot_holder": _HOLDER["hubspot"], "app_holder": _HOLDER["app"],
    "hubspot_swap": _SWAP["hubspot"], "app_swap": _SWAP["app"],
    "hubspot_successor": _SUCCESSOR["hubspot"], "app_successor": _SUCCESSOR["app"],
}  # fmt: skip
"""What depends on other contacts' records. Few contacts have any of it, so it is read as one text."""
_EMAIL_KEY = "coalesce(nullif(h._email_key, ''), a._email_key, '')"
NAMED_LISTS = "coalesce((SELECT ',' || group_concat(n.list_id, ',') || ',' FROM named_list_member n WHERE n.record_id = h._id), '')"
"""The ids of the other lists that the criteria name, of those that hold the HubSpot record, each between commas."""
_OF_EVERYBODY = {
    "contact": "c.id", "hubspot_id": "c.hubspot_id", "app_id": "c.app_id", "linked": "c.linked_at IS NOT NULL",
    "hubspot": "h._id IS NOT NULL", "app": "a._id IS NOT NULL", "member_since": "m.added_at",
    "named_lists": NAMED_LISTS, "hubspot_twins": "c.hubspot_twins", "app_twins": "c.app_twins",
    "hubspot_candidates": "c.hubspot_candidates", "app_candidates": "c.app_candidates", "erased": "c.erased",
    "in_doubt": "d.side", "dependent": f"{_DEPENDENT} IS TRUE", "email_key": _EMAIL_KEY,
    "email": f"nullif(c.email, {_EMAIL_KEY})",
    "hubspot._unreadable": "coalesce(h._unreadable, '')", "app._unreadable": "coalesce(a._unreadable, '')",
    "hubspot._subscription": "h._subscription",
    "hubspot_updated_at": "h._updated_at", "app_updated_at": "a._updated_at",
    "hubspot_written_at": "c.hubspot_written_at", "app_written_at": "c.app_written_at",
}  # fmt: skip
_OF_ALIKE = {
    "contact": "c.id", "linked": "c.linked_at IS NOT NULL", "member_since": "m.added_at", "email_key": "h._email_key",
    "named_lists": NAMED_LISTS,
    "email": "CASE WHEN c.email <> h._email_key THEN c.email END", "hubspot._subscription": "h._subscription",
}  # fmt: skip
_CONSTANT: Mapping[str, str | int | bool] = {
    "hubspot": True, "app": True, "hubspot_twins": 1, "app_twins": 1, "hubspot_candidates": "", "app_candidates": "",
    "erased": False, "dependent": False, "named_lists": "", "hubspot._unreadable": "", "app._unreadable": "", "hubspot_swap": False,
    "app_swap": False,
}  # fmt: skip
"""What two records that agree in everything and share their address with nobody have anyhow; all that is not read is null."""
_ALIKE_BY_CONTENT = (
    "h._content = a._content AND h._id = c.hubspot_id AND a._id = c.app_id AND h._email_key <> '' "
    "AND c.hubspot_twins < 2 AND c.app_twins < 2 AND c.hubspot_candidates = '' "
    f"AND c.app_candidates = '' AND NOT c.erased AND c.id NOT IN (SELECT contact_id FROM {_WITHOUT_ANSWER})"
)
"""True only of two records whose content is known and the same (which says that both can be read), of an ordinary contact."""
_UNUSUAL = (
    f"h._id IS NULL OR a._id IS NULL OR h._id IS NOT c.hubspot_id OR a._id IS NOT c.app_id OR {_DEPENDENT} "
    "OR h._email_key = '' OR c.hubspot_twins > 1 OR c.app_twins > 1 "
    "OR c.hubspot_candidates <> '' OR c.app_candidates <> '' OR c.erased OR h._unreadable <> '' OR a._unreadable <> '' "
    f"OR c.id IN (SELECT contact_id FROM {_WITHOUT_ANSWER})"
)
_INTEGERS = ("contact", "hubspot_twins", "app_twins", "linked", "hubspot", "app", "erased", "dependent")
_FLAGS = ("linked", "hubspot", "app", "erased", "dependent")


def any_named(workspace: Workspace) -> bool:
    """Whether anybody is in a list that the criteria name besides the inclusion list: if not, nobody is looked up."""
    return bool(workspace.value("SELECT EXISTS (SELECT 1 FROM named_list_member)"))


def _contacts(
    workspace: Workspace, which: str, parameters: Sequence[int | str], records: str = _BY_IDS
) -> pl.DataFrame:
    everything = {**_OF_EVERYBODY, _TEXT: _by_others(), **_values(workspace)}
    if not any_named(workspace):
        everything["named_lists"] = "''"
    frame = workspace.population(everything, records + _WITH_DOUBT + which, parameters, integers=_INTEGERS)
    in_order = frame if frame["contact"].is_sorted() else frame.sort("contact")
    told = in_order.with_columns(
        pl.col(_FLAGS).cast(pl.Boolean),
        pl.col("email").fill_null(pl.col("email_key")),
        pl.col(_TEXT).str.json_decode(_TOLD),
    ).unnest(_TEXT)
    return told.select(*(name for name in everything if name != _TEXT), *_BY_OTHERS).with_columns(
        pl.col(_SWAPS).fill_null(False)
    )


def _values(workspace: Workspace) -> dict[str, str]:
    return {f"{side}.{name}": f"{side[0]}.{quoted(name)}" for side in SIDES for name in columns_of(workspace, side)}


def _alike(
    workspace: Workspace, which: str, parameters: Sequence[int | str], where: Compared
) -> tuple[pl.DataFrame, list[int]]:
    """The contacts that are alike, and the numbers of all others."""
    values = _values(workspace)
    always = {f"{side}.{name}" for side in SIDES for name in where.always[side]} & set(values)
    address = f"hubspot.{where.address}"
    columns = {**_OF_ALIKE, **{name: value for name, value in values.items() if name in always}}
    if not any_named(workspace):
        del columns["named_lists"]
    translated = {name for other in where.unlike for name in other.meta.root_names()}
    if address in values and address not in translated:
        columns[address] = f"CASE WHEN {values[address]} <> h._email_key THEN {values[address]} END"
    columns[_DIFFERS] = _differs(workspace, values, where)
    frame = workspace.population(columns, f"{_BY_ROWS} WHERE {which}", parameters, integers=(*_INTEGERS, _DIFFERS))
    differs = frame[_DIFFERS] == 1
    for other in where.unlike:
        names = sorted(set(other.meta.root_names()))
        if set(names) <= set(frame.columns):
            kinds = frame.select(names).unique().with_columns(other.alias(_DIFFERS))
            judged = frame.select(names).join(kinds, on=names, how="left", nulls_equal=True, maintain_order="left")
            differs |= judged[_DIFFERS].fill_null(False)
    order = [*_OF_EVERYBODY, *values, *_BY_OTHERS]
    constant = {name: pl.lit(_CONSTANT.get(name), _kind(name)) for name in order if name not in columns}
    alike = frame.filter(~differs).with_columns(pl.col("linked").cast(pl.Boolean), **constant)
    in_order = alike if alike["contact"].is_sorted() else alike.sort("contact")
    addresses = [name for name in ("email", address) if name in columns]
    told = in_order.with_columns(pl.col(addresses).fill_null(pl.col("email_key")))
    return told.select(order), frame["contact"].filter(differs).to_list()


def _kind(name: str) -> pl.DataType:
    if name in _FLAGS or name in _SWAPS:
        return pl.Boolean()
    return pl.Int64() if name in _INTEGERS else pl.String()


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
    which, parameters = _named(range(step, step * (_SAMPLE + 1), step))
    differs = _differs(workspace, _values(workspace), where)
    return (workspace.value(f"SELECT avg({differs}) FROM {_BY_ROWS} WHERE {which}", parameters) or 0) <= _MANY


def _differs(workspace: Workspace, values: Mapping[str, str], where: Compared) -> str:
    pairs = [(f"hubspot.{one}", f"app.{other}") for one, other in where.pairs]
    unlike = [f"{values[one]} IS NOT {values[other]}" for one, other in pairs if one in values and other in values]
    differs = " OR ".join([_UNUSUAL, *unlike])
    return (
        f"CASE WHEN {_ALIKE_BY_CONTENT} THEN 0 ELSE {differs} END"
        if is_compared_by(workspace, where.pairs)
        else differs
    )
