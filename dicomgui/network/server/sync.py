"""The blocking twin of the server: one that listens in a thread of its own.

::

    with SyncServer.serve(port=11112, ae_title="ME", handlers=Handlers(on_store=keep)) as server:
        input(f"listening on {server.address}, Enter ends it")
"""

from __future__ import annotations

import asyncio
import sys
import warnings
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from types import TracebackType

from dicomgui.network.association.params import AETitle
from dicomgui.network.portal import Portal, PortalStopped
from dicomgui.network.server.server import DEFAULT_LISTEN_PORT, Server, ServerOptions, serve, take_over
from dicomgui.network.service import AssociationFacts, Handlers, ServiceUser

__all__ = ["SyncServer"]


class SyncServer:
    """A listener with its associations, on an event loop in a thread of its own; made by :meth:`serve`.

    **Handlers, sinks, the tracer and the ``on_…`` callbacks run in that thread**, one at a time: what they share with
    other threads is theirs to guard, and while a plain function works, no association of this server goes on. A
    handler that takes long is a coroutine function that awaits ``asyncio.to_thread(…)``.

    Safe for several threads at once. In a handler the facts and :meth:`abort` can be used; :meth:`close` and
    :meth:`wait_empty` raise LocalProtocolError there, since they would wait for themselves.

    Use it as ``with``, or call :meth:`close`. Dropped while it listens, it warns (ResourceWarning) and is closed in its
    thread; what is open when the interpreter ends is closed then.
    """

    def __init__(self, server: Server, portal: Portal) -> None:
        self._server = server
        self._portal = portal
        self._core = take_over(server)

    @staticmethod
    def serve(
        host: str = "127.0.0.1",
        port: int = DEFAULT_LISTEN_PORT,
        *,
        ae_title: str = "DICOMGUI",
        handlers: Handlers | None = None,
        options: ServerOptions | None = None,
    ) -> SyncServer:
        """Listen on ``host:port`` in a new thread; parameters and errors are those of :func:`~dicomgui.network.serve`.

        :raises OSError: the system has no more handles for an event loop.
        """
        opened: list[Server] = []

        async def open_and_keep() -> None:
            server = await serve(host, port, ae_title=ae_title, handlers=handlers, options=options)
            portal.adopt(take_over(server).close)
            opened.append(server)

        portal = Portal("dicomgui server")
        portal.start()
        try:
            portal.run(open_and_keep)
            return SyncServer(opened[0], portal)
        except BaseException:
            portal.stop()
            raise

    # facts

    @property
    def ae_title(self) -> AETitle:
        """Our AE title."""
        return self._server.ae_title

    @property
    def handlers(self) -> Handlers:
        """What answers requests."""
        return self._server.handlers

    @property
    def options(self) -> ServerOptions:
        """How we serve."""
        return self._server.options

    @property
    def port(self) -> int:
        """The port we listen on; 0 when closed."""
        return self._portal.call(lambda: self._server.port)

    @property
    def address(self) -> str:
        """``host:port`` that we listen on."""
        return self._portal.call(lambda: self._server.address)

    @property
    def is_listening(self) -> bool:
        """Whether new connections are accepted."""
        return self._portal.call(lambda: self._server.is_listening)

    @property
    def connections(self) -> int:
        """How many connections are open, with an association or not."""
        return self._portal.call(lambda: self._server.connections)

    @property
    def associations(self) -> tuple[AssociationFacts, ...]:
        """The associations that stand now."""
        return self._portal.call(lambda: self._server.associations)

    # verbs

    def abort(self, association: int, *, source: int = 0, reason: int = 0) -> bool:
        """Abort one association by its number in the trace; whether there was one. See :meth:`Server.abort`."""
        return self._portal.call(lambda: self._server.abort(association, source=source, reason=reason))

    def user(self, association: int) -> ServiceUser | None:
        """What sends requests of our own on an association that stands, by its number in the trace.

        Its verbs are coroutines of the server's loop: for use in handlers.
        """
        return self._portal.call(lambda: self._server.user(association))

    def wait_empty(self) -> None:
        """Wait until no connection is open."""
        self._run_until_closed(self._server.wait_empty)

    def close(self, *, grace_s: float = 2.0) -> None:
        """Stop: no new connections; associations that are idle are aborted, those at work get ``grace_s`` first.

        Returns when every connection is closed, every handler and the thread have ended. Ctrl-C meanwhile takes the
        grace away, and is raised when all is closed.
        """
        self._portal.refuse_own_thread()
        try:
            self._run_until_closed(partial(_close, self._server, grace_s))
        finally:
            self._portal.stop(cancel=False)

    def __enter__(self) -> SyncServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        core = getattr(self, "_core", None)  # there is none where its making failed
        if core is None or core.is_closed or not self._portal.is_running or sys.is_finalizing():
            return
        address = core.address
        self._portal.stop_soon()  # which closes what it has adopted
        warnings.warn(
            f"the server at {address} was dropped, and is closed: use with, or close()",
            ResourceWarning,
            stacklevel=1,
        )

    def _run_until_closed(self, waiting: Callable[[], Awaitable[None]]) -> None:
        with suppress(PortalStopped):  # closed by now, and that is what is waited for
            self._portal.run(waiting)


async def _close(server: Server, grace_s: float) -> None:
    """Close the server; when this is cancelled, at once and nevertheless to the end."""
    closing = take_over(server).tasks.spawn(server.close(grace_s=grace_s), name="close")
    try:
        await asyncio.shield(closing)
    except asyncio.CancelledError:
        for facts in server.associations:
            server.abort(facts.association)
        await closing
        raise
