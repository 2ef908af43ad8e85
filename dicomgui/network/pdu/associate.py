"""A-ASSOCIATE-RQ, A-ASSOCIATE-AC and A-ASSOCIATE-RJ (PS3.8 9.3.2 to 9.3.4); their items are in ``items``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

from dicomgui.network.errors import LocalProtocolError
from dicomgui.network.pdu.control import check_length, read_extra
from dicomgui.network.pdu.items import (
    APPLICATION_CONTEXT,
    ApplicationContext,
    Item,
    PresentationContextAC,
    PresentationContextRQ,
    UnknownItem,
    UserInformation,
    read_item,
)
from dicomgui.network.pdu.wire import PduType, Reader, Writer, clean_uid, hex_byte

__all__ = [
    "APPLICATION_CONTEXT",
    "MIN_ASSOCIATE_LENGTH",
    "ApplicationContext",
    "AssociateAC",
    "AssociateRJ",
    "AssociateRQ",
    "Item",
    "PresentationContextAC",
    "PresentationContextRQ",
    "UnknownItem",
    "UserInformation",
    "describe_rejection",
]

MIN_ASSOCIATE_LENGTH = 68
"""Bytes of the variable field before the items: version, reserved, two AE titles, reserved."""

_AE_LENGTH = 16

_REJECT_RESULTS = {1: "rejected permanently", 2: "rejected transiently"}
_REJECT_SOURCES = {
    1: "service-user",
    2: "service-provider (ACSE)",
    3: "service-provider (presentation)",
}
_REJECT_REASONS = {
    (1, 1): "no reason given",
    (1, 2): "application context name not supported",
    (1, 3): "calling AE title not recognized",
    (1, 7): "called AE title not recognized",
    (2, 1): "no reason given",
    (2, 2): "protocol version not supported",
    (3, 1): "temporary congestion",
    (3, 2): "local limit exceeded",
}


def describe_rejection(result: int, source: int, reason: int) -> str:
    """Words for the codes of an A-ASSOCIATE-RJ (PS3.8 table 9-21); unknown ones are named by number."""
    how = _REJECT_RESULTS.get(result, f"rejected with unknown result {result}")
    who = _REJECT_SOURCES.get(source, f"unknown source {source}")
    return f"{how} by the {who}: {_reason_text(source, reason)}"


def _reason_text(source: int, reason: int) -> str:
    return _REJECT_REASONS.get((source, reason), f"unknown reason {reason}")


def _coded(value: int, text: str) -> str:
    return f"{value} ({text})"


@dataclass(frozen=True, slots=True)
class _Associate:
    """What an A-ASSOCIATE-RQ and an A-ASSOCIATE-AC have in common.

    :ivar called_ae_title: text of the 16 bytes without trailing spaces; in the AC the copy of the RQ's, not tested.
    :ivar calling_ae_title: the same.
    :ivar items: all items in their order.
    :ivar protocol_version: bit 0 is version 1; other bits are not to be tested.
    :ivar reserved: second byte of the PDU.
    :ivar reserved_version: the two reserved bytes after the version.
    :ivar reserved_body: the 32 reserved bytes after the AE titles.
    :ivar anomalies: what is odd but harmless, after decoding.
    """

    called_ae_title: str
    calling_ae_title: str
    items: tuple[Item, ...]
    protocol_version: int = 1
    reserved: int = 0
    reserved_version: bytes = b"\0\0"
    reserved_body: bytes = bytes(32)
    anomalies: tuple[str, ...] = field(default=(), compare=False)

    PDU_TYPE: ClassVar[PduType]

    def __post_init__(self) -> None:
        object.__setattr__(self, "called_ae_title", self.called_ae_title.rstrip(" "))
        object.__setattr__(self, "calling_ae_title", self.calling_ae_title.rstrip(" "))

    @property
    def pdu_type(self) -> PduType:
        """First byte of the PDU."""
        return self.PDU_TYPE

    @property
    def called_ae(self) -> str:
        """The called AE title without the spaces and NULs around it: the form to compare."""
        return self.called_ae_title.strip("\0 ")

    @property
    def calling_ae(self) -> str:
        """The calling AE title without the spaces and NULs around it: the form to compare."""
        return self.calling_ae_title.strip("\0 ")

    @property
    def application_context(self) -> str | None:
        """UID of the first application context item without padding, ``None`` where there is none."""
        return next((clean_uid(item.uid) for item in self.items if isinstance(item, ApplicationContext)), None)

    @property
    def user_information(self) -> UserInformation | None:
        """The first user information item."""
        for item in self.items:  # no generator: it is asked for in every association
            if isinstance(item, UserInformation):
                return item
        return None

    def encode(self) -> bytes:
        """The bytes of the PDU.

        :raises LocalProtocolError: a value does not fit its field.
        """
        writer = Writer()
        writer.open_pdu(self.PDU_TYPE, self.reserved)
        writer.u16(self.protocol_version, "Protocol-version")
        writer.exactly(self.reserved_version, 2, "Reserved")
        _write_ae_title(writer, self.called_ae_title, "Called-AE-title")
        _write_ae_title(writer, self.calling_ae_title, "Calling-AE-title")
        writer.exactly(self.reserved_body, 32, "Reserved")
        for item in self.items:
            item.write(writer)
        return writer.close_pdu()


def _write_ae_title(writer: Writer, title: str, label: str) -> None:
    if len(title) > _AE_LENGTH:
        raise LocalProtocolError(f"{label}: {title!r} has {len(title)} characters; 16 are allowed")
    writer.text(title.ljust(_AE_LENGTH), label)


@dataclass(frozen=True, slots=True)
class AssociateRQ(_Associate):
    """A-ASSOCIATE-RQ (PS3.8 9.3.2)."""

    PDU_TYPE: ClassVar[PduType] = PduType.ASSOCIATE_RQ

    @property
    def presentation_contexts(self) -> tuple[PresentationContextRQ, ...]:
        """The proposed presentation contexts in their order."""
        return tuple(item for item in self.items if isinstance(item, PresentationContextRQ))

    @classmethod
    def read(cls, reader: Reader) -> AssociateRQ:
        """Decode; ``reader`` stands after the header."""
        return cls(*_read_associate(reader, PresentationContextRQ))


@dataclass(frozen=True, slots=True)
class AssociateAC(_Associate):
    """A-ASSOCIATE-AC (PS3.8 9.3.3)."""

    PDU_TYPE: ClassVar[PduType] = PduType.ASSOCIATE_AC

    @property
    def presentation_contexts(self) -> tuple[PresentationContextAC, ...]:
        """The answered presentation contexts in their order."""
        return tuple(item for item in self.items if isinstance(item, PresentationContextAC))

    @classmethod
    def read(cls, reader: Reader) -> AssociateAC:
        """Decode; ``reader`` stands after the header."""
        return cls(*_read_associate(reader, PresentationContextAC))


_Parts: TypeAlias = tuple[str, str, tuple[Item, ...], int, int, bytes, bytes, tuple[str, ...]]


def _read_associate(reader: Reader, context_class: type[PresentationContextRQ] | type[PresentationContextAC]) -> _Parts:
    if reader.remaining < MIN_ASSOCIATE_LENGTH:
        reader.fail("PDU length", f"{reader.remaining}, at least {MIN_ASSOCIATE_LENGTH} are needed", offset=2)
    version = reader.u16("Protocol-version")
    reserved_version = reader.raw(2, "Reserved")
    called = reader.text(_AE_LENGTH, "Called-AE-title").rstrip(" ")
    calling = reader.text(_AE_LENGTH, "Calling-AE-title").rstrip(" ")
    reserved_body = reader.raw(32, "Reserved")
    items: list[Item] = []
    while reader.remaining:
        items.append(read_item(reader))
    if not version & 1:
        reader.note(f"the protocol version {version:04X}H does not include version 1")
    if context_class is PresentationContextRQ:
        _note_titles(reader, called, calling)
    _note_items(reader, items, context_class)
    return called, calling, tuple(items), version, reader.reserved, reserved_version, reserved_body, tuple(reader.notes)


def _note_titles(reader: Reader, called: str, calling: str) -> None:
    for name, title in (("called", called), ("calling", calling)):
        if not title.strip("\0 "):
            reader.note(f"the {name} AE title is empty")
        if any(not " " <= c <= "~" or c == "\\" for c in title):
            reader.note(f"the {name} AE title contains characters that are not allowed")


def _note_items(
    reader: Reader, items: list[Item], context_class: type[PresentationContextRQ] | type[PresentationContextAC]
) -> None:
    for kind, name in ((ApplicationContext, "application context"), (UserInformation, "user information")):
        count = sum(isinstance(item, kind) for item in items)
        if count != 1:
            reader.note(f"{count} {name} items instead of one")
    seen: set[int] = set()
    for item in items:
        if not isinstance(item, PresentationContextRQ | PresentationContextAC):
            continue
        if not isinstance(item, context_class):
            reader.note(f"presentation context {item.context_id} is an item {hex_byte(item.ITEM_TYPE)}")
        if item.context_id in seen:
            reader.note(f"presentation context {item.context_id} is repeated")
        seen.add(item.context_id)
    if not seen:
        reader.note("no presentation context")


@dataclass(frozen=True, slots=True)
class AssociateRJ:
    """A-ASSOCIATE-RJ (PS3.8 9.3.4).

    :ivar result: see :class:`~dicomgui.network.pdu.control.RejectResult`.
    :ivar source: see :class:`~dicomgui.network.pdu.control.RejectSource`.
    :ivar reason: its meaning depends on ``source``; :func:`describe_rejection` has the words.
    :ivar reserved: second byte of the PDU.
    :ivar reserved_body: reserved byte before the result.
    :ivar extra: bytes beyond what the standard defines.
    :ivar anomalies: what is odd but harmless, after decoding.
    """

    result: int
    source: int
    reason: int
    reserved: int = 0
    reserved_body: int = 0
    extra: bytes = b""
    anomalies: tuple[str, ...] = field(default=(), compare=False)

    @property
    def pdu_type(self) -> PduType:
        """First byte of the PDU."""
        return PduType.ASSOCIATE_RJ

    @property
    def text(self) -> str:
        """Result, source and reason in words."""
        return describe_rejection(self.result, self.source, self.reason)

    def encode(self) -> bytes:
        """The bytes of the PDU.

        :raises LocalProtocolError: a value does not fit its field.
        """
        writer = Writer()
        writer.open_pdu(PduType.ASSOCIATE_RJ, self.reserved)
        writer.u8(self.reserved_body)
        writer.u8(self.result, "Result")
        writer.u8(self.source, "Source")
        writer.u8(self.reason, "Reason/Diag.")
        writer.raw(self.extra)
        return writer.close_pdu()

    @classmethod
    def read(cls, reader: Reader) -> AssociateRJ:
        """Decode; ``reader`` stands after the header."""
        check_length(reader)
        reserved_body = reader.u8("Reserved", hex_byte)
        result = reader.u8("Result", lambda value: _coded(value, _REJECT_RESULTS.get(value, "unknown result")))
        source = reader.u8("Source", lambda value: _coded(value, _REJECT_SOURCES.get(value, "unknown source")))
        reason = reader.u8("Reason/Diag.", lambda value: _coded(value, _reason_text(source, value)))
        extra = read_extra(reader)
        if result not in _REJECT_RESULTS or (source, reason) not in _REJECT_REASONS:
            reader.note(f"unknown rejection code {result}/{source}/{reason}")
        return cls(result, source, reason, reader.reserved, reserved_body, extra, tuple(reader.notes))
