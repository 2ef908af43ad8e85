"""The blocking twin of an association: the same names, the same errors, from anywhere, and nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

import pytest
from pydicom.dataset import Dataset

from dicomgui.network import (
    AcceptPolicy,
    Association,
    AssociationAborted,
    AssociationFacts,
    AssociationRejected,
    ConnectionRefused,
    DicomNetworkError,
    Handlers,
    Lifecycle,
    LocalProtocolError,
    NoAcceptedContext,
    OperationTimeout,
    ProposedContext,
    ServerOptions,
    Status,
    StoreRequest,
    SyncAssociation,
    SyncClient,
    SyncServer,
    Timeouts,
    connect,
)
from dicomgui.network.client import sync
from dicomgui.network.portal import Portal, shared_portal
from dicomgui.network.tracing import Record
from dicomgui.network.uids import VERIFICATION

PATIENCE_S = 20.0
CT = "1.2.840.10008.5.1.4.1.1.2"
STORAGE = (ProposedContext(CT, ("1.2.840.10008.1.2.1",)),)
# What is of use in the loop only; connect() itself opens.
INNER = {"open", "connection_ready", "association_event", "association_ended", "store_lane"}


def instance() -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID = CT
    dataset.SOPInstanceUID = "1.2.3.4"
    return dataset


class Hanging:
    """A server that never answers a C-STORE."""

    def __init__(self) -> None:
        self.stores: SimpleQueue[int] = SimpleQueue()
        self.ended: SimpleQueue[DicomNetworkError | None] = SimpleQueue()
        self.handlers = Handlers(on_store=self._store)
        policy = AcceptPolicy(abstract_syntaxes=frozenset((CT, VERIFICATION)))
        self.options = ServerOptions(policy=policy, lifecycle=Lifecycle(on_closed=self._ended))

    async def _store(self, request: StoreRequest, _data: object) -> Status:
        self.stores.put(request.facts.association)
        await asyncio.Event().wait()
        return Status(0)

    def _ended(self, _number: int, _facts: AssociationFacts | None, error: DicomNetworkError | None) -> None:
        self.ended.put(error)


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    gc.collect()  # what was left open makes itself known
    assert set(threading.enumerate()) <= before


@pytest.fixture
def hanging(_no_thread_is_left: None) -> Hanging:
    return Hanging()


@pytest.fixture
def server(hanging: Hanging) -> Iterator[SyncServer]:
    with SyncServer.serve(port=0, handlers=hanging.handlers, options=hanging.options) as opened:
        yield opened


def at(server: SyncServer) -> str:
    return f"X@127.0.0.1:{server.port}"


def test_the_names_agree_with_those_of_the_twin() -> None:
    def public(kind: type) -> set[str]:
        return {name for name in dir(kind) if not name.startswith("_")}

    assert public(SyncAssociation) == (public(Association) | {"peer", "number"}) - INNER
    for name in sorted(public(SyncAssociation) - {"peer", "number", "negotiated", "timings", "tls", "is_connected"}):
        ours, theirs = (inspect.signature(getattr(kind, name)) for kind in (SyncAssociation, Association))
        assert ours.parameters == theirs.parameters, name
        assert str(ours.return_annotation).removeprefix("Sync") == str(theirs.return_annotation), name


def test_the_parameters_of_connect_agree() -> None:
    assert inspect.signature(SyncClient.connect).parameters == inspect.signature(connect).parameters


def test_an_echo_and_the_facts(server: SyncServer, hanging: Hanging) -> None:
    with SyncClient.connect(at(server), calling_ae="ME") as assoc:
        assert assoc.echo().status.is_success
        assert assoc.is_connected
        assert str(assoc.peer) == at(server)
        assert assoc.number > 0
        assert assoc.timings.associate_s > 0
        assert assoc.negotiated.calling_ae_title == "ME"
    assert not assoc.is_connected
    assert hanging.ended.get(timeout=PATIENCE_S) is None


def test_a_store_arrives() -> None:
    kept: list[object] = []

    def keep(request: StoreRequest, _data: object) -> Status:
        kept.append(request.command.affected_sop_instance_uid)
        return Status(0)

    with (
        SyncServer.serve(port=0, handlers=Handlers(on_store=keep)) as server,
        SyncClient.connect(at(server), contexts=STORAGE) as assoc,
    ):
        assert assoc.store(instance()).status.is_success
    assert kept == ["1.2.3.4"]


def test_several_threads_share_one_association_and_have_their_own(server: SyncServer) -> None:
    def own(_number: int) -> bool:
        with SyncClient.connect(at(server)) as mine:
            return mine.echo().status.is_success and shared.echo().status.is_success

    with SyncClient.connect(at(server)) as shared, ThreadPoolExecutor(8) as pool:
        assert all(pool.map(own, range(32)))


async def test_inside_a_running_loop(server: SyncServer) -> None:
    with SyncClient.connect(at(server)) as assoc:
        assert assoc.echo().status.is_success


def test_a_hundred_associations_leave_nothing_behind(server: SyncServer) -> None:
    for _ in range(100):
        with SyncClient.connect(at(server)) as assoc:
            assert assoc.echo().status.is_success
    server.wait_empty()
    assert server.connections == 0


def test_after_the_end_verbs_fail_as_they_do_in_the_twin(server: SyncServer) -> None:
    assoc = SyncClient.connect(at(server))
    assoc.release()
    assoc.release()
    assoc.abort()
    with pytest.raises(LocalProtocolError, match="has ended"):
        assoc.echo()


def test_errors_keep_their_type_and_fields(server: SyncServer) -> None:
    policy = AcceptPolicy(calling_ae_titles=("FRIEND",))
    with SyncServer.serve(port=0, options=ServerOptions(policy=policy)) as strict:
        with pytest.raises(AssociationRejected) as rejected:
            SyncClient.connect(at(strict))
        closed = at(strict)
    assert (rejected.value.result, rejected.value.source, rejected.value.reason) == (1, 1, 3)
    assert rejected.value.peer == closed
    with pytest.raises(ConnectionRefused):
        SyncClient.connect(closed)
    with SyncClient.connect(at(server)) as assoc, pytest.raises(NoAcceptedContext) as refused:
        assoc.store(instance())
    assert refused.value.sop_class == CT
    with (
        pytest.raises(OperationTimeout) as late,
        SyncClient.connect(at(server), contexts=STORAGE, timeouts=Timeouts(response_s=0.05)) as assoc,
    ):
        assoc.store(instance())
    assert late.value.phase == "response"


def test_a_fault_in_the_block_passes_and_the_association_is_released(server: SyncServer, hanging: Hanging) -> None:
    with pytest.raises(ValueError, match="mine"), SyncClient.connect(at(server)):
        raise ValueError("mine")
    assert hanging.ended.get(timeout=PATIENCE_S) is None


def test_an_abort_in_one_thread_ends_the_store_of_another(server: SyncServer, hanging: Hanging) -> None:
    assoc = SyncClient.connect(at(server), contexts=STORAGE)
    with ThreadPoolExecutor(1) as pool:
        storing = pool.submit(assoc.store, instance())
        hanging.stores.get(timeout=PATIENCE_S)
        assoc.abort()
        with pytest.raises(AssociationAborted) as caught:
            storing.result(PATIENCE_S)
    assert not caught.value.by_peer


def test_an_end_in_the_thread_of_the_loop_is_refused(server: SyncServer) -> None:
    refused: list[Exception] = []

    def trace(_record: Record) -> None:
        if opened and not refused:
            try:
                opened[0].release()
            except LocalProtocolError as error:
                refused.append(error)

    opened: list[SyncAssociation] = []
    with SyncClient.connect(at(server), tracer=trace) as assoc:
        opened.append(assoc)
        assert assoc.echo().status.is_success
    assert refused


def test_an_interrupt_that_comes_when_the_association_stands_aborts_it(
    server: SyncServer, hanging: Hanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sync, "SyncAssociation", interrupted)
    with pytest.raises(KeyboardInterrupt):
        SyncClient.connect(at(server))
    assert isinstance(hanging.ended.get(timeout=PATIENCE_S), AssociationAborted)


def test_a_stopped_portal_aborts_what_stands(server: SyncServer, hanging: Hanging) -> None:
    assoc = SyncClient.connect(at(server))
    with shared_portal() as portal:
        assert isinstance(portal, Portal)
        portal.stop()
    assert isinstance(hanging.ended.get(timeout=PATIENCE_S), AssociationAborted)
    with pytest.raises(LocalProtocolError):
        assoc.release()
    assoc.release()


SCRIPT = """
import sys
from pydicom.dataset import Dataset
from dicomgui.network import ProposedContext, SyncClient

