"""What the archive has of a study, series by series."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.archive import ROOT, instance, opened_index, put
from helpers.instances import CT

from dicomgui.storage import contents
from dicomgui.storage.contents import contents_of_study, series_of_instances


def test_series_and_instances_are_in_their_order(tmp_path: Path) -> None:
    for series, number in ((2, 10), (2, 9), (10, 1)):
        put(tmp_path, instance(1, series, number, ProtocolName=f"P{series}", SeriesDescription="axial"))
    put(tmp_path, instance(1, 2, 9, StudyDescription="other"), variant=2)  # the same UID once more
    put(tmp_path, instance(2, 1, 1))
    with opened_index(tmp_path) as index:
        found = contents_of_study(index, f"{ROOT}.1.1")
        assert contents_of_study(index, "1.2.404") == []
    assert [(one.series_instance_uid, one.protocol_name, one.description) for one in found] == [
        (f"{ROOT}.2.1.2", "P2", "axial"), (f"{ROOT}.2.1.10", "P10", "axial"),
    ]  # fmt: skip
    assert found[0].instances == ((CT, f"{ROOT}.3.1.2.9"), (CT, f"{ROOT}.3.1.2.10"))


def test_of_very_many_instances_the_first_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "MAX_INSTANCES", 2)
    for number in (1, 2, 3):
        put(tmp_path, instance(1, 1, number))
    with opened_index(tmp_path) as index:
        [found] = contents_of_study(index, f"{ROOT}.1.1")
    assert len(found.instances) == 2


def test_each_instance_has_its_series(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "_AT_ONCE", 2)
    for study in (1, 2, 3):
        put(tmp_path, instance(study, 4, 1))
    uids = [f"{ROOT}.3.{study}.4.1" for study in (1, 2, 3, 9)]
    with opened_index(tmp_path) as index:
        found = series_of_instances(index, uids)
    assert found == {f"{ROOT}.3.{study}.4.1": (f"{ROOT}.1.{study}", f"{ROOT}.2.{study}.4") for study in (1, 2, 3)}
