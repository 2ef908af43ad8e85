"""The worklist, driven by clicks and keys against a RIS of the test's own and against the practice PACS."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from helpers import peers
from helpers.answering import answering
from helpers.archive import instance, put
from helpers.bad_peer import Peer, bad_server, reached
from helpers.query_panel import use_folder
from helpers.worklist import DAY, Ris, ris
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from dicomgui.app.asking.query import Query
from dicomgui.app.asking.searches import WORKLIST_FILE_NAME, QueryFile, QueryMemory, SavedSearch
from dicomgui.app.asking.worklist import step_keys, worklist_query
from dicomgui.app.configuration.nodes import Node
from dicomgui.app.configuration.peers import NodeStore
from dicomgui.app.configuration.settings import SettingsStore
from dicomgui.app.context import AppContext
from dicomgui.app.nservices.mpps import StepState
from dicomgui.app.operations import JobKind, JobState
from dicomgui.gui.asking.rows import ITEM
from dicomgui.gui.keeping.configuration import Configuration
from dicomgui.gui.look.theme import Theme
from dicomgui.gui.running.reporter import Reporter
from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.gui.worklist.form import DATE, MODALITY, STATION
from dicomgui.gui.worklist.panel import WorklistPanel
from dicomgui.gui.worklist.series import SeriesTable
from dicomgui.gui.worklist.step_dialog import StepDialog
from dicomgui.network import Handlers, Reply, Status

pytestmark = pytest.mark.qt
Press = Callable[[QPushButton], Awaitable[None]]
MPPS = "1.2.840.10008.3.1.2.3.3"


@pytest.fixture
async def scp() -> AsyncIterator[Ris]:
    async with ris() as running:
        yield running


@pytest.fixture
async def panel(window: MainWindow) -> WorklistPanel:
    window.show_panel(window.worklist)
    return window.worklist


def fill(panel: WorklistPanel, texts: dict[str, str]) -> None:
    panel.form.usual.set_texts({**panel.form.usual.texts(), **texts})


def cells(panel: WorklistPanel, key: str = ITEM) -> list[str]:
    model = panel.results.model
    place = next(number for number, column in enumerate(model.columns) if column.key == key)
    return [str(model.index(row, place).data()) for row in range(model.rowCount())]


async def ended(panel: WorklistPanel) -> None:
    await reached(lambda: not panel.is_busy and panel.run_button.isEnabled(), "the query has ended", 60)


async def ask(panel: WorklistPanel, press: Press, peer: object, texts: dict[str, str]) -> None:
    panel.peer.host.clear()
    panel.peer.host.insert(str(peer))
    fill(panel, texts)
    await press(panel.run_button)
    await ended(panel)


async def dialog_of(panel: WorklistPanel) -> StepDialog:
    def shown() -> list[StepDialog]:
        return [one for one in panel.findChildren(StepDialog) if one.isVisible()]

    await reached(lambda: len(shown()) == 1, "the dialog is open")
    return shown()[0]


async def told(panel: WorklistPanel, count: int) -> None:
    def answers() -> int:
        return sum(len(step.results) for step in panel.steps.performed.steps.values())

    await reached(lambda: answers() == count and not panel.steps._busy, "the peer has been told")


def state_cells(panel: WorklistPanel) -> list[str]:
    model = panel.steps.model
    return [str(model.index(row, 3).data()) for row in range(model.rowCount())]


# --------------------------------------------------------------------------------------------------------- the question


async def test_steps_are_asked_for_inside_of_their_sequence(
    panel: WorklistPanel, scp: Ris, press: Press, qtbot: QtBot, window: MainWindow
) -> None:
    panel.peer.host.insert(str(scp.address))
    fill(panel, {DATE: DAY})
    field = panel.form.usual.fields[MODALITY]
    field.setFocus()
    qtbot.keyClicks(field, "CT")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    await ended(panel)
    [asked] = scp.asked
    step = asked.ScheduledProcedureStepSequence[0]
    assert (step.Modality, step.ScheduledProcedureStepStartDate) == ("CT", DAY)
    assert "Modality" not in asked
    assert "QueryRetrieveLevel" not in asked
    assert "ReferencedStudySequence" in asked
    assert cells(panel) == ["Wang XiaoDong = 王 小东", "Doe Jane"]
    assert cells(panel, "station") == ["CT1", "CT2"]
    assert cells(panel, "time") == ["08:30:00"] * 2
    assert panel.status.text().startswith("RIS: 2 steps in")
    [job] = [one for one in window.jobs._jobs.all() if one.kind is JobKind.WORKLIST]
    assert (job.title, job.state, job.files_done) == ("Query the worklist", JobState.DONE, 2)
    assert not window.query.results.model.count


async def test_presets_fill_in_and_empty_again(panel: WorklistPanel, scp: Ris, press: Press) -> None:
    form = panel.form
    await press(form.today)
    assert form.usual.texts()[DATE] == "today"
    await press(form.this_station)
    assert form.usual.texts()[STATION] == "DICOMGUI"
    await press(form.this_station)
    assert form.usual.texts()[STATION] == ""
    await press(form.this_modality)
    assert form.usual.fields[MODALITY].hasFocus()
    assert not form.this_modality.isChecked()
    assert "Fill in the modality" in panel.status.text()
    await ask(panel, press, scp.address, {MODALITY: "CT", STATION: "CT2"})
    step = scp.asked[0].ScheduledProcedureStepSequence[0]
    assert step.ScheduledProcedureStepStartDate == f"{datetime.now().astimezone():%Y%m%d}"
    assert form.this_modality.text() == "This modality: CT"
    assert form.this_station.text() == "This station: CT2"
    form.clear_keys()
    assert not form.today.isChecked()
    await press(form.this_modality)
    assert form.usual.texts()[MODALITY] == "CT"


@pytest.mark.qt_log_ignore("This plugin does not support")
async def test_any_key_by_its_path_is_shown_as_a_column(
    panel: WorklistPanel, scp: Ris, press: Press, qtbot: QtBot
) -> None:
    editor = panel.form.editor
    panel.form.more.set_open(True)
    qtbot.keyClicks(editor.name, "ScheduledProcedureStepSequence[0].PreMedication")
    await press(editor.add_button)
    qtbot.keyClicks(editor.name, "Modality=CT")
    await press(editor.add_button)
    assert "write ScheduledProcedureStepSequence[0].Modality" in panel.form.remark.text()
    await ask(panel, press, scp.address, {"PatientID": "ID1"})
    assert "PreMedication" in scp.asked[0].ScheduledProcedureStepSequence[0]
    assert "PreMedication" in [column.title for column in panel.results.shown_columns]


@pytest.mark.qt_log_ignore("This plugin does not support")
async def test_what_was_found_is_seen_and_exported(
    panel: WorklistPanel, scp: Ris, press: Press, qtbot: QtBot, answer: Callable[[str], Awaitable[str]], tmp_path: Path
) -> None:
    await ask(panel, press, scp.address, {MODALITY: "MR"})
    table = panel.results.table
    table.setFocus()
    table.selectRow(0)
    qtbot.keyClick(table, Qt.Key.Key_Return)
    assert panel.results.dataset.isVisible()
    assert panel.results.dataset.heading.text() == "Step from RIS"
    for name in ("steps.csv", "steps.json"):
        await press(panel.results.export_button)
        await answer(str(tmp_path / name))
        await reached(lambda name=name: (tmp_path / name).is_file(), "it is written")
    await reached(lambda: "1 step written" in panel.status.text(), "it is said")
    lines = (tmp_path / "steps.csv").read_text(encoding="utf-8-sig").splitlines()
    assert lines[1].startswith('"step","Roe Rick","ID3","2024-02-29","08:30:00","MR","MR1"')
    [written] = json.loads((tmp_path / "steps.json").read_text(encoding="utf-8"))
    assert written["00400100"]["Value"][0]["00080060"]["Value"] == ["MR"]


async def test_several_nodes_are_asked_at_once(panel: WorklistPanel, scp: Ris, press: Press) -> None:
    for name in ("ONE", "TWO"):
        panel.place.config.nodes.add(node_of(name, scp))
    panel.place.config.nodes_edited()
    panel.form.several.set_open(True)
    for name in ("ONE", "TWO"):
        panel.form.nodes.check(name)
    fill(panel, {MODALITY: "MR"})
    await press(panel.run_button)
    await ended(panel)
    assert sorted(cells(panel, "node")) == ["ONE", "TWO"]


def node_of(name: str, scp: Ris) -> Node:
    return Node(name, scp.address)


async def test_searches_columns_and_what_is_ours_are_remembered(
    theme: Theme, scp: Ris, press: Press, qtbot: QtBot, tmp_path: Path
) -> None:
    config = Configuration(SettingsStore(tmp_path), NodeStore(tmp_path))
    with AppContext() as context:
        window = MainWindow(context, Reporter(), config)
        window.show()
        panel = window.worklist
        window.show_panel(panel)
        await reached(lambda: not len(panel.tasks), "what was remembered has been read")
        await ask(panel, press, scp.address, {MODALITY: "CT"})
        qtbot.keyClicks(panel.form.how.keep_name, "All CT")
        await press(panel.form.how.keep_button)
        panel.results._take_columns(frozenset({"time"}))
        await window.shut_down()
        window.deleteLater()
    kept = QueryFile(tmp_path, WORKLIST_FILE_NAME).load()
    assert [(one.name, one.keys) for one in kept.searches] == [("All CT", (f"{MODALITY}=CT",))]
    assert (kept.columns, kept.modality) == (("time",), "CT")


async def test_a_query_before_the_file_was_read_loses_no_search(theme: Theme, scp: Ris, tmp_path: Path) -> None:
    file = QueryFile(tmp_path, WORKLIST_FILE_NAME)
    file.save(QueryMemory((SavedSearch.of("Kept", worklist_query(step_keys(modality="CT"))),)))
    with AppContext() as context:
        window = MainWindow(context, Reporter(), Configuration(SettingsStore(tmp_path), NodeStore(tmp_path)))
        window.show()
        panel = window.worklist
        window.show_panel(panel)
        panel.peer.host.insert(str(scp.address))
        fill(panel, {MODALITY: "MR"})
        panel.run()
        assert panel.is_busy, "asked in the same step in which the file began to be read"
        await ended(panel)
        await reached(lambda: not len(panel.tasks), "the file has been read")
        assert panel.form.how.saved.findText("Kept") == 1
        await window.shut_down()
        window.deleteLater()
    kept = file.load()
    assert ([search.name for search in kept.searches], kept.modality) == (["Kept"], "MR")


# -------------------------------------------------------------------------------------------------------- nothing there


async def test_the_key_that_emptied_the_answer_is_named_and_taken_out(
    panel: WorklistPanel, scp: Ris, press: Press
) -> None:
    await ask(panel, press, scp.address, {DATE: DAY, MODALITY: "CT", STATION: "CT_1"})
    assert panel.empty.isVisible()
    assert not panel.findings.cards
    await press(panel.empty.find_button)
    await reached(lambda: not panel.empty.is_busy, "it has looked")
    assert panel.empty.verdict.text() == (
        "Without ScheduledStationAETitle = CT_1 there are 2: this key emptied the answer."
    )
    assert len(scp.asked) == 5
    button = panel.empty.findChild(QPushButton, "worklist_empty_drop_1")
    assert isinstance(button, QPushButton)
    await press(button)
    await ended(panel)
    assert panel.form.usual.texts()[STATION] == ""
    assert panel.form.usual.texts()[MODALITY] == "CT"
    assert len(cells(panel)) == 2
    assert not panel.empty.isVisible()


async def test_two_keys_that_are_wrong_together_are_taken_out_together(
    panel: WorklistPanel, scp: Ris, press: Press
) -> None:
    await ask(panel, press, scp.address, {MODALITY: "XA", STATION: "CT_1"})
    await press(panel.empty.find_button)
    await reached(lambda: not panel.empty.is_busy, "it has looked")
    assert (
        panel.empty.verdict.text()
        == "No single key: without any key there are 3. At least two keys are wrong together."
    )
    button = panel.empty.findChild(QPushButton, "worklist_empty_drop_1")
    assert isinstance(button, QPushButton)
    await press(button)
    await ended(panel)
    assert not panel.form.has_keys
    assert len(cells(panel)) == 3


async def test_looking_for_the_key_can_be_stopped(panel: WorklistPanel, press: Press, window: MainWindow) -> None:
    async def silent(peer: Peer) -> None:
        await peer.read_all()

    async with ris() as scp:
        await ask(panel, press, scp.address, {MODALITY: "XA", STATION: "X"})
    async with bad_server(silent) as server:
        query, [source] = panel.asking.asked or (Query(), ())
        source.peer = replace(source.peer, port=server.port)
        panel.empty.show_question((query, (source,)))
        await press(panel.empty.find_button)
        await reached(lambda: "Asking without" in panel.empty.verdict.text(), "it asks")
        panel.cancel()
        await reached(lambda: not panel.empty.is_busy, "it has stopped")
    assert panel.empty.verdict.text() == "Stopped."
    assert JobState.CANCELLED in {job.state for job in window.jobs._jobs.all()}


# ------------------------------------------------------------------------------------------------------------ the steps


async def begin(panel: WorklistPanel, press: Press, row: int = 0) -> StepDialog:
    panel.results.table.selectRow(row)
    await press(panel.steps.begin_button)
    return await dialog_of(panel)


async def test_a_step_is_begun_and_completed(
    panel: WorklistPanel, scp: Ris, press: Press, qtbot: QtBot, window: MainWindow
) -> None:
    await ask(panel, press, scp.address, {MODALITY: "CT"})
    dialog = await begin(panel, press)
    room = dialog.fields.fields["PerformedLocation"]
    assert isinstance(room, QLineEdit)
    room.insert("手术室 2")
    dialog.show_dataset()
    assert "手术室 2" in [child.value for child in dialog.tree.node.children]  # type: ignore[union-attr]
    await press(dialog.ok_button)
    await told(panel, 1)
    [step] = scp.steps.steps.values()
    planned = step.dataset.ScheduledStepAttributesSequence[0]
    assert (step.status, step.dataset.PerformedLocation) == ("IN PROGRESS", "手术室 2")
    assert (str(step.dataset.PatientName), planned.StudyInstanceUID) == ("Wang^XiaoDong=王^小东", "1.2.3.1")
    assert planned.ScheduledProtocolCodeSequence[0].CodeValue == "P1"
    assert state_cells(panel) == ["in progress"]
    await press(panel.steps.complete_button)
    dialog = await dialog_of(panel)
    qtbot.keyClick(dialog.fields.fields["OperatorsName"], Qt.Key.Key_Return)
    await told(panel, 2)
    [step] = scp.steps.steps.values()
    assert step.status == "COMPLETED"
    assert state_cells(panel) == ["completed"]
    assert not panel.steps.complete_button.isEnabled()
    jobs = [(job.title, job.state) for job in window.jobs._jobs.all() if job.kind is JobKind.STEP]
    assert jobs == [("Begin a step", JobState.DONE), ("Complete a step", JobState.DONE)]
    await press(panel.steps.trace_button)
    assert window.panel is window.trace


async def test_a_step_ends_with_several_series_and_the_images_of_the_archive(
    panel: WorklistPanel, scp: Ris, press: Press, window: MainWindow, tmp_path: Path
) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    for series in (1, 2):
        for number in (1, 2, 3):
            put(folder, instance(1, series, number, StudyInstanceUID="1.2.3.1"))
    use_folder(window, folder)
    await ask(panel, press, scp.address, {MODALITY: "CT"})
    await press((await begin(panel, press)).ok_button)
    await told(panel, 1)
    await press(panel.steps.complete_button)
    dialog = await dialog_of(panel)
    table = dialog.findChild(SeriesTable)
    assert isinstance(table, SeriesTable)
    await press(table.archive_button)
    await reached(lambda: table.model.rowCount() == 2, "the series are there")
    dialog.show_dataset()
    assert "2 series, 6 images" in dialog.tree.heading.text()
    await press(table.rows.add_button)
    index = table.model.index(2, 3)
    assert table.model.setData(index, "no uid")
    dialog.show_dataset()
    assert not dialog.ok_button.isEnabled()
    assert "no UID" in dialog.remark.text()
    assert table.model.setData(index, "1.2.77; 1.2.78")
    dialog.show_dataset()
    await press(dialog.ok_button)
    await told(panel, 2)
    [step] = scp.steps.steps.values()
    assert step.status == "COMPLETED"
    series = step.dataset.PerformedSeriesSequence
    assert [len(one.ReferencedImageSequence) for one in series] == [3, 3, 2]
    assert series[2].ReferencedImageSequence[1].ReferencedSOPInstanceUID == "1.2.78"


async def test_a_study_that_is_not_here_has_no_series_to_be_taken(
    panel: WorklistPanel, scp: Ris, press: Press, window: MainWindow, tmp_path: Path
) -> None:
    use_folder(window, tmp_path / "archive")
    await ask(panel, press, scp.address, {MODALITY: "CT"})
    await press((await begin(panel, press)).ok_button)
    await told(panel, 1)
    await press(panel.steps.complete_button)
    dialog = await dialog_of(panel)
    table = dialog.findChild(SeriesTable)
    assert isinstance(table, SeriesTable)
    await press(table.archive_button)
    await reached(lambda: "has nothing" in table.rows.note.text(), "it is said")
    assert table.model.rowCount() == 1
    await press(dialog.cancel_button)


async def test_a_step_is_discontinued_for_a_reason(panel: WorklistPanel, scp: Ris, press: Press) -> None:
    await ask(panel, press, scp.address, {MODALITY: "CT"})
    await press((await begin(panel, press, 1)).ok_button)
    await told(panel, 1)
    await press(panel.steps.discontinue_button)
    dialog = await dialog_of(panel)
    dialog.reason.setCurrentIndex(dialog.reason.findText("Equipment failure"))
    await press(dialog.ok_button)
    await told(panel, 2)
    [step] = scp.steps.steps.values()
    [reason] = step.dataset.PerformedProcedureStepDiscontinuationReasonCodeSequence
    assert (step.status, reason.CodeValue) == ("DISCONTINUED", "110501")
    assert state_cells(panel) == ["discontinued"]


async def test_a_step_can_be_told_to_another_node(panel: WorklistPanel, press: Press) -> None:
    async with ris(has_steps=False) as scp, ris() as other:
        panel.place.config.nodes.add(node_of("OTHER", other))
        panel.place.config.nodes_edited()
        await ask(panel, press, scp.address, {MODALITY: "MR"})
        dialog = await begin(panel, press)
        dialog.target.setCurrentIndex(1)
        await press(dialog.ok_button)
        await told(panel, 1)
        assert len(other.steps.steps) == 1
        assert not scp.steps.steps


async def test_a_refused_step_shows_its_finding_and_is_sent_again(panel: WorklistPanel, press: Press) -> None:
    async with ris(has_steps=False) as scp:
        await ask(panel, press, scp.address, {MODALITY: "MR"})
        await press((await begin(panel, press)).ok_button)
        await told(panel, 1)
    assert state_cells(panel) == ["not begun"]
    assert panel.findings.cards
    answers = [Reply(Status(0x0110), "busy"), Reply(Status(0))]
    handlers = Handlers(on_n_create=lambda _request: answers.pop(0))
    async with answering(handlers, sop_classes=frozenset({MPPS})) as taking:
        [uid] = panel.steps.performed.steps
        steps = panel.steps.performed._steps
        steps[uid] = replace(steps[uid], peer=taking.address)
        await press(panel.steps.again_button)
        await told(panel, 2)
        assert panel.steps.result.text().endswith("“busy”")
        await press(panel.steps.again_button)
        await told(panel, 3)
    assert steps[uid].state is StepState.IN_PROGRESS
    assert not panel.steps.again_button.isVisible()


async def test_what_is_missing_is_said_before_it_is_sent(panel: WorklistPanel, scp: Ris, press: Press) -> None:
    await ask(panel, press, scp.address, {MODALITY: "MR"})
    dialog = await begin(panel, press)
    dialog.fields.fields["PerformedStationAETitle"].clear()
    await reached(lambda: "PerformedStationAETitle must have a value" in dialog.remark.text(), "it is said")
    await press(dialog.cancel_button)
    assert not panel.steps.performed.steps


async def test_the_practice_pacs_has_a_worklist_and_takes_steps(
    panel: WorklistPanel, window: MainWindow, press: Press
) -> None:
    window.practice._pacs._wanted_port = peers.free_port()
    window.practice.start()
    await reached(lambda: window.practice.is_running and not window.practice.is_busy, "it runs", 60)
    await press(panel.form.today)
    await press(panel.run_button)
    await ended(panel)
    count = len(cells(panel))
    assert count >= 4
    assert set(cells(panel, "status")) == {"SCHEDULED"}
    await press((await begin(panel, press)).ok_button)
    await told(panel, 1)
    await press(panel.run_button)
    await ended(panel)
    assert sorted(cells(panel, "status")) == [*["SCHEDULED"] * (count - 1), "STARTED"]
    window.practice.stop()
    await reached(lambda: not window.practice.is_running and not window.practice.is_busy, "it has stopped", 60)
