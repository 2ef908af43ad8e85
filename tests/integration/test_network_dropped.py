"""Associations and servers that nobody refers to any more, and processes that fork."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial

import pytest
from helpers.bad_peer import reached
from helpers.command_line import DEADLINE_S
from helpers.services import keys

from dicomgui.network import (
    AssociationAborted,
    AssociationFacts,
    ConnectError,
    DicomNetworkError,
    FindRequest,
    Handlers,
    Lifecycle,
    LocalProtocolError,
    Server,
    ServerOptions,
    SyncClient,
    SyncServer,
    Timeouts,
    connect,
    serve,
)
from dicomgui.network.association.params import AETitle
from dicomgui.network.client.association import take_over
from dicomgui.network.portal import Portal
from dicomgui.network.server.offering import policy_for

DROPPED = r"association \d+ with X@127\.0\.0\.1:\d+ was dropped, and is closed"
SERVER_DROPPED = r"the server at 127\.0\.0\.1:\d+ was dropped, and is closed"
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")


async def hanging(request: FindRequest) -> AsyncIterator[object]:
    yield keys(PatientID="1")
    await asyncio.Event().wait()


class Seen:
    """How associations ended, as the server saw it."""

    def __init__(self) -> None:
        self.errors: list[DicomNetworkError | None] = []
        self.handlers = Handlers(on_find=hanging)
        lifecycle = Lifecycle(on_closed=self._closed)
        self.options = ServerOptions(policy_for(self.handlers, AETitle("X")), lifecycle=lifecycle)

    def _closed(self, _number: int, facts: AssociationFacts | None, error: DicomNetworkError | None) -> None:
        if facts is not None:
            self.errors.append(error)

    async def serve(self) -> Server:
        return await serve(port=0, ae_title="X", handlers=self.handlers, options=self.options)

    def serve_in_thread(self) -> SyncServer:
        return SyncServer.serve(port=0, ae_title="X", handlers=self.handlers, options=self.options)


def wait_until(condition: Callable[[], bool]) -> None:
    tick = threading.Event()
    for _ in range(2000):
        if condition():
            return
        tick.wait(0.01)
    raise AssertionError("that never came")


# left behind


@pytest.mark.any_loop
async def test_what_a_fork_leaves_behind_raises_and_goes_on_with_nothing() -> None:
    """What the child of a fork calls, in a process that has not forked."""
    seen = Seen()
    async with await seen.serve() as server:
        association = await connect(f"X@127.0.0.1:{server.port}")
        life = take_over(association)
        operation = association.find(keys(PatientID=""))
        await anext(operation)
        assert life.connection.left_behind() == ()
        for go_on in (association.echo, partial(anext, operation), association.release, association.abort):
            with pytest.raises(LocalProtocolError, match="has forked this one"):
                await go_on()
        life.drop()
        await life.close_dropped()
        await reached(lambda: not server.connections, "the connection is closed")


@pytest.mark.any_loop
async def test_an_association_that_asked_for_nothing_is_left_behind_as_well() -> None:
    seen = Seen()
    async with await seen.serve() as server:
        association = await connect(f"X@127.0.0.1:{server.port}")
        life = take_over(association)
        life.connection.left_behind()
        with pytest.raises(LocalProtocolError, match="has forked this one"):
            await association.echo()
        life.drop()
        await reached(lambda: not server.connections, "the connection is closed")
        await life.close_dropped()


@pytest.mark.any_loop
async def test_leaving_a_block_in_another_process_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Seen()
    async with await seen.serve() as server:
        async with connect(f"X@127.0.0.1:{server.port}") as association:
            life = take_over(association)
            monkeypatch.setattr(life, "_forks", -1)
        monkeypatch.undo()
        assert (await association.echo()).status.is_success
        await life.close_dropped()


# dropped


@pytest.mark.any_loop
async def test_a_dropped_association_warns_and_is_released() -> None:
    seen = Seen()

    async def drop() -> None:
        assoc = await connect(f"X@127.0.0.1:{server.port}")
        assert (await assoc.echo()).status.is_success

    async with await seen.serve() as server:
        with pytest.warns(ResourceWarning, match=DROPPED):
            await drop()
        await reached(lambda: not server.connections, "the connection is closed")
    assert seen.errors == [None]
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.any_loop
async def test_an_association_that_is_dropped_with_its_operation_is_aborted() -> None:
    seen = Seen()

    async def drop() -> None:
        assoc = await connect(f"X@127.0.0.1:{server.port}")
        operation = assoc.find(keys(PatientID=""))
        await anext(operation)
        del assoc
        gc.collect()
        assert not operation.is_cancelled  # the association stands as long as the operation is there

    async with await seen.serve() as server:
        with pytest.warns(ResourceWarning, match=DROPPED), pytest.warns(ResourceWarning, match="an operation of CFind"):
            await drop()
        await reached(lambda: not server.connections, "the connection is closed")
    [error] = seen.errors
    assert isinstance(error, AssociationAborted)


@pytest.mark.any_loop
async def test_who_goes_on_with_an_association_may_drop_the_object() -> None:
    seen = Seen()
    async with await seen.serve() as server:
        life = take_over(await connect(f"X@127.0.0.1:{server.port}"))
        gc.collect()
        assert life.is_connected
        await life.close_dropped()
        life.drop()  # nothing is left to close
        assert life.is_closed


@pytest.mark.any_loop
async def test_a_dropped_association_whose_peer_does_not_release_is_aborted() -> None:
    from helpers.bad_peer import Peer, bad_server

    async def deaf(peer: Peer) -> None:
        await peer.accept()
        await peer.drop()

    async def drop() -> None:
        await connect(server.address, timeouts=Timeouts(release_s=0.1, artim_s=0.2))

    async with bad_server(deaf) as server:
        with pytest.warns(ResourceWarning, match="was dropped, and is closed"):
            await drop()
        await reached(lambda: server.served == 1, "the peer has seen its end")


def test_what_is_dropped_after_its_loop_warns_and_does_nothing() -> None:
    seen = Seen()

    async def open_one() -> object:
        return await connect(f"X@127.0.0.1:{server.port}")

    def drop() -> None:
        loop = asyncio.new_event_loop()
        kept = loop.run_until_complete(open_one())
        loop.close()
        del kept
        gc.collect()

    unclosed = pytest.warns(ResourceWarning, match="unclosed")  # the interpreter closes the socket
    with seen.serve_in_thread() as server, unclosed, pytest.warns(ResourceWarning, match=DROPPED):
        drop()


@pytest.mark.any_loop
async def test_a_dropped_server_warns_and_is_closed() -> None:
    seen = Seen()

    async def drop() -> int:
        server = await seen.serve()
        opened.append(await connect(f"X@127.0.0.1:{server.port}"))
        return server.port

    opened: list[object] = []
    with pytest.warns(ResourceWarning, match=SERVER_DROPPED):
        port = await drop()
    await reached(lambda: len(seen.errors) == 1, "its association has ended")
    with pytest.raises(ConnectError):
        await connect(f"X@127.0.0.1:{port}")


def is_gone(name: str) -> bool:
    """Whether no thread of this name is left."""
    gc.collect()
    return name not in {thread.name for thread in threading.enumerate()}


def drop_in_thread(use: Callable[[], None]) -> None:
    """Use what is dropped at the end of ``use``, and wait until its thread is gone."""
    use()
    wait_until(lambda: is_gone("dicomgui client"))


def test_a_dropped_blocking_association_warns_is_released_and_leaves_no_thread() -> None:
    seen = Seen()

    def use() -> None:
        assoc = SyncClient.connect(f"X@127.0.0.1:{server.port}")
        assert assoc.echo().status.is_success

    with seen.serve_in_thread() as server:
        with pytest.warns(ResourceWarning, match=DROPPED):
            drop_in_thread(use)
        wait_until(lambda: not server.connections)
        with SyncClient.connect(f"X@127.0.0.1:{server.port}") as other:  # on a portal of its own
            assert other.echo().status.is_success
    assert seen.errors == [None, None]


def test_a_blocking_operation_keeps_its_association() -> None:
    seen = Seen()

    def use() -> None:
        operation = SyncClient.connect(f"X@127.0.0.1:{server.port}").find(keys(PatientID=""))
        next(operation)
        gc.collect()
        assert operation.cancel().status.is_cancel

    with seen.serve_in_thread() as server:
        with pytest.warns(ResourceWarning, match=DROPPED):
            drop_in_thread(use)
        wait_until(lambda: not server.connections)
    assert seen.errors == [None]


def test_leaving_the_blocks_of_another_process_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Seen()
    with seen.serve_in_thread() as server, SyncClient.connect(f"X@127.0.0.1:{server.port}") as association:
        with association, association.find(keys(PatientID="")) as operation:
            next(operation)
            monkeypatch.setattr(Portal, "is_foreign", property(lambda portal: True))
        monkeypatch.undo()
        assert operation.cancel().status.is_cancel
        assert association.echo().status.is_success
    assert seen.errors == [None]


def test_one_that_had_ended_is_dropped_without_a_word() -> None:
    seen = Seen()

    def use() -> None:
        assoc = SyncClient.connect(f"X@127.0.0.1:{server.port}")
        life = take_over(assoc._association)
        wait_until(lambda: len(server.associations) == 1)
        server.abort(server.associations[0].association)
        wait_until(lambda: life.is_closed)

    with seen.serve_in_thread() as server:
        use()
        wait_until(lambda: is_gone("dicomgui client"))


def test_a_dropped_blocking_server_warns_and_leaves_no_thread() -> None:
    seen = Seen()
    ports: list[int] = []

    def drop() -> None:
        ports.append(seen.serve_in_thread().port)
        wait_until(lambda: is_gone("dicomgui server"))

    with pytest.warns(ResourceWarning, match=SERVER_DROPPED):
        drop()
    with pytest.raises(ConnectError):
        SyncClient.connect(f"X@127.0.0.1:{ports[0]}")


# forks

FORKED = """
import multiprocessing, os, sys
from contextlib import suppress
from dicomgui.network import LocalProtocolError, SyncClient, SyncServer
from dicomgui.network.errors import DicomNetworkError

