"""VRs of the data dictionary by tag, without pydicom, whose dictionary takes some tenths of a second to load."""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

from dicomgui.network.vr_tags import TAGS_OF_VR

__all__ = ["LONG_VRS", "SHORT_VRS", "vr_of"]

SHORT_VRS: Final = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
"""VRs with a length of two bytes (PS3.5 7.1.2)."""

LONG_VRS: Final = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
"""VRs with a length of four bytes, behind two reserved ones."""


class _Dictionary(NamedTuple):
    """The data dictionary.

    :ivar vrs: VR by tag.
    :ivar repeating: by the first byte of the group: mask, masked tag and VR of what repeats.
    """

    vrs: dict[int, str]
    repeating: dict[int, list[tuple[int, int, str]]]


@cache
def _dictionary() -> _Dictionary:
    """Read the table, which takes about a millisecond."""
    vrs: dict[int, str] = {}
    repeating: dict[int, list[tuple[int, int, str]]] = {}
    for vr, tags in TAGS_OF_VR.items():
        for text in tags.split():
            if "x" not in text:
                vrs[int(text, 16)] = vr
                continue
            mask = int("".join("0" if digit == "x" else "F" for digit in text), 16)
            masked = int(text.replace("x", "0"), 16)
            repeating.setdefault(masked >> 24, []).append((mask, masked, vr))
    return _Dictionary(vrs, repeating)


def vr_of(tag: int) -> str:
    """The VR of the data dictionary (PS3.6), such as "OB or OW"; empty where the tag is private or unknown."""
    if tag & 0x1_0000:
        return ""
    dictionary = _dictionary()
    found = dictionary.vrs.get(tag)
    if found is not None:
        return found
    for mask, masked, vr in dictionary.repeating.get(tag >> 24, ()):
        if tag & mask == masked:
            return vr
    return ""
