"""How a question is asked beside its keys: how many answers at most, in which character set; and what is kept of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QWidget

from dicomgui.app.asking.keys import SPECIFIC_CHARACTER_SET, Key, parse_key
from dicomgui.app.asking.query import DEFAULT_LIMIT, Query
from dicomgui.app.asking.searches import QueryMemory, SavedSearch
from dicomgui.gui.widgets.buttons import Choice, push_button
from dicomgui.gui.widgets.fields import FieldSet, line_edit
from dicomgui.network.errors import ConfigurationError
from dicomgui.trace.finding import plain

__all__ = ["HowFields", "number_of"]

_LIMITS = (100, DEFAULT_LIMIT, 10_000, 100_000)
_NO_LIMIT = "none"
_CHARACTER_SETS = (
    ("automatic", ""), ("Latin 1", "ISO_IR 100"), ("Latin 2", "ISO_IR 101"), ("Cyrillic", "ISO_IR 144"),
    ("Greek", "ISO_IR 126"), ("Japanese", "\\ISO 2022 IR 87"), ("Chinese", "GB18030"),
    ("Unicode (UTF-8)", "ISO_IR 192"),
)  # fmt: skip
_CHOOSE = "choose one"
MAX_DIGITS = 9


class HowFields(FieldSet):
    """Limit, cancelling, character set and saved searches.

    :param prefix: begins the object names: ``query_limit``.
    :param query: gives the question as it stands, to be kept.
    """

    kept = Signal(object)
    """The user wants this search kept."""
    forgotten = Signal(str)
    """The user wants the search of this name forgotten."""
    wanted = Signal(object)
    """The user wants to ask this saved search."""
    failed = Signal(object)
    """This :class:`ConfigurationError` says why it cannot be kept."""

    def __init__(self, prefix: str, query: Callable[[], Query], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._query = query
        self._memory = QueryMemory()
        self._make(prefix)
        self.add_row(("limit", "At most", self.limit, None), ("charset", "Character set", self.charset, None))
        self.add_row(("cancel_matches", "Cancel after matches", self.cancel_matches, None),
                     ("cancel_ms", "Cancel after ms", self.cancel_ms, None))  # fmt: skip
        self.add_row(("saved", "Saved searches", self.saved, self.forget_button),
                     ("name", "Keep this one as", self.keep_name, self.keep_button))  # fmt: skip
        self.saved.setMinimumContentsLength(2)  # no wider than half of the form: its columns stand below those above
        self.saved.activated.connect(self._on_saved_activated)
        self.keep_button.clicked.connect(self.keep)
        self.keep_name.returnPressed.connect(self.keep)
        self.keep_name.textChanged.connect(self._show_buttons)
        self.forget_button.clicked.connect(self._on_forget_clicked)
        self.show_memory(self._memory)

    def _make(self, prefix: str) -> None:
        self.limit = Choice(f"{prefix}_limit", "At most")
        self.limit.setToolTip("Matches after which the query is cancelled")
        for limit in _LIMITS:
            self.limit.addItem(f"{limit:,} matches", str(limit))
        self.limit.addItem("no limit", _NO_LIMIT)
        self.limit.setCurrentIndex(_LIMITS.index(DEFAULT_LIMIT))
        self.charset = Choice(f"{prefix}_character_set", "Character set")
        self.charset.setToolTip("In which the keys are sent; automatic takes the smallest one that holds them")
        for text, term in _CHARACTER_SETS:
            self.charset.addItem(text, term)
        tip = "Send a C-CANCEL after so many matches; empty for the limit above"
        self.cancel_matches = line_edit(f"{prefix}_cancel_after", "Cancel after matches", hint="the limit", tip=tip)
        tip = "Send a C-CANCEL after so many milliseconds; what came until then is kept"
        self.cancel_ms = line_edit(f"{prefix}_cancel_after_ms", "Cancel after ms", hint="never", tip=tip)
        self.saved = Choice(f"{prefix}_saved", "Saved searches")
        self.forget_button = push_button(f"{prefix}_saved_forget", "", "clear", tip="Forget this search")
        self.forget_button.setAccessibleName("Forget this search")
        self.keep_name = line_edit(f"{prefix}_saved_name", "Name of a search to keep", hint="a name")
        self.keep_button = push_button(f"{prefix}_saved_keep", "", "save", tip="Keep this search under the name")
        self.keep_button.setAccessibleName("Keep this search")
        for button in (self.forget_button, self.keep_button):
            button.setFixedWidth(34)

    def order_tabs(self) -> None:
        """Have Tab go through the saved searches as they are seen; call it once everything is in its place."""
        QWidget.setTabOrder(self.saved, self.forget_button)
        QWidget.setTabOrder(self.forget_button, self.keep_name)
        QWidget.setTabOrder(self.keep_name, self.keep_button)

    @property
    def chosen_limit(self) -> int | None:
        """After how many matches to stop, the smaller number of both fields; ``None`` for never.

        :raises ConfigurationError: the field holds no number.
        """
        limit = self.limit.currentData()
        numbers = [number_of(self.cancel_matches), None if limit == _NO_LIMIT else int(limit)]
        return min((number for number in numbers if number is not None), default=None)

    @property
    def cancel_after_s(self) -> float | None:
        """After how many seconds a C-CANCEL is sent; ``None`` for never.

        :raises ConfigurationError: the field holds no number.
        """
        number = number_of(self.cancel_ms)
        return None if number is None else number / 1000

    @property
    def charset_keys(self) -> tuple[Key, ...]:
        """The key that names the character set, where one was chosen."""
        term = str(self.charset.currentData())
        return (parse_key(f"SpecificCharacterSet={term}"),) if term else ()

    def take(self, search: SavedSearch, keys: Iterable[Key]) -> list[Key]:
        """Show what a saved search says; gives the keys that are not shown here."""
        place = self.limit.findData(_NO_LIMIT if search.limit is None else str(search.limit))
        if place < 0:
            self.limit.addItem(f"{search.limit:,} matches", str(search.limit))
            place = self.limit.count() - 1
        self.limit.setCurrentIndex(place)
        self.cancel_matches.clear()
        self.cancel_ms.setText(str(search.cancel_after_ms or ""))
        others = list(keys)
        charset = next((key for key in others if key.attribute.tag == SPECIFIC_CHARACTER_SET), None)
        if charset is not None and self.charset.findData(charset.value) >= 0:
            others.remove(charset)
        self.charset.setCurrentIndex(max(0, self.charset.findData(charset.value if charset is not None else "")))
        return others

    # saved searches

    def show_memory(self, memory: QueryMemory) -> None:
        """Offer these saved searches."""
        self._memory = memory
        chosen = self.saved.currentData()
        self.saved.clear()
        self.saved.addItem(_CHOOSE if memory.searches else "none yet", "")
        for search in memory.searches:
            self.saved.addItem(plain(search.name), search.name)
        self.saved.setCurrentIndex(max(0, self.saved.findData(chosen)))
        self._show_buttons()

    def keep(self) -> None:
        """Have this search kept under the name that was typed."""
        try:
            search = SavedSearch.of(self.keep_name.text(), self._query())
        except ConfigurationError as error:
            self.failed.emit(error)
            return
        self.keep_name.clear()
        self.kept.emit(search)
        self.saved.setCurrentIndex(max(0, self.saved.findData(search.name)))
        self._show_buttons()

    def _on_saved_activated(self) -> None:
        search = self._memory.find(str(self.saved.currentData() or ""))
        if search is not None:
            self.wanted.emit(search)
        self._show_buttons()

    def _on_forget_clicked(self) -> None:
        name = str(self.saved.currentData() or "")
        if name:
            self.forgotten.emit(name)

    def _show_buttons(self) -> None:
        self.saved.setEnabled(bool(self._memory.searches))
        self.forget_button.setEnabled(bool(self.saved.currentData()))
        self.keep_button.setEnabled(bool(self.keep_name.text().strip()))


def number_of(edit: QLineEdit) -> int | None:
    """The number in a field; ``None`` where it is empty.

    :raises ConfigurationError: it is no whole number from 1 on.
    """
    text = edit.text().strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS and int(text)):
        raise ConfigurationError(
            f"{edit.accessibleName()}: {text[:20]!r} is no whole number from 1 on", phase="configure"
        )  # fmt: skip
    return int(text)