CT = "1.2.840.10008.5.1.4.1.1.2"
dataset = Dataset()
dataset.SOPClassUID, dataset.SOPInstanceUID = CT, "1.2.3.4"
assoc = SyncClient.connect(sys.argv[1], contexts=[ProposedContext(CT, ("1.2.840.10008.1.2.1",))])
if sys.argv[2] == "with":
    with assoc:
        assoc.store(dataset)
elif sys.argv[2] == "without":
    assoc.store(dataset)
"""


def child(server: SyncServer, manner: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-c", SCRIPT, at(server), manner]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT can be sent to one process there")
@pytest.mark.parametrize("manner", ["with", "without"])
def test_ctrl_c_during_a_store_aborts_and_ends_the_process(server: SyncServer, hanging: Hanging, manner: str) -> None:
    with child(server, manner) as process:
        hanging.stores.get(timeout=PATIENCE_S)
        os.kill(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE_S)
    error = hanging.ended.get(timeout=PATIENCE_S)
    assert isinstance(error, AssociationAborted)
    assert (error.by_peer, error.source) == (True, 0)
    assert process.returncode == -signal.SIGINT
    assert errors.strip().splitlines()[-1] == "KeyboardInterrupt"


def test_what_stands_when_the_interpreter_ends_is_aborted(server: SyncServer, hanging: Hanging) -> None:
    with child(server, "forgotten") as process:
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, errors) == (0, "")
    error = hanging.ended.get(timeout=PATIENCE_S)
    assert isinstance(error, AssociationAborted)
    assert error.by_peer
