"""A-RELEASE-RQ, A-RELEASE-RP, A-ABORT."""

import pytest

from dicomgui.network.errors import LocalProtocolError, RemoteProtocolError
from dicomgui.network.pdu import Abort, AbortReason, AbortSource, PDataTF, ReleaseRP, ReleaseRQ, decode, describe_abort


@pytest.mark.parametrize(
    ("pdu", "wire"),
    [
        (ReleaseRQ(), "05 00 00000004 00000000"),
        (ReleaseRP(), "06 00 00000004 00000000"),
        (ReleaseRQ(b"abcd", 7), "05 07 00000004 61626364"),
        (Abort(), "07 00 00000004 0000 00 00"),
        (Abort(AbortSource.SERVICE_PROVIDER, AbortReason.INVALID_PARAMETER_VALUE), "07 00 00000004 0000 02 06"),
        (Abort(9, 77, b"xy", 1, b"more"), "07 01 00000008 7879 09 4d 6d6f7265"),
    ],
)
def test_bytes(pdu: ReleaseRQ | ReleaseRP | Abort, wire: str) -> None:
    assert pdu.encode() == bytes.fromhex(wire)
    assert decode(bytes.fromhex(wire)) == pdu


@pytest.mark.parametrize("kind", [5, 6, 7])
@pytest.mark.parametrize("length", [0, 1, 3, 1025, 0xFFFFFFFF])
def test_impossible_lengths(kind: int, length: int) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        decode(bytes([kind, 0]) + length.to_bytes(4, "big") + bytes(min(length, 1100)))
    assert (caught.value.abort_reason, caught.value.field, caught.value.offset) == (6, "PDU length", 2)


@pytest.mark.parametrize("kind", [5, 6, 7])
def test_a_longer_one_is_odd_but_read(kind: int) -> None:
    data = bytes([kind, 0, 0, 0, 0, 6, 1, 2, 0, 4, 5, 6])
    pdu = decode(data)
    assert pdu.encode() == data
    assert any("length of 6 instead of 4" in text for text in pdu.anomalies)


def test_unknown_source_is_noted() -> None:
    assert "unknown source 09H" in decode(Abort(9, 0).encode()).anomalies[0]
    assert decode(Abort(2, 1).encode()).anomalies == ()


def test_words() -> None:
    assert describe_abort(0, 0) == "aborted by the service-user"
    assert describe_abort(2, 2) == "aborted by the service-provider: unexpected PDU"
    assert describe_abort(7, 99) == "aborted by the unknown source 7: unknown reason 99"
    assert Abort(2, 6).text == "aborted by the service-provider: invalid PDU parameter value"


def test_types() -> None:
    assert [pdu.pdu_type for pdu in (ReleaseRQ(), ReleaseRP(), Abort(), PDataTF(()))] == [5, 6, 7, 4]


def test_values_that_do_not_fit() -> None:
    with pytest.raises(LocalProtocolError):
        Abort(256, 0).encode()
    with pytest.raises(LocalProtocolError):
        Abort(0, 0, b"x").encode()
