"""A copy of a data set that is changed, marked as test data and written to a file of its own; the original stays.

Values are typed as text, several with ``\\`` between them, and are held to their representation (PS3.5 6.2).
"""

from __future__ import annotations

import io
import math
import re
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from dicomgui.app.files.file_limits import FileLimitError, check_file, check_file_bytes
from dicomgui.app.viewing.dataset_tree import element_text
from dicomgui.app.viewing.viewed import Viewed
from dicomgui.network.dimse.charset import codec_of
from dicomgui.network.service_classes.attributes import ENCODED_VRS, new_uid
from dicomgui.network.uids import is_valid_uid
from dicomgui.trace.finding import plain
from dicomgui.trace.inspection.dataset_values import VR_TEXTS, label_of

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset, FileDataset

__all__ = ["MARK", "EditError", "EditRow", "EditedCopy", "Finish", "UidMap", "parse_tag"]

MARK: Final = " [TEST]"
"""Ends the Series Description of a copy that is marked as test data."""
COMMENT: Final = "Test data: a changed copy made with dicomgui"

MAX_ROWS: Final = 20_000
MAX_TEXT: Final = 65_536
MAX_BYTES: Final = 2_147_483_648
"""A larger file is not copied by way of an editor."""

Path_ = tuple[int, ...]
"""Tag, number of the item, tag, … down to an element."""

_STAY: Final = 65_536  # values that are longer stay on the disk until the copy is written
_EDITABLE: Final = VR_TEXTS | {"AT", "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"}
_INTEGERS: Final = {"SS": "h", "US": "H", "SL": "i", "UL": "I", "SV": "q", "UV": "Q"}
_ONE_VALUE: Final = frozenset({"LT", "ST", "UR", "UT"})
_STUDY, _SERIES, _INSTANCE = 0x0020_000D, 0x0020_000E, 0x0008_0018
_CHARSET, _SERIES_DESCRIPTION, _COMMENTS, _PIXEL_DATA = 0x0008_0005, 0x0008_103E, 0x0010_4000, 0x7FE0_0010
_DIGITS: Final = SystemRandom()


class EditError(ValueError):
    """A value cannot be that, or the copy cannot be made; the text is a sentence that says why."""

    def __init__(self, message: str) -> None:
        super().__init__(plain(message, 400))


@dataclass(slots=True)
class UidMap:
    """New UIDs for old ones, so that the copies of one study stay one study."""

    known: dict[str, str] = field(default_factory=dict)

    def of(self, old: str) -> str:
        """The new UID that stands for an old one."""
        if old not in self.known and len(self.known) >= 100_000:
            self.known.clear()
        return self.known.setdefault(old, new_uid())


@dataclass(frozen=True, slots=True)
class Finish:
    """What is done to the copy when it is written.

    :ivar new_instance: give it a SOP Instance UID of its own.
    :ivar new_series: and a Series Instance UID, the same for all copies from one series.
    :ivar new_study: and a Study Instance UID, the same for all copies from one study.
    :ivar marks_series: end Series Description with :data:`MARK`.
    :ivar marks_comments: put a sentence into Patient Comments.
    :ivar fills_digits: each ``@`` in a value that was typed becomes a random digit.
    """

    new_instance: bool = True
    new_series: bool = True
    new_study: bool = True
    marks_series: bool = True
    marks_comments: bool = False
    fills_digits: bool = True


@dataclass(frozen=True, slots=True)
class EditRow:
    """One line of the editor.

    :ivar value: as text, ``\\`` between several.
    :ivar is_editable: whether a value can be typed.
    :ivar is_changed: whether it was, or whether the element was added.
    """

    path: Path_
    label: str
    value: str
    is_editable: bool
    is_changed: bool


