from __future__ import annotations

import json
import os
import re
import struct
import zlib
from pathlib import Path

import pytest
from helpers.recordings import Recording
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dicomgui.network.tracing import BytesRecord, Direction, NoteRecord, PduRecord, Record, Segment
from dicomgui.trace import file as trace_file
from dicomgui.trace.codec import KINDS
from dicomgui.trace.file import TraceFileError, TraceReader, TraceWriter, read_trace
from dicomgui.trace.marks import Mark, Marks


def note(number: int) -> NoteRecord:
    return NoteRecord(1, 0.0, 0.0, 20, str(number))


def chunk(kind: bytes, payload: bytes) -> bytes:
    head = struct.pack(">4sI", kind, len(payload))
    return head + payload + struct.pack(">I", zlib.crc32(head + payload))


def written(path: Path, records: list[Record]) -> bytes:
    with TraceWriter(path) as writer:
        for record in records:
            writer(record)
    return path.read_bytes()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.dgtrace"
    records = Recording().established().echo().released().records
    with TraceWriter(path, info={"program": "dicomgui 1"}) as writer:
        for record in records:
            writer(record)
        writer.flush()
    reader = read_trace(path)
    assert list(reader) == records
    assert list(reader) == records
    assert (reader.is_complete, reader.damage, reader.skipped_records, reader.skipped_chunks) == (True, (), 0, 0)
    assert reader.info["program"] == "dicomgui 1"
    assert isinstance(reader.info["created_utc"], float)


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX")
def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "a.dgtrace"
    path.write_text("old and longer than what comes" * 100)
    path.chmod(0o644)
    written(path, [note(1)])
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(read_trace(path)) == [note(1)]


def test_important_records_are_on_disk_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.dgtrace"
    writer = TraceWriter(path)
    recording = Recording().established()
    del recording.records[0]
    writer(recording.records[0]._replace(mono=100.0))
    assert list(read_trace(path)) == []
    for important in (
        Recording().aborted().records[0],
        Recording().closed().records[0],
        Recording().timer("idle").records[0],
        Recording().stray(b"HTTP").records[0],
        Recording().connect(error="ConnectTimeout: x").records[0],
        Recording().raw(Direction.RECEIVED, b"\x04\0", "malformed").records[0],
    ):
        before = len(list(read_trace(path)))
        writer(important._replace(mono=100.0))
        assert len(list(read_trace(path))) > before
    before = len(list(read_trace(path)))
    writer(note(1)._replace(mono=100.5))
    writer(note(2)._replace(mono=101.0))
    assert len(list(read_trace(path))) == before
    writer(note(3)._replace(mono=101.5))
    assert len(list(read_trace(path))) == before + 3
    for number in range(256):
        writer(note(number))
    assert len(list(read_trace(path))) == before + 259
    writer(PduRecord(1, 0.0, 0.0, Direction.SENT, 4, 2**20, (Segment(0, bytes(2**20)),), ""))
    assert len(list(read_trace(path))) == before + 260
    assert not read_trace(path).is_complete
    writer.close()
    writer.close()
    writer(note(1))
    writer.flush()


def test_every_cut_leaves_a_readable_file(tmp_path: Path) -> None:
    path = tmp_path / "a.dgtrace"
    writer = TraceWriter(path)
    for number in range(5):
        writer(note(number))
        writer.flush()
    writer.close()
    data = path.read_bytes()
    best = 0
    for end in range(16, len(data)):
        path.write_bytes(data[:end])
        reader = TraceReader(path)
        records = list(reader)
        assert records == [note(number) for number in range(len(records))]
        assert len(records) >= best
        best = len(records)
        assert not reader.is_complete
    assert best == 5


def test_a_torn_end_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.dgtrace"
    data = written(path, [note(1)])
    for end in (len(data) - 14, len(data) - 1):
        path.write_bytes(data[:end])
        reader = read_trace(path)
        list(reader)
        assert len(reader.damage) == 1
        assert "ends in the middle" in reader.damage[0]


