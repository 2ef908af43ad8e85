"""The archive in the window: import, look, search, send on, export, delete and undo; also when it is large."""

from __future__ import annotations

import asyncio
import os
import zipfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.archive import instance, put
from helpers.bad_peer import reached
from helpers.dragging import drag_enter
from helpers.instances import data_set, write_instance
from pydicom.dataset import FileMetaDataset
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication
from PySide6.QtWidgets import QPushButton, QScrollArea
from pytestqt.qtbot import QtBot

from dicomgui.app.archive import local_archive
from dicomgui.app.archive.files import ExportForm
from dicomgui.app.configuration.nodes import Node
from dicomgui.app.operations import JobState
from dicomgui.gui.archive.model import ArchiveColumn
from dicomgui.gui.archive.panel import ArchivePanel
from dicomgui.gui.home.steps_strip import FirstStep
from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.gui.tables.tree_cell import arrow_rect
from dicomgui.network.association.params import PeerAddress
from dicomgui.network.uids import EXPLICIT_VR_LITTLE_ENDIAN
from dicomgui.storage import Level
from dicomgui.storage.attributes import InstanceAttributes, attributes_of
from dicomgui.storage.database import mark_clean, open_database
from dicomgui.storage.listing import Order
from dicomgui.storage.rows import FileFacts, Rows

pytestmark = pytest.mark.qt
Press = Callable[[QPushButton], Awaitable[None]]
Answer = Callable[[str], Awaitable[str]]


