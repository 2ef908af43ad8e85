"""TLS under an association: the turns that no peer takes on purpose."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any

import pytest
import trustme

from dicomgui.network.errors import ConnectError, ConnectTimeout, TlsError
from dicomgui.network.tracing import Record, Scribe, TlsRecord
from dicomgui.network.transport.secure import PLAIN_ALERT, WRITE_BYTES, TlsTransport


class Lower(asyncio.Transport):
    """The socket's transport: keeps what is written."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1)})
        self.sent = bytearray()
        self.writes = 0
        self.calls: list[str] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += data
        self.writes += 1

    def is_closing(self) -> bool:
        return self.closed

    def can_write_eof(self) -> bool:
        return True

    def __getattribute__(self, name: str) -> Any:
        if name in ("close", "abort", "write_eof", "pause_reading", "resume_reading", "set_write_buffer_limits"):
            return lambda *_args: self._called(name)
        return super().__getattribute__(name)

    def _called(self, name: str) -> None:
        self.calls.append(name)
        self.closed = self.closed or name in ("close", "abort")

    def get_write_buffer_size(self) -> int:
        return len(self.sent)


class Upper:
    """The association's protocol: keeps what comes."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.received = bytearray()
        self.pieces: list[int] = []
        self.on_bytes: Callable[[], None] = lambda: None
        self._buffer = memoryview(bytearray(65_536))

    def use(self, buffer: memoryview) -> None:
        """Take bytes there from now on."""
        self._buffer = buffer

    def get_buffer(self, _hint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, count: int) -> None:
        self.received += self._buffer[:count]
        self.pieces.append(count)
        self.on_bytes()

    def __getattr__(self, name: str) -> Any:
        return lambda *_args, **_kw: self.calls.append(name)


class End:
    """One end of a connection."""

    def __init__(self, context: ssl.SSLContext, server_name: str | None, handshake_s: float = 5.0) -> None:
        self.lower, self.upper = Lower(), Upper()
        self.records: list[Record] = []
        self.tls = TlsTransport(
            self.upper, context, Scribe(self.records.append, 1), server_name=server_name, handshake_s=handshake_s
        )

    def take(self, data: bytes | bytearray) -> None:
        """Bytes come from the socket."""
        window = self.tls.get_buffer(-1)
        window[: len(data)] = data
        self.tls.buffer_updated(len(data))


@pytest.fixture(scope="module")
def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    authority = trustme.CA()
    client, server = ssl.create_default_context(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.configure_trust(client)
    authority.issue_cert("peer.example").configure_cert(server)
    return client, server


@pytest.fixture
async def ends(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> tuple[End, End]:
    return End(contexts[0], "peer.example"), End(contexts[1], None)


def pump(one: End, other: End) -> None:
    while one.lower.sent or other.lower.sent:
        for source, target in ((one, other), (other, one)):
            data = bytes(source.lower.sent)
            source.lower.sent.clear()
            if data:
                target.take(data)


def shake_hands(client: End, server: End) -> None:
    for end in (server, client):
        end.tls.connection_made(end.lower)
    pump(client, server)
    assert client.tls.is_open
    assert server.tls.is_open


def end_all(*ends: End) -> None:
    for end in ends:
        end.tls.abort()
        end.tls.connection_lost(None)


async def test_what_is_written_here_is_read_there(ends: tuple[End, End]) -> None:
    client, server = ends
    shake_hands(client, server)
    client.tls.write(b"hello" * 5000)
    client.tls.write(b"")
    assert client.tls.get_write_buffer_size() == len(client.lower.sent) > 25_000
    pump(client, server)
    assert server.upper.received == b"hello" * 5000
    assert client.tls.get_extra_info("ssl_object").version() == "TLSv1.3"
    assert client.tls.get_extra_info("peername") == ("127.0.0.1", 1)
    end_all(client, server)


async def test_much_is_sent_piece_by_piece(ends: tuple[End, End]) -> None:
    """The peer can decrypt the first piece while the next one is encrypted."""
    client, server = ends
    shake_hands(client, server)
    before = client.lower.writes
    data = bytes(range(256)) * 400  # more than three pieces, the last one short
    client.tls.write(data)
    assert client.lower.writes - before == -(-len(data) // WRITE_BYTES) > 3
    window = len(server.upper.get_buffer(-1))
    sent = bytes(client.lower.sent)
    for start in range(0, len(sent), window):
        server.take(sent[start : start + window])
    assert server.upper.received == data
    end_all(client, server)


async def test_back_pressure_reaches_the_association_only_when_there_is_one(ends: tuple[End, End]) -> None:
    client, server = ends
    server.tls.connection_made(server.lower)
    server.tls.pause_writing()
    server.tls.resume_writing()
    assert "pause_writing" not in server.upper.calls
    client.tls.connection_made(client.lower)
    pump(client, server)
    server.tls.pause_writing()
    server.tls.resume_writing()
    assert server.upper.calls[-2:] == ["pause_writing", "resume_writing"]
    end_all(client, server)


async def test_what_came_while_reading_was_paused_is_read_afterwards(ends: tuple[End, End]) -> None:
    client, server = ends
    shake_hands(client, server)
    server.tls.pause_reading()
    client.tls.write(b"later")
    pump(client, server)
    assert not server.upper.received
    server.tls.resume_reading()
    await asyncio.sleep(0)
    assert server.upper.received == b"later"
    end_all(client, server)


async def test_a_record_larger_than_the_buffer_is_read_piece_by_piece(ends: tuple[End, End]) -> None:
    """The last pieces are with OpenSSL alone, when all that came from the socket has gone there."""
    client, server = ends
    shake_hands(client, server)
    window = server.tls.get_buffer(-1)
    server.upper.use(window[:1000])
    client.tls.write(bytes(range(250)) * 20)  # five buffers full to the last byte
    client.tls.write(b"and a rest")
    data = bytes(client.lower.sent)
    window[: len(data)] = data
    server.tls.buffer_updated(len(data))
    assert server.upper.received == bytes(range(250)) * 20 + b"and a rest"
    assert server.upper.pieces == [1000] * 5 + [10]
    end_all(client, server)


async def test_reading_may_be_paused_in_the_middle_of_a_record(ends: tuple[End, End]) -> None:
    client, server = ends
    shake_hands(client, server)
    window = server.tls.get_buffer(-1)
    server.upper.use(window[:1000])
    server.upper.on_bytes = server.tls.pause_reading
    client.tls.write(b"r" * 1500)
    data = bytes(client.lower.sent)
    window[: len(data)] = data
    server.tls.buffer_updated(len(data))
    assert server.upper.pieces == [1000]
    server.tls.resume_reading()
    await asyncio.sleep(0)
    assert server.upper.pieces == [1000, 500]
    end_all(client, server)


async def test_records_that_came_together_are_handed_on_together(ends: tuple[End, End]) -> None:
    """Also the whole ones before one that is cut."""
    client, server = ends
    shake_hands(client, server)
    for part in (b"one ", b"two ", b"three"):
        client.tls.write(part)
    data = bytes(client.lower.sent)
    server.take(data[:-1])
    assert server.upper.received == b"one two "
    assert server.upper.pieces == [8]
    server.take(data[-1:])
    assert server.upper.pieces == [8, 5]
    end_all(client, server)


async def test_without_a_connection_nothing_is_done(ends: tuple[End, End]) -> None:
    client, _ = ends
    client.tls.set_write_buffer_limits(1)
    client.tls.pause_reading()
    client.tls.resume_reading()
    assert client.tls.get_write_buffer_size() == 0
    assert client.tls.get_extra_info("peername", "none") == "none"
    assert client.tls.is_closing()
    client.tls.close()
    client.tls.close()
    client.tls.write(b"x")
    assert not client.lower.calls


async def test_a_peer_that_closes_without_a_goodbye_ends_the_association(ends: tuple[End, End]) -> None:
    client, server = ends
    shake_hands(client, server)
    server.tls.eof_received()
    assert server.upper.calls[-1] == "eof_received"
    assert "close" in server.lower.calls
    server.tls.eof_received()  # once is enough
    assert server.upper.calls.count("eof_received") == 1
    end_all(client, server)


async def test_a_goodbye_ends_the_association(ends: tuple[End, End]) -> None:
    client, server = ends
    shake_hands(client, server)
    client.tls.close()
    pump(client, server)
    assert server.upper.calls[-1] == "eof_received"
    end_all(client, server)


async def test_after_a_failed_handshake_nothing_more_is_taken(ends: tuple[End, End]) -> None:
    client, server = ends
    server.tls.connection_made(server.lower)
    server.take(b"GET / HTTP/1.1\r\n\r\n")
    [record] = [one for one in server.records if isinstance(one, TlsRecord)]
    assert record.error
    assert server.tls.ready.exception() is not None
    server.take(b"more")
    server.tls.eof_received()
    server.tls.close()
    end_all(server)
    assert server.upper.calls[-1] == "never_opened"
    assert len(server.records) == 1
    assert not client.lower.calls


@pytest.mark.parametrize(
    ("first", "spoken"),
    [(b"\x01\0\0\0\0\xcd\0\x01", "DICOM without it"), (b"GET / HTTP/1.1\r\n\r\n", "HTTP")],
)
async def test_a_caller_without_tls_gets_an_alert(ends: tuple[End, End], first: bytes, spoken: str) -> None:
    """RFC 8446 6: OpenSSL would say nothing; from the first byte a plain caller can tell what the port is for."""
    _, server = ends
    server.tls.connection_made(server.lower)
    server.take(first[:2])
    assert not server.lower.sent
    server.take(first[2:])
    assert server.lower.sent == PLAIN_ALERT
    assert server.lower.calls == ["write_eof"]
    record = server.records[-1]
    assert isinstance(record, TlsRecord)
    assert "does not speak TLS here" in record.error
    assert ("DICOM" in record.error) == (spoken != "HTTP")
    end_all(server)


async def test_only_one_alert_is_sent(ends: tuple[End, End]) -> None:
    """Where OpenSSL has one of its own (here: no common version), ours does not follow."""
    _, server = ends
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.minimum_version, old.maximum_version = ssl.TLSVersion.MINIMUM_SUPPORTED, ssl.TLSVersion.TLSv1_2
    old.set_ciphers("AES128-SHA:@SECLEVEL=0")
    client = End(old, "peer.example")
    for end in (server, client):
        end.tls.connection_made(end.lower)
    server.take(client.lower.sent)
    assert len(server.lower.sent) == len(PLAIN_ALERT)
    assert server.lower.sent != PLAIN_ALERT
    end_all(client, server)


async def test_a_client_sends_no_plain_alert(ends: tuple[End, End]) -> None:
    client, _ = ends
    client.tls.connection_made(client.lower)
    client.lower.sent.clear()
    client.take(bytes.fromhex("07 00 00000004 00000201"))  # A-ABORT
    assert PLAIN_ALERT not in client.lower.sent
    error = client.tls.ready.exception()
    assert "DICOM without it" in str(error)
    end_all(client)


@pytest.mark.parametrize("way", ["end", "reset"])
async def test_a_peer_that_hangs_up_on_our_greeting(ends: tuple[End, End], way: str) -> None:
    """DCMTK's plain listener does so: it takes the greeting for a broken PDU."""
    client, server = ends
    for end in (client, server):
        end.tls.connection_made(end.lower)
        if way == "end":
            end.tls.eof_received()
        end.tls.connection_lost(ConnectionResetError(104, "Connection reset by peer"))
        await asyncio.gather(end.tls.gone)
    error, of_server = client.tls.ready.exception(), server.tls.ready.exception()
    assert isinstance(error, TlsError)
    assert "the peer closed the connection in the TLS handshake" in str(error)
    assert ("Connection reset by peer" in str(error)) == (way == "reset")
    assert "without TLS" in error.hint
    assert isinstance(of_server, TlsError)
    assert not of_server.hint


