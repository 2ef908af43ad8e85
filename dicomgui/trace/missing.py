"""How a trace that was made from a capture says that bytes are not in it."""

from __future__ import annotations

from dicomgui.network.tracing import NoteRecord

__all__ = ["missing_text", "tells_of_missing"]

_END = " are not in the capture."


def missing_text(length: int, whose: str) -> str:
    """The text of a note about a gap.

    :param whose: ``the peer`` or ``this side``.
    """
    return f"{length} bytes that {whose} sent{_END}"


def tells_of_missing(record: NoteRecord) -> bool:
    """Whether a note tells of such a gap: then counting what the trace has of the association proves nothing."""
    return record.text.endswith(_END)
