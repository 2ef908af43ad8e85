"""A data set as a tree of plain text: what a peer answered, element by element."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from dicomgui.network.uids import is_valid_uid, name_of
from dicomgui.trace.describe import Node, TreeNode
from dicomgui.trace.finding import plain

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

__all__ = ["dataset_node", "dataset_text", "element_text"]

MAX_VALUE = 1024
MAX_DEPTH = 40
_BINARY = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})


def dataset_node(dataset: Dataset, label: str) -> Node:
    """The data set as a tree: an element a node, an item of a sequence a node in it.

    :param label: of the node at the top.
    """
    with warnings.catch_warnings(action="ignore"):
        return _node(dataset, label, 0)


def _node(dataset: Dataset, label: str, depth: int) -> Node:
    children = tuple(_element(element, depth) for element in dataset)
    return Node(label, f"{len(children):,} element{'' if len(children) == 1 else 's'}", children=children)


def _element(element: DataElement, depth: int) -> Node:
    group, number = int(element.tag) >> 16, int(element.tag) & 0xFFFF
    label = plain(f"({group:04X},{number:04X}) {element.VR} {element.keyword or element.name}")
    if element.VR != "SQ":
        return Node(label, element_text(element))
    items = tuple(element.value or ())
    if depth >= MAX_DEPTH:
        return Node(label, f"{len(items):,} items, nested too deeply to be shown")
    inside = tuple(_node(item, f"Item {place}", depth + 1) for place, item in enumerate(items, start=1))
    return Node(label, f"{len(items):,} item{'' if len(items) == 1 else 's'}", children=inside)


def element_text(element: DataElement) -> str:
    """The value of an element that is no sequence, as plain text; bytes are measured and begun."""
    value = element.value
    if value is None:
        return ""
    if element.VR in _BINARY and isinstance(value, bytes):
        return f"{len(value):,} bytes: {value[:24].hex(' ')}{' …' if len(value) > 24 else ''}" if value else ""
    is_several = not isinstance(value, str | bytes) and element.VM > 1
    text = "\\".join(map(str, value)) if is_several else str(value)
    if element.VR == "UI" and is_valid_uid(text) and name_of(text) != text:
        text = f"{text} ({name_of(text)})"
    return plain(text, MAX_VALUE)


def dataset_text(node: TreeNode, depth: int = 0) -> str:
    """The tree as lines of text, to be copied."""
    line = "  " * depth + (f"{node.label}: {node.value}" if node.value else node.label)
    return "\n".join((line, *(dataset_text(child, depth + 1) for child in node.children)))
