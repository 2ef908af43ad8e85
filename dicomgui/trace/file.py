"""The trace file, ``.dgtrace``: written as the records come, readable after any crash.

======  ==========================================================================
bytes   the file's head
======  ==========================================================================
12      ``\\x89DGTRACE\\r\\n\\x1a\\n``: says what it is, and shows when a transfer changed line ends
2       version, big endian; a reader refuses what is above its own
2       reserved, zero
======  ==========================================================================

Chunks follow until the end of the file: type (4 ASCII letters), length (4 bytes, big endian), payload, and the CRC-32
of all three (4 bytes). ``RECS`` holds a block of records (:mod:`dicomgui.trace.codec`), ``INFO`` a JSON object about
what follows, ``MARK`` marks (:mod:`dicomgui.trace.marks`) of rows, which are numbered from 1 on in the order of the
file, ``DONE`` nothing: the writer closed the file. A chunk of another type is stepped over. A file is continued by
writing further chunks after its last whole one.
"""

from __future__ import annotations

import json
import os
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple

from dicomgui import __version__
from dicomgui.network.pdu import PduType
from dicomgui.network.private_file import open_private
from dicomgui.network.tracing import BytesRecord, CancelRecord, CloseRecord, PduRecord, Record, Segment, TimerRecord
from dicomgui.trace.codec import CodecError, decode_block, encode_blocks
from dicomgui.trace.marks import Marks, MarksError

__all__ = ["TraceFileError", "TraceReader", "TraceWriter", "read_trace"]

_MAGIC = b"\x89DGTRACE\r\n\x1a\n"
_CAPTURES = tuple(map(bytes.fromhex, ("0a0d0d0a", "a1b2c3d4", "d4c3b2a1", "a1b23c4d", "4d3cb2a1")))  # pcapng, pcap
_VERSION = 1
_FILE_HEAD = struct.Struct(">12sHH")
_CHUNK_HEAD = struct.Struct(">4sI")
_CRC = struct.Struct(">I")
_RECORDS = b"RECS"
_INFO = b"INFO"
_MARKS = b"MARK"
_DONE = b"DONE"

_MAX_CHUNK_BYTES = 256 * 2**20
_MAX_INFO_BYTES = 65_536
_MAX_RECORD_BYTES = 64 * 2**20  # kept of one PDU; only a trace with everything of enormous PDUs comes near it

# What is lost when the power goes: at most so many records, bytes or seconds.
_FLUSH_ROWS = 256
_FLUSH_BYTES = 2**20
_FLUSH_AGE_S = 1.0


class TraceFileError(Exception):
    """A trace file cannot be read or written; the text says which file and why, in one line."""


class TraceWriter:
    """A tracer that writes a trace file, readable by its owner only (mode 0600).

    Records are gathered and written together, at the latest after a second with the next record, and at once at those
    that end something or carry an error. It never raises while it records: after a failure to write it keeps still,
    and :meth:`close` reports it. An existing file of that name is replaced, unless it is to be continued.

    What continues a file gets association numbers above those that are in it, and monotonic times that go on where the
    last record ended, as far apart as the times of day are. A torn end of the file is cut off.

    :param path: the file.
    :param info: what to note about the file beside the program's version and the time; JSON values.
    :param append: continue the file if it is there.
    :raises TraceFileError: the file cannot be made; or it is no trace file or damaged so that it cannot be continued.
    """

    def __init__(self, path: Path, *, info: dict[str, object] | None = None, append: bool = False) -> None:
        self.path = path
        self._tail = _tail_of(path) if append and _has_content(path) else None
        self._shift: float | None = None
        self.error = ""
        self._pending: list[Record] = []
        self._pending_bytes = 0
        self._pending_since = 0.0
        self._closed = False
        self._file = _opened_to_write(path, self._tail)
        if self._tail is None:
            self._write(_FILE_HEAD.pack(_MAGIC, _VERSION, 0))
        noted = {"created_utc": time.time(), "program": f"dicomgui {__version__}", "redacted": False, **(info or {})}
        self._chunk(_INFO, json.dumps(noted).encode("ascii"))

    def __call__(self, record: Record) -> None:
        """Keep a record."""
        if self._tail is not None:
            record = self._continued(record, self._tail)
        pending = self._pending
        if not pending:
            self._pending_since = record.mono
        pending.append(record)
        if isinstance(record, PduRecord):
            for segment in record.segments:
                self._pending_bytes += len(segment.data)
        if (
            len(pending) >= _FLUSH_ROWS
            or self._pending_bytes >= _FLUSH_BYTES
            or record.mono - self._pending_since >= _FLUSH_AGE_S
            or _ends_something(record)
        ):
            self.flush()

    def flush(self) -> None:
        """Hand all that was recorded to the operating system."""
        pending, self._pending, self._pending_bytes = self._pending, [], 0
        if pending and not self._closed:
            for block in encode_blocks([_bounded(record) for record in pending]):
                self._chunk(_RECORDS, block)

    def write_marks(self, marks: Marks) -> None:
        """Keep marks of the rows that this writer was given, which are numbered from 1 on."""
        self.flush()
        base = self._tail.rows if self._tail is not None else 0
        moved = marks.renumbered({seq: seq + base for seq in marks.seqs()}) if base else marks
        for payload in moved.encode():
            self._chunk(_MARKS, payload)

    def _continued(self, record: Record, tail: _Tail) -> Record:
        """The record as it follows those that are in the file."""
        if self._shift is None:
            self._shift = tail.mono + max(0.0, record.utc - tail.utc) - record.mono
        number = record.association + tail.association if record.association else 0
        return record._replace(association=number, mono=record.mono + self._shift)

    def close(self) -> None:
        """Write what is left and close the file; a second call does nothing.

        :raises TraceFileError: not everything could be written; what was written before stays readable.
        """
        if self._closed:
            return
        self.flush()
        self._chunk(_DONE, b"")
        self._closed = True
        self._file.close()
        if self.error:
            raise TraceFileError(f"the trace in {self.path} is not complete: {self.error}")

    def __enter__(self) -> TraceWriter:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _chunk(self, kind: bytes, payload: bytes) -> None:
        head = _CHUNK_HEAD.pack(kind, len(payload))
        self._write(head + payload + _CRC.pack(zlib.crc32(payload, zlib.crc32(head))))

    def _write(self, data: bytes) -> None:
        if self.error:
            return
        view = memoryview(data)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError as exc:
            self.error = exc.strerror or str(exc)


