"""A line in which an attribute is named, by keyword or number, and completed."""

from __future__ import annotations

from PySide6.QtCore import QStringListModel, Qt
from PySide6.QtWidgets import QCompleter, QLineEdit

from dicomgui.app.asking.keys import attributes_matching

__all__ = ["AttributeEdit"]

_MIN_TYPED = 2


class AttributeEdit(QLineEdit):
    """Offers the attributes whose keyword, name or number has in it what was typed, from two characters on.

    :param name: object name.
    :param takes_paths: what stands behind the last dot is completed, and a sequence with its first item, so that one
        can go on to type what is inside: ``ScheduledProcedureStepSequence[0].Modality``.
    """

    def __init__(self, name: str, accessible: str, *, hint: str = "", takes_paths: bool = False) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName(accessible)
        self.setPlaceholderText(hint)
        self._takes_paths = takes_paths
        self._names = QStringListModel(self)
        completer = QCompleter(self._names, self)
        completer.setCompletionMode(QCompleter.CompletionMode.UnfilteredPopupCompletion)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.setCompleter(completer)
        self.textEdited.connect(self._on_typed)

    def _on_typed(self, text: str) -> None:
        before, dot, last = text.rpartition(".") if self._takes_paths else ("", "", text)
        found = attributes_matching(last) if len(last.strip()) >= _MIN_TYPED else ()
        self._names.setStringList([
            f"{before}{dot}{one.keyword}{'[0].' if self._takes_paths and one.is_sequence else ''}" for one in found
        ])  # fmt: skip
