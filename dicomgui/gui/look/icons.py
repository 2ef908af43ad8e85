"""Line icons, drawn in the colour of the text around them, so that they fit the light and the dark scheme."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QIconEngine, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

from dicomgui.app.assets import resource

__all__ = ["app_icon", "icon", "pixmap", "toned"]

# Shapes on a grid of 24 by 24, stroked with 2 units.
_SHAPES = {
    "echo": '<path d="M3 12h4l3-7 4 14 3-7h4"/>',
    "send": '<path d="M4 15v4h16v-4M12 15V4M7 9l5-5 5 5"/>',
    "query": '<circle cx="11" cy="11" r="6.500"/><path d="M16 16l5 5"/>',
    "worklist": '<rect x="5" y="4" width="14" height="17" rx="1.500"/>'
    '<path d="M9 4V2.500h6V4M8.500 10l1.200 1.200 2-2.200M14 10.500h2M8.500 15.500l1.200 1.200 2-2.200M14 16h2"/>',
    "step": '<path d="M4 12h5l3-6v12l3-6h5"/>',
    "columns": '<rect x="4" y="4" width="16" height="16" rx="1.500"/><path d="M9.500 4v16M15 4v16"/>',
    "nservices": '<path d="M9 4H7a2 2 0 0 0-2 2v3a2 2 0 0 1-2 2 2 2 0 0 1 2 2v5a2 2 0 0 0 2 2h2M15 4h2a2 2 0 0 1 2 2v3'
    'a2 2 0 0 0 2 2 2 2 0 0 0-2 2v5a2 2 0 0 1-2 2h-2"/><path d="M9 15.500v-7l6 7v-7"/>',
    "listener": '<path d="M4 15v4h16v-4M12 4v11M7 10l5 5 5-5"/>',
    "practice": '<path d="M12 4L2 9l10 5 10-5zM6 11.500V16c0 1.500 3 3 6 3s6-1.500 6-3v-4.500M22 9v6"/>',
    "archive": '<path d="M3 4h18v5H3zM5 9v11h14V9M10 13h4"/>',
    "home": '<path d="M4 11l8-7 8 7M6 10v10h12V10M10 20v-6h4v6"/>',
    "look": '<path d="M3 12s3-6.500 9-6.500 9 6.500 9 6.500-3 6.500-9 6.500S3 12 3 12z"/>'
    '<circle cx="12" cy="12" r="2.800"/>',
    "trace": '<path d="M4 6h4M11 6h9M4 12h4M11 12h9M4 18h4M11 18h6"/>',
    "nodes": '<rect x="4" y="4" width="16" height="6" rx="1.500"/><rect x="4" y="14" width="16" height="6" rx="1.500"/>'
    '<path d="M8 7v.1M8 17v.1"/>',
    "settings": '<path d="M4 7h10M18 7h2M4 17h2M10 17h10"/><circle cx="16" cy="7" r="2"/>'
    '<circle cx="8" cy="17" r="2"/>',
    "jobs": '<path d="M4 19V9h4v10M10 19V4h4v15M16 19v-7h4v7M3 20h18"/>',
    "add": '<path d="M12 5v14M5 12h14"/>',
    "edit": '<path d="M4 20l1-5L16 4l4 4L9 19zM14 6l4 4"/>',
    "paste": '<path d="M8 5H5v16h14V5h-3M8 3h8v4H8zM9 12h6M9 16h6"/>',
    "undo": '<path d="M9 14L4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3"/>',
    "lock": '<rect x="5" y="11" width="14" height="9" rx="2"/><path d="M8 11V7a4 4 0 0 1 8 0v4"/>',
    "question": '<circle cx="12" cy="12" r="9"/>'
    '<path d="M9.500 9.500a2.500 2.500 0 1 1 3.500 2.300c-.7.3-1 .8-1 1.700M12 16.800v.1"/>',
    "help": '<path d="M12 6.500C9.500 4.500 6.500 4 3.500 4.500v14c3-.500 6 0 8.500 2 2.500-2 5.500-2.500 8.500-2v-14'
    'c-3-.500-6 0-8.500 2zM12 6.500v14"/>',
    "back": '<path d="M19 12H5M11 6l-6 6 6 6"/>',
    "forward": '<path d="M5 12h14M13 6l6 6-6 6"/>',
    "busy": '<circle cx="12" cy="12" r="9"/><path d="M12 7v5l3 2"/>',
    "right": '<path d="M9 6l6 6-6 6"/>',
    "play": '<path d="M7 4l13 8-13 8z"/>',
    "stop": '<rect x="5" y="5" width="14" height="14" rx="2"/>',
    "cancel": '<path d="M6 6l12 12M18 6L6 18"/>',
    "file": '<path d="M6 3h8l5 5v13H6zM14 3v5h5"/>',
    "folder": '<path d="M3 6h6l2 3h10v11H3z"/>',
    "remove": '<path d="M5 12h14"/>',
    "clear": '<path d="M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13"/>',
    "save": '<path d="M4 4h13l3 3v13H4zM8 4v5h8V4M8 20v-7h8v7"/>',
    "good": '<path d="M4 13l5 5L20 6"/>',
    "error": '<circle cx="12" cy="12" r="9"/><path d="M9 9l6 6M15 9l-6 6"/>',
    "warning": '<path d="M12 4l9 16H3zM12 10v5M12 17.500v.5"/>',
    "note": '<circle cx="12" cy="12" r="9"/><path d="M12 11v6M12 7.500v.5"/>',
    "follow": '<path d="M12 4v13M6 12l6 6 6-6M5 21h14"/>',
    "copy": '<path d="M8 8h12v12H8zM16 8V4H4v12h4"/>',
    "down": '<path d="M6 9l6 6 6-6"/>',
    "bookmark": '<path d="M6 4h12v16l-6-5-6 5z"/>',
    "comment": '<path d="M4 5h16v11h-9l-5 4v-4H4z"/>',
    "filter": '<path d="M3 5h18l-7 8v6l-4 2v-8z"/>',
    "star": '<path d="M12 3l2.800 5.900 6.200.800-4.500 4.400 1.100 6.400-5.600-3.100-5.600 3.100 1.100-6.400'
    'L3 9.700l6.200-.800z"/>',
    "text": '<path d="M5 7V4h14v3M12 4v16M9 20h6"/>',
    "up": '<path d="M6 15l6-6 6 6"/>',
}


@lru_cache(maxsize=256)
def pixmap(name: str, color: str, size: int, ratio: float = 1.0) -> QPixmap:
    """One icon as a picture, ``size`` points wide."""
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke-width="2" '
        f'stroke-linecap="round" stroke-linejoin="round" stroke="{color}">{_SHAPES[name]}</svg>'
    )
    picture = QPixmap(round(size * ratio), round(size * ratio))
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    QSvgRenderer(QByteArray(svg.encode())).render(painter, QRectF(picture.rect()))
    painter.end()
    picture.setDevicePixelRatio(ratio)
    return picture


class _LineIcon(QIconEngine):
    """Paints itself in a colour of the palette that is on at that moment."""

    def __init__(self, name: str, role: QPalette.ColorRole) -> None:
        super().__init__()
        self._name = name
        self._role = role

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        device = painter.device()
        ratio = device.devicePixelRatioF() if device is not None else 1.0
        size = min(rect.width(), rect.height())
        picture = pixmap(self._name, self._color(mode, state).name(), size, ratio)
        painter.drawPixmap(rect.x() + (rect.width() - size) // 2, rect.y() + (rect.height() - size) // 2, picture)

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        return pixmap(self._name, self._color(mode, state).name(), min(size.width(), size.height()))

    def clone(self) -> QIconEngine:
        return _LineIcon(self._name, self._role)

    def _color(self, mode: QIcon.Mode, state: QIcon.State) -> QColor:
        palette = QApplication.palette()
        if mode is QIcon.Mode.Disabled:
            return palette.color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.ButtonText)
        if state is QIcon.State.On:
            return palette.color(QPalette.ColorRole.Highlight)
        return palette.color(self._role)


def icon(name: str, role: QPalette.ColorRole = QPalette.ColorRole.ButtonText) -> QIcon:
    """The icon of that name; what is checkable shows it in the accent colour when checked."""
    return QIcon(_LineIcon(name, role))


@lru_cache(maxsize=64)
def toned(name: str, color: str, size: int) -> QIcon:
    """An icon for a row of a list, whose colour says something: it stays the same where the row is selected."""
    made = QIcon()
    for ratio in (1.0, 2.0, 3.0):
        for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected):
            made.addPixmap(pixmap(name, color, size, ratio), mode)
    return made


def app_icon() -> QIcon:
    """The program's own icon."""
    return QIcon(str(resource("icons/dicomgui.svg")))
