"""Contacts and causes: a filter is materialised once as a window of ids, then read page by page by position."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace

from engine.workspace import Workspace


@dataclass(frozen=True)
class ContactFilter:
    """Which contacts: text in name, e-mail or ids, also additional addresses and ids that were merged away; a state; the deciding cause; or any open finding's code."""

    text: str = ""
    state: str = ""
    cause: str = ""
    finding: str = ""

    @property
    def empty(self) -> bool:
        """Whether it lets everything through."""
        return self == ContactFilter()

    def with_text(self, text: str) -> ContactFilter:
        """The same filter with another text."""
        return replace(self, text=text)


@dataclass(frozen=True)
class ContactRow:
    """A contact as the table shows it; the texts are raw."""

    id: int
    email: str
    name: str
    state: str
    cause: str
    hubspot_id: str
    app_id: str


@dataclass(frozen=True)
class Window:
    """How many contacts a filter hits, and how many there are."""

    hits: int
    of: int


@dataclass(frozen=True)
class CauseRow:
    """A cause with the contacts whose verdict it decides, and how many more it was also found on."""

    code: str
    state: str
    contacts: int
    also: int


def open_contacts(workspace: Workspace, wanted: ContactFilter) -> Window:
    """Materialises the ids that a filter hits as a temporary table with dense positions.

    One statement, so SQLite works without the interpreter's lock and can be interrupted. The table lives in memory:
    addresses never reach a temporary file.
    """
    conditions, parameters = _conditions(wanted)
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    sql = workspace.sql
    sql.execute("PRAGMA temp_store = MEMORY")
    sql.execute("DROP TABLE IF EXISTS temp.contact_window")
    sql.execute("CREATE TEMP TABLE contact_window(position INTEGER PRIMARY KEY, contact_id INTEGER NOT NULL)")
    sql.execute(
        "INSERT INTO temp.contact_window(contact_id) SELECT c.id FROM contact c "
        f"LEFT JOIN verdict v ON v.contact_id = c.id {where} ORDER BY c.id",
        parameters,
    )
    sql.commit()
    hits = int(workspace.value("SELECT coalesce(max(position), 0) FROM temp.contact_window"))
    return Window(hits, hits if wanted.empty else int(workspace.value("SELECT count(*) FROM contact")))


def contact_page(workspace: Workspace, first: int, limit: int) -> tuple[ContactRow, ...]:
    """Rows `first` to `first + limit` of the window, counted from 0; read by key, whatever the depth."""
    rows = workspace.rows(
        "SELECT c.id, c.email, c.name, coalesce(v.state, 'unknown') AS state, coalesce(v.cause, '') AS cause, "
        "coalesce(c.hubspot_id, '') AS hubspot_id, coalesce(c.app_id, '') AS app_id FROM temp.contact_window w "
        "JOIN contact c ON c.id = w.contact_id LEFT JOIN verdict v ON v.contact_id = c.id "
        "WHERE w.position > ? AND w.position <= ? ORDER BY w.position",
        (first, first + limit),
    )
    return tuple(ContactRow(*row) for row in rows)


def contact_position(workspace: Workspace, contact: int) -> int | None:
    """Where a contact stands in the window, counted from 0; None if the filter does not hit it."""
    found = workspace.value("SELECT position FROM temp.contact_window WHERE contact_id = ?", (contact,))
    return None if found is None else int(found) - 1


def causes(workspace: Workspace) -> tuple[CauseRow, ...]:
    """Every cause of the current verdicts and findings: the failing ones first, then by number of contacts."""
    deciding = workspace.rows(
        "SELECT cause, state, count(*) AS contacts FROM verdict WHERE state <> 'in_sync' AND cause <> '' GROUP BY cause, state"
    )
    found = workspace.rows(
        "SELECT code, min(state) AS state, count(DISTINCT contact_id) AS contacts FROM open_findings GROUP BY code"
    )
    everywhere = {row["code"]: row["contacts"] for row in found}
    decided: dict[str, int] = {}
    for row in deciding:
        decided[row["cause"]] = decided.get(row["cause"], 0) + row["contacts"]
    rows = [
        CauseRow(
            row["cause"], row["state"], row["contacts"], max(0, everywhere.get(row["cause"], 0) - decided[row["cause"]])
        )
        for row in deciding
    ]
    rows += [CauseRow(row["code"], row["state"], 0, row["contacts"]) for row in found if row["code"] not in decided]
    order = {"failing": 0, "conflict": 1, "unknown": 2, "excluded": 3, "pending": 4}
    return tuple(sorted(rows, key=lambda row: (row.contacts == 0, order.get(row.state, 5), -row.contacts, row.code)))


def _conditions(wanted: ContactFilter) -> tuple[list[str], list[str]]:
    conditions: list[str] = []
    parameters: list[str] = []
    if wanted.state:
        conditions.append("coalesce(v.state, 'unknown') = ?")
        parameters.append(wanted.state)
    if wanted.cause:
        conditions.append("v.cause = ?")
        parameters.append(wanted.cause)
    if wanted.finding:
        conditions.append("c.id IN (SELECT contact_id FROM open_findings WHERE code = ?)")
        parameters.append(wanted.finding)
    if wanted.text:
        columns = ("c.email", "c.name", "c.hubspot_id", "c.app_id")
        patterns = _patterns(wanted.text)
        also = (
            "c.hubspot_id IN (SELECT record_id FROM additional_email WHERE email_key LIKE ? ESCAPE '\\')",
            "c.hubspot_id IN (SELECT record_id FROM alias WHERE side = 'hubspot' AND old_id LIKE ? ESCAPE '\\')",
            "c.app_id IN (SELECT record_id FROM alias WHERE side = 'app' AND old_id LIKE ? ESCAPE '\\')",
        )
        places = [*(f"{column} LIKE ? ESCAPE '\\'" for column in columns), *also]
        conditions.append(f"({' OR '.join(place for place in places for _ in patterns)})")
        parameters += list(patterns) * len(places)
    return conditions, parameters


def _patterns(text: str) -> tuple[str, ...]:
    """LIKE patterns for a text. SQLite's LIKE folds ASCII letters only, so other letters are tried in both cases."""
    plain = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    if plain.isascii():
        return (f"%{plain}%",)
    forms = {unicodedata.normalize(form, plain) for form in ("NFC", "NFD")}
    return tuple(sorted({f"%{cased}%" for form in forms for cased in (form, form.lower(), form.upper(), form.title())}))
