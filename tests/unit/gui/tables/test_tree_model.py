from __future__ import annotations

from PySide6.QtCore import QModelIndex, Qt
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from dicomgui.gui.tables.tree_model import MAX_LEVELS, TreeModel
from dicomgui.trace.describe import Node
from dicomgui.trace.inspection.dataset_nodes import DataNode

TREE = Node(
    "PDU", "10 bytes", 0, 10,
    (
        Node("type", "1", 0, 1),
        Node("item", "", 2, 8, (Node("head", "x", 2, 4), Node("body", "y", 6, 4, (), "is wrong"))),
    ),
)  # fmt: skip


def test_it_is_a_model_and_knows_paths(qtbot: QtBot, qtmodeltester: ModelTester) -> None:
    model = TreeModel()
    assert model.rowCount() == 0
    model.show_node(TREE)
    qtmodeltester.check(model, force_py=True)
    index = model.index_at(7)
    assert model.path_of(index) == "PDU › item › body"
    assert model.node_of(index) is not None
    assert index.siblingAtColumn(1).data() == "y · is wrong"
    assert index.siblingAtColumn(2).data() == "0006 · 4"
    assert index.data(Qt.ItemDataRole.ForegroundRole) is not None
    assert model.headerData(0, Qt.Orientation.Horizontal) == "Field"


def test_the_deepest_owner_of_a_byte_is_found(qtbot: QtBot) -> None:
    model = TreeModel()
    model.show_node(TREE)
    assert model.index_at(0).data() == "type"
    assert model.index_at(1).data() == "PDU"
    assert not model.index_at(10).isValid()
    model.show_node(None)
    assert not model.index_at(0).isValid()
    assert model.path_of(QModelIndex()) == ""
    assert model.node_of(QModelIndex()) is None


def test_what_is_inside_is_read_when_it_is_opened(qtbot: QtBot) -> None:
    asked: list[str] = []

    def inside() -> tuple[DataNode, ...]:
        asked.append("inside")
        return (DataNode("item", 4, 2, value="a"), DataNode("item", 6, 4, value="b"))

    model = TreeModel()
    model.show_node(DataNode("root", 0, 10, inside=(DataNode("sequence", 2, 8, inside=inside), DataNode("end", 10, 0))))
    root = model.index(0, 0)
    sequence = model.index(0, 0, root)
    assert model.hasChildren(sequence)
    assert not model.hasChildren(model.index(1, 0, root))
    assert not asked
    assert model.rowCount(sequence) == 2
    assert asked == ["inside"]
    assert model.path_of(model.index_at(7)) == "root › sequence › item[2]"
    assert not model.hasChildren(root.siblingAtColumn(1))


def test_a_byte_is_followed_only_so_deep(qtbot: QtBot) -> None:
    opened: list[int] = []

    def level(number: int) -> tuple[DataNode, ...]:
        opened.append(number)
        return (DataNode(f"level {number}", 0, 10, inside=lambda: level(number + 1)),)

    model = TreeModel()
    model.show_node(DataNode("root", 0, 10, inside=lambda: level(1)))
    assert model.index_at(5).data() == f"level {MAX_LEVELS}"
    assert len(opened) == MAX_LEVELS
