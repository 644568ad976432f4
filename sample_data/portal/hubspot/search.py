"""The search endpoint: filters as SQL over the values that the search index has seen by now."""

from __future__ import annotations

import json
from typing import Any

from starlette.routing import Route

from sample_data.portal.hubspot.contact_routes import API_HOST, READ, contact_paths
from sample_data.portal.hubspot.contacts import DEFAULT_PROPERTIES, Contact, Contacts
from sample_data.portal.hubspot.endpoint import Call, Gateway, Reply, object_input
from sample_data.portal.hubspot.errors import bad_request
from sample_data.portal.limits import PortalLimits
from sample_data.portal.moments import iso_milliseconds, milliseconds, read_moment
from sample_data.portal.state import normal_email

GROUPS, FILTERS, ALL_FILTERS = 5, 6, 18
PAGE, QUERY_LENGTH = 200, 3_000
TIMES = {"createdate": "created", "lastmodifieddate": "seen_updated", "hs_lastmodifieddate": "seen_updated"}
COMPARISONS = {"LT": "<", "LTE": "<=", "GT": ">", "GTE": ">="}
QUERY_PROPERTIES = ("firstname", "lastname", "email", "phone", "company", "hs_additional_emails")

Condition = tuple[str, list[object]]

SEEN = """
WITH seen AS (
    SELECT id, created,
        CASE WHEN written > :cutoff THEN json_extract(prior, '$.properties') ELSE properties END AS seen_properties,
        CASE WHEN written > :cutoff THEN json_extract(prior, '$.updated') ELSE updated END AS seen_updated
    FROM contact WHERE archived = 0)
"""
NOW = """
WITH seen AS (
    SELECT id, created, properties AS seen_properties, updated AS seen_updated FROM contact WHERE archived = 0)
"""


class SearchEndpoint:
    """One handler; it is as late as the store's `lag` says."""

    def __init__(self, contacts: Contacts, limits: PortalLimits) -> None:
        self._contacts = contacts
        self._limits = limits

    def routes(self, gateway: Gateway) -> list[Route]:
        """The route of this file."""
        return gateway.routes("POST", contact_paths("/search"), self.search, READ, search=True)

    def search(self, call: Call) -> Reply:
        """A page of found contacts and how many there are in all."""
        body = call.fields
        limit, after = self._page(body)
        condition, values = self._condition(body)
        lag = self._contacts.lag
        source = SEEN.replace(":cutoff", str(call.now - lag)) if lag else NOW
        where = f"FROM seen WHERE seen_properties IS NOT NULL AND ({condition})"
        state = self._contacts.state
        total = state.row(f"{source} SELECT count(*) {where}", *values)
        columns = "id, created, seen_updated, seen_properties"
        rows = state.rows(
            f"{source} SELECT {columns} {where} ORDER BY {self._order(body)} LIMIT ? OFFSET ?",
            *values,
            limit,
            after,
        )
        names = [name for name in body.get("properties") or () if self._contacts.schema.known(name)]
        wanted = [*(names or DEFAULT_PROPERTIES), "createdate", "hs_object_id", "lastmodifieddate"]
        results = [
            Contact(number, json.loads(text), created, updated, False, None).record(wanted)
            for number, created, updated, text in rows
        ]
        count = int(total[0]) if total else 0
        answer: dict[str, Any] = {"total": count, "results": results}
        if after + limit < count:
            following = str(after + limit)
            answer["paging"] = {"next": {"after": following, "link": f"{API_HOST}{call.path}?after={following}"}}
        return Reply(200, answer)

    def _condition(self, body: dict[str, Any]) -> Condition:
        groups = body.get("filterGroups") or []
        filters = [object_input(group, "a filter group").get("filters") or [] for group in groups]
        if len(groups) > GROUPS or any(len(group) > FILTERS for group in filters):
            raise bad_request(f"There may be at most {GROUPS} filter groups with {FILTERS} filters each")
        if sum(map(len, filters)) > ALL_FILTERS:
            raise bad_request(f"There may be at most {ALL_FILTERS} filters")
        alternatives, values = [], []
        for group in filters:
            parts = [self._filter(object_input(entry, "a filter")) for entry in group]
            alternatives.append(" AND ".join(text for text, _ in parts) or "1")
            values += [value for _, given in parts for value in given]
        condition = " OR ".join(f"({text})" for text in alternatives) or "1"
        query = str(body.get("query") or "")
        if len(query) > QUERY_LENGTH:
            raise bad_request(f"query may have at most {QUERY_LENGTH} characters")
        if query:
            likes = " OR ".join(f"{_stored(name)} LIKE ?" for name in QUERY_PROPERTIES)
            condition = f"({condition}) AND ({likes})"
            values += [f"%{query}%"] * len(QUERY_PROPERTIES)
        return condition, values

    def _filter(self, entry: dict[str, Any]) -> Condition:
        name, operator = str(entry.get("propertyName", "")), str(entry.get("operator", ""))
        if not self._contacts.schema.known(name) and name not in TIMES:
            raise bad_request(f"There was a problem with the request: property {name} does not exist")
        if operator == "EQ" and name == "email" and not self._contacts.lag:
            statement = "id IN (SELECT contact FROM contact_email WHERE email = ? AND is_primary = 1)"
            return statement, [normal_email(str(entry.get("value", "")))]
        column, kind = self._column(name)
        return _operation(column, kind, operator, entry)

    def _column(self, name: str) -> tuple[str, str]:
        """The SQL expression of a known property, and whether it is compared as time, date, number or text."""
        if name in TIMES:
            return TIMES[name], "time"
        if name == "hs_object_id":
            return "id", "number"
        definition = self._contacts.schema.definitions[name]
        kinds = {"number": "number", "date": "date", "datetime": "date"}
        return _stored(name), kinds.get(definition["type"], "text")

    def _order(self, body: dict[str, Any]) -> str:
        sorts = body.get("sorts") or []
        if len(sorts) > 1:
            raise bad_request("There may be at most 1 sort")
        if not sorts:
            return "created, id"
        sort = sorts[0] if isinstance(sorts[0], dict) else {"propertyName": str(sorts[0])}
        name = str(sort.get("propertyName", ""))
        descending = sort.get("direction") == "DESCENDING" or name.startswith("-")
        name = name.removeprefix("-")
        if not self._contacts.schema.known(name) and name not in TIMES:
            raise bad_request(f"There was a problem with the request: property {name} does not exist")
        column, kind = self._column(name)
        expression = f"CAST({column} AS REAL)" if kind == "number" else column
        return f"{expression} {'DESC' if descending else 'ASC'}, id"

    def _page(self, body: dict[str, Any]) -> tuple[int, int]:
        asked, after, highest = body.get("limit", 10), body.get("after") or 0, self._limits.search_results
        if not str(asked).isdigit() or not 0 <= int(asked) <= PAGE:
            raise bad_request(f"limit must be a number up to {PAGE}")
        if not str(after).isdigit():
            raise bad_request("after must be a number")
        limit = min(int(asked), self._limits.search_page, highest)
        if int(after) + limit > highest:
            raise bad_request(f"Only the first {highest} results of a search can be read")
        return limit, int(after)


