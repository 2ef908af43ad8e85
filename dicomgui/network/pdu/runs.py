"""Messages that differ in their data sets alone, cut out of what was received together: the many matches of a C-FIND.

A peer answers a C-FIND with the same command again and again (PS3.7 9.3.2.2), each in a P-DATA-TF of its own, as nearly
everybody sends, and each followed by one with the whole data set. To go through all layers with every one of them costs
several times as much as what is in them.
"""

from __future__ import annotations

from typing import NamedTuple

from dicomgui.network.pdu.data import COMMAND, LAST, PDATA_HEAD
from dicomgui.network.pdu.wire import HEADER_LENGTH, PduType

__all__ = ["RUN_BYTES", "PdvRun", "command_pdu", "data_of", "read_run"]

RUN_BYTES = 32_768
"""What makes a run is at most so long: some hundred matches, so that no step takes long."""

_HEAD = PDATA_HEAD.size
_P_DATA_TF = int(PduType.P_DATA_TF)
_PDV_OVERHEAD = _HEAD - HEADER_LENGTH


class PdvRun(NamedTuple):
    """Whole messages that follow each other and have the same command; an observer has not been told of their PDUs.

    :ivar context_id: presentation context of all of them.
    :ivar command: the P-DATA-TF of the command, which came before each data set.
    :ivar data: the P-DATA-TFs of the data sets, one of each message.
    """

    context_id: int
    command: bytes
    data: list[bytes]


def command_pdu(context_id: int, command: bytes) -> bytes:
    """The P-DATA-TF of a command set that is not fragmented."""
    length = len(command) + _PDV_OVERHEAD
    return PDATA_HEAD.pack(_P_DATA_TF, length, length - 4, context_id, COMMAND | LAST) + command


def data_of(pdu: bytes) -> bytes:
    """The data set in a P-DATA-TF of a run."""
    return pdu[_HEAD:]


def read_run(view: memoryview, position: int, command: bytes, max_length: int) -> tuple[list[bytes], int]:
    """The P-DATA-TFs of the data sets of a run that begins at ``position``, and where it ends.

    It ends before the first message that has another command or is not whole, and before what is at fault.

    :param command: the P-DATA-TF that each message begins with.
    :param max_length: longest variable field of a P-DATA-TF, in bytes; 0 is no limit.
    """
    if len(command) - HEADER_LENGTH > max_length > 0:  # the first time it came in parts
        return [], position
    if bytes(view[position : position + len(command)]) != command:
        return [], position
    raw = bytes(view[position : position + RUN_BYTES])
    size, skip, context_id, unpack = len(raw), len(command), command[10], PDATA_HEAD.unpack_from
    data: list[bytes] = []
    at = 0
    while raw.startswith(command, at):
        start = at + skip
        if start + _HEAD > size:
            break
        pdu_type, length, pdv_length, context, control = unpack(raw, start)
        end = start + HEADER_LENGTH + length
        if (
            pdu_type != _P_DATA_TF
            or pdv_length != length - 4
            or pdv_length < 2
            or context != context_id
            or control & (COMMAND | LAST) != LAST
            or end > size
            or length > max_length > 0
        ):
            break
        data.append(raw[start:end])
        at = end
    return data, position + at
