from __future__ import annotations

import pytest
from helpers.recordings import CT, EXPLICIT, associate_ac, associate_rq
from hypothesis import given, settings
from hypothesis import strategies as st

from dicomgui.network.pdu import (
    PDV,
    Abort,
    ApplicationContext,
    AssociateRJ,
    AssociateRQ,
    PDataTF,
    PresentationContextRQ,
    ReleaseRP,
    ReleaseRQ,
    UserIdentityRQ,
    UserInformation,
)
from dicomgui.network.tracing import Segment
from dicomgui.trace.capture.cutter import HEADER_SEEN, Cut, PduCutter, begins_like_pdu

RQ = associate_rq().encode()
AC = associate_ac().encode()
DATA = PDataTF((PDV(3, 2, bytes(range(250))),)).encode()
RELEASE = ReleaseRQ().encode()
SHORT = (RELEASE, ReleaseRP().encode(), Abort(2, 6).encode(), AssociateRJ(1, 1, 7).encode())


def cut(*pieces: bytes | int, synced: bool = True) -> list[Cut]:
    """What is cut out of these pieces; a number is a gap of so many bytes."""
    cutter = PduCutter(is_synced=synced)
    cuts: list[Cut] = []
    for piece in pieces:
        cuts += cutter.skip(piece) if isinstance(piece, int) else cutter.feed(piece)
    return cuts + cutter.end()


def whole(data: bytes) -> Cut:
    return Cut(data[0], len(data), (Segment(0, data),), "")


@pytest.mark.parametrize("size", [1, 5, 6, 7, 100, 10_000])
def test_pdus_in_pieces_of_any_size(size: int) -> None:
    stream = b"".join((RQ, AC, DATA, *SHORT))
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
    assert cut(*pieces) == [whole(pdu) for pdu in (RQ, AC, DATA, *SHORT)]


@pytest.mark.parametrize("pdu", [RQ, AC, DATA, *SHORT])
def test_headers_are_known(pdu: bytes) -> None:
    assert begins_like_pdu(pdu)
    assert begins_like_pdu(b"xx" + pdu, 2)
    assert begins_like_pdu(pdu[:HEADER_SEEN])
    assert not begins_like_pdu(b"\0" + pdu)
    assert not begins_like_pdu(pdu[:9])


@pytest.mark.parametrize(
    "data",
    [b"GET / HTTP/1.1\r\n", b"SSH-2.0-OpenSSH", b"\x16\x03\x01\x02\0\1\0\1\xfc\3\3ab", bytes(20), b"\4" + bytes(19)],
)
def test_other_protocols_are_no_pdus(data: bytes) -> None:
    assert not begins_like_pdu(data)


def test_a_gap_inside_a_pdu_is_a_hole_in_it() -> None:
    (data,) = cut(DATA[:100], 50, DATA[150:])
    assert data == Cut(4, len(DATA), (Segment(0, DATA[:100]), Segment(150, DATA[150:])), "")
    request, release = cut(RQ[:80], len(RQ) - 80, RELEASE)
    assert request.segments == (Segment(0, RQ[:80]),)
    assert request.error == "", "nobody did anything wrong"
    assert release == whole(RELEASE)


@pytest.mark.parametrize("kept", [3, 100])
def test_after_a_gap_over_the_end_of_a_pdu_the_next_header_is_found(kept: int) -> None:
    broken, tail, *rest = cut(DATA[:kept], 400, DATA[150:] + RQ, DATA, RELEASE)
    assert broken.error == ""
    assert broken.length == (len(DATA) if kept > 6 else kept)
    assert tail == Cut(-1, len(DATA) - 150, (Segment(0, b""),), "400 bytes before it are not in the capture")
    assert rest == [whole(pdu) for pdu in (RQ, DATA, RELEASE)]


