"""A data set as a file: the DICOM JSON model, or DICOM Part 10."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dicomgui.app.asking.dicom_json import DatasetFileError, dataset_json, with_character_set
from dicomgui.network.association.params import OUR_IMPLEMENTATION
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service_classes.attributes import new_uid, text_of
from dicomgui.network.uids import EXPLICIT_VR_LITTLE_ENDIAN, is_valid_uid

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["json_text", "save_dataset"]

_RAW: Final = "1.2.840.10008.5.1.4.1.1.66"
"""Raw Data Storage: what the file says it is where neither the data set nor the caller knows a SOP class."""


def json_text(dataset: Dataset) -> str:
    """The data set in the DICOM JSON model (PS3.18 F), indented."""
    return json.dumps(dataset_json(dataset), indent=1, ensure_ascii=False)


def save_dataset(dataset: Dataset, path: Path, *, sop_class_uid: str = "", sop_instance_uid: str = "") -> None:
    """Write a data set; a name that ends in ``.json`` makes it JSON, any other one Part 10. Blocks: run it in a thread.

    :param sop_class_uid: for the meta information, where the data set has none of its own.
    :raises DatasetFileError: it cannot be written.
    """
    try:
        if path.suffix.lower() == ".json":
            _write(path, json_text(dataset).encode() + b"\n")
        else:
            _save_part10(dataset, path, sop_class_uid, sop_instance_uid)
    except ConfigurationError as error:
        raise DatasetFileError(str(error)) from error
    except OSError as error:
        raise DatasetFileError(f"cannot write {path}: {error.strerror or error}") from error


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)


def _save_part10(dataset: Dataset, path: Path, sop_class: str, instance: str) -> None:
    from io import BytesIO

    from pydicom import FileDataset, FileMetaDataset, dcmwrite, uid

    written, _notes = with_character_set(dataset)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = uid.UID(_first(text_of(dataset, "SOPClassUID"), sop_class, _RAW))
    meta.MediaStorageSOPInstanceUID = uid.UID(_first(text_of(dataset, "SOPInstanceUID"), instance, new_uid()))
    meta.TransferSyntaxUID = uid.UID(EXPLICIT_VR_LITTLE_ENDIAN)
    meta.ImplementationClassUID = uid.UID(OUR_IMPLEMENTATION.class_uid)
    buffer = BytesIO()
    try:
        with warnings.catch_warnings(action="ignore"):
            file = FileDataset(buffer, written, file_meta=meta, preamble=b"\0" * 128)
            dcmwrite(buffer, file, enforce_file_format=True)
    except Exception as error:  # pydicom raises whatever the value at fault causes
        raise DatasetFileError(f"it cannot be encoded: {error or type(error).__name__}") from error
    _write(path, buffer.getvalue())


def _first(*uids: str) -> str:
    return next(uid for uid in uids if is_valid_uid(uid))
