"""Passcodes and tickets of user identity negotiation never reach a trace (PS3.7 D.3.3.7).

:func:`mask_user_identity` is called where a PDU is captured. It keeps every length, so that a masked PDU still decodes
and every offset stays right, and it works on malformed PDUs too: what cannot be told from a secret is masked.
"""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["mask_user_identity"]

_ASSOCIATE_RQ = 0x01
_ASSOCIATE_AC = 0x02
_ITEMS = 74  # PS3.8 table 9-11: offset of the variable items
_USER_INFORMATION = 0x50
_CONTEXTS = (0x20, 0x21)  # presentation contexts hold no secrets, and their number 89 looks like the head of one
_IDENTITY_RQ = 0x58
_IDENTITY_AC = 0x59
_USER_NAMES = (1, 2)  # identity types whose primary field is a user's name; 3 to 5 hold a ticket, an assertion, a token
_MASK = b"*"


def mask_user_identity(pdu: bytes) -> bytes:
    """Replace secrets by ``*``: the passcode, a ticket, assertion or token, and the server's response to one.

    :param pdu: a whole A-ASSOCIATE PDU from its first byte, or the beginning of one; anything else comes back as it is.
    :returns: as many bytes as were given; the same object where there is nothing to mask.
    """
    if not pdu or pdu[0] not in (_ASSOCIATE_RQ, _ASSOCIATE_AC):
        return pdu
    if pdu.find(_IDENTITY_RQ, _ITEMS) < 0 and pdu.find(_IDENTITY_AC, _ITEMS) < 0:
        return pdu
    masked = bytearray(pdu)
    for start, end in _secrets(pdu):
        masked[start:end] = _MASK * (end - start)
    return bytes(masked) if masked != pdu else pdu


def _secrets(pdu: bytes) -> Iterator[tuple[int, int]]:
    """Where the secrets are, as (start, end)."""
    sound_to = _ITEMS
    for item_type, start, end in _items(pdu, _ITEMS, len(pdu)):
        sound_to = end
        if item_type == _USER_INFORMATION:
            sub_sound_to = start
            for sub_type, sub_start, sub_end in _items(pdu, start, end):
                sub_sound_to = sub_end
                yield from _secrets_of(pdu, sub_type, sub_start, sub_end)
            yield from _suspects(pdu, sub_sound_to, end)
        elif item_type in (_IDENTITY_RQ, _IDENTITY_AC):  # after user information whose length is too short
            yield from _secrets_of(pdu, item_type, start, end)
        elif item_type not in _CONTEXTS:
            yield from _suspects(pdu, start, end)
    yield from _suspects(pdu, sound_to, len(pdu))


def _items(pdu: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Items and sub-items (type, start of the content, its end) as long as their lengths fit."""
    while start + 4 <= end:
        stop = start + 4 + int.from_bytes(pdu[start + 2 : start + 4], "big")
        if stop > end:
            return
        yield pdu[start], start + 4, stop
        start = stop


def _secrets_of(pdu: bytes, item_type: int, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Secrets of one sub-item with the content from ``start`` to ``end``."""
    if item_type == _IDENTITY_AC:
        yield min(start + 2, end), end  # after the length of the server's response
    elif item_type == _IDENTITY_RQ:
        primary = start + 4
        secondary = primary + int.from_bytes(pdu[start + 2 : primary], "big")
        after = secondary + 2 + int.from_bytes(pdu[secondary : secondary + 2], "big")
        if after != end:  # lengths that contradict each other: nothing says where the secret begins
            yield min(primary, len(pdu)), len(pdu)
            return
        if pdu[start] not in _USER_NAMES:
            yield primary, secondary
        yield secondary + 2, end


def _suspects(pdu: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """What may be a secret where items cannot be followed: all after what looks like the head of such a sub-item."""
    heads = ((_IDENTITY_RQ, 4), (_IDENTITY_AC, 2))  # with how much of the content is no secret
    found = [(pdu.find(bytes((kind, 0)), start, end), plain) for kind, plain in heads]
    for position, plain in sorted(found):
        if position >= 0:
            yield min(position + 4 + plain, end), end
            return
