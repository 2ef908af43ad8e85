from __future__ import annotations

from pytestqt.qtbot import QtBot

from dicomgui.app.files.conversion import Conversion
from dicomgui.gui.send.convert_choice import ConvertChoice


def test_each_choice_is_explained(qtbot: QtBot) -> None:
    widget = ConvertChoice("send")
    qtbot.addWidget(widget)
    assert widget.conversion is Conversion.UNCOMPRESSED
    meanings = set()
    for number, conversion in enumerate(Conversion):
        widget.choice.setCurrentIndex(number)
        assert widget.conversion is conversion
        assert widget.meaning.text() == widget.choice.accessibleDescription()
        meanings.add(widget.meaning.text())
    assert len(meanings) == len(Conversion)
