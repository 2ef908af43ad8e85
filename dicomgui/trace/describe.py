"""From the raw bytes of a PDU to a tree of labels, values and places: what the window shows and ``decode`` prints.

The tree is made by the same decoder that the protocol uses, which tells where each field stood. Whatever was wrong with
the bytes, there is a tree: up to the fault it is the decoder's, and the fault itself is a node.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from dicomgui.network.dimse import command_set
from dicomgui.network.dimse.commands import oddities_of
from dicomgui.network.errors import RemoteProtocolError
from dicomgui.network.pdu import PduType, decode
from dicomgui.network.pdu.masking import mask_user_identity
from dicomgui.network.pdu.wire import pdu_name
from dicomgui.network.tracing import Direction, PduRecord, Segment
from dicomgui.network.uids import is_valid_uid, name_of
from dicomgui.trace.describe_extended import application_fields
from dicomgui.trace.finding import plain

__all__ = ["Node", "TreeNode", "describe_bytes", "describe_command", "describe_pdu", "node_json"]

_HEADER = 6
_PDV_HEADER = 6
_MAX_PDVS = 2000  # shown of one PDU; a peer may send tens of thousands of empty ones
_SHOWN_BYTES = 24
_EXTENDED = "SOP class extended negotiation sub-item (56H)"
_APPLICATION = "Service-class-application-information"


class TreeNode(Protocol):
    """What a tree of fields is made of; see :class:`Node`. What is inside may be read only when it is asked for."""

    @property
    def label(self) -> str:
        """Name of the field or item."""

    @property
    def value(self) -> str:
        """What it holds, as plain text of one line."""

    @property
    def offset(self) -> int:
        """First byte."""

    @property
    def length(self) -> int:
        """How many bytes."""

    @property
    def error(self) -> str:
        """What is wrong here, or an empty string."""

    @property
    def children(self) -> Sequence[TreeNode]:
        """What is inside."""

    @property
    def may_have_children(self) -> bool:
        """Whether something may be inside; tells it without reading."""


@dataclass(frozen=True, slots=True)
class Node:
    """One line of the tree.

    :ivar label: name of the field or item in the standard's words.
    :ivar value: what it holds, as plain text of one line.
    :ivar offset: first byte, counted from the start of the PDU or command set.
    :ivar length: how many bytes.
    :ivar children: what is inside.
    :ivar error: what is wrong here, or an empty string.
    """

    label: str
    value: str = ""
    offset: int = 0
    length: int = 0
    children: tuple[Node, ...] = ()
    error: str = ""

    @property
    def may_have_children(self) -> bool:
        """Whether something is inside."""
        return bool(self.children)

    def walk(self) -> Iterator[Node]:
        """This node and all below it, from top to bottom."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(slots=True)
class _Group:
    label: str
    offset: int
    children: list[Node] = field(default_factory=list)

    def close(self, end: int, error: str = "") -> Node:
        gist = _gist(self.children)
        children = tuple(_with_flags(self.children) if self.label == _EXTENDED else self.children)
        return Node(self.label, gist, self.offset, max(0, end - self.offset), children, error)


def _with_flags(children: list[Node]) -> list[Node]:
    """The fields of SOP class extended negotiation, the last one with its bytes by name where it is whole."""
    uids = [child.value.split(" ")[0] for child in children if child.label == "SOP-class-uid"]
    last = children[-1] if children else Node("")
    if not uids or last.label != _APPLICATION or last.value.endswith("…"):
        return children
    fields = application_fields(uids[0], bytes.fromhex(last.value))
    inside = [Node(label, value, last.offset + place, 1) for place, (label, value) in enumerate(fields)]
    return [*children[:-1], Node(last.label, last.value, last.offset, last.length, tuple(inside))]


def _gist(children: list[Node]) -> str:
    """What an item shows without being opened: its only field, or a context's number with syntax or result."""
    if len(children) == 4:  # type, reserved, length, and the one field
        return children[-1].value
    parts = [child.value for child in children if child.label == "Presentation-context-ID"]
    if parts:
        parts += [child.value for child in children if child.label.startswith(("Result", "Abstract syntax"))]
    return ": ".join(parts)


