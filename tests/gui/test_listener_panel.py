"""The listener's switch, what comes in, and what keeps it from starting."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from helpers import peers
from helpers.bad_peer import reached
from helpers.instances import data_set, write_instance
from PySide6.QtWidgets import QPushButton

from dicomgui.gui.main_window import MainWindow
from dicomgui.gui.models.received_model import ReceivedColumn
from dicomgui.gui.panels.listener import ListenerPanel
from dicomgui.network import connect, presets

pytestmark = pytest.mark.qt
Press = Callable[[QPushButton], Awaitable[None]]
Answer = Callable[[str], Awaitable[str]]


@pytest.fixture
def panel(window: MainWindow) -> ListenerPanel:
    window.show_panel(window.listener)
    return window.listener


def column(panel: ListenerPanel, which: ReceivedColumn) -> list[str]:
    return [panel.model.index(row, which).data() for row in range(panel.model.rowCount())]


async def test_on_and_off(panel: ListenerPanel, press: Press, window: MainWindow) -> None:
    port = int(panel.port.text())
    for _ in range(2):
        await press(panel.start_button)
        await reached(lambda: panel.is_running, "it runs")
        assert panel.state.text() == f"Listening on 127.0.0.1:{port} as DICOMGUI"
        await reached(lambda: "Listening" in window.listener_status.text(), "the status bar says so")
        assert not panel.folder.isEnabled()
        async with connect(f"DICOMGUI@127.0.0.1:{port}", contexts=presets.VERIFICATION) as association:
            assert (await association.echo()).status.is_success
        await press(panel.stop_button)
        await reached(lambda: not panel.is_running and panel.start_button.isEnabled(), "it has stopped")
        assert panel.state.text() == "Not listening"
    assert column(panel, ReceivedColumn.WHAT) == ["C-ECHO", "C-ECHO"]
    await press(panel.clear_button)
    assert panel.model.rowCount() == 0


@pytest.mark.interop("storescu", "echoscu")
async def test_dcmtk_sends_to_it(panel: ListenerPanel, listening: int, tmp_path: Path) -> None:
    files = [write_instance(tmp_path / "files", number) for number in range(1, 4)]
    assert (await peers.run("echoscu", "-aec", "DICOMGUI", "127.0.0.1", listening)).code == 0
    done = await peers.run("storescu", "-aet", "<b>SCU</b>", "-aec", "DICOMGUI", "127.0.0.1", listening, *files)
    assert done.code == 0, done
    await reached(lambda: panel.model.rowCount() == 4, "all are shown")
    assert column(panel, ReceivedColumn.OUTCOME) == ["answered", "stored", "stored", "stored"]
    assert column(panel, ReceivedColumn.FROM)[1].startswith("<b>SCU</b> (127.0.0.1:")
    assert panel.counts.text().startswith("3 instances stored")
    stored = sorted(data_set(path) for path in (tmp_path / "received").rglob("*.dcm"))
    assert stored == sorted(data_set(path) for path in files)


async def test_a_port_that_is_taken_is_explained(panel: ListenerPanel, press: Press) -> None:
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    async with server:
        panel.port.setText(str(server.sockets[0].getsockname()[1]))
        await press(panel.start_button)
        await reached(lambda: bool(panel.findings.cards), "the finding is shown")
    assert panel.findings.cards[0].objectName() == "finding_port_in_use"
    assert not panel.is_running
    assert panel.start_button.isEnabled()


async def test_a_folder_that_cannot_be_used_is_explained(panel: ListenerPanel, press: Press, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    panel.folder.setText(str(tmp_path / "file"))
    await press(panel.start_button)
    await reached(lambda: bool(panel.findings.cards), "the finding is shown")
    assert panel.findings.cards[0].objectName() == "finding_file_failed"
    assert not panel.is_running


@pytest.mark.parametrize(("name", "text"), [("title_edit", "MUCH_TOO_LONG_A_TITLE"), ("port", "70000")])
async def test_a_wrong_setting_is_explained(panel: ListenerPanel, press: Press, name: str, text: str) -> None:
    getattr(panel, name).setText(text)
    await press(panel.start_button)
    await reached(lambda: bool(panel.findings.cards), "the finding is shown")
    assert panel.findings.cards[0].objectName() == "finding_configuration"


@pytest.mark.qt_log_ignore("propagateSizeHints")
async def test_the_folder_is_chosen_in_a_dialog(
    panel: ListenerPanel, press: Press, answer: Answer, tmp_path: Path
) -> None:
    await press(panel.browse_button)
    await answer(str(tmp_path))
    await reached(lambda: panel.folder.text() == str(tmp_path), "the folder is taken over")


async def test_a_row_leads_to_its_trace(panel: ListenerPanel, listening: int, press: Press, window: MainWindow) -> None:
    async with connect(f"DICOMGUI@127.0.0.1:{listening}", contexts=presets.VERIFICATION) as association:
        await association.echo()
    await reached(lambda: panel.model.rowCount() == 1, "it is shown")
    assert not panel.trace_button.isEnabled()
    panel.table.selectRow(0)
    await press(panel.trace_button)
    assert window.panel is window.trace
    assert window.trace.association.currentData() == panel.model.association_at(0)
