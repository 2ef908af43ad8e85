"""SOCKS proxies: their addresses, and what is said of each of their answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from dicomgui.network import (
    ConfigurationError,
    ConnectError,
    ConnectionRefused,
    HttpProxy,
    SocketOptions,
    SocksProxy,
    Timeouts,
    connect,
    parse_proxy,
)
from dicomgui.network.transport.socks import SocksScheme
from dicomgui.trace.diagnosis.connecting import connect_code

LOOPBACK = "127.0.0.1"


@contextlib.asynccontextmanager
async def answering(*answers: bytes) -> AsyncIterator[int]:
    """The port of a proxy that says one thing after each thing that it gets, and then closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            if not await reader.read(1000):
                break
            writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, LOOPBACK, 0) as server:
        yield server.sockets[0].getsockname()[1]


def reply5(code: int) -> tuple[bytes, bytes]:
    return b"\x05\x00", bytes((5, code, 0, 1, 0, 0, 0, 0, 0, 0))


@pytest.mark.any_loop
@pytest.mark.parametrize(
    ("scheme", "answers", "text", "code"),
    [
        ("socks5", reply5(1), "does not reach the peer: general failure (SOCKS reply 1)", "proxy-no-way"),
        ("socks5", reply5(2), "let us through: its rules do not allow this connection", "proxy-refused"),
        ("socks5", reply5(3), "network unreachable (SOCKS reply 3)", "proxy-no-way"),
        ("socks5", reply5(4), "host unreachable (SOCKS reply 4)", "proxy-no-way"),
        ("socks5", reply5(7), "let us through: command not supported (SOCKS reply 7)", "proxy-refused"),
        ("socks5", reply5(99), "does not answer as a proxy does", "proxy-not-one"),
        ("socks5", (b"\x05\xff",), "wants another user or password", "proxy-identity"),
        ("socks5", (b"\x05\x02", b"\x01\x01"), "wants another user or password", "proxy-identity"),
        ("socks5", (b"HTTP/1.1 400 Bad Request\r\n\r\n",), "does not answer as a proxy does", "proxy-not-one"),
        ("socks5", (b"",), "does not answer as a proxy does", "proxy-not-one"),
        ("socks4", (bytes((0, 91, 0, 0, 0, 0, 0, 0)),), "request rejected or failed (SOCKS reply 91)", "proxy-no-way"),
        ("socks4a", (bytes((0, 93, 0, 0, 0, 0, 0, 0)),), "another user or password (SOCKS reply 93)", "proxy-identity"),
    ],
)
async def test_what_it_may_answer(scheme: SocksScheme, answers: tuple[bytes, ...], text: str, code: str) -> None:
    async with answering(*answers) as port:
        password = "hidden" if scheme == "socks5" else ""
        via = SocksProxy(LOOPBACK, port, "anna", password, scheme)
        with pytest.raises(ConnectError) as caught:
            await connect(f"X@{LOOPBACK}:104", sockets=SocketOptions(proxy=via))
    assert text in str(caught.value)
    assert caught.value.hint
    assert connect_code(f"ConnectError: {caught.value}") == code
    assert "hidden" not in f"{caught.value!r} {via!r}"


async def test_a_proxy_that_is_not_there_and_a_name_that_it_cannot_be_asked_for() -> None:
    async with answering() as port:
        via = SocketOptions(proxy=SocksProxy(LOOPBACK, port))
    with pytest.raises(ConnectionRefused, match=f"port {port}"):
        await connect(f"X@{LOOPBACK}:104", sockets=via, timeouts=Timeouts(connect_s=None))
    async with answering(b"\x05\x00") as port:
        with pytest.raises(ConnectError, match="no name"):
            await connect(f"X@{'ü' * 70}:104", sockets=SocketOptions(proxy=SocksProxy(LOOPBACK, port)))


@pytest.mark.parametrize(
    ("text", "proxy"),
    [
        ("socks5://proxy", SocksProxy("proxy", scheme="socks5")),
        ("socks5h://anna:a%40b@[::1]:81/", SocksProxy("::1", 81, "anna", "a@b")),
        ("SOCKS4a://anna@proxy:9050", SocksProxy("proxy", 9050, "anna", scheme="socks4a")),
        ("http://proxy", HttpProxy("proxy")),
    ],
)
def test_addresses(text: str, proxy: SocksProxy | HttpProxy) -> None:
    assert parse_proxy(text) == proxy


@pytest.mark.parametrize(
    "text",
    [
        "socks://proxy", "socks5://", "socks5://a b", "socks5://proxy:0", "socks5://proxy/path", "socks5://[::1",
        "socks5://anna:sec/ret@proxy", "socks4://anna:secret@proxy", "socks5://:secret@proxy",
        "socks5://j%C3%B6rg:secret@proxy", f"socks5://anna:{'secret' * 50}@proxy", "ftp://anna:secret@proxy",
    ],
)  # fmt: skip
def test_what_is_no_address_and_the_password_in_it_stays_hidden(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_proxy(text)
    assert "sec" not in f"{caught.value!r} {caught.value.hint}"


def test_an_unknown_kind() -> None:
    with pytest.raises(ConfigurationError, match="no kind of SOCKS"):
        SocksProxy("proxy", scheme="socks6")


def test_http_is_no_socks() -> None:
    with pytest.raises(ConfigurationError, match="no HTTP proxy"):
        HttpProxy.parse("socks5://proxy")
