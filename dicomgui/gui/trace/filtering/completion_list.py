"""What may be typed next, in a list below the field that is typed into; the field keeps the keyboard."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from dicomgui.gui.look.theme import current_colors
from dicomgui.trace.filter import Completion
from dicomgui.trace.finding import plain

__all__ = ["CompletionList"]

_SHOWN = 10
_WIDTH = 460
_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()


class _CompletionModel(QAbstractListModel):
    def __init__(self) -> None:
        super().__init__()
        self.offered: tuple[Completion, ...] = ()

    def show(self, offered: Sequence[Completion]) -> None:
        """Offer these."""
        self.beginResetModel()
        self.offered = tuple(offered)
        self.endResetModel()

    def rowCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self.offered)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> str | None:
        if role != Qt.ItemDataRole.DisplayRole or not index.isValid():
            return None
        one = self.offered[index.row()]
        return plain(f"{one.text}  {one.help}" if one.help else one.text, 300)


class _CompletionDelegate(QStyledItemDelegate):
    """What is typed at the left, what it means in grey beside it."""

    def __init__(self, model: _CompletionModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._model = model

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        colors, one = current_colors(), self._model.offered[index.row()]
        rect, metrics = option.rect, option.fontMetrics
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, QColor(colors.accent_soft))
        flags = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextSingleLine)
        inside = rect.adjusted(10, 0, -10, 0)
        text = metrics.elidedText(plain(one.text, 200), Qt.TextElideMode.ElideRight, inside.width())
        painter.setPen(QColor(colors.text))
        painter.drawText(inside, flags, text)
        left = max(150, metrics.horizontalAdvance(text) + 18)
        room = inside.width() - left
        if one.help and room > 40:
            painter.setPen(QColor(colors.muted))
            said = metrics.elidedText(one.help, Qt.TextElideMode.ElideRight, room)
            painter.drawText(QRect(inside.x() + left, rect.y(), room, rect.height()), flags, said)

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(_WIDTH, option.fontMetrics.height() + 8)


class CompletionList(QListView):
    """Shown without taking the focus. Who owns it moves the selection and closes it.

    :param name: object name.
    """

    picked = Signal(object)
    """The user clicked this :class:`Completion`."""

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowFlags(Qt.WindowType.ToolTip | Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setObjectName(name)
        self.setAccessibleName("What can be typed here")
        self.setUniformItemSizes(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._model = _CompletionModel()
        self.setModel(self._model)
        self.setItemDelegate(_CompletionDelegate(self._model, self))
        self.clicked.connect(lambda index: self.picked.emit(self._model.offered[index.row()]))
        self.hide()

    @property
    def offered(self) -> tuple[Completion, ...]:
        """What is offered now."""
        return self._model.offered if self.isVisible() else ()

    @property
    def current(self) -> Completion | None:
        """What is selected; ``None`` for nothing."""
        row = self.currentIndex().row()
        return self._model.offered[row] if self.isVisible() and 0 <= row < len(self._model.offered) else None

    def offer(self, offered: Sequence[Completion], below: QPoint) -> None:
        """Show these with nothing selected, at a place of the screen; none of them closes it."""
        self._model.show(offered)
        if not offered:
            self.hide()
            return
        height = self.sizeHintForRow(0) * min(len(offered), _SHOWN) + 2 * self.frameWidth() + 2
        self.resize(_WIDTH, height)
        self.move(below)
        self.show()

    def move_by(self, step: int) -> None:
        """Select the next one or the one before."""
        count = len(self._model.offered)
        row = self.currentIndex().row()
        row = (row + step) % count if row >= 0 else (0 if step > 0 else count - 1)
        self.setCurrentIndex(self._model.index(row))
