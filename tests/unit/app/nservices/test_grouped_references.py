"""Instances by study and series: their order, and how the places are read from files."""

from __future__ import annotations

from pathlib import Path

from helpers.archive import ROOT, instance
from pydicom.dataset import FileMetaDataset

from dicomgui.app.nservices.grouped_references import Group, Home, grouped, homes_of_files
from dicomgui.network.service_classes.references import Reference

ONE, TWO, THREE, FOUR = (Reference("1.2", f"2.25.{number}") for number in range(1, 5))


def test_series_of_a_study_stay_together() -> None:
    homes = {"2.25.1": Home("S1", "A"), "2.25.2": Home("S2", "B"), "2.25.3": Home("S1", "C")}
    assert grouped([ONE, TWO, THREE, FOUR], homes) == [
        Group("S1", "A", (ONE,)), Group("S1", "C", (THREE,)), Group("S2", "B", (TWO,)), Group("", "", (FOUR,)),
    ]  # fmt: skip
    assert grouped([], homes) == []


def test_places_are_read_from_files_and_what_is_none_is_left_out(tmp_path: Path) -> None:
    dataset = instance(3, 2, 1)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    dataset.save_as(tmp_path / "one.dcm", enforce_file_format=True)
    (tmp_path / "two.dcm").write_bytes(b"nothing")
    found = homes_of_files([("1", tmp_path / "one.dcm"), ("2", tmp_path / "two.dcm"), ("3", tmp_path / "none.dcm")])
    assert found == {"1": Home(f"{ROOT}.1.3", f"{ROOT}.2.3.2")}
