"""What the trace keeps of P-DATA-TF."""

import struct

import pytest

from dicomgui.network.pdu import (
    PDV,
    Capture,
    DataEnd,
    Framer,
    PDataTF,
    capture,
)
from dicomgui.network.tracing import SNAP_LENGTH, Segment


def command(field: int) -> bytes:
    """The beginning of a command set: group length, affected SOP class, command field."""
    uid = b"1.2.840.10008.5.1.4.1.1.7\0"
    return (
        struct.pack("<HHII", 0, 0, 4, 0) + struct.pack("<HHI", 0, 2, len(uid)) + uid
        + struct.pack("<HHIH", 0, 0x100, 2, field)
        + struct.pack("<HHIH", 0, 0x800, 2, 1)
    )  # fmt: skip


STORE = PDataTF((PDV(1, 3, command(0x0001)),)).encode()
FIND = PDataTF((PDV(1, 3, command(0x0020)),)).encode()


def segments(stream: bytes, *, step: int = 0, full: bool = False) -> list[tuple[Segment, ...]]:
    """What is kept of each P-DATA-TF of a stream, fed in steps of so many bytes."""
    framer = Framer(capture=Capture(full))
    step = step or len(stream)
    found = []
    for at in range(0, len(stream), step):
        found += [frame.segments for frame in framer.feed(stream[at : at + step]) if isinstance(frame, DataEnd)]
    return found


@pytest.mark.parametrize("step", [0, 1, 7, 5000])
def test_of_the_data_set_of_a_store_the_beginning_is_kept_and_then_the_headers(step: int) -> None:
    first, second, third = (PDataTF((PDV(1, last, bytes(range(250)) * 20),)).encode() for last in (0, 0, 2))
    kept = segments((STORE + first + second + third) * 2, step=step)
    assert 5000 < SNAP_LENGTH < 10_000
    assert kept == 2 * [
        (Segment(0, STORE),),
        (Segment(0, first),),
        (Segment(0, second[: 12 + SNAP_LENGTH - 5000]),),
        (Segment(0, third[:12]),),
    ]


@pytest.mark.parametrize("step", [0, 1, 5000])
def test_each_command_counts_also_where_it_is_like_another_before(step: int) -> None:
    data = PDataTF((PDV(1, 2, bytes(20_000)),)).encode()
    in_two = PDataTF((PDV(1, 1, command(0x0020)[:20]), PDV(1, 3, command(0x0020)[20:]))).encode()
    other = PDataTF((PDV(3, 3, command(0x0020)),)).encode()
    order = [STORE, STORE, FIND, FIND, STORE, in_two, STORE, other, STORE, in_two, FIND]
    kept = segments(b"".join(one + data for one in order), step=step)
    snapped = [sum(len(segment.data) for segment in found) < len(data) for found in kept[1::2]]
    assert snapped == [one is STORE or one is other for one in order]


def test_a_command_that_begins_like_the_one_before_is_judged_by_what_differs() -> None:
    data = PDataTF((PDV(1, 2, bytes(20_000)),)).encode()
    store, find = command(0x0001), command(0x0020)
    odd = [
        store, store[:8] + b"abcd" + store[12:], find, store[12:], store, store[:8] + find[12:], store[8:],
        store[:44], store, store + bytes(600), find + bytes(600), find[:46] + store[46:], b"\1" + store[1:], store,
    ]  # fmt: skip
    stream = b"".join(PDataTF((PDV(1, 3, one),)).encode() + data for one in odd)
    alone = [segments(PDataTF((PDV(1, 3, one),)).encode() + data)[1] for one in odd]
    assert segments(stream)[1::2] == alone
    assert len({len(kept[0].data) for kept in alone}) == 2


@pytest.mark.parametrize("step", [0, 1, 1000])
def test_fragments_of_one_pdu_count_together(step: int) -> None:
    big, small = b"a" * 5000, b"b" * 10
    data = PDataTF((PDV(1, 0, big), PDV(1, 0, big), PDV(1, 0, small), PDV(1, 2, small))).encode()
    third = 6 + 2 * (6 + 5000)
    assert segments(STORE + data, step=step)[1] == (
        Segment(0, data[: 18 + SNAP_LENGTH]),
        Segment(third, data[third : third + 6]),
        Segment(third + 16, data[third + 16 : third + 22]),
    )


