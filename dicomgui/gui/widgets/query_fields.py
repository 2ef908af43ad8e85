"""The usual keys of a query, those that a level has, with spans of days by name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QPushButton, QWidget

from dicomgui.app.date_presets import DatePreset
from dicomgui.app.keys import Key, attribute_of
from dicomgui.app.levels import Level, Root
from dicomgui.gui.widgets.buttons import Choice, push_button
from dicomgui.gui.widgets.fields import Field, FieldSet, field_text, line_edit

__all__ = ["UsualKeys", "snake"]

_P, _ST, _SE, _I = Level.PATIENT, Level.STUDY, Level.SERIES, Level.IMAGE

_ROWS: Final = (
    (("PatientName", "Patient name", "DOE^JANE or DOE*", {_P, _ST}),),
    (("PatientID", "Patient ID", "exact, or 12*", {_P, _ST}), ("PatientBirthDate", "Born", "19700131", {_P, _ST})),
    (("PatientSex", "Sex", "", {_P}),),
    (("StudyDate", "Study date", "20240131", {_ST}),
     ("ModalitiesInStudy", "Modality", "CT", {_ST})),
    (("AccessionNumber", "Accession number", "", {_ST}), ("StudyID", "Study ID", "", {_ST})),
    (("StudyDescription", "Study description", "*chest*", {_ST}),),
    (("ReferringPhysicianName", "Referring physician", "", {_ST}),),
    (("StudyInstanceUID", "Study Instance UID", "", {_ST, _SE, _I}),),
    (("SeriesInstanceUID", "Series Instance UID", "", {_SE, _I}),),
    (("Modality", "Modality", "CT", {_SE}), ("SeriesNumber", "Series number", "", {_SE})),
    (("SeriesDate", "Series date", "20240131", {_SE}), ("BodyPartExamined", "Body part", "CHEST", {_SE})),
    (("SeriesDescription", "Series description", "*axial*", {_SE}),),
    (("SOPInstanceUID", "SOP Instance UID", "", {_I}),),
    (("InstanceNumber", "Image number", "", {_I}), ("ContentDate", "Content date", "20240131", {_I})),
)  # fmt: skip
_LEVELS: Final = {keyword: levels for row in _ROWS for keyword, _, _, levels in row}
_PRESETS: Final = tuple(preset for preset in DatePreset if not preset.value.startswith(("next", "tomorrow")))
_WITH_PRESETS: Final = frozenset({"StudyDate", "SeriesDate"})
_SEXES: Final = (("any", ""), ("female", "F"), ("male", "M"), ("other", "O"))


def snake(keyword: str) -> str:
    """A keyword as part of an object name: ``patient_name`` for ``PatientName``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", keyword).lower()


class UsualKeys(FieldSet):
    """A field for each usual key. What is typed is sent as it is: no wildcard is added to it.

    :param prefix: begins the object names: ``query_patient_name``.
    """

    def __init__(self, prefix: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.presets: dict[str, QPushButton] = {}
        self._prefix = prefix
        self._shown: frozenset[str] = frozenset()
        for row in _ROWS:
            self.add_row(*((keyword, label, self._field(keyword, label, hint), self._behind(keyword, label))
                           for keyword, label, hint, _ in row))  # fmt: skip
        self.show_level(Level.STUDY, "")

    def _field(self, keyword: str, label: str, hint: str) -> Field:
        name = f"{self._prefix}_{snake(keyword)}"
        if keyword == "PatientSex":
            choice = Choice(name, label)
            for text, code in _SEXES:
                choice.addItem(text, code)
            return choice
        return line_edit(name, label, hint=hint, tip=f"{keyword} {attribute_of(keyword).number}, sent as it is typed")

    def _behind(self, keyword: str, label: str) -> QWidget | None:
        if keyword not in _WITH_PRESETS:
            return None
        button = push_button(f"{self._prefix}_{snake(keyword)}_presets", "", "down", tip="Spans of days by name")
        button.setAccessibleName(f"{label}: spans of days by name")
        button.setFixedWidth(34)
        menu = QMenu(button)
        menu.setObjectName(f"{button.objectName()}_menu")
        for preset in _PRESETS:
            action = QAction(preset.label, menu)
            action.triggered.connect(lambda _checked=False, preset=preset: self._take_preset(keyword, preset))
            menu.addAction(action)
        button.clicked.connect(lambda: menu.popup(button.mapToGlobal(button.rect().bottomLeft())))
        self.presets[keyword] = button
        return button

    def _take_preset(self, keyword: str, preset: DatePreset) -> None:
        self.set_texts({**self.texts(), keyword: preset.value})
        self.fields[keyword].setFocus()

    def show_level(self, level: Level, root: str) -> None:
        """Show the keys of a level; in the patient root also the patient's ID below the study."""
        shown = {keyword for keyword, levels in _LEVELS.items() if level in levels}
        if root in (Root.PATIENT, Root.PATIENT_STUDY_ONLY):
            shown.add("PatientID")
        self._shown = frozenset(shown)
        for keyword in _LEVELS:
            self.show_fields((keyword,), keyword in shown)

    @property
    def filled(self) -> tuple[Key, ...]:
        """What is filled in of what is shown."""
        texts = {keyword: field_text(self.fields[keyword]).strip() for keyword in _LEVELS if keyword in self._shown}
        return tuple(Key((attribute_of(keyword),), text) for keyword, text in texts.items() if text)

    def take_keys(self, keys: Iterable[Key]) -> tuple[Key, ...]:
        """Fill the fields in; gives the keys that none of those shown is for."""
        texts: dict[str, str] = {}
        others = []
        for key in keys:
            keyword = key.name
            if keyword in self._shown and keyword not in texts and self._takes(keyword, key.value):
                texts[keyword] = key.value
            else:
                others.append(key)
        self.set_texts(texts)
        return tuple(others)

    def _takes(self, keyword: str, value: str) -> bool:
        return keyword != "PatientSex" or value in {code for _, code in _SEXES}
