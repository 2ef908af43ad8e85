"""How the window looks: Fusion with colours of its own, light or dark as the system is, also while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from dicomgui.app.assets import resource

__all__ = ["DARK", "LIGHT", "Colors", "Theme", "current_colors", "fixed_font", "head_font", "styled_at_once"]


@dataclass(frozen=True, slots=True)
class Colors:
    """The colours of one scheme, as ``#rrggbb``. Text on each ground has a contrast of at least 4.5 : 1.

    :ivar faint: text of what cannot be used now: it can be read, and nobody takes it for the rest.
    """

    window: str
    rail: str
    base: str
    raised: str
    line: str
    border: str
    faint: str
    text: str
    muted: str
    accent: str
    on_accent: str
    accent_soft: str
    good: str
    good_soft: str
    warning: str
    warning_soft: str
    error: str
    error_soft: str
    sent: str
    received: str


LIGHT = Colors(
    window="#f4f6f8", rail="#e9edf1", base="#ffffff", raised="#ffffff", line="#dfe4ea", border="#b9c2cd",
    faint="#8b95a2", text="#1b2430", muted="#556070", accent="#14679a", on_accent="#ffffff", accent_soft="#d6e8f4",
    good="#17703c", good_soft="#e3f3e8", warning="#835400", warning_soft="#fdf1d8",
    error="#b3261e", error_soft="#fce8e6", sent="#14679a", received="#17703c",
)  # fmt: skip
DARK = Colors(
    window="#1a1e23", rail="#15181c", base="#22272e", raised="#2b313a", line="#343b45", border="#4b5563",
    faint="#707b89", text="#e5e9ef", muted="#a0abb9", accent="#4fb0e6", on_accent="#0b1a24", accent_soft="#1f3b4d",
    good="#6fd08c", good_soft="#1f3529", warning="#f0c050", warning_soft="#3a3020",
    error="#ff8f85", error_soft="#402425", sent="#6fc0f0", received="#7fd69a",
)  # fmt: skip


def current_colors() -> Colors:
    """The scheme that is on now, for what is painted by hand."""
    return DARK if QGuiApplication.palette().color(QPalette.ColorRole.Window).lightness() < 128 else LIGHT


def fixed_font() -> QFont:
    """The system's monospaced font, for bytes and UIDs."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    font.setStyleHint(QFont.StyleHint.Monospace)
    font.setPointSizeF(QApplication.font().pointSizeF())
    return font


def head_font() -> QFont:
    """The font of the heads of columns, as the style sheet has it: Qt measures their texts by that of the widget."""
    font = QApplication.font()
    font.setWeight(QFont.Weight.DemiBold)
    return font


@contextmanager
def styled_at_once() -> Iterator[None]:
    """Style what is made inside all together at the end.

    Qt applies the style sheet to a widget, and to all in it, anew each time that it gets another parent: for a window
    made from the inside outwards that is most of the time that it takes.
    """
    app = QApplication.instance()
    sheet = app.styleSheet() if isinstance(app, QApplication) else ""
    if not isinstance(app, QApplication) or not sheet:
        yield
        return
    app.setStyleSheet("")
    try:
        yield
    finally:
        app.setStyleSheet(sheet)


class Theme(QObject):
    """Applies a scheme to the application and follows the system until :meth:`use` fixes one."""

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self._app = app
        self._fixed: Qt.ColorScheme | None = None
        app.setStyle("Fusion")
        app.styleHints().colorSchemeChanged.connect(self._on_scheme_changed)
        self._apply()

    def use(self, scheme: Qt.ColorScheme | None) -> None:
        """Fix a scheme, or with ``None`` follow the system again."""
        self._fixed = scheme
        self._apply()

    def _on_scheme_changed(self) -> None:
        self._apply()

    def _apply(self) -> None:
        # Where the system does not tell (plain X11, off screen) it is light.
        scheme = self._fixed or self._app.styleHints().colorScheme()
        colors = DARK if scheme is Qt.ColorScheme.Dark else LIGHT
        sheet = _style_sheet(colors)
        if sheet == self._app.styleSheet():
            return
        self._app.setStyleSheet("")  # else the palette would have every widget styled once more
        self._app.setPalette(_palette(colors))
        self._app.setStyleSheet(sheet)


def _palette(c: Colors) -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    for place, color in (
        (role.Window, c.window), (role.WindowText, c.text), (role.Base, c.base), (role.AlternateBase, c.window),
        (role.Text, c.text), (role.Button, c.raised), (role.ButtonText, c.text), (role.BrightText, c.error),
        (role.ToolTipBase, c.raised), (role.ToolTipText, c.text), (role.PlaceholderText, c.muted),
        (role.Highlight, c.accent), (role.HighlightedText, c.on_accent), (role.Link, c.accent), (role.Accent, c.accent),
        (role.Light, c.raised), (role.Midlight, c.line), (role.Mid, c.border), (role.Dark, c.border),
        (role.Shadow, c.border),
    ):  # fmt: skip
        palette.setColor(place, QColor(color))
    disabled = QPalette.ColorGroup.Disabled
    for place in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(disabled, place, QColor(c.faint))
    palette.setColor(disabled, role.Highlight, QColor(c.border))
    return palette


