"""Which rule decides about a request, and what it makes of the answer."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from helpers.retrieval import elements

from dicomgui.app.configuration.provided import Provided
from dicomgui.app.listening.rules import MAX_RULES, AnswerRule, AnswerRules, Basic, obeying
from dicomgui.network import Match, Reply, Status
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.uids import EXPLICIT_VR_LITTLE_ENDIAN

REQUEST = SimpleNamespace(context=SimpleNamespace(transfer_syntax=EXPLICIT_VR_LITTLE_ENDIAN))


async def answered(rule: AnswerRule, handler: Any, operation: str = "N-CREATE") -> Any:
    noted: list[AnswerRule] = []
    perform = obeying(AnswerRules([rule]), rule.service, operation, handler, lambda _, one: noted.append(one))
    answer = await perform(REQUEST)
    assert noted == [rule]
    return answer


@pytest.mark.parametrize(
    "wrong",
    [
        {"operation": "C-STORE"}, {"service": Provided.STORE, "operation": "C-FIND"}, {"end": "reject 1/1/1"},
        {"service": Provided.STORE, "attributes": "PatientID=1"}, {"service": Basic.ASSOCIATION, "status": 0xA700},
        {"service": Basic.ASSOCIATION, "end": "abort after"}, {"service": Basic.ASSOCIATION, "end": "reject 1/1/256"},
        {"service": Provided.GET, "status": 0xB000}, {"caller": "\\"}, {"address": "1.2.3.4/8"}, {"sop_class": "x y"},
        {"status": 0x10000}, {"status": 0xFF00},
        {"delay_ms": -1}, {"delay_ms": 600_001}, {"every": 0}, {"comment": "x" * 65}, {"comment": "a\nb"},
        {"attributes": "NoSuchThing=1"},
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        AnswerRule(**{"service": Provided.MPPS, **wrong})


def test_there_is_a_limit() -> None:
    with pytest.raises(ConfigurationError):
        AnswerRules([AnswerRule(Provided.MPPS)] * (MAX_RULES + 1))


def test_the_first_rule_whose_turn_it_is_decides_and_each_counts() -> None:
    third = AnswerRule(Provided.MPPS, "N-SET", every=3)
    second = AnswerRule(Provided.MPPS, every=2)
    rules = AnswerRules([AnswerRule(Provided.MPPS, is_on=False), third, second, AnswerRule(Provided.UPS)])
    assert [rules.choose(Provided.MPPS, "N-SET") for _ in range(6)] == [None, second, third, second, None, third]
    assert rules.choose(Provided.MPPS, "N-GET") is None
    assert rules.choose(Provided.MPPS, "N-GET") is second


def test_a_rule_that_stays_goes_on_counting() -> None:
    rule = AnswerRule(Provided.MPPS, every=2)
    rules = AnswerRules([rule])
    assert rules.choose(Provided.MPPS, "N-SET") is None
    rules.replace([AnswerRule(Provided.UPS), rule])
    assert rules.choose(Provided.MPPS, "N-SET") is rule


async def test_a_failure_performs_nothing() -> None:
    asked: list[object] = []
    rule = AnswerRule(Provided.MPPS, status=0x0110, comment="the disk is full")
    assert await answered(rule, asked.append) == Reply(Status(0x0110), "the disk is full")
    assert asked == []


async def test_a_warning_is_said_of_what_was_performed() -> None:
    async def handler(_: object) -> Reply:
        return Reply(Status(0), sop_instance_uid="2.25.1")

    rule = AnswerRule(Provided.PRINT, status=0xB604, attributes="PrinterName=王; NumberOfCopies=2")
    answer = await answered(rule, handler)
    assert (answer.status, answer.sop_instance_uid) == (0xB604, "2.25.1")
    assert (answer.dataset.PrinterName, answer.dataset.SpecificCharacterSet) == ("王", "ISO_IR 192")


@pytest.mark.parametrize("usual", [Status(0x0112), elements(PatientID="1")])
async def test_whatever_a_handler_gives_is_changed(usual: Any) -> None:
    rule = AnswerRule(Provided.MPPS, status=0x0000, attributes="PatientID=2")
    answer = await answered(rule, lambda _: usual)
    assert (answer.status, answer.dataset.PatientID) == (0, "2")


async def test_every_match_gets_the_attributes_and_the_end_its_status() -> None:
    def handler(_: object) -> list[Any]:
        return [elements(PatientID="1", AccessionNumber="A"), Match(elements(PatientID="2"), Status(0xFF01))]

    rule = AnswerRule(Provided.WORKLIST, status=0x0001, attributes="AccessionNumber=B")
    first, second, end = [item async for item in await answered(rule, handler, "C-FIND")]
    decoded = [Match(one.data, transfer_syntax_uid=EXPLICIT_VR_LITTLE_ENDIAN).dataset for one in (first, second)]
    assert [(one.PatientID, one.AccessionNumber) for one in decoded] == [("1", "B"), ("2", "B")]
    assert second.status == 0xFF01
    assert end.status == 0x0001


async def test_a_delay_is_waited_for_before_anything_is_done() -> None:
    asked: list[float] = []
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await answered(AnswerRule(Provided.MPPS, delay_ms=50), lambda _: asked.append(loop.time()) or Status(0))
    assert asked[0] - begun >= 0.045
