"""The bytes of a data set as a tree of elements, each with its place: opened where one looks, never all at once.

Unlike a decoder for use, this one goes on as far as it makes sense: what is malformed is a node with its fault, what
the trace did not keep is a node that says so, and everything before it is there. Values are made into text when they
are asked for; of pixel data and other long values nothing but the first bytes is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dicomgui.network.uids import DEFLATED_TRANSFER_SYNTAXES, name_of
from dicomgui.trace.inspection.dataset_bytes import (
    IMPLICIT,
    ITEM_END,
    SEQUENCE_END,
    UNDEFINED,
    Encoding,
    Fault,
    Head,
    NotKept,
    Source,
    creator_of,
    encoding_of,
    end_of,
    inflate,
    item_head,
    read_head,
)
from dicomgui.trace.inspection.dataset_values import CHARACTER_SET, label_of, value_text
from dicomgui.trace.inspection.messages import Gap

__all__ = ["DataNode", "ParsedDataset", "parse_dataset"]

MAX_CHILDREN = 1000
"""Elements or items that follow each other on one level; a node behind them holds the next ones."""
MAX_COUNTED = 2000
"""Items of a sequence are counted up to here."""

_PIXEL_DATA = 0x7FE0_0010
_CODE_MEANING = 0x0008_0104
_VALUE_BYTES = 4096  # looked at of one value


class DataNode:
    """One line of the tree: an element, an item, a fragment, or a remark.

    :ivar label: tag, representation and keyword, or ``Item 3``.
    :ivar offset: first byte, counted in :attr:`ParsedDataset.data`; an element begins with its tag.
    :ivar length: how many bytes, with the tag and the delimiters.
    :ivar error: what is wrong here, or an empty string.
    :ivar tag: of an element, else -1.
    :ivar vr: its representation, else an empty string.
    :ivar begin: where the value of an element begins that is no sequence, else -1.
    :ivar charset: (0008,0005) that is in force for it.
    """

    __slots__ = ("_inside", "_value", "begin", "charset", "error", "label", "length", "offset", "tag", "vr")

    def __init__(
        self,
        label: str,
        offset: int,
        length: int,
        *,
        value: str | Callable[[], str] = "",
        inside: tuple[DataNode, ...] | Callable[[], tuple[DataNode, ...]] = (),
        error: str = "",
        tag: int = -1,
        vr: str = "",
        begin: int = -1,
        charset: str = "",
    ) -> None:
        self.vr = vr
        self.begin = begin
        self.charset = charset
        self.label = label
        self.offset = offset
        self.length = length
        self.error = error
        self.tag = tag
        self._value = value
        self._inside = inside

    @property
    def value(self) -> str:
        """What it holds, as plain text of one line."""
        if callable(self._value):
            self._value = self._value()
        return self._value

    @property
    def children(self) -> tuple[DataNode, ...]:
        """What is inside, read at the first call."""
        if callable(self._inside):
            self._inside = self._inside()
        return self._inside

    @property
    def may_have_children(self) -> bool:
        """Whether something may be inside; tells it without reading."""
        return callable(self._inside) or bool(self._inside)

    def walk(self) -> Iterator[DataNode]:
        """This node and all below it, from top to bottom: reads everything."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class ParsedDataset:
    """A data set that can be opened.

    :ivar root: the whole of it.
    :ivar data: the bytes that offsets count in: as they were sent, or inflated.
    :ivar gaps: what of ``data`` the trace does not have.
    :ivar length: of the whole data set, also beyond ``data``.
    :ivar is_inflated: whether ``data`` is not what was sent.
    """

    root: DataNode
    data: bytes
    gaps: tuple[Gap, ...]
    length: int
    is_inflated: bool

    def text_of(self, tag: int) -> str:
        """The value of an element of the outermost level, an empty string where it is not there."""
        return next((node.value for node in self.root.children if node.tag == tag), "")


# ---------------------------------------------------------------------------------------------------------- the root


def parse_dataset(
    data: bytes,
    transfer_syntax_uid: str,
    *,
    gaps: tuple[Gap, ...] = (),
    length: int | None = None,
    charset: str | None = None,
) -> ParsedDataset:
    """Make the tree of a data set; whatever the bytes, there is one.

    :param transfer_syntax_uid: of its context; empty where the trace does not know it, which is then guessed.
    :param gaps: what of ``data`` is not what was sent.
    :param length: of the whole data set, where ``data`` is only its beginning.
    :param charset: read all texts in this one, whatever (0008,0005) says.
    """
    remarks: list[DataNode] = []
    is_inflated = transfer_syntax_uid in DEFLATED_TRANSFER_SYNTAXES
    whole = len(data) if length is None else length
    if is_inflated:
        data, fault = inflate(data[: gaps[0].offset] if gaps else data)
        if gaps or whole > len(data):
            fault = fault or ""
        if fault:
            remarks.append(DataNode("Deflate", len(data), 0, error=fault))
        gaps, whole = (), len(data)
    source = Source(data, gaps, whole)
    encoding, remark = encoding_of(source, transfer_syntax_uid)
    if remark:
        remarks.append(DataNode("Remark", 0, 0, value=remark))
    name = name_of(transfer_syntax_uid) if transfer_syntax_uid else "transfer syntax not known"

    level = _Level(source, encoding, charset or "", is_forced=charset is not None)

    def inside() -> tuple[DataNode, ...]:
        return (*remarks, *level.elements(0, whole))

    root = DataNode("Data set", 0, whole, value=f"{whole:,} bytes, {name}", inside=inside)
    return ParsedDataset(root, data, gaps, whole, is_inflated)


