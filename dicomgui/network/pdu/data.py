"""P-DATA-TF and its presentation data values (PS3.8 9.3.5, annex E).

The decoder here serves the trace and small tools. What is received on an association goes through
:mod:`dicomgui.network.pdu.framer`, which hands on pieces of PDVs as they arrive and never holds a whole PDU.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import NamedTuple

from dicomgui.network.errors import LocalProtocolError
from dicomgui.network.pdu.wire import PduType, Reader, Writer, hex_byte

__all__ = ["COMMAND", "LAST", "PDATA_HEAD", "PDV", "PDataTF", "PdvPiece", "max_fragment"]

COMMAND = 0x01
"""Bit 0 of the message control header: the fragment belongs to a command set, not to a data set (PS3.8 E.2)."""

LAST = 0x02
"""Bit 1 of the message control header: the fragment is the last one of its command set or data set (PS3.8 E.2)."""

PDATA_HEAD = struct.Struct(">BxIIBB")
"""PDU header and first PDV header, 12 bytes: PDU type, PDU length, PDV length, context id, message control header."""

_PDV_OVERHEAD = 6


class PdvPiece(NamedTuple):
    """A part of one PDV as it arrives.

    :ivar context_id: presentation context.
    :ivar control: message control header; bits 2 to 7 are not to be tested.
    :ivar data: bytes of the fragment; valid only until the receiver of the piece returns.
    :ivar starts: the first piece of its PDV.
    :ivar ends: the last piece of its PDV; :data:`LAST` tells whether the message part ends with it.
    """

    context_id: int
    control: int
    data: memoryview
    starts: bool
    ends: bool


def control_text(control: int) -> str:
    """``03H (command, last)``."""
    kind = "command" if control & COMMAND else "data set"
    return f"{hex_byte(control)} ({kind}, {'last' if control & LAST else 'not last'})"


def max_fragment(max_pdu_length: int, cap: int = 1_048_576) -> int:
    """Bytes of message that go into one PDU with one PDV under the peer's maximum length (PS3.8 D.1, annex E).

    :param max_pdu_length: what the peer advertised: bytes of the PDU's variable field; 0 is no limit.
    :param cap: never more than these, in bytes.
    :returns: an even number of bytes, as every fragment must have.
    :raises LocalProtocolError: the peer's limit leaves no room for two bytes.
    """
    size = cap if max_pdu_length == 0 else min(max_pdu_length - _PDV_OVERHEAD, cap)
    if size < 2:
        raise LocalProtocolError(
            f"the peer's maximum PDU length of {max_pdu_length} bytes leaves no room for data",
            phase="transfer",
            hint="Its configuration must allow at least 8 bytes; 16384 and more are usual.",
        )
    return size & ~1


@dataclass(frozen=True, slots=True)
class PDV:
    """A presentation data value item (PS3.8 9.3.5.1): one fragment of a command set or data set."""

    context_id: int
    control: int
    data: bytes | memoryview

    @property
    def is_command(self) -> bool:
        """Whether the fragment belongs to a command set."""
        return bool(self.control & COMMAND)

    @property
    def is_last(self) -> bool:
        """Whether the fragment is the last one of its command set or data set."""
        return bool(self.control & LAST)


@dataclass(frozen=True, slots=True)
class PDataTF:
    """P-DATA-TF (PS3.8 9.3.5).

    Decoded fragments are views into the bytes that were decoded.

    :ivar pdvs: the fragments; by the standard at least one, all of one message.
    :ivar reserved: second byte of the PDU.
    :ivar anomalies: what is odd but harmless, after decoding.
    """

    pdvs: tuple[PDV, ...]
    reserved: int = 0
    anomalies: tuple[str, ...] = field(default=(), compare=False)

    @property
    def pdu_type(self) -> PduType:
        """First byte of the PDU."""
        return PduType.P_DATA_TF

    def encode(self) -> bytes:
        """The bytes of the PDU.

        :raises LocalProtocolError: there is no PDV, or a number does not fit its field.
        """
        if not self.pdvs:
            raise LocalProtocolError("a P-DATA-TF without a presentation data value cannot be sent")
        writer = Writer()
        writer.open_pdu(PduType.P_DATA_TF, self.reserved)
        for pdv in self.pdvs:
            writer.u32(len(pdv.data) + 2, "Item length")
            writer.u8(pdv.context_id, "Presentation-context-ID")
            writer.u8(pdv.control, "Message control header")
            writer.raw(pdv.data)
        return writer.close_pdu()

    @classmethod
    def read(cls, reader: Reader) -> PDataTF:
        """Decode; ``reader`` stands after the header."""
        pdvs: list[PDV] = []
        if not reader.remaining:
            reader.fail("PDU length", "a P-DATA-TF must contain a presentation data value", offset=2)
        while reader.remaining:
            pdvs.append(_read_pdv(reader))
        return cls(tuple(pdvs), reader.reserved, tuple(reader.notes))


def _read_pdv(reader: Reader) -> PDV:
    reader.count("Presentation-data-value item")
    reader.enter("Presentation data value")
    start = reader.pos
    length = reader.u32("Item length")
    if not 2 <= length <= reader.remaining:
        reader.fail("Item length", f"{length} with {reader.remaining} bytes left in the PDU", offset=start)
    context_id = reader.u8("Presentation-context-ID")
    control = reader.u8("Message control header", control_text)
    data = reader.view(length - 2, "Fragment")
    if length & 1:
        reader.note(f"the fragment at offset {start} has the odd length {length - 2}")
    reader.leave()
    return PDV(context_id, control, data)
