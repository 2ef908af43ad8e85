"""Listening sockets."""

from __future__ import annotations

import asyncio
import errno
import socket
import sys
from collections.abc import Callable
from typing import Final, TypeAlias

from dicomgui.network.errors import ListenError
from dicomgui.network.transport.direct import DirectTransport, is_direct
from dicomgui.network.transport.forking import stay_with_parent
from dicomgui.network.transport.protocol import AssociationTransport
from dicomgui.network.transport.secure import TlsTransport
from dicomgui.network.transport.sockets import socket_place

__all__ = ["Listener", "is_port_free", "open_listener"]

ACCEPTED_AT_ONCE: Final = 16
"""Connections that are taken from the system in one turn of the loop. asyncio would take as many as may wait, and with
them every handle that this process has, before it says what came of the first."""

RETRY_S: Final = 1.0
"""Where the system has no handle for another connection, it is asked again after this long."""

_OUT_OF_HANDLES: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

_Protocol: TypeAlias = AssociationTransport | TlsTransport


class Listener:
    """Takes the connections that come to its sockets; made by :func:`open_listener`.

    The sockets are asyncio's, but on its own loop they are served here: asyncio takes a task and three turns until it
    tells a protocol of its connection (see :class:`DirectTransport`), and in silence drops one whose server was closed
    in between.

    :param server: has the sockets, and does not serve them yet.
    """

    def __init__(self, server: asyncio.Server, make_protocol: Callable[[], _Protocol]) -> None:
        self._server = server
        self._make_protocol = make_protocol
        self._loop = asyncio.get_running_loop()
        self._watched: list[socket.socket] = []
        stay_with_parent(self)

    @property
    def port(self) -> int:
        """The port of the first socket; 0 when closed."""
        return int(self._server.sockets[0].getsockname()[1]) if self._server.sockets else 0

    def left_behind(self) -> list[int]:
        """The file descriptors of its sockets, for the child of a fork."""
        return [one.fileno() for one in (*self._watched, *self._server.sockets)]

    @property
    def is_serving(self) -> bool:
        """Whether connections are taken."""
        return bool(self._watched) or self._server.is_serving()

    async def start(self, backlog: int) -> None:
        """Take connections from now on; up to ``backlog`` may wait for that."""
        if not is_direct(self._loop):
            await self._server.start_serving()
            return
        for listening in self._server.sockets:
            same = listening.dup()
            self._watched.append(same)
            same.listen(backlog)
            self._loop.add_reader(same.fileno(), self._accept, same)

    def close(self) -> None:
        """Take no connections any more; those that were taken stay."""
        watched, self._watched = self._watched, []
        for listening in watched:
            self._loop.remove_reader(listening.fileno())
            listening.close()
        self._server.close()

    async def wait_closed(self) -> None:
        """Wait until it is closed; with some loops also until that is what it took."""
        await self._server.wait_closed()

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                connection, peer = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _OUT_OF_HANDLES:
                    raise  # the loop reports it
                self._report("no connection can be taken: the system has no handle for it", error)
                self._loop.remove_reader(listening.fileno())
                self._loop.call_later(RETRY_S, self._retry, listening)
                return
            self._begin(connection, peer)
            if listening not in self._watched:  # what took the connection has closed us
                return

    def _begin(self, connection: socket.socket, peer: object) -> None:
        connection.setblocking(False)
        try:
            DirectTransport(self._loop, connection, self._make_protocol(), peer).begin()
        except Exception as error:
            self._report("a connection could not be begun", error)
            connection.close()

    def _retry(self, listening: socket.socket) -> None:
        if listening in self._watched:
            self._loop.add_reader(listening.fileno(), self._accept, listening)

    def _report(self, text: str, error: Exception) -> None:
        self._loop.call_exception_handler({"message": text, "exception": error})


async def open_listener(
    make_protocol: Callable[[], _Protocol], host: str, port: int, *, backlog: int = 1024
) -> Listener:
    """Listen on ``host:port``; port 0 takes a free one.

    :raises ListenError: the port is taken, needs rights that we do not have, or the address is not of this machine.
    """
    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(make_protocol, host, port, backlog=backlog, start_serving=False)
        listener = Listener(server, make_protocol)
        try:
            await listener.start(backlog)  # it may give others a turn, in which who asked is cancelled
        except BaseException:
            listener.close()
            raise
    except (OSError, OverflowError) as exc:
        raise ListenError(_text(exc, host, port), phase="listen", hint=_hint(exc)) from exc
    return listener


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
