"""Every code that a preflight can give: stable, documented in docs/preflight.md, which is made from this table."""

from __future__ import annotations

from collections.abc import Iterable

from diagnostics.preflight.finding import SEVERITIES, Code, Finding, Severity

_FILE = "Correct the connection file, then run preflight again."

CODES: tuple[Code, ...] = (
    Code(
        "field-missing", "stops", "A field that the side does not have",
        "The connection names a field that its side does not declare: misspelt, deleted, or archived.",
        "Give the field's internal name, or take the archived field out of the archive.", "us",
    ),
    Code(
        "field-read-only", "stops", "A field that nobody may write",
        "The direction writes into a field that the side calculates or keeps read-only.",
        "Turn the mapping's direction round, or map another field.", "us",
    ),
    Code(
        "field-unmappable", "stops", "A field of a kind that cannot be mapped",
        "The field holds a block of several values (an address) or a file.",
        "Remove the mapping, or map a plain field.", "us",
    ),
    Code(
        "field-twice", "stops", "Two mappings onto one field",
        "Two mappings name the same field of a side, or names that differ in upper and lower case only.",
        "Keep one of the mappings.", "us",
    ),
    Code(
        "identity-unmapped", "stops", "The e-mail address is not mapped",
        "Contacts are recognised by their address; without it each create could make a second person.",
        "Map the address in the connection's own direction.", "us",
    ),
    Code(
        "direction-overruled", "warns", "A mapping that flows the other way than it says",
        "A one-way connection makes every mapping one-way; the mapping's own direction is not followed.",
        "Give the mapping no direction of its own, or make the connection two-way.", "us",
    ),
    Code(
        "types-unlike", "stops", "Two kinds of fields that cannot carry each other",
        "No value of the one kind is ever a value of the other (a number into a date).",
        "Map a field of the same kind, or turn the direction round.", "us",
    ),
    Code(
        "types-loose", "tells", "Two kinds of fields that only some values fit",
        "The target takes only some of the values that the source may hold (a text into a number).",
        "Nothing; values-unfit and option-untranslated count the contacts whose values do not fit.", "us",
    ),
    Code(
        "set-separator", "stops", "A choice that contains the separator",
        "Several choices are joined into one text, and one of them contains the separator: it would come back as two.",
        "Choose another separator for the mapping.", "us",
    ),
    Code(
        "set-into-one", "warns", "Several choices into a field for one",
        "The source may hold several choices, the target takes one.",
        "Map onto a field for several choices, or onto a text.", "us",
    ),
    Code(
        "option-untranslated", "warns", "Choices that the other side does not have",
        "The source has choices that are none of the target's and that the mapping does not translate.",
        "Translate them in the mapping's options, or add them to the target.", "us",
    ),
    Code(
        "value-too-long", "warns", "Values longer than the target takes",
        "Contacts hold values beyond the target's limit; each would be held back.",
        "Shorten the values, or raise the limit in the target.", "HubSpot admin",
    ),
    Code(
        "values-unfit", "warns", "Values that the target would refuse",
        "The examination found values to be written that break a rule of the target; each is held back.",
        "See the cause: syncdoctor causes CODE.", "us",
    ),
    Code(
        "unique-repeated", "warns", "Repeated values into a unique property",
        "HubSpot takes each value of the property once, and several contacts of the app share one.",
        "Make the values unique in the app, or do not send them to HubSpot.", "app admin",
    ),
    Code(
        "phone-country", "warns", "Phone numbers without a country",
        "Numbers without a country code are compared by their digits only, as no country is known for them.",
        "Name the property with the country: sync.country, or country in the mapping.", "us",
    ),
    Code(
        "date-moment", "tells", "A day against a moment",
        "One side holds a day and the other a moment; the day is taken in the account's time zone.",
        "Check with a contact whose moment lies near midnight.", "us",
    ),
    Code(
        "zones-differ", "warns", "Two time zones for one date",
        "A date is mapped between accounts of different time zones: near midnight the day differs.",
        "Set both accounts to the same time zone, or map two plain dates.", "HubSpot admin",
    ),
    Code(
        "zone-unknown", "warns", "A time zone that is not known",
        "The account names a time zone that this computer does not know; UTC is used for its dates.",
        "Correct the account's time zone, or update this computer's time zones.", "HubSpot admin",
    ),
    Code(
        "consent-accepted", "stops", "An accepted value that the property cannot hold",
        "Nobody could ever pass: none of the accepted values is a choice of the property.",
        "Give the internal value of the choice that means consent.", "us",
    ),
    Code(
        "consent-unguarded", "stops", "Consent mapped as if it were any value",
        "The mapping carries consent but merges it as plain text, so a stricter value could be loosened.",
        'Leave merge out, or set merge = "consent" with accepted.', "us",
    ),
    Code(
        "required-unfilled", "stops", "A required field that nothing fills",
        "The target of new contacts requires the field, and neither a mapping nor on_create gives it.",
        "Map the field, give it in on_create, or make it optional in the target.", "us",
    ),
    Code(
        "required-empty", "warns", "A required field that some contacts leave empty",
        "The field is mapped, but contacts to be created or updated hold nothing to fill it with.",
        "Fill the field in the source, or make it optional in the target.", "us",
    ),
    Code(
        "required-not-enforced", "tells", "Required fields that this API version does not enforce",
        "HubSpot checks required fields on API writes from version 2026-09 on; this connection uses an older one.",
        "Before api_version is raised, run preflight with the new one.", "us",
    ),
    Code(
        "conditional-unread", "unknown", "Conditional required properties cannot be read",
        "API version 2026-09 enforces properties that are required on a condition, and no endpoint tells them.",
        "Ask the HubSpot admin for them; a refused write names the property.", "HubSpot admin",
    ),
    Code(
        "rules-unread", "unknown", "Validation rules that were not examined",
        "Rules could not be read, or are of a kind that is not evaluated before writing.",
        "Grant the permission to read properties and rules, and watch for refused writes.", "HubSpot admin",
    ),
    Code(
        "on-create-unfit", "stops", "A starting value that does not fit its property",
        "on_create gives a value that is none of the property's choices, or names a property nobody may write.",
        "Give the internal value of one of the choices, or remove the line.", "us",
    ),
    Code(
        "on-create-hidden", "warns", "A starting value that a mapping hides",
        "The property is also mapped: new contacts get the mapped value, and nothing where that is empty.",
        "Remove the starting value, or the mapping.", "us",
    ),
    Code(
        "account-other", "stops", "The credentials open another account",
        "The connection names an account, and the token opens a different one.",
        "Log in with a token of the right account, or correct hubspot.account.", "us",
    ),
    Code(
        "tier-mappings", "stops", "The plan does not allow custom mappings",
        "A free HubSpot account may map default fields only.",
        "Remove the custom mappings, or move to a paid plan.", "HubSpot admin",
    ),
    Code(
        "tier-unknown", "unknown", "The HubSpot plan is not named",
        "Custom fields are mapped, and whether the account's plan allows that is not known.",
        "Give hubspot.tier in the connection file.", "us",
    ),
    Code(
        "scope-missing", "stops", "A permission is missing",
        "The credentials lack a scope that the connection needs.",
        "Grant the named scope and log in again.", "HubSpot admin",
    ),
    Code(
        "scopes-unread", "unknown", "The token does not tell its scopes",
        "Whether every permission is there shows only when it is used.",
        "Compare the token's scopes with the named ones in HubSpot.", "HubSpot admin",
    ),
    Code(
        "observed-mode", "tells", "Syncdoctor will not write",
        "The connection is observed: another engine does the syncing.",
        'Set mode = "managed" if Syncdoctor is to do it.', "us",
    ),
    Code(
        "list-missing", "stops", "There is no such list",
        "The inclusion list cannot be found, its name is not unique, or it does not hold contacts.",
        "Give the exact name or the id of a list of contacts.", "us",
    ),
    Code(
        "list-deleted", "stops", "The inclusion list was deleted",
        "Nobody would sync.", "Restore the list in HubSpot (90 days), or name another one.", "HubSpot admin",
    ),
    Code(
        "list-empty", "stops", "The inclusion list is empty",
        "Only members sync, and there are none.", "Correct the list's criteria, or add contacts.", "HubSpot admin",
    ),
    Code(
        "list-processing", "warns", "The inclusion list is being processed",
        "HubSpot has not finished evaluating the list; its members are not final.",
        "Wait until HubSpot has finished, then run preflight again.", "HubSpot admin",
    ),
    Code(
        "list-none", "tells", "No inclusion list",
        "Every contact is in scope.", "Name a list in scope.list to narrow the sync.", "us",
    ),
    Code(
        "list-unread", "unknown", "The inclusion list could not be read",
        "Who is in scope is not known.", "Grant the permission to read lists.", "HubSpot admin",
    ),
    Code(
        "list-enters", "warns", "Contacts would enter the inclusion list",
        "After the plan's own writes these contacts meet the list's criteria; they sync from then on.",
        "Narrow the criteria if that is not wanted.", "HubSpot admin",
    ),
    Code(
        "list-leaves", "warns", "Contacts would leave the inclusion list",
        "After the plan's own writes these contacts do not meet the list's criteria any more, and stop syncing.",
        "Take the property out of the criteria, or let HubSpot win it.", "us",
    ),
    Code(
        "list-effect-unknown", "unknown", "The effect on the inclusion list is not known",
        "Some criteria cannot be evaluated for the contacts that would be written to HubSpot.",
        "Compare the list's size before and after the first sync.", "us",
    ),
    Code(
        "marketing-contacts", "warns", "New contacts may become marketing contacts",
        "Contacts that an app creates count as marketing contacts if the app's switch in HubSpot is on when they are created; "
        "the API neither tells nor sets it.",
        "Look at Settings > Integrations > Marketing contacts before the first sync.", "HubSpot admin",
    ),
    Code(
        "contacts-too-many", "stops", "More new contacts than fit",
        "The plan would create more contacts than HubSpot's plan has room for; it would refuse the last ones.",
        "Free some room, upgrade the account, or narrow what is synced.", "HubSpot admin",
    ),
    Code(
        "contacts-nearly-full", "warns", "HubSpot would be nearly full",
        "After the creates less than a twentieth of the contacts that HubSpot's plan allows would be left.",
        "Plan for more room before the next contacts come.", "HubSpot admin",
    ),
    Code(
        "contact-limits", "unknown", "Contact limits are not known",
        "The side does not tell how many contacts its plan allows.",
        "Compare the creates with what the account's plan leaves.", "us",
    ),
    Code(
        "requests-of-the-day", "stops", "More requests than the day allows",
        "The plan needs more requests than are left of HubSpot's daily limit, of which a twentieth stays for people.",
        "Raise the limit, wait for the next day, or narrow the first sync by a smaller list.", "HubSpot admin",
    ),
    Code(
        "requests-many", "warns", "A large part of the day's requests",
        "The plan needs more than half of the requests that are left; all private apps share them.",
        "Run the first sync when nothing else needs them.", "HubSpot admin",
    ),
    Code(
        "brake-trips", "stops", "The plan goes beyond a brake",
        "A sync would stop before its first write.",
        "Look at the plan (syncdoctor plan NAME); raise the brake, or let it pass once with --accept.", "us",
    ),
    Code(
        "brake-shut", "warns", "A brake that lets nothing through",
        "The limit is 0: any write of that kind stops the whole run.",
        "Raise the brake, or choose the direction so that nothing of the kind is planned.", "us",
    ),
    Code(
        "brake-off", "warns", "A brake that never stops anything",
        "The limit is so high that no plan can reach it, so the connection runs without this protection.",
        "Lower it to a little more than a usual run does.", "us",
    ),
    Code(
        "side-shrunk", "stops", "Far fewer contacts than before, or none",
        "A side or the list lost more than brakes.shrink allows, or a side is empty that would be filled: a sync stops.",
        "Check the account and the permissions; if they are really gone, run the sync once with --accept-shrink.", "us",
    ),
    Code(
        "not-examined", "unknown", "Nothing could be counted",
        "The examination cannot run before the things above are corrected.",
        "Correct what stops it, then run preflight again.", "us",
    ),
)  # fmt: skip

