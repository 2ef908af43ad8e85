"""What is shown below the list of a trace: the tree and the bytes of a row, of its message, of its data set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from dicomgui.gui.trace.listing.rows import row_of
from dicomgui.gui.widgets.text import count_text
from dicomgui.network.dimse import CStoreRQ
from dicomgui.network.pdu import PduType
from dicomgui.network.tracing import BytesRecord, DimseRecord, PduRecord, Record, Segment, TlsRecord
from dicomgui.trace.certificate import certificate_rows, read_chain
from dicomgui.trace.describe import Node, TreeNode, describe_command, describe_pdu
from dicomgui.trace.finding import plain
from dicomgui.trace.inspection.dataset_nodes import ParsedDataset, parse_dataset
from dicomgui.trace.inspection.messages import Message, kept_bytes, kept_of, message_at
from dicomgui.trace.inspection.object_file import default_name, refusal_of
from dicomgui.trace.inspection.user_information import named
from dicomgui.trace.store import TraceStore

__all__ = ["Content", "Loaded", "has_message", "is_quick", "load_message", "record_content"]

QUICK_BYTES = 1024
"""Kept bytes of a PDU up to which it is decoded at once, in the window's thread; larger ones may have many fields."""
MAX_FRAGMENTS = 5000
"""Fragments of a message that the tree names."""


@dataclass(frozen=True, slots=True)
class Content:
    """A tree and the bytes that its offsets count in.

    :ivar root: the tree, ``None`` where there is nothing.
    :ivar segments: the bytes that were kept.
    :ivar length: of all bytes.
    :ivar note: what it is, in one line; empty where the tree says it.
    :ivar is_odd: whether the note tells of something wrong or missing.
    :ivar depth: down to which level the tree is open at first.
    """

    root: TreeNode | None
    segments: tuple[Segment, ...] = ()
    length: int = 0
    note: str = ""
    is_odd: bool = False
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Loaded:
    """A message with what is shown of it.

    :ivar whole: command set and data set by position.
    :ivar dataset: the data set alone.
    :ivar is_inflated: whether the bytes of ``dataset`` are not those of the message.
    :ivar file_name: for its object; empty where it is no C-STORE-RQ.
    :ivar refusal: why its object cannot be saved.
    """

    message: Message
    whole: Content
    dataset: Content
    is_inflated: bool
    file_name: str
    refusal: str


def has_message(record: Record) -> bool:
    """Whether a record is part of a message, or tells of one."""
    return isinstance(record, DimseRecord) or (isinstance(record, PduRecord) and record.pdu_type == PduType.P_DATA_TF)


def is_quick(record: Record) -> bool:
    """Whether the tree of a record is made in no time."""
    if not isinstance(record, PduRecord) or sum(len(segment.data) for segment in record.segments) <= QUICK_BYTES:
        return True
    head = kept_bytes(record.segments, 0, 12)
    is_one = len(head) == 12 and int.from_bytes(head[6:10], "big") + 10 == record.length  # one value fills the PDU
    return record.pdu_type == PduType.P_DATA_TF and is_one and not head[11] & 1


def record_content(record: Record) -> Content:
    """What one row shows."""
    if isinstance(record, PduRecord):
        fault = plain(record.error, 400)
        return Content(describe_pdu(record), record.segments, record.length, fault, bool(fault))
    if isinstance(record, BytesRecord):
        return Content(_plain_node(record), (Segment(0, record.data),) if record.data else (), record.length, depth=0)
    return Content(_plain_node(record), depth=0)


def _plain_node(record: Record) -> Node:
    """A tree of what is no PDU: its fields by name."""
    skipped = ("association", "mono", "utc", "data", "segments", "peer_certificate", "peer_chain")
    fields = [
        (name.replace("_", " "), _value_text(getattr(record, name))) for name in record._fields if name not in skipped
    ]
    nodes = [Node(name, text) for name, text in fields if text]
    if isinstance(record, TlsRecord):
        nodes += _certificates(record)
    return Node(row_of(record).kind, "", 0, 0, tuple(nodes))


