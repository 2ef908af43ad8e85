"""The bar above the list of the trace: a filter, what is done with what passes, how much passes, filters to keep."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QProgressBar, QSizePolicy, QWidget

from dicomgui.app.configuration.settings import MAX_TRACE_FILTERS
from dicomgui.gui.trace.filtering.filter_edit import FilterEdit
from dicomgui.gui.trace.listing.list_view import Like
from dicomgui.gui.widgets.buttons import Choice, push_button
from dicomgui.gui.widgets.text import PlainLabel
from dicomgui.trace.filter import Filter
from dicomgui.trace.filter.grammar import Not
from dicomgui.trace.finding import plain

__all__ = ["FilterBar"]

_RECENT = 10
_HINT = "Filter, e.g. op:c-store status:!0000   peer:PACS1   time>500ms   failed"


class FilterBar(QWidget):
    """Tells by one signal when something else is to be shown.

    :param name: begins the object names.
    :ivar message: what is wrong with the filter; to be placed below it.
    """

    changed = Signal()
    """:attr:`passes` or :attr:`highlight` may be another one."""
    saved_changed = Signal(tuple)
    """The user keeps these filters from now on."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._saved: tuple[str, ...] = ()
        self._recent: list[str] = []
        self.edit = FilterEdit(name, "Filter of the trace")
        self.edit.setPlaceholderText(_HINT)
        self.edit.setToolTip("/ or Ctrl+F comes here, Esc clears; Down offers what can be typed")
        self.edit.setMinimumWidth(160)
        self.mode = Choice(f"{name}_mode", "What is done with what passes the filter")
        for like in Like:
            self.mode.addItem(like.value, like)
        self.mode.setMaximumWidth(132)
        self.saved_button = push_button(f"{name}_saved", "", "star", tip="Filters that you keep, and recent ones")
        self.saved_button.setAccessibleName("Saved filters")
        self._menu = QMenu(self)
        self._menu.setObjectName(f"{name}_saved_menu")
        self._menu.aboutToShow.connect(self._fill_menu)
        self.saved_button.setMenu(self._menu)
        self.count = PlainLabel(tone="muted")
        self.count.setObjectName(f"{name}_count")
        self.progress = QProgressBar()
        self.progress.setObjectName(f"{name}_progress")
        self.progress.setAccessibleName("How far the filter has got")
        self.progress.setTextVisible(False)
        self.progress.setRange(0, 100)
        self.progress.setFixedWidth(90)
        policy = self.progress.sizePolicy()
        policy.setRetainSizeWhenHidden(False)
        self.progress.setSizePolicy(policy)
        self.progress.hide()
        self.message = PlainLabel(tone="error", wrap=True)
        self.message.setObjectName(f"{name}_message")
        self.message.hide()
        self._place()
        self.edit.filter_changed.connect(self._on_filter_changed)
        self.edit.confirmed.connect(self._on_confirmed)
        self.mode.currentIndexChanged.connect(lambda _index: self.changed.emit())

    def _place(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.mode)
        row.addWidget(self.edit, 1)
        row.addWidget(self.saved_button)
        row.addWidget(self.progress)
        row.addWidget(self.count)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    # ------------------------------------------------------------------------------------------------------------ state

    @property
    def like(self) -> Like:
        """What is done with what passes."""
        like = self.mode.currentData()
        return like if isinstance(like, Like) else Like.SHOW

    @property
    def passes(self) -> Filter | None:
        """What the list shows; ``None`` for everything."""
        understood = self.edit.filter
        if understood.expression is None or self.like is Like.HIGHLIGHT:
            return None
        if self.like is Like.HIDE:
            return Filter(f"not ({understood.text})", Not(understood.expression))
        return understood

    @property
    def highlight(self) -> Filter | None:
        """What is highlighted; ``None`` for nothing."""
        understood = self.edit.filter
        return understood if self.like is Like.HIGHLIGHT and understood.expression is not None else None

    def set_filter(self, text: str, like: Like = Like.SHOW) -> None:
        """Write a filter and apply it."""
        self.mode.blockSignals(True)
        before = self.like
        self.mode.setCurrentIndex(self.mode.findData(like))
        self.mode.blockSignals(False)
        filter_before = self.edit.filter.text
        self.edit.set_filter(text)
        if self.edit.filter.text == filter_before and before is not like:
            self.changed.emit()

    def show_count(self, text: str, progress: float = 1.0) -> None:
        """Say how much passes, and how far the filter has got."""
        if self.count.text() != text:
            self.count.setText(text)
        is_on = progress < 1.0
        if self.progress.isHidden() == is_on:
            self.progress.setVisible(is_on)
        if is_on:
            self.progress.setValue(int(100 * progress))

    # ------------------------------------------------------------------------------------------------------------ slots

    def _on_filter_changed(self) -> None:
        error = self.edit.error
        self.message.setVisible(error is not None)
        if error is not None:
            self.message.setText(plain(f"At character {error.offset + 1}: {error}", 300))
        else:
            self.message.setText("")
            self.changed.emit()

    def _on_confirmed(self) -> None:
        text = self.edit.filter.text
        if text:
            self._recent = [text, *(one for one in self._recent if one != text)][:_RECENT]

    def set_saved(self, saved: Sequence[str]) -> None:
        """Offer these filters."""
        self._saved = tuple(saved)

    def _fill_menu(self) -> None:
        menu, text = self._menu, self.edit.filter.text
        menu.clear()
        self._add_all(menu, self._saved)
        recent = [one for one in self._recent if one not in self._saved]
        if recent:
            menu.addSeparator()
            menu.addAction("Recent").setEnabled(False)
            self._add_all(menu, recent)
        menu.addSeparator()
        if text in self._saved:
            menu.addAction("Forget this filter").triggered.connect(lambda: self._keep(text, False))
        else:
            keep = menu.addAction("Keep this filter")
            keep.triggered.connect(lambda: self._keep(text, True))
            keep.setEnabled(bool(text) and self.edit.error is None and len(self._saved) < MAX_TRACE_FILTERS)

    def _add_all(self, menu: QMenu, texts: Sequence[str]) -> None:
        for text in texts:
            action = menu.addAction(plain(text, 80).replace("&", "&&"))
            action.triggered.connect(lambda _=False, text=text: self.set_filter(text, self.like))

    def _keep(self, text: str, on: bool) -> None:
        others = tuple(one for one in self._saved if one != text)
        self._saved = (*others, text) if on else others
        self.saved_changed.emit(self._saved)
