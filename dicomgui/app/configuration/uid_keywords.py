"""UIDs from what people write for them: the UID itself, its keyword in PS3.6, or the name that DCMTK has for it."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from dicomgui.network.errors import ConfigurationError
from dicomgui.network.uid_names import UID_NAMES
from dicomgui.network.uids import TRANSFER_SYNTAXES, is_valid_uid

__all__ = ["sop_class_of", "syntax_of"]

MAX_WORD = 200

_DCMTK_SYNTAXES: Final = MappingProxyType(
    {
        "LittleEndianImplicit": "1.2.840.10008.1.2",
        "LittleEndianExplicit": "1.2.840.10008.1.2.1",
        "LocalEndianExplicit": "1.2.840.10008.1.2.1",  # ours are the machines of today
        "OppositeEndianExplicit": "1.2.840.10008.1.2.2",
        "EncapsulatedUncompressedLittleEndianExplicit": "1.2.840.10008.1.2.1.98",
        "DeflatedLittleEndianExplicit": "1.2.840.10008.1.2.1.99",
        "BigEndianExplicit": "1.2.840.10008.1.2.2",
        "JPEGBaseline": "1.2.840.10008.1.2.4.50",
        "JPEGExtended:Process2+4": "1.2.840.10008.1.2.4.51",
        "JPEGExtended:Process3+5": "1.2.840.10008.1.2.4.52",
        "JPEGSpectralSelection:Non-hierarchical:Process6+8": "1.2.840.10008.1.2.4.53",
        "JPEGSpectralSelection:Non-hierarchical:Process7+9": "1.2.840.10008.1.2.4.54",
        "JPEGFullProgression:Non-hierarchical:Process10+12": "1.2.840.10008.1.2.4.55",
        "JPEGFullProgression:Non-hierarchical:Process11+13": "1.2.840.10008.1.2.4.56",
        "JPEGLossless:Non-hierarchical:Process14": "1.2.840.10008.1.2.4.57",
        "JPEGLossless:Non-hierarchical:Process15": "1.2.840.10008.1.2.4.58",
        "JPEGExtended:Hierarchical:Process16+18": "1.2.840.10008.1.2.4.59",
        "JPEGExtended:Hierarchical:Process17+19": "1.2.840.10008.1.2.4.60",
        "JPEGSpectralSelection:Hierarchical:Process20+22": "1.2.840.10008.1.2.4.61",
        "JPEGSpectralSelection:Hierarchical:Process21+23": "1.2.840.10008.1.2.4.62",
        "JPEGFullProgression:Hierarchical:Process24+26": "1.2.840.10008.1.2.4.63",
        "JPEGFullProgression:Hierarchical:Process25+27": "1.2.840.10008.1.2.4.64",
        "JPEGLossless:Hierarchical:Process28": "1.2.840.10008.1.2.4.65",
        "JPEGLossless:Hierarchical:Process29": "1.2.840.10008.1.2.4.66",
        "JPEGLossless:Non-hierarchical-1stOrderPrediction": "1.2.840.10008.1.2.4.70",
        "JPEGLSLossy": "1.2.840.10008.1.2.4.81",
        "JPEG2000LosslessOnly": "1.2.840.10008.1.2.4.90",
        "JPEG2000MulticomponentLosslessOnly": "1.2.840.10008.1.2.4.92",
        "JPEG2000Multicomponent": "1.2.840.10008.1.2.4.93",
        "MPEG2MainProfile@MainLevel": "1.2.840.10008.1.2.4.100",
        "FragmentableMPEG2MainProfile/MainLevel": "1.2.840.10008.1.2.4.100.1",
        "MPEG2MainProfile@HighLevel": "1.2.840.10008.1.2.4.101",
        "FragmentableMPEG2MainProfile/HighLevel": "1.2.840.10008.1.2.4.101.1",
        "MPEG4HighProfile/Level4.1": "1.2.840.10008.1.2.4.102",
        "FragmentableMPEG4HighProfile/Level4.1": "1.2.840.10008.1.2.4.102.1",
        "MPEG4BDcompatibleHighProfile/Level4.1": "1.2.840.10008.1.2.4.103",
        "FragmentableMPEG4BDcompatibleHighProfile/Level4.1": "1.2.840.10008.1.2.4.103.1",
        "MPEG4HighProfile/Level4.2For2DVideo": "1.2.840.10008.1.2.4.104",
        "FragmentableMPEG4HighProfile/Level4.2For2DVideo": "1.2.840.10008.1.2.4.104.1",
        "MPEG4HighProfile/Level4.2For3DVideo": "1.2.840.10008.1.2.4.105",
        "FragmentableMPEG4HighProfile/Level4.2For3DVideo": "1.2.840.10008.1.2.4.105.1",
        "MPEG4StereoHighProfile/Level4.2": "1.2.840.10008.1.2.4.106",
        "FragmentableMPEG4StereoHighProfile/Level4.2": "1.2.840.10008.1.2.4.106.1",
        "HEVCMainProfile/Level5.1": "1.2.840.10008.1.2.4.107",
        "HEVCMain10Profile/Level5.1": "1.2.840.10008.1.2.4.108",
        "HighThroughputJPEG2000ImageCompressionLosslessOnly": "1.2.840.10008.1.2.4.201",
        "HighThroughputJPEG2000withRPCLOptionsImageCompressionLosslessOnly": "1.2.840.10008.1.2.4.202",
        "HighThroughputJPEG2000ImageCompression": "1.2.840.10008.1.2.4.203",
    }
)
"""Names of transfer syntaxes in DCMTK that are no keywords of PS3.6."""

_DCMTK_CLASSES: Final = MappingProxyType(
    {
        "StorageServiceClass": "1.2.840.10008.4.2",
        "RETIRED_VLImageStorage": "1.2.840.10008.5.1.4.1.1.77.1",
        "RETIRED_VLMultiframeImageStorage": "1.2.840.10008.5.1.4.1.1.77.2",
        "DRAFT_SRTextStorage": "1.2.840.10008.5.1.4.1.1.88.1",
        "DRAFT_SRAudioStorage": "1.2.840.10008.5.1.4.1.1.88.2",
        "DRAFT_SRDetailStorage": "1.2.840.10008.5.1.4.1.1.88.3",
        "DRAFT_SRComprehensiveStorage": "1.2.840.10008.5.1.4.1.1.88.4",
        "FINDColorPaletteInformationModel": "1.2.840.10008.5.1.4.39.2",
        "MOVEColorPaletteInformationModel": "1.2.840.10008.5.1.4.39.3",
        "GETColorPaletteInformationModel": "1.2.840.10008.5.1.4.39.4",
    }
)
"""Names of SOP classes in DCMTK that follow from no keyword of PS3.6."""

_NO_LETTER: Final = re.compile(r"[^A-Za-z0-9]")
_CLASS_PREFIX: Final = re.compile(r"(find|move|get)(.+)")


def syntax_of(text: str) -> str:
    """The UID of a transfer syntax, whatever the case of its name.

    :raises ConfigurationError: it is neither a UID nor a name that is known.
    """
    return _find(text, _syntaxes, str.casefold, "transfer syntax", "ImplicitVRLittleEndian")


def sop_class_of(text: str) -> str:
    """The UID of a SOP class or service class, whatever the case of its name.

    :raises ConfigurationError: it is neither a UID nor a name that is known.
    """
    return _find(text, _classes, _class_key, "SOP class", "CTImageStorage")


def _find(text: str, known: Callable[[], dict[str, str]], key: Callable[[str], str], what: str, such_as: str) -> str:
    written = text.strip()
    if is_valid_uid(written):
        return written
    found = known().get(key(written)) if len(written) <= MAX_WORD else None
    if found is None:
        raise ConfigurationError(
            f"there is no {what} {written[:80]!r}",
            phase="configure",
            hint=f"Give its UID, or its keyword in PS3.6, such as {such_as}.",
        )
    return found


@lru_cache(maxsize=1)
def _syntaxes() -> dict[str, str]:
    found = {name.casefold(): uid for name, uid in _DCMTK_SYNTAXES.items()}
    return found | {_keyword(uid).casefold(): uid for uid in TRANSFER_SYNTAXES}


@lru_cache(maxsize=1)
def _classes() -> dict[str, str]:
    keywords = {uid: _keyword(uid) for uid in UID_NAMES if uid not in TRANSFER_SYNTAXES}
    found = {_class_key(keyword): uid for uid, keyword in keywords.items() if keyword}
    return found | {_class_key(name): uid for name, uid in _DCMTK_CLASSES.items()}


def _keyword(uid: str) -> str:
    """The keyword in PS3.6; where it is not known here it is made of the name, as PS3.6 does it."""
    from pydicom import uid as uids

    return uids.UID(uid).keyword or _NO_LETTER.sub("", UID_NAMES.get(uid, ""))


def _class_key(name: str) -> str:
    """The form in which PS3.6 and DCMTK have the same name: ``FINDXSOPClass`` is ``XFind``."""
    name = name.casefold().removesuffix("sopclass")
    if name.startswith("retired_"):
        name = name.removeprefix("retired_")
        name = f"{name}retired" if f"{name}retired" in _RETIRED_TWINS else name
    elif name.startswith("draft_"):
        name = f"{name.removeprefix('draft_')}trial"
    name = name.removeprefix("diconde_").replace("_", "")
    moved = _CLASS_PREFIX.fullmatch(name)
    return f"{moved[2]}{moved[1]}" if moved else name


_RETIRED_TWINS: Final = frozenset(
    {"ultrasoundmultiframeimagestorageretired", "nuclearmedicineimagestorageretired", "ultrasoundimagestorageretired"}
)
"""Retired SOP classes that have a successor of the same name."""
