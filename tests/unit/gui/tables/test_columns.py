"""What all tables have in common."""

from __future__ import annotations

from PySide6.QtCore import Qt

from dicomgui.gui.tables.columns import ColumnsModel


class Fruit(ColumnsModel):
    titles = ("Name", "Weight")
    right_columns = frozenset((1,))


def test_heads_say_what_the_columns_are_and_stand_as_their_cells_do() -> None:
    model = Fruit()
    across = Qt.Orientation.Horizontal
    assert model.columnCount() == 2
    assert [model.headerData(n, across) for n in range(2)] == ["Name", "Weight"]
    for column, side in ((0, Qt.AlignmentFlag.AlignLeft), (1, Qt.AlignmentFlag.AlignRight)):
        head = model.headerData(column, across, Qt.ItemDataRole.TextAlignmentRole)
        assert head == model.alignment_of(column) == int(side | Qt.AlignmentFlag.AlignVCenter)
    assert model.headerData(0, across, Qt.ItemDataRole.DecorationRole) is None
    assert model.headerData(0, Qt.Orientation.Vertical) is None
