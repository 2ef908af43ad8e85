"""The page of what was printed: the printer's state, the jobs, and their films as pictures."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QVBoxLayout, QWidget

from dicomgui.app.configuration.provided import Provided
from dicomgui.app.listening.answers import PRINTER_STATES, AnswerSettings
from dicomgui.app.listening.desk import AnswerDesk
from dicomgui.app.listening.print_jobs import PrintedJob
from dicomgui.app.listening.print_pages import png
from dicomgui.app.viewing.viewed import view_of
from dicomgui.gui.answers.film_view import FilmView, image_of
from dicomgui.gui.answers.lists import NARROW, SWITCH, clock
from dicomgui.gui.answers.service_page import ServicePage
from dicomgui.gui.panels.panel import Workplace
from dicomgui.gui.running.latest import Latest
from dicomgui.gui.running.tasks import PanelTasks
from dicomgui.gui.tables.list_table import uid_table
from dicomgui.gui.tables.text_table import Cell, TextTable
from dicomgui.gui.widgets.buttons import Choice, push_button
from dicomgui.gui.widgets.cards import EmptyState
from dicomgui.gui.widgets.dialogs import Ask, ask_paths
from dicomgui.gui.widgets.fields import line_edit
from dicomgui.gui.widgets.flow import FlowRow, Halves, labelled
from dicomgui.gui.widgets.text import PlainLabel, count_text, size_text
from dicomgui.network.service_classes.attributes import text_of
from dicomgui.trace.finding import plain

__all__ = ["PrintPage"]


class PrintPage(ServicePage):
    """Jobs at the left, the film that is looked at at the right; a double click shows it in a window of its own."""

    service = Provided.PRINT

    view_wanted = Signal(object)
    """The user wants to see a film in a window of its own; a function that gives it, for a thread."""

    def __init__(self, place: Workplace, desk: AnswerDesk, tasks: PanelTasks) -> None:
        text = "Each film that is printed here is shown as a picture, and can be saved."
        empty = EmptyState("file", "Nothing was printed", f"{SWITCH.format('print')} {text}")
        super().__init__("answers_print", desk, "the jobs", empty)
        self._place = place
        self._tasks = tasks
        self._jobs: list[PrintedJob] = []
        self._film = 0
        self._make_fields()
        self.model = TextTable(("Time", "From", "Films", "Format", "Copies", "Size"), (2, 4, 5), parent=self)
        self.table = uid_table("answers_print_table", "Print jobs", self.model)
        self.table.set_widths({0: 74, 1: 110, 2: 64, 4: 76, 5: 84}, stretch=3)
        self.table.selectionModel().selectionChanged.connect(self._on_selected)
        self.table.activated.connect(self._view)
        self.film = FilmView("answers_print_film", "The film")
        self.film.double_clicked.connect(self._view)
        self._latest = Latest(place.context.file_pool, self._on_failed, self)
        self.text = PlainLabel(tone="muted", wrap=True, selectable=True)
        self.text.setObjectName("answers_print_text")
        self._place_widgets()
        self._show_film()

    def _make_fields(self) -> None:
        self.status = Choice("answers_print_status", "Printer status")
        for state in PRINTER_STATES:
            self.status.addItem(state.lower(), state)
        tip = "A code string, such as SUPPLY LOW"
        self.info = line_edit("answers_print_info", "Printer status info", hint="NORMAL", tip=tip)
        self.status.currentIndexChanged.connect(self.on_edited)
        self.info.textChanged.connect(self.on_edited)
        self.back_button = push_button("answers_print_back", "", "back", tip="The film before")
        self.next_button = push_button("answers_print_next", "", "forward", tip="The next film")
        self.back_button.setAccessibleName("The film before")
        self.next_button.setAccessibleName("The next film")
        self.save_button = push_button("answers_print_save", "Save PNG …", "save", tip="Save the film as a picture")
        self.back_button.clicked.connect(lambda: self._go(-1))
        self.next_button.clicked.connect(lambda: self._go(1))
        self.save_button.clicked.connect(self._on_save_clicked)

    def _place_widgets(self) -> None:
        fields = FlowRow(12)
        fields.add(labelled("The printer says", self.status), 0, width=130)
        fields.add(labelled("and", self.info), 1, width=150)
        fields.add_stretch()
        right = QWidget()
        beside = QVBoxLayout(right)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.setSpacing(8)
        row = FlowRow(6)
        row.add(self.back_button)
        row.add(self.next_button)
        row.add_stretch()
        row.add(self.save_button)
        beside.addLayout(row)
        beside.addWidget(self.film, 1)
        beside.addWidget(self.text)
        self.halves = Halves("answers_print_halves", NARROW)
        self.halves.addWidget(self.table)
        self.halves.addWidget(right)
        self.halves.setStretchFactor(0, 3)
        self.halves.setStretchFactor(1, 2)
        self.lay_out(fields, self.halves)

    @property
    def count(self) -> int:
        return len(self.desk.jobs)

    # settings

    def show_settings(self, settings: AnswerSettings) -> None:
        self.status.setCurrentIndex(self.status.findData(settings.printer_status))
        self.info.setText(settings.printer_info)

    def said(self, settings: AnswerSettings) -> AnswerSettings:
        info = self.info.text().strip() or "NORMAL"
        return replace(settings, printer_status=self.status.currentData(), printer_info=info)

    # jobs

    def refresh(self) -> None:
        """Show what there is now; a job that comes is looked at, unless another one is."""
        super().refresh()
        chosen = self._selected()
        self._jobs = list(reversed(list(self.desk.jobs)))
        self.model.show_rows([self._cells(job) for job in self._jobs])
        numbers = [job.number for job in self._jobs]
        if chosen is not None and chosen.number in numbers:
            film = self._film
            self.table.selectRow(numbers.index(chosen.number))
            self._film = film
            self._show_film()
        elif self._jobs:
            self.table.selectRow(0)
        else:
            self._show_film()

    @staticmethod
    def _cells(printed: PrintedJob) -> tuple[Cell, ...]:
        job = printed.job
        formats = list(dict.fromkeys(page.display_format for page in job.pages))
        shown = f"{', '.join(formats)}{' in colour' if job.is_color else ''}"
        texts = (
            clock(printed.utc), job.facts.calling_ae_title.strip(), f"{len(job.pages):,}", shown, printed.copies,
            size_text(printed.size_bytes),
        )  # fmt: skip
        return tuple(Cell(plain(text)) for text in texts)

    def _selected(self) -> PrintedJob | None:
        rows = self.table.selectionModel().selectedRows()
        return self._jobs[rows[0].row()] if rows and rows[0].row() < len(self._jobs) else None

    def _on_selected(self) -> None:
        self._film = 0
        self._show_film()

    def _go(self, by: int) -> None:
        self._film += by
        self._show_film()

    def _show_film(self) -> None:
        printed = self._selected()
        films = 0 if printed is None else len(printed.job.pages)
        self.back_button.setEnabled(self._film > 0)
        self.next_button.setEnabled(self._film + 1 < films)
        self.save_button.setEnabled(films > 0)
        if printed is None or not films:
            self._latest.forget()
            self.film.show_image(None)
            self.text.setText("")
            return
        page = printed.job.pages[self._film]
        said = (text_of(page.attributes, keyword) for keyword in ("FilmSizeID", "FilmOrientation"))
        size = " ".join(filter(None, said))
        texts = (text for _, text in sorted(page.texts.items()))
        parts = (f"Film {self._film + 1} of {films}", count_text(len(page.images), "image"), size.lower(), *texts)
        self.text.setText(plain(" · ".join(filter(None, parts)), 600))
        self._latest.ask(partial(_drawn, printed, self._film), self.film.show_image)

    def _view(self) -> None:
        printed, film = self._selected(), self._film
        if printed is not None and printed.job.pages:
            title = f"film {film + 1} of print job {printed.number}"
            self.view_wanted.emit(lambda: view_of(printed.dataset(film), title))

    def _on_failed(self, reason: str) -> None:
        self.film.show_image(None)
        self.text.setText(plain(f"This film {reason}", 300))

    def _on_save_clicked(self) -> None:
        printed = self._selected()
        if printed is not None:
            self._tasks.spawn(self._save(printed, self._film), name="save a film")

    async def _save(self, printed: PrintedJob, film: int) -> None:
        name = Path.home() / f"film-{printed.number}-{film + 1}.png"
        paths = await ask_paths(self, Ask.SAVE, "Save the film", start=name, filters=("PNG (*.png)",))
        if not paths:
            return
        work = partial(_write, printed, film, paths[0])
        try:
            await asyncio.get_running_loop().run_in_executor(self._place.context.file_pool, work)
        except OSError as error:
            self.text.setText(plain(f"The film was not saved: {error.strerror or error}", 300))


def _drawn(printed: PrintedJob, film: int) -> QImage:
    return image_of(printed.picture(film))


def _write(printed: PrintedJob, film: int, path: Path) -> None:
    path.write_bytes(png(printed.picture(film)))
