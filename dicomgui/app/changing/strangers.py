"""Data sets made into those of a patient who does not exist: no value that could tell of the template's stays.

It follows the rules of a redacted trace (:mod:`dicomgui.trace.redaction.rules`, after PS3.15 annex E): names, texts,
dates, times and bytes are replaced or left out, private elements and overlays are left out. Pixels stay as they are.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

from dicomgui.network.dimse.native import ConversionError
from dicomgui.trace.redaction.rules import Kind, rule_of

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

__all__ = ["INVENTED", "make_stranger"]

INVENTED: Final = "INVENTED"
"""The family name of everybody who is invented, and every other text about them."""

_TIME: Final = "120000"
_TEXTS: Final = {
    "AS": "040Y", "DS": "0", "IS": "0", "PN": f"{INVENTED}^PERSON", "UR": "urn:invented", "TM": _TIME,
}  # fmt: skip
_DOCUMENT: Final = 0x0042_0011  # Encapsulated Document
_TERMS: Final = frozenset({0x0028_1054})  # Rescale Type: LO, but of defined terms (PS3.3 C.11.1.1.2)
_KEPT_BYTES: Final = frozenset({0x0028, 0x5400, 0x5600, 0x7FE0})  # look-up tables, waveforms, spectra, pixels


def make_stranger(dataset: Dataset, today: date) -> None:
    """Replace in place what could tell of somebody.

    :param today: takes the place of every date.
    :raises ConversionError: it holds a document, in which anything may stand.
    """
    if _DOCUMENT in dataset:
        raise ConversionError("it holds a document, in which the patient may be named", hint="Use another template.")
    _replace(dataset, f"{today:%Y%m%d}")


def _replace(dataset: Dataset, day: str) -> None:
    for element in list(dataset):
        if not _may_stay(element):
            del dataset[element.tag]
        elif element.VR == "SQ":
            for item in element.value or ():
                _replace(item, day)
        elif element.value not in (None, "", b""):
            _mask(element, day)


def _may_stay(element: DataElement) -> bool:
    tag = int(element.tag)
    group = tag >> 16
    if group & 1 or group & 0xFF00 in (0x5000, 0x6000) or not tag & 0xFFFF:
        return False  # private, curve, overlay, group length
    kind = rule_of(tag, str(element.VR)).kind
    if kind is Kind.BYTES:
        return group in _KEPT_BYTES
    is_number = kind in (Kind.NUMBER, Kind.ZEROS)
    return not (group == 0x0010 and (is_number or element.VR == "SQ"))


def _mask(element: DataElement, day: str) -> None:
    kind, vr = rule_of(int(element.tag), str(element.VR)).kind, str(element.VR)
    if kind in (Kind.KEEP, Kind.UID, Kind.BYTES):
        return
    if int(element.tag) in _TERMS and str(element.value) in ("HU", "US", "OD", "MGML", "Z_EFF", "ED", "EDW"):
        return
    if kind is Kind.DATE:
        element.value = day
    elif kind is Kind.DATE_TIME:
        element.value = day + _TIME
    elif vr == "CS":
        element.value = ""
    else:
        element.value = _TEXTS.get(vr, INVENTED)
