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
the file, ``DONE`` nothing: the writer closed the file. A chunk of another type is stepped over.
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
from typing import BinaryIO

from dicomgui.network.pdu import PduType
from dicomgui.network.tracing import BytesRecord, CancelRecord, CloseRecord, PduRecord, Record, Segment, TimerRecord
from dicomgui.trace.codec import CodecError, decode_block, encode_blocks

__all__ = ["TraceFileError", "TraceReader", "TraceWriter", "read_trace"]

_MAGIC = b"\x89DGTRACE\r\n\x1a\n"
_VERSION = 1
_FILE_HEAD = struct.Struct(">12sHH")
_CHUNK_HEAD = struct.Struct(">4sI")
_CRC = struct.Struct(">I")
_RECORDS = b"RECS"
_INFO = b"INFO"
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
    and :meth:`close` reports it. An existing file of that name is replaced.

    :param path: the file.
    :param info: what to note about the file, e.g. the program's version; JSON values.
    :raises TraceFileError: the file cannot be made.
    """

    def __init__(self, path: Path, *, info: dict[str, object] | None = None) -> None:
        self.path = path
        self.error = ""
        self._pending: list[Record] = []
        self._pending_bytes = 0
        self._pending_since = 0.0
        self._closed = False
        try:
            if path.is_file() and not path.is_symlink():
                path.unlink()  # the mode below counts for a new file only
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
            self._file: BinaryIO = os.fdopen(descriptor, "wb", buffering=0)
        except OSError as exc:
            raise TraceFileError(f"cannot write {path}: {exc.strerror or exc}") from exc
        self._write(_FILE_HEAD.pack(_MAGIC, _VERSION, 0))
        self._chunk(_INFO, json.dumps({"created_utc": time.time(), **(info or {})}).encode("ascii"))

    def __call__(self, record: Record) -> None:
        """Keep a record."""
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


class TraceReader:
    """Iterates over the records of a trace file, and says afterwards what was wrong with it.

    A file that ends in the middle, as a crash leaves it, gives all records before that place. Nothing is raised while
    iterating but :class:`TraceFileError` where the disk fails. Each iteration starts from the beginning.

    :ivar info: what the writer noted about the file.
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
            raise TraceFileError(f"{self.path} is no trace file")
        version = _FILE_HEAD.unpack(head)[1]
        if not 1 <= version <= _VERSION:
            raise TraceFileError(f"{self.path} was written by a newer version (its format is {version})")

    def _read(self, file: BinaryIO, size: int) -> bytes:
        try:
            return file.read(size)
        except OSError as exc:
            raise TraceFileError(f"cannot read {self.path}: {exc.strerror or exc}") from exc

    def __iter__(self) -> Iterator[Record]:
        self._reset()
        with self._opened() as file:
            self._check_head(file)
            end = os.fstat(file.fileno()).st_size
            while (chunk := self._next_chunk(file, end)) is not None:
                kind, payload, offset = chunk
                if kind == _RECORDS:
                    yield from self._records(payload, offset)
                elif kind == _INFO:
                    self._note_info(payload)
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
                self._damaged(f"At byte {offset} stands what is no part of a trace; the rest cannot be read.")
                return None
            if length + _CRC.size > end - file.tell():  # before reading: a length is only a claim
                self._torn(offset)
                return None
            if length > _MAX_CHUNK_BYTES:
                self._damaged(f"The part at byte {offset} claims {length} bytes, more than it may have.")
                return None
            payload = self._read(file, length)
            crc = self._read(file, _CRC.size)
            if crc == _CRC.pack(zlib.crc32(payload, zlib.crc32(head))):
                return kind, payload, offset
            self._damaged(f"The part at byte {offset} is damaged; its records are left out.")

    def _torn(self, offset: int) -> None:
        self._damaged(f"The file ends in the middle of the part at byte {offset}; the last records are missing.")

    def _damaged(self, text: str) -> None:
        if len(self.damage) < 100:
            self.damage += (text,)

    def _records(self, payload: bytes, offset: int) -> list[Record]:
        try:
            block = decode_block(payload)
        except CodecError as exc:
            self._damaged(f"The part at byte {offset} holds no records: {exc}.")
            return []
        self.skipped_records += block.skipped
        return block.records

    def _note_info(self, payload: bytes) -> None:
        try:
            info = json.loads(payload[:_MAX_INFO_BYTES])
        except (ValueError, RecursionError):
            return
        if isinstance(info, dict):
            self.info = info


def read_trace(path: Path) -> TraceReader:
    """Open a trace file; iterate over the result to get its records.

    :raises TraceFileError: the file cannot be opened or is no trace file.
    """
    return TraceReader(path)
