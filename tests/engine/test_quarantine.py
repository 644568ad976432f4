"""The quarantine holds back what was refused, field by field, until its cause is gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from engine.connectors import Outcome
from engine.gates import Population, Situation
from engine.memory import memory_of
from engine.operations import Operation
from engine.quarantine import LADDER, held, keep, release, sort_of, vague
from engine.runs import Run
from engine.schema import Rule
from engine.workspace import Workspace
from tests.diagnostics.causes.small import SITUATION, contacts, person, write, writes

NAMED = Outcome(1, "refused", status=400, code="INVALID_OPTION", field="city", message="no such town")
VAGUE = Outcome(1, "refused", status=400, code="VALIDATION_ERROR", message="something is wrong")
TRANSIENT = Outcome(1, "refused", status=207, code="INTERNAL_ERROR", message="try later")
EXISTS = Outcome(1, "refused", status=409, code="CONFLICT", message="Contact already exists. Existing ID: 5")
CITY = write(1, "hubspot", "city", "Ulm")
PHONE = write(1, "hubspot", "phone", "1")
