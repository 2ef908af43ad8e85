"""The life of an association: who decides about it, who is told of it, and what its time-outs and cancels leave."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.bad_peer import GOOD_RQ, RELEASE_RQ, Peer, bad_server, dial, open_files, reached, short, time_passes
from helpers.certificates import Authority, client_config, server_config
from helpers.instances import IMPLICIT
from helpers.services import CT, EXPLICIT, MPPS, ends, file, instance, keys
from pydicom.dataset import Dataset

from dicomgui.network import (
    EVERYTHING_PERMITTED,
    AcceptPolicy,
    AETitle,
    Association,
    AssociationAborted,
    AssociationFacts,
    AssociationRejected,
    AssociationRequest,
    ConfigurationError,
    ConnectError,
    ConnectionLost,
    ConnectionRefused,
    ConnectTimeout,
    DicomNetworkError,
    FindRequest,
    Handlers,
    Implementation,
    Lifecycle,
    Limits,
    LocalProtocolError,
    OperationTimeout,
    PeerAddress,
    ProposedContext,
    RemoteProtocolError,
    Server,
    ServerOptions,
    SOPClassExtendedNegotiation,
    Status,
    Timeouts,
    TlsError,
    UserIdentity,
    accept_passcodes,
    connect,
    presets,
    serve,
)
from dicomgui.network.pdu import Abort, AssociateRJ, ReleaseRP
from dicomgui.network.server.acceptor import Acceptor
from dicomgui.network.tracing import Direction, NoteRecord, PduRecord, Record

pytestmark = pytest.mark.any_loop

LOOPBACK = "127.0.0.1"
SHORT_S = 0.25


class Told:
    """A lifecycle that writes down what it is told."""

    def __init__(self, releasing: Callable[[AssociationFacts], Any] = lambda facts: None) -> None:
        self.names: list[str] = []
        self.values: dict[str, Any] = {}
        self._releasing = releasing
        names = ("requested", "accepted", "rejected", "released", "aborted", "closed")
        self.lifecycle = Lifecycle(
            on_releasing=self._on_releasing, **{f"on_{name}": self._noting(name) for name in names}
        )

    def _noting(self, name: str) -> Callable[..., None]:
        def note(*values: Any) -> None:
            self.names.append(name)
            self.values[name] = values

        return note

    def _on_releasing(self, facts: AssociationFacts) -> Any:
        self.names.append("releasing")
        return self._releasing(facts)

    async def until(self, name: str) -> None:
        await reached(lambda: name in self.names, name)


@contextlib.asynccontextmanager
async def server_of(
    told: Told | None = None, *, handlers: Handlers | None = None, **options: Any
) -> AsyncIterator[Server]:
    options.setdefault("policy", AcceptPolicy())
    lifecycle = Lifecycle() if told is None else told.lifecycle
    async with await serve(
        port=0, handlers=handlers or Handlers(), options=ServerOptions(lifecycle=lifecycle, **options)
    ) as server:
        yield server


# who asks whom


async def test_a_confirmation_of_the_identity_that_is_required_and_given() -> None:
    policy = AcceptPolicy(check_identity=accept_passcodes({"anna": "right"}))
    identity = UserIdentity.passcode("anna", "right")
    async with (
        server_of(policy=policy) as server,
        connect(f"X@{LOOPBACK}:{server.port}", user_identity=identity, require_identity=True) as assoc,
    ):
        assert assoc.negotiated.identity_response == b""
        assert (await assoc.echo()).status.is_success


async def test_a_confirmation_of_the_identity_that_is_required_and_not_given_ends_the_association() -> None:
    told, theirs = Told(), Told()
    async with server_of(theirs) as server:
        address, identity = f"X@{LOOPBACK}:{server.port}", UserIdentity.username("anna")
        with pytest.raises(AssociationAborted, match="did not confirm") as caught:
            await connect(address, user_identity=identity, require_identity=True, lifecycle=told.lifecycle)
        assert (caught.value.phase, caught.value.by_peer) == ("associate", False)
        await theirs.until("closed")
    assert told.names == ["accepted", "aborted", "closed"]
    assert theirs.names == ["requested", "accepted", "aborted", "closed"]
    assert theirs.values["aborted"][1].source == 0


async def test_a_confirmation_of_no_identity_cannot_be_required() -> None:
    with pytest.raises(ConfigurationError, match="no user identity"):
        connect("X@127.0.0.1:104", require_identity=True)


@pytest.mark.parametrize("check", [False, "warn", True])
async def test_another_called_title_is_let_in_or_noted_or_rejected(check: bool | str) -> None:
    records: list[Record] = []
    policy = AcceptPolicy(ae_title="OURS", check_called=check)
    async with server_of(policy=policy, tracer=records.append) as server:
        for title in ("OURS", "OTHER"):
            opening = connect(f"{title}@{LOOPBACK}:{server.port}")
            if (title, check) == ("OTHER", True):
                with pytest.raises(AssociationRejected, match="called"):
                    await opening
            else:
                async with opening as assoc:
                    assert (await assoc.echo()).status.is_success
        await server.wait_empty()
    notes = [record.text for record in records if isinstance(record, NoteRecord)]
    assert notes == (["'DICOMGUI' called 'OTHER', not 'OURS'; it was let in"] if check == "warn" else [])


async def test_who_we_say_that_we_are() -> None:
    told = Told()
    async with server_of(told, implementation=Implementation("1.2.3", "SERVER")) as server:
        client = Implementation("1.2.4", "")
        async with connect(f"X@{LOOPBACK}:{server.port}", implementation=client) as assoc:
            negotiated = assoc.negotiated
            assert (negotiated.peer_implementation_class_uid, negotiated.peer_version_name) == ("1.2.3", "SERVER")
        await told.until("closed")
    [facts] = told.values["accepted"]
    assert (facts.implementation_class_uid, facts.implementation_version_name) == ("1.2.4", "")


async def test_pdus_are_no_longer_than_we_want_either(tmp_path: Path) -> None:
    """What the peer takes is longer; both sides say what they send."""
    limits = Limits(max_sent_pdu_length=4096)
    mine: list[Record] = []
    theirs: list[Record] = []

    def find(request: FindRequest) -> Any:
        yield keys(PatientID="1", PatientComments="x" * 10_000)

    handlers = Handlers(on_store=lambda request, data: Status(0), on_find=find)
    contexts = (*presets.QUERY, *presets.for_classes(CT))
    async with server_of(handlers=handlers, limits=limits, tracer=theirs.append) as server:
        address = f"X@{LOOPBACK}:{server.port}"
        async with connect(address, contexts=contexts, limits=limits, tracer=mine.append) as assoc:
            assert assoc.negotiated.peer_max_pdu_length == 131_072
            assert (await assoc.store(file(tmp_path, 1, pixels=100_000))).status.is_success
            assert (await assoc.find(keys(PatientID="", PatientComments=""))).status.is_success
        await server.wait_empty()
    for records in (mine, theirs):
        sent = [r.length for r in records if isinstance(r, PduRecord) and r.direction is Direction.SENT]
        assert max(sent) == 4096 + 6


@pytest.mark.parametrize(("source", "reason"), [(0, 0), (2, 0), (2, 6), (255, 255)])
async def test_an_abort_says_what_it_is_told_to(source: int, reason: int) -> None:
    mine, theirs = Told(), Told()
    async with server_of(theirs) as server:
        opening = connect(f"X@{LOOPBACK}:{server.port}", lifecycle=mine.lifecycle)
        await (await opening).abort(source=source, reason=reason)
        await theirs.until("closed")
        error = theirs.values["aborted"][1]
        assert (error.source, error.reason, error.by_peer) == (source, reason, True)
        assoc = await opening
        [facts] = server.associations
        assert server.abort(facts.association, source=source, reason=reason)
        await reached(lambda: not assoc.is_connected, "it has come")
        error = mine.values["aborted"][1]
        assert (error.source, error.reason, error.by_peer) == (source, reason, True)
        await assoc.abort()


async def test_an_abort_of_what_is_no_byte_is_refused() -> None:
    async with server_of() as server, connect(f"X@{LOOPBACK}:{server.port}") as assoc:
        for wrong in ({"source": 256}, {"reason": -1}):
            with pytest.raises(ConfigurationError, match="of an A-ABORT"):
                await assoc.abort(**wrong)
            with pytest.raises(ConfigurationError, match="of an A-ABORT"):
                server.abort(1, **wrong)
        assert (await assoc.echo()).status.is_success


# lifecycle


async def test_a_release_is_told_once_on_both_sides() -> None:
    here, there = Told(), Told()
    async with server_of(there) as server:
        async with connect(f"X@{LOOPBACK}:{server.port}", lifecycle=here.lifecycle) as assoc:
            await assoc.echo()
            assert there.values["accepted"][0].calling_ae_title == "DICOMGUI"
        await there.until("closed")
    assert here.names == ["accepted", "released", "closed"]
    assert there.names == ["requested", "accepted", "releasing", "released", "closed"]
    assert there.values["closed"] == (there.values["released"][0].association, there.values["released"][0], None)
    assert there.values["requested"][0].contexts[0].abstract_syntax == presets.DEFAULT[0].abstract_syntax
    assert here.values["closed"][2] is None


async def test_an_abort_is_told_once_on_both_sides_with_who_and_why() -> None:
    here, there = Told(), Told()
    async with server_of(there) as server:
        assoc = await connect(f"X@{LOOPBACK}:{server.port}", lifecycle=here.lifecycle)
        await assoc.abort()
        await there.until("closed")
    assert here.names == ["accepted", "aborted", "closed"]
    assert there.names == ["requested", "accepted", "aborted", "closed"]
    ours, theirs = here.values["aborted"][1], there.values["aborted"][1]
    assert (ours.by_peer, ours.source, theirs.by_peer, theirs.source) == (False, 0, True, 0)


async def test_our_abort_of_a_peer_that_breaks_the_rules_is_told_as_an_abort() -> None:
    told = Told()
    async with server_of(told) as server, await dial(server.port) as peer:
        await peer.associate()
        await peer.send(b"\x99\0\0\0\0\x04rest")
        assert short(await peer.read()) == (2, 1)
        await told.until("closed")
    assert told.names == ["requested", "accepted", "aborted", "closed"]
    abort = told.values["aborted"][1]
    assert (abort.by_peer, abort.source, abort.reason) == (False, 2, 1)
    assert isinstance(abort.__cause__, RemoteProtocolError)
    assert isinstance(told.values["closed"][2], RemoteProtocolError)


async def test_a_time_out_of_ours_is_told_as_an_abort() -> None:
    told = Told()
    async with server_of(told, timeouts=Timeouts(idle_s=SHORT_S)) as server, await dial(server.port) as peer:
        await peer.associate()
        assert short(await peer.read()) == (0, 0)
        await told.until("closed")
    assert told.names == ["requested", "accepted", "aborted", "closed"]
    assert isinstance(told.values["aborted"][1].__cause__, OperationTimeout)


@pytest.mark.parametrize("how", ["closes", "resets"])
async def test_a_loss_is_told_as_neither(how: str) -> None:
    told = Told()
    async with server_of(told) as server, await dial(server.port) as peer:
        await peer.associate()
        await (peer.reset() if how == "resets" else peer.close())
        await told.until("closed")
    assert told.names == ["requested", "accepted", "closed"]
    assert isinstance(told.values["closed"][2], ConnectionLost)


async def test_a_rejection_is_told_on_both_sides() -> None:
    here, there = Told(), Told()
    policy = AcceptPolicy(ae_title="OTHER", check_called=True)
    async with server_of(there, policy=policy) as server:
        with pytest.raises(AssociationRejected):
            await connect(f"X@{LOOPBACK}:{server.port}", lifecycle=here.lifecycle)
        await there.until("closed")
    assert here.names == ["rejected", "closed"]
    assert there.names == ["requested", "rejected", "closed"]
    assert isinstance(here.values["closed"][2], AssociationRejected)
    assert here.values["closed"][1] is there.values["closed"][1] is None


async def test_a_connection_that_fails_is_told_with_its_error() -> None:
    told = Told()
    async with await serve(port=0) as gone:
        port = gone.port
    with pytest.raises(ConnectionRefused):
        await connect(f"X@{LOOPBACK}:{port}", lifecycle=told.lifecycle)
    assert told.names == ["closed"]
    assert isinstance(told.values["closed"][2], ConnectionRefused)


async def test_a_tls_handshake_that_fails_is_told_at_the_server(tmp_path: Path) -> None:
    here, there = Told(), Told()
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    async with server_of(there, tls=server_config(authority.issue())) as server:
        with pytest.raises(TlsError):
            await connect(f"X@{LOOPBACK}:{server.port}", tls=client_config(other), lifecycle=here.lifecycle)
        await there.until("closed")
    assert here.names == ["closed"]
    assert isinstance(here.values["closed"][2], TlsError)
    assert there.names == ["rejected", "closed"]
    assert isinstance(there.values["closed"][2], ConnectError)


async def test_a_handler_delays_the_release() -> None:
    gate = asyncio.Event()

    async def wait(facts: AssociationFacts) -> None:
        await gate.wait()

    told = Told(wait)
    async with server_of(told) as server, await dial(server.port) as peer:
        await peer.associate()
        await peer.send(RELEASE_RQ)
        await told.until("releasing")
        assert "released" not in told.names
        gate.set()
        assert isinstance(await peer.read(), ReleaseRP)
        await told.until("closed")
    assert told.names == ["requested", "accepted", "releasing", "released", "closed"]


@pytest.mark.parametrize("fault", ["raises", "raises later", "cancelled", "cancelled later", "no awaitable"])
async def test_a_handler_that_fails_to_delay_the_release_does_not_prevent_it(fault: str) -> None:
    error = asyncio.CancelledError() if "cancelled" in fault else ValueError("broken")

    async def later(facts: AssociationFacts) -> None:
        raise error

    def now(facts: AssociationFacts) -> object:
        if fault != "no awaitable":
            raise error
        return 7

    told = Told(later if "later" in fault else now)
    async with server_of(told) as server, await dial(server.port) as peer:
        await peer.associate()
        await peer.send(RELEASE_RQ)
        assert isinstance(await peer.read(), ReleaseRP)
        await told.until("released")


async def test_a_peer_that_aborts_during_the_delay_ends_it() -> None:
    ended = asyncio.Event()

    async def wait(facts: AssociationFacts) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    told = Told(wait)
    async with server_of(told) as server, await dial(server.port) as peer:
        await peer.associate()
        await peer.send(RELEASE_RQ)
        await told.until("releasing")
        await peer.send(Abort(0, 0).encode())
        await told.until("closed")
        await ended.wait()
        await server.wait_empty()
    assert told.names == ["requested", "accepted", "releasing", "aborted", "closed"]


async def test_the_requestor_is_asked_as_well_when_the_peer_wants_the_release() -> None:
    gate = asyncio.Event()
    answers: list[object] = []

    async def wait(facts: AssociationFacts) -> None:
        await gate.wait()

    async def script(peer: Peer) -> None:
        await peer.accept()
        await peer.send(RELEASE_RQ)
        answers.append(await peer.read())

    for delay in (wait, lambda facts: None):
        told = Told(delay)
        gate.clear()
        async with bad_server(script) as server:
            assoc = await connect(server.address, contexts=presets.VERIFICATION, lifecycle=told.lifecycle)
            await told.until("releasing")
            gate.set()
            await told.until("closed")
            await reached(lambda: server.open == 0, "the peer has its answer")
            assert not assoc.is_connected
            await assoc.release()
        assert told.names == ["accepted", "releasing", "released", "closed"]
    assert [type(answer) for answer in answers] == [ReleaseRP, ReleaseRP]


async def test_who_is_told_and_raises_does_no_harm() -> None:
    def broken(*values: object) -> None:
        raise ValueError("broken")

    names = ("accepted", "rejected", "releasing", "released", "aborted", "closed", "requested")
    lifecycle = Lifecycle(**{f"on_{name}": broken for name in names})
    async with server_of() as quiet:
        options = ServerOptions(policy=AcceptPolicy(), lifecycle=lifecycle)
        async with await serve(port=0, options=options) as server:
            for port in (quiet.port, server.port):
                async with connect(f"X@{LOOPBACK}:{port}", lifecycle=lifecycle) as assoc:
                    assert (await assoc.echo()).status.is_success


# negotiator


async def answered(verdict: Any, *, later: bool = False, **more: Any) -> Association | AssociationRejected:
    """What a client gets of a server whose negotiator gives (or raises) ``verdict``; the association is ended."""

    def negotiate(request: AssociationRequest) -> Any:
        if isinstance(verdict, BaseException):
            raise verdict
        return verdict

    async def in_a_while(request: AssociationRequest) -> Any:
        await asyncio.sleep(0)
        return negotiate(request)

    contexts = (ProposedContext(CT, (EXPLICIT, IMPLICIT)), *presets.VERIFICATION)
    async with server_of(negotiator=in_a_while if later else negotiate) as server:
        try:
            async with connect(f"X@{LOOPBACK}:{server.port}", contexts=contexts, **more) as assoc:
                return assoc
        except AssociationRejected as rejection:
            return rejection


LATER = pytest.mark.parametrize("later", [False, True], ids=["at once", "later"])


@LATER
async def test_a_negotiator_may_leave_it_to_the_policy(later: bool) -> None:
    assoc = await answered(None, later=later)
    assert isinstance(assoc, Association)
    assert len(assoc.negotiated.accepted) == 2


@LATER
async def test_a_negotiator_may_give_a_policy(later: bool) -> None:
    assoc = await answered(AcceptPolicy(abstract_syntaxes=frozenset({CT}), transfer_syntaxes=(IMPLICIT,)), later=later)
    assert isinstance(assoc, Association)
    assert [(c.abstract_syntax, c.transfer_syntax) for c in assoc.negotiated.accepted] == [(CT, IMPLICIT)]


@LATER
async def test_a_negotiator_may_choose_each_context_and_its_syntax(later: bool) -> None:
    assoc = await answered({1: IMPLICIT, 3: 1}, later=later)
    assert isinstance(assoc, Association)
    assert [(c.result, c.accepted and c.accepted.transfer_syntax) for c in assoc.negotiated.contexts] == [
        (0, IMPLICIT),
        (1, None),
    ]


REJECTIONS = [
    *((result, 1, reason) for result in (1, 2) for reason in (1, 2, 3, 7)),
    *((result, 2, reason) for result in (1, 2) for reason in (1, 2)),
    *((result, 3, reason) for result in (1, 2) for reason in (1, 2)),
]


@pytest.mark.parametrize("values", REJECTIONS, ids=lambda v: "/".join(map(str, v)))
async def test_a_negotiator_may_reject_with_every_result_source_and_reason(values: tuple[int, int, int]) -> None:
    for later in (False, True):
        rejection = await answered(AssociateRJ(*values), later=later)
        assert isinstance(rejection, AssociationRejected)
        assert (rejection.result, rejection.source, rejection.reason) == values


@LATER
@pytest.mark.parametrize(
    "verdict",
    [ValueError("no"), asyncio.CancelledError(), False, True, "no", 7, AssociateRJ(1, 1, 1000), {1: "1.2.3"}, {1: 9}],
    ids=["raises", "cancelled", "False", "True", "text", "number", "impossible", "not proposed", "no reason"],
)
async def test_a_negotiator_that_fails_lets_nobody_in(verdict: object, later: bool) -> None:
    rejection = await answered(verdict, later=later)
    assert isinstance(rejection, AssociationRejected)
    assert (rejection.result, rejection.source, rejection.reason) == (2, 3, 1)


@pytest.mark.parametrize(
    "policy",
    [
        AcceptPolicy(check_identity=lambda identity: 1 // 0),
        AcceptPolicy(check_identity=lambda identity: "text"),
        AcceptPolicy(answer_extended=lambda item: 1 // 0),
        AcceptPolicy(answer_extended=lambda item: 7),
        AcceptPolicy(answer_extended=lambda item: bytes(70_000)),
    ],
    ids=["identity raises", "identity is text", "extended raises", "extended is a number", "extended is too long"],
)
async def test_a_policy_whose_callback_fails_lets_nobody_in(policy: AcceptPolicy) -> None:
    asked = UserIdentity.username("anna", want_response=True)
    async with server_of(policy=policy) as server:
        item = SOPClassExtendedNegotiation("1.2.840.10008.1.1", b"\1")
        with pytest.raises(AssociationRejected) as caught:
            await connect(f"X@{LOOPBACK}:{server.port}", user_identity=asked, extended=[item])
    assert (caught.value.result, caught.value.source, caught.value.reason) == (2, 3, 1)


async def slow(request: AssociationRequest) -> None:
    await asyncio.Event().wait()


async def test_a_negotiator_that_is_too_slow_lets_nobody_in_and_holds_nobody_up() -> None:
    calls: list[AssociationRequest] = []

    def negotiate(request: AssociationRequest) -> Any:
        calls.append(request)
        return slow(request) if request.calling_ae_title == "SLOW" else None

    async with server_of(negotiator=negotiate, timeouts=Timeouts(artim_s=2.0)) as server:
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(_outcome(connect(f"X@{LOOPBACK}:{server.port}", calling_ae="SLOW")))
            await reached(lambda: bool(calls), "it is asked")
            async with connect(f"X@{LOOPBACK}:{server.port}") as fresh:
                assert (await fresh.echo()).status.is_success
                assert not waiting.done()
        error = waiting.result()
        assert isinstance(error, AssociationRejected)
        assert (error.result, error.source, error.reason) == (2, 3, 1)
    assert calls[0].called_ae_title == "X"
    assert calls[0].user_identity is None


async def _outcome(opening: Awaitable[Association]) -> object:
    try:
        return await opening
    except DicomNetworkError as error:
        return error


@pytest.mark.parametrize("how", ["aborts", "closes"])
async def test_a_peer_that_goes_during_the_negotiation_ends_it(how: str) -> None:
    asked, ended = asyncio.Event(), asyncio.Event()

    async def negotiate(request: AssociationRequest) -> None:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    told = Told()
    async with server_of(told, negotiator=negotiate, max_associations=1) as server:
        async with await dial(server.port) as peer:
            await peer.send(GOOD_RQ)
            await asked.wait()
            if how == "aborts":
                await peer.send(Abort(0, 0).encode())
            else:
                await peer.close()
            await ended.wait()
        await server.wait_empty()
        assert told.names == ["requested", "closed"]


async def test_closing_the_server_ends_a_negotiation() -> None:
    async with server_of(negotiator=slow) as server, asyncio.TaskGroup() as group:
        waiting = group.create_task(_outcome(connect(f"X@{LOOPBACK}:{server.port}")))
        await reached(lambda: server.connections == 1, "it is asked")
        await time_passes(0.05)
        await server.close(grace_s=0.1)
    assert isinstance(waiting.result(), ConnectionLost)


@pytest.mark.parametrize("turns", range(8))
async def test_a_start_that_is_cancelled_leaves_no_socket(turns: int) -> None:
    handles = open_files()
    starting = asyncio.create_task(serve(port=0))
    for _ in range(turns):
        await asyncio.sleep(0)
    starting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await (await starting).close()
    assert open_files() == handles


@pytest.mark.parametrize("turns", range(5))
async def test_who_connects_in_the_moment_in_which_the_server_closes_is_not_left_waiting(turns: int) -> None:
    """asyncio takes a connection in one turn of the loop, and makes it in the next."""
    async with server_of() as server:
        with socket.create_connection((LOOPBACK, server.port), timeout=5) as peer:
            for _ in range(turns):
                await asyncio.sleep(0)
            async with asyncio.timeout(5):
                await server.close()
            with contextlib.suppress(ConnectionResetError):
                assert await asyncio.to_thread(peer.recv, 1) == b""


# limits


async def test_b13_one_association_more_than_a_peer_may_have_is_rejected_within_a_second() -> None:
    async with server_of(max_associations_per_peer=2) as server:
        address = f"X@{LOOPBACK}:{server.port}"
        async with connect(address), connect(address) as second:
            with pytest.raises(AssociationRejected) as caught:
                async with asyncio.timeout(1):
                    await connect(address)
            assert (caught.value.result, caught.value.source, caught.value.reason) == (2, 3, 2)
            await second.release()
            await reached(lambda: len(server.associations) == 1, "a place is free")
            async with connect(address) as third:
                assert (await third.echo()).status.is_success


async def test_the_associations_of_one_ae_title_are_limited_wherever_they_come_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Acceptor, "host", property(lambda acceptor: f"192.0.2.{acceptor.number % 256}"))
    told = Told()
    async with server_of(told, max_associations_per_peer=1) as server:
        address = f"X@{LOOPBACK}:{server.port}"
        async with connect(address, calling_ae="CT1"):
            with pytest.raises(AssociationRejected) as caught:
                await connect(address, calling_ae="CT1")
            async with connect(address, calling_ae="CT2") as other:
                assert (await other.echo()).status.is_success
        assert (caught.value.result, caught.value.source, caught.value.reason) == (2, 3, 2)
        assert told.values["rejected"][2].endswith("; 'CT1' may have 1 at a time")


async def store_of(assoc: Association, count: int) -> list[int]:
    """What so many instances are answered."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.PatientComments = presets.USUAL_STORAGE_CLASSES[0], "x" * 1000
    statuses = []
    for number in range(count):
        dataset.SOPInstanceUID = f"1.2.3.{assoc.number}.{number}"
        statuses.append(int((await assoc.store(dataset)).status))
    return statuses


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        ({"max_hourly_instances_per_peer": 3}, "127.0.0.1 has stored 3 instances within an hour, which is the limit"),
        (
            {"max_hourly_bytes_per_peer": 4000},
            "127.0.0.1 would have stored more than 4,000 bytes within an hour, which is the limit",
        ),
    ],
)
async def test_what_a_peer_stores_above_its_share_is_answered_a700_and_told(limits: dict[str, int], why: str) -> None:
    kept: list[object] = []
    told: list[str] = []
    handlers = Handlers(on_store=lambda _, data: kept.append(data) or Status(0))
    contexts = presets.for_classes(presets.USUAL_STORAGE_CLASSES[0])
    async with server_of(handlers=handlers, on_over_quota=lambda _, why: told.append(why), **limits) as server:
        address = f"X@{LOOPBACK}:{server.port}"
        async with connect(address, calling_ae="A", contexts=contexts) as assoc:
            assert await store_of(assoc, 2) == [0, 0]
        async with connect(address, calling_ae="B", contexts=contexts + presets.VERIFICATION) as assoc:
            assert await store_of(assoc, 3) == [0, 0xA700, 0xA700]  # another association and AE title change nothing
            assert (await assoc.echo()).status.is_success
    assert len(kept) == 3
    assert told[0] == why
    assert len(told) == 2


