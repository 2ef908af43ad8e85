"""Masks the PDUs of the associations of a trace: what is inside of them, never their headers and lengths.

Every PDU keeps its length and its structure, so that each offset and each fault stays where it was. What of a PDU was
not kept stays unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from dicomgui.network.errors import RemoteProtocolError
from dicomgui.network.pdu import AssociateAC, PduType, decode
from dicomgui.network.pdu.items import PresentationContextAC
from dicomgui.network.tracing import Direction, PduRecord, Segment
from dicomgui.network.uids import (
    DEFLATED_TRANSFER_SYNTAXES,
    EXPLICIT_VR_BIG_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
)
from dicomgui.trace.redaction.dataset import DeflatedMasker, Encoding, Keeper, Masker, Script
from dicomgui.trace.redaction.rules import FILLER, Kind, Masked

__all__ = ["AE_TITLE", "PduKeeper", "PduMasker", "fragments"]

_HEADER = 6
_PDV_HEADER = 6
_CONTROL_LENGTH = 10  # of A-ASSOCIATE-RJ, A-RELEASE and A-ABORT
_CALLED, _CALLING, _ITEMS = 10, 26, 74  # PS3.8 table 9-11
_TITLE_LENGTH = 16
_USER_INFORMATION, _IDENTITY_RQ, _IDENTITY_AC = 0x50, 0x58, 0x59
_IMPLEMENTATION_CLASS, _IMPLEMENTATION_VERSION = 0x52, 0x55
_CONTEXTS = (0x20, 0x21)
_ABSTRACT_SYNTAX, _TRANSFER_SYNTAX = 0x30, 0x40
AE_TITLE = 0x00020016
"""The tag under which AE titles are counted (Source Application Entity Title)."""

_IDENTITY = 0x00100010
_COMMAND = Encoding(False)


class PduKeeper(Keeper, Protocol):
    """What is known beyond one data set."""

    def show(self, value: bytes) -> None:
        """First run: a value that is kept by choice."""
        ...

    def count(self, what: Masked) -> None:
        """Something that is masked as a whole; the second run tells it again."""
        ...


class _Association:
    """What is known of one association while its PDUs pass."""

    __slots__ = ("maskers", "scripts", "syntaxes")

    def __init__(self) -> None:
        self.syntaxes: dict[int, str] = {}
        self.scripts: dict[tuple[int, int, bool], Script] = {}
        self.maskers: dict[tuple[int, int, bool], Masker] = {}


class PduMasker:
    """Masks PDUs, first in a run that only looks, then in one that replaces; see :meth:`restart`."""

    def __init__(self, keeper: PduKeeper) -> None:
        self._keeper = keeper
        self._associations: dict[int, _Association] = {}

    def restart(self) -> None:
        """The first run is over; the second begins with the same records."""
        for association in self._associations.values():
            association.syntaxes.clear()
            association.maskers.clear()

    def mask(self, record: PduRecord) -> PduRecord:
        """The record with masked bytes; in the first run the same."""
        parts = [(offset, bytearray(data)) for offset, data in record.segments]
        association = self._associations.get(record.association)
        if association is None:
            association = self._associations[record.association] = _Association()
        if record.pdu_type == PduType.P_DATA_TF:
            self._data(association, record, parts)
        elif record.pdu_type in (PduType.ASSOCIATE_RQ, PduType.ASSOCIATE_AC):
            self._associate(association, record, parts)
        else:  # of the other types nothing has a place behind their four bytes, of an unknown one nothing at all
            known = 1 <= record.pdu_type <= PduType.ABORT
            self._blank(parts, _CONTROL_LENGTH if known else _HEADER, record.length)
        if self._keeper.is_survey:
            return record
        return record._replace(segments=tuple(Segment(offset, bytes(data)) for offset, data in parts))

    def close(self, number: int) -> None:
        """The association is over: what was not finished never will be."""
        association = self._associations.get(number)
        if association is not None:
            for masker in association.maskers.values():
                masker.finish()
            association.maskers.clear()

    def close_all(self) -> None:
        """The trace is over."""
        for number in list(self._associations):
            self.close(number)

    # --------------------------------------------------------------------------------------------------------- P-DATA

    def _data(self, association: _Association, record: PduRecord, parts: list[tuple[int, bytearray]]) -> None:
        position = _HEADER
        while position < record.length:
            head = _kept(parts, position, _PDV_HEADER)
            length = int.from_bytes(head[:4], "big")
            following = position + 4 + length
            if len(head) < _PDV_HEADER or length < 2 or following > record.length:
                self._blank(parts, position + 4, record.length)
                self._lose(association, record.direction)
                return
            context_id, control = head[4], head[5]
            key = (int(record.direction), context_id, bool(control & 1))
            masker = association.maskers.get(key)
            if masker is None:
                masker = association.maskers[key] = self._masker(association, key)
            _pass(masker, parts, position + _PDV_HEADER, following)
            if control & 2:
                masker.finish()
                if masker.masked_bytes and masker.is_followed:
                    self._keeper.count(Masked.LOST_DATA_SET)
                del association.maskers[key]
            position = following

    def _masker(self, association: _Association, key: tuple[int, int, bool]) -> Masker:
        script = association.scripts.setdefault(key, Script())
        if key[2]:
            return Masker(self._keeper, script, _COMMAND)
        syntax = association.syntaxes.get(key[1], "")
        if syntax in DEFLATED_TRANSFER_SYNTAXES:
            self._keeper.count(Masked.DEFLATED)
            return DeflatedMasker(self._keeper, script)
        if not syntax:
            self._keeper.count(Masked.UNKNOWN_SYNTAX)
            return Masker(self._keeper, script, None)
        encoding = Encoding(syntax != IMPLICIT_VR_LITTLE_ENDIAN, syntax == EXPLICIT_VR_BIG_ENDIAN)
        return Masker(self._keeper, script, encoding)

    def _lose(self, association: _Association, direction: Direction) -> None:
        """A PDU that cannot be followed: whatever it carried belongs to no message that goes on soundly."""
        for key, masker in association.maskers.items():
            if key[0] == direction:
                masker.finish()
                masker.is_lost = True

    # ----------------------------------------------------------------------------------------------------- A-ASSOCIATE

    def _associate(self, association: _Association, record: PduRecord, parts: list[tuple[int, bytearray]]) -> None:
        if not parts or parts[0][0] != 0:
            self._blank(parts, _HEADER, record.length)
            return
        data = parts[0][1]
        original = bytes(data)
        if record.pdu_type == PduType.ASSOCIATE_AC:
            association.syntaxes = _accepted(original)
        for start in (_CALLED, _CALLING):
            if not self._keeper.keep_ae:
                self._value(data, start, start + _TITLE_LENGTH, Kind.TEXT, AE_TITLE)
            elif self._keeper.is_survey:
                self._keeper.show(original[start : start + _TITLE_LENGTH])
        if self._keeper.is_survey:
            for uid in _syntaxes(original):
                self._keeper.show(uid)
        for start, end in _version_names(original):
            self._value(data, start, end, Kind.KEEP, 0)
        for start, end in _identities(original):
            self._value(data, start, end, Kind.BYTES, _IDENTITY)
        for _, later in parts[1:]:
            self._value(later, 0, len(later), Kind.BYTES, _IDENTITY)

    def _value(self, data: bytearray, start: int, end: int, kind: Kind, tag: int) -> None:
        """A field of an A-ASSOCIATE PDU."""
        value = bytes(data[start:end])
        if not self._keeper.is_survey:
            data[start:end] = self._keeper.replace(kind, value)
        elif kind is not Kind.KEEP and value:
            self._keeper.note(tag, Kind.TEXT, value)

    def _blank(self, parts: list[tuple[int, bytearray]], start: int, end: int) -> None:
        """Mask what is kept between two places of a PDU that cannot be followed."""
        masked = False
        for offset, data in parts:
            first, last = max(0, start - offset), min(len(data), end - offset)
            if first < last:
                masked = True
                if not self._keeper.is_survey:
                    data[first:last] = FILLER * (last - first)
        if masked:
            self._keeper.count(Masked.LOST_PDU)


def _kept(parts: list[tuple[int, bytearray]], start: int, length: int) -> bytes:
    for offset, data in parts:
        if offset <= start < offset + len(data):
            return bytes(data[start - offset : start - offset + length])
    return b""


def _pass(masker: Masker, parts: list[tuple[int, bytearray]], start: int, end: int) -> None:
    """Hand a fragment to the masker, with the gaps where nothing was kept."""
    position = start
    for offset, data in parts:
        first, last = max(position, offset), min(end, offset + len(data))
        if first < last:
            masker.skip(first - position)
            masker.feed(data, first - offset, last - offset)
            position = last
    masker.skip(end - position)


def fragments(record: PduRecord) -> Iterator[tuple[tuple[int, int, bool], int, bytes, bool]]:
    """Each fragment of a P-DATA-TF: its stream, its offset, the bytes, whether more follows on them."""
    parts = [(offset, bytearray(data)) for offset, data in record.segments]
    position = _HEADER
    while len(head := _kept(parts, position, _PDV_HEADER)) == _PDV_HEADER:
        following = position + 4 + int.from_bytes(head[:4], "big")
        start = position + _PDV_HEADER
        if following < start or following > record.length:
            return
        key = (int(record.direction), head[4], bool(head[5] & 1))
        data = _kept(parts, start, following - start)
        yield key, start, data, not head[5] & 2 and len(data) == following - start
        position = following


def _accepted(pdu: bytes) -> dict[int, str]:
    """The accepted transfer syntax of each context; none where the PDU cannot be decoded."""
    try:
        answer = decode(pdu)
    except RemoteProtocolError:
        return {}
    if not isinstance(answer, AssociateAC):
        return {}
    contexts = (item for item in answer.items if isinstance(item, PresentationContextAC))
    return {item.context_id: str(item.transfer_syntax) for item in contexts if item.result == 0}


def _items(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Items and sub-items (type, start of the content, its end) as long as their lengths fit."""
    while start + 4 <= end:
        stop = start + 4 + int.from_bytes(data[start + 2 : start + 4], "big")
        if stop > end:
            return
        yield data[start], start + 4, stop
        start = stop


