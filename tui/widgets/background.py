"""Starts work beside the screen. Work is given as a function, so that one that is superseded at once never begins."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from textual.dom import DOMNode
from textual.worker import Worker


def in_background(
    node: DOMNode, work: Callable[[], Coroutine[Any, Any, None]], *, group: str, exclusive: bool = False
) -> Worker[None]:
    """Runs work on the loop for as long as the node lives; `exclusive` cancels earlier work of the group."""
    worker: Worker[None] = node.run_worker(work, group=group, exclusive=exclusive)
    return worker
