"""Attributes that are set on the way to a peer: ``PatientID=17``, ``(0008,0050)=``, ``Sequence[0].Keyword=value``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

from dicomgui.app.asking.keys import Attribute, attribute_of
from dicomgui.app.files.changes import Change, ChangeCode
from dicomgui.app.files.sources import Selection, SendItem
from dicomgui.app.viewing.edited_values import judge, representations, value_of_text
from dicomgui.network.dimse.dataset import encodes_text
from dicomgui.network.dimse.native import ConversionError
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service_classes import keys as grammar
from dicomgui.network.service_classes.attributes import ENCODED_VRS, SPECIFIC_CHARACTER_SET, UTF_8, text_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["SetValues", "Setting", "parse_setting", "with_settings"]

SOP_CLASS_UID: Final = 0x0008_0016
SOP_INSTANCE_UID: Final = 0x0008_0018
_NEEDED: Final = frozenset({SOP_CLASS_UID, SOP_INSTANCE_UID})
_PIXEL_GROUP: Final = 0x7FE0


@dataclass(frozen=True, slots=True)
class Setting:
    """One attribute and the value that it gets.

    :ivar path: the attribute, after the sequences that it is inside of, each with the number of the item from 0 on.
    :ivar value: as written, several values separated by backslashes; empty for none.
    """

    path: tuple[tuple[Attribute, int], ...]
    value: str = ""

    @property
    def attribute(self) -> Attribute:
        """The attribute itself."""
        return self.path[-1][0]

    @property
    def tag(self) -> int:
        """Of the element of the data set in which the attribute is, or which it is."""
        return self.path[0][0].tag

    @property
    def name(self) -> str:
        """``ScheduledProcedureStepSequence[0].Modality``."""
        return ".".join([*(f"{one.label}[{item}]" for one, item in self.path[:-1]), self.attribute.label])

    def __str__(self) -> str:
        return f"{self.name}={self.value}"

    def apply(self, dataset: Dataset) -> None:
        """Set the value in a data set; sequences and items on the way are made where there are none.

        :raises ConversionError: nobody knows its representation, or the data set's characters do not hold the value.
        """
        holder = dataset
        for attribute, item in self.path[:-1]:
            holder = _item(holder, attribute, item)
        tag, vr = self.attribute.tag, _vr_in(holder, self.attribute)
        if not self.value:
            _put(holder, tag, vr, [] if vr == "SQ" else None)
            return
        remark = judge(tag, vr, self.value)
        if remark is not None:
            raise ConversionError(f"{self.name}: {remark.text}")
        if vr in ENCODED_VRS and not self.value.isascii():
            self._check_characters(dataset)
        _put(holder, tag, vr, value_of_text(vr, self.value))

    def _check_characters(self, dataset: Dataset) -> None:
        said = text_of(dataset, SPECIFIC_CHARACTER_SET)
        if not said:  # all is ASCII, which UTF-8 contains
            _put(dataset, SPECIFIC_CHARACTER_SET, "CS", UTF_8)
        elif not encodes_text(self.value, said):
            raise ConversionError(
                f"Specific Character Set (0008,0005) is {said}, which does not hold the value of {self.name}"
            )


def _item(holder: Dataset, attribute: Attribute, number: int) -> Dataset:
    from pydicom import Dataset

    if attribute.tag not in holder or not holder[attribute.tag].value:
        _put(holder, attribute.tag, "SQ", [])
    element = holder[attribute.tag]
    if element.VR != "SQ":
        raise ConversionError(f"{attribute.label} is no sequence there")
    while len(element.value) <= number:
        element.value.append(Dataset())
    chosen: Dataset = element.value[number]
    return chosen


def _vr_in(holder: Dataset, attribute: Attribute) -> str:
    """The representation that the element has there, where the dictionary allows it; else the dictionary's."""
    allowed = representations(attribute.tag)
    if attribute.tag in holder:
        there = str(holder[attribute.tag].VR)
        if there in allowed and there != "UN":
            return there
    if _is_unknown(attribute):
        raise ConversionError(f"nobody knows the value representation of {attribute.label}, which is not there")
    return attribute.vr


def _is_unknown(attribute: Attribute) -> bool:
    """Tell whether only a data set says the representation: of private elements and of numbers without a name."""
    return attribute.vr == "UN" and attribute.name == attribute.number


def _put(holder: Dataset, tag: int, vr: str, value: object) -> None:
    from pydicom import DataElement, config

    holder[tag] = DataElement(tag, vr, value, validation_mode=config.IGNORE)


