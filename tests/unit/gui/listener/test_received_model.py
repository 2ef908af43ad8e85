from __future__ import annotations

import pytest
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from dicomgui.app.listening.listener import AssociationBegan, EchoAnswered, ReceivedInstance, Refusal, StoreFailed
from dicomgui.gui.listener import received_model
from dicomgui.gui.listener.received_model import ReceivedColumn, ReceivedModel
from dicomgui.network.service import AssociationFacts
from dicomgui.network.status import Status
from dicomgui.storage.writer import Outcome

FACTS = AssociationFacts(7, "10.0.0.1:4000", "<b>\n", "ME", "1.2", "X")
CT = "1.2.840.10008.5.1.4.1.1.2"
EVENTS = (
    AssociationBegan(1e9, FACTS),
    ReceivedInstance(1e9, FACTS, CT, "1.2.3", "1.2.840.10008.1.2", "x", 1500, Outcome.STORED),
    ReceivedInstance(1e9, FACTS, CT, "1.2.3", "1.2.840.10008.1.2", "x", 1500, Outcome.KEPT_SECOND),
    StoreFailed(1e9, FACTS, CT, "../x", Status(0x0117), "no UID", ""),
    EchoAnswered(1e9, FACTS),
    Refusal(1e9, 9, "10.0.0.2:5", "too many\x1b"),
    Refusal(1e9, 8, "10.0.0.3:5", "the peer ended it", is_gone=True),
)


def test_each_event_that_matters_has_a_row(qtbot: QtBot, qtmodeltester: ModelTester) -> None:
    model = ReceivedModel()
    assert model.add(EVENTS) == 6
    assert model.add([]) == 0
    qtmodeltester.check(model, force_py=True)
    rows = [[model.index(row, column).data() for column in ReceivedColumn][1:] for row in range(6)]
    caller = "<b>\\n (10.0.0.1:4000)"
    assert rows == [
        [caller, "CT Image Storage", "1.2.3", "1.5 kB", "stored"],
        [caller, "CT Image Storage", "1.2.3", "1.5 kB", "stored beside another with its UID"],
        [caller, "CT Image Storage", "../x", "", "not stored: no UID"],
        [caller, "C-ECHO", "", "", "answered"],
        ["10.0.0.2:5", "Connection", "", "", "refused: too many\\x1b"],
        ["10.0.0.3:5", "Connection", "", "", "ended: the peer ended it"],
    ]
    assert [model.association_at(row) for row in (-1, 0, 4)] == [0, 7, 9]


def test_the_oldest_rows_go(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(received_model, "MAX_ROWS", 3)
    model = ReceivedModel()
    model.add(EVENTS)
    assert model.rowCount() == 3
    assert model.event_at(2) is EVENTS[-1]
