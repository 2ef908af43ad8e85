from __future__ import annotations

from pytestqt.qtbot import QtBot

from dicomgui.gui.pump import Pump
from dicomgui.gui.reporter import Reporter


def test_it_drains_until_it_is_stopped_and_once_more(qtbot: QtBot) -> None:
    drained: list[int] = []
    pump = Pump(Reporter())
    pump.add(lambda: drained.append(1))
    pump.start()
    qtbot.waitUntil(lambda: len(drained) >= 2)
    pump.stop()
    count = len(drained)
    pump.stop()
    assert len(drained) == count >= 3


def test_one_that_fails_does_not_stop_the_others(qtbot: QtBot) -> None:
    drained: list[int] = []
    reporter = Reporter()
    pump = Pump(reporter)
    pump.add(lambda: [][0])
    pump.add(lambda: drained.append(1))
    pump.drain()
    assert drained == [1]
    assert "IndexError" in reporter.drain()[0]
