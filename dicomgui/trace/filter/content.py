"""Looks into the kept bytes of records for the filter language: bytes, texts, elements.

Each gives the byte strings of which one must be in a record that passes, so that a search over a long trace can skip
whole blocks, and the question itself. What lies across two PDUs is not found.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from dicomgui.network.tracing import BytesRecord, PduRecord, Record
from dicomgui.network.vrs import LONG_VRS, SHORT_VRS

__all__ = ["Content", "bytes_content", "tag_content", "tag_of", "text_content"]


class Content(NamedTuple):
    """A look into records.

    :ivar passes: whether a record passes.
    :ivar needles: byte strings; a record without any of them in its bytes cannot pass. Empty: any may.
    :ivar word: lower case ASCII; a record that has it in its own words may pass without a needle.
    """

    passes: Callable[[Record], bool]
    needles: tuple[bytes, ...] = ()
    word: str = ""


_TAG = re.compile(r"\(?([0-9A-Fa-f]{4}),?([0-9A-Fa-f]{4})\)?")
_HEX_BYTES = re.compile(r"(?:[0-9A-Fa-f]{2}[\s:]?)+", re.ASCII)
_VRS = LONG_VRS | SHORT_VRS
_MAX_VALUE = 4096
_MAX_HITS = 64  # places in one record at which a tag is looked for


def _parts(record: Record) -> Iterator[bytes]:
    if isinstance(record, PduRecord):
        for segment in record.segments:
            yield segment.data
    elif isinstance(record, BytesRecord):
        yield record.data


def bytes_content(text: str, *, negated: bool) -> Content:
    """Whether a record has these bytes; ``text`` is pairs of hexadecimal digits.

    :raises ValueError: it is not.
    """
    if not _HEX_BYTES.fullmatch(text.strip()):
        raise ValueError("no bytes")
    wanted = bytes.fromhex(re.sub(r"[\s:]", "", text))
    if negated:
        return Content(lambda record: _has_parts(record) and not any(wanted in part for part in _parts(record)))
    return Content(lambda record: any(wanted in part for part in _parts(record)), (wanted,))


def _has_parts(record: Record) -> bool:
    return next(_parts(record), None) is not None


def text_content(text: str, *, negated: bool) -> Content:
    """Whether a text stands in the bytes of a record (then case counts), or in its own words."""
    wanted, folded = text.encode("utf-8", "surrogatepass"), text.casefold()

    def passes(record: Record) -> bool:
        found = any(wanted in part for part in _parts(record))
        return found or any(isinstance(value, str) and folded in value.casefold() for value in record[3:])

    if negated:
        return Content(lambda record: not passes(record))
    # Files write other than ASCII letters as numbers, of which case cannot be told: then every record is read.
    return Content(passes, (wanted,), folded) if folded.isascii() and folded.isprintable() else Content(passes)


def tag_of(text: str) -> tuple[int, int]:
    """Group and element, from ``0010,0020``, ``(0010,0020)``, ``00100020`` or a keyword of the dictionary.

    :raises ValueError: it is none of them.
    """
    match = _TAG.fullmatch(text.strip())
    if match:
        return int(match[1], 16), int(match[2], 16)
    from pydicom import datadict

    tag = datadict.tag_for_keyword(text.strip())
    if tag is None:
        raise ValueError(f"“{text[:40]}” is no tag, for example 0010,0020, and no keyword, for example PatientID.")
    return tag >> 16, tag & 0xFFFF


def tag_content(tag: str, sign: str, value: str, *, negated: bool) -> Content:
    """Whether a record has an element, and with ``sign`` whether its value is (``=``) or contains the text.

    The element is found by its bytes wherever it stands, in a command set, a data set or inside of a sequence, in
    implicit and explicit, little and big endian.

    :raises ValueError: ``tag`` is none.
    """
    group, element = tag_of(tag)
    little, big = struct.pack("<HH", group, element), struct.pack(">HH", group, element)
    wanted, exact = value.casefold(), sign == "="

    def passes_value(raw: bytes) -> bool:
        if not sign:
            return True
        texts = {raw.decode(encoding, "replace").strip("\0 ").casefold() for encoding in ("utf-8", "latin-1")}
        if len(raw) in (2, 4):
            texts |= {str(int.from_bytes(raw, "little")), f"{int.from_bytes(raw, 'little'):0{2 * len(raw)}x}"}
        return any(text == wanted if exact else wanted in text for text in texts)

    def passes(record: Record) -> bool:
        values = (raw for part in _parts(record) for raw in _values(part, little, big))
        return any(map(passes_value, values)) != negated

    return Content(passes, () if negated else (little, big))


def _values(data: bytes, little: bytes, big: bytes) -> Iterator[bytes]:
    for tag, order in ((little, "<"), (big, ">")):
        at, hits = data.find(tag), 0
        while at >= 0 and hits < _MAX_HITS:
            raw = _value_at(data, at, order)
            if raw is not None:
                yield raw
            at, hits = data.find(tag, at + 1), hits + 1


def _value_at(data: bytes, at: int, order: str) -> bytes | None:
    """The value of an element that begins at ``at``; ``None`` where what stands there is none."""
    vr = data[at + 4 : at + 6]
    if vr in _VRS:
        start, form = (at + 12, "I") if vr in LONG_VRS else (at + 8, "H")
    elif order == "<":
        start, form = at + 8, "I"
    else:
        return None  # implicit is always little endian
    size = struct.calcsize(form)
    field = data[start - size : start]
    if len(field) < size:
        return None
    (length,) = struct.unpack(order + form, field)
    if length == 0xFFFF_FFFF:
        return b""
    if start + length > len(data) and length > _MAX_VALUE:
        return None
    return data[start : start + min(length, _MAX_VALUE)]
