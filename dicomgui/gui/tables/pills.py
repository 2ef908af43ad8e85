"""How cells of tables show a state and a progress: a pill with icon and word, a bar with its numbers."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPalette
from PySide6.QtWidgets import QApplication, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from dicomgui.gui.look import icons
from dicomgui.gui.look.theme import Colors, current_colors

__all__ = ["FRACTION_ROLE", "ICON_ROLE", "TONE_ROLE", "BarDelegate", "PillDelegate", "ground_of"]

ICON_ROLE = int(Qt.ItemDataRole.UserRole) + 1
"""Name of the icon of a pill."""
TONE_ROLE = int(Qt.ItemDataRole.UserRole) + 2
"""``good``, ``warning``, ``error``, ``accent`` or ``muted``: the colour of a pill or bar."""
FRACTION_ROLE = int(Qt.ItemDataRole.UserRole) + 3
"""How much of a bar is full, from 0 to 1; ``None`` draws no bar."""

_Index = QModelIndex | QPersistentModelIndex
_ICON = 13
_MARGIN = 6
_BAR_HEIGHT = 6


class _CellDelegate(QStyledItemDelegate):
    """Draws the ground of the cell as the table would, and nothing else."""

    def _paint_ground(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        ground = QStyleOptionViewItem(option)
        self.initStyleOption(ground, index)
        ground.text = ""
        ground.features &= ~QStyleOptionViewItem.ViewItemFeature.HasDecoration
        style = ground.widget.style() if ground.widget is not None else QApplication.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, ground, painter, ground.widget)


def ground_of(tone: str, colors: Colors, *, is_selected: bool) -> str:
    """The colour behind the word of a pill; that of a list, where the row's own would have it vanish."""
    ground = str(getattr(colors, f"{tone}_soft", colors.line))
    return colors.base if is_selected and ground == colors.accent_soft else ground


class PillDelegate(_CellDelegate):
    """A rounded ground with an icon and a word: neither colour nor shape alone says how something stands."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        self._paint_ground(painter, option, index)
        text, tone = str(index.data() or ""), str(index.data(TONE_ROLE) or "muted")
        if not text:
            return
        colors = current_colors()
        color = QColor(getattr(colors, tone))
        ground = QColor(ground_of(tone, colors, is_selected=bool(option.state & QStyle.StateFlag.State_Selected)))
        metrics = option.fontMetrics
        height = min(option.rect.height() - 4, metrics.height() + 4)
        room = option.rect.width() - 2 * _MARGIN
        name = str(index.data(ICON_ROLE) or "")
        width = min(room, metrics.horizontalAdvance(text) + (_ICON + 20 if name else 15))
        pill = QRectF(option.rect.x() + _MARGIN, option.rect.y() + (option.rect.height() - height) / 2, width, height)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        painter.drawRoundedRect(pill, height / 2, height / 2)
        left = pill.x() + 7
        if name:
            device = painter.device()
            ratio = device.devicePixelRatioF() if device is not None else 1.0
            picture = icons.pixmap(name, color.name(), _ICON, ratio)
            painter.drawPixmap(int(left), int(pill.y() + (height - _ICON) / 2), picture)
            left += _ICON + 5
        painter.setPen(color)
        place = QRectF(left, pill.y(), pill.right() - left - 6, height)
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, int(place.width()) + 1)
        painter.drawText(place, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), shown)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        text = str(index.data() or "")
        size = option.fontMetrics.horizontalAdvance(text) + _ICON + 20 + 2 * _MARGIN
        return QSize(size, option.fontMetrics.height() + 8)


class BarDelegate(_CellDelegate):
    """A bar, and beside it what the cell says."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        self._paint_ground(painter, option, index)
        rect = option.rect.adjusted(_MARGIN + 2, 0, -_MARGIN, 0)
        fraction = index.data(FRACTION_ROLE)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if fraction is not None:
            bar = QRectF(rect.x(), rect.y() + (rect.height() - _BAR_HEIGHT) / 2, min(70, rect.width() / 2), _BAR_HEIGHT)
            colors = current_colors()
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colors.border))
            painter.setOpacity(0.5)
            painter.drawRoundedRect(bar, 3, 3)
            painter.setOpacity(1.0)
            painter.setBrush(QColor(getattr(colors, str(index.data(TONE_ROLE) or "accent"))))
            done = QRectF(bar)
            done.setWidth(bar.width() * min(1.0, max(0.0, float(fraction))))
            painter.drawRoundedRect(done, 3, 3)
            rect.setLeft(int(bar.right()) + 8)
        painter.setPen(option.palette.color(QPalette.ColorRole.Text))
        text = option.fontMetrics.elidedText(str(index.data() or ""), Qt.TextElideMode.ElideRight, rect.width())
        painter.drawText(rect, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), text)
        painter.restore()
