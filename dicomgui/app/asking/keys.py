"""Keys of queries and elements of data sets as people write them: ``PatientName=DOE*``, ``(0010,0020)=17``,
``ScheduledProcedureStepSequence[0].Modality=CT``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING

from dicomgui.app.asking.date_presets import as_dicom_date
from dicomgui.app.asking.key_charset import character_set_for
from dicomgui.app.asking.usual_attributes import USUAL_ATTRIBUTES, USUAL_KEYWORDS
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service_classes import keys as grammar
from dicomgui.network.service_classes.attributes import ENCODED_VRS, SPECIFIC_CHARACTER_SET, put, vr_of
from dicomgui.network.service_classes.attributes import texts_of as values_of
from dicomgui.network.uids import is_valid_uid

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = [
    "SPECIFIC_CHARACTER_SET",
    "Attribute",
    "Identifier",
    "Key",
    "attribute_of",
    "attributes_matching",
    "identifier_of",
    "parse_key",
    "parse_return_key",
    "texts_of",
]

_BINARY = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of the data dictionary (PS3.6), or one that is only a number.

    :ivar tag: ``(group << 16) | element``.
    :ivar keyword: as in PS3.6; empty where the dictionary does not know the tag.
    :ivar name: for people; the tag where there is no other.
    :ivar vr: value representation, the first of several; ``UN`` where it is not known.
    """

    tag: int
    keyword: str
    name: str
    vr: str

    @property
    def number(self) -> str:
        """``(0010,0020)``."""
        return f"({self.tag >> 16:04X},{self.tag & 0xFFFF:04X})"

    @property
    def label(self) -> str:
        """The keyword, or else the number."""
        return self.keyword or self.number

    @property
    def is_sequence(self) -> bool:
        """Whether it holds items."""
        return self.vr == "SQ"


@dataclass(frozen=True, slots=True)
class Key:
    """One key: where it stands, and what it has to match.

    :ivar path: the attribute, after the sequences that it is inside of, the outermost first.
    :ivar value: as written, several values separated by backslashes; empty for a return key.
    """

    path: tuple[Attribute, ...]
    value: str = ""

    @property
    def attribute(self) -> Attribute:
        """The attribute itself."""
        return self.path[-1]

    @property
    def name(self) -> str:
        """``ScheduledProcedureStepSequence[0].Modality``."""
        return ".".join([*(f"{one.label}[0]" for one in self.path[:-1]), self.attribute.label])

    @property
    def is_matching(self) -> bool:
        """Whether it has to match something; else it is only to be returned."""
        return self.value != ""

    def __str__(self) -> str:
        return f"{self.name}={self.value}" if self.value else self.name


@dataclass(frozen=True, slots=True)
class Identifier:
    """The data set that some keys make.

    :ivar dataset: with (0008,0005) always, empty where all is ASCII, so that the peer says in what it answers.
    :ivar character_set: value of (0008,0005); empty for ASCII.
    :ivar notes: what the user should know about it, one sentence each.
    """

    dataset: Dataset
    character_set: str = ""
    notes: tuple[str, ...] = ()


# ---------------------------------------------------------------------------------------------------------- attributes


def attribute_of(text: str) -> Attribute:
    """An attribute by its keyword, whatever the case, or by its tag: ``(0010,0020)``, ``0010,0020``, ``00100020``.

    :raises ConfigurationError: there is none, or it has no place in a data set (groups 0000 and 0002).
    """
    if text in USUAL_ATTRIBUTES:
        return _usual(text)
    tag = grammar.tag_named(text)
    if tag is None:
        written = text.strip()
        near = "" if written.startswith("(") else ", ".join(one.keyword for one in attributes_matching(written, 3))
        hint = f"Did you mean {near}?" if near else "Give a keyword such as PatientID, or a tag such as (0010,0020)."
        raise _wrong(f"there is no attribute {written[:80]!r}", hint)
    return _attribute(tag)


def _usual(keyword: str) -> Attribute:
    tag, vr, name = USUAL_ATTRIBUTES[keyword]
    return Attribute(tag, keyword, name, vr)


def _attribute(tag: int) -> Attribute:
    if tag in USUAL_KEYWORDS:
        return _usual(USUAL_KEYWORDS[tag])
    from pydicom import datadict

    vr = vr_of(tag)
    try:
        name = datadict.dictionary_description(tag)
    except KeyError:
        return Attribute(tag, "", f"({tag >> 16:04X},{tag & 0xFFFF:04X})", vr)
    is_repeating = tag >> 24 in (0x50, 0x60)  # curves and overlays: one keyword for many groups (PS3.5 7.6)
    return Attribute(tag, "" if is_repeating else datadict.dictionary_keyword(tag), name, vr)


def attributes_matching(text: str, limit: int = 20) -> tuple[Attribute, ...]:
    """Attributes whose keyword, name or tag has ``text`` in it, for completion; those that begin with it come first."""
    from pydicom import datadict

    wanted = text.strip().lower().replace(" ", "")
    digits = wanted.strip("()").replace(",", "")
    found: list[tuple[int, str, int]] = []
    for keyword, tag in datadict.keyword_dict.items():
        if tag < 0x00080000 or not keyword:
            continue
        position = keyword.lower().find(wanted)
        if position < 0 and digits and f"{tag:08x}".startswith(digits):
            position = 0
        if position < 0 and wanted in datadict.dictionary_description(tag).lower().replace(" ", ""):
            position = 1
        if position >= 0:
            found.append((2 * (position > 0) + datadict.dictionary_is_retired(tag), keyword, tag))
    return tuple(_attribute(tag) for _, _, tag in sorted(found)[:limit])


