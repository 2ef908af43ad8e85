from __future__ import annotations

import asyncio

import pytest
from helpers.bad_peer import reached
from pytestqt.qtbot import QtBot

from dicomgui.gui.running.pump import BUSY_INTERVAL_MS, INTERVAL_MS, Pump
from dicomgui.gui.running.reporter import Reporter


@pytest.mark.qt
async def test_it_drains_until_it_is_stopped_and_once_more() -> None:
    drained: list[int] = []
    pump = Pump(Reporter())
    pump.add(lambda: drained.append(1))
    pump.start()
    await reached(lambda: len(drained) >= 2, "it ticks")
    pump.stop()
    count = len(drained)
    pump.stop()
    assert len(drained) == count >= 3


@pytest.mark.qt
async def test_it_can_be_told_to_tick_at_once_and_goes_on_as_before() -> None:
    drained: list[int] = []
    pump = Pump(Reporter())
    pump.add(lambda: drained.append(1))
    pump.tick_soon()
    assert not pump._timer.isActive()
    pump.start()
    pump._timer.setInterval(3_600_000)
    pump.tick_soon()
    await reached(lambda: bool(drained), "it has ticked")
    assert pump._timer.interval() == INTERVAL_MS
    pump.stop()


@pytest.mark.qt
async def test_it_ticks_half_as_often_while_the_loop_has_its_hands_full() -> None:
    intervals: list[int] = []
    pump = Pump(Reporter())
    pump.add(lambda: intervals.append(pump._timer.interval()))
    pump.start()
    loop = asyncio.get_running_loop()

    def spin() -> None:
        if BUSY_INTERVAL_MS not in intervals:
            loop.call_soon(spin)

    spin()
    await reached(lambda: BUSY_INTERVAL_MS in intervals, "it takes its time")
    await reached(lambda: intervals[-1] == INTERVAL_MS, "it ticks as before")
    assert set(intervals) == {INTERVAL_MS, BUSY_INTERVAL_MS}
    pump.stop()


def test_it_does_not_tick_while_the_loop_stands_still(qtbot: QtBot) -> None:
    drained: list[int] = []
    pump = Pump(Reporter())
    pump.add(lambda: drained.append(1))
    pump.start()
    with qtbot.waitSignal(pump._timer.timeout):
        pass
    assert drained == []
    pump.stop()


def test_one_that_fails_does_not_stop_the_others(qtbot: QtBot) -> None:
    drained: list[int] = []
    reporter = Reporter()
    pump = Pump(reporter)
    pump.add(lambda: [][0])
    pump.add(lambda: drained.append(1))
    pump.drain()
    assert drained == [1]
    assert "IndexError" in reporter.drain()[0]
