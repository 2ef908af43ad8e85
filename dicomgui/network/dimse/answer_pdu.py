"""The answers that go out most, as whole PDUs: a C-STORE-RSP or C-ECHO-RSP with a status and nothing else.

An association that stores thousands of instances sends the same response again and again; only Message ID and instance
UID differ. What is the same is encoded once, by the codec of all messages, and these two are put in.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Final, TypeAlias

from dicomgui.network.dimse.command_set import encode
from dicomgui.network.dimse.commands import CEchoRQ, CStoreRQ, answer
from dicomgui.network.dimse.elements import MESSAGE_ID_RESPONDED
from dicomgui.network.pdu.data import COMMAND, LAST, PDATA_HEAD
from dicomgui.network.pdu.wire import PduType
from dicomgui.network.status import Status

__all__ = ["PLAIN", "Plain", "answer_pdu"]

Plain: TypeAlias = CStoreRQ | CEchoRQ
PLAIN: Final = (CStoreRQ, CEchoRQ)
"""The same for ``isinstance``."""

_MESSAGE_ID_HEAD: Final = struct.pack("<HHL", 0, MESSAGE_ID_RESPONDED.number, 2)


def answer_pdu(context_id: int, request: Plain, status: Status) -> bytes:
    """The P-DATA-TF that answers ``request`` with ``status``."""
    uid = b""
    is_store = False
    if isinstance(request, CStoreRQ):
        is_store = True
        uid = request.affected_sop_instance_uid.encode("latin-1")
        if len(uid) & 1:
            uid += b"\0"
    before, after = _around(is_store, context_id, request.affected_sop_class_uid, len(uid), status)
    return before + request.message_id.to_bytes(2, "little") + after + uid


@lru_cache(maxsize=256)
def _around(is_store: bool, context_id: int, sop_class: str, length: int, status: Status) -> tuple[bytes, bytes]:
    """What stands before the Message ID, and between it and an instance UID of ``length`` bytes, the last element."""
    request = CStoreRQ(0, sop_class, "0" * length) if is_store else CEchoRQ(0, sop_class)
    command = encode(answer(request, status))
    at = command.index(_MESSAGE_ID_HEAD) + len(_MESSAGE_ID_HEAD)
    head = PDATA_HEAD.pack(PduType.P_DATA_TF, len(command) + 6, len(command) + 2, context_id, COMMAND | LAST)
    return head + command[:at], command[at + 2 : len(command) - length]
