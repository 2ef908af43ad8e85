"""Keys of identifiers by their path: ``PatientID``, ``0010,0020``, ``ScheduledProcedureStepSequence[0].Modality``.

::

    identifier = keys_of(["PatientName=DOE*", "(0040,0100)[0].Modality=CT", "StudyDate"])

A path is a chain of attributes, each but the last one a sequence, joined by dots or slashes. An attribute is a keyword
of the dictionary, in any case, or a tag as ``gggg,eeee``, ``(gggg,eeee)`` or ``ggggeeee``. ``[n]`` chooses an item,
counted from 0, which is the one that is meant without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service_classes.attributes import NO_KEYS, mark_character_set, put, text_of, texts_of, vr_of
from dicomgui.network.service_classes.values import Kind, matcher_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = [
    "INTEGER_VRS",
    "NUMBER_VRS",
    "Step",
    "filled_keys",
    "keys_of",
    "number_of",
    "parse_key",
    "parse_path",
    "set_key",
    "split_path",
    "tag_named",
    "value_at",
    "without_value",
]

MAX_ITEMS: Final = 1000
"""The highest item that a path may choose."""

_TAG = re.compile(r"\(?([0-9A-Fa-f]{4}),?([0-9A-Fa-f]{4})\)?")
_STEP = re.compile(r"\s*([^\[\]]+?)\s*(?:\[([0-9]{1,9})\])?\s*")
_HINT = "Write a keyword such as PatientID, or a tag such as 0010,0020; in a sequence, Sequence[0].Keyword."

INTEGER_VRS: Final = frozenset({"US", "SS", "UL", "SL", "UV", "SV"})
NUMBER_VRS: Final = INTEGER_VRS | {"FL", "FD", "AT"}
"""Representations whose values are numbers in a data set, not text."""


class WrittenStep(NamedTuple):
    """One attribute of a path as it was written; ``item`` is ``None`` where none was chosen."""

    attribute: str
    item: int | None = None


class Step(NamedTuple):
    """One attribute of a path; ``item`` is ``None`` where none was chosen."""

    tag: int
    item: int | None = None


def split_path(path: str) -> tuple[WrittenStep, ...]:
    """The parts of a path; whether there are such attributes is not looked at.

    :raises ConfigurationError: it is none.
    """
    steps = []
    for part in re.split(r"[./]", path):
        match = _STEP.fullmatch(part)
        if match is None or not match[1].strip():
            raise _wrong(f"{part[:80]!r} in {path[:80]!r} is no attribute")
        steps.append(WrittenStep(match[1], None if match[2] is None else int(match[2])))
    return tuple(steps)


def tag_named(text: str) -> int | None:
    """The tag of a keyword, whatever the case, or of a tag as it is written; ``None`` where there is no such attribute.

    :raises ConfigurationError: it has no place in a data set (groups 0000 and 0002).
    """
    written = text.strip()
    match = _TAG.fullmatch(written)
    # A keyword may look like a tag without parentheses; with them none does, and no dictionary is needed.
    tag = None if written.startswith("(") else _tag_of_keyword(written)
    if tag is None and match:
        tag = int(match[1] + match[2], 16)
    if tag is None and not match:
        tag = _tags_by_lower_case().get(written.lower())
    if tag is not None and tag < 0x00080000:
        raise ConfigurationError(f"{written} is no attribute of a data set", phase="configure")
    return tag


def _tag_of_keyword(text: str) -> int | None:
    from pydicom import datadict

    return datadict.tag_for_keyword(text)


@cache
def _tags_by_lower_case() -> dict[str, int]:
    from pydicom import datadict

    return {keyword.lower(): tag for keyword, tag in datadict.keyword_dict.items()}


def parse_path(path: str) -> tuple[Step, ...]:
    """The attributes of a path.

    :raises ConfigurationError: it is none.
    """
    return tuple(_step(written) for written in split_path(path))


def _step(written: WrittenStep) -> Step:
    tag = tag_named(written.attribute)
    if tag is None:
        raise _wrong(f"there is no attribute {written.attribute[:80]!r}")
    if written.item is not None and written.item > MAX_ITEMS:
        raise _wrong(f"{written.attribute}[{written.item}]: there are no more than {MAX_ITEMS} items")
    return Step(tag, written.item)


def _wrong(what: str) -> ConfigurationError:
    return ConfigurationError(what, phase="configure", hint=_HINT)


def set_key(dataset: Dataset, path: str, value: object = "") -> None:
    """Set one key; sequences and their items are made as needed.

    Texts for numbers and tags are converted, several values are separated by backslashes. An empty value asks for the
    attribute to be returned (PS3.4 C.2.2.1.2). A sequence as the last attribute gets no item, or the chosen one, empty.

    :raises ConfigurationError: the path is none, leads through what is no sequence, or the value does not fit.
    """
    *upper, last = parse_path(path)
    for step in upper:
        dataset = _item(dataset, step, path)
    if last.item is not None:
        _item(dataset, last, path)
        if value not in ("", None):
            raise ConfigurationError(f"an item of {path!r} takes no value", phase="configure")
        return
    put(dataset, last.tag, _converted(last.tag, value, path))


def _item(dataset: Dataset, step: Step, path: str) -> Dataset:
    from pydicom import Dataset

    if vr_of(step.tag) != "SQ":
        raise ConfigurationError(f"{path!r} leads through what is no sequence", phase="configure")
    if step.tag not in dataset:
        put(dataset, step.tag, [])
    items = dataset[step.tag].value
    while len(items) <= (step.item or 0):
        items.append(Dataset())
    chosen: Dataset = items[step.item or 0]
    return chosen


def _converted(tag: int, value: object, path: str) -> object:
    vr = vr_of(tag)
    if vr == "SQ":
        if isinstance(value, str) and value:
            raise ConfigurationError(f"{path!r} is a sequence and takes no text", phase="configure")
        return value
    if not isinstance(value, str) or value == "":
        return value
    if vr == "UN":
        return value.encode()
    try:
        parts = [number_of(vr, part) for part in value.split("\\")] if vr in NUMBER_VRS else [value]
    except ValueError as error:
        raise ConfigurationError(f"{value!r} is no value for {path!r} ({vr})", phase="configure") from error
    return parts[0] if len(parts) == 1 else parts


def number_of(vr: str, text: str) -> int | float:
    """A value of one of :data:`NUMBER_VRS`: integers also as ``0x1F``, of AT the tag of an attribute.

    :raises ValueError: it is no number.
    :raises ConfigurationError: there is no such attribute.
    """
    if vr == "AT":
        return parse_path(text)[-1].tag
    if vr not in INTEGER_VRS:
        return float(text)
    return int(text, 16) if text.strip().lower().startswith("0x") else int(text)


def parse_key(text: str) -> tuple[str, str]:
    """Path and value of ``path=value``; ``path`` alone is a key without a value."""
    path, _, value = text.partition("=")
    return path.strip(), value


def keys_of(texts: Iterable[str]) -> Dataset:
    """A data set of keys, each ``path=value`` or ``path``, as they stand on a command line.

    :raises ConfigurationError: see :func:`set_key`.
    """
    from pydicom import Dataset

    dataset = Dataset()
    for text in texts:
        set_key(dataset, *parse_key(text))
    return mark_character_set(dataset)


def value_at(dataset: Dataset, path: str) -> str:
    """The value at a path as text; empty where there is none.

    :raises ConfigurationError: the path is none.
    """
    *upper, last = parse_path(path)
    for step in upper:
        element = dataset.get(step.tag)
        items = [] if element is None or element.VR != "SQ" else element.value
        if len(items) <= (step.item or 0):
            return ""
        dataset = items[step.item or 0]
    return text_of(dataset, last.tag)


def filled_keys(identifier: Dataset, prefix: str = "") -> Iterator[str]:
    """The paths of the keys of an identifier that restrict what matches, those in sequences too."""
    from pydicom import datadict

    for element in identifier:
        path = prefix + (datadict.keyword_for_tag(element.tag) or f"{element.tag:08x}")
        if element.VR == "SQ":
            for number, item in enumerate(element.value):
                yield from filled_keys(item, f"{path}[{number}].")
        elif element.tag not in NO_KEYS and matcher_of(element.VR, texts_of(element)).kind is not Kind.UNIVERSAL:
            yield path


def without_value(identifier: Dataset, path: str) -> Dataset:
    """A copy of an identifier with the key at ``path`` emptied: one query less strict.

    Of an answer without matches this tells which key was to blame: ask again once for each of :func:`filled_keys`.
    """
    from copy import deepcopy

    relaxed = deepcopy(identifier)
    set_key(relaxed, path, "")
    return relaxed
