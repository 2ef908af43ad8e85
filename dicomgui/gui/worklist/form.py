"""What to ask a worklist: the presets, the usual keys, and what every question has."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QWidget

from dicomgui.app.asking.date_presets import DatePreset
from dicomgui.app.asking.keys import Key
from dicomgui.app.asking.query import Query
from dicomgui.app.asking.searches import QueryMemory, SavedSearch
from dicomgui.app.asking.worklist import STEP, usual_return_keys, worklist_query, worklist_remarks
from dicomgui.gui.asking.form import AskingForm
from dicomgui.gui.asking.key_fields import KeyFields
from dicomgui.gui.keeping.configuration import Configuration
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.flow import FlowRow
from dicomgui.trace.finding import plain

__all__ = ["DATE", "MODALITY", "STATION", "WorklistForm"]

DATE: Final = f"{STEP}[0].ScheduledProcedureStepStartDate"
MODALITY: Final = f"{STEP}[0].Modality"
STATION: Final = f"{STEP}[0].ScheduledStationAETitle"

_TIME: Final = f"{STEP}[0].ScheduledProcedureStepStartTime"
_ROWS: Final = (
    ((DATE, "Scheduled date", "today, 20240131-"),),
    ((_TIME, "Scheduled time", "080000-120000"), (MODALITY, "Modality", "CT")),
    ((STATION, "Station AE title", "exact, or CT*"),),
    (("PatientName", "Patient name", "DOE^JANE or DOE*"),),
    (("PatientID", "Patient ID", ""), ("AccessionNumber", "Accession number", "")),
    (("RequestedProcedureID", "Requested procedure", ""), (f"{STEP}[0].ScheduledProcedureStepID", "Step ID", "")),
)
_PRESETS: Final = (
    DatePreset.TODAY, DatePreset.TOMORROW, DatePreset.NEXT_7_DAYS, DatePreset.THIS_WEEK, DatePreset.YESTERDAY,
    DatePreset.LAST_7_DAYS,
)  # fmt: skip
_HELP: Final = (
    "* stands for any characters, ? for one; nothing is added by itself. Dates and times can be ranges: "
    "20240101-20240131, 080000-. Each preset fills a field in, and empties it again."
)


class WorklistForm(AskingForm):
    """The left side of the worklist panel. Gives a :class:`Query`, takes a :class:`SavedSearch`."""

    unknown_modality = Signal()
    """The user wants "this modality", and nobody has said which that is."""

    def __init__(self, config: Configuration, parent: QWidget | None = None) -> None:
        self.usual = KeyFields("worklist", _ROWS, {DATE: _PRESETS})
        self.presets = QWidget()
        super().__init__("worklist", config, self.presets, self.usual, _HELP, parent)
        self._own = {DATE: DatePreset.TODAY.value, MODALITY: "", STATION: ""}
        self._our_ae = ""
        row = FlowRow(6)
        row.setContentsMargins(0, 0, 0, 0)
        self.presets.setLayout(row)
        self.today = self._preset("worklist_today", "Today", "Steps that are scheduled for today", DATE)
        self.this_modality = self._preset("worklist_this_modality", "This modality", "", MODALITY)
        self.this_station = self._preset("worklist_this_station", "This station", "", STATION)
        for button in (self.today, self.this_modality, self.this_station):
            row.add(button)
        self.usual.changed.connect(self._show_presets)
        self.begin()
        self._show_presets()

    def _preset(self, name: str, text: str, tip: str, path: str) -> QPushButton:
        button = push_button(name, text, tip=tip)
        button.setCheckable(True)
        button.clicked.connect(lambda is_on: self._on_preset_clicked(path, is_on))
        return button

    # the question

    def query(self) -> Query:
        query = worklist_query(self.keys, self.editor.returned, self.how.chosen_limit)
        query = replace(query, cancel_after_s=self.how.cancel_after_s)
        query.identifier()
        return query

    def take(self, search: SavedSearch) -> None:
        query = search.query()
        keys = self.how.take(search, query.keys)
        returned = usual_return_keys() if query.returned is None else query.returned
        self.editor.set_keys((*self.usual.take_keys(keys), *returned))

    def usual_returned(self) -> tuple[Key, ...]:
        return usual_return_keys()

    def remarks_on(self, query: Query) -> tuple[str, ...]:
        return worklist_remarks(query.keys)

    # the presets

    def show_own(self, memory: QueryMemory, our_ae: str) -> None:
        """Say what "this station" and "this modality" are.

        :param our_ae: our AE title: the station, where nobody has chosen another one.
        """
        self._our_ae = our_ae
        self._own[MODALITY] = memory.modality
        self._own[STATION] = memory.station_ae or our_ae
        self._show_presets()

    @property
    def chosen_own(self) -> tuple[str, str]:
        """Station and modality that are asked for, to be "this" one from now on; empty where there is none.

        Wildcards and several values stand for no single one.
        """
        texts = self.usual.texts()
        return _single(texts[STATION].strip()), _single(texts[MODALITY].strip())

    def _on_preset_clicked(self, path: str, is_on: bool) -> None:
        value = self._own[path]
        if is_on and not value:
            self._show_presets()
            self.usual.fields[path].setFocus()
            self.unknown_modality.emit()
            return
        self.usual.set_texts({**self.usual.texts(), path: value if is_on else ""})

    def _show_presets(self) -> None:
        texts = self.usual.texts()
        for path, button in ((DATE, self.today), (MODALITY, self.this_modality), (STATION, self.this_station)):
            button.setChecked(bool(self._own[path]) and texts[path].strip() == self._own[path])
        modality, station = self._own[MODALITY], self._own[STATION]
        self.this_modality.setText(f"This modality: {plain(modality, 16)}" if modality else "This modality")
        self.this_modality.setToolTip("The modality that was asked for last")
        self.this_station.setText(f"This station: {plain(station, 16)}" if station else "This station")
        ours = "our AE title" if station == self._our_ae else "the station that was asked for last"
        self.this_station.setToolTip(f"Steps for {ours}")


def _single(text: str) -> str:
    """The text, where it stands for one value."""
    return "" if set(text) & set("*?\\") else text
