"""The window of help, beside the program's own: pages at the left, one of them at the right. It stops nobody."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSize, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from dicomgui.app.help_pages import START, HelpPage, find_pages, help_pages, keys_page
from dicomgui.gui.help.about import AboutDialog
from dicomgui.gui.help.browser import HelpBrowser
from dicomgui.gui.look import icons
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.text import PlainLabel, tooltip

__all__ = ["HelpWindow", "KeyRows"]

KeyRows = Sequence[tuple[str, str, str]]
"""Where a key works, the key, what it does."""

MAX_HISTORY = 100
ROW_HEIGHT = 28
_NAME = Qt.ItemDataRole.UserRole


class HelpWindow(QWidget):
    """Made once; shown again and again by :meth:`show_page`. Closing hides it.

    :param keys: gives the rows of the page of keys, when it is shown.
    """

    def __init__(self, keys: Callable[[], KeyRows] = tuple, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setObjectName("help_window")
        self.setWindowTitle("Help: dicomgui")
        self.setWindowIcon(icons.app_icon())
        self.setAccessibleName("Help")
        self.resize(1020, 720)
        self.setMinimumSize(560, 360)
        self._keys = keys
        self._history: list[tuple[str, str]] = []
        self._at = -1
        self._address = ""
        self._make_widgets()
        self._place()
        self._connect()
        self._fill_list()
        self.pages.setFocus()

    def _make_widgets(self) -> None:
        self.search = QLineEdit()
        self.search.setObjectName("help_search")
        self.search.setAccessibleName("Search help")
        self.search.setPlaceholderText("Search (Ctrl+F)")
        self.search.setClearButtonEnabled(True)
        self.pages = QListWidget()
        self.pages.setObjectName("help_pages")
        self.pages.setAccessibleName("Pages of help")
        self.pages.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.pages.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.none = PlainLabel("No page holds all of these words.", tone="muted", wrap=True)
        self.none.hide()
        self.back_button = push_button("help_back", "", "back", tip="Back (Alt+Left)")
        self.back_button.setAccessibleName("Back")
        self.forward_button = push_button("help_forward", "", "forward", tip="Forward (Alt+Right)")
        self.forward_button.setAccessibleName("Forward")
        self.start_button = push_button("help_start", "", "home", tip="Start here (Alt+Home)")
        self.start_button.setAccessibleName("Start here")
        self.about_button = push_button("help_about", "About dicomgui", tip="Its version, and the licences")
        self.browser = HelpBrowser("help_page")
        self.question = QFrame()
        self.question.setProperty("card", "note")
        self.question.setObjectName("help_question")
        self.question_text = PlainLabel(wrap=True)
        self.open_button = push_button("help_open_address", "Open in the browser", tip="Leaves this program")
        self.copy_button = push_button("help_copy_address", "Copy", "copy", tip="The address, to the clipboard")
        self.copy_button.setAccessibleName("Copy the address")
        self.stay_button = push_button("help_stay", "", "cancel", tip="Stay here")
        self.stay_button.setAccessibleName("Stay here")
        self.question.hide()

    def _place(self) -> None:
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(14, 14, 4, 14)
        column.setSpacing(10)
        row = QHBoxLayout()
        row.setSpacing(6)
        for button in (self.back_button, self.forward_button, self.start_button):
            button.setFixedWidth(38)
            row.addWidget(button)
        row.addStretch(1)
        column.addLayout(row)
        column.addWidget(self.search)
        column.addWidget(self.none)
        column.addWidget(self.pages, 1)
        column.addWidget(self.about_button)
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(4, 14, 14, 14)
        column.setSpacing(8)
        inside = QHBoxLayout(self.question)
        inside.setContentsMargins(12, 8, 12, 8)
        inside.setSpacing(8)
        inside.addWidget(self.question_text, 1)
        for button in (self.open_button, self.copy_button, self.stay_button):
            inside.addWidget(button)
        column.addWidget(self.question)
        column.addWidget(self.browser, 1)
        parts = QSplitter(Qt.Orientation.Horizontal)
        parts.setObjectName("help_parts")
        parts.setChildrenCollapsible(False)
        parts.addWidget(left)
        parts.addWidget(right)
        parts.setStretchFactor(1, 1)
        parts.setSizes([296, 724])
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(parts)

    def _connect(self) -> None:
        self.search.textChanged.connect(self._fill_list)
        self.search.returnPressed.connect(self._on_search_entered)
        self.pages.currentItemChanged.connect(self._on_page_chosen)
        self.browser.page_wanted.connect(self.show_page)
        self.browser.address_wanted.connect(self._on_address_wanted)
        buttons: tuple[tuple[QPushButton, Callable[[], object]], ...] = (
            (self.back_button, self.back), (self.forward_button, self.forward), (self.start_button, self._on_start),
            (self.open_button, self._on_open_address), (self.copy_button, self._on_copy_address),
            (self.stay_button, self.question.hide), (self.about_button, self.show_about),
        )  # fmt: skip
        for button, slot in buttons:
            button.clicked.connect(slot)
        keys: tuple[tuple[QKeySequence, Callable[[], object]], ...] = (
            (QKeySequence(QKeySequence.StandardKey.Find), self._on_find), (QKeySequence("Alt+Left"), self.back),
            (QKeySequence("Alt+Right"), self.forward), (QKeySequence("Alt+Home"), self._on_start),
            (QKeySequence(Qt.Key.Key_Escape), self._on_escape), (QKeySequence("Ctrl+W"), self.close),
        )  # fmt: skip
        for key, slot in keys:
            QShortcut(key, self).activated.connect(slot)

    # ------------------------------------------------------------------------------------------------------------ pages

    @property
    def name(self) -> str:
        """The page that is shown."""
        return self._history[self._at][0] if self._at >= 0 else ""

    def show_page(self, name: str = START, place: str = "") -> None:
        """Show a page; one that does not exist is the first one."""
        if self._page(name) is None:
            name, place = START, ""
        if (name, place) != (self._history[self._at] if self._at >= 0 else None):
            self._history = [*self._history[: self._at + 1], (name, place)][-MAX_HISTORY:]
            self._at = len(self._history) - 1
        self._show()

    def show_about(self) -> None:
        """Show what the program is made of, and its licences."""
        dialog = AboutDialog(self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def back(self) -> None:
        """The page before."""
        self._go(-1)

    def forward(self) -> None:
        """The page that was left by :meth:`back`."""
        self._go(1)

    def _go(self, step: int) -> None:
        if 0 <= self._at + step < len(self._history):
            self._at += step
            self._show()

    def _show(self) -> None:
        name, place = self._history[self._at]
        page = self._page(name)
        assert page is not None
        self.question.hide()
        self.browser.show_page(page, place)
        if self.search.text().strip():
            self.browser.mark(self.search.text().split()[0])
        self.back_button.setEnabled(self._at > 0)
        self.forward_button.setEnabled(self._at < len(self._history) - 1)
        self._select(name)

    def _page(self, name: str) -> HelpPage | None:
        page = next((page for page in help_pages() if page.name == name), None)
        return keys_page(page, self._keys()) if page is not None and name == "keys" else page

    # ------------------------------------------------------------------------------------------------------------- list

    def _fill_list(self) -> None:
        self.pages.blockSignals(True)
        self.pages.clear()
        for match in find_pages(self.search.text()):
            item = QListWidgetItem(match.page.title)
            item.setData(_NAME, match.page.name)
            item.setSizeHint(QSize(0, ROW_HEIGHT))
            item.setToolTip(tooltip(match.around or match.page.title))
            self.pages.addItem(item)
        self.pages.blockSignals(False)
        self.none.setVisible(not self.pages.count())
        self._select(self.name)

    def _select(self, name: str) -> None:
        self.pages.blockSignals(True)
        self.pages.setCurrentRow(-1)
        for row in range(self.pages.count()):
            if self.pages.item(row).data(_NAME) == name:
                self.pages.setCurrentRow(row)
        self.pages.blockSignals(False)

    # ------------------------------------------------------------------------------------------------------------ slots

    def _on_page_chosen(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.show_page(str(item.data(_NAME)))

    def _on_search_entered(self) -> None:
        """The first page found; when it is shown already, the next place in it."""
        if not self.pages.count():
            return
        first = str(self.pages.item(0).data(_NAME))
        if self.pages.currentRow() < 0:
            self.show_page(first)
        else:
            self.browser.mark(self.search.text().split()[0] if self.search.text().split() else "")

    def _on_find(self) -> None:
        self.search.setFocus()
        self.search.selectAll()

    def _on_start(self) -> None:
        self.show_page()

    def _on_escape(self) -> None:
        if self.question.isVisible():
            self.question.hide()
        elif self.search.text():
            self.search.clear()
        else:
            self.close()

    def _on_address_wanted(self, address: str) -> None:
        self._address = address
        self.question_text.setText(f"This leads out of the program: {address}")
        is_web = QUrl(address).scheme() in ("http", "https")
        self.open_button.setVisible(is_web)
        self.question.show()
        (self.open_button if is_web else self.copy_button).setFocus()

    def _on_open_address(self) -> None:
        self.question.hide()
        QDesktopServices.openUrl(QUrl(self._address))

    def _on_copy_address(self) -> None:
        self.question.hide()
        QGuiApplication.clipboard().setText(self._address)
