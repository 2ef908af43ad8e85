"""Single values of a match of a query, read from its bytes: for a table of very many of which a few are in view.

Decoding a whole match takes a hundred times as long as finding the three values that a row shows of it.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from dicomgui.app.asking.keys import SPECIFIC_CHARACTER_SET
from dicomgui.network.dimse.dataset import MAX_INFLATED as MAX_DATASET_INFLATED
from dicomgui.network.dimse.dataset import decode_answer
from dicomgui.network.service_classes.attributes import vr_of
from dicomgui.network.uids import EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from dicomgui.storage.attributes import decode_value
from dicomgui.storage.scan import inflate, native_syntax, scan

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["Answer", "inside", "tags_in_any", "vr_of_tag"]

MAX_INFLATED: Final = 1_048_576
"""Of a deflated match no more bytes are looked at for single values."""

MAX_KEPT_VALUE: Final = 256
"""Bytes of a value whose text is kept for the next match that has it; a peer may send values of megabytes."""

_NUMBERS: Final = {
    "FD": "d", "FL": "f", "SL": "i", "SS": "h", "SV": "q", "UL": "I", "US": "H", "UV": "Q",
}  # fmt: skip
_TAG: Final = 0xFFFF_FFFF
_ITEM_HEAD: Final = 8
_UNDEFINED: Final = 0xFFFF_FFFF
_BINARY: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})


def inside(sequence: int, tag: int) -> int:
    """The place of an element in the first item of a sequence, to be asked for like a tag of the outermost level."""
    return sequence << 32 | tag


@lru_cache(maxsize=1024)
def vr_of_tag(place: int) -> str:
    """The VR of an element by the dictionary: asked for every value that is shown, sorted or filtered.

    :param place: a tag, or what :func:`inside` gives.
    """
    return vr_of(place & _TAG)


class Answer(NamedTuple):
    """A match as it came.

    :ivar data: its data set, encoded.
    :ivar has_unsupported_keys: the peer says that it did not match by all optional keys (FF01).
    :ivar charset: in which character set its texts are where it names none, as a term of (0008,0005); empty for what
        can be guessed.
    :ivar is_forced: they are in ``charset`` whatever it names.
    """

    data: bytes
    transfer_syntax_uid: str = EXPLICIT_VR_LITTLE_ENDIAN
    has_unsupported_keys: bool = False
    charset: str = ""
    is_forced: bool = False

    def read_as(self, charset: str) -> Answer:
        """The same, with its texts in this character set whatever it names; empty for the one that it names."""
        return self._replace(charset=charset, is_forced=True) if charset else self

    def texts(self, tags: Collection[int]) -> dict[int, str]:
        """The values of these elements, by tag, as text; what is not there is left out.

        Several values have a backslash between them; a sequence is only named as such.

        :param tags: of the outermost level, or places in the first item of a sequence of that level (:func:`inside`).
        """
        data = inflate(self.data, self.transfer_syntax_uid, MAX_INFLATED)
        syntax = native_syntax(self.transfer_syntax_uid, data)
        wanted = frozenset(tags)
        sequences = {place >> 32 for place in wanted} - {0}
        outer = wanted | sequences | {SPECIFIC_CHARACTER_SET}
        found = scan(data, syntax, outer, max(place for place in outer if place <= _TAG)).found
        at = found.get(SPECIFIC_CHARACTER_SET)
        charset = self._charset_of(data[at.begin : at.end] if at is not None else b"")
        texts = {
            tag: _text(data[at.begin : at.end], vr_of_tag(tag), syntax, charset)
            for tag, at in found.items()
            if tag in wanted
        }
        for sequence in sequences & found.keys():
            item = _first_item(data[found[sequence].begin : found[sequence].end], syntax)
            texts |= self._texts_inside(item, sequence, wanted, charset)
        return texts

    def _texts_inside(self, item: bytes, sequence: int, wanted: Collection[int], charset: str) -> dict[int, str]:
        syntax = native_syntax(self.transfer_syntax_uid, item)
        tags = {place & _TAG for place in wanted if place >> 32 == sequence}
        return {
            inside(sequence, tag): _text(item[at.begin : at.end], vr_of_tag(tag), syntax, charset)
            for tag, at in scan(item, syntax, tags, max(tags)).found.items()
        }

    def only(self, tags: Collection[int]) -> Answer:
        """The same without its other elements, which is decoded in a fraction of the time.

        :param tags: of the outermost level; the creators of private ones, and the character set, are kept as well.
        """
        data = inflate(self.data, self.transfer_syntax_uid, MAX_INFLATED)
        syntax = native_syntax(self.transfer_syntax_uid, data)
        creators = {tag & 0xFFFF_0000 | (tag & 0xFFFF) >> 8 for tag in tags if tag >> 16 & 1}
        found = scan(data, syntax, {*tags, *creators, SPECIFIC_CHARACTER_SET}, max(tags)).found
        kept = b"".join([data[at.start : at.end] for at in found.values()])
        return self._replace(data=kept, transfer_syntax_uid=syntax)

    def _charset_of(self, named: bytes) -> str:
        """The character set that its texts are read in, where it names this one."""
        text = named.strip(b"\0 ").decode("ascii", "replace")
        return self.charset if self.is_forced or not text else text

    def dataset(self) -> Dataset:
        """All of it, decoded anew at each call. Where ``charset`` counts, it names that.

        :raises RemoteProtocolError: it cannot be read.
        """
        if not self.charset:
            return decode_answer(self.data, self.transfer_syntax_uid)
        with warnings.catch_warnings(action="ignore"):  # pydicom's, about what the set does not hold
            return decode_answer(*self._named())

    def _named(self) -> tuple[bytes, str]:
        """Its bytes, with the character set named in which they are to be read, and their transfer syntax."""
        data = inflate(self.data, self.transfer_syntax_uid, MAX_DATASET_INFLATED)
        syntax = native_syntax(self.transfer_syntax_uid, data)
        at = scan(data, syntax, {SPECIFIC_CHARACTER_SET}, SPECIFIC_CHARACTER_SET).found.get(SPECIFIC_CHARACTER_SET)
        named = data[at.begin : at.end] if at is not None else b""
        element = _charset_element(self._charset_of(named), syntax)
        before, after = (data[: at.start], data[at.end :]) if at is not None else (b"", data)
        return b"".join((before, element, after)), syntax


def _charset_element(charset: str, syntax: str) -> bytes:
    value = charset.encode("ascii", "replace")
    value += b" " * (len(value) & 1)
    order = ">" if syntax == EXPLICIT_VR_BIG_ENDIAN else "<"
    if syntax == IMPLICIT_VR_LITTLE_ENDIAN:
        return struct.pack("<HHI", 0x0008, 0x0005, len(value)) + value
    return struct.pack(f"{order}HH2sH", 0x0008, 0x0005, b"CS", len(value)) + value


def _first_item(value: bytes, syntax: str) -> bytes:
    """The bytes of the first item of a sequence, its end included where it has no length; none without an item."""
    if len(value) < _ITEM_HEAD:
        return b""
    [length] = struct.unpack_from(">I" if syntax == EXPLICIT_VR_BIG_ENDIAN else "<I", value, 4)
    return value[_ITEM_HEAD:] if length == _UNDEFINED else value[_ITEM_HEAD : _ITEM_HEAD + length]


def tags_in_any(data: Sequence[bytes], transfer_syntax_uid: str, wanted: Mapping[int, object]) -> set[int]:
    """Which of these elements are on the outermost level of at least one of several data sets."""
    is_big_endian = transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN
    plain = [inflate(one, transfer_syntax_uid, MAX_INFLATED) for one in data]
    # Of what a peer never returns not even the tag is there, and looking for it so costs a fraction of a walk.
    together = b"".join(plain)
    open_ones = {tag for tag in wanted if _tag_bytes(tag, is_big_endian) in together}
    found: set[int] = set()
    for one in plain:
        if not open_ones:
            break
        there = scan(one, native_syntax(transfer_syntax_uid, one), open_ones, max(open_ones)).found.keys()
        found |= there
        open_ones -= there
    return found


@lru_cache(maxsize=256)
def _tag_bytes(tag: int, is_big_endian: bool) -> bytes:
    return struct.pack(">HH" if is_big_endian else "<HH", tag >> 16, tag & 0xFFFF)


def _text(raw: bytes, vr: str, syntax: str, charset: str) -> str:
    decoded = _kept_text if len(raw) <= MAX_KEPT_VALUE else _kept_text.__wrapped__
    return decoded(raw, vr, syntax, charset)


@lru_cache(maxsize=1024)
def _kept_text(raw: bytes, vr: str, syntax: str, charset: str) -> str:
    if vr == "SQ":
        return "(sequence)" if raw else ""
    if vr in _NUMBERS:
        return _numbers(raw, vr, syntax)
    if vr in _BINARY:
        return f"({len(raw):,} bytes)" if raw else ""
    return decode_value(raw, vr, syntax, charset)


def _numbers(raw: bytes, vr: str, syntax: str) -> str:
    order = ">" if syntax == EXPLICIT_VR_BIG_ENDIAN else "<"
    count = len(raw) // struct.calcsize(_NUMBERS[vr])
    values = struct.unpack_from(f"{order}{count}{_NUMBERS[vr]}", raw)
    return "\\".join(f"{value:g}" if isinstance(value, float) else str(value) for value in values)
