"""What is told about a step, before it is told: fields to change, and all that will be sent, as a tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLayout, QScrollArea, QVBoxLayout, QWidget

from dicomgui.app.nservices.mpps import REASONS
from dicomgui.app.viewing.dataset_tree import dataset_node
from dicomgui.gui.asking.key_fields import snake
from dicomgui.gui.tables.dataset_tree import DatasetTree
from dicomgui.gui.widgets.buttons import Choice, push_button
from dicomgui.gui.widgets.dialogs import foot_of
from dicomgui.gui.widgets.fields import FieldSet, field_text, line_edit
from dicomgui.gui.widgets.text import PlainLabel, error_text
from dicomgui.gui.worklist.series import SeriesTable
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service_classes.attributes import Code
from dicomgui.trace.finding import plain

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["BEGIN_FIELDS", "END_FIELDS", "StepDialog", "StepQuestion"]

FIELDS_WIDTH = 330
SHOW_AFTER_MS = 60

Rows: TypeAlias = Sequence[Sequence[tuple[str, str]]]

BEGIN_FIELDS: Rows = (
    (("PerformedStationAETitle", "Performed station AE title"), ("PerformedStationName", "Station name")),
    (("PerformedLocation", "Location"), ("Modality", "Modality")),
    (("PerformedProcedureStepID", "Step ID"), ("StudyID", "Study ID")),
    (("PerformedProcedureStepDescription", "Description"),),
    (("PerformedProcedureStepStartDate", "Start date"), ("PerformedProcedureStepStartTime", "Start time")),
)
"""What can be changed about the begin of a step."""

END_FIELDS: Rows = (
    (("PerformedProcedureStepEndDate", "End date"), ("PerformedProcedureStepEndTime", "End time")),
    (("PerformingPhysicianName", "Performing physician"), ("OperatorsName", "Operator")),
    (("RetrieveAETitle", "Retrieve AE title"),),
)
"""What can be changed about its end, beside its series."""


@dataclass(frozen=True, slots=True)
class StepQuestion:
    """What the dialog is about.

    :ivar title: of its window.
    :ivar text: what will happen.
    :ivar button: the words that agree.
    :ivar rows: the fields.
    :ivar texts: what stands in them.
    :ivar make: the data set of the texts, with a reason where one is asked for; of very many images only the first.
    :ivar remarks: what is odd about it.
    :ivar asks_why: whether a reason is asked for.
    :ivar targets: whom it can be told, by name; none where that is settled.
    :ivar series: the table of its series, where it has one.
    """

    title: str
    text: str
    button: str
    rows: Rows
    texts: Mapping[str, str]
    make: Callable[[Mapping[str, str], Code | None], Dataset]
    remarks: Callable[[Dataset], Sequence[str]]
    asks_why: bool = False
    targets: Sequence[str] = ()
    series: SeriesTable | None = None


class StepDialog(QDialog):
    """``open`` it; :attr:`chosen` tells what is to be sent."""

    chosen = Signal(object, object, int)
    """What these texts say is to be sent, with this reason (or ``None``), to the target of this place."""

    def __init__(self, question: StepQuestion, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._question = question
        self._dataset: Dataset | None = None
        self.setObjectName("worklist_step_dialog")
        self.setWindowTitle(question.title)
        self.setAccessibleName(question.title)
        self.target = Choice("worklist_step_target", "Whom to tell")
        for name in question.targets:
            self.target.addItem(plain(name, 100))
        self.reason = Choice("worklist_step_reason", "Why it is discontinued")
        for code in REASONS:
            self.reason.addItem(code.meaning, code.value)
        self.fields = FieldSet()
        self._make_fields()
        self.remark = PlainLabel(wrap=True, scale=0.9)
        self.remark.setObjectName("worklist_step_remark")
        self.tree = DatasetTree("worklist_step")
        self.tree.close_button.hide()  # it is why the dialog is there
        self.ok_button = push_button("worklist_step_ok", question.button, "good", primary=True)
        self.ok_button.setDefault(True)
        self.cancel_button = push_button("worklist_step_close", "&Cancel")
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SHOW_AFTER_MS)
        self._place()
        self._timer.timeout.connect(self.show_dataset)
        self.fields.changed.connect(self._timer.start)
        self.reason.currentIndexChanged.connect(lambda _row: self.show_dataset())
        if question.series is not None:
            question.series.changed.connect(self._timer.start)
        self.fields.submitted.connect(self._on_ok)
        self.ok_button.clicked.connect(self._on_ok)
        self.cancel_button.clicked.connect(self.reject)
        self.show_dataset()

    def _make_fields(self) -> None:
        question = self._question
        if question.targets:
            self.fields.add_row(("target", "Tell", self.target, None))
        if question.asks_why:
            self.fields.add_row(("reason", "Why", self.reason, None))
        for row in question.rows:
            parts = [(keyword, label, line_edit(f"worklist_step_{snake(keyword)}", label, tip=keyword), None)
                     for keyword, label in row]  # fmt: skip
            self.fields.add_row(*parts)
        self.fields.set_texts(question.texts)

    def _place(self) -> None:
        column = QVBoxLayout(self)
        column.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(12)
        column.addWidget(PlainLabel(plain(self._question.text, 400), tone="muted", wrap=True))
        inside = QWidget()
        left = QVBoxLayout(inside)
        left.setContentsMargins(0, 0, 8, 0)
        left.setSpacing(8)
        left.addWidget(self.fields)
        left.addWidget(self.remark)
        left.addStretch(1)
        scroll = QScrollArea()
        scroll.setObjectName("worklist_step_fields")
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(inside)
        scroll.setMinimumWidth(FIELDS_WIDTH)
        halves = QHBoxLayout()
        halves.setSpacing(14)
        halves.addWidget(scroll, 2)
        halves.addWidget(self.tree, 3)
        column.addLayout(halves, 1)
        series = self._question.series
        if series is not None:
            text = "Series, and their images: UIDs between semicolons, each as UID or SOP class/UID."
            column.addWidget(PlainLabel(text, tone="muted", wrap=True))
            column.addWidget(series, 1)
        column.addLayout(foot_of(self.ok_button, self.cancel_button))
        parent = self.parentWidget()
        room = parent.window().size() if parent is not None else self.size()
        wide, high = (860, 560) if series is None else (980, 740)
        self.resize(min(wide, max(640, room.width() - 40)), min(high, max(420, room.height() - 40)))

    @property
    def chosen_reason(self) -> Code | None:
        """Why, where that is asked."""
        if not self._question.asks_why:
            return None
        return next(code for code in REASONS if code.value == field_text(self.reason))

    @property
    def texts(self) -> dict[str, str]:
        """What stands in the fields, by keyword."""
        return {keyword: field_text(self.fields.fields[keyword]) for keyword in self._question.texts}

    def show_dataset(self) -> None:
        """Show what would be sent now."""
        self._timer.stop()
        try:
            self._dataset = self._question.make(self.texts, self.chosen_reason)
            remarks, tone = self._question.remarks(self._dataset), "warning"
        except ConfigurationError as error:
            self._dataset, remarks, tone = None, (error_text(error),), "error"
        self.remark.set_tone(tone)
        self.remark.setText(plain(" ".join(remarks), 400))
        self.remark.setVisible(bool(remarks))
        self.ok_button.setEnabled(self._dataset is not None)
        if self._dataset is not None:
            series = self._question.series
            heading = "What is sent" if series is None else f"What is sent: {series.summary}"
            self.tree.show_node(dataset_node(self._dataset, "What is sent"), heading)

    def _on_ok(self) -> None:
        self.show_dataset()
        if self._dataset is not None:
            self.chosen.emit(self.texts, self.chosen_reason, max(0, self.target.currentIndex()))
            self.accept()
