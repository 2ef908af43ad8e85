"""Messages on their way out: one whole message after the other (PS3.8 annex E), never faster than the peer reads."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from dicomgui.network.dimse.answer_pdu import Plain, answer_pdu, answer_runs, most_together
from dicomgui.network.dimse.commands import Command, CommandField, CStoreRQ, answer
from dicomgui.network.dimse.fragment import Chunk, Source, command_pdu, fragments
from dicomgui.network.dimse.request_set import encode_request
from dicomgui.network.errors import LocalProtocolError
from dicomgui.network.pdu.data import PDATA_HEAD
from dicomgui.network.pdu.wire import HEADER_LENGTH
from dicomgui.network.service.exchange import OperationsWindow
from dicomgui.network.service.messages import message_record, trace_message
from dicomgui.network.status import Status
from dicomgui.network.tracing import Direction, Scribe
from dicomgui.network.transport.protocol import AssociationTransport

__all__ = ["Sender"]

MAX_QUEUED = 4096
"""Responses that may wait for the message that is being sent."""

SLICE_S = 0.004
"""A sender that never has to wait still lets the loop turn after this long."""

MAX_SPARE = 2
"""Buffers kept for the next chunks: one that is filled while the other one is written."""


_ANSWERED = {CommandField.C_STORE_RQ: CommandField.C_STORE_RSP, CommandField.C_ECHO_RQ: CommandField.C_ECHO_RSP}


class Sender:
    """Sends the messages of one association.

    :ivar unsent_id: Message ID of the message whose last fragment is not queued yet; 0 for none.
    :ivar is_broken: whether a message was begun and could not be sent to its end; only A-ABORT can follow.
    :param max_length: the peer's maximum length of P-DATA-TF, in bytes; 0 for no limit.
    """

    def __init__(self, transport: AssociationTransport, scribe: Scribe, max_length: int) -> None:
        self.unsent_id = 0
        self.is_broken = False
        self._transport = transport
        self._scribe = scribe
        self._max_length = max_length
        self._loop = asyncio.get_running_loop()
        self._turns = OperationsWindow(1)
        self._queue: deque[tuple[int, Command]] = deque()
        self._spare: list[bytearray] = []

    @property
    def is_sending(self) -> bool:
        """Whether a message is on its way that cannot be sent in one go."""
        return self._turns.is_full

    def _takes(self, pdu: bytes) -> bool:
        """Whether the peer takes PDUs of this length."""
        return not 0 < self._max_length < len(pdu) - HEADER_LENGTH

    def prepare(self, context_id: int, command: Command, source: Source | None) -> Iterable[Chunk]:
        """A message cut into PDUs for this peer, lazily; what it reads from ``source`` is read when it is iterated."""
        return fragments(context_id, encode_request(command), source, self._max_length, spare=self._spare)

    def answer(self, context_id: int, request: Plain, status: Status) -> None:
        """Send the response to a C-STORE or C-ECHO that has a status and nothing else; raises like :meth:`post`."""
        if not self._turns.is_full:
            pdu = answer_pdu(context_id, request, status)
            if self._takes(pdu):
                self._transport.send_whole(pdu)
                if self._scribe.tracer is not None:
                    self._scribe.dimse(
                        Direction.SENT,
                        context_id,
                        _ANSWERED[request.command_field],
                        request.message_id,
                        sop_class_uid=request.affected_sop_class_uid,
                        sop_instance_uid=request.affected_sop_instance_uid if isinstance(request, CStoreRQ) else "",
                        status=status,
                    )
                return
        self.post(context_id, answer(request, status))

    def post(self, context_id: int, command: Command) -> None:
        """Send a message without data set: at once, or right after the message that is being sent.

        :raises LocalProtocolError: there is no association to send on, the peer's maximum length leaves no room, or it
            asks more and more while it does not read what is being sent.
        """
        if not self._turns.is_full:
            self._write(context_id, command)
        elif len(self._queue) < MAX_QUEUED:
            self._queue.append((context_id, command))
        else:
            raise LocalProtocolError(f"{MAX_QUEUED} messages wait for the one that is being sent")

    async def send(
        self,
        context_id: int,
        command: Command,
        source: Source | None,
        *,
        is_store: bool = False,
        chunks: Iterable[Chunk] | None = None,
        meanwhile: Callable[[], None] | None = None,
    ) -> None:
        """Send a message and wait until the peer has taken most of it.

        :param chunks: the message as :meth:`prepare` made it ahead of time.
        :param meanwhile: called once all of it is handed to the transport; must not raise.
        """
        if chunks is None:
            chunks = self.prepare(context_id, command, source)
        turns = self._turns
        if not turns.try_enter():
            await turns.enter()
        try:
            await self._send_chunks(command.message_id, chunks, is_store)
            if meanwhile is not None:
                meanwhile()
            if not self._transport.is_writable:
                await self._transport.drain()
            self._write_queued()
        finally:
            turns.leave()
        if self._scribe.tracer is not None:
            trace_message(self._scribe, Direction.SENT, context_id, command, -1 if source is None else source.size)

    @property
    def most_together(self) -> int:
        """Up to how many bytes a data set may go together with others by :meth:`send_answers`; 0 if it cannot."""
        return most_together(self._max_length)

    async def send_answers(
        self, context_id: int, command: Command, data: Sequence[bytes], is_wanted: Callable[[], bool]
    ) -> None:
        """Send the same response with each of these data sets, many in one piece, and wait as :meth:`send` does.

        Other messages have their turn between the pieces.

        :param data: each of :attr:`most_together` bytes at most.
        :param is_wanted: asked before each piece whether there is to be one more.
        """
        turns, transport = self._turns, self._transport
        turn = self._loop.time() + SLICE_S
        for chunks in answer_runs(context_id, encode_request(command), data):
            if self._loop.time() > turn:
                await asyncio.sleep(0)
                turn = self._loop.time() + SLICE_S
            if not is_wanted():
                return
            if not turns.try_enter():
                await turns.enter()
            try:
                if not transport.is_writable:
                    await transport.drain()
                if transport.is_over:
                    return
                transport.send_together(chunks, self._told_of(context_id, command))
                if not transport.is_writable:
                    await transport.drain()
                self._write_queued()
            finally:
                turns.leave()

    def _told_of(self, context_id: int, command: Command) -> Callable[[Chunk], None] | None:
        """What tells the trace of each message; ``None`` without a trace."""
        if self._scribe.tracer is None:
            return None
        return lambda chunk: trace_message(
            self._scribe, Direction.SENT, context_id, command, len(chunk.data) - chunk.data_offset - PDATA_HEAD.size
        )

    def send_at_once(self, context_id: int, command: Command, chunk: Chunk, dataset_length: int) -> None:
        """Send a C-STORE-RQ that is one piece while no other message is being sent.

        :raises LocalProtocolError: there is no association to send on.
        """
        told = partial(message_record, Direction.SENT, context_id, command, dataset_length)
        self._transport.send_data(chunk, is_store=True, told=told)
        self._keep(chunk)

    def _keep(self, chunk: Chunk) -> None:
        """Use the buffer of a chunk again, where it has been written."""
        if chunk.buffer is not None and len(self._spare) < MAX_SPARE and self._transport.has_written_all:
            self._spare.append(chunk.buffer)

    async def _send_chunks(self, message_id: int, chunks: Iterable[Chunk], is_store: bool) -> None:
        """Fragments of one message go without another message between them (PS3.8 annex E.1)."""
        transport = self._transport
        turn = self._loop.time() + SLICE_S
        self.unsent_id = message_id
        is_begun = is_sent = False
        try:
            for chunk in chunks:
                if not transport.is_writable:
                    await transport.drain()
                    turn = self._loop.time() + SLICE_S
                elif is_begun and self._loop.time() > turn:
                    await asyncio.sleep(0)
                    turn = self._loop.time() + SLICE_S
                if transport.is_over:
                    return
                transport.send_data(chunk, is_store=is_store)
                is_begun = True
                self._keep(chunk)
            is_sent = True
        finally:
            self.unsent_id = 0
            self.is_broken = is_begun and not is_sent

    def _write_queued(self) -> None:
        while self._queue and not self._transport.is_over:
            self._write(*self._queue.popleft())

    def _write(self, context_id: int, command: Command) -> None:
        raw = encode_request(command)
        pdu = command_pdu(context_id, raw)
        if self._takes(pdu):
            self._transport.send_whole(pdu)
        else:
            for chunk in fragments(context_id, raw, None, self._max_length):
                self._transport.send_data(chunk, is_store=False)
        if self._scribe.tracer is not None:
            trace_message(self._scribe, Direction.SENT, context_id, command, -1)
