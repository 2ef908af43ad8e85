"""Two data sets element by element: what one has and the other has not, and whose values differ. For threads.

Items of sequences are compared by their place. Values are compared as they are meant: text as characters, padding left
out, also where the two are encoded differently; long values by their length and their SHA-256.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from dicomgui.app.viewing.viewed import Viewed, elements_of
from dicomgui.network.uids import EXPLICIT_VR_BIG_ENDIAN, name_of
from dicomgui.trace.describe import TreeNode
from dicomgui.trace.finding import plain
from dicomgui.trace.inspection.dataset_bytes import ITEM_END, SEQUENCE_END
from dicomgui.trace.inspection.dataset_nodes import DataNode
from dicomgui.trace.inspection.dataset_values import VR_TEXTS

__all__ = ["Compared", "Kind", "compare", "compared_text"]

MAX_COMPARED: Final = 200_000
"""Elements that are compared; more are said to be left out."""
MAX_DEPTH: Final = 60

_LONG: Final = 1024
_PIECE: Final = 1_048_576
_ENDS: Final = frozenset({ITEM_END, SEQUENCE_END})


class Kind(Enum):
    """How two elements compare."""

    SAME = "same"
    CHANGED = "changed"
    ADDED = "only right"
    REMOVED = "only left"


@dataclass(frozen=True, slots=True)
class Compared:
    """One line: an element, an item, or the whole.

    :ivar left: value in the first, empty where it is not there.
    :ivar right: value in the second.
    :ivar differences: elements in it, or itself, that are not the same.
    """

    label: str
    kind: Kind
    left: str
    right: str
    children: tuple[Compared, ...] = ()
    differences: int = 0


def compare(left: Viewed, right: Viewed, should_stop: Callable[[], bool] = lambda: False) -> Compared:
    """Compare two data sets, and their file meta information where both have it. Blocks.

    :param should_stop: asked now and then; what is there then is given.
    """
    work = _Comparison(left, right, should_stop)
    children = [work.meta(), *work.level(left.parsed.root, right.parsed.root, 0)]
    if work.left_out:
        text = f"More than {MAX_COMPARED:,} elements; what is behind them was not compared."
        children.append(Compared(text, Kind.CHANGED, "", "", (), 1))
    lines = tuple(child for child in children if child is not None)
    count = sum(child.differences for child in lines)
    kind = Kind.CHANGED if count else Kind.SAME
    return Compared("Data sets", kind, left.name, right.name, lines, count)


class _Comparison:
    def __init__(self, left: Viewed, right: Viewed, should_stop: Callable[[], bool]) -> None:
        self._left = left
        self._right = right
        self._should_stop = should_stop
        self._count = 0
        self.left_out = False

    def meta(self) -> Compared | None:
        """The file meta information: it is part of the files and not of the data sets."""
        if self._left.meta is None or self._right.meta is None:
            syntaxes = [name_of(one.transfer_syntax_uid) for one in (self._left, self._right)]
            return _leaf("Transfer syntax", *syntaxes) if syntaxes[0] != syntaxes[1] else None
        return _of_texts("File meta information", self._left.meta, self._right.meta)

    def level(self, left: DataNode, right: DataNode, depth: int) -> Iterator[Compared]:
        """The elements of two data sets or items, in the order of their tags."""
        ours, theirs = _by_tag(left), _by_tag(right)
        for key in sorted(ours.keys() | theirs.keys()):
            self._count += 1
            if self._count > MAX_COMPARED or (self._count % 256 == 0 and self._should_stop()):
                self.left_out = True
                return
            yield self._pair(ours.get(key), theirs.get(key), depth)

    def _pair(self, left: DataNode | None, right: DataNode | None, depth: int) -> Compared:
        if left is None or right is None:
            there = left or right
            assert there is not None
            kind = Kind.REMOVED if left is not None else Kind.ADDED
            viewed = self._left if left is not None else self._right
            text = _shown(viewed, there)
            return Compared(there.label, kind, text if left else "", text if right else "", (), 1)
        if left.begin < 0 and right.begin < 0 and depth < MAX_DEPTH and "SQ" in (left.vr, right.vr):
            return self._sequence(left, right, depth)
        is_same = self._is_same(left, right)
        texts = _shown(self._left, left), _shown(self._right, right)
        if not is_same and texts[0] == texts[1]:
            texts = _measured(self._left, left, texts[0]), _measured(self._right, right, texts[1])
        label = left.label if left.label == right.label else f"{left.label} → {right.vr}"
        return Compared(label, Kind.SAME if is_same else Kind.CHANGED, *texts, (), int(not is_same))

    def _sequence(self, left: DataNode, right: DataNode, depth: int) -> Compared:
        ours, theirs = _items(left), _items(right)
        lines = []
        for number in range(max(len(ours), len(theirs))):
            label = f"Item {number + 1}"
            if number >= len(theirs):
                lines.append(Compared(label, Kind.REMOVED, ours[number].value, "", (), 1))
            elif number >= len(ours):
                lines.append(Compared(label, Kind.ADDED, "", theirs[number].value, (), 1))
            else:
                inside = tuple(self.level(ours[number], theirs[number], depth + 1))
                count = sum(line.differences for line in inside)
                kind = Kind.CHANGED if count else Kind.SAME
                lines.append(Compared(label, kind, ours[number].value, theirs[number].value, inside, count))
        count = sum(line.differences for line in lines)
        kind = Kind.CHANGED if count else Kind.SAME
        return Compared(left.label, kind, left.value, right.value, tuple(lines), count)

    def _is_same(self, left: DataNode, right: DataNode) -> bool:
        is_short = max(left.length, right.length) <= _LONG
        if is_short and left.begin >= 0 and right.begin >= 0 and left.vr in VR_TEXTS and right.vr in VR_TEXTS:
            return left.value == right.value
        is_alike = self._is_big(self._left) == self._is_big(self._right)
        if is_short and not is_alike:
            return left.value == right.value
        return _size(left) == _size(right) and _digest(self._left, left) == _digest(self._right, right)

    @staticmethod
    def _is_big(viewed: Viewed) -> bool:
        return viewed.transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN


def _by_tag(node: DataNode) -> dict[tuple[int, int], DataNode]:
    """The elements by their tag; one that is there twice counts twice."""
    found: dict[tuple[int, int], DataNode] = {}
    for child in elements_of(node):
        if child.tag >= 0 and child.tag not in _ENDS:
            number = 0
            while (child.tag, number) in found:
                number += 1
            found[child.tag, number] = child
    return found


def _items(node: DataNode) -> list[DataNode]:
    return [child for child in elements_of(node) if child.label.startswith("Item ")]


def _begin(viewed: Viewed, node: DataNode) -> int:
    """Where the value begins, also that of encapsulated pixel data."""
    if node.begin >= 0:
        return node.begin
    return node.offset + (12 if viewed.read(node.offset + 4, 2) == node.vr.encode("latin-1") else 8)


def _size(node: DataNode) -> int:
    return node.length - (node.begin - node.offset if node.begin >= 0 else 12)


def _digest(viewed: Viewed, node: DataNode) -> str:
    digest = hashlib.sha256()
    position, end = _begin(viewed, node), node.offset + node.length
    while position < end:
        piece = viewed.read(position, min(_PIECE, end - position))
        if not piece:
            break
        digest.update(piece)
        position += len(piece)
    return digest.hexdigest()


def _measured(viewed: Viewed, node: DataNode, text: str) -> str:
    """A value that looks like the other one, with what tells them apart."""
    size = f"{_size(node):,} bytes"
    told = text if text.startswith(size) else f"{text} · {size}"  # pixels are told by their size alone
    return f"{told} · SHA-256 {_digest(viewed, node)[:16]}"


def _shown(viewed: Viewed, node: DataNode) -> str:
    return " · ".join(part for part in (node.value, node.error) if part)


def _of_texts(label: str, left: TreeNode, right: TreeNode) -> Compared:
    ours = {child.label: child.value for child in left.children}
    theirs = {child.label: child.value for child in right.children}
    lines = []
    for name in dict.fromkeys([*ours, *theirs]):
        if name in ours and name in theirs:
            lines.append(_leaf(name, ours[name], theirs[name]))
        else:
            kind = Kind.REMOVED if name in ours else Kind.ADDED
            lines.append(Compared(name, kind, ours.get(name, ""), theirs.get(name, ""), (), 1))
    count = sum(line.differences for line in lines)
    return Compared(label, Kind.CHANGED if count else Kind.SAME, left.value, right.value, tuple(lines), count)


def _leaf(label: str, left: str, right: str) -> Compared:
    is_same = left == right
    return Compared(label, Kind.SAME if is_same else Kind.CHANGED, left, right, (), int(not is_same))


def compared_text(line: Compared, depth: int = 0) -> str:
    """The differences as lines of text, to be copied."""
    sign = {Kind.SAME: " ", Kind.CHANGED: "~", Kind.ADDED: "+", Kind.REMOVED: "-"}[line.kind]
    if not line.differences:
        return ""
    values = [text for text in (line.left, line.right) if text]
    text = f"{sign} {'  ' * depth}{line.label}: {' → '.join(values)}" if not line.children else (
        f"{sign} {'  ' * depth}{line.label}"
    )  # fmt: skip
    below = (compared_text(child, depth + 1) for child in line.children)
    return "\n".join(part for part in (plain(text, 2400), *below) if part)
