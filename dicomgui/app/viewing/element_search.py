"""Finding elements of a data set by tag, keyword or value; and all of it as text. For threads."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from dicomgui.app.viewing.viewed import elements_of
from dicomgui.trace.inspection.dataset_nodes import DataNode

__all__ = ["Found", "find_elements", "line_of", "whole_text"]

MAX_FOUND: Final = 2000
MAX_SEARCHED: Final = 200_000
MAX_LINES: Final = 50_000

Steps = tuple[int, ...]
"""Which child, and which of its children, from the top down."""


class Found(NamedTuple):
    """What a search has found.

    :ivar places: of the elements, in their order.
    :ivar is_whole: whether everything was looked through.
    """

    places: tuple[Steps, ...]
    is_whole: bool


def find_elements(top: DataNode, text: str, should_stop: Callable[[], bool] = lambda: False) -> Found:
    """The elements with ``text`` in their label or value, whatever its case; a tag may be typed with or without comma.

    :param should_stop: asked now and then.
    """
    wanted = text.strip().casefold()
    tag = _tag(wanted)
    places: list[Steps] = []
    for count, (steps, node) in enumerate(_walk(top, ())):
        if count >= MAX_SEARCHED or len(places) >= MAX_FOUND or (count % 64 == 0 and should_stop()):
            return Found(tuple(places), False)
        if (tag >= 0 and node.tag == tag) or wanted in node.label.casefold() or wanted in node.value.casefold():
            places.append(steps)
    return Found(tuple(places), True)


def _tag(text: str) -> int:
    found = re.fullmatch(r"\(?([0-9a-f]{4})[, ]{0,2}([0-9a-f]{4})\)?", text)
    return int(found[1] + found[2], 16) if found is not None else -1


def _walk(node: DataNode, above: Steps) -> Iterator[tuple[Steps, DataNode]]:
    if len(above) > 80:
        return
    for number, child in enumerate(node.children):
        yield (*above, number), child
        if child.may_have_children:
            yield from _walk(child, (*above, number))


def line_of(node: DataNode) -> str:
    """An element as one line."""
    return f"{node.label}: {node.value}" if node.value else node.label


def whole_text(top: DataNode, should_stop: Callable[[], bool] = lambda: False) -> str:
    """A node and all below it as lines, at most :data:`MAX_LINES`."""
    lines = [line_of(top)]
    for node, depth in _lines(top, 1):
        if len(lines) >= MAX_LINES or should_stop():
            lines.append("…")
            break
        lines.append("  " * depth + line_of(node))
    return "\n".join(lines)


def _lines(node: DataNode, depth: int) -> Iterator[tuple[DataNode, int]]:
    for child in elements_of(node):
        yield child, depth
        if child.may_have_children and depth < 80:
            yield from _lines(child, depth + 1)
