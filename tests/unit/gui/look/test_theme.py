"""Colours that can be read."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QColor

from dicomgui.gui.look.theme import DARK, LIGHT, Colors

BOTH = pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])


def contrast(one: str, other: str) -> float:
    """As WCAG 2 measures it."""
    lights = sorted(map(_light, (one, other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _light(color: str) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (QColor(color).redF(), QColor(color).greenF(), QColor(color).blueF())
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@BOTH
@pytest.mark.parametrize("ground", ["window", "rail", "base", "raised", "accent_soft"])
@pytest.mark.parametrize("text", ["text", "muted", "accent"])
def test_text_can_be_read(colors: Colors, ground: str, text: str) -> None:
    assert contrast(getattr(colors, text), getattr(colors, ground)) >= 4.5


@BOTH
@pytest.mark.parametrize("tone", ["good", "warning", "error", "accent"])
def test_words_in_a_tone_can_be_read_on_their_pill_and_beside_it(colors: Colors, tone: str) -> None:
    for ground in (getattr(colors, f"{tone}_soft"), colors.base, colors.window):
        assert contrast(getattr(colors, tone), ground) >= 4.5


@BOTH
@pytest.mark.parametrize("ground", ["window", "base"])
def test_what_cannot_be_used_can_be_read_but_is_no_text_like_others(colors: Colors, ground: str) -> None:
    seen = getattr(colors, ground)
    assert 2.5 <= contrast(colors.faint, seen) < contrast(colors.muted, seen) - 1