class EditedCopy:
    """The copy. Reading and writing block: for threads; the rest is quick."""

    def __init__(self, dataset: Dataset, name: str) -> None:
        self._dataset = dataset
        self.name = name
        self._changed: dict[Path_, str] = {}
        self._deleted = 0

    @classmethod
    def of(cls, viewed: Viewed) -> EditedCopy:
        """Read what is looked at, in order to change a copy of it.

        :raises EditError: it cannot be read as a whole.
        """
        from pydicom import dcmread, uid

        if viewed.has_gaps:
            raise EditError("Bytes of it were not kept, so that there can be no copy.")
        size = len(viewed.parsed.data)
        if size > MAX_BYTES:
            raise EditError(f"It has {size:,} bytes; more than {MAX_BYTES:,} are not copied here.")
        try:
            with warnings.catch_warnings(action="ignore"):
                path = viewed.path
                if path is not None:
                    check_file(path)
                dataset = _of_bytes(viewed) if path is None else dcmread(path, defer_size=_STAY, force=True)
                for _ in _elements(dataset):
                    pass  # what is text is text from now on, in whichever set it will be written
        except FileLimitError as error:
            raise EditError(f"It is too large to be copied here: {error}.") from error
        except Exception as error:  # pydicom raises whatever the byte at fault causes
            raise EditError(f"It cannot be read: {type(error).__name__}: {error}") from error
        if viewed.path is not None:
            dataset.file_meta.TransferSyntaxUID = uid.UID(viewed.transfer_syntax_uid)
        return cls(dataset, viewed.name)

    # ------------------------------------------------------------------------------------------------------- looking

    @property
    def is_changed(self) -> bool:
        """Whether anything was changed."""
        return bool(self._changed or self._deleted)

    def rows(self) -> list[EditRow]:
        """All elements, those of items below their sequence, at most :data:`MAX_ROWS`."""
        rows: list[EditRow] = []
        with warnings.catch_warnings(action="ignore"):
            self._list(self._dataset, (), rows)
        return rows

    def _list(self, dataset: Dataset, above: Path_, rows: list[EditRow]) -> None:
        for tag in sorted(dataset.keys()):
            if len(rows) >= MAX_ROWS:
                return
            path = (*above, int(tag))
            if _is_deferred(dataset, tag):
                rows.append(EditRow(path, label_of(int(tag)), "long, stays as it is", False, False))
                continue
            element = dataset[tag]
            creator = dataset.private_creators(int(tag) >> 16) if int(tag) >> 16 & 1 else []
            label = label_of(int(tag), str(element.VR), creator[0] if len(creator) == 1 else "")
            rows.append(EditRow(path, label, _text(element), str(element.VR) in _EDITABLE, path in self._changed))
            if element.VR == "SQ":
                for number, item in enumerate(element.value or ()):
                    self._list(item, (*path, number), rows)

    # ------------------------------------------------------------------------------------------------------ changing

    def set_value(self, path: Path_, text: str) -> None:
        """Give an element another value.

        :raises EditError: its representation does not allow it, or its characters are none of the data set's set.
        """
        holder, tag = self._find(path)
        vr = str(holder[tag].VR)
        if vr not in _EDITABLE:
            raise EditError(f"A value of {vr} cannot be typed.")
        self._check(vr, text)
        holder[tag].value = _value(vr, filled(text))
        self._changed[path] = text

    def add(self, tag: int, text: str, above: Path_ = ()) -> Path_:
        """Add an element, beside another one whose path is given without its tag; gives its path.

        :raises EditError: it is there already, nobody knows its representation, or the value is wrong.
        """
        from pydicom import DataElement

        holder = self._holder(above)
        vr = _vr_of(tag)
        if tag in holder:
            raise EditError(f"{label_of(tag)} is there already.")
        self._check(vr, text)
        with warnings.catch_warnings(action="ignore"):
            holder[tag] = DataElement(tag, vr, _value(vr, filled(text)))
        path = (*above, tag)
        self._changed[path] = text
        return path

    def delete(self, path: Path_) -> None:
        """Take an element out.

        :raises EditError: without it there would be no instance.
        """
        holder, tag = self._find(path)
        if len(path) == 1 and tag in (0x0008_0016, _INSTANCE):
            raise EditError(f"Without {label_of(tag)} it could not be sent.")
        del holder[tag]
        self._changed = {known: text for known, text in self._changed.items() if known[: len(path)] != path}
        self._deleted += 1

    def _holder(self, above: Path_) -> Dataset:
        holder = self._dataset
        try:
            for tag, number in zip(above[::2], above[1::2], strict=True):
                holder = holder[tag].value[number]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise EditError("It is not there any more.") from error
        return holder

    def _find(self, path: Path_) -> tuple[Dataset, int]:
        holder = self._holder(path[:-1])
        if path[-1] not in holder:
            raise EditError("It is not there any more.")
        return holder, path[-1]

    def _check(self, vr: str, text: str) -> None:
        if len(text) > MAX_TEXT:
            raise EditError(f"The value has {len(text):,} characters; {MAX_TEXT:,} can be typed.")
        _value(vr, filled(text))
        if text.isascii():
            return
        if vr not in ENCODED_VRS:
            raise EditError(f"A value of {vr} has only ASCII characters.")
        said = self._dataset.get(_CHARSET)
        terms = _terms(said.value if said is not None else "")
        if not any(_holds(term, text) for term in terms):
            raise EditError(
                f"Specific Character Set (0008,0005) is {terms[0] or 'not there'}, which does not hold these "
                "characters. Give it the value ISO_IR 192 (UTF-8) first."
            )

    # ------------------------------------------------------------------------------------------------------- writing

    def save(self, path: Path, finish: Finish, uids: UidMap) -> str:
        """Write the copy to a new file, and give its SOP Instance UID. What was typed stays, to be saved once more.

        :param uids: what makes copies of one study stay together.
        :raises EditError: it cannot be written.
        """
        from copy import deepcopy

        try:
            file = path.open("xb")
        except OSError as error:
            raise EditError(f"The copy cannot be written: {error}") from error
        try:
            with file, warnings.catch_warnings(action="ignore"):
                made = deepcopy(self._dataset)
                if finish.fills_digits:
                    self._fill(made)
                _finish(made, finish, uids)
                made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
                made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
                _write(made, file)
        except Exception as error:  # pydicom raises whatever the value at fault causes
            path.unlink(missing_ok=True)
            raise EditError(f"The copy cannot be written: {type(error).__name__}: {error}") from error
        return str(made.SOPInstanceUID)

    def _fill(self, made: Dataset) -> None:
        """New digits for each ``@``, each time it is saved."""
        for path, text in self._changed.items():
            if "@" in text:
                holder = made
                for tag, number in zip(path[:-1:2], path[1:-1:2], strict=True):
                    holder = holder[tag].value[number]
                holder[path[-1]].value = _value(str(holder[path[-1]].VR), filled(text))


