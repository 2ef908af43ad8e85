"""One transport connection that carries one association: the driver between asyncio and the state machine.

The driver moves bytes, keeps one clock and holds the brakes; what bytes mean is decided below it (the state machine)
and above it (its user). Bytes of a data set are handed on as slices of the receive buffer: they are valid only until
``handle_event`` returns.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from typing import Final, cast

from dicomgui.network.association.events import Indication
from dicomgui.network.association.machine import SendBuffer, UpperLayer
from dicomgui.network.association.states import Event
from dicomgui.network.dimse.fragment import Chunk
from dicomgui.network.errors import ConnectError, RemoteProtocolError
from dicomgui.network.pdu import PduType
from dicomgui.network.tracing import Role, Scribe, Segment, broken_rule
from dicomgui.network.transport.buffers import READ_ON_S, joined, read_on, receive_buffer
from dicomgui.network.transport.clock import clock_of
from dicomgui.network.transport.deadlines import Deadlines
from dicomgui.network.transport.eager import expecting
from dicomgui.network.transport.forking import stay_with_parent
from dicomgui.network.transport.observe import TellMessage, TraceObserver
from dicomgui.network.transport.sockets import SocketOptions, acknowledge, socket_place, tune
from dicomgui.network.transport.tls import TlsInfo, agreed_tls
from dicomgui.network.transport.user import TransportUser

__all__ = ["AssociationTransport"]

_log = logging.getLogger(__name__)

LEAST_READ_BYTES: Final = 16_384
READ_SLICE_S: Final = 0.008
"""How long the bytes of one read may keep the loop busy; beyond it the next read takes less. A peer that floods us
with thousands of small messages could otherwise hold up everybody else, and the window, for a tenth of a second."""

WRITE_HIGH_WATER_BYTES: Final = 262_144
"""Above this amount of unsent bytes senders wait, and an acceptor stops to read (a peer that never reads)."""

FLUSH_TIMEOUT_S: Final = 5.0
"""How long a connection that is to be closed may take for its last bytes before it is cut."""

_USUAL: Final = SocketOptions()


class AssociationTransport(asyncio.BufferedProtocol):
    """Drives one :class:`UpperLayer` over one asyncio transport.

    :ivar closed: a future that is done when the connection is gone.
    :ivar local_place: our end of the connection as ``host:port``.
    :ivar peer_place: the peer's end as ``host:port``.

    :param send_s: how long the peer may leave our bytes unread before ``timed_out("send", …)``.
    :param on_gone: called when the connection is gone, after everybody else was told.
    """

    def __init__(
        self,
        machine: UpperLayer,
        user: TransportUser,
        scribe: Scribe,
        *,
        role: Role,
        send_s: float | None = 60.0,
        observer: TraceObserver | None = None,
        trace_full: bool = False,
        sockets: SocketOptions = _USUAL,
        on_gone: Callable[[], object] = lambda: None,
    ) -> None:
        self._machine = machine
        self._options = sockets
        self._send_s = send_s
        self._observer = observer
        self._on_gone = on_gone
        self._trace_full = trace_full
        self._user = user
        self._scribe = scribe
        self._role = role
        self._loop = asyncio.get_running_loop()
        self._buffer = self._window = receive_buffer(self._loop)
        self.tls: TlsInfo | None = None
        self.local_place = self.peer_place = ""
        self._socket: socket.socket | None = None
        self._own_socket: socket.socket | None = None
        self._lost: OSError | None = None
        self._transport: asyncio.Transport | None = None
        self._deadlines = Deadlines(self._loop, self._on_time)
        self._idle_s: float | None = None
        self._created = self._last_byte = self._loop.time()
        self._artim: float | None = None
        self._drained: asyncio.Future[None] | None = None
        self._leaving: list[asyncio.Future[None]] = []
        self._writable = True
        self._holds = 0
        self._closing = self._peer_closed = False
        self._given_up = self._announced = self._is_reading = self._has_written = False
        self._clock = clock_of(self._loop)
        self._expect = expecting(self._loop)
        self.closed: asyncio.Future[None] = self._loop.create_future()

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: the connection is open."""
        transport = cast(asyncio.Transport, transport)  # of what it is a class, other loops do not say
        self._transport = transport
        transport.set_write_buffer_limits(high=WRITE_HIGH_WATER_BYTES)
        self.tls = agreed_tls(transport.get_extra_info("ssl_object"))
        self.announce(transport)
        self._last_byte = self._loop.time()
        self._machine.transport_opened(self._last_byte)
        self._user.transport_ready(self)
        self._expect()
        self.flush()

    def announce(self, transport: asyncio.BaseTransport) -> None:
        """The TCP connection is open; where TLS comes first, the association learns of it later. The trace does now."""
        if self._announced:
            return
        self._announced = True
        self._socket = self._own_socket = transport.get_extra_info("socket")
        if self._socket is not None:
            tune(self._socket, self._options)
            stay_with_parent(self)
        self.local_place = socket_place(transport.get_extra_info("sockname"))
        self.peer_place = socket_place(transport.get_extra_info("peername"))
        seconds = self._loop.time() - self._created if self._role is Role.REQUESTOR else 0.0
        self._scribe.connect(self._role, self.local_place, self.peer_place, seconds)

    def never_opened(self, *, by_peer: bool) -> None:
        """The connection is gone before it was of use for an association."""
        self._scribe.close(by_peer=by_peer)
        self._set_closed()
        self._on_gone()

    def get_buffer(self, sizehint: int) -> memoryview:
        """asyncio: where to put received bytes."""
        return self._window

    def buffer_updated(self, nbytes: int) -> None:
        """asyncio: bytes have come."""
        now = self._last_byte = self._clock()
        machine = self._machine
        self._is_reading, self._has_written = True, False
        try:
            machine.receive(self._buffer[:nbytes], now, self._take)
            while (nbytes == len(self._window) or self._user.is_receiving) and (nbytes := self._read_on(now)):
                machine.receive(self._buffer[:nbytes], now, self._take)
        except Exception as error:  # a fault of ours ends this association and nothing else
            self._fault(error)
        finally:
            self._is_reading = False
        if machine.outgoing:  # what is written now acknowledges what was read
            self.flush()
        else:
            if not self._has_written and self._socket is not None and not acknowledge(self._socket):
                self._socket = None
            if machine.wants_close or machine.artim_at != self._artim:
                self.flush()
        busy_s = self._clock() - now
        if busy_s > READ_SLICE_S or len(self._window) < len(self._buffer):
            self._adapt(busy_s)

    def _take(self, event: Indication) -> bytes | None:
        try:
            return self._user.handle_event(event)
        except RemoteProtocolError as error:
            self.provider_abort(error)  # and go on: what follows is dropped, but the trace is told of it
            return None

    def eof_received(self) -> bool:
        """asyncio: the peer has closed its side; ours is closed too, as soon as what is queued has been written."""
        self._peer_closed = not self._closing
        self._tell_end()
        self._watch_flush()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: the connection is gone."""
        self._deadlines.end()
        error = exc if isinstance(exc := exc or self._lost, OSError) else None
        if isinstance(exc, ConnectError):
            self._user.transport_failed(exc)
        elif error is not None:
            self._take_rest()
        self._tell_end()
        told = "" if exc is None else f"{type(exc).__name__}: {exc}"
        self._scribe.close(by_peer=self._peer_closed or not self._closing, error=told)
        self._set_writable()
        self._set_closed()
        try:
            self._user.transport_closed(error)
        finally:
            self._transport = None
            self._on_gone()

    def pause_writing(self) -> None:
        """asyncio: the peer takes our bytes more slowly than we make them."""
        self._writable = False
        self.set_deadline("send", self._send_s)
        if self._role is Role.ACCEPTOR:
            self.hold()

    def resume_writing(self) -> None:
        """asyncio: the peer has taken most of our bytes."""
        if self._role is Role.ACCEPTOR and not self._writable:
            self.unhold()
        self.set_deadline("send", None)
        self._set_writable()

    def left_behind(self) -> list[int]:
        """The connection's file descriptor, for the child of a fork, which sends nothing more."""
        self._given_up = True
        return [] if self._own_socket is None or self.closed.done() else [self._own_socket.fileno()]

    # the user's side

    @property
    def is_closing(self) -> bool:
        """Whether the connection is closed or about to be."""
        return self._closing or self._transport is None or self._transport.is_closing()

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be sent: the association has ended, or the connection is about to."""
        return self._given_up or self.is_closing

    @property
    def is_writable(self) -> bool:
        """Whether more can be sent at once; otherwise ``await drain()``."""
        return self._writable

    @property
    def has_written_all(self) -> bool:
        """Whether the system has all that was sent, so that its buffers can be used again."""
        return self._transport is not None and not self._transport.get_write_buffer_size()

    async def drain(self) -> None:
        """Wait until more can be sent, or nothing more is to be sent; safe to cancel."""
        while not self._writable and not self._given_up and not self.closed.done():
            if self._drained is None:
                self._drained = self._loop.create_future()
            await asyncio.shield(self._drained)

    async def wait_closed(self, within_s: float) -> None:
        """Wait until the connection is gone; it is cut where that takes longer, or when this is cancelled."""
        if self.closed.done():
            return
        self.linger(within_s)
        left = self._loop.create_future()
        self._leaving.append(left)
        try:
            await left
        except asyncio.CancelledError:
            self.cut()
            raise

    def linger(self, within_s: float) -> None:
        """Have the connection cut where it is not gone after so long."""
        if not self.is_closing or not self._closes_at_once:
            self.set_deadline("linger", within_s)

    def _set_closed(self) -> None:
        if not self.closed.done():
            self.closed.set_result(None)
        for left in self._leaving:
            if not left.done():
                left.set_result(None)

    def give_up(self) -> None:
        """The association is over: let go who waits for room to send, even if the peer never reads.

        Nothing of the peer is waited for any more but that it reads, and closes.
        """
        self._given_up = True
        self._idle_s = None
        for name in ("associate", "release"):
            self._deadlines.drop(name)
        self._wake()

    def flush(self) -> None:
        """Write what the state machine has queued, close if it wants that, and set the clock."""
        transport, machine = self._transport, self._machine
        if transport is None:
            machine.data_to_send()
            return
        if machine.outgoing:
            self._write_queued(transport)
        if machine.wants_close and not self._closing:
            self.close()
        if machine.artim_at != self._artim:
            self._artim = machine.artim_at
            if self._artim is not None:  # a timer that is not needed any more runs out by itself
                self._deadlines.arm(self._artim)

    def _write_queued(self, transport: asyncio.Transport) -> None:
        self._has_written = True
        for data in joined(self._machine.data_to_send()):
            if transport.is_closing():  # perhaps only now: asyncio warns of writes to a connection that is lost
                break
            try:
                transport.write(data)
            except RuntimeError:  # uvloop's: it has closed a connection whose making was cancelled, and tells nobody
                self._loop.call_soon(self.connection_lost, None)
                break
        self._expect()

    def send_data(self, chunk: Chunk, *, is_store: bool, told: TellMessage | None = None) -> None:
        """Send whole P-DATA-TF PDUs (Evt9).

        :param is_store: whether they belong to a C-STORE-RQ, whose data set the trace does not keep whole.
        :param told: gives its record, to be told with them, where they are all of it.
        :raises LocalProtocolError: there is no association to send on; nothing was sent.
        """
        self._send(chunk.data)  # first of all: the peer is at work while the trace is told
        if self._observer is not None:
            self._observer.sent_chunk(chunk, snap=is_store and not self._trace_full, told=told)

    def _send(self, data: SendBuffer, *, waits: bool = False) -> None:
        """Write data past the queue, where that is empty; what ``waits`` is queued, and nothing is written."""
        machine, transport = self._machine, self._transport
        if waits or not machine.may_pass or transport is None or transport.is_closing():
            machine.send_data(data)
            if not waits:
                self.flush()
        else:
            self._has_written = True
            transport.write(data)
            self._expect()

    def send_together(self, chunks: Sequence[Chunk], told: Callable[[Chunk], None] | None) -> None:
        """The same for several small messages in one piece; ``told`` is called for each, after the trace."""
        self._send(b"".join([chunk.data for chunk in chunks]))
        if self._observer is not None and told is not None:
            for chunk in chunks:
                self._observer.sent_chunk(chunk, snap=False)
                told(chunk)

    def send_whole(self, pdu: bytes) -> None:
        """Send one P-DATA-TF that holds a whole message without data set; otherwise as :meth:`send_data`.

        It goes at once, unless more was received that may have to be answered as well: the peer works on while we
        write the trace.
        """
        self._send(pdu, waits=self._is_reading and self._machine.has_more)
        if self._observer is not None:
            self._observer.sent(PduType.P_DATA_TF, len(pdu), (Segment(0, pdu),))

    def close(self) -> None:
        """Close the connection after what is queued has been written; cut it when that takes too long."""
        transport = self._transport
        self._closing = True
        if transport is not None and not transport.is_closing():
            self._write_queued(transport)
            transport.close()
            self._watch_flush()

    @property
    def _closes_at_once(self) -> bool:
        """Whether a close waits for nobody: all is written, and TLS has no word to say."""
        return self.tls is None and self.has_written_all

    def _watch_flush(self) -> None:
        if not self._closes_at_once:
            self.set_deadline("flush", FLUSH_TIMEOUT_S)

    def cut(self) -> None:
        """Close the connection at once; unsent bytes are lost."""
        self._closing = True
        if self._transport is not None:
            self._write_queued(self._transport)
            self._transport.abort()

    def provider_abort(self, error: RemoteProtocolError) -> None:
        """End the association because the peer broke the protocol above the PDU layer (AA-8)."""
        if not self._machine.allows(Event.EVT19):
            return
        if error.abort_reason:  # without one the fault is ours, and noted as such
            self._scribe.note(logging.WARNING, broken_rule(str(error.args[0])))
        for event in self._machine.provider_abort(error, self._loop.time()):
            self._user.handle_event(event)
        self.flush()

    def hold(self) -> None:
        """Stop reading (back-pressure); each call needs its :meth:`unhold`."""
        self._holds += 1
        if self._holds == 1 and self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def unhold(self) -> None:
        """Read on, once every hold is taken back."""
        self._holds -= 1
        if self._holds == 0 and self._transport is not None and not self._transport.is_closing():
            self._last_byte = self._loop.time()
            self._transport.resume_reading()
            self._deadlines.arm(self._idle_at)  # it may have run out meanwhile, which did not count

    def set_deadline(self, name: str, seconds: float | None, *, named_s: float | None = None) -> None:
        """Have :meth:`TransportUser.timed_out` called in ``seconds`` from now; ``None`` takes it back.

        :param named_s: how long to say that was, where part of it is over.
        """
        if seconds is None:
            self._deadlines.drop(name)
        else:
            self._deadlines.set(name, seconds, seconds if named_s is None else named_s)

    def set_idle_timeout(self, seconds: float | None) -> None:
        """Have ``timed_out("idle", …)`` called after ``seconds`` in which no byte came; ``None`` never."""
        self._idle_s = seconds
        if seconds is not None:
            self._last_byte = self._clock()
            self._deadlines.arm(self._idle_at)

    # inner workings

    def _read_on(self, since: float) -> int:
        """Read once more without a turn of the loop, unless there is something else to be done."""
        is_busy = self._has_written or self._holds or self._machine.outgoing or self.is_closing
        if self._socket is None or self._transport is None or self.tls is not None or is_busy:
            return 0
        try:
            return read_on(self._socket, self._window) if self._clock() - since < READ_ON_S else 0
        except OSError as error:
            self._lost = error
            self._transport.abort()
            return 0

    def _adapt(self, busy_s: float) -> None:
        """Take less at a time from a peer whose bytes are much work, and more again when they are not."""
        size = len(self._window)
        if busy_s > READ_SLICE_S:
            self._window = self._buffer[: max(size // 2, LEAST_READ_BYTES)]
        elif size < len(self._buffer) and busy_s < READ_SLICE_S / 4:
            self._window = self._buffer[: size * 2]

    def _tell_end(self) -> None:
        try:
            for event in self._machine.receive_eof(self._loop.time()):
                self._user.handle_event(event)
        except Exception as fault:
            self._fault(fault)

    def _set_writable(self) -> None:
        self._writable = True
        self._wake()

    def _wake(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)

    def _fault(self, error: Exception) -> None:
        _log.error("association %d: internal fault", self._scribe.association, exc_info=error)
        self._scribe.note(logging.ERROR, f"internal fault: {type(error).__name__}: {error}")
        try:
            self.provider_abort(RemoteProtocolError("internal fault", abort_reason=0))
        except Exception:  # its user cannot even be told; the A-ABORT is queued
            _log.exception("association %d: another fault while it was ended", self._scribe.association)

    def _take_rest(self) -> None:
        """Read what had come before a write of ours failed: an A-ABORT of the peer says why it closed.

        asyncio gives up reading when a write fails. What TLS has not decrypted is beyond reach here.
        """
        if self._socket is None or self._transport is None or self._transport.get_extra_info("sslcontext") is not None:
            return
        try:
            while count := read_on(self._socket, self._buffer):
                for event in self._machine.receive_data(self._buffer[:count], self._loop.time()):
                    self._user.handle_event(event)
        except (OSError, RemoteProtocolError):
            return  # nothing (more) to read, or nothing worth answering any more
        except Exception as fault:
            self._fault(fault)

    @property
    def _idle_at(self) -> float | None:
        """When the peer has been silent for too long."""
        return None if self._idle_s is None or self._holds else self._last_byte + self._idle_s

    def _on_time(self, now: float) -> None:
        if self._artim is not None and self._artim <= now:
            self._scribe.timer("artim", self._machine.artim_s)
        for event in self._machine.handle_timer(now):
            self._user.handle_event(event)
        if self._machine.wants_close and self._artim is not None:
            self._user.timed_out("artim", self._machine.artim_s)
            self.cut()  # the peer had its time to read
        for name, seconds in self._deadlines.due(now):
            self._expire(name, seconds)
        idle_s, idle_at = self._idle_s, self._idle_at
        if idle_s is not None and idle_at is not None and idle_at <= now:
            self._idle_s = None
            self._expire("idle", idle_s)
        self.flush()
        for at in (self._deadlines.first(), self._artim, self._idle_at):
            self._deadlines.arm(at)

    def _expire(self, name: str, seconds: float) -> None:
        if name in ("flush", "linger"):
            self.cut()
            return
        self._scribe.timer(name, seconds)
        self._user.timed_out(name, seconds)
