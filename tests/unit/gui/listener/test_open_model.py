"""Associations that stand now: rows come and go, the others keep their places."""

from __future__ import annotations

from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from dicomgui.app.listening.listener import OpenAssociation
from dicomgui.gui.listener.open_model import OpenColumn, OpenModel
from dicomgui.network.service import AssociationFacts


def standing(number: int, instances: int = 0) -> OpenAssociation:
    facts = AssociationFacts(number, f"10.0.0.{number}:4000", "<b>\n", "ME", "1.2", "X_1")
    return OpenAssociation(facts, 1e9, instances, instances * 1000)


def numbers(model: OpenModel) -> list[int]:
    return [model.association_at(row) for row in range(model.rowCount())]


def test_rows_come_and_go(qtbot: QtBot, qtmodeltester: ModelTester) -> None:
    model = OpenModel()
    model.show_open([standing(1), standing(2), standing(3)])
    qtmodeltester.check(model, force_py=True)
    model.show_open([standing(1, 4), standing(3), standing(5)])
    assert numbers(model) == [1, 3, 5]
    cells = [model.index(0, column).data() for column in OpenColumn]
    assert cells[:4] == ["1", "10.0.0.1:4000", "<b>\\n", "ME"]
    assert cells[OpenColumn.INSTANCES :] == ["4", "4.0 kB", "X_1"]
    model.show_open([])
    assert numbers(model) == []
    assert model.association_at(-1) == 0
