"""Shown where a worklist has nothing: leaves one key out at a time, and says which one kept the steps away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from dicomgui.app.asking.keys import Key
from dicomgui.app.asking.query import Query
from dicomgui.app.asking.worklist_relaxing import Relaxed, relaxations, relaxing_order
from dicomgui.app.operations import JobKind, JobState
from dicomgui.gui.asking.rows import Source
from dicomgui.gui.panels.panel import Workplace
from dicomgui.gui.running.tasks import PanelTasks
from dicomgui.gui.widgets.buttons import push_button
from dicomgui.gui.widgets.cards import Glyph
from dicomgui.gui.widgets.text import PlainLabel
from dicomgui.trace.finding import plain

__all__ = ["EmptyHelper"]

MAX_WIDTH = 620


class EmptyHelper(QScrollArea):
    """What is empty is asked again without each key, each time by a query of its own."""

    key_dropped = Signal(object)
    """The user wants this :class:`~dicomgui.app.asking.keys.Key` taken out, and to ask again; ``None`` for all."""

    def __init__(self, place: Workplace, tasks: PanelTasks) -> None:
        super().__init__()
        self.setObjectName("worklist_empty")
        self.setAccessibleName("Nothing matches")
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._place = place
        self._tasks = tasks
        self._task: asyncio.Task[None] | None = None
        self._asked: tuple[Query, tuple[Source, ...]] | None = None
        self.answers: list[Relaxed] = []
        self._droppable = 0
        self.text = PlainLabel(tone="muted", wrap=True)
        self.text.setObjectName("worklist_empty_text")
        self.verdict = PlainLabel(bold=True, wrap=True)
        self.verdict.setObjectName("worklist_empty_verdict")
        tip = "Asks again without each key, one at a time"
        self.find_button = push_button("worklist_empty_find", "&Find the key that is too narrow", "query", tip=tip)
        self.stop_button = push_button("worklist_empty_stop", "&Stop", "cancel", tip="Ask no more")
        self.find_button.clicked.connect(self.relax)
        self.stop_button.clicked.connect(self.cancel)
        self._in_lines: list[QWidget] = []
        self._lines = QGridLayout()
        self._lines.setHorizontalSpacing(10)
        self._lines.setVerticalSpacing(6)
        self._lines.setColumnStretch(1, 1)
        self._place_widgets()
        self.show_question(None)

    def _place_widgets(self) -> None:
        middle = QWidget()
        middle.setMaximumWidth(MAX_WIDTH)
        column = QVBoxLayout(middle)
        column.setContentsMargins(16, 20, 16, 16)
        column.setSpacing(10)
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(Glyph("worklist", "muted", 28))
        head.addWidget(PlainLabel("No step matches", scale=1.15, bold=True), 1)
        column.addLayout(head)
        column.addWidget(self.text)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.find_button)
        row.addWidget(self.stop_button)
        row.addStretch(1)
        column.addLayout(row)
        column.addWidget(self.verdict)
        column.addLayout(self._lines)
        column.addStretch(1)
        inside = QWidget()
        sides = QHBoxLayout(inside)
        sides.setContentsMargins(0, 0, 0, 0)
        sides.addStretch(1)
        sides.addWidget(middle, 1000)
        sides.addStretch(1)
        self.setWidget(inside)

    @property
    def is_busy(self) -> bool:
        """Whether it is asking."""
        return self._task is not None

    def show_question(self, asked: tuple[Query, tuple[Source, ...]] | None) -> None:
        """This was asked and nothing matched; ``None`` where that is over."""
        self.cancel()
        self._asked = asked
        self._clear_answers()
        keys = () if asked is None else relaxing_order(asked[0].keys)
        names = ", ".join(f"{key.attribute.label} = {key.value}" for key in keys)
        if keys:
            text = f"Nothing on the list has {names}. One of these keys may be wrong, or meant otherwise by the peer."
        else:
            text = (
                "The peer says that its worklist has nothing for us at all. Some systems keep a list for each AE title."
            )
        self.text.setText(plain(text, 500))
        self.find_button.setVisible(bool(keys))
        self.stop_button.setVisible(False)
        self.verdict.setVisible(False)

    def relax(self) -> None:
        """Leave out each key."""
        if self._task is None and self._asked is not None:
            self._task = self._tasks.spawn(self._relax(*self._asked), name="relax the worklist query")
            self._task.add_done_callback(self._on_done)
            self.stop_button.setVisible(True)
            self.stop_button.setFocus()
            self.find_button.setVisible(False)

    def cancel(self) -> bool:
        """Ask no more; whether anything was being asked."""
        if self._task is None:
            return False
        self._task.cancel()
        return True

    async def _relax(self, query: Query, sources: tuple[Source, ...]) -> None:
        self._clear_answers()
        task = asyncio.current_task()
        assert task is not None
        names = ", ".join(source.name for source in sources)
        cancel: Callable[[], object] = task.cancel
        with self._place.start_job(
            JobKind.WORKLIST, "Find the key that is too narrow", peer=names, cancel=cancel
        ) as job:
            secrets = self._place.secrets
            peers = [(one.peer, await secrets.complete(one.options, one.peer)) for one in sources]
            async with aclosing(relaxations(self._place.context, query, peers, on_ask=self._show_asking)) as answers:
                async for answer in answers:
                    for number in filter(None, answer.associations):
                        job.add_association(number)
                    self._add_answer(answer)
            failed = any(answer.failure for answer in self.answers)
            job.finish(JobState.FAILED if failed else JobState.DONE, text=self._verdict())
        self._show_verdict(self._verdict(), "error" if failed else "good" if self._found() else "muted")

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._task = None
        had_focus = self.stop_button.hasFocus()
        self.stop_button.setVisible(False)
        self.find_button.setVisible(bool(self._asked and relaxing_order(self._asked[0].keys)))
        if task.cancelled():
            self._show_verdict(f"Stopped. {self._verdict()}" if self.answers else "Stopped.", "muted")
        if had_focus:
            first = self.findChild(QWidget, "worklist_empty_drop_1")
            (first or self.find_button).setFocus()

    def _show_asking(self, key: Key | None) -> None:
        what = "any key" if key is None else f"{key.attribute.label} = {key.value}"
        self._show_verdict(f"Asking without {what} …", "muted")

    def _found(self) -> list[Relaxed]:
        return [answer for answer in self.answers if answer.count and answer.key is not None]

    def _verdict(self) -> str:
        """What has been found out so far."""
        found = self._found()
        if len(found) == 1:
            return f"{found[0].text}: this key emptied the answer."
        if found:
            return "Each of these keys alone empties the answer."
        if any(answer.failure for answer in self.answers):
            return "The peer could not be asked again."
        rest = next((answer for answer in self.answers if answer.key is None), None)
        if rest is not None and rest.count:
            return f"No single key: {rest.text[0].lower()}{rest.text[1:]}. At least two keys are wrong together."
        return "It is none of the keys: the list has nothing for us."

    def _show_verdict(self, text: str, tone: str) -> None:
        self.verdict.set_tone(tone)
        self.verdict.setText(plain(text, 300))
        self.verdict.setVisible(True)
        self.ensureWidgetVisible(self.verdict, 0, 120)

    def _clear_answers(self) -> None:
        self.answers = []
        self._droppable = 0
        for widget in self._in_lines:
            widget.hide()
            widget.setParent(None)  # a name is free for its successor at once, not when Qt deletes this
            widget.deleteLater()
        self._in_lines = []

    def _add_answer(self, answer: Relaxed) -> None:
        """A line for it; one without which there is something can be acted upon."""
        self.answers.append(answer)
        row = len(self.answers) - 1
        icon, tone = ("good", "good") if answer.count else ("remove", "muted")
        if answer.failure:
            icon, tone = "error", "error"
        shown: list[QWidget] = [Glyph(icon, tone, 16), PlainLabel(plain(answer.text, 200), wrap=True)]
        if answer.count:
            self._droppable += 1
            shown.append(self._drop_button(answer.key, self._droppable))
        self._in_lines += shown
        for column, widget in enumerate(shown):
            self._lines.addWidget(widget, row, column)

    def _drop_button(self, key: Key | None, number: int) -> QWidget:
        text = "Take it out" if key is not None else "Take all out"
        button = push_button(f"worklist_empty_drop_{number}", text, tip="Ask again without it")
        name = key.attribute.label if key is not None else "all keys"
        button.setAccessibleName(f"{text}: {name}")
        button.clicked.connect(partial(self._on_drop_clicked, key))
        return button

    def _on_drop_clicked(self, key: Key | None, _checked: bool = False) -> None:
        self.key_dropped.emit(key)
