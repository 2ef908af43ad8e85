"""Several operations over one association: it stays as long as it is wanted, and its end is known."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from helpers.bad_peer import reached

from dicomgui.app.connection import ConnectionOptions, RoleWish
from dicomgui.app.context import AppContext
from dicomgui.app.nservice_events import NEvent
from dicomgui.app.nservices.requests import NOperation, NRequest
from dicomgui.app.nservices.session import NSession, SessionState, proposals_for, transaction_of
from dicomgui.network import ConfigurationError, Handlers, PeerAddress, Reply, Server, Status, serve
from dicomgui.network.service_classes import commitment, mpps, print_attributes, ups_attributes
from dicomgui.network.service_classes.commitment import CommitmentResult
from dicomgui.network.service_classes.references import Reference

OPTIONS = ConnectionOptions()
READ = NRequest(NOperation.GET, mpps.SOP_CLASS, "2.25.1", context=mpps.RETRIEVE_SOP_CLASS)


class Peer:
    """Answers everything with the next of its answers, or with success."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.answers: list[Any] = []
        self.server: Server | None = None

    def __call__(self, request: Any) -> Any:
        self.requests.append(request)
        return self.answers.pop(0) if self.answers else Status(0)

    async def start(self) -> PeerAddress:
        handlers = Handlers(
            on_n_create=self, on_n_set=self, on_n_get=self, on_n_action=self, on_n_delete=self, on_n_event_report=self
        )
        self.server = await serve(port=0, ae_title="PEER", handlers=handlers)
        return PeerAddress("PEER", "127.0.0.1", self.server.port)

    @property
    def open(self) -> int:
        assert self.server is not None
        return len(self.server.associations)


@pytest.fixture
async def peer() -> Any:
    made = Peer()
    yield made
    if made.server is not None:
        await made.server.close(grace_s=0)


async def test_a_request_alone_has_an_association_of_its_own(context: AppContext, peer: Peer) -> None:
    seen: list[int] = []
    session = NSession(context, await peer.start(), OPTIONS, on_association=seen.append)
    results = [await session.send(READ), await session.send(READ)]
    assert all(result.ok for result in results)
    assert [result.association for result in results] == seen
    assert len(set(seen)) == 2
    assert session.state is SessionState.CLOSED


async def test_it_stays_open_until_it_is_released(context: AppContext, peer: Peer) -> None:
    states: list[SessionState] = []
    session = NSession(context, await peer.start(), OPTIONS, on_change=lambda: states.append(session.state))
    first = await session.send(READ, keep=True)
    assert (session.state, session.is_open, peer.open) == (SessionState.OPEN, True, 1)
    second = await session.send(READ, keep=True)
    assert first.association == second.association
    await session.release()
    assert (session.state, session.is_open) == (SessionState.CLOSED, False)
    await reached(lambda: peer.open == 0, "the peer has seen its end")
    names = [state.name for state in states]
    assert names == ["OPENING", "BUSY", "OPEN", "BUSY", "OPEN", "ENDING", "CLOSED"]


async def test_the_last_request_may_end_it(context: AppContext, peer: Peer) -> None:
    session = NSession(context, await peer.start(), OPTIONS)
    first = await session.send(READ, keep=True)
    last = await session.send(READ)
    assert first.association == last.association
    assert not session.is_open


async def test_an_end_by_the_peer_is_noticed_and_another_is_opened(context: AppContext, peer: Peer) -> None:
    session = NSession(context, await peer.start(), OPTIONS)
    first = await session.send(READ, keep=True)
    assert peer.server is not None
    peer.server.abort(peer.server.associations[0].association)
    await reached(lambda: not session.is_open, "the peer has ended it")
    session.look()
    assert session.state is SessionState.CLOSED
    second = await session.send(READ, keep=True)
    assert second.ok
    assert second.association != first.association
    await session.abort()


async def test_what_the_open_association_lacks_is_said_before_it_is_sent(context: AppContext, peer: Peer) -> None:
    session = NSession(context, await peer.start(), OPTIONS)
    await session.send(READ, keep=True)
    with pytest.raises(ConfigurationError, match="did not propose"):
        await session.send(NRequest(NOperation.GET, print_attributes.PRINTER), keep=True)
    assert len(peer.requests) == 1
    await session.release()