async def test_the_limit_counts_those_that_a_negotiator_thinks_about() -> None:
    async with server_of(negotiator=slow, max_associations=1, timeouts=Timeouts(artim_s=5.0)) as server:
        address = f"X@{LOOPBACK}:{server.port}"
        async with asyncio.TaskGroup() as group:
            first = group.create_task(_outcome(connect(address)))
            await reached(lambda: server.connections == 1, "the first")
            await time_passes(0.05)
            error = await _outcome(connect(address))
            assert isinstance(error, AssociationRejected)
            assert (error.result, error.source, error.reason) == (2, 3, 2)
            await server.close(grace_s=0.1)
        assert isinstance(first.result(), ConnectionLost)


async def test_200_stand_while_a_fresh_one_is_served() -> None:
    async with server_of() as server, contextlib.AsyncExitStack() as stack:
        address = f"X@{LOOPBACK}:{server.port}"
        for _ in range(200):
            await stack.enter_async_context(connect(address, contexts=presets.VERIFICATION))
        assert len(server.associations) == 200
        async with asyncio.timeout(5), connect(address) as fresh:
            assert (await fresh.echo()).status.is_success


# time-outs: each says which one ran out


async def silent(peer: Peer) -> None:
    await peer.drop()


async def accepts_and_is_silent(peer: Peer) -> None:
    await peer.accept()
    await peer.drop()


