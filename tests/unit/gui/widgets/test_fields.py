"""Fields by name, as texts."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from dicomgui.gui.widgets.buttons import Choice
from dicomgui.gui.widgets.fields import YES, FieldSet, Section, check_box, line_edit

pytestmark = pytest.mark.usefixtures("qapp")


class Sample(FieldSet):
    def __init__(self) -> None:
        super().__init__()
        self.choice = Choice("choice", "Choice")
        for text in ("", "one", "two"):
            self.choice.addItem(text or "none", text)
        self.add_row(("line", "Line", line_edit("line", "Line"), None), ("choice", "Choice", self.choice, None))
        self.add_row(("check", "", check_box("check", "Check"), None))


def test_texts_there_and_back() -> None:
    fields = Sample()
    assert fields.texts() == {"line": "", "choice": "", "check": ""}
    texts = {"line": "a", "choice": "two", "check": YES}
    fields.set_texts({**texts, "other": "left alone"})
    assert fields.texts() == texts
    fields.set_texts({"choice": "three"})
    assert fields.texts() == {"line": "", "choice": "", "check": ""}


def test_changes_and_enter_are_told(qtbot: QtBot) -> None:
    fields = Sample()
    qtbot.addWidget(fields)
    for change in ({"line": "a"}, {"line": "a", "choice": "one"}, {"line": "a", "choice": "one", "check": YES}):
        with qtbot.waitSignal(fields.changed):
            fields.set_texts(change)
    with qtbot.waitSignal(fields.submitted):
        qtbot.keyClick(fields.fields["line"], Qt.Key.Key_Return)


def test_changes_are_marked_and_read_only_lets_nothing_be_changed() -> None:
    fields = Sample()
    fields.set_texts({"line": "a", "choice": "one", "check": YES})
    fields.show_changes({"line": "a", "choice": "", "check": ""}, True)
    assert [bool(field.property("changed")) for field in fields.fields.values()] == [False, True, True]
    fields.show_changes({}, False)
    assert not any(field.property("changed") for field in fields.fields.values())
    fields.set_read_only(True)
    assert (fields.fields["line"].property("readOnly"), fields.choice.isEnabled()) == (True, False)
    fields.set_read_only(False)
    assert (fields.fields["line"].property("readOnly"), fields.choice.isEnabled()) == (False, True)


def test_a_section_is_folded_and_says_what_is_in_it(qtbot: QtBot) -> None:
    body = QLabel("body")
    section = Section("part", "Se&curity", body)
    qtbot.addWidget(section)
    assert body.isHidden()
    assert section.button.accessibleName() == "Security"
    section.show_summary("TLS")
    assert section.button.accessibleName() == "Security: TLS"
    qtbot.keyClick(section.button, Qt.Key.Key_Space)
    assert not body.isHidden()
    section.set_open(False)
    assert body.isHidden()
