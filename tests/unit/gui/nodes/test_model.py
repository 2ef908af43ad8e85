from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from dicomgui.app.configuration.nodes import Node, NodeStatus
from dicomgui.gui.nodes.model import NodeColumn, NodeModel, age_text, status_text
from dicomgui.network.association.params import AETitle, PeerAddress

NOW = 1e9


def node(name: str, port: int = 104, *, is_machine_wide: bool = False, comment: str = "") -> Node:
    address = PeerAddress(AETitle("PACS"), "10.0.0.5", port)
    return Node(name, address, comment=comment, is_machine_wide=is_machine_wide)


@pytest.fixture
def model(qtbot: QtBot) -> NodeModel:
    made = NodeModel(clock=lambda: NOW)
    made.show_nodes((node("First"), node("Second", 105)))
    return made


def text(model: NodeModel, row: int, column: NodeColumn) -> str:
    return str(model.index(row, column).data())


def test_a_row_a_node(model: NodeModel, qtmodeltester: ModelTester) -> None:
    assert [text(model, 1, column) for column in NodeColumn] == ["Second", "PACS", "10.0.0.5:105", "not tried yet"]
    titles = [model.headerData(column, Qt.Orientation.Horizontal) for column in NodeColumn]
    assert titles == ["Name", "AE title", "Address", "Last echo"]
    qtmodeltester.check(model)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "just now"), (-3, "just now"), (12.9, "12 s ago"), (60, "1 min ago"), (7300, "2 h ago"), (200_000, "2 d ago")],
)
def test_ages(seconds: float, text: str) -> None:
    assert age_text(seconds) == text


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (None, "not tried yet"),
        (NodeStatus(True, NOW - 60, 4.24), "answers in 4.2 ms · 1 min ago"),
        (NodeStatus(True, NOW, 4.24, "0107: <b>"), "answers in 4.2 ms (0107: <b>) · just now"),
        (NodeStatus(False, NOW - 7, None, "Nothing listens\x1b."), "failed: Nothing listens\\x1b · 7 s ago"),
        (NodeStatus(False, NOW), "failed: it gave no reason · just now"),
    ],
)
def test_statuses_say_what_why_and_when(status: NodeStatus | None, text: str) -> None:
    assert status_text(status, NOW) == text
    assert status_text(status, NOW, is_busy=True) == "echo under way …"


def test_an_echo_shows_in_its_row(model: NodeModel, qtbot: QtBot) -> None:
    with qtbot.waitSignal(model.dataChanged):
        model.begin("first")
    model.begin("First")
    model.end("First", None)
    assert model.is_busy("FIRST")
    model.end("First", NodeStatus(True, NOW - 30, 1.0))
    assert not model.is_busy("First")
    assert text(model, 0, NodeColumn.STATUS) == "answers in 1.0 ms · 30 s ago"
    name = model.index(0, NodeColumn.NAME)
    assert name.data(Qt.ItemDataRole.AccessibleTextRole) == "First, PACS@10.0.0.5:104, answers in 1.0 ms · 30 s ago"
    status = model.index(0, NodeColumn.STATUS)
    assert not status.data(Qt.ItemDataRole.DecorationRole).isNull()
    with qtbot.waitSignal(model.dataChanged):
        model.age()


def test_the_status_goes_with_the_name_and_not_with_another_address(model: NodeModel) -> None:
    model.end("First", NodeStatus(True, NOW, 1.0))
    model.end("Second", NodeStatus(True, NOW, 2.0))
    model.rename("First", "Renamed")
    model.show_nodes((node("Renamed"), node("Second", 999)))
    assert model.status_of("Renamed") is not None
    assert model.status_of("First") is None
    assert model.status_of("Second") is None


def test_what_is_machine_wide_or_edited_is_marked(model: NodeModel) -> None:
    model.show_nodes((node("Both", is_machine_wide=True, comment="<i>of\nall</i>"), node("Mine")))
    assert not model.index(0, NodeColumn.NAME).data(Qt.ItemDataRole.DecorationRole).isNull()
    assert model.index(1, NodeColumn.NAME).data(Qt.ItemDataRole.DecorationRole) is None
    about = model.index(0, NodeColumn.NAME).data(Qt.ItemDataRole.ToolTipRole)
    assert "for everybody" in about
    assert "&lt;i&gt;of\\nall" in about
    model.mark_edited(frozenset(["mine"]))
    assert text(model, 1, NodeColumn.NAME) == "Mine (edited)"


def test_rows_that_are_not_there(model: NodeModel) -> None:
    assert model.node_at(-1) is None
    assert model.node_at(2) is None
    assert model.row_of("Nobody") == -1
    assert model.index(5, 0).data() is None
