"""Rates over the last seconds."""

from __future__ import annotations

from dicomgui.gui.listener.rates import RateMeter


def test_the_rate_of_the_last_seconds() -> None:
    meter = RateMeter()
    assert meter.sample(0.0, 0, 0) == (0.0, 0.0)
    for tenth in range(1, 101):
        per_second, bytes_per_second = meter.sample(tenth / 10, tenth, tenth * 1000)
    assert abs(per_second - 10) < 0.01
    assert abs(bytes_per_second - 10_000) < 1


def test_it_falls_to_nothing_and_begins_again() -> None:
    meter = RateMeter()
    meter.sample(0.0, 0, 0)
    assert meter.sample(1.0, 50, 5000) == (50.0, 5000.0)
    for tenth in range(11, 60):
        last = meter.sample(tenth / 10, 50, 5000)
    assert last == (0.0, 0.0)
    assert meter.sample(6.0, 2, 10) == (0.0, 0.0)  # counted from the beginning again


def test_the_first_moment_is_not_wild() -> None:
    meter = RateMeter()
    meter.sample(0.0, 0, 0)
    assert meter.sample(0.001, 3, 300) == (3.0, 300.0)
