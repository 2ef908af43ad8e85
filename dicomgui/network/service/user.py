"""The service user (SCU): the verbs of an association."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dicomgui.network.association.contexts import AcceptedContext
from dicomgui.network.association.params import AETitle
from dicomgui.network.dimse import commands as dimse
from dicomgui.network.dimse.assembler import Message
from dicomgui.network.dimse.commands import Priority, Request
from dicomgui.network.dimse.commands import Response as ResponseCommand
from dicomgui.network.dimse.convert import target_syntax
from dicomgui.network.dimse.dataset import encode_dataset
from dicomgui.network.dimse.fragment import BytesSource
from dicomgui.network.errors import ConfigurationError, LocalProtocolError, NoAcceptedContext
from dicomgui.network.service.connection import Connection
from dicomgui.network.service.contexts import ContextChooser
from dicomgui.network.service.converting import in_accepted_syntax
from dicomgui.network.service.exchange import StreamExchange
from dicomgui.network.service.handlers import Handlers
from dicomgui.network.service.judging import violation_text
from dicomgui.network.service.lane import StoreLane
from dicomgui.network.service.models import query_class
from dicomgui.network.service.operation import Operation
from dicomgui.network.service.provider import Provider
from dicomgui.network.service.receiving import handlers_of
from dicomgui.network.service.results import Match, Progress, Response, progress_of, response_of
from dicomgui.network.service.storing import InstanceFile, Manner, Outgoing, StorableInstance, StoreMaker, open_instance
from dicomgui.network.uids import VERIFICATION

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["ServiceUser"]

QUERY_RETRIEVE_LEVEL = 0x00080052


class ServiceUser:
    """The verbs of a service user over one association.

    Safe for several tasks of one loop: as many operations are outstanding at one time as was negotiated (one, unless
    an asynchronous operations window was), the others wait for their turn.

    ``timeout_s`` of a verb is how long to wait for each response; ``None`` takes that of the association, ``math.inf``
    waits for ever; what is not above 0 raises ConfigurationError.

    :param other: another user of the same association, with which it takes turns.
    """

    def __init__(self, connection: Connection, provider: Provider, other: ServiceUser | None = None) -> None:
        self._connection = connection
        self._provider = provider
        self._contexts = ContextChooser(connection)
        self._stores = StoreMaker(connection, self._contexts)
        self._getting: asyncio.Lock = asyncio.Lock() if other is None else other._getting

    @property
    def is_connected(self) -> bool:
        """Whether the association stands."""
        return self._connection.is_established and not self._connection.is_over

    # composite services

    async def echo(self, *, timeout_s: float | None = None) -> Response:
        """Verify the association by C-ECHO (PS3.7 9.1.5).

        :raises NoAcceptedContext: the peer did not accept the Verification SOP Class.
        :raises OperationTimeout: no response within the response time-out; the association is aborted.
        :raises AssociationError: the association ended before the response.
        """
        context = self._contexts.choose(VERIFICATION)
        requests = self._connection.requests
        command = dimse.CEchoRQ(requests.next_message_id())
        message = await requests.request(
            context.context_id, command, dimse.CEchoRSP, timeout_s=self._response_s(timeout_s)
        )
        return response_of(message, context.transfer_syntax)

    async def store(
        self,
        instance: StorableInstance,
        *,
        priority: int = Priority.MEDIUM,
        move_originator_ae_title: str = "",
        move_originator_message_id: int | None = None,
        following: InstanceFile | None = None,
        convert: bool = True,
        timeout_s: float | None = None,
    ) -> Response:
        """Send one composite instance by C-STORE (PS3.7 9.1.1).

        A file is streamed as it lies on disk, in bounded memory and without parsing its data set, where a presentation
        context with its SOP class and transfer syntax was accepted. An uncompressed one whose own syntax was not goes
        in another uncompressed one that was, explicit before implicit VR little endian (PS3.5 10.1): a temporary copy
        is made of it, in a thread. What that changes beside the encoding is in the log and the trace; compressed pixel
        data are never decompressed here. A data set is encoded in the accepted syntax (explicit before implicit little
        endian); one that says which syntax it is in is treated as a file.

        :param following: what will be stored next: up to 1 MiB of it is read while the peer is at work with this one.
        :param convert: ``False`` sends everything as it is, or not at all.

        :raises ConversionError: the file cannot be converted, which it would have to be.
        :raises ConfigurationError: it is neither a file nor a data set with both UIDs.
        :raises Part10Error: the file is no DICOM instance.
        :raises OSError: the file cannot be read; in the middle of sending this also aborts the association.
        :raises NoAcceptedContext: no accepted context fits.
        :raises OperationTimeout: no response, or the peer stopped reading; the association is aborted.
        :raises AssociationError: the association ended before the response.
        """
        manner = Manner(priority, move_originator_ae_title, move_originator_message_id)
        prepared = self._stores.take_prepared(instance, manner)
        meanwhile = None if following is None else partial(self._stores.prepare, following, manner)
        if prepared is not None:
            return await self._store(prepared, meanwhile, timeout_s)
        if isinstance(instance, str | os.PathLike | InstanceFile):
            file, head = open_instance(instance)
            try:
                with file:
                    outgoing = self._stores.of_file(file, head, manner, is_final=not convert)
                    return await self._store(outgoing, meanwhile, timeout_s)
            except NoAcceptedContext as refusal:
                if not convert:
                    raise
                whole = InstanceFile(Path(file.name), head)
                return await self._store_converted(whole, refusal, manner, meanwhile, timeout_s)
        return await self._store(await self._stores.of_dataset(instance, manner, convert=convert), meanwhile, timeout_s)

    async def _store_converted(
        self,
        instance: InstanceFile,
        refusal: NoAcceptedContext,
        manner: Manner,
        meanwhile: Callable[[], None] | None,
        timeout_s: float | None,
    ) -> Response:
        """Send a file in an uncompressed transfer syntax that the peer takes.

        :raises NoAcceptedContext: ``refusal``, where there is none.
        """
        head = instance.head
        if not target_syntax(head.transfer_syntax_uid, refusal.accepted):
            self._contexts.tell_unmet(head.sop_class_uid, (head.transfer_syntax_uid,))
            raise refusal
        async with in_accepted_syntax(instance, refusal, self._connection.scribe) as converted:
            file, head = open_instance(converted)
            with file:
                return await self._store(self._stores.of_file(file, head, manner), meanwhile, timeout_s)

    async def _store(
        self, outgoing: Outgoing, meanwhile: Callable[[], None] | None, timeout_s: float | None
    ) -> Response:
        message = await self._connection.requests.request(
            outgoing.context.context_id,
            outgoing.command,
            dimse.CStoreRSP,
            outgoing.source,
            timeout_s=self._response_s(timeout_s),
            is_store=True,
            chunks=outgoing.chunks,
            meanwhile=meanwhile,
        )
        return response_of(message, outgoing.context.transfer_syntax)

    def store_lane(
        self,
        on_launch: Callable[[InstanceFile], None],
        *,
        priority: int = Priority.MEDIUM,
        timeout_s: float | None = None,
    ) -> StoreLane:
        """What stores many files one after the other without a pause; see there. The parameters are those of
        :meth:`store`.
        """
        return StoreLane(self._connection, self._contexts, Manner(priority), self._response_s(timeout_s), on_launch)

    def find(
        self,
        identifier: Dataset | bytes,
        *,
        root: str = "study",
        sop_class_uid: str | None = None,
        level: str | None = None,
        priority: int = Priority.MEDIUM,
        timeout_s: float | None = None,
    ) -> Operation[Match]:
        """Query by C-FIND (PS3.7 9.1.2); the matches come one by one, as they arrive.

        :param identifier: the keys; bytes go as they are, encoded in the accepted transfer syntax.
        :param root: the information model, a name of :data:`~dicomgui.network.service.models.QUERY_MODELS`:
            ``"study"``, ``"patient"``, ``"patient-study-only"``, ``"worklist"``, …
        :param sop_class_uid: the SOP class instead of ``root``.
        :param level: Query/Retrieve Level (0008,0052) to set, in a copy of ``identifier``; not with bytes.
        """
        sop_class = sop_class_uid or query_class(root, "find")
        make = partial(dimse.CFindRQ, affected_sop_class_uid=sop_class, priority=priority)
        start = partial(self._open, sop_class, make, dimse.CFindRSP, identifier, level, self._response_s(timeout_s))
        return Operation(self._connection, start, _match)

    def move(
        self,
        identifier: Dataset | bytes,
        *,
        destination: str,
        root: str = "study",
        sop_class_uid: str | None = None,
        level: str | None = None,
        priority: int = Priority.MEDIUM,
        timeout_s: float | None = None,
    ) -> Operation[Progress]:
        """Have instances sent to the AE ``destination`` by C-MOVE (PS3.7 9.1.4); gives the progress as it is told.

        The other parameters are those of :meth:`find`; the time-out is ``timeouts.retrieve_s``.

        :raises ConfigurationError: ``destination`` is no AE title.
        """
        sop_class = sop_class_uid or query_class(root, "move")
        make = partial(
            dimse.CMoveRQ, affected_sop_class_uid=sop_class, move_destination=AETitle(destination), priority=priority
        )
        start = partial(self._open, sop_class, make, dimse.CMoveRSP, identifier, level, self._retrieve_s(timeout_s))
        return Operation(self._connection, start, _progress)

    def get(
        self,
        identifier: Dataset | bytes,
        *,
        into: str | os.PathLike[str] | Handlers,
        root: str = "study",
        sop_class_uid: str | None = None,
        level: str | None = None,
        priority: int = Priority.MEDIUM,
        timeout_s: float | None = None,
    ) -> Operation[Progress]:
        """Retrieve over this association by C-GET (PS3.7 9.1.3); gives the progress as it is told.

        The instances come by C-STORE in accepted presentation contexts of their SOP classes for which this side has
        the SCP role, see :func:`~dicomgui.network.client.presets.for_get`. One C-GET runs at a time.

        :param into: a folder, where each becomes a DICOM file ``<SOP Instance UID>.dcm`` and none is overwritten, or
            :class:`Handlers` with ``on_store`` and, if wanted, ``open_sink``.

        The other parameters are those of :meth:`find`; the time-out is ``timeouts.retrieve_s``.
        """
        sop_class = sop_class_uid or query_class(root, "get")
        make = partial(dimse.CGetRQ, affected_sop_class_uid=sop_class, priority=priority)

        async def start() -> tuple[StreamExchange, str]:
            handlers = handlers_of(into)
            await self._getting.acquire()
            try:
                self._provider.receive_by(handlers)
                return await self._open(sop_class, make, dimse.CGetRSP, identifier, level, self._retrieve_s(timeout_s))
            except BaseException:
                ended()
                raise

        def ended() -> None:
            self._provider.receive_by(None)
            self._getting.release()

        return Operation(self._connection, start, _progress, ended)

    async def _open(
        self,
        sop_class: str,
        make: Callable[[int], Request],
        expected: type[ResponseCommand],
        identifier: Dataset | bytes,
        level: str | None,
        timeout_s: float | None,
    ) -> tuple[StreamExchange, str]:
        context = self._contexts.choose(sop_class)
        data = _encoded(identifier, context, level)
        command = make(self._connection.requests.next_message_id())
        exchange = await self._connection.requests.open_stream(
            context.context_id, command, expected, data, timeout_s=timeout_s
        )
        return exchange, context.transfer_syntax

    # normalized services

    async def n_create(
        self,
        sop_class_uid: str,
        dataset: Dataset | bytes | None = None,
        *,
        sop_instance_uid: str = "",
        context: str | None = None,
        timeout_s: float | None = None,
    ) -> Response:
        """Create an instance by N-CREATE (PS3.7 10.1.5).

        :param sop_instance_uid: without one the peer makes it: see ``sop_instance_uid`` of the response.
        :param context: abstract syntax of the presentation context, where it is not the SOP class (print meta SOP
            classes, unified procedure step).
        """
        chosen = self._contexts.choose(context or sop_class_uid)
        command = dimse.NCreateRQ(
            self._connection.requests.next_message_id(),
            sop_class_uid,
            sop_instance_uid,
            has_dataset=dataset is not None,
        )
        return await self._request(chosen, command, dimse.NCreateRSP, dataset, timeout_s=timeout_s)

    async def n_set(
        self,
        sop_class_uid: str,
        sop_instance_uid: str,
        dataset: Dataset | bytes,
        *,
        context: str | None = None,
        timeout_s: float | None = None,
    ) -> Response:
        """Change an instance by N-SET (PS3.7 10.1.3)."""
        chosen = self._contexts.choose(context or sop_class_uid)
        command = dimse.NSetRQ(self._connection.requests.next_message_id(), sop_class_uid, sop_instance_uid)
        return await self._request(chosen, command, dimse.NSetRSP, dataset, timeout_s=timeout_s)

    async def n_get(
        self,
        sop_class_uid: str,
        sop_instance_uid: str,
        attributes: Sequence[int] = (),
        *,
        context: str | None = None,
        timeout_s: float | None = None,
    ) -> Response:
        """Read an instance by N-GET (PS3.7 10.1.2); without ``attributes`` (tags) all that there are."""
        chosen = self._contexts.choose(context or sop_class_uid)
        command = dimse.NGetRQ(
            self._connection.requests.next_message_id(), sop_class_uid, sop_instance_uid, tuple(map(int, attributes))
        )
        return await self._request(chosen, command, dimse.NGetRSP, timeout_s=timeout_s)

    async def n_action(
        self,
        sop_class_uid: str,
        sop_instance_uid: str,
        action_type_id: int,
        dataset: Dataset | bytes | None = None,
        *,
        context: str | None = None,
        timeout_s: float | None = None,
    ) -> Response:
        """Have something done with an instance by N-ACTION (PS3.7 10.1.4)."""
        chosen = self._contexts.choose(context or sop_class_uid)
        command = dimse.NActionRQ(
            self._connection.requests.next_message_id(),
            sop_class_uid,
            sop_instance_uid,
            action_type_id,
            has_dataset=dataset is not None,
        )
        return await self._request(chosen, command, dimse.NActionRSP, dataset, timeout_s=timeout_s)

    async def n_delete(
        self,
        sop_class_uid: str,
        sop_instance_uid: str,
        *,
        context: str | None = None,
        timeout_s: float | None = None,
    ) -> Response:
        """Delete an instance by N-DELETE (PS3.7 10.1.6)."""
        chosen = self._contexts.choose(context or sop_class_uid)
        command = dimse.NDeleteRQ(self._connection.requests.next_message_id(), sop_class_uid, sop_instance_uid)
        return await self._request(chosen, command, dimse.NDeleteRSP, timeout_s=timeout_s)

    async def n_event_report(
        self,
        sop_class_uid: str,
        sop_instance_uid: str,
        event_type_id: int,
        dataset: Dataset | bytes | None = None,
        *,
        context: str | None = None,
        timeout_s: float | None = None,
    ) -> Response:
        """Report an event by N-EVENT-REPORT (PS3.7 10.1.1), as the SCP of the SOP class."""
        chosen = self._contexts.for_report(context or sop_class_uid)
        command = dimse.NEventReportRQ(
            self._connection.requests.next_message_id(),
            sop_class_uid,
            sop_instance_uid,
            event_type_id,
            has_dataset=dataset is not None,
        )
        return await self._request(chosen, command, dimse.NEventReportRSP, dataset, timeout_s=timeout_s)

    # inner workings

    async def _request(
        self,
        context: AcceptedContext,
        command: Request,
        expected: type[ResponseCommand],
        dataset: Dataset | bytes | None = None,
        *,
        timeout_s: float | None,
    ) -> Response:
        violation = self._provider.permitted.violation(context.abstract_syntax, command)
        if violation is not None:
            raise LocalProtocolError(violation_text(violation, context.abstract_syntax, command), phase="transfer")
        source = None if dataset is None else BytesSource(_encoded(dataset, context))
        message = await self._connection.requests.request(
            context.context_id, command, expected, source, timeout_s=self._response_s(timeout_s)
        )
        return response_of(message, context.transfer_syntax)

    def _response_s(self, own: float | None) -> float | None:
        return self._connection.timeouts.response_s if own is None else _finite(own)

    def _retrieve_s(self, own: float | None) -> float | None:
        return self._connection.timeouts.retrieve_s if own is None else _finite(own)


def _finite(seconds: float) -> float | None:
    if not seconds > 0:
        raise ConfigurationError(f"the time-out is {seconds} s; it must be above 0", phase="configure")
    return None if seconds == math.inf else seconds


def _encoded(dataset: Dataset | bytes, context: AcceptedContext, level: str | None = None) -> bytes:
    """The bytes of a data set; what the caller holds is not changed."""
    if isinstance(dataset, bytes):
        if level is not None:
            raise ConfigurationError("a level cannot be set in an identifier that is encoded", phase="configure")
        return dataset
    if level is not None:
        dataset = dataset[:]  # its elements are those of the caller: not changed, but replaced
        dataset.add_new(QUERY_RETRIEVE_LEVEL, "CS", level)
    return encode_dataset(dataset, context.transfer_syntax)


def _match(message: Message, transfer_syntax: str) -> Match:
    command, data = message.command, message.sink_result
    assert isinstance(command, ResponseCommand)
    return Match(data if isinstance(data, bytes) else b"", command.status, transfer_syntax)


def _progress(message: Message, _transfer_syntax: str) -> Progress:
    command = message.command
    assert isinstance(command, ResponseCommand)
    return progress_of(command) or Progress()
