"""What the archive has of a study, series by series, to be told to others. Blocks: for a thread."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final, NamedTuple

from dicomgui.storage.attributes import Level
from dicomgui.storage.conditions import FROM, selecting
from dicomgui.storage.index import Index

__all__ = ["MAX_INSTANCES", "SeriesContents", "contents_of_study", "series_of_instances"]

MAX_INSTANCES: Final = 20_000
"""Of one study; what is beyond them is left out."""

_AT_ONCE: Final = 500
"""Parameters of one statement."""


class SeriesContents(NamedTuple):
    """A series and what is here of it.

    :ivar instances: as pairs of SOP class and instance UID, in their order.
    """

    series_instance_uid: str
    modality: str
    protocol_name: str
    description: str
    instances: tuple[tuple[str, str], ...]


def contents_of_study(index: Index, study_instance_uid: str) -> list[SeriesContents]:
    """The series of a study; none where it is not here.

    :raises IndexFault: the index is closed, damaged, or cannot be read.
    """
    columns = (
        "series.id, series.SeriesInstanceUID, series.Modality, series.ProtocolName, series.SeriesDescription, "
        "SOPClassUID, SOPInstanceUID"
    )
    where = (
        "instance.shown AND study.StudyInstanceUID = ? AND series.SeriesInstanceUID <> '' "
        "ORDER BY CAST(series.SeriesNumber AS INTEGER), series.id, CAST(InstanceNumber AS INTEGER), SOPInstanceUID "
        "LIMIT ?"
    )
    rows = index.rows(selecting(columns, FROM[Level.IMAGE], where), (study_instance_uid, MAX_INSTANCES))
    found = []
    for (_, uid, *about), some in groupby(rows, key=lambda row: row[:5]):
        modality, protocol, description = (text or "" for text in about)
        found.append(SeriesContents(uid, modality, protocol, description, tuple((row[5], row[6]) for row in some)))
    return found


def series_of_instances(index: Index, sop_instance_uids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """The UIDs of study and series of instances, by SOP Instance UID; what is not here is left out.

    :raises IndexFault: as above.
    """
    found: dict[str, tuple[str, str]] = {}
    for start in range(0, len(sop_instance_uids), _AT_ONCE):
        some = sop_instance_uids[start : start + _AT_ONCE]
        where = f"instance.shown AND SOPInstanceUID IN ({', '.join('?' * len(some))})"
        columns = "SOPInstanceUID, study.StudyInstanceUID, series.SeriesInstanceUID"
        for uid, study, series in index.rows(selecting(columns, FROM[Level.IMAGE], where), some):
            found[uid] = (study, series)
    return found