async def _ask(name: str, opening: Awaitable[Association]) -> None:
    assoc = await opening
    try:
        await (assoc.echo() if name == "response" else assoc.release())
    finally:
        await assoc.abort()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("connect", "no connection"),
        ("tls", "TLS"),
        ("associate", "association request"),
        ("response", "response"),
        ("release", "release request"),
    ],
)
async def test_each_time_out_says_which_one_ran_out(name: str, words: str, tmp_path: Path) -> None:
    times = {
        "connect": Timeouts(connect_s=SHORT_S),
        "tls": Timeouts(tls_s=SHORT_S),
        "associate": Timeouts(associate_s=SHORT_S),
        "response": Timeouts(response_s=SHORT_S),
        "release": Timeouts(release_s=SHORT_S),
    }[name]
    authority = Authority(tmp_path) if name == "tls" else None
    tls = None if authority is None else client_config(authority)
    script = silent if name in ("tls", "associate") else accepts_and_is_silent
    async with bad_server(script) as server:
        address = "X@192.0.2.1:104" if name == "connect" else server.address
        with pytest.raises(DicomNetworkError) as caught:
            await _ask(name, connect(address, contexts=presets.VERIFICATION, timeouts=times, tls=tls))
        await reached(lambda: server.open == 0, "nothing is left")
    error = caught.value
    if name == "connect" and not isinstance(error, ConnectTimeout):
        assert isinstance(error, ConnectError)  # a system without any network says so at once
        return
    assert isinstance(error, TimeoutError) or name == "tls"
    assert error.phase == name
    assert words.lower() in str(error).lower()
    assert name == "connect" or f"{SHORT_S:g} s" in str(error)


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
async def test_a_time_out_of_nothing_is_refused_and_the_association_lives(seconds: float) -> None:
    async with server_of() as server, connect(f"X@{LOOPBACK}:{server.port}") as assoc:
        with pytest.raises(ConfigurationError, match="above 0"):
            await assoc.echo(timeout_s=seconds)
        with pytest.raises(ConfigurationError, match="above 0"):
            assoc.find(keys(PatientID=""), timeout_s=seconds)
        assert (await assoc.echo()).status.is_success