def _write(made: Dataset, file: BinaryIO) -> None:
    """Write a Part 10 file, also in a newer transfer syntax than pydicom knows, which is Explicit VR Little Endian."""
    from pydicom import dataset

    syntax, meta = made.file_meta.TransferSyntaxUID, made.file_meta
    if syntax.is_private or syntax.is_transfer_syntax:
        made.save_as(file, enforce_file_format=True)
        return
    dataset.validate_file_meta(meta, enforce_standard=True)
    meta.FileMetaInformationGroupLength = 0  # its presence makes pydicom count
    made.preamble = getattr(made, "preamble", None) or bytes(128)
    made.save_as(file, implicit_vr=False, little_endian=True, force_encoding=True)


def _finish(made: Dataset, finish: Finish, uids: UidMap) -> None:
    changes: dict[str, str] = {}
    for tag, wanted in ((_STUDY, finish.new_study), (_SERIES, finish.new_series), (_INSTANCE, finish.new_instance)):
        old = str(made[tag].value or "") if tag in made else ""
        if wanted and old:
            # An instance gets another one each time it is saved: it may be sent more than once.
            changes[old] = new_uid() if tag == _INSTANCE else uids.of(old)
    for element in _elements(made) if changes else ():
        if element.VR == "UI" and isinstance(element.value, str) and str(element.value) in changes:
            element.value = changes[str(element.value)]
    if finish.marks_series:
        said = made.get(_SERIES_DESCRIPTION)
        text = str(said.value or "") if said is not None else ""
        made.SeriesDescription = text if text.endswith(MARK) else text[: 64 - len(MARK)] + MARK
    if finish.marks_comments:
        made.PatientComments = COMMENT


def _of_bytes(viewed: Viewed) -> FileDataset:
    from pydicom import dcmread

    from dicomgui.network.part10 import write_head

    uids = viewed.text_of(0x0008_0016).partition(" ")[0], viewed.text_of(_INSTANCE).partition(" ")[0]
    if not all(map(is_valid_uid, uids)):
        raise EditError("It lacks its SOP class or SOP Instance UID.")
    head = write_head(
        sop_class_uid=uids[0], sop_instance_uid=uids[1],
        transfer_syntax_uid="1.2.840.10008.1.2.1" if viewed.parsed.is_inflated else viewed.transfer_syntax_uid,
    )  # fmt: skip
    data = head + viewed.read(0, len(viewed.parsed.data))
    check_file_bytes(data)
    return dcmread(io.BytesIO(data))


def _elements(dataset: Dataset) -> Iterator[DataElement]:
    """All elements, also those of items; but those whose values are on the disk."""
    for tag in list(dataset.keys()):
        if not _is_deferred(dataset, tag):
            element = dataset[tag]
            yield element
            if element.VR == "SQ":
                for item in element.value or ():
                    yield from _elements(item)


def _is_deferred(dataset: Dataset, tag: Any) -> bool:
    from pydicom import dataelem

    raw: object = dataset.get_item(tag, keep_deferred=True)
    return isinstance(raw, dataelem.RawDataElement) and raw.value is None and bool(raw.length)


# --------------------------------------------------------------------------------------------------------------- values


