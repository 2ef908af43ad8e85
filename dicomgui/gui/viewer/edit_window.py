"""A window in which a copy of a data set is changed, marked as test data, and handed to the panel that sends."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QVBoxLayout, QWidget

from dicomgui.app.viewing.editing import EditedCopy, EditError, EditRow, Finish, UidMap, parse_tag
from dicomgui.app.viewing.viewed import Viewed
from dicomgui.gui.keeping.configuration import Configuration
from dicomgui.gui.look import icons
from dicomgui.gui.running.latest import Latest
from dicomgui.gui.tables.list_table import ListTable
from dicomgui.gui.viewer.edit_model import EditModel
from dicomgui.gui.widgets.buttons import Choice, push_button
from dicomgui.gui.widgets.confirm import ask
from dicomgui.gui.widgets.fields import check_box, line_edit
from dicomgui.gui.widgets.flow import FlowRow, together
from dicomgui.gui.widgets.text import PlainLabel
from dicomgui.trace.finding import plain

__all__ = ["EditWindow"]


class EditWindow(QWidget):
    """Reads the copy when it is made; the original is only read.

    :param folder: gives a name for a new file, each time another one.
    :param uids: what keeps copies of one study together.
    """

    files_wanted = Signal(object, object)
    """The user wants to send these files (list of paths), to a node or ``None`` for one to be chosen."""

    def __init__(
        self, viewed: Viewed, pool: Executor, config: Configuration, folder: Callable[[], Path], uids: UidMap
    ) -> None:
        super().__init__(None, Qt.WindowType.Window)
        self.setObjectName("edit_window")
        self.setWindowTitle(plain(f"{viewed.name}: a copy to be changed", 200))
        self.setWindowIcon(icons.app_icon())
        self.setAccessibleName("Copy of a data set")
        self.resize(900, 700)
        self.setMinimumSize(520, 360)
        self._config = config
        self._folder = folder
        self._uids = uids
        self._work = Latest(pool, self._on_failed, self)
        self._is_sent = False
        self._may_close = False
        self._make_table()
        self._make_fields()
        self._place()
        self._connect()
        self._show_nodes()
        self._say("Reading …", "muted")
        self._work.ask(lambda: _opened(viewed), self._on_opened)

    # ----------------------------------------------------------------------------------------------------------- making

    def _make_table(self) -> None:
        self.model = EditModel(self._on_refused, self)
        self.table = ListTable("edit_table", "Elements of the copy")
        self.table.setModel(self.model)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self.table.set_widths({0: 390}, stretch=1)

    def _make_fields(self) -> None:
        self.tag = line_edit("edit_tag", "Element to add", hint="Keyword or tag")
        self.value = line_edit("edit_value", "Its value", hint="Value; \\ between several, @ is a random digit")
        self.add_button = push_button("edit_add", "Add", "add", tip="Add this element (Enter)")
        self.delete_button = push_button("edit_delete", "Delete", "clear", tip="Take the selected element out (Del)")
        self.instance = check_box("edit_new_instance", "New &instance UID", tip="A copy that is another instance")
        self.series = check_box("edit_new_series", "New &series UID", tip="The same for all copies from this series")
        self.study = check_box("edit_new_study", "New s&tudy UID", tip="The same for all copies from this study")
        self.mark = check_box(
            "edit_mark", "&Mark as test data", tip="Series Description ends in [TEST], where everybody sees it"
        )
        self.comments = check_box("edit_comments", "Also in Patient &Comments", tip="A sentence in (0010,4000)")
        self.digits = check_box("edit_digits", "@ is a &random digit", tip="In values that were typed here")
        for box in (self.instance, self.series, self.study, self.mark, self.digits):
            box.setChecked(True)
        self.said = PlainLabel(tone="muted", wrap=True)
        self.said.setObjectName("edit_said")
        self.node = Choice("edit_node", "Send to")
        self.node.setMinimumWidth(180)
        self.send_button = push_button("edit_send", "Send the copy", "send", primary=True)
        self.send_button.setToolTip("Write the copy to a file of its own and send it; the original stays as it is")

    def _place(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(10)
        text = "Double-click a value, or press F2, to change it. This is a copy: the original stays as it is."
        column.addWidget(PlainLabel(text, tone="muted", wrap=True))
        column.addWidget(self.table, 1)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.tag, 2)
        row.addWidget(self.value, 3)
        row.addWidget(self.add_button)
        row.addWidget(self.delete_button)
        column.addLayout(row)
        options = FlowRow(16)
        for box in (self.instance, self.series, self.study, self.mark, self.comments, self.digits):
            options.add(box)
        column.addLayout(options)
        column.addWidget(self.said)
        end = QHBoxLayout()
        end.setSpacing(8)
        end.addStretch(1)
        end.addWidget(together(PlainLabel("Send to", tone="muted"), self.node))
        end.addWidget(self.send_button)
        column.addLayout(end)

    def _connect(self) -> None:
        self.add_button.clicked.connect(self.add)
        self.value.returnPressed.connect(self.add)
        self.delete_button.clicked.connect(self.delete)
        self.send_button.clicked.connect(self.send)
        self._config.nodes_changed.connect(self._show_nodes)
        here = Qt.ShortcutContext.WidgetShortcut
        QShortcut(QKeySequence(QKeySequence.StandardKey.Delete), self.table, context=here).activated.connect(
            self.delete
        )
        for key in ("Ctrl+W",):
            QShortcut(QKeySequence(key), self).activated.connect(self.close)
        self.model.dataChanged.connect(self._on_touched)
        self.model.modelReset.connect(self._on_touched)
        self._show_ready()

    # ---------------------------------------------------------------------------------------------------------- showing

    @property
    def is_busy(self) -> bool:
        """Whether the copy is being read or written."""
        return self._work.is_busy

    @property
    def finish(self) -> Finish:
        """What is done to the copy when it is sent."""
        return Finish(
            self.instance.isChecked(), self.series.isChecked(), self.study.isChecked(), self.mark.isChecked(),
            self.comments.isChecked(), self.digits.isChecked(),
        )  # fmt: skip

    @property
    def has_unsent_changes(self) -> bool:
        """Whether something was changed since the copy was sent, if it ever was."""
        return self.model.copy is not None and self.model.copy.is_changed and not self._is_sent

    def stop(self) -> None:
        """Want nothing any more; it closes without a question then."""
        self._may_close = True
        self._work.forget()

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._may_close or not self.has_unsent_changes:
            super().closeEvent(event)
            return
        event.ignore()
        text = "The copy has changes that were not sent. They are lost when its window is closed."
        ask(self, "edit_close", text, "Close and lose them", self._on_given_up)

    def _on_given_up(self) -> None:
        self._may_close = True
        self.close()

    def _on_touched(self) -> None:
        self._is_sent = False

    def _on_opened(self, result: tuple[EditedCopy, list[EditRow]] | EditError) -> None:
        if isinstance(result, EditError):
            self._say(str(result), "error")
        else:
            self.model.show_copy(*result)
            self._say("", "muted")
            if self.model.rowCount():
                self.table.selectRow(0)
            self.table.setFocus()
        self._show_ready()

    def _show_ready(self) -> None:
        is_there = self.model.copy is not None
        for widget in (self.add_button, self.delete_button, self.send_button):
            widget.setEnabled(is_there)

    def _show_nodes(self) -> None:
        chosen = self.node.currentData()
        self.node.clear()
        self.node.addItem("the Send panel", "")
        for node in self._config.nodes.nodes:
            self.node.addItem(plain(node.name), node.name)
        self.node.setCurrentIndex(max(0, self.node.findData(chosen)))

    def _say(self, text: str, tone: str) -> None:
        self.said.setText(plain(text, 500))
        self.said.set_tone(tone)

    def _on_refused(self, text: str) -> None:
        self._say(text, "error" if text else "muted")

    def _on_failed(self, text: str) -> None:
        self._say(text, "error")

    # --------------------------------------------------------------------------------------------------------- changing

    def add(self) -> None:
        """Add the element that was typed, beside the selected one where that is in an item."""
        copy, row = self.model.copy, self.model.row_at(self.table.currentIndex().row())
        if copy is None:
            return
        try:
            path = copy.add(parse_tag(self.tag.text()), self.value.text(), row.path[:-1] if row is not None else ())
        except EditError as error:
            self._say(str(error), "error")
            return
        self.model.show_copy(copy)
        self._select(self.model.row_of(path))
        self.tag.clear()
        self.value.clear()
        self.tag.setFocus()
        self._say("", "muted")

    def delete(self) -> None:
        """Take the selected element out."""
        copy, number = self.model.copy, self.table.currentIndex().row()
        row = self.model.row_at(number)
        if copy is None or row is None:
            return
        try:
            copy.delete(row.path)
        except EditError as error:
            self._say(str(error), "error")
            return
        self.model.show_copy(copy)
        self._select(min(number, self.model.rowCount() - 1))
        self._say(f"{row.label} was taken out.", "muted")

    def _select(self, row: int) -> None:
        if row >= 0:
            self.table.selectRow(row)
            self.table.scrollTo(self.model.index(row, 0))

    def send(self) -> None:
        """Write the copy, and hand it on to be sent."""
        copy = self.model.copy
        if copy is None or self._work.is_busy:
            return
        path, finish, uids = self._folder(), self.finish, self._uids
        self.send_button.setEnabled(False)
        self._say("Writing …", "muted")
        self._work.ask(lambda: _written(copy, path, finish, uids), self._on_written)

    def _on_written(self, result: Path | EditError) -> None:
        self._show_ready()
        if isinstance(result, EditError):
            self._say(str(result), "error")
            return
        self._is_sent = True
        name = str(self.node.currentData() or "")
        self._say(f"Handed to {name or 'the Send panel'}; what becomes of it is said there.", "good")
        self.files_wanted.emit([result], self._config.nodes.find(name) if name else None)


def _opened(viewed: Viewed) -> tuple[EditedCopy, list[EditRow]] | EditError:
    try:
        copy = EditedCopy.of(viewed)
        return copy, copy.rows()
    except EditError as error:
        return error


def _written(copy: EditedCopy, path: Path, finish: Finish, uids: UidMap) -> Path | EditError:
    try:
        copy.save(path, finish, uids)
    except EditError as error:
        return error
    return path