def write(folder: Path, study: int, series: int, number: int, **values: object) -> Path:
    dataset = instance(study, series, number, **values)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = EXPLICIT_VR_LITTLE_ENDIAN
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{study}-{series}-{number}-{len(list(folder.iterdir()))}.dcm"
    dataset.save_as(path, enforce_file_format=True)
    return path


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Two patients; the first has two series, the second a name in Chinese."""
    folder = tmp_path / "files"
    for series in (1, 2):
        for number in (1, 2, 3):
            write(folder, 1, series, number)
    write(folder, 2, 1, 1, PatientName="Wang^Xiaodong=王^小东", SpecificCharacterSet="ISO_IR 192")
    return folder


@pytest.fixture
def panel(window: MainWindow) -> ArchivePanel:
    window.show_panel(window.archive)
    return window.archive


@pytest.fixture
async def filled(panel: ArchivePanel, files: Path) -> ArchivePanel:
    panel.add_paths([files])
    await reached(lambda: not panel.is_busy and panel.model.rowCount() == 2, "it is imported", 20)
    panel.view.sort(Order.ID, False)
    await reached(lambda: names(panel) == ["Doe Jane", "Wang Xiaodong = 王 小东"], "they are in order")
    return panel


def names(panel: ArchivePanel) -> list[str]:
    return cells(panel, ArchiveColumn.NAME)


def cells(panel: ArchivePanel, column: ArchiveColumn) -> list[str]:
    return [panel.model.index(row, column).data() for row in range(panel.model.rowCount())]


def stored(tmp_path: Path) -> int:
    return len(list((tmp_path / "received").glob("??/*.dcm")))


async def test_before_anything_is_there_it_says_what_to_do(panel: ArchivePanel) -> None:
    await reached(lambda: panel.view.is_listed, "it was listed")
    await reached(lambda: panel._pages.currentIndex() == 0, "it says so")
    for button in (panel.look_button, panel.send_button, panel.export_button, panel.delete_button):
        assert not button.isEnabled()
    assert panel.counts.text().endswith("received")


async def test_import_by_drop_with_a_job(window: MainWindow, panel: ArchivePanel, files: Path, tmp_path: Path) -> None:
    (files / "readme.txt").write_text("no DICOM")
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(files))])
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    entering = drag_enter(QPointF(5, 5), mime)
    panel.dragEnterEvent(entering)
    assert entering.isAccepted()
    panel.dropEvent(QDropEvent(QPointF(5, 5), copy, mime, left, none))
    assert panel.cancel_button.isEnabled()
    await reached(lambda: not panel.is_busy, "it has ended", 20)
    assert panel.status.text().startswith("7 instances imported")
    assert "1 skipped" in panel.status.text()
    [job] = window.jobs._jobs.all()
    assert (job.state, job.files_done) == (JobState.DONE, 7)
    assert stored(tmp_path) == 7
    await reached(lambda: panel.counts.text().startswith("2 patients · 2 studies · 7 instances"), "it is counted")
    panel.add_paths([files])
    await reached(lambda: not panel.is_busy, "it has ended", 20)
    assert "7 there already" in panel.status.text()


async def test_rows_open_by_key_down_to_the_data_set(filled: ArchivePanel, qtbot: QtBot, window: MainWindow) -> None:
    panel = filled
    panel.table.setFocus()
    panel.table.selectRow(0)
    for row, count in ((0, 3), (1, 5), (2, 8)):
        assert panel.table.currentIndex().row() == row
        qtbot.keyClick(panel.table, Qt.Key.Key_Right)
        await reached(lambda count=count: panel.model.rowCount() == count, f"{count} rows")
        qtbot.keyClick(panel.table, Qt.Key.Key_Down)
    await reached(lambda: names(panel)[:4] == ["Doe Jane", "Head", "1 · (no description)", "1 · CT Image"], "names")
    qtbot.keyClick(panel.table, Qt.Key.Key_Return)
    await reached(lambda: len(window.viewers.viewers) == 1, "it is shown in a window of its own")
    await reached(lambda: not window.viewers.viewers[0].is_busy, "it is read")
    assert window.viewers.viewers[0].viewed.text_of(0x00100010) == "Doe^Jane"
    panel.look_button.click()
    await reached(lambda: panel.dataset.is_open, "the data set is shown")
    assert panel.dataset.heading.text() == "1 · CT Image"
    panel.dataset.copy_button.click()
    assert "(0010,0010) PN PatientName: Doe^Jane" in QGuiApplication.clipboard().text()
    await reached(lambda: window.home.steps.done == {FirstStep.LOOK}, "the step on Home is lit")
    panel.cancel()
    assert not panel.dataset.isVisible()
    qtbot.keyClick(panel.table, Qt.Key.Key_Left)
    assert panel.table.currentIndex().row() == 2
    qtbot.keyClick(panel.table, Qt.Key.Key_Left)
    assert panel.model.rowCount() == 5


async def test_rows_open_by_the_mouse(filled: ArchivePanel, qtbot: QtBot) -> None:
    panel = filled
    place = panel.table.visualRect(panel.model.index(0, 0))
    viewport = panel.table.viewport()
    qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=arrow_rect(place, 0).center())
    await reached(lambda: panel.model.rowCount() == 3, "the arrow opens it")
    assert not panel.table.selectionModel().hasSelection()
    qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=place.center())
    qtbot.mouseDClick(viewport, Qt.MouseButton.LeftButton, pos=place.center())
    await reached(lambda: panel.model.rowCount() == 2, "a double click closes it")


async def test_looking_at_a_patient_shows_its_first_instance(filled: ArchivePanel, press: Press) -> None:
    panel = filled
    panel.table.selectRow(0)
    await press(panel.look_button)
    await reached(lambda: panel.dataset.is_open, "it is shown")
    assert panel.dataset.heading.text() == "Doe Jane: the first of 6 instances"
    await press(panel.dataset.close_button)
    assert not panel.dataset.is_open


async def test_searching(filled: ArchivePanel, qtbot: QtBot) -> None:
    panel = filled
    panel.window().activateWindow()
    await reached(panel.window().isActiveWindow, "the window is active")
    qtbot.keyClick(panel.table, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert panel.search.hasFocus()
    panel.search.insert("小东")
    await reached(lambda: names(panel) == ["Wang Xiaodong = 王 小东"], "one is left")
    qtbot.keyClicks(panel.search, " doe")
    await reached(lambda: panel.model.rowCount() == 0 and panel._pages.currentIndex() == 1, "it says that none is")
    panel.search.setText("acc1")
    qtbot.keyClick(panel.search, Qt.Key.Key_Return)
    await reached(lambda: names(panel) == ["Doe Jane"], "the accession number is found")
    assert panel.table.hasFocus()
    panel.search.clear()
    await reached(lambda: panel.model.rowCount() == 2, "all are back")


async def test_the_head_of_a_column_sorts(filled: ArchivePanel, qtbot: QtBot) -> None:
    panel = filled
    head = panel.table.horizontalHeader()
    for expected in (["Doe Jane", "Wang Xiaodong = 王 小东"], ["Wang Xiaodong = 王 小东", "Doe Jane"]):
        middle = head.sectionViewportPosition(ArchiveColumn.NAME) + head.sectionSize(ArchiveColumn.NAME) // 2
        qtbot.mouseClick(head.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(middle, 8))
        await reached(lambda expected=expected: names(panel) == expected, "it is sorted")


async def test_delete_and_undo(filled: ArchivePanel, qtbot: QtBot, press: Press, tmp_path: Path) -> None:
    panel = filled
    panel.table.setFocus()
    panel.table.selectRow(0)
    qtbot.keyClick(panel.table, Qt.Key.Key_Delete)
    await reached(lambda: names(panel) == ["Wang Xiaodong = 王 小东"], "it is gone from the list")
    assert panel.undo_bar.text.text().startswith("Deleted 6 instances")
    assert stored(tmp_path) == 1
    assert panel.table.selectionModel().isRowSelected(0)
    await press(panel.undo_bar.undo_button)
    await reached(lambda: panel.model.rowCount() == 2, "it is back")
    assert panel.status.text() == "6 instances brought back"
    assert stored(tmp_path) == 7


async def test_what_is_open_and_selected_stays_when_something_comes(
    filled: ArchivePanel, files: Path, tmp_path: Path
) -> None:
    panel = filled
    panel.table.selectRow(0)
    panel.model.open_row(0)
    await reached(lambda: panel.model.rowCount() == 3, "it is open")
    write(tmp_path / "more", 1, 1, 9)
    panel.add_paths([tmp_path / "more"])
    await reached(lambda: not panel.is_busy and cells(panel, ArchiveColumn.INSTANCES)[0] == "7", "it has come", 20)
    assert panel.model.rowCount() == 3
    assert panel.table.selectionModel().isRowSelected(0)


async def test_the_same_instance_twice_is_seen_and_deleting_and_undoing_say_so(
    filled: ArchivePanel, qtbot: QtBot, press: Press, tmp_path: Path
) -> None:
    panel = filled
    write(tmp_path / "other", 2, 1, 1, StudyDescription="changed", PatientName="Wang")
    panel.add_paths([tmp_path / "other"])
    await reached(lambda: not panel.is_busy, "it is imported", 20)
    assert "1 with a UID that is here with another data set" in panel.status.text()
    await reached(lambda: cells(panel, ArchiveColumn.REMARK)[1] == "1 UID twice", "it is marked")
    panel.table.setFocus()
    panel.table.selectRow(1)
    qtbot.keyClick(panel.table, Qt.Key.Key_Delete)
    await reached(lambda: names(panel) == ["Doe Jane"], "it is gone from the list")
    assert panel.undo_bar.text.text().startswith("Deleted 2 data sets of 1 instance, ")
    await press(panel.undo_bar.undo_button)
    await reached(lambda: panel.status.text() == "2 data sets of 1 instance brought back", "it is back")


@pytest.mark.qt_log_ignore("propagateSizeHints")
@pytest.mark.parametrize("form", list(ExportForm))
async def test_export(filled: ArchivePanel, press: Press, answer: Answer, tmp_path: Path, form: ExportForm) -> None:
    panel = filled
    panel.table.selectRow(0)
    panel.export_form.setCurrentIndex(panel.export_form.findData(form))
    target = tmp_path / ("out.zip" if form is ExportForm.ZIP else "out")
    if form is not ExportForm.ZIP:
        target.mkdir()
    await press(panel.export_button)
    await answer(str(target))
    await reached(lambda: not panel.is_busy, "it has ended", 20)
    assert panel.status.text().startswith("6 instances exported to ")
    if form is ExportForm.ZIP:
        assert len(zipfile.ZipFile(target).namelist()) == 6
    else:
        made = [path for path in target.rglob("*") if path.is_file()]
        assert len(made) == 6 + (form is ExportForm.DICOMDIR)
        assert (target / "DICOMDIR").exists() == (form is ExportForm.DICOMDIR)


@pytest.mark.qt_log_ignore("propagateSizeHints")
async def test_an_export_that_is_not_wanted_after_all(filled: ArchivePanel, press: Press, answer: Answer) -> None:
    filled.table.selectRow(0)
    await press(filled.export_button)
    await answer("")
    await reached(lambda: not filled.is_busy, "it has ended")
    assert filled.export_button.isEnabled()


@pytest.mark.qt_log_ignore("propagateSizeHints")
async def test_files_are_chosen_in_a_dialog(panel: ArchivePanel, press: Press, answer: Answer, files: Path) -> None:
    await press(panel.import_folder)
    await answer(str(files))
    await reached(lambda: panel.model.rowCount() == 2, "it is imported", 20)


async def test_send_to_the_send_panel(filled: ArchivePanel, press: Press, window: MainWindow) -> None:
    filled.table.selectRow(1)
    await press(filled.send_button)
    await reached(lambda: window.panel is window.send and window.send.model.count == 1, "it is there")
    assert not window.send.is_busy


async def test_send_to_a_node_sends_at_once_and_nothing_else(
    filled: ArchivePanel, press: Press, window: MainWindow, tmp_path: Path
) -> None:
    """To our own listener, which has it already: there and back in one window."""
    window.listener.run()
    await reached(lambda: window.listener.is_running, "it listens")
    node = window.config.nodes.add(Node("Me", PeerAddress.parse(f"DICOMGUI@127.0.0.1:{window.listener.port.text()}")))
    window.config.nodes_edited()
    await window.send.add_paths([write_instance(tmp_path / "left alone", 1)])
    filled.send_to.setCurrentIndex(filled.send_to.findData("Me"))
    filled.table.selectRow(0)
    await press(filled.send_button)
    await reached(lambda: not window.send.is_busy and "6 of 6" in window.send.status.text(), "it was sent", 20)
    assert window.send.model.count == 7
    assert window.send.model.state_of(0) == "queued"
    assert window._place.choice.node == node
    assert window.listener.listener is not None
    assert window.listener.listener.counts.duplicates == 6


async def test_what_is_received_is_listed_and_nothing_is_gathered_before(
    window: MainWindow, panel: ArchivePanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_archive, "GATHER_S", 1000.0)
    window.listener.run()
    await reached(lambda: window.listener.is_running, "it listens")
    paths = [write_instance(tmp_path / "files", number) for number in range(1, 4)]
    await window.send.add_paths(paths)
    window.send.peer.host.insert(f"DICOMGUI@127.0.0.1:{window.listener.port.text()}")
    window.send.run()
    await reached(lambda: cells(panel, ArchiveColumn.INSTANCES) == ["3"], "they are listed", 20)
    received = (tmp_path / "received").glob("??/*.dcm")
    assert sorted(map(data_set, received)) == sorted(map(data_set, paths))


async def test_another_folder_is_another_archive(filled: ArchivePanel, window: MainWindow, tmp_path: Path) -> None:
    window.listener.folder.setText(str(tmp_path / "another"))
    await reached(lambda: filled.view.is_listed and filled.model.rowCount() == 0, "it is empty")
    assert str(tmp_path / "another") in filled.counts.text()
    window.listener.folder.setText(str(tmp_path / "received"))
    await reached(lambda: filled.model.rowCount() == 2, "the first is back")


async def test_another_folder_is_named_while_the_first_is_being_opened(window: MainWindow, tmp_path: Path) -> None:
    keeper = window._place.archive
    for name in ("one", "two", "three"):
        window.listener.folder.setText(str(tmp_path / name))
        keeper.want()
    assert keeper.is_opening
    await reached(lambda: keeper.is_open and not keeper.is_opening, "the last one is open")
    assert keeper.archive.folder == tmp_path / "three"


async def test_a_folder_that_cannot_be_used_is_explained(
    panel: ArchivePanel, window: MainWindow, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    window.listener.folder.setText(str(tmp_path / "file"))
    await reached(lambda: bool(panel.repaired.text()), "it says why")
    panel.add_paths([tmp_path / "file"])
    await reached(lambda: not panel.is_busy, "it has ended")
    assert panel.status.text().startswith("Nothing was imported. ")


async def test_what_the_repair_found_is_told_quietly(window: MainWindow, tmp_path: Path, files: Path) -> None:
    (tmp_path / "received").mkdir()
    put(tmp_path / "received", instance(1, 1, 1))
    window.show_panel(window.archive)
    panel = window.archive
    await reached(lambda: panel.repaired.isVisible(), "it is told")
    assert panel.repaired.text() == "When it was opened: 1 instance was put into a new index."


async def test_the_index_is_made_anew_by_its_button(filled: ArchivePanel, press: Press, window: MainWindow) -> None:
    panel, index = filled, window._place.archive.archive.index
    index.clear().result()
    await reached(lambda: panel.model.rowCount() == 0, "the list is empty")
    await press(panel.rebuild_button)
    assert not panel.rebuild_button.isEnabled()
    await reached(lambda: panel.status.text() == "The index was made anew of 7 instances", "it says so")
    await reached(lambda: panel.counts.text().startswith("2 patients · 2 studies · 7 instances"), "it lists all")
    assert panel.rebuild_button.isEnabled()
    job = window.jobs._jobs.all()[-1]
    assert (job.title, job.state, job.files_done) == ("Make the index anew", JobState.DONE, 7)


async def test_an_index_made_anew_names_broken_files(filled: ArchivePanel, press: Press, window: MainWindow) -> None:
    panel, folder = filled, window._place.archive.archive.folder
    cut = sorted(folder.glob("??/*.dcm"))[0]
    os.truncate(cut, cut.stat().st_size - 1)
    await press(panel.rebuild_button)
    await reached(lambda: "broken" in panel.status.text(), "it is named")
    text = panel.status.text()
    assert text.startswith(f"The index was made anew of 7 instances · 1 broken · {cut.name}: the data set breaks off")
    job = window.jobs._jobs.all()[-1]
    assert (job.state, job.files_done) == (JobState.WARNING, 7)
    assert cut.is_file()


async def test_in_a_narrow_window_everything_is_within_its_width(filled: ArchivePanel, window: MainWindow) -> None:
    window.resize(window.minimumSize())
    filled.table.selectRow(0)
    filled.look_button.click()
    await reached(lambda: filled.dataset.is_open, "the data set is shown")
    page = window.stack.currentWidget()
    assert isinstance(page, QScrollArea)
    await reached(lambda: page.horizontalScrollBar().maximum() == 0, "there is nothing to scroll to the side")
    await reached(lambda: not filled.dataset.visibleRegion().isEmpty(), "the data set is in view")


async def test_cancel_stops_an_import_and_keeps_what_is_in(
    window: MainWindow, panel: ArchivePanel, tmp_path: Path, qtbot: QtBot
) -> None:
    for number in range(60):
        write_instance(tmp_path / "many", number, pixel_bytes=65_536)
    panel.add_paths([tmp_path / "many"])
    await reached(lambda: panel.work.progress is not None and panel.work.progress.done > 0, "it has begun")
    panel.cancel()
    await reached(lambda: not panel.is_busy, "it has ended")
    await reached(lambda: panel.import_files.isEnabled(), "another can begin")
    assert window.jobs._jobs.all()[0].state in (JobState.CANCELLED, JobState.DONE)
    assert not list((tmp_path / "received").rglob("*.part"))


async def test_a_hundred_thousand_instances(
    window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Listed and searched in slices: the loop never stands still for long."""
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, _fill, tmp_path / "received")
    panel, archive = window.archive, window._place.archive.archive
    monkeypatch.setattr(archive, "_begin", lambda *_: None)  # there are no files to compare it with
    longest, before = 0.0, loop.time()

    def note() -> None:
        nonlocal longest, before
        now = loop.time()
        longest, before = max(longest, now - before), now

    window._place.pump.add(note)
    window.show_panel(panel)
    await reached(lambda: panel.model.rowCount() == 2000, "the patients are listed", 20)
    await reached(lambda: names(panel)[0].startswith("Patient"), "those in view are known")
    panel.search.setText("Patient 01234")
    await reached(lambda: panel.model.rowCount() == 1, "one is found")
    panel.search.setText("")
    await reached(lambda: panel.model.rowCount() == 2000, "all are listed")
    panel.table.scrollToBottom()
    await reached(lambda: names(panel)[-1].startswith("Patient"), "the last ones are known")
    assert "100,000 instances" in panel.counts.text()
    assert longest < 1.0


