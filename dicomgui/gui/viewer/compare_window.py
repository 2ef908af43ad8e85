"""A window with two data sets side by side and what differs between them."""

from __future__ import annotations

import threading
from concurrent.futures import Executor

from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent, QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QHeaderView, QVBoxLayout, QWidget

from dicomgui.app.viewing.compare_datasets import Compared, compare, compared_text
from dicomgui.app.viewing.viewed import Viewed
from dicomgui.gui.look import icons
from dicomgui.gui.running.latest import Latest
from dicomgui.gui.tables.column_tree import ColumnTree
from dicomgui.gui.viewer.compare_model import CompareModel
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.fields import check_box
from dicomgui.gui.widgets.text import ElidedLabel, count_text
from dicomgui.trace.finding import plain

__all__ = ["CompareWindow"]

MAX_OPENED = 500
"""Differences up to which everything is unfolded."""


class CompareWindow(QWidget):
    """Compares when it is made. Closing it does not close what is compared."""

    def __init__(self, left: Viewed, right: Viewed, pool: Executor) -> None:
        super().__init__(None, Qt.WindowType.Window)
        self.setObjectName("compare_window")
        self.setWindowTitle(plain(f"{left.name} and {right.name}: comparison", 200))
        self.setWindowIcon(icons.app_icon())
        self.setAccessibleName("Comparison of two data sets")
        self.resize(1060, 700)
        self.setMinimumSize(560, 320)
        self.whole: Compared | None = None
        self._held = [left.retain(), right.retain()]
        self._stop = threading.Event()
        self._work = Latest(pool, self._on_failed, self)
        self.said = ElidedLabel(tone="muted")
        self.said.setObjectName("compare_said")
        self.said.setText("Comparing …")
        self.only = check_box("compare_only", "&Only differences")
        self.only.setChecked(True)
        self.only.toggled.connect(self._show)
        self.copy_button = push_button("compare_copy", "Copy", "copy", tip="The differences as text")
        self.copy_button.setAccessibleName("Copy the differences")
        self.copy_button.clicked.connect(self._on_copy_clicked)
        self._make_tree()
        self._place()
        for key in ("Esc", "Ctrl+W"):
            QShortcut(QKeySequence(key), self).activated.connect(self.close)
        self._work.ask(lambda: compare(left, right, self._stop.is_set), self._on_compared)

    def _make_tree(self) -> None:
        self.model = CompareModel(self)
        self.tree = ColumnTree("compare_tree", "Elements of both data sets", self.model)
        self.tree.setAlternatingRowColors(False)  # a colour says what differs
        head = self.tree.header()
        head.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        head.setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
        head.setSectionResizeMode(1, QHeaderView.ResizeMode.Fixed)
        head.resizeSection(0, 330)
        head.setMinimumSectionSize(28)
        head.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # names of files differ at their ends
        head.resizeSection(1, 28)

    def _place(self) -> None:
        bar = QHBoxLayout()
        bar.setSpacing(10)
        bar.addWidget(self.said, 1)
        bar.addWidget(self.only)
        bar.addWidget(self.copy_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(10)
        column.addLayout(bar)
        column.addWidget(self.tree, 1)

    @property
    def is_busy(self) -> bool:
        """Whether it is still comparing."""
        return self._work.is_busy

    def stop(self) -> None:
        """Want nothing any more."""
        self._stop.set()
        self._work.forget()
        self._let_go()

    def _let_go(self) -> None:
        while self._held:
            self._held.pop().close()

    def closeEvent(self, event: QCloseEvent) -> None:
        super().closeEvent(event)
        self.stop()

    def _on_compared(self, whole: Compared) -> None:
        self._let_go()
        self.whole = whole
        count = whole.differences
        self.said.setText(f"{count_text(count, 'difference')}" if count else "They are the same.")
        self.said.set_tone("warning" if count else "good")
        self._show()

    def _show(self) -> None:
        self.model.show_lines(self.whole, only_differences=self.only.isChecked())
        if self.whole is not None and self.only.isChecked() and self.whole.differences <= MAX_OPENED:
            self.tree.expandAll()
        if self.model.rowCount():
            self.tree.setCurrentIndex(self.model.index(0, 0))

    def _on_copy_clicked(self) -> None:
        if self.whole is not None:
            QGuiApplication.clipboard().setText(compared_text(self.whole) or "no difference")

    def _on_failed(self, text: str) -> None:
        self.said.set_tone("error")
        self.said.setText(plain(text, 300))
