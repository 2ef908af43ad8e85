"""The list of retrievals: what is told beside what arrived."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester

from dicomgui.app.operations import JobState
from dicomgui.app.transfers.retrieve_results import Counts
from dicomgui.gui.query.retrieve_model import RetrieveColumn, RetrieveLine, RetrieveModel
from dicomgui.gui.tables.pills import FRACTION_ROLE, ICON_ROLE, TONE_ROLE

pytestmark = pytest.mark.qt
LINE = RetrieveLine(7, "2 studies", "PACS", "C-GET", JobState.RUNNING, Counts(3, 1, 1, 5), 4, 2_000_000, "so far")


@pytest.fixture
def model() -> RetrieveModel:
    made = RetrieveModel()
    QAbstractItemModelTester(made, QAbstractItemModelTester.FailureReportingMode.Fatal, made)
    made.show_lines([LINE])
    return made


def cell(model: RetrieveModel, column: RetrieveColumn, role: int = Qt.ItemDataRole.DisplayRole) -> object:
    return model.index(0, column).data(role)


def test_cells(model: RetrieveModel) -> None:
    assert [cell(model, column) for column in RetrieveColumn] == [
        "2 studies", "PACS", "C-GET", "running", "3 done · 1 failed · 1 with warning · 5 left", "4 · 2.0 MB",
    ]  # fmt: skip
    assert cell(model, RetrieveColumn.TOLD, FRACTION_ROLE) == 0.5
    assert cell(model, RetrieveColumn.WHAT, FRACTION_ROLE) is None
    assert (cell(model, RetrieveColumn.STATE, ICON_ROLE), cell(model, RetrieveColumn.STATE, TONE_ROLE)) == (
        "play", "accent"
    )  # fmt: skip
    assert "so far" in str(cell(model, RetrieveColumn.WHAT, Qt.ItemDataRole.ToolTipRole))
    assert model.index(0, 0).data(Qt.ItemDataRole.DecorationRole) is None


def test_what_goes_elsewhere_does_not_arrive(model: RetrieveModel) -> None:
    model.show_lines([replace(LINE, arrived=None)])
    assert cell(model, RetrieveColumn.ARRIVED) == "goes elsewhere"
    model.show_lines([replace(LINE, arrived=0)])
    assert cell(model, RetrieveColumn.ARRIVED) == "0"


def test_a_bar_without_numbers_is_full_at_the_end_only(model: RetrieveModel) -> None:
    model.show_lines([replace(LINE, told=Counts(), text="")])
    assert cell(model, RetrieveColumn.TOLD, FRACTION_ROLE) is None
    model.show_lines([replace(LINE, told=Counts(), state=JobState.DONE)])
    assert cell(model, RetrieveColumn.TOLD, FRACTION_ROLE) == 1.0


def test_rows_keep_their_numbers(model: RetrieveModel) -> None:
    model.show_lines([replace(LINE, number=8), LINE])
    assert (model.rowCount(), model.number_at(0), model.number_at(5), model.row_of(7), model.row_of(9)) == (
        2, 8, 0, 1, -1
    )  # fmt: skip
