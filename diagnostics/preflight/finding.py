"""What a preflight finds: one thing with its severity, its place, and what to do. All codes are in `codes.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from diagnostics.causes.cause import FixedBy

Severity = Literal["stops", "warns", "unknown", "tells"]
SEVERITIES: tuple[Severity, ...] = ("stops", "warns", "unknown", "tells")
"""`stops`: do not activate. `warns`: some contacts or values will not come out as wanted. `unknown`: could not be examined,
which is not the same as fine. `tells`: worth knowing, nothing to do."""


@dataclass(frozen=True)
class Code:
    """A kind of finding. `code` is stable and public; `means` is for the catalogue, `remedy` and `fixed_by` for people."""

    code: str
    severity: Severity
    title: str
    means: str
    remedy: str
    fixed_by: FixedBy


@dataclass(frozen=True)
class Finding:
    """One finding. `where` is a key of the connection file, or what else it is about; `mapping` names the mapping by its HubSpot
    property, `field` a field as `SIDE.NAME`; both are empty where there is none. `contacts` is how many are concerned, None if
    that is not counted. `items` are names (options, fields, causes), never a contact's own values."""

    code: str
    severity: Severity
    where: str
    what: str
    remedy: str
    fixed_by: FixedBy
    mapping: str = ""
    field: str = ""
    contacts: int | None = None
    items: tuple[str, ...] = ()
