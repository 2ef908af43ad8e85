from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from dicomgui.gui.widgets.text import ElidedLabel, PlainLabel, count_text, duration_text, size_text, tooltip


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (99_499, "99.5 kB"), (999_499, "999 kB"),
     (999_500, "1.0 MB"), (1.5e9, "1.5 GB"), (5e15, "5000 TB")],
)  # fmt: skip
def test_sizes(size: float, text: str) -> None:
    assert size_text(size) == text


def test_counts_and_durations() -> None:
    assert count_text(1, "file") == "1 file"
    assert count_text(1204, "file") == "1,204 files"
    assert count_text(2, "entry", "entries") == "2 entries"
    assert duration_text(0.0084) == "8.4 ms"
    assert duration_text(2.514) == "2.51 s"


def test_labels_and_tool_tips_take_no_markup(qtbot: QtBot) -> None:
    label = PlainLabel("<b>x</b>", tone="muted", selectable=True)
    elided = ElidedLabel("<img src=x>" + "y" * 500)
    for widget in (label, elided):
        qtbot.addWidget(widget)
        assert widget.textFormat() is Qt.TextFormat.PlainText
    assert label.text() == "<b>x</b>"
    assert "<img" not in elided.toolTip()
    assert tooltip("") == ""
    elided.resize(80, 20)
    assert not elided.grab().isNull()
    assert elided.minimumSizeHint().width() < 50
