"""Names for exported files that people understand, and every file system takes."""

from __future__ import annotations

import re

from dicomgui.storage import StoredFile
from dicomgui.storage.attributes import InstanceAttributes, read_attributes, unread_attributes
from dicomgui.storage.names import safe_name

__all__ = ["Namer"]


class Namer:
    """Names of an export's files: patient, study, series, instance. Two entities never share a folder."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, ...], str] = {}
        self._taken: set[tuple[str, ...]] = set()

    def name_of(self, file: StoredFile) -> tuple[str, ...]:
        """The folders and the name of a file; reads its head.

        What cannot be read is called by its UID.
        """
        try:
            facts = read_attributes(file.path, file.sop_instance_uid)
        except Exception:  # an odd file must not cost the others: it is called by its UID
            facts = unread_attributes(file.sop_instance_uid)
        patient = self._folder((), f"{facts.value('PatientID')}|{facts.value('PatientName')}", _patient(facts))
        study = self._folder((patient,), facts.value("StudyInstanceUID"), _study(facts))
        series = self._folder((patient, study), facts.value("SeriesInstanceUID"), _series(facts))
        number = facts.value("InstanceNumber").strip()
        name = f"{int(number):04d}" if re.fullmatch(r"[0-9]{1,9}", number) else "instance"
        return patient, study, series, self._folder((patient, study, series), file.name, name) + ".dcm"

    def _folder(self, above: tuple[str, ...], identity: str, name: str) -> str:
        """The name of an entity inside of a folder: always the same, and no other's."""
        known = self._names.get((*above, "", identity))
        if known is not None:
            return known
        unique, number = name, 2
        while (*above, unique.casefold()) in self._taken:
            unique, number = f"{name} ({number})", number + 1
        self._taken.add((*above, unique.casefold()))
        self._names[(*above, "", identity)] = unique
        return unique


def _patient(facts: InstanceAttributes) -> str:
    name = facts.value("PatientName").partition("=")[0].replace("^", " ")
    return safe_name(f"{facts.value('PatientID')} {name}", "unknown patient")


def _study(facts: InstanceAttributes) -> str:
    text = f"{facts.value('StudyDate')} {facts.value('StudyDescription') or facts.value('StudyID')}"
    return safe_name(text, "study")


def _series(facts: InstanceAttributes) -> str:
    text = f"{facts.value('SeriesNumber')} {facts.value('Modality')} {facts.value('SeriesDescription')}"
    return safe_name(text, "series")
