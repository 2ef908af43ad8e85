"""Listening sockets."""

from __future__ import annotations

import asyncio
import errno
import socket
import sys
from collections.abc import Callable
from typing import Final

from dicomgui.network.errors import ListenError
from dicomgui.network.transport.protocol import AssociationTransport
from dicomgui.network.transport.secure import TlsTransport
from dicomgui.network.transport.sockets import socket_place

__all__ = ["close_listener", "is_port_free", "open_listener"]

ACCEPTED_AT_ONCE: Final = 32
"""Connections that are taken from the system in one turn of the loop. asyncio would take as many as may wait, and with
them every handle that this process has, before it says what came of the first."""


async def open_listener(
    make_protocol: Callable[[], AssociationTransport | TlsTransport], host: str, port: int, *, backlog: int = 1024
) -> asyncio.Server:
    """Listen on ``host:port``; port 0 takes a free one.

    :raises ListenError: the port is taken, needs rights that we do not have, or the address is not of this machine.
    """
    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(
            make_protocol, host, port, backlog=min(backlog, ACCEPTED_AT_ONCE), start_serving=False
        )
    except (OSError, OverflowError) as exc:
        raise ListenError(_text(exc, host, port), phase="listen", hint=_hint(exc)) from exc
    try:
        await server.start_serving()  # it gives others a turn, in which who asked may be cancelled
    except BaseException:
        server.close()
        raise
    if sys.platform != "win32":
        for listening in server.sockets:
            with listening.dup() as same:
                same.listen(backlog)
    return server


async def close_listener(listener: asyncio.Server) -> None:
    """Take no connections any more, but let those that were taken already arrive.

    asyncio makes a connection in the turn of the loop after that in which it took it, and in silence drops one whose
    server was closed in between: its peer would wait, and nobody would be told. On Windows it makes it at once.
    """
    try:
        if sys.platform != "win32":
            for listening in listener.sockets:
                asyncio.get_running_loop().remove_reader(listening.fileno())
            await asyncio.sleep(0)
    finally:
        listener.close()


def is_port_free(host: str, port: int) -> bool:
    """Whether one could listen there just now; somebody else may be there a moment later. It does not block.

    :param host: an IPv4 address of this computer.
    """
    with socket.socket() as probe:
        if sys.platform != "win32":  # as asyncio sets it; there it would let us have a port that is another's
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except OSError:
            return False
    return True


def _text(exc: OSError | OverflowError, host: str, port: int) -> str:
    place = socket_place((host, port))
    code = exc.errno if isinstance(exc, OSError) else None
    if code == errno.EADDRINUSE:
        return f"cannot listen on {place}: the port is in use by another program"
    if code == errno.EACCES:
        return f"cannot listen on {place}: the port needs administrator rights"
    if code == errno.EADDRNOTAVAIL:
        return f"cannot listen on {place}: the address does not belong to this computer"
    if isinstance(exc, socket.gaierror):
        return f"cannot listen on {place}: the name has no address"
    return f"cannot listen on {place}: {exc}"


def _hint(exc: OSError | OverflowError) -> str:
    code = exc.errno if isinstance(exc, OSError) else None
    if code == errno.EADDRINUSE:
        return "Choose another port, or stop the other program."
    if code == errno.EACCES:
        return "Choose a port above 1023, such as 11112."
    return "Use 127.0.0.1 for this computer only, or 0.0.0.0 for every network."
