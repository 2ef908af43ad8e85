"""JSON is counted before it is parsed (RFC 8259)."""

from __future__ import annotations

import json

import pytest

from dicomgui.network.json_text import JsonTooLarge, load_json


@pytest.mark.parametrize(
    "value",
    [
        None, 0, "", [], {}, {"a": [1, 2, {"b": ["x", "\u00e9", "[{,\\\""]}]}, list(range(3000)),
        ["[" * 5000, "\\" * 401, "," * 5000, '"' * 301], {str(number): [number] for number in range(900)},
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-32-be"])
def test_what_is_within_the_limits_is_parsed_as_ever(value: object, encoding: str) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
        assert load_json(text.encode(encoding), max_values=4000, max_depth=6) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"[" * 100_000, "deep"),
        (b'{"a":' * 300 + b"1" + b"}" * 300, "deep"),
        (b"[" + b"{}," * 300_000 + b"{}]", "values"),
        (b"[" + b"1," * 300_000 + b"1]", "values"),
        (b'["' + b'\\"' * 100 + b'",' + b'"",' * 300_000 + b'""]', "values"),
        (("[" + "[]," * 300_000 + "[]]").encode("utf-16"), "values"),
    ],
)
def test_what_is_beyond_them_is_refused_before_it_is_parsed(
    text: bytes, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json, "loads", lambda _: pytest.fail("it was parsed"))
    with pytest.raises(JsonTooLarge, match=said):
        load_json(text)


@pytest.mark.parametrize("text", [b"", b"[", b'"\\', b"]" * 1000, b'["' + b'\\"' * 50_000, b"\xff\xfe\xff", b"[1,"])
def test_what_is_no_json_is_an_error_of_values(text: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        load_json(text)
