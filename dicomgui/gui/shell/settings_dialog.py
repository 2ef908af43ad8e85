"""The settings that are not a node's: colours, our own AE title, the usual options of a connection."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QDialog, QLayout, QVBoxLayout, QWidget

from dicomgui.app.configuration.nodes import NodeTimeouts
from dicomgui.app.configuration.settings import Settings, Theme
from dicomgui.gui.peers.ae_ruler import AETitleRemarks
from dicomgui.gui.peers.connection_fields import ConnectionFields
from dicomgui.gui.peers.fields import AETitleEdit
from dicomgui.gui.widgets.buttons import Choice, push_button
from dicomgui.gui.widgets.dialogs import foot_of
from dicomgui.gui.widgets.text import ElidedLabel, PlainLabel, labelled
from dicomgui.network.association.params import AETitle, Timeouts
from dicomgui.network.errors import ConfigurationError
from dicomgui.trace.finding import plain

__all__ = ["SettingsDialog"]

_THEMES = {Theme.SYSTEM: "as the system", Theme.LIGHT: "light", Theme.DARK: "dark"}
_TIMES = ("connect_s", "tls_s", "associate_s", "response_s", "retrieve_s", "release_s", "cancel_s")


class SettingsDialog(QDialog):
    """Shows settings and gives the changed ones back by :attr:`chosen`.

    :param path: the file that keeps them, to be named; ``None`` where they last as long as the window.
    """

    chosen = Signal(object)
    """The user has changed them to these :class:`~dicomgui.app.configuration.settings.Settings`."""

    def __init__(self, settings: Settings, path: Path | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("settings_dialog")
        self.setWindowTitle("Settings")
        self.setAccessibleName("Settings")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._settings = settings
        self._make_widgets(path)
        self._place()
        self._show(settings)
        self.resize(540, self.sizeHint().height())

    def _make_widgets(self, path: Path | None) -> None:
        self.theme = Choice("settings_theme", "Colours")
        for theme, text in _THEMES.items():
            self.theme.addItem(text, theme)
        self.calling = AETitleEdit("settings_calling_ae", "Our AE title")
        self.remarks = AETitleRemarks("settings_calling_ae", "AE title of ours")
        self.calling.textChanged.connect(self.remarks.show_title)
        self.options = ConnectionFields("settings")
        self.options.show_usual(Timeouts(), Settings().max_pdu_length)
        self.trace_full = QCheckBox("&Keep whole data sets in the trace")
        self.trace_full.setObjectName("settings_trace_full")
        self.trace_full.setAccessibleName("Keep whole data sets in the trace")
        self.trace_full.setToolTip("Otherwise the first 8 KiB of each object of a C-STORE; the files have the rest")
        self.path = ElidedLabel(tone="muted", mode=Qt.TextElideMode.ElideMiddle)
        self.path.setObjectName("settings_path")
        self.path.setText(f"Kept in {path}" if path is not None else "Kept as long as this window is open")
        self.problem_text = PlainLabel(tone="error", wrap=True)
        self.problem_text.setObjectName("settings_problem")
        self.problem_text.hide()
        self.save_button = push_button("settings_save", "Sa&ve", "save", primary=True)
        self.save_button.setDefault(True)
        self.save_button.clicked.connect(self._on_save_clicked)
        self.cancel_button = push_button("settings_cancel", "Ca&ncel", "cancel")
        self.cancel_button.clicked.connect(self.reject)

    def _place(self) -> None:
        column = QVBoxLayout(self)
        column.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(12)
        for text, field, below in (
            ("&Our AE title, where a node names no other", self.calling, self.remarks),
            ("Colo&urs", self.theme, None),
        ):
            column.addLayout(labelled(text, field, below))
        column.addWidget(PlainLabel("Time-outs in seconds and PDU length, where a node says nothing else", bold=True))
        column.addWidget(self.options)
        column.addWidget(self.trace_full)
        column.addWidget(self.problem_text)
        column.addStretch(1)
        column.addWidget(self.path)
        column.addLayout(foot_of(self.save_button, self.cancel_button))

    def _show(self, settings: Settings) -> None:
        self.theme.setCurrentIndex(self.theme.findData(settings.theme))
        self.calling.setText(str(settings.calling_ae))
        usual = Timeouts()
        own = {name: getattr(settings.timeouts, name) for name in _TIMES}
        times = NodeTimeouts(**{
            name: None if value == getattr(usual, name) else float("inf") if value is None else value
            for name, value in own.items()
        })  # fmt: skip
        length = None if settings.max_pdu_length == Settings().max_pdu_length else settings.max_pdu_length
        for name, text in ConnectionFields.texts_of(times, length).items():
            self.options.edits[name].setText(text)
        self.trace_full.setChecked(settings.trace_full)

    def settings(self) -> Settings:
        """What the fields say.

        :raises ConfigurationError: says what is wrong.
        """
        usual = Timeouts(idle_s=self._settings.timeouts.idle_s, artim_s=self._settings.timeouts.artim_s)
        length = self.options.max_pdu_length()
        return replace(
            self._settings,
            theme=Theme(self.theme.currentData()),
            calling_ae=AETitle(self.calling.text()),
            timeouts=self.options.timeouts().over(usual),
            max_pdu_length=Settings().max_pdu_length if length is None else length,
            trace_full=self.trace_full.isChecked(),
        )

    def _on_save_clicked(self) -> None:
        try:
            settings = self.settings()
        except ConfigurationError as error:
            self.problem_text.setText(plain(f"{error}. {error.hint}".strip(), 400))
            self.problem_text.show()
            self.resize(self.width(), max(self.height(), self.sizeHint().height()))
            return
        self.chosen.emit(settings)
        self.accept()
