"""What is typed into the table of rules, and back."""

from __future__ import annotations

import pytest

from dicomgui.app.configuration.provided import Provided
from dicomgui.app.listening.rules import AnswerRule
from dicomgui.app.listening.texts import NEW_RULE, number_of, rule_of, status_of, texts_of_rule
from dicomgui.network.errors import ConfigurationError


def test_a_new_row_is_a_rule_that_changes_nothing() -> None:
    assert rule_of(NEW_RULE) == AnswerRule(Provided.MPPS)


@pytest.mark.parametrize(
    "rule",
    [
        AnswerRule(Provided.WORKLIST, "C-FIND", 0xA700, "busy", 1500, 3, "PatientID=1; PatientName=王", is_on=False),
        AnswerRule(Provided.COMMITMENT, status=0x0000), AnswerRule(Provided.UPS),
    ],
)  # fmt: skip
def test_a_rule_comes_back_from_its_row(rule: AnswerRule) -> None:
    assert rule_of(texts_of_rule(rule)) == rule


@pytest.mark.parametrize(("text", "status"), [("", None), (" a700 ", 0xA700), ("0x0110", 0x0110), ("C000H", 0xC000)])
def test_a_status_as_it_is_typed(text: str, status: int | None) -> None:
    assert status_of(text) == status


@pytest.mark.parametrize("text", ["A7", "A7000", "G700", "-700"])
def test_what_is_no_status_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="no status"):
        status_of(text)


@pytest.mark.parametrize(("text", "number"), [("", 0), ("1,500", 1500), (" 7 ", 7)])
def test_a_number_as_it_is_typed(text: str, number: int) -> None:
    assert number_of(text, "a delay") == number


@pytest.mark.parametrize("text", ["-1", "1.5", "²", "9999999999", "x"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="a delay"):
        number_of(text, "a delay")


@pytest.mark.parametrize(
    "wrong",
    [
        {"service": "Nothing"},
        {"operation": "C-MOVE"},
        {"every": "0"},
        {"end": "reject 1/1/7"},
        {"address": "x"},
        {"sop_class": "CT"},
        {"caller": "\\"},
        {"service": "Store", "attributes": "PatientID=1"},
    ],
)
def test_what_makes_no_rule_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError):
        rule_of({**NEW_RULE, **wrong})
