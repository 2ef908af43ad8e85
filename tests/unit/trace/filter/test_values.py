from __future__ import annotations

import pytest

from dicomgui.trace.filter.grammar import FilterError, Term, parse
from dicomgui.trace.filter.values import BYTES, SECONDS, affirmed, any_like, choice, compared, like, uid_like


def term(text: str) -> Term:
    (found,) = parse(text).terms()
    return found


@pytest.mark.parametrize(
    ("text", "units", "value", "passes"),
    [
        ("t>500ms", SECONDS, 0.6, True),
        ("t>500ms", SECONDS, 0.5, False),
        ("t>=0.5s", SECONDS, 0.5, True),
        ("t<1min", SECONDS, 59, True),
        ("t<=2h", SECONDS, 7200, True),
        ("t:3", SECONDS, 3, True),
        ("t=!3", SECONDS, 3, False),
        ("t>!3", SECONDS, 3, True),
        ("t>1MB", BYTES, 1_000_001, True),
        ("t>1MiB", BYTES, 1_000_001, False),
    ],
)
def test_numbers_with_units(text: str, units: dict[str, float], value: float, passes: bool) -> None:
    assert compared(term(text), units)(value) is passes


@pytest.mark.parametrize("text", ["t>x", "t>1.2.3", "t>5MB", "t>-1", "t>1e400", "t>99999999999999999999"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(FilterError, match="no number"):
        compared(term(text), SECONDS)


def test_texts() -> None:
    assert like(term("x:pacs"))("MYPACS1")
    assert not like(term("x=pacs"))("MYPACS1")
    assert like(term("x=MYPACS1"))("mypacs1")
    assert not like(term("x~!pacs"))("MYPACS1")


def test_one_of_several_texts() -> None:
    assert any_like(term("x:b"))(("a", "b"))
    assert not any_like(term("x:!b"))(("a", "b"))
    assert any_like(term("x:!c"))(("a", "b"))


def test_uids_by_number_and_name() -> None:
    ct = "1.2.840.10008.5.1.4.1.1.2"
    assert uid_like(term("x:ct"))(ct)
    assert uid_like(term(f"x={ct}"))(ct)
    assert not uid_like(term("x:mr"))(ct)
    assert not uid_like(term("x:ct"))("")


def test_choices() -> None:
    assert choice(term("x:ONE"), {"one": 1, "two": 2}) == 1
    with pytest.raises(FilterError, match="Possible are one, two"):
        choice(term("x:three"), {"one": 1, "two": 2})


def test_affirmed_takes_the_bang_away() -> None:
    assert not affirmed(term("x:!a")).negated