class _Builder:
    """The decoder's recorder; offsets are moved by ``base``."""

    def __init__(self, base: int = 0) -> None:
        self._base = base
        self._root = _Group("", base)
        self._open: list[_Group] = [self._root]

    def enter(self, label: str, offset: int) -> None:
        self._open.append(_Group(label, self._base + offset))

    def field(self, label: str, value: str, offset: int, length: int) -> None:
        self._open[-1].children.append(Node(label, _named(value), self._base + offset, length))

    def leave(self, end: int) -> None:
        closed = self._open.pop()
        self._open[-1].children.append(closed.close(self._base + end))

    def add(self, node: Node) -> None:
        self._open[-1].children.append(node)

    def finish(self, end: int) -> tuple[Node, ...]:
        """What was built; groups that a fault left open end where the bytes do."""
        while len(self._open) > 1:
            closed = self._open.pop()
            self._open[-1].children.append(closed.close(end))
        return tuple(self._root.children)


def _named(value: str) -> str:
    """A registered UID together with its name."""
    uid = value.rstrip("\0 ").removesuffix("\\x00")
    if uid.count(".") < 3 or not is_valid_uid(uid):
        return plain(value.rstrip(" "), 1024)
    name = name_of(uid)
    return uid if name == uid else f"{uid} ({name})"


def _fault(error: RemoteProtocolError, base: int = 0) -> Node:
    return Node(plain(error.field or "Fault"), "", base + error.offset, 0, (), plain(error, 500))


# -------------------------------------------------------------------------------------------------------------- PDUs


def describe_pdu(record: PduRecord) -> Node:
    """The tree of a recorded PDU, also of one that is malformed, broke off, or of which only parts were kept."""
    if record.pdu_type == PduType.P_DATA_TF and _kept(record.segments, 0, _HEADER)[1]:
        root = _describe_data(record)
    else:
        kept, _ = _kept(record.segments, 0, record.length)
        if kept:
            root = _describe_whole(kept, record.length)
        else:
            root = Node(pdu_name(record.pdu_type), "its bytes are not in the trace", 0, record.length)
    if record.error and not any(node.error for node in root.walk()):
        return Node(root.label, root.value, root.offset, root.length, root.children, plain(record.error, 500))
    return root


def describe_bytes(data: bytes) -> list[Node]:
    """The trees of the PDUs that follow each other in ``data``; offsets count from the start of each.

    Secrets of user identity negotiation are masked before anything is decoded, so that a malformed PDU does not show
    them as bytes of something else; their lengths are told.
    """
    nodes: list[Node] = []
    position = 0
    while position < len(data) and len(nodes) < _MAX_PDVS:
        length = _HEADER + int.from_bytes(data[position + 2 : position + _HEADER], "big")
        piece = mask_user_identity(data[position : position + length])
        known = 1 <= piece[0] <= PduType.ABORT
        nodes.append(describe_pdu(_record_of(piece, length) if known else _record_of(data[position:], 0)))
        if not known:
            break
        position += length
    return nodes


def _record_of(data: bytes, length: int) -> PduRecord:
    return PduRecord(0, 0.0, 0.0, Direction.RECEIVED, data[0], length or len(data), (Segment(0, data),), "")


def _describe_whole(data: bytes, length: int) -> Node:
    builder = _Builder()
    try:
        pdu = decode(data, recorder=builder)
    except RemoteProtocolError as error:
        builder.add(_fault(error))
    else:
        for remark in pdu.anomalies:
            builder.add(Node("Remark", plain(remark)))
    top = builder.finish(length)
    # What was added after the decoder had left the PDU belongs into it.
    root = top[0]
    return Node(root.label, f"{length} bytes", 0, length, (*root.children, *top[1:]), "")


# ------------------------------------------------------------------------------------------------------- P-DATA-TF


def _describe_data(record: PduRecord) -> Node:
    """P-DATA-TF is walked here: of its fragments perhaps only the beginnings were kept."""
    children = [
        Node("PDU type", "04H", 0, 1),
        Node("Reserved", f"{_kept(record.segments, 1, 1)[0].hex().upper()}H", 1, 1),
        Node("PDU length", str(_number(record.segments, 2) or 0), 2, 4),
    ]
    position = _HEADER
    while position < record.length:
        if len(children) > _MAX_PDVS:
            children.append(Node("More", "further presentation data values are not shown", position, 0))
            break
        pdv, position = _describe_pdv(record, position)
        children.append(pdv)
    return Node("P-DATA-TF", f"{record.length} bytes", 0, record.length, tuple(children))


