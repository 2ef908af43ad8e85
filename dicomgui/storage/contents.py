"""What the archive has of a study, series by series, to be told to others. Blocks: for a thread."""

from __future__ import annotations

from itertools import groupby
from typing import Final, NamedTuple

from dicomgui.storage.attributes import Level
from dicomgui.storage.conditions import FROM, selecting
from dicomgui.storage.index import Index

__all__ = ["MAX_INSTANCES", "SeriesContents", "contents_of_study"]

MAX_INSTANCES: Final = 20_000
"""Of one study; what is beyond them is left out."""


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
