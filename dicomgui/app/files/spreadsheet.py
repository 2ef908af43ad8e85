"""Texts of peers and names of files as cells that no spreadsheet computes."""

from __future__ import annotations

__all__ = ["safe_cell"]

# Full-width forms count as well.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def safe_cell(text: str) -> str:
    """The text of a cell that a spreadsheet shows and does not compute, also where spaces precede the formula."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text
