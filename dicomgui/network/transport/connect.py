"""Opening a transport connection to a peer, with each step timed and each failure named."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

from dicomgui.network.association.params import PeerAddress
from dicomgui.network.errors import (
    ConnectError,
    ConnectionRefused,
    ConnectTimeout,
    DicomNetworkError,
    NameResolutionError,
)
from dicomgui.network.tracing import Role, Scribe
from dicomgui.network.transport.direct import DirectTransport, is_direct
from dicomgui.network.transport.protocol import AssociationTransport
from dicomgui.network.transport.proxy import Proxy, open_tunnel
from dicomgui.network.transport.resolve import look_up, usual_literal
from dicomgui.network.transport.secure import TlsTransport
from dicomgui.network.transport.sockets import IpFamily, SocketOptions, connect_at_once, socket_place
from dicomgui.network.transport.socks import SocksProxy

__all__ = ["ConnectTimes", "open_connection"]

_Protocol: TypeAlias = AssociationTransport | TlsTransport

_USUAL: Final = SocketOptions()


@dataclass(frozen=True, slots=True)
class ConnectTimes:
    """How long the steps to an open connection took, in seconds."""

    resolve_s: float
    connect_s: float
    tls_s: float = 0.0


async def open_connection(
    make_protocol: Callable[[], AssociationTransport],
    peer: PeerAddress,
    scribe: Scribe,
    *,
    timeout_s: float | None,
    local_host: str | None = None,
    sockets: SocketOptions = _USUAL,
    tls: ssl.SSLContext | None = None,
    server_name: str | None = None,
    tls_s: float | None = None,
) -> ConnectTimes:
    """Connect to ``peer``: look its name up, then try each of its addresses in the resolver's order.

    With a proxy it is the proxy's name that is looked up; the peer's is left to the proxy, unless that is a SOCKS proxy
    which is to get an address.

    :param timeout_s: for the look-up and all attempts together; ``None`` leaves it to the system.
    :param local_host: the local address to connect from; by default the system chooses.
    :param sockets: which addresses of the name to try, and the proxy to go through.
    :param tls: speak TLS as it says.
    :param server_name: whose certificate TLS expects; by default the host's.
    :param tls_s: for the TLS handshake; ``None`` for ever.
    :raises NameResolutionError: the name has no address.
    :raises ConnectionRefused: nothing listens there.
    :raises ConnectTimeout: no answer in time; ``phase`` is ``tls`` where it was the handshake that did not end.
    :raises TlsError: the TLS handshake failed.
    :raises ConnectError: anything else that the system reports, e.g. no route.
    """
    started = time.monotonic()
    deadline = None if timeout_s is None else started + timeout_s
    via = sockets.proxy
    host, port = (peer.host, peer.port) if via is None else (via.host, via.port)
    addresses = usual_literal(host, sockets.family)
    if addresses:
        scribe.resolve(host, tuple(addresses), time.monotonic() - started)
    else:
        addresses = await _resolve(peer, host, port, sockets.family, scribe, deadline, timeout_s)
    target = await _target(peer, sockets, scribe, deadline, timeout_s)
    resolved = time.monotonic()
    failure: DicomNetworkError | None = None
    make: Callable[[], _Protocol] = make_protocol
    if tls is not None:
        make = partial(_secured, make_protocol, tls, scribe, server_name or peer.host, tls_s)
    for number, address in enumerate(addresses, 1):
        attempt = time.monotonic()
        left = None if deadline is None else (deadline - attempt) / (len(addresses) - number + 1)
        try:
            protocol = await _connect(make, target, address, via, local_host, left)
        except (OSError, ConnectError) as exc:
            failure = _translate(exc, peer, port, timeout_s)
            place = socket_place((address, port))
            scribe.connect(
                Role.REQUESTOR, "", place, time.monotonic() - attempt, f"{type(failure).__name__}: {failure}"
            )
            continue
        connected = time.monotonic()
        if isinstance(protocol, TlsTransport):
            await _shake_hands(protocol, str(peer))
        return ConnectTimes(resolved - started, connected - resolved, time.monotonic() - connected)
    assert failure is not None
    raise failure


async def _target(
    peer: PeerAddress, sockets: SocketOptions, scribe: Scribe, deadline: float | None, timeout_s: float | None
) -> tuple[str, int]:
    """Host and port as the proxy is to be told; without one, those of the peer."""
    via = sockets.proxy
    if not isinstance(via, SocksProxy) or via.looks_names_up or usual_literal(peer.host):
        return peer.host, peer.port
    family: IpFamily = sockets.family if via.takes_password else "ipv4"  # SOCKS 4 knows no other
    addresses = await _resolve(peer, peer.host, peer.port, family, scribe, deadline, timeout_s)
    return addresses[0], peer.port


async def _resolve(
    peer: PeerAddress,
    host: str,
    port: int,
    family: IpFamily,
    scribe: Scribe,
    deadline: float | None,
    timeout_s: float | None,
) -> list[str]:
    started = time.monotonic()
    try:
        async with asyncio.timeout(None if deadline is None else deadline - time.monotonic()):
            addresses = await look_up(host, port, family)
    except TimeoutError as exc:
        scribe.resolve(host, (), time.monotonic() - started, "time-out")
        raise ConnectTimeout(
            f"looking up {host!r} took longer than {timeout_s:g} s", peer=str(peer), phase="resolve"
        ) from exc
    except (OSError, UnicodeError) as exc:
        scribe.resolve(host, (), time.monotonic() - started, str(exc))
        raise NameResolutionError(
            f"the name {host!r} has no {_FAMILY_TEXTS[family]}address ({exc})",
            peer=str(peer),
            phase="resolve",
            hint="Check the spelling, or give the IP address.",
        ) from exc
    scribe.resolve(host, tuple(addresses), time.monotonic() - started)
    return addresses


_FAMILY_TEXTS: dict[IpFamily, str] = {"any": "", "ipv4": "IPv4 ", "ipv6": "IPv6 "}


def _secured(
    make_protocol: Callable[[], AssociationTransport],
    tls: ssl.SSLContext,
    scribe: Scribe,
    server_name: str,
    handshake_s: float | None,
) -> TlsTransport:
    return TlsTransport(make_protocol(), tls, scribe, server_name=server_name, handshake_s=handshake_s)


async def _shake_hands(connection: TlsTransport, peer: str) -> None:
    """Wait for the end of the TLS handshake; where it fails or is cancelled, the connection is gone afterwards."""
    try:
        await asyncio.shield(connection.ready)
    except ConnectError as error:
        error.peer = peer
        await asyncio.wait((connection.gone,))
        raise
    except asyncio.CancelledError:
        if not connection.is_open:  # else who asked for the association ends it
            connection.abort()
            await asyncio.wait((connection.gone,))
        raise


async def _connect(
    make_protocol: Callable[[], _Protocol],
    target: tuple[str, int],
    address: str,
    via: Proxy | None,
    local_host: str | None,
    timeout_s: float | None,
) -> _Protocol:
    loop = asyncio.get_running_loop()
    made = connect_at_once(address, target[1]) if via is None and local_host is None else None
    if made is not None:
        return await _begin(made, make_protocol)
    local = None if local_host is None else (local_host, 0)
    async with asyncio.timeout(timeout_s):
        if via is None:
            _, protocol = await loop.create_connection(make_protocol, address, target[1], local_addr=local)
        else:
            tunnel = await open_tunnel(address, via, *target, local_host)
            protocol = await _begin(tunnel, make_protocol)
    return protocol


async def _begin(made: socket.socket, make_protocol: Callable[[], _Protocol]) -> _Protocol:
    loop = asyncio.get_running_loop()
    if is_direct(loop):
        protocol = make_protocol()
        DirectTransport(loop, made, protocol).begin()
    else:
        _, protocol = await loop.create_connection(make_protocol, sock=made)
    return protocol


def _translate(exc: OSError | ConnectError, peer: PeerAddress, port: int, timeout_s: float | None) -> ConnectError:
    """The failure in our words; ``port`` is the one that was tried, which may be that of a proxy."""
    if isinstance(exc, ConnectError):
        exc.peer = str(peer)
        return exc
    failure = _failure_of(exc, peer, port, timeout_s)
    failure.__cause__ = exc
    return failure


def _failure_of(exc: OSError, peer: PeerAddress, port: int, timeout_s: float | None) -> ConnectError:
    if isinstance(exc, ConnectionRefusedError):
        return ConnectionRefused(
            f"nothing listens on port {port}",
            peer=str(peer),
            phase="connect",
            hint="Check the port, and that the peer's DICOM service runs.",
        )
    if isinstance(exc, TimeoutError) or exc.errno == errno.ETIMEDOUT:
        seconds = "the system's own limit" if timeout_s is None else f"{timeout_s:g} s"
        return ConnectTimeout(
            f"no answer within {seconds}",
            peer=str(peer),
            phase="connect",
            hint="Wrong address, machine off, or a firewall that drops the packets.",
        )
    return ConnectError(f"cannot connect: {exc.strerror or exc}", peer=str(peer), phase="connect")
