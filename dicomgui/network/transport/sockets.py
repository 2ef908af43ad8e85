"""How the sockets of connections are set up."""

from __future__ import annotations

import errno
import os
import socket
import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from dicomgui.network.errors import ConfigurationError
from dicomgui.network.transport.proxy import Proxy

__all__ = ["IpFamily", "SocketOptions", "acknowledge", "connect_at_once", "socket_place", "tune"]

IpFamily: TypeAlias = Literal["any", "ipv4", "ipv6"]

FAMILIES: Final[dict[IpFamily, int]] = {
    "any": int(socket.AF_UNSPEC), "ipv4": int(socket.AF_INET), "ipv6": int(socket.AF_INET6),
}  # fmt: skip

PROBES: Final = 4
"""Questions without an answer after which the system takes a connection for lost, where it lets us say."""

_QUICKACK: Final[int | None] = getattr(socket, "TCP_QUICKACK", None) if sys.platform == "linux" else None

_LEAST_BUFFER, _MOST_BUFFER = 4096, 1 << 30


@dataclass(frozen=True, slots=True)
class SocketOptions:
    """How TCP connections are set up. TCP_NODELAY is always on.

    :ivar keepalive_s: after so many seconds of silence the system itself asks whether the peer is there, and goes on to
        ask; a few questions without an answer are the loss of the connection. This also keeps firewalls from forgetting
        a connection that waits, e.g. for a C-MOVE. ``None`` leaves it out.
    :ivar send_buffer_bytes: size of the system's send buffer (SO_SNDBUF); by default it adapts that by itself.
    :ivar receive_buffer_bytes: the same for what is received (SO_RCVBUF).
    :ivar family: which addresses of a peer's name are tried; of no meaning for a server.
    :ivar proxy: the HTTP or SOCKS proxy that leads to the peer, and mostly looks its name up; of no meaning for a
        server.
    :raises ConfigurationError: a value is out of range.
    """

    keepalive_s: int | None = 60
    send_buffer_bytes: int | None = None
    receive_buffer_bytes: int | None = None
    family: IpFamily = "any"
    proxy: Proxy | None = None

    def __post_init__(self) -> None:
        if self.keepalive_s is not None and not 1 <= self.keepalive_s <= 32_767:
            raise _unusable(f"{self.keepalive_s} s of keep-alive are not possible", "Give 1 to 32767, or None.")
        for size in (self.send_buffer_bytes, self.receive_buffer_bytes):
            if size is not None and not _LEAST_BUFFER <= size <= _MOST_BUFFER:
                raise _unusable(f"a socket buffer of {size} bytes is not possible", "Give 4096 bytes or more.")
        if self.family not in FAMILIES:
            raise _unusable(f"{self.family!r} is no family of addresses", f"There are {', '.join(FAMILIES)}.")


def tune(connection: socket.socket, options: SocketOptions) -> None:
    """Set up an open connection; what the system does not know or does not let us set is left as it is."""
    for level, number, value in _settings(options.keepalive_s, options.send_buffer_bytes, options.receive_buffer_bytes):
        try:  # not suppress(), since every connection comes here several times
            connection.setsockopt(level, number, value)
        except OSError:
            continue


def acknowledge(connection: socket.socket) -> bool:
    """Acknowledge at once what was read, where the system would wait for something to send with it.

    Peers without TCP_NODELAY send the rest of a message only then; a delay costs them 40 ms each time. The system
    forgets that it was asked, so it is asked after each read. False: this socket need not be asked again.
    """
    if _QUICKACK is not None:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
        except OSError:
            return False
    return True


@lru_cache(maxsize=16)
def _settings(
    keepalive_s: int | None, send_buffer: int | None, receive_buffer: int | None
) -> tuple[tuple[int, int, int], ...]:
    """Level, number and value of each option that this system has."""
    wanted = [(socket.IPPROTO_TCP, "TCP_NODELAY", 1)]
    if keepalive_s is not None:
        wanted += [
            (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
            (socket.IPPROTO_TCP, "TCP_KEEPIDLE", keepalive_s),
            (socket.IPPROTO_TCP, "TCP_KEEPINTVL", max(1, keepalive_s // PROBES)),
            (socket.IPPROTO_TCP, "TCP_KEEPCNT", PROBES),
        ]
        if not hasattr(socket, "TCP_KEEPIDLE"):
            wanted.append((socket.IPPROTO_TCP, "TCP_KEEPALIVE", keepalive_s))  # as macOS calls it
    if send_buffer is not None:
        wanted.append((socket.SOL_SOCKET, "SO_SNDBUF", send_buffer))
    if receive_buffer is not None:
        wanted.append((socket.SOL_SOCKET, "SO_RCVBUF", receive_buffer))
    return tuple((level, getattr(socket, name), value) for level, name, value in wanted if hasattr(socket, name))


def _unusable(text: str, hint: str) -> ConfigurationError:
    return ConfigurationError(text, phase="configure", hint=hint)


def connect_at_once(address: str, port: int) -> socket.socket | None:
    """A connection to a server on this computer, which the system makes while it is asked for.

    Only over a loopback address; anywhere else an answer takes its time, and asyncio waits for it. ``None`` where the
    connection is not there at once.

    :raises OSError: nothing listens there.
    """
    is_ip4 = address.startswith("127.")
    if sys.platform == "win32" or not (is_ip4 or address == "::1"):
        return None
    made = socket.socket(socket.AF_INET if is_ip4 else socket.AF_INET6, socket.SOCK_STREAM)
    made.setblocking(False)
    code = made.connect_ex((address, port))
    if code == errno.EINPROGRESS:  # as it was when the call began: the answer has come meanwhile
        code = made.connect_ex((address, port))
    if code in (0, errno.EISCONN):
        return made
    made.close()
    if code == errno.ECONNREFUSED:
        raise OSError(code, os.strerror(code))
    return None


def socket_place(address: object) -> str:
    """``host:port`` of a socket address, IPv6 in brackets; an empty string where it is none."""
    if not isinstance(address, tuple) or len(address) < 2:
        return ""
    host = str(address[0])
    return f"[{host}]:{address[1]}" if ":" in host else f"{host}:{address[1]}"