def _style_sheet(c: Colors) -> str:
    tones = "".join(
        f'QLabel[tone="{name}"] {{ color: {color}; }}\n'
        for name, color in (("muted", c.muted), ("good", c.good), ("warning", c.warning), ("error", c.error),
                            ("accent", c.accent))
    )  # fmt: skip
    cards = "".join(
        f'QFrame[card="{name}"] {{ background: {ground}; border: 1px solid {edge}; border-radius: 8px; }}\n'
        for name, ground, edge in (("plain", c.base, c.line), ("error", c.error_soft, c.error),
                                   ("warning", c.warning_soft, c.warning), ("good", c.good_soft, c.good),
                                   ("note", c.accent_soft, c.accent))
    )  # fmt: skip
    return f"{tones}{cards}{_controls(c)}{_lists(c)}"


def _controls(c: Colors) -> str:
    """Fields, buttons, rail and bars."""
    check = resource(f"icons/check-{'dark' if c is DARK else 'light'}.svg").as_posix()
    return f"""
QFrame#rail {{ background: {c.rail}; border: none; border-right: 1px solid {c.line}; }}
QFrame#rail QToolButton {{ border: 2px solid transparent; border-radius: 8px; padding: 5px 2px 4px 2px;
    color: {c.muted}; }}
QFrame#rail QToolButton:hover {{ background: {c.line}; color: {c.text}; }}
QFrame#rail QToolButton:checked {{ background: {c.accent_soft}; color: {c.accent}; font-weight: 600; }}
QFrame#rail QToolButton:focus {{ border-color: {c.accent}; }}
QLineEdit, QComboBox, QPlainTextEdit {{ background: {c.base}; color: {c.text}; border: 1px solid {c.border};
    border-radius: 5px; padding: 4px 8px; selection-background-color: {c.accent}; selection-color: {c.on_accent}; }}
QLineEdit, QComboBox {{ min-height: 20px; }}
QPlainTextEdit {{ padding: 2px 4px; }}
QLineEdit:focus, QComboBox:focus, QPlainTextEdit:focus {{ border-color: {c.accent}; }}
QLineEdit[readOnly="true"], QPlainTextEdit[readOnly="true"] {{ background: {c.window}; color: {c.muted};
    border-color: {c.line}; }}
QLineEdit[changed="true"], QPlainTextEdit[changed="true"], QComboBox[changed="true"] {{
    background: {c.warning_soft}; border-color: {c.warning}; }}
QCheckBox[changed="true"] {{ color: {c.warning}; }}
QLineEdit:disabled, QComboBox:disabled {{ background: {c.window}; color: {c.muted};
    border-color: {c.line}; }}
QLineEdit[invalid="true"] {{ border-color: {c.error}; }}
QComboBox::drop-down {{ border: none; width: 24px; }}
QComboBox::down-arrow {{ image: none; }}
QComboBox QAbstractItemView {{ background: {c.base}; border: 1px solid {c.border}; }}
QToolButton[quiet="true"] {{ border: 1px solid transparent; border-radius: 5px; padding: 4px 8px 4px 4px;
    color: {c.text}; background: transparent; }}
QToolButton[quiet="true"]:hover {{ background: {c.line}; }}
QToolButton[quiet="true"]:focus {{ border-color: {c.accent}; }}
QToolButton[quiet="true"]:checked {{ color: {c.accent}; }}
QPushButton {{ background: {c.raised}; color: {c.text}; border: 1px solid {c.border}; border-radius: 5px;
    padding: 5px 14px; min-height: 20px; }}
QPushButton:hover {{ border-color: {c.accent}; }}
QPushButton:pressed {{ background: {c.accent_soft}; }}
QPushButton:focus {{ border-color: {c.accent}; }}
QPushButton:disabled {{ color: {c.faint}; border-color: {c.line}; background: {c.window}; }}
QPushButton[primary="true"] {{ background: {c.accent}; color: {c.on_accent}; border-color: {c.accent};
    font-weight: 600; }}
QPushButton[primary="true"]:hover, QPushButton[primary="true"]:focus {{ border-color: {c.text}; }}
QPushButton[primary="true"]:disabled {{ background: {c.line}; color: {c.muted}; border-color: {c.line}; }}
QPushButton:checked {{ background: {c.accent_soft}; border-color: {c.accent}; color: {c.accent}; }}
QPushButton[segment] {{ padding: 5px 12px; }}
QPushButton[segment="first"] {{ border-top-right-radius: 0; border-bottom-right-radius: 0; }}
QPushButton[segment="middle"] {{ border-radius: 0; border-left: none; }}
QPushButton[segment="last"] {{ border-top-left-radius: 0; border-bottom-left-radius: 0; border-left: none; }}
QPushButton#trace_filter_saved::menu-indicator {{ width: 0; image: none; }}
QPushButton[step="open"] {{ background: {c.window}; border-color: {c.line}; padding: 10px 6px; }}
QPushButton[step="done"] {{ background: {c.good_soft}; color: {c.good}; border-color: {c.good}; padding: 10px 6px;
    font-weight: 600; }}
QPushButton[step="open"]:hover, QPushButton[step="open"]:focus, QPushButton[step="done"]:hover,
QPushButton[step="done"]:focus {{ border-color: {c.accent}; }}
QCheckBox::indicator, QTableView::indicator {{ width: 12px; height: 12px; background: {c.base};
    border: 1px solid {c.border}; border-radius: 3px; }}
QCheckBox::indicator:checked, QTableView::indicator:checked {{ background: {c.accent}; border-color: {c.accent};
    image: url("{check}"); }}
QCheckBox::indicator:checked:disabled {{ background: {c.faint}; border-color: {c.faint}; }}
QCheckBox::indicator:focus {{ border-color: {c.accent}; }}
QCheckBox::indicator:checked:focus {{ border-color: {c.text}; }}
QProgressBar {{ background: {c.line}; border: none; border-radius: 4px; max-height: 8px; min-height: 8px; }}
QProgressBar::chunk {{ background: {c.accent}; border-radius: 4px; }}
QStatusBar {{ background: {c.rail}; border-top: 1px solid {c.line}; }}
QStatusBar::item {{ border: none; }}
QToolTip {{ background: {c.raised}; color: {c.text}; border: 1px solid {c.border}; padding: 4px; }}
QScrollArea {{ border: none; background: transparent; }}
QScrollArea > QWidget > QWidget {{ background: transparent; }}
QFrame#banner {{ background: {c.error_soft}; border: none; border-bottom: 1px solid {c.error}; }}
QFrame#practice_bar {{ background: {c.accent_soft}; border: none; border-bottom: 1px solid {c.line}; }}
QFrame#banner[tone="warning"] {{ background: {c.warning_soft}; border-bottom-color: {c.warning}; }}
"""


