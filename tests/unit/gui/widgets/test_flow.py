"""Rows that go on in the next line, and halves that go below each other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from dicomgui.gui.widgets.flow import FlowRow, Halves

Shown = Callable[[int, FlowRow], None]


def part(width: int, height: int = 20) -> QWidget:
    widget = QWidget()
    widget.setMinimumSize(width, height)
    return widget


@pytest.fixture
def shown(qtbot: QtBot) -> Shown:
    """Shows a row in a widget of some width; again for another width."""
    window = QWidget()
    window.resize(500, 300)
    qtbot.addWidget(window)
    holder = QWidget(window)
    column = QVBoxLayout(holder)
    column.setContentsMargins(0, 0, 0, 0)

    def show(width: int, row: FlowRow) -> None:
        if not column.count():
            column.addLayout(row)
            column.addStretch(1)
        holder.resize(width, 200)
        window.show()
        column.activate()

    return show


def places(*widgets: QWidget) -> list[tuple[int, int]]:
    return [(widget.x(), widget.y()) for widget in widgets]


def test_what_fits_stands_in_one_line_and_what_stretches_takes_the_rest(shown: Shown) -> None:
    flow = FlowRow(10)
    first, middle, last = part(50), part(60), part(40)
    flow.add(first)
    flow.add(middle, 1)
    flow.add(last)
    shown(300, flow)
    assert places(first, middle, last) == [(0, 0), (60, 0), (260, 0)]
    assert middle.width() == 190


def test_what_does_not_fit_goes_into_the_next_line(shown: Shown) -> None:
    flow = FlowRow(10)
    widgets = [part(50) for _ in range(3)]
    for widget in widgets:
        flow.add(widget)
    shown(130, flow)
    assert places(*widgets) == [(0, 0), (60, 0), (0, 28)]
    assert flow.minimumSize().width() == 50
    assert [flow.heightForWidth(width) for width in (170, 169, 109)] == [20, 48, 76]


def test_the_rest_stands_at_the_right_only_beside_something(shown: Shown) -> None:
    flow = FlowRow(10)
    first, last = part(50), part(60)
    flow.add(first)
    flow.add_stretch()
    flow.add(last)
    shown(200, flow)
    assert places(first, last) == [(0, 0), (140, 0)]
    shown(100, flow)
    assert places(first, last) == [(0, 0), (0, 28)]


def test_what_stands_at_the_right_goes_into_the_next_line_together(shown: Shown) -> None:
    flow = FlowRow(10)
    first, middle, last = part(50), part(40), part(60)
    flow.add(first)
    flow.add_stretch()
    flow.add(middle)
    flow.add(last)
    shown(180, flow)
    assert places(first, middle, last) == [(0, 0), (70, 0), (120, 0)]
    shown(179, flow)
    assert places(first, middle, last) == [(0, 0), (0, 28), (50, 28)]
    shown(100, flow)
    assert places(first, middle, last) == [(0, 0), (0, 28), (0, 56)]


def test_a_wish_for_room_is_kept_and_what_is_hidden_has_none(shown: Shown) -> None:
    flow = FlowRow(10)
    first, text, hidden, last = part(50), part(10), part(90), part(60)
    flow.add(first)
    flow.add(text, 1, width=100)
    flow.add(hidden)
    flow.add(last)
    hidden.hide()
    shown(200, flow)
    assert places(first, text, last) == [(0, 0), (60, 0), (0, 28)]
    assert text.width() == 140


def test_a_widget_is_taken_out_like_of_any_layout(shown: Shown) -> None:
    flow = FlowRow(10)
    first, last = part(50), part(60)
    flow.add(first)
    flow.add_stretch()
    flow.add(last)
    shown(200, flow)
    assert flow.count() == 2
    flow.removeWidget(first)
    assert flow.count() == 1
    item = flow.itemAt(0)
    assert item is not None
    assert item.widget() is last
    assert flow.itemAt(1) is None


def test_it_holds_where_items_of_other_layouts_lay_before(qtbot: QtBot) -> None:
    """Python knows an item that Qt has deleted by its address, which one of the next items gets."""
    for _ in range(20):
        old, holder, flow = QWidget(), QWidget(), FlowRow(10)
        qtbot.addWidget(holder)
        labels = _rows_of_labels(old)
        for label in labels:
            label.setParent(None)
            shiboken6.delete(label)
        QVBoxLayout(holder).addLayout(flow)
        for number in range(50):
            flow.add(QLabel(str(number)))
        shiboken6.delete(old)
        items = [flow.itemAt(number) for number in range(flow.count())]
        assert len([item for item in items if item is not None and item.widget() is not None]) == 50


def _rows_of_labels(holder: QWidget) -> list[QLabel]:
    column, labels = QVBoxLayout(holder), [QLabel(str(number)) for number in range(50)]
    for label in labels:
        row = QHBoxLayout()
        row.addWidget(label)
        column.addLayout(row)
    return labels


def test_halves_stand_below_each_other_where_it_is_narrow(qtbot: QtBot) -> None:
    window = QWidget()
    window.resize(500, 300)
    qtbot.addWidget(window)
    halves = Halves("halves", 400, window)
    for text in ("one", "two"):
        halves.addWidget(QLabel(text))
    halves.resize(401, 100)
    window.show()
    assert halves.orientation() is Qt.Orientation.Horizontal
    halves.resize(400, 100)
    assert halves.orientation() is Qt.Orientation.Vertical
    assert halves.sizeHint() == halves.minimumSizeHint()
