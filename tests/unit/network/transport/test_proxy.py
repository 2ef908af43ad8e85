"""Through an HTTP proxy to the peer: what is asked, what is let through, and what is said where it is not."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from helpers.bad_peer import reached
from helpers.certificates import Authority, client_config, server_config

from dicomgui.network import (
    AcceptPolicy,
    ConfigurationError,
    ConnectError,
    ConnectionRefused,
    ConnectTimeout,
    HttpProxy,
    ServerOptions,
    SocketOptions,
    Timeouts,
    connect,
    serve,
)
from dicomgui.network.tracing import ConnectRecord, Record, ResolveRecord

pytestmark = pytest.mark.any_loop

LOOPBACK = "127.0.0.1"


class Proxy:
    """A proxy that answers as it is told, and passes on what it gets if that is a success.

    :ivar asked: the heads of the requests.
    """

    def __init__(self, answer: bytes = b"HTTP/1.1 200 Connection established\r\nVia: it\r\n\r\n") -> None:
        self.asked: list[str] = []
        self._answer = answer
        self._open = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[HttpProxy]:
        async with await asyncio.start_server(self._serve, LOOPBACK, 0) as server:
            yield HttpProxy(LOOPBACK, server.sockets[0].getsockname()[1], "anna", "s:ecret")
            await reached(lambda: not self._open, "its connections end")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.asked.append(head)
            writer.write(self._answer)
            if self._answer.startswith(b"HTTP/1.1 200"):
                host, _, port = head.split()[1].rpartition(":")
                far_reader, far_writer = await asyncio.open_connection(host.strip("[]"), int(port))
                async with asyncio.TaskGroup() as group:
                    group.create_task(_pass_on(reader, far_writer))
                    group.create_task(_pass_on(far_reader, writer))
            elif not self._answer:
                await reader.read()
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()
            self._open -= 1


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def test_an_association_through_it() -> None:
    proxy, records = Proxy(), list[Record]()
    async with await serve(port=0) as server, proxy.running() as via:
        sockets = SocketOptions(proxy=via, family="ipv4")
        place = f"{LOOPBACK}:{server.port}"
        async with connect(f"X@{place}", sockets=sockets, local_host=LOOPBACK, tracer=records.append) as assoc:
            assert (await assoc.echo()).status.is_success
            assert assoc.negotiated.peer_version_name.startswith("DICOMGUI")
        await server.wait_empty()
    [head] = proxy.asked
    secret = base64.b64encode(b"anna:s:ecret").decode()
    assert head.splitlines() == [
        f"CONNECT {place} HTTP/1.1", f"Host: {place}", f"Proxy-Authorization: Basic {secret}", "",
    ]  # fmt: skip
    [connected] = [record for record in records if isinstance(record, ConnectRecord)]
    assert connected.peer == f"{LOOPBACK}:{via.port}"  # that is whom TCP talks to
    assert "s:ecret" not in repr(via)


async def test_tls_through_it_is_with_the_peer(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    options = ServerOptions(AcceptPolicy(), tls=server_config(authority.issue("pacs.example")))
    async with await serve(port=0, options=options) as server, Proxy().running() as via:
        tls = client_config(authority, server_name="pacs.example")
        async with connect(f"X@{LOOPBACK}:{server.port}", sockets=SocketOptions(proxy=via), tls=tls) as assoc:
            assert (await assoc.echo()).status.is_success
            assert assoc.tls is not None
        await server.wait_empty()


@pytest.mark.parametrize(
    ("answer", "text", "hint"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "407 Proxy Auth", "user and password"),
        (b"HTTP/1.0 403\r\n\r\n", "does not let us through: 403", "let connections"),
        (b"HTTP/1.1 502 Bad\x1bGateway\n\n", "502 Bad", "let connections"),
        (b"\x04\x00\x00\x00", "does not answer as a proxy does", "Check host and port"),
        (b"HTTP/1.1 204 Fine\r\n", "does not answer as a proxy does", "Check host and port"),
        (b"HTTP/1.1 204 " + b"x" * 20_000, "does not answer as a proxy does", "Check host and port"),
    ],
    ids=["user", "forbidden", "gateway", "no HTTP", "broken off", "endless"],
)
async def test_what_a_proxy_may_answer(answer: bytes, text: str, hint: str) -> None:
    async with Proxy(answer).running() as via:
        with pytest.raises(ConnectError, match=text) as caught:
            await connect(f"X@{LOOPBACK}:104", sockets=SocketOptions(proxy=via))
    assert hint in caught.value.hint
    assert (caught.value.peer, caught.value.phase) == (f"X@{LOOPBACK}:104", "connect")
    assert str(caught.value).isprintable()


async def test_a_proxy_that_says_nothing_and_one_that_is_not_there() -> None:
    quick = Timeouts(connect_s=0.2)
    async with Proxy(b"").running() as via:
        with pytest.raises(ConnectTimeout):
            await connect(f"X@{LOOPBACK}:104", sockets=SocketOptions(proxy=via), timeouts=quick)
    with pytest.raises(ConnectionRefused, match=f"port {via.port}"):
        await connect(f"X@{LOOPBACK}:104", sockets=SocketOptions(proxy=via))


async def test_the_proxy_looks_the_peer_up() -> None:
    proxy, records = Proxy(b"HTTP/1.1 502 Bad Gateway\r\n\r\n"), list[Record]()
    async with proxy.running() as via:
        for host in ("pacs.münchen.example", "::1"):
            with pytest.raises(ConnectError):
                await connect(f"X@[{host}]:104", sockets=SocketOptions(proxy=via), tracer=records.append)
        with pytest.raises(ConnectError, match="no name"):
            await connect(f"X@{'ü' * 70}:104", sockets=SocketOptions(proxy=via))
    assert [head.split()[1] for head in proxy.asked] == ["pacs.xn--mnchen-3ya.example:104", "[::1]:104"]
    assert {record.host for record in records if isinstance(record, ResolveRecord)} == {LOOPBACK}


@pytest.mark.parametrize(
    ("text", "proxy"),
    [
        ("proxy", HttpProxy("proxy")),
        ("http://proxy:8080/", HttpProxy("proxy", 8080)),
        ("http://anna:a%40b@[::1]:81", HttpProxy("::1", 81, "anna", "a@b")),
    ],
)
def test_addresses(text: str, proxy: HttpProxy) -> None:
    assert HttpProxy.parse(text) == proxy


@pytest.mark.parametrize(
    "text",
    ["", "https://proxy", "http://proxy/path", "http://proxy:x", "http://proxy:99999", "http://a b", "http://:80"],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ConfigurationError):
        HttpProxy.parse(text)


def test_a_port_out_of_range() -> None:
    with pytest.raises(ConfigurationError, match="port 0"):
        HttpProxy("proxy", 0)
