"""Which values that still stand in a redacted copy are replaced there, and which may stay."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QLayout, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.dialogs import foot_of
from dicomgui.gui.widgets.text import PlainLabel, count_text, tooltip
from dicomgui.trace.redaction.leftover import Leftover, Verdict
from dicomgui.trace.redaction.wording import place_text

__all__ = ["LeftoverDialog"]

_NUMBER = Qt.ItemDataRole.UserRole
_SHOWN_PLACES = 3
_NOTE = (
    "They are values of a patient, and also stand where this copy keeps things, such as in an AE title. Tick what has "
    "to be replaced there; what is not ticked stays in the file."
)


class LeftoverDialog(QDialog):
    """Asks about each leftover; :attr:`verdicts` are the answer. All are ticked at first.

    :param left: what is asked about.
    """

    def __init__(self, left: tuple[Leftover, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("leftover_dialog")
        self.setWindowTitle("Values that may identify somebody")
        self.setAccessibleName(self.windowTitle())
        self.what = PlainLabel(f"{count_text(len(left), 'value')} may still identify somebody", bold=True, wrap=True)
        self.what.setObjectName("leftover_what")
        self.note = PlainLabel(_NOTE, tone="muted", scale=0.9, wrap=True)
        self.note.setObjectName("leftover_note")
        self.values = QListWidget()
        self.values.setObjectName("leftover_values")
        self.values.setAccessibleName("Values; those that are ticked are replaced")
        self.values.setWordWrap(True)
        for one in left:
            self.values.addItem(_item(one))
        self.save_button = push_button("leftover_save", "&Save", "save", primary=True)
        self.save_button.setDefault(True)
        self.save_button.clicked.connect(self.accept)
        self.cancel_button = push_button("leftover_cancel", "Ca&ncel", "cancel", tip="Save nothing")
        self.cancel_button.clicked.connect(self.reject)
        self._place()
        self.values.setCurrentRow(0)
        self.values.setFocus()

    def _place(self) -> None:
        column = QVBoxLayout(self)
        column.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(10)
        column.addWidget(self.what)
        column.addWidget(self.note)
        column.addWidget(self.values, 1)
        column.addLayout(foot_of(self.save_button, self.cancel_button))
        self.resize(560, 400)

    @property
    def verdicts(self) -> Mapping[int, Verdict]:
        """The verdict on each leftover, by its number."""
        items = [self.values.item(row) for row in range(self.values.count())]
        return {
            int(item.data(_NUMBER)): Verdict.MASK if item.checkState() is Qt.CheckState.Checked else Verdict.KEEP
            for item in items
        }


def _item(left: Leftover) -> QListWidgetItem:
    count = len(left.places)
    places = [place_text(place) for place in left.places[:_SHOWN_PLACES]]
    if count > _SHOWN_PLACES:
        places.append(f"and {count_text(count - _SHOWN_PLACES, 'more place')}")
    lines = [f"“{left.text}”, of {left.element}", *(f"    {place}" for place in places)]
    item = QListWidgetItem("\n".join(lines))
    item.setData(_NUMBER, left.number)
    item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
    item.setCheckState(Qt.CheckState.Checked)
    item.setToolTip(tooltip("; ".join(place_text(place) for place in left.listed)))
    return item
