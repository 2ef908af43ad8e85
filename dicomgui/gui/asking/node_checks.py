"""Saved nodes with a check box each: several of them are asked at once."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QListWidget, QListWidgetItem, QWidget

from dicomgui.app.configuration.nodes import Node
from dicomgui.gui.keeping.configuration import Configuration
from dicomgui.gui.widgets.text import tooltip

__all__ = ["NodeChecks"]

_ROWS_SEEN = 5
_NAME = int(Qt.ItemDataRole.UserRole)


class NodeChecks(QListWidget):
    """The list; what is checked stays checked when the nodes change.

    :param name: object name.
    """

    changed = Signal()
    """Others are checked now."""

    def __init__(self, name: str, config: Configuration, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName("Nodes to ask at once")
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedHeight(_ROWS_SEEN * (self.fontMetrics().height() + 8))
        self._config = config
        self._is_filling = False
        self.itemChanged.connect(self._on_item_changed)
        config.nodes_changed.connect(self._fill)
        self._fill()

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Those that are checked, in the order of the list."""
        items = (self.item(place) for place in range(self.count()))
        names = [item.data(_NAME) for item in items if item.checkState() is Qt.CheckState.Checked]
        found = (self._config.nodes.find(name) for name in names)
        return tuple(node for node in found if node is not None)

    def check(self, name: str, *, is_on: bool = True) -> None:
        """Check a node by its name, or no longer."""
        for place in range(self.count()):
            if self.item(place).data(_NAME) == name:
                self.item(place).setCheckState(Qt.CheckState.Checked if is_on else Qt.CheckState.Unchecked)

    def _fill(self) -> None:
        checked = {node.name for node in self.nodes}
        self._is_filling = True
        self.clear()
        for node in self._config.nodes.nodes:
            item = QListWidgetItem(node.name)
            item.setData(_NAME, node.name)
            item.setToolTip(tooltip(f"{node.name}: {node.address}"))
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked if node.name in checked else Qt.CheckState.Unchecked)
            self.addItem(item)
        self._is_filling = False
        self.changed.emit()

    def _on_item_changed(self) -> None:
        if not self._is_filling:
            self.changed.emit()
