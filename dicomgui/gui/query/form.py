"""What to ask an archive: level and root, and what every question has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from PySide6.QtWidgets import QWidget

from dicomgui.app.asking.information_models import WITH_LEVELS, is_without_levels, keys_for
from dicomgui.app.asking.keys import Key
from dicomgui.app.asking.levels import Level, Root, roots_for
from dicomgui.app.asking.query import Query, return_keys_of
from dicomgui.app.asking.query_plan import plan_queries
from dicomgui.app.asking.searches import AUTOMATIC, SavedSearch
from dicomgui.gui.asking.form import AskingForm
from dicomgui.gui.asking.key_fields import UsualKeys
from dicomgui.gui.asking.question import NamedQuery
from dicomgui.gui.keeping.configuration import Configuration
from dicomgui.gui.query.files import QueryFileSection, Spawn
from dicomgui.gui.widgets.buttons import Choice
from dicomgui.gui.widgets.fields import FieldSet

__all__ = ["QueryForm"]

_HELP = (
    "* stands for any characters, ? for one. Nothing is added by itself: DOE finds only DOE, DOE* all that begin so. "
    "Dates: 20240131, 20240101-20240131, today, last-7-days."
)
_LEVELS = (("patients", Level.PATIENT), ("studies", Level.STUDY), ("series", Level.SERIES), ("images", Level.IMAGE))
_MODELS = (
    ("hanging protocols", "hanging-protocol"), ("color palettes", "color-palette"),
    ("implant templates", "implant-template"), ("implant assemblies", "implant-assembly"),
    ("implant template groups", "implant-group"), ("procedure protocols", "defined-procedure"),
    ("protocol approvals", "protocol-approval"), ("inventories", "inventory"), ("work items (UPS)", "ups"),
    ("work items (UPS watch)", "ups-watch"), ("work items (UPS query)", "ups-query"),
    ("patient facts", "relevant-patient"), ("patient facts, breast", "relevant-patient-breast"),
    ("patient facts, cardiac", "relevant-patient-cardiac"), ("products", "product-characteristics"),
    ("substance approvals", "substance-approval"),
)  # fmt: skip
_ROOTS = (
    ("automatic", AUTOMATIC), ("study root", Root.STUDY.value), ("patient root", Root.PATIENT.value),
    ("patient/study only", Root.PATIENT_STUDY_ONLY.value), ("repository", "repository"),
)  # fmt: skip


Planned: TypeAlias = tuple[tuple[NamedQuery, ...], tuple[str, ...]]
"""Queries, and the files that were skipped, with the reason."""


class QueryForm(AskingForm):
    """The left side of the query panel. Gives a :class:`Query`, takes a :class:`SavedSearch`.

    :ivar from_files: names files of further queries.

    :param spawn: runs a coroutine of a dialog.
    """

    def __init__(self, config: Configuration, spawn: Spawn, parent: QWidget | None = None) -> None:
        self.ask = FieldSet()
        self.usual = UsualKeys("query")
        super().__init__("query", config, self.ask, self.usual, _HELP, parent)
        self._level = Level.STUDY
        self._model = ""
        self.level = Choice("query_level", "What to look for")
        for text, level in _LEVELS:
            self.level.addItem(text, level)
        self.level.insertSeparator(self.level.count())
        for text, model in _MODELS:
            self.level.addItem(text, model)
        self.level.setCurrentIndex(self.level.findData(self._level))
        self.root = Choice("query_root", "Information model")
        self.root.setToolTip("Automatic takes the first one that the peer accepts of those that have the level")
        self.ask.add_row(("level", "Look for", self.level, None), ("root", "Information model", self.root, None))
        self._fill_roots()
        self.level.currentIndexChanged.connect(self._on_level_changed)
        self.root.currentIndexChanged.connect(self._on_root_changed)
        self.from_files = QueryFileSection("query", spawn)
        self.parts.insertWidget(self.parts.indexOf(self.several), self.from_files)
        self.from_files.changed.connect(self.changed)
        self.begin()

    def query(self) -> Query:
        returned: tuple[Key, ...] | None = self.editor.returned
        if returned == self.usual_returned():
            returned = None
        level, root = (None, self._model) if self._model else (self._level, self.root.currentData() or None)
        keys, returned = keys_for(root, self.keys, returned)
        query = Query(keys, returned, level, root, self.how.chosen_limit, self.how.cancel_after_s)
        query.identifier()
        return query

    def plan(self) -> Callable[[], Planned]:
        """A function that reads the files and makes their queries, for a thread.

        It raises ``DatasetFileError`` and ``ConfigurationError``, as :func:`plan_queries` does.

        :raises ConfigurationError: as :meth:`query`.
        """
        query, files, keys = self.query(), self.from_files.files, self.keys
        returned = () if self.editor.returned == self.usual_returned() else self.editor.returned

        def work() -> Planned:
            plan = plan_queries(files, keys, returned, level=query.level, model=query.root)
            made = []
            for one in plan.queries:
                keys_of_one, returned_of_one = keys_for(query.root, one.keys, one.returned)
                made.append(NamedQuery(Path(one.name).name, replace(query, keys=keys_of_one, returned=returned_of_one)))
                made[-1].query.identifier()
            return tuple(made), plan.skipped

        return work

    def take(self, search: SavedSearch) -> None:
        query = search.query()
        level = search.root if is_without_levels(search.root) else search.level or Level.STUDY
        self.level.setCurrentIndex(self.level.findData(level))
        self.root.setCurrentIndex(max(0, self.root.findData(search.root)))
        keys = self.how.take(search, query.keys)
        returned = self.usual_returned() if query.returned is None else query.returned
        self.editor.set_keys((*(keys if self._model else self.usual.take_keys(keys)), *returned))

    def usual_returned(self) -> tuple[Key, ...]:
        return _usual(self._level, self._model)

    @property
    def has_keys(self) -> bool:
        return bool(self.editor.keys) if self._model else super().has_keys

    @property
    def keys(self) -> tuple[Key, ...]:
        return (*self.editor.keys, *self.how.charset_keys) if self._model else super().keys

    def remarks_on(self, query: Query) -> tuple[str, ...]:
        return query.remarks(query.roots[0])

    def _on_level_changed(self) -> None:
        before, chosen = self.usual_returned(), str(self.level.currentData())
        if chosen in set(Level):
            self._level, self._model = Level(chosen), ""
        else:
            self._model = chosen
            self.more.set_open(True)
        self.usual.setVisible(not self._model)
        self._fill_roots()
        if self.editor.returned == before:
            self._on_usual_wanted()
        self._on_root_changed()

    def _fill_roots(self) -> None:
        """Offer the models that have the level."""
        chosen = self.root.currentData()
        usable = {AUTOMATIC}
        if not self._model:
            usable |= {*(root.value for root in roots_for(self._level)), *WITH_LEVELS}
        self.ask.show_fields(("root",), not self._model)
        self.ask.grid.setColumnStretch(1, 0 if self._model else 1)  # the level takes the place of the root
        self.root.blockSignals(True)
        self.root.clear()
        for text, value in _ROOTS:
            if value in usable:
                self.root.addItem(text, value)
        self.root.setCurrentIndex(max(0, self.root.findData(chosen)))
        self.root.blockSignals(False)

    def _on_root_changed(self) -> None:
        self.usual.show_level(self._level, str(self.root.currentData() or ""))
        self._on_changed()


def _usual(level: Level, model: str) -> tuple[Key, ...]:
    """The keys that are asked for in a model, or else at a level, unless the user says otherwise."""
    returned = keys_for(model, (), None)[1]
    return return_keys_of(level) if returned is None else returned
