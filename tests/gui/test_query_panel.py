"""Ask: what is typed is what is sent, driven by clicks and keys against a provider of ours over real files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path

import pytest
from helpers.answering import Answering
from helpers.bad_peer import (
    APPLICATION,
    USER,
    Peer,
    associate,
    bad_server,
    command,
    context_ac,
    dataset,
    pdata,
    pdv,
    reached,
    time_passes,
)
from helpers.query_panel import (
    Press,
    ask,
    call,
    cells,
    ended,
    fill,
    shown_panel,
    use_folder,
)
from helpers.retrieval import CT_STUDY, DOE
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from dicomgui.app.asking.levels import Level
from dicomgui.app.asking.searches import QueryFile, QueryMemory, SavedSearch
from dicomgui.app.configuration.peers import NodeStore
from dicomgui.app.configuration.settings import SettingsStore
from dicomgui.app.context import AppContext
from dicomgui.app.operations import JobKind, JobState
from dicomgui.gui.keeping.configuration import Configuration
from dicomgui.gui.look.theme import Theme
from dicomgui.gui.query.panel import QueryPanel
from dicomgui.gui.running.reporter import Reporter
from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.network.pdu import AssociateRQ

pytestmark = pytest.mark.qt
PATIENT_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.1.1"


@pytest.fixture
async def panel(window: MainWindow, tmp_path: Path) -> QueryPanel:
    return await shown_panel(window, tmp_path / "received")


# --------------------------------------------------------------------------------------------------------- the question


async def test_what_is_typed_is_sent_and_nothing_is_added_to_it(
    panel: QueryPanel, pacs: Answering, qtbot: QtBot, window: MainWindow
) -> None:
    call(panel, pacs.peer)
    name = panel.form.usual.fields["PatientName"]
    name.setFocus()
    qtbot.keyClicks(name, "Doe^A*")
    qtbot.keyClick(name, Qt.Key.Key_Return)
    await ended(panel)
    assert pacs.asked() == [{"QueryRetrieveLevel": "STUDY", "PatientName": "Doe^A*"}]
    assert cells(panel) == ["Doe Archibald"] * 2
    assert panel.status.text().startswith("PACS: 2 studies in")
    assert not panel.findings.cards
    [job] = [one for one in window.jobs._jobs.all() if one.kind is JobKind.QUERY]
    assert (job.state, job.files_done, len(job.associations)) == (JobState.DONE, 2, 1)


async def test_without_a_key_it_asks_only_when_told_again(panel: QueryPanel, press: Press, pacs: Answering) -> None:
    call(panel, pacs.peer)
    await press(panel.run_button)
    assert panel.guard.isVisible()
    assert "everything it has; at most 1,000 matches" in panel.guard_text.text()
    assert panel.ask_all_button.hasFocus()
    assert not pacs.archive.finds
    await press(panel.ask_all_button)
    await ended(panel)
    assert pacs.asked() == [{"QueryRetrieveLevel": "STUDY"}]
    assert len(cells(panel)) == 5
    assert panel.guard.isHidden()


async def test_the_warning_goes_when_a_key_is_filled_in(panel: QueryPanel, press: Press, pacs: Answering) -> None:
    call(panel, pacs.peer)
    await press(panel.run_button)
    fill(panel, PatientID=DOE)
    assert panel.guard.isHidden()


async def test_nothing_is_asked_of_an_unusable_peer(panel: QueryPanel, press: Press) -> None:
    fill(panel, PatientID=DOE)
    await press(panel.run_button)
    assert not panel.is_busy
    assert "AE title" in panel.status.text()


async def test_levels_have_their_own_keys_and_roots(
    panel: QueryPanel, press: Press, pacs: Answering, qtbot: QtBot
) -> None:
    form = panel.form
    assert [form.root.itemText(row) for row in range(form.root.count())] == [
        "automatic", "study root", "patient root", "patient/study only", "repository",
    ]  # fmt: skip
    form.level.setFocus()
    qtbot.keyClick(form.level, Qt.Key.Key_Up)
    assert form.level.currentText() == "patients"
    assert form.root.findData("study") < 0
    assert not form.usual.fields["StudyDate"].isVisible()
    await ask(panel, press, pacs.peer, PatientName="Doe*", StudyDate="20240101")
    assert pacs.asked() == [{"QueryRetrieveLevel": "PATIENT", "PatientName": "Doe*"}]
    assert pacs.archive.finds[0].context.abstract_syntax == PATIENT_ROOT_FIND
    form.level.setCurrentIndex(form.level.findText("series"))
    form.root.setCurrentIndex(form.root.findData("patient"))
    assert form.usual.fields["PatientID"].isVisible()
    assert "wants one PatientID and one StudyInstanceUID" in form.remark.text()
    await ask(panel, press, pacs.peer, PatientID=DOE, StudyInstanceUID=CT_STUDY)
    assert pacs.archive.finds[1].context.abstract_syntax == PATIENT_ROOT_FIND
    assert cells(panel) == ["Series 2"]


@pytest.mark.qt_log_ignore("This plugin does not support")
async def test_a_span_of_days_is_chosen_by_name_and_stays_visible(
    panel: QueryPanel, press: Press, pacs: Answering
) -> None:
    button = panel.form.usual.presets["StudyDate"]
    await press(button)
    [menu] = [child for child in button.children() if child.objectName() == "query_study_date_presets_menu"]
    next(action for action in menu.actions() if action.text() == "Today").trigger()
    menu.close()
    assert panel.form.usual.texts()["StudyDate"] == "today"
    await ask(panel, press, pacs.peer)
    assert pacs.asked()[0]["StudyDate"] == f"{datetime.now().astimezone():%Y%m%d}"


@pytest.mark.qt_log_ignore("This plugin does not support")
async def test_any_key_by_number_and_inside_of_sequences(
    panel: QueryPanel, press: Press, pacs: Answering, qtbot: QtBot
) -> None:
    editor = panel.form.editor
    panel.form.more.set_open(True)
    for name, value in (("0010,4000", "*told*"), ("RequestAttributesSequence[0].RequestedProcedureID", "7")):
        qtbot.keyClicks(editor.name, name)
        qtbot.keyClicks(editor.value, value)
        qtbot.keyClick(editor.value, Qt.Key.Key_Return)
    qtbot.keyClicks(editor.name, "InstitutionName")
    await press(editor.add_button)
    assert "2 more to match, 11 returned" in panel.form.more.button.text()
    await ask(panel, press, pacs.peer)
    asked = pacs.archive.finds[0].dataset
    assert asked.PatientComments == "*told*"
    assert asked.RequestAttributesSequence[0].RequestedProcedureID == "7"
    assert asked.InstitutionName == ""
    shown = {column.title for column in panel.results.shown_columns}
    assert {"PatientComments", "InstitutionName", "RequestAttributesSequence"} <= shown


@pytest.mark.qt_log_ignore("This plugin does not support")
async def test_keys_are_completed_edited_and_taken_out(panel: QueryPanel, qtbot: QtBot) -> None:
    editor = panel.form.editor
    panel.form.more.set_open(True)
    editor.name.setFocus()
    qtbot.keyClicks(editor.name, "ScheduledProcedureStepSequence[0].modal")
    completer = editor.name.completer()
    model = completer.completionModel()
    offered = [model.index(row, 0).data() for row in range(model.rowCount())]
    assert "ScheduledProcedureStepSequence[0].Modality" in offered
    completer.popup().hide()
    editor.name.clear()
    qtbot.keyClicks(editor.name, "NoSuchThing")
    qtbot.keyClick(editor.name, Qt.Key.Key_Return)
    assert "there is no attribute 'NoSuchThing'" in editor.problem.text()
    editor.name.clear()
    qtbot.keyClicks(editor.name, "StudyID")
    qtbot.keyClick(editor.name, Qt.Key.Key_Return)
    row = len(editor.model.keys) - 1
    assert editor.returned[-1].name == "StudyID"
    assert editor.model.setData(editor.model.index(row, 1), "17")
    assert [str(key) for key in editor.keys] == ["StudyID=17"]
    editor.table.selectRow(row)
    qtbot.keyClick(editor.table, Qt.Key.Key_Delete)
    assert not editor.keys
    editor.table.selectAll()
    qtbot.mouseClick(editor.remove_button, Qt.MouseButton.LeftButton)
    assert editor.returned == ()
    qtbot.mouseClick(editor.usual_button, Qt.MouseButton.LeftButton)
    assert [key.name for key in editor.returned][-1] == "StudyInstanceUID"


async def test_a_character_set_that_does_not_hold_the_keys_is_not_sent(
    panel: QueryPanel, press: Press, pacs: Answering
) -> None:
    form = panel.form
    fill(panel, PatientName="Wang^XiaoDong=王*")
    assert "UTF-8" in form.remark.text()
    form.how.charset.setCurrentIndex(form.how.charset.findData("ISO_IR 100"))
    assert "ISO_IR 100 does not hold the text" in form.remark.text()
    call(panel, pacs.peer)
    await press(panel.run_button)
    assert not panel.is_busy
    assert "does not hold the text" in panel.status.text()
    assert not pacs.archive.finds
    form.how.charset.setCurrentIndex(form.how.charset.findData("GB18030"))
    await press(panel.run_button)
    await ended(panel)
    assert pacs.archive.finds[0].dataset.SpecificCharacterSet == "GB18030"
    assert pacs.archive.finds[0].dataset.PatientName == "Wang^XiaoDong=王*"


# --------------------------------------------------------------------------------------------------------- what is kept


@pytest.fixture
async def opened(theme: Theme, tmp_path: Path) -> AsyncIterator[Callable[[], MainWindow]]:
    """Opens a window over settings in files."""
    folder = tmp_path / "config"
    windows: list[MainWindow] = []

    def show() -> MainWindow:
        window = MainWindow(context, Reporter(), Configuration(SettingsStore(folder), NodeStore(folder).load()))
        use_folder(window, tmp_path / "received")
        window.show()
        window.show_panel(window.query)
        windows.append(window)
        return window

    with AppContext() as context:
        yield show
        for window in windows:
            await window.shut_down()
            window.deleteLater()


@pytest.mark.qt_log_ignore("This plugin does not support")
async def test_searches_and_columns_are_remembered(
    opened: Callable[[], MainWindow], tmp_path: Path, qtbot: QtBot
) -> None:
    window = opened()
    panel, form = window.query, window.query.form
    form.level.setCurrentIndex(form.level.findText("patients"))
    fill(panel, PatientName="Doe*")
    form.how.limit.setCurrentIndex(0)
    form.editor.name.setText("PatientComments")
    form.editor.add()
    form.how.keep_name.setFocus()
    qtbot.keyClicks(form.how.keep_name, "All Does")
    qtbot.keyClick(form.how.keep_name, Qt.Key.Key_Return)
    assert form.how.saved.currentText() == "All Does"
    qtbot.mouseClick(panel.results.columns_button, Qt.MouseButton.LeftButton)
    next(action for action in panel.results.columns_menu.actions() if action.text() == "Born").trigger()
    panel.results.columns_menu.close()
    panel.retrieve.at_once.setCurrentIndex(panel.retrieve.at_once.findData(4))
    await window.shut_down()
    kept = QueryFile(tmp_path / "config").load()
    assert (kept.at_once, "birth" in kept.columns, len(kept.searches)) == (4, True, 1)


async def test_what_was_remembered_is_offered(opened: Callable[[], MainWindow], tmp_path: Path, qtbot: QtBot) -> None:
    search = SavedSearch("All Does", Level.PATIENT, keys=("PatientName=Doe*",), returned=("PatientComments",), limit=7)
    QueryFile(tmp_path / "config").save(QueryMemory((search,), ("item", "birth"), 4))
    window = opened()
    panel, form = window.query, window.query.form
    await reached(lambda: form.how.saved.findText("All Does") == 1, "the search is there")
    assert panel.retrievals.at_once == 4
    assert {column.key for column in panel.results.shown_columns} == {"item", "birth"}
    form.how.saved.setFocus()
    qtbot.keyClick(form.how.saved, Qt.Key.Key_Down)
    query = form.query()
    assert (query.level, query.limit, [str(key) for key in query.keys]) == (Level.PATIENT, 7, ["PatientName=Doe*"])
    assert [key.name for key in query.returned or ()] == ["PatientComments"]
    assert form.usual.texts()["PatientName"] == "Doe*"
    qtbot.mouseClick(form.how.forget_button, Qt.MouseButton.LeftButton)
    assert not form.how.saved.isEnabled()
    await window.shut_down()
    assert QueryFile(tmp_path / "config").load().searches == ()


FIND = "1.2.840.10008.5.1.4.1.2.2.1"


async def goes_on(peer: Peer) -> None:
    """Accepts everything, and answers a query without end, whatever is asked."""
    rq = await peer.read()
    assert isinstance(rq, AssociateRQ)
    answers = [context_ac(one.context_id, 0, one.transfer_syntaxes[0]) for one in rq.presentation_contexts]
    await peer.send(associate(APPLICATION, *answers, USER, pdu_type=2))
    request = await peer.read_command()
    context_id = next(one.context_id for one in rq.presentation_contexts if one.abstract_syntax == FIND)
    body = {0x0002: FIND, 0x0100: 0x8020, 0x0120: request.message_id, 0x0800: 1, 0x0900: 0xFF00}
    while not peer.is_gone:
        await peer.send(pdata(pdv(context_id, 3, command(body))) + dataset(b"", context_id))
        await time_passes(0.02)


async def test_a_cancel_says_what_it_waits_for_and_a_second_one_aborts(panel: QueryPanel, press: Press) -> None:
    async with bad_server(goes_on) as server:
        call(panel, server.address)
        panel.form.usual.fields["PatientName"].setText("A*")
        await press(panel.run_button)
        await reached(lambda: panel.results.model.count > 0, "matches come")
        assert panel.cancel_button.text() == "Ca&ncel"
        await press(panel.cancel_button)
        await reached(lambda: "waiting for" in panel.status.text(), "it says what it waits for")
        assert panel.status.text().endswith("of 10 s …")
        assert (panel.cancel_button.text(), panel.cancel_button.accessibleName()) == ("Abort &now", "Abort now")
        count = panel.results.model.count
        await press(panel.cancel_button)
        await ended(panel)
        assert panel.results.model.count >= count > 0
        assert panel.cancel_button.text() == "Ca&ncel"
