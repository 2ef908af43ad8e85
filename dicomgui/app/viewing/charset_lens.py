"""The bytes of a text under several character sets, and what is wrong with the one that the data set names.

PS3.5 6.1, PS3.3 C.12.1.1.2. A reading is strict: what the set does not hold is a fault that is said, not replaced.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from dicomgui.app.viewing.viewed import MAX_VALUE_BYTES, Viewed
from dicomgui.network.dimse.charset import codec_of, decode
from dicomgui.network.service_classes.attributes import ENCODED_VRS
from dicomgui.trace.finding import plain
from dicomgui.trace.inspection.dataset_nodes import DataNode

__all__ = ["CANDIDATES", "Doubt", "Reading", "doubts_of", "is_text", "reading", "readings"]

CANDIDATES: Final = {
    "ISO_IR 192": "Unicode, UTF-8",
    "ISO_IR 100": "Latin-1, western Europe",
    "ISO_IR 101": "Latin-2, central Europe",
    "ISO_IR 148": "Latin-5, Turkish",
    "GB18030": "Chinese, GB 18030",
    "GBK": "Chinese, GBK",
    "ISO 2022 IR 58": "Chinese, GB 2312",
    "ISO 2022 IR 87": "Japanese, JIS X 0208",
    "ISO 2022 IR 159": "Japanese, JIS X 0212",
    "ISO_IR 13": "Japanese, JIS X 0201 and Shift-JIS",
    "ISO 2022 IR 149": "Korean, KS X 1001",
    "ISO_IR 144": "Cyrillic",
    "ISO_IR 126": "Greek",
    "ISO_IR 127": "Arabic",
    "ISO_IR 138": "Hebrew",
    "ISO_IR 166": "Thai",
}
"""Character sets to be tried, by their terms of (0008,0005), with what people call them."""

MAX_LOOKED: Final = 5000
"""Elements of a data set whose texts are judged."""
MAX_DOUBTS: Final = 50

_SHOWN: Final = 400
_ASCII: Final = frozenset({"", "ISO_IR 6", "ISO 2022 IR 6"})
_KNOWN: Final = re.compile(r"ISO[ _-]?(?:2022[ _-]?)?IR[ _-]?[0-9]+|GB18030|GBK", re.IGNORECASE)
_ESCAPED: Final = frozenset({"iso2022_jp", "iso2022_jp_2"})


class Reading(NamedTuple):
    """How bytes read in one character set.

    :ivar term: of (0008,0005); empty for ASCII.
    :ivar title: what people call it.
    :ivar text: what they say, plain; what cannot be read stands as �.
    :ivar fault: why they cannot be that, or an empty string.
    """

    term: str
    title: str
    text: str
    fault: str


class Doubt(NamedTuple):
    """A text that does not fit what the data set says of its characters.

    :ivar node: the element.
    :ivar text: what is wrong, as a sentence.
    """

    node: DataNode
    text: str


def is_text(node: DataNode) -> bool:
    """Whether (0008,0005) matters for an element."""
    return node.begin >= 0 and node.vr in ENCODED_VRS


def reading(value: bytes, term: str) -> Reading:
    """Read bytes strictly in one character set, given as it stands in (0008,0005)."""
    first = term.partition("\\")[0].strip()
    codec = codec_of(first)
    title = CANDIDATES.get(term, "ASCII" if term in _ASCII else "as it is said")
    if b"\x1b" in value:
        text = decode(value, term)
        fault = "an escape sequence or a character that nobody knows" if "\ufffd" in text or "\x1b" in text else ""
        if not fault and "\\" not in term and not first.upper().startswith("ISO 2022"):
            fault = "it has escape sequences, which this set does not know"
    elif codec in _ESCAPED and not value.isascii():
        text, fault = value.decode("ascii", "replace"), "it lacks the escape sequences that this set needs"
    else:
        text = value.decode(codec, "replace")
        fault = _strict(value, codec)
    return Reading(term, title, plain(text, _SHOWN), fault)


def _strict(value: bytes, codec: str) -> str:
    try:
        value.decode(codec)
    except UnicodeDecodeError as error:
        return f"byte {value[error.start]:02X}h at {error.start:,} is no character of it"
    return ""


def readings(value: bytes, said: str, usual: str = "") -> list[Reading]:
    """How a value reads as it is said, as is usual with a node, and in each of the likely character sets.

    :param said: (0008,0005) that is in force.
    :param usual: what texts of that peer usually are in; empty where nobody knows.
    """
    terms = dict.fromkeys([said, *([usual] if usual else []), *CANDIDATES])
    return [reading(value, term) for term in terms]


def doubt_about(node: DataNode, value: bytes) -> str:
    """What is wrong with a text under the character set that is in force for it; empty where nothing is."""
    if value.isascii() and b"\x1b" not in value:
        return ""
    said = node.charset.strip()
    terms = [term.strip() for term in said.split("\\")]
    if said in _ASCII:
        likely = "UTF-8" if not _strict(value, "utf_8") else "Latin-1 or another set"
        return (
            "its text has bytes beyond ASCII, but no Specific Character Set (0008,0005) says in which set they are; "
            f"they could be {likely}"
        )
    unknown = [term for term in terms if term and not _KNOWN.fullmatch(term)]
    if unknown:
        return plain(f"Specific Character Set (0008,0005) says {unknown[0]!r}, which is no character set", 200)
    fault = reading(value, said).fault
    return plain(f"its text does not fit Specific Character Set (0008,0005), {said}: {fault}", 300) if fault else ""


def doubts_of(viewed: Viewed) -> list[Doubt]:
    """The texts that are in doubt, at most :data:`MAX_DOUBTS`, of the first elements. Blocks: for a thread."""
    found: list[Doubt] = []
    for node in _first(viewed.parsed.root, MAX_LOOKED):
        if is_text(node):
            text = doubt_about(node, viewed.value_of(node, min(MAX_VALUE_BYTES, 4096)))
            if text and not (node.length > 4096 and "at 4,09" in text):  # cut off within a character by ourselves
                found.append(Doubt(node, f"{node.label}: {text}."))
                if len(found) >= MAX_DOUBTS:
                    break
    return found


def _first(root: DataNode, count: int) -> Iterator[DataNode]:
    ahead = [root]
    while ahead and count:
        node = ahead.pop()
        count -= 1
        yield node
        if node.tag != 0x7FE0_0010:
            ahead.extend(reversed(node.children))
