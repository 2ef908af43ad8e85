"""The data set of a viewer: its elements as a tree, a search, and the bytes of what is selected one click away."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor

from PySide6.QtCore import QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSplitter, QVBoxLayout, QWidget

from dicomgui.app.viewing.charset_lens import CANDIDATES, Doubt, doubts_of
from dicomgui.app.viewing.element_search import Found, find_elements, line_of, whole_text
from dicomgui.app.viewing.viewed import Viewed
from dicomgui.gui.running.latest import Latest
from dicomgui.gui.tables.column_tree import ColumnTree
from dicomgui.gui.viewer.element_model import LENGTH, NAME, TAG, VALUE, VR, ElementModel
from dicomgui.gui.viewer.lens import CharsetLens
from dicomgui.gui.widgets.buttons import Choice, push_button
from dicomgui.gui.widgets.fields import line_edit
from dicomgui.gui.widgets.text import ElidedLabel, PlainLabel, count_text
from dicomgui.trace.finding import plain
from dicomgui.trace.inspection.dataset_nodes import DataNode

__all__ = ["ElementsPane"]

_AS_SAID = "-"


class ElementsPane(QWidget):
    """Shows a :class:`~dicomgui.app.viewing.viewed.Viewed`.

    :param name: begins the object names.
    :param pool: threads to search and to read in.
    """

    element_selected = Signal(object)
    """Another element is the current one: a :class:`~dicomgui.trace.inspection.dataset_nodes.DataNode` or ``None``."""

    doubted = Signal(bool)
    """Whether texts do not fit what the data set says of their characters."""

    def __init__(self, name: str, pool: Executor, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self.viewed: Viewed | None = None
        self._found = Found((), True)
        self._at = -1
        self._doubts: list[Doubt] = []
        self._stop = threading.Event()
        self._closed = threading.Event()
        self._searching = Latest(pool, self._on_failed, self)
        self._reading = Latest(pool, self._on_failed, self)
        self._copying = Latest(pool, self._on_failed, self)
        self._make_bar()
        self._make_tree()
        self.lens = CharsetLens(name)
        self.lens.hide()
        self.lens.charset_wanted.connect(self.read_as)
        self._place()
        self._add_keys()

    # ----------------------------------------------------------------------------------------------------------- making

    def _make_bar(self) -> None:
        name = self._name
        self.search = line_edit(f"{name}_search", "Search the elements", hint="Tag, keyword or value (Ctrl+F)")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._on_search_changed)
        self.search.returnPressed.connect(lambda: self.go(1))
        self.previous_button = push_button(f"{name}_previous", "", "up", tip="The one before (Shift+F3)")
        self.previous_button.setAccessibleName("Find the one before")
        self.next_button = push_button(f"{name}_next", "", "down", tip="The next one (F3, Enter)")
        self.next_button.setAccessibleName("Find the next one")
        self.previous_button.clicked.connect(lambda: self.go(-1))
        self.next_button.clicked.connect(lambda: self.go(1))
        self.said = PlainLabel(tone="muted")
        self.said.setObjectName(f"{name}_said")
        self.charset = Choice(f"{name}_charset", "Show all texts as")
        self.charset.addItem("Texts as the data set says", _AS_SAID)
        self.charset.addItem("All texts as ASCII", "")
        for term, title in CANDIDATES.items():
            self.charset.addItem(f"All texts as {term} ({title})", term)
        self.charset.setToolTip("In which character set texts are shown; nothing of the data set is changed")
        self.charset.setMaximumWidth(270)
        self.charset.activated.connect(lambda _row: self.read_as(str(self.charset.currentData())))
        self.bytes_button = push_button(
            f"{name}_bytes", "Bytes", "look", tip="The bytes of the selected value, and other character sets (Ctrl+B)"
        )
        self.bytes_button.setCheckable(True)
        self.bytes_button.toggled.connect(self._on_bytes_toggled)
        self.doubt = ElidedLabel(tone="warning")
        self.doubt.setObjectName(f"{name}_doubt")
        self.doubt_button = push_button(f"{name}_doubt_show", "Show it", tip="Select that element, with its bytes")
        self.doubt_button.clicked.connect(self._on_doubt_clicked)

    def _make_tree(self) -> None:
        self.model = ElementModel(self)
        self.tree = ColumnTree(f"{self._name}_tree", "Elements of the data set", self.model)
        self.tree.set_widths({TAG: 160, VR: 46, NAME: 250, LENGTH: 80}, stretch=VALUE)
        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.tree.customContextMenuRequested.connect(self._on_menu)
        self.tree.selectionModel().currentChanged.connect(self._on_current_changed)

    def _place(self) -> None:
        bar = QHBoxLayout()
        bar.setSpacing(6)
        bar.addWidget(self.search, 1)
        bar.addWidget(self.previous_button)
        bar.addWidget(self.next_button)
        bar.addWidget(self.said)
        bar.addSpacing(6)
        bar.addWidget(self.charset)
        bar.addWidget(self.bytes_button)
        self._warning = QWidget()
        line = QHBoxLayout(self._warning)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.doubt, 1)
        line.addWidget(self.doubt_button)
        self._warning.hide()
        parts = QSplitter(Qt.Orientation.Vertical)
        parts.setObjectName(f"{self._name}_parts")
        parts.setHandleWidth(8)
        parts.setChildrenCollapsible(False)
        parts.addWidget(self.tree)
        parts.addWidget(self.lens)
        parts.setStretchFactor(0, 1)
        parts.setSizes([420, 240])
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(bar)
        column.addWidget(self._warning)
        column.addWidget(parts, 1)

    def _add_keys(self) -> None:
        inside, here = Qt.ShortcutContext.WidgetWithChildrenShortcut, Qt.ShortcutContext.WidgetShortcut
        keys: tuple[tuple[QWidget, QKeySequence, Qt.ShortcutContext, Callable[[], object]], ...] = (
            (self, QKeySequence(QKeySequence.StandardKey.Find), inside, self.ask_search),
            (self, QKeySequence("F3"), inside, lambda: self.go(1)),
            (self, QKeySequence("Shift+F3"), inside, lambda: self.go(-1)),
            (self, QKeySequence("Ctrl+B"), inside, self.bytes_button.toggle),
            (self.tree, QKeySequence(QKeySequence.StandardKey.Copy), here, self.copy_row),
        )
        for owner, key, context, slot in keys:
            QShortcut(key, owner, context=context).activated.connect(slot)

    # ---------------------------------------------------------------------------------------------------------- showing

    @property
    def is_busy(self) -> bool:
        """Whether something is being read or searched."""
        return self._searching.is_busy or self._reading.is_busy or self._copying.is_busy

    @property
    def current(self) -> DataNode | None:
        """The element that is selected."""
        return self.model.element_of(self.tree.currentIndex())

    def show_viewed(self, viewed: Viewed) -> None:
        """Show a data set."""
        self.viewed = viewed
        self.lens.usual = viewed.usual_charset
        self._fill()
        self._judge()

    def stop(self) -> None:
        """Want nothing any more."""
        self._stop.set()
        self._closed.set()
        for work in (self._searching, self._reading, self._copying):
            work.forget()

    def _fill(self) -> None:
        assert self.viewed is not None
        place = self._steps(self.tree.currentIndex())
        self.model.show_node(self.viewed.top)
        top = self.model.index(0, 0)
        self.tree.setRootIndex(top)
        self.tree.setFirstColumnSpanned(0, top, False)
        self._select(place or (0,))

    def _judge(self) -> None:
        viewed = self.viewed
        assert viewed is not None
        self._reading.ask(lambda: doubts_of(viewed), self._on_judged)

    def _on_judged(self, doubts: list[Doubt]) -> None:
        self._doubts = doubts
        self.model.doubt({doubt.node.offset: doubt.text for doubt in doubts})
        self.tree.viewport().update()
        self._warning.setVisible(bool(doubts))
        self.doubted.emit(bool(doubts))
        if doubts:
            more = f" (and {count_text(len(doubts) - 1, 'other')})" if len(doubts) > 1 else ""
            self.doubt.setText(f"{doubts[0].text}{more}")

    def _on_doubt_clicked(self) -> None:
        index = self.model.index_at(self._doubts[0].node.offset) if self._doubts else QModelIndex()
        # Offsets count in the data set; what stands above it, the file meta information, has none.
        if index.isValid():
            self._go_to(index)
        self.bytes_button.setChecked(True)

    def read_as(self, term: str) -> None:
        """Show all texts in a character set; ``-`` for what each data set says itself."""
        viewed = self.viewed
        if viewed is None:
            return
        self.charset.setCurrentIndex(max(0, self.charset.findData(term)))
        charset = None if term == _AS_SAID else term
        self._reading.ask(lambda: viewed.read_as(charset), lambda _: self._on_read())

    def _on_read(self) -> None:
        self._found, self._at = Found((), True), -1
        self._fill()
        self._judge()

    def _on_bytes_toggled(self, shown: bool) -> None:
        self.lens.setVisible(shown)
        if shown:
            self.lens.show_element(self.viewed, self.current)

    def _on_current_changed(self, index: QModelIndex, _before: QModelIndex) -> None:
        node = self.model.element_of(index)
        if not self.lens.isHidden():
            self.lens.show_element(self.viewed, node)
        self.element_selected.emit(node)

    def _on_failed(self, text: str) -> None:
        self.said.set_tone("error")
        self.said.setText(plain(text, 120))

    # -------------------------------------------------------------------------------------------------------- searching

    def ask_search(self) -> None:
        """Put the focus where a search is typed."""
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def _on_search_changed(self) -> None:
        text, viewed = self.search.text().strip(), self.viewed
        self._stop.set()
        self._found, self._at = Found((), True), -1
        self.said.setText("")
        if not text or viewed is None:
            self._searching.forget()
            return
        self._stop = stop = threading.Event()
        node = self.model.element_of(self.model.index(0, 0))
        assert node is not None
        self._searching.ask(lambda: find_elements(node, text, stop.is_set), self._on_found)

    def _on_found(self, found: Found) -> None:
        self._found, self._at = found, -1
        self.go(1)

    def go(self, step: int) -> None:
        """Go to the next element that was found, or to the one before."""
        places = self._found.places
        self.said.set_tone("muted")
        if not places:
            self.said.setText("" if not self.search.text().strip() or self._searching.is_busy else "nothing")
            return
        self._at = (self._at + step) % len(places) if self._at >= 0 or step > 0 else len(places) - 1
        more = "" if self._found.is_whole else "+"
        self.said.setText(f"{self._at + 1:,} of {len(places):,}{more}")
        self._select(places[self._at])

    def _select(self, steps: tuple[int, ...]) -> None:
        index = self.model.index(0, 0)
        for step in steps:
            below = self.model.index(step, 0, index)
            if not below.isValid():
                break
            index = below
        self._go_to(index)

    def _go_to(self, index: QModelIndex) -> None:
        if index != self.model.index(0, 0):
            self.tree.expand(index.parent())
            self.tree.setCurrentIndex(index)
            self.tree.scrollTo(index)

    @staticmethod
    def _steps(index: QModelIndex) -> tuple[int, ...]:
        steps: list[int] = []
        while index.isValid() and index.parent().isValid():
            steps.insert(0, index.row())
            index = index.parent()
        return tuple(steps)

    # ---------------------------------------------------------------------------------------------------------- copying

    def copy_row(self) -> None:
        """Copy the selected element as one line, or with all below it."""
        if self.current is not None:
            self._copy_text(self.current)

    def copy_value(self) -> None:
        """Copy its value."""
        if self.current is not None:
            _copy(self.current.value)

    def copy_tag(self) -> None:
        """Copy its tag."""
        node = self.current
        if node is not None and node.tag >= 0:
            _copy(f"{node.tag >> 16:04X},{node.tag & 0xFFFF:04X}")

    def copy_all(self) -> None:
        """Copy the whole data set as text."""
        node = self.model.element_of(self.model.index(0, 0))
        if node is not None:
            self._copy_text(node)

    def _copy_text(self, node: DataNode) -> None:
        if node.may_have_children:
            stop = self._closed
            self._copying.ask(lambda: whole_text(node, stop.is_set), _copy)
        else:
            _copy(line_of(node))

    def _on_menu(self, place: QPoint) -> None:
        menu = QMenu(self)
        menu.setObjectName(f"{self._name}_menu")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for text, slot in (
            ("Copy &value", self.copy_value), ("Copy &tag", self.copy_tag), ("&Copy row", self.copy_row),
            ("Copy &all as text", self.copy_all),
        ):  # fmt: skip
            menu.addAction(text).triggered.connect(slot)
        menu.popup(self.tree.viewport().mapToGlobal(place))


def _copy(text: str) -> None:
    QGuiApplication.clipboard().setText(text)
