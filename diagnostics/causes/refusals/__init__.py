"""What a server refused: every refusal has exactly one class, and each class is a cause with a gate of its own."""

from __future__ import annotations

from collections.abc import Mapping

from diagnostics.causes.cause import Cause
from diagnostics.causes.refusals import records, values
from diagnostics.causes.refusals.gate import test_of
from diagnostics.causes.refusals.refusal import PREFIX, Refusal, bare_code, by_code, by_words

__all__ = ["CLASSES", "NOT_FOR_CONTACTS", "PREFIX", "REFUSALS", "UNKNOWN", "Refusal", "class_of"]

CLASSES: tuple[Refusal, ...] = (*records.ABOUT_THE_PERSON, *values.ABOUT_VALUES, *records.ABOUT_THE_REST)
"""In the order in which they decide; the last one takes what fits no other."""

UNKNOWN = records.UNKNOWN.code

NOT_FOR_CONTACTS: Mapping[str, frozenset[str]] = {
    "associations: Syncdoctor writes none": frozenset(
        {
            "ASSOCIATION_LABEL_NOT_FOUND", "ASSOCIATION_LIMIT_EXCEEDED", "ASSOCIATION_RECORD_NOT_FOUND",
            "DUPLICATE_ASSOCIATION_ID", "FAILED_TO_CREATE_ASSOCIATION", "FAILED_TO_FIND_RECORD_FOR_ASSOCIATIONS",
            "INVALID_ASSOCIATION_IDENTIFIER", "INVALID_ASSOCIATION_KEY", "LINE_ITEM_MULTIPLE_PARENTS_IN_ROW",
            "NO_OBJECT_ID_FROM_ASSOCIATION_IDENTIFIER", "UNKNOWN_ASSOCIATION_RECORD_ID",
        }
    ),
    "companies and events: only contacts are synced": frozenset(
        {
            "DUPLICATE_EVENT", "INVALID_EVENT", "INVALID_EVENT_TIMESTAMP", "MISSING_EVENT_DEFINITION",
            "MISSING_EVENT_TIMESTAMP", "MULTIPLE_COMPANIES_WITH_THIS_DOMAIN",
        }
    ),
    "files and their rows: nothing is imported from a file": frozenset(
        {
            "COULD_NOT_PARSE_ROW", "CREATE_ONLY_IMPORT", "DUPLICATE_ROW_CONTENT", "FILE_NOT_FOUND",
            "INCORRECT_NUMBER_OF_COLUMNS", "INVALID_COLUMN_CONFIGURATION", "INVALID_FILE_TYPE", "INVALID_SHEET_COUNT",
            "INVALID_SPREADSHEET", "MANY_ERRORS_IN_ROW", "UPDATE_ONLY_IMPORT",
        }
    ),
}  # fmt: skip
"""HubSpot's import error types that a sync of contacts cannot meet, by the reason."""


_BY_CODE = by_code(CLASSES)


def class_of(code: str, field: str, message: str) -> str:
    """The code of the one class that a refusal belongs to; all three as the quarantine has them.

    The code for this field decides, else the code, else the words.
    """
    named = bare_code(code)
    known = _BY_CODE.get((named, field)) or _BY_CODE.get((named, "")) or by_words(CLASSES, message)
    return known.code


REFUSALS: tuple[Cause, ...] = tuple(
    Cause(
        code=one.code,
        title=one.title,
        explanation=one.explanation,
        remedy=one.remedy,
        fixed_by=one.fixed_by,
        says=one.says,
        question=one.question,
        test=test_of(one.code, one.state, class_of),
        nature=one.nature,
    )
    for one in CLASSES
)
"""The classes as causes."""