def _certificates(record: TlsRecord) -> Iterator[Node]:
    """The certificates that the peer sent, its own first, as they stood at that time."""
    for certificate in read_chain(record.peer_certificate + record.peer_chain):
        (title, name), *rows = certificate_rows(certificate, record.utc).items()
        yield Node(title, name, children=tuple(Node(*row) for row in rows))


def _value_text(value: object) -> str:
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, float):
        return f"{value:.6g}"
    return ", ".join(map(plain, value)) if isinstance(value, tuple) else plain(value, 400)


# ----------------------------------------------------------------------------------------------------------- messages


def load_message(store: TraceStore, seq: int) -> Loaded | None:
    """Put a row's message together and read its data set. For a thread."""
    message = message_at(store, seq)
    if message is None:
        return None
    parsed: ParsedDataset | None = None
    if message.dataset_length:
        parsed = parse_dataset(
            message.dataset, message.context.transfer_syntax, gaps=message.gaps, length=message.dataset_length
        )
        assert parsed.root.children is not None  # the outermost level is read here, in the thread
    is_store = isinstance(message.decode(), CStoreRQ)
    return Loaded(
        message,
        _whole(message),
        _dataset(message, parsed),
        parsed is not None and parsed.is_inflated,
        default_name(message) if is_store else "",
        refusal_of(message),
    )


def _whole(message: Message) -> Content:
    command = message.decode()
    name = plain(command.name) if command is not None else "Message"
    nodes: list[Node] = []
    if message.command:
        nodes.append(describe_command(message.command, is_whole=message.is_complete))
    if message.dataset_length:
        nodes.append(_fragments(message))
    nodes += [Node("Remark", error=plain(fault)) for fault in message.faults]
    root = Node(name, f"{message.length:,} bytes", 0, message.length, tuple(nodes))
    return Content(root, message.segments(), message.length, _note(message, name), bool(message.faults))


def _fragments(message: Message) -> Node:
    """The data set as its fragments; its elements have a view of their own."""
    base = len(message.command)
    pieces = [piece for piece in message.pieces if piece.position >= base]
    nodes = [
        Node(
            f"Fragment in row {piece.seq:,}", f"{piece.length:,} bytes at {piece.pdu_offset:04X}h of its PDU",
            piece.position, piece.length,
        )
        for piece in pieces[:MAX_FRAGMENTS]
    ]  # fmt: skip
    if len(pieces) > MAX_FRAGMENTS:
        end = pieces[MAX_FRAGMENTS].position
        nodes.append(Node(f"{len(pieces) - MAX_FRAGMENTS:,} further fragments", "", end, message.length - end))
    value = f"{message.dataset_length:,} bytes in {count_text(len(pieces), 'fragment')}"
    return Node("Data set", value, base, message.dataset_length, tuple(nodes))


def _note(message: Message, name: str) -> str:
    command = message.decode()
    parts = [name]
    if command is not None:
        parts.append(f"message {command.message_id}")
    context = message.context
    syntaxes = " in ".join(named(uid) for uid in (context.abstract_syntax, context.transfer_syntax) if uid)
    parts.append(f"context {context.context_id}{': ' if syntaxes else ''}{syntaxes}")
    parts.append(count_text(len({piece.seq for piece in message.pieces}), "PDU"))
    parts += message.faults
    if message.missing_bytes:
        parts.append(f"{message.missing_bytes:,} bytes were not kept")
    return plain(" · ".join(parts), 500)


def _dataset(message: Message, parsed: ParsedDataset | None) -> Content:
    if parsed is None:
        return Content(None, note="This message has no data set." if not message.dataset_length else "")
    syntax = message.context.transfer_syntax
    parts = [f"{message.dataset_length:,} bytes", named(syntax) if syntax else "transfer syntax not known"]
    if parsed.is_inflated:
        parts.append(f"inflated to {len(parsed.data):,} bytes")
    if message.missing_bytes:
        parts.append(f"{message.missing_bytes:,} bytes were not kept")
    segments = kept_of(parsed.data, parsed.gaps)
    is_odd = any(node.error for node in parsed.root.children)
    # Sequences stay closed: what is in them is read when they are opened.
    return Content(parsed.root, segments, parsed.length, plain(" · ".join(parts), 400), is_odd, depth=0)
