"""Messages cut into PDUs: nothing is lost, nothing is too long, everything is even, memory is bounded."""

from __future__ import annotations

import io
import struct
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dicomgui.network.dimse import fragment as module
from dicomgui.network.dimse.fragment import (
    CHUNK_BYTES,
    PIECE_BYTES,
    BytesSource,
    Chunk,
    FileSource,
    RawFileSource,
    Source,
    file_source,
    fragments,
)
from dicomgui.network.errors import LocalProtocolError

COMMAND = bytes(range(150))
HEAD = 12
MIB = 1_048_576


class Fragment(NamedTuple):
    """One PDU with one PDV, as it is on the wire."""

    pdu_length: int
    context_id: int
    control: int
    data: bytes


def parse(data: bytes | bytearray | memoryview) -> list[Fragment]:
    found = []
    offset = 0
    while offset < len(data):
        pdu_type, reserved, pdu_length, pdv_length, context_id, control = struct.unpack_from(">BBLLBB", data, offset)
        assert (pdu_type, reserved) == (4, 0)
        assert pdv_length == pdu_length - 4
        end = offset + 6 + pdu_length
        assert end <= len(data)
        found.append(Fragment(pdu_length, context_id, control, bytes(data[offset + HEAD : end])))
        offset = end
    return found


def parse_all(chunks: list[Chunk]) -> list[Fragment]:
    for chunk in chunks:
        found = parse(chunk.data)
        pdus = list(chunk.pdus)
        assert [pdu.length for pdu in pdus] == [6 + fragment.pdu_length for fragment in found]
        assert [pdu.is_command for pdu in pdus] == [bool(fragment.control & 1) for fragment in found]
        offsets = [pdu.offset for pdu in pdus]
        assert offsets == [sum(pdu.length for pdu in pdus[:i]) for i in range(len(offsets))]
    return [fragment for chunk in chunks for fragment in parse(chunk.data)]


def check(command: bytes, data: bytes | None, max_pdu_length: int, chunk_bytes: int = CHUNK_BYTES) -> list[Chunk]:
    source = None if data is None else BytesSource(data)
    chunks = list(fragments(3, command, source, max_pdu_length, chunk_bytes=chunk_bytes))
    found = parse_all(chunks)
    commands = [fragment for fragment in found if fragment.control & 1]
    datas = [fragment for fragment in found if not fragment.control & 1]
    assert found == commands + datas
    assert {fragment.context_id for fragment in found} == {3}
    assert b"".join(fragment.data for fragment in commands) == command
    assert [fragment.control for fragment in commands] == [1] * (len(commands) - 1) + [3]
    assert all(len(fragment.data) % 2 == 0 for fragment in found)
    assert all(fragment.pdu_length <= (max_pdu_length or MIB + 6) for fragment in found)
    if data is None:
        assert datas == []
    else:
        assert b"".join(fragment.data for fragment in datas) == data + b"\0" * (len(data) % 2)
        assert [fragment.control for fragment in datas] == [0] * (len(datas) - 1) + [2]
    return chunks


lengths = st.sampled_from([0, 4096, 16_384, 131_072, 1 << 31]) | st.integers(8, 16) | st.integers(8, 70_000)


