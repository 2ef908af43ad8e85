"""What is decoded once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dicomgui.network.errors import RemoteProtocolError
from dicomgui.network.pdu import (
    PDU,
    Abort,
    ApplicationContext,
    AssociateAC,
    AssociateRJ,
    AssociateRQ,
    MaximumLength,
    PresentationContextAC,
    PresentationContextRQ,
    ReleaseRP,
    ReleaseRQ,
    UserIdentityAC,
    UserIdentityRQ,
    UserInfoItem,
    UserInformation,
    decode,
    remembered,
)
from dicomgui.network.pdu.remembered import LONGEST_REMEMBERED, MOST_REMEMBERED, decode_again, is_remembered


@pytest.fixture(autouse=True)
def _from_nothing() -> Iterator[None]:
    remembered._known.clear()
    yield
    remembered._known.clear()


def asking(*more: UserInfoItem, calling: str = "B", contexts: int = 1) -> AssociateRQ:
    proposed = tuple(PresentationContextRQ(1, "1.2", ("1.3",) * 3) for _ in range(contexts))
    return AssociateRQ("A", calling, (ApplicationContext(), *proposed, UserInformation((MaximumLength(0), *more))))


ANSWER = AssociateAC("A", "B", (PresentationContextAC(1, 0, "1.3"), UserInformation((MaximumLength(0),))))


@pytest.mark.parametrize("pdu", [asking(), ANSWER, ReleaseRQ(), ReleaseRP()])
def test_the_same_bytes_give_the_same_object_and_it_is_what_they_decode_to(pdu: PDU) -> None:
    data = pdu.encode()
    first = decode_again(data)
    assert first == decode(data)
    assert decode_again(bytes(bytearray(data))) is first
    assert is_remembered(first)


def test_one_other_byte_is_another_pdu() -> None:
    first, second = decode_again(asking(calling="B").encode()), decode_again(asking(calling="C").encode())
    assert isinstance(first, AssociateRQ)
    assert isinstance(second, AssociateRQ)
    assert (first.calling_ae, second.calling_ae) == ("B", "C")


@pytest.mark.parametrize(
    "pdu",
    [
        asking(UserIdentityRQ(2, 1, b"name", b"secret")),
        AssociateAC("A", "B", (UserInformation((MaximumLength(0), UserIdentityAC(b"ticket"))),)),
    ],
)
def test_who_the_user_is_is_not_kept(pdu: PDU) -> None:
    data = pdu.encode()
    decoded = decode_again(data)
    assert not is_remembered(decoded)
    assert decode_again(data) is not decoded
    assert not remembered._known


@pytest.mark.parametrize("pdu", [AssociateRJ(1, 1, 1), Abort(0, 0)])
def test_what_ends_an_association_in_a_fault_is_not_kept(pdu: PDU) -> None:
    assert not is_remembered(decode_again(pdu.encode()))


def test_a_long_one_is_not_kept() -> None:
    data = asking(contexts=LONGEST_REMEMBERED // 32).encode()
    assert len(data) > LONGEST_REMEMBERED
    assert not is_remembered(decode_again(data))


def test_a_request_with_all_contexts_is_short_enough() -> None:
    uid, syntaxes = "1.2.840.10008.5.1.4.1.1.481.10", ("1.2.840.10008.1.2.4.100",) * 3
    contexts = tuple(PresentationContextRQ(2 * n + 1, uid, syntaxes) for n in range(128))
    assert is_remembered(decode_again(AssociateRQ("A", "B", contexts).encode()))


def test_ever_new_ones_do_not_pile_up() -> None:
    for number in range(5 * MOST_REMEMBERED):
        decode_again(asking(calling=f"B{number}").encode())
        assert len(remembered._known) <= MOST_REMEMBERED


def test_a_fault_is_raised_each_time() -> None:
    data = asking().encode()[:-1]
    for _ in range(2):
        with pytest.raises(RemoteProtocolError):
            decode_again(data)