def _lists(c: Colors) -> str:
    """Tables, trees, bytes and what scrolls them."""
    return f"""
QTableView, QTreeView, QListView, QTextBrowser {{ background: {c.base}; alternate-background-color: {c.window};
    border: 1px solid {c.line}; border-radius: 6px; selection-background-color: {c.accent_soft};
    selection-color: {c.text}; outline: none; }}
QTableView:focus, QTreeView:focus, QListView:focus, QTextBrowser:focus {{ border-color: {c.accent}; }}
QTableView::item {{ padding: 0 6px; border: none; }}
QListView#help_pages::item {{ padding: 0 8px; }}
QListView#findings_list::item, QListView#users_list::item {{ padding: 0 6px; min-height: 24px; }}
QTreeView::item {{ padding: 2px 6px 2px 0; border: none; }}
QTreeView::item:selected, QTreeView::branch:selected {{ background: {c.accent_soft}; color: {c.text}; }}
QHeaderView {{ background: {c.base}; border: none; }}
QHeaderView::section {{ background: {c.base}; color: {c.muted}; border: none; border-bottom: 1px solid {c.line};
    padding: 5px 9px; font-weight: 600; }}
QTreeView QHeaderView::section {{ padding: 5px 9px 5px 3px; }}
QTreeView QHeaderView::section:first, QTreeView QHeaderView::section:only-one {{ padding-left: 9px; }}
QTabBar::tab {{ background: transparent; color: {c.muted}; border: 1px solid transparent; border-radius: 5px;
    padding: 4px 10px; margin-right: 2px; }}
QTabBar::tab:hover {{ background: {c.line}; color: {c.text}; }}
QTabBar::tab:selected {{ background: {c.accent_soft}; color: {c.accent}; }}
QTabBar::tab:disabled {{ color: {c.faint}; background: transparent; }}
QTabBar:focus::tab:selected {{ border-color: {c.accent}; }}
QSplitter::handle {{ background: transparent; }}
QSplitter::handle:hover, QSplitter::handle:pressed {{ background: {c.line}; }}
QScrollBar {{ background: transparent; border: none; }}
QScrollBar:vertical {{ width: 12px; margin: 2px; }}
QScrollBar:horizontal {{ height: 12px; margin: 2px; }}
QScrollBar::handle {{ background: {c.border}; border-radius: 4px; }}
QScrollBar::handle:vertical {{ min-height: 28px; }}
QScrollBar::handle:horizontal {{ min-width: 28px; }}
QScrollBar::handle:hover {{ background: {c.muted}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QAbstractScrollArea::corner {{ background: transparent; }}
QFrame[bytes="true"] {{ background: {c.base}; border: 1px solid {c.line}; border-radius: 6px; }}
QFrame[bytes="true"]:focus {{ border-color: {c.accent}; }}
"""
