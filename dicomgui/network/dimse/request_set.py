"""Command sets of the requests that go out by the thousand: C-STORE-RQ and C-ECHO-RQ.

From one request to the next only Message ID and instance UID differ. What is the same is encoded once, by the codec of
all messages, and these two are put in.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Final

from dicomgui.network.dimse.command_set import encode
from dicomgui.network.dimse.commands import CEchoRQ, Command, CStoreRQ
from dicomgui.network.dimse.elements import ELEMENTS

__all__ = ["encode_request"]

_LONGEST_UID: Final = 64
_MOST: Final = 65_535
_HEAD: Final = struct.Struct("<HHL")
_MESSAGE_ID: Final = ELEMENTS["message_id"].number
_INSTANCE: Final = ELEMENTS["affected_sop_instance_uid"].number


def encode_request(command: Command) -> bytes:
    """The same as :func:`~dicomgui.network.dimse.command_set.encode`, faster where a request is one of the usual."""
    if not 0 <= command.message_id <= _MOST:
        return encode(command)
    if isinstance(command, CEchoRQ) and not command.has_dataset:
        before, after = _echo(command.affected_sop_class_uid)
        return before + command.message_id.to_bytes(2, "little") + after
    if isinstance(command, CStoreRQ) and command.has_dataset:
        uid = command.affected_sop_instance_uid
        if 0 < len(uid) <= _LONGEST_UID and uid.isascii():
            before, between, after = _store(
                command.affected_sop_class_uid,
                (len(uid) + 1) & ~1,
                command.priority,
                command.move_originator_ae_title,
                command.move_originator_message_id,
            )
            raw = uid.encode("ascii")
            if len(raw) & 1:
                raw += b"\0"
            return b"".join((before, command.message_id.to_bytes(2, "little"), between, raw, after))
    return encode(command)


@lru_cache(maxsize=8)
def _echo(sop_class: str) -> tuple[bytes, bytes]:
    """What stands before the Message ID and after it."""
    whole = encode(CEchoRQ(0, sop_class))
    at = _place_of(_MESSAGE_ID, whole)
    return whole[:at], whole[at + 2 :]


@lru_cache(maxsize=256)
def _store(
    sop_class: str, uid_length: int, priority: int, originator: str, originator_id: int | None
) -> tuple[bytes, bytes, bytes]:
    """What stands before the Message ID, between it and an instance UID of so many bytes, and after that."""
    command = CStoreRQ(0, sop_class, "0" * uid_length, priority, originator, originator_id)
    whole = encode(command)
    at, uid_at = _place_of(_MESSAGE_ID, whole), _place_of(_INSTANCE, whole)
    return whole[:at], whole[at + 2 : uid_at], whole[uid_at + uid_length :]


def _place_of(wanted: int, command_set: bytes) -> int:
    """Where the value of an element begins that is there."""
    offset = 0
    while True:
        _, number, length = _HEAD.unpack_from(command_set, offset)
        offset += _HEAD.size
        if number == wanted:
            return offset
        offset += length
