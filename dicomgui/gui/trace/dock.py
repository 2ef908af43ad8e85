"""The trace under every panel: what the current job says to its peer, while it says it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QFrame, QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from dicomgui.app.context import AppContext
from dicomgui.app.operations import JobKind, Jobs
from dicomgui.gui.look import icons
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.cards import EmptyState
from dicomgui.gui.widgets.text import ElidedLabel, PlainLabel, count_text
from dicomgui.trace.finding import plain

if TYPE_CHECKING:
    from dicomgui.gui.trace.listing.list_view import TraceList
    from dicomgui.gui.trace.listing.model import TraceModel
    from dicomgui.gui.trace.listing.source import TraceSource
    from dicomgui.gui.trace.view import TraceView
    from dicomgui.trace.filter import Zoom

__all__ = ["TraceDock"]

HEIGHT = 240


class TraceDock(QFrame):
    """The three panes of the trace in a low place, foldable. Who makes it has :meth:`drain` called by the pump.

    While it is folded it reads nothing, and its panes are made when it is unfolded for the first time. It shows the
    associations that :meth:`follow` names; with :meth:`watch` it finds the current job by itself.

    :param context: whose trace it shows.
    :param source: gives the same trace with its index, where another view shares it.
    """

    folded_changed = Signal(bool)
    view_wanted = Signal(object)
    """As of :class:`~dicomgui.gui.trace.details.tabs.TraceDetails`."""
    open_requested = Signal(tuple)
    """The user wants to see these associations in the trace panel; none of them for all."""

    def __init__(
        self, context: AppContext, source: Callable[[], TraceSource] | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("trace_dock")
        self.setAccessibleName("Trace of the current job")
        self._context = context
        self._source = source
        self._followed: tuple[int, ...] = ()
        self._jobs: Jobs | None = None
        self._kinds: frozenset[JobKind] = frozenset(JobKind)
        self._seq = 0
        self._job = 0
        self._panes: TraceView | None = None
        self._is_folded = True
        self._is_waiting = False
        self._make_widgets()
        self._place()
        self.follow(())
        self.set_folded(True)

    def _make_widgets(self) -> None:
        self.fold_button = push_button("dock_fold", "", "down")
        self.fold_button.clicked.connect(lambda: self.set_folded(not self._is_folded))
        self.title = PlainLabel("Trace", bold=True)
        self.what = ElidedLabel(tone="muted")
        self.what.setObjectName("dock_what")
        self.new_rows = push_button("dock_new_rows", "", "down", tip="Go to the newest row and follow")
        self.new_rows.clicked.connect(lambda: self.table.set_follows(True))
        self.new_rows.hide()
        self.open_button = push_button("dock_open", "Open in trace", "trace", tip="The same in the trace panel")
        self.open_button.clicked.connect(lambda: self.open_requested.emit(self._followed))

    def _place(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 6, 24, 8)
        column.setSpacing(6)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.fold_button)
        head.addWidget(self.title)
        head.addWidget(self.what, 1)
        head.addWidget(self.new_rows)
        head.addWidget(self.open_button)
        column.addLayout(head)
        self._body = QWidget()
        self._layers = QStackedLayout(self._body)
        self._layers.setStackingMode(QStackedLayout.StackingMode.StackAll)
        self._empty = EmptyState("trace", "Nothing to see yet", "Start something above: every PDU of it appears here.")
        self._empty.setObjectName("dock_empty")
        self._empty.setAutoFillBackground(True)
        self._layers.addWidget(self._empty)
        self._body.setFixedHeight(HEIGHT)
        column.addWidget(self._body)

    @property
    def panes(self) -> TraceView:
        """List, fields and bytes."""
        self.make()
        assert self._panes is not None
        return self._panes

    def make(self) -> None:
        """Make the panes, if they are not there yet."""
        if self._panes is None:
            self._panes = self._make_panes()
            self._add_keys()

    def _make_panes(self) -> TraceView:
        from dicomgui.gui.trace.listing.source import TraceSource
        from dicomgui.gui.trace.view import TraceView
        from dicomgui.trace.filter import Zoom

        source = TraceSource("live", self._context.trace) if self._source is None else self._source()
        panes = TraceView("dock", source, self._context.file_pool, across=True, zoom=Zoom.ROWS)
        panes.table.rows_missed.connect(self._on_rows_missed)
        panes.table.looked.connect(self._show_what)
        panes.table.entered.connect(lambda _number: panes.next_pane())
        panes.table.opened.connect(lambda _number: panes.next_pane())
        panes.row_wanted.connect(self._on_row_wanted)
        panes.details.view_wanted.connect(self.view_wanted)
        self._layers.addWidget(panes)
        return panes

    @property
    def model(self) -> TraceModel:
        """What the list shows."""
        return self.panes.model

    @property
    def table(self) -> TraceList:
        """The list."""
        return self.panes.table

    def _add_keys(self) -> None:
        from dicomgui.gui.trace.listing.list_view import ZOOM_NAMES

        within = Qt.ShortcutContext.WidgetWithChildrenShortcut
        for number, (zoom, title) in enumerate(ZOOM_NAMES.items(), start=1):
            shortcut = QShortcut(QKeySequence(str(number)), self, context=within)
            shortcut.setWhatsThis(title)
            shortcut.activated.connect(partial(self._show_zoom, zoom))

    def _show_zoom(self, zoom: Zoom) -> None:
        self.table.show_level(zoom, associations=self.model.associations)

    # ---------------------------------------------------------------------------------------------------------- folding

    @property
    def is_folded(self) -> bool:
        """Whether only its head is there."""
        return self._is_folded

    def set_folded(self, folded: bool) -> None:
        """Show the head alone, or all."""
        changed = folded != self._is_folded
        self._is_folded = folded
        if changed and not folded:
            self._show_followed()
        self._body.setVisible(not folded)
        self.open_button.setVisible(not folded)
        self.new_rows.setVisible(not folded and bool(self.new_rows.text()))
        text = "Show the trace of the current job" if folded else "Fold the trace"
        self.fold_button.setAccessibleName(text)
        self.fold_button.setToolTip(text)
        self.fold_button.setIcon(icons.icon("right" if folded else "down"))
        self._show_what()
        if changed:
            self.folded_changed.emit(folded)

    # -------------------------------------------------------------------------------------------------------- following

    @property
    def followed(self) -> tuple[int, ...]:
        """The associations that are shown, oldest first; none of them for all."""
        return self._followed

    def follow(self, associations: Collection[int]) -> None:
        """Show these associations; with none of them everything."""
        self._followed = tuple(associations)
        self._is_waiting = False
        self._show_followed()

    def _show_followed(self) -> None:
        """Have the panes show what is followed; folded, only the head tells of it."""
        if not self._is_folded:
            self.model.show(associations=() if self._is_waiting else self._followed or None)
        self._show_what()

    def watch(self, jobs: Jobs, kinds: Collection[JobKind]) -> None:
        """Follow the newest job of these kinds from now on, also when another one begins; nothing before the first."""
        wanted = frozenset(kinds)
        if (jobs, wanted) == (self._jobs, self._kinds):
            return
        self._jobs, self._kinds, self._seq, self._job = jobs, wanted, 0, 0
        self._is_waiting = True
        self._followed = ()
        self._look_for_job(jobs)
        if self._is_waiting:
            self._show_followed()

    def drain(self) -> None:
        """See whether there is another job, and take what is new in the trace unless it is folded."""
        if self._jobs is not None and self._jobs.seq != self._seq:
            self._look_for_job(self._jobs)
        if not self._is_folded:
            self.table.drain()

    def _look_for_job(self, jobs: Jobs) -> None:
        """Find the newest job that talks or has talked to somebody."""
        changes = jobs.since(self._seq)
        self._seq = changes.seq
        found = [job for job in changes.jobs if job.kind in self._kinds and job.associations]
        if not found or found[-1].number < self._job:
            return
        if found[-1].number > self._job:
            self._job = found[-1].number
            if self._panes is not None:
                self.table.set_follows(True)
        if found[-1].associations != self._followed:
            self.follow(found[-1].associations)

    def _show_what(self) -> None:
        rows = self.model.rowCount() if self._panes is not None else 0
        if self._is_waiting:
            self.what.setText("of the next job")
        else:
            one = f"association #{self._followed[0]}" if len(self._followed) == 1 else ""
            whose = one or (count_text(len(self._followed), "association") if self._followed else "all associations")
            self.what.setText(plain(whose if self._is_folded else f"{whose} · {count_text(rows, 'row')}"))
        self._empty.setVisible(not rows)
        if self._panes is not None:
            self._layers.setCurrentWidget(self._panes if rows else self._empty)
            self._panes.setEnabled(bool(rows))

    def _on_row_wanted(self, seq: int, offset: int, length: int) -> None:
        """Bytes of the message that stand in another row."""
        self.table.want(seq)
        self.panes.show_place(offset, length)

    def _on_rows_missed(self, count: int) -> None:
        self.new_rows.setText(f"{count:,} new" if count else "")
        self.new_rows.setAccessibleName(f"{count:,} new rows")
        self.new_rows.setVisible(count > 0)
