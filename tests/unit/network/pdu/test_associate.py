"""A-ASSOCIATE-RQ, -AC and -RJ as a whole."""

import pytest

from dicomgui.network.errors import LocalProtocolError, RemoteProtocolError
from dicomgui.network.pdu import (
    ApplicationContext,
    AssociateAC,
    AssociateRJ,
    AssociateRQ,
    MaximumLength,
    PduType,
    PresentationContextAC,
    PresentationContextRQ,
    UnknownItem,
    UserInformation,
    decode,
    describe_rejection,
)

CONTEXT = PresentationContextRQ(1, "1.2.840.10008.1.1", ("1.2.840.10008.1.2",))
INFO = UserInformation((MaximumLength(16384),))
ITEMS = (ApplicationContext(), CONTEXT, INFO)


def test_plain_request() -> None:
    rq = AssociateRQ("CALLED", "CALLING", ITEMS)
    data = rq.encode()
    assert data[:2] == b"\x01\x00"
    assert int.from_bytes(data[2:6], "big") == len(data) - 6
    assert data[6:10] == b"\x00\x01\x00\x00"
    assert data[10:42] == b"CALLED          CALLING         "
    assert data[42:74] == bytes(32)
    read = decode(data)
    assert isinstance(read, AssociateRQ)
    assert read == rq
    assert read.anomalies == ()
    assert read.pdu_type is PduType.ASSOCIATE_RQ
    assert read.application_context == "1.2.840.10008.3.1.1.1"
    assert read.presentation_contexts == (CONTEXT,)
    assert read.user_information == INFO


def test_plain_acceptance() -> None:
    answer = PresentationContextAC(1, 0, "1.2.840.10008.1.2")
    ac = AssociateAC("CALLED", "CALLING", (ApplicationContext(), answer, INFO))
    read = decode(ac.encode())
    assert isinstance(read, AssociateAC)
    assert (read, read.anomalies, read.pdu_type) == (ac, (), PduType.ASSOCIATE_AC)
    assert read.presentation_contexts == (answer,)
    same_but_a_request: object = AssociateRQ("CALLED", "CALLING", ac.items)
    assert read != same_but_a_request


def test_everything_odd_survives() -> None:
    rq = AssociateRQ(
        "CALLED\0\0",
        " CALLING",
        (UnknownItem(0x99, b"?", 7), CONTEXT, CONTEXT, PresentationContextAC(5, 0, "1.2"), INFO, INFO),
        protocol_version=0xFFFE,
        reserved=255,
        reserved_version=b"rv",
        reserved_body=bytes(range(32)),
    )
    read = decode(rq.encode())
    assert isinstance(read, AssociateRQ)
    assert read == rq
    assert (read.called_ae, read.calling_ae) == ("CALLED", "CALLING")
    assert read.application_context is None
    for note in (
        "unknown item 99H",
        "the protocol version FFFEH does not include version 1",
        "the called AE title contains characters that are not allowed",
        "0 application context items instead of one",
        "2 user information items instead of one",
        "presentation context 5 is an item 21H",
        "presentation context 1 is repeated",
    ):
        assert note in read.anomalies


def test_nothing_but_the_fixed_part() -> None:
    read = decode(AssociateRQ("", "  ", ()).encode())
    assert isinstance(read, AssociateRQ)
    assert (read.called_ae_title, read.calling_ae_title, read.user_information) == ("", "", None)
    assert "the called AE title is empty" in read.anomalies
    assert "no presentation context" in read.anomalies


def test_protocol_version_is_a_bit_field() -> None:
    assert decode(AssociateRQ("A", "B", ITEMS, protocol_version=3).encode()).anomalies == ()


def test_ae_titles_that_do_not_fit() -> None:
    with pytest.raises(LocalProtocolError, match="17 characters"):
        AssociateRQ("A" * 17, "B", ()).encode()
    with pytest.raises(LocalProtocolError, match="ISO 8859-1"):
        AssociateRQ("A", "日", ()).encode()
    assert decode(AssociateRQ("A" * 16 + "  ", "B", ITEMS).encode()) == AssociateRQ("A" * 16, "B", ITEMS)


@pytest.mark.parametrize("kind", [1, 2])
@pytest.mark.parametrize("length", [0, 1, 67])
def test_too_short(kind: int, length: int) -> None:
    with pytest.raises(RemoteProtocolError, match="at least 68"):
        decode(bytes([kind, 0]) + length.to_bytes(4, "big") + bytes(length))


def test_b20_truncated_anywhere_is_an_error() -> None:
    data = AssociateRQ("CALLED", "CALLING", ITEMS).encode()
    for stop in range(len(data)):
        with pytest.raises(RemoteProtocolError):
            decode(data[:stop])


def test_b20_items_cut_off_inside_are_an_error_also_with_a_fitting_pdu_length() -> None:
    data = AssociateRQ("CALLED", "CALLING", ITEMS).encode()
    between = {len(AssociateRQ("CALLED", "CALLING", ITEMS[:count]).encode()) for count in range(3)}
    for stop in range(74, len(data)):
        cut = data[:2] + (stop - 6).to_bytes(4, "big") + data[6:stop]
        if stop in between:
            assert decode(cut).encode() == cut
        else:
            with pytest.raises(RemoteProtocolError):
                decode(cut)


def test_rejection() -> None:
    rj = AssociateRJ(1, 1, 7)
    assert rj.encode() == bytes.fromhex("03 00 00000004 00 01 01 07")
    assert decode(rj.encode()) == rj
    assert rj.pdu_type is PduType.ASSOCIATE_RJ
    assert rj.text == "rejected permanently by the service-user: called AE title not recognized"


def test_odd_rejection_survives() -> None:
    rj = AssociateRJ(9, 8, 7, 6, 5, b"extra")
    read = decode(rj.encode())
    assert read == rj
    assert "unknown rejection code 9/8/7" in read.anomalies
    assert "unknown rejection code 1/1/8" in decode(AssociateRJ(1, 1, 8).encode()).anomalies


@pytest.mark.parametrize("length", [0, 1, 3, 1025, 0xFFFFFFFF])
def test_rejection_of_impossible_length(length: int) -> None:
    with pytest.raises(RemoteProtocolError, match="instead of 4"):
        decode(b"\x03\x00" + length.to_bytes(4, "big") + bytes(min(length, 1100)))


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        ((1, 1, 1), "rejected permanently by the service-user: no reason given"),
        ((1, 1, 2), "rejected permanently by the service-user: application context name not supported"),
        ((1, 1, 3), "rejected permanently by the service-user: calling AE title not recognized"),
        ((1, 2, 2), "rejected permanently by the service-provider (ACSE): protocol version not supported"),
        ((2, 3, 1), "rejected transiently by the service-provider (presentation): temporary congestion"),
        ((2, 3, 2), "rejected transiently by the service-provider (presentation): local limit exceeded"),
        ((0, 9, 8), "rejected with unknown result 0 by the unknown source 9: unknown reason 8"),
    ],
)
def test_words(codes: tuple[int, int, int], words: str) -> None:
    assert describe_rejection(*codes) == words
