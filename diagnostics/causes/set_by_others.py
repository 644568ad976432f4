"""Causes without a gate: the planner sets the conflict, the checkup the ones for a side that cannot be read."""

from __future__ import annotations

from diagnostics.causes import document
from diagnostics.causes.cause import Cause

CONFLICT = Cause(
    code="conflict",
    title="Both sides changed the same field",
    explanation="Both records hold a value of their own for the field, and the connection's policy does not decide "
    "which one counts. By `latest` the app's value counts only if the whole HubSpot record is older: of the app only the record's "
    "time is known.",
    remedy="Decide it (syncdoctor decide, or d in the console), make the values equal on one side, or choose a policy that "
    "decides (hubspot or app; latest where the times tell).",
    fixed_by="us",
    says=document.TWO_WAY,
    question="sync",
    observed="Make the values equal on one side, or let the admin of the engine that writes here set there which side wins "
    "(HubSpot's Data Sync: Resolve data conflicts in the sync's settings); Syncdoctor decides nothing here.",
)
CREDENTIALS_REFUSED = Cause(
    code="credentials-refused",
    title="The credentials were refused",
    explanation="The side does not accept the token or key, so nothing is known of its contacts.",
    remedy="Log in again; if that fails repeatedly, check the token, the account and the data centre.",
    fixed_by="us",
    says=document.CREDENTIALS,
    question="access",
)
SCOPE_MISSING = Cause(
    code="scope-missing",
    title="A permission is missing",
    explanation="The credentials are valid but do not allow what is needed, so nothing is known of the contacts.",
    remedy="Grant the missing permission to the app or user behind the credentials, then log in again.",
    fixed_by="HubSpot admin",
    says=document.PERMISSIONS,
    question="access",
)
UNREACHABLE = Cause(
    code="unreachable",
    title="A side cannot be reached",
    explanation="No connection came about, or the server failed repeatedly; nothing is known of the contacts.",
    remedy="Check network, proxy and the provider's status page, then check again.",
    fixed_by="us",
    says=document.SUPPORT,
    question="access",
    nature="transient",
)
LIMIT_EXHAUSTED = Cause(
    code="limit-exhausted",
    title="The request limit is used up",
    explanation="The account has no requests left for now, so the contacts could not be read.",
    remedy="Wait until the limit is reset, or find out what else uses it up.",
    fixed_by="HubSpot admin",
    says=document.SUPPORT,
    question="access",
    nature="transient",
)
UNEXPECTED_ANSWER = Cause(
    code="unexpected-answer",
    title="An answer that makes no sense",
    explanation="The server, or something in between, gave an answer of an unknown form; nothing is known of the "
    "contacts.",
    remedy="Check again; if it stays, look in the log for what answered and hand the report to support.",
    fixed_by="us",
    says=document.SUPPORT,
    question="access",
)

SET_BY_OTHERS = (
    CONFLICT, CREDENTIALS_REFUSED, SCOPE_MISSING, UNREACHABLE, LIMIT_EXHAUSTED, UNEXPECTED_ANSWER,
)  # fmt: skip
