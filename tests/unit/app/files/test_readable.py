"""Exceptions of other packages in one line."""

from __future__ import annotations

import pytest

from dicomgui.app.files.readable import reason_of


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(2, "No such file"), "No such file"),
        (KeyError("1.2"), "KeyError '1.2'"),
        (ValueError("two\nlines"), "two lines"),
        (ValueError(), "ValueError"),
        (None, "None"),
        (ValueError("x" * 400), "x" * 300 + "…"),
    ],
)
def test_it_is_one_line(error: BaseException | None, text: str) -> None:
    assert reason_of(error) == text
