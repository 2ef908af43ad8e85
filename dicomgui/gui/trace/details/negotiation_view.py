"""What was negotiated: the table of presentation contexts, and requested against accepted user information."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QMenu, QSplitter, QVBoxLayout, QWidget

from dicomgui.gui.tables.list_table import ListTable
from dicomgui.gui.tables.pills import PillDelegate
from dicomgui.gui.tables.text_table import Cell, TextTable
from dicomgui.gui.widgets.text import PlainLabel, count_text
from dicomgui.trace.finding import plain
from dicomgui.trace.inspection.negotiated import ContextRow, Negotiation, Place
from dicomgui.trace.inspection.user_information import Information, named

__all__ = ["NegotiationView"]

_CONTEXTS = (
    "ID", "Abstract syntax", "Result", "Accepted syntax", "Proposed syntaxes", "Role", "Needed by",
)  # fmt: skip
_INFORMATION = ("User information", "Requested", "Answered")
_RESULT = 2


class NegotiationView(QWidget):
    """Both tables. Enter or a double click goes to the bytes of a row.

    :param name: begins the object names.
    :param compact: for a low and narrow place: the contexts alone, without what was proposed.
    """

    place_chosen = Signal(int, int, int)
    """The user wants to see these bytes: number of the row, offset, length."""

    def __init__(self, name: str, *, compact: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(f"{name}_negotiation")
        self.setAccessibleName("Negotiation")
        self.found: Negotiation | None = None
        self.summary = PlainLabel(wrap=True)
        self.summary.setObjectName(f"{name}_negotiation_summary")
        self.contexts_model = TextTable(_CONTEXTS, numbers=(0,), parent=self)
        self.contexts = self._table(f"{name}_contexts", "Presentation contexts", self.contexts_model)
        self.contexts.setItemDelegateForColumn(_RESULT, PillDelegate(self.contexts))
        self.contexts.set_widths({0: 40, 1: 190, 2: 256, 3: 166, 4: 166, 5: 110}, stretch=6)
        self.contexts.horizontalHeader().setMinimumSectionSize(36)
        self.information_model = TextTable(_INFORMATION, parent=self)
        self.information = self._table(f"{name}_information", "User information", self.information_model)
        self.information.set_widths({0: 330, 1: 330}, stretch=2)
        split = QSplitter(Qt.Orientation.Vertical)
        split.setObjectName(f"{name}_negotiation_split")
        split.setHandleWidth(8)
        split.setChildrenCollapsible(False)
        split.addWidget(self.contexts)
        split.addWidget(self.information)
        split.setSizes([150, 110])
        if compact:
            self.information.hide()
            for number in (3, 4, 5):
                self.contexts.hideColumn(number)
            self.contexts.set_widths({1: 150, 2: 180}, stretch=6)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.summary)
        column.addWidget(split, 1)

    def _table(self, name: str, accessible: str, model: TextTable) -> ListTable:
        table = ListTable(name, accessible, self)
        table.setModel(model)
        table.activated.connect(self._on_activated)
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        table.customContextMenuRequested.connect(lambda place: self._on_menu(table, place))
        keys = QShortcut(QKeySequence.StandardKey.Copy, table, context=Qt.ShortcutContext.WidgetShortcut)
        keys.activated.connect(lambda: self._copy(table))
        return table

    def show_negotiation(self, found: Negotiation | None) -> None:
        """Fill the tables, or empty them."""
        self.found = found
        rows = found.rows if found is not None else ()
        self.contexts_model.show_rows([_context_cells(row) for row in rows])
        self.information_model.show_rows([_information_cells(row) for row in (found.user_information if found else ())])
        self.summary.setText(summary_of(found) if found is not None else "")
        missed = any(row.is_missed for row in rows)
        self.summary.set_tone("error" if missed or (found is not None and found.remarks) else "muted")

    # ------------------------------------------------------------------------------------------------------------ slots

    def _places(self, table: ListTable) -> tuple[Place | None, Place | None]:
        """Where the trace shows the selected row: what was asked, what was answered."""
        row = table.currentIndex().row()
        if self.found is None or row < 0:
            return None, None
        if table is self.contexts:
            context = self.found.rows[row]
            return context.asked, context.answered
        information = self.found.user_information[row]
        return information.asked_at, information.answered_at

    def _on_activated(self, index: QModelIndex) -> None:
        table = self.contexts if index.model() is self.contexts_model else self.information
        asked, answered = self._places(table)
        # A cell of the answer leads to the answer.
        wants_answer = index.column() in ((2, 3) if table is self.contexts else (2,))
        self._choose((answered or asked) if wants_answer else (asked or answered))

    def _choose(self, place: Place | None) -> None:
        if place is not None:
            self.place_chosen.emit(place.seq, place.offset, place.length)

    def _copy(self, table: ListTable) -> None:
        row = table.currentIndex().row()
        if row >= 0:
            model = self.contexts_model if table is self.contexts else self.information_model
            QGuiApplication.clipboard().setText(model.line_of(row))

    def _on_menu(self, table: ListTable, place: QPoint) -> None:
        if table.currentIndex().row() < 0:
            return
        menu = QMenu(self)
        menu.setObjectName(f"{table.objectName()}_menu")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Copy &row").triggered.connect(lambda: self._copy(table))
        texts = ("Show the re&quest's bytes", "Show the &answer's bytes")
        for text, where in zip(texts, self._places(table), strict=True):
            action = menu.addAction(text)
            action.setEnabled(where is not None)
            action.triggered.connect(lambda _=False, where=where: self._choose(where))
        menu.popup(table.viewport().mapToGlobal(place))


def summary_of(found: Negotiation) -> str:
    """What matters of it, in one line."""
    proposed = [row for row in found.rows if row.context_id]
    accepted = sum(row.is_accepted for row in proposed)
    parts = list(found.remarks)
    if proposed:
        parts.insert(0, f"{accepted} of {count_text(len(proposed), 'context')} accepted.")
    missed = [row for row in found.rows if row.is_missed]
    if missed:
        names = ", ".join(dict.fromkeys(named(row.abstract_syntax) for row in missed[:4]))
        parts.append(f"Needed and not accepted: {names}{' and more' if len(missed) > 4 else ''}.")
    elif any(not row.is_accepted for row in proposed) and not found.remarks:
        parts.append("Nothing needed the others." if accepted else "Nothing needed them.")
    return plain(" ".join(parts), 600)


def _context_cells(row: ContextRow) -> tuple[Cell, ...]:
    needs = ", ".join(need.text for need in row.needed_by)
    files = [name for need in row.needed_by for name in need.files]
    if files:
        needs += f": {', '.join(files[:3])}{' …' if len(files) > 3 else ''}"
    syntaxes = [named(uid) for uid in row.transfer_syntaxes]
    abstract = named(row.abstract_syntax) if row.abstract_syntax else "never proposed"
    return (
        Cell(str(row.context_id) if row.context_id else "–", "muted"),
        Cell(abstract, tip=plain(f"{abstract}\n{row.abstract_syntax}".strip(), 300)),
        _result_cell(row),
        Cell(named(row.accepted_syntax) if row.accepted_syntax else "", tip=plain(row.accepted_syntax)),
        Cell(plain(", ".join(syntaxes), 400), "muted", tip=plain(", ".join(syntaxes), 2000)),
        Cell(*_role(row)),
        Cell(plain(needs, 300), "error" if row.is_missed else "", tip=plain(", ".join(files), 1000)),
    )


def _result_cell(row: ContextRow) -> Cell:
    text = row.reason if row.result in (0, None) else f"{row.result}: {row.reason}"
    if row.remarks:
        return Cell(plain(f"{text} · {', '.join(row.remarks)}", 300), "warning", "warning")
    if row.is_accepted:
        return Cell("accepted", "good", "good")
    return Cell(plain(text), "error" if row.is_missed else "muted", "error" if row.is_missed else "")


def _role(row: ContextRow) -> tuple[str, str]:
    """What the requestor is on it, and whether it is less than it asked for."""
    if not row.role_asked:
        return "SCU", "muted"
    granted = row.role_granted or "SCU"
    if granted == row.role_asked:
        return granted, ""
    return f"{granted} (asked: {row.role_asked})", "warning"


def _information_cells(row: Information) -> tuple[Cell, ...]:
    return Cell(row.name), Cell(row.asked), Cell(row.answered)