@pytest.mark.parametrize("step", [0, 1, 1000])
def test_a_data_set_of_just_the_snap_length_is_whole(step: int) -> None:
    data = PDataTF((PDV(1, 2, b"a" * SNAP_LENGTH),)).encode()
    assert segments(STORE + data, step=step)[1] == (Segment(0, data),)


@pytest.mark.parametrize("step", [0, 1000])
def test_headers_of_a_multitude_of_fragments_are_held_to_a_bound(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    monkeypatch.setattr(capture, "MAX_SEGMENTS", 5)
    data = PDataTF((PDV(1, 0, bytes(SNAP_LENGTH)), *(PDV(1, 0, b"ab"),) * 10)).encode()
    kept = segments(STORE + data, step=step)[1]
    first = 12 + SNAP_LENGTH
    assert kept[0] == Segment(0, data[: first + 6])
    assert kept[1:] == tuple(Segment(at, data[at : at + 6]) for at in range(first + 8, first + 8 + 4 * 8, 8))


@pytest.mark.parametrize("step", [0, 1, 1000])
def test_everything_else_is_whole(step: int) -> None:
    data = PDataTF((PDV(1, 2, b"a" * 9000),)).encode()
    other = PDataTF((PDV(3, 2, b"a" * 9000),)).encode()
    assert segments(FIND + data, step=step)[1] == (Segment(0, data),)
    assert segments(STORE + other, step=step)[1] == (Segment(0, other),)
    assert segments(STORE + FIND + data, step=step)[2] == (Segment(0, data),)
    assert segments(data, step=step) == [(Segment(0, data),)]


@pytest.mark.parametrize("step", [0, 1, 1000])
def test_full_keeps_stores_too(step: int) -> None:
    data = PDataTF((PDV(1, 2, b"a" * 9000),)).encode()
    assert segments(STORE + data, step=step, full=True)[1] == (Segment(0, data),)


def test_command_in_many_fragments() -> None:
    text = command(1)
    parts = b"".join(PDataTF((PDV(1, 1, bytes([byte])),)).encode() for byte in text[:-1])
    last = PDataTF((PDV(1, 3, text[-1:]),)).encode()
    data = PDataTF((PDV(1, 2, b"a" * 9000),)).encode()
    assert len(data) > SNAP_LENGTH
    for step in (0, 1):
        assert segments(parts + last + data, step=step)[-1] == (Segment(0, data[: 12 + SNAP_LENGTH]),)


@pytest.mark.parametrize(
    "text",
    [b"", b"\0" * 9, command(1)[:30], b"\xff" * 600, struct.pack("<HHI", 0, 2, 0xFFFFFFFF) + bytes(100)],
)
def test_a_command_that_is_none_is_no_store(text: bytes) -> None:
    data = PDataTF((PDV(1, 2, b"a" * 9000),)).encode()
    assert segments(PDataTF((PDV(1, 3, text),)).encode() + data)[-1] == (Segment(0, data),)


def test_endless_command_is_held_to_a_bound() -> None:
    kept = Capture()
    framer = Framer(capture=kept)
    for _ in range(100):
        list(framer.feed(PDataTF((PDV(1, 1, bytes(1000)),)).encode()))
    assert [len(begun) for begun in kept._commands.values()] == [512]


@pytest.mark.parametrize("step", [0, 1, 900])
def test_keep_limit(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    monkeypatch.setattr(capture, "KEEP_LIMIT", 1000)
    single = PDataTF((PDV(1, 2, b"a" * 5000),)).encode()
    double = PDataTF((PDV(1, 0, b"a" * 5000), PDV(1, 2, b"b" * 5000))).encode()
    assert segments(single + double, step=step) == [(Segment(0, single[:1000]),), (Segment(0, double[:1000]),)]