def _describe_pdv(record: PduRecord, start: int) -> tuple[Node, int]:
    """One presentation data value, and where the next begins."""
    segments, end = record.segments, record.length
    label = "Presentation data value"
    length = _number(segments, start)
    if length is None:
        return Node(label, "not kept in the trace, or not received", start, end - start), end
    following = start + 4 + length
    size = Node("Item length", str(length), start, 4)
    if length < 2 or following > end:
        left = f"{end - start - 4} bytes are left in the PDU"
        return Node(label, "", start, end - start, (size,), f"its length is {length}, {left}"), end
    head, whole = _kept(segments, start + 4, 2)
    if not whole:
        return Node(label, "not kept in the trace, or not received", start, following - start, (size,)), following
    control = head[1]
    kind = "command" if control & 1 else "data set"
    last = "last" if control & 2 else "not last"
    children = (
        size,
        Node("Presentation-context-ID", str(head[0]), start + 4, 1),
        Node("Message control header", f"{control:02X}H ({kind}, {last})", start + 5, 1),
        _describe_fragment(segments, start + _PDV_HEADER, length - 2, control),
    )
    return Node(label, f"context {head[0]}, {kind}, {last}", start, following - start, children), following


def _describe_fragment(segments: tuple[Segment, ...], start: int, length: int, control: int) -> Node:
    data, whole = _kept(segments, start, length)
    if control & 1 and data[:2] == b"\0\0":  # a fragment that goes on in the middle of an element begins otherwise
        node = describe_command(data, base=start, is_whole=bool(control & 2) and whole)
        return Node("Command set", node.value, start, length, node.children, node.error)
    kept = f"{length} bytes" if whole else f"{length} bytes, of which {len(data)} were kept"
    text = f"{kept}: {_hex(data)}" if data or whole else f"{length} bytes, not kept in the trace"
    return Node("Command fragment" if control & 1 else "Data set fragment", text, start, length)


def describe_command(data: bytes, *, base: int = 0, is_whole: bool = True) -> Node:
    """The tree of a command set (PS3.7 6.3.1), or of the beginning of one.

    :param base: what is added to all offsets.
    :param is_whole: whether all of it should be there; if not, that it breaks off is no error.
    """
    builder = _Builder(base)
    error = value = ""
    try:
        command = command_set.decode(data, recorder=builder)
    except RemoteProtocolError as exc:
        if is_whole:
            error = plain(exc, 500)
    else:
        value = plain(command.name)
        for remark in oddities_of(command):
            builder.add(Node("Remark", plain(remark), base))
    top = builder.finish(base + len(data))
    children = (*(top[0].children if top else ()), *top[1:])
    return Node("Command set", value, base, len(data), children, error)


# ------------------------------------------------------------------------------------------------------------- bytes


def _kept(segments: tuple[Segment, ...], start: int, length: int) -> tuple[bytes, bool]:
    """What was kept of ``length`` bytes from ``start`` on without a gap, and whether that is all of them."""
    for offset, data in segments:
        if offset <= start < offset + len(data):
            piece = data[start - offset : start - offset + length]
            return piece, len(piece) == length
    return b"", length == 0


def _number(segments: tuple[Segment, ...], start: int) -> int | None:
    data, whole = _kept(segments, start, 4)
    return int.from_bytes(data, "big") if whole else None


def _hex(data: bytes) -> str:
    return data[:_SHOWN_BYTES].hex(" ") + (" …" if len(data) > _SHOWN_BYTES else "")


def node_json(node: Node) -> dict[str, object]:
    """The tree as JSON values: ``name``, ``value``, ``offset``, ``length``, ``children``, perhaps ``error``."""
    result: dict[str, object] = {
        "name": node.label,
        "value": node.value,
        "offset": node.offset,
        "length": node.length,
        "children": [node_json(child) for child in node.children],
    }
    if node.error:
        result["error"] = node.error
    return result
