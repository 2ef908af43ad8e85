"""Items of A-ASSOCIATE-RQ and A-ASSOCIATE-AC (PS3.8 9.3.2.1 to 9.3.2.3, 9.3.3.1 to 9.3.3.3).

The classes keep what was on the wire: order, unknown and repeated items, reserved bytes, padding of UIDs. What is
meant to be compared has fields or properties without the padding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, TypeAlias

from dicomgui.network.pdu.user_info import (
    AsyncOperationsWindow,
    ImplementationClassUID,
    ImplementationVersionName,
    MaximumLength,
    RoleSelection,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityAC,
    UserIdentityRQ,
    UserInfoItem,
    decode_sub_item,
)
from dicomgui.network.pdu.wire import Reader, Writer, clean_uid, hex_byte

__all__ = [
    "APPLICATION_CONTEXT",
    "AbstractSyntax",
    "ApplicationContext",
    "Item",
    "PresentationContextAC",
    "PresentationContextRQ",
    "SyntaxItem",
    "TransferSyntax",
    "UnknownItem",
    "UserInformation",
    "describe_presentation_result",
    "read_item",
]

APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
"""The DICOM application context name (PS3.7 A.2.1), the only one there is."""

_RESULTS = {
    0: "acceptance",
    1: "user-rejection",
    2: "no reason (provider rejection)",
    3: "abstract syntax not supported",
    4: "transfer syntaxes not supported",
}


def describe_presentation_result(result: int) -> str:
    """Words for the result of a presentation context (PS3.8 table 9-18); unknown ones are named by number."""
    return _RESULTS.get(result, f"unknown result {result}")


def _result_text(value: int) -> str:
    return f"{value} ({describe_presentation_result(value)})"


@dataclass(frozen=True, slots=True)
class UnknownItem:
    """An item of a type that is not known where it stands; kept as it is."""

    item_type: int
    data: bytes
    reserved: int = 0

    def write(self, writer: Writer) -> None:
        """Append the item."""
        start = writer.open_item(self.item_type, self.reserved)
        writer.raw(self.data)
        writer.close_item(start, f"Item {hex_byte(self.item_type)}")

    @classmethod
    def read(cls, item: Reader) -> UnknownItem:
        """Decode the content of the item."""
        item.note(f"unknown item {hex_byte(item.item_type)}")
        return cls(item.item_type, item.raw(item.remaining, "Data"), item.reserved)


@dataclass(frozen=True, slots=True)
class ApplicationContext:
    """Application context item (10H, PS3.8 9.3.2.1)."""

    ITEM_TYPE: ClassVar[int] = 0x10
    uid: str = APPLICATION_CONTEXT
    reserved: int = 0

    def write(self, writer: Writer) -> None:
        """Append the item."""
        _write_uid_item(writer, self.ITEM_TYPE, self.reserved, self.uid)

    @classmethod
    def read(cls, item: Reader) -> ApplicationContext:
        """Decode the content of the item."""
        return cls(item.uid(item.remaining, "Application-context-name"), item.reserved)


@dataclass(frozen=True, slots=True)
class AbstractSyntax:
    """Abstract syntax sub-item (30H, PS3.8 9.3.2.2.1)."""

    ITEM_TYPE: ClassVar[int] = 0x30
    uid: str
    reserved: int = 0

    def write(self, writer: Writer) -> None:
        """Append the sub-item."""
        _write_uid_item(writer, self.ITEM_TYPE, self.reserved, self.uid)


@dataclass(frozen=True, slots=True)
class TransferSyntax:
    """Transfer syntax sub-item (40H, PS3.8 9.3.2.2.2, 9.3.3.2.1)."""

    ITEM_TYPE: ClassVar[int] = 0x40
    uid: str
    reserved: int = 0

    def write(self, writer: Writer) -> None:
        """Append the sub-item."""
        _write_uid_item(writer, self.ITEM_TYPE, self.reserved, self.uid)


SyntaxItem: TypeAlias = AbstractSyntax | TransferSyntax | UnknownItem

# Stands for "make the sub-items from the syntaxes given"; told apart by identity.
_FROM_SYNTAXES: Final[tuple[SyntaxItem, ...]] = (UnknownItem(0, b"from syntaxes"),)


@dataclass(frozen=True, slots=True)
class PresentationContextRQ:
    """Presentation context item of an A-ASSOCIATE-RQ (20H, PS3.8 9.3.2.2).

    Callers give the first three fields. ``sub_items`` is what goes on the wire; where it is given, the two syntax
    fields are made from it. They hold the UIDs without padding.

    :ivar context_id: odd, 1 to 255.
    :ivar abstract_syntax: UID, empty where the sub-item is missing; the first one counts.
    :ivar transfer_syntaxes: UIDs in the order proposed.
    :ivar sub_items: the exact sub-items in their order.
    :ivar reserved: second byte of the item.
    :ivar reserved_body: the three reserved bytes after the context id.
    """

    ITEM_TYPE: ClassVar[int] = 0x20
    context_id: int
    abstract_syntax: str = ""
    transfer_syntaxes: tuple[str, ...] = ()
    sub_items: tuple[SyntaxItem, ...] = _FROM_SYNTAXES
    reserved: int = 0
    reserved_body: bytes = b"\0\0\0"

    def __post_init__(self) -> None:
        if self.sub_items is _FROM_SYNTAXES:
            made = (AbstractSyntax(self.abstract_syntax), *map(TransferSyntax, self.transfer_syntaxes))
            object.__setattr__(self, "sub_items", made)
        abstract = [clean_uid(item.uid) for item in self.sub_items if isinstance(item, AbstractSyntax)]
        transfer = tuple(clean_uid(item.uid) for item in self.sub_items if isinstance(item, TransferSyntax))
        object.__setattr__(self, "abstract_syntax", abstract[0] if abstract else "")
        object.__setattr__(self, "transfer_syntaxes", transfer)

    def write(self, writer: Writer) -> None:
        """Append the item."""
        start = writer.open_item(self.ITEM_TYPE, self.reserved)
        writer.u8(self.context_id, "Presentation-context-ID")
        writer.exactly(self.reserved_body, 3, "Reserved")
        for item in self.sub_items:
            item.write(writer)
        writer.close_item(start, f"Presentation context {self.context_id}")

    @classmethod
    def read(cls, item: Reader) -> PresentationContextRQ:
        """Decode the content of the item."""
        context_id = _read_context_id(item)
        reserved_body = item.raw(3, "Reserved")
        context = cls(
            context_id,
            sub_items=_read_syntaxes(item),
            reserved=item.reserved,
            reserved_body=reserved_body,
        )
        kinds = [type(sub_item) for sub_item in context.sub_items]
        if kinds.count(AbstractSyntax) != 1:
            item.note(f"presentation context {context_id} has {kinds.count(AbstractSyntax)} abstract syntaxes")
        if not context.transfer_syntaxes:
            item.note(f"presentation context {context_id} has no transfer syntax")
        return context


@dataclass(frozen=True, slots=True)
class PresentationContextAC:
    """Presentation context item of an A-ASSOCIATE-AC (21H, PS3.8 9.3.3.2).

    :ivar context_id: as proposed.
    :ivar result: 0 acceptance, 1 user-rejection, 2 no reason, 3 abstract syntax, 4 transfer syntaxes not supported.
    :ivar transfer_syntax: UID without padding, empty where the sub-item is missing; not significant unless accepted.
    :ivar sub_items: the exact sub-items; where given, ``transfer_syntax`` is made from it.
    :ivar reserved: second byte of the item.
    :ivar reserved_id: reserved byte before the result.
    :ivar reserved_result: reserved byte after the result.
    """

    ITEM_TYPE: ClassVar[int] = 0x21
    context_id: int
    result: int
    transfer_syntax: str = ""
    sub_items: tuple[SyntaxItem, ...] = _FROM_SYNTAXES
    reserved: int = 0
    reserved_id: int = 0
    reserved_result: int = 0

    def __post_init__(self) -> None:
        if self.sub_items is _FROM_SYNTAXES:
            object.__setattr__(self, "sub_items", (TransferSyntax(self.transfer_syntax),))
        transfer = [clean_uid(item.uid) for item in self.sub_items if isinstance(item, TransferSyntax)]
        object.__setattr__(self, "transfer_syntax", transfer[0] if transfer else "")

    @property
    def is_accepted(self) -> bool:
        """Whether the context may be used."""
        return self.result == 0

    def write(self, writer: Writer) -> None:
        """Append the item."""
        start = writer.open_item(self.ITEM_TYPE, self.reserved)
        writer.u8(self.context_id, "Presentation-context-ID")
        writer.u8(self.reserved_id)
        writer.u8(self.result, "Result/Reason")
        writer.u8(self.reserved_result)
        for item in self.sub_items:
            item.write(writer)
        writer.close_item(start, f"Presentation context {self.context_id}")

    @classmethod
    def read(cls, item: Reader) -> PresentationContextAC:
        """Decode the content of the item."""
        context_id = _read_context_id(item)
        reserved_id = item.u8("Reserved", hex_byte)
        result = item.u8("Result/Reason", _result_text)
        reserved_result = item.u8("Reserved", hex_byte)
        context = cls(
            context_id,
            result,
            sub_items=_read_syntaxes(item),
            reserved=item.reserved,
            reserved_id=reserved_id,
            reserved_result=reserved_result,
        )
        count = sum(isinstance(sub_item, TransferSyntax) for sub_item in context.sub_items)
        if result not in _RESULTS:
            item.note(f"presentation context {context_id} has the unknown result {result}")
        if count != 1:
            item.note(f"presentation context {context_id} has {count} transfer syntaxes instead of one")
        return context


@dataclass(frozen=True, slots=True)
class UserInformation:
    """User information item (50H, PS3.8 9.3.2.3).

    The properties give the first sub-item of their kind, with UIDs without padding.

    :ivar sub_items: all sub-items in their order.
    :ivar reserved: second byte of the item.
    """

    ITEM_TYPE: ClassVar[int] = 0x50
    sub_items: tuple[UserInfoItem, ...]
    reserved: int = 0

    @property
    def max_length(self) -> int | None:
        """Maximum length of P-DATA-TF that the sender takes, 0 for no limit; ``None`` where it says nothing."""
        for item in self.sub_items:  # no generator: it is asked for in every association
            if isinstance(item, MaximumLength):
                return item.length
        return None

    @property
    def implementation_class_uid(self) -> str:
        """Implementation class UID, or an empty string."""
        return next((clean_uid(item.uid) for item in self.sub_items if isinstance(item, ImplementationClassUID)), "")

    @property
    def implementation_version_name(self) -> str:
        """Implementation version name without padding, or an empty string."""
        names = (item.name.strip("\0 ") for item in self.sub_items if isinstance(item, ImplementationVersionName))
        return next(names, "")

    @property
    def async_ops(self) -> AsyncOperationsWindow | None:
        """The asynchronous operations window."""
        return next((item for item in self.sub_items if isinstance(item, AsyncOperationsWindow)), None)

    @property
    def roles(self) -> tuple[RoleSelection, ...]:
        """All role selections."""
        return tuple(item.cleaned() for item in self.sub_items if isinstance(item, RoleSelection))

    @property
    def extended(self) -> tuple[SOPClassExtendedNegotiation, ...]:
        """All SOP class extended negotiations."""
        return tuple(item.cleaned() for item in self.sub_items if isinstance(item, SOPClassExtendedNegotiation))

    @property
    def common_extended(self) -> tuple[SOPClassCommonExtendedNegotiation, ...]:
        """All SOP class common extended negotiations."""
        return tuple(item.cleaned() for item in self.sub_items if isinstance(item, SOPClassCommonExtendedNegotiation))

    @property
    def user_identity(self) -> UserIdentityRQ | None:
        """The user identity request."""
        return next((item for item in self.sub_items if isinstance(item, UserIdentityRQ)), None)

    @property
    def user_identity_response(self) -> UserIdentityAC | None:
        """The answer to a user identity request."""
        return next((item for item in self.sub_items if isinstance(item, UserIdentityAC)), None)

    def write(self, writer: Writer) -> None:
        """Append the item."""
        start = writer.open_item(self.ITEM_TYPE, self.reserved)
        for item in self.sub_items:
            item.write(writer)
        writer.close_item(start, "User information")

    @classmethod
    def read(cls, item: Reader) -> UserInformation:
        """Decode the content of the item."""
        sub_items: list[UserInfoItem] = []
        while item.remaining:
            sub_items.append(decode_sub_item(item))
        info = cls(tuple(sub_items), item.reserved)
        for kind in (MaximumLength, ImplementationClassUID, ImplementationVersionName, AsyncOperationsWindow,
                     UserIdentityRQ, UserIdentityAC):  # fmt: skip
            if sum(isinstance(sub_item, kind) for sub_item in sub_items) > 1:
                item.note(f"user information has more than one sub-item {hex_byte(kind.ITEM_TYPE)}")
        if info.max_length is None:
            item.note("user information has no maximum length")
        return info


Item: TypeAlias = ApplicationContext | PresentationContextRQ | PresentationContextAC | UserInformation | UnknownItem

_ITEM_LABELS = {
    0x10: "Application context",
    0x20: "Presentation context",
    0x21: "Presentation context",
    0x30: "Abstract syntax",
    0x40: "Transfer syntax",
    0x50: "User information",
}


def _item_label(item_type: int) -> str:
    name = _ITEM_LABELS.get(item_type, "Unknown")
    return f"{name} item" if item_type < 0 else f"{name} item ({hex_byte(item_type)})"


def _write_uid_item(writer: Writer, item_type: int, reserved: int, uid: str) -> None:
    label = _item_label(item_type)
    start = writer.open_item(item_type, reserved)
    writer.text(uid, label)
    writer.close_item(start, label)


def _read_context_id(item: Reader) -> int:
    context_id = item.u8("Presentation-context-ID")
    if not context_id & 1:
        item.note(f"the presentation context id {context_id} is not odd")
    return context_id


def _read_syntaxes(item: Reader) -> tuple[SyntaxItem, ...]:
    found: list[SyntaxItem] = []
    while item.remaining:
        sub_item = item.open_item(_item_label)
        if sub_item.item_type == AbstractSyntax.ITEM_TYPE:
            uid = sub_item.uid(sub_item.remaining, "Abstract-syntax-name")
            found.append(AbstractSyntax(uid, sub_item.reserved))
        elif sub_item.item_type == TransferSyntax.ITEM_TYPE:
            # An empty one is usual in an A-ASSOCIATE-AC for a context that was not accepted.
            read = sub_item.uid if sub_item.remaining else sub_item.text
            found.append(TransferSyntax(read(sub_item.remaining, "Transfer-syntax-name"), sub_item.reserved))
        else:
            found.append(UnknownItem.read(sub_item))
        item.close_item(sub_item, _item_label(sub_item.item_type))
    return tuple(found)


def read_item(reader: Reader) -> Item:
    """Decode the item at which ``reader`` stands.

    :raises RemoteProtocolError: it overruns its container, or its fields do not fill it exactly.
    """
    item = reader.open_item(_item_label)
    decoded: Item
    match item.item_type:
        case ApplicationContext.ITEM_TYPE:
            decoded = ApplicationContext.read(item)
        case PresentationContextRQ.ITEM_TYPE:
            decoded = PresentationContextRQ.read(item)
        case PresentationContextAC.ITEM_TYPE:
            decoded = PresentationContextAC.read(item)
        case UserInformation.ITEM_TYPE:
            decoded = UserInformation.read(item)
        case _:
            decoded = UnknownItem.read(item)
    reader.close_item(item, _item_label(item.item_type))
    return decoded
