"""The stream of received bytes cut into frames."""

from collections.abc import Iterator

import pytest

from dicomgui.network.errors import RemoteProtocolError
from dicomgui.network.pdu import (
    PDV,
    Abort,
    AssociateRQ,
    Broken,
    Capture,
    DataEnd,
    DataStart,
    Frame,
    Framer,
    PDataTF,
    PdvPiece,
    ReleaseRP,
    ReleaseRQ,
    Whole,
)
from dicomgui.network.tracing import Segment

RQ = AssociateRQ("A", "B", ()).encode()
RELEASE = ReleaseRQ().encode()
ABORT = Abort().encode()


def pieces(frames: Iterator[Frame] | list[Frame]) -> list[PdvPiece]:
    return [frame for frame in frames if isinstance(frame, PdvPiece)]


def fail(framer: Framer, data: bytes) -> RemoteProtocolError:
    """Feed what must be refused."""
    with pytest.raises(RemoteProtocolError) as caught:
        list(framer.feed(data))
    return caught.value


def test_whole_pdus_in_one_segment() -> None:
    framer = Framer()
    frames = list(framer.feed(RQ + RELEASE + ReleaseRP().encode() + ABORT))
    assert frames == [Whole(1, RQ), Whole(5, RELEASE), Whole(6, ReleaseRP().encode()), Whole(7, ABORT)]
    assert framer.is_between_pdus
    assert framer.take_broken() is None


def test_a_lone_pdu_is_taken_without_iterating() -> None:
    framer = Framer()
    assert framer.take_lone(memoryview(RELEASE)) == Whole(5, RELEASE)
    assert framer.take_lone(memoryview(RQ)) == Whole(1, RQ)
    assert list(framer.feed(ABORT)) == [Whole(7, ABORT)]


@pytest.mark.parametrize(
    "data",
    [
        RELEASE[:5],
        RELEASE[:-1],
        RELEASE + ABORT,
        RELEASE + b"\x05",
        PDataTF((PDV(1, 3, b"abcd"),)).encode(),
        b"\x08" + RELEASE[1:],
        b"\x05\0\0\0\0\3abc",
    ],
    ids=["head", "cut off", "two", "more", "data", "unknown", "too short"],
)
def test_nothing_else_is_taken_so(data: bytes) -> None:
    framer, other = Framer(), Framer()
    assert framer.take_lone(memoryview(data)) is None
    seen: list[list[Frame] | str] = []
    for one in (framer, other):
        try:
            seen.append(list(one.feed(data)))
        except RemoteProtocolError as error:
            seen.append(str(error))
    assert seen[0] == seen[1]


def test_nothing_is_taken_so_in_the_middle_of_a_pdu() -> None:
    framer = Framer()
    assert list(framer.feed(RQ[:7])) == []
    assert framer.take_lone(memoryview(RELEASE)) is None


def test_data_in_one_buffer_is_not_copied() -> None:
    buffer = bytearray(
        PDataTF((PDV(1, 3, b"abcd"),)).encode()
        + PDataTF(
            (PDV(3, 0, b"ef"), PDV(3, 2, b"")),
        ).encode()
    )
    frames = list(Framer().feed(memoryview(buffer)))
    assert frames == [
        DataStart(16),
        PdvPiece(1, 3, memoryview(b"abcd"), True, True),
        DataEnd(16, ()),
        DataStart(20),
        PdvPiece(3, 0, memoryview(b"ef"), True, True),
        PdvPiece(3, 2, memoryview(b""), True, True),
        DataEnd(20, ()),
    ]
    assert all(piece.data.obj is buffer for piece in pieces(frames))


def test_data_comes_in_pieces_as_it_arrives() -> None:
    framer = Framer()
    data = PDataTF((PDV(1, 2, b"abcdef"),)).encode()
    assert list(framer.feed(data[:5])) == []
    assert list(framer.feed(data[5:11])) == [DataStart(18)]
    assert list(framer.feed(data[11:14])) == [PdvPiece(1, 2, memoryview(b"ab"), True, False)]
    assert list(framer.feed(data[14:15])) == [PdvPiece(1, 2, memoryview(b"c"), False, False)]
    assert not framer.is_between_pdus
    assert list(framer.feed(data[15:] + RELEASE)) == [
        PdvPiece(1, 2, memoryview(b"def"), False, True),
        DataEnd(18, ()),
        Whole(5, RELEASE),
    ]


def test_empty_pdv_does_not_wait_for_another_byte() -> None:
    framer = Framer()
    data = PDataTF((PDV(1, 3, b""),)).encode()
    frames = [frame for byte in data for frame in framer.feed(bytes([byte]))]
    assert frames == [DataStart(12), PdvPiece(1, 3, memoryview(b""), True, True), DataEnd(12, ())]


