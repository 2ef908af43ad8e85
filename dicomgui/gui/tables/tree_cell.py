"""The first cell of a row in a flat table whose rows open: how deep it stands, an arrow, its text."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, Qt
from PySide6.QtGui import QColor, QPainter, QPalette
from PySide6.QtWidgets import QApplication, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from dicomgui.gui.look import icons
from dicomgui.gui.look.theme import current_colors

__all__ = ["DEPTH_ROLE", "NO_ARROW", "OPEN_ROLE", "WARNING_ROLE", "TreeCellDelegate", "arrow_rect"]

DEPTH_ROLE = int(Qt.ItemDataRole.UserRole) + 11
"""How deep a row stands, from 0 on."""
OPEN_ROLE = int(Qt.ItemDataRole.UserRole) + 12
"""``True`` for an open row, ``False`` for one that can be opened, ``None`` for one that cannot."""
WARNING_ROLE = int(Qt.ItemDataRole.UserRole) + 13
"""Whether there is something to know about the row; its tool tip says what."""

NO_ARROW = -1
"""The depth of a row in a list where nothing opens: its text begins at the edge."""

_INDENT = 18
_ARROW = 14
_MARGIN = 6
_EDGE = 9  # where the text of other cells begins, and that of the heads

_Index = QModelIndex | QPersistentModelIndex


def arrow_rect(cell: QRect, depth: int) -> QRect:
    """Where the arrow of a row stands in its first cell."""
    left = cell.x() + _MARGIN + depth * _INDENT
    return QRect(left, cell.y() + (cell.height() - _ARROW) // 2, _ARROW, _ARROW)


class TreeCellDelegate(QStyledItemDelegate):
    """Draws the cell by :data:`DEPTH_ROLE` and :data:`OPEN_ROLE`."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        ground = QStyleOptionViewItem(option)
        self.initStyleOption(ground, index)
        color = ground.palette.color(QPalette.ColorRole.Text)
        foreground = index.data(Qt.ItemDataRole.ForegroundRole)
        if isinstance(foreground, QColor):
            color = foreground
        text, ground.text = ground.text, ""
        style = ground.widget.style() if ground.widget is not None else QApplication.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, ground, painter, ground.widget)
        depth, is_open = int(index.data(DEPTH_ROLE) or 0), index.data(OPEN_ROLE)
        arrow = arrow_rect(option.rect, depth)
        device, colors = painter.device(), current_colors()
        ratio = device.devicePixelRatioF() if device is not None else 1.0
        if is_open is not None:
            name = "down" if is_open else "right"
            painter.drawPixmap(arrow.topLeft(), icons.pixmap(name, colors.muted, _ARROW, ratio))
        left = option.rect.x() + _EDGE if depth == NO_ARROW else arrow.right() + 5
        if index.data(WARNING_ROLE):
            painter.drawPixmap(left, arrow.top(), icons.pixmap("warning", colors.warning, _ARROW, ratio))
            left += _ARROW + 5
        place = QRect(left, option.rect.y(), max(0, option.rect.right() - left - 4), option.rect.height())
        painter.save()
        painter.setPen(color)
        shown = option.fontMetrics.elidedText(text, Qt.TextElideMode.ElideRight, place.width())
        painter.drawText(place, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), shown)
        painter.restore()