async def test_a_peer_that_hangs_up_later_speaks_tls(ends: tuple[End, End]) -> None:
    client, server = ends
    for end in (client, server):
        end.tls.connection_made(end.lower)
    server.take(client.lower.sent)
    client.take(server.lower.sent[:100])
    client.tls.eof_received()
    error = client.tls.ready.exception()
    assert isinstance(error, TlsError)
    assert not error.hint
    end_all(client, server)


@pytest.mark.parametrize(("is_server", "kind"), [(True, TlsError), (False, ConnectTimeout)])
async def test_a_handshake_that_takes_too_long_is_an_error_of_its_own(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext], is_server: bool, kind: type[ConnectError]
) -> None:
    end = End(contexts[is_server], None if is_server else "peer.example", handshake_s=0.01)
    end.tls.connection_made(end.lower)
    with pytest.raises(kind, match=r"the TLS handshake took longer than 0\.01 s") as caught:
        await end.tls.ready
    assert caught.value.phase == "tls"
    assert ("without TLS" in caught.value.hint) == (not is_server)
    assert end.lower.calls[-1] == "abort"
    end.tls.connection_lost(None)


async def test_a_broken_record_ends_the_association_with_the_reason(ends: tuple[End, End]) -> None:
    client, server = ends
    shake_hands(client, server)
    client.tls.write(b"whole")
    client.lower.sent[-1] ^= 0xFF
    pump(client, server)
    record = server.records[-1]
    assert isinstance(record, TlsRecord)
    assert record.error
    server.tls.write(b"no use")
    server.take(b"nor this")
    end_all(client, server)


async def test_a_fault_of_encryption_is_told(ends: tuple[End, End], monkeypatch: pytest.MonkeyPatch) -> None:
    client, server = ends
    shake_hands(client, server)

    class Broken:
        def write(self, _data: memoryview) -> int:
            fault = ssl.SSLError(1, "[SSL: INTERNAL_ERROR] internal error")
            fault.reason = "INTERNAL_ERROR"
            raise fault

        def version(self) -> str:
            return "TLSv1.3"

    monkeypatch.setattr(client.tls, "_tls", Broken())
    monkeypatch.setattr("dicomgui.network.transport.secure.peer_chain", lambda _tls: ())
    client.tls.write(b"x")
    assert client.lower.closed
    end_all(client, server)
