"""One whole PDU: bytes to its dataclass."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from dicomgui.network.pdu.associate import AssociateAC, AssociateRJ, AssociateRQ
from dicomgui.network.pdu.control import Abort, ReleaseRP, ReleaseRQ
from dicomgui.network.pdu.data import PDataTF
from dicomgui.network.pdu.wire import PduType, Reader, Recorder

__all__ = ["PDU", "decode"]

PDU: TypeAlias = AssociateRQ | AssociateAC | AssociateRJ | PDataTF | ReleaseRQ | ReleaseRP | Abort

_READERS: dict[int, Callable[[Reader], PDU]] = {
    PduType.ASSOCIATE_RQ: AssociateRQ.read,
    PduType.ASSOCIATE_AC: AssociateAC.read,
    PduType.ASSOCIATE_RJ: AssociateRJ.read,
    PduType.P_DATA_TF: PDataTF.read,
    PduType.RELEASE_RQ: ReleaseRQ.read,
    PduType.RELEASE_RP: ReleaseRP.read,
    PduType.ABORT: Abort.read,
}


def decode(data: bytes | bytearray | memoryview, *, recorder: Recorder | None = None) -> PDU:
    """Decode one whole PDU; ``decode(data).encode() == data`` for all that decodes.

    :param data: exactly the bytes of the PDU, header included.
    :param recorder: is told the span of every field up to the end or the fault.
    :raises RemoteProtocolError: naming PDU, field and offset; nothing else is raised, whatever the bytes.
    """
    reader = Reader(data if isinstance(data, bytes) else bytes(data), recorder)
    pdu = _READERS[reader.pdu_type](reader)
    reader.check_end()
    return pdu
