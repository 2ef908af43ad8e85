"""Help in the window: by key, by button, from page to page; it loads nothing and leaves the program only when asked."""

from __future__ import annotations

import re

import pytest
from helpers.bad_peer import reached
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QColor, QDesktopServices, QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from dicomgui.app.help_pages import help_page, help_pages
from dicomgui.gui.help.window import HelpWindow
from dicomgui.gui.look.theme import DARK, LIGHT, Theme
from dicomgui.gui.shell.main_window import HELP_OF, MainWindow
from dicomgui.gui.trace.listing.list_view import TraceList

pytestmark = [pytest.mark.qt, pytest.mark.qt_log_ignore(r"raise\(\)")]
NAMED = re.compile(r"`((?:(?:Ctrl|Alt|Shift)\+)+(?:Left|Right|Home|\S)|F\d{1,2}|(?:Shift\+)F\d{1,2})`")


@pytest.fixture
def help_window(qtbot: QtBot, theme: Theme) -> HelpWindow:
    made = HelpWindow(lambda: [("Everywhere", "Ctrl+Y", "Something")])
    qtbot.addWidget(made)
    made.show_page()
    made.show()
    return made


def shown(window: HelpWindow) -> str:
    return window.browser.toPlainText().partition("\n")[0]


async def test_f1_opens_the_page_about_the_panel_in_view(window: MainWindow, qtbot: QtBot) -> None:
    window.activateWindow()
    await reached(window.isActiveWindow, "the window is active")
    window.show_panel(window.query)
    qtbot.keyClick(window, Qt.Key.Key_F1)
    assert window._help is not None
    assert window._help.isVisible()
    assert not window._help.isModal()
    assert window._help.name == "query"
    window.show_panel(window.trace)
    window.rail.help_button.click()
    assert window._help.name == "trace"


async def test_there_is_a_page_about_each_panel(window: MainWindow) -> None:
    assert {panel.key for panel in window.panels} <= set(HELP_OF)
    assert set(HELP_OF.values()) <= {page.name for page in help_pages()}


async def test_help_is_gone_when_the_window_is(window: MainWindow) -> None:
    window.show_help()
    await window.shut_down()
    assert window._help is None


async def test_each_page_opens(help_window: HelpWindow) -> None:
    for page in help_pages():
        help_window.show_page(page.name)
        assert shown(help_window) == page.title
        assert help_window.pages.currentItem().text() == page.title


