"""`python -m benchmarks.leaderboard [BLOCKED]`: the fix leaderboard over blocked contacts (100,000 by default), in five mixtures.

What is measured is reading the findings from the workspace, numbering the reasons, and the exact top ten of repairs and of
pairs; then the whole of `fixes` with its proofs. The limit is 2 seconds for the ranking.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.first_paint import median
from benchmarks.mirrored import build, practice_connection
from diagnostics.repairs.fixes import best, fixes
from diagnostics.repairs.leaderboard import alike
from engine.runs import Run
from engine.situation import recall, remember
from engine.workspace import Workspace

RUNS = 5
LIMIT = 2.0
MIXTURES = (
    "one or two faults", "one to four faults", "two thousand different options", "an option of everybody's own",
    "outside a list with three ways in",
)  # fmt: skip
Finding = tuple[str, str, str, str]
WAYS = (
    {"lifecyclestage": ("lead", "partner"), "city": ("Bonn", "Basel")},
    {"lifecyclestage": ("opportunity", "evangelist"), "country": ("Österreich", "Schweiz")},
    {"newsletter_opt_in": ("true",), "country": ("Polen",), "city": ("Berlin", "Wien", "Bern")},
)
"""What each way into the list of the last mixture asks for."""


def _faults(mixture: str, number: int, chance: random.Random) -> list[Finding]:
    """Code, field, value and rule of a contact's findings."""
    known: list[Finding] = [
        ("email-missing", "hubspot.email", "", "no address"),
        ("opt-in", "hubspot.newsletter_opt_in", "false", "opted in means newsletter_opt_in is true"),
        ("member-status", "app.member_status", "unsubscribed", "has unsubscribed"),
        ("list-membership", "hubspot.lifecyclestage", "other", "the list asks for lifecyclestage"),
        ("field-option", "app.STAGE", chance.choice(("partner", "other", "evangelist")), "takes only some here"),
        ("field-format", "app.WEBSITE", "keine", "takes only a web address here"),
        ("field-length", "hubspot.city", "x" * 70, "takes at most 60 characters here"),
        ("required-field", "app.FNAME", "", "requires Vorname"),
        ("bounced", "hubspot.hs_email_hard_bounce_reason_enum", "OTHER", "came back for good"),
        ("email-duplicate", "hubspot.email", "a@b.example", "several records share this address"),
    ]
    if mixture == MIXTURES[4]:
        outside = ("list-membership", "hubspot.lifecyclestage", "", "is not in the list")
        return [outside, *([chance.choice(known[:3])] if number % 3 == 0 else [])]
    if mixture in MIXTURES[2:]:
        different = 2000 if mixture == MIXTURES[2] else number + 1
        return [
            ("field-option", "app.COUNTRY", f"Land {number % different}", "takes only some here"),
            *([chance.choice(known[:4])] if mixture == MIXTURES[2] else []),
        ]
    return chance.sample(known, chance.randint(1, 2 if mixture == MIXTURES[0] else 4))


def _rows(mixture: str, contacts: int, run: int) -> Iterator[tuple[object, ...]]:
    chance = random.Random(11)
    for number in range(1, contacts + 1):
        for code, field, value, rule in _faults(mixture, number, chance):
            yield number, code, field, "failing", 1, value, rule, run, run


def fill(path: Path, mixture: str, contacts: int) -> None:
    """A workspace whose last check found every contact blocked."""
    build(path, contacts)
    with Workspace(path) as workspace:
        run = Run(workspace, "check")
        with workspace.transaction() as sql:
            sql.executemany(
                "INSERT INTO finding(contact_id, code, field, state, blocking, value, rule, first_run, last_run) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                _rows(mixture, contacts, run.id),
            )
            sql.execute(
                "INSERT INTO verdict(contact_id, state, cause, since_run, run_id) "
                "SELECT contact_id, 'failing', min(code), ?1, ?1 FROM finding GROUP BY contact_id",
                (run.id,),
            )
        if mixture == MIXTURES[4]:
            with workspace.transaction() as sql:
                sql.execute("DELETE FROM list_member")
            situation = recall(workspace, practice_connection())
            assert situation.inclusion is not None
            inclusion = replace(situation.inclusion, filters=json.dumps(_criteria()))
            remember(run, replace(situation, inclusion=inclusion, list_size=1))
        run.finish("done", 0)


def _criteria() -> dict[str, object]:
    """WAYS as HubSpot's filter branch."""
    ways = [
        {
            "filterBranchType": "AND",
            "filterBranches": [],
            "filters": [
                {
                    "filterType": "PROPERTY",
                    "property": name,
                    "operation": {"operationType": "ENUMERATION", "operator": "IS_ANY_OF", "values": values},
                }
                for name, values in way.items()
            ],
        }
        for way in WAYS
    ]
    return {"filterBranchType": "OR", "filterBranches": ways, "filters": []}


def measure(path: Path) -> dict[str, float]:
    """Seconds of the ranking and of the whole answer, in this process."""
    connection = practice_connection()
    with Workspace(path, read_only=True) as workspace:
        situation = recall(workspace, connection)
        began = time.perf_counter()
        reasons = best(workspace, situation).reasons
        ranking = time.perf_counter() - began
        began = time.perf_counter()
        fixes(workspace, connection)
        return {
            "ranking": ranking,
            "with proofs": time.perf_counter() - began,
            "alike": float(len(alike(reasons.incidence))),
        }


def main(contacts: int) -> int:
    """Prints medians and single runs; 1 if a ranking took too long."""
    late = False
    with tempfile.TemporaryDirectory() as folder:
        for number, mixture in enumerate(MIXTURES):
            path = Path(folder) / f"bench-{number}.sqlite"
            fill(path, mixture, contacts)
            command = [sys.executable, "-m", "benchmarks.leaderboard", "--measure", str(path)]
            answers = [json.loads(subprocess.check_output(command)) for _ in range(RUNS)]
            print(f"{contacts:,} blocked contacts, {mixture}: {answers[0]['alike']:,.0f} sets of reasons")
            for name in ("ranking", "with proofs"):
                seconds = [answer[name] for answer in answers]
                shown = ", ".join(f"{value:.2f}" for value in sorted(seconds))
                limit = f", at most {LIMIT}" if name == "ranking" else ""
                print(f"    {name:<12} {median(seconds):5.2f} s ({shown}{limit})")
            late = late or median([answer["ranking"] for answer in answers]) > LIMIT
    return int(late)


if __name__ == "__main__":
    if "--measure" in sys.argv:
        print(json.dumps(measure(Path(sys.argv[-1]))))
    else:
        sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
