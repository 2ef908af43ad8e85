"""What was refused, and why, in plain words."""

from __future__ import annotations

import pytest
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from dicomgui.app.listening.listener import (
    AssociationEnded,
    ContextsRefused,
    EchoAnswered,
    ReceivedInstance,
    Refusal,
    StoreFailed,
)
from dicomgui.gui.listener import refused_model
from dicomgui.gui.listener.refused_model import RefusedColumn, RefusedModel
from dicomgui.network.association.contexts import ContextResult
from dicomgui.network.errors import ConnectionLost
from dicomgui.network.service import AssociationFacts
from dicomgui.network.status import Status
from dicomgui.storage.writer import Outcome

FACTS = AssociationFacts(7, "10.0.0.1:4000", "<b>\n", "ME", "1.2", "X")
CT = "1.2.840.10008.5.1.4.1.1.2"
EVENTS = (
    EchoAnswered(1e9, FACTS),
    ReceivedInstance(1e9, FACTS, CT, "1.2.3", "1.2.840.10008.1.2", "x", 1500, Outcome.STORED),
    AssociationEnded(1e9, FACTS, None),
    Refusal(1e9, 9, "10.0.0.2:5", "too many\x1b"),
    Refusal(1e9, 8, "10.0.0.3:5", "the peer ended it", is_gone=True),
    StoreFailed(1e9, FACTS, CT, "1.2", Status(0xA700), "the disk is full", "Make room."),
    AssociationEnded(1e9, FACTS, ConnectionLost("the connection was lost")),
    ContextsRefused(1e9, FACTS, tuple(ContextResult(2 * n + 1, f"1.2.3.{n}", ("1.2",), 3) for n in range(6))),
)


def test_each_refusal_has_a_row_with_its_reason(qtbot: QtBot, qtmodeltester: ModelTester) -> None:
    model = RefusedModel()
    assert model.add(EVENTS) == 5
    assert model.add(EVENTS[:3]) == 0
    qtmodeltester.check(model, force_py=True)
    rows = [[model.index(row, column).data() for column in RefusedColumn][1:] for row in range(5)]
    caller = "<b>\\n (10.0.0.1:4000)"
    assert rows == [
        ["10.0.0.2:5", "Connection refused", "too many\\x1b"],
        ["10.0.0.3:5", "Connection ended", "the peer ended it"],
        [caller, "CT Image Storage not stored", "the disk is full. Make room."],
        [caller, "Association broke off", "the connection was lost"],
        [caller, "6 presentation contexts refused",
             "; ".join([*(f"1.2.3.{n}: abstract syntax not supported" for n in range(4)), "2 more"])],
    ]  # fmt: skip
    assert [model.association_at(row) for row in (-1, 0, 2)] == [0, 9, 7]
    model.clear()
    assert model.rowCount() == 0


def test_the_oldest_rows_go(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refused_model, "MAX_ROWS", 2)
    model = RefusedModel()
    model.add(EVENTS)
    assert model.rowCount() == 2
