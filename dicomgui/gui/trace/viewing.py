"""From an item of the trace to the object that it carried, to be looked at in a window of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from dicomgui.gui.trace.listing.model import TraceModel
from dicomgui.network.dimse import CommandField
from dicomgui.network.pdu import PduType
from dicomgui.network.tracing import Direction
from dicomgui.trace.filter import Zoom
from dicomgui.trace.index import PDU_KIND, RECEIVED, SENT
from dicomgui.trace.store import TraceStore

if TYPE_CHECKING:
    from dicomgui.app.viewing.viewed import Viewed

__all__ = ["object_of"]

_WAYS = {Direction.SENT: SENT, Direction.RECEIVED: RECEIVED}


def object_of(model: TraceModel, row: int) -> Callable[[], Viewed | None] | None:
    """What reads the object of a C-STORE, for a thread; ``None`` for an item that is none and carries nothing of one.

    :param row: an exchange, or a PDU of its request.
    """
    _, number = model.item_at(row)
    index = model.source.index
    table = index.exchanges
    if not number or table.command_field[number] != CommandField.C_STORE_RQ:
        return None
    seq = max(table.first_seq[number], index.first_seq)
    if model.zoom is Zoom.ROWS:
        seq = model.number_at(row)
        place = index.first_row_from(seq)
        is_request = index.flags[place] & _WAYS[Direction(table.direction[number])]
        if index.kind[place] != PDU_KIND + PduType.P_DATA_TF or not is_request:
            return None
    return partial(_read, index.store, seq)


def _read(store: TraceStore, seq: int) -> Viewed | None:
    """The object as far as it was kept; nothing where there is no data set. Blocks."""
    from dicomgui.app.viewing.viewed import viewed_of
    from dicomgui.trace.inspection.messages import message_at
    from dicomgui.trace.inspection.object_file import default_name

    message = message_at(store, seq)
    return viewed_of(message, default_name(message)) if message is not None and message.dataset_length > 0 else None
