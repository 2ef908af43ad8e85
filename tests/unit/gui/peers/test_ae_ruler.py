from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from dicomgui.gui.peers.ae_ruler import AERuler, AETitleRemarks


@pytest.mark.parametrize(
    ("title", "cells"),
    [
        ("", ()),
        ("PACS 1 ", ("P", "A", "C", "S", "␣", "1", "␣")),
        ("A\0", ("A", "00")),
        ("é", ("C3", "A9")),
        ("中", ("E4", "B8", "AD")),
        ("\ud800", ("ED", "A0", "80")),
    ],
)
def test_every_byte_has_a_cell(qtbot: QtBot, title: str, cells: tuple[str, ...]) -> None:
    ruler = AERuler("ruler", "Bytes")
    qtbot.addWidget(ruler)
    ruler.show_title(title)
    assert ruler.cells == cells


def test_the_ruler_says_how_much_is_used_and_draws_it(qtbot: QtBot) -> None:
    ruler = AERuler("ruler", "Bytes")
    qtbot.addWidget(ruler)
    ruler.show_title("PACS")
    assert ruler.accessibleDescription() == "4 of 16 bytes used"
    short = ruler.grab().toImage()
    ruler.show_title("A" * 18)
    assert ruler.accessibleDescription() == "2 bytes too many"
    assert ruler.grab().toImage() != short


def test_remarks_are_said_below(qtbot: QtBot) -> None:
    remarks = AETitleRemarks("x", "title")
    qtbot.addWidget(remarks)
    assert remarks.remarks == ()
    remarks.show_title("pacs\\ with a long name")
    assert remarks.count.text() == "22 / 16"
    assert [line.split()[1] for line in remarks.remarks[:2]] == ["has", "has"]
    assert "lower-case" in remarks.remarks[-1]
    remarks.show_title("PACS")
    assert remarks.remarks == ()
