"""The element of a data set that a byte of a trace stands in."""

from __future__ import annotations

from dicomgui.trace.inspection.dataset_nodes import DataNode, parse_dataset
from dicomgui.trace.inspection.messages import message_at
from dicomgui.trace.redaction.leftover import FieldSpan
from dicomgui.trace.store import TraceStore

__all__ = ["element_at"]

_MAX_DEPTH = 64
_MAX_PARSED = 2**20  # bytes of a data set that are looked into


def element_at(store: TraceStore, place: FieldSpan) -> int:
    """The tag of the innermost element at the first byte of a place, -1 where there is none.

    :param place: of the records of ``store``, numbered from its first one.
    """
    if place.field != "segments":
        return -1
    seq = place.row + store.first_seq - 1
    message = message_at(store, seq, place.start)
    position = None if message is None else message.position_of(seq, place.start)
    if message is None or position is None or not len(message.command) <= position:
        return -1
    offset = position - len(message.command)
    if offset >= _MAX_PARSED:
        return -1
    data = message.dataset[:_MAX_PARSED]
    gaps = tuple(gap for gap in message.gaps if gap.offset + gap.length <= len(data))
    parsed = parse_dataset(
        data, message.context.transfer_syntax, gaps=gaps, length=max(message.dataset_length, len(data))
    )
    return _innermost(parsed.root, offset)


def _innermost(node: DataNode, offset: int) -> int:
    tag = -1
    for _ in range(_MAX_DEPTH):
        inside = next((one for one in node.children if one.offset <= offset < one.offset + one.length), None)
        if inside is None:
            break
        tag = inside.tag if inside.tag >= 0 else tag
        node = inside
    return tag
