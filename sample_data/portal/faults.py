"""Faults on a schedule: which request breaks, and in which way."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

FaultKind = Literal[
    "refuse",  # no connection
    "timeout_before",  # no answer, nothing was done
    "timeout_after",  # no answer, it was done
    "500_before",
    "500_after",
    "503",
    "html",  # 502 with a web page, nothing was done
    "html_200",  # 200 with a web page of somebody else, nothing was done
    "truncated",  # it was done, half of the answer comes
    "empty_body",  # it was done, nothing is in the answer
    "wrong_shape",  # it was done, the answer is JSON of another shape
    "null_results",  # the list of items is null
    "429",
    "429_retry_after",
    "429_then_ok",  # 429 to this request and to the two after it
    "429_daily",
    "401",  # the token expired
    "403_scope",
    "423",
    "477",
    "404_after_listing",  # a record that was listed is not there when it is named
    "207_mixed",  # one input of a batch is refused for no clear reason, the others are applied
    "missing_items",  # the last item is missing
    "duplicate_item",  # the first item comes twice
    "reordered",  # the items come in the opposite order
    "repeated_page",  # the items of the page before come again in place of this page's
    "changing_page",  # the first item moves to the next page that is asked for
    "merged_meanwhile",  # the first HubSpot record that is to be written gets another id by a merge just before
    "slow",
    "slow_body",  # the body comes in drips
]
"""Every kind of fault."""
KINDS: tuple[FaultKind, ...] = get_args(FaultKind)
Sleep = Callable[[float], Awaitable[None]]

READING_POSTS = r"/batch/read$|/search$|/introspect$"
LISTINGS = {
    "hubspot": r"/objects/([\w.-]+/)?(contacts|contact|0-1)(/search)?$|/memberships(/join-order)?$",
    "mailchimp": r"/members$",
}
NAMED = {"hubspot": r"/batch/(read|update)$|/(contacts|contact|0-1)/\d+$", "mailchimp": r"/members/[^/]+$"}
BATCHES = {"hubspot": r"/batch/(create|update|upsert)$", "mailchimp": r"/lists/[^/]+$"}
UPDATES = {"hubspot": r"/batch/update$|/(contacts|contact|0-1)/\d+$", "mailchimp": r"(?!)"}


def is_write(method: str, path: str) -> bool:
    """Whether a request may change something."""
    return method != "GET" and re.search(READING_POSTS, path) is None


def is_listing(server: str, method: str, path: str) -> bool:
    """Whether a request asks for a page of records."""
    return (method == "GET" or path.endswith("/search")) and re.search(LISTINGS[server], path) is not None


def can_hit(kind: FaultKind, server: str, method: str, path: str) -> bool:
    """Whether a fault means anything to a request. Even then it may find nothing to break, as in an empty page."""
    writes = is_write(method, path)
    match kind:
        case "repeated_page" | "changing_page":
            return is_listing(server, method, path)
        case "missing_items" | "duplicate_item" | "reordered" | "null_results":
            return is_listing(server, method, path) or re.search(r"/batch/|/lists/[^/]+$", path) is not None
        case "404_after_listing":
            return re.search(NAMED[server], path) is not None
        case "207_mixed":
            return writes and re.search(BATCHES[server], path) is not None
        case "merged_meanwhile":
            return writes and method != "DELETE" and re.search(UPDATES[server], path) is not None
        case _:
            return True


@dataclass(frozen=True)
class Fault:
    """One break. `server` and `method`: "*" for any; `path`: regular expression searched in the path.

    `nth`: which matching request, 0 for every one; `times`: how many from that one on. `retry_after`: seconds, sent as
    `Retry-After` where an answer is invented; `seconds`: how long `slow` and `slow_body` take in all.
    """

    server: str
    method: str
    path: str
    nth: int
    kind: FaultKind
    retry_after: str | None = None
    seconds: float = 5.0
    times: int = 1

    def concerns(self, server: str, method: str, path: str) -> bool:
        """Whether a request is one that this fault counts."""
        fits = self.server in ("*", server) and self.method in ("*", method)
        return fits and re.search(self.path, path) is not None

    def breaks(self, number: int) -> bool:
        """Whether it breaks the matching request with this number (from 1)."""
        times = 3 if self.kind == "429_then_ok" else self.times
        return self.nth == 0 or self.nth <= number < self.nth + times


@dataclass(frozen=True)
class Broken:
    """A request that a fault changed something about."""

    kind: FaultKind
    server: str
    method: str
    path: str


class FaultSchedule:
    """The faults of a portal, how many requests each has counted, and what they broke (`broken`)."""

    def __init__(self, faults: Sequence[Fault], sleep: Sleep) -> None:
        self._faults = list(faults)
        self._counts: Counter[int] = Counter()
        self.broken: list[Broken] = []
        self.sleep = sleep

    def add(self, fault: Fault) -> None:
        """Adds a fault; it counts requests from now on."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Removes all faults; what they broke stays recorded."""
        self._faults.clear()
        self._counts.clear()

    def due(self, server: str, method: str, path: str) -> Fault | None:
        """Counts a request and returns the first fault that breaks it."""
        due: Fault | None = None
        for number, fault in enumerate(self._faults):
            if fault.concerns(server, method, path):
                self._counts[number] += 1
                if due is None and fault.breaks(self._counts[number]):
                    due = fault
        return due
