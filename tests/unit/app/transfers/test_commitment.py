"""Storage commitment: the answer is found whatever way it comes, and it is said where none comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from helpers import peers
from helpers.bad_peer import reached

from dicomgui.app import commitment_desk
from dicomgui.app.configuration.listener_options import ListenerOptions
from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.listening.listener import Listener
from dicomgui.app.transfers.commitment import CommitmentJob, CommitmentOrder, CommitmentState, Way
from dicomgui.network import ConfigurationError, Handlers, PeerAddress, Reply, Status, connect, serve
from dicomgui.network.service_classes.commitment import (
    REPORT_CONTEXTS,
    SOP_CLASS,
    SOP_INSTANCE,
    CommitmentResult,
    FailedReference,
)
from dicomgui.network.service_classes.commitment_provider import Answer, CommitmentProvider, CommitmentRequest
from dicomgui.network.service_classes.references import Reference

CT = "1.2.840.10008.5.1.4.1.1.2"
ONE, TWO = Reference(CT, "2.25.1"), Reference(CT, "2.25.2")
OURS = ConnectionOptions(calling_ae="US")


@asynccontextmanager
async def committing(judge: Iterable[Reference] | None, *, report_to: int | None = None) -> AsyncIterator[PeerAddress]:
    """A peer that answers for ``judge``, over the same association or to a port; ``None`` never answers."""

    async def judged(request: CommitmentRequest) -> Answer:
        if judge is None:
            await asyncio.Event().wait()
        assert judge is not None
        return judge

    provider = CommitmentProvider(
        judged,
        open_association=None
        if report_to is None
        else lambda _: connect(f"US@127.0.0.1:{report_to}", contexts=REPORT_CONTEXTS),
    )
    async with await serve(port=0, ae_title="PEER", handlers=provider.handlers()) as server:
        yield PeerAddress("PEER", "127.0.0.1", server.port)
        await provider.close()


def order(*references: Reference, wait_s: float = 20, listen: int | None = None) -> CommitmentOrder:
    place = None if listen is None else ("127.0.0.1", listen)
    return CommitmentOrder.of(references, wait_s=wait_s, listen=place)


async def test_an_answer_on_the_same_association(context: AppContext) -> None:
    seen: list[CommitmentState] = []
    async with committing([ONE, TWO]) as peer:
        job = CommitmentJob(context, peer, OURS, order(ONE, TWO, ONE), on_change=lambda now: seen.append(now.state))
        outcome = await job.run()
    assert outcome.ok
    assert (outcome.state, outcome.way, outcome.status) == (CommitmentState.ANSWERED, Way.SAME, Status(0))
    assert outcome.references == (ONE, TWO)
    assert seen == [CommitmentState.ASKING, CommitmentState.WAITING, CommitmentState.ANSWERED]
    assert outcome.text == "the peer answers for all 2 instances, on the same association"
    assert not context.commitments.waiting


async def test_an_answer_on_an_association_of_the_peer_to_a_listener_for_it(context: AppContext) -> None:
    port = peers.free_port()
    async with committing([ONE], report_to=port) as peer:
        outcome = await CommitmentJob(context, peer, OURS, order(ONE, TWO, listen=port)).run()
    assert outcome.way is Way.NEW
    assert len(outcome.associations) == 2
    assert outcome.result is not None
    assert [(one.reference, one.reason) for one in outcome.result.failed] == [(TWO, Status(0x0112))]
    assert not outcome.ok
    assert "1 of 2 instances, 1 failed" in outcome.text


async def test_an_answer_that_comes_to_our_listener(context: AppContext, tmp_path: Path) -> None:
    listener = Listener(context, ListenerOptions(tmp_path, port=0, ae_title="US"))
    await listener.start()
    try:
        async with committing([ONE], report_to=listener.port) as peer:
            outcome = await CommitmentJob(context, peer, OURS, order(ONE), has_listener=True).run()
        assert outcome.ok
        assert outcome.way is Way.NEW
    finally:
        await listener.stop()


async def test_our_listener_takes_no_report_that_nobody_waits_for(context: AppContext, tmp_path: Path) -> None:
    listener = Listener(context, ListenerOptions(tmp_path, port=0, ae_title="US"))
    await listener.start()
    try:
        async with connect(f"US@127.0.0.1:{listener.port}", contexts=REPORT_CONTEXTS) as assoc:
            assert not assoc.negotiated.accepted
        uid = context.commitments.expect()
        async with connect(f"US@127.0.0.1:{listener.port}", contexts=REPORT_CONTEXTS) as assoc:
            report = CommitmentResult("2.25.404", (ONE,)).dataset()
            assert (await assoc.n_event_report(SOP_CLASS, SOP_INSTANCE, 1, report)).status == 0x0115
        assert context.commitments.waiting == (uid,)
    finally:
        context.commitments.forget(uid)
        await listener.stop()


async def test_an_instance_that_the_answer_leaves_out_is_named(context: AppContext) -> None:
    async def act(request: object) -> Status:
        return Status(0)

    async with await serve(port=0, ae_title="PEER", handlers=Handlers(on_n_action=act)) as server:
        job = CommitmentJob(context, PeerAddress("PEER", "127.0.0.1", server.port), OURS, order(ONE, TWO))
        async with asyncio.TaskGroup() as group:
            running = group.create_task(job.run())
            await reached(lambda: job.outcome.state is CommitmentState.WAITING, "the peer has it")
            user = server.user(server.associations[0].association)
            assert user is not None
            failed = FailedReference(ONE, Status(0x0110))
            report = CommitmentResult(job.outcome.transaction_uid, (), (failed,)).dataset()
            await user.n_event_report(SOP_CLASS, SOP_INSTANCE, 2, report)
            outcome = await running
    assert outcome.unanswered == (TWO,)
    assert "1 it says nothing of" in outcome.text
    assert not outcome.ok


async def test_a_refused_request_is_told_with_its_reason(context: AppContext) -> None:
    def refuse(_request: object) -> Reply:
        return Reply(Status(0x0213), "too much to do")

    async with await serve(port=0, ae_title="PEER", handlers=Handlers(on_n_action=refuse)) as server:
        outcome = await CommitmentJob(context, PeerAddress("PEER", "127.0.0.1", server.port), OURS, order(ONE)).run()
    assert outcome.state is CommitmentState.REFUSED
    assert "0x0213" in outcome.text
    assert "too much to do" in outcome.text
    assert outcome.findings


async def test_no_answer_in_time_is_said(context: AppContext) -> None:
    async with committing(None) as peer:
        outcome = await CommitmentJob(context, peer, OURS, order(ONE, wait_s=0.3)).run()
    assert outcome.state is CommitmentState.TIMED_OUT
    assert "no listener" in outcome.text
    assert not context.commitments.waiting


async def test_a_peer_that_does_not_do_commitment_is_explained(context: AppContext) -> None:
    async with await serve(port=0, ae_title="PEER", handlers=Handlers()) as server:
        outcome = await CommitmentJob(context, PeerAddress("PEER", "127.0.0.1", server.port), OURS, order(ONE)).run()
    assert outcome.state is CommitmentState.FAILED
    assert outcome.error is not None
    assert outcome.findings


async def test_a_cancel_ends_the_waiting_and_forgets_the_request(context: AppContext) -> None:
    async with committing(None) as peer:
        job = CommitmentJob(context, peer, OURS, order(ONE))
        async with asyncio.TaskGroup() as group:
            running = group.create_task(job.run())
            await reached(lambda: job.outcome.state is CommitmentState.WAITING, "the peer has it")
            running.cancel()
    assert job.outcome.state is CommitmentState.CANCELLED
    assert not context.commitments.waiting


def test_nothing_to_ask_for_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="one instance"):
        CommitmentOrder.of([])
    with pytest.raises(ConfigurationError, match="above 0"):
        order(ONE, wait_s=0)


async def test_an_answer_that_comes_late_is_taken_and_changes_the_outcome(context: AppContext, tmp_path: Path) -> None:
    seen: list[CommitmentState] = []
    listener = Listener(context, ListenerOptions(tmp_path, port=0, ae_title="US"))
    await listener.start()
    try:
        async with committing(None) as peer:
            job = CommitmentJob(
                context, peer, OURS, order(ONE, wait_s=0.3), has_listener=True,
                on_change=lambda now: seen.append(now.state),
            )  # fmt: skip
            assert (await job.run()).state is CommitmentState.TIMED_OUT
        assert not context.commitments.waiting
        uid = job.outcome.transaction_uid
        async with connect(f"US@127.0.0.1:{listener.port}", contexts=REPORT_CONTEXTS) as assoc:
            report = CommitmentResult(uid, (ONE,)).dataset()
            assert (await assoc.n_event_report(SOP_CLASS, SOP_INSTANCE, 1, report)).status == 0
            assert (await assoc.n_event_report(SOP_CLASS, SOP_INSTANCE, 1, report)).status == 0x0115  # once
    finally:
        await listener.stop()
    outcome = job.outcome
    assert (outcome.state, outcome.way, outcome.is_late, outcome.error) == (
        CommitmentState.ANSWERED, Way.NEW, True, None,
    )  # fmt: skip
    assert outcome.ok
    assert "late" in outcome.text
    assert seen[-2:] == [CommitmentState.TIMED_OUT, CommitmentState.ANSWERED]


async def test_an_answer_after_nobody_waited_any_more_is_taken(context: AppContext) -> None:
    port = peers.free_port()
    async with committing(None) as peer:
        job = CommitmentJob(context, peer, OURS, order(ONE, listen=port))
        task = asyncio.create_task(job.run())
        await reached(lambda: job.outcome.state is CommitmentState.WAITING, "the peer has it")
        task.cancel()
        await asyncio.wait((task,))
    assert job.outcome.state is CommitmentState.CANCELLED
    assert context.commitments.is_expecting


async def test_only_so_many_late_answers_are_expected(context: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commitment_desk, "MAX_LATE", 2)
    desk = context.commitments
    for number in range(3):
        desk.take_late(f"2.25.{number}", lambda _: None)
    assert list(desk._late) == ["2.25.1", "2.25.2"]
