"""Remarks about AE titles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicomgui.app.configuration.ae_titles import ae_title_findings
from dicomgui.network.association.params import AETitle
from dicomgui.network.errors import ConfigurationError
from dicomgui.trace.finding import Severity


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("PACS1", []),
        ("MY PACS 1234567", []),
        ("1234567890123456", []),
        ("12345678901234567", ["too-long"]),
        ("", ["empty"]),
        ("   ", ["empty"]),
        ("\0\0", ["empty", "nul-padding"]),
        ("PACS\0\0", ["nul-padding"]),
        ("PACS \0", ["nul-padding", "trailing-space"]),
        ("PA\0CS", ["control"]),
        ("PACS\n", ["control"]),
        ("PA\\CS", ["backslash"]),
        ("PÄCS", ["not-ascii"]),
        (" PACS", ["leading-space"]),
        ("PACS  ", ["trailing-space"]),
        ("pacs", ["lower-case"]),
        (" p\\ä\x01", ["not-ascii", "control", "backslash", "leading-space", "lower-case"]),
    ],
)
def test_codes(text: str, codes: list[str]) -> None:
    assert [remark.code for remark in ae_title_findings(text)] == codes


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ÄÄÄÄÄÄÄÄÄ", "It has 18 bytes; 16 fit, so 2 must go."),
        ("PACS\u00a01", "U+00A0 (no-break space) is none"),
        ("PÄÖCS", "'Ä' U+00C4 (latin capital letter a with diaeresis) and 1 other is none"),
        ("P\ud800\udfff\x80CS", "U+D800 (no name) and 2 others is none"),
        ("P\x00\x1bX", "00H, 1BH"),
        ("PACS\0", "ends in 1 NUL byte."),
        ("PACS\0\0\0", "ends in 3 NUL bytes."),
        ("  PACS", "begins with 2 spaces"),
        ("PACS ", "ends in 1 space,"),
        ("PaCS", "different titles for most systems"),
    ],
)
def test_words(text: str, words: str) -> None:
    assert any(words in remark.text for remark in ae_title_findings(text))


@given(st.text(max_size=20) | st.text("AB \0\\ä", max_size=20))
def test_a_title_without_errors_is_one(text: str) -> None:
    remarks = ae_title_findings(text)
    is_good = all(remark.severity is not Severity.ERROR for remark in remarks)
    try:
        AETitle(text)
    except ConfigurationError:
        assert not is_good
    else:
        assert is_good
    assert all(remark.text.isprintable() for remark in remarks)
