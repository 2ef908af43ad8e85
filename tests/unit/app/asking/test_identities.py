"""Unique keys out of files: each once, one value above the level, lists of limited size."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.instances import write_instance
from helpers.retrieval import CR_STUDY, CT_STUDY, DOE, real_files
from pydicom import dcmread

from dicomgui.app.asking.identities import LISTED_EACH, Identities, identities_in, keys_of
from dicomgui.app.asking.levels import Level
from dicomgui.network import ConfigurationError


def asked(identities: Identities, level: Level | None, model: str | None = None) -> list[dict[str, str]]:
    return [{key.name: key.value for key in keys} for keys in keys_of(identities, level, model)]


def test_each_identity_once_at_each_level() -> None:
    found = identities_in([*real_files(CT_STUDY), *real_files(CT_STUDY), *real_files(CR_STUDY)])
    assert asked(found, Level.PATIENT) == [{"PatientID": DOE}]
    [studies] = asked(found, Level.STUDY)
    assert sorted(studies["StudyInstanceUID"].split("\\")) == sorted([CT_STUDY, CR_STUDY])
    [named] = asked(found, Level.STUDY, "patient")
    assert named["PatientID"] == DOE
    series = asked(found, Level.SERIES)
    assert {one["StudyInstanceUID"]: one["SeriesInstanceUID"].count("\\") + 1 for one in series} == {
        CT_STUDY: 1, CR_STUDY: 3,
    }  # fmt: skip
    images = asked(found, Level.IMAGE)
    assert sum(one["SOPInstanceUID"].count("\\") + 1 for one in images) == 7
    assert all("\\" not in one["StudyInstanceUID"] + one["SeriesInstanceUID"] for one in images)
    [alone] = asked(found, None, "hanging-protocol")
    assert alone["SOPInstanceUID"].count("\\") == 6


def test_long_lists_are_split() -> None:
    found = Identities(tuple({"StudyInstanceUID": f"1.2.{number}"} for number in range(LISTED_EACH + 1)))
    first, second = asked(found, Level.STUDY)
    assert first["StudyInstanceUID"].count("\\") == LISTED_EACH - 1
    assert second["StudyInstanceUID"] == f"1.2.{LISTED_EACH}"


def test_what_is_no_instance_is_told(tmp_path: Path) -> None:
    path = write_instance(tmp_path, 1)
    text = tmp_path / "notes.txt"
    text.write_text("no image")
    found = identities_in([path, text])
    assert [one["SOPInstanceUID"] for one in found.found] == [str(dcmread(path).SOPInstanceUID)]
    assert [one.partition(": ")[0] for one in found.skipped] == [str(text)]
    with pytest.raises(ConfigurationError, match="no file has StudyInstanceUID and SeriesInstanceUID"):
        asked(Identities(({"StudyInstanceUID": "1.2"},)), Level.SERIES)
