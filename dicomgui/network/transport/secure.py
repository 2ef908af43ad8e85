"""TLS between a socket and an association: a protocol for asyncio's transport, and a transport for the association.

asyncio's own TLS neither says why a handshake of a server failed nor sends the alert that would tell the peer; this one
does both, and encrypts several records at a time. It decrypts into the association's receive buffer and keeps none.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable
from enum import Enum, auto
from functools import partial
from typing import Any, cast

from dicomgui.network.errors import ConnectError, ConnectTimeout, TlsError
from dicomgui.network.tracing import Scribe
from dicomgui.network.transport.protocol import AssociationTransport
from dicomgui.network.transport.tls import (
    PLAIN_PORT,
    PLAIN_REASONS,
    agreed_tls,
    check_certificates,
    peer_chain,
    tls_error,
)

__all__ = ["TlsTransport"]

LINGER_S = 1.0
"""After a failure the peer gets this long to read the alert that says why."""

WRITE_BYTES = 32_768
"""How much is encrypted before it is sent: the peer decrypts one piece while we encrypt the next."""

PLAIN_ALERT = bytes.fromhex("15 0303 0002 02 0a")
"""RFC 8446 6: the fatal alert "unexpected message". OpenSSL leaves a caller that does not speak TLS without a word;
from this one a caller that looks at the first byte learns that the port is one for TLS."""


class _Phase(Enum):
    HANDSHAKE = auto()
    OPEN = auto()
    FAILED = auto()


class TlsTransport(asyncio.BufferedProtocol, asyncio.Transport):
    """Carries one :class:`AssociationTransport` over TLS.

    The association learns of the connection when the handshake is done. A handshake that fails is traced, tells the
    peer by an alert, and ends the connection; nothing else ever waits for it.

    :ivar ready: done when the handshake is; holds :class:`TlsError` or :class:`ConnectTimeout` where it failed.
    :ivar gone: done when the connection is.

    :param server_name: whom a client wants to talk to; ``None`` makes a server.
    :param handshake_s: how long the handshake may take, in seconds; ``None`` for ever.
    :param admit: asked before the handshake whether the connection is wanted at all.
    :param on_failed: told why the handshake failed.
    """

    def __init__(
        self,
        protocol: AssociationTransport,
        context: ssl.SSLContext,
        scribe: Scribe,
        *,
        server_name: str | None,
        handshake_s: float | None,
        admit: Callable[[], bool] = lambda: True,
        on_failed: Callable[[ConnectError], None] = lambda error: None,
    ) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._protocol = protocol
        self._context = context
        self._scribe = scribe
        self._handshake_s = handshake_s
        self._admit = admit
        self._on_failed = on_failed
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_name is None, server_hostname=server_name
        )
        self._read_into = cast(Callable[[int, memoryview], int], self._tls.read)
        self._is_server = server_name is None
        self._phase = _Phase.HANDSHAKE
        self._lower: asyncio.Transport | None = None
        self._window = memoryview(b"")
        self._first = b""
        self._timer: asyncio.TimerHandle | None = None
        self._since = time.monotonic()
        self._error: ConnectError | None = None
        self._paused = self._closing = self._peer_closed = False
        self.ready: asyncio.Future[None] = self._loop.create_future()
        self.gone: asyncio.Future[None] = self._loop.create_future()

    @property
    def is_open(self) -> bool:
        """Whether the handshake has succeeded."""
        return self._phase is _Phase.OPEN

    @property
    def seconds(self) -> float:
        """Since the connection was opened."""
        return time.monotonic() - self._since

    # the socket's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: the connection is open."""
        transport = cast(asyncio.Transport, transport)  # of what it is a class, other loops do not say
        self._lower = transport
        self._since = time.monotonic()
        self._protocol.announce(transport)
        if not self._admit():
            self._phase = _Phase.FAILED
            transport.abort()
            return
        self._set_timer(self._handshake_s, partial(self._too_late, self._handshake_s or 0.0))
        self._advance()

    def get_buffer(self, sizehint: int) -> memoryview:
        """asyncio: where to put received bytes; they leave it before anything is decrypted into it."""
        self._window = self._protocol.get_buffer(sizehint)
        return self._window

    def buffer_updated(self, nbytes: int) -> None:
        """asyncio: bytes have come."""
        if self._phase is _Phase.FAILED or self._error is not None:
            return
        self._incoming.write(self._window[:nbytes])
        if self._phase is _Phase.HANDSHAKE:
            self._first = self._first or bytes(self._window[: min(nbytes, 8)])
            self._advance()
        else:
            self._read()

    def eof_received(self) -> bool:
        """asyncio: the peer has closed its side. Not every peer says so in TLS first; PDUs know their length."""
        self._peer_closed = True
        if self._phase is _Phase.HANDSHAKE:
            self._fail(self._closed())
        elif self._phase is _Phase.OPEN:
            self._end_of_data()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: the connection is gone."""
        if self._phase is _Phase.HANDSHAKE:
            self._peer_closed = not self._closing
            self._fail(TlsError("we broke the TLS handshake off", phase="tls") if self._closing else self._closed(exc))
        self._set_timer(None, self._cut)
        self._lower = None
        if self._phase is _Phase.OPEN:
            self._protocol.connection_lost(self._error or exc)
        else:
            self._protocol.never_opened(by_peer=self._peer_closed)
        self.gone.set_result(None)

    def pause_writing(self) -> None:
        """asyncio: the peer takes our bytes more slowly than we make them."""
        if self._phase is _Phase.OPEN:
            self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """asyncio: the peer has taken most of our bytes."""
        if self._phase is _Phase.OPEN:
            self._protocol.resume_writing()

    # the association's side

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Facts of the connection, those of TLS among them (``sslcontext``, ``ssl_object``)."""
        own = {"sslcontext": self._context, "ssl_object": self._tls}
        if name in own or self._lower is None:
            return own.get(name, default)
        return self._lower.get_extra_info(name, default)

    def is_closing(self) -> bool:
        """Whether the connection is closed or about to be."""
        return self._closing or self._lower is None or self._lower.is_closing()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Above how many unsent bytes writing is paused."""
        if self._lower is not None:
            self._lower.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        """Unsent bytes, encrypted."""
        return 0 if self._lower is None else self._lower.get_write_buffer_size()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and send."""
        if self._closing or self._error is not None or not data:
            return
        view = memoryview(data)
        try:
            while view:
                view = view[self._tls.write(view[:WRITE_BYTES]) :]
                self._flush()
        except ssl.SSLError as error:
            self._break(error)

    def pause_reading(self) -> None:
        """Stop to read (back-pressure)."""
        self._paused = True
        if self._lower is not None:
            self._lower.pause_reading()

    def resume_reading(self) -> None:
        """Read on, what has been received already first."""
        self._paused = False
        if self._lower is not None:
            self._lower.resume_reading()
            self._loop.call_soon(self._read)

    def close(self) -> None:
        """Say goodbye in TLS, and close once everything is written."""
        if self._closing:
            return
        self._closing = True
        if self._phase is _Phase.OPEN and self._error is None:
            with contextlib.suppress(ssl.SSLError):  # the peer's goodbye is not waited for
                self._tls.unwrap()
            self._flush()
        if self._lower is not None:
            self._lower.close()

    def abort(self) -> None:
        """Close at once; unsent bytes are lost."""
        self._closing = True
        self._cut()

    # inner workings

    def _advance(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return
        except ssl.SSLError as error:
            if self._is_server and error.reason in PLAIN_REASONS and not self._outgoing.pending:
                self._send(PLAIN_ALERT)
            self._fail(tls_error(error, self._first, self._tls))
            return
        try:
            check_certificates(self._tls)
        except TlsError as error:
            self._fail(error)
            return
        self._flush()
        self._phase = _Phase.OPEN
        self._set_timer(None, self._cut)
        agreed = agreed_tls(self._tls)
        assert agreed is not None
        self._scribe.tls(agreed.version, agreed.cipher, agreed.chain, self.seconds)
        self._protocol.connection_made(self)
        if not self.ready.done():
            self.ready.set_result(None)
        self._read()

    def _closed(self, exc: Exception | None = None) -> TlsError:
        """The peer has closed: at once and without a word if it takes our greeting for a broken PDU."""
        why = f" ({getattr(exc, 'strerror', None) or exc})" if exc else ""
        text = f"the peer closed the connection in the TLS handshake{why}"
        return TlsError(text, phase="tls", hint="" if self._first or self._is_server else PLAIN_PORT)

    def _fail(self, error: ConnectError) -> None:
        """The handshake has failed: the trace, the peer (by OpenSSL's alert) and who waits for it are told."""
        self._phase = _Phase.FAILED
        self._scribe.tls(self._tls.version() or "", "", peer_chain(self._tls), self.seconds, str(error))
        self._on_failed(error)
        if not self.ready.done():
            self.ready.set_exception(error)
            self.ready.exception()  # a server has nobody who asks for it
        self._leave()

    def _too_late(self, seconds: float) -> None:
        text = f"the TLS handshake took longer than {seconds:.3g} s"
        kind = TlsError if self._is_server else ConnectTimeout
        self._fail(kind(text, phase="tls", hint="" if self._is_server else PLAIN_PORT))
        self._cut()

    def _break(self, error: ssl.SSLError) -> None:
        """TLS broke after our side of the handshake: with TLS 1.3 a server's refusal of our certificate comes then."""
        self._error = tls_error(error)
        self._scribe.tls(self._tls.version() or "", "", peer_chain(self._tls), self.seconds, str(self._error))
        self._leave()

    def _leave(self) -> None:
        """Send the alert, close our side, and give the peer time to read it: unread bytes of its would destroy it."""
        self._flush()
        lower = self._lower
        if lower is None or lower.is_closing():
            return
        self._set_timer(LINGER_S, self._cut)
        if self._is_server and lower.can_write_eof() and not self._peer_closed:
            lower.write_eof()
        else:
            lower.close()

    def _read(self) -> None:
        more = True
        while more and not (self._paused or self._closing or self._lower is None or self._error is not None):
            more = self._read_once()

    def _read_once(self) -> bool:
        """Decrypt what fits into the association's buffer; whether there can be more."""
        buffer = self._protocol.get_buffer(-1)
        read, incoming, size = self._read_into, self._incoming, len(buffer)
        count, got, error = 0, -1, None
        try:
            # A read gives one record, or what is left of one. Behind the last there is no need to ask: that nothing
            # more has come is an exception, which costs as much as a small record.
            while got and count < size and (incoming.pending or not count):
                got = read(size, buffer[count:])
                count += got
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as broken:
            error = broken
        if count:
            self._protocol.buffer_updated(count)
        if self._outgoing.pending:  # what TLS itself has to say, such as an alert
            self._flush()
        if error is not None:
            self._break(error)
        elif got == 0:
            self._peer_closed = True
            self._end_of_data()
        return count == size

    def _end_of_data(self) -> None:
        if not self._closing and self._error is None:
            self._protocol.eof_received()
            self.close()

    def _flush(self) -> None:
        self._send(self._outgoing.read())

    def _send(self, data: bytes) -> None:
        if data and self._lower is not None and not self._lower.is_closing():
            self._lower.write(data)

    def _cut(self) -> None:
        if self._lower is not None:
            self._lower.abort()

    def _set_timer(self, seconds: float | None, then: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self._loop.call_later(seconds, then)
