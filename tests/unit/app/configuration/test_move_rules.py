"""Who may move where."""

from __future__ import annotations

import pytest

from dicomgui.app.configuration.move_rules import may_move, parse_move_rule
from dicomgui.network import ConfigurationError


def test_without_a_rule_everybody_moves_everywhere() -> None:
    assert may_move((), "ANYBODY", "ANYWHERE")


@pytest.mark.parametrize(
    ("caller", "destination", "allowed"),
    [
        ("WS1", "WS1", True),
        ("WS1", "ARCHIVE", False),
        ("CT7", "ARCHIVE", True),
        ("CT7", "CT7", True),
        ("CT7", "WS1", False),
    ],
)
def test_one_of_the_rules_has_to_fit(caller: str, destination: str, allowed: bool) -> None:
    rules = [parse_move_rule(text) for text in ("*={caller}", "CT? = ARCH*")]
    assert may_move(rules, caller, destination) is allowed


@pytest.mark.parametrize("text", ["WS1", "=WS1", "WS1=", "A" * 17 + "=B", "A=" + "B" * 17, "Ä=B", "A\\B=C"])
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="does not say who may move where"):
        parse_move_rule(text)
