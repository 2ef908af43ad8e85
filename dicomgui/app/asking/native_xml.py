"""Data sets as the Native DICOM Model in XML (PS3.19 A.1)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from dicomgui.app.asking.dicom_json import dataset_json

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["dataset_xml"]

_NAMESPACE: Final = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
_COMPONENTS: Final = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")


def dataset_xml(dataset: Dataset) -> bytes:
    """The data set as a document in UTF-8, indented, with a newline at its end.

    Characters that XML 1.0 does not have, such as most control characters, become U+FFFD.
    """
    root = Element("NativeDicomModel", {"xmlns": _NAMESPACE, "xml:space": "preserve"})
    _fill(root, dataset_json(dataset), dataset)
    indent(root)
    written: bytes = tostring(root, encoding="utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + written + b"\n"


def _fill(parent: Element, content: dict[str, object], dataset: Dataset) -> None:
    """Of the JSON model, which is the same model (PS3.18 F.2.2) and has judged every value already."""
    for tag, entry in content.items():
        assert isinstance(entry, dict)
        attributes = {"tag": tag, "vr": str(entry["vr"])}
        if keyword := _keyword(tag):
            attributes["keyword"] = keyword
        elif creator := _creator(dataset, int(tag, 16)):
            # The block is a matter of the data set: table A.1.5-2 wants gggg00ee.
            attributes |= {"tag": f"{tag[:4]}00{tag[6:]}", "privateCreator": _legal(creator)}
        element = SubElement(parent, "DicomAttribute", attributes)
        if entry["vr"] == "SQ":
            for number, item in enumerate(dataset[int(tag, 16)].value, 1):
                _fill(SubElement(element, "Item", {"number": str(number)}), dataset_json(item), item)
        elif "InlineBinary" in entry:
            SubElement(element, "InlineBinary").text = str(entry["InlineBinary"])
        else:
            _add_values(element, str(entry["vr"]), entry.get("Value", ()))


def _add_values(element: Element, vr: str, values: object) -> None:
    assert isinstance(values, list | tuple)
    for number, value in enumerate(values, 1):
        if value is None:
            continue
        if vr == "PN" and isinstance(value, dict):
            _add_name(SubElement(element, "PersonName", {"number": str(number)}), value)
        else:
            SubElement(element, "Value", {"number": str(number)}).text = _legal(str(value))


def _add_name(element: Element, name: dict[str, object]) -> None:
    for group in _GROUPS:
        if not name.get(group):
            continue
        part = SubElement(element, group)
        for component, text in zip(_COMPONENTS, str(name[group]).split("^"), strict=False):
            if text:
                SubElement(part, component).text = _legal(text)


def _keyword(tag: str) -> str:
    from pydicom import datadict

    return datadict.keyword_for_tag(int(tag, 16))


def _creator(dataset: Dataset, tag: int) -> str:
    """The owner of a private element (PS3.5 7.8.1)."""
    if not tag >> 16 & 1 or tag & 0xFFFF < 0x1000:
        return ""
    with warnings.catch_warnings(action="ignore"):
        owner = dataset.get((tag >> 16, (tag & 0xFFFF) >> 8))
        return str(owner.value) if owner is not None else ""


def _legal(text: str) -> str:
    return "".join(_legal_characters(text))


def _legal_characters(text: str) -> Iterator[str]:
    for character in text:
        code = ord(character)
        is_legal = code in (0x9, 0xA, 0xD) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code > 0xFFFF
        yield character if is_legal else "\ufffd"
