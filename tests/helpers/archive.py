"""A small archive to search in: patients, studies, series and instances made by code, and queries for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from helpers.instances import CT, EXPLICIT, UNIQUE_KEYS
from pydicom import config
from pydicom.dataset import Dataset

from dicomgui.network.dimse.dataset import encode_dataset
from dicomgui.network.part10 import write_head
from dicomgui.storage import Index, Level, Model, compile_query, repair
from dicomgui.storage.layout import relative_name

ROOT = "1.2.826.0.1.3680043.2.1.9.8"


def instance(study: int = 1, series: int = 1, number: int = 1, **values: object) -> Dataset:
    """The data set of an instance of a series of a study; ``values`` by keyword, ``None`` leaves one out."""
    dataset = Dataset()
    dataset.SOPClassUID = CT
    dataset.SOPInstanceUID = f"{ROOT}.3.{study}.{series}.{number}"
    dataset.StudyDate, dataset.StudyTime = f"202401{study:02}", f"1{study % 10}0000"
    dataset.AccessionNumber, dataset.StudyID = f"ACC{study}", str(study)
    dataset.StudyDescription = "Head"
    dataset.Modality = "CT"
    dataset.PatientName, dataset.PatientID = "Doe^Jane", f"P{study}"
    dataset.StudyInstanceUID = f"{ROOT}.1.{study}"
    dataset.SeriesInstanceUID = f"{ROOT}.2.{study}.{series}"
    dataset.SeriesNumber, dataset.InstanceNumber = series, number
    dataset.Rows, dataset.Columns = 4, 4
    return _changed(dataset, values)


def _changed(dataset: Dataset, values: dict[str, object]) -> Dataset:
    with config.disable_value_validation():
        for keyword, value in values.items():
            if keyword in dataset:  # an element that is there already keeps its own way of validation
                delattr(dataset, keyword)
            if value is not None:
                setattr(dataset, keyword, value)
    return dataset


def put(folder: Path, dataset: Dataset, *, syntax: str = EXPLICIT, variant: int = 1) -> str:
    """Write an instance where the archive would have it, and return its name inside of the archive."""
    return put_bytes(folder, str(dataset.SOPInstanceUID), encode_dataset(dataset, syntax), syntax, variant)


def put_bytes(folder: Path, uid: str, data_set: bytes, syntax: str = EXPLICIT, variant: int = 1) -> str:
    name = relative_name(uid, variant)
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(write_head(sop_class_uid=CT, sop_instance_uid=uid, transfer_syntax_uid=syntax) + data_set)
    return name


@contextmanager
def opened_index(folder: Path) -> Iterator[Index]:
    """The index of a folder, with everything in it."""
    index = Index(folder)
    opened = index.open()
    try:
        repair(index, opened)
        yield index
    finally:
        index.close()


def identifier(level: str = "STUDY", **keys: object) -> Dataset:
    dataset = Dataset()
    dataset.QueryRetrieveLevel = level
    dataset.SpecificCharacterSet = "ISO_IR 192"
    return _changed(dataset, keys)


def find(
    index: Index, keys: Dataset, model: Model = Model.STUDY_ROOT, *, combined_datetime: bool = False
) -> list[Dataset]:
    """The answers to a query that needs no unique keys of higher levels."""
    query = compile_query(keys, model, relational=True, combined_datetime=combined_datetime)
    return [match.dataset() for match in index.find(query)]


def found(
    index: Index, keys: Dataset, model: Model = Model.STUDY_ROOT, *, combined_datetime: bool = False
) -> list[str]:
    """The unique keys of what is found, without :data:`ROOT` and its level."""
    unique = UNIQUE_KEYS[keys.QueryRetrieveLevel]
    if unique not in keys:
        setattr(keys, unique, "")
    answers = find(index, keys, model, combined_datetime=combined_datetime)
    start = 0 if unique == "PatientID" else len(f"{ROOT}.1.")
    return sorted(str(answer[unique].value)[start:] for answer in answers)


LEVELS = tuple(level.name for level in Level)
