"""Proxies on the way to a peer: HTTP (RFC 9110 9.3.6) here, SOCKS in :mod:`~dicomgui.network.transport.socks`."""

from __future__ import annotations

import asyncio
import base64
import re
import socket
from dataclasses import dataclass, field
from typing import Final, TypeAlias
from urllib.parse import unquote, urlsplit

from dicomgui.network.errors import ConfigurationError, ConnectError
from dicomgui.network.transport.socks import SOCKS_SCHEMES, SocksProxy, open_socks_tunnel

__all__ = ["HttpProxy", "Proxy", "open_tunnel", "parse_proxy"]

MAX_ANSWER_BYTES: Final = 16_384
"""The head of an answer of a proxy is not read any further than this."""

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: ([^\r\n]*))?\r?\n")


@dataclass(frozen=True, slots=True)
class HttpProxy:
    """An HTTP proxy that lets connections through to peers (method CONNECT).

    :ivar user: for proxies that want to know who asks (Basic, which anybody on the way to the proxy can read).
    :raises ConfigurationError: a value is unusable.
    """

    host: str
    port: int = 3128
    user: str = ""
    password: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if not self.host or not self.host.isprintable() or " " in self.host:
            raise _unusable(f"{self.host!r} is no host of a proxy")
        if not 1 <= self.port <= 65535:
            raise _unusable(f"port {self.port} is out of range")

    @classmethod
    def parse(cls, text: str) -> HttpProxy:
        """Read ``http://user:password@host:port``; all but the host may be left out.

        :raises ConfigurationError: it is no such address.
        """
        proxy = parse_proxy(text)
        if not isinstance(proxy, cls):
            raise _unusable("that is no HTTP proxy")
        return proxy

    @property
    def takes_password(self) -> bool:
        """True: a user has a password always."""
        return True

    def request(self, host: str, port: int) -> bytes:
        """What is asked of the proxy."""
        name = host if host.isascii() else host.encode("idna").decode("ascii")
        place = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
        lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
        if self.user:
            secret = base64.b64encode(f"{self.user}:{self.password}".encode()).decode("ascii")
            lines.append(f"Proxy-Authorization: Basic {secret}")
        return "\r\n".join((*lines, "", "")).encode("ascii")


Proxy: TypeAlias = HttpProxy | SocksProxy


def parse_proxy(text: str) -> Proxy:
    """Read the address of a proxy: ``http://user:password@host:port``, or with ``socks5``, ``socks5h``, ``socks4`` or
    ``socks4a`` in place of ``http``; all but the host may be left out.

    :raises ConfigurationError: it is no such address; what it is never stands in the error, since it may hold a
        password.
    """
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        port = parts.port
    except ValueError:  # whose words may hold a part of the password
        raise _unusable("that is no address of a proxy: brackets or port are wrong") from None
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise _unusable("that is no address of a proxy: something follows its port")
    for scheme in SOCKS_SCHEMES:
        if parts.scheme == scheme:
            return SocksProxy.from_url(parts, scheme, port)
    if parts.scheme != "http":
        raise _unusable(f"{parts.scheme!r} is no kind of proxy", f"There are http, {', '.join(SOCKS_SCHEMES)}.")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return HttpProxy(parts.hostname or "", 3128 if port is None else port, user, password)


async def open_tunnel(address: str, proxy: Proxy, host: str, port: int, local_host: str | None = None) -> socket.socket:
    """A connection to ``host:port`` through a proxy that is at ``address``; safe to cancel.

    :raises OSError: the proxy cannot be reached.
    :raises ConnectError: it does not let us through, or is no proxy.
    """
    if isinstance(proxy, SocksProxy):
        return await open_socks_tunnel(address, proxy, host, port, local_host)
    loop = asyncio.get_running_loop()
    try:
        request = proxy.request(host, port)
    except UnicodeError as error:
        raise ConnectError(f"{host!r} is no name that a proxy can be asked for", phase="connect") from error
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        if local_host is not None:
            made.bind((local_host, 0))
        await loop.sock_connect(made, (address, proxy.port))
        await loop.sock_sendall(made, request)
        _judge(await _read_head(made), proxy)
    except BaseException:
        made.close()
        raise
    return made


async def _read_head(connection: socket.socket) -> bytes:
    """The head of the answer, byte by byte: what follows it is the peer's."""
    loop = asyncio.get_running_loop()
    head = bytearray()
    while not head.endswith((b"\r\n\r\n", b"\n\n")) and len(head) < MAX_ANSWER_BYTES:
        byte = await loop.sock_recv(connection, 1)
        if not byte:
            break
        head += byte
    return bytes(head)


def _judge(head: bytes, proxy: HttpProxy) -> None:
    status = _STATUS.match(head)
    place = f"{proxy.host}:{proxy.port}"
    if status is None or not head.endswith(b"\n\n" if b"\r" not in head else b"\r\n\r\n"):
        hint = "Check host and port of the proxy, and that it is one for HTTP."
        raise ConnectError(f"{place} does not answer as a proxy does", phase="connect", hint=hint)
    code = int(status[1])
    if not 200 <= code < 300:
        hint = "Give user and password." if code == 407 else "Have it let connections to this peer and port through."
        words = f"{code} {(status[2] or b'').decode('latin-1')}".strip()
        raise ConnectError(f"the proxy {place} does not let us through: {words}", phase="connect", hint=hint)


def _unusable(text: str, hint: str = "Write it as http://host:port or socks5h://host:port.") -> ConfigurationError:
    return ConfigurationError(text, phase="configure", hint=hint)
