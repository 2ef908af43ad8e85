"""Pages of what our listener answers: the rules, and the worklist."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from dicomgui.app.listening.answers import AnswerSettings
from dicomgui.app.listening.ris import COLUMNS, MAX_ROWS, check_cell
from dicomgui.app.listening.ris_files import WorklistFile
from dicomgui.app.listening.rules import ABORT, ABORT_AFTER, MAX_RULES, OPERATIONS, REJECTIONS
from dicomgui.app.listening.texts import NEW_RULE, RULE_TITLES, SERVICE_NAMES, problem_of_rule, rule_of, texts_of_rule
from dicomgui.gui.tables.edit_rows import EditColumn, EditRows
from dicomgui.gui.tables.edit_table import EditTable
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.cards import EmptyState
from dicomgui.gui.widgets.fields import check_box
from dicomgui.gui.widgets.flow import FlowRow
from dicomgui.gui.widgets.text import ElidedLabel, PlainLabel, count_text
from dicomgui.trace.finding import plain

__all__ = ["RulesPage", "WorklistPage"]

_CHOICES = {
    "service": tuple(SERVICE_NAMES.values()),
    "operation": OPERATIONS,
    "end": ("", ABORT, ABORT_AFTER, *REJECTIONS),
}
_RULES_TEXT = (
    "The first rule whose turn it is decides. With a failure status nothing is performed; any other status is said of "
    "what was performed. Attributes are written as PatientID=1; AccessionNumber=2. A rule may be for some callers, "
    "addresses or SOP classes only."
)
_ROWS_TEXT = (
    "@ is a random digit, drawn once for each row. Dates may be today, tomorrow or today+3; times now or now+30."
)
NAMED = 3
"""Problems that are told in full; the others are counted."""


class RulesPage(QWidget):
    """The rules in their order."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        columns = [
            EditColumn(name, title, _CHOICES.get(name, ()), is_tick=name == "on") for name, title in RULE_TITLES.items()
        ]
        self.model = EditRows(columns, problem_of_rule, MAX_RULES, self)
        self.model.edited.connect(self._on_edited)
        widths = {
            "on": 40, "service": 110, "operation": 96, "every": 82, "delay_ms": 82, "status": 64, "comment": 116,
            "attributes": 166, "end": 96, "caller": 104, "address": 104, "sop_class": 106,
        }  # fmt: skip
        text = "Add a rule to answer with another status, later, or every nth time, and see what the other side does."
        empty = EmptyState("edit", "Everything is answered as it should be", text)
        self.rows = EditTable("answers_rules", "Rules of answers", "rule", self.model, NEW_RULE, widths, empty)
        self.up_button = push_button("answers_rules_up", "Up", "up", tip="Ask this rule earlier")
        self.down_button = push_button("answers_rules_down", "Down", "down", tip="Ask this rule later")
        self.up_button.clicked.connect(lambda: self._move(-1))
        self.down_button.clicked.connect(lambda: self._move(1))
        self.rows.add_tools(self.up_button, self.down_button)
        self.rows.table.selectionModel().selectionChanged.connect(self._show_buttons)
        self._show_buttons()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(PlainLabel(_RULES_TEXT, tone="muted", scale=0.95, wrap=True))
        column.addWidget(self.rows, 1)

    @property
    def count(self) -> int:
        """How many rules there are."""
        return self.model.rowCount()

    def show_settings(self, settings: AnswerSettings) -> None:
        """Fill in."""
        self.model.show_rows(texts_of_rule(rule) for rule in settings.rules)
        self._show_problems()

    def over(self, settings: AnswerSettings) -> AnswerSettings:
        """``settings`` with the rules that can be used."""
        good = [row for number, row in enumerate(self.model.rows) if not self.model.problem_at(number)[1]]
        return replace(settings, rules=tuple(map(rule_of, good)))

    def _move(self, by: int) -> None:
        chosen = self.rows.selected
        if len(chosen) == 1:
            self.rows.table.selectRow(self.model.move(chosen[0], by))

    def _show_buttons(self) -> None:
        is_one = len(self.rows.selected) == 1
        self.up_button.setEnabled(is_one and self.rows.selected[0] > 0)
        self.down_button.setEnabled(is_one and self.rows.selected[0] + 1 < self.model.rowCount())

    def _on_edited(self) -> None:
        self._show_problems()
        self._show_buttons()
        self.changed.emit()

    def _show_problems(self) -> None:
        found = [(number, self.model.problem_at(number)[1]) for number in range(self.model.rowCount())]
        self.rows.show_note(_told([(number, problem) for number, problem in found if problem], "rule"))


