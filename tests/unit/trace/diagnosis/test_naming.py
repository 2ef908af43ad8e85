from __future__ import annotations

import pytest

from dicomgui.trace.diagnosis.naming import advise, sent_text


@pytest.mark.parametrize(
    ("title", "known", "words", "tried"),
    [
        (b"pacs1", ["OTHER", "PACS1"], "known as PACS1: capitals matter", "PACS1"),
        (b"PACS 1", ["PACS1"], "with other blanks or signs", "PACS1"),
        (b"PACS_1", ["PACS1"], "with other blanks or signs", "PACS1"),
        (b"WRONG", ["PACS1"], "call PACS1 are accepted there", "PACS1"),
        (b"WRONG", [], "", ""),
        (b"WRONG", ["WRONG"], "", ""),
        (b"pacs1", [], "small letters", "PACS1"),
        (b"THE PACS", [], "blank in the middle", "THEPACS"),
        (b" PACS1", [], "begins with a blank", "PACS1"),
        (b"PACS1\0", [], "signs that nobody sees", "PACS1"),
        (b"", [], "is blank", ""),
        (b"", ["PACS1"], "is blank", "PACS1"),
    ],
)
def test_advice(title: bytes, known: list[str], words: str, tried: str) -> None:
    advice = advise(title.ljust(16), known)
    assert words in advice.cause
    assert bool(advice.cause) is bool(words)
    assert advice.title == tried


def test_the_bytes_are_said_with_their_blanks() -> None:
    assert sent_text(b"AB  ") == " Sent was “AB␣␣” (hex 41 42 20 20)."
    assert sent_text(b"") == ""
