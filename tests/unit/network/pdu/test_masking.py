from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomgui.network.pdu import (
    ApplicationContext,
    AssociateAC,
    AssociateRQ,
    MaximumLength,
    PresentationContextRQ,
    ReleaseRQ,
    UserIdentityAC,
    UserIdentityRQ,
    UserInformation,
    decode,
)
from dicomgui.network.pdu.masking import mask_user_identity

CONTEXT = PresentationContextRQ(1, "1.2.840.10008.1.1", ("1.2.840.10008.1.2",))


def request(*identities: UserIdentityRQ) -> bytes:
    information = UserInformation((MaximumLength(16384), *identities))
    return AssociateRQ("PACS", "XXXX", (ApplicationContext(), CONTEXT, information)).encode()


def identity_of(pdu: bytes) -> UserIdentityRQ:
    decoded = decode(pdu)
    assert isinstance(decoded, AssociateRQ)
    information = decoded.user_information
    assert information is not None
    assert information.user_identity is not None
    return information.user_identity


@pytest.mark.parametrize(
    ("identity", "primary", "secondary"),
    [
        (UserIdentityRQ(1, 0, b"alice"), b"alice", b""),
        (UserIdentityRQ(2, 1, b"alice", b"secret"), b"alice", b"******"),
        (UserIdentityRQ(1, 0, b"alice", b"odd"), b"alice", b"***"),
        (UserIdentityRQ(3, 0, b"ticket"), b"******", b""),
        (UserIdentityRQ(4, 0, b"<saml/>"), b"*******", b""),
        (UserIdentityRQ(5, 0, b"eyJ0", b"x"), b"****", b"*"),
        (UserIdentityRQ(77, 0, b"what", b"ever"), b"****", b"****"),
    ],
)
def test_secrets_are_masked_and_names_are_not(identity: UserIdentityRQ, primary: bytes, secondary: bytes) -> None:
    pdu = request(identity)
    masked = mask_user_identity(pdu)
    assert len(masked) == len(pdu)
    found = identity_of(masked)
    assert (found.type, found.primary, found.secondary) == (identity.type, primary, secondary)
    assert masked[:74] == pdu[:74]


def test_every_identity_is_masked() -> None:
    pdu = mask_user_identity(request(UserIdentityRQ(2, 0, b"a", b"secret1"), UserIdentityRQ(2, 0, b"b", b"secret2")))
    assert b"secret" not in pdu


def test_the_answer_of_the_server_is_masked() -> None:
    information = UserInformation((MaximumLength(0), UserIdentityAC(b"ticket")))
    masked = mask_user_identity(AssociateAC("PACS", "ME", (ApplicationContext(), information)).encode())
    decoded = decode(masked)
    assert isinstance(decoded, AssociateAC)
    assert decoded.user_information is not None
    assert decoded.user_information.user_identity_response == UserIdentityAC(b"******")


@pytest.mark.parametrize("pdu", [b"", ReleaseRQ().encode(), b"\x04" + bytes(100) + b"\x58\0", request()])
def test_what_has_no_secret_is_given_back_itself(pdu: bytes) -> None:
    assert mask_user_identity(pdu) is pdu


def test_an_x_in_a_name_is_no_identity() -> None:
    pdu = AssociateRQ("XX", "X", (ApplicationContext(), UserInformation((MaximumLength(0x5800),)))).encode()
    assert mask_user_identity(pdu) is pdu


@pytest.mark.parametrize("cut", range(1, 30))
def test_a_request_that_breaks_off_keeps_no_secret(cut: int) -> None:
    pdu = request(UserIdentityRQ(2, 0, b"alice", b"secret-secret-secret-secret-secret"))
    masked = mask_user_identity(pdu[:-cut])
    assert len(masked) == len(pdu) - cut
    assert b"secret" not in masked


def test_lengths_that_lie_keep_no_secret() -> None:
    pdu = bytearray(request(UserIdentityRQ(2, 0, b"alice", b"secret")))
    at = pdu.rindex(b"\0\x05alice")
    pdu[at : at + 2] = b"\xff\xff"
    masked = mask_user_identity(bytes(pdu))
    assert b"secret" not in masked
    item = pdu.rindex(b"\x58\0")
    pdu[item + 2 : item + 4] = b"\xff\xff"
    assert b"secret" not in mask_user_identity(bytes(pdu))
    pdu[item + 2 : item + 4] = b"\0\x02"
    assert b"secret" not in mask_user_identity(bytes(pdu))


def test_an_answer_in_a_broken_item_keeps_no_secret() -> None:
    information = UserInformation((MaximumLength(0), UserIdentityAC(b"ticket")))
    pdu = AssociateAC("PACS", "ME", (ApplicationContext(), information)).encode()
    assert b"ticket" not in mask_user_identity(pdu[:-1])
    assert b"ticke" not in mask_user_identity(pdu[:-1])


@pytest.mark.parametrize("content", [b"alice", b"", b"A" * 300])
def test_an_identity_outside_user_information_keeps_no_secret(content: bytes) -> None:
    """User information that says too short a length leaves the identity standing among the items."""
    pdu = bytearray(request(UserIdentityRQ(2, 0, content, b"secret")))
    start = pdu.index(b"\x50\0", 74)
    pdu[start + 2 : start + 4] = b"\0\x08"  # as long as the maximum length sub-item
    masked = mask_user_identity(bytes(pdu))
    assert masked == bytes(pdu).replace(b"secret", b"******")
    pdu[start] = 0x51
    pdu[start + 2 : start + 4] = (len(pdu) - start - 4).to_bytes(2, "big")
    assert b"secret" not in mask_user_identity(bytes(pdu))


def test_a_name_that_says_to_be_longer_takes_no_secret_with_it() -> None:
    pdu = bytearray(request(UserIdentityRQ(2, 0, b"alice", b"secret" * 4)))
    at = pdu.rindex(b"\0\x05alice")
    for length in range(6, 29):
        pdu[at + 1] = length
        assert b"secr" not in mask_user_identity(bytes(pdu))


@pytest.mark.parametrize("number", [87, 89, 91])
def test_no_number_of_a_context_is_taken_for_an_identity(number: int) -> None:
    context = PresentationContextRQ(number, "1.2.840.10008.1.1", ("1.2.840.10008.1.2",))
    information = UserInformation((MaximumLength(16384),))
    pdu = AssociateRQ("PACS", "ME", (ApplicationContext(), context, information)).encode()
    assert mask_user_identity(pdu) is pdu


@given(st.sampled_from((1, 2)), st.binary(max_size=300))
def test_any_bytes_keep_their_length(kind: int, data: bytes) -> None:
    pdu = bytes((kind,)) + data
    assert len(mask_user_identity(pdu)) == len(pdu)
