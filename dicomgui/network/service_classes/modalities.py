"""Which storage SOP classes the equipment of a modality makes, and the other way round."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dicomgui.network.uids import RETIRED_STORAGE_CLASSES, STORAGE_CLASSES

__all__ = ["SOP_CLASSES_BY_MODALITY", "is_storage_class", "modalities_of", "sop_classes_for"]

_ROOT = "1.2.840.10008.5.1.4.1.1."


def _classes(*tails: str) -> tuple[str, ...]:
    return tuple(_ROOT + tail for tail in tails)


_SECONDARY_CAPTURE = ("7", "7.1", "7.2", "7.3", "7.4")
_PROJECTION = ("1.1", "1.1.1")

SOP_CLASSES_BY_MODALITY: Final[Mapping[str, tuple[str, ...]]] = {
    "AR": _classes("78.2"),
    "ANN": _classes("91.1"),
    "AU": _classes("9.4.1", "9.4.2"),
    "BDUS": _classes("6.1"),
    "BI": _classes("77.1.1", "77.1.4"),
    "CR": _classes("1", *_PROJECTION),
    "CT": _classes("2", "2.1", "2.2"),
    "CTPROTOCOL": _classes("200.1", "200.2"),
    "DMS": _classes("77.1.7", "77.1.4"),
    "DOC": _classes("104.1", "104.2"),
    "DX": _classes(*_PROJECTION),
    "ECG": _classes("9.1.1", "9.1.2", "9.1.3", "9.1.4"),
    "EPS": _classes("9.3.1"),
    "ES": _classes("77.1.1", "77.1.1.1", "77.1.4"),
    "GM": _classes("77.1.2", "77.1.2.1", "77.1.3"),
    "HD": _classes("9.2.1"),
    "IO": _classes("1.3", "1.3.1"),
    "IVOCT": _classes("14.1", "14.2"),
    "IVUS": _classes("6.1", "3.1"),
    "KER": _classes("78.3"),
    "KO": _classes("88.59"),
    "LEN": _classes("78.1"),
    "M3D": _classes("104.3", "104.4", "104.5"),
    "MG": _classes("1.2", "1.2.1", "13.1.3", "13.1.4", "13.1.5"),
    "MR": _classes("4", "4.1", "4.2", "4.3", "4.4"),
    "NM": _classes("20"),
    "OAM": _classes("78.7"),
    "OCT": _classes("77.1.5.4"),
    "OP": _classes("77.1.5.1", "77.1.5.2", "77.1.5.5", "77.1.5.6"),
    "OPT": _classes("77.1.5.4", "77.1.5.8"),
    "OPV": _classes("80.1"),
    "OT": _classes(*_SECONDARY_CAPTURE),
    "PLAN": _classes("481.5", "481.8"),
    "PR": _classes("11.1", "11.2", "11.3", "11.4", "11.5", "11.6", "11.7", "11.8"),
    "PT": _classes("128", "128.1", "130"),
    "PX": _classes(*_PROJECTION),
    "REG": _classes("66.1", "66.3"),
    "RESP": _classes("9.6.1"),
    "RF": _classes("12.2", "12.2.1"),
    "RTDOSE": _classes("481.2"),
    "RTIMAGE": _classes("481.1", "481.23", "481.24"),
    "RTPLAN": _classes("481.5", "481.8"),
    "RTRECORD": _classes("481.4", "481.6", "481.7", "481.9"),
    "RTSTRUCT": _classes("481.3"),
    "RWV": _classes("67"),
    "SC": _classes(*_SECONDARY_CAPTURE),
    "SEG": _classes("66.4", "66.5"),
    "SM": _classes("77.1.6", "77.1.3", "77.1.2"),
    "SR": _classes("88.11", "88.22", "88.33", "88.34", "88.35", "88.50", "88.65", "88.67", "88.68", "88.69"),
    "US": _classes("6.1", "3.1", "6.2"),
    "VA": _classes("78.5"),
    "XA": _classes("12.1", "12.1.1", "13.1.1"),
    "XC": _classes("77.1.4", "77.1.4.1"),
}
"""The storage SOP classes that equipment of a modality (PS3.3 C.7.3.1.1.1) usually makes, the most usual first."""

_OBJECTS_OF_ANY = ("KO", "PR", "SR", "DOC")


def sop_classes_for(modality: str, *, with_documents: bool = False) -> tuple[str, ...]:
    """The storage SOP classes that equipment of a modality usually makes; none for one that is not known.

    :param with_documents: also presentation states, key objects, reports and documents, which any equipment may add.
    """
    modalities = (modality, *_OBJECTS_OF_ANY) if with_documents else (modality,)
    return tuple(dict.fromkeys(uid for name in modalities for uid in SOP_CLASSES_BY_MODALITY.get(name, ())))


def modalities_of(sop_class_uid: str) -> tuple[str, ...]:
    """The modalities whose equipment usually makes instances of a SOP class."""
    return tuple(name for name, classes in SOP_CLASSES_BY_MODALITY.items() if sop_class_uid in classes)


def is_storage_class(uid: str) -> bool:
    """Whether instances of this SOP class travel by C-STORE; a private one is never known to."""
    return uid in STORAGE_CLASSES or uid in RETIRED_STORAGE_CLASSES
