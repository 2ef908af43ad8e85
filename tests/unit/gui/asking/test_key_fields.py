"""The usual keys: what is shown counts, as it is typed."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QAction
from pytestqt.qtbot import QtBot

from dicomgui.app.asking.keys import parse_key
from dicomgui.app.asking.levels import Level
from dicomgui.gui.asking.key_fields import UsualKeys, snake

pytestmark = pytest.mark.qt


@pytest.fixture
def fields(qtbot: QtBot) -> UsualKeys:
    made = UsualKeys("query")
    qtbot.addWidget(made)
    return made


def test_object_names() -> None:
    assert [snake(name) for name in ("PatientID", "SOPInstanceUID", "StudyDate")] == [
        "patient_id", "sop_instance_uid", "study_date",
    ]  # fmt: skip


def test_only_what_is_shown_counts_and_nothing_is_added(fields: UsualKeys) -> None:
    fields.set_texts({"PatientName": " Doe ", "StudyDate": "today", "SOPInstanceUID": "1.2"})
    assert [str(key) for key in fields.filled] == ["PatientName=Doe", "StudyDate=today"]
    fields.show_level(Level.IMAGE, "study")
    assert [str(key) for key in fields.filled] == ["SOPInstanceUID=1.2"]
    fields.show_level(Level.PATIENT, "")
    assert [str(key) for key in fields.filled] == ["PatientName=Doe"]


def test_the_patient_root_wants_the_patient_at_every_level(fields: UsualKeys) -> None:
    fields.set_texts({"PatientID": "17"})
    fields.show_level(Level.SERIES, "study")
    assert fields.filled == ()
    fields.show_level(Level.SERIES, "patient")
    assert [str(key) for key in fields.filled] == ["PatientID=17"]


def test_keys_are_taken_and_the_others_given_back(fields: UsualKeys) -> None:
    fields.show_level(Level.PATIENT, "")
    fields.set_texts({"PatientName": "old"})
    written = ("PatientID=1", "PatientID=2", "PatientSex=F", "StudyID=7", "PatientComments=x")
    others = fields.take_keys(map(parse_key, written))
    assert [str(key) for key in others] == ["PatientID=2", "StudyID=7", "PatientComments=x"]
    assert [str(key) for key in fields.filled] == ["PatientID=1", "PatientSex=F"]
    assert [str(key) for key in fields.take_keys([parse_key("PatientSex=X")])] == ["PatientSex=X"]


def test_spans_of_days_go_into_the_field_by_name(fields: UsualKeys) -> None:
    actions = {action.text(): action for action in fields.presets["StudyDate"].findChildren(QAction)}
    assert "Tomorrow" not in actions
    fields.set_texts({"PatientName": "Doe"})
    actions["Last 7 days"].trigger()
    assert [str(key) for key in fields.filled] == ["PatientName=Doe", "StudyDate=last-7-days"]
