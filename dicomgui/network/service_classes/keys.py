"""Keys of identifiers by their path: ``PatientID``, ``0010,0020``, ``ScheduledProcedureStepSequence[0].Modality``.

::

    identifier = keys_of(["PatientName=DOE*", "(0040,0100)[0].Modality=CT", "StudyDate"])

A path is a chain of attributes, each but the last one a sequence, joined by dots or slashes. An attribute is a keyword
of the dictionary or a tag as ``gggg,eeee``, ``(gggg,eeee)`` or ``ggggeeee``. ``[n]`` chooses an item, counted from 0,
which is the one that is meant without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service_classes.attributes import mark_character_set, put, text_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["Step", "filled_keys", "keys_of", "parse_key", "parse_path", "set_key", "value_at", "without_value"]

MAX_ITEMS: Final = 1000
"""The highest item that a path may choose."""

_STEP = re.compile(
    r"(?:\(?(?P<group>[0-9A-Fa-f]{4}),?(?P<element>[0-9A-Fa-f]{4})\)?|(?P<keyword>\w+))(?:\[(?P<item>\d{1,9})\])?"
)
_INTEGER_VRS = frozenset({"US", "SS", "UL", "SL", "UV", "SV"})
_FLOAT_VRS = frozenset({"FL", "FD"})
_CONDITIONS = frozenset({0x00080005, 0x00080052, 0x00080201})  # character set, level and time zone match nothing


class Step(NamedTuple):
    """One attribute of a path; ``item`` is ``None`` where none was chosen."""

    tag: int
    item: int | None = None


def parse_path(path: str) -> tuple[Step, ...]:
    """The attributes of a path.

    :raises ConfigurationError: it is none.
    """
    return tuple(_parse_step(part, path) for part in re.split(r"[./]", path.strip()))


def _parse_step(text: str, path: str) -> Step:
    from pydicom.datadict import tag_for_keyword

    match = _STEP.fullmatch(text.strip())
    if match is None:
        raise ConfigurationError(f"{text!r} in {path!r} is no attribute", phase="configure", hint=_HINT)
    tag = tag_for_keyword(text.partition("[")[0].strip())  # a keyword may look like a tag
    if tag is None:
        if match["keyword"] is not None:
            raise ConfigurationError(f"there is no attribute {match['keyword']!r}", phase="configure", hint=_HINT)
        tag = int(match["group"] + match["element"], 16)
    if tag < 0x00080000:
        raise ConfigurationError(f"{text!r} is no attribute of a data set", phase="configure")
    item = None if match["item"] is None else int(match["item"])
    if item is not None and item > MAX_ITEMS:
        raise ConfigurationError(f"{text!r} asks for more than {MAX_ITEMS} items", phase="configure")
    return Step(tag, item)


_HINT = "Write a keyword such as PatientID, or a tag such as 0010,0020."


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
    from pydicom.dataset import Dataset

    if _vr(step.tag) != "SQ":
        raise ConfigurationError(f"{path!r} leads through what is no sequence", phase="configure")
    if step.tag not in dataset:
        put(dataset, step.tag, [])
    items = dataset[step.tag].value
    while len(items) <= (step.item or 0):
        items.append(Dataset())
    chosen: Dataset = items[step.item or 0]
    return chosen


def _vr(tag: int) -> str:
    from pydicom.datadict import dictionary_VR

    try:
        return dictionary_VR(tag).split(" ")[0]
    except KeyError:
        return "UN"


def _converted(tag: int, value: object, path: str) -> object:
    vr = _vr(tag)
    if vr == "SQ":
        if isinstance(value, str) and value:
            raise ConfigurationError(f"{path!r} is a sequence and takes no text", phase="configure")
        return value
    if not isinstance(value, str) or value == "":
        return value
    if vr == "UN":
        return value.encode()
    try:
        parts = [_number(vr, part.strip()) for part in value.split("\\")] if vr in _NUMBERS else [value]
    except ValueError as error:
        raise ConfigurationError(f"{value!r} is no value for {path!r} ({vr})", phase="configure") from error
    return parts[0] if len(parts) == 1 else parts


_NUMBERS = _INTEGER_VRS | _FLOAT_VRS | {"AT"}


def _number(vr: str, text: str) -> int | float:
    if vr == "AT":
        return parse_path(text)[-1].tag
    return float(text) if vr in _FLOAT_VRS else int(text, 0)


def parse_key(text: str) -> tuple[str, str]:
    """Path and value of ``path=value``; ``path`` alone is a key without a value."""
    path, _, value = text.partition("=")
    return path.strip(), value


def keys_of(texts: Iterable[str]) -> Dataset:
    """A data set of keys, each ``path=value`` or ``path``, as they stand on a command line.

    :raises ConfigurationError: see :func:`set_key`.
    """
    from pydicom.dataset import Dataset

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
    from pydicom.datadict import keyword_for_tag

    for element in identifier:
        path = prefix + (keyword_for_tag(element.tag) or f"{element.tag:08x}")
        if element.VR == "SQ":
            for number, item in enumerate(element.value):
                yield from filled_keys(item, f"{path}[{number}].")
        elif element.tag not in _CONDITIONS and text_of(identifier, element.tag) not in ("", "*"):
            yield path


def without_value(identifier: Dataset, path: str) -> Dataset:
    """A copy of an identifier with the key at ``path`` emptied: one query less strict.

    Of an answer without matches this tells which key was to blame: ask again once for each of :func:`filled_keys`.
    """
    from copy import deepcopy

    relaxed = deepcopy(identifier)
    set_key(relaxed, path, "")
    return relaxed
