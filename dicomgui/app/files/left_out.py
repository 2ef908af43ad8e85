"""Instances that a file-set cannot hold: the reasons by code, and the sentences that are made of them."""

from __future__ import annotations

import re
import zlib
from enum import StrEnum
from typing import Final, NamedTuple

from dicomgui.app.files.file_limits import FileLimitError
from dicomgui.app.files.readable import reason_of
from dicomgui.network.part10 import Part10Error
from dicomgui.storage import StoredFile

__all__ = ["LeftOut", "LeftOutCode", "LeftOutError", "left_out"]


class LeftOutCode(StrEnum):
    """The reasons for which an instance is not in a file-set."""

    SAME_UID = "same-uid"
    """Another data set of its SOP Instance UID is in it: a file-set holds one of each (PS3.10 8.1)."""
    OTHER_ENCODING = "other-encoding"
    """The data set has another encoding than the file meta information says (PS3.10 7.1)."""
    MISSING = "missing"
    """The data set lacks an attribute that its directory record must have (PS3.3 F.5)."""
    EMPTY = "empty"
    """Such an attribute has no value."""
    LIMIT = "limit"
    """The file has more in it than is read."""
    UNREADABLE = "unreadable"
    """The file cannot be read, or is damaged."""
    GONE = "gone"
    """The file is not there any more."""
    NO_RECORD = "no-record"
    """No directory record can be made of it, or written, for another reason."""


_SENTENCES: Final = {
    LeftOutCode.SAME_UID: "another data set of this UID is in the DICOMDIR, which holds one of each",
    LeftOutCode.OTHER_ENCODING: "the file meta information is not true: {}",
    LeftOutCode.MISSING: "its data set has no {}, which its directory record needs",
    LeftOutCode.EMPTY: "its {} is empty, and its directory record needs it",
    LeftOutCode.LIMIT: "it cannot be read: {}",
    LeftOutCode.UNREADABLE: "it cannot be read: {}",
    LeftOutCode.GONE: "the file is not there any more",
    LeftOutCode.NO_RECORD: "no directory record can be made of it: {}",
}
_LACKING: Final = re.compile(
    r"The instance's \(([0-9A-Fa-f]{4}),([0-9A-Fa-f]{4})\) '([^']+)' element (is missing|cannot)"
)

_NO_KEY: Final = re.compile(r"The (PATIENT|STUDY|SERIES) directory record is missing")
_KEYS: Final = {
    "PATIENT": "Patient ID (0010,0020)",
    "STUDY": "Study Instance UID (0020,000D)",
    "SERIES": "Series Instance UID (0020,000E)",
}


class LeftOut(NamedTuple):
    """An instance that is not in a file-set.

    :ivar detail: a value that belongs to the code: the attribute, both encodings, or words of what reads the file.
    """

    sop_instance_uid: str
    code: LeftOutCode
    detail: str = ""

    @property
    def text(self) -> str:
        """The reason in a few words."""
        return _SENTENCES[self.code].format(self.detail)


class LeftOutError(ValueError):
    """A file cannot be in a file-set, for a reason that is known."""

    def __init__(self, code: LeftOutCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def left_out(file: StoredFile, error: BaseException | None) -> LeftOut:
    """The reason for which an instance is left out, from what was raised for it."""
    code, detail = _coded(error)
    return LeftOut(file.sop_instance_uid, code, detail.removeprefix(f"{file.path}: "))


def _coded(error: BaseException | None) -> tuple[LeftOutCode, str]:
    if isinstance(error, LeftOutError):
        return error.code, error.detail
    if isinstance(error, FileNotFoundError) or isinstance(getattr(error, "__cause__", None), FileNotFoundError):
        return LeftOutCode.GONE, ""
    if isinstance(error, FileLimitError):
        return LeftOutCode.LIMIT, str(error)
    if isinstance(error, zlib.error):
        return LeftOutCode.UNREADABLE, "no whole deflate stream"
    if isinstance(error, OSError | Part10Error):
        return LeftOutCode.UNREADABLE, reason_of(error)
    lacking = _LACKING.search(str(error))  # pydicom tells of it in a sentence for programmers only
    if lacking is not None:
        group, element, name, state = lacking.groups()
        code = LeftOutCode.MISSING if state == "is missing" else LeftOutCode.EMPTY
        return code, f"{name} ({group.upper()},{element.upper()})"
    without_key = _NO_KEY.search(str(error))
    if without_key is not None:
        return LeftOutCode.MISSING, _KEYS[without_key[1]]
    return LeftOutCode.NO_RECORD, reason_of(error)
