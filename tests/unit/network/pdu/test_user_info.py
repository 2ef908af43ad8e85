"""User information sub-items: exact bytes, wrong sizes, notes, and no secrets in texts."""

import pytest

from dicomgui.network.errors import LocalProtocolError, RemoteProtocolError
from dicomgui.network.pdu import (
    ApplicationContext,
    AssociateRQ,
    AsyncOperationsWindow,
    ImplementationClassUID,
    ImplementationVersionName,
    MaximumLength,
    PresentationContextRQ,
    RoleSelection,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UnknownItem,
    UnknownSubItem,
    UserIdentityAC,
    UserIdentityRQ,
    UserInfoItem,
    UserInformation,
    decode,
)
from dicomgui.network.pdu.user_info import sub_item_label
from dicomgui.network.pdu.wire import Writer

EXACT: list[tuple[UserInfoItem, str]] = [
    (MaximumLength(16384), "51 00 0004 00004000"),
    (ImplementationClassUID("1.2", 9), "52 09 0003 312e32"),
    (AsyncOperationsWindow(5, 0), "53 00 0004 0005 0000"),
    (RoleSelection("1.2", True, False), "54 00 0007 0003 312e32 01 00"),
    (ImplementationVersionName("V1"), "55 00 0002 5631"),
    (SOPClassExtendedNegotiation("1.2", b"\1\0\1"), "56 00 0008 0003 312e32 010001"),
    (
        SOPClassCommonExtendedNegotiation("1.2", "1.3", ("1.4", "1.5")),
        "57 00 0016 0003 312e32 0003 312e33 000a 0003 312e34 0003 312e35",
    ),
    (
        SOPClassCommonExtendedNegotiation("1.2", "1.3", (), 1, b"new"),
        "57 01 000f 0003 312e32 0003 312e33 0000 6e6577",
    ),
    (UserIdentityRQ(2, 1, b"me", b"pw"), "58 00 000a 02 01 0002 6d65 0002 7077"),
    (UserIdentityAC(b"ok"), "59 00 0004 0002 6f6b"),
    (UnknownSubItem(0x99, b"abc", 3), "99 03 0003 616263"),
]


def request(*sub_items: UserInfoItem) -> AssociateRQ:
    context = PresentationContextRQ(1, "1.2.840.10008.1.1", ("1.2.840.10008.1.2",))
    return AssociateRQ("A", "B", (ApplicationContext(), context, UserInformation(sub_items)))


def decode_raw(sub_item: str) -> AssociateRQ:
    """Decode a request whose user information has these bytes."""
    empty = request()
    items = (*empty.items[:2], UnknownItem(0x50, bytes.fromhex(sub_item)))
    pdu = decode(AssociateRQ("A", "B", items).encode())
    assert isinstance(pdu, AssociateRQ)
    return pdu


@pytest.mark.parametrize(("item", "wire"), EXACT, ids=lambda value: value[:2] if isinstance(value, str) else None)
def test_exact_bytes(item: UserInfoItem, wire: str) -> None:
    writer = Writer()
    item.write(writer)
    assert writer.getvalue() == bytes.fromhex(wire)
    info = decode_raw(wire).user_information
    assert info is not None
    assert info.sub_items == (item,)


@pytest.mark.parametrize(
    "wire",
    [
        "51 00 0003 000000",
        "51 00 0005 0000000000",
        "51 00 0000",
        "53 00 0002 0001",
        "53 00 0006 000000000000",
        "54 00 0006 0003 312e32 01",
        "54 00 0008 0003 312e32 010000",
        "54 00 0000",
        "54 00 0004 FFFF 0101",
        "56 00 0001 00",
        "56 00 0003 0003 31",
        "57 00 0002 0003",
        "57 00 0007 0003 312e32 0003",
        "57 00 000c 0003 312e32 0003 312e33 0001",
        "57 00 000d 0003 312e32 0003 312e33 0001 00",
        "57 00 000f 0003 312e32 0003 312e33 0002 0001 31",
        "58 00 0001 01",
        "58 00 0004 01 00 0005",
        "58 00 0006 01 00 0002 6d65",
        "58 00 0007 01 00 0000 0000 00",
        "59 00 0001 00",
        "59 00 0002 0001",
        "59 00 0003 0000 00",
        "51 00 FFFF 00000000",
        "51 00 00",
        "51 00",
        "51",
    ],
)
def test_wrong_sizes(wire: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        decode_raw(wire)
    assert (caught.value.abort_reason, caught.value.pdu_type) == (6, 1)
    assert caught.value.field
    assert caught.value.offset >= 142


@pytest.mark.parametrize("name", [b"", b"V" * 17])
def test_length_of_the_version_name_is_noted(name: bytes) -> None:
    pdu = decode(request(MaximumLength(0), ImplementationVersionName(name.decode())).encode())
    assert f"{len(name)} characters" in pdu.anomalies[0]


@pytest.mark.parametrize(
    ("identity", "note"),
    [
        (UserIdentityRQ(6, 0, b"x"), "unknown type 6"),
        (UserIdentityRQ(1, 0, b"x", b"y"), "type 1 with a secondary field"),
    ],
)
def test_odd_identities_are_noted(identity: UserIdentityRQ, note: str) -> None:
    pdu = decode(request(MaximumLength(0), identity).encode())
    assert note in pdu.anomalies[0]


def test_padded_uids_are_kept_and_cleaned() -> None:
    sub_items: tuple[UserInfoItem, ...] = (
        MaximumLength(0),
        ImplementationClassUID("1.2.3\0"),
        ImplementationVersionName("NAME  "),
        RoleSelection("1.2\0", 1, 1),
        SOPClassExtendedNegotiation("1.3 ", b"x"),
        SOPClassCommonExtendedNegotiation("1.4\0", "1.5 ", ("1.6\0",)),
    )
    pdu = decode(request(*sub_items).encode())
    assert isinstance(pdu, AssociateRQ)
    info = pdu.user_information
    assert info is not None
    assert info.sub_items == sub_items
    assert info.implementation_class_uid == "1.2.3"
    assert info.implementation_version_name == "NAME"
    assert info.roles == (RoleSelection("1.2", 1, 1),)
    assert info.extended == (SOPClassExtendedNegotiation("1.3", b"x"),)
    assert info.common_extended == (SOPClassCommonExtendedNegotiation("1.4", "1.5", ("1.6",)),)
    assert sum("is padded" in note for note in pdu.anomalies) == 6


def test_secrets_are_in_no_text() -> None:
    shown: list[str] = []

    class Recorder:
        def enter(self, label: str, offset: int) -> None: ...
        def leave(self, end: int) -> None: ...
        def field(self, label: str, value: str, offset: int, length: int) -> None:
            shown.append(value)

    secret = b"TOPSECRET"
    pdu = request(UserIdentityRQ(2, 1, b"me\n", secret), UserIdentityRQ(5, 1, secret), UserIdentityAC(secret))
    decode(pdu.encode(), recorder=Recorder())
    assert "TOPSECRET" not in "".join(shown) + repr(pdu)
    assert "me\\n" in shown
    assert "empty" in shown


def test_labels() -> None:
    assert sub_item_label(0x51) == "Maximum length sub-item (51H)"
    assert sub_item_label(0x99) == "Unknown sub-item (99H)"
    assert sub_item_label(-1) == "Unknown sub-item"


def test_values_that_do_not_fit() -> None:
    for item in (MaximumLength(2**32), AsyncOperationsWindow(65536, 0), RoleSelection("1", 256, 0)):
        with pytest.raises(LocalProtocolError):
            request(item).encode()
