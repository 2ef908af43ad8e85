"""When the peer is read, and when it is not."""

from __future__ import annotations

import pytest

from dicomgui.network.service.brake import Brake


class Wheel:
    """Counts what a transport would be told."""

    def __init__(self) -> None:
        self.holds = 0
        self.starving = False
        self.brake = Brake(self._hold, self._unhold, lambda: self.starving)

    def _hold(self) -> None:
        self.holds += 1

    def _unhold(self) -> None:
        self.holds -= 1


@pytest.fixture
def wheel() -> Wheel:
    return Wheel()


def test_it_holds_as_long_as_one_thing_is_full(wheel: Wheel) -> None:
    wheel.brake.press("a")
    wheel.brake.press("a")
    wheel.brake.press("b")
    assert wheel.holds == 1
    assert wheel.brake.is_holding
    wheel.brake.release("a")
    wheel.brake.release("a")
    wheel.brake.release("never pressed")
    assert wheel.holds == 1
    wheel.brake.release("b")
    assert wheel.holds == 0
    assert not wheel.brake.is_pressed


def test_it_lets_go_while_somebody_starves(wheel: Wheel) -> None:
    wheel.starving = True
    wheel.brake.press("a")
    assert wheel.holds == 0
    wheel.starving = False
    wheel.brake.balance()
    assert wheel.holds == 1
    wheel.starving = True
    wheel.brake.balance()
    assert wheel.holds == 0
    assert wheel.brake.is_pressed


def test_a_hard_limit_holds_whoever_starves(wheel: Wheel) -> None:
    wheel.starving = True
    wheel.brake.press("a")
    wheel.brake.press("a", is_hard=True)
    assert wheel.holds == 1
    wheel.brake.release("a")
    assert wheel.holds == 0


def test_once_lifted_it_never_holds_again(wheel: Wheel) -> None:
    wheel.brake.press("a")
    wheel.brake.lift()
    wheel.brake.press("b", is_hard=True)
    wheel.brake.release("a")
    assert wheel.holds == 0