def _syntaxes(data: bytes) -> Iterator[bytes]:
    """The UIDs of contexts and implementations: of kinds of things, not of things."""
    for start, end in _user_items(data, _IMPLEMENTATION_CLASS):
        yield data[start:end]
    for kind, start, end in _items(data, _ITEMS, len(data)):
        if kind in _CONTEXTS:
            for sub_kind, sub_start, sub_end in _items(data, start + 4, end):
                if sub_kind in (_ABSTRACT_SYNTAX, _TRANSFER_SYNTAX):
                    yield data[sub_start:sub_end]


def _version_names(data: bytes) -> Iterator[tuple[int, int]]:
    return _user_items(data, _IMPLEMENTATION_VERSION)


def _user_items(data: bytes, wanted: int) -> Iterator[tuple[int, int]]:
    for kind, start, end in _items(data, _ITEMS, len(data)):
        if kind == _USER_INFORMATION:
            for sub_kind, sub_start, sub_end in _items(data, start, end):
                if sub_kind == wanted:
                    yield sub_start, sub_end


def _identities(data: bytes) -> Iterator[tuple[int, int]]:
    """Where names, passcodes and tickets of user identity stand (PS3.7 D.3.3.7), also in PDUs with faults."""
    sound_to = _ITEMS
    for kind, start, end in _items(data, _ITEMS, len(data)):
        sound_to = end
        if kind == _USER_INFORMATION:
            sub_sound_to = start
            for sub_kind, sub_start, sub_end in _items(data, start, end):
                sub_sound_to = sub_end
                if sub_kind == _IDENTITY_AC:
                    yield min(sub_start + 2, sub_end), sub_end
                elif sub_kind == _IDENTITY_RQ:
                    primary_end = sub_start + 4 + int.from_bytes(data[sub_start + 2 : sub_start + 4], "big")
                    yield min(sub_start + 4, sub_end), min(primary_end, sub_end)
                    yield min(primary_end + 2, sub_end), sub_end
            yield from _suspects(data, sub_sound_to, end)
    yield from _suspects(data, sound_to, len(data))


def _suspects(data: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """What may be a user's name where items cannot be followed."""
    places = [place for kind in (_IDENTITY_RQ, _IDENTITY_AC) if (place := data.find(bytes((kind, 0)), start, end)) >= 0]
    if places:
        yield min(min(places) + 8, end), end
