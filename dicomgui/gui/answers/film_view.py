"""A film that was printed, as large as there is room."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from dicomgui.app.listening.print_pages import Picture
from dicomgui.gui.look.theme import current_colors

__all__ = ["FilmView", "image_of"]


def image_of(picture: Picture) -> QImage:
    """The picture for Qt; may be made in any thread."""
    kind = QImage.Format.Format_RGB888 if picture.samples == 3 else QImage.Format.Format_Grayscale8
    image = QImage(picture.data, picture.width, picture.height, picture.width * picture.samples, kind)
    return image.copy()  # it shares the bytes with nobody


class FilmView(QWidget):
    """Shows one picture, scaled to fit, or nothing."""

    double_clicked = Signal()
    """The user wants more of it."""

    def __init__(self, name: str, accessible: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName(accessible)
        self.setMinimumSize(160, 160)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.image: QImage | None = None
        self._scaled: QImage | None = None

    def show_image(self, image: QImage | None) -> None:
        """Show another picture."""
        self.image, self._scaled = image, None
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(360, 420)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self.double_clicked.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self.image is None:
            return
        ratio = self.devicePixelRatioF()
        wanted = self.image.size().scaled(
            QSize(int((self.width() - 2) * ratio), int((self.height() - 2) * ratio)), Qt.AspectRatioMode.KeepAspectRatio
        )
        if self._scaled is None or self._scaled.size() != wanted:
            self._scaled = self.image.scaled(
                wanted, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
            )
        width, height = wanted.width() / ratio, wanted.height() / ratio
        place = QRectF((self.width() - width) / 2, (self.height() - height) / 2, width, height)
        painter.drawImage(place, self._scaled)
        painter.setPen(QColor(current_colors().border))
        painter.drawRect(place)