class WorklistPage(QWidget):
    """The rows of the worklist, and data sets beside them."""

    changed = Signal()
    import_wanted = Signal()
    export_wanted = Signal()
    folder_wanted = Signal()
    folder_dropped = Signal()
    """The data sets of the folder are not wanted any more."""

    def __init__(self) -> None:
        super().__init__()
        columns = [EditColumn(column.keyword, column.title) for column in COLUMNS]
        self.model = EditRows(columns, _problem_of_row, MAX_ROWS, self)
        self.model.edited.connect(self.changed)
        fresh = {"ScheduledProcedureStepStartDate": "today", "AccessionNumber": "ACC@@@@@", "PatientID": "TEST@@@@"}
        widths = {
            "PatientName": 200, "PatientSex": 50, "Modality": 80, "ScheduledProcedureStepStartTime": 80,
            "RequestedProcedureDescription": 160, "StudyInstanceUID": 200, "ReferringPhysicianName": 150,
        }  # fmt: skip
        empty = EmptyState("worklist", "Nothing is scheduled", "Add a row, or import a CSV file whose first line names "
                           "the columns: modalities that ask our listener are answered with what matches.")  # fmt: skip
        self.rows = EditTable("answers_worklist", "Worklist", "row", self.model, fresh, widths, empty)
        tip = "Add the rows of a CSV file; its first line names the columns"
        self.import_button = push_button("answers_worklist_import", "Import CSV …", "folder", tip=tip)
        self.export_button = push_button("answers_worklist_export", "Save as CSV …", "save", tip="Save all rows")
        tip = "Files .dcm, .wl or .json: answered as they are, beside the rows"
        self.folder_button = push_button("answers_worklist_folder", "Folder of data sets …", "folder", tip=tip)
        for button, signal in (
            (self.import_button, self.import_wanted), (self.export_button, self.export_wanted),
            (self.folder_button, self.folder_wanted),
        ):  # fmt: skip
            button.clicked.connect(signal)
        self.rows.add_tools(self.import_button, self.export_button, self.folder_button)
        self.hides_ended = check_box("answers_worklist_hide", "Leave out what was completed or discontinued by MPPS")
        self.hides_ended.toggled.connect(self.changed)
        self.folder = ElidedLabel(tone="muted")
        self.folder.setObjectName("answers_worklist_folder_text")
        self.drop_button = push_button("answers_worklist_drop", "Leave out", "cancel", tip="Answer with the rows alone")
        self.drop_button.setAccessibleName("Leave out the data sets of the folder")
        self.drop_button.clicked.connect(self.folder_dropped)
        self._read: WorklistFile | None = None
        self._place()
        self.show_folder("", None)

    def _place(self) -> None:
        beside = FlowRow()
        beside.add(self.hides_ended)
        beside.add(self.folder, 1, width=220)
        beside.add(self.drop_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(PlainLabel(_ROWS_TEXT, tone="muted", scale=0.95, wrap=True))
        column.addWidget(self.rows, 1)
        column.addLayout(beside)

    @property
    def count(self) -> int:
        """How many rows and data sets there are."""
        return self.model.rowCount() + (0 if self._read is None else len(self._read.datasets))

    def show_settings(self, settings: AnswerSettings) -> None:
        """Fill in."""
        self.model.show_rows(settings.worklist)
        self.hides_ended.setChecked(settings.hides_ended)

    def over(self, settings: AnswerSettings) -> AnswerSettings:
        """``settings`` with all rows, also those that cannot be used yet."""
        return replace(settings, worklist=self.model.rows, hides_ended=self.hides_ended.isChecked())

    def show_problems(self, problems: tuple[tuple[int, str], ...]) -> None:
        """Say which rows are not in force."""
        self.rows.show_note(_told(list(problems), "row"))

    def show_folder(self, folder: str, read: WorklistFile | None) -> None:
        """Say what comes from a folder."""
        self._read = read
        text = ""
        if folder:
            found = "is being read" if read is None else count_text(len(read.datasets), "data set")
            text = f"{Path(folder).name}: {found}"
            if read is not None and read.problems:
                text += f"; {read.problems[0]}" + (f" (and {len(read.problems) - 1} more)" * (len(read.problems) > 1))
        self.folder.setText(plain(text, 400))
        self.folder.set_tone("warning" if read is not None and read.problems else "muted")
        self.drop_button.setVisible(bool(folder))


def _problem_of_row(row: Mapping[str, str]) -> tuple[str, str]:
    for column in COLUMNS:
        problem = check_cell(column, row.get(column.keyword, ""))
        if problem:
            return column.keyword, f"{column.title} {problem}"
    return "", ""


def _told(problems: list[tuple[int, str]], noun: str) -> str:
    """Which rows are not in force, and why."""
    if not problems:
        return ""
    named = "; ".join(f"{noun} {number + 1}: {problem}" for number, problem in problems[:NAMED])
    more = f"; and {len(problems) - NAMED:,} more" if len(problems) > NAMED else ""
    return f"Not in force: {named}{more}"
