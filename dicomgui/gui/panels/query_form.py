"""What to ask: level and root, the usual keys, any other key, which nodes; and the searches that are kept."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from dicomgui.app.keys import SPECIFIC_CHARACTER_SET, Key, parse_key
from dicomgui.app.levels import Level, Root, roots_for
from dicomgui.app.query import DEFAULT_LIMIT, Query, return_keys_of
from dicomgui.app.searches import AUTOMATIC, QueryMemory, SavedSearch
from dicomgui.gui.configuration import Configuration
from dicomgui.gui.widgets.buttons import Choice, push_button
from dicomgui.gui.widgets.fields import FieldSet, Section, line_edit
from dicomgui.gui.widgets.key_editor import KeyEditor
from dicomgui.gui.widgets.node_checks import NodeChecks
from dicomgui.gui.widgets.query_fields import UsualKeys
from dicomgui.gui.widgets.text import PlainLabel, error_text
from dicomgui.network.errors import ConfigurationError
from dicomgui.trace.finding import plain

__all__ = ["QueryForm"]

_HELP = (
    "* stands for any characters, ? for one. Nothing is added by itself: DOE finds only DOE, DOE* all that begin so. "
    "Dates: 20240131, 20240101-20240131, today, last-7-days."
)
_LEVELS = (("patients", Level.PATIENT), ("studies", Level.STUDY), ("series", Level.SERIES), ("images", Level.IMAGE))
_ROOTS = (
    ("automatic", AUTOMATIC), ("study root", Root.STUDY.value), ("patient root", Root.PATIENT.value),
    ("patient/study only", Root.PATIENT_STUDY_ONLY.value),
)  # fmt: skip
_LIMITS = (100, DEFAULT_LIMIT, 10_000, 100_000)
_NO_LIMIT = "none"
_CHARACTER_SETS = (
    ("automatic", ""), ("Latin 1", "ISO_IR 100"), ("Latin 2", "ISO_IR 101"), ("Cyrillic", "ISO_IR 144"),
    ("Greek", "ISO_IR 126"), ("Japanese", "\\ISO 2022 IR 87"), ("Chinese", "GB18030"),
    ("Unicode (UTF-8)", "ISO_IR 192"),
)  # fmt: skip
_CHOOSE = "choose one"


class QueryForm(QScrollArea):
    """The left side of the panel. Gives a :class:`Query`, takes a :class:`SavedSearch`."""

    submitted = Signal()
    """Enter was pressed in one of the fields."""
    changed = Signal()
    """It asks for something else now."""
    kept = Signal(object)
    """The user wants this search kept."""
    forgotten = Signal(str)
    """The user wants the search of this name forgotten."""

    def __init__(self, config: Configuration, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("query_form")
        self.setAccessibleName("What to ask")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._memory = QueryMemory()
        self._level = Level.STUDY
        self._make_choices()
        self.usual = UsualKeys("query")
        self.editor = KeyEditor("query")
        self.more = Section("query_more", "More keys, what is returned", self.editor)
        self.nodes = NodeChecks("query_nodes", config)
        self.several = Section("query_several", "Several nodes", self.nodes)
        self.remark = PlainLabel(wrap=True, scale=0.9)
        self.remark.setObjectName("query_remark")
        self._place()
        self._connect()
        self._on_usual_wanted()
        self._show_searches()
        self._on_changed()

    # ----------------------------------------------------------------------------------------------------------- making

    def _make_choices(self) -> None:
        self.level = Choice("query_level", "What to look for")
        for text, level in _LEVELS:
            self.level.addItem(text, level)
        self.level.setCurrentIndex(self.level.findData(self._level))
        self.root = Choice("query_root", "Information model")
        self.root.setToolTip("Automatic takes the first one that the peer accepts of those that have the level")
        self._fill_roots()
        self.limit = Choice("query_limit", "At most")
        self.limit.setToolTip("Matches after which the query is cancelled")
        for limit in _LIMITS:
            self.limit.addItem(f"{limit:,} matches", str(limit))
        self.limit.addItem("no limit", _NO_LIMIT)
        self.limit.setCurrentIndex(_LIMITS.index(DEFAULT_LIMIT))
        self.charset = Choice("query_character_set", "Character set")
        self.charset.setToolTip("In which the keys are sent; automatic takes the smallest one that holds them")
        for text, term in _CHARACTER_SETS:
            self.charset.addItem(text, term)
        self.saved = Choice("query_saved", "Saved searches")
        self.forget_button = push_button("query_saved_forget", "", "clear", tip="Forget this search")
        self.forget_button.setAccessibleName("Forget this search")
        self.keep_name = line_edit("query_saved_name", "Name of a search to keep", hint="a name")
        self.keep_button = push_button("query_saved_keep", "", "save", tip="Keep this search under the name")
        self.keep_button.setAccessibleName("Keep this search")
        for button in (self.forget_button, self.keep_button):
            button.setFixedWidth(34)
        self.ask = FieldSet()
        self.ask.add_row(("level", "Look for", self.level, None), ("root", "Information model", self.root, None))
        self.how = FieldSet()
        self.how.add_row(("limit", "At most", self.limit, None), ("charset", "Character set", self.charset, None))
        self.how.add_row(("saved", "Saved searches", self.saved, self.forget_button),
                         ("name", "Keep this one as", self.keep_name, self.keep_button))  # fmt: skip

    def _place(self) -> None:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 10, 0)
        column.setSpacing(8)
        help_text = PlainLabel(_HELP, tone="muted", scale=0.9, wrap=True)
        help_text.setObjectName("query_wildcard_help")
        for widget in (self.ask, help_text, self.remark, self.usual, self.how):
            column.addWidget(widget)
        column.addWidget(self.more)
        column.addWidget(self.several)
        column.addStretch(1)
        self.setWidget(inside)
        QWidget.setTabOrder(self.saved, self.forget_button)
        QWidget.setTabOrder(self.forget_button, self.keep_name)
        QWidget.setTabOrder(self.keep_name, self.keep_button)

    def _connect(self) -> None:
        self.level.currentIndexChanged.connect(self._on_level_changed)
        self.root.currentIndexChanged.connect(self._on_root_changed)
        for choice in (self.limit, self.charset):
            choice.currentIndexChanged.connect(self._on_changed)
        self.usual.changed.connect(self._on_changed)
        self.usual.submitted.connect(self.submitted)
        self.editor.changed.connect(self._on_changed)
        self.editor.usual_wanted.connect(self._on_usual_wanted)
        self.nodes.changed.connect(self._on_nodes_changed)
        self.saved.activated.connect(self._on_saved_activated)
        self.keep_button.clicked.connect(self.keep)
        self.keep_name.returnPressed.connect(self.keep)
        self.keep_name.textChanged.connect(self._show_buttons)
        self.forget_button.clicked.connect(self._on_forget_clicked)

    # ----------------------------------------------------------------------------------------------------- the question

    @property
    def has_keys(self) -> bool:
        """Whether anything has to match."""
        return bool(self.usual.filled or self.editor.keys)

    def query(self) -> Query:
        """What is asked.

        :raises ConfigurationError: a key does not fit its attribute, or the character set does not hold it.
        """
        keys = self.usual.filled
        own = {key.name for key in keys}
        keys += tuple(key for key in self.editor.keys if key.name not in own)
        term = str(self.charset.currentData())
        if term:
            keys += (parse_key(f"SpecificCharacterSet={term}"),)
        returned: tuple[Key, ...] | None = self.editor.returned
        if returned == return_keys_of(self._level):
            returned = None
        limit = self.limit.currentData()
        query = Query(
            keys, returned, self._level, self.root.currentData() or None, None if limit == _NO_LIMIT else int(limit)
        )
        query.identifier()
        return query

    def take(self, search: SavedSearch) -> None:
        """Ask what a saved search asks."""
        query = search.query()
        self.level.setCurrentIndex(self.level.findData(search.level))
        self.root.setCurrentIndex(max(0, self.root.findData(search.root)))
        place = self.limit.findData(_NO_LIMIT if search.limit is None else str(search.limit))
        if place < 0:
            self.limit.addItem(f"{search.limit:,} matches", str(search.limit))
            place = self.limit.count() - 1
        self.limit.setCurrentIndex(place)
        keys = list(query.keys)
        charset = next((key for key in keys if key.attribute.tag == SPECIFIC_CHARACTER_SET), None)
        if charset is not None and self.charset.findData(charset.value) >= 0:
            keys.remove(charset)
        self.charset.setCurrentIndex(max(0, self.charset.findData(charset.value if charset is not None else "")))
        returned = return_keys_of(search.level) if query.returned is None else query.returned
        self.editor.set_keys((*self.usual.take_keys(keys), *returned))

    def clear_keys(self) -> None:
        """Empty all fields; what is to be returned stays."""
        self.usual.set_texts({})
        self.editor.set_keys(self.editor.returned)

    # ------------------------------------------------------------------------------------------------------------ slots

    def _on_level_changed(self) -> None:
        before, self._level = self._level, Level(self.level.currentData())
        self._fill_roots()
        if self.editor.returned == return_keys_of(before):
            self._on_usual_wanted()
        self._on_root_changed()

    def _fill_roots(self) -> None:
        """Offer the models that have the level."""
        chosen = self.root.currentData()
        usable = {AUTOMATIC, *(root.value for root in roots_for(self._level))}
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

    def _on_usual_wanted(self) -> None:
        self.editor.set_keys((*self.editor.keys, *return_keys_of(self._level)))

    def _on_changed(self) -> None:
        self._show_remark()
        matching, returned = len(self.editor.keys), self.editor.returned
        parts = [f"{matching} more to match"] if matching else []
        if returned != return_keys_of(self._level):
            parts.append(f"{len(returned)} returned")
        self.more.show_summary(", ".join(parts))
        self._show_buttons()
        self.changed.emit()

    def _show_remark(self) -> None:
        """Say what is wrong, or remarkable about what will be sent: its character set, what the root demands."""
        try:
            query = self.query()
        except ConfigurationError as error:
            tone, text = "error", error_text(error)
        else:
            remarks = (*query.identifier().notes, *query.remarks(query.roots[0]))
            tone, text = "warning", " ".join(remarks)
        self.remark.set_tone(tone)
        self.remark.setText(plain(text, 500))
        self.remark.setVisible(bool(text))

    def _on_nodes_changed(self) -> None:
        nodes = self.nodes.nodes
        self.several.show_summary(f"{len(nodes)} instead of the one above" if nodes else "")
        self.changed.emit()

    # --------------------------------------------------------------------------------------------------- saved searches

    def show_memory(self, memory: QueryMemory) -> None:
        """Offer these saved searches."""
        self._memory = memory
        self._show_searches()

    def keep(self) -> None:
        """Have this search kept under the name that was typed."""
        try:
            search = SavedSearch.of(self.keep_name.text(), self.query())
        except ConfigurationError as error:
            self._fail(error)
            return
        self.keep_name.clear()
        self.kept.emit(search)
        self.saved.setCurrentIndex(max(0, self.saved.findData(search.name)))
        self._show_buttons()

    def _fail(self, error: ConfigurationError) -> None:
        self.remark.set_tone("error")
        self.remark.setText(plain(error_text(error), 300))
        self.remark.show()

    def _on_saved_activated(self) -> None:
        search = self._memory.find(str(self.saved.currentData() or ""))
        if search is not None:
            self.take(search)
        self._show_buttons()

    def _on_forget_clicked(self) -> None:
        name = str(self.saved.currentData() or "")
        if name:
            self.forgotten.emit(name)

    def _show_searches(self) -> None:
        chosen = self.saved.currentData()
        self.saved.clear()
        self.saved.addItem(_CHOOSE if self._memory.searches else "none yet", "")
        for search in self._memory.searches:
            self.saved.addItem(plain(search.name), search.name)
        self.saved.setCurrentIndex(max(0, self.saved.findData(chosen)))
        self._show_buttons()

    def _show_buttons(self) -> None:
        self.saved.setEnabled(bool(self._memory.searches))
        self.forget_button.setEnabled(bool(self.saved.currentData()))
        self.keep_button.setEnabled(bool(self.keep_name.text().strip()))