def filled(text: str) -> str:
    """Each ``@`` is another random digit; none is the first of a component of a UID, where a zero must not be."""
    return re.sub("@", lambda found: str(_DIGITS.randrange(1, 10) if _begins(text, found.start()) else
                                         _DIGITS.randrange(10)), text)  # fmt: skip


def _begins(text: str, at: int) -> bool:
    return at == 0 or text[at - 1] == "."


def parse_tag(text: str) -> int:
    """A keyword, or a tag as ``0010,0010``, ``(0010,0010)`` or ``00100010``.

    :raises EditError: it is none.
    """
    from pydicom import datadict

    text = text.strip()
    found = re.fullmatch(r"\(?([0-9A-Fa-f]{4}),? ?([0-9A-Fa-f]{4})\)?", text)
    if found is not None:
        tag: int | None = int(found[1] + found[2], 16)
    else:
        tag = datadict.tag_for_keyword(text) if text else None
    if tag is None:
        raise EditError(f"{text[:80] or 'Nothing'} is no keyword of the dictionary and no tag like 0010,0010.")
    if tag >> 16 <= 0x0002 or tag & 0xFFFF == 0 or tag >> 16 == 0xFFFE:
        raise EditError(f"{label_of(tag)} is no element of a data set that could be added.")
    return tag


def _vr_of(tag: int) -> str:
    from pydicom import datadict

    try:
        vr = "LO" if tag >> 16 & 1 and 0x10 <= tag & 0xFFFF <= 0xFF else datadict.dictionary_VR(tag).split(" ")[0]
    except KeyError as error:
        raise EditError(f"The dictionary does not know {label_of(tag)}, and so not its representation.") from error
    if vr not in _EDITABLE:
        raise EditError(f"A value of {vr} cannot be typed, so that {label_of(tag)} cannot be added.")
    return vr


def _text(element: DataElement) -> str:
    """The value as it would be typed."""
    if element.VR == "SQ":
        count = len(element.value or ())
        return f"{count:,} item{'' if count == 1 else 's'}"
    if element.VR not in _EDITABLE:
        return element_text(element)
    value = element.value
    if value is None:
        return ""
    several = value if not isinstance(value, str | bytes) and element.VM > 1 else [value]
    if element.VR == "AT":
        return "\\".join(f"{int(one):08X}" for one in several)
    return plain("\\".join(str(one) for one in several), MAX_TEXT) if element.VR not in _ONE_VALUE else str(value)


def _value(vr: str, text: str) -> Any:
    """The value that pydicom wants.

    :raises EditError: the text is none of that representation.
    """
    if text == "":
        return None
    parts = [text] if vr in _ONE_VALUE else text.split("\\")
    try:
        values = [_one(vr, part) for part in parts]
    except (ValueError, OverflowError, struct.error) as error:
        text = str(error).partition(" Please see")[0].rstrip(".")
        raise EditError(f"{text[:1].upper()}{text[1:]}.") from error
    return values[0] if len(values) == 1 else values


def _one(vr: str, text: str) -> Any:
    from pydicom import config, valuerep

    if vr in _INTEGERS:
        number = _integer(vr, text)
        struct.pack(f"<{_INTEGERS[vr]}", number) if _fits(vr, number) else _refuse(vr, text)
        return number
    if vr in ("FD", "FL"):
        real = float(text)
        return real if math.isfinite(real) and (vr == "FD" or abs(real) < 3.4e38) else _refuse(vr, text)
    if vr == "AT":
        return parse_at(text)
    text = text.strip(" ") if vr in ("DS", "IS", "UI") else text
    valuerep.validate_value(vr, text, config.RAISE)
    if vr == "IS" and text and not -(2**31) <= int(text) < 2**31:
        _refuse(vr, text)
    return text


def _integer(vr: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return int(_refuse(vr, text))


def _fits(vr: str, number: int) -> bool:
    bits = 8 * struct.calcsize(f"<{_INTEGERS[vr]}")
    return -(1 << bits - 1) <= number < 1 << bits - 1 if vr.startswith("S") else 0 <= number < 1 << bits


def _refuse(vr: str, text: str) -> Any:
    raise EditError(f"{text[:60]!r} is no value of {vr}.")


def parse_at(text: str) -> int:
    """A tag that is a value."""
    found = re.fullmatch(r"\s*\(?([0-9A-Fa-f]{4}),? ?([0-9A-Fa-f]{4})\)?\s*", text)
    return int(found[1] + found[2], 16) if found is not None else int(_refuse("AT", text))


def _terms(value: Any) -> list[str]:
    several = [value] if isinstance(value, str) or value is None else list(value)
    return [str(term or "") for term in several] or [""]


def _holds(term: str, text: str) -> bool:
    try:
        text.encode(codec_of(term))
    except UnicodeEncodeError:
        return False
    return True
