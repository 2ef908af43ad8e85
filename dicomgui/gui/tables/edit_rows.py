"""A table that is typed into: rows of texts, each cell judged as it is changed, some cells chosen or ticked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from PySide6.QtCore import QAbstractItemModel, QAbstractTableModel, QObject, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QComboBox, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from dicomgui.gui.look.theme import current_colors
from dicomgui.gui.tables.columns import ROOT, Index
from dicomgui.gui.widgets.text import tooltip
from dicomgui.trace.finding import plain

__all__ = ["ChoiceDelegate", "EditColumn", "EditRows"]

MAX_CELL = 16_384
TICKED = "on"


class EditColumn(NamedTuple):
    """A column.

    :ivar name: the key of its cells.
    :ivar choices: what can be chosen; any text where there are none.
    :ivar is_tick: a box that is ticked or not; its text is ``on`` or nothing.
    """

    name: str
    title: str
    choices: tuple[str, ...] = ()
    is_tick: bool = False


class EditRows(QAbstractTableModel):
    """The rows as the user has typed them, also what is wrong.

    :param problem: what is wrong with a row: the name of the cell and a sentence, which is empty for nothing.
    :param limit: rows that there can be.
    """

    edited = Signal()
    """Something was changed by the user, or by :meth:`insert` or :meth:`remove`."""

    def __init__(
        self,
        columns: Sequence[EditColumn],
        problem: Callable[[Mapping[str, str]], tuple[str, str]],
        limit: int,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.columns = tuple(columns)
        self.limit = limit
        self._problem = problem
        self._rows: list[dict[str, str]] = []
        self._known: dict[int, tuple[str, str]] = {}

    @property
    def rows(self) -> tuple[Mapping[str, str], ...]:
        """The rows, to be read; none of them is changed, not even when the table is."""
        return tuple(self._rows)

    def show_rows(self, rows: Iterable[Mapping[str, str]]) -> None:
        """Replace all rows, without a word."""
        self.beginResetModel()
        self._rows = [self._row(row) for row in rows][: self.limit]
        self._known.clear()
        self.endResetModel()

    def insert(self, at: int, rows: Sequence[Mapping[str, str]]) -> int:
        """Put rows before the one at ``at``, as many as there is room for; gives how many."""
        fresh = [self._row(row) for row in rows][: self.limit - len(self._rows)]
        if fresh:
            self.beginInsertRows(ROOT, at, at + len(fresh) - 1)
            self._rows[at:at] = fresh
            self._known.clear()
            self.endInsertRows()
            self.edited.emit()
        return len(fresh)

    def remove(self, numbers: Iterable[int]) -> list[tuple[int, Mapping[str, str]]]:
        """Take rows out; gives them with their places, the first one first."""
        removed: list[tuple[int, Mapping[str, str]]] = []
        self._known.clear()
        for number in sorted(set(numbers), reverse=True):
            self.beginRemoveRows(ROOT, number, number)
            removed.insert(0, (number, self._rows.pop(number)))
            self.endRemoveRows()
        if removed:
            self.edited.emit()
        return removed

    def move(self, number: int, by: int) -> int:
        """Put a row one place up or down; gives where it is then."""
        other = number + by
        if not (0 <= number < len(self._rows) and 0 <= other < len(self._rows)):
            return number
        self._rows[number], self._rows[other] = self._rows[other], self._rows[number]
        self._known.clear()
        low, high = sorted((number, other))
        self.dataChanged.emit(self.index(low, 0), self.index(high, len(self.columns) - 1))
        self.edited.emit()
        return other

    def problem_at(self, number: int) -> tuple[str, str]:
        """What is wrong with a row: the name of the cell and a sentence, which is empty for nothing."""
        if number not in self._known:
            if len(self._known) > 10_000:
                self._known.clear()
            self._known[number] = self._problem(self._rows[number])
        return self._known[number]

    def _row(self, row: Mapping[str, str]) -> dict[str, str]:
        return {column.name: row.get(column.name, "")[:MAX_CELL] for column in self.columns}

    # Qt's side

    def rowCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = ROOT) -> int:
        return 0 if parent.isValid() else len(self.columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self.columns[section].title
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        usual = super().flags(index)
        if not index.isValid():
            return usual
        is_tick = self.columns[index.column()].is_tick
        return usual | (Qt.ItemFlag.ItemIsUserCheckable if is_tick else Qt.ItemFlag.ItemIsEditable)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or not 0 <= index.row() < len(self._rows):
            return None
        column = self.columns[index.column()]
        text = self._rows[index.row()][column.name]
        if column.is_tick:
            if role == Qt.ItemDataRole.CheckStateRole:
                return Qt.CheckState.Checked if text == TICKED else Qt.CheckState.Unchecked
            return "In force" if role == Qt.ItemDataRole.AccessibleTextRole else None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return plain(text, MAX_CELL) if role == Qt.ItemDataRole.DisplayRole else text
        if role in (Qt.ItemDataRole.ForegroundRole, Qt.ItemDataRole.ToolTipRole):
            name, problem = self.problem_at(index.row())
            is_here = bool(problem) and name == column.name
            if role == Qt.ItemDataRole.ForegroundRole:
                return QColor(current_colors().error) if is_here else None
            return tooltip(plain(problem, 400) if is_here else plain(text, 400))
        return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if not index.isValid():
            return False
        column, row = self.columns[index.column()], self._rows[index.row()]
        if column.is_tick and role == Qt.ItemDataRole.CheckStateRole:
            text = TICKED if Qt.CheckState(value) is Qt.CheckState.Checked else ""
        elif role == Qt.ItemDataRole.EditRole and not column.is_tick:
            text = " ".join(str(value).split())[:MAX_CELL]
        else:
            return False
        if row[column.name] == text:
            return True
        self._rows[index.row()] = {**row, column.name: text}  # another one: who has the old one may be reading it
        self._known.pop(index.row(), None)
        left, right = self.index(index.row(), 0), self.index(index.row(), len(self.columns) - 1)
        self.dataChanged.emit(left, right)
        self.edited.emit()
        return True


class ChoiceDelegate(QStyledItemDelegate):
    """Offers the choices of a column, where it has some."""

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        choices = self._choices(index)
        if not choices:
            return super().createEditor(parent, option, index)
        box = QComboBox(parent)
        box.addItems(choices)
        box.activated.connect(lambda _row: self.commitData.emit(box))
        return box

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        if isinstance(editor, QComboBox):
            editor.setCurrentIndex(max(0, editor.findText(str(index.data(Qt.ItemDataRole.EditRole)))))
        else:
            super().setEditorData(editor, index)

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:
        if isinstance(editor, QComboBox):
            model.setData(index, editor.currentText(), Qt.ItemDataRole.EditRole)
        else:
            super().setModelData(editor, model, index)

    @staticmethod
    def _choices(index: Index) -> tuple[str, ...]:
        model = index.model()
        return model.columns[index.column()].choices if isinstance(model, EditRows) else ()
