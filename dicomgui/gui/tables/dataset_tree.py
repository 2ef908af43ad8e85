"""A data set beside a list: every element as plain text, sequences to be unfolded, all of it to be copied."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from dicomgui.app.viewing.dataset_tree import dataset_text
from dicomgui.gui.tables.narrowing import NarrowingTree
from dicomgui.gui.tables.tree_model import TreeModel
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.text import ElidedLabel
from dicomgui.trace.describe import Node
from dicomgui.trace.finding import plain

__all__ = ["DatasetTree"]

MIN_WIDTH = 280
FIRST_WIDTH = 330


class DatasetTree(QWidget):
    """Shows a tree of :mod:`dicomgui.app.viewing.dataset_tree`; hidden until there is one.

    :param name: begins the object names.
    """

    window_wanted = Signal()
    """The user wants to see it in a window of its own."""

    closed = Signal()
    """The user has closed it."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"{name}_dataset")
        self.setAccessibleName("Data set")
        self.node: Node | None = None
        self.model = TreeModel(self)
        self.heading = ElidedLabel(mode=Qt.TextElideMode.ElideMiddle)
        self.heading.setObjectName(f"{name}_dataset_heading")
        tip = "Every element as text; it may hold patient data"
        self.copy_button = push_button(f"{name}_dataset_copy", "Copy", "copy", tip=tip)
        self.copy_button.setAccessibleName("Copy the data set")
        self.copy_button.clicked.connect(self._on_copy_clicked)
        self.close_button = push_button(f"{name}_dataset_close", "Close", "cancel", tip="Close the data set (Esc)")
        self.close_button.setAccessibleName("Close the data set")
        self.close_button.clicked.connect(self.close_tree)
        self.window_button = push_button(f"{name}_dataset_window", "Window", "look", tip="In a window of its own")
        self.window_button.setAccessibleName("Show the data set in a window of its own")
        self.window_button.clicked.connect(self.window_wanted)
        self.window_button.hide()
        self.tree = NarrowingTree(f"{name}_dataset_tree", "Elements of the data set", self.model)
        self.tree.setColumnHidden(2, True)  # bytes: there are none to be shown beside it
        self.tree.set_columns(FIRST_WIDTH)
        self._place()
        keys = QShortcut(QKeySequence.StandardKey.Copy, self.tree, context=Qt.ShortcutContext.WidgetShortcut)
        keys.activated.connect(self._on_copy_key)
        self.setMinimumWidth(MIN_WIDTH)
        self.hide()

    def _place(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.heading, 1)
        row.addWidget(self.window_button)
        row.addWidget(self.copy_button)
        row.addWidget(self.close_button)
        column.addLayout(row)
        column.addWidget(self.tree, 1)

    @property
    def is_open(self) -> bool:
        """Whether a data set is shown."""
        return self.node is not None

    def show_node(self, node: Node, heading: str = "") -> None:
        """Show a data set, unfolded but for its sequences."""
        self.node = node
        self.heading.setText(plain(heading or node.label, 300))
        self.model.show_node(node)
        top = self.model.index(0, 0)
        self.tree.expand(top)
        for row, child in enumerate(node.children):
            if child.children and not child.label.startswith("("):  # a part of the file, no element
                self.tree.expand(self.model.index(row, 0, top))
        if node.error:
            self.heading.setText(plain(node.error, 300))
        self.show()

    def close_tree(self) -> None:
        """Show nothing any more."""
        if self.node is not None:
            self.node = None
            self.model.show_node(None)
            self.hide()
            self.closed.emit()

    def _on_copy_clicked(self) -> None:
        if self.node is not None:
            QGuiApplication.clipboard().setText(dataset_text(self.node))

    def _on_copy_key(self) -> None:
        node = self.model.node_of(self.tree.currentIndex())
        if node is not None:
            QGuiApplication.clipboard().setText(dataset_text(node))
