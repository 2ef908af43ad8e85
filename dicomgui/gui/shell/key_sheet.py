"""The keys of the window, as they really are: read from its shortcuts, and from buttons that have one."""

from __future__ import annotations

from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractButton, QWidget

from dicomgui.gui.panels.panel import Panel

__all__ = ["key_rows"]

EVERYWHERE = "Everywhere"
_STANDARD = {
    QKeySequence.StandardKey.Copy: "Copy what is selected",
    QKeySequence.StandardKey.Find: "Search",
    QKeySequence.StandardKey.Delete: "Delete what is selected",
    QKeySequence.StandardKey.Undo: "Undo",
    QKeySequence.StandardKey.SelectAll: "Select all",
    QKeySequence.StandardKey.New: "New",
    QKeySequence.StandardKey.Paste: "Paste",
    QKeySequence.StandardKey.Quit: "Quit",
}
_WELL_KNOWN = {
    "F2": "Rename", "Return": "Open", "F6": "Next part: list, fields, bytes", "Shift+F6": "Part before",
    "Ctrl+G": "Go to an offset", "/": "Go to the filter", "F3": "Find the next one", "Shift+F3": "Find the one before",
    "1": "Associations", "2": "Exchanges", "3": "PDUs",
}  # fmt: skip


def key_rows(window: QWidget) -> list[tuple[str, str, str]]:
    """Where each key works, the key, and what it does; those of the whole window first.

    A shortcut says what it does by its ``whatsThis``; of one that does not, only a usual key is listed.
    """
    rows: dict[tuple[str, str], str] = {}
    for shortcut in window.findChildren(QShortcut):
        owner = shortcut.parent()
        text = shortcut.whatsThis() or _usual(shortcut.key())
        if isinstance(owner, QWidget) and text:
            rows.setdefault((_place_of(owner, window), _written(shortcut.key())), text)
    for button in window.findChildren(QAbstractButton):
        keys = _written(button.shortcut())
        if keys and not keys.startswith("Alt+"):  # those are mnemonics, which are underlined
            rows.setdefault((_place_of(button, window), keys), button.accessibleName())
    found = [(place, keys, text) for (place, keys), text in rows.items()]
    return sorted(found, key=lambda row: (row[0] != EVERYWHERE, row[0]))


def _place_of(widget: QWidget, window: QWidget) -> str:
    """The panel that a widget is part of, or the nearest part of the window that has a name."""
    at: QWidget | None = widget
    named = ""
    while at is not None and at is not window:
        if isinstance(at, Panel):
            return at.title
        named = at.accessibleName() or named
        at = at.parentWidget()
    return EVERYWHERE if widget is window else named or EVERYWHERE


def _written(keys: QKeySequence) -> str:
    return keys.toString(QKeySequence.SequenceFormat.PortableText)


def _usual(keys: QKeySequence) -> str:
    for standard, text in _STANDARD.items():
        if keys in QKeySequence.keyBindings(standard):
            return text
    return _WELL_KNOWN.get(_written(keys), "")
