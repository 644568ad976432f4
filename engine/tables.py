"""The workspace's tables and views, as numbered migrations. Names are public: people open the file with other tools.

Columns of the two mirror tables that start with an underscore belong to the mirror; all others are the side's own
fields under their own names. In the mirror `''` is explicitly empty and NULL was not fetched. Times are ISO 8601, UTC.
`docs/workspace.md` describes every table for readers.
"""

from __future__ import annotations

import re

APPLICATION_ID = 0x53594E43

_FIRST = """
CREATE TABLE fact (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE run (
  id INTEGER PRIMARY KEY, command TEXT NOT NULL, state TEXT NOT NULL, started_at TEXT NOT NULL, ended_at TEXT,
  pid INTEGER, host TEXT, phase TEXT NOT NULL DEFAULT '', done INTEGER NOT NULL DEFAULT 0, total INTEGER,
  rate REAL, exit_code INTEGER, message TEXT NOT NULL DEFAULT '', counts TEXT NOT NULL DEFAULT '{}'
);
CREATE TABLE event (
  id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES run(id), at TEXT NOT NULL, level TEXT NOT NULL,
  code TEXT NOT NULL, text TEXT NOT NULL
);
CREATE INDEX event_of_run ON event(run_id, id);
CREATE TABLE exchange (
  id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES run(id), at TEXT NOT NULL, side TEXT NOT NULL,
  method TEXT NOT NULL, path TEXT NOT NULL, status INTEGER, milliseconds INTEGER NOT NULL, attempt INTEGER NOT NULL,
  correlation_id TEXT NOT NULL DEFAULT '', note TEXT NOT NULL DEFAULT ''
);
CREATE INDEX exchange_of_run ON exchange(run_id, id);

CREATE TABLE hubspot_contact (
  _id TEXT PRIMARY KEY, _email_key TEXT NOT NULL DEFAULT '', _content INTEGER, _created_at TEXT, _updated_at TEXT,
  _unreadable TEXT NOT NULL DEFAULT '', _subscription TEXT, _seen_run INTEGER NOT NULL
);
CREATE INDEX hubspot_contact_email ON hubspot_contact(_email_key);
CREATE TABLE app_contact (
  _id TEXT PRIMARY KEY, _email_key TEXT NOT NULL DEFAULT '', _content INTEGER, _created_at TEXT, _updated_at TEXT,
  _unreadable TEXT NOT NULL DEFAULT '', _seen_run INTEGER NOT NULL
);
CREATE INDEX app_contact_email ON app_contact(_email_key);
CREATE TABLE list_member (record_id INTEGER PRIMARY KEY, added_at TEXT NOT NULL DEFAULT '');
CREATE TABLE named_list_member (record_id TEXT NOT NULL, list_id TEXT NOT NULL, PRIMARY KEY (record_id, list_id)) WITHOUT ROWID;
CREATE INDEX named_list_member_list ON named_list_member(list_id);
CREATE TABLE declared (what TEXT PRIMARY KEY, run_id INTEGER NOT NULL, at TEXT NOT NULL, document TEXT NOT NULL);

CREATE TABLE contact (
  id INTEGER PRIMARY KEY AUTOINCREMENT, anchor TEXT NOT NULL UNIQUE, hubspot_id TEXT UNIQUE, app_id TEXT UNIQUE,
  linked_at TEXT, linked_by TEXT NOT NULL DEFAULT '', hubspot_written_at TEXT, app_written_at TEXT, hubspot_twins INTEGER NOT NULL DEFAULT 0,
  app_twins INTEGER NOT NULL DEFAULT 0, hubspot_candidates TEXT NOT NULL DEFAULT '', app_candidates TEXT NOT NULL DEFAULT '',
  matched_by TEXT NOT NULL DEFAULT '', erased INTEGER NOT NULL DEFAULT 0, email TEXT NOT NULL DEFAULT '',
  name TEXT NOT NULL DEFAULT '', hubspot_row INTEGER, app_row INTEGER
);
CREATE INDEX contact_with_candidates ON contact(id) WHERE hubspot_candidates <> '';
CREATE INDEX contact_of_nothing ON contact(id) WHERE hubspot_id IS NULL AND app_id IS NULL;
CREATE INDEX contact_sharing ON contact(id)
  WHERE linked_at IS NULL AND (hubspot_twins > 1 OR app_twins > 1 OR app_twins > 0 AND hubspot_twins > 0 AND matched_by <> 'email');
CREATE TABLE base_field (
  contact_id INTEGER NOT NULL REFERENCES contact(id) ON DELETE CASCADE, field TEXT NOT NULL,
  hubspot_value TEXT NOT NULL, app_value TEXT NOT NULL, fingerprint TEXT NOT NULL DEFAULT '', run_id INTEGER NOT NULL,
  PRIMARY KEY (contact_id, field)
) WITHOUT ROWID;
CREATE TABLE journal (
  id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES run(id), contact_id INTEGER NOT NULL, side TEXT NOT NULL,
  kind TEXT NOT NULL, record_id TEXT, email_key TEXT NOT NULL DEFAULT '', state TEXT NOT NULL, sent TEXT NOT NULL,
  before TEXT NOT NULL, kept TEXT, status INTEGER, code TEXT NOT NULL DEFAULT '', field TEXT NOT NULL DEFAULT '',
  message TEXT NOT NULL DEFAULT '', correlation_id TEXT NOT NULL DEFAULT '', planned_at TEXT NOT NULL, settled_at TEXT,
  undoes INTEGER REFERENCES journal(id)
);
CREATE INDEX journal_of_contact ON journal(contact_id, id);
CREATE INDEX journal_of_run ON journal(run_id, id);
CREATE INDEX journal_of_record ON journal(record_id) WHERE record_id IS NOT NULL;
CREATE INDEX journal_undoes ON journal(undoes) WHERE undoes IS NOT NULL;
CREATE INDEX journal_unsettled ON journal(state) WHERE state IN ('intent', 'in_doubt');
CREATE INDEX journal_planned ON journal(state) WHERE state = 'planned';
CREATE INDEX journal_applied ON journal(state) WHERE state = 'applied';
CREATE TABLE quarantine (
  contact_id INTEGER NOT NULL REFERENCES contact(id) ON DELETE CASCADE, side TEXT NOT NULL, field TEXT NOT NULL,
  sent TEXT NOT NULL, circumstances TEXT NOT NULL DEFAULT '', lasting INTEGER NOT NULL DEFAULT 1, code TEXT NOT NULL,
  message TEXT NOT NULL, correlation_id TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 1, wake_at TEXT,
  run_id INTEGER NOT NULL, at TEXT NOT NULL, PRIMARY KEY (contact_id, side, field)
) WITHOUT ROWID;

CREATE TABLE alias (
  side TEXT NOT NULL, old_id TEXT NOT NULL, fate TEXT NOT NULL, record_id TEXT NOT NULL DEFAULT '', run_id INTEGER NOT NULL,
  at TEXT NOT NULL, PRIMARY KEY (side, old_id)
) WITHOUT ROWID;
CREATE TABLE additional_email (
  record_id TEXT NOT NULL, email_key TEXT NOT NULL, PRIMARY KEY (record_id, email_key)
) WITHOUT ROWID;
CREATE INDEX additional_email_key ON additional_email(email_key);
CREATE TABLE suppression (
  address_hash TEXT PRIMARY KEY, person TEXT NOT NULL, reason TEXT NOT NULL, run_id INTEGER, at TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE cursor_slice (
  side TEXT NOT NULL, fingerprint TEXT NOT NULL, low TEXT NOT NULL, high TEXT NOT NULL, run_id INTEGER NOT NULL,
  PRIMARY KEY (side, fingerprint, low)
) WITHOUT ROWID;
CREATE TABLE full_reading (
  side TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, run_id INTEGER NOT NULL, at TEXT NOT NULL, records INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE decision (
  contact_id INTEGER NOT NULL REFERENCES contact(id) ON DELETE CASCADE, field TEXT NOT NULL, winner TEXT NOT NULL,
  hubspot_value TEXT NOT NULL, app_value TEXT NOT NULL, at TEXT NOT NULL, by TEXT NOT NULL DEFAULT '', ended_at TEXT,
  PRIMARY KEY (contact_id, field)
) WITHOUT ROWID;
CREATE TABLE evidence (
  contact_id INTEGER NOT NULL REFERENCES contact(id) ON DELETE CASCADE, field TEXT NOT NULL, hubspot_value TEXT NOT NULL,
  app_value TEXT NOT NULL, hubspot_changed_at TEXT, hubspot_source TEXT NOT NULL DEFAULT '', run_id INTEGER NOT NULL,
  PRIMARY KEY (contact_id, field)
) WITHOUT ROWID;
CREATE TABLE suspended_field (
  contact_id INTEGER NOT NULL REFERENCES contact(id) ON DELETE CASCADE, field TEXT NOT NULL, flips INTEGER NOT NULL,
  hubspot_value TEXT NOT NULL, app_value TEXT NOT NULL, hubspot_writer TEXT NOT NULL DEFAULT '',
  app_writer TEXT NOT NULL DEFAULT '', run_id INTEGER NOT NULL, at TEXT NOT NULL, PRIMARY KEY (contact_id, field)
) WITHOUT ROWID;
CREATE TABLE release_stage (
  run_id INTEGER NOT NULL REFERENCES run(id), stage INTEGER NOT NULL, planned INTEGER NOT NULL,
  as_predicted INTEGER NOT NULL DEFAULT 0, otherwise INTEGER NOT NULL DEFAULT 0, at TEXT NOT NULL,
  PRIMARY KEY (run_id, stage)
) WITHOUT ROWID;
CREATE TABLE used_plan (plan_id TEXT PRIMARY KEY, run_id INTEGER NOT NULL, at TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE verdict (
  contact_id INTEGER PRIMARY KEY, state TEXT NOT NULL, cause TEXT NOT NULL,
  since_run INTEGER NOT NULL, run_id INTEGER NOT NULL, digest INTEGER NOT NULL DEFAULT 0, opened_run INTEGER
);
CREATE INDEX verdict_state ON verdict(state, cause) WHERE state <> 'in_sync';
CREATE INDEX verdict_unrecorded ON verdict(contact_id) WHERE opened_run IS NULL;
CREATE TABLE changed_answer (contact_id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL);
CREATE TABLE finding (
  contact_id INTEGER NOT NULL, code TEXT NOT NULL, field TEXT NOT NULL,
  state TEXT NOT NULL, blocking INTEGER NOT NULL, value TEXT NOT NULL, rule TEXT NOT NULL,
  first_run INTEGER NOT NULL, last_run INTEGER NOT NULL, fingerprint INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (contact_id, code, field)
) WITHOUT ROWID;
CREATE INDEX finding_code ON finding(code, last_run);
CREATE TABLE fingerprint (
  id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, code TEXT NOT NULL, field TEXT NOT NULL, rule TEXT NOT NULL
);
CREATE TABLE examination (
  run_id INTEGER PRIMARY KEY REFERENCES run(id), at TEXT NOT NULL, contacts INTEGER NOT NULL, unread TEXT NOT NULL DEFAULT ''
);
CREATE TABLE former_verdict (
  contact_id INTEGER NOT NULL, opened_run INTEGER NOT NULL, closed_run INTEGER, state TEXT NOT NULL, cause TEXT NOT NULL,
  hubspot_id TEXT, app_id TEXT, PRIMARY KEY (contact_id, opened_run)
) WITHOUT ROWID;
CREATE INDEX former_verdict_closed ON former_verdict(closed_run);
CREATE TABLE finding_span (
  contact_id INTEGER NOT NULL, fingerprint INTEGER NOT NULL REFERENCES fingerprint(id), opened_run INTEGER NOT NULL,
  closed_run INTEGER, state TEXT NOT NULL, blocking INTEGER NOT NULL, rule TEXT,
  PRIMARY KEY (contact_id, fingerprint, opened_run)
) WITHOUT ROWID;
CREATE INDEX finding_span_closed ON finding_span(closed_run) WHERE closed_run IS NOT NULL;
CREATE TABLE succession (
  former_id INTEGER PRIMARY KEY, contact_id INTEGER NOT NULL, run_id INTEGER NOT NULL
);
CREATE INDEX succession_contact ON succession(contact_id);
CREATE TABLE declared_past (
  what TEXT NOT NULL, run_id INTEGER NOT NULL, document TEXT NOT NULL, PRIMARY KEY (what, run_id)
) WITHOUT ROWID;
CREATE TABLE waiver (
  id INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT NOT NULL, field TEXT NOT NULL, hubspot_id TEXT, app_id TEXT, owner TEXT NOT NULL,
  reason TEXT NOT NULL, created_at TEXT NOT NULL, until TEXT NOT NULL, ended_at TEXT
);
CREATE TABLE side_finding (
  run_id INTEGER NOT NULL REFERENCES run(id), code TEXT NOT NULL, state TEXT NOT NULL, blocking INTEGER NOT NULL,
  contacts INTEGER NOT NULL, value TEXT NOT NULL, rule TEXT NOT NULL, PRIMARY KEY (run_id, code)
);
CREATE TABLE run_state (
  run_id INTEGER NOT NULL REFERENCES run(id), state TEXT NOT NULL, cause TEXT NOT NULL, contacts INTEGER NOT NULL,
  PRIMARY KEY (run_id, state, cause)
);
CREATE TABLE planned_write (
  contact_id INTEGER NOT NULL, side TEXT NOT NULL, kind TEXT NOT NULL,
  field TEXT NOT NULL, before TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (contact_id, side, field)
) WITHOUT ROWID;
CREATE INDEX planned_write_clears ON planned_write(contact_id) WHERE value = '' AND before <> '';
CREATE TABLE conflict (
  contact_id INTEGER NOT NULL, field TEXT NOT NULL, hubspot_value TEXT NOT NULL,
  app_value TEXT NOT NULL, hubspot_changed_at TEXT, app_changed_at TEXT, hubspot_source TEXT NOT NULL DEFAULT '',
  app_source TEXT NOT NULL DEFAULT '', reason TEXT NOT NULL DEFAULT '', run_id INTEGER NOT NULL,
  PRIMARY KEY (contact_id, field)
) WITHOUT ROWID;
CREATE TABLE verification (
  run_id INTEGER NOT NULL REFERENCES run(id), name TEXT NOT NULL, status TEXT NOT NULL, expected INTEGER,
  found INTEGER, missing TEXT NOT NULL, note TEXT NOT NULL DEFAULT '', PRIMARY KEY (run_id, name)
);
CREATE TABLE difference (
  run_id INTEGER NOT NULL REFERENCES run(id), contact_id INTEGER, hubspot_id TEXT, app_id TEXT, field TEXT NOT NULL,
  class TEXT NOT NULL, hubspot_value TEXT NOT NULL, app_value TEXT NOT NULL
);
CREATE TABLE sample (
  run_id INTEGER PRIMARY KEY REFERENCES run(id), population INTEGER NOT NULL, size INTEGER NOT NULL, seed INTEGER NOT NULL,
  unexplained INTEGER NOT NULL, besides INTEGER NOT NULL, at_most INTEGER NOT NULL
);
CREATE INDEX difference_of_run ON difference(run_id, class);
CREATE TABLE report (
  id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES run(id), at TEXT NOT NULL, format TEXT NOT NULL, path TEXT NOT NULL
);
CREATE TABLE id_field (
  side TEXT NOT NULL, field TEXT NOT NULL, used TEXT NOT NULL, filled INTEGER NOT NULL, leading INTEGER NOT NULL,
  nowhere INTEGER NOT NULL, several INTEGER NOT NULL, contradicting INTEGER NOT NULL, run_id INTEGER NOT NULL,
  PRIMARY KEY (side, field)
) WITHOUT ROWID;
CREATE TABLE link_doubt (
  side TEXT NOT NULL, record_id TEXT NOT NULL, field TEXT NOT NULL, names TEXT NOT NULL, problem TEXT NOT NULL,
  run_id INTEGER NOT NULL, PRIMARY KEY (side, record_id, field)
) WITHOUT ROWID;
CREATE TABLE certainty (
  contact_id INTEGER PRIMARY KEY REFERENCES contact(id) ON DELETE CASCADE, certainty TEXT NOT NULL, reason TEXT NOT NULL,
  run_id INTEGER NOT NULL
);
CREATE TABLE observed_wait (
  hubspot_id TEXT NOT NULL, app_id TEXT NOT NULL, field TEXT NOT NULL, towards TEXT NOT NULL, hubspot_digest TEXT NOT NULL,
  app_digest TEXT NOT NULL, since_run INTEGER NOT NULL, since_at TEXT NOT NULL, checks INTEGER NOT NULL,
  PRIMARY KEY (hubspot_id, app_id, field)
) WITHOUT ROWID;
CREATE TABLE observed_flow (
  field TEXT NOT NULL, towards TEXT NOT NULL, moved INTEGER NOT NULL, last_run INTEGER NOT NULL, last_at TEXT NOT NULL,
  PRIMARY KEY (field, towards)
) WITHOUT ROWID;

CREATE TABLE touched_record (
  side TEXT NOT NULL, record_id TEXT NOT NULL, to_pair INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (side, record_id)
) WITHOUT ROWID;
CREATE TABLE due_contact (contact_id INTEGER PRIMARY KEY);
CREATE TABLE dependent_contact (contact_id INTEGER PRIMARY KEY REFERENCES contact(id) ON DELETE CASCADE);

CREATE VIEW verdict_span AS
  SELECT contact_id, opened_run, closed_run, state, cause, hubspot_id, app_id FROM former_verdict
  UNION ALL
  SELECT v.contact_id, v.opened_run, NULL, v.state, v.cause, c.hubspot_id, c.app_id
  FROM verdict v JOIN contact c ON c.id = v.contact_id
  WHERE v.opened_run <= (SELECT max(run_id) FROM examination WHERE unread = '');
CREATE VIEW contacts AS
  SELECT c.id, c.email, c.name, v.state, v.cause, c.hubspot_id, c.app_id, c.linked_at, v.since_run, v.run_id
  FROM contact c LEFT JOIN verdict v ON v.contact_id = c.id;
CREATE VIEW links AS
  SELECT id AS contact_id, hubspot_id, app_id, linked_at, linked_by FROM contact WHERE linked_at IS NOT NULL;
CREATE VIEW open_findings AS
  SELECT f.contact_id, c.email, f.code, f.field, f.state, f.blocking, f.value, f.rule, f.first_run, f.last_run
  FROM finding f JOIN contact c ON c.id = f.contact_id
  JOIN verdict v ON v.contact_id = f.contact_id AND v.run_id = f.last_run;
CREATE VIEW in_doubt AS
  SELECT id, run_id, contact_id, side, kind, record_id, planned_at FROM journal WHERE state IN ('intent', 'in_doubt');
"""

