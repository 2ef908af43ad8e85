"""What the listener answers, set by clicks and keys, and what came in over it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date
from pathlib import Path

import pytest
from helpers.bad_peer import reached
from helpers.retrieval import elements
from pydicom.dataset import Dataset
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QComboBox, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from dicomgui.app.asking.dicom_json import dataset_json
from dicomgui.app.configuration.peers import NodeStore
from dicomgui.app.configuration.provided import USUAL, Provided
from dicomgui.app.configuration.settings import SettingsStore
from dicomgui.app.context import AppContext
from dicomgui.app.listening.answers import AnswerStore
from dicomgui.app.listening.ris import COLUMNS
from dicomgui.app.practice.data import practice_worklist
from dicomgui.gui.answers.panel import AnswersPanel
from dicomgui.gui.keeping.configuration import Configuration
from dicomgui.gui.look.theme import Theme
from dicomgui.gui.running.reporter import Reporter
from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.gui.tables.edit_table import EditTable
from dicomgui.network import Association, ProposedContext, connect, presets
from dicomgui.network.service_classes import commitment, media_creation, mpps, print_management, worklist
from dicomgui.network.uids import DEFAULT_TRANSFER_SYNTAXES

pytestmark = pytest.mark.qt
Press = Callable[[QPushButton], Awaitable[None]]
Answer = Callable[[str], Awaitable[str]]
MPPS, META = "1.2.840.10008.3.1.2.3.3", "1.2.840.10008.5.1.1.9"
SESSION, FILM, IMAGE = (f"1.2.840.10008.5.1.1.{last}" for last in (1, 2, 4))
PUSH, PULL = "1.2.840.10008.5.1.4.34.6.1", "1.2.840.10008.5.1.4.34.6.3"
PRINTER = "1.2.840.10008.5.1.1.16"
REPORTING = (ProposedContext(PRINTER, DEFAULT_TRANSFER_SYNTAXES, scu_role=False, scp_role=True),)
CONTEXTS = (
    *REPORTING,
    *presets.WORKLIST,
    *mpps.CONTEXTS,
    *commitment.CONTEXTS,
    *presets.for_classes(META, PUSH, PULL, media_creation.SOP_CLASS),
)
COLUMN = {column.keyword: number for number, column in enumerate(COLUMNS)}


@pytest.fixture
def panel(window: MainWindow) -> AnswersPanel:
    window.show_panel(window.answers)
    return window.answers


def view(panel: AnswersPanel, name: str) -> QPushButton:
    button = panel.findChild(QPushButton, f"answers_view_{name}")
    assert isinstance(button, QPushButton)
    return button


async def type_into(qtbot: QtBot, rows: EditTable, row: int, column: int, text: str) -> None:
    """Type over a cell, as somebody with a keyboard does."""
    rows.table.setCurrentIndex(rows.model.index(row, column))
    qtbot.keyClick(rows.table, Qt.Key.Key_F2)
    [editor] = [one for one in rows.table.findChildren(QLineEdit) if one.isVisible()]
    editor.selectAll()
    if text.isascii():
        qtbot.keyClicks(editor, text)
    else:  # as an input method does it
        editor.insert(text)
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    await reached(lambda: not any(one.isVisible() for one in rows.table.findChildren(QLineEdit)), "it is taken over")


def double_click(qtbot: QtBot, table: QAbstractItemView) -> None:
    """On the first row."""
    place = table.visualRect(table.model().index(0, 0)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)


@pytest.fixture
async def asking(window: MainWindow, panel: AnswersPanel, press: Press) -> AsyncIterator[Association]:
    """A modality that is connected to the listener, every service of which was switched on."""
    for box in panel.boxes.values():
        box.click()
    window.listener.run()
    await reached(lambda: window.listener.is_running, "the listener runs")
    port = int(window.listener.port.text())
    async with connect(f"DICOMGUI@127.0.0.1:{port}", contexts=CONTEXTS, calling_ae="CT1") as association:
        yield association


async def test_it_is_reached_from_the_listener_and_leads_back(window: MainWindow, press: Press, qtbot: QtBot) -> None:
    window.show_panel(window.listener)
    await press(window.listener.answers_button)
    assert window.panel is window.answers
    rail = window.findChild(QAbstractButton, "rail_listener")
    assert isinstance(rail, QAbstractButton)
    assert rail.isChecked()
    await press(window.answers.back_button)
    assert window.panel is window.listener
    window.activateWindow()
    await reached(window.isActiveWindow, "the window is active")
    qtbot.keyClick(window, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert window.panel is window.answers


async def test_nothing_is_offered_before_it_is_switched_on_and_then_at_once(
    window: MainWindow, panel: AnswersPanel, qtbot: QtBot
) -> None:
    assert not any(box.isChecked() for box in panel.boxes.values())
    window.listener.run()
    await reached(lambda: window.listener.is_running, "the listener runs")
    address = f"DICOMGUI@127.0.0.1:{window.listener.port.text()}"
    contexts = (*presets.VERIFICATION, *presets.WORKLIST)
    async with connect(address, contexts=contexts) as association:
        accepted = [one.abstract_syntax for one in association.negotiated.accepted]
        assert accepted == [presets.VERIFICATION[0].abstract_syntax]
    panel.boxes["worklist"].setFocus()
    qtbot.keyClick(panel.boxes["worklist"], Qt.Key.Key_Space)
    async with connect(address, contexts=contexts) as association:
        assert len(association.negotiated.accepted) == 2
    assert window.config.settings.listener.services == USUAL | {Provided.WORKLIST}


async def test_a_row_that_is_typed_is_answered(
    panel: AnswersPanel, asking: Association, press: Press, qtbot: QtBot
) -> None:
    await press(view(panel, "worklist"))
    rows = panel.worklist.rows
    await press(rows.add_button)
    await type_into(qtbot, rows, 0, COLUMN["PatientName"], "Wang^Xiaodong=王^小东")
    await type_into(qtbot, rows, 0, COLUMN["Modality"], "CT")
    await type_into(qtbot, rows, 0, COLUMN["PatientSex"], "X")
    await reached(lambda: bool(panel.desk.problems), "what is wrong was noticed")
    assert rows.note.text() == "Not in force: row 1: Sex is M, F or O"
    assert await worklist.fetch(asking) == ()
    await type_into(qtbot, rows, 0, COLUMN["PatientSex"], "M")
    await reached(lambda: len(panel.desk.worklist()) == 1, "the row is in force")
    [item] = await worklist.fetch(asking, worklist.identifier(modality="CT"))
    assert item.patient_name == "Wang^Xiaodong=王^小东"
    assert item.accession_number.startswith("ACC")
    assert item.accession_number[3:].isdigit()
    assert not rows.note.isVisible()


async def test_rows_are_duplicated_deleted_and_brought_back(panel: AnswersPanel, press: Press, qtbot: QtBot) -> None:
    await press(view(panel, "worklist"))
    rows = panel.worklist.rows
    rows.table.setFocus()
    await press(rows.add_button)
    await type_into(qtbot, rows, 0, COLUMN["PatientID"], "first")
    await press(rows.copy_button)
    await type_into(qtbot, rows, 1, COLUMN["PatientID"], "second")
    assert [row["PatientID"] for row in rows.model.rows] == ["first", "second"]
    rows.table.selectRow(0)
    qtbot.keyClick(rows.table, Qt.Key.Key_Delete)
    assert [row["PatientID"] for row in rows.model.rows] == ["second"]
    await press(rows.undo.undo_button)
    assert [row["PatientID"] for row in rows.model.rows] == ["first", "second"]
    qtbot.keyClick(rows.table, Qt.Key.Key_Insert)
    assert rows.model.rowCount() == 3


@pytest.mark.qt_log_ignore("propagateSizeHints")
async def test_a_csv_file_is_imported_and_its_faults_are_named(
    panel: AnswersPanel, press: Press, answer: Answer, tmp_path: Path
) -> None:
    path = tmp_path / "list.csv"
    path.write_text("Patient name,Sex\nDoe^Jane,F\nDoe^Joe,X\n", "utf-8")
    await press(view(panel, "worklist"))
    await press(panel.worklist.import_button)
    await answer(str(path))
    await reached(lambda: panel.worklist.model.rowCount() == 1, "the good row was added")
    await reached(lambda: panel.message.isVisible(), "the bad one is named")
    assert panel.message.text() == "list.csv: 1 rows added. Left out: line 3: Sex is M, F or O"
    await press(panel.worklist.export_button)
    await answer(str(tmp_path / "saved.csv"))
    await reached(lambda: (tmp_path / "saved.csv").exists(), "it was saved")


@pytest.mark.qt_log_ignore("propagateSizeHints")
async def test_a_folder_of_data_sets_is_answered_until_it_is_left_out(
    panel: AnswersPanel, asking: Association, press: Press, answer: Answer, tmp_path: Path
) -> None:
    folder = tmp_path / "items"
    folder.mkdir()
    [item, *_] = practice_worklist(date(2025, 1, 2))
    (folder / "one.json").write_text(json.dumps(dataset_json(item)), "utf-8")
    (folder / "two.dcm").write_bytes(b"nothing")
    await press(view(panel, "worklist"))
    await press(panel.worklist.folder_button)
    await answer(str(folder))
    await reached(lambda: panel.worklist.folder.text().startswith("items: 1 data set; two.dcm"), "it was read")
    [found] = await worklist.fetch(asking)
    assert found.study_instance_uid == item.StudyInstanceUID
    await press(panel.worklist.drop_button)
    assert await worklist.fetch(asking) == ()
    await reached(lambda: panel.desk.settings.worklist_folder == "", "it is forgotten")


async def test_a_rule_is_made_by_keys_and_followed(
    panel: AnswersPanel, asking: Association, press: Press, qtbot: QtBot
) -> None:
    rows = panel.rules.rows
    await press(rows.add_button)
    names = [column.name for column in rows.model.columns]
    rows.table.setCurrentIndex(rows.model.index(0, names.index("service")))
    qtbot.keyClick(rows.table, Qt.Key.Key_F2)
    box = rows.table.findChild(QComboBox)
    assert isinstance(box, QComboBox)
    qtbot.keyClicks(box, "W")
    qtbot.keyClick(box, Qt.Key.Key_Return)
    await reached(lambda: not any(one.isVisible() for one in rows.table.findChildren(QComboBox)), "it is taken over")
    await type_into(qtbot, rows, 0, names.index("status"), "A7")
    await reached(lambda: rows.note.isVisible(), "what is wrong is said")
    await reached(lambda: panel.desk.rules.rules == (), "a rule that is half typed is not in force")
    await type_into(qtbot, rows, 0, names.index("status"), "A700")
    await reached(lambda: len(panel.desk.rules.rules) == 1, "the rule is in force")
    [rule] = panel.desk.rules.rules
    assert (rule.service, rule.status) == (Provided.WORKLIST, 0xA700)
    async with asking.find(worklist.identifier(), root="worklist") as operation:
        assert (await operation.result()).status == 0xA700
    rows.table.setCurrentIndex(rows.model.index(0, 0))
    qtbot.keyClick(rows.table, Qt.Key.Key_Space)
    await reached(lambda: not panel.desk.rules.rules[0].is_on, "the rule is off")
    assert await worklist.fetch(asking) == ()


def begun(study: str, name: str) -> Dataset:
    empty = (
        "PatientID", "PatientBirthDate", "PatientSex", "PerformedStationName", "PerformedLocation",
        "PerformedProcedureStepDescription", "PerformedProcedureTypeDescription", "PerformedProcedureStepEndDate",
        "PerformedProcedureStepEndTime", "StudyID", "ReferencedPatientSequence", "ProcedureCodeSequence",
        "PerformedProtocolCodeSequence", "PerformedSeriesSequence",
    )  # fmt: skip
    return elements(
        SpecificCharacterSet="ISO_IR 192", PatientName=name, PerformedProcedureStepStatus="IN PROGRESS", Modality="CT",
        PerformedProcedureStepID="P", PerformedStationAETitle="CT1", PerformedProcedureStepStartDate="20250102",
        PerformedProcedureStepStartTime="101500",
        ScheduledStepAttributesSequence=[elements(StudyInstanceUID=study)],
        **{keyword: [] if keyword.endswith("Sequence") else "" for keyword in empty},
    )  # fmt: skip


async def test_performed_steps_are_shown_by_state_with_their_row(
    panel: AnswersPanel, asking: Association, press: Press
) -> None:
    row = {"PatientName": "王^小东", "RequestedProcedureDescription": "CT Thorax", "AccessionNumber": "A1"}
    panel.worklist.model.insert(0, [row])
    await reached(lambda: len(panel.desk.worklist()) == 1, "the row is in force")
    study = panel.desk.scheduled.rows[0]["StudyInstanceUID"]
    await press(view(panel, "mpps"))
    for number, uid in enumerate((study, "1.2.3"), start=1):
        made = await asking.n_create(MPPS, begun(uid, "王^小东"), sop_instance_uid=f"2.25.{number}")
        assert made.status == 0, made
    page = panel.mpps
    await reached(lambda: page.model.rowCount() == 2, "both are shown")
    assert [page.model.index(1, column).data() for column in (1, 2, 3, 6)] == [
        "in progress", "王^小东", "A1 CT Thorax", "CT1",
    ]  # fmt: skip
    assert page.model.index(0, 3).data() == "none"
    ended = elements(
        PerformedProcedureStepStatus="DISCONTINUED", PerformedProcedureStepEndDate="20250102",
        PerformedProcedureStepEndTime="101500", PerformedSeriesSequence=[elements(SeriesInstanceUID="1.2")],
    )  # fmt: skip
    assert (await asking.n_set(MPPS, "2.25.1", ended)).status == 0
    page.state.setCurrentIndex(page.state.findData("DISCONTINUED"))
    await reached(lambda: page.model.rowCount() == 1, "the one that has ended is shown alone")
    assert page.state.currentText() == "discontinued  1"
    page.table.selectRow(0)
    await reached(lambda: page.dataset.is_open, "its data set is shown")
    await press(page.clear_button)
    await reached(lambda: page.count == 0 and page.pages.currentIndex() == 0, "the list is empty")


async def print_empty_film(asking: Association) -> None:
    session = await asking.n_create(SESSION, print_management.film_session(), context=META)
    box = print_management.film_box(session.sop_instance_uid)
    film = await asking.n_create(FILM, box, context=META)
    assert (await asking.n_action(FILM, film.sop_instance_uid, 1, context=META)).status == 0xB603


async def test_a_film_is_shown_and_saved(
    panel: AnswersPanel, asking: Association, press: Press, answer: Answer, tmp_path: Path
) -> None:
    await press(view(panel, "print"))
    panel.print_page.info.setText("supply low")
    assert panel.print_page.note.isVisible()
    session = await asking.n_create(SESSION, print_management.film_session(), context=META)
    box = print_management.film_box(session.sop_instance_uid, "STANDARD\\1,2")
    film = await asking.n_create(FILM, box, context=META)
    assert film.dataset is not None
    image = elements(SamplesPerPixel=1, PhotometricInterpretation="MONOCHROME2", Rows=2, Columns=2, BitsAllocated=8,
                     BitsStored=8, HighBit=7, PixelRepresentation=0)  # fmt: skip
    image.add_new(0x7FE00010, "OB", b"\xff" * 4)
    second = film.dataset.ReferencedImageBoxSequence[1].ReferencedSOPInstanceUID
    assert (await asking.n_set(IMAGE, second, print_management.image_box(2, image), context=META)).status == 0
    assert (await asking.n_action(FILM, film.sop_instance_uid, 1, context=META)).status == 0
    page = panel.print_page
    await reached(lambda: page.film.image is not None, "the film is drawn")
    shown = page.film.image
    assert shown is not None
    middle = shown.width() // 2
    assert [shown.pixelColor(middle, shown.height() * part // 4).lightness() for part in (1, 3)] == [0, 255]
    assert page.text.text().startswith("Film 1 of 1 · 1 image")


@pytest.mark.qt_log_ignore("propagateSizeHints")
async def test_a_film_is_saved_as_png(
    panel: AnswersPanel, asking: Association, press: Press, answer: Answer, tmp_path: Path
) -> None:
    await press(view(panel, "print"))
    await print_empty_film(asking)
    await press(panel.print_page.save_button)
    await answer(str(tmp_path / "film.png"))
    await reached(lambda: not QImage(str(tmp_path / "film.png")).isNull(), "it was saved")


async def test_a_double_click_shows_a_film_in_a_window_and_a_request_for_commitment_in_the_trace(
    window: MainWindow, panel: AnswersPanel, asking: Association, press: Press, qtbot: QtBot
) -> None:
    await press(view(panel, "print"))
    await print_empty_film(asking)
    page = panel.print_page
    await reached(lambda: page.film.image is not None, "the film is drawn")
    double_click(qtbot, page.table)
    await reached(lambda: len(window.viewers.viewers) == 1, "it has a window")
    qtbot.mouseDClick(page.film, Qt.MouseButton.LeftButton)
    await reached(lambda: len(window.viewers.viewers) == 2, "the picture opens the same one")
    for viewer in window.viewers.viewers:
        await reached(lambda viewer=viewer: not viewer.is_busy, "it is read")  # type: ignore[misc]
        assert viewer.viewed.name == "film 1 of print job 1"
        assert viewer.viewed.text_of(0x20100010) == "STANDARD\\1,1"
        assert viewer.image.canvas.image is not None
    window.activateWindow()
    await press(view(panel, "commitment"))
    asked = elements(TransactionUID="2.25.99", ReferencedSOPSequence=[
        elements(ReferencedSOPClassUID="1.2", ReferencedSOPInstanceUID="2.25.1")
    ])  # fmt: skip
    assert (await asking.n_action(commitment.SOP_CLASS, commitment.SOP_INSTANCE, 1, asked)).status == 0
    await reached(lambda: panel.commitment.model.rowCount() == 1, "it is listed")
    double_click(qtbot, panel.commitment.table)
    await reached(lambda: window.panel is window.trace, "it is shown")
    [entry] = panel.desk.commitments
    assert window.trace.chosen == frozenset((entry.association,))


async def test_commitment_and_unified_steps_are_listed(panel: AnswersPanel, asking: Association, press: Press) -> None:
    await press(view(panel, "commitment"))
    page = panel.commitment
    page.every.setText("x")
    assert page.note.text().startswith("Not in force: every nth")
    page.every.setText("2")
    page.verdict.setCurrentIndex(page.verdict.findData("all"))
    await reached(lambda: panel.desk.settings.commitment.fail_every == 2, "it is in force")
    asked = elements(TransactionUID="2.25.99", ReferencedSOPSequence=[
        elements(ReferencedSOPClassUID="1.2", ReferencedSOPInstanceUID=f"2.25.{one}") for one in (1, 2, 3)
    ])  # fmt: skip
    assert (await asking.n_action(commitment.SOP_CLASS, commitment.SOP_INSTANCE, 1, asked)).status == 0
    await reached(lambda: page.model.rowCount() == 1, "it is listed")
    await reached(lambda: page.model.index(0, 5).data() == "1", "what failed is counted")
    await press(view(panel, "ups"))
    step = elements(
        ProcedureStepState="SCHEDULED", ProcedureStepLabel="Plan", WorklistLabel="RT", InputReadinessState="READY",
        ScheduledProcedureStepPriority="MEDIUM", ScheduledProcedureStepStartDateTime="20250102",
    )  # fmt: skip
    assert (await asking.n_create(PUSH, step, sop_instance_uid="2.25.7")).status == 0
    claim = elements(TransactionUID="2.25.9", ProcedureStepState="IN PROGRESS")
    assert (await asking.n_action(PUSH, "2.25.7", 1, claim, context=PULL)).status == 0
    ups = panel.ups
    await reached(lambda: ups.model.index(0, 1).data() == "in progress", "the claim is shown")
    assert [ups.model.index(0, column).data() for column in (2, 4, 5)] == ["Plan", "CT1", "CT1"]


@pytest.mark.usefixtures("asking")
async def test_a_rule_is_for_one_caller_of_a_service_that_every_listener_gives(
    window: MainWindow, panel: AnswersPanel, press: Press
) -> None:
    await press(view(panel, "rules"))
    await press(panel.rules.rows.add_button)
    model = panel.rules.model
    names = [column.name for column in model.columns]
    for name, text in {"service": "Echo", "status": "0122", "caller": "MR*"}.items():
        assert model.setData(model.index(0, names.index(name)), text)
    await reached(lambda: [rule.caller for rule in panel.desk.rules.rules] == ["MR*"], "it is in force")
    address = f"DICOMGUI@127.0.0.1:{window.listener.port.text()}"
    for title, status in {"CT1": 0x0000, "MR1": 0x0122}.items():
        async with connect(address, calling_ae=title) as association:
            assert (await association.echo()).status == status
    assert model.setData(model.index(0, names.index("end")), "reject 1/1/7")
    column, problem = model.problem_at(0)
    assert column == "end"
    assert "neither 'abort' nor 'abort after'" in problem
    await reached(lambda: panel.desk.rules.rules == (), "it is in force no more")


async def test_notifications_are_listed_by_kind_and_ruled(
    panel: AnswersPanel, asking: Association, press: Press, qtbot: QtBot
) -> None:
    await press(view(panel, "rules"))
    await press(panel.rules.rows.add_button)
    rule = {"service": "Notifications", "operation": "N-EVENT-REPORT", "status": "0110", "every": "2"}
    for name, text in rule.items():
        index = panel.rules.model.index(0, [column.name for column in panel.rules.model.columns].index(name))
        assert panel.rules.model.setData(index, text)
    await reached(lambda: len(panel.desk.rules.rules) == 1 and panel.desk.rules.rules[0].every == 2, "it is in force")
    await press(view(panel, "notifications"))
    assert panel.notifications.pages.currentIndex() == 0
    report = elements(PrinterName="P")
    statuses = [(await asking.n_event_report(PRINTER, "2.25.7", 2, report)).status for _ in range(2)]
    assert statuses == [0, 0x0110]
    page = panel.notifications
    await reached(lambda: page.model.rowCount() == 2, "both are listed")
    cells = [[page.model.index(row, column).data() for column in range(1, 5)] for row in range(2)]
    assert cells[1] == ["0x0000 Success", "Printer: warning", "CT1", "2.25.7"]
    assert cells[0][0].startswith("0x0110")
    page.table.selectRow(0)
    await reached(lambda: page.dataset.is_open, "the event information is shown")
    assert page.dataset.heading.text() == "Printer: warning"
    page.state.setCurrentIndex(page.state.findData("UPS"))
    assert page.model.rowCount() == 0
    await press(page.clear_button)
    await reached(lambda: page.pages.currentIndex() == 0, "the list is empty")


async def test_requests_for_media_are_listed(panel: AnswersPanel, asking: Association, press: Press) -> None:
    await press(view(panel, "media"))
    page = panel.media
    assert page.pages.currentIndex() == 0
    wish = elements(ReferencedSOPSequence=[elements(ReferencedSOPClassUID="1.2", ReferencedSOPInstanceUID="2.25.3")])
    assert (await asking.n_create(media_creation.SOP_CLASS, wish, sop_instance_uid="2.25.1")).status == 0
    await reached(lambda: page.model.rowCount() == 1, "it is listed")
    assert [page.model.index(0, column).data() for column in range(1, 5)] == ["IDLE", "CT1", "1", "1"]
    assert (await asking.n_action(media_creation.SOP_CLASS, "2.25.1", media_creation.INITIATE)).status == 0
    await reached(lambda: page.model.index(0, 1).data() == "FAILURE", "it has failed")
    assert page.model.index(0, 6).data() == "1 of 1 instances are not in the archive as they are named"
    page.folder.setText("/discs")
    await reached(lambda: panel.desk.settings.media_folder == "/discs", "it is in force")
    await press(page.clear_button)
    await reached(lambda: page.pages.currentIndex() == 0, "the list is empty")


async def test_what_is_set_is_there_in_the_next_window(
    theme: Theme, context: AppContext, tmp_path: Path, qtbot: QtBot
) -> None:
    for number in range(2):
        reporter = Reporter()
        config = Configuration(SettingsStore(tmp_path), NodeStore(tmp_path).load())
        window = MainWindow(context, reporter, config)
        window.show()
        panel = window.answers
        window.show_panel(panel)
        await reached(panel.worklist.isEnabled, "the answers were loaded")
        if number == 0:
            panel.worklist.model.insert(0, [{"PatientName": "王^小东"}])
            panel.boxes["mpps"].setChecked(True)
        else:
            await reached(lambda panel=panel: len(panel.desk.worklist()) == 1, "the row is in force")
            assert panel.worklist.model.rows[0]["PatientName"] == "王^小东"
            assert panel.boxes["mpps"].isChecked()
        await window.shut_down()
        window.deleteLater()
        assert reporter.count == 0
    assert AnswerStore(tmp_path).load().worklist[0]["PatientName"] == "王^小东"


async def test_what_is_wrong_in_the_file_is_told_where_the_listener_is(
    theme: Theme, context: AppContext, tmp_path: Path, qtbot: QtBot
) -> None:
    (tmp_path / "answers.toml").write_text('[printer]\nstate = "NORMAL"\n')
    window = MainWindow(context, Reporter(), Configuration(SettingsStore(tmp_path), NodeStore(tmp_path).load()))
    window.show()
    window.show_panel(window.listener)
    await reached(window.banner.isVisible, "it is told")
    assert "line 2: printer.state means nothing here; did you mean status?" in window.banner.text.text()
    await window.shut_down()
    window.deleteLater()


@pytest.mark.parametrize("service", ["mpps", "ups"])
async def test_a_service_is_relaxed_by_its_box(panel: AnswersPanel, service: str) -> None:
    view(panel, service).click()
    page = {"mpps": panel.mpps, "ups": panel.ups}[service]
    keeper = {"mpps": panel.desk.performed, "ups": panel.desk.procedures}[service]
    other = {"mpps": panel.desk.procedures, "ups": panel.desk.performed}[service]
    await reached(page.isEnabled, "the answers are read")
    box = panel.findChild(QAbstractButton, f"answers_{service}_strict")
    assert isinstance(box, QAbstractButton)
    assert box.isChecked()
    assert box.isVisible()
    box.click()
    await reached(lambda: not keeper.is_strict, "it is in force")
    assert other.is_strict
    box.click()
    await reached(lambda: keeper.is_strict, "it is in force again")


async def test_who_is_told_of_performed_steps_is_typed(panel: AnswersPanel) -> None:
    await reached(panel.mpps.isEnabled, "the answers are read")
    panel.mpps.notified.setText("RIS1; PACS;")
    await reached(lambda: panel.desk.performed.notified == ("RIS1", "PACS"), "it is in force")
    panel.mpps.notified.setText("a title of more than 16 characters")
    assert panel.mpps.note.text().startswith("Not in force: ")
    panel.mpps.notified.setText("RIS2")
    assert panel.mpps.note.text() == ""
    await reached(lambda: panel.desk.performed.notified == ("RIS2",), "it is in force")