async def test_a_time_out_may_be_set_for_one_call_and_taken_away(tmp_path: Path) -> None:
    async with bad_server(accepts_and_is_silent) as server:
        contexts = (*presets.VERIFICATION, *presets.for_classes(CT, transfer_syntaxes=(EXPLICIT,)))
        for ask in (
            lambda assoc: assoc.echo(timeout_s=SHORT_S),
            lambda assoc: assoc.store(instance(1), timeout_s=SHORT_S),
            lambda assoc: assoc.n_get(CT, "1.2", timeout_s=SHORT_S),
        ):
            assoc = await connect(server.address, contexts=contexts, permitted=EVERYTHING_PERMITTED)
            with pytest.raises(OperationTimeout, match=r"0\.25 s"):
                await ask(assoc)
            await assoc.release()
    gate = asyncio.Event()

    async def wait(request: object) -> Status:
        await gate.wait()
        return Status(0)

    async with ends(Handlers(on_echo=wait), timeouts=Timeouts(response_s=SHORT_S)) as both:
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(both.assoc.echo(timeout_s=float("inf")))
            await time_passes(2 * SHORT_S)
            gate.set()
        assert asking.result().status.is_success


# cancelling at any await


async def _echo(assoc: Association, folder: Path) -> object:
    return await assoc.echo()