def counting(size: int) -> bytes:
    return bytes(range(251)) * (size // 251) + bytes(range(size % 251))


@given(st.integers(1, 100), st.none() | st.integers(0, 60_000), lengths, st.sampled_from([1, 100, 5000, CHUNK_BYTES]))
@example(75, 0, 8, CHUNK_BYTES)
@example(75, 1, 9, 1)
def test_any_message_within_any_maximum_length(
    words: int, size: int | None, max_pdu_length: int, chunk_bytes: int
) -> None:
    if size is not None and 0 < max_pdu_length < 100:
        size //= 30
    check(counting(2 * words), None if size is None else counting(size), max_pdu_length, chunk_bytes)


@pytest.mark.parametrize("max_pdu_length", [4096, 0, 131_072, 8, 9, 16])
def test_b07_maximum_length_of_the_peer_is_kept(max_pdu_length: int) -> None:
    size = 2000 if 0 < max_pdu_length < 100 else 3_000_001
    check(COMMAND, bytes(size), max_pdu_length)


def test_command_and_first_data_are_in_one_chunk() -> None:
    chunks = check(COMMAND, bytes(2000), 16_384)
    assert len(chunks) == 1
    assert [pdu.is_command for pdu in chunks[0].pdus] == [True, False]


def test_full_pdus_and_chunks() -> None:
    chunks = check(COMMAND, bytes(4_000_000), 16_384)
    assert [pdu.length for pdu in chunks[1].pdus] == [16_390] * 31
    assert all(len(chunk.data) <= PIECE_BYTES for chunk in chunks)
    assert len(chunks) == 8
    (chunk,) = check(COMMAND, bytes(1_000_000), 16_384)
    assert PIECE_BYTES < len(chunk.data) <= CHUNK_BYTES


def test_a_chunk_holds_one_pdu_at_least() -> None:
    chunks = check(COMMAND, bytes(3 * MIB), 0)
    assert [len(list(chunk.pdus)) for chunk in chunks] == [2, 1, 1]


def test_chunks_are_buffers_of_their_own() -> None:
    first, second = fragments(1, COMMAND, BytesSource(b"a" * 30_000), 16_384, chunk_bytes=16_390)
    before = bytes(first.data)
    assert isinstance(second.data, memoryview)
    second.data[:] = b"x" * len(second.data)
    assert bytes(first.data) == before


def test_a_buffer_that_is_given_back_serves_again() -> None:
    data = counting(3 * MIB + 70_001)  # odd: what was in the buffer must not be taken for the padding
    spare = [bytearray(b"\xff" * (MIB + 65_536))]
    buffers = set()
    wire = b""
    for chunk in fragments(3, COMMAND, BytesSource(data), 16_384, spare=spare):
        assert chunk.buffer is not None
        buffers.add(id(chunk.buffer))
        wire += bytes(chunk.data)
        assert not spare
        spare.append(chunk.buffer)
    assert len(buffers) == 1
    assert b"".join(fragment.data for fragment in parse(wire) if not fragment.control & 1) == data + b"\0"


def test_a_buffer_that_is_too_small_is_let_go() -> None:
    spare = [bytearray(70_000)]
    (chunk,) = fragments(3, COMMAND, BytesSource(bytes(100_000)), 16_384, spare=spare)
    assert spare == []
    assert chunk.buffer is not None
    assert len(chunk.buffer) >= len(chunk.data)


def test_small_messages_do_without_such_buffers() -> None:
    spare = [bytearray(MIB)]
    (chunk,) = fragments(3, COMMAND, BytesSource(b"data"), 16_384, spare=spare)
    assert chunk.buffer is None
    assert len(spare) == 1


def test_message_without_data_set() -> None:
    (chunk,) = check(COMMAND, None, 16_384)
    assert len(chunk.data) == HEAD + len(COMMAND)


def test_empty_data_set_is_one_empty_last_fragment() -> None:
    (chunk,) = check(COMMAND, b"", 16_384)
    assert parse(chunk.data)[1] == Fragment(6, 3, 2, b"")


def test_odd_data_set_gets_a_nul() -> None:
    (chunk,) = check(COMMAND, b"abc", 16_384)
    assert parse(chunk.data)[1].data == b"abc\0"
    # The padding may be all that is left for the last PDU.
    assert [fragment.data for fragment in parse_all(check(b"ab", b"abcde", 10))] == [b"ab", b"abcd", b"e\0"]


@pytest.mark.parametrize("max_pdu_length", [1, 6, 7])
def test_maximum_length_without_room_is_refused_before_anything_is_made(max_pdu_length: int) -> None:
    with pytest.raises(LocalProtocolError, match="no room"):
        next(fragments(1, COMMAND, None, max_pdu_length))


@pytest.mark.parametrize("context_id", [-1, 256])
def test_impossible_context(context_id: int) -> None:
    with pytest.raises(LocalProtocolError, match="context"):
        next(fragments(context_id, COMMAND, None, 0))


class Trickle:
    """A source that gives a few bytes at a time, and may end early."""

    def __init__(self, data: bytes, size: int) -> None:
        self._file = io.BytesIO(data)
        self.size = size

    def readinto(self, view: memoryview, /) -> int:
        return self._file.readinto(view[:7])


def test_short_reads_are_continued() -> None:
    data = bytes(range(200))
    (chunk,) = fragments(1, COMMAND, Trickle(data, 200), 64)
    assert b"".join(fragment.data for fragment in parse(chunk.data) if not fragment.control & 1) == data


def test_source_that_ends_early() -> None:
    with pytest.raises(LocalProtocolError, match="before its size of 200 bytes"):
        list(fragments(1, COMMAND, Trickle(bytes(150), 200), 64))


def test_file_source(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(100)))
    with path.open("rb") as buffered, path.open("rb", buffering=0) as raw:
        for file in (buffered, raw):
            source: Source = FileSource(file, 10)
            assert source.size == 90
            (chunk,) = fragments(1, COMMAND, source, 16_384)
            assert parse(chunk.data)[1].data == bytes(range(10, 100))
        part = FileSource(raw, 20, 8)
        assert part.size == 8
        (chunk,) = fragments(1, COMMAND, part, 16_384)
        assert parse(chunk.data)[1].data == bytes(range(20, 28))
        assert FileSource(raw, 1000).size == 0


