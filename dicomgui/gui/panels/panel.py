"""What the panels have in common: a heading, an operation to run and to cancel, tasks of their own, an orderly end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from dicomgui.app.context import AppContext
from dicomgui.app.operations import FINISHED_KEPT, JobHandle, JobKind, Jobs
from dicomgui.gui.keeping.archive import ArchiveKeeper
from dicomgui.gui.keeping.configuration import Configuration
from dicomgui.gui.keeping.secrets import Secrets
from dicomgui.gui.peers.fields import PeerChoice
from dicomgui.gui.running.pump import Pump
from dicomgui.gui.running.reporter import Reporter
from dicomgui.gui.running.tasks import PanelTasks
from dicomgui.gui.widgets.text import PlainLabel
from dicomgui.network.association.params import PeerAddress

if TYPE_CHECKING:
    from dicomgui.app.echo import EchoResult
    from dicomgui.app.recipes.recipe import Recipe
    from dicomgui.gui.widgets.copy_menu import CopyButton

__all__ = ["Panel", "Workplace"]

ECHOES_KEPT = 1000
"""Peers whose last echo is remembered."""


@dataclass(frozen=True, slots=True)
class Workplace:
    """What the panels of one window share.

    :ivar context: the use cases' context, with the trace.
    :ivar pump: drains buffers into models.
    :ivar reporter: takes faults of the program.
    :ivar choice: the peer that was typed or chosen last.
    :ivar config: the settings and the saved nodes.
    :ivar jobs: what is going on and what has been; every operation that the user starts is in it.
    :ivar secrets: gets passcodes and tokens that a connection needs.
    :ivar archive: what was received and imported.
    :ivar retries: what starts a job again, by its number.
    :ivar recipes: what a job does, by its number, to be copied as a command.
    :ivar echoes: the last echo of each peer that any panel has made, and when, in seconds since 1970.
    :ivar echo_watchers: told of every echo, with its result.
    """

    context: AppContext
    pump: Pump
    reporter: Reporter
    choice: PeerChoice
    config: Configuration
    jobs: Jobs
    secrets: Secrets
    archive: ArchiveKeeper
    retries: dict[int, Callable[[], object]] = field(default_factory=dict)
    recipes: dict[int, Recipe] = field(default_factory=dict)
    echoes: dict[PeerAddress, tuple[EchoResult, float]] = field(default_factory=dict)
    echo_watchers: list[Callable[[PeerAddress, EchoResult], None]] = field(default_factory=list)

    @classmethod
    def make(
        cls,
        context: AppContext,
        reporter: Reporter,
        parent: QObject | None = None,
        config: Configuration | None = None,
    ) -> Workplace:
        """The parts for a new window; without ``config`` nothing is read from files or written to them."""
        config = config or Configuration(parent=parent)
        config.attach(reporter, context.file_pool)
        secrets = Secrets(context.file_pool, reporter, parent if isinstance(parent, QWidget) else None)
        pump, choice = Pump(reporter, parent), PeerChoice(config, parent)
        archive = ArchiveKeeper(context, config, reporter, parent)
        return cls(context, pump, reporter, choice, config, Jobs(), secrets, archive)

    def start_job(
        self,
        kind: JobKind,
        title: str,
        *,
        peer: str = "",
        cancel: Callable[[], object] | None = None,
        retry: Callable[[], object] | None = None,
        is_queued: bool = False,
        recipe: Recipe | None = None,
    ) -> JobHandle:
        """Enter an operation among the jobs; see :meth:`Jobs.start`.

        :param retry: starts the same again, or what of it failed; for the drawer of jobs.
        :param recipe: what it does, to be copied as a command.
        """
        job = self.jobs.start(kind, title, peer=peer, cancel=cancel, is_queued=is_queued)
        if retry is not None:
            self.retries[job.number] = retry
        if recipe is not None:
            self.recipes[job.number] = recipe
            if len(self.recipes) > 2 * FINISHED_KEPT:
                for number in [number for number in self.recipes if self.jobs.get(number) is None]:
                    del self.recipes[number]
        return job

    def note_echo(self, peer: PeerAddress, result: EchoResult) -> None:
        """A panel has echoed a peer: remember it, and tell who watches.

        Who was echoed will be asked for something next, which needs pydicom; to load that takes a while.
        """
        if "pydicom" not in sys.modules:
            self.context.file_pool.submit(import_module, "pydicom")
        self.echoes.pop(peer, None)
        self.echoes[peer] = result, time.time()
        if len(self.echoes) > ECHOES_KEPT:
            del self.echoes[next(iter(self.echoes))]
        for watcher in self.echo_watchers:
            watcher(peer, result)


class Panel(QWidget):
    """One page of the window.

    :ivar key: short name; begins the object names of its widgets, and is the name of its icon.
    :ivar copy_as_button: offers what the panel does as a command; ``None`` where there is nothing to copy.
    """

    copy_as_button: CopyButton | None = None

    trace_wanted = Signal(int)
    """The user wants to see this association in the trace."""

    panel_wanted = Signal(str)
    """The user wants to go on in another panel, by its key."""

    evidence_wanted = Signal(object)
    """The user wants to see this :class:`~dicomgui.trace.finding.Evidence` in the trace."""

    node_wanted = Signal(str)
    """The user wants to change the node that was chosen; ``tls`` for its TLS fields, or an empty string."""

    view_wanted = Signal(object)
    """The user wants to see a data set in a window of its own: a path, or a function that gives a
    :class:`~dicomgui.app.viewing.viewed.Viewed` or ``None``, to be called in a thread.
    """

    test_wanted = Signal()
    """The user wants to echo the peer that was chosen."""

    def __init__(self, key: str, title: str, text: str, place: Workplace) -> None:
        super().__init__()
        self.key = key
        self.title = title
        self.place = place
        self.tasks = PanelTasks(key, place.reporter)
        self.setObjectName(f"{key}_panel")
        self.setAccessibleName(title)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(24, 18, 24, 16)
        self.column.setSpacing(12)
        heading = QVBoxLayout()
        heading.setSpacing(2)
        heading.addWidget(PlainLabel(title, scale=1.5, bold=True))
        heading.addWidget(PlainLabel(text, tone="muted", wrap=True))
        self.column.addLayout(heading)

    def run(self) -> None:
        """Do what the panel is for (F5); nothing while it is being done."""

    def cancel(self) -> None:
        """Cancel what is under way (Esc)."""

    def copy_as(self) -> None:
        """Offer to copy the operation as a command of another tool (Ctrl+Shift+C)."""
        if self.copy_as_button is not None:
            self.copy_as_button.open()

    def take_focus(self) -> None:
        """The panel has come into view: put the focus where the user begins."""

    @property
    def takes_drops(self) -> bool:
        """Whether files may be dropped now, on a panel that accepts drops at all."""
        return True

    def take_drop(self, paths: list[Path]) -> None:
        """Files and folders were dropped on the panel."""

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls() and self.takes_drops:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths and self.takes_drops:
            event.acceptProposedAction()
            self.take_drop(paths)

    def show_busy(self, busy: bool, run: QPushButton, cancel: QPushButton) -> None:
        """Switch between the button that starts and the one that cancels; the focus goes from one to the other."""
        on, off = (cancel, run) if busy else (run, cancel)
        on.setEnabled(True)
        if off.hasFocus():
            on.setFocus()
        off.setEnabled(False)

    async def shut_down(self) -> None:
        """End every task of the panel, and what it holds open."""
        await self.tasks.close()