def test_damage_in_the_middle_costs_one_part(tmp_path: Path) -> None:
    path = tmp_path / "a.dgtrace"
    writer = TraceWriter(path)
    for number in range(3):
        writer(note(number))
        writer.flush()
    writer.close()
    data = bytearray(path.read_bytes())
    data[data.index(b'"1"') + 1] = ord("9")
    path.write_bytes(data)
    reader = read_trace(path)
    assert list(reader) == [note(0), note(2)]
    assert reader.is_complete
    assert "is damaged" in reader.damage[0]


def test_what_cannot_be_followed_ends_the_reading(tmp_path: Path) -> None:
    path = tmp_path / "a.dgtrace"
    data = written(path, [note(1)])
    path.write_bytes(data + b"\x00garbage and more")
    reader = read_trace(path)
    assert list(reader) == [note(1)]
    assert "no part of a trace" in reader.damage[0]


def test_a_length_is_only_a_claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.dgtrace"
    data = written(path, [note(1)])
    path.write_bytes(data + struct.pack(">4sI", b"RECS", 0xFFFFFFF0) + b"x")
    reader = read_trace(path)
    assert list(reader) == [note(1)]
    assert "ends in the middle" in reader.damage[0]
    monkeypatch.setattr(trace_file, "_MAX_CHUNK_BYTES", 1000)
    path.write_bytes(data + chunk(b"RECS", bytes(2000)))
    assert list(reader) == [note(1)]
    assert "claims 2000 bytes" in reader.damage[0]


def test_what_is_not_known_is_stepped_over(tmp_path: Path) -> None:
    path = tmp_path / "a.dgtrace"
    data = written(path, [note(1)])
    rows = json.dumps([["future", 0, 1], ["note", 0, 1, 0, 0, 20, "2"]]).encode()
    extra = chunk(b"MORE", b"x") + chunk(b"RECS", struct.pack(">I", len(rows)) + rows) + chunk(b"RECS", b"no")
    extra += chunk(b"INFO", b"{") + chunk(b"INFO", b"[]") + chunk(b"INFO", b"[" * 65_000)
    path.write_bytes(data + extra)
    reader = read_trace(path)
    assert list(reader) == [note(1), note(2)]
    assert (reader.skipped_chunks, reader.skipped_records) == (1, 1)
    assert "holds no records" in reader.damage[0]
    assert "created_utc" in reader.info


def test_damage_is_told_a_hundred_times_at_most(tmp_path: Path) -> None:
    path = tmp_path / "a.dgtrace"
    data = written(path, [])
    path.write_bytes(data + chunk(b"RECS", b"no") * 300)
    reader = read_trace(path)
    assert list(reader) == []
    assert len(reader.damage) == 100


@pytest.mark.parametrize("data", [b"", b"DICM", b"\x89DGTRACE\r\n\x1a\n", b"\x89DGTRACE\n\x1a\n\0\0\0\0\0"])
def test_other_files_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.dgtrace"
    path.write_bytes(data)
    with pytest.raises(TraceFileError, match="is no trace file"):
        read_trace(path)


@pytest.mark.parametrize("magic", ["0a0d0d0a", "a1b2c3d4", "d4c3b2a1", "a1b23c4d", "4d3cb2a1"])
def test_of_a_capture_it_is_said_that_it_can_be_imported(tmp_path: Path, magic: str) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(bytes.fromhex(magic) + bytes(20))
    with pytest.raises(TraceFileError, match="is no trace file but a capture of the network: import it first"):
        read_trace(path)


def test_newer_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.dgtrace"
    path.write_bytes(b"\x89DGTRACE\r\n\x1a\n\0\x02\0\0")
    with pytest.raises(TraceFileError, match="newer version"):
        read_trace(path)


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(TraceFileError, match="cannot read"):
        read_trace(tmp_path / "missing")
    with pytest.raises(TraceFileError, match="cannot read"):
        read_trace(tmp_path)
    with pytest.raises(TraceFileError, match="cannot write"):
        TraceWriter(tmp_path / "missing" / "a.dgtrace")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_is_told_at_the_end() -> None:
    writer = TraceWriter(Path("/dev/full"))
    assert writer.error
    writer(note(1))
    with pytest.raises(TraceFileError, match="not complete"):
        writer.close()
    writer.close()