def _ends_something(record: Record) -> bool:
    """Whether the record should be on disk even if the program dies next."""
    if isinstance(record, PduRecord):
        return bool(record.error) or record.pdu_type in (PduType.ASSOCIATE_RJ, PduType.RELEASE_RP, PduType.ABORT)
    return isinstance(record, CloseRecord | TimerRecord | CancelRecord | BytesRecord) or bool(
        getattr(record, "error", "")
    )


def _bounded(record: Record) -> Record:
    """The record with no more bytes than a reader takes in one chunk."""
    if isinstance(record, BytesRecord):
        return record._replace(data=record.data[:_MAX_RECORD_BYTES])
    if not isinstance(record, PduRecord) or sum(len(data) for _, data in record.segments) <= _MAX_RECORD_BYTES:
        return record
    room = _MAX_RECORD_BYTES
    segments = []
    for offset, data in record.segments:
        segments.append(Segment(offset, data[:room]))
        room -= len(segments[-1].data)
    return record._replace(segments=tuple(segment for segment in segments if segment.data))


class _Tail(NamedTuple):
    """Where and how a file ends that is to be continued.

    :ivar end: after its last whole chunk.
    :ivar rows: how many records it has.
    :ivar association: the highest number in it.
    :ivar mono: of its last record, as is ``utc``.
    """

    end: int
    rows: int
    association: int
    mono: float
    utc: float


