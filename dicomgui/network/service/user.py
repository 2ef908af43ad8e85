"""The service user (SCU): the verbs, each a request and its response."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dicomgui.network.association.contexts import AcceptedContext, Negotiated
from dicomgui.network.dimse.commands import CEchoRQ, CEchoRSP, CStoreRQ, CStoreRSP, Priority
from dicomgui.network.dimse.commands import Response as ResponseCommand
from dicomgui.network.dimse.dataset import encode_dataset
from dicomgui.network.dimse.fragment import BytesSource, Chunk, FileSource, Source
from dicomgui.network.errors import DicomNetworkError, DimseFailure, NoAcceptedContext, RemoteProtocolError
from dicomgui.network.part10 import Part10Head, read_head
from dicomgui.network.pdu import PduType
from dicomgui.network.service.connection import Connection
from dicomgui.network.status import Status
from dicomgui.network.uids import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, VERIFICATION, name_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from dicomgui.network.dimse.assembler import Message

__all__ = ["InstanceFile", "Response", "ServiceUser"]

SMALL_FILE_BYTES = 262_144
"""Data sets up to this size are read in one go."""

READ_AHEAD_BYTES = 1_048_576
"""Files up to this size are read ahead."""


@dataclass(frozen=True, slots=True)
class Response:
    """The final response to a request.

    A failure status is a result like any other: look at ``status``, or call :meth:`raise_for_status`.

    :ivar status: the status of the response.
    :ivar comment: Error Comment (0000,0902), text of the peer; may be empty.
    :ivar offending: Offending Element (0000,0901) as tags ``(group << 16) | element``.
    """

    status: Status
    comment: str = ""
    offending: tuple[int, ...] = ()

    def raise_for_status(self) -> Response:
        """Return self, unless the status is a failure.

        :raises DimseFailure: the status is a failure, or the operation was cancelled.
        """
        if self.status.is_failure or self.status.is_cancel:
            text = f"the peer answered {self.status}" + (f" ({self.comment})" if self.comment else "")
            raise DimseFailure(text, status=int(self.status), comment=self.comment, offending=self.offending)
        return self


@dataclass(frozen=True, slots=True)
class InstanceFile:
    """A file whose head is known already, so that :meth:`ServiceUser.store` need not read it again."""

    path: Path
    head: Part10Head


class _Manner(NamedTuple):
    """How a C-STORE is asked for."""

    priority: int = Priority.MEDIUM
    originator: str = ""
    originator_message_id: int | None = None


class _Outgoing(NamedTuple):
    """A C-STORE-RQ that can go.

    ``instance`` and ``chunks`` are there if it was read ahead, for that instance.
    """

    context: AcceptedContext
    command: CStoreRQ
    source: Source
    instance: InstanceFile | None = None
    chunks: tuple[Chunk, ...] | None = None


class ServiceUser:
    """The verbs of a service user over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._prepared: _Outgoing | None = None
        self._known_contexts: dict[tuple[str, tuple[str, ...]], AcceptedContext] = {}

    async def echo(self) -> Response:
        """Verify the association by C-ECHO (PS3.7 9.1.5).

        :raises NoAcceptedContext: the peer did not accept the Verification SOP Class.
        :raises OperationTimeout: no response within the response time-out; the association is aborted.
        :raises AssociationError: the association ended before the response.
        """
        context = self._context(VERIFICATION, ())
        message_id = self._connection.next_message_id()
        message = await self._connection.request(context.context_id, CEchoRQ(message_id), message_id)
        return self._response(message, CEchoRSP)

    async def store(
        self,
        instance: str | os.PathLike[str] | InstanceFile | Dataset,
        *,
        priority: int = Priority.MEDIUM,
        move_originator_ae_title: str = "",
        move_originator_message_id: int | None = None,
        following: InstanceFile | None = None,
    ) -> Response:
        """Send one composite instance by C-STORE (PS3.7 9.1.1).

        A file is streamed as it lies on disk, in bounded memory and without parsing its data set; it needs an accepted
        presentation context with exactly its SOP class and transfer syntax. A data set is encoded in the accepted
        syntax (explicit before implicit little endian) unless it says which syntax it is in.

        :param following: what will be stored next: up to 1 MiB of it is read while the peer is at work with this one.

        :raises Part10Error: the file is no DICOM instance.
        :raises OSError: the file cannot be read; in the middle of sending this also aborts the association.
        :raises NoAcceptedContext: no accepted context fits.
        :raises OperationTimeout: no response, or the peer stopped reading; the association is aborted.
        :raises AssociationError: the association ended before the response.
        """
        manner = _Manner(priority, move_originator_ae_title, move_originator_message_id)
        meanwhile = None if following is None else partial(self._prepare, following)
        prepared, self._prepared = self._prepared, None
        if prepared is not None and prepared.instance == instance and manner == _Manner():
            return await self._store(prepared, meanwhile)
        if isinstance(instance, str | os.PathLike | InstanceFile):
            file, head = _open_instance(instance)
            with file:
                return await self._store(self._outgoing(file, head, manner), meanwhile)
        return await self._store(await self._encoded(instance, manner), meanwhile)

    def _outgoing(self, file: FileIO, head: Part10Head, manner: _Manner) -> _Outgoing:
        context = self._context(head.sop_class_uid, (head.transfer_syntax_uid,))
        size = os.fstat(file.fileno()).st_size - head.dataset_offset
        source: Source
        if size <= SMALL_FILE_BYTES:
            file.seek(head.dataset_offset)
            source = BytesSource(file.read(size))
        else:
            source = FileSource(file, head.dataset_offset, size)
        return _Outgoing(context, self._command(head.sop_class_uid, head.sop_instance_uid, manner), source)

    def _prepare(self, instance: InstanceFile) -> None:
        """Read a file ahead; what goes wrong goes wrong again, and is told, when the file's turn comes."""
        try:
            file, head = _open_instance(instance)
            with file:
                if os.fstat(file.fileno()).st_size <= READ_AHEAD_BYTES:
                    outgoing = self._outgoing(file, head, _Manner())
                    chunks = self._connection.prepare(outgoing.context.context_id, *outgoing[1:3])
                    self._prepared = outgoing._replace(instance=instance, chunks=tuple(chunks))
        except (OSError, DicomNetworkError):
            self._prepared = None

    async def _encoded(self, dataset: Dataset, manner: _Manner) -> _Outgoing:
        sop_class, sop_instance = str(dataset.SOPClassUID), str(dataset.SOPInstanceUID)
        file_meta = getattr(dataset, "file_meta", None)
        own_syntax = None if file_meta is None else file_meta.get("TransferSyntaxUID")
        syntaxes = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN) if own_syntax is None else (str(own_syntax),)
        context = self._context(sop_class, syntaxes)
        data = await asyncio.to_thread(encode_dataset, dataset, context.transfer_syntax)
        return _Outgoing(context, self._command(sop_class, sop_instance, manner), BytesSource(data))

    def _command(self, sop_class: str, sop_instance: str, manner: _Manner) -> CStoreRQ:
        return CStoreRQ(self._connection.next_message_id(), sop_class, sop_instance, *manner)

    async def _store(self, outgoing: _Outgoing, meanwhile: Callable[[], None] | None) -> Response:
        message = await self._connection.request(
            outgoing.context.context_id,
            outgoing.command,
            outgoing.command.message_id,
            outgoing.source,
            is_store=True,
            chunks=outgoing.chunks,
            meanwhile=meanwhile,
        )
        return self._response(message, CStoreRSP)

    def _context(self, sop_class: str, transfer_syntaxes: tuple[str, ...]) -> AcceptedContext:
        """The accepted context for the SOP class, in the first of ``transfer_syntaxes`` that there is one for.

        Without ``transfer_syntaxes`` any will do.
        """
        key = (sop_class, transfer_syntaxes)
        known = self._known_contexts.get(key)
        if known is not None:
            return known
        negotiated = self._connection.negotiated
        for syntax in transfer_syntaxes or (None,):
            context = negotiated.find(sop_class, syntax)
            if context is not None:
                self._known_contexts[key] = context
                return context
        raise _no_context(negotiated, sop_class, transfer_syntaxes, self._connection.peer)

    def _response(self, message: Message, expected: type[ResponseCommand]) -> Response:
        command = message.command
        if not isinstance(command, expected) or command.status.is_pending:
            name = "a pending status" if isinstance(command, expected) else command.name
            error = RemoteProtocolError(
                f"{name} where {expected.name} was expected",
                pdu_type=PduType.P_DATA_TF,
                field="Command Field (0000,0100)",
                abort_reason=6,
                peer=self._connection.peer,
            )
            self._connection.transport.provider_abort(error)
            raise error
        return Response(command.status, command.error_comment, command.offending_elements)


def _open_instance(instance: str | os.PathLike[str] | InstanceFile) -> tuple[FileIO, Part10Head]:
    if isinstance(instance, InstanceFile):
        return instance.path.open("rb", buffering=0), instance.head
    path = Path(instance)
    head = read_head(path)
    return path.open("rb", buffering=0), head


def _no_context(
    negotiated: Negotiated, sop_class: str, transfer_syntaxes: tuple[str, ...], peer: str
) -> NoAcceptedContext:
    results = [result for result in negotiated.contexts if result.abstract_syntax == sop_class]
    offered = tuple(dict.fromkeys(uid for result in results for uid in result.transfer_syntaxes))
    accepted = tuple(dict.fromkeys(result.accepted.transfer_syntax for result in results if result.accepted))
    text = f"the peer did not accept {name_of(sop_class)}" if results else f"{name_of(sop_class)} was not proposed"
    if transfer_syntaxes:
        text += " in " + " or ".join(name_of(uid) for uid in transfer_syntaxes)
    return NoAcceptedContext(text, sop_class=sop_class, offered=offered, accepted=accepted, peer=peer)
