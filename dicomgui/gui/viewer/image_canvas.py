"""A picture to be zoomed and shifted; dragging on it changes the window."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from dicomgui.app.viewing.image_render import Picture
from dicomgui.gui.look.theme import current_colors

__all__ = ["NOT_FOR_DIAGNOSIS", "ImageCanvas", "image_of"]

NOT_FOR_DIAGNOSIS = "Not for diagnosis"
MAX_ZOOM = 64.0
_GROUND = "#101214"  # dark in both schemes: what is beside a picture must not dazzle
_STEP = 1.25


def image_of(picture: Picture) -> QImage:
    """The picture as Qt's; it has the bytes for itself."""
    form = QImage.Format.Format_RGB888 if picture.is_color else QImage.Format.Format_Grayscale8
    per_line = picture.columns * (3 if picture.is_color else 1)
    return QImage(picture.data, picture.columns, picture.rows, per_line, form).copy()


class ImageCanvas(QWidget):
    """Fits the picture in until the user zooms."""

    window_dragged = Signal(int, int)
    """The user drags with the left button: so many points to the right, and down, since the last time."""

    pixel_pointed = Signal(int, int)
    """The pointer is over this column and row, or beside the picture: -1."""

    frame_stepped = Signal(int)
    """The user wants so many frames forward."""

    zoomed = Signal(float)
    """So many points is a pixel wide now."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName("Image")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(220, 160)
        self._image: QImage | None = None
        self._zoom = 1.0
        self._aspect = 1.0
        self._center = QPointF()
        self._is_fitted = True
        self._last = QPoint()

    def sizeHint(self) -> QSize:
        return QSize(640, 520)

    # ---------------------------------------------------------------------------------------------------------- showing

    @property
    def image(self) -> QImage | None:
        """What is shown."""
        return self._image

    @property
    def zoom(self) -> float:
        """Points a pixel."""
        return self._zoom

    @property
    def aspect(self) -> float:
        """How many times as high as wide a pixel is drawn."""
        return self._aspect

    @property
    def is_fitted(self) -> bool:
        """Whether the picture follows the size of the widget."""
        return self._is_fitted

    def show_image(self, image: QImage | None, aspect: float = 1.0) -> None:
        """Show another picture; one of the same size at the same place.

        :param aspect: how many times as high as wide a pixel is.
        """
        before = (self._image.size(), self._aspect) if self._image is not None else None
        self._image, self._aspect = image, aspect
        if image is not None and (image.size(), aspect) != before:
            self.fit()
        self.update()

    def fit(self) -> None:
        """Show all of it."""
        self._is_fitted = True
        if self._image is None or self._image.isNull():
            return
        size = self._image.size()
        wanted = min(self.width() / size.width(), self.height() / (size.height() * self._aspect))
        self._center = QPointF(size.width() / 2, size.height() / 2)
        self._set_zoom(max(wanted, 1e-3))

    def set_zoom(self, zoom: float, at: QPointF | None = None) -> None:
        """Zoom to so many points a pixel; what is under ``at`` stays there, by default the middle."""
        if self._image is None:
            return
        place = at if at is not None else QPointF(self.width() / 2, self.height() / 2)
        pixel = self._pixel(place)
        self._is_fitted = False
        self._set_zoom(max(min(zoom, MAX_ZOOM), 0.02))
        moved = self._pixel(place)
        self._center += pixel - moved
        self._bound()

    def zoom_by(self, steps: float, at: QPointF | None = None) -> None:
        """Zoom in by so many steps, or out."""
        self.set_zoom(self._zoom * _STEP**steps, at)

    def _set_zoom(self, zoom: float) -> None:
        self._zoom = zoom
        self.update()
        self.zoomed.emit(zoom)

    def _bound(self) -> None:
        """The middle of the view stays within the picture."""
        assert self._image is not None
        x = min(max(self._center.x(), 0.0), float(self._image.width()))
        y = min(max(self._center.y(), 0.0), float(self._image.height()))
        self._center = QPointF(x, y)
        self.update()

    def _pixel(self, place: QPointF) -> QPointF:
        """The point of the picture under a point of the widget."""
        return QPointF(
            self._center.x() + (place.x() - self.width() / 2) / self._zoom,
            self._center.y() + (place.y() - self.height() / 2) / (self._zoom * self._aspect),
        )

    # ----------------------------------------------------------------------------------------------------------- events

    def resizeEvent(self, event: QResizeEvent) -> None:
        if self._is_fitted:
            self.fit()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(_GROUND))
        if self._image is not None:
            across, down = self._zoom, self._zoom * self._aspect
            width, height = self._image.width() * across, self._image.height() * down
            left = self.width() / 2 - self._center.x() * across
            top = self.height() / 2 - self._center.y() * down
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self._zoom < 3)
            painter.drawImage(QRectF(left, top, width, height), self._image)
            self._paint_remark(painter)
        if self.hasFocus():
            painter.setPen(QPen(QColor(current_colors().accent), 2))
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))
        painter.end()

    def _paint_remark(self, painter: QPainter) -> None:
        text = NOT_FOR_DIAGNOSIS
        area = painter.fontMetrics().boundingRect(text).adjusted(-8, -4, 8, 4)
        area.moveTo(8, 8)
        painter.fillRect(area, QColor(0, 0, 0, 170))
        painter.setPen(QColor("#f0c050"))
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter, text)

    def wheelEvent(self, event: QWheelEvent) -> None:
        steps = event.angleDelta().y() / 120
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            across = event.angleDelta().x() / 120  # Qt turns it with Shift on some platforms
            self.frame_stepped.emit(-round(steps or across))
        elif steps:
            self.zoom_by(steps, event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._last = event.position().toPoint()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        place = event.position()
        moved = place.toPoint() - self._last
        self._last = place.toPoint()
        is_shift = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if event.buttons() & Qt.MouseButton.LeftButton and not is_shift:
            self.window_dragged.emit(moved.x(), moved.y())
        elif event.buttons() != Qt.MouseButton.NoButton and self._image is not None:
            self._is_fitted = False
            self._center -= QPointF(moved.x() / self._zoom, moved.y() / (self._zoom * self._aspect))
            self._bound()
        self._point(place)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.fit()

    def leaveEvent(self, event: object) -> None:
        self.pixel_pointed.emit(-1, -1)

    def _point(self, place: QPointF) -> None:
        pixel = self._pixel(place)
        image = self._image
        if image is not None and 0 <= pixel.x() < image.width() and 0 <= pixel.y() < image.height():
            self.pixel_pointed.emit(int(pixel.x()), int(pixel.y()))
        else:
            self.pixel_pointed.emit(-1, -1)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        frames = {
            Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_PageUp: -10, Qt.Key.Key_PageDown: 10,
            Qt.Key.Key_Home: -(10**9), Qt.Key.Key_End: 10**9,
        }  # fmt: skip
        drags = {Qt.Key.Key_Left: (-8, 0), Qt.Key.Key_Right: (8, 0), Qt.Key.Key_Up: (0, -8), Qt.Key.Key_Down: (0, 8)}
        is_shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if is_shift and Qt.Key(key) in drags:
            self.window_dragged.emit(*drags[Qt.Key(key)])
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom_by(1)
        elif key == Qt.Key.Key_Minus:
            self.zoom_by(-1)
        elif key == Qt.Key.Key_0:
            self.fit()
        elif key == Qt.Key.Key_1:
            self.set_zoom(1.0)
        elif Qt.Key(key) in frames:
            self.frame_stepped.emit(frames[Qt.Key(key)])
        else:
            super().keyPressEvent(event)
