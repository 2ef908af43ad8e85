"""About, opened from the window of help."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QUrl, qVersion
from PySide6.QtGui import QDesktopServices, QGuiApplication
from pytestqt.qtbot import QtBot

import dicomgui
from dicomgui.gui.help import about
from dicomgui.gui.help.about import AboutDialog
from dicomgui.gui.help.window import HelpWindow

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


@pytest.fixture
def dialog(qtbot: QtBot) -> AboutDialog:
    made = AboutDialog()
    qtbot.addWidget(made)
    made.show()
    return made


def test_it_opens_from_the_window_of_help(qtbot: QtBot) -> None:
    window = HelpWindow()
    qtbot.addWidget(window)
    window.show()
    qtbot.mouseClick(window.about_button, Qt.MouseButton.LeftButton)
    made = window.findChild(AboutDialog)
    assert made is not None
    assert made.isVisible()
    qtbot.mouseClick(made.close_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.findChild(AboutDialog) is None)


def test_it_shows_versions_and_copies_them(dialog: AboutDialog, qtbot: QtBot) -> None:
    rows = [[dialog.table.item(row, column).text() for column in range(3)] for row in range(dialog.table.rowCount())]
    assert rows[0] == ["dicomgui", dicomgui.__version__, "MIT"]
    assert ["Qt", qVersion(), "LGPL-3.0-only"] in rows
    qtbot.mouseClick(dialog.copy_button, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text().startswith(f"dicomgui {dicomgui.__version__}\nPython ")


def test_it_shows_the_texts_of_the_licences(dialog: AboutDialog) -> None:
    dialog.tabs.setCurrentIndex(1)
    assert dialog.names.item(0).text() == "README.md"
    assert "To use another Qt" in dialog.text.toPlainText()
    (lgpl,) = dialog.names.findItems("LGPL-3.0.txt", Qt.MatchFlag.MatchExactly)
    dialog.names.setCurrentItem(lgpl)
    assert "GNU LESSER GENERAL PUBLIC LICENSE" in dialog.text.toPlainText()


def test_a_text_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    assert "cannot be read" in about._read(tmp_path / "none")


def test_the_files_are_shown_where_they_are(dialog: AboutDialog, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)
    qtbot.mouseClick(dialog.folder_button, Qt.MouseButton.LeftButton)
    assert Path(opened[0].toLocalFile(), "LGPL-3.0.txt").is_file()
