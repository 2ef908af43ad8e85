"""A page for a service that is set by fields: these, what is wrong with them, and below them what has come."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from dicomgui.app.configuration.provided import Provided
from dicomgui.app.listening.answers import AnswerSettings
from dicomgui.app.listening.desk import AnswerDesk
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.cards import EmptyState
from dicomgui.gui.widgets.flow import FlowRow
from dicomgui.gui.widgets.text import PlainLabel
from dicomgui.network.errors import ConfigurationError
from dicomgui.trace.finding import plain

__all__ = ["ServicePage"]


class ServicePage(QWidget):
    """Who inherits from it makes the fields and has each of their changes tell :meth:`on_edited`; then it calls
    :meth:`lay_out`.

    :cvar service: what the page is for.
    :ivar note: what is wrong with the fields.
    :ivar pages: ``empty``, or what has come.

    :param name: begins the object names.
    :param what: is forgotten with the list: ``the jobs``.
    :param empty: stands in place of the list where there is nothing yet.
    """

    service: Provided

    changed = Signal()
    """A field holds something else."""

    def __init__(self, name: str, desk: AnswerDesk, what: str, empty: EmptyState) -> None:
        super().__init__()
        self.desk = desk
        self.note = PlainLabel(tone="warning", scale=0.9, wrap=True)
        self.note.setObjectName(f"{name}_note")
        self.note.hide()
        self.clear_button = push_button(f"{name}_clear", "Clear list", "clear", tip=f"Forget {what}")
        self.clear_button.clicked.connect(lambda: self.desk.clear(self.service))
        self.pages = QStackedWidget()
        self.pages.addWidget(empty)

    def lay_out(self, fields: FlowRow, below: QWidget) -> None:
        """Put the fields above what has come."""
        fields.add(self.clear_button)
        self.pages.addWidget(below)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(fields)
        column.addWidget(self.note)
        column.addWidget(self.pages, 1)

    @property
    def count(self) -> int:
        """How many have come."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Show what there is now."""
        self.pages.setCurrentIndex(1 if self.count else 0)
        self.clear_button.setEnabled(bool(self.count))

    # settings

    def show_settings(self, settings: AnswerSettings) -> None:
        """Fill in."""
        raise NotImplementedError

    def said(self, settings: AnswerSettings) -> AnswerSettings:
        """``settings`` with what the fields say.

        :raises ConfigurationError: it cannot be used.
        """
        raise NotImplementedError

    def over(self, settings: AnswerSettings) -> AnswerSettings:
        """``settings`` with what the fields say; what cannot be used leaves them as they are."""
        try:
            return self.said(settings)
        except ConfigurationError:
            return settings

    def on_edited(self) -> None:
        """Say what is wrong, and that something has changed."""
        problem = ""
        try:
            self.said(AnswerSettings())
        except ConfigurationError as error:
            problem = f"Not in force: {error}"
        self.note.setText(plain(problem, 300))
        self.note.setVisible(bool(problem))
        self.changed.emit()
