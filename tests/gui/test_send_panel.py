"""Files from the table to a peer, each with its own result."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from helpers import peers
from helpers.bad_peer import reached
from helpers.instances import CT, MR, data_set, write_instance
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QPushButton

from dicomgui.gui.main_window import MainWindow
from dicomgui.gui.models.send_model import SendColumn
from dicomgui.gui.panels.send import SendPanel

pytestmark = pytest.mark.qt
Press = Callable[[QPushButton], Awaitable[None]]
Answer = Callable[[str], Awaitable[str]]


@pytest.fixture
def panel(window: MainWindow) -> SendPanel:
    window.show_panel(window.send)
    return window.send


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return [write_instance(tmp_path / "files", number, sop_class=CT if number % 2 else MR) for number in range(1, 6)]


def column(panel: SendPanel, which: SendColumn) -> list[str]:
    return [panel.model.index(row, which).data() for row in range(panel.model.rowCount())]


async def ended(panel: SendPanel) -> None:
    await reached(lambda: not panel.is_busy and panel.run_button.isEnabled(), "the send has ended", 60)


async def test_files_go_to_our_listener(
    panel: SendPanel, press: Press, files: list[Path], listening: int, window: MainWindow, tmp_path: Path
) -> None:
    window.show_panel(panel)
    await panel.add_paths(files)
    assert panel.summary.text().startswith("5 files")
    panel.peer.host.insert(f"DICOMGUI@127.0.0.1:{listening}")
    await press(panel.run_button)
    await ended(panel)
    assert column(panel, SendColumn.STATE) == ["sent"] * 5
    assert panel.status.text().startswith("5 of 5 files sent")
    assert panel.bar.value() == 1000
    stored = sorted(data_set(path) for path in (tmp_path / "received").rglob("*.dcm"))
    assert stored == sorted(data_set(path) for path in files)
    await reached(lambda: window.listener.model.rowCount() == 5, "the listener shows them")
    await press(panel.trace_button)
    assert window.trace.association.currentData()


@pytest.mark.interop("storescp")
async def test_files_go_to_dcmtk(panel: SendPanel, press: Press, files: list[Path], tmp_path: Path) -> None:
    with peers.storescp(tmp_path / "dcmtk") as peer:
        await panel.add_paths([files[0].parent])
        panel.peer.host.insert(peer.address)
        await press(panel.run_button)
        await ended(panel)
    assert column(panel, SendColumn.STATE) == ["sent"] * 5
    kept = sorted(data_set(path) for path in (tmp_path / "dcmtk").glob("*.dcm"))
    assert kept == sorted(data_set(path) for path in files)


async def test_what_is_no_dicom_is_listed_and_left_out(panel: SendPanel, files: list[Path], tmp_path: Path) -> None:
    text = tmp_path / "readme <b>.txt"
    text.write_text("nothing")
    await panel.add_paths([files[0], text])
    await panel.add_paths([files[0]])
    assert column(panel, SendColumn.STATE) == ["queued", "skipped"]
    assert column(panel, SendColumn.FILE) == ["1.dcm", "readme <b>.txt"]
    assert panel.summary.text().endswith("1 skipped")
    panel.table.selectRow(1)
    panel.remove_button.click()
    assert panel.model.rowCount() == 1
    panel.clear_button.click()
    assert panel.model.rowCount() == 0
    assert not panel.clear_button.isEnabled()


async def test_a_closed_port_fails_every_file_with_the_reason(
    panel: SendPanel, press: Press, files: list[Path]
) -> None:
    await panel.add_paths(files)
    panel.peer.host.insert(f"PACS@127.0.0.1:{peers.free_port()}")
    await press(panel.run_button)
    await ended(panel)
    assert column(panel, SendColumn.STATE) == ["failed"] * 5
    assert all(column(panel, SendColumn.RESULT))
    assert [card.objectName() for card in panel.findings.cards] == ["finding_closed_port"]
    assert "5 failed" in panel.status.text()


async def test_cancel_in_the_middle_of_a_data_set(
    panel: SendPanel, press: Press, listening: int, window: MainWindow, tmp_path: Path
) -> None:
    """Nothing that was not acknowledged is called sent, and the receiver keeps no part of it."""
    window.show_panel(panel)
    big = [write_instance(tmp_path / "big", number, pixel_bytes=8_000_000) for number in range(40)]
    await panel.add_paths(big)
    panel.peer.host.insert(f"DICOMGUI@127.0.0.1:{listening}")
    await press(panel.run_button)
    await reached(lambda: "sent" in column(panel, SendColumn.STATE), "the first is sent", 60)
    await press(panel.cancel_button)
    await ended(panel)
    states = column(panel, SendColumn.STATE)
    assert set(states) <= {"sent", "cancelled"}
    assert "cancelled" in states
    await reached(lambda: not window.listener.listener or not window.listener.listener.associations, "it has ended")
    assert not list((tmp_path / "received").rglob("*.part"))
    assert len(list((tmp_path / "received").rglob("*.dcm"))) >= states.count("sent")


async def test_nothing_to_send_is_said(panel: SendPanel, press: Press) -> None:
    panel.peer.host.insert("PACS@127.0.0.1")
    await press(panel.run_button)
    await ended(panel)
    assert panel.status.text() == "Add files first."


@pytest.mark.qt_log_ignore("propagateSizeHints")
async def test_the_file_dialog_opens_without_a_nested_loop(
    panel: SendPanel, press: Press, answer: Answer, files: list[Path]
) -> None:
    """Other tasks go on while it is open; what is chosen is added."""
    await press(panel.add_files)
    assert await answer(str(files[0])) == "Files to send"
    await reached(lambda: panel.model.rowCount() == 1, "the file is in the table")
    await press(panel.add_folder)
    await answer(str(files[0].parent))
    await reached(lambda: panel.model.rowCount() == 5, "the other files as well")
    await press(panel.add_files)
    await answer("")
    await reached(lambda: not len(panel.tasks), "the question has ended")
    assert panel.model.rowCount() == 5


async def test_files_can_be_dropped(panel: SendPanel, files: list[Path]) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in files[:2]])
    place, action, none = QPointF(50, 50), Qt.DropAction.CopyAction, Qt.KeyboardModifier.NoModifier
    entered = QDragEnterEvent(place.toPoint(), action, data, Qt.MouseButton.LeftButton, none)
    panel.dragEnterEvent(entered)
    assert entered.isAccepted()
    panel.dropEvent(QDropEvent(place, action, data, Qt.MouseButton.LeftButton, none))
    await reached(lambda: panel.model.rowCount() == 2, "both are in the table")
