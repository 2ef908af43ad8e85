"""The menu of a cell of the trace's list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu, QWidget

from dicomgui.gui.trace.filtering.filter_values import term_of
from dicomgui.gui.trace.listing.list_view import Like, TraceList
from dicomgui.gui.trace.travel import inside_of, story_of
from dicomgui.gui.widgets.hex_view import Notation
from dicomgui.trace.filter import Zoom
from dicomgui.trace.finding import plain
from dicomgui.trace.marks import COLORS

__all__ = ["MenuHooks", "trace_menu"]


@dataclass(frozen=True, slots=True)
class MenuHooks:
    """What the menu can have done.

    :ivar filter_like: show, hide or highlight what passes this condition.
    :ivar show_jobs: jobs that used an association, and what shows one of them.
    :ivar copy_pdu: copy the bytes of the selected row; ``None`` where it has none.
    """

    filter_like: Callable[[Like, str], object]
    jobs_of: Callable[[int], list[tuple[int, str]]]
    show_job: Callable[[int], object]
    copy_pdu: Callable[[Notation], object] | None
    add_copies: Callable[[QMenu], object]


def trace_menu(name: str, table: TraceList, column: int, hooks: MenuHooks, parent: QWidget) -> QMenu:
    """A menu for the selected row and one of its columns."""
    menu = QMenu(parent)
    menu.setObjectName(f"{name}_table_menu")
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    _add_ways(menu, table)
    _add_like(menu, table, column, hooks)
    _add_marks(menu, table)
    menu.addSeparator()
    menu.addAction("Copy &row").triggered.connect(table.copy_row)
    if hooks.copy_pdu is not None:
        for notation in Notation:
            menu.addAction(f"Copy PDU as {notation.value}").triggered.connect(
                partial(_with_notation, hooks.copy_pdu, notation)
            )
    hooks.add_copies(menu)
    association, _ = table.trace_model.item_at(table.row)
    jobs = hooks.jobs_of(association) if association else []
    if jobs:
        menu.addSeparator()
    for number, title in jobs[:5]:
        action = menu.addAction(f"Show job: {plain(title, 60)}".replace("&", "&&"))
        action.triggered.connect(partial(_with_job, hooks.show_job, number))
    return menu


def _with_notation(copy: Callable[[Notation], object], notation: Notation, _checked: bool = False) -> None:
    copy(notation)


def _with_job(show: Callable[[int], object], number: int, _checked: bool = False) -> None:
    show(number)


def _add_ways(menu: QMenu, table: TraceList) -> None:
    model, row = table.trace_model, table.row
    inside = inside_of(model, row)
    if inside is not None:
        what = "exchanges" if inside[0] is Zoom.EXCHANGES else "PDUs"
        menu.addAction(f"Show its {what}\tEnter").triggered.connect(table.enter)
    _, exchange = model.item_at(row)
    exchanges = model.source.index.exchanges
    if story_of(model, row) and (exchanges.parent[exchange] or exchange in exchanges.children):
        menu.addAction("Show the whole story\tS").triggered.connect(table.ask_story)


def _add_like(menu: QMenu, table: TraceList, column: int, hooks: MenuHooks) -> None:
    term = term_of(table.trace_model, table.row, column)
    if not term:
        return
    menu.addSeparator()
    shown = plain(term, 60).replace("&", "&&")
    for like, text in ((Like.SHOW, "Filter"), (Like.HIDE, "Hide"), (Like.HIGHLIGHT, "Highlight")):
        action = menu.addAction(f"{text} like this: {shown}")
        action.triggered.connect(partial(_with_term, hooks.filter_like, like, term))


def _with_term(do: Callable[[Like, str], object], like: Like, term: str, _checked: bool = False) -> None:
    do(like, term)


def _add_marks(menu: QMenu, table: TraceList) -> None:
    menu.addSeparator()
    mark = table.trace_model.mark_at(table.row)
    is_marked = mark is not None and mark.marked
    menu.addAction(f"{'No longer mark' if is_marked else 'Mark'}\tM").triggered.connect(table.toggle_mark)
    menu.addAction("Comment …\t;").triggered.connect(table.ask_comment)
    colors = menu.addMenu("Colour")
    for number, color in enumerate(("", *COLORS)):
        action = colors.addAction(f"{color.capitalize() or 'None'}\tAlt+{number}")
        action.setCheckable(True)
        action.setChecked((mark.color if mark is not None else "") == color)
        action.triggered.connect(partial(_with_color, table, color))


def _with_color(table: TraceList, color: str, _checked: bool = False) -> None:
    table.set_color(color)
