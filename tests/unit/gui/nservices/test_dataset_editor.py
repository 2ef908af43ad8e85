"""The editor for data sets: typed into, changed by its buttons and keys, filled from files and the clipboard."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from helpers.bad_peer import reached
from helpers.retrieval import elements
from pydicom import dcmread
from pydicom.sequence import Sequence as Items
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from dicomgui.app.viewing.dataset_edit import Element, Item
from dicomgui.app.viewing.dataset_save import save_dataset
from dicomgui.gui.nservices.dataset_editor import DatasetEditor
from dicomgui.gui.running.reporter import Reporter
from dicomgui.gui.running.tasks import PanelTasks

pytestmark = [pytest.mark.qt, pytest.mark.qt_log_ignore("This plugin does not support")]


@pytest.fixture
def reporter() -> Reporter:
    return Reporter()


@pytest.fixture
def editor(qtbot: QtBot, reporter: Reporter) -> Iterator[DatasetEditor]:
    with ThreadPoolExecutor(1) as pool:
        made = DatasetEditor("test", PanelTasks("test", reporter), pool)
        qtbot.addWidget(made)
        made.resize(700, 400)
        made.show()
        yield made
    assert reporter.count == 0


def typed(qtbot: QtBot, editor: DatasetEditor, name: str, value: str = "") -> None:
    editor.name.setFocus()
    editor.name.clear()
    qtbot.keyClicks(editor.name, name)
    editor.value.setText(value)
    qtbot.keyClick(editor.value, Qt.Key.Key_Return)


def test_elements_are_typed_into_sequences_and_items(qtbot: QtBot, editor: DatasetEditor) -> None:
    typed(qtbot, editor, "PatientID", "17")
    typed(qtbot, editor, "ReferencedSOPSequence")
    assert isinstance(editor.selected, Element)
    qtbot.mouseClick(editor.item_button, Qt.MouseButton.LeftButton)
    assert isinstance(editor.selected, Item)
    typed(qtbot, editor, "ReferencedSOPClassUID", "1.2.3")
    typed(qtbot, editor, "ReferencedSOPInstanceUID", "1.2.4")
    qtbot.mouseClick(editor.copy_button, Qt.MouseButton.LeftButton)
    editor.select(editor.edit.root)
    typed(qtbot, editor, "0008,0060=CT")
    item = elements(ReferencedSOPClassUID="1.2.3", ReferencedSOPInstanceUID="1.2.4")
    assert editor.dataset() == elements(PatientID="17", Modality="CT", ReferencedSOPSequence=Items([item, item]))


def test_keywords_are_completed(qtbot: QtBot, editor: DatasetEditor) -> None:
    editor.name.setFocus()
    qtbot.keyClicks(editor.name, "PatientNa")
    assert editor.name.completer().completionModel().index(0, 0).data() == "PatientName"


def test_a_wrong_attribute_is_said(qtbot: QtBot, editor: DatasetEditor) -> None:
    typed(qtbot, editor, "NoSuchThing", "1")
    assert "NoSuchThing" in editor.remark.text()
    assert not len(editor.edit)


def test_a_value_is_edited_with_f2_and_its_fault_is_said(qtbot: QtBot, editor: DatasetEditor) -> None:
    editor.show_dataset(elements(StudyDate="20260101"))
    date = editor.edit.root.elements[0]
    editor.tree.setCurrentIndex(editor.value_index(date))
    editor.tree.setFocus()
    qtbot.keyClick(editor.tree, Qt.Key.Key_F2)
    line = editor.tree.findChild(QLineEdit)
    assert line is not None
    line.setText("1 May")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: date.text == "1 May")
    assert "YYYYMMDD" in editor.remark.text()


def test_keys_take_out_move_and_take_back(qtbot: QtBot, editor: DatasetEditor) -> None:
    inner = [elements(ReferencedSOPInstanceUID=f"1.2.{number}") for number in range(3)]
    editor.show_dataset(elements(ReferencedSOPSequence=Items(inner), PatientID="1"))
    sequence = editor.edit.find("ReferencedSOPSequence")
    assert sequence is not None
    editor.select(sequence.items[2])
    editor.tree.setFocus()
    qtbot.keyClick(editor.tree, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    qtbot.keyClick(editor.tree, Qt.Key.Key_Delete)
    assert [item.elements[0].text for item in sequence.items] == ["1.2.0", "1.2.1"]
    assert editor.selected is sequence.items[1]
    qtbot.keyClick(editor.tree, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(editor.tree, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert [item.elements[0].text for item in sequence.items] == ["1.2.0", "1.2.1", "1.2.2"]


def test_what_was_open_stays_open_when_something_is_added(qtbot: QtBot, editor: DatasetEditor) -> None:
    editor.show_dataset(elements(ReferencedSOPSequence=Items([elements(ReferencedSOPInstanceUID="1.2")])))
    sequence = editor.edit.root.elements[0]
    assert editor.tree.isExpanded(editor.model.index_of(sequence.items[0]))
    typed(qtbot, editor, "PatientID", "1")
    assert editor.tree.isExpanded(editor.model.index_of(sequence))
    assert editor.tree.isExpanded(editor.model.index_of(sequence.items[0]))


def test_everything_is_taken_out_and_comes_back(qtbot: QtBot, editor: DatasetEditor) -> None:
    editor.show_dataset(elements(PatientID="1"))
    qtbot.mouseClick(editor.clear_button, Qt.MouseButton.LeftButton)
    assert not len(editor.edit)
    qtbot.mouseClick(editor.undo_button, Qt.MouseButton.LeftButton)
    assert editor.dataset() == elements(PatientID="1")


async def test_a_file_is_opened_and_merged(editor: DatasetEditor, tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    save_dataset(elements(PatientID="1", Modality="CT"), path)
    await editor.open_file(path)
    assert editor.dataset() == elements(PatientID="1", Modality="CT")
    other = tmp_path / "b.json"
    save_dataset(elements(PatientID="2", PatientName="Doe"), other)
    await editor.open_file(other, merge=True)
    assert editor.dataset() == elements(PatientID="2", Modality="CT", PatientName="Doe")
    await editor.open_file(tmp_path / "none")
    assert "cannot read" in editor.remark.text()


async def test_json_goes_through_the_clipboard(editor: DatasetEditor) -> None:
    editor.show_dataset(elements(PatientName="Müller", Rows=3))
    editor.copy_json()
    assert json.loads(QGuiApplication.clipboard().text())["00280010"] == {"vr": "US", "Value": [3]}
    editor.show_dataset(None)
    editor.paste()
    await reached(lambda: len(editor.edit) == 2, "it was pasted")
    assert editor.dataset() == elements(PatientName="Müller", Rows=3)
    QGuiApplication.clipboard().setText("no JSON")
    editor.paste()
    await reached(lambda: "clipboard" in editor.remark.text(), "it is said")


def test_a_saved_file_names_its_class(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    save_dataset(elements(PatientName="山田"), path, sop_class_uid="1.2.3", sop_instance_uid="1.2.4")
    read = dcmread(path)
    assert (read.file_meta.MediaStorageSOPClassUID, read.file_meta.MediaStorageSOPInstanceUID) == ("1.2.3", "1.2.4")
    assert (read.PatientName, read.SpecificCharacterSet) == ("山田", "ISO_IR 192")
