from __future__ import annotations

import pytest

from dicomgui.trace.diagnosis.facts import NO_FACTS, Facts, OwnListener


@pytest.mark.parametrize(
    ("host", "is_local"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
    ],
)
def test_who_can_reach_a_listener(host: str, is_local: bool) -> None:
    assert OwnListener("ME", host, 104).is_local is is_local


def test_nothing_is_known_unless_it_is_told() -> None:
    assert Facts() == NO_FACTS
    assert not NO_FACTS.titles
    assert not NO_FACTS.is_partial