def test_a_disk_that_fails_while_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.dgtrace"
    written(path, [note(1)])
    reader = read_trace(path)

    class Failing:
        def read(self, size: int) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(TraceFileError, match="Input/output error"):
        reader._read(Failing(), 10)  # type: ignore[arg-type]


def test_records_of_enormous_size_are_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_file, "_MAX_RECORD_BYTES", 10)
    path = tmp_path / "a.dgtrace"
    head = (1, 0.0, 0.0, Direction.SENT)
    pieces = (Segment(0, b"12345678"), Segment(100, b"abcdef"), Segment(200, b"xyz"))
    written(path, [PduRecord(*head, 4, 300, pieces, ""), BytesRecord(*head, 20, bytes(20), "")])
    pdu, stray = read_trace(path)
    assert isinstance(pdu, PduRecord)
    assert isinstance(stray, BytesRecord)
    assert pdu.segments == (Segment(0, b"12345678"), Segment(100, b"ab"))
    assert (stray.length, len(stray.data)) == (20, 10)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.binary(max_size=200), position=st.integers(0, 400))
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: bytes, position: int) -> None:
    path = tmp_path / "a.dgtrace"
    good = bytearray(written(path, [note(1), note(2)]))
    good[position : position + len(data)] = data
    path.write_bytes(good)
    try:
        list(read_trace(path))
    except TraceFileError:
        return


def test_marks_travel_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.dgtrace"
    marks = Marks()
    marks.set(2, color="red", comment="here")
    with TraceWriter(path) as writer:
        writer(note(1))
        writer(note(2))
        writer.write_marks(marks)
    reader = read_trace(path)
    assert list(reader) == [note(1), note(2)]
    assert list(reader.marks.items()) == [(2, Mark(False, "red", "here"))]
    assert (reader.skipped_chunks, reader.damage, reader.is_complete) == (0, (), True)
    assert list(reader) == [note(1), note(2)]
    assert len(reader.marks) == 1


def test_odd_marks_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.dgtrace"
    path.write_bytes(written(path, [note(1)]) + chunk(b"MARK", b"{}") + chunk(b"MARK", b'[[1,true,"",""],[0]]'))
    reader = read_trace(path)
    assert list(reader) == [note(1)]
    assert reader.marks.seqs() == [1]
    assert [text.partition(" at byte")[0] for text in reader.damage] == ["The part", "Of the marks"]


def test_a_file_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "a.dgtrace"
    marks = Marks()
    marks.set(1, marked=True)
    for part in range(3):
        with TraceWriter(path, append=True, info={"redacted": part != 1}) as writer:
            writer(NoteRecord(7, 500.0 - part, 1000.0 + 10 * part, 20, f"first {part}"))
            writer(NoteRecord(0, 501.0 - part, 1001.0 + 10 * part, 20, f"second {part}"))
            writer.write_marks(marks)
    reader = read_trace(path)
    records = list(reader)
    assert [record.association for record in records] == [7, 0, 14, 0, 21, 0]
    assert [record.mono for record in records] == [500.0, 501.0, 510.0, 511.0, 520.0, 521.0]
    assert [record.utc for record in records] == [1000.0, 1001.0, 1010.0, 1011.0, 1020.0, 1021.0]
    assert reader.marks.seqs() == [1, 3, 5]
    assert (reader.is_complete, reader.damage) == (True, ())
    assert reader.info["redacted"] is False
    assert reader.info["program"].startswith("dicomgui ")  # type: ignore[attr-defined]


def test_times_go_on_where_the_clock_was_set_back(tmp_path: Path) -> None:
    path = tmp_path / "a.dgtrace"
    written(path, [NoteRecord(1, 50.0, 2000.0, 20, "late")])
    with TraceWriter(path, append=True) as writer:
        writer(NoteRecord(1, 9.0, 1000.0, 20, "early"))
        writer(NoteRecord(1, 10.0, 1001.0, 20, "early"))
    assert [record.mono for record in read_trace(path)] == [50.0, 50.0, 51.0]


