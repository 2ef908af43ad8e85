"""What is below the list of a trace: fields, message and data set with their bytes, the negotiation, the times."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from enum import Enum

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QTabBar, QToolButton, QVBoxLayout, QWidget

from dicomgui.app.viewing.viewed import viewed_of
from dicomgui.gui.look import icons
from dicomgui.gui.running.latest import Latest
from dicomgui.gui.trace.details.contents import Content, Loaded, has_message, is_quick, load_message, record_content
from dicomgui.gui.trace.details.field_pane import FieldPane
from dicomgui.gui.trace.details.message_choice import MessageChoice
from dicomgui.gui.trace.details.negotiation_view import NegotiationView
from dicomgui.gui.trace.details.object_saving import ObjectSaving
from dicomgui.gui.trace.details.timing_view import ExchangeTimes, TimingView
from dicomgui.gui.widgets.hex_view import Notation, written
from dicomgui.network.tracing import BytesRecord, PduRecord, Record
from dicomgui.trace.index import TraceIndex
from dicomgui.trace.inspection.negotiated import Place, negotiation
from dicomgui.trace.inspection.phases import MAX_LINES, Line, exchange_line, timeline
from dicomgui.trace.store import Entry, TraceStore

__all__ = ["Section", "TraceDetails"]

MAX_CHILDREN = 200
"""Exchanges shown below the one that caused them."""


class Section(Enum):
    """What of the selected row is shown."""

    PDU = "PDU"
    MESSAGE = "Message"
    DATASET = "Data set"
    NEGOTIATION = "Negotiation"
    TIMING = "Timing"


_SAVE_TIP = "The object as a DICOM file; it may hold patient data"
_TREES = (Section.PDU, Section.MESSAGE, Section.DATASET)
_TIPS = {
    Section.PDU: "Fields and bytes of this row",
    Section.MESSAGE: "The whole DIMSE message that this row is part of",
    Section.DATASET: "The data set of the message, element by element",
    Section.NEGOTIATION: "Proposed and accepted contexts of the association, and user information",
    Section.TIMING: "Where the time went",
}


class _Zoom(Enum):
    """What kind of row is selected; each begins with another section, and remembers what was chosen last."""

    ROW = Section.PDU
    EXCHANGE = Section.MESSAGE
    ASSOCIATION = Section.NEGOTIATION


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is looked at."""

    store: TraceStore
    index: TraceIndex | None
    zoom: _Zoom
    entry: Entry
    exchange: int

    @property
    def association(self) -> int:
        return self.entry.record.association


