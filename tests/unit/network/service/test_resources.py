"""Budgets of memory and of the loop's time."""

from __future__ import annotations

import asyncio

from dicomgui.network.service.resources import FREE_ASSOCIATE_BYTES, TurnBudget, associate_charge


async def test_a_turn_of_the_loop_has_a_budget_and_the_next_one_has_its_own() -> None:
    turn = TurnBudget(100)
    turn.spend(0)
    turn.spend(60)
    assert turn.left == 40
    turn.spend(60)
    assert turn.left == -20  # a step is done as a whole
    await asyncio.sleep(0)
    assert turn.left == 100
    turn.spend(10)
    await asyncio.sleep(0)
    assert turn.left == 100


def test_a_usual_a_associate_rq_is_not_charged() -> None:
    assert associate_charge(FREE_ASSOCIATE_BYTES) == 0
    assert associate_charge(FREE_ASSOCIATE_BYTES + 10) == 80
