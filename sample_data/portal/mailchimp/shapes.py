"""The JSON shapes of Mailchimp's answers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from sample_data.portal.mailchimp.validation import MergeFields
from sample_data.portal.moments import iso_seconds


class Shapes:
    """Builds answers for one data center and one audience."""

    def __init__(self, data_center: str, list_id: str, merge_fields: MergeFields) -> None:
        self._root = f"https://{data_center}.api.mailchimp.com"
        self._list_id = list_id
        self._merge_fields = merge_fields

    def links(self, *links: tuple[str, str, str]) -> list[dict[str, str]]:
        """`_links` from (relation, method, path)."""
        return [
            {
                "rel": relation,
                "href": f"{self._root}/3.0{path}",
                "method": method,
                "targetSchema": f"{self._root}/schema/3.0/Definitions/Response.json",
                "schema": f"{self._root}/schema/3.0/Paths/Collection.json",
            }
            for relation, method, path in links
        ]

    def member(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A member from its stored columns (`merge_fields` already read)."""
        values: dict[str, str] = row["merge_fields"]
        path = f"/lists/{self._list_id}/members/{row['hash']}"
        unsubscribed = {"unsubscribe_reason": _reason(row["left_by"])} if row["status"] == "unsubscribed" else {}
        return {
            "id": row["hash"],
            "email_address": row["email"],
            "unique_email_id": hashlib.md5(row["contact_id"].encode(), usedforsecurity=False).hexdigest()[:10],
            "contact_id": row["contact_id"],
            "full_name": " ".join(filter(None, (values.get("FNAME", ""), values.get("LNAME", "")))).strip(),
            "web_id": 400_000_000 + int(row["number"]),
            "email_type": "html",
            "status": row["status"],
            **unsubscribed,
            "consents_to_one_to_one_messaging": True,
            "merge_fields": self._merge_fields.shown(values),
            "stats": {"avg_open_rate": 0, "avg_click_rate": 0},
            "ip_signup": "",
            "timestamp_signup": "",
            "ip_opt": "203.0.113.1",
            "timestamp_opt": iso_seconds(row["opted"]),
            "member_rating": 2,
            "last_changed": iso_seconds(row["changed"]),
            "language": "",
            "vip": False,
            "email_client": "",
            "location": {
                "latitude": 0,
                "longitude": 0,
                "gmtoff": 0,
                "dstoff": 0,
                "country_code": "",
                "timezone": "",
                "region": "",
            },
            "source": row["source"],
            "tags_count": 0,
            "tags": [],
            "list_id": self._list_id,
            "_links": self.links(
                ("self", "GET", path),
                ("parent", "GET", f"/lists/{self._list_id}/members"),
                ("update", "PATCH", path),
                ("upsert", "PUT", path),
                ("delete", "DELETE", path),
                ("delete_permanent", "POST", f"{path}/actions/delete-permanent"),
            ),
        }

    def merge_field(self, definition: Mapping[str, Any]) -> dict[str, Any]:
        """A merge field of the audience."""
        path = f"/lists/{self._list_id}/merge-fields/{definition['merge_id']}"
        parent = f"/lists/{self._list_id}/merge-fields"
        return {
            "merge_id": definition["merge_id"],
            "tag": definition["tag"],
            "name": definition["name"],
            "type": definition["type"],
            "required": definition["required"],
            "default_value": definition.get("default_value", ""),
            "public": definition.get("public", True),
            "display_order": definition.get("display_order", definition["merge_id"]),
            "options": definition.get("options") or {},
            "help_text": definition.get("help_text", ""),
            "list_id": self._list_id,
            "_links": self.links(("self", "GET", path), ("parent", "GET", parent)),
        }

    def audience(self, given: Mapping[str, Any], counts: Mapping[str, int], last_change: str) -> dict[str, Any]:
        """The audience; `counts` are numbers of members per status."""
        zeros = ("campaign_count", "avg_sub_rate", "avg_unsub_rate", "target_sub_rate", "open_rate", "click_rate")
        stats = {
            "member_count": counts.get("subscribed", 0),
            "unsubscribe_count": counts.get("unsubscribed", 0),
            "cleaned_count": counts.get("cleaned", 0),
            "member_count_since_send": counts.get("subscribed", 0),
            "unsubscribe_count_since_send": 0,
            "cleaned_count_since_send": 0,
            "merge_field_count": len(self._merge_fields.definitions),
            "campaign_last_sent": "",
            "last_sub_date": last_change,
            "last_unsub_date": "",
            **dict.fromkeys(zeros, 0),
        }
        defaults = {
            "web_id": 4711,
            "permission_reminder": "",
            "use_archive_bar": False,
            "campaign_defaults": {"from_name": "", "from_email": "", "subject": "", "language": "de"},
            "notify_on_subscribe": "",
            "notify_on_unsubscribe": "",
            "date_created": "2024-01-01T00:00:00+00:00",
            "list_rating": 0,
            "email_type_option": False,
            "subscribe_url_short": "",
            "subscribe_url_long": "",
            "beamer_address": "",
            "visibility": "prv",
            "double_optin": False,
            "has_welcome": False,
            "marketing_permissions": False,
            "modules": [],
        }
        links = self.links(("self", "GET", f"/lists/{self._list_id}"), ("parent", "GET", "/lists"))
        return {**defaults, **given, "stats": stats, "_links": links}


def _reason(left_by: str) -> str:
    return "N/A (Unsubscribed by admin)" if left_by == "admin" else ""


def chosen(body: Any, fields: Iterable[str], excluded: Iterable[str]) -> Any:
    """The parts of a body that `fields` and `exclude_fields` leave; paths with dots, lists passed through."""
    wanted = [path.split(".") for path in fields if path]
    kept = _kept(body, wanted) if wanted else body
    for path in excluded:
        if path:
            kept = _without(kept, path.split("."))
    return kept


def _kept(body: Any, paths: list[list[str]]) -> Any:
    if isinstance(body, list):
        return [_kept(item, paths) for item in body]
    if not isinstance(body, dict):
        return body
    kept = {}
    for name, value in body.items():
        deeper = [path[1:] for path in paths if path[0] == name]
        if deeper:
            kept[name] = value if [] in deeper else _kept(value, deeper)
    return kept


def _without(body: Any, path: list[str]) -> Any:
    if isinstance(body, list):
        return [_without(item, path) for item in body]
    if not isinstance(body, dict) or path[0] not in body:
        return body
    if len(path) == 1:
        return {name: value for name, value in body.items() if name != path[0]}
    return {**body, path[0]: _without(body[path[0]], path[1:])}
