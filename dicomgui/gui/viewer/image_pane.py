"""The image of a viewer: window, frames, zoom and the values under the pointer. Not for diagnosis, which it says."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace

from PySide6.QtCore import QSignalBlocker, Qt, QTimer
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSlider, QStackedWidget, QVBoxLayout, QWidget

from dicomgui.app.viewing.image_facts import ImageError, ImageFacts, Window
from dicomgui.app.viewing.viewed import Viewed
from dicomgui.gui.look import icons
from dicomgui.gui.running.latest import Latest
from dicomgui.gui.viewer.image_canvas import NOT_FOR_DIAGNOSIS, ImageCanvas
from dicomgui.gui.viewer.image_work import Drawn, How, ImageWork, Wish, opened, pixel_text
from dicomgui.gui.widgets.buttons import Choice, push_button
from dicomgui.gui.widgets.cards import EmptyState
from dicomgui.gui.widgets.fields import line_edit, set_invalid
from dicomgui.gui.widgets.flow import FlowRow, together
from dicomgui.gui.widgets.text import ElidedLabel, PlainLabel, tooltip
from dicomgui.trace.finding import plain

__all__ = ["ImagePane"]

_AUTO, _FULL = -1, -2


class ImagePane(QWidget):
    """Opens the image when it is first seen.

    :param name: begins the object names.
    :param pool: threads to decode in.
    """

    def __init__(self, name: str, pool: Executor, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._viewed: Viewed | None = None
        self._work: ImageWork | None = None
        self._latest = Latest(pool, self._on_failed, self)
        self._wish = Wish()
        self.drawn: Drawn | None = None
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._on_tick)
        self._make_canvas()
        self._make_window_fields()
        self._make_frame_fields()
        self._place()
        self._add_keys()

    # ----------------------------------------------------------------------------------------------------------- making

    def _make_canvas(self) -> None:
        name = self._name
        self.canvas = ImageCanvas(f"{name}_canvas")
        self.canvas.window_dragged.connect(self._on_dragged)
        self.canvas.pixel_pointed.connect(self._on_pointed)
        self.canvas.frame_stepped.connect(lambda step: self.show_frame(self._wish.index + step))
        self.canvas.zoomed.connect(self._on_zoomed)
        self.nothing = EmptyState("look", "No image", "")
        self.pages = QStackedWidget()
        self.pages.setObjectName(f"{name}_pages")
        self.pages.addWidget(self.nothing)
        self.pages.addWidget(self.canvas)
        self.zoom_label = PlainLabel(tone="muted")
        self.zoom_label.setObjectName(f"{name}_zoom")
        self.fit_button = push_button(f"{name}_fit", "Fit", tip="Show all of it (0, or a double click)")
        self.real_button = push_button(f"{name}_real", "1:1", tip="One point a pixel (1)")
        self.in_button = push_button(f"{name}_in", "", "add", tip="Larger (+, or the wheel)")
        self.in_button.setAccessibleName("Zoom in")
        self.out_button = push_button(f"{name}_out", "", "remove", tip="Smaller (-, or the wheel)")
        self.out_button.setAccessibleName("Zoom out")
        self.fit_button.clicked.connect(self.canvas.fit)
        self.real_button.clicked.connect(lambda: self.canvas.set_zoom(1.0))
        self.in_button.clicked.connect(lambda: self.canvas.zoom_by(1))
        self.out_button.clicked.connect(lambda: self.canvas.zoom_by(-1))
        self.pixel = ElidedLabel(tone="muted")
        self.pixel.setObjectName(f"{name}_pixel")
        self.facts_label = ElidedLabel(tone="muted")
        self.facts_label.setObjectName(f"{name}_facts")
        self.remark = PlainLabel(NOT_FOR_DIAGNOSIS, tone="warning", bold=True)
        self.remark.setObjectName(f"{name}_not_for_diagnosis")

    def _make_window_fields(self) -> None:
        name = self._name
        self.presets = Choice(f"{name}_presets", "Window")
        self.presets.setToolTip("Windows of the data set, and those that fit the frame (A)")
        self.presets.setMinimumWidth(150)
        self.presets.activated.connect(self._on_preset_chosen)
        self.center = line_edit(f"{name}_center", "Window center", tip="Window center: the value that is middle grey")
        self.width_edit = line_edit(f"{name}_width", "Window width", tip="Window width: values from black to white")
        for field in (self.center, self.width_edit):
            field.setFixedWidth(86)
            field.returnPressed.connect(self._on_window_typed)
            field.editingFinished.connect(self._on_window_typed)
        self.invert_button = push_button(f"{name}_invert", "Invert", tip="White for black (I)")
        self.invert_button.setCheckable(True)
        self.invert_button.toggled.connect(self._on_inverted)
        self.overlay_button = push_button(f"{name}_overlays", "Overlays", tip="Graphics that are stored over it (O)")
        self.overlay_button.setCheckable(True)
        self.overlay_button.setChecked(True)
        self.overlay_button.toggled.connect(lambda on: self._want(replace(self._wish, has_overlays=on)))
        self.overlay_button.hide()

    def _make_frame_fields(self) -> None:
        name = self._name
        self.play_button = push_button(f"{name}_play", "", "play", tip="Play the frames, or stop (Space)")
        self.play_button.setAccessibleName("Play")
        self.play_button.setCheckable(True)
        self.play_button.toggled.connect(self._on_play_toggled)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setObjectName(f"{name}_slider")
        self.slider.setAccessibleName("Frame")
        self.slider.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.slider.valueChanged.connect(self._on_slider_moved)
        self.frame_label = PlainLabel(tone="muted")
        self.frame_label.setObjectName(f"{name}_frame")

    def _place(self) -> None:
        bar = FlowRow()
        for part in (
            together(PlainLabel("Window", tone="muted"), self.presets),
            together(PlainLabel("Center", tone="muted"), self.center),
            together(PlainLabel("Width", tone="muted"), self.width_edit),
            self.invert_button,
            self.overlay_button,
            together(self.fit_button, self.real_button, self.out_button, self.in_button, self.zoom_label),
        ):
            bar.add(part)
        self._frames = QWidget()
        frames = QHBoxLayout(self._frames)
        frames.setContentsMargins(0, 0, 0, 0)
        frames.setSpacing(10)
        frames.addWidget(self.play_button)
        frames.addWidget(self.slider, 1)
        frames.addWidget(self.frame_label)
        below = QHBoxLayout()
        below.setSpacing(12)
        below.addWidget(self.remark)
        below.addWidget(self.pixel, 3)
        below.addWidget(self.facts_label, 4)
        self.facts_label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(bar)
        column.addWidget(self.pages, 1)
        column.addWidget(self._frames)
        column.addLayout(below)
        self._frames.hide()

    def _add_keys(self) -> None:
        keys: tuple[tuple[str, Callable[[], object]], ...] = (
            ("A", lambda: self._want(replace(self._wish, how=How.AUTO))), ("I", self.invert_button.toggle),
            ("O", self.overlay_button.toggle), ("Space", self.play_button.toggle),
        )  # fmt: skip
        for key, slot in keys:
            shortcut = QShortcut(QKeySequence(key), self.canvas, context=Qt.ShortcutContext.WidgetShortcut)
            shortcut.activated.connect(slot)

    # ---------------------------------------------------------------------------------------------------------- showing

    @property
    def is_busy(self) -> bool:
        """Whether a frame is being decoded or drawn."""
        return self._latest.is_busy

    @property
    def facts(self) -> ImageFacts | None:
        """What holds for all frames, once the image is open."""
        return self._work.facts if self._work is not None else None

    def show_viewed(self, viewed: Viewed) -> None:
        """Open the image of a data set, in a thread."""
        self._viewed = viewed
        self._say_nothing("Opening …", "")
        self._latest.ask(lambda: opened(viewed), self._on_opened)

    def stop(self) -> None:
        """Want nothing any more."""
        self._timer.stop()
        self._latest.forget()

    def show_frame(self, index: int) -> None:
        """Go to a frame, from 0 on; beyond the last one it is the last."""
        if self._work is not None:
            index = max(0, min(self._work.facts.frames - 1, index))
            if index != self._wish.index:
                self._want(replace(self._wish, index=index))

    def _on_opened(self, result: tuple[ImageWork, Drawn | ImageError] | ImageError) -> None:
        if isinstance(result, ImageError):
            self._say_nothing("No image", str(result))
            return
        self._work, drawn = result
        facts = self._work.facts
        self._frames.setVisible(facts.frames > 1)
        overlays = self._work.overlays
        self.overlay_button.setVisible(bool(overlays))
        if overlays:
            names = plain(", ".join(one.label for one in overlays), 300)
            self.overlay_button.setToolTip(tooltip(f"Graphics that are stored over it (O): {names}"))
        with QSignalBlocker(self.slider):
            self.slider.setRange(0, facts.frames - 1)
            self.slider.setPageStep(max(1, facts.frames // 10))
        self._show(drawn)

    def _enable(self, is_there: bool) -> None:
        """What changes a picture needs one."""
        facts = self.facts
        for widget in (self.presets, self.center, self.width_edit):
            widget.setEnabled(is_there and facts is not None and not facts.is_color)
        for button in (self.invert_button, self.fit_button, self.real_button, self.in_button, self.out_button):
            button.setEnabled(is_there)

    def _say_nothing(self, title: str, text: str) -> None:
        self._enable(False)
        self.nothing.set_text(title, plain(text, 600))
        self.pages.setCurrentIndex(0)

    def _want(self, wish: Wish) -> None:
        work = self._work
        if work is not None:
            self._wish = wish
            self._show_place()
            self._latest.ask(lambda: work.draw(wish), self._show)

    def _show(self, result: Drawn | ImageError) -> None:
        if isinstance(result, ImageError):
            self.play_button.setChecked(False)
            if self.drawn is None:  # else another frame may be sound
                self._frames.hide()
            self._say_nothing("This image cannot be shown", str(result))
            self._show_place()
            return
        self.drawn = result
        assert self._work is not None
        self.canvas.show_image(result.image, self._work.facts.aspect)
        self.canvas.setAccessibleDescription(f"{result.frame.columns} by {result.frame.rows} pixels")
        self.pages.setCurrentIndex(1)
        self._enable(True)
        self._show_window(result)
        self._show_place()
        self._show_facts(result)

    def _show_window(self, drawn: Drawn) -> None:
        facts = self.facts
        assert facts is not None
        with QSignalBlocker(self.presets):
            self.presets.clear()
            for number, window in enumerate(drawn.meaning.windows):
                self.presets.addItem(plain(window.name), number)
            self.presets.addItem("Automatic", _AUTO)
            self.presets.addItem("Full range", _FULL)
            self.presets.setCurrentIndex(self.presets.findData(_row_of(drawn)))
            if drawn.wish.how is How.TYPED:
                self.presets.setPlaceholderText("as typed")
                self.presets.setCurrentIndex(-1)
        for field, value in ((self.center, drawn.window.center), (self.width_edit, drawn.window.width)):
            if not field.hasFocus() or not field.isModified():
                field.setText("" if facts.is_color else f"{value:.6g}")
                set_invalid(field, False)

    def _show_place(self) -> None:
        facts = self.facts
        if facts is not None:
            with QSignalBlocker(self.slider):
                self.slider.setValue(self._wish.index)
            self.frame_label.setText(f"{self._wish.index + 1:,} of {facts.frames:,}")

    def _show_facts(self, drawn: Drawn) -> None:
        facts = self.facts
        assert facts is not None
        sign = "signed" if facts.is_signed else "unsigned"
        parts = [f"{facts.columns:,} × {facts.rows:,}", f"{facts.stored} of {facts.allocated} bits", sign]
        parts.append(facts.photometric)
        parts += [f"shape {facts.lut_shape}"] if facts.lut_shape == "INVERSE" else []
        parts += [facts.spacing] if facts.spacing else []
        text = " · ".join(parts)
        self.facts_label.set_tone("warning" if drawn.frame.note else "muted")
        self.facts_label.setText(plain(drawn.frame.note or text, 300))

    def _on_zoomed(self, zoom: float) -> None:
        self.zoom_label.setText(f"{zoom:.0%}")

    def _on_failed(self, text: str) -> None:
        self._say_nothing("This image cannot be shown", text)

    # ---------------------------------------------------------------------------------------------------------- changes

    def _on_preset_chosen(self) -> None:
        data = int(self.presets.currentData())
        how = {_AUTO: How.AUTO, _FULL: How.FULL}.get(data, How.PRESET)
        self._want(replace(self._wish, how=how, preset=max(0, data)))

    def _on_window_typed(self) -> None:
        numbers = [_number_of(field) for field in (self.center, self.width_edit)]
        set_invalid(self.center, numbers[0] is None)
        set_invalid(self.width_edit, numbers[1] is None or numbers[1] <= 0)
        center, width = numbers
        if center is None or width is None or width <= 0 or self.drawn is None:
            return
        self.center.setModified(False)
        self.width_edit.setModified(False)
        now = self.drawn.window
        if (f"{now.center:.6g}", f"{now.width:.6g}") != (f"{center:.6g}", f"{width:.6g}"):
            self._type(Window("", center, width, now.function))  # and no table any more

    def _type(self, window: Window) -> None:
        self._want(replace(self._wish, how=How.TYPED, window=window))

    def _on_dragged(self, right: int, down: int) -> None:
        """To the right is wider, down is darker, as viewers have it; the wider the window, the larger the steps."""
        if self.drawn is None or self._work is None or self._work.facts.is_color:
            return
        is_typed = self._wish.how is How.TYPED
        now = self._wish.window if is_typed else self.drawn.window
        step = max(now.width, 1e-6) / 256
        width = max(now.width + right * step * 1.5, min(1.0, now.width))
        self._type(replace(now, name="", center=now.center + down * step, width=width, table=None))

    def _on_inverted(self, on: bool) -> None:
        self._want(replace(self._wish, is_inverted=on))

    def _on_slider_moved(self, value: int) -> None:
        self.show_frame(value)

    def _on_play_toggled(self, on: bool) -> None:
        self.play_button.setIcon(icons.icon("stop" if on else "play"))
        self.play_button.setAccessibleName("Stop" if on else "Play")
        facts = self.facts
        if on and facts is not None and facts.frames > 1:
            self._timer.start(max(20, min(2000, round(facts.frame_ms))))
        else:
            self._timer.stop()

    def _on_tick(self) -> None:
        """The next frame, unless the last one is not there yet: then it is shown for longer."""
        facts = self.facts
        if facts is not None and not self._latest.is_busy:
            self._want(replace(self._wish, index=(self._wish.index + 1) % facts.frames))

    def _on_pointed(self, column: int, row: int) -> None:
        facts = self.facts
        if self.drawn is None or facts is None or column < 0:
            self.pixel.setText("")
        else:
            self.pixel.setText(pixel_text(self.drawn, facts, column, row))


def _row_of(drawn: Drawn) -> int:
    """Which entry of the presets a window is."""
    if drawn.wish.how is How.FULL:
        return _FULL
    is_own = drawn.wish.how is How.PRESET and drawn.wish.preset < len(drawn.meaning.windows)
    return drawn.wish.preset if is_own else _AUTO


def _number_of(field: QLineEdit) -> float | None:
    try:
        number = float(field.text().strip().replace(",", "."))
    except ValueError:
        return None
    return number if abs(number) < 1e12 else None
