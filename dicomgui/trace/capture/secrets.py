"""The keys of TLS connections put into a capture of them, so that Wireshark shows what was said.

A trace of ours has the plain bytes and no others; this is for a capture that somebody took on the wire while the
program wrote a key log. Everything else in the capture stays as it is.
"""

from __future__ import annotations

import os
import shutil
import struct
from pathlib import Path
from typing import BinaryIO

from dicomgui.trace.capture.reader import CaptureError, CaptureReader
from dicomgui.trace.pcap import PcapExportError, secrets_block

__all__ = ["add_keylog"]

_SECTION_HEAD = 12  # type, length, byte order
_MAX_SECTION_BYTES = 2**20


def add_keylog(capture: Path, keylog: Path, target: Path) -> None:
    """Write a copy of a pcapng file with a Decryption Secrets Block before its packets; may run in any thread.

    The copy is readable by its owner only (mode 0600): who has it can read all that was said with these keys.

    :param keylog: as ``TlsConfig.keylog_file`` (``--tls-keylog``) or any other program writes it (SSLKEYLOGFILE).
    :param target: another file; an existing one is replaced.
    :raises CaptureError: the capture cannot be read or is no pcapng file, which alone has a place for keys.
    :raises PcapExportError: the key log is none, or the copy cannot be written.
    """
    if CaptureReader(capture).is_compressed:
        raise CaptureError(f"{capture} is compressed (gzip); unpack it first")
    try:
        with capture.open("rb") as source:
            section, order = _section(source, capture)
            block = secrets_block(keylog, order)
            _write(source, section + block, target)
    except OSError as exc:
        raise CaptureError(f"cannot read {capture}: {exc.strerror or exc}") from exc


def _section(source: BinaryIO, capture: Path) -> tuple[bytes, str]:
    """The block that begins the file, and its byte order."""
    head = source.read(_SECTION_HEAD)
    if head[:4] != b"\n\r\r\n" or len(head) < _SECTION_HEAD:
        raise CaptureError(f"{capture} has no place for keys: save it as pcapng first (editcap -F pcapng)")
    order = "<" if head[8:] == b"\x4d\x3c\x2b\x1a" else ">"
    length = struct.unpack_from(f"{order}I", head, 4)[0]
    rest = source.read(min(max(0, length - _SECTION_HEAD), _MAX_SECTION_BYTES))
    if len(rest) != length - _SECTION_HEAD:
        raise CaptureError(f"{capture} is damaged at its beginning")
    return head + rest, order


def _write(source: BinaryIO, beginning: bytes, target: Path) -> None:
    part = target.with_name(f"{target.name}.part")
    try:
        part.unlink(missing_ok=True)  # the mode below counts for a new file only
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(beginning)
                shutil.copyfileobj(source, file, 2**20)
            part.replace(target)
        except OSError:
            part.unlink(missing_ok=True)
            raise
    except OSError as exc:
        raise PcapExportError(f"cannot write {target}: {exc.strerror or exc}") from exc