async def _store(assoc: Association, folder: Path) -> object:
    return await assoc.store(folder / "1.dcm")


async def _store_dataset(assoc: Association, folder: Path) -> object:
    return await assoc.store(instance(1))


async def _find(assoc: Association, folder: Path) -> object:
    async with assoc.find(keys(PatientID="")) as op:
        async for _ in op:
            await asyncio.sleep(0)
    return await op.result()


async def _find_bare(assoc: Association, folder: Path) -> object:
    return await assoc.find(keys(PatientID=""))


async def _move(assoc: Association, folder: Path) -> object:
    return await assoc.move(keys(PatientID=""), destination="SELF")


async def _get(assoc: Association, folder: Path) -> object:
    return await assoc.get(keys(PatientID=""), into=folder / "got")


async def _n_set(assoc: Association, folder: Path) -> object:
    return await assoc.n_set(MPPS, "1.2", keys(PatientID="1"))


async def _n_create(assoc: Association, folder: Path) -> object:
    return await assoc.n_create(MPPS)


async def _release(assoc: Association, folder: Path) -> object:
    return await assoc.release()


async def _abort(assoc: Association, folder: Path) -> object:
    return await assoc.abort()


VERBS = [_echo, _store, _store_dataset, _find, _find_bare, _move, _get, _n_set, _n_create, _release, _abort]


