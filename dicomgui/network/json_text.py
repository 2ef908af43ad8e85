"""JSON from outside, counted before it is parsed: a value takes up to some 60 times the bytes of its text."""

from __future__ import annotations

import json
import re
from typing import Any, Final

__all__ = ["MAX_JSON_DEPTH", "MAX_JSON_VALUES", "JsonTooLarge", "load_json"]

MAX_JSON_VALUES: Final = 300_000
"""Values, arrays and objects of one text; an element of the DICOM JSON model has about five."""

MAX_JSON_DEPTH: Final = 200
"""Arrays and objects in one another; a sequence of the DICOM JSON model has three."""

_TOKENS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[{\]},]', re.DOTALL)
_OPENING: Final = frozenset((b"[", b"{"))
_CLOSING: Final = frozenset((b"]", b"}"))


class JsonTooLarge(ValueError):
    """A text has too many values, or they are nested too deeply."""


def load_json(data: bytes, *, max_values: int = MAX_JSON_VALUES, max_depth: int = MAX_JSON_DEPTH) -> Any:
    """Parse a JSON text that is within the limits.

    :raises JsonTooLarge: it is beyond them; nothing was made of it.
    :raises ValueError: it is no JSON, or not in a Unicode encoding.
    """
    text = data.decode(json.detect_encoding(data), "surrogatepass").encode("utf-8", "surrogatepass")
    _count(text, max_values, max_depth)
    return json.loads(text)


def _count(text: bytes, max_values: int, max_depth: int) -> None:
    most = text.count(b",") + text.count(b"[") + text.count(b"{") + 1  # also those in strings
    if most <= min(max_values, max_depth):
        return
    count, depth = 1, 0
    for match in _TOKENS.finditer(text):
        token = match[0]
        if token in _CLOSING:
            depth -= 1
            continue
        if token in _OPENING:
            depth += 1
            if depth > max_depth:
                raise JsonTooLarge(f"it is nested more than {max_depth:,} levels deep")
        elif token != b",":
            continue
        count += 1
        if count > max_values:
            raise JsonTooLarge(f"it has more than {max_values:,} values")