def _stored(name: str) -> str:
    quoted = name.replace("'", "''")
    return f"json_extract(seen_properties, '$.\"{quoted}\"')"


def _operation(column: str, kind: str, operator: str, entry: dict[str, Any]) -> Condition:
    if operator in ("HAS_PROPERTY", "NOT_HAS_PROPERTY"):
        return f"{column} IS {'NOT ' if operator == 'HAS_PROPERTY' else ''}NULL", []
    if operator in ("IN", "NOT_IN"):
        values = entry.get("values")
        if not isinstance(values, list) or not values:
            raise bad_request(f"values must be given for {operator}")
        marks = ", ".join("?" for _ in values)
        inside = f"lower({column}) IN ({marks})"
        return (inside if operator == "IN" else f"NOT coalesce({inside}, 0)"), [str(item).lower() for item in values]
    value = entry.get("value")
    if value is None or value == "":
        raise bad_request(f"value must be given for {operator}")
    if operator in ("CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"):
        pattern = "%" + str(value).replace("*", "%") + "%"
        negation = "NOT " if operator == "NOT_CONTAINS_TOKEN" else ""
        return f"{negation}coalesce({column} LIKE ?, 0)", [pattern]
    if operator == "BETWEEN":
        left, left_values = _comparison(column, kind, ">=", value)
        right, right_values = _comparison(column, kind, "<=", entry.get("highValue"))
        return f"{left} AND {right}", left_values + right_values
    if operator in COMPARISONS:
        return _comparison(column, kind, COMPARISONS[operator], value)
    if operator not in ("EQ", "NEQ"):
        raise bad_request(f"Invalid input JSON: {operator} is not an operator")
    equal, values = _comparison(column, kind, "=", value)
    return (equal if operator == "EQ" else f"NOT coalesce({equal}, 0)"), values


def _comparison(column: str, kind: str, sign: str, value: object) -> Condition:
    text = str(value)
    try:
        if kind == "time":
            return f"{column} {sign} ?", [milliseconds(read_moment(text))]
        if kind == "number":
            return f"CAST({column} AS REAL) {sign} ?", [float(text)]
        if kind == "date":
            moment = iso_milliseconds(milliseconds(read_moment(text)))
            return f"substr({column} || 'T00:00:00.000Z', 1, 24) {sign} ?", [moment]
    except ValueError as error:
        raise bad_request(f"There was a problem with the request: {text} cannot be compared") from error
    return f"lower({column}) {sign} lower(?)", [text]
