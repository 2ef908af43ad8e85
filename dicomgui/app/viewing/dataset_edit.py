"""A data set that is being edited: a tree of elements and items whose values are text, into data sets and back.

What is edited stays as it was typed, be it wrong: a tester may want to send it. :attr:`DatasetEdit.remarks` says what
breaks a rule, and :meth:`DatasetEdit.dataset` raises only for what cannot be encoded at all. One thread at a time.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from dicomgui.app.asking.keys import Attribute, attribute_of
from dicomgui.app.viewing.edited_values import (
    BINARY_VRS,
    VRS,
    Remark,
    Severity,
    judge,
    representations,
    text_of_value,
    value_of_text,
)
from dicomgui.network.errors import ConfigurationError

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

__all__ = ["DatasetEdit", "EditNode", "Element", "Item", "path_of", "siblings"]

MAX_NODES: Final = 200_000
"""Elements and items that one data set may have here."""

MAX_DEPTH: Final = 40
"""Sequences inside of sequences."""

MAX_HEX: Final = 1024
"""Bytes that are written out as hexadecimal digits; longer values are kept and described."""


@dataclass(eq=False, slots=True)
class Item:
    """An item of a sequence, or the data set itself, which is in none.

    :ivar elements: in the order of their tags (PS3.5 7.1); change them by the methods of :class:`DatasetEdit`.
    :ivar parent: the sequence; ``None`` for the data set itself.
    """

    parent: Element | None = None
    elements: list[Element] = field(default_factory=list)

    @property
    def depth(self) -> int:
        """How many sequences it is inside of."""
        depth, above = 0, self.parent
        while above is not None:
            depth, above = depth + 1, above.parent.parent
        return depth


@dataclass(eq=False, slots=True)
class Element:
    """An element.

    :ivar attribute: which one it is.
    :ivar parent: the item, or the data set, that it is in.
    :ivar vr: its representation, which may be another than the dictionary's.
    :ivar text: its value as typed; of bytes hexadecimal digits; unused in a sequence.
    :ivar items: of a sequence.
    :ivar data: a long value of bytes, which has no text.
    :ivar remark: what is wrong with the value.
    """

    attribute: Attribute
    parent: Item
    vr: str
    text: str = ""
    items: list[Item] = field(default_factory=list)
    data: bytes | None = None
    remark: Remark | None = None

    @property
    def is_sequence(self) -> bool:
        """Whether it holds items."""
        return self.vr == "SQ"

    @property
    def choices(self) -> tuple[str, ...]:
        """The representations that the dictionary allows for it."""
        return representations(self.attribute.tag)

    @property
    def shown(self) -> str:
        """The value in one line, also of a sequence or of long bytes."""
        if self.is_sequence:
            return f"{len(self.items):,} item{'' if len(self.items) == 1 else 's'}"
        return self.text if self.data is None else f"{len(self.data):,} bytes"


EditNode: TypeAlias = Element | Item


class DatasetEdit:
    """One data set under edit.

    :ivar root: the data set itself.
    :ivar revision: grows with each change.
    :ivar watchers: called after each change, with no argument.

    :param dataset: what to begin with; it is not changed.
    :raises ConfigurationError: it is larger or deeper than the limits of this module.
    """

    def __init__(self, dataset: Dataset | None = None) -> None:
        self.root = Item()
        self.revision = 0
        self.watchers: list[Callable[[], object]] = []
        self._undo: list[Callable[[], None]] = []
        if dataset is not None:
            self.root = _item_of(dataset, None, _Budget())

    # --------------------------------------------------------------------------------------------------------- reading

    def __len__(self) -> int:
        """Elements at the top."""
        return len(self.root.elements)

    def elements(self) -> Iterator[Element]:
        """Every element, those in items included, in the order in which they are shown."""
        return _walk(self.root)

    @property
    def remarks(self) -> tuple[tuple[Element, Remark], ...]:
        """What is wrong, each with its element."""
        return tuple((one, one.remark) for one in self.elements() if one.remark is not None)

    @property
    def error(self) -> str:
        """The first thing that keeps it from being encoded, with its place; empty where nothing does."""
        for element, remark in self.remarks:
            if remark.severity is Severity.ERROR:
                return f"{path_of(element)}: {remark.text}"
        return ""

    def dataset(self) -> Dataset:
        """A new data set with these values.

        :raises ConfigurationError: a value cannot be encoded in its representation.
        """
        return _dataset_of(self.root)

    def find(self, name: str, within: Item | None = None) -> Element | None:
        """The element of an attribute in an item, by default at the top; ``None`` where there is none.

        :raises ConfigurationError: there is no such attribute.
        """
        tag = attribute_of(name).tag
        return next((one for one in (within or self.root).elements if one.attribute.tag == tag), None)

    # -------------------------------------------------------------------------------------------------------- changing

    def add(self, name: str, text: str = "", *, within: Item | None = None, vr: str = "") -> Element:
        """Add an element at its place, or give the value to the one that is there.

        :param name: keyword or tag.
        :param vr: by default the first one that the dictionary has.
        :raises ConfigurationError: there is no such attribute, or the data set has as much as it may have.
        """
        if not name.strip():
            raise _wrong("an attribute is named by its keyword or its tag")
        item, attribute = within or self.root, attribute_of(name)
        known = next((one for one in item.elements if one.attribute.tag == attribute.tag), None)
        if known is not None:
            if text and not known.is_sequence:
                self.set_text(known, text)
            return known
        chosen = vr or attribute.vr
        if chosen not in VRS:
            raise _wrong(f"there is no value representation {chosen[:8]!r}")
        if chosen == "SQ" and item.depth >= MAX_DEPTH:
            raise _wrong(f"sequences are nested {MAX_DEPTH} deep at the most")
        element = Element(attribute, item, chosen, "" if chosen == "SQ" else text)
        _look_at(element)
        at = sum(1 for one in item.elements if one.attribute.tag < attribute.tag)
        self._insert(item.elements, at, element)
        return element

    def set_text(self, element: Element, text: str) -> None:
        """Give an element another value; does nothing to a sequence."""
        if element.is_sequence or (text == element.text and element.data is None):
            return
        before = (element.text, element.data)

        def apply(value: tuple[str, bytes | None]) -> None:
            element.text, element.data = value
            _look_at(element)

        self._change(lambda: apply((text, None)), lambda: apply(before))

    def set_data(self, element: Element, data: bytes) -> None:
        """Give an element of a binary representation these bytes.

        :raises ConfigurationError: it has another representation.
        """
        if element.vr not in BINARY_VRS:
            raise _wrong(f"{element.attribute.label} has no bytes but {element.vr}")
        before = (element.text, element.data)

        def apply(value: tuple[str, bytes | None]) -> None:
            element.text, element.data = value
            _look_at(element)

        self._change(lambda: apply(_binary(data)), lambda: apply(before))

    def set_vr(self, element: Element, vr: str) -> None:
        """Give an element another representation; the text stays, items and long bytes go.

        :raises ConfigurationError: there is no such representation.
        """
        if vr not in VRS:
            raise _wrong(f"there is no value representation {vr[:8]!r}")
        if vr == element.vr:
            return
        before = (element.vr, element.text, element.data, element.items)
        keeps_bytes = vr in BINARY_VRS and element.vr in BINARY_VRS
        after = (vr, "" if vr == "SQ" else element.text, element.data if keeps_bytes else None, list[Item]())

        def apply(value: tuple[str, str, bytes | None, list[Item]]) -> None:
            element.vr, element.text, element.data, element.items = value
            _look_at(element)

        self._change(lambda: apply(after), lambda: apply(before))

    def add_item(self, sequence: Element, at: int | None = None) -> Item:
        """Add an empty item, by default at the end.

        :raises ConfigurationError: it is no sequence.
        """
        if not sequence.is_sequence:
            raise _wrong(f"{sequence.attribute.label} is no sequence")
        item = Item(sequence)
        self._insert(sequence.items, len(sequence.items) if at is None else at, item)
        return item

    def duplicate(self, item: Item) -> Item:
        """Add a copy of an item behind it.

        :raises ConfigurationError: it is the data set itself.
        """
        if item.parent is None:
            raise _wrong("only an item of a sequence has a copy beside it")
        copy = _copy_of(item, item.parent)
        self._insert(item.parent.items, item.parent.items.index(item) + 1, copy)
        return copy

    def move(self, item: Item, by: int) -> bool:
        """Move an item up (-1) or down (1) in its sequence; whether it could. Elements stand by their tags."""
        if item.parent is None:
            return False
        items = item.parent.items
        old = items.index(item)
        new = old + by
        if not 0 <= new < len(items):
            return False

        def apply(source: int, target: int) -> None:
            items.insert(target, items.pop(source))

        self._change(lambda: apply(old, new), lambda: apply(new, old))
        return True

    def remove(self, node: EditNode) -> None:
        """Take out an element or an item, with all that is inside; the data set itself is emptied."""
        if isinstance(node, Item) and node.parent is None:
            before = node.elements

            def empty() -> None:
                node.elements = []

            def fill() -> None:
                node.elements = before

            self._change(empty, fill)
            return
        beside = siblings(node)
        at = beside.index(node)
        self._change(lambda: beside.pop(at), lambda: beside.insert(at, node))

    def replace(self, dataset: Dataset) -> None:
        """Put another data set in its place; one step of undo.

        :raises ConfigurationError: it is larger or deeper than the limits of this module.
        """
        self.take(DatasetEdit(dataset))

    def take(self, other: DatasetEdit) -> None:
        """Put what another one holds in its place, which may have been made in a thread; one step of undo."""
        new, old = other.root, self.root

        def apply(root: Item) -> None:
            self.root = root

        self._change(lambda: apply(new), lambda: apply(old))

    def merge(self, dataset: Dataset) -> None:
        """Take the elements of another data set over those that are here; one step of undo.

        :raises ConfigurationError: it is larger or deeper than the limits of this module.
        """
        new, root = _item_of(dataset, self.root.parent, _Budget()), self.root
        taken = {one.attribute.tag for one in new.elements}
        merged = [one for one in root.elements if one.attribute.tag not in taken] + new.elements
        for element in new.elements:
            element.parent = root
        merged.sort(key=lambda one: one.attribute.tag)
        before = root.elements

        def apply(elements: list[Element]) -> None:
            root.elements = elements

        self._change(lambda: apply(merged), lambda: apply(before))

    # ------------------------------------------------------------------------------------------------------------ undo

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to be taken back."""
        return bool(self._undo)

    def undo(self) -> None:
        """Take the last change back."""
        if self._undo:
            self._undo.pop()()
            self._tell()

    def _insert(self, beside: list[EditNode] | list[Element] | list[Item], at: int, node: EditNode) -> None:
        if sum(1 for _ in self.elements()) >= MAX_NODES:
            raise _wrong(f"the data set has {MAX_NODES:,} elements already")
        nodes: list[Any] = beside
        self._change(lambda: nodes.insert(at, node), lambda: nodes.remove(node))

    def _change(self, do: Callable[[], object], back: Callable[[], object]) -> None:
        do()
        self._undo.append(lambda: _call(back))
        del self._undo[:-200]
        self._tell()

    def _tell(self) -> None:
        self.revision += 1
        for watcher in self.watchers:
            watcher()