async def test_a_finding_is_told_once(context: AppContext, peer: Peer) -> None:
    peer.answers = [Reply(Status(0x0112), "gone"), Status(0), Reply(Status(0x0112), "gone again")]
    session = NSession(context, await peer.start(), OPTIONS)
    told = [len((await session.send(READ, keep=True)).findings) for _ in range(3)]
    await session.release()
    assert told == [1, 0, 1]


async def test_a_cancel_aborts_the_association(context: AppContext, peer: Peer) -> None:
    never = asyncio.Event()

    async def wait() -> Status:
        await never.wait()
        return Status(0)

    peer.answers = [wait()]
    session = NSession(context, await peer.start(), OPTIONS)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(session.send(READ, keep=True))
        await reached(lambda: bool(peer.requests), "the peer was asked")
        running.cancel()
    assert session.state is SessionState.CLOSED
    await reached(lambda: peer.open == 0, "the peer has seen its end")


async def test_no_connection_is_a_result(context: AppContext) -> None:
    session = NSession(context, PeerAddress("PEER", "127.0.0.1", 1), OPTIONS)
    result = await session.send(READ, keep=True)
    assert result.error is not None
    assert result.findings
    assert session.state is SessionState.CLOSED


async def test_events_on_the_open_association_are_handed_on(context: AppContext, peer: Peer) -> None:
    events: list[NEvent] = []
    session = NSession(context, await peer.start(), OPTIONS, on_event=events.append)
    uid, one = "2.25.77", Reference("1.2.840.10008.5.1.4.1.1.2", "2.25.1")
    information = commitment.commitment_request([one], uid)
    request = NRequest(NOperation.ACTION, commitment.SOP_CLASS, dataset=information, type_id=1)
    assert transaction_of(request) == uid
    assert (await session.send(request, keep=True)).ok
    assert context.commitments.waiting == (uid,)
    assert peer.server is not None
    user = peer.server.user(peer.server.associations[0].association)
    assert user is not None
    report = CommitmentResult(uid, (one,)).dataset()
    answer = await user.n_event_report(commitment.SOP_CLASS, commitment.SOP_INSTANCE, 1, report)
    assert answer.status == 0
    [event] = events
    assert (event.type_id, event.status, event.association) == (1, Status(0), session.number)
    assert event.dataset == report
    delivery = await context.commitments.wait(uid, 5)
    assert delivery.association == session.number
    await session.release()


async def test_a_refused_request_for_commitment_is_not_waited_for(context: AppContext, peer: Peer) -> None:
    peer.answers = [Status(0x0110)]
    session = NSession(context, await peer.start(), OPTIONS)
    information = commitment.commitment_request([("1.2.3", "2.25.1")], "2.25.78")
    await session.send(NRequest(NOperation.ACTION, commitment.SOP_CLASS, dataset=information, type_id=1))
    assert not context.commitments.waiting


def test_what_goes_together_is_proposed_together() -> None:
    film = NRequest(NOperation.CREATE, print_attributes.FILM_SESSION, context=print_attributes.GRAYSCALE_META)
    assert [one.abstract_syntax for one in proposals_for(film)] == [print_attributes.GRAYSCALE_META]
    kept = [one.abstract_syntax for one in proposals_for(film, alone=False)]
    assert kept[0] == print_attributes.GRAYSCALE_META
    assert {print_attributes.ANNOTATION_BOX, print_attributes.PRINT_JOB} <= set(kept)
    claim = NRequest(NOperation.ACTION, ups_attributes.PUSH, "2.25.1", type_id=1, context=ups_attributes.PULL)
    assert proposals_for(claim, alone=False)[0].abstract_syntax == ups_attributes.PULL


def test_roles_are_asked_for() -> None:
    event = NRequest(NOperation.EVENT_REPORT, commitment.SOP_CLASS, type_id=1)
    [usual] = proposals_for(event)
    assert (usual.scu_role, usual.scp_role) == (False, True)
    [both] = proposals_for(event, RoleWish.BOTH)
    assert (both.scu_role, both.scp_role) == (True, True)
    [plain] = proposals_for(READ)
    assert plain.role is None
