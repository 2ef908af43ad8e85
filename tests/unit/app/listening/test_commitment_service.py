"""Reports that are tried until they are delivered, given up, or left in the queue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from helpers.asking import ScriptedUser, act, status_of
from helpers.bad_peer import reached

from dicomgui.app.listening import commitment_service as module
from dicomgui.app.listening.commitment_answers import CommitmentAnswers, Delivery
from dicomgui.app.listening.commitment_service import CommitmentRun, CommitmentService
from dicomgui.app.listening.report_queue import FILE_NAME, PendingReport, ReportQueue
from dicomgui.network import ConnectionLost, Status
from dicomgui.network.service_classes.commitment import SOP_CLASS, SOP_INSTANCE, CommitmentResult, commitment_request
from dicomgui.network.service_classes.commitment_provider import CommitmentRequest
from dicomgui.network.service_classes.references import Reference

ONE, TWO = Reference("1.2", "1.2.1"), Reference("1.2", "1.2.2")
GONE = ConnectionLost("gone")
NEW = CommitmentAnswers(delivery=Delivery.NEW)


class Desk:
    """A service with everything around it.

    :ivar receivers: who is there for each attempt; nobody where the list is empty.
    :ivar told: lines with their problems.
    """

    def __init__(self, folder: Path | None, answers: CommitmentAnswers = NEW) -> None:
        self.folder = folder
        self.answers = answers
        self.receivers: list[ScriptedUser] = []
        self.told: list[tuple[str, str]] = []
        self.changes = 0
        self.reasons: dict[Reference, Status] = {}
        self.judge: Callable[[CommitmentRequest], Awaitable[Mapping[Reference, Status]]] = self._judge
        self.service = CommitmentService(lambda: self.answers, self._tell, self._on_change)

    def _tell(self, facts: object, detail: str, problem: str) -> None:
        self.told.append((detail, problem))

    def _on_change(self) -> None:
        self.changes += 1

    def _open(self, title: str) -> Any:
        assert title == "PEER"
        return self.receivers.pop(0) if self.receivers else None

    async def _judge(self, asked: CommitmentRequest) -> Mapping[Reference, Status]:
        return self.reasons

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[ReportQueue]:
        queue = ReportQueue(self.folder)
        self.service.begin(CommitmentRun(self._open, self.judge, queue))
        try:
            yield queue
        finally:
            await self.service.end()

    async def ask(self, uid: str = "2.25.1", user: ScriptedUser | None = None) -> int:
        wanted = commitment_request([ONE, TWO], uid)
        answer = self.service.provider.on_n_action(act(SOP_CLASS, SOP_INSTANCE, 1, wanted, user=user or ScriptedUser()))
        return status_of(answer if not asyncio.iscoroutine(answer) else await answer)

    @property
    def outcome(self) -> str:
        return self.service.entries[-1].outcome if self.service.entries else ""


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """No wait between attempts is longer than a moment."""
    monkeypatch.setattr(module, "backoff_s", lambda attempts, first: 0.001)


def reported(user: ScriptedUser) -> CommitmentResult:
    [(_, arguments, _)] = user.asked
    return CommitmentResult.of(arguments[3])


async def test_a_request_is_on_disk_before_it_is_confirmed(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    async with desk.serving() as queue:
        assert await desk.ask() == 0
        assert (tmp_path / FILE_NAME).exists()
        assert [one.references for one in queue.reports] == [(ONE, TWO)]


async def test_attempts_follow_until_the_receiver_is_there(tmp_path: Path, soon: None) -> None:
    desk = Desk(tmp_path)
    receiver = ScriptedUser()
    async with desk.serving() as queue:
        assert await desk.ask() == 0
        await reached(lambda: len(desk.told) > 4, "several attempts failed")
        assert "nobody knows where 'PEER' listens; attempt" in desk.outcome
        assert desk.service.entries[-1].due_utc > 0
        desk.reasons = {TWO: Status(0x0110)}  # judged anew
        desk.receivers = [ScriptedUser(GONE), receiver]
        await reached(lambda: not queue.reports, "it is delivered")
        await reached(lambda: not (tmp_path / FILE_NAME).exists(), "nothing is left of it")
    assert [one.reference for one in reported(receiver).failed] == [TWO]
    assert desk.outcome == "reported"
    assert (desk.service.entries[-1].failed, desk.service.entries[-1].due_utc) == (1, 0)
    assert "reported at attempt" in desk.told[-1][0]


async def test_what_is_left_is_reported_after_a_restart(tmp_path: Path, soon: None) -> None:
    before = Desk(tmp_path)
    async with before.serving():
        assert await before.ask() == 0
        await reached(lambda: "attempt" in before.outcome, "it failed")
    after, receiver = Desk(tmp_path), ScriptedUser()
    after.receivers = [receiver]
    async with after.serving() as queue:
        await reached(lambda: after.outcome == "reported", "it is delivered")
        assert not queue.reports
    assert reported(receiver).committed == (ONE, TWO)


@pytest.mark.parametrize("hours", [0, 1])
async def test_there_is_an_end(tmp_path: Path, hours: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "backoff_s", lambda attempts, first: 0.001 if attempts < 3 else 3600.0)
    desk = Desk(tmp_path, CommitmentAnswers(delivery=Delivery.NEW, report_for_h=hours))
    async with desk.serving() as queue:
        assert await desk.ask() == 0
        await reached(lambda: desk.outcome.startswith("given up:"), "it is given up")
        assert not queue.reports
    assert len([problem for _, problem in desk.told if problem]) == (1 if hours == 0 else 3)


async def test_on_the_same_association_only_nothing_is_kept(tmp_path: Path) -> None:
    desk = Desk(tmp_path, CommitmentAnswers(delivery=Delivery.SAME))
    async with desk.serving() as queue:
        assert await desk.ask(user=ScriptedUser(GONE)) == 0
        await reached(lambda: desk.outcome == "not reported: gone", "it failed")
        assert not queue.reports


async def test_what_cannot_be_kept_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path)
    async with desk.serving() as queue:
        with monkeypatch.context() as patched:
            patched.setattr(queue, "put", lambda report: False)
            assert await desk.ask() == 0x0213
        with monkeypatch.context() as patched:
            patched.setattr(queue, "save", _full)
            assert await desk.ask() == 0x0213
        assert not queue.reports
        assert await desk.ask() == 0  # nothing of it is in use


def _full() -> None:
    raise OSError("the disk is full")


async def test_a_damaged_queue_is_told_of(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"{")
    desk = Desk(tmp_path)
    async with desk.serving():
        await reached(lambda: bool(desk.told), "it is told")
    [(_, problem)] = desk.told
    assert "was put aside" in problem


async def test_a_judge_that_fails_is_asked_again(tmp_path: Path, soon: None) -> None:
    desk = Desk(tmp_path)
    queue = ReportQueue(tmp_path)
    queue.put(PendingReport("2.25.1", "PEER", (ONE,), 4e9))
    queue.save()
    asked: list[str] = []

    async def first_fails(request: CommitmentRequest) -> Mapping[Reference, Status]:
        asked.append(request.transaction_uid)
        if len(asked) == 1:
            raise OSError("no index")
        return {}

    desk.judge = first_fails
    desk.receivers = [ScriptedUser()]
    async with desk.serving():
        await reached(lambda: desk.outcome == "reported", "it is delivered")
    assert asked == ["2.25.1", "2.25.1"]
