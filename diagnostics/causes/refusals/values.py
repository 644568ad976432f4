"""Refusals of a value: what the server says of one field. Codes: HubSpot's error-handling page, its import error types and
its validation rules (`INVALID_` and the rule's type); words: Mailchimp's and HubSpot's."""

from __future__ import annotations

from diagnostics.causes import document
from diagnostics.causes.refusals.refusal import Refusal

OWNER = Refusal(
    code="refused-owner",
    title="The server does not know the owner",
    explanation="The value is to name an owner or business unit of the account, and no such user was found, or several.",
    remedy="Create or activate the user in HubSpot, or translate the value to the owner's id in the mapping.",
    fixed_by="HubSpot admin",
    codes=frozenset({"COULD_NOT_FIND_OWNER", "MULTIPLE_OWNERS_FOUND", "COULD_NOT_FIND_BUSINESS_UNIT"}),
    field_codes=frozenset({"INVALID_LONG", "INVALID_INTEGER", "INVALID_OPTION"}),
    fields=frozenset({"hubspot_owner_id", "hs_all_assigned_business_unit_ids"}),
    words=r"\bowners?\b.*(?:not|multiple|several)|could not find .*owner|business unit",
)  # fmt: skip
READ_ONLY = Refusal(
    code="refused-read-only",
    title="The server lets nobody write the field",
    explanation="The field is calculated or read-only in the target; its value cannot be set from outside.",
    remedy="Remove the mapping into this field, or let it run in the other direction only.",
    fixed_by="us",
    codes=frozenset({"READ_ONLY_VALUE"}),
    words=r"read[- ]only|not write?able|calculated property|cannot be (?:set|edited|modified)",
)
NO_PROPERTY = Refusal(
    code="refused-no-property",
    title="The server does not know the field",
    explanation="The property was archived, deleted or renamed since the connection was set up.",
    remedy="Restore the property in the target, or map another one.",
    fixed_by="HubSpot admin",
    codes=frozenset({"PROPERTY_DOESNT_EXIST", "PROPERTY_DEFINITION_NOT_FOUND", "MISSING_OBJECT_DEFINITION"}),
    words=r"propert(?:y|ies)\b.*(?:does not|doesn't|do not|don't) exist|unknown property|no such property|merge field.* not (?:exist|found)",
)
CONDITIONAL = Refusal(
    code="refused-conditional",
    title="A value of this record makes another field required",
    explanation="The target requires this field as soon as another one holds a certain value (a conditional property rule), "
    "and it got no value.",
    remedy="Fill the named field in the source and map it, or relax the conditional rule in HubSpot.",
    fixed_by="HubSpot admin",
    codes=frozenset({"MISSING_CONDITIONAL_REQUIRED_PROPERTY"}),
    words=r"conditional property rule",
)
REQUIRED = Refusal(
    code="refused-required",
    title="The server asks for a required field",
    explanation="The target takes no record without a value in this field, and none was sent or it was empty.",
    remedy="Fill the field in the source and map it, or make it optional in the target.",
    fixed_by="HubSpot admin",
    says=document.RULES,
    codes=frozenset(
        {
            "MISSING_REQUIRED_PROPERTY", "INVALID_REQUIRED_PROPERTY", "REQUIRED_FIELD",
            "FAILED_TO_PROCESS_OBJECT_WITH_EMPTY_PROPERTY_VALUES",
        }
    ),
    words=r"required properties were not set|must be provided|enter a value$|should not be blank|is required|required fields? "
    r"(?:was|were) not|required (?:fields?|values?|propert(?:y|ies))\b.* (?:missing|empty)",
)  # fmt: skip
OPTION = Refusal(
    code="refused-option",
    title="The server does not know the choice",
    explanation="The field takes only certain values, and the server counts this one as none of them: the choice is missing, "
    "was renamed, or is written by its label instead of its internal value.",
    remedy="Add the choice in the target, translate it in the mapping's options, or correct the value.",
    fixed_by="app admin",
    codes=frozenset(
        {
            "INVALID_OPTION", "INVALID_ENUMERATION_OPTION", "AMBIGUOUS_ENUMERATION_OPTION", "INVALID_BOOLEAN",
            "PROPERTY_VALUE_NOT_FOUND", "INVALID_ENUM_FILE_ID_OR_URL",
        }
    ),
    words=r"not one of the (?:allowed|accepted|valid)|one of the choices|not an? (?:valid|allowed) (?:option|choice)|picklist",
)  # fmt: skip
LENGTH = Refusal(
    code="refused-length",
    title="The server finds the value too long or too short",
    explanation="The target limits how long a value in this field may be.",
    remedy="Shorten or complete the value in the source, or change the limit in the target.",
    fixed_by="HubSpot admin",
    codes=frozenset({"INVALID_MAX_LENGTH", "INVALID_MIN_LENGTH", "COLUMN_TOO_LARGE", "ROW_DATA_TOO_LARGE"}),
    words=r"(?:at most|at least|more than|less than|exceed|maximum|minimum).*(?:characters|bytes|length)"
    r"|characters or (?:less|fewer|more)|\bvalue\b.* too large|too (?:long|short)",
)
RANGE = Refusal(
    code="refused-range",
    title="The server finds the value out of range",
    explanation="The target limits which numbers or dates this field may hold.",
    remedy="Correct the value in the source, or widen the range in the target.",
    fixed_by="HubSpot admin",
    codes=frozenset(
        {
            "INVALID_MIN_NUMBER", "INVALID_MAX_NUMBER", "INVALID_DECIMAL", "INVALID_START_DATE", "INVALID_END_DATE",
            "INVALID_START_DATETIME", "INVALID_END_DATETIME", "INVALID_BEFORE_DURATION", "INVALID_AFTER_DURATION",
            "INVALID_BEFORE_DATETIME_DURATION", "INVALID_AFTER_DATETIME_DURATION", "INVALID_DAYS_OF_WEEK",
            "INVALID_NUMBER_SIZE", "OUTSIDE_VALID_TERM_RANGE", "OUTSIDE_VALID_TIME_RANGE",
        }
    ),
    words=r"number of at (?:most|least)|decimal places|date (?:from|up to)|out(?:side)? (?:of )?(?:the )?(?:valid |allowed )?range",
)  # fmt: skip
TYPE = Refusal(
    code="refused-type",
    title="The server wants another kind of value",
    explanation="The field takes only numbers, dates or yes and no, and the server could not read the value as one.",
    remedy="Correct the value in the source, or map the field to one of a fitting type.",
    fixed_by="HubSpot admin",
    codes=frozenset(
        {
            "INVALID_INTEGER", "INVALID_LONG", "INVALID_NUMBER", "INVALID_DATE", "INVALID_DATETIME", "COULD_NOT_PARSE_DATE",
            "COULD_NOT_PARSE_NUMBER", "COULD_NOT_PARSE_TERM",
        }
    ),
    words=r"not a valid (?:number|integer|long|date|boolean|time)|enter (?:a number|the date|a valid (?:number|date))"
    r"|not midnight|schema describes|any of the schemas",
)  # fmt: skip
FORMAT = Refusal(
    code="refused-format",
    title="The value breaks a rule of the field",
    explanation="The target checks how a value is written (letters only, a web address, a pattern, allowed domains, a country "
    "code), or a rule of its own, and this one does not pass.",
    remedy="Correct the value in the source, or relax the field's rule in the target.",
    fixed_by="HubSpot admin",
    says=document.RULES_MET,
    codes=frozenset(
        {
            "FAILED_VALIDATION", "INVALID_CUSTOM_PROPERTY_VALIDATION", "INVALID_PROPERTY_VALUE_FORMAT", "INVALID_ALPHA",
            "INVALID_NUMERIC", "INVALID_ALPHANUMERIC", "INVALID_FORMAT", "INVALID_REGEX", "INVALID_SPECIAL_CHARACTERS",
            "INVALID_WHITESPACE", "INVALID_EMAIL_ALLOWED_DOMAINS", "INVALID_EMAIL_BLOCKED_DOMAINS", "INVALID_DOMAIN",
            "INVALID_URL", "INVALID_URL_ALLOWED_DOMAINS", "INVALID_URL_BLOCKED_DOMAINS",
            "INVALID_PHONE_NUMBER_WITH_EXPLICIT_COUNTRY_CODE", "INVALID_PHONE_NUMBER",
        }
    ),
    words=r"enter only|value that matches|special characters|one of these domains|domain\b.* is blocked|country code"
    r"|valid (?:url|phone number|domain|format)|format is (?:invalid|not valid|wrong)|validation (?:rule|exception)|merge fields were invalid",
)  # fmt: skip

ABOUT_VALUES = (OWNER, READ_ONLY, NO_PROPERTY, CONDITIONAL, REQUIRED, OPTION, LENGTH, RANGE, TYPE, FORMAT)
"""In the order in which their words are looked for; the rule without a name comes last."""
