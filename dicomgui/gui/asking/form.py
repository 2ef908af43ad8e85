"""What to ask, whatever is asked: usual keys, any other key, which nodes, and the searches that are kept."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from dicomgui.app.asking.keys import Key
from dicomgui.app.asking.query import Query
from dicomgui.app.asking.searches import QueryMemory, SavedSearch
from dicomgui.gui.asking.how_fields import HowFields
from dicomgui.gui.asking.key_editor import KeyEditor
from dicomgui.gui.asking.key_fields import KeyFields
from dicomgui.gui.asking.node_checks import NodeChecks
from dicomgui.gui.keeping.configuration import Configuration
from dicomgui.gui.widgets.fields import Section
from dicomgui.gui.widgets.text import PlainLabel, error_text
from dicomgui.network.errors import ConfigurationError
from dicomgui.trace.finding import plain

__all__ = ["AskingForm"]


class AskingForm(QScrollArea):
    """The left side of a panel that asks. Who inherits says what a query is, and calls :meth:`begin` when it is made.

    :param prefix: begins the object names.
    :param head: stands above the keys.
    :param usual: the usual keys.
    :ivar parts: the column of all fields; a stretch ends it.
    :param hint: how keys are written.
    """

    submitted = Signal()
    """Enter was pressed in one of the fields."""
    changed = Signal()
    """It asks for something else now."""
    kept = Signal(object)
    """The user wants this search kept."""
    forgotten = Signal(str)
    """The user wants the search of this name forgotten."""

    def __init__(
        self, prefix: str, config: Configuration, head: QWidget, usual: KeyFields, hint: str,
        parent: QWidget | None = None,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self.setObjectName(f"{prefix}_form")
        self.setAccessibleName("What to ask")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.how = HowFields(prefix, self.query)
        self.editor = KeyEditor(prefix)
        self.more = Section(f"{prefix}_more", "More keys, what is returned", self.editor)
        self.nodes = NodeChecks(f"{prefix}_nodes", config)
        self.several = Section(f"{prefix}_several", "Several nodes", self.nodes)
        self.remark = PlainLabel(wrap=True, scale=0.9)
        self.remark.setObjectName(f"{prefix}_remark")
        help_text = PlainLabel(hint, tone="muted", scale=0.9, wrap=True)
        help_text.setObjectName(f"{prefix}_wildcard_help")
        self._keys_of = usual
        self._is_judged = False
        inside = QWidget()
        self.parts = column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 10, 0)
        column.setSpacing(8)
        for widget in (head, help_text, self.remark, usual, self.how, self.more, self.several):
            column.addWidget(widget)
        column.addStretch(1)
        self.setWidget(inside)
        self.how.order_tabs()

    def begin(self) -> None:
        """Ask for what is usual, and follow what is typed."""
        for choice in (self.how.limit, self.how.charset):
            choice.currentIndexChanged.connect(self._on_changed)
        for edit in (self.how.cancel_matches, self.how.cancel_ms):
            edit.textChanged.connect(self._on_changed)
            edit.returnPressed.connect(self.submitted)
        self._keys_of.changed.connect(self._on_changed)
        self._keys_of.submitted.connect(self.submitted)
        self.editor.changed.connect(self._on_changed)
        self.editor.usual_wanted.connect(self._on_usual_wanted)
        self.nodes.changed.connect(self._on_nodes_changed)
        self.how.wanted.connect(self.take)
        self.how.failed.connect(self._fail)
        self.how.kept.connect(self.kept)
        self.how.forgotten.connect(self.forgotten)
        self._on_usual_wanted()
        self._on_changed()

    def judge(self) -> None:
        """From now on say what is wrong or remarkable. It takes pydicom, which is to be loaded by then."""
        self._is_judged = True
        self._show_remark()

    # what it is

    def query(self) -> Query:
        """What is asked.

        :raises ConfigurationError: a key does not fit its attribute, or the character set does not hold it.
        """
        raise NotImplementedError

    def take(self, search: SavedSearch) -> None:
        """Ask what a saved search asks."""
        raise NotImplementedError

    def usual_returned(self) -> tuple[Key, ...]:
        """What is asked for unless the user says otherwise."""
        raise NotImplementedError

    def remarks_on(self, query: Query) -> tuple[str, ...]:
        """What is odd about a query beside what its identifier tells."""
        raise NotImplementedError

    # what they share

    @property
    def has_keys(self) -> bool:
        """Whether anything has to match."""
        return bool(self._keys_of.filled or self.editor.keys)

    @property
    def keys(self) -> tuple[Key, ...]:
        """What has to match, and the character set where one was chosen."""
        keys = self._keys_of.filled
        own = {key.name for key in keys}
        return (*keys, *(key for key in self.editor.keys if key.name not in own), *self.how.charset_keys)

    def clear_keys(self) -> None:
        """Empty all fields; what is to be returned stays."""
        self._keys_of.set_texts({})
        self.editor.set_keys(self.editor.returned)

    def remove_key(self, key: Key) -> None:
        """Have a key no longer match anything; it is still returned."""
        texts = self._keys_of.texts()
        if texts.get(key.name):
            self._keys_of.set_texts({**texts, key.name: ""})
        elif any(one.name == key.name for one in self.editor.keys):
            self.editor.model.put(Key(key.path))

    def show_memory(self, memory: QueryMemory) -> None:
        """Offer these saved searches."""
        self.how.show_memory(memory)

    def _on_usual_wanted(self) -> None:
        self.editor.set_keys((*self.editor.keys, *self.usual_returned()))

    def _on_changed(self) -> None:
        self._show_remark()
        matching, returned = len(self.editor.keys), self.editor.returned
        parts = [f"{matching} more to match"] if matching else []
        if returned != self.usual_returned():
            parts.append(f"{len(returned)} returned")
        self.more.show_summary(", ".join(parts))
        self.changed.emit()

    def _show_remark(self) -> None:
        """Say what is wrong, or remarkable about what will be sent: its character set, what the root demands."""
        if not self._is_judged:
            return
        try:
            query = self.query()
        except ConfigurationError as error:
            tone, text = "error", error_text(error)
        else:
            remarks = (*query.identifier().notes, *self.remarks_on(query))
            tone, text = "warning", " ".join(remarks)
        self.remark.set_tone(tone)
        self.remark.setText(plain(text, 500))
        self.remark.setVisible(bool(text))

    def _fail(self, error: ConfigurationError) -> None:
        self.remark.set_tone("error")
        self.remark.setText(plain(error_text(error), 300))
        self.remark.show()

    def _on_nodes_changed(self) -> None:
        nodes = self.nodes.nodes
        self.several.show_summary(f"{len(nodes)} instead of the one above" if nodes else "")
        self.changed.emit()
