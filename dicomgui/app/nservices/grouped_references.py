"""Instances by the study and series that they belong to, as many requests want them named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from dicomgui.app.files.file_limits import check_file
from dicomgui.network.service_classes.references import Reference

__all__ = ["NOWHERE", "Group", "Home", "Homes", "grouped", "homes_of_files"]

_STUDY: Final = 0x0020_000D
_SERIES: Final = 0x0020_000E


class Home(NamedTuple):
    """Where an instance belongs, by UID; empty where that is not known."""

    study: str = ""
    series: str = ""


Homes = Mapping[str, Home]
"""By SOP Instance UID."""

NOWHERE: Final[Homes] = MappingProxyType({})


class Group(NamedTuple):
    """The instances of one series."""

    study: str
    series: str
    references: tuple[Reference, ...]


def grouped(references: Iterable[Reference], homes: Homes) -> list[Group]:
    """The instances by series, those of a study together, in the order of the first of each."""
    studies: dict[str, dict[str, list[Reference]]] = {}
    for one in references:
        study, series = homes.get(one.sop_instance_uid, Home())
        studies.setdefault(study, {}).setdefault(series, []).append(one)
    return [
        Group(study, series, tuple(found))
        for study, all_series in studies.items()
        for series, found in all_series.items()
    ]


def homes_of_files(files: Iterable[tuple[str, Path]]) -> dict[str, Home]:
    """Read the study and series of files, by SOP Instance UID. Blocks; a file that cannot be read is left out."""
    from pydicom import dcmread, errors

    found = {}
    for uid, path in files:
        try:
            check_file(path)
            dataset = dcmread(path, stop_before_pixels=True, specific_tags=[_STUDY, _SERIES])
            home = Home(*(str(dataset[tag].value or "") if tag in dataset else "" for tag in (_STUDY, _SERIES)))
        except (errors.InvalidDicomError, OSError, ValueError, EOFError, AttributeError, NotImplementedError):
            continue
        found[uid] = home
    return found
