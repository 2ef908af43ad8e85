"""Icons in their colours."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QIcon

from dicomgui.gui.look import icons


@pytest.mark.usefixtures("qapp")
def test_a_toned_icon_looks_the_same_on_a_selected_row() -> None:
    icon = icons.toned("error", "#ff8f85", 16)
    size = QSize(16, 16)
    normal, selected = (icon.pixmap(size, mode).toImage() for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected))
    assert normal == selected
    assert not normal.isNull()