_BY_CODE = {one.code: one for one in CODES}


def found(
    code: str,
    where: str,
    what: str,
    *,
    severity: Severity | None = None,
    remedy: str = "",
    mapping: str = "",
    field: str = "",
    contacts: int | None = None,
    items: Iterable[str] = (),
) -> Finding:
    """A finding of a known code; severity and remedy are the code's own unless given. Raises KeyError for an unknown code."""
    kind = _BY_CODE[code]
    return Finding(
        code, severity or kind.severity, where, what, remedy or kind.remedy, kind.fixed_by, mapping, field, contacts,
        tuple(items),
    )  # fmt: skip


_HEAD = """# Preflight

<!-- Generated from diagnostics/preflight/codes.py; do not edit. Regenerate: make preflight -->

What `syncdoctor preflight NAME` may find before a connection is activated. *stops*: do not activate. *warns*: some contacts or
values will not come out as wanted. *unknown*: could not be examined, which is not the same as fine. *tells*: worth knowing. A
finding may weigh less than its code where nobody is concerned.
"""


def markdown() -> str:
    """The text of docs/preflight.md."""
    rows = [
        f"| `{one.code}` | {one.severity} | **{one.title}.** {one.means} | {one.remedy} | {one.fixed_by} |"
        for severity in SEVERITIES
        for one in CODES
        if one.severity == severity
    ]
    return "\n".join((_HEAD, "| code | severity | what it is | to do | who |", "|---|---|---|---|---|", *rows, ""))


if __name__ == "__main__":
    print(markdown(), end="")