class TraceDetails(QWidget):
    """Shows one row, exchange or association of a trace. What takes time is read in a thread.

    Tree and bytes are linked both ways; in the sections of message and data set every byte knows the PDU that carried
    it: Enter or a double click on a field goes there. Ctrl+G goes to an offset.

    :param name: begins the object names.
    :param pool: threads for what takes time.
    :param across: tree above bytes, for a narrow place; otherwise beside each other.
    """

    view_wanted = Signal(object)
    """The user wants to see the data set in a window of its own: a function that gives it, to be called in a thread."""

    place_chosen = Signal(int, int, int)
    """The user wants to see these bytes: number of the row, offset in its PDU, length."""

    def __init__(self, name: str, pool: Executor, *, across: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"{name}_details")
        self.setAccessibleName("Details of the selected row")
        self._name = name
        self._subject: _Subject | None = None
        self._chosen = {zoom: zoom.value for zoom in _Zoom}
        self._section = Section.PDU
        self._loaded: Loaded | None = None
        self._message_seq = 0
        self._wanted: Place | None = None
        self._work = Latest(pool, self._on_failed, self)
        self._make_tabs(across)
        self.fields = FieldPane(name, self._place_in_trace, across=across)
        self.fields.place_chosen.connect(self.place_chosen)
        self.tree, self.tree_model, self.hex = self.fields.tree, self.fields.tree_model, self.fields.hex
        self.path, self.offset = self.fields.path, self.fields.offset
        self.message = MessageChoice(f"{name}_message")
        self.message.message_wanted.connect(self._on_message_wanted)
        self.fields.head.addWidget(self.message)
        self.negotiation = NegotiationView(name, compact=across)
        self.negotiation.place_chosen.connect(self.place_chosen)
        self.timing = TimingView(name, compact=across)
        self.saving = ObjectSaving(self, pool, self._tell)
        self._place()
        within = Qt.ShortcutContext.WidgetWithChildrenShortcut
        offset_key = QShortcut(QKeySequence("Ctrl+G"), self, context=within)
        offset_key.setWhatsThis("Go to an offset in the bytes of the trace")
        offset_key.activated.connect(self.ask_offset)
        self.clear()

    # ----------------------------------------------------------------------------------------------------------- making

    def _make_tabs(self, across: bool) -> None:
        self.tabs = QTabBar()
        self.tabs.setObjectName(f"{self._name}_tabs")
        self.tabs.setAccessibleName("What is shown of the selected row")
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.setUsesScrollButtons(False)
        self.tabs.setElideMode(Qt.TextElideMode.ElideNone)
        for place, section in enumerate(Section):
            self.tabs.addTab(section.value)
            self.tabs.setTabToolTip(place, _TIPS[section])
        self.tabs.currentChanged.connect(self._on_tab_changed)
        self.save_button = self._button("save_object", "Save object", "save", across)
        self.save_button.setText("Save object …")
        self.save_button.setToolTip(_SAVE_TIP)
        self.save_button.clicked.connect(self._on_save_clicked)
        self.view_button = self._button("view_object", "Look at it", "look", across)
        self.view_button.setToolTip("The data set, and its image if it has one, in a window of its own")
        self.view_button.clicked.connect(self._on_view_clicked)

    def _button(self, name: str, text: str, icon: str, across: bool) -> QToolButton:
        button = QToolButton()
        button.setObjectName(f"{self._name}_{name}")
        button.setAccessibleName(text)
        button.setText(text)
        button.setIcon(icons.icon(icon))
        button.setProperty("quiet", True)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        style = Qt.ToolButtonStyle.ToolButtonIconOnly if across else Qt.ToolButtonStyle.ToolButtonTextBesideIcon
        button.setToolButtonStyle(style)
        return button

    def _place(self) -> None:
        self.pages = QStackedWidget()
        for page in (self.fields, self.negotiation, self.timing):
            self.pages.addWidget(page)
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.tabs)
        top.addStretch(1)
        top.addWidget(self.view_button)
        top.addWidget(self.save_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(top)
        column.addWidget(self.pages, 1)

    # ---------------------------------------------------------------------------------------------------------- showing

    @property
    def section(self) -> Section:
        """What is shown."""
        return self._section

    @property
    def is_busy(self) -> bool:
        """Whether something is still being read for what is shown."""
        return self._work.is_busy

    @property
    def loaded(self) -> Loaded | None:
        """The message of the row, once a section has needed it."""
        return self._loaded

    @property
    def panes(self) -> list[QWidget]:
        """What takes the focus in turn."""
        if self._section is Section.NEGOTIATION:
            tables = (self.negotiation.contexts, self.negotiation.information)
            return [pane for pane in tables if not pane.isHidden()]
        if self._section is Section.TIMING:
            return [pane for pane in (self.timing.waterfall, self.timing.table) if not pane.isHidden()]
        return [self.tree, self.hex]

    def show_row(self, store: TraceStore, index: TraceIndex | None, seq: int) -> None:
        """Show one row; nothing where it is gone."""
        self._look_at(store, index, _Zoom.ROW, seq, index.exchange_at(seq) if index is not None else 0)

    def show_exchange(self, store: TraceStore, index: TraceIndex, number: int) -> None:
        """Show an exchange: its request, and its times."""
        known = 1 <= number <= len(index.exchanges)
        seq = index.exchanges[number].first_seq if known else 0
        self._look_at(store, index, _Zoom.EXCHANGE, max(seq, store.first_seq) if known else 0, number)

    def show_association(self, store: TraceStore, index: TraceIndex, association: int) -> None:
        """Show an association: its negotiation, its times, and its first PDU."""
        entries = store.of_association(association, 0, 64)
        first = next((entry for entry in entries if _has_bytes(entry.record)), entries[0] if entries else None)
        self._look_at(store, index, _Zoom.ASSOCIATION, first.seq if first is not None else 0, 0)

    def refresh(self) -> None:
        """What is shown has gone on: read it again, unless that is being done, or it is finished."""
        subject, loaded = self._subject, self._loaded
        is_tree = self._section in _TREES
        if subject is None or self.is_busy or self._section is Section.PDU:
            return
        if subject.zoom is _Zoom.EXCHANGE:
            self.message.offer(subject.index, subject.exchange)
            self._show_choice()
        if is_tree and loaded is not None and loaded.message.is_complete:
            return
        if is_tree:
            self._keep_place(self._section)
            self._loaded = None
        _SHOWERS[self._section](self, subject)

    def clear(self) -> None:
        """Show nothing."""
        self._subject = self._loaded = self._wanted = None
        self._work.forget()
        self.message.offer(None, 0)
        self.message.hide()
        self._fill(Content(None))
        self.negotiation.show_negotiation(None)
        self.timing.show_times(None)
        self._show_availability()

    def _look_at(self, store: TraceStore, index: TraceIndex | None, zoom: _Zoom, seq: int, exchange: int) -> None:
        entry = store.entry(seq) if seq else None
        if entry is None:
            self.clear()
            return
        self._subject = _Subject(store, index, zoom, entry, exchange)
        self._message_seq = seq
        self.message.offer(index, exchange if zoom is _Zoom.EXCHANGE else 0)
        self._loaded = self._wanted = None
        self._show_availability()
        section = self._chosen[zoom]
        if not self._is_available(section):
            section = Section.PDU
        self._go_to(section)

    def _is_available(self, section: Section) -> bool:
        subject = self._subject
        if subject is None:
            return False
        if section in (Section.MESSAGE, Section.DATASET):
            return has_message(subject.entry.record)
        return section is Section.PDU or subject.association > 0

    def _show_availability(self) -> None:
        """Sections that say nothing of this row cannot be chosen."""
        for place, section in enumerate(Section):
            self.tabs.setTabEnabled(place, self._is_available(section))
        record = self._subject.entry.record if self._subject is not None else None
        is_pdu = record is None or isinstance(record, PduRecord)
        self.tabs.setTabText(0, Section.PDU.value if is_pdu else "Event")
        self._show_saving()

    def _show_saving(self) -> None:
        loaded = self._loaded
        self.view_button.setVisible(loaded is not None and loaded.message.dataset_length > 0)
        self.save_button.setVisible(loaded is not None and bool(loaded.file_name))
        self.save_button.setEnabled(loaded is not None and not loaded.refusal)
        self.save_button.setToolTip(loaded.refusal if loaded is not None and loaded.refusal else _SAVE_TIP)

    # --------------------------------------------------------------------------------------------------------- sections

    def _on_tab_changed(self, place: int) -> None:
        """The user wants another section; it is remembered for rows of this kind."""
        if self._subject is not None and place >= 0:
            section = list(Section)[place]
            self._chosen[self._subject.zoom] = section
            self._keep_place(section)
            self._go_to(section)

    def _keep_place(self, section: Section) -> None:
        """Stay at the same byte in the other section, if it has it."""
        node = self.tree_model.node_of(self.tree.currentIndex())
        if node is not None and node.length and section in _TREES:
            self._wanted = self._place_of(node.offset, node.length)

    def _go_to(self, section: Section) -> None:
        subject = self._subject
        if subject is None:
            return
        self._section = section
        self.tabs.blockSignals(True)
        self.tabs.setCurrentIndex(list(Section).index(section))
        self.tabs.blockSignals(False)
        self._show_choice()
        self.pages.setCurrentIndex({Section.NEGOTIATION: 1, Section.TIMING: 2}.get(section, 0))
        self._work.forget()
        _SHOWERS[section](self, subject)

    def _show_choice(self) -> None:
        self.message.setVisible(self.message.is_needed and self._section in (Section.MESSAGE, Section.DATASET))

    def _show_pdu(self, subject: _Subject) -> None:
        record = subject.entry.record
        if is_quick(record):
            self._fill(record_content(record))
        else:
            self._work.ask(lambda: record_content(record), self._fill)

    def _show_message(self, subject: _Subject) -> None:
        if self._loaded is not None:
            self._on_loaded(self._loaded)
            return
        store, seq = subject.store, self._message_seq
        self._work.ask(lambda: load_message(store, seq), self._on_loaded)

    def _on_message_wanted(self, seq: int) -> None:
        """The user wants another message of the exchange."""
        self._message_seq = seq
        self._loaded = self._wanted = None
        self._go_to(self._section)

    def _on_loaded(self, loaded: Loaded | None) -> None:
        self._loaded = loaded
        self._show_saving()
        if loaded is None:
            self._fill(Content(None, note="This row belongs to no message."))
        else:
            self._fill(loaded.whole if self._section is Section.MESSAGE else loaded.dataset)

    def _show_negotiation(self, subject: _Subject) -> None:
        store, association = subject.store, subject.association
        self._work.ask(lambda: negotiation(store, association), self.negotiation.show_negotiation)

    def _show_timing(self, subject: _Subject) -> None:
        store, index, association = subject.store, subject.index, subject.association
        numbers = index.exchanges_of(association) if index is not None else []
        known = [index.exchanges[number] for number in numbers[:MAX_LINES]] if index is not None else []
        left_out = len(numbers) - len(known)
        times = _times_of(index, subject.exchange) if index is not None and subject.exchange else None
        self._work.ask(
            lambda: timeline(store, association, known, left_out=left_out),
            lambda found: self.timing.show_times(found, times),
        )

    def _on_failed(self, text: str) -> None:
        self._fill(Content(None, note=text, is_odd=True))

    def _fill(self, content: Content) -> None:
        """Show a tree and its bytes."""
        self.fields.show_content(content)
        wanted, self._wanted = self._wanted, None
        if wanted is not None and content.root is not None:
            offset = self._offset_of(wanted)
            if offset is not None:
                self.fields.select(offset)

    # ---------------------------------------------------------------------------------------------------------- linking

    def _place_of(self, offset: int, length: int) -> Place | None:
        """Where in the trace a byte of what is shown stood."""
        if self._subject is None:
            return None
        if self._section is Section.PDU:
            return Place(self._subject.entry.seq, offset, length)
        loaded = self._loaded
        if loaded is None or (self._section is Section.DATASET and loaded.is_inflated):
            return None
        base = len(loaded.message.command) if self._section is Section.DATASET else 0
        place = loaded.message.place_of(base + offset)
        return place._replace(length=min(place.length, length)) if place is not None else None

    def _offset_of(self, place: Place) -> int | None:
        """The byte of what is shown that stood at a place of the trace."""
        if self._section is Section.PDU:
            return place.offset if self._subject is not None and place.seq == self._subject.entry.seq else None
        loaded = self._loaded
        if loaded is None:
            return None
        position = loaded.message.position_of(place.seq, place.offset)
        if position is None or self._section is Section.MESSAGE:
            return position
        offset = position - len(loaded.message.command)
        return offset if offset >= 0 and not loaded.is_inflated else None

    def show_place(self, offset: int, length: int) -> None:
        """Show bytes of the row's PDU: the deepest field that begins there, exactly these bytes marked."""
        if self._subject is None:
            return
        if self._section is not Section.PDU:
            self._go_to(Section.PDU)
        self._wanted = None
        if self._work.is_busy:
            self._wanted = Place(self._subject.entry.seq, offset, length)
            return
        self.fields.select(offset)
        if length:
            self.hex.mark(offset, length)

    def _place_in_trace(self, offset: int, length: int) -> Place | None:
        """The same for what is not simply the PDU of the row."""
        return None if self._section is Section.PDU else self._place_of(offset, length)

    def ask_offset(self) -> None:
        """Show where an offset can be typed."""
        if self._section in _TREES:
            self.fields.ask_offset()

    @property
    def pdu_length(self) -> int:
        """Bytes of the row's PDU, 0 for a row without bytes."""
        record = self._subject.entry.record if self._subject is not None else None
        return record.length if isinstance(record, PduRecord | BytesRecord) else 0

    def copy_pdu(self, notation: Notation = Notation.HEX) -> None:
        """Copy the kept bytes of the row."""
        record = self._subject.entry.record if self._subject is not None else None
        if isinstance(record, PduRecord):
            _copy(written(b"".join(segment.data for segment in record.segments), notation))
        elif isinstance(record, BytesRecord):
            _copy(written(record.data, notation))

    def _on_save_clicked(self) -> None:
        if self._subject is not None and self._loaded is not None:
            self.saving.ask(self._subject.store, self._loaded.message, self._loaded.file_name)

    def _on_view_clicked(self) -> None:
        if self._loaded is not None:
            message, name = self._loaded.message, self._loaded.file_name
            self.view_wanted.emit(lambda: viewed_of(message, name))

    def _tell(self, text: str, is_bad: bool) -> None:
        self.fields.show_note(text, "error" if is_bad else "good")


_SHOWERS: dict[Section, Callable[[TraceDetails, _Subject], None]] = {
    Section.PDU: TraceDetails._show_pdu,
    Section.MESSAGE: TraceDetails._show_message,
    Section.DATASET: TraceDetails._show_message,
    Section.NEGOTIATION: TraceDetails._show_negotiation,
    Section.TIMING: TraceDetails._show_timing,
}


def _times_of(index: TraceIndex, number: int) -> ExchangeTimes | None:
    """The phases of an exchange, a line each, and the exchanges that it caused."""
    exchange = index.exchanges[number]
    own = exchange_line(exchange)
    lines = [Line(phase.name, (phase,), number, own.failed) for phase in own.phases]
    children = index.exchanges.children.get(number, ())
    lines += [exchange_line(index.exchanges[child]) for child in children[:MAX_CHILDREN]]
    return ExchangeTimes(f"{exchange.operation} {exchange.message_id}", tuple(lines)) if lines else None


def _has_bytes(record: Record) -> bool:
    """Whether a record carries bytes of the wire."""
    return isinstance(record, PduRecord | BytesRecord)


def _copy(text: str) -> None:
    QGuiApplication.clipboard().setText(text)
