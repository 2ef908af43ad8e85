"""Items of the A-ASSOCIATE PDUs."""

import pytest

from dicomgui.network.errors import LocalProtocolError, RemoteProtocolError
from dicomgui.network.pdu import (
    AbstractSyntax,
    ApplicationContext,
    AssociateAC,
    AssociateRQ,
    AsyncOperationsWindow,
    Item,
    MaximumLength,
    PresentationContextAC,
    PresentationContextRQ,
    TransferSyntax,
    UnknownItem,
    UserIdentityAC,
    UserIdentityRQ,
    UserInformation,
    decode,
    describe_presentation_result,
)

VERIFICATION = "1.2.840.10008.1.1"
IMPLICIT = "1.2.840.10008.1.2"
INFO = UserInformation((MaximumLength(16384),))


def decode_rq(*items: Item) -> AssociateRQ:
    pdu = decode(AssociateRQ("A", "B", items).encode())
    assert isinstance(pdu, AssociateRQ)
    assert pdu.items == items
    return pdu


def decode_ac(*items: Item) -> AssociateAC:
    pdu = decode(AssociateAC("A", "B", items).encode())
    assert isinstance(pdu, AssociateAC)
    assert pdu.items == items
    return pdu


def test_context_made_from_syntaxes() -> None:
    context = PresentationContextRQ(3, VERIFICATION, (IMPLICIT, "1.2.840.10008.1.2.1"))
    assert context.sub_items == (
        AbstractSyntax(VERIFICATION),
        TransferSyntax(IMPLICIT),
        TransferSyntax("1.2.840.10008.1.2.1"),
    )
    assert decode_rq(ApplicationContext(), context, INFO).anomalies == ()


def test_context_made_from_sub_items() -> None:
    sub_items = (UnknownItem(0x41, b"?"), TransferSyntax("1.2\0", 7), AbstractSyntax("1.3 "), AbstractSyntax("1.4"))
    context = PresentationContextRQ(1, sub_items=sub_items, reserved=1, reserved_body=b"abc")
    assert (context.abstract_syntax, context.transfer_syntaxes) == ("1.3", ("1.2",))
    notes = decode_rq(context).anomalies
    assert "presentation context 1 has 2 abstract syntaxes" in notes
    assert "unknown item 41H" in notes


def test_context_without_syntaxes() -> None:
    context = PresentationContextRQ(2, sub_items=())
    assert (context.abstract_syntax, context.transfer_syntaxes) == ("", ())
    notes = decode_rq(context).anomalies
    assert "the presentation context id 2 is not odd" in notes
    assert "presentation context 2 has 0 abstract syntaxes" in notes
    assert "presentation context 2 has no transfer syntax" in notes


def test_answered_contexts() -> None:
    accepted = PresentationContextAC(1, 0, IMPLICIT)
    assert accepted.is_accepted
    assert accepted.sub_items == (TransferSyntax(IMPLICIT),)
    refused = PresentationContextAC(3, 3)
    assert not refused.is_accepted
    assert decode_ac(ApplicationContext(), accepted, refused, INFO).anomalies == ()


def test_odd_answered_contexts() -> None:
    bare = PresentationContextAC(5, 9, sub_items=(), reserved=1, reserved_id=2, reserved_result=3)
    assert bare.transfer_syntax == ""
    double = PresentationContextAC(7, 0, sub_items=(TransferSyntax("1.2 "), TransferSyntax("1.3"), AbstractSyntax("1")))
    assert double.transfer_syntax == "1.2"
    notes = decode_ac(bare, double).anomalies
    assert "presentation context 5 has the unknown result 9" in notes
    assert "presentation context 5 has 0 transfer syntaxes instead of one" in notes
    assert "presentation context 7 has 2 transfer syntaxes instead of one" in notes


def test_words_of_results() -> None:
    assert [describe_presentation_result(code) for code in range(6)] == [
        "acceptance",
        "user-rejection",
        "no reason (provider rejection)",
        "abstract syntax not supported",
        "transfer syntaxes not supported",
        "unknown result 5",
    ]


def test_user_information_without_anything() -> None:
    info = UserInformation(())
    assert info.max_length is None
    assert (info.implementation_class_uid, info.implementation_version_name) == ("", "")
    assert info.async_ops is None
    assert info.user_identity is None
    assert info.user_identity_response is None
    assert (info.roles, info.extended, info.common_extended) == ((), (), ())
    assert "user information has no maximum length" in decode_rq(info).anomalies


def test_the_first_of_repeated_sub_items_counts() -> None:
    info = UserInformation(
        (
            MaximumLength(1),
            MaximumLength(2),
            AsyncOperationsWindow(1, 2),
            UserIdentityRQ(1, 0, b"x"),
            UserIdentityAC(b"y"),
        )
    )
    assert info.max_length == 1
    assert info.async_ops == AsyncOperationsWindow(1, 2)
    assert info.user_identity == UserIdentityRQ(1, 0, b"x")
    assert info.user_identity_response == UserIdentityAC(b"y")
    assert "user information has more than one sub-item 51H" in decode_rq(info).anomalies


@pytest.mark.parametrize(
    "wire",
    [
        "10",
        "10 00 00",
        "10 00 0005 312e32",
        "20 00 0003 01 00 00",
        "20 00 0006 01 000000 30 00",
        "20 00 0008 01 000000 30 00 0001",
        "20 00 0009 01 000000 30 00 0002 31",
        "20 00 0009 01 000000 30 00 0000 00",
        "21 00 0002 01 00",
        "21 00 0008 01 000000 40 00 FFFF",
        "50 00 0001 51",
        "50 00 0008 51 00 0005 00000000",
        "50 00 FFFF 51 00 0004 00000000",
    ],
)
def test_overruns_and_underruns(wire: str) -> None:
    body = bytes.fromhex(wire)
    head = AssociateRQ("A", "B", ()).encode()
    data = head[:2] + (68 + len(body)).to_bytes(4, "big") + head[6:] + body
    with pytest.raises(RemoteProtocolError) as caught:
        decode(data)
    assert caught.value.abort_reason == 6
    assert caught.value.offset >= 74
    assert caught.value.field


def test_item_over_64_kib() -> None:
    context = PresentationContextRQ(1, VERIFICATION, ("1." + "2" * 62,) * 1000)
    with pytest.raises(LocalProtocolError, match="at most 65535"):
        AssociateRQ("A", "B", (context,)).encode()


def test_500_transfer_syntaxes() -> None:
    context = PresentationContextRQ(1, VERIFICATION, tuple(f"1.2.{n}" for n in range(500)))
    assert len(decode_rq(context).presentation_contexts[0].transfer_syntaxes) == 500
