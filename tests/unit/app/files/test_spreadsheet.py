"""No text of a peer becomes a formula."""

from __future__ import annotations

import pytest

from dicomgui.app.files.spreadsheet import safe_cell


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", " ="])
def test_no_cell_is_a_formula(start: str) -> None:
    assert safe_cell(f"{start}1+1") == f"'{start}1+1"


@pytest.mark.parametrize("text", ["", "plain", "a=b", "1.2.840", "'=1"])
def test_other_cells_stay(text: str) -> None:
    assert safe_cell(text) == text
