"""Clauses of the list's criteria that decide nothing: every HubSpot contact meets them, or none does."""

from __future__ import annotations

from diagnostics.causes import document
from diagnostics.causes.cause import Cause, SideFinding
from diagnostics.causes.inclusion import list_name, standing
from diagnostics.causes.list_clauses import circumstances, live_criteria
from diagnostics.criteria.evaluate import Circumstances, answer, unknown_because
from diagnostics.criteria.form import Part, alternatives, clauses_of, properties
from diagnostics.criteria.wording import in_words
from engine.gates import Situation
from engine.mirror import columns_of
from engine.population import NAMED_LISTS, any_named
from engine.workspace import Workspace, quoted

CODE = "list-clauses"
MOST_CLAUSES = 100
MOST_NAMED = 8
FIRST_SLICE, LARGEST_SLICE = 1_000, 32_000
"""Contacts looked at together: most clauses divide the first of them already."""


def idle_clauses(workspace: Workspace, situation: Situation) -> SideFinding | None:
    """Clauses that are met by nobody, or by everybody: they decide nothing, or keep everybody out. None if there are none, or the
    list is not usable."""
    tree = live_criteria(situation) if standing(situation) == "usable" else None
    if tree is None:
        return None
    names = [name for name in properties(tree) if name in columns_of(workspace, "hubspot")]
    around = circumstances(situation, ["member_since", "named_lists", *(f"hubspot.{name}" for name in names)])
    clauses: list[Part] = list(dict.fromkeys(one for way in alternatives(tree) for one in clauses_of(way)))
    clauses = [one for one in clauses[:MOST_CLAUSES] if not unknown_because(one, around)]
    met, unmet = _idle(workspace, clauses, names, around)
    idle = [f"{in_words(one)}: met by nobody" for one in unmet] + [f"{in_words(one)}: met by everybody" for one in met]
    contacts = int(workspace.value("SELECT count(*) FROM hubspot_contact")) if idle else 0
    if not contacts:
        return None
    more = f", and {len(idle) - MOST_NAMED} more" if len(idle) > MOST_NAMED else ""
    return SideFinding(CODE, "unknown", False, contacts, list_name(situation), "; ".join(idle[:MOST_NAMED]) + more)


def _idle(
    workspace: Workspace, clauses: list[Part], names: list[str], around: Circumstances
) -> tuple[list[Part], list[Part]]:
    """The clauses that everybody meets and those that nobody meets: looked at slice by slice, until none is left."""
    met, unmet, after, size = clauses, clauses, "", FIRST_SLICE
    columns = {
        "id": "_id",
        "member_since": "added_at",
        "named_lists": "named_lists",
        **{f"hubspot.{name}": quoted(name) for name in names},
    }
    lists = NAMED_LISTS if any_named(workspace) else "''"
    selected = "".join(f", h.{quoted(name)}" for name in names)
    while left := list(dict.fromkeys([*met, *unmet])):
        frame = workspace.population(
            columns,
            f"(SELECT h._id, m.added_at, {lists} AS named_lists{selected} FROM hubspot_contact h LEFT JOIN list_member m ON m.record_id = h._id "
            "WHERE h._id > ? ORDER BY h._id LIMIT ?)",
            (after, size),
        )
        if frame.is_empty():
            break
        after, size = str(frame["id"].max()), min(size * 2, LARGEST_SLICE)
        answers = frame.select("id", *(answer(one, around).alias(str(i)) for i, one in enumerate(left)))
        met = [one for i, one in enumerate(left) if one in met and answers[str(i)].sum() == frame.height]
        unmet = [one for i, one in enumerate(left) if one in unmet and (~answers[str(i)]).sum() == frame.height]
    return met, unmet


CAUSE = Cause(
    code=CODE,
    title="Clauses of the list that nobody or everybody meets",
    explanation="A clause that everybody meets decides nothing; one that nobody meets keeps everybody out of its group.",
    remedy="Look whether the clause says what was meant: an option may have been renamed, or a date have passed.",
    fixed_by="HubSpot admin",
    says=document.CRITERIA,
    question="c",
)
