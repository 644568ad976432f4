"""The quarantine holds back what was refused, field by field, until its cause is gone."""

from __future__ import annotations

from engine.connectors import Outcome
from tests.diagnostics.causes.small import write

NAMED = Outcome(1, "refused", status=400, code="INVALID_OPTION", field="city", message="no such town")
VAGUE = Outcome(1, "refused", status=400, code="VALIDATION_ERROR", message="something is wrong")
TRANSIENT = Outcome(1, "refused", status=207, code="INTERNAL_ERROR", message="try later")
EXISTS = Outcome(1, "refused", status=409, code="CONFLICT", message="Contact already exists. Existing ID: 5")
CITY = write(1, "hubspot", "city", "Ulm")
PHONE = write(1, "hubspot", "phone", "1")
