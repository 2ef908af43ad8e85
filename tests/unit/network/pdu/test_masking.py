"""No passcode, ticket, assertion or token gets into a trace."""

import pytest

from dicomgui.network.pdu import (
    ApplicationContext,
    AssociateAC,
    AssociateRQ,
    MaximumLength,
    ReleaseRQ,
    UnknownItem,
    UserIdentityAC,
    UserIdentityRQ,
    UserInfoItem,
    UserInformation,
    mask_user_identity,
)


def request(*sub_items: UserInfoItem) -> bytes:
    return AssociateRQ("A", "B", (ApplicationContext(), UserInformation((MaximumLength(0), *sub_items)))).encode()


def test_masked_passcode_but_not_the_name() -> None:
    data = request(UserIdentityRQ(2, 1, b"user", b"passcode"))
    assert mask_user_identity(data) == request(UserIdentityRQ(2, 1, b"user", b"********"))


@pytest.mark.parametrize("kind", [3, 4, 5, 6])
def test_masked_ticket(kind: int) -> None:
    data = request(UserIdentityRQ(kind, 1, b"ticket"))
    assert mask_user_identity(data) == request(UserIdentityRQ(kind, 1, b"******"))


def test_masked_response() -> None:
    def answer(text: bytes) -> bytes:
        return AssociateAC("A", "B", (UserInformation((UserIdentityAC(text),)),)).encode()

    assert mask_user_identity(answer(b"ticket")) == answer(b"******")


def test_nothing_to_mask() -> None:
    plain = request(UserIdentityRQ(1, 0, b"user"))
    assert mask_user_identity(plain) is plain
    release = ReleaseRQ().encode()
    assert mask_user_identity(release) is release
    assert mask_user_identity(b"") == b""
    assert mask_user_identity(b"\x01\x00\x00") == b"\x01\x00\x00"


def test_masked_up_to_where_it_breaks_off() -> None:
    data = request(UserIdentityRQ(2, 1, b"user", b"passcode"))
    for stop in range(len(data)):
        cut = mask_user_identity(data[:stop])
        assert len(cut) == stop
        assert b"pass" not in cut


def test_masked_when_malformed_inside_the_identity() -> None:
    data = request(UserIdentityRQ(2, 1, b"user", b"passcode")).replace(b"\0\x08passcode", b"\0\x09passcode")
    assert b"passcode" not in mask_user_identity(data)


def test_masked_when_malformed_before_the_identity() -> None:
    data = AssociateRQ(
        "A", "B", (UnknownItem(0x10, b"1.2"), UserInformation((UserIdentityRQ(2, 1, b"user", b"passcode"),)))
    ).encode()
    wrong = data.replace(b"\x10\x00\x00\x03", b"\x10\x00\xff\xff") + b"X"
    assert b"passcode" not in mask_user_identity(wrong)
    assert len(mask_user_identity(wrong)) == len(wrong)


def test_masked_when_the_lengths_inside_contradict_each_other() -> None:
    data = request(UserIdentityRQ(2, 1, b"user", b"passcode"))
    wrong = data.replace(b"\0\x04user", b"\0\xf0user")
    assert b"passcode" not in mask_user_identity(wrong)
    short = request(UserIdentityRQ(1, 1, b"")).replace(b"\x58\0\0\x06\x01", b"\x58\0\0\x02\x01")
    assert len(mask_user_identity(short)) == len(short)
