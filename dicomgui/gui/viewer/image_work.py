"""What the image of a viewer does in threads: decode a frame, find its window, make it visible."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from PySide6.QtGui import QColor, QImage, QPainter

from dicomgui.app.viewing.image_facts import FrameMeaning, ImageError, ImageFacts, Window, read_facts, read_meaning
from dicomgui.app.viewing.image_frames import Frame, FrameReader
from dicomgui.app.viewing.image_overlays import Plane, plane_of, read_overlays
from dicomgui.app.viewing.image_render import auto_window, full_window, render, value_at
from dicomgui.app.viewing.viewed import Viewed
from dicomgui.gui.viewer.image_canvas import image_of
from dicomgui.trace.finding import plain

__all__ = ["Drawn", "How", "ImageWork", "Wish", "opened", "pixel_text"]


_ANY: Final = Window("", 128, 256)
_COLORS: Final = ("#ffd23f", "#4fd1ff", "#ff7ab8", "#8ee26b")
"""Of overlays, in turn: to be seen on grey of any shade."""


class How(Enum):
    """Where a window comes from."""

    PRESET = "preset"
    AUTO = "auto"
    FULL = "full"
    TYPED = "typed"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be seen.

    :ivar preset: which one of the frame's, for :attr:`How.PRESET`; where it has none, the automatic window is taken.
    :ivar window: for :attr:`How.TYPED`.
    """

    index: int = 0
    how: How = How.PRESET
    preset: int = 0
    window: Window = _ANY
    is_inverted: bool = False
    has_overlays: bool = True


@dataclass(frozen=True, slots=True)
class Drawn:
    """What came of it.

    :ivar image: made in the thread, too: to copy the pixels of a large one takes longer than the window has.
    """

    wish: Wish
    frame: Frame
    meaning: FrameMeaning
    window: Window
    image: QImage


class ImageWork:
    """One image. Its methods block: for threads.

    :ivar overlays: graphics that are stored over it.
    """

    def __init__(self, viewed: Viewed, facts: ImageFacts) -> None:
        self._viewed = viewed
        self.facts = facts
        self.overlays = read_overlays(viewed)
        self._reader = FrameReader(viewed, facts)

    def draw(self, wish: Wish) -> Drawn | ImageError:
        """Decode and draw; a failure is a result, since there is nothing to be done about it."""
        try:
            frame = self._reader.frame(wish.index)
            meaning = read_meaning(self._viewed, wish.index)
            window = self._window(wish, frame, meaning)
            picture = render(frame, self.facts, meaning.modality, window, is_inverted=wish.is_inverted)
        except ImageError as error:
            return error
        image = image_of(picture)
        if wish.has_overlays and self.overlays:
            image = _drawn_over(image, self._planes(frame, wish.index))
        return Drawn(wish, frame, meaning, window, image)

    def _planes(self, frame: Frame, index: int) -> list[Plane]:
        found = (plane_of(self._viewed, self.facts, overlay, frame, index) for overlay in self.overlays)
        return [plane for plane in found if plane is not None]

    def _window(self, wish: Wish, frame: Frame, meaning: FrameMeaning) -> Window:
        if self.facts.is_color:
            return wish.window
        if wish.how is How.PRESET and wish.preset < len(meaning.windows):
            return meaning.windows[wish.preset]
        if wish.how is How.TYPED:
            return replace(wish.window, width=max(wish.window.width, 1e-6))
        find = full_window if wish.how is How.FULL else auto_window
        return find(frame, self.facts, meaning.modality)


def _drawn_over(image: QImage, planes: list[Plane]) -> QImage:
    """The picture with the graphics over it, each in a colour of its own."""
    if not planes:
        return image
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    painter = QPainter(image)
    for number, plane in enumerate(planes):
        overlay = plane.overlay
        mask = QImage(plane.data, overlay.columns, overlay.rows, overlay.columns, QImage.Format.Format_Indexed8)
        mask.setColorTable([0, QColor(_COLORS[number % len(_COLORS)]).rgba()])
        painter.drawImage(overlay.column, overlay.row, mask)
    painter.end()
    return image


def opened(viewed: Viewed) -> tuple[ImageWork, Drawn | ImageError] | ImageError:
    """An image with its first frame; why there is none. Blocks."""
    try:
        work = ImageWork(viewed, read_facts(viewed))
    except ImageError as error:
        return error
    return work, work.draw(Wish())


def pixel_text(drawn: Drawn, facts: ImageFacts, column: int, row: int) -> str:
    """What a pixel holds, stored and as it is meant."""
    stored = value_at(drawn.frame, facts, column, row)
    place = f"column {column:,}, row {row:,}"
    if len(stored) == 3:
        names = ("Y", "Cb", "Cr") if drawn.frame.photometric in ("YBR_FULL", "YBR_PARTIAL") else "RGB"
        return f"{place} · " + "  ".join(f"{name} {_number(value)}" for name, value in zip(names, stored, strict=True))
    text = f"{place} · stored {_number(stored[0])}"
    modality = drawn.meaning.modality
    if facts.is_color:
        return text
    if not modality.is_identity or modality.unit:
        text += f" · {_number(modality.value_of(stored[0]))} {modality.unit}".rstrip()
    return plain(text + (" · padding" if stored[0] == facts.padding else ""), 200)


def _number(value: float) -> str:
    return f"{value:.6g}" if value != int(value) else f"{int(value):,}"