_PAIRED_COLUMNS = (
    "hubspot_id, app_id, linked_at, hubspot_written_at, app_written_at, hubspot_twins, app_twins, hubspot_candidates, "
    "app_candidates, erased, email"
)

MARKING = "marking"
"""The fact that there was a pairing."""
_MARKING = f"EXISTS (SELECT 1 FROM fact WHERE key = '{MARKING}')"
"""Before the first pairing nothing is marked: everybody is paired and planned, and marks of a whole first reading would be as many as
its records."""


_ALSO_TO_PAIR = "ON CONFLICT DO UPDATE SET to_pair = max(to_pair, excluded.to_pair)"


_MEMBERS = ("list_member", "named_list_member")


def _touch(side: str, table: str, column: str, event: str) -> str:
    row = "OLD" if event == "DELETE" else "NEW"
    to_pair = "0" if table in _MEMBERS else "OLD._email_key IS NOT NEW._email_key" if event == "UPDATE" else "1"
    return (
        f"CREATE TRIGGER {table}_touched_by_{event.lower()} AFTER {event} ON {table} WHEN {_MARKING} BEGIN "
        f"INSERT INTO touched_record(side, record_id, to_pair) VALUES ('{side}', {row}.{column}, {to_pair}) {_ALSO_TO_PAIR}; END;\n"
    )


