"""Attributes are completed as they are typed."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from dicomgui.gui.widgets.attribute_edit import AttributeEdit

pytestmark = [pytest.mark.qt, pytest.mark.qt_log_ignore("This plugin does not support")]


def offered(qtbot: QtBot, typed: str, *, takes_paths: bool = False) -> list[str]:
    edit = AttributeEdit("edit", "Attribute", takes_paths=takes_paths)
    qtbot.addWidget(edit)
    edit.show()
    edit.setFocus()
    qtbot.keyClicks(edit, typed)
    model = edit.completer().completionModel()
    edit.completer().popup().hide()
    return [str(model.index(row, 0).data()) for row in range(model.rowCount())]


def test_keywords_names_and_numbers(qtbot: QtBot) -> None:
    assert offered(qtbot, "patientna")[0] == "PatientName"
    assert offered(qtbot, "0010,0010") == ["PatientName"]
    assert "StudyInstanceUID" in offered(qtbot, "study instance")


def test_nothing_is_offered_for_one_letter(qtbot: QtBot) -> None:
    assert offered(qtbot, "p") == []
    assert offered(qtbot, "PatientName[0].p", takes_paths=True) == []


def test_what_is_inside_of_a_sequence_goes_on_behind_its_dot(qtbot: QtBot) -> None:
    assert offered(qtbot, "ScheduledProcedureStepSeq", takes_paths=True)[0] == "ScheduledProcedureStepSequence[0]."
    inside = offered(qtbot, "ScheduledProcedureStepSequence[0].Modal", takes_paths=True)
    assert "ScheduledProcedureStepSequence[0].Modality" in inside


def test_without_paths_a_sequence_is_named_alone(qtbot: QtBot) -> None:
    assert offered(qtbot, "ScheduledProcedureStepSeq")[0] == "ScheduledProcedureStepSequence"
