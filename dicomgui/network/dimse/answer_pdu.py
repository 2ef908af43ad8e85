"""The answers that go out most, as whole PDUs: a C-STORE-RSP or C-ECHO-RSP with a status and nothing else, and the
matches of a C-FIND.

An association that stores thousands of instances sends the same response again and again; only Message ID and instance
UID differ. What is the same is encoded once, by the codec of all messages, and these two are put in. Of the matches of
one request the whole command is the same.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, TypeAlias

from dicomgui.network.dimse.command_set import encode
from dicomgui.network.dimse.commands import CEchoRQ, CStoreRQ, answer
from dicomgui.network.dimse.elements import MESSAGE_ID_RESPONDED
from dicomgui.network.dimse.fragment import Chunk
from dicomgui.network.pdu.data import COMMAND, LAST, PDATA_HEAD, max_fragment
from dicomgui.network.pdu.wire import PduType
from dicomgui.network.status import Status

__all__ = ["PLAIN", "Plain", "answer_pdu", "answer_runs", "most_together"]

Plain: TypeAlias = CStoreRQ | CEchoRQ
_P_DATA: Final = int(PduType.P_DATA_TF)
PLAIN: Final = (CStoreRQ, CEchoRQ)
"""The same for ``isinstance``."""

RUN_BYTES: Final = 65_536
"""So much of small messages goes in one piece."""

_LONGEST_COMMAND: Final = 512
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


def most_together(max_pdu_length: int) -> int:
    """How many bytes a data set may have for :func:`answer_runs`, by what the peer takes; 0 if it takes too little."""
    room = max_fragment(max_pdu_length)
    return min(room, RUN_BYTES) if room >= _LONGEST_COMMAND else 0


def answer_runs(context_id: int, command: bytes, data: Sequence[bytes]) -> Iterator[list[Chunk]]:
    """The same command with one data set after the other, as messages of two PDUs each, :data:`RUN_BYTES` together.

    :param data: each of :func:`most_together` bytes at most; one of odd length gets a NUL (PS3.5 A.5).
    """
    before = PDATA_HEAD.pack(_P_DATA, len(command) + 6, len(command) + 2, context_id, COMMAND | LAST) + command
    start, least, head = len(before), len(command), PDATA_HEAD.size
    run: list[Chunk] = []
    size = 0
    for one in data:
        if len(one) & 1:
            one += b"\0"
        length = len(one)
        message = b"".join((before, PDATA_HEAD.pack(_P_DATA, length + 6, length + 2, context_id, LAST), one))
        run.append(Chunk(message, start, head + (length if length > least else least)))
        size += len(message)
        if size >= RUN_BYTES:
            yield run
            run, size = [], 0
    if run:
        yield run


@lru_cache(maxsize=256)
def _around(is_store: bool, context_id: int, sop_class: str, length: int, status: Status) -> tuple[bytes, bytes]:
    """What stands before the Message ID, and between it and an instance UID of ``length`` bytes, the last element."""
    request = CStoreRQ(0, sop_class, "0" * length) if is_store else CEchoRQ(0, sop_class)
    command = encode(answer(request, status))
    at = command.index(_MESSAGE_ID_HEAD) + len(_MESSAGE_ID_HEAD)
    head = PDATA_HEAD.pack(PduType.P_DATA_TF, len(command) + 6, len(command) + 2, context_id, COMMAND | LAST)
    return head + command[:at], command[at + 2 : len(command) - length]