def test_a_torn_end_is_cut_off_before_a_file_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "a.dgtrace"
    whole = written(path, [note(1)])
    for end in range(len(whole) - 1, 16, -1):
        path.write_bytes(whole[:end])
        kept = list(read_trace(path))
        with TraceWriter(path, append=True) as writer:
            writer(note(2))
        reader = read_trace(path)
        assert [record.text for record in reader if isinstance(record, NoteRecord)] == ["1", "2"][1 - len(kept) :]
        assert (reader.damage, reader.is_complete) == ((), True)


def test_a_file_that_broke_off_after_it_was_continued_is_not_complete(tmp_path: Path) -> None:
    path = tmp_path / "a.dgtrace"
    written(path, [note(1)])
    writer = TraceWriter(path, append=True)
    writer(note(2))
    writer.flush()
    reader = read_trace(path)
    assert len(list(reader)) == 2
    assert not reader.is_complete
    writer.close()


def test_what_is_no_trace_or_cannot_be_followed_is_not_continued(tmp_path: Path) -> None:
    path = tmp_path / "a.dgtrace"
    for data in (b"some other file", written(path, [note(1)]) + b"\0garbage and more"):
        path.write_bytes(data)
        with pytest.raises(TraceFileError, match=r"no trace file|cannot be continued"):
            TraceWriter(path, append=True)
        assert path.read_bytes() == data
    empty = tmp_path / "new.dgtrace"
    empty.touch()
    for target in (empty, tmp_path / "missing.dgtrace"):
        with TraceWriter(target, append=True) as writer:
            writer(note(1))
        assert list(read_trace(target)) == [note(1)]


def test_damage_in_the_middle_stays_when_a_file_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "a.dgtrace"
    data = bytearray(written(path, [note(1)]))
    data[data.index(b'"1"') + 1] = ord("9")
    path.write_bytes(data)
    with TraceWriter(path, append=True) as writer:
        writer(note(2))
    assert path.read_bytes().startswith(data)
    assert [record.text for record in read_trace(path) if isinstance(record, NoteRecord)] == ["2"]


PAGE = Path(__file__).parents[3] / "resources" / "help" / "trace-format.md"


def test_the_page_of_help_names_every_kind_and_field() -> None:
    rows = re.findall(r"(?m)^\| `([a-z]+)` \| (.*) \|$", PAGE.read_text(encoding="utf-8"))
    described = {kind: fields.partition(":")[0].split(", ") for kind, fields in rows}
    assert {kind: len(fields) for kind, fields in described.items()} == {
        kind: len(record_type._fields) - 3 for kind, record_type in KINDS.items()
    }


def test_a_reader_that_knows_only_the_page_of_help_gets_the_records(tmp_path: Path) -> None:
    path = tmp_path / "a.dgtrace"
    marks = Marks()
    marks.set(2, color="red", comment="x")
    records = Recording().established().echo().records
    with TraceWriter(path) as writer:
        for record in records:
            writer(record)
        writer.write_marks(marks)
    data = path.read_bytes()
    assert data[:16] == bytes.fromhex("89444754524143450D0A1A0A00010000")
    position, types, rows, pieces = 16, [], [], b""
    while position < len(data):
        kind, length = data[position : position + 4], int.from_bytes(data[position + 4 : position + 8], "big")
        payload = data[position + 8 : position + 8 + length]
        end = position + 8 + length
        assert int.from_bytes(data[end : end + 4], "big") == zlib.crc32(data[position:end])
        types.append(kind.decode())
        if kind == b"RECS":
            head = int.from_bytes(payload[:4], "big")
            rows += json.loads(payload[4 : 4 + head])
            pieces += payload[4 + head :]
        elif kind == b"MARK":
            assert json.loads(payload) == [[2, False, "red", "x"]]
        position = end + 4
    assert list(dict.fromkeys(types)) == ["INFO", "RECS", "MARK", "DONE"]
    assert [row[2:5] for row in rows] == [list(record[:3]) for record in records]
    pdu = records[1]
    assert isinstance(pdu, PduRecord)
    assert rows[1][:1] + rows[1][5:] == ["pdu", 0, 1, pdu.length, [[0, pdu.length]], ""]
    assert pieces.startswith(pdu.segments[0].data)
    assert sum(row[1] for row in rows) == len(pieces)
