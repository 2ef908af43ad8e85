"""Sub-items of the user information item (PS3.8 annex D.1, PS3.7 annex D.3.3).

Each keeps exactly what was on the wire, padding of UIDs and reserved bytes included; ``cleaned()`` gives the form to
compare. Types that are not known stay as :class:`UnknownSubItem` and survive byte for byte, as PS3.8 9.3.2 wants
them ignored and never to be a reason to reject.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import ClassVar, TypeAlias

from dicomgui.network.pdu.wire import Reader, Writer, clean_uid, hex_byte

__all__ = [
    "AsyncOperationsWindow",
    "ImplementationClassUID",
    "ImplementationVersionName",
    "MaximumLength",
    "RoleSelection",
    "SOPClassCommonExtendedNegotiation",
    "SOPClassExtendedNegotiation",
    "UnknownSubItem",
    "UserIdentityAC",
    "UserIdentityRQ",
    "UserIdentityType",
    "UserInfoItem",
    "decode_sub_item",
]


class UserIdentityType(IntEnum):
    """What the primary field of a user identity request holds (PS3.7 D.3.3.7.1)."""

    USERNAME = 1
    USERNAME_AND_PASSCODE = 2
    KERBEROS = 3
    SAML = 4
    JWT = 5


_IDENTITY_TEXTS = {
    1: "username",
    2: "username and passcode",
    3: "Kerberos service ticket",
    4: "SAML assertion",
    5: "JSON web token",
}


def _identity_text(value: int) -> str:
    return f"{value} ({_IDENTITY_TEXTS.get(value, 'unknown type')})"


def _flag_text(value: int) -> str:
    return f"{value} ({'yes' if value else 'no'})"


def _limit_text(value: int) -> str:
    return f"{value} (no limit)" if value == 0 else str(value)


def _window_text(value: int) -> str:
    return f"{value} (unlimited)" if value == 0 else str(value)


@dataclass(frozen=True, slots=True)
class MaximumLength:
    """Maximum length (51H, PS3.8 D.1): longest variable field of P-DATA-TF in bytes that the sender of this item takes.

    0 is no limit.
    """

    ITEM_TYPE: ClassVar[int] = 0x51
    length: int
    reserved: int = 0

    def write(self, writer: Writer) -> None:
        """Append the sub-item."""
        start = writer.open_item(self.ITEM_TYPE, self.reserved)
        writer.u32(self.length, "Maximum-length-received")
        writer.close_item(start, "Maximum length")

    @classmethod
    def read(cls, item: Reader) -> MaximumLength:
        """Decode the content of the sub-item."""
        return cls(item.u32("Maximum-length-received", _limit_text), item.reserved)


@dataclass(frozen=True, slots=True)
class ImplementationClassUID:
    """Implementation class UID (52H, PS3.7 D.3.3.2)."""

    ITEM_TYPE: ClassVar[int] = 0x52
    uid: str
    reserved: int = 0

    def write(self, writer: Writer) -> None:
        """Append the sub-item."""
        start = writer.open_item(self.ITEM_TYPE, self.reserved)
        writer.text(self.uid, "Implementation-class-uid")
        writer.close_item(start, "Implementation class UID")

    @classmethod
    def read(cls, item: Reader) -> ImplementationClassUID:
        """Decode the content of the sub-item."""
        return cls(item.uid(item.remaining, "Implementation-class-uid"), item.reserved)


@dataclass(frozen=True, slots=True)
class AsyncOperationsWindow:
    """Asynchronous operations window (53H, PS3.7 D.3.3.3): how many operations may be outstanding; 0 is unlimited."""

    ITEM_TYPE: ClassVar[int] = 0x53
    invoked: int
    performed: int
    reserved: int = 0

    def write(self, writer: Writer) -> None:
        """Append the sub-item."""
        start = writer.open_item(self.ITEM_TYPE, self.reserved)
        writer.u16(self.invoked, "Maximum-number-operations-invoked")
        writer.u16(self.performed, "Maximum-number-operations-performed")
        writer.close_item(start, "Asynchronous operations window")

    @classmethod
    def read(cls, item: Reader) -> AsyncOperationsWindow:
        """Decode the content of the sub-item."""
        invoked = item.u16("Maximum-number-operations-invoked", _window_text)
        performed = item.u16("Maximum-number-operations-performed", _window_text)
        return cls(invoked, performed, item.reserved)


@dataclass(frozen=True, slots=True)
class RoleSelection:
    """SCP/SCU role selection (54H, PS3.7 D.3.3.4).

    ``scu`` and ``scp`` are 1 where the requestor proposes (or the acceptor accepts) that the *requestor* takes the
    role; ``True`` and ``False`` may be given.
    """

    ITEM_TYPE: ClassVar[int] = 0x54
    sop_class_uid: str
    scu: int
    scp: int
    reserved: int = 0

    def cleaned(self) -> RoleSelection:
        """The same with the padding of the UID removed."""
        return replace(self, sop_class_uid=clean_uid(self.sop_class_uid))

    def write(self, writer: Writer) -> None:
        """Append the sub-item."""
        start = writer.open_item(self.ITEM_TYPE, self.reserved)
        writer.sized_text(self.sop_class_uid, "SOP-class-uid")
        writer.u8(self.scu, "SCU-role")
        writer.u8(self.scp, "SCP-role")
        writer.close_item(start, "SCP/SCU role selection")

    @classmethod
    def read(cls, item: Reader) -> RoleSelection:
        """Decode the content of the sub-item."""
        uid = _read_sized_uid(item, "SOP-class-uid")
        scu = item.u8("SCU-role", _flag_text)
        scp = item.u8("SCP-role", _flag_text)
        return cls(uid, scu, scp, item.reserved)


@dataclass(frozen=True, slots=True)
class ImplementationVersionName:
    """Implementation version name (55H, PS3.7 D.3.3.2): 1 to 16 characters."""

    ITEM_TYPE: ClassVar[int] = 0x55
    name: str
    reserved: int = 0

    def write(self, writer: Writer) -> None:
        """Append the sub-item."""
        start = writer.open_item(self.ITEM_TYPE, self.reserved)
        writer.text(self.name, "Implementation-version-name")
        writer.close_item(start, "Implementation version name")

    @classmethod
    def read(cls, item: Reader) -> ImplementationVersionName:
        """Decode the content of the sub-item."""
        length = item.remaining
        if not 1 <= length <= 16:
            item.note(f"the implementation version name has {length} characters; 1 to 16 are allowed")
        return cls(item.text(length, "Implementation-version-name"), item.reserved)


@dataclass(frozen=True, slots=True)
class SOPClassExtendedNegotiation:
    """SOP class extended negotiation (56H, PS3.7 D.3.3.5); ``data`` is defined by the service class."""

    ITEM_TYPE: ClassVar[int] = 0x56
    sop_class_uid: str
    data: bytes
    reserved: int = 0

    def cleaned(self) -> SOPClassExtendedNegotiation:
        """The same with the padding of the UID removed."""
        return replace(self, sop_class_uid=clean_uid(self.sop_class_uid))

    def write(self, writer: Writer) -> None:
        """Append the sub-item."""
        start = writer.open_item(self.ITEM_TYPE, self.reserved)
        writer.sized_text(self.sop_class_uid, "SOP-class-uid")
        writer.raw(self.data)
        writer.close_item(start, "SOP class extended negotiation")

    @classmethod
    def read(cls, item: Reader) -> SOPClassExtendedNegotiation:
        """Decode the content of the sub-item."""
        uid = _read_sized_uid(item, "SOP-class-uid")
        return cls(uid, item.raw(item.remaining, "Service-class-application-information"), item.reserved)


@dataclass(frozen=True, slots=True)
class SOPClassCommonExtendedNegotiation:
    """SOP class common extended negotiation (57H, PS3.7 D.3.3.6), only in an A-ASSOCIATE-RQ.

    :ivar related: related general SOP class UIDs.
    :ivar version: version of the sub-item, second byte of it; 0.
    :ivar extra: bytes that later versions of the sub-item may append.
    """

    ITEM_TYPE: ClassVar[int] = 0x57
    sop_class_uid: str
    service_class_uid: str
    related: tuple[str, ...] = ()
    version: int = 0
    extra: bytes = b""

    def cleaned(self) -> SOPClassCommonExtendedNegotiation:
        """The same with the padding of the UIDs removed."""
        return replace(
            self,
            sop_class_uid=clean_uid(self.sop_class_uid),
            service_class_uid=clean_uid(self.service_class_uid),
            related=tuple(map(clean_uid, self.related)),
        )

    def write(self, writer: Writer) -> None:
        """Append the sub-item."""
        start = writer.open_item(self.ITEM_TYPE, self.version)
        writer.sized_text(self.sop_class_uid, "SOP-class-uid")
        writer.sized_text(self.service_class_uid, "Service-class-uid")
        inner = Writer()
        for uid in self.related:
            inner.sized_text(uid, "Related-general-sop-class-uid")
        writer.sized_raw(inner.getvalue(), "Related-general-sop-class-identification")
        writer.raw(self.extra)
        writer.close_item(start, "SOP class common extended negotiation")

    @classmethod
    def read(cls, item: Reader) -> SOPClassCommonExtendedNegotiation:
        """Decode the content of the sub-item."""
        sop_class = _read_sized_uid(item, "SOP-class-uid")
        service_class = _read_sized_uid(item, "Service-class-uid")
        start = item.pos
        length = item.u16("Related-general-sop-class-identification-length")
        if length > item.remaining:
            item.fail(
                "Related-general-sop-class-identification-length",
                f"{length} with {item.remaining} bytes left in the sub-item",
                offset=start,
            )
        stop = item.pos + length
        related: list[str] = []
        while item.pos < stop:
            item.count("Related-general-sop-class-uid")
            related.append(_read_sized_uid(item, "Related-general-sop-class-uid"))
        if item.pos != stop:
            item.fail("Related-general-sop-class-uid", "goes past the list that it is in", offset=stop)
        extra = item.raw(item.remaining, "Reserved for later versions") if item.remaining else b""
        return cls(sop_class, service_class, tuple(related), item.reserved, extra)


@dataclass(frozen=True, slots=True)
class UserIdentityRQ:
    """User identity negotiation request (58H, PS3.7 D.3.3.7.1); fields may be secrets and are not in ``repr``.

    :ivar type: see :class:`UserIdentityType`.
    :ivar positive_response: 1 where a response is wanted.
    :ivar primary: username in UTF-8, ticket, assertion or token.
    :ivar secondary: passcode in UTF-8 with type 2, else empty.
    """

    ITEM_TYPE: ClassVar[int] = 0x58
    type: int
    positive_response: int
    primary: bytes
    secondary: bytes = b""
    reserved: int = 0

    def __repr__(self) -> str:
        return (
            f"UserIdentityRQ(type={self.type}, positive_response={self.positive_response}, "
            f"primary=<{len(self.primary)} bytes>, secondary=<{len(self.secondary)} bytes>)"
        )

    def write(self, writer: Writer) -> None:
        """Append the sub-item."""
        start = writer.open_item(self.ITEM_TYPE, self.reserved)
        writer.u8(self.type, "User-Identity-Type")
        writer.u8(self.positive_response, "Positive-response-requested")
        writer.sized_raw(self.primary, "Primary-field")
        writer.sized_raw(self.secondary, "Secondary-field")
        writer.close_item(start, "User identity negotiation")

    @classmethod
    def read(cls, item: Reader) -> UserIdentityRQ:
        """Decode the content of the sub-item."""
        kind = item.u8("User-Identity-Type", _identity_text)
        wanted = item.u8("Positive-response-requested", _flag_text)
        is_name = kind in (UserIdentityType.USERNAME, UserIdentityType.USERNAME_AND_PASSCODE)
        primary = item.raw(item.u16("Primary-field-length"), "Primary-field", _name_text if is_name else _secret_text)
        secondary = item.raw(item.u16("Secondary-field-length"), "Secondary-field", _secret_text)
        if kind not in _IDENTITY_TEXTS:
            item.note(f"user identity of the unknown type {kind}")
        if secondary and kind != UserIdentityType.USERNAME_AND_PASSCODE:
            item.note(f"user identity of type {kind} with a secondary field")
        return cls(kind, wanted, primary, secondary, item.reserved)


@dataclass(frozen=True, slots=True)
class UserIdentityAC:
    """User identity negotiation response (59H, PS3.7 D.3.3.7.2); it may be a secret and is not in ``repr``."""

    ITEM_TYPE: ClassVar[int] = 0x59
    response: bytes = b""
    reserved: int = 0

    def __repr__(self) -> str:
        return f"UserIdentityAC(response=<{len(self.response)} bytes>)"

    def write(self, writer: Writer) -> None:
        """Append the sub-item."""
        start = writer.open_item(self.ITEM_TYPE, self.reserved)
        writer.sized_raw(self.response, "Server-response")
        writer.close_item(start, "User identity negotiation response")

    @classmethod
    def read(cls, item: Reader) -> UserIdentityAC:
        """Decode the content of the sub-item."""
        response = item.raw(item.u16("Server-response-length"), "Server-response", _secret_text)
        return cls(response, item.reserved)


@dataclass(frozen=True, slots=True)
class UnknownSubItem:
    """A sub-item of a type that this version does not know; kept as it is."""

    item_type: int
    data: bytes
    reserved: int = 0

    def write(self, writer: Writer) -> None:
        """Append the sub-item."""
        start = writer.open_item(self.item_type, self.reserved)
        writer.raw(self.data)
        writer.close_item(start, f"Sub-item {hex_byte(self.item_type)}")

    @classmethod
    def read(cls, item: Reader) -> UnknownSubItem:
        """Decode the content of the sub-item."""
        item.note(f"user information has the unknown sub-item {hex_byte(item.item_type)}")
        return cls(item.item_type, item.raw(item.remaining, "Data"), item.reserved)


UserInfoItem: TypeAlias = (
    MaximumLength
    | ImplementationClassUID
    | AsyncOperationsWindow
    | RoleSelection
    | ImplementationVersionName
    | SOPClassExtendedNegotiation
    | SOPClassCommonExtendedNegotiation
    | UserIdentityRQ
    | UserIdentityAC
    | UnknownSubItem
)


def _read_sized_uid(item: Reader, label: str) -> str:
    return item.uid(item.u16(f"{label}-length"), label)


def _name_text(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace").encode("unicode_escape").decode("ascii")


def _secret_text(value: bytes) -> str:
    return f"{len(value)} bytes (not shown)" if value else "empty"


_READERS: dict[int, Callable[[Reader], UserInfoItem]] = {
    MaximumLength.ITEM_TYPE: MaximumLength.read,
    ImplementationClassUID.ITEM_TYPE: ImplementationClassUID.read,
    AsyncOperationsWindow.ITEM_TYPE: AsyncOperationsWindow.read,
    RoleSelection.ITEM_TYPE: RoleSelection.read,
    ImplementationVersionName.ITEM_TYPE: ImplementationVersionName.read,
    SOPClassExtendedNegotiation.ITEM_TYPE: SOPClassExtendedNegotiation.read,
    SOPClassCommonExtendedNegotiation.ITEM_TYPE: SOPClassCommonExtendedNegotiation.read,
    UserIdentityRQ.ITEM_TYPE: UserIdentityRQ.read,
    UserIdentityAC.ITEM_TYPE: UserIdentityAC.read,
}
_LABELS = {
    MaximumLength.ITEM_TYPE: "Maximum length",
    ImplementationClassUID.ITEM_TYPE: "Implementation class UID",
    AsyncOperationsWindow.ITEM_TYPE: "Asynchronous operations window",
    RoleSelection.ITEM_TYPE: "SCP/SCU role selection",
    ImplementationVersionName.ITEM_TYPE: "Implementation version name",
    SOPClassExtendedNegotiation.ITEM_TYPE: "SOP class extended negotiation",
    SOPClassCommonExtendedNegotiation.ITEM_TYPE: "SOP class common extended negotiation",
    UserIdentityRQ.ITEM_TYPE: "User identity negotiation",
    UserIdentityAC.ITEM_TYPE: "User identity negotiation response",
}


def sub_item_label(item_type: int) -> str:
    """The name of a sub-item of user information."""
    name = _LABELS.get(item_type, "Unknown")
    return f"{name} sub-item" if item_type < 0 else f"{name} sub-item ({hex_byte(item_type)})"


def decode_sub_item(reader: Reader) -> UserInfoItem:
    """Decode the sub-item at which ``reader`` stands.

    :raises RemoteProtocolError: it overruns its container, or its fields do not fill it exactly.
    """
    item = reader.open_item(sub_item_label)
    decoded = _READERS.get(item.item_type, UnknownSubItem.read)(item)
    reader.close_item(item, sub_item_label(item.item_type))
    return decoded
