"""What a pill stands on."""

from __future__ import annotations

import pytest

from dicomgui.gui.look.theme import DARK, LIGHT, Colors
from dicomgui.gui.tables.pills import ground_of

TONES = ("good", "warning", "error", "accent", "muted")


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("tone", TONES)
def test_a_pill_is_seen_on_a_selected_row(tone: str, colors: Colors) -> None:
    assert ground_of(tone, colors, is_selected=True) != colors.accent_soft


@pytest.mark.parametrize("tone", TONES)
def test_a_pill_keeps_its_ground_elsewhere(tone: str) -> None:
    ground = LIGHT.line if tone == "muted" else getattr(LIGHT, f"{tone}_soft")
    assert ground_of(tone, LIGHT, is_selected=False) == ground
