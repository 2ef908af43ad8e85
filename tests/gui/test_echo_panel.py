"""From the click on Echo to the wire and back, with our own listener, with DCMTK, and with nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from helpers import peers
from helpers.bad_peer import Peer, bad_server, reached
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from dicomgui.app.operations import JobState
from dicomgui.gui.echo.panel import EchoPanel
from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.gui.trace.listing.columns import ExchangeColumn

pytestmark = pytest.mark.qt
Press = Callable[[QPushButton], Awaitable[None]]


@pytest.fixture
def panel(window: MainWindow) -> EchoPanel:
    window.show_panel(window.echo)
    return window.echo


async def ended(panel: EchoPanel) -> None:
    await reached(lambda: not panel.is_busy and panel.run_button.isEnabled(), "the echo has ended")


async def test_echo_of_our_listener(panel: EchoPanel, press: Press, listening: int, window: MainWindow) -> None:
    window.show_panel(panel)
    panel.peer.host.insert(f"DICOMGUI@127.0.0.1:{listening}")
    panel.repeat.setText("5")
    await press(panel.run_button)
    assert panel.is_busy
    await ended(panel)
    assert panel.headline.text() == f"DICOMGUI@127.0.0.1:{listening} answers"
    assert panel.steps.texts["echo"].startswith("5 ×")
    assert panel.facts.texts["Status"].startswith("0x0000")
    assert "DICOMGUI_" in panel.facts.texts["Implementation"]
    assert "of 5" in panel.facts.texts["Round trip"]
    assert not panel.findings.cards


@pytest.mark.interop("storescp")
async def test_echo_of_dcmtk(panel: EchoPanel, press: Press, tmp_path: Path) -> None:
    with peers.storescp(tmp_path / "dcmtk") as peer:
        panel.peer.called.insert(peer.address)
        await press(panel.run_button)
        await ended(panel)
    assert panel.headline.text().endswith("answers")
    assert "OFFIS_DCMTK" in panel.facts.texts["Implementation"]
    assert panel.steps.texts["release"] == "done"
    assert all(text.endswith("ms") or text.endswith(" s") for text in panel.steps.times.values())
    assert panel.facts.texts["Maximum PDU"].endswith("bytes")
    assert not panel.chart.isVisible()


@pytest.mark.interop("storescp")
async def test_many_echoes_have_their_figures_and_a_job(
    panel: EchoPanel, press: Press, tmp_path: Path, window: MainWindow
) -> None:
    with peers.storescp(tmp_path / "dcmtk") as peer:
        panel.peer.called.insert(peer.address)
        panel.repeat.setText("50")
        await press(panel.run_button)
        await ended(panel)
    figures = panel.facts.texts["Round trip"]
    assert figures.startswith("min ")
    assert "median" in figures
    assert "p95" in figures
    assert figures.endswith("of 50")
    assert panel.chart.isVisible()
    [job] = panel.place.jobs.all()
    assert (job.state, job.title, job.peer) == (JobState.DONE, "Echo STORESCP, 50 times", peer.address)
    assert job.associations == (panel._association,)
    assert job.text.endswith("median of 50")


async def test_the_result_is_copied_as_text(panel: EchoPanel, press: Press) -> None:
    port = peers.free_port()
    panel.peer.host.insert(f"PACS@127.0.0.1:{port}")
    await press(panel.run_button)
    await ended(panel)
    await press(panel.copy_button)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[0] == f"PACS@127.0.0.1:{port}: the echo failed"
    assert any(line.startswith("Likely: ") for line in lines)
    assert any(line.startswith("Try: ") for line in lines)
    assert any(line.startswith("TCP connection: nothing listens") for line in lines)


async def test_a_failed_echo_is_tried_again_from_the_drawer(panel: EchoPanel, press: Press, window: MainWindow) -> None:
    port = peers.free_port()
    panel.peer.host.insert(f"PACS@127.0.0.1:{port}")
    await press(panel.run_button)
    await ended(panel)
    panel.peer.host.setText("elsewhere")
    window.show_panel(window.listener)
    [job] = panel.place.jobs.all()
    assert job.state is JobState.FAILED
    window.jobs.set_folded(False)
    window.jobs.drain()
    window.jobs.select(job.number)
    await press(window.jobs.retry_button)
    assert window.panel is panel
    await ended(panel)
    assert panel.peer.host.text() == "127.0.0.1"
    assert len(panel.place.jobs.all()) == 2


async def test_a_closed_port_is_explained(panel: EchoPanel, press: Press) -> None:
    port = peers.free_port()
    panel.peer.host.insert(f"PACS@127.0.0.1:{port}")
    await press(panel.run_button)
    await ended(panel)
    [card] = panel.findings.cards
    assert card.objectName() == "finding_closed_port"
    assert str(port) in card.accessibleName()
    assert card.isVisible()
    assert panel.steps.texts["associate"] == "–"


async def test_enter_in_a_field_and_f5_echo(panel: EchoPanel, qtbot: QtBot, listening: int, window: MainWindow) -> None:
    window.show_panel(panel)
    panel.peer.host.insert(f"DICOMGUI@127.0.0.1:{listening}")
    qtbot.keyClick(panel.peer.host, Qt.Key.Key_Return)
    assert panel.is_busy
    await ended(panel)
    first = panel._association
    panel.run()
    panel.run()
    await ended(panel)
    assert panel._association > first


async def test_what_is_missing_is_said_and_nothing_is_sent(panel: EchoPanel, press: Press, window: MainWindow) -> None:
    await press(panel.run_button)
    await ended(panel)
    assert "AE title" in panel.headline.text()
    assert len(window.trace.place.context.trace) == 0


async def test_cancel_ends_within_a_second(panel: EchoPanel, press: Press) -> None:
    async def silent(peer: Peer) -> None:
        await peer.read_all()

    async with bad_server(silent) as server:
        panel.peer.host.insert(server.address)
        await press(panel.run_button)
        await reached(lambda: server.open > 0, "it is connected")
        start = asyncio.get_running_loop().time()
        await press(panel.cancel_button)
        await ended(panel)
        assert asyncio.get_running_loop().time() - start < 2
    assert panel.headline.text() == "Cancelled"


async def test_its_trace_is_one_click_away(panel: EchoPanel, press: Press, listening: int, window: MainWindow) -> None:
    window.show_panel(panel)
    panel.peer.host.insert(f"DICOMGUI@127.0.0.1:{listening}")
    await press(panel.run_button)
    await ended(panel)
    await press(panel.trace_button)
    assert window.panel is window.trace
    assert window.trace.chosen == {panel._association}
    await reached(lambda: window.trace.model.rowCount() > 0 and not window.trace.model.is_behind, "rows")
    model = window.trace.model
    shown = {model.index(row, ExchangeColumn.ASSOCIATION).data() for row in range(model.rowCount())}
    assert shown == {f"#{panel._association}"}
