from __future__ import annotations

from pytestqt.qtbot import QtBot

from dicomgui.gui.echo.sparkline import Sparkline


def test_the_largest_of_each_place_is_drawn(qtbot: QtBot) -> None:
    chart = Sparkline("chart", "Times")
    qtbot.addWidget(chart)
    assert chart.points(100, 40) == []
    chart.show_values([1.0])
    assert chart.points(100, 40) == []
    values = [1.0] * 10_000
    values[5_000] = 9.0
    chart.show_values(values)
    points = chart.points(100, 40)
    assert len(points) == 50
    assert min(points, key=lambda point: point.y()).y() == 3
    assert chart.accessibleDescription() == "10,000 values, the largest 9.0"
    chart.resize(chart.sizeHint())
    assert not chart.grab().isNull()


def test_values_that_are_all_nothing(qtbot: QtBot) -> None:
    chart = Sparkline("chart", "Times")
    qtbot.addWidget(chart)
    chart.show_values([0.0, 0.0])
    assert {point.y() for point in chart.points(100, 40)} == {37.0}
