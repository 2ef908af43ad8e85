"""About: version, what the program is made of, the licences, and how to use another Qt."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt, QUrl, qVersion
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QSplitter,
    QTableWidget,
    QTableWidgetItem,
    QTabWidget,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

import dicomgui
from dicomgui.app.about import Component, about_text, components, licence_folder
from dicomgui.gui.look import icons
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.text import PlainLabel

__all__ = ["AboutDialog"]

MAX_TEXT_BYTES = 400_000
"""No text of a licence is longer."""

ROW_HEIGHT = 28
_ICON = 56


class AboutDialog(QDialog):
    """Opened with ``open()``; it stops nobody for long."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("about")
        self.setWindowTitle("About dicomgui")
        self.setAccessibleName("About dicomgui")
        self.resize(760, 560)
        self.components = components((Component("Qt", qVersion(), "LGPL-3.0-only"),))
        self._folder = licence_folder()
        self._make_table()
        self._make_licences()
        self._place()
        self.close_button.setFocus()

    def _make_table(self) -> None:
        self.table = QTableWidget(len(self.components), 3)
        self.table.setObjectName("about_components")
        self.table.setAccessibleName("What the program is made of")
        self.table.setHorizontalHeaderLabels(["Made of", "Version", "Licence"])
        self.table.verticalHeader().hide()
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        for row, one in enumerate(self.components):
            for column, text in enumerate((one.name, one.version, one.licence)):
                self.table.setItem(row, column, QTableWidgetItem(text))
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.table.resizeColumnToContents(1)
        self.table.setColumnWidth(1, max(110, self.table.columnWidth(1) + 16))
        self.table.setColumnWidth(2, 230)

    def _make_licences(self) -> None:
        self.names = QListWidget()
        self.names.setObjectName("about_licences")
        self.names.setAccessibleName("Licences")
        self.text = QTextBrowser()
        self.text.setObjectName("about_licence_text")
        self.text.setAccessibleName("Text of the licence")
        self.text.setOpenLinks(False)  # an address is to be read; nobody is sent out of the program
        self.text.setTabChangesFocus(True)
        for path in sorted(path for path in self._folder.rglob("*") if path.is_file()):
            name = path.relative_to(self._folder).as_posix()
            # What explains the others comes first.
            item = QListWidgetItem(name)
            item.setSizeHint(QSize(0, ROW_HEIGHT))
            self.names.insertItem(0 if name in ("README.md", "NOTICES.md") else self.names.count(), item)
        self.names.currentTextChanged.connect(self._on_licence_chosen)
        self.names.setCurrentRow(0)

    def _place(self) -> None:
        icon = QLabel()
        icon.setPixmap(icons.app_icon().pixmap(_ICON, _ICON))
        title = PlainLabel(f"dicomgui {dicomgui.__version__}", scale=1.5, bold=True)
        what = PlainLabel("See, test and explain what two DICOM systems say to each other.", wrap=True)
        warning = PlainLabel("For testing and learning; not a medical device.", tone="muted", wrap=True)
        words = QVBoxLayout()
        words.setSpacing(4)
        for label in (title, what, warning):
            words.addWidget(label)
        head = QHBoxLayout()
        head.setSpacing(16)
        head.addWidget(icon, 0, Qt.AlignmentFlag.AlignTop)
        head.addLayout(words, 1)

        parts = QSplitter()
        parts.setObjectName("about_parts")
        parts.setChildrenCollapsible(False)
        parts.addWidget(self.names)
        parts.addWidget(self.text)
        parts.setStretchFactor(1, 1)
        parts.setSizes([190, 540])
        self.tabs = QTabWidget()
        self.tabs.setObjectName("about_tabs")
        self.tabs.setAccessibleName("About")
        self.tabs.setDocumentMode(True)  # what is in a tab has a frame of its own
        self.tabs.addTab(self.table, "Versions")
        self.tabs.addTab(parts, "Licences")

        self.copy_button = push_button("about_copy", "Copy versions", "copy", tip="For a report of a fault")
        self.copy_button.clicked.connect(self._on_copy)
        self.folder_button = push_button("about_folder", "Show the files", tip=str(self._folder))
        self.folder_button.clicked.connect(self._on_folder)
        self.close_button = push_button("about_close", "Close")
        self.close_button.clicked.connect(self.close)
        buttons = QHBoxLayout()
        buttons.addWidget(self.copy_button)
        buttons.addWidget(self.folder_button)
        buttons.addStretch(1)
        buttons.addWidget(self.close_button)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(20, 20, 20, 16)
        whole.setSpacing(14)
        whole.addLayout(head)
        whole.addWidget(self.tabs, 1)
        whole.addLayout(buttons)

    def _on_licence_chosen(self, name: str) -> None:
        text = _read(self._folder / name)
        if name.endswith(".md"):
            self.text.setMarkdown(text)
        else:
            self.text.setPlainText(text)

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(about_text(self.components))

    def _on_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._folder)))


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_TEXT_BYTES).decode("utf-8", "replace")
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
