"""What of each PDU is kept for the trace.

Everything is kept but the data sets of C-STORE requests, of which the first :data:`SNAP_LENGTH` bytes are and then the
headers alone (their files have the rest), and what exceeds :data:`KEEP_LIMIT` in one PDU. Secrets in other PDUs are
masked by :mod:`dicomgui.network.pdu.masking`.

A C-STORE-RQ is recognised here by its Command Field (0000,0100), because this runs below the DIMSE layer.
"""

from __future__ import annotations

import struct

from dicomgui.network.pdu.data import COMMAND, LAST, PDATA_HEAD, PdvPiece
from dicomgui.network.tracing import SNAP_LENGTH, Segment

__all__ = ["KEEP_LIMIT", "Capture"]

KEEP_LIMIT = 16 * 2**20
"""Bytes kept of one PDU at most, so that a peer that may send PDUs of any length cannot fill the memory."""

MAX_SEGMENTS = 1024
"""Pieces kept of one PDU at most: a peer may fill it with fragments of two bytes, of which the headers are kept."""

_HEAD = PDATA_HEAD.size
_ELEMENT = struct.Struct("<HHI")
_COMMAND_FIELD = 0x0100
_C_STORE_RQ = 0x0001
_PEEK_LENGTH = 512
_GROUP_LENGTH = _ELEMENT.pack(0, 0, 4)
_BEHIND = len(_GROUP_LENGTH) + 4
_new = tuple.__new__  # without the function of Python that a named tuple has in between


class Capture:
    """Collects what is kept of the P-DATA-TF PDUs received on one association.

    :ivar full: keep the data sets of C-STORE requests whole; may be changed between PDUs.
    """

    __slots__ = ("_commands", "_judged", "_kept", "_offset", "_room", "_snap", "_stores", "full")

    def __init__(self, full: bool = False) -> None:
        self.full = full
        self._stores: set[int] = set()
        self._judged = (0, b"")
        self._commands: dict[int, bytearray] = {}
        self._kept: list[tuple[int, bytearray]] = []
        self._offset = 0
        self._room = 0
        self._snap = 0  # bytes still to be kept of the data set that comes, where it is one of a C-STORE

    def single(self, view: memoryview, start: int, end: int, context_id: int, control: int) -> tuple[Segment, ...]:
        """The whole way for a PDU that lies in ``view[start:end]`` and has one PDV."""
        keep = KEEP_LIMIT
        if control & COMMAND:
            if control & LAST and context_id not in self._commands:
                if end - start <= _PEEK_LENGTH:
                    pdu = bytes(view[start:end])
                    self._judge(context_id, pdu, _HEAD)
                    return (_new(Segment, (0, pdu)),)
                self._judge(context_id, bytes(view[start : min(end, start + _HEAD + _PEEK_LENGTH)]), _HEAD)
            else:
                self._peek(context_id, view[start + _HEAD : end], bool(control & LAST))
        elif context_id in self._stores and not self.full:
            keep = _HEAD + self._snap
            self._snap = max(0, keep - (end - start))
        return (_new(Segment, (0, bytes(view[start : end if end - start < keep else start + keep]))),)

    def keeps_headers_only(self, context_id: int, control: int) -> bool:
        """Whether nothing else is kept of a fragment that comes now."""
        return not (self._snap or control & COMMAND or self.full) and context_id in self._stores

    def start(self, header: bytes | bytearray) -> None:
        """A PDU begins with its header, or also with that of its first PDV; what was not finished is forgotten."""
        self._kept = [(0, bytearray(header))]
        self._offset = len(header)
        self._room = KEEP_LIMIT - len(header)

    def pdv_header(self, header: bytes | bytearray) -> None:
        """A PDV begins with these bytes: length, context id, message control header."""
        self.keep(header)

    def data(self, piece: PdvPiece) -> None:
        """Bytes of the present PDV arrived."""
        data = piece.data
        if piece.control & COMMAND:
            self._peek(piece.context_id, data, bool(piece.ends and piece.control & LAST))
        elif piece.context_id in self._stores and not self.full:
            wanted, dropped = data[: self._snap], len(data) - self._snap
            self.keep(wanted)
            self._snap = max(0, -dropped)
            self._offset += max(0, dropped)
            return
        self.keep(data)

    def keep(self, data: bytes | bytearray | memoryview) -> None:
        """Keep the next bytes of the PDU, as far as there is room."""
        wanted = data[: self._room]
        size = len(wanted)
        if size:
            begin, last = self._kept[-1]
            if begin + len(last) == self._offset:
                last += wanted
            elif len(self._kept) < MAX_SEGMENTS:
                self._kept.append((self._offset, bytearray(wanted)))
            self._room -= size
        self._offset += len(data)

    def finish(self) -> tuple[Segment, ...]:
        """What was kept of the PDU, in order; adjacent bytes are in one segment."""
        segments = tuple(Segment(offset, bytes(data)) for offset, data in self._kept)
        self._kept = []
        return segments

    def _peek(self, context_id: int, data: memoryview, last: bool) -> None:
        """Look for the Command Field in a command set, of which only the beginning is held."""
        begun = self._commands.get(context_id)
        if begun is None:
            begun = self._commands[context_id] = bytearray()
        begun += data[: _PEEK_LENGTH - len(begun)]
        if last:
            del self._commands[context_id]
            self._judge(context_id, bytes(begun), 0)

    def _judge(self, context_id: int, data: bytes, at: int) -> None:
        """Take note of what the command at this place announces.

        Mostly it is as the last one from behind the group length up to the Command Field, and so means the same.
        """
        self._snap = SNAP_LENGTH
        judged, like = self._judged
        if judged == context_id and like and data.startswith(like, at + _BEHIND) and data.startswith(_GROUP_LENGTH, at):
            return
        command = data[at:]
        is_store, end = _judge(command)
        self._judged = (context_id, command[_BEHIND:end] if command.startswith(_GROUP_LENGTH) else b"")
        if is_store:
            self._stores.add(context_id)
        else:
            self._stores.discard(context_id)


def _judge(command: bytes) -> tuple[bool, int]:
    """Whether it is a C-STORE-RQ, and where the Command Field ends that says so; 0 without one."""
    position = 0
    while position + 10 <= len(command):
        group, element, length = _ELEMENT.unpack_from(command, position)
        if group == 0 and element == _COMMAND_FIELD:
            end = position + 10
            return int.from_bytes(command[position + 8 : end], "little") == _C_STORE_RQ, end
        position += _ELEMENT.size + length
    return False, 0