def test_nothing_fed_gives_nothing() -> None:
    assert list(Framer().feed(b"")) == []


@pytest.mark.parametrize("kind", [0, 8, 0x16, 0x47, 0xFF])
def test_unknown_type(kind: int) -> None:
    framer = Framer()
    assert list(framer.feed(bytes([kind]) + bytes(4))) == []
    error = fail(framer, b"\0")
    assert (error.pdu_type, error.offset, error.field, error.abort_reason) == (kind, 0, "PDU type", 1)
    assert framer.take_broken() == Broken(kind, 6, (Segment(0, bytes([kind]) + bytes(5)),))


def test_not_dicom_is_kept_for_sniffing() -> None:
    text = b"GET / HTTP/1.1\r\nHost: pacs\r\n" + b"x" * 200
    framer = Framer()
    assert fail(framer, text).abort_reason == 1
    broken = framer.take_broken()
    assert broken is not None
    assert broken.segments == (Segment(0, text[:64]),)
    assert list(framer.feed(text)) == []
    assert framer.skipped == 2 * len(text) - 6


@pytest.mark.parametrize(
    ("kind", "length"),
    [(1, 0), (1, 1), (1, 67), (2, 67), (3, 0), (3, 3), (4, 0), (4, 1), (4, 5), (5, 0), (5, 3), (6, 1), (7, 0), (7, 3)],
)
def test_too_short(kind: int, length: int) -> None:
    framer = Framer()
    error = fail(framer, bytes([kind, 0]) + length.to_bytes(4, "big"))
    assert (error.pdu_type, error.offset, error.field, error.abort_reason) == (kind, 2, "PDU length", 6)
    assert list(framer.feed(bytes(length) + RELEASE)) == [Whole(5, RELEASE)]


@pytest.mark.parametrize(
    ("kind", "most"), [(1, 1000), (2, 1000), (3, 1024), (4, 4096), (5, 1024), (6, 1024), (7, 1024)]
)
@pytest.mark.parametrize("over", [1, 0xFFFFFFFF])
def test_b21_over_the_limit_is_refused_at_the_header(kind: int, most: int, over: int) -> None:
    framer = Framer(max_associate_length=1000)
    framer.max_pdata_length = 4096
    length = min(most + over, 0xFFFFFFFF)
    error = fail(framer, bytes([kind, 0]) + length.to_bytes(4, "big"))
    assert (error.pdu_type, error.offset, error.abort_reason) == (kind, 2, 6)
    assert f"{length} is over the limit of {most} bytes" in str(error)
    assert framer.take_broken() == Broken(kind, length + 6, (Segment(0, bytes([kind, 0]) + length.to_bytes(4, "big")),))


def test_at_the_limit_is_fine() -> None:
    framer = Framer(max_associate_length=len(RQ) - 6)
    framer.max_pdata_length = 10
    data = PDataTF((PDV(1, 3, b"abcd"),)).encode()
    assert list(framer.feed(RQ + data))[-1] == DataEnd(16, ())


def test_limit_of_data_holds_on_the_fast_way_too() -> None:
    framer = Framer()
    framer.max_pdata_length = 9
    assert fail(framer, PDataTF((PDV(1, 3, b"abcd"),)).encode()).abort_reason == 6


def test_limits_may_change_between_frames() -> None:
    framer = Framer()
    frames = framer.feed(RQ + PDataTF((PDV(1, 3, b"abcd"),)).encode())
    assert next(frames) == Whole(1, RQ)
    framer.max_pdata_length = 8
    with pytest.raises(RemoteProtocolError, match="over the limit of 8"):
        next(frames)


@pytest.mark.parametrize("step", [1, 1000])
def test_after_a_fault_the_rest_of_the_pdu_is_skipped(step: int) -> None:
    framer = Framer(max_associate_length=100)
    stream = b"\x01\x00\x00\x00\x01\x00" + bytes(256) + ABORT + RELEASE
    frames: list[Frame] = []
    faults = 0
    for at in range(0, len(stream), step):
        try:
            frames += framer.feed(stream[at : at + step])
        except RemoteProtocolError:
            faults += 1
    frames += framer.feed(b"")
    assert (faults, frames) == (1, [Whole(7, ABORT), Whole(5, RELEASE)])
    assert framer.skipped == 256


def test_rest_after_a_fault_goes_before_new_bytes() -> None:
    framer = Framer()
    fail(framer, b"\x05\0\0\0\0\0" + ABORT[:4])
    assert list(framer.feed(memoryview(ABORT)[4:])) == [Whole(7, ABORT)]


