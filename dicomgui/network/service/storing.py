"""Preparing C-STORE requests: which presentation context, where the bytes come from, and reading ahead."""

from __future__ import annotations

import asyncio
import os
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from dicomgui.network.association.contexts import AcceptedContext
from dicomgui.network.dimse.commands import CStoreRQ, Priority
from dicomgui.network.dimse.dataset import encode_dataset, is_dataset
from dicomgui.network.dimse.fragment import BytesSource, Chunk, Source, file_source
from dicomgui.network.errors import ConfigurationError, DicomNetworkError
from dicomgui.network.part10 import Part10Head, read_head
from dicomgui.network.service.connection import Connection
from dicomgui.network.service.contexts import ContextChooser
from dicomgui.network.uids import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["InstanceFile", "Manner", "Outgoing", "StorableInstance", "StoreMaker", "open_instance"]

SMALL_FILE_BYTES = 65_536
"""Data sets up to this size are read before their chunk is made; larger ones go straight into it."""

READ_AHEAD_BYTES = 1_048_576
"""Files up to this size are read ahead."""


class InstanceFile(NamedTuple):
    """A file whose head is known already, so that a C-STORE need not read it again."""

    path: Path
    head: Part10Head


StorableInstance: TypeAlias = "str | os.PathLike[str] | InstanceFile | Dataset"
"""What can be sent by C-STORE: a DICOM file, or a data set with SOP class and instance UID."""


class Manner(NamedTuple):
    """How a C-STORE is asked for."""

    priority: int = Priority.MEDIUM
    originator: str = ""
    originator_message_id: int | None = None


_HAS_PREAD: Final = hasattr(os, "pread")
_USUAL = Manner()


class Outgoing(NamedTuple):
    """A C-STORE-RQ that can go.

    ``instance`` and ``chunks`` are there if it was read ahead, for that instance.
    """

    context: AcceptedContext
    command: CStoreRQ
    source: Source
    instance: InstanceFile | None = None
    chunks: tuple[Chunk, ...] | None = None


class StoreMaker:
    """Makes the C-STORE requests of one association."""

    def __init__(self, connection: Connection, contexts: ContextChooser) -> None:
        self._connection = connection
        self._contexts = contexts
        self._prepared: Outgoing | None = None
        self._manner = Manner()

    @property
    def has_prepared_whole(self) -> bool:
        """Whether a request was read ahead that can leave in one piece."""
        return self._prepared is not None and self._prepared.chunks is not None and len(self._prepared.chunks) == 1

    def take_prepared(self, instance: StorableInstance, manner: Manner) -> Outgoing | None:
        """The request for ``instance`` if it was read ahead; whatever was is forgotten."""
        prepared, self._prepared = self._prepared, None
        if prepared is not None and prepared.instance == instance and manner == self._manner:
            return prepared
        return None

    def prepare(self, instance: InstanceFile, manner: Manner = _USUAL) -> None:
        """Read a file ahead, to be sent in this manner.

        What goes wrong goes wrong again, and is told, when the file's turn comes.
        """
        try:
            file, head = open_instance(instance)
            with file:
                length = os.fstat(file.fileno()).st_size
                if length <= READ_AHEAD_BYTES:
                    outgoing = self.of_file(file, head, manner, length)
                    chunks = self._connection.requests.prepare(outgoing.context.context_id, *outgoing[1:3])
                    self._prepared = Outgoing(*outgoing[:3], instance, tuple(chunks))
                    self._manner = manner
        except (OSError, DicomNetworkError):
            self._prepared = None

    def of_file(self, file: FileIO, head: Part10Head, manner: Manner, length: int | None = None) -> Outgoing:
        """The request for an open file, which must stay open until that is sent; ``length`` where it is known."""
        context = self._contexts.choose(head.sop_class_uid, (head.transfer_syntax_uid,))
        length = os.fstat(file.fileno()).st_size if length is None else length
        size = max(0, length - head.dataset_offset)
        source: Source
        if size <= SMALL_FILE_BYTES:
            source = BytesSource(_read_at(file, head.dataset_offset, size))
        else:
            source = file_source(file, head.dataset_offset, size)
        return Outgoing(context, self._command(head.sop_class_uid, head.sop_instance_uid, manner), source)

    async def of_dataset(self, dataset: Dataset, manner: Manner) -> Outgoing:
        """The request for a data set, encoded in a thread.

        :raises ConfigurationError: it is none, or has no SOP class UID or no SOP instance UID.
        """
        if not is_dataset(dataset) or "SOPClassUID" not in dataset or "SOPInstanceUID" not in dataset:
            what = "a data set without SOP Class UID or SOP Instance UID"
            raise ConfigurationError(
                f"{what if is_dataset(dataset) else type(dataset).__name__} cannot be stored", phase="configure",
                hint="Give a DICOM file, or a data set with both.",
            )  # fmt: skip
        sop_class, sop_instance = str(dataset.SOPClassUID), str(dataset.SOPInstanceUID)
        file_meta = getattr(dataset, "file_meta", None)
        own_syntax = None if file_meta is None else file_meta.get("TransferSyntaxUID")
        syntaxes = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN) if own_syntax is None else (str(own_syntax),)
        context = self._contexts.choose(sop_class, syntaxes)
        data = await asyncio.to_thread(encode_dataset, dataset, context.transfer_syntax)
        return Outgoing(context, self._command(sop_class, sop_instance, manner), BytesSource(data))

    def _command(self, sop_class: str, sop_instance: str, manner: Manner) -> CStoreRQ:
        return CStoreRQ(self._connection.requests.next_message_id(), sop_class, sop_instance, *manner)


def _read_at(file: FileIO, offset: int, size: int) -> bytes:
    if _HAS_PREAD:
        return os.pread(file.fileno(), size, offset)
    file.seek(offset)
    return file.read(size)


def open_instance(instance: str | os.PathLike[str] | InstanceFile) -> tuple[FileIO, Part10Head]:
    """Open a file and know its head.

    :raises Part10Error: the file is no DICOM instance.
    :raises OSError: it cannot be read.
    """
    if isinstance(instance, InstanceFile):
        return FileIO(instance.path), instance.head
    path = Path(instance)
    head = read_head(path)
    return FileIO(path), head
