from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import pytest
from helpers.recordings import Recording

from dicomgui.network.tracing import NoteRecord, Record
from dicomgui.trace.file import TraceFileError, TraceWriter
from dicomgui.trace.marks import Mark, Marks
from dicomgui.trace.open_trace import OpenCancelled, open_trace
from dicomgui.trace.store import TraceStore


def note(number: int) -> NoteRecord:
    return NoteRecord(1, 0.0, 0.0, 20, str(number))


def write(path: Path, records: list[Record], *, marks: Marks | None = None, is_closed: bool = True) -> None:
    writer = TraceWriter(path)
    for record in records:
        writer(record)
    if marks is not None:
        writer.write_marks(marks)
    writer.flush()
    if is_closed:
        writer.close()
    else:
        writer._file.close()


def test_records_and_marks_are_there(tmp_path: Path) -> None:
    path = tmp_path / "a.dgtrace"
    records = Recording().established().echo().released().records * 200
    marks = Marks()
    marks.set(3, color="green", comment="here")
    write(path, records, marks=marks)
    told: list[float] = []
    opened = open_trace(path, progress=told.append, cancelled=lambda: False)
    assert list(opened.store.records()) == records
    assert opened.store.first_seq == 1
    assert list(opened.marks.items()) == [(3, Mark(False, "green", "here"))]
    assert opened.damage == ()
    assert opened.reader.info["redacted"] is False
    assert told == sorted(told)
    assert 0 < told[0] < told[-1] <= 1
    opened.store.close()


def test_it_can_be_cancelled(tmp_path: Path) -> None:
    path = tmp_path / "a.dgtrace"
    write(path, [note(number) for number in range(2000)])
    store = TraceStore()
    with pytest.raises(OpenCancelled):
        open_trace(path, store=store, cancelled=lambda: store.last_seq >= 512)
    assert len(store) == 0


def test_what_is_no_trace_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.dgtrace"
    path.write_bytes(b"nothing")
    with pytest.raises(TraceFileError):
        open_trace(path)


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.dgtrace"
    write(path, [note(1)], is_closed=False)
    opened = open_trace(path)
    assert opened.damage == ("The program that wrote it did not close it; its last records may be missing.",)
    opened.store.close()
    rows = json.dumps([["future", 0, 1], ["note", 0, 1, 0, 0, 20, "2"]]).encode()
    payload = struct.pack(">I", len(rows)) + rows
    head = struct.pack(">4sI", b"RECS", len(payload))
    with path.open("ab") as file:
        file.write(head + payload + struct.pack(">I", zlib.crc32(head + payload)))
    opened = open_trace(path)
    assert opened.damage == ("1 records are of no kind that this version knows.",)
    assert len(opened.store) == 2
    opened.store.close()


def test_a_file_longer_than_what_is_kept_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.dgtrace"
    write(path, [note(number) for number in range(2000)])
    opened = open_trace(path, store=TraceStore(max_rows=1000))
    assert opened.store.last_seq == 2000
    assert opened.damage == (
        f"It is longer than what is kept: its first {opened.store.first_seq - 1:,} rows are left out.",
    )
    opened.store.close()


def test_a_disk_that_takes_nothing_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.dgtrace"
    records: list[Record] = list(Recording().established().records)
    write(path, records)
    opened = open_trace(path, store=TraceStore(folder=tmp_path / "missing"))
    assert "Not all bytes" in opened.damage[0]
    assert opened.store.since(0)[1].lost
    opened.store.close()
