"""PDUs that come again and again are decoded once.

A program that opens an association for each study, or asks every minute whether we are there, sends the same
A-ASSOCIATE-RQ each time, and gets the same A-ASSOCIATE-AC. What is decoded does not change, so that the same bytes can
give the same object.
"""

from __future__ import annotations

from typing import Final

from dicomgui.network.pdu.associate import AssociateAC, AssociateRQ
from dicomgui.network.pdu.codec import PDU, decode
from dicomgui.network.pdu.control import ReleaseRP, ReleaseRQ
from dicomgui.network.pdu.items import UserInformation
from dicomgui.network.pdu.user_info import UserIdentityAC, UserIdentityRQ

__all__ = ["LONGEST_REMEMBERED", "MOST_REMEMBERED", "decode_again", "is_remembered"]

MOST_REMEMBERED: Final = 16
LONGEST_REMEMBERED: Final = 16_384
"""Bytes of the longest PDU that is kept: more than a request with 128 contexts of three transfer syntaxes has."""

_known: dict[bytes, PDU] = {}


def decode_again(data: bytes) -> PDU:
    """The same as :func:`~dicomgui.network.pdu.decode`; PDUs of associations are kept, unless they say who the user is.

    :raises RemoteProtocolError: as there, each time anew.
    """
    if len(data) > LONGEST_REMEMBERED:
        return decode(data)
    known = _known.get(data)
    if known is not None:
        return known
    pdu = decode(data)
    if isinstance(pdu, AssociateRQ | AssociateAC | ReleaseRQ | ReleaseRP) and not _has_identity(pdu):
        if len(_known) >= MOST_REMEMBERED:
            _known.clear()  # in one step, since loops of several threads come here
        _known[data] = pdu
    return pdu


def is_remembered(pdu: PDU) -> bool:
    """Whether this object is what its bytes would give now."""
    return any(known is pdu for known in tuple(_known.values()))


def _has_identity(pdu: PDU) -> bool:
    """Whether the PDU has a passcode or a ticket in it: nothing keeps one longer than its association."""
    if not isinstance(pdu, AssociateRQ | AssociateAC):
        return False
    sub_items = (sub for item in pdu.items if isinstance(item, UserInformation) for sub in item.sub_items)
    return any(isinstance(sub_item, UserIdentityRQ | UserIdentityAC) for sub_item in sub_items)
