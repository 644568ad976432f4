"""The Mailchimp server as one Starlette application."""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sample_data.portal.audit import Audit
from sample_data.portal.bodies import read_json
from sample_data.portal.keeping import Keeping
from sample_data.portal.limits import PortalLimits
from sample_data.portal.mailchimp import errors
from sample_data.portal.mailchimp.errors import FieldError, Problem
from sample_data.portal.mailchimp.members import AddressLists, Members, Row, batch_error
from sample_data.portal.mailchimp.shapes import Shapes, chosen
from sample_data.portal.mailchimp.validation import MergeFields
from sample_data.portal.moments import iso_seconds, read_moment
from sample_data.portal.state import State, normal_email

SIMULTANEOUS = 10
PAGE = 1000
SORTS = {"timestamp_opt": "opted", "timestamp_signup": "number", "last_changed": "changed"}

Handler = Callable[[Request, Any, int], tuple[int, Any]]


class MailchimpServer:
    """Plays the Mailchimp account of a filled state."""

    def __init__(self, state: State, now: Callable[[], datetime], limits: PortalLimits) -> None:
        self._limits = limits
        self._state = state
        self._now = now
        self._audience: dict[str, Any] = state.document("audience")
        self.keeping = Keeping(state, "mailchimp")
        self._keys = {entry["key"] for entry in self._audience["keys"]}
        self._list_id: str = self._audience["list"]["id"]
        self._merge_fields = MergeFields(self._audience["merge_fields"], self.keeping)
        addresses = AddressLists(fake=self._addresses("fake_emails"), compliance=self._addresses("compliance_emails"))
        self._members = Members(state, self._merge_fields, addresses, Audit(state))
        self._shapes = Shapes(self._audience["data_center"], self._list_id, self._merge_fields)
        self._open = 0
        self._answers = 0
        self.first_key: str = self._audience["keys"][0]["key"]
        member = "/3.0/lists/{list}/members/{member}"
        self.app = Starlette(
            routes=[
                self._route("/3.0", GET=self._account),
                self._route("/3.0/", GET=self._account),
                self._route("/3.0/ping", GET=self._ping),
                self._route("/3.0/lists", GET=self._lists),
                self._route("/3.0/lists/{list}", GET=self._one_list, POST=self._batch),
                self._route("/3.0/lists/{list}/merge-fields", GET=self._all_merge_fields),
                self._route("/3.0/lists/{list}/merge-fields/{merge}", GET=self._one_merge_field),
                self._route("/3.0/lists/{list}/members", GET=self._page, POST=self._add),
                self._route(member, GET=self._member, PUT=self._put, PATCH=self._patch, DELETE=self._archive),
                self._route(f"{member}/actions/delete-permanent", POST=self._forget),
            ],
            exception_handlers={404: self._nothing_there},
        )
        self.app.router.redirect_slashes = False

    def change_merge_field(self, tag: str, changes: Mapping[str, object] | None) -> None:
        """Changes entries of a merge field, or adds it; None deletes it. Raises KeyError for deleting an unknown one."""
        self._merge_fields.change(tag, changes)
        audience = self._audience | {"merge_fields": list(self._merge_fields.definitions.values())}
        with self._state.transaction():
            self._state.keep_document("audience", audience)

    def tamper(self, record_id: str, values: Mapping[str, str]) -> None:
        """Changes a member behind everyone's back, without any check."""
        with self._state.transaction():
            self._members.tamper(record_id, values, int(self._now().timestamp()))

    def _addresses(self, name: str) -> set[str]:
        return {normal_email(address) for address in self._audience[name]}

    def _route(self, path: str, **handlers: Handler) -> Route:
        async def answer(request: Request) -> Response:
            self._open += 1
            try:
                await anyio.lowlevel.checkpoint()
                if self._open > SIMULTANEOUS:
                    raise errors.too_many_requests()
                return await self._answer(request, handlers)
            except Problem as problem:
                return self._problem(problem)
            finally:
                self._open -= 1

        return Route(path, answer, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])

    async def _answer(self, request: Request, handlers: Mapping[str, Handler]) -> Response:
        self._authenticate(request)
        handler = handlers.get("GET" if request.method == "HEAD" else request.method)
        if handler is None:
            raise errors.method_not_allowed(", ".join(handlers))
        if request.path_params.get("list", self._list_id) != self._list_id:
            raise errors.not_found()
        body = _json(await request.body())
        now = int(self._now().timestamp())
        if request.method == "GET":
            status, content = handler(request, body, now)
        else:
            with self._state.transaction():
                status, content = handler(request, body, now)
        if content is None:
            return Response(status_code=status, media_type="application/json")
        query = request.query_params
        parts = [query.get(name, "").split(",") for name in ("fields", "exclude_fields")]
        return _response(status, chosen(content, *parts), "application/json", {})

    def _authenticate(self, request: Request) -> None:
        kind, _, text = request.headers.get("authorization", "").partition(" ")
        key = text.strip()
        if kind.lower() == "basic":
            try:
                key = base64.b64decode(key).decode().partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                key = ""
        if not kind or not key:
            raise errors.key_missing()
        if key in self._keys:
            return
        suffix = key.rpartition("-")[2]
        same = {known.rpartition("-")[0] for known in self._keys}
        if key.rpartition("-")[0] in same and suffix != self._audience["data_center"]:
            raise errors.wrong_datacenter()
        raise errors.key_invalid()

    def _problem(self, problem: Problem) -> Response:
        self._answers += 1
        instance = str(uuid.uuid5(uuid.NAMESPACE_OID, f"mailchimp problem {self._answers}"))
        return _response(problem.status, problem.body(instance), "application/problem+json", dict(problem.headers))

    async def _nothing_there(self, request: Request, error: Exception) -> Response:
        return self._problem(errors.not_found())

    def _account(self, request: Request, body: Any, now: int) -> tuple[int, Any]:
        total = self._members.count("status != 'archived'", ())
        return 200, {
            "account_id": "8d3a3db4d97663a9074efcc16",
            "login_id": "4711",
            "account_name": str(self._audience["list"].get("account_name", "Practice")),
            "email": "admin@practice.example",
            "first_name": "Practice",
            "last_name": "Admin",
            "username": "practice",
            "login": "practice",
            "role": "owner",
            "pricing_plan_type": "monthly",
            "account_timezone": "Europe/Berlin",
            "total_subscribers": total,
            "_links": self._shapes.links(("self", "GET", "/"), ("lists", "GET", "/lists")),
        }

    def _ping(self, request: Request, body: Any, now: int) -> tuple[int, Any]:
        return 200, {"health_status": "Everything's Chimpy!"}

    def _lists(self, request: Request, body: Any, now: int) -> tuple[int, Any]:
        count, offset = _number(request, "count", 10), _number(request, "offset", 0)
        lists = [self._list_body()][offset : offset + count]
        constraints = {"may_create": False, "max_instances": 1, "current_total_instances": 1}
        links = self._shapes.links(("self", "GET", "/lists"), ("parent", "GET", "/"))
        return 200, {"lists": lists, "total_items": 1, "constraints": constraints, "_links": links}

    def _one_list(self, request: Request, body: Any, now: int) -> tuple[int, Any]:
        return 200, self._list_body()

    def _list_body(self) -> dict[str, Any]:
        counts = dict(self._state.rows("SELECT status, count(*) FROM member GROUP BY status"))
        latest = self._state.row("SELECT max(opted) FROM member WHERE status = 'subscribed'")
        return self._shapes.audience(self._audience["list"], counts, iso_seconds(latest[0] if latest else None))

    def _all_merge_fields(self, request: Request, body: Any, now: int) -> tuple[int, Any]:
        count, offset = _number(request, "count", 10), _number(request, "offset", 0)
        fields = [self._shapes.merge_field(item) for item in self._merge_fields.definitions.values()]
        links = self._shapes.links(("self", "GET", f"/lists/{self._list_id}/merge-fields"))
        page = fields[offset : offset + count]
        return 200, {"merge_fields": page, "list_id": self._list_id, "total_items": len(fields), "_links": links}

    def _one_merge_field(self, request: Request, body: Any, now: int) -> tuple[int, Any]:
        for definition in self._merge_fields.definitions.values():
            if str(definition["merge_id"]) == request.path_params["merge"]:
                return 200, self._shapes.merge_field(definition)
        raise errors.not_found()

    def _page(self, request: Request, body: Any, now: int) -> tuple[int, Any]:
        count, offset = _number(request, "count", 10), _number(request, "offset", 0)
        query = request.query_params
        conditions: list[str] = ["status != 'archived'"]
        values: list[object] = []
        if "status" in query:
            conditions, values = ["status = ?"], [query["status"]]
        bounds = (
            ("since_last_changed", "changed >"),
            ("before_last_changed", "changed <"),
            ("since_timestamp_opt", "opted >"),
            ("before_timestamp_opt", "opted <"),
        )
        for name, comparison in bounds:
            if query.get(name):
                conditions.append(f"{comparison} ?")
                values.append(_seconds(name, query[name]))
        where = " AND ".join(conditions)
        direction = "DESC" if query.get("sort_dir", "ASC").upper() == "DESC" else "ASC"
        order = f"{SORTS.get(query.get('sort_field', ''), 'number')} {direction}, number {direction}"
        count = min(count, self._limits.members_page)
        rows = self._members.page(where, tuple(values), order, count, offset)
        links = self._shapes.links(("self", "GET", f"/lists/{self._list_id}/members"))
        return 200, {
            "members": [self._shapes.member(row) for row in rows],
            "list_id": self._list_id,
            "total_items": self._members.count(where, tuple(values)),
            "_links": links,
        }

    def _member(self, request: Request, body: Any, now: int) -> tuple[int, Any]:
        row = self._members.find(request.path_params["member"])
        if row is None:
            raise errors.not_found()
        return 200, self._shapes.member(row)

    def _add(self, request: Request, body: Any, now: int) -> tuple[int, Any]:
        return self._written(self._members.add(_object(body), now, skip_required=_skips(request)))

    def _put(self, request: Request, body: Any, now: int) -> tuple[int, Any]:
        key = request.path_params["member"]
        return self._written(self._members.put(key, _object(body), now, skip_required=_skips(request)))

    def _patch(self, request: Request, body: Any, now: int) -> tuple[int, Any]:
        key = request.path_params["member"]
        return self._written(self._members.update(key, _object(body), now, skip_required=_skips(request)))

    def _archive(self, request: Request, body: Any, now: int) -> tuple[int, Any]:
        self._members.archive(request.path_params["member"], now)
        return 204, None

    def _forget(self, request: Request, body: Any, now: int) -> tuple[int, Any]:
        self._members.forget(request.path_params["member"], now)
        return 204, None

    def _written(self, row: Row) -> tuple[int, Any]:
        return 200, self._shapes.member(row)

    def _batch(self, request: Request, body: Any, now: int) -> tuple[int, Any]:
        given = _object(body)
        members = given.get("members")
        if not isinstance(members, list):
            raise errors.invalid_fields(FieldError("members", "Required fields were not provided: members"))
        highest = self._limits.members_batch
        if len(members) > highest:
            raise errors.invalid_fields(FieldError("members", f"At most {highest} members may be given"))
        created, updated, refused = [], [], []
        seen: set[str] = set()
        for entry in map(_object, members):
            try:
                address = str(entry.get("email_address", "")).strip().lower()
                if address in seen:
                    raise errors.invalid(f"{address} is given more than once")
                seen.add(address)
                existing = self._members.find(address) if address else None
                alive = existing is not None and existing["status"] != "archived"
                skip = _skips(request)
                if alive and given.get("update_existing") is True:
                    updated.append(self._members.update(address, entry, now, skip_required=skip))
                else:
                    created.append(self._members.add(entry, now, skip_required=skip))
            except Problem as problem:
                refused.append(batch_error(entry, problem))
        return 200, {
            "new_members": [self._shapes.member(row) for row in created],
            "updated_members": [self._shapes.member(row) for row in updated],
            "errors": refused,
            "total_created": len(created),
            "total_updated": len(updated),
            "error_count": len(refused),
            "_links": self._shapes.links(("self", "GET", f"/lists/{self._list_id}")),
        }


def _json(body: bytes) -> Any:
    if not body:
        return {}
    try:
        return read_json(body)
    except ValueError as error:
        raise Problem(400, "JSON Parse Error", "We encountered an unspecified JSON parsing error.") from error


def _object(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise errors.invalid_fields(FieldError("", "Schema describes object, something else found instead"))
    return body


def _skips(request: Request) -> bool:
    return request.query_params.get("skip_merge_validation", "false").lower() == "true"


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not text.isdigit() or (name == "count" and int(text) > PAGE):
        raise errors.invalid_fields(FieldError(name, f"Data presented is not a number up to {PAGE}"))
    return int(text)


def _seconds(name: str, text: str) -> float:
    try:
        return read_moment(text.replace(" ", "+")).timestamp()
    except ValueError as error:
        raise errors.invalid_fields(FieldError(name, "Data presented is not a valid ISO 8601 time")) from error


def _response(status: int, body: Any, media_type: str, headers: Mapping[str, str]) -> Response:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(text.encode(), status, headers, f"{media_type}; charset=utf-8")
