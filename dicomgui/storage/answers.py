"""What a query answers with: rows of the index as data sets, encoded directly or as pydicom's.

Ten thousand answers are ten thousand small data sets of texts; building each with pydicom costs ten times what the
query does. So a row becomes bytes without it, and only sequences, and who asks for a ``Dataset``, need it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import cache, partial
from io import BytesIO
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from dicomgui.network.dimse.charset import UTF_8, encode
from dicomgui.network.dimse.dataset import decode_dataset, encode_dataset, encodes_text
from dicomgui.network.errors import RemoteProtocolError
from dicomgui.network.service_classes.attributes import texts_of
from dicomgui.network.uids import (
    DEFLATED_TRANSFER_SYNTAXES,
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
)
from dicomgui.storage.attributes import Value, sequence_data_set

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["Field", "Match", "Plan", "encoder", "items_of"]

Row: TypeAlias = Sequence[Value | int]

_CHARACTER_SET = 0x0008_0005
_LONG_VRS = frozenset({"SQ", "UC", "UR", "UT"})  # of those that the index has
_NOT_PLAIN = _LONG_VRS | {"US"}
_PLAIN_LENGTH = 255
_HEADER = {"<": struct.Struct("<HH"), ">": struct.Struct(">HH")}


class Field(NamedTuple):
    """One element of the answer.

    :ivar column: where its value stands in the row; -1 for a constant.
    :ivar pick: for a sequence, which of its items are returned, and what of each.
    """

    tag: int
    vr: str
    column: int = -1
    constant: str = ""
    pick: Callable[[list[Dataset]], list[Dataset]] | None = None


class Plan(NamedTuple):
    """How rows become answers.

    :ivar fields: by ascending tag.
    :ivar charset: the value of (0008,0005) for an answer that is not all ASCII; one that it cannot hold is in UTF-8.
    """

    fields: tuple[Field, ...]
    charset: str = UTF_8


class Match:
    """One answer to a query."""

    __slots__ = ("_plan", "_row")

    def __init__(self, plan: Plan, row: Row) -> None:
        self._plan = plan
        self._row = row

    def encode(self, transfer_syntax_uid: str) -> bytes:
        """The identifier of the response in this transfer syntax (PS3.4 C.4.1.1.3.2).

        With Specific Character Set (0008,0005) where a value is not ASCII.
        """
        if transfer_syntax_uid in DEFLATED_TRANSFER_SYNTAXES:
            return encode_dataset(self.dataset(), transfer_syntax_uid)
        texts = [self._text(field) for field in self._plan.fields]
        term = self._charset(texts)
        form = _Form(transfer_syntax_uid, term)
        pieces = [form.element(_CHARACTER_SET, "CS", term)] if term else []
        for field, text in zip(self._plan.fields, texts, strict=True):
            if isinstance(text, list):
                pieces.append(form.sequence(field.tag, text))
            else:
                pieces.append(form.element(field.tag, field.vr, text))
        return b"".join(pieces)

    def dataset(self) -> Dataset:
        """The same as pydicom's ``Dataset``; a value is converted when it is looked at."""
        from pydicom import filereader

        return filereader.read_dataset(BytesIO(self.encode(EXPLICIT_VR_LITTLE_ENDIAN)), False, True)

    def _text(self, field: Field) -> str | list[Dataset]:
        value = self._row[field.column] if field.column >= 0 else field.constant
        if field.vr != "SQ":
            return "" if value is None else str(value)
        items = items_of(value, field.tag)
        return field.pick(items) if field.pick is not None else items

    def _charset(self, texts: list[str | list[Dataset]]) -> str:
        """The value of (0008,0005); empty where all is ASCII."""
        wanted = self._plan.charset
        own = "\\".join(text for text in texts if isinstance(text, str))
        inner = "\\".join(part for items in texts if not isinstance(items, str) for part in _texts_in(items))
        if own.isascii() and inner.isascii():
            return ""
        return wanted if encode(own, wanted) is not None and encodes_text(inner, wanted) else UTF_8


