"""The usual keys of a query, those that a level has, with spans of days by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QPushButton, QWidget

from dicomgui.app.asking.date_presets import DatePreset
from dicomgui.app.asking.keys import Key, parse_key
from dicomgui.app.asking.levels import Level, Root
from dicomgui.gui.widgets.buttons import Choice, push_button
from dicomgui.gui.widgets.fields import Field, FieldSet, field_text, line_edit

__all__ = ["KeyFields", "UsualKeys", "snake"]

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


class KeyFields(FieldSet):
    """A field for each of some keys. What is typed is sent as it is: no wildcard is added to it.

    :ivar presets: the buttons behind dates, by key.

    :param prefix: begins the object names: ``query_patient_name``.
    :param rows: in each one or two keys, as path, label and hint.
    :param presets: spans of days by name, for the keys that have some.
    """

    def __init__(
        self,
        prefix: str,
        rows: Iterable[Sequence[tuple[str, str, str]]],
        presets: Mapping[str, Sequence[DatePreset]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.presets: dict[str, QPushButton] = {}
        self._prefix = prefix
        self._keys: dict[str, Key] = {}
        for row in rows:
            parts = []
            for path, label, hint in row:
                self._keys[path] = parse_key(path)
                behind = self._behind(path, label, presets[path]) if path in presets else None
                parts.append((path, label, self._field(path, label, hint), behind))
            self.add_row(*parts)

    def _field(self, path: str, label: str, hint: str) -> Field:
        attribute = self._keys[path].attribute
        name = f"{self._prefix}_{snake(attribute.keyword)}"
        if attribute.keyword == "PatientSex":
            choice = Choice(name, label)
            for text, code in _SEXES:
                choice.addItem(text, code)
            return choice
        return line_edit(name, label, hint=hint, tip=f"{path} {attribute.number}, sent as it is typed")

    def _behind(self, path: str, label: str, presets: Sequence[DatePreset]) -> QWidget:
        name = f"{self._prefix}_{snake(self._keys[path].attribute.keyword)}_presets"
        button = push_button(name, "", "down", tip="Spans of days by name")
        button.setAccessibleName(f"{label}: spans of days by name")
        button.setFixedWidth(34)
        menu = QMenu(button)
        menu.setObjectName(f"{button.objectName()}_menu")
        for preset in presets:
            action = QAction(preset.label, menu)
            action.triggered.connect(lambda _checked=False, preset=preset: self._take_preset(path, preset))
            menu.addAction(action)
        button.clicked.connect(lambda: menu.popup(button.mapToGlobal(button.rect().bottomLeft())))
        self.presets[path] = button
        return button

    def _take_preset(self, path: str, preset: DatePreset) -> None:
        self.set_texts({**self.texts(), path: preset.value})
        self.fields[path].setFocus()

    def is_offered(self, path: str) -> bool:
        """Whether the key can be filled in now."""
        return path in self._keys

    @property
    def filled(self) -> tuple[Key, ...]:
        """What is filled in of what is offered."""
        texts = {path: field_text(self.fields[path]).strip() for path in self._keys if self.is_offered(path)}
        return tuple(Key(self._keys[path].path, text) for path, text in texts.items() if text)

    def take_keys(self, keys: Iterable[Key]) -> tuple[Key, ...]:
        """Fill the fields in; gives the keys that none of those offered is for."""
        texts: dict[str, str] = {}
        others = []
        for key in keys:
            if self.is_offered(key.name) and key.name not in texts and _takes(key):
                texts[key.name] = key.value
            else:
                others.append(key)
        self.set_texts(texts)
        return tuple(others)


def _takes(key: Key) -> bool:
    return key.attribute.keyword != "PatientSex" or key.value in {code for _, code in _SEXES}


class UsualKeys(KeyFields):
    """The keys that the levels of query and retrieve have.

    :param prefix: begins the object names.
    """

    def __init__(self, prefix: str, parent: QWidget | None = None) -> None:
        self._shown: frozenset[str] = frozenset()
        rows = [[(keyword, label, hint) for keyword, label, hint, _ in row] for row in _ROWS]
        super().__init__(prefix, rows, dict.fromkeys(_WITH_PRESETS, _PRESETS), parent)
        self.show_level(Level.STUDY, "")

    def show_level(self, level: Level, root: str) -> None:
        """Show the keys of a level; in the patient root also the patient's ID below the study."""
        shown = {keyword for keyword, levels in _LEVELS.items() if level in levels}
        if root in (Root.PATIENT, Root.PATIENT_STUDY_ONLY):
            shown.add("PatientID")
        self._shown = frozenset(shown)
        for keyword in _LEVELS:
            self.show_fields((keyword,), keyword in shown)

    def is_offered(self, path: str) -> bool:
        return path in self._shown
