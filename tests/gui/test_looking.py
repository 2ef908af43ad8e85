"""A double click on what is listed opens it in a window of its own, wherever that is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from helpers.answering import Answering
from helpers.bad_peer import reached
from helpers.query_panel import ask, ended, shown_panel
from helpers.retrieval import CT_STUDY, elements, real_files
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QAbstractItemView, QPushButton
from pytestqt.qtbot import QtBot

from dicomgui.app.asking.levels import Level
from dicomgui.app.nservices.templates import TEMPLATES
from dicomgui.gui.query.panel import QueryPanel
from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.gui.viewer.window import ViewerWindow
from dicomgui.network import Handlers, ProposedContext, connect, presets, serve
from dicomgui.network.service_classes.performed_steps import PerformedSteps
from dicomgui.network.uids import DEFAULT_TRANSFER_SYNTAXES

pytestmark = [pytest.mark.qt, pytest.mark.qt_log_ignore("This plugin does not support")]
Press = Callable[[QPushButton], Awaitable[None]]
MPPS, PRINTER = "1.2.840.10008.3.1.2.3.3", "1.2.840.10008.5.1.1.16"


def double_click(qtbot: QtBot, view: QAbstractItemView, row: int) -> None:
    place: QPoint = view.visualRect(view.model().index(row, 0)).center()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)


async def opened(window: MainWindow, count: int = 1) -> ViewerWindow:
    await reached(lambda: len(window.viewers.viewers) == count, "a window is open", 30)
    viewer = window.viewers.viewers[-1]
    await reached(lambda: not viewer.is_busy, "it is read", 20)
    return viewer


async def images_of(window: MainWindow, folder: Path, press: Press, pacs: Answering) -> QueryPanel:
    """The images of a study, as matches."""
    panel = await shown_panel(window, folder)
    panel.form.level.setCurrentIndex(panel.form.level.findData(Level.IMAGE))
    await ask(panel, press, pacs.peer, StudyInstanceUID=CT_STUDY)
    await ended(panel)
    assert panel.results.model.rowCount() == len(real_files(CT_STUDY))
    return panel


async def test_an_image_among_the_matches_is_retrieved_and_shown_and_at_once_when_it_is_here(
    window: MainWindow, pacs: Answering, press: Press, qtbot: QtBot, tmp_path: Path
) -> None:
    panel = await images_of(window, tmp_path / "received", press, pacs)
    double_click(qtbot, panel.results.table, 0)
    viewer = await opened(window)
    assert len(list((tmp_path / "received").glob("??/*.dcm"))) == 1
    assert len(panel.retrievals.lines) == 1
    assert viewer.viewed.path is not None
    assert "was retrieved" in panel.status.text()
    viewer.close()
    window.activateWindow()
    double_click(qtbot, panel.results.table, 0)
    await opened(window)
    assert len(panel.retrievals.lines) == 1


async def test_an_image_that_cannot_be_retrieved_is_said(
    window: MainWindow, pacs: Answering, press: Press, qtbot: QtBot, tmp_path: Path
) -> None:
    panel = await images_of(window, tmp_path / "received", press, pacs)
    await pacs.server.close()
    double_click(qtbot, panel.results.table, 0)
    await reached(lambda: "could not be retrieved" in panel.status.text(), "it is said", 30)
    assert window.viewers.viewers == []


async def test_a_file_to_be_sent(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window.show_panel(window.send)
    (tmp_path / "note.txt").write_text("no instance")
    await window.send.add_paths([*real_files(CT_STUDY)[:1], tmp_path / "note.txt"])
    double_click(qtbot, window.send.table, 1)  # opens nothing
    double_click(qtbot, window.send.table, 0)
    viewer = await opened(window)
    assert viewer.viewed.parsed.length > 0


async def test_an_answer_of_a_normalized_service(window: MainWindow, qtbot: QtBot, press: Press) -> None:
    panel = window.nservices
    window.resize(1300, 900)
    window.show_panel(panel)
    steps = PerformedSteps(is_strict=False)
    async with await serve(
        port=0, ae_title="PEER", handlers=Handlers(on_n_create=steps.on_n_create, on_n_get=steps.on_n_get)
    ) as server:
        panel.place.choice.set(called_ae="PEER", host="127.0.0.1", port=str(server.port))
        for key in ("mpps-begin", "mpps-read"):
            panel.use_template(next(one for one in TEMPLATES if one.key == key))
            await press(panel.run_button)
            await reached(lambda: not panel.is_busy, "it is answered")
    double_click(qtbot, panel.history, 0)  # it has no data set
    double_click(qtbot, panel.history, 1)
    viewer = await opened(window)
    assert viewer.viewed.text_of(0x00400252) == "IN PROGRESS"
    await press(panel.answer.tree.window_button)
    await opened(window, 2)


async def test_what_the_listener_was_told(window: MainWindow, qtbot: QtBot, press: Press, tmp_path: Path) -> None:
    panel = window.answers
    window.show_panel(panel)
    for box in panel.boxes.values():
        box.click()
    window.listener.run()
    await reached(lambda: window.listener.is_running, "the listener runs")
    role = ProposedContext(PRINTER, DEFAULT_TRANSFER_SYNTAXES, scu_role=False, scp_role=True)
    at = f"DICOMGUI@127.0.0.1:{window.listener.port.text()}"
    async with connect(at, contexts=(role, *presets.for_classes(MPPS))) as association:
        report = elements(SpecificCharacterSet="ISO_IR 192", PrinterName="王^小东")
        await association.n_event_report(PRINTER, "2.25.7", 2, report)
    await press(next(button for button in panel.buttons if button.objectName() == "answers_view_notifications"))
    page = panel.notifications
    await reached(lambda: page.model.rowCount() == 1, "it is listed")
    double_click(qtbot, page.table, 0)
    viewer = await opened(window)
    assert viewer.viewed.text_of(0x21100030) == "王^小东"
