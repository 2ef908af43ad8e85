"""Rules for C-STORE: what is kept of a data set, and what is answered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from dicomgui.app.configuration.provided import Provided
from dicomgui.app.listening.answers import AnswerSettings
from dicomgui.app.listening.desk import AnswerDesk, DeskRun
from dicomgui.app.listening.rules import AnswerRule
from dicomgui.app.listening.store_rules import storing_by_rules
from dicomgui.network import Reply, Status

CT, MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
REQUEST: Any = SimpleNamespace(
    command=SimpleNamespace(sop_class_uid=CT),
    context=SimpleNamespace(abstract_syntax=CT),
    facts=SimpleNamespace(calling_ae_title="CT1 ", peer="192.0.2.7:4711", association=5),
)


def _nothing(*_: object) -> Any:
    return None


class Stored:
    """What became of the data sets."""

    def __init__(self) -> None:
        self.kept: list[object] = []
        self.dropped: list[object] = []
        self.aborted: list[int] = []
        self.store: Any = None

    def keep(self, request: object, result: object) -> Status:
        self.kept.append(result)
        return Status(0)

    async def keep_later(self, request: object, result: object) -> Status:
        return self.keep(request, result)

    def drop(self, request: object, result: object) -> None:
        self.dropped.append(result)


@asynccontextmanager
async def storing(*rules: AnswerRule, later: bool = False) -> AsyncIterator[Stored]:
    """A desk with rules that a listener has begun to ask."""
    stored = Stored()
    desk = AnswerDesk(AnswerSettings(rules=rules))
    desk.begin(DeskRun(_nothing, _nothing, _nothing, abort=stored.aborted.append))
    stored.store = storing_by_rules(desk, stored.keep_later if later else stored.keep, stored.drop)
    yield stored
    await desk.end()


async def test_without_a_rule_the_answer_is_given_at_once() -> None:
    for rules in ((), (AnswerRule(Provided.STORE, is_on=False),), (AnswerRule(Provided.STORE, sop_class=MR),)):
        async with storing(*rules) as stored:
            assert stored.store(REQUEST, "data") == Status(0)
            assert (stored.kept, stored.dropped) == (["data"], [])


async def test_a_refused_data_set_is_dropped() -> None:
    async with storing(AnswerRule(Provided.STORE, "C-STORE", 0xA700, "full", delay_ms=1)) as stored:
        assert await stored.store(REQUEST, "data") == Reply(Status(0xA700), "full")
        assert (stored.kept, stored.dropped) == ([], ["data"])


@pytest.mark.parametrize("later", [False, True])
async def test_a_warning_is_said_of_what_is_kept(later: bool) -> None:
    async with storing(AnswerRule(Provided.STORE, status=0xB000), later=later) as stored:
        assert (await stored.store(REQUEST, "data")).status == 0xB000
        assert (stored.kept, stored.dropped) == (["data"], [])


@pytest.mark.parametrize(("end", "kept"), [("abort", []), ("abort after", ["data"])])
async def test_an_abort_comes_before_or_after_the_data_set_is_kept(end: str, kept: list[str]) -> None:
    async with storing(AnswerRule(Provided.STORE, end=end)) as stored:
        await stored.store(REQUEST, "data")
        assert stored.aborted == [5]
        assert (stored.kept, stored.dropped) == (kept, [] if kept else ["data"])


@pytest.mark.parametrize(
    ("condition", "concerns"),
    [
        ({"caller": "CT*"}, True),
        ({"caller": "MR*"}, False),
        ({"address": "192.0.2.0/24"}, True),
        ({"address": "192.0.3.0/24"}, False),
        ({"sop_class": "CTImageStorage"}, True),
        ({"sop_class": MR}, False),
        ({"caller": "CT1", "sop_class": MR}, False),
    ],
)
async def test_a_rule_is_for_some_callers_addresses_and_sop_classes(condition: dict[str, Any], concerns: bool) -> None:
    async with storing(AnswerRule(Provided.STORE, status=0xA700, **condition)) as stored:
        answer = stored.store(REQUEST, "data")
        assert (answer if isinstance(answer, Status) else (await answer).status) == (0xA700 if concerns else 0)
