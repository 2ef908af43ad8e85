"""A server in a thread: the same names as its twin, and closed to the end."""

from __future__ import annotations

import asyncio
import gc
import inspect
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue

import pytest

from dicomgui.network import (
    AcceptPolicy,
    AssociationAborted,
    DicomNetworkError,
    EchoRequest,
    Handlers,
    Lifecycle,
    ListenError,
    LocalProtocolError,
    Server,
    ServerOptions,
    Status,
    SyncClient,
    SyncServer,
    portal,
    serve,
)

PATIENCE_S = 20.0
# What acceptors ask and tell; serve() itself opens.
INNER = {"open", "tasks", "may_connect", "limit_reached", "forget"}
ATTRIBUTES = {"ae_title", "handlers", "options"}


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    gc.collect()  # what was left open makes itself known
    assert set(threading.enumerate()) <= before


def test_the_names_agree_with_those_of_the_twin() -> None:
    def public(kind: type) -> set[str]:
        return {name for name in dir(kind) if not name.startswith("_")}

    assert public(SyncServer) == (public(Server) | ATTRIBUTES | {"serve"}) - INNER
    for name in ("abort", "wait_empty", "close"):
        ours, theirs = (inspect.signature(getattr(kind, name)) for kind in (SyncServer, Server))
        assert ours == theirs, name


def test_the_parameters_of_serve_agree() -> None:
    assert inspect.signature(SyncServer.serve).parameters == inspect.signature(serve).parameters


def test_the_facts_while_it_listens_and_after() -> None:
    handlers, options = Handlers(), ServerOptions(policy=AcceptPolicy())
    with SyncServer.serve(port=0, ae_title="ME", handlers=handlers, options=options) as server:
        assert (server.ae_title, server.handlers, server.options) == ("ME", handlers, options)
        assert server.is_listening
        assert server.address == f"127.0.0.1:{server.port}"
        assert server.connections == 0
    assert not server.is_listening
    assert (server.port, server.connections, server.associations) == (0, 0, ())
    assert not server.abort(1)
    server.wait_empty()
    server.close()


def test_one_association_is_aborted_by_its_number() -> None:
    with SyncServer.serve(port=0) as server:
        assoc = SyncClient.connect(f"X@{server.address}")
        [facts] = server.associations
        assert server.connections == 1
        assert server.abort(facts.association)
        server.wait_empty()
        with pytest.raises(DicomNetworkError), assoc:
            assoc.echo()
        assert not assoc.is_connected


def test_errors_keep_their_type() -> None:
    with SyncServer.serve(port=0) as server, pytest.raises(ListenError):
        SyncServer.serve(port=server.port)


def test_handlers_run_in_the_thread_of_the_loop_and_may_ask_but_not_wait() -> None:
    seen: SimpleQueue[tuple[threading.Thread, int]] = SimpleQueue()

    def on_echo(_request: EchoRequest) -> Status:
        for waiting in (server.wait_empty, server.close):
            with pytest.raises(LocalProtocolError):
                waiting()
        seen.put((threading.current_thread(), len(server.associations)))
        return Status(0)

    with (
        SyncServer.serve(port=0, handlers=Handlers(on_echo=on_echo)) as server,
        SyncClient.connect(f"X@{server.address}") as assoc,
    ):
        assert assoc.echo().status.is_success
    thread, associations = seen.get(timeout=PATIENCE_S)
    assert thread is not threading.current_thread()
    assert associations == 1


def test_closing_lets_the_waiting_threads_go() -> None:
    server = SyncServer.serve(port=0)
    assoc = SyncClient.connect(f"X@{server.address}")
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(server.wait_empty), pool.submit(server.close), pool.submit(server.close)]
        for future in waiting:
            future.result(PATIENCE_S)
    assoc.abort()


def test_ctrl_c_while_closing_takes_the_grace_away_and_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, closing = threading.Event(), threading.Event()
    ended: SimpleQueue[object] = SimpleQueue()

    async def never(_request: EchoRequest) -> Status:
        asked.set()
        await asyncio.Event().wait()
        return Status(0)

    lifecycle = Lifecycle(on_closed=lambda _number, _facts, error: ended.put(error))
    options = ServerOptions(policy=AcceptPolicy(), lifecycle=lifecycle)
    server = SyncServer.serve(port=0, handlers=Handlers(on_echo=never), options=options)
    close = Server.close

    async def noticed(self: Server, *, grace_s: float = 2.0) -> None:
        closing.set()
        await close(self, grace_s=grace_s)

    monkeypatch.setattr(Server, "close", noticed)
    wait = portal.wait

    def interrupted(futures: tuple[Future[object], ...], timeout: float | None = None) -> object:
        if threading.current_thread() is threading.main_thread() and not interrupts:
            assert closing.wait(PATIENCE_S)
            interrupts.append(1)
            raise KeyboardInterrupt
        return wait(futures, timeout)

    interrupts: list[int] = []
    assoc = SyncClient.connect(f"X@{server.address}")
    with ThreadPoolExecutor(1) as pool:
        echoing = pool.submit(assoc.echo)
        assert asked.wait(PATIENCE_S)
        monkeypatch.setattr(portal, "wait", interrupted)
        with pytest.raises(KeyboardInterrupt):
            server.close(grace_s=600)
        assert isinstance(echoing.exception(PATIENCE_S), AssociationAborted)
    assert isinstance(ended.get(timeout=PATIENCE_S), AssociationAborted)
    assoc.abort()
