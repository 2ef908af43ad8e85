"""Instances to send: synthetic ones of any SOP class and transfer syntax, and those that pydicom ships."""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path

import pydicom.data
from pydicom.dataset import Dataset, FileMetaDataset

from dicomgui.network.part10 import parse_head

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
ROOT = "1.2.826.0.1.3680043.2.1.9.7"
"""Below it are the UIDs of the synthetic instances."""

UNIQUE_KEYS = {
    "PATIENT": "PatientID",
    "STUDY": "StudyInstanceUID",
    "SERIES": "SeriesInstanceUID",
    "IMAGE": "SOPInstanceUID",
}
"""By level."""


def elements(**values: object) -> Dataset:
    """A data set with these elements by keyword."""
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def write_instance(
    folder: Path, number: int, *, sop_class: str = CT, syntax: str = EXPLICIT, pixel_bytes: int = 512
) -> Path:
    """Write a file of its own SOP Instance UID, one study for all; its data set has nothing that has two encodings.

    :param pixel_bytes: a multiple of 256, and of 8192 from a MiB on.
    """
    dataset = Dataset()
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = f"{ROOT}.3.{number}"
    dataset.StudyDate = "20240229"
    dataset.Modality = "OT"
    dataset.PatientName = "Interop^Case"
    dataset.PatientID = "INTEROP"
    dataset.StudyInstanceUID = f"{ROOT}.1"
    dataset.SeriesInstanceUID = f"{ROOT}.2"
    dataset.InstanceNumber = number
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Columns = 128 if pixel_bytes < 1_048_576 else 4096
    dataset.Rows = pixel_bytes // 2 // dataset.Columns
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 0
    pattern = bytes((number + index) % 251 for index in range(min(pixel_bytes, 4096)))
    dataset.add_new(0x7FE00010, "OW", (pattern * (pixel_bytes // len(pattern) + 1))[:pixel_bytes])
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = sop_class
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{number}.dcm"
    dataset.save_as(path, enforce_file_format=True)
    return path


def data_set(file: Path | bytes) -> bytes:
    """The data set of a DICOM file, byte for byte."""
    data = file if isinstance(file, bytes) else file.read_bytes()
    return data[parse_head(data).dataset_offset :]


def syntax_of(file: Path | bytes) -> str:
    return parse_head(file if isinstance(file, bytes) else file.read_bytes()).transfer_syntax_uid


def instance_of(file: Path | bytes) -> str:
    return parse_head(file if isinstance(file, bytes) else file.read_bytes()).sop_instance_uid


@cache
def shipped_folder() -> Path:
    """The folder of pydicom's own data; what it would download is elsewhere."""
    return Path(pydicom.data.__file__).parent


def shipped_name(path: Path) -> str:
    """How the tables of a test call a file that pydicom ships."""
    return path.relative_to(shipped_folder()).as_posix()


@cache
def shipped() -> tuple[Path, ...]:
    """Every file that pydicom ships and that has a SOP class and instance UID, as pydicom sees it."""
    files = (path for path in sorted(shipped_folder().rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
    return tuple(path for path in files if path.suffix != ".py" and _has_uids(path))


def _has_uids(path: Path) -> bool:
    try:
        with warnings.catch_warnings(action="ignore"):
            dataset = pydicom.dcmread(path, force=True, stop_before_pixels=True)
    except Exception:  # pydicom raises nearly anything for what is no DICOM file
        return False
    file_meta = getattr(dataset, "file_meta", Dataset())
    sop_class = dataset.get("SOPClassUID") or file_meta.get("MediaStorageSOPClassUID")
    sop_instance = dataset.get("SOPInstanceUID") or file_meta.get("MediaStorageSOPInstanceUID")
    return bool(sop_class and sop_instance)
