"""Data sets of pydicom ⇄ bytes in the negotiated transfer syntax; the only place here that calls pydicom's codec.

For identifiers, attribute lists and instances that exist only in memory. Files are sent and received as they lie on
disk and never come this way. pydicom is imported on the first use.
"""

from __future__ import annotations

import re
import sys
import zlib
from io import BytesIO
from typing import TYPE_CHECKING, Final

from dicomgui.network.dimse.charset import encode
from dicomgui.network.errors import LocalProtocolError, RemoteProtocolError
from dicomgui.network.pdu.wire import INVALID_PARAMETER, PduType
from dicomgui.network.structure import OVER_LIMITS, UNLIMITED, StructureCode, StructureLimits, read_structure
from dicomgui.network.uids import name_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = [
    "MAX_DECODED",
    "MAX_DEPTH",
    "MAX_ELEMENTS",
    "MAX_INFLATED",
    "DatasetTooLarge",
    "check_structure",
    "count_elements",
    "decode_answer",
    "decode_counted",
    "decode_dataset",
    "encode_dataset",
    "encodes_text",
    "is_dataset",
    "syntax_of_answer",
]

IMPLICIT_LITTLE: Final = "1.2.840.10008.1.2"
EXPLICIT_LITTLE: Final = "1.2.840.10008.1.2.1"
DEFLATED_LITTLE: Final = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG: Final = "1.2.840.10008.1.2.2"

_NATIVE: Final = frozenset((IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG))
_HARMLESS: Final = OVER_LIMITS | {StructureCode.EMPTY, StructureCode.TRAILING_JUNK}
"""Faults of an answer whose elements can be read for all that; what is too large is told of where it is decoded."""

MAX_INFLATED: Final = 67_108_864
"""Bytes to which a deflated data set may grow when it is converted."""

MAX_DECODED: Final = 16 * 2**20
"""Bytes to which a deflated data set may grow when it is decoded."""

MAX_ELEMENTS: Final = 60_000
"""Elements, items and values that a data set may have to be decoded."""

MAX_DEPTH: Final = 64
"""Sequences in one another that a data set may have to be decoded."""

MAX_BROKEN: Final = 65_536
"""Bytes that a data set may have to be decoded although its structure is broken, as far as that goes."""

LEAST_ELEMENT_BYTES: Final = 8
"""No element and no item takes less (PS3.5 7.1, 7.5)."""

_TOO_MANY: Final = "has more than {:,} elements, items and values"
_TOO_DEEP: Final = "has sequences more than {} deep in one another"


def _is_implicit(transfer_syntax_uid: str) -> bool:
    return transfer_syntax_uid == IMPLICIT_LITTLE


def encode_dataset(dataset: Dataset, transfer_syntax_uid: str) -> bytes:
    """The bytes of ``dataset``; elements of groups 0000 and 0002, which no data set has, are left out.

    All transfer syntaxes but implicit, big endian and deflated are explicit VR little endian (PS3.5 A.4); pixel data
    must already be compressed as the syntax says, and a private one is taken as if it were of that kind. The length is
    always even.

    :raises LocalProtocolError: pydicom cannot encode a value.
    """
    from pydicom import filebase, filewriter

    if len(dataset[:0x00030000]):
        dataset = dataset[0x00030000:]
    file = filebase.DicomBytesIO()
    file.is_implicit_VR = _is_implicit(transfer_syntax_uid)
    file.is_little_endian = transfer_syntax_uid != EXPLICIT_BIG
    try:
        filewriter.write_dataset(file, dataset)
    except Exception as exc:  # pydicom raises whatever the value at fault causes
        raise LocalProtocolError(f"the data set cannot be encoded: {exc}", phase="transfer") from exc
    data = file.getvalue()
    if transfer_syntax_uid == DEFLATED_LITTLE:
        deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        data = deflate.compress(data) + deflate.flush()
        data += b"\0" * (len(data) & 1)
    return data


class DatasetTooLarge(RemoteProtocolError):
    """A data set goes beyond a limit of size, elements or depth; the text says which."""


