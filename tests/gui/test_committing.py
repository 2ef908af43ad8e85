"""Storage commitment after a send, asked for by a check box: the waiting, the answer, and what is not answered for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from helpers.bad_peer import reached
from helpers.retrieval import CT_STUDY, real_files
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from dicomgui.app.configuration.nodes import Node
from dicomgui.app.operations import JobState
from dicomgui.app.transfers.commitment import CommitmentState, Way
from dicomgui.gui.send.panel import SendPanel
from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.network import Handlers, PeerAddress, Status, connect, serve
from dicomgui.network.service.combining import combine
from dicomgui.network.service_classes.commitment import REPORT_CONTEXTS
from dicomgui.network.service_classes.commitment_provider import Answer, CommitmentProvider, CommitmentRequest

pytestmark = [pytest.mark.qt, pytest.mark.qt_log_ignore("This plugin does not support")]

Press = Callable[[QPushButton], Awaitable[None]]


@dataclass
class Archive:
    """Takes everything, and answers for all but ``lost`` as soon as it may."""

    lost: int = 0
    back_to: int = 0
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    async def judge(self, request: CommitmentRequest) -> Answer:
        await self.may_answer.wait()
        return request.references[self.lost :]

    @asynccontextmanager
    async def running(self, window: MainWindow) -> AsyncIterator[None]:
        def back(_request: object) -> Any:
            return connect(f"DICOMGUI@127.0.0.1:{self.back_to}", contexts=REPORT_CONTEXTS)

        provider = CommitmentProvider(self.judge, open_association=back if self.back_to else None)
        handlers = combine(provider, Handlers(on_store=lambda _request, _result: Status(0)))
        async with await serve(port=0, ae_title="PEER", handlers=handlers) as server:
            window._place.choice.set(called_ae="PEER", host="127.0.0.1", port=str(server.port))
            yield
            await provider.close()


async def sent(window: MainWindow, press: Press, files: tuple[Path, ...]) -> SendPanel:
    panel = window.send
    window.resize(1200, 900)
    window.show_panel(panel)
    await panel.add_paths(files)
    panel.committing.check.click()
    await press(panel.run_button)
    return panel


async def answered(panel: SendPanel) -> str:
    await reached(lambda: not panel.committing.is_waiting and panel.committing.outcome is not None, "it was answered")
    return panel.committing.state.text()


async def test_the_waiting_and_the_answer_are_shown(window: MainWindow, press: Press) -> None:
    archive = Archive()
    files = real_files(CT_STUDY)
    async with archive.running(window):
        panel = await sent(window, press, files)
        await reached(lambda: "waiting" in panel.committing.state.text(), "it says that it waits")
        assert "4 instances, 0:0" in panel.committing.state.text()
        assert "No listener runs" in panel.committing.state.text()
        archive.may_answer.set()
        assert f"all {len(files)} instances, on the same association" in await answered(panel)
    assert not panel.committing.table.isVisible()
    [job] = [job for job in window._place.jobs.all() if job.kind == "commitment"]
    assert (job.state, job.files_done) == (JobState.DONE, len(files))


async def test_what_failed_is_listed_with_its_reason(window: MainWindow, press: Press) -> None:
    archive = Archive(lost=1)
    archive.may_answer.set()
    async with archive.running(window):
        panel = await sent(window, press, real_files(CT_STUDY))
        assert "1 failed" in await answered(panel)
    assert panel.committing.table.isVisible()
    assert "0x0112" in str(panel.committing.model.index(0, 1).data())
    [job] = [job for job in window._place.jobs.all() if job.kind == "commitment"]
    assert job.state is JobState.WARNING


async def test_what_failed_is_opened_by_a_double_click(window: MainWindow, press: Press, qtbot: QtBot) -> None:
    archive = Archive(lost=1)
    archive.may_answer.set()
    files = real_files(CT_STUDY)
    async with archive.running(window):
        panel = await sent(window, press, files)
        await answered(panel)
    table = panel.committing.table
    uid = panel.committing.model.index(0, 0).data()

    def double_click() -> None:
        place = table.visualRect(panel.committing.model.index(0, 1)).center()
        qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
        qtbot.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)

    double_click()
    await reached(lambda: len(window.viewers.viewers) == 1, "it has a window")
    [viewer] = window.viewers.viewers
    await reached(lambda: not viewer.is_busy, "it is read")
    assert viewer.viewed.text_of(0x00080018) == uid
    viewer.close()
    window.activateWindow()
    await press(panel.clear_button)
    double_click()
    assert panel.status.text() == f"{uid} is not in the table any more."
    assert window.viewers.viewers == []


async def test_an_answer_to_our_listener_is_matched(window: MainWindow, press: Press, listening: int) -> None:
    archive = Archive(back_to=listening)
    archive.may_answer.set()
    async with archive.running(window):
        panel = await sent(window, press, real_files(CT_STUDY))
        await answered(panel)
    outcome = panel.committing.outcome
    assert outcome is not None
    assert (outcome.state, outcome.way) == (CommitmentState.ANSWERED, Way.NEW)
    await press(panel.committing.trace_button)
    assert window.panel is window.trace


async def test_the_waiting_can_be_given_up(window: MainWindow, press: Press) -> None:
    archive = Archive()
    async with archive.running(window):
        panel = await sent(window, press, real_files(CT_STUDY))
        await press(panel.committing.stop_button)
        assert "cancelled" in await answered(panel)
    [job] = [job for job in window._place.jobs.all() if job.kind == "commitment"]
    assert job.state is JobState.CANCELLED


async def test_an_answer_that_comes_when_nobody_waits_any_more_is_shown(
    window: MainWindow, press: Press, listening: int
) -> None:
    archive = Archive(back_to=listening)
    async with archive.running(window):
        panel = await sent(window, press, real_files(CT_STUDY))
        await reached(lambda: "waiting" in panel.committing.state.text(), "it says that it waits")
        await press(panel.committing.stop_button)
        await reached(lambda: not panel.committing.is_waiting, "it waits no longer")
        archive.may_answer.set()
        await reached(lambda: "late: after" in panel.committing.state.text(), "the late answer is shown")
    outcome = panel.committing.outcome
    assert outcome is not None
    assert outcome.ok
    assert not panel.committing.stop_button.isVisible()


async def test_a_peer_without_commitment_is_explained(window: MainWindow, press: Press) -> None:
    handlers = Handlers(on_store=lambda _request, _result: Status(0))
    async with await serve(port=0, ae_title="PEER", handlers=handlers) as server:
        window._place.choice.set(called_ae="PEER", host="127.0.0.1", port=str(server.port))
        panel = await sent(window, press, real_files(CT_STUDY))
        await answered(panel)
    assert panel.committing.findings.cards
    outcome = panel.committing.outcome
    assert outcome is not None
    assert outcome.state is CommitmentState.FAILED


async def test_nothing_is_asked_where_it_is_not_wanted(window: MainWindow, press: Press) -> None:
    archive = Archive()
    async with archive.running(window):
        panel = window.send
        window.show_panel(panel)
        await panel.add_paths(real_files(CT_STUDY))
        await press(panel.run_button)
        await reached(lambda: not panel.is_busy and "sent" in panel.status.text(), "it was sent")
        assert panel.committing.outcome is None
        assert not panel.committing.isVisible()


async def test_a_node_says_whether_it_is_asked(window: MainWindow) -> None:
    config, choice, check = window.config, window._place.choice, window.send.committing.check
    asked = Node("Asked", PeerAddress.parse("ONE@127.0.0.1:104"), ask_commitment=True)
    other = Node("Other", PeerAddress.parse("TWO@127.0.0.1:104"))
    for node in (asked, other):
        config.nodes.add(node)
    config.nodes_edited()
    choice.choose(asked)
    assert check.isChecked()
    choice.choose(other)
    assert not check.isChecked()
    check.setChecked(True)
    choice.set(calling_ae="ME")  # still the same node: what was clicked counts
    assert check.isChecked()
    choice.choose(None)
    assert check.isChecked()