def parse_setting(text: str) -> Setting:
    """An attribute with the value that it gets: ``PatientName=Doe^Jane``; with nothing behind ``=`` it is emptied.

    :raises ConfigurationError: there is no such attribute, or it cannot have that value.
    """
    name, equals, value = text.partition("=")
    if not equals:
        raise _wrong(f"{text[:80]!r} sets nothing", "Write Keyword=value, or Keyword= for no value.")
    path: list[tuple[Attribute, int]] = []
    for written in grammar.split_path(name):
        if path and not path[-1][0].is_sequence:
            raise _wrong(f"{path[-1][0].label} is no sequence")
        attribute, number = attribute_of(written.attribute), written.item or 0
        if number > grammar.MAX_ITEMS:
            raise _wrong(f"{attribute.label}[{number}]: there are no more than {grammar.MAX_ITEMS} items")
        if written.item is not None and not attribute.is_sequence:
            raise _wrong(f"{attribute.label} is no sequence")
        path.append((attribute, number))
    setting = Setting(tuple(path), value)
    _check(setting)
    return setting


def _check(setting: Setting) -> None:
    attribute, value, tag = setting.attribute, setting.value, setting.attribute.tag
    if not tag & 0xFFFF or tag >> 16 in (_PIXEL_GROUP, 0xFFFE):
        raise _wrong(f"{attribute.label} cannot be set")
    if not value:
        if len(setting.path) == 1 and tag in _NEEDED:
            raise _wrong(f"{attribute.label} cannot be empty: without it nothing can be sent (PS3.7 9.3.1.1)")
        return
    if attribute.is_sequence:
        raise _wrong(
            f"{attribute.label} is a sequence", f"Set an attribute inside: {attribute.label}[0].Keyword=value."
        )
    if _is_unknown(attribute):
        return  # the data set says its representation
    remarks = [judge(tag, vr, value) for vr in representations(tag)]
    remark = remarks[0]
    if remark is not None and None not in remarks:
        raise _wrong(f"{setting.name}: {remark.text}")


def _wrong(what: str, hint: str = "") -> ConfigurationError:
    return ConfigurationError(what, phase="configure", hint=hint)


@dataclass(frozen=True)
class SetValues:
    """A change that sets attributes, after another change where there is one.

    :ivar first: what is changed before.
    """

    settings: tuple[Setting, ...]
    first: Change | None = None

    @property
    def codes(self) -> tuple[ChangeCode, ...]:
        """The kinds of changes."""
        return (*(self.first.codes if self.first is not None else ()), ChangeCode.SET)

    @cached_property
    def tags(self) -> frozenset[int] | None:
        """The elements that it looks at; ``None`` for all."""
        own = frozenset(setting.tag for setting in self.settings)
        if self.first is None:
            return own
        return None if self.first.tags is None else own | self.first.tags

    def apply(self, dataset: Dataset) -> None:
        """Change the data set in place; the character set is set before the texts."""
        if self.first is not None:
            self.first.apply(dataset)
        for setting in sorted(self.settings, key=lambda one: one.tag != SPECIFIC_CHARACTER_SET):
            setting.apply(dataset)


def with_settings(selection: Selection, settings: Iterable[Setting]) -> Selection:
    """A selection whose instances get these values on the way; close the one that is given here as before.

    :raises ConfigurationError: several instances would have one SOP Instance UID.
    """
    wanted = tuple(settings)
    if not wanted:
        return selection
    items = tuple(_with_settings(item, wanted) for item in selection.items)
    one = next((one for one in wanted if one.tag == SOP_INSTANCE_UID), None)
    if one is not None and len(items) > 1:
        raise _wrong(
            f"{len(items):,} instances cannot have the one SOP Instance UID {one.value}",
            "Set it for a single file, or let new instances be invented.",
        )
    return Selection(items, selection.skipped, directories=selection.directories)


def _with_settings(item: SendItem, settings: tuple[Setting, ...]) -> SendItem:
    uids = {one.tag: one.value for one in settings if one.tag in _NEEDED}
    head = item.head._replace(
        sop_class_uid=uids.get(SOP_CLASS_UID, item.head.sop_class_uid),
        sop_instance_uid=uids.get(SOP_INSTANCE_UID, item.head.sop_instance_uid),
    )
    return replace(item, head=head, change=SetValues(settings, item.change))
