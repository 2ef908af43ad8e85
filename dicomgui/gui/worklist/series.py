"""The series that the end of a step names, in a table: typed, or taken from the archive with their images."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from dicomgui.app.nservices.performed_series import (
    COLUMNS,
    MAX_SERIES,
    NOTHING_TAKEN,
    SeriesRow,
    Taken,
    count_images,
    fresh_row,
    problem_of_series,
)
from dicomgui.gui.tables.edit_rows import EditColumn, EditRows
from dicomgui.gui.tables.edit_table import EditTable
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.cards import EmptyState
from dicomgui.gui.widgets.text import count_text

__all__ = ["SeriesTable"]

MIN_HEIGHT = 190


class SeriesTable(QWidget):
    """Rows of series; one at least is needed.

    :param first: stands in it at the beginning; new rows have its protocol.
    :ivar taken: the instances that rows of the archive stand for.
    """

    changed = Signal()
    archive_wanted = Signal()
    """The user wants the series that the archive has of the study."""

    def __init__(self, first: SeriesRow) -> None:
        super().__init__()
        self.taken: Taken = NOTHING_TAKEN
        self._protocol = first["ProtocolName"]
        columns = [EditColumn(name, title) for name, title in COLUMNS.items()]
        self.model = EditRows(columns, problem_of_series, MAX_SERIES, self)
        self.model.show_rows([first])
        empty = EmptyState("worklist", "No series", "The end of a step names one series at least.")
        widths = {"SeriesInstanceUID": 250, "ProtocolName": 140, "SeriesDescription": 140}
        self.rows = EditTable("worklist_series", "Series of the step", "series", self.model, self._fresh, widths, empty)
        tip = "All series that the archive has of this study, with their images"
        self.archive_button = push_button("worklist_series_archive", "From the archive", "archive", tip=tip)
        self.archive_button.clicked.connect(self.archive_wanted)
        self.rows.add_tools(self.archive_button)
        self.setMinimumHeight(MIN_HEIGHT)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.rows)
        self.model.edited.connect(self.changed)

    @property
    def typed(self) -> tuple[SeriesRow, ...]:
        """The rows as they stand."""
        return self.model.rows

    @property
    def images(self) -> int:
        """How many instances they stand for."""
        return sum(count_images(row, self.taken) for row in self.model.rows)

    def take(self, rows: Sequence[SeriesRow], taken: Taken) -> None:
        """Put the series of the archive in the place of the rows, if there are any."""
        if not rows:
            self.rows.show_note("The archive has nothing of this study.")
            return
        self.taken = taken
        self.model.show_rows(rows)
        self.rows.show_note("")
        self.changed.emit()

    def say(self, text: str) -> None:
        """Say below the table what is wrong."""
        self.rows.show_note(text)

    @property
    def summary(self) -> str:
        """How much it is, in words."""
        return f"{count_text(self.model.rowCount(), 'series', 'series')}, {count_text(self.images, 'image')}"

    def _fresh(self) -> SeriesRow:
        return fresh_row(self._protocol)
