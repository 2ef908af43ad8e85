"""Preparing C-STORE requests: which presentation context, where the bytes come from, and reading ahead."""

from __future__ import annotations

import asyncio
import os
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from dicomgui.network.association.contexts import AcceptedContext
from dicomgui.network.dimse.commands import CStoreRQ, Priority
from dicomgui.network.dimse.convert import NATIVE_SYNTAXES, convert_dataset, target_syntax
from dicomgui.network.dimse.dataset import encode_dataset, is_dataset
from dicomgui.network.dimse.fragment import BytesSource, Chunk, Source, file_source
from dicomgui.network.errors import ConfigurationError, DicomNetworkError, NoAcceptedContext
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
_READING: Final = os.O_RDONLY | getattr(os, "O_BINARY", 0)
_USUAL: Final = Manner()
_new: Final = tuple.__new__  # without the function of Python that a named tuple has in between


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

    def take_whole(self, instance: InstanceFile, manner: Manner) -> Outgoing | None:
        """As :meth:`take_prepared`, where that can leave in one piece; otherwise it stays."""
        prepared = self._prepared
        if prepared is None or prepared.chunks is None or len(prepared.chunks) != 1:
            return None
        return self.take_prepared(instance, manner)

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
        self._prepared, self._manner = None, manner
        try:
            descriptor = os.open(instance.path, _READING)  # a file object costs as much as reading a small file
            try:
                length = os.lseek(descriptor, 0, os.SEEK_END)  # in a quarter of the time of a stat()
                if length <= READ_AHEAD_BYTES:
                    context, command, source = self._of_open(descriptor, instance.head, manner, length)
                    chunks = self._connection.requests.prepare(context.context_id, command, source)
                    self._prepared = _new(Outgoing, (context, command, source, instance, tuple(chunks)))
            finally:
                os.close(descriptor)
        except (OSError, DicomNetworkError):
            return

    def of_file(self, file: FileIO, head: Part10Head, manner: Manner, *, is_final: bool = True) -> Outgoing:
        """The request for an open file, which must stay open until that is sent.

        :param is_final: as of :meth:`ContextChooser.choose`.
        """
        descriptor = file.fileno()
        return Outgoing(*self._of_open(descriptor, head, manner, os.fstat(descriptor).st_size, is_final=is_final))

    def _of_open(
        self, descriptor: int, head: Part10Head, manner: Manner, length: int, *, is_final: bool = False
    ) -> tuple[AcceptedContext, CStoreRQ, Source]:
        """Context, command and data set of an open file of so many bytes."""
        context = self._contexts.choose(head.sop_class_uid, (head.transfer_syntax_uid,), is_final=is_final)
        offset = head.dataset_offset
        size = length - offset if length > offset else 0
        source: Source
        if size <= SMALL_FILE_BYTES:
            source = BytesSource(_read_at(descriptor, offset, size))
        else:
            source = file_source(FileIO(descriptor, closefd=False), offset, size)
        return context, self._command(head.sop_class_uid, head.sop_instance_uid, manner), source

    async def of_dataset(self, dataset: Dataset, manner: Manner, *, convert: bool = True) -> Outgoing:
        """The request for a data set, encoded in a thread.

        :param convert: an uncompressed one that says which syntax it is in may go in another uncompressed one.
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
        convertible = convert and own_syntax in NATIVE_SYNTAXES
        try:
            context = self._contexts.choose(sop_class, syntaxes, is_final=not convertible)
        except NoAcceptedContext as refusal:
            if not convertible:
                raise
            return await self._of_converted(dataset, str(own_syntax), refusal, manner)
        data = await asyncio.to_thread(encode_dataset, dataset, context.transfer_syntax)
        return Outgoing(context, self._command(sop_class, sop_instance, manner), BytesSource(data))

    async def _of_converted(
        self, dataset: Dataset, own_syntax: str, refusal: NoAcceptedContext, manner: Manner
    ) -> Outgoing:
        sop_class, sop_instance = str(dataset.SOPClassUID), str(dataset.SOPInstanceUID)
        wanted = target_syntax(own_syntax, refusal.accepted)
        if not wanted:
            self._contexts.tell_unmet(sop_class, (own_syntax,))
            raise refusal
        data = await asyncio.to_thread(convert_dataset, dataset, own_syntax, wanted)
        context = self._contexts.choose(sop_class, (wanted,))
        return Outgoing(context, self._command(sop_class, sop_instance, manner), BytesSource(data))

    def _command(self, sop_class: str, sop_instance: str, manner: Manner) -> CStoreRQ:
        return CStoreRQ(self._connection.requests.next_message_id(), sop_class, sop_instance, *manner)


def _read_at(descriptor: int, offset: int, size: int) -> bytes:
    if _HAS_PREAD:
        data = os.pread(descriptor, size, offset)
    else:
        os.lseek(descriptor, offset, os.SEEK_SET)
        data = os.read(descriptor, size)
    if len(data) < size:
        raise OSError(f"the file has become shorter while it was read: {len(data)} bytes of {size} are left")
    return data


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