@pytest.mark.parametrize(("size", "max_pdu_length"), [(0, 0), (1, 64), (1001, 8), (200_001, 16_384), (3_000_001, 0)])
def test_raw_file_source(tmp_path: Path, size: int, max_pdu_length: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"head" + counting(size) + b"more")
    with io.FileIO(path) as file:
        found = parse_all(list(fragments(3, COMMAND, file_source(file, 4, size), max_pdu_length)))
    data = b"".join(fragment.data for fragment in found if not fragment.control & 1)
    assert data == counting(size) + b"\0" * (size % 2)


def test_raw_file_that_is_read_in_small_pieces(tmp_path: Path) -> None:
    class Slow(RawFileSource):
        def readv(self, views: Sequence[memoryview], /) -> int:
            return super().readv([views[0][:7]])

    path = tmp_path / "file"
    path.write_bytes(counting(3000))
    with io.FileIO(path) as file:
        found = parse_all(list(fragments(3, COMMAND, Slow(file, 0, 3000), 64)))
    assert b"".join(fragment.data for fragment in found if not fragment.control & 1) == counting(3000)


def test_raw_file_that_was_cut_off_after_it_was_opened(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(200_000))
    with io.FileIO(path) as file:
        source = file_source(file, 0, 200_000)
        path.write_bytes(bytes(40))
        with pytest.raises(LocalProtocolError, match="before its size of 200000 bytes"):
            list(fragments(1, COMMAND, source, 16_384))


def test_without_preadv_a_file_is_read_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_HAS_PREADV", False)
    path = tmp_path / "file"
    path.write_bytes(counting(100_000))
    with io.FileIO(path) as file:
        source = file_source(file, 10, 90_000)
        assert isinstance(source, FileSource)
        found = parse_all(list(fragments(1, COMMAND, source, 16_384)))
    data = b"".join(fragment.data for fragment in found if not fragment.control & 1)
    assert data == counting(100_000)[10:90_010]


def test_file_that_was_cut_off_after_it_was_opened(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(100))
    with path.open("rb") as file:
        source = FileSource(file)
        path.write_bytes(bytes(40))
        with pytest.raises(LocalProtocolError, match="ended"):
            list(fragments(1, COMMAND, source, 16_384))


def test_non_blocking_file_counts_as_ended() -> None:
    class Empty:
        def seek(self, offset: int, whence: int = 0, /) -> int:
            return offset

        def readinto(self, buffer: memoryview, /) -> int | None:
            return None

    with pytest.raises(LocalProtocolError):
        list(fragments(1, COMMAND, FileSource(Empty(), 0, 10), 0))


def test_memoryview_source_of_other_items() -> None:
    source = BytesSource(memoryview(b"abcdefgh").cast("I"))
    assert source.size == 8


class Zeros:
    """A large source that exists nowhere."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.read = 0

    def readinto(self, view: memoryview, /) -> int:
        self.read += len(view)
        return len(view)


def test_two_gigabytes_in_bounded_memory() -> None:
    source = Zeros(2 * 1024 * MIB)
    total = 0
    tracemalloc.start()
    try:
        for chunk in fragments(1, COMMAND, source, 0):
            total += sum(pdu.length - HEAD for pdu in chunk.pdus if not pdu.is_command)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert total == source.read == source.size
    assert peak < 4 * MIB


def test_chunks_are_made_when_they_are_asked_for() -> None:
    source = Zeros(10 * MIB)
    chunks = fragments(1, COMMAND, source, 131_072)
    assert source.read == 0
    next(chunks)
    assert 0 < source.read <= CHUNK_BYTES