# ------------------------------------------------------------------------------------------------------ levels of it


class _Level:
    """Reads elements of one data set or item.

    :param charset: (0008,0005) of what it is in; its own holds from where it stands.
    :param is_forced: its own does not count.
    """

    def __init__(self, source: Source, encoding: Encoding, charset: str, *, is_forced: bool = False) -> None:
        self._is_forced = is_forced
        self._source = source
        self._encoding = encoding
        self._charset = charset
        self._creators: dict[int, str] = {}

    def elements(self, begin: int, end: int) -> tuple[DataNode, ...]:
        """The elements from ``begin`` to ``end``, at most :data:`MAX_CHILDREN` and a node with those behind them."""
        nodes: list[DataNode] = []
        position = begin
        while position < end:
            if len(nodes) >= MAX_CHILDREN:
                nodes.append(self._more(position, end))
                break
            node, following = self._guarded(position, end)
            nodes.append(node)
            if following < 0:
                break
            position = following
        return tuple(nodes)

    def _more(self, position: int, end: int) -> DataNode:
        return DataNode("Further elements", position, end - position, inside=lambda: self.elements(position, end))

    def _guarded(self, position: int, end: int) -> tuple[DataNode, int]:
        """The element at a place and where the next begins; -1 where nothing more can be read on this level."""
        try:
            return self._element(position, end)
        except Fault as fault:
            return DataNode("Fault", fault.offset, end - fault.offset, error=str(fault)), -1
        except NotKept:
            return _lacking(position, end), -1

    def _element(self, position: int, end: int) -> tuple[DataNode, int]:
        head = read_head(self._source, position, end, self._encoding, self._creators)
        if head.tag == ITEM_END:
            return DataNode(label_of(head.tag), position, 8, tag=head.tag), -1
        label = label_of(head.tag, head.vr, creator_of(self._creators, head.tag))
        if head.length == UNDEFINED:
            return self._undefined(position, end, head, label)
        stop = min(head.begin + head.length, end)
        error = ""
        if head.begin + head.length > end:
            error = f"claims {head.length:,} bytes; {end - head.begin:,} are left"
        if head.vr == "SQ":
            node = self._sequence(position, stop, head, label, self._encoding, error)
        else:
            node = DataNode(
                label, position, stop - position, error=error, tag=head.tag, value=self._value(head, end),
                vr=head.vr, begin=head.begin, charset=self._charset,
            )  # fmt: skip
            self._take_note(head, end)
        return node, -1 if error else stop

    def _value(self, head: Head, end: int) -> Callable[[], str]:
        source, charset, is_big = self._source, self._charset, self._encoding.is_big

        def text() -> str:
            length = min(head.length, end - head.begin)
            wanted = min(length, _VALUE_BYTES)
            kept = source.kept(head.begin, wanted)
            if head.tag == _PIXEL_DATA:
                return f"{length:,} bytes of pixels"
            if kept < min(wanted, 1024) and kept < wanted:
                return f"{length:,} bytes, " + (f"of which {kept:,} were kept" if kept else "not kept in the trace")
            raw = source.data[head.begin : head.begin + kept]
            return value_text(head.tag, head.vr, raw, length, is_big=is_big, charset=charset)

        return text

    def _take_note(self, head: Head, end: int) -> None:
        """Remember what the meaning of later elements hangs on: the character set, and who made private blocks."""
        group, number = head.tag >> 16, head.tag & 0xFFFF
        is_creator = bool(group & 1) and 0x10 <= number <= 0xFF
        if head.tag == CHARACTER_SET or is_creator:
            length = min(head.length, 256, end - head.begin)
            if self._source.has(head.begin, length):
                raw = self._source.data[head.begin : head.begin + length]
                text = raw.decode("latin-1").strip("\0 ")
                if is_creator:
                    self._creators[group << 8 | number] = text
                elif not self._is_forced:
                    self._charset = text

    # what has no length

    def _undefined(self, position: int, end: int, head: Head, label: str) -> tuple[DataNode, int]:
        """A sequence or encapsulated pixel data of undefined length (PS3.5 7.5.1, A.4)."""
        if head.vr not in ("SQ", "UN", "OB", "OW"):
            raise Fault(position, f"{label} has no length")
        encoding = IMPLICIT if head.vr == "UN" else self._encoding
        error = ""
        try:
            stop = end_of(self._source, head.begin, end, encoding, is_item=False)
        except Fault as fault:
            stop, error = end, f"it does not end: {fault}"
        except NotKept:
            return self._sequence(position, end, head, label, encoding), -1
        return self._sequence(position, stop, head, label, encoding, error), -1 if error else stop

    def _sequence(
        self, position: int, stop: int, head: Head, label: str, encoding: Encoding, error: str = ""
    ) -> DataNode:
        is_pixels = head.vr in ("OB", "OW")

        def inside() -> tuple[DataNode, ...]:
            return self._items(head.begin, stop, encoding, is_pixels=is_pixels)

        return DataNode(
            label, position, stop - position, tag=head.tag, error=error, inside=inside, vr=head.vr,
            value=lambda: self._count(head.begin, stop, encoding, "fragment" if is_pixels else "item"),
        )  # fmt: skip

    # items

    def _items(
        self, begin: int, end: int, encoding: Encoding, *, is_pixels: bool = False, first: int = 1
    ) -> tuple[DataNode, ...]:
        nodes: list[DataNode] = []
        position = begin
        try:
            while position < end:
                if len(nodes) >= MAX_CHILDREN:
                    nodes.append(self._more_items(position, end, encoding, is_pixels, first + len(nodes)))
                    break
                tag, length = item_head(self._source, position, end, encoding)
                if tag == SEQUENCE_END:
                    nodes.append(DataNode(label_of(tag), position, 8, tag=tag))
                    break
                node = self._item(position, end, encoding, first + len(nodes), length, is_pixels)
                nodes.append(node)
                if node.error:
                    break
                position = node.offset + node.length
        except Fault as fault:
            nodes.append(DataNode("Fault", fault.offset, end - fault.offset, error=str(fault)))
        except NotKept:
            nodes.append(_lacking(position, end))
        return tuple(nodes)

    def _more_items(self, position: int, end: int, encoding: Encoding, is_pixels: bool, first: int) -> DataNode:
        def inside() -> tuple[DataNode, ...]:
            return self._items(position, end, encoding, is_pixels=is_pixels, first=first)

        return DataNode("Further items", position, end - position, inside=inside)

    def _item(self, position: int, end: int, encoding: Encoding, number: int, length: int, is_pixels: bool) -> DataNode:
        begin = position + 8
        error = ""
        if length == UNDEFINED:
            try:
                stop = end_of(self._source, begin, end, encoding, is_item=True)
            except Fault as fault:
                stop, error = end, f"it does not end: {fault}"
        else:
            stop = begin + length
            if stop > end:
                stop, error = end, f"claims {length:,} bytes; {end - begin:,} are left"
        if is_pixels:
            label = "Offset table" if number == 1 else f"Fragment {number - 1}"
            return DataNode(label, position, stop - position, error=error, value=f"{stop - begin:,} bytes")
        source, charset, is_forced = self._source, self._charset, self._is_forced
        node = DataNode(
            f"Item {number}", position, stop - position, error=error,
            inside=lambda: _Level(source, encoding, charset, is_forced=is_forced).elements(begin, stop),
            value=lambda: _gist(node),
        )  # fmt: skip
        return node

    def _count(self, begin: int, end: int, encoding: Encoding, noun: str = "item") -> str:
        count, position = 0, begin
        try:
            while position < end and count < MAX_COUNTED:
                tag, length = item_head(self._source, position, end, encoding)
                if tag == SEQUENCE_END:
                    break
                count += 1
                position += 8
                if length == UNDEFINED:
                    position = end_of(self._source, position, end, encoding, is_item=True)
                else:
                    position += length
        except (Fault, NotKept):
            return f"{count:,} {noun}{'' if count == 1 else 's'} and what cannot be read"
        if noun == "fragment":
            count = max(0, count - 1)
        over = "more than " if count >= MAX_COUNTED else ""
        return f"{over}{count:,} {noun}{'' if count == 1 else 's'}"


def _lacking(position: int, end: int) -> DataNode:
    text = f"{end - position:,} bytes of which the beginning is not in the trace"
    return DataNode("Not kept", position, end - position, value=text)


def _gist(item: DataNode) -> str:
    """What an item shows without being opened: the meaning of its code, or how many elements it has."""
    children = item.children
    meaning = next((node.value for node in children if node.tag == _CODE_MEANING), "")
    count = sum(node.tag not in (-1, ITEM_END) for node in children)
    return meaning or f"{count:,} element{'' if count == 1 else 's'}"
