"""The list of a trace with what can be done in it: follow the newest, go in and out, mark, copy."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import partial

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QModelIndex, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractItemView, QWidget

from dicomgui.gui.trace.listing.columns import Column
from dicomgui.gui.trace.listing.comment_edit import CommentEdit
from dicomgui.gui.trace.listing.model import BUDGET_S, TraceModel
from dicomgui.gui.trace.listing.rows import View
from dicomgui.gui.trace.listing.source import TraceSource
from dicomgui.gui.trace.listing.table import TraceTable
from dicomgui.trace.filter import Filter, Zoom
from dicomgui.trace.marks import COLORS, MarksError

__all__ = ["ZOOM_NAMES", "Like", "TraceList"]

MUCH = 100
"""Records since the last look, above which the list is brought up to date more rarely."""

RESTS = 2
"""Looks that are then left out in a row: three to six a second show as well as twenty that much goes on."""

ZOOM_NAMES = {Zoom.ASSOCIATIONS: "Associations", Zoom.EXCHANGES: "Exchanges", Zoom.ROWS: "PDUs"}
"""The levels as the user reads them, in the order of their keys."""


class Like(Enum):
    """What is to be done with items that are like one."""

    SHOW = "Show only"
    HIDE = "Hide"
    HIGHLIGHT = "Highlight"


class TraceList(TraceTable):
    """The list over a model of its own.

    Keys: Enter goes a level in, Backspace out; ``m`` marks, ``;`` comments, Alt+1 to Alt+6 colour and Alt+0 does not,
    F2 goes to the next mark; ``s`` shows a story, ``f`` follows; End goes to the newest row and follows.

    :param name: begins the object names.
    :param zoom: what one item is at first.
    """

    follow_changed = Signal(bool)
    rows_missed = Signal(int)
    """So many items came since the list no longer follows; 0 when it follows again."""
    chosen = Signal(int)
    """The number of the item that is selected now; 0 for none."""
    looked = Signal()
    """The list has looked at what is new, or at more of what is old."""
    entered = Signal(int)
    """The user wants to see what is inside of the item."""
    opened = Signal(int)
    """The same by a double click, which may mean more."""
    left = Signal()
    """The user wants to go back out."""
    story_wanted = Signal(int)
    """The user wants to see the item's exchange with what caused it and what it caused."""

    def __init__(
        self, name: str, source: TraceSource, *, zoom: Zoom = Zoom.EXCHANGES, parent: QWidget | None = None
    ) -> None:
        self.trace_model = TraceModel(source, zoom=zoom)
        super().__init__(f"{name}_table", "Trace", self.trace_model, parent)
        self.trace_model.setParent(self)
        self._follows = True
        self._missed = 0
        self._rested = RESTS
        self._last_seq = 0
        self._wanted = 0
        self._top = 0
        self._told: tuple[Zoom, int] = (zoom, 0)
        self.comment = CommentEdit(f"{name}_comment", self.viewport())
        self.comment.finished.connect(self._on_comment_finished)
        self.comment.closed.connect(self.setFocus)
        self._catch_up = QTimer(self)
        self._catch_up.setSingleShot(True)
        self._catch_up.setInterval(0)
        self._catch_up.timeout.connect(self._on_catch_up)
        self.selectionModel().selectionChanged.connect(self._on_selection_changed)
        self.verticalScrollBar().actionTriggered.connect(self._on_scrolled)
        self.doubleClicked.connect(lambda _index: self.opened.emit(self.number))
        self.trace_model.rows_added.connect(self._on_rows_added)
        self.trace_model.modelAboutToBeReset.connect(self._before_reset)
        self.trace_model.modelReset.connect(self._after_reset)
        self._add_keys()
        self._name_level()

    # ---------------------------------------------------------------------------------------------------------- filling

    def drain(self) -> bool:
        """Take what is new in the trace, a few milliseconds at most; whether something was taken.

        While much comes in, only one of some calls does: to index and paint costs as much as to receive some dozens of
        objects.
        """
        model = self.trace_model
        if not model.is_behind:
            return False
        store = model.source.store
        grows = store.last_seq - self._last_seq > MUCH
        self._last_seq = store.last_seq
        if grows and model.behind > MUCH and self._rested < RESTS and not model.is_replacing:
            self._rested += 1
            return False
        self._rested = 0 if grows else RESTS  # what begins is shown at once
        model.drain()
        self._settle()
        self.looked.emit()
        if model.is_replacing or (model.behind > MUCH and not grows):
            self._catch_up.start()
        return True

    def _on_catch_up(self) -> None:
        """Nothing much comes in, so there is time for what is old."""
        if not self.isVisible():
            return
        if self.trace_model.behind > MUCH:
            # The list takes it at the next tick: to paint it at each turn here costs more than to read on.
            self.trace_model.source.update(BUDGET_S)
        else:
            self.trace_model.drain()
            self._settle()
            self.looked.emit()
        if self.trace_model.is_sifting or self.trace_model.behind > MUCH:
            self._catch_up.start()

    def show_level(
        self, zoom: Zoom, view: View | None = None, associations: frozenset[int] | None = None, select: int = -1
    ) -> None:
        """Show another level.

        :param select: the number of a row whose item is selected then; -1 for what is selected now, 0 for none.
        """
        model = self.trace_model
        number = self.number if select < 0 else select
        if zoom is not model.zoom:
            self.keep_widths()
        before = (model.zoom, model.view, model.associations)
        model.show(zoom=zoom, view=view, associations=associations)
        if (model.zoom, model.view, model.associations) != before:
            self._forget_missed()
        self._name_level()
        self.want(model.holder_of(number) if number else 0)
        self._catch_up.start()

    def set_filter(self, filter_: Filter | None, highlight: Filter | None = None) -> None:
        """See :meth:`TraceModel.set_filter`."""
        before = self.trace_model.filter
        self.trace_model.set_filter(filter_, highlight)
        if (before.text if before else "") != (filter_.text if filter_ else ""):
            self._forget_missed()
        self._catch_up.start()

    def _name_level(self) -> None:
        self.setAccessibleName(f"{ZOOM_NAMES[self.trace_model.zoom]} of the trace")

    # -------------------------------------------------------------------------------------------------------- following

    @property
    def follows(self) -> bool:
        """Whether the newest item is kept in view."""
        return self._follows

    def set_follows(self, on: bool) -> None:
        """Keep the newest item in view, or leave the list where it is."""
        changed = on != self._follows
        self._follows = on
        if on:
            self.scrollToBottom()
        if changed:
            self._forget_missed()
            self.follow_changed.emit(on)

    def _forget_missed(self) -> None:
        """The newest is in view, or another list is, of which other items are new."""
        self._missed = 0
        self.rows_missed.emit(0)

    def _on_rows_added(self, count: int) -> None:
        if self._follows:
            self.scrollToBottom()
        else:
            self._missed += count
            self.rows_missed.emit(self._missed)

    def _on_scrolled(self) -> None:
        """The user moves the list: up ends following, to the end begins it again."""
        bar = self.verticalScrollBar()
        self.trace_model.source.note_scrolling()
        self.comment.leave()
        self.set_follows(bar.sliderPosition() >= bar.maximum())

    # -------------------------------------------------------------------------------------------------------- selecting

    @property
    def row(self) -> int:
        """The selected row, -1 for none."""
        rows = self.selectionModel().selectedRows()
        return rows[0].row() if rows else -1

    @property
    def number(self) -> int:
        """The number of the selected item, also of one that is still to come into view; 0 for none."""
        row = self.row
        return self._wanted or (self.trace_model.number_at(row) if row >= 0 else 0)

    def want(self, number: int) -> None:
        """Select the item of that number, as soon as it is in the list; 0 selects nothing."""
        self._wanted = number
        if not number:
            self.clearSelection()
            self._tell(0)
        self._settle()

    def _before_reset(self) -> None:
        self._wanted = self.number
        top = self.rowAt(0)
        self._top = self.trace_model.number_at(top) if top >= 0 and not self._follows else 0

    def _after_reset(self) -> None:
        if self._top:
            row = self.trace_model.row_near(self._top)
            if row >= 0:
                self.scrollTo(self.trace_model.index(row, 0), QAbstractItemView.ScrollHint.PositionAtTop)
        elif self._follows:
            self.scrollToBottom()
        self._settle()

    def _settle(self) -> None:
        """Select what is wanted where it is there; tell that it is not where it will not come."""
        if not self._wanted:
            return
        row = self.trace_model.row_of_number(self._wanted)
        if row >= 0:
            number, self._wanted = self._wanted, 0
            self._select(row)
            self._tell(number)
        elif not self.trace_model.is_behind:
            self._wanted = 0
            self.clearSelection()
            self._tell(0)

    def _select(self, row: int) -> None:
        index = self.trace_model.index(row, Column.MARK)
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        model = self.selectionModel()
        model.blockSignals(True)
        model.setCurrentIndex(index, flags)
        model.blockSignals(False)
        if not self._is_in_view(index):
            self.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtCenter)
        self.viewport().update()
        if row < self.trace_model.rowCount() - 1:
            self.set_follows(False)

    def _is_in_view(self, index: QModelIndex) -> bool:
        return self.viewport().rect().contains(self.visualRect(index).center())

    def _on_selection_changed(self, selected: QItemSelection, _deselected: QItemSelection) -> None:
        indexes = selected.indexes()
        if not indexes:
            return
        row = indexes[0].row()
        self._wanted = 0
        if row < self.trace_model.rowCount() - 1:
            self.set_follows(False)  # who reads a row does not want it to run away
        self._tell(self.trace_model.number_at(row))

    def _tell(self, number: int) -> None:
        told = (self.trace_model.zoom, number)
        if told != self._told:
            self._told = told
            self.chosen.emit(number)

    # ------------------------------------------------------------------------------------------------------------- keys

    def _add_keys(self) -> None:
        for keys, (text, do) in _keys_of(self).items():
            shortcut = QShortcut(QKeySequence(keys), self, context=Qt.ShortcutContext.WidgetShortcut)
            shortcut.setWhatsThis(text)
            shortcut.activated.connect(do)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_row()
        elif event.key() in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self._go_to_end(is_last=event.key() == Qt.Key.Key_End)
        else:
            super().keyPressEvent(event)

    def _go_to_end(self, *, is_last: bool) -> None:
        count = self.trace_model.rowCount()
        if count:
            self.selectRow(count - 1 if is_last else 0)
            self.set_follows(is_last)

    def enter(self) -> None:
        """Go a level in."""
        if self.number:
            self.entered.emit(self.number)

    def ask_story(self) -> None:
        """Show the exchange with what caused it and what it caused."""
        if self.number:
            self.story_wanted.emit(self.number)

    def toggle_follows(self) -> None:
        """Follow, or no longer."""
        self.set_follows(not self._follows)

    def copy_row(self) -> None:
        """Copy the cells of the selected row."""
        if self.row >= 0:
            QGuiApplication.clipboard().setText(self.trace_model.line_of(self.row))

    # ------------------------------------------------------------------------------------------------------------ marks

    def toggle_mark(self) -> None:
        """Mark the selected item, or no longer."""
        mark = self.trace_model.mark_at(self.row)
        self._note(marked=mark is None or not mark.marked)

    def set_color(self, color: str) -> None:
        """Give the selected item a colour, or with an empty name none."""
        self._note(color=color)

    def ask_comment(self) -> None:
        """Open a line to write a comment into, over the selected row."""
        row = self.row
        if row >= 0:
            mark = self.trace_model.mark_at(row)
            rect = self.visualRect(self.trace_model.index(row, Column.MARK))
            self.comment.open(mark.comment if mark is not None else "", rect, self.viewport().width())

    def _on_comment_finished(self, text: str) -> None:
        self._note(comment=text)

    def _note(self, *, marked: bool | None = None, color: str | None = None, comment: str | None = None) -> None:
        number = self.trace_model.number_at(self.row)
        if not number:
            return
        try:
            self.trace_model.source.marks.set(number, marked=marked, color=color, comment=comment)
        except MarksError:  # there are too many: what is there stays
            return
        self.trace_model.marks_changed(number)
        self._catch_up.start()  # a filter may ask for marks

    def go_to_mark(self, step: int = 1) -> None:
        """Select the next item with something noted beside it, or the one before; from the last on to the first."""
        model = self.trace_model
        rows = sorted(row for seq in model.source.marks.seqs() if (row := model.row_of_number(seq)) >= 0)
        if not rows:
            return
        now = self.row
        after = [row for row in rows if (row - now) * step > 0]
        self.selectRow((after or rows)[0 if step > 0 else -1])


def _keys_of(table: TraceList) -> dict[str, tuple[str, Callable[[], object]]]:
    """What each key does in the list, in the words of the page of keys."""
    return {
        "Return": ("Go a level in", table.enter),
        "Enter": ("Go a level in", table.enter),
        "Backspace": ("Go back out", table.left.emit),
        "M": ("Mark the row, or no longer", table.toggle_mark),
        ";": ("Write a comment to the row", table.ask_comment),
        "S": ("Show the whole story of the row", table.ask_story),
        "F": ("Follow what comes, or no longer", table.toggle_follows),
        "F2": ("Next mark", partial(table.go_to_mark, 1)),
        "Shift+F2": ("Mark before", partial(table.go_to_mark, -1)),
        **{
            f"Alt+{number}": (f"Colour the row {color}" if color else "No colour", partial(table.set_color, color))
            for number, color in enumerate(("", *COLORS))
        },
    }