peer, started_by = sys.argv[1], sys.argv[2]
old = SyncClient.connect(peer)
operation = old.find(b"")
server = SyncServer.serve(port=0)


def child():
    import gc
    for use in (old.echo, old.release, old.abort, operation.batch):
        try:
            use()
        except LocalProtocolError as error:
            assert "forked" in str(error) and error.hint, error
        else:
            raise AssertionError(f"{use} has gone through")
    server.close()
    with SyncClient.connect(peer) as new:
        assert new.echo().status.is_success
    with suppress(ZeroDivisionError), old:
        raise ZeroDivisionError  # leaving a block hides no error, and has nothing to end
    operation.__exit__(None, None, None)
    assert (server.port, server.is_listening) == (0, False)
    globals().pop("old"), globals().pop("operation"), globals().pop("server")
    gc.collect()


if started_by == "multiprocessing":
    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join()
    assert process.exitcode == 0, process.exitcode
else:
    number = os.fork()
    if not number:
        child()
        sys.exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]) == 0
assert old.echo().status.is_success
assert SyncClient.connect(server.address and f"X@{server.address}").echo().status.is_success
old.release()
server.close()
print("whole")
"""


@forks
@pytest.mark.parametrize("started_by", ["multiprocessing", "os.fork"])
def test_the_child_of_a_fork_has_associations_of_its_own_and_leaves_those_of_its_parent(started_by: str) -> None:
    seen = Seen()
    with seen.serve_in_thread() as server:
        arguments = [sys.executable, "-W", "ignore", "-c", FORKED, f"X@127.0.0.1:{server.port}", started_by]
        done = subprocess.run(arguments, capture_output=True, timeout=DEADLINE_S, check=False)
        assert (done.returncode, done.stdout) == (0, b"whole\n"), done.stderr.decode()
        wait_until(lambda: len(seen.errors) == 2)
    assert seen.errors == [None, None]  # both in order: the parent's was still good after the child's end


KEEPS_NOTHING_OPEN = """
import os, sys
from dicomgui.network import SyncClient

