"""Command sets: group 0000 in implicit VR little endian (PS3.7 6.3.1, 9.3, 10.3).

The codec is generic over the field table of :mod:`dicomgui.network.dimse.commands`; what can be known in advance of
each message is worked out once on import, because a busy association has thousands of commands a second.

What cannot mislead anybody is tolerated on receipt and told in ``anomalies``: a wrong or missing group length, odd
lengths, elements out of order, elements that the message does not have, empty numbers, missing UIDs, elements that come
twice with the same value, several numbers of sub-operations where one belongs (of which the first counts), Message ID
in the place of Message ID Being Responded To, the data set of a response behind its command set
(:func:`appended_dataset`). What leaves the meaning open is an error: elements that overrun, that belong to another
group or come twice with other values, no Command Field, no Message ID, no Command Data Set Type, a response without
Status.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

from dicomgui.network.dimse.commands import (
    MESSAGE_TYPES,
    NO_DATASET,
    RESPONSE_BIT,
    Command,
    CommandField,
    Priority,
    Response,
    UnknownCommand,
)
from dicomgui.network.dimse.elements import ELEMENTS, ELEMENTS_BY_NUMBER, MESSAGE_ID_RESPONDED, Element
from dicomgui.network.errors import LocalProtocolError, RemoteProtocolError
from dicomgui.network.pdu.wire import INVALID_PARAMETER, PduType, printable
from dicomgui.network.status import Status

if TYPE_CHECKING:
    from dicomgui.network.pdu.wire import Recorder

__all__ = ["APPENDED", "MAX_COMMENT", "appended_dataset", "decode", "encode"]

MAX_COMMENT: Final = 64
"""Characters of a LO value (PS3.5 6.2): longer comments are cut when they are sent."""

_HEAD: Final = struct.Struct("<HHL")
_GROUP_LENGTH: Final = struct.Struct("<HHLL")
APPENDED: Final = "the data set stands behind the command set, in the same fragment"
"""The anomaly of a response with an :func:`appended_dataset`."""

_UNANNOUNCED: Final = "Command Data Set Type says that there is no data set"

_GROUP_LENGTH_HEAD: Final = _HEAD.pack(0, 0, 4)
_NUMBER: Final = struct.Struct("<HHLH")
_TAG: Final = struct.Struct("<HH")
_MAX_ANOMALIES: Final = 16
_DATASET: Final = 0x0001
_TEXTS: Final = ("UI", "AE", "LO")
_MAX_LAYOUT: Final = 512
_COMMAND_FIELD: Final = ELEMENTS["command_field"].number
_MESSAGE_ID: Final = ELEMENTS["message_id"].number
_COUNTS: Final = frozenset(ELEMENTS[name].number for name in ("remaining", "completed", "failed", "warning"))
_SHORT: Final = struct.Struct("<H")
_DATASET_TYPE: Final = ELEMENTS["has_dataset"].number


# --- values ---------------------------------------------------------------------------------------------------------


def _comment(text: str) -> bytes:
    """A LO value as it may be sent: ASCII without control characters and backslash, at most 64 characters."""
    if len(text) > MAX_COMMENT or not text.isascii() or not text.isprintable() or "\\" in text:
        text = "".join(c if c.isascii() and c.isprintable() else "?" for c in text.replace("\\", "/"))[:MAX_COMMENT]
    return text.encode("ascii")


def _write_text(element: Element, *, mandatory: bool) -> Callable[[str], bytes]:
    pad = b"\0" if element.vr == "UI" else b" "
    to_bytes: Callable[[str], bytes] = _comment if element.vr == "LO" else lambda text: text.encode("latin-1")
    pack = _HEAD.pack
    number = element.number

    def write(text: str) -> bytes:
        if not text and not mandatory:
            return b""
        raw = to_bytes(text)
        if len(raw) & 1:
            raw += pad
        return pack(0, number, len(raw)) + raw

    return write


def _write_number(element: Element) -> Callable[[int | None], bytes]:
    pack = _NUMBER.pack
    number = element.number
    return lambda value: b"" if value is None else pack(0, number, 2, value)


def _write_tags(element: Element) -> Callable[[tuple[int, ...]], bytes]:
    def write(tags: tuple[int, ...]) -> bytes:
        if not tags:
            return b""
        head = _HEAD.pack(0, element.number, 4 * len(tags))
        return head + b"".join(_TAG.pack(tag >> 16, tag & 0xFFFF) for tag in tags)

    return write


def _write_dataset_type(has_dataset: bool) -> bytes:
    return _NUMBER.pack(0, _DATASET_TYPE, 2, _DATASET if has_dataset else NO_DATASET)


def _read_uid(raw: bytes) -> str:
    return raw.decode("latin-1").rstrip("\0 ")


def _read_text(raw: bytes) -> str:
    return raw.decode("latin-1").strip("\0 ")


def _read_number(raw: bytes) -> int:
    if len(raw) != 2:
        raise ValueError("a number of two bytes is expected")
    return raw[0] | raw[1] << 8


def _read_status(raw: bytes) -> Status:
    return Status(_read_number(raw))


def _read_priority(raw: bytes) -> int:
    value = _read_number(raw)
    return _PRIORITIES.get(value, value)


def _read_dataset_type(raw: bytes) -> bool:
    return _read_number(raw) != NO_DATASET


def _read_group_length(raw: bytes) -> int:
    if len(raw) != 4:
        raise ValueError("a number of four bytes is expected")
    return int.from_bytes(raw, "little")


def _read_tags(raw: bytes) -> tuple[int, ...]:
    if len(raw) % 4:
        raise ValueError("tags of four bytes each are expected")
    return tuple([group << 16 | element for group, element in _TAG.iter_unpack(raw)])


_PRIORITIES: Final[Mapping[int, Priority]] = {int(priority): priority for priority in Priority}
_READ_VR: Final[Mapping[str, Callable[[bytes], object]]] = {
    "UI": _read_uid,
    "AE": _read_text,
    "LO": _read_text,
    "US": _read_number,
    "AT": _read_tags,
}
_READERS: Final[Mapping[int, Callable[[bytes], object]]] = {
    **{element.number: _READ_VR[element.vr] for element in (*ELEMENTS.values(), MESSAGE_ID_RESPONDED)},
    0: _read_group_length,
    _DATASET_TYPE: _read_dataset_type,
    ELEMENTS["status"].number: _read_status,
    ELEMENTS["priority"].number: _read_priority,
}


_OF_LAYOUTS: Final[Mapping[int, Callable[[bytes], object]]] = {
    **_READERS,
    ELEMENTS["affected_sop_class_uid"].number: lru_cache(maxsize=256)(_read_uid),
}
"""The same where layouts are known: of SOP classes and statuses there are few, so that they are known as well."""

_NUMBERS: Final[Mapping[int, Callable[[int], object] | None]] = {
    **{element.number: None for element in (*ELEMENTS.values(), MESSAGE_ID_RESPONDED) if element.vr == "US"},
    ELEMENTS["status"].number: lru_cache(maxsize=256)(Status),
    ELEMENTS["priority"].number: lambda value: _PRIORITIES.get(value, value),
}
"""What makes the field of a number of two bytes of that number; ``None`` where it is the field."""


# --- one plan per message -------------------------------------------------------------------------------------------


class _Plan(NamedTuple):
    """What encoding and decoding one kind of message needs.

    :ivar make: its class.
    :ivar numbers: elements of the positional fields in their order, ``defaults`` what stands for a missing one.
    :ivar rare: the other elements but Command Data Set Type, ``keywords`` their field names.
    :ivar required: elements without which the message means nothing; ``expected`` also those that may be empty.
    :ivar values: takes the values of all fields out of a message in the order of the tags, for ``writers``.
    """

    make: Callable[..., Command]
    numbers: tuple[int, ...]
    defaults: tuple[object, ...]
    rare: frozenset[int]
    keywords: Mapping[int, str]
    required: frozenset[int]
    expected: frozenset[int]
    known: frozenset[int]
    values: Callable[[object], tuple[Any, ...]]
    writers: tuple[Callable[[Any], bytes], ...]


def _element_of(name: str, *, refers_back: bool) -> Element:
    return MESSAGE_ID_RESPONDED if name == "message_id" and refers_back else ELEMENTS[name]


def _writer_of(element: Element, *, mandatory: bool) -> Callable[[Any], bytes]:
    if element.number == _DATASET_TYPE:
        return _write_dataset_type
    if element.vr == "US":
        return _write_number(element)
    if element.vr == "AT":
        return _write_tags(element)
    return _write_text(element, mandatory=mandatory)


def _plan(cls: type[Command], *, refers_back: bool) -> _Plan:
    declared = {
        field: _element_of(field.name, refers_back=refers_back)
        for field in dataclasses.fields(cls)
        if field.name != "anomalies"
    }
    positional = [field for field in declared if not field.kw_only]
    mandatory = [field for field in positional if field.default is dataclasses.MISSING]
    expected = frozenset(declared[field].number for field in mandatory)
    texts = frozenset(element.number for element in declared.values() if element.vr in _TEXTS)
    sent = {element.number: field.name for field, element in declared.items()} | {_COMMAND_FIELD: "command_field"}
    order = sorted(sent)
    keywords = {element.number: field.name for field, element in declared.items() if field.kw_only}
    by_number = {element.number: element for element in declared.values()}
    by_number[_COMMAND_FIELD] = ELEMENTS["command_field"]
    return _Plan(
        make=cls,
        numbers=tuple(declared[field].number for field in positional),
        defaults=tuple("" if declared[field].vr in _TEXTS else field.default for field in positional),
        rare=frozenset(keywords) - {_DATASET_TYPE},
        keywords=keywords,
        required=(expected - texts) | {_COMMAND_FIELD, _DATASET_TYPE},
        expected=expected | {_COMMAND_FIELD, _DATASET_TYPE},
        known=frozenset(order),
        values=attrgetter(*(sent[number] for number in order)),
        writers=tuple(_writer_of(by_number[number], mandatory=number in expected) for number in order),
    )


_REFERS_BACK: Final = MESSAGE_ID_RESPONDED.number
_PLANS: Final[Mapping[int, _Plan]] = {
    code: _plan(cls, refers_back=issubclass(cls, Response) or cls.refers_back) for code, cls in MESSAGE_TYPES.items()
}
_UNKNOWN_REQUEST: Final = _plan(UnknownCommand, refers_back=False)
_UNKNOWN_RESPONSE: Final = _plan(UnknownCommand, refers_back=True)


def _plan_of(command_field: int) -> _Plan:
    plan = _PLANS.get(command_field)
    if plan is not None:
        return plan
    return _UNKNOWN_RESPONSE if command_field & RESPONSE_BIT else _UNKNOWN_REQUEST


# --- encode ---------------------------------------------------------------------------------------------------------


def encode(command: Command) -> bytes:
    """The command set of ``command`` with its group length; every element has an even length (PS3.7 6.3.1).

    An error comment is cut to 64 characters, and what LO does not allow in it is replaced.

    :raises LocalProtocolError: a value does not fit its element.
    """
    plan = _plan_of(command.command_field)
    try:
        body = b"".join([write(value) for write, value in zip(plan.writers, plan.values(command), strict=True)])
    except (struct.error, UnicodeEncodeError, TypeError, AttributeError) as exc:
        raise LocalProtocolError(f"{command.name} cannot be encoded: {exc}", phase="transfer") from exc
    return _GROUP_LENGTH.pack(0, 0, 4, len(body)) + body


# --- layouts that are known -----------------------------------------------------------------------------------------


class _Layout(NamedTuple):
    """Where the values lie in a sound command set of one kind and length.

    One association sends the same few messages again and again, with the same elements in the same lengths: what is
    like one that was judged already, but for the values, need not be judged again.

    :ivar split: takes the bytes apart, in turn a part that must be the same and the value of an element, numbers of two
        bytes as numbers.
    :ivar fixed: the parts that must be the same: tags and lengths, the group length, the Command Field.
    :ivar fields: for each positional field the place among the values, or -1, what makes it of the value if that is not
        the field itself, and what stands for it where it is missing.
    :ivar dataset_type: the place of the Command Data Set Type.
    """

    split: Callable[[bytes], tuple[Any, ...]]
    fixed: tuple[bytes, ...]
    make: Callable[..., Command]
    fields: tuple[tuple[int, Callable[[Any], object] | None, object], ...]
    dataset_type: int

    def read(self, values: tuple[Any, ...]) -> Command:
        """The message with these values."""
        positional = [
            default if place < 0 else values[place] if read is None else read(values[place])
            for place, read, default in self.fields
        ]
        return self.make(*positional, has_dataset=values[self.dataset_type] != NO_DATASET)


_LAYOUTS: Final[dict[int, _Layout]] = {}
"""By length of the command set; two kinds of the same length take turns."""


def _layout_of(data: bytes, plan: _Plan) -> _Layout:
    """The layout of a command set in which nothing was odd."""
    form = "<"
    places: dict[int, int] = {}
    begin = offset = 0
    while offset < len(data):
        _, number, length = _HEAD.unpack_from(data, offset)
        offset += _HEAD.size
        if number not in (0, _COMMAND_FIELD):
            form += f"{offset - begin}s" + ("H" if number in _NUMBERS else f"{length}s")
            places[number] = len(places)
            begin = offset + length
        offset += length
    split = struct.Struct(form).unpack
    fields = [
        (places.get(number, -1), _NUMBERS.get(number, _OF_LAYOUTS[number]), default)
        for number, default in zip(plan.numbers, plan.defaults, strict=True)
    ]
    return _Layout(split, split(data)[::2], plan.make, tuple(fields), places[_DATASET_TYPE])


# --- decode ---------------------------------------------------------------------------------------------------------


def decode(data: bytes | bytearray | memoryview, *, recorder: Recorder | None = None) -> Command:
    """Read a whole command set.

    :param recorder: is told name, value and place of every element, offsets counted from the start of ``data``; also
        of those before a fault.
    :raises RemoteProtocolError: the command set is malformed or lacks what its meaning depends on; see the module.
    """
    data = bytes(data)
    if recorder is not None:
        _record(data, recorder)
    layout = _LAYOUTS.get(len(data))
    if layout is not None:
        parts = layout.split(data)
        if parts[::2] == layout.fixed:
            return layout.read(parts[1::2])
    oddities: list[str] = []
    appended = appended_dataset(data)
    data = data[: len(data) - len(appended)]
    values = _read_elements(data, oddities)
    if appended:
        oddities += [APPENDED] if values.get(_DATASET_TYPE) else [APPENDED, _UNANNOUNCED]
    if values.pop(0, -1) != len(data) - 12:
        oddities.append("the Command Group Length is missing or wrong")
    command_field = values.get(_COMMAND_FIELD)
    if not isinstance(command_field, int):
        _fail("Command Field", "it is missing", 0)
    plan = _plan_of(command_field)
    if _REFERS_BACK in plan.required and _REFERS_BACK not in values and _MESSAGE_ID in values:
        values[_REFERS_BACK] = values.pop(_MESSAGE_ID)
        oddities.append(f"{_label(_MESSAGE_ID)} stands for {_label(_REFERS_BACK)}")
    if not plan.expected <= values.keys() <= plan.known:
        _judge_elements(plan, values, oddities)
    positional = map(values.get, plan.numbers, plan.defaults)
    has_dataset = values[_DATASET_TYPE]
    if not oddities and plan.rare.isdisjoint(values):
        if command_field in _PLANS and len(data) <= _MAX_LAYOUT:
            _LAYOUTS[len(data)] = _layout_of(data, plan)
        return plan.make(*positional, has_dataset=has_dataset)
    rare = {plan.keywords[number]: values[number] for number in plan.rare.intersection(values)}
    return plan.make(*positional, has_dataset=has_dataset, anomalies=tuple(oddities[:_MAX_ANOMALIES]), **rare)


def appended_dataset(data: bytes) -> bytes:
    """The data set that a response has behind its command set, in the same fragment; empty where there is none.

    PS3.7 6.3.1 wants it in fragments of its own. Orthanc sends the Failed SOP Instance UID List of a C-GET so, in
    implicit VR little endian like the command set, without announcing it by Command Data Set Type. It begins where
    group 0000 ends by its length, with an element of a higher group.
    """
    if len(data) < _GROUP_LENGTH.size or data[:8] != _GROUP_LENGTH_HEAD:
        return b""
    end = _GROUP_LENGTH.size + _GROUP_LENGTH.unpack_from(data)[3]
    if end + _HEAD.size > len(data) or data[end : end + 2] == b"\0\0":
        return b""
    with suppress(RemoteProtocolError):
        values = _read_elements(data[:end], [])
        command_field = values.get(_COMMAND_FIELD)
        if isinstance(command_field, int) and command_field & RESPONSE_BIT:
            return data[end:]
    return b""


def _read_elements(data: bytes, oddities: list[str]) -> dict[int, object]:
    """The values of all elements that a message can have, by element number."""
    values: dict[int, object] = {}
    readers = _READERS
    unpack = _HEAD.unpack_from
    offset = 0
    end = len(data)
    previous = -1
    try:
        while offset < end:
            group, number, length = unpack(data, offset)
            following = offset + 8 + length
            if group or following > end:
                _fail_element(group, number, length, offset, end)
            if number <= previous and not _is_repeated(number, data[offset + 8 : following], values, oddities):
                _judge_order(number, values, offset, oddities)
            if length & 1:
                oddities.append(f"{_label(number)} has the odd length {length}")
            previous = number
            reader = readers.get(number)
            if reader is None:
                oddities.append(f"{_label(number)} was skipped: no current message has it")
            else:
                try:
                    values[number] = reader(data[offset + 8 : following])
                except ValueError as exc:
                    if number in _COUNTS and length >= _SHORT.size:
                        values[number] = _SHORT.unpack_from(data, offset + 8)[0]
                        oddities.append(f"{_label(number)} has {length} bytes: the first two count")
                    elif length:
                        _fail(_label(number), f"{length} bytes, {exc}", offset)
                    else:
                        oddities.append(f"{_label(number)} is empty")
            offset = following
    except struct.error:
        _fail("Command Set", f"{end - offset} bytes are left over", offset)
    return values


def _is_repeated(number: int, raw: bytes, values: Mapping[int, object], oddities: list[str]) -> bool:
    """Returns true where the element was there already, with the same value."""
    reader = _READERS.get(number)
    if reader is None or number not in values:
        return False
    with suppress(ValueError):
        if reader(raw) == values[number]:
            oddities.append(f"{_label(number)} comes twice, with the same value")
            return True
    return False


def _judge_order(number: int, values: Mapping[int, object], offset: int, oddities: list[str]) -> None:
    if number in values:
        _fail(_label(number), "it comes twice", offset)
    oddities.append(f"{_label(number)} is out of order")


def _fail_element(group: int, number: int, length: int, offset: int, end: int) -> NoReturn:
    if group:
        _fail("Command Set", f"element ({group:04X},{number:04X}) is not of group 0000", offset)
    _fail(_label(number), f"its length is {length}, {end - offset - 8} bytes are left", offset)


def _judge_elements(plan: _Plan, values: Mapping[int, object], oddities: list[str]) -> None:
    """Missing elements are an error or an oddity, elements of other messages are an oddity."""
    for number in sorted(plan.expected - values.keys()):
        if number in plan.required:
            _fail(_label(number), "it is missing", 0)
        oddities.append(f"{_label(number)} is missing")
    oddities.extend(f"{_label(number)} does not belong here" for number in sorted(values.keys() - plan.known))


def _label(number: int) -> str:
    element = ELEMENTS_BY_NUMBER.get(number)
    return f"(0000,{number:04X}) {element.name if element else 'unknown element'}"


def _fail(field: str, problem: str, offset: int) -> NoReturn:
    raise RemoteProtocolError(
        f"command set, {field} at offset {offset}: {problem}",
        pdu_type=PduType.P_DATA_TF,
        offset=offset,
        field=field,
        abort_reason=INVALID_PARAMETER,
    )


# --- record for the trace -------------------------------------------------------------------------------------------


def _record(data: bytes, recorder: Recorder) -> None:
    """Report every element up to the first that cannot be told apart; never raises."""
    recorder.enter("Command set", 0)
    offset = 0
    while len(data) - offset >= 8:
        group, number, length = _HEAD.unpack_from(data, offset)
        value = data[offset + 8 : offset + 8 + length]
        label = _label(number) if not group else f"({group:04X},{number:04X})"
        if len(value) < length:
            recorder.field(label, f"length {length}, the command set breaks off", offset, len(data) - offset)
            return
        recorder.field(label, _describe(group, number, value), offset, 8 + length)
        offset += 8 + length
    if offset < len(data):
        recorder.field("Left over", data[offset:].hex(" "), offset, len(data) - offset)
        return
    recorder.leave(offset)


def _describe(group: int, number: int, raw: bytes) -> str:
    """A value as text for people."""
    element = ELEMENTS_BY_NUMBER.get(number)
    if group or element is None:
        return raw[:32].hex(" ") + (" …" if len(raw) > 32 else "")
    if element.vr == "AT":
        tags = _TAG.iter_unpack(raw[: len(raw) & ~3])
        return ", ".join([f"({tag[0]:04X},{tag[1]:04X})" for tag in tags])
    if element.vr not in ("US", "UL"):
        return printable(_read_text(raw))
    value = int.from_bytes(raw[:4], "little")
    return _DESCRIBE_NUMBER.get(number, str)(value)


def _describe_command_field(value: int) -> str:
    known = MESSAGE_TYPES.get(value)
    return f"{value:04X}H ({CommandField(value).text if known else 'unknown'})"


_DESCRIBE_NUMBER: Final[Mapping[int, Callable[[int], str]]] = {
    _COMMAND_FIELD: _describe_command_field,
    _DATASET_TYPE: lambda value: f"{value:04X}H ({'no data set' if value == NO_DATASET else 'data set follows'})",
    ELEMENTS["status"].number: lambda value: str(Status(value)) if value <= 0xFFFF else f"{value:X}H",
    ELEMENTS["priority"].number: lambda value: (
        f"{value} ({_PRIORITIES[value].name.lower()})" if value in _PRIORITIES else str(value)
    ),
}
