"""JSON bodies of requests."""

from __future__ import annotations

import json
from typing import Any


def read_json(body: bytes) -> Any:
    """The content of a JSON body.

    Raises json.JSONDecodeError for other text and UnicodeError for bytes or escapes that are not Unicode text:
    a lone surrogate is valid JSON but cannot be stored.
    """
    content = json.loads(body)
    if b"\\ud" in body.lower():
        json.dumps(content, ensure_ascii=False).encode()
    return content