def encoder(plan: Plan, transfer_syntax_uid: str) -> Callable[[Match], bytes]:
    """What encodes the answers of one plan: gives the same as :meth:`Match.encode`.

    All of them have the same elements. Where they are texts, what stands between two values is encoded once.
    """
    is_plain = all(field.vr not in _NOT_PLAIN and field.constant.isascii() for field in plan.fields)
    if not is_plain or transfer_syntax_uid in (EXPLICIT_VR_BIG_ENDIAN, *DEFLATED_TRANSFER_SYNTAXES):
        return lambda match: match.encode(transfer_syntax_uid)
    form = _Form(transfer_syntax_uid, "")
    steps: list[tuple[bytes, int, bytes]] = []
    before = b""
    for field in plan.fields:
        if field.column < 0:
            before += form.element(field.tag, field.vr, field.constant)
        else:
            head = form.element(field.tag, field.vr, "")[: -form.length_bytes]
            steps.append((before + head, field.column, b"\0" if field.vr == "UI" else b" "))
            before = b""
    return partial(_encoded, transfer_syntax_uid, steps, before, _lengths(form.length_bytes))


@cache
def _lengths(width: int) -> list[bytes]:
    """Each short length in so many bytes; an odd one as the even one that it is filled up to."""
    return [(length + (length & 1)).to_bytes(width, "little") for length in range(_PLAIN_LENGTH + 1)]


def _encoded(
    syntax: str, steps: Sequence[tuple[bytes, int, bytes]], last: bytes, lengths: Sequence[bytes], match: Match
) -> bytes:
    """An answer by the steps of :func:`encoder`, unless it is not all short and ASCII."""
    row = match._row
    pieces: list[bytes] = []
    try:
        for before, column, pad in steps:
            value = row[column]
            raw = (value if type(value) is str else "" if value is None else str(value)).encode("ascii")
            pieces += (before, lengths[len(raw)], raw)
            if len(raw) & 1:
                pieces.append(pad)
    except (UnicodeEncodeError, IndexError):
        return match.encode(syntax)
    pieces.append(last)
    return b"".join(pieces)


def items_of(value: Value | int, tag: int) -> list[Dataset]:
    """The items of a sequence that the index keeps; none if there is none, or if it cannot be read."""
    if not isinstance(value, bytes):
        return []
    data, syntax = sequence_data_set(value)
    try:
        return list(decode_dataset(data, syntax)[tag].value)
    except (RemoteProtocolError, KeyError):
        return []


def _texts_in(items: list[Dataset]) -> list[str]:
    return [text for item in items for element in item.iterall() for text in texts_of(element)]


class _Form:
    """Writes elements in one transfer syntax."""

    def __init__(self, transfer_syntax_uid: str, character_set: str) -> None:
        self._syntax = transfer_syntax_uid
        self._character_set = character_set
        self._order: Final = ">" if transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN else "<"
        self._explicit = transfer_syntax_uid != IMPLICIT_VR_LITTLE_ENDIAN
        self.length_bytes = 2 if self._explicit else 4  # of what has no long VR

    def element(self, tag: int, vr: str, text: str) -> bytes:
        if vr == "US":
            value = struct.pack(f"{self._order}H", int(text)) if text else b""
        else:
            value = encode(text, self._character_set) or b""
            if len(value) % 2:
                value += b"\0" if vr == "UI" else b" "
        return self._header(tag, vr, len(value)) + value

    def sequence(self, tag: int, items: list[Dataset]) -> bytes:
        if not items:
            return self._header(tag, "SQ", 0)
        from pydicom import Dataset

        dataset = Dataset()
        term = self._character_set or UTF_8
        dataset.SpecificCharacterSet = term.split("\\")
        dataset.add_new(tag, "SQ", items)
        encoded = encode_dataset(dataset, self._syntax)
        return encoded[len(self.element(_CHARACTER_SET, "CS", term)) :]

    def _header(self, tag: int, vr: str, length: int) -> bytes:
        start = _HEADER[self._order].pack(tag >> 16, tag & 0xFFFF)
        if not self._explicit:
            return start + struct.pack("<I", length)
        if vr in _LONG_VRS:
            return start + vr.encode("ascii") + struct.pack(f"{self._order}HI", 0, length)
        return start + vr.encode("ascii") + struct.pack(f"{self._order}H", length)
