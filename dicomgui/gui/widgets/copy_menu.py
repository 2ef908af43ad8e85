"""Copy an operation as a command of other tools: a menu, and a button that has it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QMainWindow, QMenu, QPushButton, QWidget

from dicomgui.app.recipes.shells import Shell
from dicomgui.gui.look import icons
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.text import tooltip
from dicomgui.trace.finding import plain

if TYPE_CHECKING:
    from dicomgui.app.recipes.commands import CopiedCommand
    from dicomgui.app.recipes.recipe import Recipe

__all__ = ["COPY_KEYS", "CopyButton", "Recipes", "copy_menu", "fill_copy_menu", "own_shell"]

COPY_KEYS = "Ctrl+Shift+C"
SAID_MS = 12_000
"""How long the window says what was copied: it may have a note to read."""

Recipes: TypeAlias = "Sequence[tuple[str, Recipe]]"
"""Operations with what each is called in a menu; a single one needs no name."""

_SHELLS = {Shell.POSIX: "For sh (Linux, macOS)", Shell.CMD: "For the Windows prompt (cmd)"}


def own_shell() -> Shell:
    """The shell of this system."""
    return Shell.CMD if sys.platform == "win32" else Shell.POSIX


def copy_menu(parent: QWidget, recipe: Recipe | None, title: str = "Copy as") -> QMenu:
    """A menu for one operation, e.g. to be part of a context menu; ``None`` makes one that is disabled."""
    menu = QMenu(title, parent)
    menu.setObjectName(f"{parent.objectName()}_copy_as")
    menu.setIcon(icons.icon("copy"))
    fill_copy_menu(menu, [] if recipe is None else [("", recipe)])
    menu.setEnabled(recipe is not None)
    return menu


def fill_copy_menu(menu: QMenu, recipes: Recipes) -> None:
    """Fill a menu anew, with one entry a tool; several operations get a menu each."""
    menu.clear()
    menu.setToolTipsVisible(True)
    if not recipes:
        menu.addAction("Nothing to copy yet").setEnabled(False)
    if len(recipes) == 1:
        _add_tools(menu, recipes[0][1])
        return
    for title, recipe in recipes:
        part = menu.addMenu(plain(title).replace("&", "&&"))
        part.setToolTipsVisible(True)
        _add_tools(part, recipe)


def _add_tools(menu: QMenu, recipe: Recipe) -> None:
    from dicomgui.app.recipes.commands import Tool, command_of  # with the writers for each tool, when a menu opens

    own = own_shell()
    for tool in Tool:
        _add(menu, command_of(recipe, tool, own))
    other = next(shell for shell in Shell if shell is not own)
    menu.addSeparator()
    more = menu.addMenu(_SHELLS[other])
    more.setToolTipsVisible(True)
    for tool in Tool:
        if tool is not Tool.PYNETDICOM:  # a script is the same everywhere
            _add(more, command_of(recipe, tool, other))


def _add(menu: QMenu, command: CopiedCommand) -> QAction:
    program = "" if command.is_script or not command.text else command.text.split(maxsplit=1)[0]
    name = f" ({program})" if program and program != command.tool else ""
    action = menu.addAction(f"{_title(command)}{name}")
    action.setEnabled(bool(command.text))
    action.setToolTip(tooltip(plain(" ".join(command.notes), 600) or "Copy it to the clipboard"))
    action.triggered.connect(partial(_copy, menu, command))
    return action


def _title(command: CopiedCommand) -> str:
    return f"{command.tool} {'script' if command.is_script else 'command'}"


def _copy(menu: QMenu, command: CopiedCommand, _checked: bool = False) -> None:
    QGuiApplication.clipboard().setText(command.text)
    said = " ".join([f"The {_title(command)} is on the clipboard.", *command.notes])
    window = _window_of(menu)
    if window is not None:
        window.statusBar().showMessage(plain(said, 600), SAID_MS)


def _window_of(menu: QMenu) -> QMainWindow | None:
    """The window that a menu belongs to; a menu is a window of its own."""
    widget = menu.parentWidget()
    while widget is not None:
        if isinstance(widget, QMainWindow):
            return widget
        widget = widget.parentWidget()
    return None


class CopyButton(QPushButton):
    """A button whose menu is made when it opens, of what there is to copy then.

    :param name: its object name.
    :param recipes: gives the operations; asked each time.
    """

    def __init__(self, name: str, recipes: Callable[[], Recipes], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        made = push_button(name, "Copy as", "copy")
        self.setText(made.text())
        self.setObjectName(name)
        self.setAccessibleName("Copy as a command of another tool")
        self.setToolTip(f"As a command of dicomgui, DCMTK or dcm4che, or as a script for pynetdicom ({COPY_KEYS})")
        self.setAutoDefault(False)
        self.setIcon(made.icon())
        self._recipes = recipes
        menu = QMenu(self)
        menu.setObjectName(f"{name}_menu")
        menu.aboutToShow.connect(self.fill)
        self.setMenu(menu)

    def fill(self) -> None:
        """Fill the menu with what can be copied now."""
        fill_copy_menu(self.menu(), self._recipes())

    def open(self) -> None:
        """Open the menu, as a click does; does nothing where the button cannot be used."""
        if self.isEnabled() and self.isVisible():
            self.menu().popup(self.mapToGlobal(self.rect().bottomLeft()))
            self.menu().setFocus()