def _remembered(table: str, event: str) -> str:
    row = "OLD" if event == "DELETE" else "NEW"
    return (
        f"CREATE TRIGGER {table}_due_by_{event.lower()} AFTER {event} ON {table} WHEN {_MARKING} BEGIN "
        f"INSERT INTO due_contact(contact_id) VALUES ({row}.contact_id) ON CONFLICT DO NOTHING; END;\n"
    )


def _touch_records_of(event: str) -> str:
    rows = {"INSERT": ("NEW",), "DELETE": ("OLD",), "UPDATE": ("OLD", "NEW")}[event]
    others = " OF hubspot_id, app_id, linked_at" if event == "UPDATE" else ""
    moved = "(OLD.hubspot_id, OLD.app_id, OLD.linked_at IS NULL) IS NOT (NEW.hubspot_id, NEW.app_id, NEW.linked_at IS NULL) AND "
    marks = "".join(
        f"INSERT INTO touched_record(side, record_id, to_pair) SELECT '{side}', {row}.{side}_id, 1 "
        f"WHERE {row}.{side}_id IS NOT NULL {_ALSO_TO_PAIR}; "
        for side in ("hubspot", "app")
        for row in rows
    )
    return (
        f"CREATE TRIGGER contact_touched_by_{event.lower()} AFTER {event}{others} ON contact "
        f"WHEN {moved if event == 'UPDATE' else ''}{_MARKING} BEGIN {marks}END;\n"
    )


