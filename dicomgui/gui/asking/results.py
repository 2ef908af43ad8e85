"""What was found: the table of matches with its filter, columns and order, and one match as a tree beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QAction, QActionGroup, QPalette
from PySide6.QtWidgets import QMenu, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from dicomgui.app.archive.here import HereLookup
from dicomgui.app.asking.corrections import Correction, corrections_in
from dicomgui.app.asking.export import FolderFormat, write_answers_csv, write_answers_folder, write_answers_json
from dicomgui.app.asking.levels import Level
from dicomgui.app.asking.values import Answer
from dicomgui.app.operations import JobKind, JobState
from dicomgui.app.viewing.dataset_tree import dataset_node
from dicomgui.app.viewing.viewed import Viewed, open_bytes
from dicomgui.gui.asking.charset_button import CharsetButton
from dicomgui.gui.asking.model import QueryModel
from dicomgui.gui.asking.rows import (
    COLUMNS,
    HERE,
    ITEM,
    NODE,
    QUERY,
    Arrangement,
    Column,
    Row,
    Superseded,
    arranged,
)
from dicomgui.gui.asking.table import ResultTable
from dicomgui.gui.look import icons
from dicomgui.gui.panels.panel import Workplace
from dicomgui.gui.running.tasks import PanelTasks
from dicomgui.gui.tables.dataset_tree import DatasetTree
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.cards import EmptyState
from dicomgui.gui.widgets.dialogs import Ask, ask_paths
from dicomgui.gui.widgets.fields import line_edit
from dicomgui.gui.widgets.flow import FlowRow
from dicomgui.gui.widgets.text import PlainLabel, count_text
from dicomgui.network.errors import RemoteProtocolError
from dicomgui.network.service.decoding import is_large
from dicomgui.trace.describe import Node
from dicomgui.trace.finding import plain

__all__ = ["MIN_HEIGHT", "QueryResults", "ResultsLook"]

MIN_HEIGHT = 170
FILTER_AFTER_MS = 150
CHECKED_AT_ONCE = 50
"""So many matches are looked through for corrections at a time, of those that came into view."""
HERE_AT_ONCE = 200
"""So many rows are looked up in the archive at a time; the next ones follow at the next tick."""

_EMPTY = (
    "Choose a node or type an address, fill in at least one key, and press Query. Matches appear while they come; "
    "Right opens a study and fetches its series."
)


@dataclass(frozen=True, slots=True)
class ResultsLook:
    """How the results of one panel look.

    :ivar prefix: begins the object names, and names the icon of what is empty.
    :ivar columns: before anything is asked; those that are usual are shown unless the user has chosen others.
    :ivar nouns: one match, and several.
    :ivar empty: what to do where nothing was asked yet.
    :ivar nothing: shown where nothing matches; by default a text.
    """

    prefix: str = "query"
    columns: tuple[Column, ...] = COLUMNS
    nouns: tuple[str, str] = ("match", "matches")
    empty: str = _EMPTY
    nothing: QWidget | None = None


class QueryResults(QWidget):
    """The right side of the panel. It asks nobody: who fills it connects ``model.children_wanted``.

    :param say: tells the user a text, in a tone.
    :param look: by default that of queries.
    """

    columns_chosen = Signal(tuple)
    """The user wants these columns, by their keys."""
    view_wanted = Signal(object)
    """The user wants to see a match in a window of its own; a function that gives it, for a thread."""

    counts_changed = Signal()
    """Other rows are selected or shown."""

    def __init__(
        self, place: Workplace, tasks: PanelTasks, say: Callable[[str, str], None], look: ResultsLook = ResultsLook()
    ) -> None:
        super().__init__()
        self._say = say
        self._look = look
        self._usual = frozenset(column.key for column in look.columns if column.is_usual)
        self.setObjectName(f"{look.prefix}_results")
        self.setMinimumHeight(MIN_HEIGHT)
        self._place = place
        self._tasks = tasks
        self._chosen: frozenset[str] = frozenset()
        self._asked: frozenset[str] = frozenset()
        self._viewing: Callable[[], Viewed] | None = None
        self._has_several_nodes = self._has_several_queries = False
        self._lookup: HereLookup | None = None
        self._looking: asyncio.Task[None] | None = None
        self._checking: asyncio.Task[None] | None = None
        self._shown_row: Row | None = None
        self._arranging: asyncio.Task[None] | None = None
        self.model = QueryModel(self, look.columns)
        self._make_widgets()
        self._place_widgets()
        self._connect()
        self._show_columns()
        self.show_state()

    def _make_widgets(self) -> None:
        prefix = self._look.prefix
        self.filter = line_edit(f"{prefix}_filter", "Filter the matches", hint="filter: words in any column",
                                tip="Shows only matches that have all these words; nothing is asked again")  # fmt: skip
        self.filter.setClearButtonEnabled(True)
        self._filter_timer = QTimer(self)
        self._filter_timer.setSingleShot(True)
        self._filter_timer.setInterval(FILTER_AFTER_MS)
        self.columns_button = push_button(
            f"{prefix}_columns", "Colu&mns", "columns", tip="Which columns, in which order"
        )
        self.columns_menu = QMenu(self.columns_button)
        self.columns_menu.setObjectName(f"{prefix}_columns_menu")
        self.export_button = push_button(
            f"{prefix}_export", "E&xport …", "save", tip="The matches as CSV, DICOM JSON, XML or DICOM files"
        )
        self.charset_button = CharsetButton(f"{prefix}_read_as")
        self.arranging = PlainLabel(tone="accent", scale=0.9)
        self.arranging.setObjectName(f"{prefix}_arranging")
        self.arranging.hide()
        self.table = ResultTable(f"{prefix}_table", "Matches", self.model)
        self.table.setSizePolicy(self.table.sizePolicy().horizontalPolicy(), self.sizePolicy().verticalPolicy())
        self.dataset = DatasetTree(prefix)

    def _place_widgets(self) -> None:
        prefix = self._look.prefix
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        tools = FlowRow(8)
        tools.add(self.filter, 1, width=160)
        for widget in (self.arranging, self.columns_button, self.charset_button, self.export_button):
            tools.add(widget)
        column.addLayout(tools)
        self._pages = QStackedWidget()
        self._pages.setObjectName(f"{prefix}_pages")
        self._pages.addWidget(EmptyState(prefix, "Nothing asked yet", self._look.empty))
        self._nothing = self._look.nothing or EmptyState(
            prefix, "Nothing matches", "The peer answered: nothing it has matches all keys."
        )
        self._pages.addWidget(self._nothing)
        self.parts = QSplitter(Qt.Orientation.Horizontal)
        self.parts.setObjectName(f"{prefix}_parts")
        self.parts.setHandleWidth(8)
        self.parts.setChildrenCollapsible(False)
        self.parts.addWidget(self.table)
        self.parts.addWidget(self.dataset)
        self.parts.setStretchFactor(0, 3)
        self.parts.setStretchFactor(1, 2)
        self._pages.addWidget(self.parts)
        column.addWidget(self._pages, 1)

    def _connect(self) -> None:
        self.filter.textChanged.connect(lambda _text: self._filter_timer.start())
        self.filter.returnPressed.connect(self._filter_now)
        self._filter_timer.timeout.connect(self._filter_now)
        self.columns_button.clicked.connect(self._show_menu)
        self.export_button.clicked.connect(lambda: self._tasks.spawn(self._export(), name="export matches"))
        self.charset_button.chosen.connect(self._read_as)
        self.model.arrangement_wanted.connect(self._arrange)
        self.model.modelReset.connect(self.counts_changed)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self.counts_changed.emit())
        self.table.row_shown.connect(self.show_row)
        self.dataset.closed.connect(self.table.setFocus)
        self.dataset.window_wanted.connect(lambda: self.view_wanted.emit(self._viewing))

    # ---------------------------------------------------------------------------------------------------------- filling

    def start(
        self,
        columns: Sequence[Column],
        asked: frozenset[str],
        *,
        has_several_nodes: bool,
        has_several_queries: bool = False,
    ) -> None:
        """Forget what was found before.

        :param asked: keys of columns that are shown because the user has asked for their attributes.
        """
        self._asked = asked
        self._has_several_nodes = has_several_nodes
        self._has_several_queries = has_several_queries
        self.dataset.close_tree()
        self._shown_row = None
        self.model.start(columns)
        self._show_columns()
        self.show_state()

    def show_state(self, *, is_over: bool = False, is_ok: bool = True) -> None:
        """Show the matches, or why there are none."""
        if self.model.count:
            self._pages.setCurrentWidget(self.parts)
        elif is_over and is_ok:
            self._pages.setCurrentWidget(self._nothing)
        else:
            self._pages.setCurrentIndex(0)
        self.export_button.setEnabled(self.model.count > 0)
        self.filter.setEnabled(self.model.count > 0)
        self.charset_button.setEnabled(self.model.count > 0)

    def finish(self) -> None:
        """Everything has come: bring late rows into order."""
        self.model.arrange()

    # ------------------------------------------------------------------------------------------------- order and filter

    def _filter_now(self) -> None:
        self._filter_timer.stop()
        self.model.set_filter(self.filter.text())

    def _arrange(self) -> None:
        if self._arranging is None or self._arranging.done():
            self._arranging = self._tasks.spawn(self._arrange_in_thread(), name="arrange matches")
            self._arranging.add_done_callback(self._on_arranged)

    async def _arrange_in_thread(self) -> None:
        """Until what is shown is what is wanted by then; an order that nobody wants any more is given up."""
        loop = asyncio.get_running_loop()
        while not self.model.is_arranged:
            rows, arrangement = self.model.rows, self.model.arrangement
            self._show_arranging(len(rows))
            work = partial(arranged, rows, arrangement, partial(self._is_wanted, arrangement))
            with suppress(Superseded):
                order = await loop.run_in_executor(self._place.context.file_pool, work)
                if self.model.apply(order, arrangement, len(rows)):
                    break  # what came meanwhile stands at the end until the query is over

    def _is_wanted(self, arrangement: Arrangement) -> bool:
        """From the thread that arranges: a comparison of two values that do not change."""
        return arrangement == self.model.arrangement

    def _show_arranging(self, count: int) -> None:
        word = "Filtering" if self.model.arrangement.words else "Sorting"
        self.arranging.setText(f"{word} {count_text(count, *self._look.nouns)} …")
        self.arranging.show()

    def _on_arranged(self, task: asyncio.Task[None]) -> None:
        if task is self._arranging:
            self._arranging = None
            self.arranging.hide()

    def _read_as(self, charset: str) -> None:
        self.model.read_as(charset)
        if self._shown_row is not None and self.dataset.is_open:
            self.show_row(self._shown_row)

    # ---------------------------------------------------------------------------------------------------------- columns

    def choose_columns(self, keys: Sequence[str]) -> None:
        """Show these columns; none of them for the usual ones."""
        self._chosen = frozenset(keys)
        self._show_columns()

    @property
    def shown_columns(self) -> tuple[Column, ...]:
        """The columns in view, in their order."""
        return tuple(column for place, column in enumerate(self.model.columns) if not self.table.isColumnHidden(place))

    def _show_columns(self) -> None:
        usual = self._chosen or self._usual
        shown = set(usual) | self._asked | {ITEM}
        if self._has_several_nodes:
            shown.add(NODE)
        if self._has_several_queries:
            shown.add(QUERY)
        if not self.model.looks_here and not self._chosen:
            shown.discard(HERE)
        self.table.show_columns(shown)

    def _show_menu(self) -> None:
        self.columns_menu.clear()
        shown = {column.key for column in self.shown_columns}
        for column in self.model.columns:
            action = QAction(column.title.replace("&", "&&"), self.columns_menu)
            action.setCheckable(True)
            action.setChecked(column.key in shown)
            action.setEnabled(column.key != ITEM)
            action.toggled.connect(partial(self._on_column_toggled, column.key))
            self.columns_menu.addAction(action)
        self.columns_menu.addSeparator()
        self.columns_menu.addMenu(self._order_menu())
        usual = QAction("Usual columns", self.columns_menu)
        usual.triggered.connect(lambda: self._take_columns(frozenset()))
        self.columns_menu.addAction(usual)
        button = self.columns_button
        self.columns_menu.popup(button.mapToGlobal(button.rect().bottomLeft()))

    def _order_menu(self) -> QMenu:
        menu = QMenu("Sort by", self.columns_menu)
        menu.setIcon(icons.icon("down", QPalette.ColorRole.Text))
        group = QActionGroup(menu)
        arrangement = self.model.arrangement
        orders: list[tuple[str, Column | None, bool]] = [("as they came", None, False)]
        for column in self.shown_columns:
            if column.key != HERE:
                orders += [(f"{column.title}, ascending", column, False), (f"{column.title}, descending", column, True)]
        for text, by, is_descending in orders:
            action = QAction(text.replace("&", "&&"), menu)
            action.setCheckable(True)
            is_now = arrangement.column == by and (by is None or arrangement.is_descending == is_descending)
            action.setChecked(is_now)
            action.triggered.connect(partial(self._on_order_chosen, by, is_descending))
            group.addAction(action)
            menu.addAction(action)
        return menu

    def _on_order_chosen(self, column: Column | None, is_descending: bool, _checked: bool = False) -> None:
        self.model.set_order(column, is_descending=is_descending)
        self.table.show_order()

    def _on_column_toggled(self, key: str, is_on: bool) -> None:
        shown = {column.key for column in self.shown_columns}
        self._take_columns(frozenset(shown | {key} if is_on else shown - {key}))

    def _take_columns(self, keys: frozenset[str]) -> None:
        self._chosen = keys
        self._asked = frozenset()
        self._show_columns()
        self.columns_chosen.emit(tuple(column.key for column in self.model.columns if column.key in keys))

    # ----------------------------------------------------------------------------------------------------- what is here

    def set_lookup(self, lookup: HereLookup | None) -> None:
        """Mark what is here already, as this tells; ``None`` where there is no archive."""
        if lookup is not self._lookup:
            self._lookup = lookup
            self.model.looks_here = lookup is not None
            self.model.forget_here()
            self._show_columns()

    def drain(self) -> None:
        """Look up what came into view."""
        if self._lookup is None or self._looking is not None:
            return
        wanted = self.model.take_here_wanted(HERE_AT_ONCE)
        if wanted:
            self._looking = self._tasks.spawn(self._look_up(self._lookup, wanted), name="look into the archive")
            self._looking.add_done_callback(self._on_looked)

    def drain_corrections(self) -> None:
        """Look for what was corrected in the matches that came into view."""
        if self._checking is None:
            wanted = self.model.take_corrections_wanted(CHECKED_AT_ONCE)
            if wanted:
                self._checking = self._tasks.spawn(self._check(wanted), name="look for corrections")
                self._checking.add_done_callback(self._on_checked)

    async def _check(self, rows: Sequence[Row]) -> None:
        loop, read_as = asyncio.get_running_loop(), self.model.arrangement.read_as
        found = await loop.run_in_executor(self._place.context.file_pool, _corrections_of, rows)
        self.model.show_corrections(found, read_as)

    def _on_checked(self, _task: asyncio.Task[None]) -> None:
        self._checking = None

    async def _look_up(self, lookup: HereLookup, wanted: dict[Level, list[str]]) -> None:
        loop = asyncio.get_running_loop()
        for level, values in wanted.items():
            counts = await loop.run_in_executor(self._place.context.file_pool, lookup, level, values)
            self.model.show_here(level, counts)

    def _on_looked(self, _task: asyncio.Task[None]) -> None:
        self._looking = None

    # ------------------------------------------------------------------------------------------------- one match, files

    def show_row(self, row: Row) -> None:
        """Show all of a match."""
        answer = row.read
        if answer is None:
            return
        title = f"{row.noun} from {row.source.name}"
        usual = answer.charset
        self._viewing = lambda: open_bytes(answer.data, answer.transfer_syntax_uid, title, usual_charset=usual)
        if is_large(answer.data, answer.transfer_syntax_uid):
            self._show(Node(title, "is being read …"), title)
            self._tasks.spawn(self._show_later(row, answer, title), name="show a match")
        else:
            self._show(_match_node(answer, title), title)
        self._shown_row = row
        self.dataset.window_button.show()

    async def _show_later(self, row: Row, answer: Answer, title: str) -> None:
        """Decode a large match in a thread, and show it unless another one is wanted by then."""
        loop = asyncio.get_running_loop()
        node = await loop.run_in_executor(self._place.context.file_pool, _match_node, answer, title)
        if self._shown_row is row and row.read == answer:
            self.dataset.show_node(node, title)

    def show_node(self, node: Node, title: str) -> None:
        """Show any tree beside the table."""
        self.dataset.window_button.hide()
        self._show(node, title)

    def _show(self, node: Node, title: str) -> None:
        self._shown_row = None
        self._pages.setCurrentWidget(self.parts)
        was_hidden = self.dataset.isHidden()
        self.dataset.show_node(node, title)
        if was_hidden:
            width = max(200, self.parts.width())
            self.parts.setSizes([width // 2, width // 2])

    async def _export(self) -> None:
        filters = ("CSV (*.csv)", "DICOM JSON (*.json)", "A folder of DICOM files (*.dcm)", "A folder of XML (*.xml)")
        start = Path.home() / "matches.csv"
        paths = await ask_paths(self, Ask.SAVE, "Export the matches", start=start, filters=filters)
        if not paths:
            return
        path = paths[0] if paths[0].suffix else paths[0].with_suffix(".csv")
        rows, columns = self.model.shown_rows(), self.shown_columns
        kind = path.suffix.lower()
        if kind == ".json":
            work = partial(_export_json, path, rows)
        elif kind in set(FolderFormat):
            work = partial(_export_folder, path.with_suffix(""), rows, FolderFormat(kind))
        else:
            work = partial(_export_csv, path, self.model, columns, rows)
        with self._place.start_job(JobKind.EXPORT, f"Export {count_text(len(rows), *self._look.nouns)}") as job:
            loop = asyncio.get_running_loop()
            try:
                path, count, unreadable = await loop.run_in_executor(self._place.context.file_pool, work)
            except OSError as error:
                text = f"The matches could not be written to {path}: {error.strerror or error}"
                self._say(text, "error")
                job.finish(JobState.FAILED, text=text)
                return
            left_out = f", {unreadable:,} that cannot be read left out" if unreadable else ""
            job.update(files_done=count, files_total=len(rows), text=f"written to {path}{left_out}")
            text = f"{count_text(count, *self._look.nouns)} written to {path}{left_out}"
            self._say(text, "good")


_Written: TypeAlias = tuple[Path, int, int]
"""What was written, with how many matches, and how many were left out."""


def _export_csv(path: Path, model: QueryModel, columns: Sequence[Column], rows: Sequence[Row]) -> _Written:
    titles = [column.title for column in columns]
    return path, write_answers_csv(path, ["Level", *titles], model.lines(columns, rows)), 0


def _export_json(path: Path, rows: Sequence[Row]) -> _Written:
    return path, *write_answers_json(path, _answers(rows))


def _export_folder(folder: Path, rows: Sequence[Row], kind: FolderFormat) -> _Written:
    return write_answers_folder(folder, _answers(rows), kind)


def _answers(rows: Sequence[Row]) -> Iterator[Answer]:
    return (read for row in rows if (read := row.read) is not None)


def _corrections_of(rows: Sequence[Row]) -> dict[Row, tuple[Correction, ...]]:
    """The corrections of matches. For any thread."""
    return {row: () if (read := row.read) is None else corrections_in(read) for row in rows}


def _match_node(answer: Answer, title: str) -> Node:
    """All of a match as a tree, or why it cannot be read. For any thread."""
    try:
        return dataset_node(answer.dataset(), title)
    except RemoteProtocolError as error:
        return Node(title, "", error=plain(error, 500))
