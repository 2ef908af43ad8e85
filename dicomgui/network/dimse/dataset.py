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

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["MAX_INFLATED", "decode_dataset", "encode_dataset", "encodes_text", "is_dataset"]

IMPLICIT_LITTLE: Final = "1.2.840.10008.1.2"
DEFLATED_LITTLE: Final = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG: Final = "1.2.840.10008.1.2.2"

MAX_INFLATED: Final = 67_108_864
"""Bytes to which a deflated data set may grow when it is decoded."""


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


def decode_dataset(data: bytes | memoryview, transfer_syntax_uid: str, *, max_inflated: int = MAX_INFLATED) -> Dataset:
    """Read a whole data set; every element is converted, so that no fault shows up later.

    Values that break the rules of their VR are kept as they are.

    :param max_inflated: limit for a deflated data set, in bytes.
    :raises RemoteProtocolError: it cannot be read, or grows beyond ``max_inflated``.
    """
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
    """Whether :func:`encode_dataset` writes a text rightly in the character set, given as it stands in (0008,0005).

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
        raise _unreadable(str(exc)) from exc
    if inflate.unconsumed_tail:
        raise _unreadable(f"it inflates to more than {limit} bytes")
    if not inflate.eof:
        raise _unreadable("the deflated data break off")
    return data


def _unreadable(problem: str) -> RemoteProtocolError:
    return RemoteProtocolError(
        f"the data set cannot be read: {problem}",
        pdu_type=PduType.P_DATA_TF,
        field="Data set",
        abort_reason=INVALID_PARAMETER,
    )


def is_dataset(thing: object) -> bool:
    """Whether this is a data set of pydicom; pydicom itself is not imported for it."""
    module = sys.modules.get("pydicom.dataset")
    return module is not None and isinstance(thing, module.Dataset)
