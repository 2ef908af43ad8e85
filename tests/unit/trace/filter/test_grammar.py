from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomgui.trace.filter.grammar import MAX_LENGTH, And, Expression, Filter, FilterError, Not, Or, Term, parse


def shape(expression: Expression | None) -> object:
    """The expression as nested lists."""
    if expression is None:
        return None
    if isinstance(expression, Term):
        bang = "!" if expression.negated else ""
        argument = f"[{expression.argument}]" if expression.argument else ""
        return f"{expression.key}{argument}{expression.sign}{bang}{expression.value}"
    if isinstance(expression, Not):
        return ["not", shape(expression.part)]
    return ["and" if isinstance(expression, And) else "or", *map(shape, expression.parts)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", None),
        ("   ", None),
        ("failed", "failed"),
        ("op:c-store status:!0000", ["and", "op:c-store", "status:!0000"]),
        ("a:1 and b:2 or c:3", ["or", ["and", "a:1", "b:2"], "c:3"]),
        ("a:1 (b:2 or c:3)", ["and", "a:1", ["or", "b:2", "c:3"]]),
        ("not a:1 b:2", ["and", ["not", "a:1"], "b:2"]),
        ("!failed", ["not", "failed"]),
        ("not not failed", ["not", ["not", "failed"]]),
        ("NOT (a:1 OR b:2)", ["not", ["or", "a:1", "b:2"]]),
        ("a:1 && b:2 || c:3", ["or", ["and", "a:1", "b:2"], "c:3"]),
        ("time>500ms", "time>500ms"),
        ("time>=1s size<=2MB", ["and", "time>=1s", "size<=2MB"]),
        ("ctx.result:3", "ctx.result:3"),
        ("id!=3", "id=!3"),
        ('tag:0010,0020~"12"', "tag[0010,0020]~12"),
        ("tag:(0010,0020)=12", "tag[0010,0020]=12"),
        ("tag:00100020~!12", "tag[00100020]~!12"),
        ("tag:PatientID~12", "tag[PatientID]~12"),
        ("tag:0010,0020", "tag:0010,0020"),
        ('bytes:"16 03"', "bytes:16 03"),
        ('"DOE^JOHN"', "text:DOE^JOHN"),
        (r'text:"a \"b\" \\ c"', 'text:a "b" \\ c'),
        ("peer:[::1]:104", "peer:[::1]:104"),
        ("peer:10.0.0.1:104", "peer:10.0.0.1:104"),
        ("Peer:PACS", "peer:PACS"),
    ],
)
def test_what_a_text_means(text: str, wanted: object) -> None:
    assert shape(parse(text).expression) == wanted


@pytest.mark.parametrize(
    ("text", "offset", "length", "said"),
    [
        ("op:", 3, 0, "value is missing"),
        ("failed and", 10, 0, "at the end"),
        ("(failed", 0, 1, "closing parenthesis"),
        ("failed)", 6, 1, "not expected"),
        ('text:"abc', 5, 4, "closing quotation"),
        ("or failed", 0, 2, "before “or”"),
        ("a:1 or or b:2", 7, 2, "before “or”"),
        (":x", 0, 1, "name of a key"),
        ("()", 1, 1, "condition is missing before"),
        ("not", 3, 0, "at the end"),
        ("|", 0, 1, "before “or”"),
        ("a:1 && && b:2", 7, 2, "before “and”"),
    ],
)
def test_errors_say_where(text: str, offset: int, length: int, said: str) -> None:
    with pytest.raises(FilterError, match=said) as caught:
        parse(text)
    assert (caught.value.offset, caught.value.length) == (offset, length)


@pytest.mark.parametrize(
    "text", ["(" * 60 + "failed" + ")" * 60, "not " * 60 + "failed", "failed " * 101, "x" * (MAX_LENGTH + 1)]
)
def test_filters_have_limits(text: str) -> None:
    with pytest.raises(FilterError):
        parse(text)


def test_terms_know_where_they_stand() -> None:
    filter_ = parse("op:c-find  status:!0000")
    first, second = filter_.terms()
    assert (first.offset, first.end, first.value_offset) == (0, 9, 3)
    assert (second.offset, second.end, second.value_offset) == (11, 23, 19)
    assert filter_.text == "op:c-find  status:!0000"


@given(st.text(max_size=60))
def test_any_text_is_a_filter_or_an_error_with_a_place_in_it(text: str) -> None:
    try:
        parsed: Filter | FilterError = parse(text)
    except FilterError as error:
        parsed = error
    if isinstance(parsed, FilterError):
        assert 0 <= parsed.offset <= len(text)
        assert parsed.offset + parsed.length <= max(len(text), 1)


@given(st.lists(st.sampled_from(["(", ")", "not", "and", "or", "a:1", "failed", '"x"', "b>2"]), max_size=12))
def test_words_in_any_order_never_break_it(words: list[str]) -> None:
    with contextlib.suppress(FilterError):
        parse(" ".join(words))


def test_an_or_node_holds_its_parts() -> None:
    expression = parse("a:1 or b:2 or c:3").expression
    assert isinstance(expression, Or)
    assert len(expression.parts) == 3