def _all_of(row: str) -> str:
    return ", ".join(f"{row}.{column}" for column in _PAIRED_COLUMNS.split(", "))


_EVENTS = ("INSERT", "UPDATE", "DELETE")
_MARKS = (
    "".join(
        _touch(side, table, column, event)
        for side, table, column in (
            ("hubspot", "hubspot_contact", "_id"),
            ("app", "app_contact", "_id"),
            *(("hubspot", table, "record_id") for table in _MEMBERS),
        )
        for event in _EVENTS
    )
    + "".join(
        _remembered(table, event)
        for table in ("decision", "evidence", "suspended_field", "quarantine")
        for event in _EVENTS
    )
    + "".join(_touch_records_of(event) for event in _EVENTS)
    + f"""
CREATE TRIGGER base_field_due_by_delete AFTER DELETE ON base_field WHEN {_MARKING} BEGIN
  INSERT INTO due_contact(contact_id) VALUES (OLD.contact_id) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER journal_due_by_delete AFTER DELETE ON journal
WHEN OLD.state IN ('intent', 'in_doubt') AND {_MARKING} BEGIN
  INSERT INTO due_contact(contact_id) VALUES (OLD.contact_id) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER journal_due_by_update AFTER UPDATE OF state ON journal
WHEN OLD.state IN ('intent', 'in_doubt') AND NEW.state NOT IN ('intent', 'in_doubt') AND {_MARKING} BEGIN
  INSERT INTO due_contact(contact_id) VALUES (OLD.contact_id) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER contact_due_no_more AFTER DELETE ON contact BEGIN
  DELETE FROM due_contact WHERE contact_id = OLD.id;
END;
CREATE TRIGGER contact_due_by_insert AFTER INSERT ON contact WHEN {_MARKING} BEGIN
  INSERT INTO due_contact(contact_id) VALUES (NEW.id) ON CONFLICT DO NOTHING;
END;
CREATE TRIGGER contact_due_by_update AFTER UPDATE OF {_PAIRED_COLUMNS} ON contact
WHEN ({_all_of("OLD")}) IS NOT ({_all_of("NEW")}) AND {_MARKING} BEGIN
  INSERT INTO due_contact(contact_id) VALUES (NEW.id) ON CONFLICT DO NOTHING;
END;
"""
)
"""What changes what the planner sees of a contact marks it, whoever does it: `engine/due.py` reads the marks. What only a sync or
an undo writes (new base fields, new writes in doubt) is left out: after them everybody is planned. Not OR IGNORE: inside a trigger
the policy of the statement that fires it counts instead."""
_LEFT_BEHIND = """
  INSERT INTO former_verdict(contact_id, opened_run, state, cause, hubspot_id, app_id)
  SELECT v.contact_id, v.opened_run, v.state, v.cause, OLD.hubspot_id, OLD.app_id FROM verdict v
  JOIN examination e ON e.run_id = v.opened_run AND e.unread = '' WHERE v.contact_id = OLD.id ON CONFLICT DO NOTHING;
"""
_PAST = f"""
CREATE TRIGGER contact_of_other_records AFTER UPDATE OF hubspot_id, app_id ON contact
WHEN (OLD.hubspot_id, OLD.app_id) IS NOT (NEW.hubspot_id, NEW.app_id) BEGIN
{_LEFT_BEHIND}
  UPDATE verdict SET digest = -1, opened_run = NULL WHERE contact_id = NEW.id;
END;
CREATE TRIGGER contact_is_gone BEFORE DELETE ON contact BEGIN
{_LEFT_BEHIND}
  DELETE FROM verdict WHERE contact_id = OLD.id;
  DELETE FROM finding WHERE contact_id = OLD.id;
  DELETE FROM planned_write WHERE contact_id = OLD.id;
  DELETE FROM conflict WHERE contact_id = OLD.id;
END;
"""
"""What an examination gave is kept when its contact goes or gets other records, whoever does it: `engine/past.py` says until when it
held. What it gives goes with its contact by trigger: a foreign key would be looked up with each row that a plan stores. A verdict that
becomes another one is kept by who writes it (`past.keep_former`): a trigger takes twice the time of the write."""


def _content_unknown(side: str) -> str:
    kept = ["_content", "_seen_run", *(["_subscription"] if side == "hubspot" else [])]
    same = " AND ".join(f"NEW.{column} IS OLD.{column}" for column in kept)
    return (
        f"CREATE TRIGGER {side}_content_unknown AFTER UPDATE ON {side}_contact WHEN NEW._content IS NOT NULL AND {same} BEGIN "
        f"UPDATE {side}_contact SET _content = NULL WHERE _rowid_ = NEW._rowid_; END;\n"
    )


_CONTENT = "".join(_content_unknown(side) for side in ("hubspot", "app"))
"""A record that is changed otherwise than by storing what a run has read (`_seen_run`) or the subscription is of unknown content."""

MARKS: frozenset[str] = frozenset(re.findall(r"CREATE TRIGGER (\w+)", _MARKS + _PAST))
"""The names of all the triggers that mark and keep."""
CONTENT_TRIGGERS: tuple[str, ...] = tuple(re.findall(r"CREATE TRIGGER (\w+)", _CONTENT))

MIGRATIONS: tuple[str, ...] = (_FIRST + _MARKS + _PAST + _CONTENT,)
"""Migration N brings a workspace from version N-1 to N; SQLite's `user_version` holds N."""
