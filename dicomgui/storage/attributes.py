"""What the index knows of an instance: a fixed table of attributes, read from the head of its file.

The table is what the archive supports as keys of a query (PS3.4 C.6.1.1 and C.6.2.1): all unique and required keys, and
the optional ones that people ask for. Values are kept as text in Unicode, several of them with a backslash between,
without the padding; sequences as the bytes that they were, to be decoded when somebody asks.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Container, Mapping
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, TypeAlias

from dicomgui.network.dimse.charset import decode
from dicomgui.network.part10 import Part10Error, Part10Head, parse_head, read_head
from dicomgui.network.uids import EXPLICIT_VR_BIG_ENDIAN, is_valid_uid
from dicomgui.storage.placeholders import ElementPath
from dicomgui.storage.scan import Found, inflate, item_of, native_syntax, scan

__all__ = [
    "ATTRIBUTES",
    "COMPUTED",
    "MAX_SCAN_BYTES",
    "Attribute",
    "InstanceAttributes",
    "Level",
    "Value",
    "attributes_of",
    "by_tag",
    "decode_value",
    "read_attributes",
    "read_values",
    "sequence_data_set",
    "unread_attributes",
]

MAX_SCAN_BYTES: Final = 1_048_576
"""How far into a data set attributes are looked for, after inflation."""

MAX_TEXT: Final = 10_240
"""Characters of a value that are kept (the longest LT, PS3.5 6.2)."""

MAX_SEQUENCE_BYTES: Final = 16_384
"""A sequence longer than this is left out."""

Value: TypeAlias = str | bytes | None
"""Text; the bytes of a sequence, see :func:`sequence_data_set`; ``None`` for what the file has not."""

_READS = (16_384, 131_072, MAX_SCAN_BYTES)
_TEXT_VRS = frozenset({"PN", "LO", "SH", "LT", "ST", "UC", "UT"})
_ONE_TEXT = frozenset({"LT", "ST", "UT"})  # a backslash is a character, a leading space counts (PS3.5 6.2)
_NUMBERS: Final = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d"}
_NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1f]")
_DOTTED_DATE = re.compile(r"([0-9]{4})\.([0-9]{2})\.([0-9]{2})")  # ACR-NEMA; PS3.5 6.2, note to DA

_SPECIFIC_CHARACTER_SET = 0x0008_0005
_SOP_CLASS_UID, _SOP_INSTANCE_UID = 0x0008_0016, 0x0008_0018
_STUDY_UID, _SERIES_UID = 0x0020_000D, 0x0020_000E


class Level(IntEnum):
    """The levels of the information model (PS3.4 C.6); ``level.name`` is the value of (0008,0052)."""

    PATIENT = 0
    STUDY = 1
    SERIES = 2
    IMAGE = 3


class Attribute(NamedTuple):
    """One that the index keeps; ``keyword`` names its column.

    :ivar is_multiple: whether several values occur, so that a match needs only one of them.
    """

    keyword: str
    tag: int
    vr: str
    level: Level
    is_multiple: bool = False


COMPUTED: Final = {
    attribute.tag: attribute
    for attribute in (
        Attribute("ModalitiesInStudy", 0x0008_0061, "CS", Level.STUDY, True),
        Attribute("SOPClassesInStudy", 0x0008_0062, "UI", Level.STUDY, True),
        Attribute("AvailableTransferSyntaxUID", 0x0008_3002, "UI", Level.IMAGE),
        Attribute("NumberOfPatientRelatedStudies", 0x0020_1200, "IS", Level.PATIENT),
        Attribute("NumberOfPatientRelatedSeries", 0x0020_1202, "IS", Level.PATIENT),
        Attribute("NumberOfPatientRelatedInstances", 0x0020_1204, "IS", Level.PATIENT),
        Attribute("NumberOfStudyRelatedSeries", 0x0020_1206, "IS", Level.STUDY),
        Attribute("NumberOfStudyRelatedInstances", 0x0020_1208, "IS", Level.STUDY),
        Attribute("NumberOfSeriesRelatedInstances", 0x0020_1209, "IS", Level.SERIES),
    )
}
"""Attributes that no file has (PS3.4 C.3.4)."""

_TABLE = """
PATIENT 00100010 PN PatientName
PATIENT 00100020 LO PatientID
PATIENT 00100021 LO IssuerOfPatientID
PATIENT 00100030 DA PatientBirthDate
PATIENT 00100032 TM PatientBirthTime
PATIENT 00100040 CS PatientSex
PATIENT 00101000 LO OtherPatientIDs *
PATIENT 00101001 PN OtherPatientNames *
PATIENT 00102160 SH EthnicGroup
PATIENT 00104000 LT PatientComments
STUDY   0020000D UI StudyInstanceUID
STUDY   00080020 DA StudyDate
STUDY   00080030 TM StudyTime
STUDY   00080050 SH AccessionNumber
STUDY   00080090 PN ReferringPhysicianName
STUDY   00081030 LO StudyDescription
STUDY   00081032 SQ ProcedureCodeSequence
STUDY   00081060 PN NameOfPhysiciansReadingStudy *
STUDY   00081080 LO AdmittingDiagnosesDescription *
STUDY   00101010 AS PatientAge
STUDY   00101020 DS PatientSize
STUDY   00101030 DS PatientWeight
STUDY   00102180 SH Occupation
STUDY   001021B0 LT AdditionalPatientHistory
STUDY   00200010 SH StudyID
SERIES  0020000E UI SeriesInstanceUID
SERIES  00080021 DA SeriesDate
SERIES  00080031 TM SeriesTime
SERIES  00080060 CS Modality
SERIES  00080070 LO Manufacturer
SERIES  00080080 LO InstitutionName
SERIES  00081010 SH StationName
SERIES  0008103E LO SeriesDescription
SERIES  00081040 LO InstitutionalDepartmentName
SERIES  00081050 PN PerformingPhysicianName *
SERIES  00081070 PN OperatorsName *
SERIES  00081090 LO ManufacturerModelName
SERIES  00180015 CS BodyPartExamined
SERIES  00181030 LO ProtocolName
SERIES  00200011 IS SeriesNumber
SERIES  00200060 CS Laterality
SERIES  00400244 DA PerformedProcedureStepStartDate
SERIES  00400245 TM PerformedProcedureStepStartTime
SERIES  00400253 SH PerformedProcedureStepID
SERIES  00400254 LO PerformedProcedureStepDescription
SERIES  00400275 SQ RequestAttributesSequence
IMAGE   00080018 UI SOPInstanceUID
IMAGE   00080016 UI SOPClassUID
IMAGE   00080008 CS ImageType *
IMAGE   00080012 DA InstanceCreationDate
IMAGE   00080013 TM InstanceCreationTime
IMAGE   00080022 DA AcquisitionDate
IMAGE   00080023 DA ContentDate
IMAGE   0008002A DT AcquisitionDateTime
IMAGE   00080032 TM AcquisitionTime
IMAGE   00080033 TM ContentTime
IMAGE   00200012 IS AcquisitionNumber
IMAGE   00200013 IS InstanceNumber
IMAGE   00204000 LT ImageComments
IMAGE   00280008 IS NumberOfFrames
IMAGE   00280010 US Rows
IMAGE   00280011 US Columns
IMAGE   00280100 US BitsAllocated
IMAGE   0040A043 SQ ConceptNameCodeSequence
IMAGE   0040A491 CS CompletionFlag
IMAGE   0040A493 CS VerificationFlag
"""


def _attribute(line: str) -> Attribute:
    level, tag, vr, keyword, *more = line.split()
    return Attribute(keyword, int(tag, 16), vr, Level[level], bool(more))


ATTRIBUTES: Final = tuple(_attribute(line) for line in _TABLE.strip().splitlines())
"""All of them, those of one level together, its unique key among them."""

_BY_TAG = {attribute.tag: attribute for attribute in ATTRIBUTES}
_WANTED = frozenset(_BY_TAG) | {_SPECIFIC_CHARACTER_SET}
_LAST = max(_BY_TAG)


def by_tag(tag: int) -> Attribute | None:
    """The attribute with this tag, if the index keeps it."""
    return _BY_TAG.get(tag)


@cache
def attributes_of(level: Level) -> tuple[Attribute, ...]:
    """Those of one level, in the order of the values in :class:`InstanceAttributes`."""
    return tuple(attribute for attribute in ATTRIBUTES if attribute.level is level)


class InstanceAttributes(NamedTuple):
    """The values of one file, level by level in the order of :func:`attributes_of`.

    :ivar transfer_syntax_uid: how the data set is encoded; empty where the file does not say.
    :ivar is_readable: false if nothing but the UIDs is known.
    """

    patient: tuple[Value, ...]
    study: tuple[Value, ...]
    series: tuple[Value, ...]
    image: tuple[Value, ...]
    transfer_syntax_uid: str
    is_readable: bool

    def value(self, keyword: str) -> str:
        """The text of one attribute, empty if there is none; for tests and messages."""
        for level, values in zip(Level, (self.patient, self.study, self.series, self.image), strict=True):
            for attribute, value in zip(attributes_of(level), values, strict=True):
                if attribute.keyword == keyword:
                    return value if isinstance(value, str) else ""
        raise KeyError(keyword)


def read_attributes(path: str | os.PathLike[str], sop_instance_uid: str) -> InstanceAttributes:
    """Read what the index keeps from the first MiB of the data set, and never the pixel data.

    :param sop_instance_uid: what the archive calls the instance; it stands for what the data set says.
    :raises OSError: the file cannot be opened or read. A file whose bytes make no sense raises nothing: it is known by
        its SOP Instance UID, and by its SOP class if at least its head can be read.
    """
    with Path(path).open("rb") as file:
        first = file.read(_READS[0])
        head = _head(file, first)
        values = _decoded(*_scanned(file, first, head, _WANTED, _LAST)) if head is not None else {}
    sop_class = values.get(_SOP_CLASS_UID)
    if not isinstance(sop_class, str) or not is_valid_uid(sop_class):
        sop_class = head.sop_class_uid if head is not None else ""
    for tag in (_STUDY_UID, _SERIES_UID):
        if not is_valid_uid(str(values.get(tag) or "")):
            values.pop(tag, None)
    return _assembled(values, sop_class, sop_instance_uid, head.transfer_syntax_uid if head is not None else "")


def read_values(path: str | os.PathLike[str], wanted: Mapping[ElementPath, str]) -> dict[ElementPath, str]:
    """Read the text of elements, from the first MiB of the data set.

    :param wanted: VRs by the path of the element; what the file does not have is not in the result.
    :raises OSError: the file cannot be opened or read. One whose bytes make no sense raises nothing.
    """
    if not wanted:
        return {}
    with Path(path).open("rb") as file:
        first = file.read(_READS[0])
        head = _head(file, first)
        if head is None:
            return {}
        outermost = {path if isinstance(path, int) else path[0] for path in wanted}
        elements = _Elements(*_scanned(file, first, head, {*outermost, _SPECIFIC_CHARACTER_SET}, max(outermost)))
    texts = {path: elements.text((path,) if isinstance(path, int) else path, vr) for path, vr in wanted.items()}
    return {path: text for path, text in texts.items() if text is not None}


class _Elements(NamedTuple):
    """Those of a data set or an item, its encoding, where the wanted ones lie, and the character set around them."""

    data: bytes
    syntax: str
    found: dict[int, Found]
    outer_charset: str = ""

    @property
    def charset(self) -> str:
        """Its Specific Character Set (0008,0005), or the one around it; empty for none."""
        at = self.found.get(_SPECIFIC_CHARACTER_SET)
        return (
            self.outer_charset if at is None else self.data[at.begin : at.end].strip(b"\0 ").decode("ascii", "replace")
        )

    def text(self, path: tuple[int, ...], vr: str) -> str | None:
        """The text of one element by its path from here."""
        at = self.found.get(path[0])
        if at is None:
            return None
        if len(path) == 1:
            return decode_value(self.data[at.begin : at.end], vr, self.syntax, self.charset)
        item = item_of(self.data, self.syntax, at, path[1])
        if item is None:
            return None
        tag = path[2]
        found = scan(*item, {tag, _SPECIFIC_CHARACTER_SET}, tag).found
        return _Elements(*item, found, self.charset).text(path[2:], vr)


def unread_attributes(sop_instance_uid: str) -> InstanceAttributes:
    """What is known of an instance whose file could not be read."""
    return _assembled({}, "", sop_instance_uid, "")


def _assembled(values: dict[int, Value], sop_class: str, sop_instance_uid: str, syntax: str) -> InstanceAttributes:
    is_readable = bool(values)
    values = {**values, _SOP_CLASS_UID: sop_class, _SOP_INSTANCE_UID: sop_instance_uid}
    patient, study, series, image = (
        tuple(values.get(attribute.tag) for attribute in attributes_of(level)) for level in Level
    )
    return InstanceAttributes(patient, study, series, image, syntax, is_readable)


def _head(file: BinaryIO, first: bytes) -> Part10Head | None:
    try:
        return parse_head(first)
    except Part10Error:
        pass
    file.seek(0)
    try:
        return read_head(file)
    except Part10Error:
        return None


def _scanned(
    file: BinaryIO, first: bytes, head: Part10Head, wanted: Container[int], last: int
) -> tuple[bytes, str, dict[int, Found]]:
    """The data set's first bytes, their native syntax, and where the wanted elements lie in them.

    Reads on only where they lie behind something long.
    """
    data = first[head.dataset_offset :]
    for size in _READS:
        if size > len(first):
            file.seek(head.dataset_offset)
            data = file.read(size)
        plain = inflate(data, head.transfer_syntax_uid, MAX_SCAN_BYTES)
        syntax = native_syntax(head.transfer_syntax_uid, plain)
        result = scan(plain, syntax, wanted, last)
        if result.is_complete or len(data) + head.dataset_offset < size:
            break
    return plain, syntax, result.found


def _decoded(data: bytes, syntax: str, found: dict[int, Found]) -> dict[int, Value]:
    term = _Elements(data, syntax, found).charset
    charset_at = found.pop(_SPECIFIC_CHARACTER_SET, None)
    charset_element = b"" if charset_at is None else data[charset_at.start : charset_at.end]
    values: dict[int, Value] = {}
    for tag, at in found.items():
        attribute = _BY_TAG[tag]
        if attribute.vr != "SQ":
            values[tag] = decode_value(data[at.begin : at.end], attribute.vr, syntax, term)
        elif at.begin < at.end and at.end - at.start <= MAX_SEQUENCE_BYTES:
            # A data set of its own: its syntax, its character set, the sequence.
            values[tag] = syntax.encode("ascii") + b"\0" + charset_element + data[at.start : at.end]
    return values


def decode_value(raw: bytes, vr: str, syntax: str, charset: str) -> str:
    """The text of a value: numbers as decimal digits, everything without padding, no control characters.

    :param syntax: the native transfer syntax, for the order of bytes in binary numbers.
    :param charset: as it stands in (0008,0005).
    """
    if vr in _NUMBERS:
        number = struct.Struct(f"{'>' if syntax == EXPLICIT_VR_BIG_ENDIAN else '<'}{_NUMBERS[vr]}")
        return str(number.unpack_from(raw)[0]) if len(raw) >= number.size else ""
    raw = raw[: 4 * MAX_TEXT]
    text = decode(raw, charset) if vr in _TEXT_VRS else raw.decode("latin-1")
    text = _NO_TEXT.sub("", text)[:MAX_TEXT]
    if vr in _ONE_TEXT:
        return text.rstrip()
    if "\\" not in text:
        return _DOTTED_DATE.sub(r"\1\2\3", text.strip()) if vr == "DA" else text.strip()
    return "\\".join(part.strip() for part in text.split("\\"))


def sequence_data_set(value: bytes) -> tuple[bytes, str]:
    """The data set that holds one sequence kept by the index (and its character set), and its transfer syntax."""
    syntax, _, data = value.partition(b"\0")
    return data, syntax.decode("ascii")
