from __future__ import annotations

import gzip
import random
import struct
from pathlib import Path

import pytest
from helpers.packets import START_NS, Timed, block, enhanced, interface, option, pcap, section

from dicomgui.trace.capture.reader import MAX_PACKET_BYTES, CaptureError, CaptureReader, Packet

FRAME = bytes(range(60))
PACKETS = [Timed(START_NS, FRAME), Timed(START_NS + 1_234_567_891, FRAME[:40])]


def raw(packet: bytes) -> bytes:
    return packet


def read(path: Path, data: bytes) -> tuple[list[Packet], CaptureReader]:
    path.write_bytes(data)
    reader = CaptureReader(path)
    return list(reader), reader


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nano", [True, False])
def test_pcap_of_both_byte_orders_and_units(tmp_path: Path, order: str, nano: bool) -> None:
    path = pcap(tmp_path / "a.pcap", PACKETS, link=raw, link_type=101, order=order, nano=nano)
    reader = CaptureReader(path)
    unit = 1 if nano else 1000
    times = [packet.time_ns // unit * unit for packet in PACKETS]
    assert list(reader) == [
        Packet(time, 101, one.data, len(one.data)) for time, one in zip(times, PACKETS, strict=True)
    ]
    assert reader.notes == ()
    assert reader.position == reader.size == path.stat().st_size


def test_pcap_tells_what_was_cut(tmp_path: Path) -> None:
    path = pcap(tmp_path / "a.pcap", PACKETS, link=raw, link_type=101, snap=50)
    assert [(len(packet.data), packet.length) for packet in CaptureReader(path)] == [(50, 60), (40, 40)]


def test_pcap_with_longer_heads(tmp_path: Path) -> None:
    data = struct.pack("<IHHIIII", 0xA1B2CD34, 2, 4, 0, 0, 99, 1)
    data += struct.pack("<IIIIIHBB", 7, 8, 4, 4, 1, 2, 3, 4) + b"abcd"
    assert read(tmp_path / "a.pcap", data)[0] == [Packet(7_000_008_000, 1, b"abcd", 4)]


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcapng_of_both_byte_orders(tmp_path: Path, order: str) -> None:
    data = section(order) + interface(order=order) + enhanced(FRAME, 5_000_001, order=order)
    assert read(tmp_path / "a", data)[0] == [Packet(5_000_001_000, 1, FRAME, 60)]


@pytest.mark.parametrize(
    ("options", "stamp", "expected_ns"),
    [
        (b"", 1_500_000, 1_500_000_000),
        (option(9, b"\x06"), 1_500_000, 1_500_000_000),
        (option(9, b"\x09"), 1_500_000, 1_500_000),
        (option(9, b"\x03"), 1_500, 1_500_000_000),
        (option(9, b"\x8a"), 1536, 1_500_000_000),  # 2 to the power of 10
        (option(9, b"\x7f"), 1, 0),
        (option(14, struct.pack("<q", 100)), 1_500_000, 101_500_000_000),
        (option(2, b"eth0") + option(9, b"\x09") + option(0, b""), 7, 7),
        (option(0, b"") + option(9, b"\x09"), 7, 7_000),
    ],
)
def test_time_stamps_of_interfaces(tmp_path: Path, options: bytes, stamp: int, expected_ns: int) -> None:
    packets, reader = read(tmp_path / "a", section() + interface(options) + enhanced(FRAME, stamp))
    assert [packet.time_ns for packet in packets] == [expected_ns]
    assert reader.notes == ()


def test_several_interfaces_and_sections(tmp_path: Path) -> None:
    data = section() + interface() + interface(link_type=101)
    data += enhanced(FRAME, 1, 1) + enhanced(FRAME, 2, 0)
    data += section(">") + interface(link_type=113, order=">") + enhanced(FRAME, 3, order=">")
    assert [packet.link_type for packet in read(tmp_path / "a", data)[0]] == [101, 1, 113]


def test_simple_and_obsolete_packet_blocks(tmp_path: Path) -> None:
    simple = block(3, struct.pack("<I", 100) + FRAME[:50])
    obsolete = block(2, struct.pack("<HHIIII", 0, 0, 0, 9, 4, 4) + b"abcd")
    packets, _ = read(tmp_path / "a", section() + interface(snap=50) + simple + obsolete)
    assert packets == [Packet(0, 1, FRAME[:50], 100), Packet(9_000, 1, b"abcd", 4)]


def test_other_blocks_are_stepped_over(tmp_path: Path) -> None:
    other = block(4, b"names") + block(0x0A, b"TLSK" + bytes(8)) + block(0x4000_0BAD, bytes(2**17))
    packets, reader = read(tmp_path / "a", section() + interface() + other + enhanced(FRAME, 1))
    assert len(packets) == 1
    assert reader.secrets == 1
    assert reader.notes == ()


@pytest.mark.parametrize("cut", [1, 13, 20, 61])
def test_a_torn_file_gives_what_is_whole(tmp_path: Path, cut: int) -> None:
    whole = section() + interface() + enhanced(FRAME, 1) + enhanced(FRAME, 2)
    packets, reader = read(tmp_path / "a", whole[:-cut])
    assert len(packets) == 1
    assert "ends in the middle" in reader.notes[0]
    old = pcap(tmp_path / "b", PACKETS, link=raw).read_bytes()
    packets, reader = read(tmp_path / "b", old[:-cut] if cut < 56 else old[:-50])
    assert len(packets) == 1
    assert "ends in the middle" in reader.notes[0]


@pytest.mark.parametrize(
    ("tail", "note"),
    [
        (struct.pack("<II", 6, 13), "impossible length"),
        (struct.pack("<II", 6, 8), "impossible length"),
        (struct.pack("<II", 6, 2**31), "ends in the middle"),
        (enhanced(FRAME, 1)[:-4] + b"\0\0\0\0", "does not end as it should"),
        (section()[:8] + b"abcd" + section()[12:], "no byte order"),
        (enhanced(FRAME, 1, 5), "is damaged"),
        (block(6, bytes(8)), "is damaged"),
        (block(3, b""), "is damaged"),
        (block(6, struct.pack("<IIIII", 0, 0, 1, 999, 999)), "is damaged"),
        (block(1, b"\0"), "description of an interface"),
    ],
)
def test_damage_is_told(tmp_path: Path, tail: bytes, note: str) -> None:
    packets, reader = read(tmp_path / "a", section() + interface() + enhanced(FRAME, 1) + tail)
    assert [packet.data for packet in packets] == [FRAME]
    assert note in reader.notes[0]


def test_a_claimed_length_allocates_nothing(tmp_path: Path) -> None:
    head = struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 0, 1)
    packets, reader = read(tmp_path / "a", head + struct.pack("<IIII", 0, 0, MAX_PACKET_BYTES + 1, 1) + bytes(99))
    assert packets == []
    assert "claims" in reader.notes[0]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "is no capture file"),
        (b"DICM", "is no capture file"),
        (b"\x1f\x8b\x08\0", "is compressed (gzip), and damaged"),
        (gzip.compress(b""), "is compressed (gzip), and damaged or empty"),
        (gzip.compress(b"DICM"), "is no capture file"),
        (gzip.compress(gzip.compress(b"DICM")), "is compressed (gzip) more than once"),
        (b"\x89DGTRACE\r\n", "is a trace file"),
    ],
)
def test_what_is_no_capture_is_refused(tmp_path: Path, data: bytes, text: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(data)
    with pytest.raises(CaptureError, match=text.replace("(", r"\(").replace(")", r"\)")):
        CaptureReader(path)


def compressed(path: Path) -> bytes:
    """As tcpdump -z gzip and Wireshark write it."""
    return gzip.compress(path.read_bytes())


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_compressed_capture_is_read_as_it_is(tmp_path: Path, order: str) -> None:
    """Both formats, blocks that are stepped over among them."""
    plain = pcap(tmp_path / "a", PACKETS, order=order)
    packets, reader = read(tmp_path / "a.gz", compressed(plain))
    assert (packets, reader.notes, reader.is_compressed) == (list(CaptureReader(plain)), (), True)
    assert reader.position == reader.size == plain.stat().st_size
    data = section(order) + interface(order=order) + block(0x0BAD, bytes(5000), order) + enhanced(FRAME, 0, order=order)
    (tmp_path / "b").write_bytes(data)
    packets, reader = read(tmp_path / "b.gz", compressed(tmp_path / "b"))
    assert (packets, reader.notes) == (list(CaptureReader(tmp_path / "b")), ())
    assert len(packets) == 1
    assert list(reader) == packets


def test_a_compressed_capture_that_is_torn_gives_what_is_whole(tmp_path: Path) -> None:
    noise = random.Random(19).randbytes(200_000)
    plain = pcap(tmp_path / "a", [Timed(START_NS, noise[at : at + 1000]) for at in range(0, len(noise), 1000)])
    whole = list(CaptureReader(plain))
    packets, reader = read(tmp_path / "torn.gz", compressed(plain)[:100_000])
    assert 50 < len(packets) < 200
    assert packets == whole[: len(packets)]
    assert "damaged, or ends too early" in reader.notes[0]
    data = section() + interface() + enhanced(FRAME, 0) + block(0x0BAD, noise)
    packets, reader = read(tmp_path / "skipped.gz", gzip.compress(data)[:100_000])
    assert len(packets) == 1
    assert "damaged, or ends too early" in reader.notes[0]


def test_a_small_compressed_capture_that_is_torn_gives_what_is_whole(tmp_path: Path) -> None:
    """Smaller than any buffer between the file and its packets, whose sizes differ from one Python to the next."""
    noise = random.Random(20).randbytes(4000)
    plain = pcap(tmp_path / "a", [Timed(START_NS, noise[at : at + 100]) for at in range(0, len(noise), 100)])
    whole = list(CaptureReader(plain))
    packets, reader = read(tmp_path / "torn.gz", compressed(plain)[:-500])
    assert 30 < len(packets) < 40
    assert packets == whole[: len(packets)]
    assert "damaged, or ends too early" in reader.notes[0]


def test_a_compressed_capture_that_is_damaged_gives_what_stands_before(tmp_path: Path) -> None:
    """The check sum of a member tells only at its end; a block that cannot be decoded tells at once."""
    packets = [Timed(START_NS, bytes([at % 251]) * 1000) for at in range(400)]
    plain = pcap(tmp_path / "a", packets)
    head = gzip.compress(plain.read_bytes()[:200_000])
    broken = gzip.compress(plain.read_bytes()[200_000:])
    found, reader = read(tmp_path / "damaged.gz", head + broken[:10] + b"\xff" * 100)
    assert 180 < len(found) < 200
    assert found == list(CaptureReader(plain))[: len(found)]
    assert "damaged, or ends too early" in reader.notes[0]


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="no file"):
        CaptureReader(tmp_path / "missing")
    with pytest.raises(CaptureError, match="no file"):
        CaptureReader(tmp_path)


def test_each_iteration_starts_again(tmp_path: Path) -> None:
    reader = CaptureReader(pcap(tmp_path / "a", PACKETS))
    assert list(reader) == list(reader)


def test_a_compressed_capture_that_inflates_without_end_is_read_to_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Packets of zeros, of which gzip makes less than one byte in 200."""
    monkeypatch.setattr("dicomgui.trace.capture.reader.FREE_BYTES", 100_000)
    packet = struct.pack("<IIII", 1, 0, 60, 60) + bytes(60)
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
    packed = gzip.compress(head + packet * 100_000)
    most = max(100_000, 200 * len(packed))
    packets, reader = read(tmp_path / "bomb.gz", packed)
    assert most < reader.position < most + 100
    assert len(packets) == (most - len(head)) // len(packet)
    assert [note for note in reader.notes if "the rest was not read" in note] == list(reader.notes)
    assert f"{most:,} bytes" in reader.notes[0]
    monkeypatch.undo()
    assert len(list(CaptureReader(tmp_path / "bomb.gz"))) == 100_000
