"""The list of keys: added, edited, taken out."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester

from dicomgui.app.asking.keys import parse_key
from dicomgui.gui.asking.key_model import KeyModel

pytestmark = pytest.mark.qt


@pytest.fixture
def model() -> KeyModel:
    made = KeyModel()
    QAbstractItemModelTester(made, QAbstractItemModelTester.FailureReportingMode.Fatal, made)
    made.set_keys(map(parse_key, ["PatientComments=*x*", "StudyID", "RequestAttributesSequence"]))
    return made


def texts(model: KeyModel) -> list[str]:
    return [str(key) for key in model.keys]


def test_a_key_that_is_there_gets_another_value(model: KeyModel) -> None:
    changes: list[bool] = []
    model.keys_changed.connect(lambda: changes.append(True))
    assert model.put(parse_key("StudyID=7")) == 1
    assert model.put(parse_key("StationName")) == 3
    assert texts(model) == ["PatientComments=*x*", "StudyID=7", "RequestAttributesSequence", "StationName"]
    model.put(parse_key("StudyID=7"))
    assert len(changes) == 2


def test_values_are_edited_where_they_stand(model: KeyModel) -> None:
    editable = [bool(model.flags(model.index(row, 1)) & Qt.ItemFlag.ItemIsEditable) for row in range(3)]
    assert editable == [True, True, False]
    assert model.setData(model.index(1, 1), " 17 ")
    assert model.setData(model.index(0, 1), "")
    assert texts(model)[:2] == ["PatientComments", "StudyID=17"]
    assert not model.setData(model.index(2, 1), "1")  # a sequence has none
    assert not model.setData(model.index(1, 0), "1")
    assert not model.setData(model.index(1, 1), "1", Qt.ItemDataRole.DisplayRole)


def test_rows_are_taken_out(model: KeyModel) -> None:
    model.remove([2, 0, 2])
    assert texts(model) == ["StudyID"]


def test_what_is_only_returned_says_so(model: KeyModel) -> None:
    assert [model.index(row, 1).data() for row in range(3)] == ["*x*", "only returned", "only returned"]
    assert model.index(1, 1).data(Qt.ItemDataRole.EditRole) == ""
    assert model.index(1, 1).data(Qt.ItemDataRole.ForegroundRole) is not None
    assert model.index(0, 1).data(Qt.ItemDataRole.ForegroundRole) is None
    assert "(0010,4000) LT" in model.index(0, 0).data(Qt.ItemDataRole.ToolTipRole)
    assert model.data(model.index(-1, 0)) is None