def _call(what: Callable[[], object]) -> None:
    what()


def siblings(node: EditNode) -> list[EditNode]:
    """The list that an element or an item stands in; of the data set itself a list of it alone."""
    found: object = node.parent.elements if isinstance(node, Element) else None
    if isinstance(node, Item):
        found = [node] if node.parent is None else node.parent.items
    assert isinstance(found, list)
    return found


def path_of(node: EditNode) -> str:
    """Where an element or item stands: ``ReferencedSOPSequence[0].ReferencedSOPClassUID``."""
    if isinstance(node, Item):
        return "" if node.parent is None else f"{path_of(node.parent)}[{node.parent.items.index(node)}]"
    above = path_of(node.parent)
    return f"{above}.{node.attribute.label}" if above else node.attribute.label


# ------------------------------------------------------------------------------------------------------------ data sets


class _Budget:
    """Counts what is taken over."""

    def __init__(self) -> None:
        self._left = MAX_NODES

    def take(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise _wrong(f"the data set has more than {MAX_NODES:,} elements")


def _item_of(dataset: Dataset, parent: Element | None, budget: _Budget) -> Item:
    item = Item(parent)
    if item.depth > MAX_DEPTH:
        raise _wrong(f"the data set has sequences that are nested more than {MAX_DEPTH} deep")
    with warnings.catch_warnings(action="ignore"):
        for element in dataset:
            tag = int(element.tag)
            if tag >> 16 < 8 or not tag & 0xFFFF:  # command, file meta, group lengths: none of the data set's
                continue
            budget.take()
            item.elements.append(_element_of(element, item, budget))
    return item


def _element_of(read: DataElement, parent: Item, budget: _Budget) -> Element:
    tag = int(read.tag)
    attribute = attribute_of(f"({tag >> 16:04X},{tag & 0xFFFF:04X})")
    element = Element(attribute, parent, read.VR if read.VR in VRS else "UN")
    if read.VR == "SQ":
        for one in read.value or ():
            budget.take()
            element.items.append(_item_of(one, element, budget))
        return element
    if isinstance(read.value, bytes):
        element.vr = element.vr if element.vr in BINARY_VRS else "UN"
        element.text, element.data = _binary(read.value)
    else:
        element.text = text_of_value(read)
    _look_at(element)
    return element


def _binary(data: bytes) -> tuple[str, bytes | None]:
    return (data.hex(" "), None) if len(data) <= MAX_HEX else ("", data)


def _dataset_of(item: Item) -> Dataset:
    from pydicom import DataElement, Dataset, config

    dataset = Dataset()
    for element in item.elements:
        if element.is_sequence:
            value: object = [_dataset_of(one) for one in element.items]
        elif element.data is not None:
            value = element.data
        else:
            try:
                value = value_of_text(element.vr, element.text)
            except ConfigurationError as error:
                raise _wrong(f"{path_of(element)}: {error}") from error
        try:
            dataset.add(DataElement(element.attribute.tag, element.vr, value, validation_mode=config.IGNORE))
        except (TypeError, ValueError, OverflowError, ArithmeticError) as error:
            raise _wrong(f"{path_of(element)}: {element.vr} cannot hold {element.shown[:40]!r}") from error
    return dataset


def _look_at(element: Element) -> None:
    is_text = not element.is_sequence and element.data is None
    element.remark = judge(element.attribute.tag, element.vr, element.text) if is_text else None


def _copy_of(item: Item, parent: Element) -> Item:
    copy = Item(parent)
    for one in item.elements:
        twin = Element(one.attribute, copy, one.vr, one.text, [], one.data, one.remark)
        twin.items = [_copy_of(inner, twin) for inner in one.items]
        copy.elements.append(twin)
    return copy


def _walk(item: Item) -> Iterator[Element]:
    for element in item.elements:
        yield element
        for inner in element.items:
            yield from _walk(inner)


def _wrong(what: str) -> ConfigurationError:
    return ConfigurationError(what, phase="configure")
