"""Data sets as the DICOM JSON model (PS3.18 annex F), and data sets from files of it or of Part 10."""

from __future__ import annotations

import json
import warnings
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from dicomgui.app.asking.key_charset import character_set_for
from dicomgui.app.asking.keys import SPECIFIC_CHARACTER_SET, texts_of
from dicomgui.app.files.file_limits import FileLimitError, check_file_bytes
from dicomgui.network.dimse.dataset import MAX_ELEMENTS
from dicomgui.network.json_text import JsonTooLarge, load_json
from dicomgui.network.service_classes.attributes import UTF_8

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

__all__ = [
    "DatasetFileError",
    "character_set_of",
    "dataset_json",
    "load_dataset",
    "parse_dataset",
    "read_dataset",
    "with_character_set",
]

MAX_FILE_BYTES = 256 * 2**20
"""A data set of a request that is larger is refused: images go by C-STORE."""

_PIXEL_DATA = 0x7FE00010


class DatasetFileError(Exception):
    """A file that was to hold a data set cannot be read, or holds none; the text says why."""


# ------------------------------------------------------------------------------------------------------------- writing


def dataset_json(dataset: Dataset) -> dict[str, object]:
    """The data set in the DICOM JSON model (PS3.18 F.2): plain values that ``json`` can write.

    JSON is Unicode, so that (0008,0005), if it is there with a value, becomes ISO_IR 192 (PS3.18 F.2.1.1). Values that
    break the rules of their VR are given as text.
    """
    result: dict[str, object] = {}
    with warnings.catch_warnings(action="ignore"):
        for element in dataset:
            result[f"{int(element.tag):08X}"] = _element_json(element)
    charset = result.get(f"{SPECIFIC_CHARACTER_SET:08X}")
    if isinstance(charset, dict) and charset.get("Value"):
        charset["Value"] = [UTF_8]
    return result


def _element_json(element: DataElement) -> dict[str, Any]:
    if element.VR == "SQ":
        items = [dataset_json(item) for item in element.value]
        return {"vr": "SQ", "Value": items} if items else {"vr": "SQ"}
    try:
        content: dict[str, Any] = element.to_json_dict(None, MAX_FILE_BYTES)
        json.dumps(content, allow_nan=False)
    except (TypeError, ValueError, ArithmeticError, AttributeError, LookupError):
        return {"vr": element.VR, "Value": [str(element.value)]}
    return content


def character_set_of(dataset: Dataset) -> list[str]:
    """The values of (0008,0005) as the peer gave them; empty for none."""
    value = dataset.get("SpecificCharacterSet") or []
    return [value] if isinstance(value, str) else [str(one) for one in value]


# ------------------------------------------------------------------------------------------------------------- reading


def load_dataset(path: Path) -> Dataset:
    """The data set in a file: the DICOM JSON model, or DICOM Part 10.

    :raises DatasetFileError: it cannot be read, or holds neither.
    """
    try:
        with path.open("rb") as file:
            return parse_dataset(_read(file), str(path))
    except OSError as error:
        raise DatasetFileError(f"cannot read {path}: {error.strerror or error}") from error


def read_dataset(file: BinaryIO, name: str) -> Dataset:
    """The data set in a stream; no more of it is read than a file may have.

    :param name: what to call it in errors.
    :raises DatasetFileError: it holds none.
    """
    return parse_dataset(_read(file), name)


def _read(file: BinaryIO) -> bytes:
    data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise DatasetFileError(f"the file has more than {MAX_FILE_BYTES:,} bytes")
    return data


def parse_dataset(data: bytes, name: str = "the input") -> Dataset:
    """The data set in the bytes of such a file.

    :param name: what to call it in errors.
    :raises DatasetFileError: it holds none.
    """
    text = data.removeprefix(b"\xef\xbb\xbf").lstrip()
    return _from_json(text, name) if text[:1] in (b"{", b"[") else _from_part10(data, name)


def _from_json(text: bytes, name: str) -> Dataset:
    from pydicom import Dataset

    try:
        content = load_json(text)
    except JsonTooLarge as error:
        raise DatasetFileError(f"{name} is too large: {error}") from error
    except (ValueError, RecursionError) as error:
        raise DatasetFileError(f"{name} is no JSON: {error}") from error
    if isinstance(content, list):  # as DICOMweb answers: data sets in an array
        if len(content) != 1:
            raise DatasetFileError(f"{name} holds {len(content)} data sets; one is wanted")
        content = content[0]
    if text.count(b'"vr"') > MAX_ELEMENTS:
        raise DatasetFileError(f"{name} is too large: it has more than {MAX_ELEMENTS:,} elements")
    try:
        with warnings.catch_warnings(action="ignore"):
            dataset = Dataset.from_json(content)
            for _ in dataset.iterall():
                pass
    except Exception as error:  # pydicom raises whatever the value at fault causes
        raise DatasetFileError(f"{name} is no data set in the DICOM JSON model: {_reason(error)}") from error
    return dataset


def _from_part10(data: bytes, name: str) -> Dataset:
    from pydicom import Dataset, dcmread

    try:
        check_file_bytes(data, MAX_ELEMENTS)
        with warnings.catch_warnings(action="ignore"):
            read = dcmread(BytesIO(data))
            dataset = Dataset(read)
            for _ in dataset.iterall():
                pass
            syntax = read.file_meta.get("TransferSyntaxUID")
            is_compressed = _PIXEL_DATA in dataset and syntax is not None and syntax.is_compressed
    except FileLimitError as error:
        raise DatasetFileError(f"{name} is too large: {error}") from error
    except Exception as error:  # as above
        raise DatasetFileError(f"{name} is neither DICOM JSON nor a DICOM file: {_reason(error)}") from error
    if is_compressed:
        raise DatasetFileError(f"{name} holds compressed pixel data, which no request of this kind carries")
    return dataset


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def with_character_set(dataset: Dataset) -> tuple[Dataset, tuple[str, ...]]:
    """The data set with a character set that holds its texts, and what to tell the user about it.

    One that it names itself stays if it holds them.

    :raises ConfigurationError: it names one that does not.
    """
    wanted = "\\".join(character_set_of(dataset))
    with warnings.catch_warnings(action="ignore"):
        chosen = character_set_for(texts_of(dataset), wanted)
    if chosen.term == wanted:
        return dataset, ()
    copy = dataset[:]
    copy.SpecificCharacterSet = chosen.term.split("\\")
    return copy, (chosen.note,) if chosen.note else ()
