"""Matches and data sets as lines of text for people."""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from dicomgui.app.asking.keys import Key
from dicomgui.cli.output import Output, safe

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

__all__ = ["MatchTable", "dataset_lines", "text_of"]

_WIDTHS = {"AE": 16, "AS": 4, "CS": 8, "DA": 8, "DT": 16, "IS": 6, "PN": 24, "SH": 14, "TM": 6, "UI": 42, "US": 6}
_WIDTH = 20
_MAX_VALUE = 200

_TITLES = {
    "NumberOfPatientRelatedStudies": "Studies",
    "NumberOfStudyRelatedSeries": "Series",
    "NumberOfStudyRelatedInstances": "Images",
    "NumberOfSeriesRelatedInstances": "Images",
    "ModalitiesInStudy": "Modalities",
    "ScheduledProcedureStepStartDate": "StartDate",
    "ScheduledProcedureStepStartTime": "StartTime",
    "ScheduledStationAETitle": "StationAETitle",
    "ScheduledPerformingPhysicianName": "Physician",
    "ScheduledProcedureStepDescription": "StepDescription",
    "ScheduledProcedureStepLocation": "Location",
    "ScheduledProcedureStepID": "StepID",
    "ScheduledStationName": "StationName",
    "RequestedProcedureID": "ProcedureID",
    "RequestedProcedureDescription": "ProcedureDescription",
}


class MatchTable:
    """Prints matches as rows, as they come; the head line goes before the first.

    Columns have a fixed least width, since nobody knows what is still to come; nothing is cut off.
    """

    def __init__(self, output: Output, keys: Iterable[Key]) -> None:
        self._output = output
        self._keys = list({key.name: key for key in keys if not key.attribute.is_sequence}.values())
        titles = [_TITLES.get(key.attribute.keyword, key.attribute.label) for key in self._keys]
        self._widths = [
            max(len(title), _WIDTHS.get(key.attribute.vr, _WIDTH))
            for key, title in zip(self._keys, titles, strict=True)
        ]
        self._titles = titles
        self._has_head = False

    def row(self, dataset: Dataset) -> None:
        """Print one match."""
        if not self._has_head:
            self._has_head = True
            self._print(self._titles)
        self._print([text_of(dataset, key) for key in self._keys])

    def _print(self, cells: Sequence[str]) -> None:
        padded = (_padded(safe(cell), width) for cell, width in zip(cells, self._widths, strict=True))
        self._output.line("  ".join(padded))


def _padded(text: str, width: int) -> str:
    """Padded to columns of a terminal, where East Asian characters take two and combining ones none."""
    columns = sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
    return text + " " * max(0, width - columns)


def text_of(dataset: Dataset, key: Key) -> str:
    """The value of a key in a match; several are separated by backslashes, and those of several items by semicolons."""
    places: list[Dataset] = [dataset]
    for step in key.path[:-1]:
        places = [item for place in places if step.tag in place for item in _items(place[step.tag])]
    tag = key.attribute.tag
    return "; ".join(filter(None, (_text(place[tag]) for place in places if tag in place)))


def _items(element: DataElement) -> Sequence[Dataset]:
    return element.value if element.VR == "SQ" and element.value else ()


def _text(element: DataElement) -> str:
    value = element.value
    if value is None or element.VR == "SQ":
        return ""
    with warnings.catch_warnings(action="ignore"):  # pydicom's, about text outside of its character set
        if isinstance(value, bytes):
            return f"{len(value)} bytes" if value else ""
        return "\\".join(map(str, value)) if element.VM > 1 else str(value)


def dataset_lines(dataset: Dataset, indent: str = "  ") -> Iterator[str]:
    """Every element on a line of its own, items of sequences indented."""
    from pydicom import datadict

    for element in dataset:
        tag = int(element.tag)
        name = datadict.keyword_for_tag(tag) or ""
        head = f"{indent}({tag >> 16:04X},{tag & 0xFFFF:04X}) {element.VR} {name:<32}"
        if element.VR != "SQ":
            text = _text(element)
            yield f"{head} {text if len(text) <= _MAX_VALUE else text[: _MAX_VALUE - 1] + '…'}".rstrip()
            continue
        yield f"{head} {len(element.value)} {'item' if len(element.value) == 1 else 'items'}"
        for number, item in enumerate(element.value, 1):
            yield f"{indent}  item {number}"
            yield from dataset_lines(item, indent + "    ")
