"""What is asked in a request for a normalized service: operation, SOP class, instance, type, attributes, data set."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

from PySide6.QtCore import QStringListModel, Qt, Signal
from PySide6.QtWidgets import QCompleter, QGridLayout, QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from dicomgui.app.connection import RoleWish
from dicomgui.app.nservices.requests import WELL_KNOWN, NOperation, NRequest, sop_class_of
from dicomgui.app.nservices.templates import Draft
from dicomgui.app.nservices.types import (
    attributes_text,
    class_names,
    class_text,
    parse_attributes,
    parse_type,
    sop_class_title,
    type_name,
)
from dicomgui.gui.nservices.dataset_editor import DatasetEditor
from dicomgui.gui.running.tasks import PanelTasks
from dicomgui.gui.widgets.buttons import Choice, push_button
from dicomgui.gui.widgets.fields import line_edit, set_invalid
from dicomgui.gui.widgets.flow import labelled
from dicomgui.gui.widgets.text import ElidedLabel, PlainLabel
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service_classes.attributes import new_uid
from dicomgui.trace.finding import plain

__all__ = ["RequestForm"]

_T = TypeVar("_T")

_ROLES = {
    RoleWish.USUAL: "The usual one", RoleWish.USER: "User (SCU)", RoleWish.PROVIDER: "Provider (SCP)",
    RoleWish.BOTH: "Both",
}  # fmt: skip
_HAS_DATASET = frozenset({NOperation.CREATE, NOperation.SET, NOperation.ACTION, NOperation.EVENT_REPORT})
_PLAIN = frozenset({NOperation.GET, NOperation.DELETE})


class RequestForm(QWidget):
    """The fields of a request; :attr:`editor` holds its data set.

    :param prefix: begins the object names: ``nservices_operation``, ``nservices_sop_class``, ``nservices_instance``.
    """

    changed = Signal()
    """Something is other now."""

    submitted = Signal()
    """Enter was pressed in one of the lines."""

    def __init__(self, prefix: str, tasks: PanelTasks, pool: Executor, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.operation = Choice(f"{prefix}_operation", "Operation")
        for one in NOperation:
            self.operation.addItem(one.value.upper(), one)
        self.sop_class = line_edit(f"{prefix}_sop_class", "SOP class", hint="name or UID")
        self.instance = line_edit(
            f"{prefix}_instance", "SOP instance UID", hint="UID; N-CREATE may leave it to the peer"
        )
        self.new_button = push_button(f"{prefix}_instance_new", "New", "add", tip="A UID that nobody else has")
        tip = "The instance that all of this SOP class share"
        self.well_known_button = push_button(f"{prefix}_instance_well_known", "Well-known", tip=tip)
        self.context = line_edit(
            f"{prefix}_context", "Presentation context", hint="as the SOP class",
            tip="Abstract syntax of the presentation context, where it is another than the SOP class (print, UPS)",
        )  # fmt: skip
        self.role = Choice(f"{prefix}_role", "Our role")
        self.role.setToolTip("Asked for by role selection when the association is opened (PS3.7 D.3.3.4)")
        for wish, text in _ROLES.items():
            self.role.addItem(text, wish)
        self.type_id = line_edit(f"{prefix}_type", "Number of the action or event", hint="1")
        self.type_name = PlainLabel(tone="muted", scale=0.9)
        self.type_name.setObjectName(f"{prefix}_type_name")
        self.attributes = line_edit(
            f"{prefix}_attributes", "Attributes to read", hint="PrinterStatus (2110,0020); none: all"
        )
        self.note = PlainLabel(tone="warning", scale=0.9, wrap=True)
        self.note.setObjectName(f"{prefix}_note")
        self.note.hide()
        self.class_note = ElidedLabel(tone="muted")
        self.class_note.setObjectName(f"{prefix}_class_note")
        self.editor = DatasetEditor(prefix, tasks, pool)
        self.editor.meta = lambda: (self._uid_of(self.sop_class), self.instance.text().strip())
        self._complete(self.sop_class)
        self._complete(self.context)
        self._place()
        self._connect()
        self._show()

    def _complete(self, edit: QLineEdit) -> None:
        completer = QCompleter(QStringListModel(list(class_names()), self), self)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        edit.setCompleter(completer)

    def _place(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        grid = QGridLayout()
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(6)
        for at, stretch in enumerate((2, 2, 2)):
            grid.setColumnStretch(at, stretch)
        for choice in (self.operation, self.role):
            choice.setSizeAdjustPolicy(Choice.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            choice.setMinimumContentsLength(9)
            choice.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        grid.addWidget(labelled("Operation", self.operation), 0, 0)
        grid.addWidget(labelled("SOP &class", self.sop_class), 0, 1, 1, 2)
        grid.addWidget(self.class_note, 1, 1, 1, 2)
        grid.addWidget(labelled("&Instance", self.instance, self.new_button, self.well_known_button), 2, 0, 1, 3)
        self._type_part = labelled("T&ype", self.type_id, self.type_name)
        self._attributes_part = labelled("Attrib&utes", self.attributes)
        grid.addWidget(labelled("Conte&xt", self.context), 3, 0)
        grid.addWidget(labelled("Our ro&le", self.role), 3, 1)
        grid.addWidget(self._type_part, 3, 2)
        grid.addWidget(self._attributes_part, 4, 0, 1, 3)
        column.addLayout(grid)
        column.addWidget(self.note)
        column.addWidget(self.editor, 1)
        self._rest = QWidget()
        column.addWidget(self._rest, 1)

    def _connect(self) -> None:
        self.operation.currentIndexChanged.connect(self._on_changed)
        self.role.currentIndexChanged.connect(self.changed)
        self.editor.changed.connect(self.changed)
        for edit in (self.sop_class, self.instance, self.context, self.type_id, self.attributes):
            edit.textChanged.connect(self._on_changed)
            edit.returnPressed.connect(self.submitted)
        self.new_button.clicked.connect(lambda: self.instance.setText(new_uid()))
        self.well_known_button.clicked.connect(self._on_well_known_clicked)

    # ---------------------------------------------------------------------------------------------------------- values

    @property
    def chosen(self) -> NOperation:
        """The operation."""
        return NOperation(self.operation.currentData())

    @property
    def role_wish(self) -> RoleWish:
        """The role to ask for."""
        return RoleWish(self.role.currentData())

    def show_draft(self, draft: Draft) -> None:
        """Fill in a request.

        :raises ConfigurationError: its data set is too large.
        """
        self.editor.show_dataset(draft.dataset)
        self.operation.setCurrentIndex(self.operation.findData(draft.operation))
        self.sop_class.setText(class_text(draft.sop_class_uid))
        self.instance.setText(draft.sop_instance_uid)
        self.context.setText(class_text(draft.context) if draft.context else "")
        self.type_id.setText("" if draft.type_id is None else str(draft.type_id))
        self.attributes.setText(attributes_text(draft.attributes))
        for edit in (self.sop_class, self.instance, self.context, self.attributes):
            edit.setCursorPosition(0)
        self._say(draft.note)

    def request(self) -> NRequest:
        """The request as it stands.

        :raises ConfigurationError: something is missing or wrong; the field is marked.
        """
        operation = self.chosen
        sop_class = self._checked(self.sop_class, sop_class_of)
        context = self._checked(self.context, sop_class_of) if self.context.text().strip() else ""
        type_id = self._checked(self.type_id, parse_type) if operation.needs_type else None
        tags = self._checked(self.attributes, parse_attributes) if operation is NOperation.GET else ()
        dataset = None
        if operation in _HAS_DATASET and (len(self.editor.edit) or operation is NOperation.SET):
            dataset = self.editor.dataset()
        try:
            return NRequest(operation, sop_class, self.instance.text().strip(), dataset, type_id, tags, context)
        except ConfigurationError:
            missing = self.type_id if operation.needs_type and type_id is None else self.instance
            set_invalid(missing, True)
            raise

    @staticmethod
    def _checked(edit: QLineEdit, parse: Callable[[str], _T]) -> _T:
        """What a line holds; it is marked where that is wrong."""
        try:
            return parse(edit.text())
        except ConfigurationError:
            set_invalid(edit, True)
            raise

    # --------------------------------------------------------------------------------------------------------- showing

    def _uid_of(self, edit: QLineEdit) -> str:
        try:
            return sop_class_of(edit.text())
        except ConfigurationError:
            return ""

    def _on_well_known_clicked(self) -> None:
        self.instance.setText(WELL_KNOWN.get(self._uid_of(self.sop_class), ""))

    def _on_changed(self) -> None:
        for edit in (self.sop_class, self.context, self.type_id, self.attributes, self.instance):
            set_invalid(edit, False)
        self._show()
        self.changed.emit()

    def _say(self, text: str) -> None:
        self.note.setText(plain(text, 300))
        self.note.setVisible(bool(text))

    def _show(self) -> None:
        operation, uid = self.chosen, self._uid_of(self.sop_class)
        self._type_part.setVisible(operation.needs_type)
        self._attributes_part.setVisible(operation is NOperation.GET)
        self.editor.setVisible(operation in _HAS_DATASET)
        self._rest.setVisible(operation in _PLAIN)
        self.well_known_button.setEnabled(uid in WELL_KNOWN)
        self.class_note.setText(f"{sop_class_title(uid)} · {uid}" if uid else "")
        try:
            number = parse_type(self.type_id.text())
        except ConfigurationError:
            number = None
        self.type_name.setText(type_name(operation, uid, number))