def _has_content(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def _tail_of(path: Path) -> _Tail:
    reader = TraceReader(path)
    rows = association = 0
    mono = utc = 0.0
    for record in reader:
        rows += 1
        association, mono, utc = max(association, record.association), max(mono, record.mono), record.utc
    if not reader.is_followed:
        raise TraceFileError(f"{path} cannot be continued: {reader.damage[-1]}")
    return _Tail(reader.sound_bytes, rows, association, mono, utc)


def _opened_to_write(path: Path, tail: _Tail | None) -> BinaryIO:
    try:
        if tail is not None:
            file = os.fdopen(open_private(path, os.O_RDWR), "r+b", buffering=0)
            file.truncate(tail.end)
            file.seek(tail.end)
            return file
        if path.is_file() and not path.is_symlink():
            path.unlink()  # who has it open would read on
        return os.fdopen(open_private(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb", buffering=0)
    except OSError as exc:
        raise TraceFileError(f"cannot write {path}: {exc.strerror or exc}") from exc


class TraceReader:
    """Iterates over the records of a trace file, and says afterwards what was wrong with it.

    A file that ends in the middle, as a crash leaves it, gives all records before that place. Nothing is raised while
    iterating but :class:`TraceFileError` where the disk fails. Each iteration starts from the beginning.

    :ivar info: what the writers noted about the file; of one that was continued ``created_utc`` is of the first part,
        and ``redacted`` says whether all parts are.
    :ivar marks: the marks in it; known after an iteration.
    :ivar size_bytes: how long the file is.
    :ivar sound_bytes: how far it was followed, up to the end of a chunk.
    :ivar is_followed: whether it could be followed to its end, or to where the last chunk breaks off.
    :ivar is_complete: whether the writer closed the file; known after an iteration.
    :ivar skipped_records: records of kinds that this version does not know, or that are not as they should be.
    :ivar skipped_chunks: chunks of unknown types.
    :ivar damage: what is wrong with the file, sentence by sentence, with offsets; empty for a sound one.
    :raises TraceFileError: the file cannot be opened or is no trace file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reset()
        with self._opened() as file:
            self._check_head(file)

    def _reset(self) -> None:
        self.info: dict[str, object] = {}
        self.marks = Marks()
        self.size_bytes = 0
        self.sound_bytes = 0
        self.is_followed = True
        self.is_complete = False
        self.skipped_records = 0
        self.skipped_chunks = 0
        self.damage: tuple[str, ...] = ()

    def _opened(self) -> BinaryIO:
        try:
            return self.path.open("rb")
        except OSError as exc:
            raise TraceFileError(f"cannot read {self.path}: {exc.strerror or exc}") from exc

    def _check_head(self, file: BinaryIO) -> None:
        head = self._read(file, _FILE_HEAD.size)
        if len(head) < _FILE_HEAD.size or not head.startswith(_MAGIC):
            hint = " but a capture of the network: import it first" if head.startswith(_CAPTURES) else ""
            raise TraceFileError(f"{self.path} is no trace file{hint}")
        version = _FILE_HEAD.unpack(head)[1]
        if not 1 <= version <= _VERSION:
            raise TraceFileError(f"{self.path} was written by a newer version (its format is {version})")

    def _read(self, file: BinaryIO, size: int) -> bytes:
        try:
            return file.read(size)
        except OSError as exc:
            raise TraceFileError(f"cannot read {self.path}: {exc.strerror or exc}") from exc

    def __iter__(self) -> Iterator[Record]:
        for block in self.blocks():
            yield from block

    def blocks(self) -> Iterator[list[Record]]:
        """The same block by block, as they stand in the file."""
        self._reset()
        with self._opened() as file:
            self._check_head(file)
            self.sound_bytes = _FILE_HEAD.size
            end = self.size_bytes = os.fstat(file.fileno()).st_size
            while (chunk := self._next_chunk(file, end)) is not None:
                kind, payload, offset = chunk
                self.sound_bytes = file.tell()
                if kind == _RECORDS:
                    self.is_complete = False  # whoever continues a file closes it again
                    block = self._block(payload, offset)
                    if block is not None:
                        yield block
                elif kind == _INFO:
                    self._note_info(payload)
                elif kind == _MARKS:
                    self._take_marks(payload, offset)
                elif kind == _DONE:
                    self.is_complete = True
                else:
                    self.skipped_chunks += 1

    def _next_chunk(self, file: BinaryIO, end: int) -> tuple[bytes, bytes, int] | None:
        """The next sound chunk and where it starts; ``None`` at the end, or where the file cannot be followed on."""
        while True:
            offset = file.tell()
            head = self._read(file, _CHUNK_HEAD.size)
            if not head:
                return None
            if len(head) < _CHUNK_HEAD.size:
                self._torn(offset)
                return None
            kind, length = _CHUNK_HEAD.unpack(head)
            if not (kind.isalpha() and kind.isupper()):
                self.is_followed = False
                self._damaged(f"At byte {offset} stands what is no part of a trace; the rest cannot be read.")
                return None
            if length + _CRC.size > end - file.tell():  # before reading: a length is only a claim
                self._torn(offset)
                return None
            if length > _MAX_CHUNK_BYTES:
                self.is_followed = False
                self._damaged(f"The part at byte {offset} claims {length} bytes, more than it may have.")
                return None
            payload = self._read(file, length)
            crc = self._read(file, _CRC.size)
            if crc == _CRC.pack(zlib.crc32(payload, zlib.crc32(head))):
                return kind, payload, offset
            self.sound_bytes = file.tell()
            self._damaged(f"The part at byte {offset} is damaged; its records are left out.")

    def _torn(self, offset: int) -> None:
        self._damaged(f"The file ends in the middle of the part at byte {offset}; the last records are missing.")

    def _damaged(self, text: str) -> None:
        if len(self.damage) < 100:
            self.damage += (text,)

    def _block(self, data: bytes, offset: int) -> list[Record] | None:
        try:
            block = decode_block(data)
        except CodecError as exc:
            self._damaged(f"The part at byte {offset} holds no records: {exc}.")
            return None
        self.skipped_records += block.skipped
        return block.records

    def _note_info(self, payload: bytes) -> None:
        try:
            info = json.loads(payload[:_MAX_INFO_BYTES])
        except (ValueError, RecursionError):
            return
        if isinstance(info, dict):
            if self.info:
                info["redacted"] = self.info.get("redacted") is True and info.get("redacted") is True
                info["created_utc"] = self.info.get("created_utc")
            self.info = info

    def _take_marks(self, payload: bytes, offset: int) -> None:
        try:
            skipped = self.marks.decode(payload)
        except MarksError as exc:
            self._damaged(f"The part at byte {offset} holds no marks: {exc}.")
            return
        if skipped:
            self._damaged(f"Of the marks at byte {offset} {skipped} are not as they should be.")


def read_trace(path: Path) -> TraceReader:
    """Open a trace file; iterate over the result to get its records.

    :raises TraceFileError: the file cannot be opened or is no trace file.
    """
    return TraceReader(path)