def count_elements(
    data: bytes | memoryview,
    transfer_syntax_uid: str,
    *,
    max_inflated: int = MAX_DECODED,
    max_elements: int = MAX_ELEMENTS,
    max_depth: int = MAX_DEPTH,
) -> int:
    """Walk through a data set without decoding it; returns how many elements, items and values it has, at most.

    Nothing is kept of it. What :func:`decode_dataset` does takes time and memory in proportion to the result. Where the
    structure of a data set is broken, readers differ in how they go on: a short one counts as what it could be at most.

    :param max_inflated: limit for a deflated data set, in bytes.
    :raises DatasetTooLarge: it goes beyond a limit.
    :raises RemoteProtocolError: it cannot be inflated, or its structure is broken and it is longer than 64 KiB.
    """
    plain = bytes(data)
    if transfer_syntax_uid == DEFLATED_LITTLE:
        plain, transfer_syntax_uid = _inflate(plain, max_inflated), EXPLICIT_LITTLE
    most = len(plain) // LEAST_ELEMENT_BYTES
    if most < min(max_elements, 2 * max_depth):
        return most  # it cannot be too much
    levels = 2 * max_depth  # a sequence and its item are one each
    report = read_structure(plain, transfer_syntax_uid, StructureLimits(max_elements, levels, max_inflated))
    begin, length = report.pixel_data
    count = plain.count(b"\\", 0, begin) + plain.count(b"\\", begin + length)  # each may part two values
    if report.fault is None:
        count += report.elements
    elif report.fault.code in OVER_LIMITS:
        is_deep = report.fault.code is StructureCode.TOO_DEEP
        raise _too_large(_TOO_DEEP.format(max_depth) if is_deep else _TOO_MANY.format(max_elements))
    elif len(plain) > MAX_BROKEN:
        raise _unreadable("its structure is broken")
    else:
        count += most
    if count > max_elements:
        raise _too_large(_TOO_MANY.format(max_elements))
    return count


def check_structure(data: bytes | memoryview, transfer_syntax_uid: str, max_inflated: int = MAX_DECODED) -> None:
    """Walk through a data set that must be whole to be used. One without any element passes.

    :param max_inflated: limit for a deflated data set, in bytes; what lies behind it is not looked at.
    :raises RemoteProtocolError: its structure is broken; the text says how and fits into Error Comment (0000,0902).
    """
    report = read_structure(data, transfer_syntax_uid, UNLIMITED._replace(max_inflated=max_inflated))
    fault = report.fault
    if fault is None or fault.code is StructureCode.EMPTY or fault.code in OVER_LIMITS:
        return
    raise _broken(fault.text)


def syntax_of_answer(data: bytes | memoryview, transfer_syntax_uid: str, max_inflated: int = MAX_DECODED) -> str:
    """The transfer syntax to read a peer's answer in: the negotiated one, or another native one that it is written in.

    An answer without any element passes, as do bytes behind the last element.

    :param max_inflated: limit for a deflated data set, in bytes; what lies behind it is not looked at.
    :raises RemoteProtocolError: its structure is broken, or it is deflated without being negotiated so; the text says
        how.
    """
    limits = UNLIMITED._replace(max_inflated=max_inflated)
    fault = read_structure(bytes(data), transfer_syntax_uid, limits).fault
    if fault is None or fault.code in _HARMLESS:
        return transfer_syntax_uid
    if fault.code is not StructureCode.OTHER_ENCODING:
        raise _unreadable(fault.text)
    written = fault.found_syntax_uid
    if {written, transfer_syntax_uid} <= _NATIVE:
        other = read_structure(bytes(data), written, limits).fault
        if other is None or other.code in _HARMLESS:
            return written
    raise _unreadable(f"it is in {name_of(written)}, and {name_of(transfer_syntax_uid)} was negotiated")


