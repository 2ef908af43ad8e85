from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from dicomgui.gui.widgets.hex_view import HexView
from dicomgui.network.tracing import Segment


def shown(qtbot: QtBot, *segments: Segment, length: int) -> HexView:
    view = HexView("hex")
    qtbot.addWidget(view)
    view.resize(620, 200)
    view.show_segments(segments, length)
    view.show()
    return view


def test_what_was_not_kept_is_one_line(qtbot: QtBot) -> None:
    view = shown(qtbot, Segment(0, bytes(20)), Segment(1000, bytes(5)), length=2000)
    lines = [view._lines.line(row) for row in range(len(view._lines))]
    assert [(line.offset, len(line.data), line.gap) for line in lines] == [
        (0, 16, 0), (16, 4, 0), (20, 0, 980), (1000, 5, 0), (1005, 0, 995),
    ]  # fmt: skip
    assert not view.grab().isNull()


def test_a_click_on_hex_or_text_selects_the_byte(qtbot: QtBot) -> None:
    view = shown(qtbot, Segment(0, bytes(range(64))), length=64)
    got: list[int] = []
    view.byte_selected.connect(got.append)
    for x in (view._hex_x(9) + 3, view._text_x(9) + 2):
        point = QPoint(round(x), 4 + view._line_height() + 3)
        qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=point)
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(2, 190))
    assert got == [25, 25]


def test_keys_move_the_cursor_and_copy(qtbot: QtBot) -> None:
    view = shown(qtbot, Segment(0, bytes(range(256)) * 8), length=2048)
    got: list[int] = []
    view.byte_selected.connect(got.append)
    for key in (Qt.Key.Key_Home, Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Left, Qt.Key.Key_Up, Qt.Key.Key_End):
        qtbot.keyClick(view, key)
    assert got == [0, 1, 17, 16, 0, 2047]
    qtbot.keyClick(view, Qt.Key.Key_PageUp)
    assert got[-1] < 2000
    view.mark(10, 4)
    assert view.marked == range(10, 14)
    qtbot.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "0a 0b 0c 0d"
    qtbot.keyClick(view, Qt.Key.Key_F7)


def test_lines_are_made_where_one_looks(qtbot: QtBot) -> None:
    data = bytes(range(256)) * 40_000
    view = shown(qtbot, Segment(3, data), Segment(20_000_000, b"end"), length=20_000_003)
    assert len(view._lines) == 1 + 640_001 + 1 + 1
    assert view._lines.line(1)[:2] == (3, data[:13])
    assert view._lines.line(640_001).offset == 16 * 640_000
    assert view.go_to(20_000_001)
    assert view.bytes_of(10_240_000, 9_760_002) == data[-3:] + b"en"
    assert not view.go_to(20_000_003)


def test_it_scrolls_across_only_where_there_are_bytes(qtbot: QtBot) -> None:
    view = shown(qtbot, Segment(0, bytes(20)), length=20)
    view.resize(200, 200)
    assert view.horizontalScrollBar().maximum() > 0
    view.show_segments((), 0)
    assert view.horizontalScrollBar().maximum() == 0
