"""A provider that knows of DICOM only what it needs to answer: no states, no checks, no limits, no input or output.

:class:`Walker` is fed with what has come, whatever carries it: the blocking sockets of :mod:`bench.bare` or asyncio
(:mod:`bench.limits`).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import lru_cache

from helpers import bad_peer as wire

from dicomgui.network.dimse import CEchoRSP, CStoreRSP, encode
from dicomgui.network.pdu import AssociateRQ, PresentationContextRQ
from dicomgui.network.pdu import decode as decode_pdu
from dicomgui.network.status import Status

MAX_PDU = 131_072
_RQ_TYPE, _DATA_TYPE, _RELEASE_RQ_TYPE = 1, 4, 5
_SUCCESS = Status(0)
_STORE_RQ = 0x0001
PDU_LENGTH = struct.Struct(">xxI")
_PDV = struct.Struct(">IBB")
_SHORT, _LONG = struct.Struct("<H"), struct.Struct("<I")

# Where things lie in a C-STORE-RQ or C-ECHO-RQ whose elements are in their order (PS3.7 6.3.1), which is the order of
# all programs: group length, SOP class, command field, message id, (priority,) data set type, (SOP instance).
_CLASS_LENGTH, _CLASS = 16, 20
_FIELD, _ID, _INSTANCE_LENGTH, _INSTANCE = 8, 18, 44, 48  # behind the SOP class


@lru_cache
def acceptance(request: bytes) -> tuple[bytes, dict[int, str]]:
    """The A-ASSOCIATE-AC that takes every context with its first transfer syntax, and those, by context."""
    asked = decode_pdu(request)
    assert isinstance(asked, AssociateRQ)
    contexts = [item for item in asked.items if isinstance(item, PresentationContextRQ)]
    syntaxes = {one.context_id: one.transfer_syntaxes[0] for one in contexts}
    accepted = (wire.context_ac(context, 0, syntax) for context, syntax in syntaxes.items())
    answer = wire.associate(
        wire.APPLICATION, *accepted, wire.user_information(max_length=MAX_PDU),
        pdu_type=2, called=asked.called_ae_title.encode().ljust(16), calling=asked.calling_ae_title.encode().ljust(16),
    )  # fmt: skip
    return answer, syntaxes


@lru_cache
def _around_id(context: int, sop_class: bytes, instance: bytes | None) -> tuple[bytes, bytes]:
    """An answer before and behind the message id, without the UID of the instance, which is the last of it."""
    uid = sop_class.rstrip(b"\0").decode("ascii")
    response = (
        CEchoRSP(1, _SUCCESS, uid)
        if instance is None
        else CStoreRSP(1, _SUCCESS, uid, instance.rstrip(b"\0").decode("ascii"))
    )
    answer = wire.pdata(wire.pdv(context, 3, encode(response)))
    at = 12 + _CLASS + len(sop_class) + _ID
    return answer[:at], answer[at + 2 : len(answer) - len(instance or b"")]


class Walker:
    """Walks over headers; bytes of data sets are looked at by nobody, wherever they lie.

    :param send: puts an answer on its way.
    :ivar count: the instances that came.
    :ivar is_over: whether the association was released.
    """

    def __init__(self, send: Callable[[bytes], object]) -> None:
        self._send = send
        self._rest_of_pdv = 0
        self._rest_of_pdu = 0
        self._ends = False
        self._answer = b""
        self._syntaxes: dict[int, str] = {}
        self.count = 0
        self.is_over = False

    # what is done with an instance

    def begin(self, sop_class: bytes, instance: bytes, syntax: str) -> None:
        """A data set comes; the UIDs are as they lie in the command."""

    def take(self, piece: memoryview) -> None:
        """So much of it is there."""

    def finish(self) -> None:
        """It is there, and is answered next."""

    def pause(self) -> None:
        """The pieces that were taken go: their room is used again."""

    # the bytes

    def feed(self, view: memoryview, end: int) -> int:
        """Take ``end`` bytes; gives how many of them, moved to the front, must be seen again."""
        at = 0
        while at < end:
            if rest := self._rest_of_pdv:
                step = min(rest, end - at)
                self.take(view[at : at + step])
                self._rest_of_pdv = rest - step
                at += step
                if step == rest and self._ends:
                    self._finish()
                continue
            step = self._fragment(view, at, end) if self._rest_of_pdu else self._pdu(view, at, end)
            if not step:
                break
            at += step
        self.pause()
        if at < end:
            view[: end - at] = bytes(view[at:end])
        return end - at

    def _pdu(self, view: memoryview, at: int, end: int) -> int:
        """The bytes of a PDU, or of its header if data come in it; 0 where more are needed."""
        if end - at < 6:
            return 0
        (length,) = PDU_LENGTH.unpack_from(view, at)
        kind = view[at]
        if kind == _DATA_TYPE:
            step = self._fragment(view, at + 6, end, length)
            return step and step + 6
        if end - at < 6 + length:
            return 0
        if kind == _RQ_TYPE:
            answer, self._syntaxes = acceptance(bytes(view[at : at + 6 + length]))
            self._send(answer)
        elif kind == _RELEASE_RQ_TYPE:
            self.is_over = True
            self._send(wire.RELEASE_RP)
        return 6 + length

    def _fragment(self, view: memoryview, at: int, end: int, rest_of_pdu: int = 0) -> int:
        """The bytes of the header of a PDV, or of all of it where it is a command, which must be whole."""
        if end - at < 6:
            return 0
        length, context, control = _PDV.unpack_from(view, at)
        if control & 1:
            if end - at < 4 + length:
                return 0
            self._command(view, at + 6, context)
            size = 4 + length
        else:
            self._rest_of_pdv, self._ends = length - 2, bool(control & 2)
            size = 6
            if length == 2 and self._ends:
                self._finish()
        self._rest_of_pdu = (rest_of_pdu or self._rest_of_pdu) - 4 - length
        return size

    def _command(self, view: memoryview, at: int, context: int) -> None:
        (size,) = _LONG.unpack_from(view, at + _CLASS_LENGTH)
        sop_class = bytes(view[at + _CLASS : at + _CLASS + size])
        at += _CLASS + size
        number = bytes(view[at + _ID : at + _ID + 2])
        if _SHORT.unpack_from(view, at + _FIELD)[0] != _STORE_RQ:
            before, behind = _around_id(context, sop_class, None)
            self._send(before + number + behind)
            return
        (size,) = _LONG.unpack_from(view, at + _INSTANCE_LENGTH)
        instance = bytes(view[at + _INSTANCE : at + _INSTANCE + size])
        before, behind = _around_id(context, sop_class, b"1" * size)
        self._answer = b"".join((before, number, behind, instance))
        self.begin(sop_class, instance, self._syntaxes[context])

    def _finish(self) -> None:
        self._ends = False
        self.count += 1
        self.finish()
        self._send(self._answer)