async def test_links_lead_from_page_to_page_and_keys_back(help_window: HelpWindow, qtbot: QtBot) -> None:
    help_window.browser.anchorClicked.emit(QUrl("listener.md#when-a-c-move-brings-nothing"))
    assert shown(help_window).startswith("Listener")
    assert help_window.browser.textCursor().block().text() == "When a C-MOVE brings nothing"
    help_window.activateWindow()
    await reached(help_window.isActiveWindow, "help is active")
    qtbot.keyClick(help_window, Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert help_window.name == "start"
    qtbot.keyClick(help_window, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    assert help_window.name == "listener"
    assert not help_window.forward_button.isEnabled()
    qtbot.keyClick(help_window, Qt.Key.Key_Home, Qt.KeyboardModifier.AltModifier)
    assert help_window.name == "start"


async def test_a_page_that_is_not_there_is_the_first_one(help_window: HelpWindow) -> None:
    help_window.show_page("tls")
    help_window.browser.anchorClicked.emit(QUrl("nothing.md"))
    assert help_window.name == "start"


async def test_a_search_leaves_the_pages_that_hold_the_words_and_marks_the_place(
    help_window: HelpWindow, qtbot: QtBot
) -> None:
    qtbot.keyClicks(help_window.search, "A801")
    titles = [help_window.pages.item(row).text() for row in range(help_window.pages.count())]
    assert titles == ["Listener, archive and C-MOVE"]
    qtbot.keyClick(help_window.search, Qt.Key.Key_Return)
    assert shown(help_window) == titles[0]
    assert help_window.browser.textCursor().selectedText() == "A801"
    help_window.search.setText("qqqq")
    assert help_window.none.isVisible()
    help_window.activateWindow()
    await reached(help_window.isActiveWindow, "help is active")
    qtbot.keyClick(help_window, Qt.Key.Key_Escape)
    assert help_window.search.text() == ""
    assert help_window.isVisible()
    qtbot.keyClick(help_window, Qt.Key.Key_Escape)
    assert not help_window.isVisible()


async def test_an_address_is_opened_only_when_the_user_says_so(
    help_window: HelpWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    help_window.browser.anchorClicked.emit(QUrl("https://example.org/<b>x"))
    assert opened == []
    assert help_window.question.isVisible()
    assert help_window.name == "start"
    help_window.copy_button.click()
    assert QGuiApplication.clipboard().text().startswith("https://example.org/")
    help_window.browser.anchorClicked.emit(QUrl("https://example.org/"))
    help_window.open_button.click()
    assert opened == ["https://example.org/"]
    help_window.browser.anchorClicked.emit(QUrl("file:///etc/passwd"))
    assert not help_window.open_button.isVisible()


async def test_a_page_loads_no_file_and_no_address(help_window: HelpWindow) -> None:
    for address in ("file:///etc/passwd", "https://example.org/x.png", "start.md"):
        for kind in (1, 2, 3):
            assert help_window.browser.loadResource(kind, QUrl(address)) is None


async def test_links_have_the_colour_of_the_scheme_also_when_it_changes(help_window: HelpWindow, theme: Theme) -> None:
    def link() -> QColor:
        return help_window.browser.document().find("practice PACS").charFormat().foreground().color()

    try:
        for scheme, colors in ((Qt.ColorScheme.Dark, DARK), (Qt.ColorScheme.Light, LIGHT)):
            theme.use(scheme)
            await reached(lambda: link() == QColor(colors.accent), "links are drawn anew")  # noqa: B023
    finally:
        theme.use(None)


async def test_the_page_of_keys_has_the_keys_of_the_window(window: MainWindow) -> None:
    rows = window.key_rows()
    everywhere = {keys: text for place, keys, text in rows if place == "Everywhere"}
    assert everywhere["Ctrl+2"] == "Nodes"
    assert {"F1", "F5", "Esc", "Ctrl+T", "Ctrl+J", "Ctrl+Shift+C"} <= set(everywhere)
    assert ("Nodes", "Ctrl+N") in {(place, keys) for place, keys, _ in rows}
    assert all(all(row) for row in rows)
    window.show_help("keys")
    assert window._help is not None
    assert "Open or close the drawer of jobs" in window._help.browser.toPlainText()


async def test_each_key_that_a_page_names_is_one(window: MainWindow, help_window: HelpWindow) -> None:
    window.make_all()
    window.dock.make()
    there = {shortcut.key() for top in (window, help_window) for shortcut in top.findChildren(QShortcut)}
    there |= {button.shortcut() for button in window.findChildren(QPushButton)}
    of_the_list = {"F2", "Alt+0", "Alt+1", "Alt+6"}  # keys that its list takes, not shortcuts
    assert all(keys in (TraceList.__doc__ or "") for keys in of_the_list)
    there |= set(map(QKeySequence, of_the_list))
    missing = [
        f"{page.name}: {keys}"
        for page in help_pages()
        for keys in NAMED.findall(page.markdown)
        if QKeySequence(keys) not in there
    ]
    assert not missing


async def test_each_word_of_the_window_that_a_page_quotes_is_in_it(window: MainWindow) -> None:
    """Pages set in italics what stands in the window."""
    texts = {panel.title for panel in window.panels}
    for widget in window.findChildren(QWidget):
        said = widget.text() if isinstance(widget, QLabel | QAbstractButton) else ""
        texts |= {said.replace("&", "").strip(" …"), widget.accessibleName()}
        if isinstance(widget, QComboBox):
            texts |= {widget.itemText(number) for number in range(widget.count())}
    for name in ("start", "tls", "send", "listener", "practice"):
        page = help_page(name)
        assert page is not None
        quoted = re.findall(r"(?<![*\w])\*([A-Z][^*\n]+)\*(?!\*)", page.markdown)
        missing = [word for word in quoted if not any(text.startswith(word) for text in texts)]
        assert not missing, name


async def test_each_part_has_a_name_and_takes_the_keyboard(help_window: HelpWindow) -> None:
    parts = [help_window.search, help_window.pages, help_window.browser, *help_window.findChildren(QPushButton)]
    for part in parts:
        assert part.objectName().startswith("help_")
        assert part.accessibleName()
        assert part.focusPolicy() & Qt.FocusPolicy.TabFocus
