"""The series that a performed step names at its end: rows that are typed, with images of the archive or others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service_classes.attributes import new_uid
from dicomgui.network.service_classes.mpps import PerformedSeries
from dicomgui.network.uids import is_valid_uid
from dicomgui.storage.contents import SeriesContents

__all__ = [
    "COLUMNS", "MAX_SERIES", "NOTHING_TAKEN", "SeriesRow", "Taken", "count_images", "fresh_row", "is_image",
    "problem_of_series", "rows_of_archive", "series_of",
]  # fmt: skip

SeriesRow = Mapping[str, str]
"""What is typed of a series, by the names of :data:`COLUMNS`."""

Taken = Mapping[str, tuple[tuple[str, str], ...]]
"""The instances that were found in the archive, as pairs of SOP class and instance UID, by series."""

NOTHING_TAKEN: Final[Taken] = MappingProxyType({})

COLUMNS: Final = {
    "SeriesInstanceUID": "Series Instance UID", "ProtocolName": "Protocol", "SeriesDescription": "Description",
    "images": "Images",
}  # fmt: skip
"""The columns of the table, by name."""

MAX_SERIES: Final = 500
_OF_ARCHIVE: Final = "of the archive"
_SEPARATOR: Final = ";"

_CLASSES: Final = {
    "CR": "1", "DX": "1.1", "MG": "1.2", "IO": "1.3", "CT": "2", "US": "6.1", "MR": "4", "XA": "12.1", "RF": "12.2",
    "NM": "20", "PT": "128", "ES": "77.1.1", "GM": "77.1.2", "SM": "77.1.3", "XC": "77.1.4", "OP": "77.1.5.1",
}  # fmt: skip
_STORAGE: Final = "1.2.840.10008.5.1.4.1.1."
_SECONDARY_CAPTURE: Final = "7"

_NO_IMAGES: Final = tuple(
    _STORAGE + part
    for part in ("88.", "11.", "9.", "104.", "66", "67", "79.", "481.3", "481.4", "481.5", "481.6", "481.7", "481.8",
                 "481.9", "30", "78.")
)  # fmt: skip
_SEGMENTATION: Final = _STORAGE + "66.4"


def fresh_row(protocol: str, description: str = "") -> SeriesRow:
    """A series without images."""
    return {
        "SeriesInstanceUID": new_uid(), "ProtocolName": protocol, "SeriesDescription": description, "images": "",
    }  # fmt: skip


def rows_of_archive(contents: Iterable[SeriesContents], protocol: str) -> tuple[list[SeriesRow], Taken]:
    """The rows of what is in the archive of a study, and the instances that they stand for.

    :param protocol: of series that name none: Protocol Name must have a value.
    """
    rows: list[SeriesRow] = []
    taken: dict[str, tuple[tuple[str, str], ...]] = {}
    for one in contents:
        taken[one.series_instance_uid] = one.instances
        rows.append({
            "SeriesInstanceUID": one.series_instance_uid, "ProtocolName": one.protocol_name or protocol,
            "SeriesDescription": one.description, "images": _told(len(one.instances)),
        })  # fmt: skip
    return rows, taken


def problem_of_series(row: SeriesRow) -> tuple[str, str]:
    """What is wrong with a row: the name of the cell and a sentence, which is empty for nothing."""
    try:
        typed_images(row["images"], "")
    except ConfigurationError as error:
        return "images", str(error)
    if row["SeriesInstanceUID"] and not is_valid_uid(row["SeriesInstanceUID"]):
        return "SeriesInstanceUID", f"{row['SeriesInstanceUID'][:70]!r} is no UID"
    return "", ""


def typed_images(text: str, modality: str) -> list[tuple[str, str]]:
    """Instances from a cell: UIDs between semicolons, ``SOP class/UID`` where it is not the class of the modality.

    :raises ConfigurationError: one of them is no UID.
    """
    if _is_of_archive(text):
        return []
    usual = _STORAGE + _CLASSES.get(modality, _SECONDARY_CAPTURE)
    found = []
    for part in filter(None, map(str.strip, text.replace(",", _SEPARATOR).split(_SEPARATOR))):
        sop_class, slash, uid = part.partition("/")
        pair = (sop_class.strip(), uid.strip()) if slash else (usual, part)
        for one in pair:
            if not is_valid_uid(one):
                raise ConfigurationError(f"{one[:70]!r} is no UID", phase="configure")
        found.append(pair)
    return found


def count_images(row: SeriesRow, taken: Taken) -> int:
    """How many instances a row stands for."""
    if row["images"] == _told(len(taken.get(row["SeriesInstanceUID"], ()))):
        return len(taken.get(row["SeriesInstanceUID"], ()))
    try:
        return len(typed_images(row["images"], ""))
    except ConfigurationError:
        return 0


def series_of(
    rows: Iterable[SeriesRow], taken: Taken, *, modality: str, most: int | None = None, **others: str
) -> list[PerformedSeries]:
    """The series that are told.

    :param taken: see :func:`rows_of_archive`.
    :param modality: of the step.
    :param most: instances of each, to be looked at; by default all.
    :param others: what holds for all series, by the names of :class:`PerformedSeries`.
    :raises ConfigurationError: a cell cannot be used.
    """
    made = []
    for row in rows:
        uid = row["SeriesInstanceUID"]
        of_archive = taken.get(uid, ())
        pairs = of_archive if row["images"] == _told(len(of_archive)) else typed_images(row["images"], modality)
        some = tuple(pairs)[:most]
        made.append(PerformedSeries(
            uid, row["ProtocolName"], tuple(one for one in some if is_image(one[0])),
            tuple(one for one in some if not is_image(one[0])), row["SeriesDescription"], **others,
        ))  # fmt: skip
    return made


def is_image(sop_class_uid: str) -> bool:
    """Whether instances are named among the images, and not among the others (PS3.4 table F.7.2-1)."""
    return sop_class_uid == _SEGMENTATION or not sop_class_uid.startswith(_NO_IMAGES)


def _told(count: int) -> str:
    return f"{count:,} {_OF_ARCHIVE}"


def _is_of_archive(text: str) -> bool:
    return text.endswith(_OF_ARCHIVE)