# -------------------------------------------------------------------------------------------------------------- parsing


def parse_key(text: str) -> Key:
    """A key with its value, ``PatientName=DOE*``; without ``=`` or without a value it is only to be returned.

    :raises ConfigurationError: it names no attribute, or one that cannot have a value.
    """
    name, value = grammar.parse_key(text)
    path = _parse_path(name)
    last = path[-1]
    if value and last.is_sequence:
        raise _wrong(f"{last.label} is a sequence", f"Match an attribute inside: {last.label}[0].Keyword=value.")
    if value and last.vr in _BINARY and last.name != last.number:
        raise _wrong(f"{last.label} has no text to match")
    return Key(path, value)


def parse_return_key(text: str) -> Key:
    """An attribute that is to be returned: ``StudyDescription``.

    :raises ConfigurationError: it names no attribute, or has a value.
    """
    key = parse_key(text)
    if key.is_matching:
        raise _wrong(f"{key.name} is only to be returned, but has a value", "Write it as a matching key (-k).")
    return Key(key.path)


def _parse_path(text: str) -> tuple[Attribute, ...]:
    path: list[Attribute] = []
    for written in grammar.split_path(text):
        if path and not path[-1].is_sequence:
            raise _wrong(f"{path[-1].label} is no sequence")
        attribute = attribute_of(written.attribute)
        if written.item:
            what = f"{attribute.label}[{written.item}]: a sequence is matched by one item"
            raise _wrong(what, "Write [0] (PS3.4 C.2.2.2.6).")
        if written.item is not None and not attribute.is_sequence:
            raise _wrong(f"{attribute.label} is no sequence")
        path.append(attribute)
    return tuple(path)


def _wrong(what: str, hint: str = "") -> ConfigurationError:
    return ConfigurationError(what, phase="configure", hint=hint)


# ------------------------------------------------------------------------------------------------------------ data sets


def identifier_of(
    keys: Iterable[Key], returned: Iterable[Key] = (), *, level: str = "", today: date | None = None
) -> Identifier:
    """The identifier of a query: the keys, empty elements for what is to be returned, and (0008,0005).

    :param level: Query/Retrieve Level (0008,0052), where there is one.
    :param today: what dates by name count from; by default the system's date.
    :raises ConfigurationError: a value does not fit its attribute, or the character set that the keys name.
    """
    from pydicom import Dataset

    dataset, notes, wanted = Dataset(), _Notes(today or datetime.now().astimezone().date()), ""
    for key in (*returned, *keys):
        if key.path[-1].tag == SPECIFIC_CHARACTER_SET and len(key.path) == 1:
            wanted = key.value or wanted
        else:
            _place(dataset, key, notes)
    if level:
        put(dataset, "QueryRetrieveLevel", level)
    chosen = character_set_for(texts_of(dataset), wanted)
    put(dataset, SPECIFIC_CHARACTER_SET, chosen.term)
    if chosen.note:
        notes.add(chosen.note)
    return Identifier(dataset, chosen.term, tuple(notes.texts))


class _Notes:
    """What is remarkable about the values, and the day that it is."""

    def __init__(self, today: date) -> None:
        self.today = today
        self.texts: list[str] = []

    def add(self, text: str) -> None:
        if text not in self.texts:
            self.texts.append(text)


def _place(dataset: Dataset, key: Key, notes: _Notes) -> None:
    """Put the key where its path leads; sequences on the way get their one item."""
    from pydicom import Dataset as Item

    for step in key.path[:-1]:
        if step.tag not in dataset or not dataset[step.tag].value:
            put(dataset, step.tag, [Item()])
        dataset = dataset[step.tag].value[0]
    last = key.attribute
    if key.is_matching or last.tag not in dataset:
        put(dataset, last.tag, _value_of(key, notes))


def _value_of(key: Key, notes: _Notes) -> object:
    from pydicom import Dataset

    attribute, text = key.attribute, key.value
    vr = attribute.vr
    if attribute.is_sequence:
        return []
    if not text:
        return b"" if vr in _BINARY else ""
    if vr not in ENCODED_VRS and not text.isascii():
        raise _wrong(f"{attribute.label} takes only ASCII ({vr}), not {text[:60]!r}")
    if vr in _BINARY:
        return text.encode("ascii")
    if vr == "DA":
        text, is_date = as_dicom_date(text, notes.today)
        if not is_date:
            notes.add(f"{key.name}={text} is no date or range of dates (YYYYMMDD-YYYYMMDD); it is sent as it is.")
        return text
    values = text.split("\\")
    if vr == "UI" and not all(map(is_valid_uid, values)):
        notes.add(f"{key.name}={text} is no UID; it is sent as it is.")
    converter = _converter(vr)
    if converter is None:
        return values if len(values) > 1 else text
    try:
        numbers = [converter(value.strip()) for value in values]
        put(Dataset(), attribute.tag, numbers)
    except (ValueError, ArithmeticError, ConfigurationError) as error:
        raise _wrong(f"{attribute.label} takes a number ({vr}), not {text[:60]!r}") from error
    return numbers if len(numbers) > 1 else numbers[0]


def _converter(vr: str) -> Callable[[str], object] | None:
    if vr in grammar.NUMBER_VRS:
        return partial(grammar.number_of, vr)
    return _numeric_text if vr in ("IS", "DS") else None


def _numeric_text(text: str) -> str:
    """Text that is a number, kept as it was written."""
    float(text or "0")
    return text


def texts_of(dataset: Dataset) -> Iterator[str]:
    """Every text of a data set that is encoded in its character set, items of sequences included."""
    for element in dataset.iterall():
        if element.VR in ENCODED_VRS:
            yield from values_of(element)
