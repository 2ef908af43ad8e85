"""P-DATA-TF and the size of fragments."""

import pytest

from dicomgui.network.errors import LocalProtocolError, RemoteProtocolError
from dicomgui.network.pdu import PDATA_HEAD, PDV, PDataTF, decode, max_fragment


def test_bytes_of_two_pdvs() -> None:
    pdu = PDataTF((PDV(1, 3, b"abcd"), PDV(255, 0, b"")), reserved=5)
    wire = bytes.fromhex("04 05 00000010 00000006 01 03 61626364 00000002 ff 00")
    assert pdu.encode() == wire
    read = decode(wire)
    assert read == pdu
    assert isinstance(read, PDataTF)
    assert [(pdv.is_command, pdv.is_last) for pdv in read.pdvs] == [(True, True), (False, False)]


def test_fragments_are_views_of_the_input() -> None:
    wire = PDataTF((PDV(1, 0, b"abcd"),)).encode()
    pdu = decode(wire)
    assert isinstance(pdu, PDataTF)
    data = pdu.pdvs[0].data
    assert isinstance(data, memoryview)
    assert data.obj is wire


def test_head_is_pdu_and_pdv_header() -> None:
    assert PDATA_HEAD.size == 12
    assert PDATA_HEAD.pack(4, 10, 6, 3, 2) == PDataTF((PDV(3, 2, b"data"),)).encode()[:12]


def test_odd_fragment_is_noted() -> None:
    assert "odd length 3" in decode(PDataTF((PDV(1, 0, b"abc"),)).encode()).anomalies[0]


@pytest.mark.parametrize(
    ("wire", "offset"),
    [
        ("04 00 00000000", 2),
        ("04 00 00000001 00", 6),
        ("04 00 00000006 00000000 0103", 6),
        ("04 00 00000006 00000001 0103", 6),
        ("04 00 00000006 00000003 0103", 6),
        ("04 00 00000006 80000001 0103", 6),
        ("04 00 00000006 FFFFFFFF 0103", 6),
        ("04 00 00000009 00000002 0103 000000", 12),
        ("04 00 00000008 00000004 0103", 12),
        ("04 00 00000006 00000002 0103 00", 12),
    ],
)
def test_malformed(wire: str, offset: int) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        decode(bytes.fromhex(wire))
    assert (caught.value.offset, caught.value.abort_reason, caught.value.pdu_type) == (offset, 6, 4)


def test_number_of_pdvs_is_bounded() -> None:
    with pytest.raises(RemoteProtocolError, match="more than 8192 items"):
        decode(PDataTF((PDV(1, 0, b""),) * 8193).encode())


def test_nothing_to_send() -> None:
    with pytest.raises(LocalProtocolError):
        PDataTF(()).encode()


@pytest.mark.parametrize(
    ("limit", "cap", "size"),
    [
        (0, 1_048_576, 1_048_576),
        (0, 1001, 1000),
        (8, 1_048_576, 2),
        (9, 1_048_576, 2),
        (4096, 1_048_576, 4090),
        (16384, 1_048_576, 16378),
        (131_072, 65_536, 65_536),
        (0xFFFFFFFF, 1_048_576, 1_048_576),
    ],
)
def test_max_fragment(limit: int, cap: int, size: int) -> None:
    assert max_fragment(limit, cap) == size
    assert limit == 0 or len(PDataTF((PDV(1, 0, bytes(size)),)).encode()) - 6 <= limit


@pytest.mark.parametrize("limit", [1, 6, 7])
def test_peer_without_room(limit: int) -> None:
    with pytest.raises(LocalProtocolError, match="leaves no room"):
        max_fragment(limit)
