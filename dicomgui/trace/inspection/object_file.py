"""Saving the object of a C-STORE in the trace as a file of its own (PS3.10 7.1), whatever its size."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from dicomgui.network.dimse import CStoreRQ
from dicomgui.network.part10 import Part10Error, write_head
from dicomgui.network.tracing import PduRecord
from dicomgui.network.uids import DEFLATED_TRANSFER_SYNTAXES, is_valid_uid
from dicomgui.trace.inspection.dataset_nodes import parse_dataset
from dicomgui.trace.inspection.messages import Message, kept_spans
from dicomgui.trace.store import TraceStore

__all__ = ["ObjectError", "SavedObject", "default_name", "refusal_of", "save_part10"]

_MODALITY = 0x0008_0060
_ZEROS = bytes(65_536)
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9]")


class ObjectError(ValueError):
    """The message cannot be saved as a file; the text says why.

    :ivar can_fill: whether zeros can stand for what is missing, if that is wanted.
    """

    def __init__(self, message: str, *, can_fill: bool = False) -> None:
        super().__init__(message)
        self.can_fill = can_fill


class SavedObject(NamedTuple):
    """What was written: the bytes of the file, and how many of them are zeros because the trace lacks them."""

    path: Path
    size_bytes: int
    missing_bytes: int


def refusal_of(message: Message) -> str:
    """Why a message cannot be saved at all, an empty string where it can: it must be a whole C-STORE-RQ."""
    command = message.decode()
    if not isinstance(command, CStoreRQ):
        return "Only the object of a C-STORE-RQ can be saved."
    if not message.is_complete:
        return "The C-STORE-RQ is not whole in the trace."
    if not message.dataset_length:
        return "The C-STORE-RQ has no data set."
    if not message.context.transfer_syntax:
        return "The trace does not tell the transfer syntax."
    if not (command.affected_sop_class_uid and command.affected_sop_instance_uid):
        return "The C-STORE-RQ lacks its SOP class or instance UID."
    return ""


def default_name(message: Message) -> str:
    """``CT_1.2.3.dcm``, of Modality and SOP Instance UID; always safe as the name of a file."""
    command = message.decode()
    uid = command.sop_instance_uid if command is not None else ""
    beginning = message.dataset[:65_536]
    gaps = tuple(gap for gap in message.gaps if gap.offset < len(beginning))
    parsed = parse_dataset(beginning, message.context.transfer_syntax, gaps=gaps, length=message.dataset_length)
    modality = _NOT_IN_NAMES.sub("", parsed.text_of(_MODALITY))[:16] or "object"
    return f"{modality}_{uid if is_valid_uid(uid) else 'unnamed'}.dcm"


def save_part10(
    store: TraceStore, message: Message, path: Path, *, overwrite: bool = False, fill: bool = False
) -> SavedObject:
    """Write the object of ``message`` as it went over the network behind a head of our own. Blocks.

    :param overwrite: replace a file that is there.
    :param fill: write zeros for what the trace does not have, instead of refusing; a deflated data set is refused all
        the same, since nothing could be read behind a gap.
    :raises ObjectError: it is no whole C-STORE-RQ, or bytes are missing.
    :raises FileExistsError: the file is there, and ``overwrite`` is not set.
    :raises OSError: it cannot be written; nothing is left of it then.
    """
    refusal = refusal_of(message)
    if refusal:
        raise ObjectError(refusal)
    syntax = message.context.transfer_syntax
    missing = _missing(store, message)
    can_fill = syntax not in DEFLATED_TRANSFER_SYNTAXES
    if missing and not (fill and can_fill):
        lack = f"{missing:,} of {message.dataset_length:,} bytes of the data set were not kept in the trace."
        raise ObjectError(lack, can_fill=can_fill)
    command = message.decode()
    assert command is not None
    try:
        head = write_head(
            sop_class_uid=command.sop_class_uid,
            sop_instance_uid=command.sop_instance_uid,
            transfer_syntax_uid=syntax,
        )
    except Part10Error as error:
        raise ObjectError(str(error)) from error
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    size = len(head)
    try:
        with part.open("xb") as file:
            file.write(head)
            for data in _content(store, message):
                size += file.write(data)
        if overwrite:
            part.replace(path)
        else:
            _take_name(part, path)
    finally:
        part.unlink(missing_ok=True)
    return SavedObject(path, size, missing)


def _take_name(part: Path, path: Path) -> None:
    """Give a finished file its name unless that is taken; where links are unknown, a race is possible."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:
        if path.exists():
            raise FileExistsError(f"{path} is there already") from None
        part.replace(path)


def _content(store: TraceStore, message: Message) -> Iterator[bytes]:
    """The data set from the trace, fragment by fragment, with zeros where nothing was kept."""
    for piece in message.pieces:
        if piece.position < len(message.command):
            continue
        entry = store.entry(piece.seq)
        record = entry.record if entry is not None else None
        segments = record.segments if isinstance(record, PduRecord) else ()
        for gap, data in kept_spans(segments, piece.pdu_offset, piece.length):
            while gap > 0:
                yield _ZEROS[:gap]
                gap -= len(_ZEROS)
            yield data


def _missing(store: TraceStore, message: Message) -> int:
    """How many bytes of the data set the trace lacks, also beyond what is shown."""
    if message.dataset_length == len(message.dataset):
        return message.missing_bytes
    missing = 0
    for piece in message.pieces:
        if piece.position >= len(message.command):
            entry = store.entry(piece.seq)
            record = entry.record if entry is not None else None
            segments = record.segments if isinstance(record, PduRecord) else ()
            missing += sum(gap for gap, _ in kept_spans(segments, piece.pdu_offset, piece.length))
    return missing
