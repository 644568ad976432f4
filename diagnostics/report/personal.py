"""Which values of a contact are personal: what foreign words may repeat, and what may be shown all the same."""

from __future__ import annotations

from collections.abc import Iterator

from diagnostics.report.subject import Source
from engine.schema import SIDES, Field

_CLOSED = ("option", "options", "bool")
_TRUE_AND_FALSE = ("true", "false")


def personal_values(source: Source, contact: int) -> list[str]:
    """Every value that the workspace holds of a contact, but for fields with a fixed choice of values."""
    values: set[str] = set()
    choices = choice_fields(source)
    for table, ids in (("hubspot_contact", "hubspot_id"), ("app_contact", "app_id")):
        rows = source.workspace.rows(
            f"SELECT r.* FROM {table} r JOIN contact c ON c.{ids} = r._id WHERE c.id = ?", (contact,)
        )
        for row in rows:
            names = [str(name) for name in row.keys() if not str(name).startswith("_")]  # noqa: SIM118
            values |= {str(row[name]) for name in names if row[name] and name not in choices}
    return sorted(values)


def choice_fields(source: Source) -> frozenset[str]:
    """Names of the fields of both sides whose values come from a fixed choice, the consent field included."""
    return frozenset(field for field, _ in _choices(source))


def is_choice(source: Source, field: str, value: str) -> bool:
    """Whether a field (`hubspot.NAME` or `app.NAME`) has a fixed choice and the value is a choice on either side."""
    declared = list(_choices(source))
    name = field.partition(".")[2] or field
    known = {word for _, words in declared for word in words}
    return any(name == each for each, _ in declared) and value in known


def _choices(source: Source) -> Iterator[tuple[str, tuple[str, ...]]]:
    if source.situation is None:
        return
    for side in SIDES:
        schema = source.situation.schemas[side]
        for name, field in schema.fields.items():
            if field.type in _CLOSED:
                yield name, _words(field)
        if schema.consent:
            yield schema.consent.name, (*schema.consent.accepted, *schema.consent.meanings)


def _words(field: Field) -> tuple[str, ...]:
    options = tuple(word for option in field.options for word in (option.value, option.label))
    return options or _TRUE_AND_FALSE
