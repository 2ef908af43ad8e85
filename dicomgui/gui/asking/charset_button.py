"""Read the texts of answers in another character set than they name: a button with a menu."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QPushButton, QWidget

from dicomgui.app.viewing.charset_lens import CANDIDATES
from dicomgui.gui.look import icons

__all__ = ["CharsetButton"]

_AS_NAMED = "As the answers say"
_TIP = (
    "In which character set the texts are read. Peers that name none, or a wrong one, in Specific Character Set "
    "(0008,0005) give garbled names; nothing is asked again."
)


class CharsetButton(QPushButton):
    """Says in which character set texts are read, and lets another one be chosen.

    :param name: of the object; its menu is called ``name_menu``.
    :ivar charset: the term that was chosen; empty for what the answers say.
    """

    chosen = Signal(str)
    """Texts are to be read in the set with this term; empty for the one that they name."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.charset = ""
        self.setObjectName(name)
        self.setIcon(icons.icon("text"))
        self.setToolTip(_TIP)
        self.setAutoDefault(False)
        self.menu_of_sets = QMenu(self)
        self.menu_of_sets.setObjectName(f"{name}_menu")
        group = QActionGroup(self.menu_of_sets)
        self._actions: dict[str, QAction] = {}
        for term, title in {"": _AS_NAMED, **CANDIDATES}.items():
            action = QAction(f"{title} ({term})" if term else title, self.menu_of_sets)
            action.setCheckable(True)
            action.setChecked(not term)
            action.triggered.connect(partial(self._on_chosen, term))
            group.addAction(action)
            self.menu_of_sets.addAction(action)
            self._actions[term] = action
            if not term:
                self.menu_of_sets.addSeparator()
        self.clicked.connect(self._show_menu)
        self._show()

    def _show(self) -> None:
        self.setText(f" Read as: {self.charset}" if self.charset else " Read as …")
        self.setAccessibleName(f"Read texts as {self.charset}" if self.charset else "Read texts as they say")

    def _show_menu(self) -> None:
        self.menu_of_sets.popup(self.mapToGlobal(self.rect().bottomLeft()))

    def _on_chosen(self, term: str, _checked: bool = False) -> None:
        if term != self.charset:
            self.charset = term
            self._show()
            self.chosen.emit(term)