old = SyncClient.connect(sys.argv[1])
read, write = os.pipe()
number = os.fork()
if not number:
    os.read(read, 1)
    os._exit(0)
old.abort()
print("gone", flush=True)
sys.stdin.read()
os.write(write, b"x")
os.waitpid(number, 0)
"""


@forks
def test_a_child_that_lives_on_does_not_keep_the_connections_of_its_parent_open() -> None:
    seen = Seen()
    with seen.serve_in_thread() as server:
        arguments = [sys.executable, "-W", "ignore", "-c", KEEPS_NOTHING_OPEN, f"X@127.0.0.1:{server.port}"]
        with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdin is not None
            assert process.stdout.readline() == b"gone\n"
            wait_until(lambda: not server.connections)  # though the child is there
            process.stdin.close()
            assert process.wait(DEADLINE_S) == 0


FORKED_IN_A_LOOP = """
import asyncio, os, sys
from dicomgui.network import LocalProtocolError, connect, serve

peer = sys.argv[1]


async def refused(use):
    try:
        await use
    except LocalProtocolError as error:
        assert "forked" in str(error) and error.hint, error
    else:
        raise AssertionError(f"{use} has gone through")


async def child(old, unused, operation, server):
    assert not old.is_connected
    for use in (old.echo(), unused.echo(), old.release(), old.abort(), operation.cancel()):
        await refused(use)
    async with old:
        pass
    assert (server.port, server.is_listening) == (0, False)
    await server.close()
    async with connect(peer) as new:
        assert (await new.echo()).status.is_success


async def parent():
    async with await serve(port=0) as server, connect(peer) as old, connect(peer) as unused:
        operation = old.find(b"")
        await anext(operation)
        number = os.fork()
        if not number:
            asyncio._set_running_loop(None)
            status = 1
            try:
                asyncio.run(child(old, unused, operation, server))
                status = 0
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode((await asyncio.to_thread(os.waitpid, number, 0))[1]) == 0
        assert (await unused.echo()).status.is_success
        assert (await operation.cancel()).status.is_cancel
        async with connect(f"X@{server.address}") as own:
            assert (await own.echo()).status.is_success
    print("whole")


asyncio.run(parent())
"""


@forks
def test_the_associations_of_a_loop_stay_with_the_parent() -> None:
    seen = Seen()
    with seen.serve_in_thread() as server:
        arguments = [sys.executable, "-W", "ignore", "-c", FORKED_IN_A_LOOP, f"X@127.0.0.1:{server.port}"]
        done = subprocess.run(arguments, capture_output=True, timeout=DEADLINE_S, check=False)
        assert (done.returncode, done.stdout) == (0, b"whole\n"), done.stderr.decode()
        wait_until(lambda: len(seen.errors) == 3)
    assert seen.errors == [None, None, None]