def _fill(folder: Path) -> None:
    """An index of 2,000 patients with 50 instances each, straight into the database."""
    folder.mkdir()
    connection, _ = open_database(folder)
    rows = Rows(connection)
    connection.execute("BEGIN")
    rows.begin()
    for number in range(100_000):
        patient = number // 50
        values = {
            "PatientName": f"Patient^{patient:05}", "PatientID": f"P{patient}", "StudyInstanceUID": f"1.2.{patient}",
            "StudyDate": "20240101", "SeriesInstanceUID": f"1.2.{patient}.1", "Modality": "CT",
            "SOPInstanceUID": f"1.2.{patient}.1.{number}", "InstanceNumber": str(number % 50),
        }  # fmt: skip
        patients, studies, series, images = (
            tuple(values.get(one.keyword) for one in attributes_of(level)) for level in Level
        )
        facts = FileFacts(f"00/1.2.{number}.dcm", 1, 1000, 1)
        rows.put(facts, InstanceAttributes(patients, studies, series, images, EXPLICIT_VR_LITTLE_ENDIAN, True))
    connection.execute("COMMIT")
    mark_clean(connection)
    connection.close()


async def test_the_archive_of_another_folder_is_closed_with_the_window(window: MainWindow, tmp_path: Path) -> None:
    """Another folder was named, and the window is closed before the archive of the former one is."""
    keeper = window._place.archive
    former = keeper.archive
    keeper.want()
    await reached(lambda: not keeper.is_opening and former.index.is_open, "the archive is open")
    listener = replace(window.config.settings.listener, folder=str(tmp_path / "another"))
    window.config.change(replace(window.config.settings, listener=listener))
    assert keeper.archive is not former
    await keeper.shut_down()
    assert not former.index.is_open
