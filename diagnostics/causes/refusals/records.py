"""Refusals of a record: what the server says of the person, of our rights, of limits and of the request itself. Codes and
titles: HubSpot's error-handling page and import error types, Mailchimp's problem documents and batch errors."""

from __future__ import annotations

from diagnostics.causes import document
from diagnostics.causes.refusals.refusal import Refusal
from engine.operations import ALREADY_LINKED, EXISTS

ERASED = Refusal(
    code="refused-erased",
    title="The server keeps an erased person out",
    explanation="The address was permanently deleted on the target at the person's request, and the server never takes it "
    "again from outside.",
    remedy="Leave it as it is. Only the person can come back, by the target's own sign-up form.",
    fixed_by="contact",
    question="b",
    says=document.UNWANTED,
    state="excluded",
    codes=frozenset({"GDPR_BLACKLISTED_EMAIL", "FORGOTTEN EMAIL NOT SUBSCRIBED"}),
    words=r"permanently deleted|forgotten|\bgdpr\b",
)
OPT_OUT = Refusal(
    code="refused-opt-out",
    title="The server did not record the opt-out",
    explanation="The person is to be opted out, and the target failed to record it: it may go on writing to them.",
    remedy="Record the opt-out in the target by hand, and let nothing be sent to the person before it is there.",
    fixed_by="HubSpot admin",
    question="b",
    says=document.OPT_IN,
    codes=frozenset({"FAILED_TO_OPT_OUT_CONTACT"}),
    words=r"fail(?:ed|s|ure) to (?:opt[- ]?out|unsubscribe)|(?:could not|cannot|unable to) (?:be )?(?:opt(?:ed)?[- ]out|unsubscribed?)\b",
)
CONSENT = Refusal(
    code="refused-consent",
    title="The server wants the person's own consent",
    explanation="The person unsubscribed, mail bounced, or the provider reviews the address; the server lets nobody but the "
    "person subscribe it again.",
    remedy="Let the person subscribe again, for instance by the app's sign-up form; never set the status by hand.",
    fixed_by="contact",
    question="b",
    says=document.OPT_IN,
    state="excluded",
    codes=frozenset({"MEMBER IN COMPLIANCE STATE"}),
    words=r"compliance state|unsubscribed|opted out|cannot be (?:re)?subscribed|resubscribe",
)
MANY_SIGNUPS = Refusal(
    code="refused-many-signups",
    title="The address joined too many lists lately",
    explanation="Mailchimp takes no more sign-ups of an address for a while that joined many lists within a short time.",
    remedy="Wait; it is tried again from time to time.",
    fixed_by="us",
    question="b",
    says=document.UNWANTED,
    nature="transient",
    words=r"signed up to a lot of lists|more signups",
)
DUPLICATE_ADDRESS = Refusal(
    code="refused-duplicate-address",
    title="Another record has the address",
    explanation="A record of the target holds this address already, as its first or as an additional one, and could not be "
    "matched with this contact.",
    remedy="Merge the two records on the target, or take the address out of the one that it does not belong to.",
    fixed_by="HubSpot admin",
    question="a",
    says=document.SAME_EMAIL,
    codes=frozenset(
        {
            "CONFLICT", "OBJECT_ALREADY_EXISTS", "SECONDARY_EMAIL_WRITE_FAILURE", "ERROR_CONTACT_EXISTS", "MEMBER EXISTS",
            "HTTP 409", EXISTS, ALREADY_LINKED,
        }
    ),
    words=r"contact already exists|already a list member|existing id|(?:address|e-?mail)\b.* already",
)  # fmt: skip
DUPLICATE_VALUE = Refusal(
    code="refused-duplicate-value",
    title="Another record has the value",
    explanation="The field may hold each value once in the whole account (a number or id, say), and another record has this one.",
    remedy="Correct the value in the source, merge the two records, or take it out of the other one.",
    fixed_by="HubSpot admin",
    codes=frozenset(
        {
            "DUPLICATE_UNIQUE_PROPERTY_VALUE", "DUPLICATE_ALTERNATE_ID", "DUPLICATE_OBJECT_ID", "DUPLICATE_RECORD_ID",
            "DUPLICATE_UNIQUE_CREATION_KEY",
        }
    ),
    words=r"already has th(?:at|is) value|must be unique|duplicate (?:value|record|rule)",
)  # fmt: skip
ADDRESS = Refusal(
    code="refused-address",
    title="The server does not take the address",
    explanation="The address is not valid for the server, its domain receives no mail, or it looks made up.",
    remedy="Correct the e-mail address; look for typing errors, or ask the contact for one that works.",
    fixed_by="HubSpot admin",
    question="a",
    says=document.IDENTIFIER,
    codes=frozenset({"INVALID_EMAIL"}),
    words=r"looks fake|(?:valid|real) e-?mail address|e-?mail address\b.* invalid|invalid e-?mail",
)
GONE = Refusal(
    code="refused-gone",
    title="The server does not find the record",
    explanation="The record to be changed was archived, deleted or merged away, or its id is none of the target's.",
    remedy="Check again with --full: the next full reading says where the record went. Restore it, or end the link with "
    "syncdoctor unlink NAME WHO.",
    fixed_by="HubSpot admin",
    question="sync",
    says=document.CREATED,
    codes=frozenset(
        {
            "OBJECT_NOT_FOUND", "RESOURCE NOT FOUND", "HTTP 404", "INVALID_OBJECT_ID", "INVALID_RECORD_ID",
            "INVALID_ALTERNATE_ID",
        }
    ),
    words=r"(?:contact|record|member|resource|object)\b.*(?:not be found|not found|does not exist)",
)  # fmt: skip
PERMISSION = Refusal(
    code="refused-permission",
    title="The credentials may not write this",
    explanation="The user or app behind the credentials lacks a permission for this record or field (with HubSpot's version "
    "2026-09 also Edit Associations for user-level sign-in).",
    remedy="Grant the named permission to the user or app behind the credentials, then sync again.",
    fixed_by="HubSpot admin",
    question="access",
    says=document.PERMISSIONS,
    codes=frozenset({"MISSING_SCOPES", "FORBIDDEN", "USER DOES NOT HAVE PERMISSION", "COMPLIANCE RELATED", "HTTP 403"}),
    words=r"\bpermissions?\b|not authori[sz]ed|hasn't been granted|insufficient (?:access|privilege)",
)
BUSY = Refusal(
    code="refused-busy",
    title="The server had trouble of its own",
    explanation="The server was overloaded, locked the record, or failed; the values are not to blame.",
    remedy="Wait; it is tried again by itself. If it lasts for days, hand the correlation id to the provider's support.",
    fixed_by="us",
    question="sync",
    says=document.SUPPORT,
    nature="transient",
    codes=frozenset(
        {
            "RATE_LIMIT", "RATE_LIMITS", "TOO MANY REQUESTS", "INTERNAL_ERROR", "INTERNAL SERVER ERROR", "LOCKED", "TIMEOUT",
            "SERVICE_UNAVAILABLE", "MIGRATION_IN_PROGRESS", "HTTP 423", "HTTP 429", "HTTP 477", "HTTP 500", "HTTP 502",
            "HTTP 503", "HTTP 504", "HTTP 521", "HTTP 523", "HTTP 524",
        }
    ),
    words=r"secondly|daily limit|rate limit|too many requests|try again|timed? ?out|temporar|internal (?:server )?error"
    r"|unavailable|\blocked\b|migrat|\b(?:api|(?:total)?requests?)[ _]limit",
)  # fmt: skip
GATEWAY = Refusal(
    code="refused-gateway",
    title="The way to the server is broken",
    explanation="The network before the server could not open a connection to it, or does not trust its certificate (522, 525, "
    "526). HubSpot asks to be told of these; the values are not to blame.",
    remedy="Hand the correlation id and the time to the provider's support. It is tried again from time to time.",
    fixed_by="us",
    question="sync",
    says=document.SUPPORT,
    codes=frozenset({"HTTP 522", "HTTP 525", "HTTP 526"}),
)
LIMIT = Refusal(
    code="refused-limit",
    title="The account is full",
    explanation="The account holds as many contacts or records as its plan allows, so the server takes no more.",
    remedy="Delete records that nobody needs, or move the account to a larger plan; the sync goes on from there.",
    fixed_by="app admin",
    question="access",
    says=document.PERMISSIONS,
    codes=frozenset({"LIMIT_EXCEEDED", "PORTAL_WIDE_CUSTOM_OBJECT_LIMIT_EXCEEDED"}),
    words=r"(?:contact|record|object|account|plan|audience|storage) limit|limit (?:has been |was )?(?:reached|exceeded)"
    r"|reached (?:the|your) (?:limit|maximum)|exceeds? your plan",
)
REQUEST = Refusal(
    code="refused-request",
    title="The server could not use the request",
    explanation="The request itself was not what the server expects: its form, its size or the way it names the record. The "
    "contact is not to blame.",
    remedy="Hand the report with the correlation id to Syncdoctor's makers; check hubspot.api_version meanwhile.",
    fixed_by="us",
    question="sync",
    says=document.SUPPORT,
    codes=frozenset(
        {
            "INVALID_INPUT_JSON", "JSON PARSE ERROR", "METHOD NOT ALLOWED", "REQUESTED FIELDS INVALID", "BAD_CONTENT_TYPE",
            "HTTP 405", "HTTP 413", "HTTP 414", "HTTP 415",
        }
    ),
    words=r"\bjson\b|malformed|unable to perform|content[- ]type|too many (?:inputs|operations)|method .*not allowed",
)  # fmt: skip
UNKNOWN = Refusal(
    code="refused-unknown",
    title="Refused for a reason that is not known",
    explanation="The server's words fit none of the known classes. They are kept as they came and grouped by their signature: "
    "the words without values.",
    remedy="Read the server's words; if they do not say what to change, hand the signature and the correlation ids to the "
    "provider's support. It is tried again from time to time.",
    fixed_by="us",
    says=document.SUPPORT,
    codes=frozenset({"UNKNOWN_BAD_REQUEST", "UNKNOWN_ERROR"}),
)

ABOUT_THE_PERSON = (ERASED, OPT_OUT, CONSENT, MANY_SIGNUPS, DUPLICATE_ADDRESS, DUPLICATE_VALUE, ADDRESS)
ABOUT_THE_REST = (PERMISSION, BUSY, GATEWAY, LIMIT, REQUEST, GONE, UNKNOWN)