def test_two_faults_in_one_segment() -> None:
    framer = Framer()
    fail(framer, b"\x05\0\0\0\0\0" + b"\x99\0\0\0\0\x02ab" + ABORT)
    assert fail(framer, b"").pdu_type == 0x99
    broken = framer.take_broken()
    assert broken == Broken(0x99, 8, (Segment(0, b"\x99\0\0\0\0\x02ab"),))
    assert list(framer.feed(b"")) == [Whole(7, ABORT)]


@pytest.mark.parametrize("capturing", [False, True])
@pytest.mark.parametrize("length", [0, 1, 9, 0x80000001, 0xFFFFFFFF])
def test_pdv_of_impossible_length(length: int, capturing: bool) -> None:
    wire = b"\x04\0\0\0\0\x0a" + length.to_bytes(4, "big") + b"\1\3abcd"
    framer = Framer(capture=Capture() if capturing else None)
    frames = framer.feed(wire + RELEASE)
    assert next(frames) == DataStart(16)
    with pytest.raises(RemoteProtocolError) as caught:
        next(frames)
    assert (caught.value.offset, caught.value.field, caught.value.abort_reason) == (6, "Item length", 6)
    assert framer.take_broken() == Broken(4, 16, (Segment(0, wire if capturing else wire[:6]),))
    assert list(framer.feed(b"")) == [Whole(5, RELEASE)]


@pytest.mark.parametrize("length", [0, 1, 2, 3, 5, 0xFFFFFFFF])
def test_second_pdv_of_impossible_length(length: int) -> None:
    good = PDataTF((PDV(1, 3, b"abcd"),)).encode()[6:]
    bad = length.to_bytes(4, "big") + b"\1\0" + b"x" * (0 if length != 2 else 3)
    wire = b"\x04\0" + (len(good) + len(bad)).to_bytes(4, "big") + good + bad
    framer = Framer(capture=Capture())
    frames: list[Frame] = []
    with pytest.raises(RemoteProtocolError) as caught:
        frames.extend(framer.feed(wire))
    assert caught.value.offset == (16 if length != 2 else 22)
    assert framer.take_broken() == Broken(4, len(wire), (Segment(0, wire),))
    assert framer.is_between_pdus


@pytest.mark.parametrize("left", range(1, 6))
def test_bytes_left_over_after_the_last_pdv(left: int) -> None:
    good = PDataTF((PDV(1, 3, b"abcd"),)).encode()
    wire = b"\x04\0" + (len(good) - 6 + left).to_bytes(4, "big") + good[6:] + bytes(left)
    framer = Framer()
    frames = framer.feed(wire + ABORT)
    assert [type(next(frames)), type(next(frames))] == [DataStart, PdvPiece]
    with pytest.raises(RemoteProtocolError, match=f"{left} bytes left over") as caught:
        next(frames)
    assert (caught.value.offset, caught.value.abort_reason) == (16, 6)
    assert list(framer.feed(b"")) == [Whole(7, ABORT)]


@pytest.mark.parametrize("stop", range(1, len(RQ)))
def test_unfinished_pdu_is_kept(stop: int) -> None:
    framer = Framer()
    assert list(framer.feed(RQ[:stop])) == []
    assert framer.take_broken() == Broken(1, stop if stop < 6 else len(RQ), (Segment(0, RQ[:stop]),))
    assert framer.take_broken() is None


@pytest.mark.parametrize("stop", range(6, 25))
def test_unfinished_data_is_kept(stop: int) -> None:
    data = PDataTF((PDV(1, 3, b"abcd"), PDV(1, 0, b"efgh"))).encode()
    framer = Framer(capture=Capture())
    list(framer.feed(data[:stop]))
    assert framer.take_broken() == Broken(4, len(data), (Segment(0, data[:stop]),))
    bare = Framer()
    list(bare.feed(data[:stop]))
    assert bare.take_broken() == Broken(4, len(data), (Segment(0, data[:6]),))


def test_nothing_of_a_refused_body_is_held() -> None:
    framer = Framer(max_associate_length=100)
    fail(framer, b"\x01\x00\xff\xff\xff\xff" + bytes(100_000))
    broken = framer.take_broken()
    assert broken is not None
    assert len(broken.segments[0].data) == 4096
    for _ in range(10):
        assert list(framer.feed(bytes(100_000))) == []
    assert (framer._rest, len(framer._body), len(framer._head)) == (b"", 0, 6)
    assert framer.take_broken() is None


def test_an_iterator_left_early_loses_no_bytes_behind_the_frame() -> None:
    framer = Framer()
    frames = framer.feed(RELEASE + ABORT)
    assert next(frames) == Whole(5, RELEASE)
    frames.close()
    assert list(framer.feed(b"")) == [Whole(7, ABORT)]
