"""The answers of our listener as a RIS, an MPPS and UPS manager, an archive, a printer and a writer of media."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QButtonGroup, QCheckBox, QPushButton, QWidget

from dicomgui.app.listening.answers import AnswerSettings, AnswerStore
from dicomgui.app.listening.desk import AnswerDesk
from dicomgui.app.listening.listener import Listener
from dicomgui.app.listening.ris_files import WorklistFile, csv_text, read_csv, read_folder
from dicomgui.app.listening.rules import OFFERED
from dicomgui.app.listening.texts import SERVICE_NAMES
from dicomgui.gui.answers.commitments import CommitmentPage
from dicomgui.gui.answers.lists import MppsPage, StepsPage, UpsPage
from dicomgui.gui.answers.media import MediaPage
from dicomgui.gui.answers.notifications import NotificationsPage
from dicomgui.gui.answers.pages import RulesPage, WorklistPage
from dicomgui.gui.answers.printing import PrintPage
from dicomgui.gui.answers.service_page import ServicePage
from dicomgui.gui.panels.panel import Panel, Workplace
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.cards import Card
from dicomgui.gui.widgets.dialogs import Ask, ask_paths
from dicomgui.gui.widgets.fields import check_box
from dicomgui.gui.widgets.flow import FlowRow, Pages
from dicomgui.gui.widgets.text import ElidedLabel, PlainLabel
from dicomgui.network.errors import ConfigurationError
from dicomgui.trace.finding import plain

__all__ = ["AnswersPanel"]

APPLY_AFTER_MS = 200
"""How long after a change it is put in force, so that a typed word is one change and not ten."""
MIN_HEIGHT = 260
REFRESH_S = 0.25
"""How often lists are shown anew, at most."""

_T = TypeVar("_T")
_Page = RulesPage | WorklistPage | StepsPage | ServicePage


class AnswersPanel(Panel):
    """The services in a row of switches; below them a page for the rules, and one for each service.

    :ivar desk: answers for the services, over all runs of the listener.

    :param listener: gives the listener of the window, if it has been started.
    """

    def __init__(self, place: Workplace, listener: Callable[[], Listener | None]) -> None:
        text = "What a modality or an information system gets from our listener, and rules for all of its answers."
        super().__init__("answers", "Answers", text, place)
        self.desk = AnswerDesk()
        self._listener = listener
        store = place.config.store
        self._store = None if store is None else AnswerStore(store.folder)
        self._is_loaded = self._store is None
        self._is_loading = False
        self._is_dirty = False
        self._applying: asyncio.Task[None] | None = None
        self._revision = -1
        self._refreshed = 0.0
        self._folder = ""
        self.boxes: dict[str, QCheckBox] = {}
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(APPLY_AFTER_MS)
        self._timer.timeout.connect(self._apply_soon)
        self._make_switches()
        self._make_pages()
        self._place_widgets()
        self._show_services()
        for page in self.set_pages:
            page.show_settings(AnswerSettings())
        self._is_dirty = False
        self._timer.stop()
        self._set_enabled(self._is_loaded)
        place.config.settings_changed.connect(self._show_services)
        place.pump.add(self._drain)

    # ----------------------------------------------------------------------------------------------------------- making

    def _make_switches(self) -> None:
        for service in OFFERED:
            tip = "Offer it to callers, at once"
            box = check_box(f"answers_offer_{service.value}", SERVICE_NAMES[service], tip=tip)
            box.toggled.connect(self._on_service_toggled)
            self.boxes[service.value] = box
        self.back_button = push_button("answers_back", "Listener", "back", tip="Back to the listener")
        self.back_button.clicked.connect(lambda: self.panel_wanted.emit("listener"))
        self.state = ElidedLabel("The listener does not run: what is set here counts when it does.", tone="muted")
        self.state.setObjectName("answers_state")

    def _make_pages(self) -> None:
        self.rules = RulesPage()
        self.worklist = WorklistPage()
        self.mpps = MppsPage(self.place, self.desk)
        self.commitment = CommitmentPage(self.desk)
        self.print_page = PrintPage(self.place, self.desk, self.tasks)
        self.media = MediaPage(self.desk)
        self.ups = UpsPage(self.place, self.desk)
        self.notifications = NotificationsPage(self.place, self.desk)
        self.pages: tuple[tuple[str, str, _Page], ...] = (
            ("rules", "Rules", self.rules), ("worklist", "Worklist", self.worklist), ("mpps", "MPPS", self.mpps),
            ("commitment", "Commitment", self.commitment), ("print", "Print", self.print_page),
            ("media", "Media", self.media), ("ups", "UPS", self.ups),
            ("notifications", "Notifications", self.notifications),
        )  # fmt: skip
        self.stack = Pages("answers_pages", MIN_HEIGHT)
        self._group = QButtonGroup(self)
        self.buttons: list[QPushButton] = []
        for number, (name, title, page) in enumerate(self.pages):
            self.stack.addWidget(page)
            button = push_button(f"answers_view_{name}", title)
            button.setCheckable(True)
            self._group.addButton(button, number)
            self.buttons.append(button)
        self.buttons[0].setChecked(True)
        self._group.idClicked.connect(self._on_view_chosen)
        self.set_pages = (
            self.rules, self.worklist, self.commitment, self.print_page, self.media, self.mpps, self.ups,
        )  # fmt: skip
        for page in self.set_pages:
            page.changed.connect(self._on_edited)
        for listed in (self.mpps, self.ups, self.notifications, self.print_page):
            listed.view_wanted.connect(self.view_wanted)
        self.commitment.trace_wanted.connect(self.trace_wanted)
        self.media.trace_wanted.connect(self.trace_wanted)
        self.worklist.import_wanted.connect(lambda: self.tasks.spawn(self._import(), name="import a worklist"))
        self.worklist.export_wanted.connect(lambda: self.tasks.spawn(self._export(), name="save a worklist"))
        self.worklist.folder_wanted.connect(lambda: self.tasks.spawn(self._choose_folder(), name="choose a folder"))
        self.worklist.folder_dropped.connect(self._on_folder_dropped)
        self.message = PlainLabel(tone="warning", wrap=True, selectable=True)
        self.message.setObjectName("answers_message")
        self.message.hide()

    def _place_widgets(self) -> None:
        card = Card()
        row = FlowRow(16)
        row.add(PlainLabel("Offered to callers:", tone="muted"))
        for box in self.boxes.values():
            row.add(box)
        row.add_stretch()
        row.add(self.back_button)
        card.column.addLayout(row)
        card.column.addWidget(self.state)
        self.column.addWidget(card)
        tools = FlowRow(6)
        for button in self.buttons:
            tools.add(button)
        self.column.addLayout(tools)
        self.column.addWidget(self.message)
        self.column.addWidget(self.stack, 1)

    def take_focus(self) -> None:
        self.buttons[self.stack.currentIndex()].setFocus()

    # --------------------------------------------------------------------------------------------------------- services

    def _show_services(self) -> None:
        services = self.place.config.settings.listener.services
        for service in OFFERED:
            box = self.boxes[service.value]
            box.blockSignals(True)
            box.setChecked(service in services)
            box.blockSignals(False)

    def _on_service_toggled(self) -> None:
        settings = self.place.config.settings
        chosen = {service for service in OFFERED if self.boxes[service.value].isChecked()}
        services = frozenset((settings.listener.services - set(OFFERED)) | chosen)
        self.place.config.change(replace(settings, listener=replace(settings.listener, services=services)))
        listener = self._listener()
        if listener is not None:
            listener.provide(services)

    # --------------------------------------------------------------------------------------------------------- settings

    def _set_enabled(self, enabled: bool) -> None:
        for page in self.set_pages:
            page.setEnabled(enabled)

    async def _load(self) -> None:
        assert self._store is not None
        settings = await self._in_thread(self._store.load)
        if self._store.problem is not None:
            self.place.config.tell(self._store.problem)
        self.desk.install(await self._in_thread(partial(self.desk.prepare, settings)))
        for page in self.set_pages:
            page.show_settings(settings)
        self.worklist.show_problems(self.desk.problems)
        self._timer.stop()
        self._is_dirty = False
        self._is_loaded = True
        self._set_enabled(True)
        self._folder = settings.worklist_folder
        if settings.worklist_folder:
            await self._read_folder(settings.worklist_folder)

    def _on_edited(self) -> None:
        self._is_dirty = True
        self._timer.start()

    def _said(self) -> AnswerSettings:
        settings = replace(self.desk.settings, worklist_folder=self._folder)
        for page in self.set_pages:
            settings = page.over(settings)
        return settings

    def _apply_soon(self) -> None:
        if self._applying is None and self._is_loaded:
            self._applying = self.tasks.spawn(self._apply(), name="put answers in force")

    async def _apply(self) -> None:
        try:
            while self._is_dirty:
                self._is_dirty = False
                settings = self._said()
                self.desk.install(await self._in_thread(partial(self.desk.prepare, settings)))
                self.worklist.show_problems(self.desk.problems)
                self._keep(settings)
        finally:
            self._applying = None

    def _keep(self, settings: AnswerSettings) -> None:
        if (store := self._store) is not None:
            self.place.config.write_soon("answers", lambda: store.save(settings))

    async def shut_down(self) -> None:
        self._is_loading = True  # a tick that is still to come begins nothing
        await super().shut_down()
        self._timer.stop()
        if self._is_dirty and self._is_loaded:
            self._keep(self._said())

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self.place.context.file_pool, work)

    # ------------------------------------------------------------------------------------------------------------ files

    async def _import(self) -> None:
        filters = ("CSV (*.csv *.tsv *.txt)", "All files (*)")
        paths = await ask_paths(self, Ask.FILES, "Import a worklist", filters=filters)
        for path in paths:
            try:
                read = await self._in_thread(partial(read_csv, path))
            except ConfigurationError as error:
                self._say(str(error))
                continue
            count = self.worklist.model.insert(self.worklist.model.rowCount(), read.rows)
            left = len(read.rows) - count
            problems = [*read.problems, *([f"{left:,} rows found no room"] if left else [])]
            self._say(_summary(f"{path.name}: {count:,} rows added", problems))

    async def _export(self) -> None:
        start = Path.home() / "worklist.csv"
        paths = await ask_paths(self, Ask.SAVE, "Save the worklist", start=start, filters=("CSV (*.csv)",))
        if not paths:
            return
        text = csv_text(self.worklist.model.rows)
        try:
            await self._in_thread(partial(paths[0].write_text, text, "utf-8"))
        except OSError as error:
            self._say(f"{paths[0].name} was not saved: {error.strerror or error}")

    async def _choose_folder(self) -> None:
        paths = await ask_paths(self, Ask.FOLDER, "Folder of worklist items")
        if paths:
            await self._read_folder(str(paths[0]))

    async def _read_folder(self, folder: str) -> None:
        """Answer with the data sets of a folder, too."""
        self.worklist.show_folder(folder, None)
        try:
            read = await self._in_thread(partial(read_folder, Path(folder)))
        except ConfigurationError as error:
            read = WorklistFile(problems=(str(error),))
        self.desk.set_datasets(read.datasets)
        self.worklist.show_folder(folder, read)
        self._set_folder(folder)

    def _on_folder_dropped(self) -> None:
        self.desk.set_datasets(())
        self.worklist.show_folder("", None)
        self._set_folder("")

    def _set_folder(self, folder: str) -> None:
        if folder != self._folder:
            self._folder = folder
            self._on_edited()

    def _say(self, text: str) -> None:
        self.message.setText(plain(text, 800))
        self.message.setVisible(bool(text))

    # ---------------------------------------------------------------------------------------------------------- showing

    def _on_view_chosen(self, number: int) -> None:
        self.stack.setCurrentIndex(number)
        self._say("")
        self._refresh()

    def _drain(self) -> None:
        if not self._is_loaded and not self._is_loading:
            self._is_loading = True
            self.tasks.spawn(self._load(), name="load the answers")
        if not self.isVisible():
            return
        listener = self._listener()
        running = listener is not None and listener.is_running
        self.state.setVisible(not running)
        for button, (_, title, page) in zip(self.buttons, self.pages, strict=True):
            text = f"{title}  {page.count:,}" if page.count else title
            if button.text() != text:
                button.setText(text)
        if self.desk.revision != self._revision and time.monotonic() - self._refreshed >= REFRESH_S:
            self._refresh()

    def _refresh(self) -> None:
        """Show what has come, on the page that is in view."""
        self._revision = self.desk.revision
        self._refreshed = time.monotonic()
        page: QWidget = self.pages[self.stack.currentIndex()][2]
        if isinstance(page, StepsPage | ServicePage):
            page.refresh()


def _summary(what: str, problems: list[str]) -> str:
    if not problems:
        return what
    more = f"; and {len(problems) - 3:,} more" if len(problems) > 3 else ""
    return f"{what}. Left out: {'; '.join(problems[:3])}{more}"