class Steps:
    """Runs a coroutine, and cancels its task at the ``number``-th time that it waits."""

    def __init__(self, number: int, coroutine: Awaitable[Any]) -> None:
        self._left = number
        self._coroutine = coroutine
        self.was_cancelled = False

    async def run(self) -> object:
        return await self

    def __await__(self) -> Any:
        inner = self._coroutine.__await__()
        error: BaseException | None = None
        while True:
            try:
                awaited = inner.send(None) if error is None else inner.throw(error)
            except StopIteration as stop:
                return stop.value
            error = None
            self._left -= 1
            if self._left < 0 and not self.was_cancelled:
                self.was_cancelled = True
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            try:
                yield awaited
            except BaseException as thrown:
                error = thrown


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__.strip("_"))
async def test_a_cancel_at_any_await_of_a_verb_leaves_a_defined_state(verb: Any, tmp_path: Path) -> None:
    """Afterwards the association works or is over, both sides know it, and nothing is left."""
    file(tmp_path, 1, pixels=700_000)
    things = [instance(1), instance(2)]
    handlers = Handlers(
        on_store=lambda request, data: Status(0),
        on_find=lambda request: (keys(PatientID=str(n)) for n in range(5)),
        on_get=lambda request: things,
        on_move=lambda request: things,
        on_n_set=lambda request: Status(0),
        on_n_create=lambda request: Status(0),
    )
    places: dict[str, PeerAddress] = {}
    states: list[bool] = []
    options = ServerOptions(policy=AcceptPolicy(requestor_scp=None), destinations=lambda request: places["SELF"])
    contexts = (
        *presets.VERIFICATION,
        *presets.QUERY,
        *presets.for_classes(MPPS),
        ProposedContext(CT, (EXPLICIT,), scu_role=True, scp_role=True),
    )
    async with await serve(port=0, handlers=handlers, options=options) as server:
        places["SELF"] = PeerAddress(AETitle("SELF"), LOOPBACK, server.port)
        for number in range(100):
            assoc = await connect(f"X@{LOOPBACK}:{server.port}", contexts=contexts)
            steps = Steps(number, verb(assoc, tmp_path))
            task = asyncio.get_running_loop().create_task(steps.run())
            async with asyncio.timeout(20):
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            states.append(assoc.is_connected)
            if assoc.is_connected:
                assert (await assoc.echo()).status.is_success
                await assoc.release()
            else:
                with pytest.raises(LocalProtocolError):
                    await assoc.echo()
                await assoc.abort()
            async with asyncio.timeout(20):
                await server.wait_empty()
            await reached(lambda: len(server._core.tasks) == 0, "no task is left")
            if not steps.was_cancelled:
                break
        assert not steps.was_cancelled, "a verb with more than 100 awaits"
        assert server.associations == ()
    assert number >= 1
    assert states[-1] == (verb not in (_release, _abort))


@pytest.mark.uvloop
async def test_what_the_association_took_is_known_once_it_is_open() -> None:
    async with server_of() as server, connect(f"X@{LOOPBACK}:{server.port}") as assoc:
        assert assoc.timings.connect_s > 0
        assert assoc.timings.associate_s > 0


@pytest.mark.uvloop
async def test_a_cancel_at_any_await_of_connect_leaves_nothing() -> None:
    async with server_of() as server:
        for number in range(100):
            steps = Steps(number, connect(f"X@{LOOPBACK}:{server.port}"))
            task = asyncio.get_running_loop().create_task(steps.run())
            assoc: Any = None
            with contextlib.suppress(asyncio.CancelledError):
                assoc = await task
            if assoc is not None:
                await assoc.release()
            async with asyncio.timeout(20):
                await server.wait_empty()
            if not steps.was_cancelled:
                break
        assert not steps.was_cancelled