def decode_answer(data: bytes | memoryview, transfer_syntax_uid: str) -> Dataset:
    """Read the data set that a peer answers with; see :func:`syntax_of_answer` and :func:`decode_dataset`.

    :raises RemoteProtocolError: it cannot be read, or (:class:`DatasetTooLarge`) goes beyond a limit.
    """
    return decode_dataset(data, syntax_of_answer(data, transfer_syntax_uid))


def decode_dataset(
    data: bytes | memoryview,
    transfer_syntax_uid: str,
    *,
    max_inflated: int = MAX_DECODED,
    max_elements: int = MAX_ELEMENTS,
    max_depth: int = MAX_DEPTH,
) -> Dataset:
    """Read a whole data set; every element is converted, so that no fault shows up later.

    Its elements are counted before anything is made of them. Values that break the rules of their VR are kept as they
    are.

    :param max_inflated: limit for a deflated data set, in bytes.
    :param max_elements: limit of elements, items and values.
    :param max_depth: limit of sequences in one another.
    :raises RemoteProtocolError: it cannot be read, or (:class:`DatasetTooLarge`) goes beyond a limit.
    """
    count_elements(data, transfer_syntax_uid, max_inflated=max_inflated, max_elements=max_elements, max_depth=max_depth)
    return decode_counted(data, transfer_syntax_uid, max_inflated)


def decode_counted(data: bytes | memoryview, transfer_syntax_uid: str, max_inflated: int = MAX_DECODED) -> Dataset:
    """The same for a data set that :func:`count_elements` has let pass."""
    from pydicom import config, filereader

    raw = bytes(data)
    if transfer_syntax_uid == DEFLATED_LITTLE:
        raw = _inflate(raw, max_inflated)
    try:
        with config.disable_value_validation():
            dataset = filereader.read_dataset(
                BytesIO(raw), _is_implicit(transfer_syntax_uid), transfer_syntax_uid != EXPLICIT_BIG
            )
            for _ in dataset.iterall():
                pass
    except Exception as exc:  # pydicom raises whatever the byte at fault causes, RecursionError included
        raise _unreadable(str(exc) or type(exc).__name__) from exc
    return dataset


def encodes_text(text: str, character_set: str) -> bool:
    """True where :func:`encode_dataset` writes a text rightly in the character set, given as it stands in (0008,0005).

    pydicom 3.0 leaves out the escape sequence of ISO 2022 IR 58, and takes what stands before a first backslash for
    Latin-1; so its bytes are compared with ours.
    """
    from pydicom import charset

    if encode(text, character_set) is None:
        return False
    if text.isascii() or "2022" not in character_set:
        return True
    encodings = charset.convert_encodings(character_set.split("\\"))
    fragments = [fragment for fragment in re.split(r"[\\^=]", text) if not fragment.isascii()]
    return all(charset.encode_string(fragment, encodings) == encode(fragment, character_set) for fragment in fragments)


def _inflate(raw: bytes, limit: int) -> bytes:
    inflate = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
    try:
        data = inflate.decompress(raw, limit)
    except zlib.error as exc:
        raise _unreadable("no deflate stream, or a broken one") from exc
    if inflate.unconsumed_tail:
        raise _too_large(f"inflates to more than {limit:,} bytes")
    if not inflate.eof:
        raise _unreadable("the deflated data break off")
    return data


def _unreadable(problem: str) -> RemoteProtocolError:
    return _broken(f"the data set cannot be read: {problem}")


def _broken(text: str) -> RemoteProtocolError:
    return RemoteProtocolError(
        text,
        pdu_type=PduType.P_DATA_TF,
        field="Data set",
        abort_reason=INVALID_PARAMETER,
    )


def _too_large(problem: str) -> DatasetTooLarge:
    return DatasetTooLarge(
        f"the data set {problem}",
        pdu_type=PduType.P_DATA_TF,
        field="Data set",
        abort_reason=INVALID_PARAMETER,
    )


def is_dataset(thing: object) -> bool:
    """Whether this is a data set of pydicom; pydicom itself is not imported for it."""
    module = sys.modules.get("pydicom.dataset")
    return module is not None and isinstance(thing, module.Dataset)
