"""A data set under edit in rows and columns."""

from __future__ import annotations

import pytest
from helpers.retrieval import elements
from pydicom.sequence import Sequence as Items
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QAbstractItemModelTester

from dicomgui.app.viewing.dataset_edit import DatasetEdit
from dicomgui.gui.nservices.dataset_edit_model import ATTRIBUTE, CHOICES_ROLE, VALUE, VR, DatasetEditModel

pytestmark = pytest.mark.qt


@pytest.fixture
def edit() -> DatasetEdit:
    inner = elements(ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.2", ReferencedSOPInstanceUID="1.2.4")
    made = DatasetEdit(elements(PatientName="Doe^Jane", ReferencedSOPSequence=Items([inner, inner])))
    made.add("StudyDate", "yesterday")
    return made


@pytest.fixture
def model(edit: DatasetEdit) -> DatasetEditModel:
    made = DatasetEditModel(edit)
    QAbstractItemModelTester(made, QAbstractItemModelTester.FailureReportingMode.Fatal, made)
    return made


def rows(model: DatasetEditModel, above: QModelIndex) -> list[tuple[str, ...]]:
    return [
        tuple(str(model.index(row, column, above).data()) for column in range(3))
        for row in range(model.rowCount(above))
    ]


def test_the_data_set_is_the_row_at_the_top(model: DatasetEditModel) -> None:
    assert rows(model, QModelIndex()) == [("Data set", "", "3 elements")]
    top = model.index(0, 0)
    assert rows(model, top) == [
        ("(0008,0020) StudyDate", "DA", "yesterday"),
        ("(0008,1199) ReferencedSOPSequence", "SQ", "2 items"),
        ("(0010,0010) PatientName", "PN", "Doe^Jane"),
    ]
    sequence = model.index(1, 0, top)
    assert rows(model, sequence) == [("Item 1", "", "2 elements"), ("Item 2", "", "2 elements")]
    assert model.parent(model.index(0, 0, model.index(1, 0, sequence))) == model.index(1, 0, sequence)


def test_a_value_is_edited_in_place(model: DatasetEditModel, edit: DatasetEdit) -> None:
    resets: list[int] = []
    model.modelReset.connect(lambda: resets.append(1))
    name = model.index(2, VALUE, model.index(0, 0))
    assert model.flags(name) & Qt.ItemFlag.ItemIsEditable
    assert model.setData(name, "Doe^John")
    assert edit.dataset().PatientName == "Doe^John"
    assert not resets
    edit.undo()
    assert resets
    assert model.index(2, VALUE, model.index(0, 0)).data() == "Doe^Jane"


def test_what_is_wrong_has_a_colour_and_a_reason(model: DatasetEditModel) -> None:
    date = model.index(0, VALUE, model.index(0, 0))
    assert isinstance(date.data(Qt.ItemDataRole.ForegroundRole), QColor)
    assert "YYYYMMDD" in str(date.data(Qt.ItemDataRole.ToolTipRole))


def test_only_what_has_a_choice_offers_representations(model: DatasetEditModel, edit: DatasetEdit) -> None:
    top = model.index(0, 0)
    assert not model.flags(model.index(2, VR, top)) & Qt.ItemFlag.ItemIsEditable
    edit.add("SmallestImagePixelValue", "1")
    pixel = model.index(3, VR, model.index(0, 0))
    assert pixel.data(CHOICES_ROLE) == ("US", "SS")
    assert model.setData(pixel, "SS")
    assert not model.setData(model.index(3, VR, model.index(0, 0)), "OB")
    assert edit.root.elements[3].vr == "SS"


def test_sequences_and_items_are_not_typed_into(model: DatasetEditModel) -> None:
    top = model.index(0, 0)
    for index in (
        model.index(1, VALUE, top),
        model.index(0, VALUE, model.index(1, 0, top)),
        model.index(0, ATTRIBUTE, top),
    ):
        assert not model.flags(index) & Qt.ItemFlag.ItemIsEditable
        assert not model.setData(index, "x")


def test_a_uid_is_named_in_its_tip(model: DatasetEditModel) -> None:
    item = model.index(0, 0, model.index(1, 0, model.index(0, 0)))
    assert "CT Image Storage" in str(model.index(0, VALUE, item).data(Qt.ItemDataRole.ToolTipRole))


def test_what_is_no_longer_there_has_no_place(model: DatasetEditModel, edit: DatasetEdit) -> None:
    gone = edit.root.elements[0]
    edit.remove(gone)
    assert not model.index_of(gone).isValid()
    model.show_edit(DatasetEdit())
    assert rows(model, QModelIndex()) == [("Data set", "", "0 elements")]
    assert not model.index_of(edit.root).isValid()