def test_a_stream_that_begins_in_the_middle() -> None:
    for start in (1, 5, 6, 11, 200):
        tail, *rest = cut(DATA[start:] + DATA, RELEASE, synced=False)
        assert (tail.pdu_type, tail.length) == (-1, len(DATA) - start)
        assert rest == [whole(DATA), whole(RELEASE)]
    assert cut(RELEASE, synced=False) == [whole(RELEASE)]
    assert cut(*(bytes([byte]) for byte in DATA + RELEASE), synced=False) == [whole(DATA), whole(RELEASE)]


def test_what_is_no_pdu_is_kept_from_its_beginning() -> None:
    junk = b"GET / HTTP/1.1\r\n\r\n"
    assert cut(junk, RQ) == [
        Cut(-1, len(junk), (Segment(0, junk),), "no PDU has the type 47H and the length 1411395360"),
        whole(RQ),
    ]


def test_much_of_what_is_no_pdu_is_told_in_parts_and_not_kept() -> None:
    cutter = PduCutter()
    cuts = [cut for _ in range(40) for cut in cutter.feed(b"\xaa" * 100_000)] + cutter.end()
    assert sum(cut.length for cut in cuts) == 4_000_000
    assert all(len(cut.segments[0].data) <= 4096 for cut in cuts)
    assert len(cuts) < 6


def test_a_pdu_that_breaks_off() -> None:
    (broken,) = cut(DATA[:100])
    assert broken == Cut(4, len(DATA), (Segment(0, DATA[:100]),), "the connection ended before the PDU did")
    (start,) = cut(b"\4\0\0")
    assert start == Cut(-1, 3, (Segment(0, b"\4\0\0"),), "the connection ended before the PDU did")


def test_a_claimed_length_is_not_believed_in_memory() -> None:
    cutter = PduCutter()
    assert cutter.feed(b"\4\0\xff\xff\xff\xff" + bytes(100)) == []
    for _ in range(40):
        assert cutter.feed(bytes(2**20)) == []
    (broken,) = cutter.end()
    assert broken.length == 2**32 + 5
    assert sum(len(segment.data) for segment in broken.segments) == 16 * 2**20


def test_a_malformed_pdu_says_what_is_wrong() -> None:
    damaged = bytearray(RQ)
    damaged[76:78] = b"\xff\xff"  # the length of the first item
    (found, release) = cut(bytes(damaged), RELEASE)
    assert "Item length" in found.error
    assert found.segments == (Segment(0, bytes(damaged)),)
    assert release == whole(RELEASE)


def test_passcodes_are_masked() -> None:
    identity = UserIdentityRQ(2, 0, b"user", b"passcode")
    context = PresentationContextRQ(1, CT, (EXPLICIT,))
    pdu = AssociateRQ("A", "B", (ApplicationContext(), context, UserInformation((identity,)))).encode()
    (found,) = cut(pdu)
    assert found.segments[0].data == pdu.replace(b"passcode", b"********")


def test_loss_and_recovery_in_one_piece_is_no_recursion() -> None:
    piece = (b"\xee" * 7 + RELEASE) * 5000
    cuts = cut(piece)
    assert len(cuts) == 10_000
    assert cuts[1::2] == [whole(RELEASE)] * 5000


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.one_of(st.binary(max_size=60), st.integers(1, 500), st.sampled_from([RQ, DATA, RELEASE])), max_size=12)
)
def test_every_byte_is_in_some_cut(pieces: list[bytes | int]) -> None:
    """Nothing is lost or told twice, whatever the bytes."""
    cuts = cut(*pieces)
    fed = sum(piece if isinstance(piece, int) else len(piece) for piece in pieces)
    gaps = sum(piece for piece in pieces if isinstance(piece, int))
    unfinished = sum(
        one.length for one in cuts if one.pdu_type >= 0 and sum(len(part.data) for part in one.segments) < one.length
    )
    told = sum(one.length for one in cuts) - unfinished
    assert told <= fed
    assert all(one.length >= max((at + len(data) for at, data in one.segments), default=0) for one in cuts)
    if not gaps and not unfinished:
        assert told == fed


def _kept(one: Cut) -> int:
    return sum(len(segment.data) for segment in one.segments)
