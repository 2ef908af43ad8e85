"""The practice PACS: an archive of patients who do not exist, on this computer alone, that always answers.

It is a listener like any other, over a temporary folder: what is stored in it is gone when it stops.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeVar

from dicomgui.app.archive.local_archive import LocalArchive
from dicomgui.app.configuration.destinations import KnownDestination
from dicomgui.app.configuration.provided import ALL
from dicomgui.app.context import AppContext
from dicomgui.app.listening.listener import Listener, ListenerCounts, ListenerEvent, ListenerOptions
from dicomgui.app.practice.data import practice_instances, practice_worklist
from dicomgui.network.association.extended import QueryFlags
from dicomgui.network.association.params import DEFAULT_MAX_PDU_LENGTH, AETitle, PeerAddress, Timeouts
from dicomgui.network.errors import ListenError
from dicomgui.network.service_classes.mpps import COMPLETED, DISCONTINUED, IN_PROGRESS
from dicomgui.network.transport.listen import is_port_free
from dicomgui.storage import Archive

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from dicomgui.network.service_classes.performed_steps import PerformedStep

__all__ = ["AE_TITLE", "FIRST_PORT", "PracticePACS"]

_T = TypeVar("_T")

AE_TITLE: Final = "PRACTICE"
LOCAL_HOST: Final = "127.0.0.1"

FIRST_PORT: Final = 11113
"""The first port that is tried; the one before it is for our own listener."""

PORTS_TRIED: Final = 20

_STEP_STATUS: Final = {IN_PROGRESS: "STARTED", COMPLETED: "COMPLETED", DISCONTINUED: "DISCONTINUED"}


class PracticePACS:
    """Answers C-ECHO, C-STORE, C-FIND, C-MOVE, C-GET, worklist, MPPS, storage commitment, print and unified
    procedure steps, on the loopback alone.

    It can be started again after it was stopped, and then is as new.

    :ivar ae_title: its AE title; it takes any called one.
    :ivar listener: while it runs; ``None`` otherwise.

    :param port: where to listen; ``None`` takes the first free one from :data:`FIRST_PORT` on, 0 any free one.
    :param peers: where a C-MOVE may send to, by AE title; see :meth:`know`.
    :param today: the day that the dates of its studies are relative to.
    :param timeouts: as for :class:`~dicomgui.app.listening.listener.ListenerOptions`, like the next two.
    :param on_event: as for :class:`~dicomgui.app.listening.listener.Listener`.
    :param adapt: changes how it listens, e.g. to TLS.
    """

    def __init__(
        self,
        context: AppContext,
        *,
        ae_title: str = AE_TITLE,
        port: int | None = None,
        peers: Mapping[str, KnownDestination] = MappingProxyType({}),
        today: date | None = None,
        timeouts: Timeouts = Timeouts(),
        max_pdu_length: int = DEFAULT_MAX_PDU_LENGTH,
        trace_full: bool = False,
        on_event: Callable[[ListenerEvent], None] | None = None,
        adapt: Callable[[ListenerOptions], ListenerOptions] | None = None,
    ) -> None:
        self._adapt = adapt
        self.ae_title = AETitle(ae_title)
        self.listener: Listener | None = None
        self._context = context
        self._wanted_port = port
        self._peers: dict[str, KnownDestination] = dict(peers)
        self._today = today
        self._timeouts = timeouts
        self._max_pdu_length = max_pdu_length
        self._trace_full = trace_full
        self._on_event = on_event
        self._counts = ListenerCounts()
        self._folder: Path | None = None
        self._items: Sequence[Dataset] = ()

    @property
    def is_running(self) -> bool:
        """Whether it answers."""
        return self.listener is not None

    @property
    def port(self) -> int:
        """Where it listens; 0 while it does not run."""
        return self.listener.port if self.listener is not None else 0

    @property
    def address(self) -> str:
        """``host:port`` where it listens."""
        return f"{LOCAL_HOST}:{self.port}"

    @property
    def peer(self) -> PeerAddress:
        """What to connect to while it runs."""
        return PeerAddress(self.ae_title, LOCAL_HOST, self.port)

    @property
    def counts(self) -> ListenerCounts:
        """Since its last start."""
        return self.listener.counts if self.listener is not None else self._counts

    def know(self, ae_title: str, destination: KnownDestination) -> None:
        """Let a C-MOVE send to ``ae_title``, from now on; our own listener is not known by itself."""
        self._peers[ae_title.strip()] = destination

    async def start(self) -> None:
        """Make the patients, and listen. Does nothing while it runs.

        :raises StorageError: the temporary folder cannot be used.
        :raises ListenError: there is no port.
        """
        if self.listener is not None:
            return
        today = self._today or datetime.now().astimezone().date()
        self._folder = folder = await self._in_thread(lambda: Path(tempfile.mkdtemp(prefix="dicomgui-practice-")))
        try:
            archive = LocalArchive(self._context, folder, fsync=False)
            async with archive.opened():
                self._items = await self._in_thread(lambda: _fill(archive.files, today))
                await archive.settle()
                self.listener = await self._listen(archive)
        except BaseException:
            await self.stop()  # it may run already when this is cancelled
            await self._remove_folder()
            raise

    async def stop(self) -> None:
        """Stop listening, and forget everything. Does nothing while it does not run."""
        listener, self.listener = self.listener, None
        if listener is None:
            return
        self._counts = listener.counts
        try:
            await listener.stop()
        finally:
            await self._remove_folder()

    async def _listen(self, archive: LocalArchive) -> Listener:
        ports = [self._wanted_port] if self._wanted_port is not None else [*_free_ports(), 0]
        for port in ports:
            options = ListenerOptions(
                archive.folder, LOCAL_HOST, port, self.ae_title, fsync=False, services=ALL,
                extended=QueryFlags(relational=True, date_time=True), timeouts=self._timeouts,
                max_pdu_length=self._max_pdu_length, trace_full=self._trace_full,
            )  # fmt: skip
            if self._adapt is not None:
                options = self._adapt(options)
            listener = Listener(
                self._context, options, archive=archive, worklist=self._worklist, on_event=self._on_event or _ignore
            )
            listener.find = self._peers.get
            try:
                await listener.start()
            except ListenError:
                if port == ports[-1]:
                    raise
            else:
                return listener
        raise AssertionError

    def _worklist(self) -> Sequence[Dataset]:
        """The items, with what modalities have told of their steps."""
        listener = self.listener
        steps = () if listener is None else tuple(listener.steps.values())
        told = {_step_id(step): _STEP_STATUS.get(step.status) for step in steps}
        for item in self._items:
            scheduled = item.ScheduledProcedureStepSequence[0]
            scheduled.ScheduledProcedureStepStatus = told.get(scheduled.ScheduledProcedureStepID) or "SCHEDULED"
        return self._items

    async def _remove_folder(self) -> None:
        folder, self._folder = self._folder, None
        if folder is not None:
            await self._in_thread(lambda: shutil.rmtree(folder, ignore_errors=True))

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._context.file_pool, work)


def _ignore(_event: ListenerEvent) -> None:
    """Nobody fetches the events of a practice PACS: without this they would pile up."""


def _free_ports() -> Iterator[int]:
    """Those of the usual ones that nobody has: to ask first, for a refusal would stand in the trace as an error."""
    return (port for port in range(FIRST_PORT, FIRST_PORT + PORTS_TRIED) if is_port_free(LOCAL_HOST, port))


def _fill(files: Archive, today: date) -> list[Dataset]:
    """Store the patients' instances as if they had come over the network; returns the worklist."""
    for instance in practice_instances(today):
        sink = files.receive(
            sop_class_uid=instance.sop_class_uid,
            sop_instance_uid=instance.sop_instance_uid,
            transfer_syntax_uid=instance.transfer_syntax_uid,
            sending_ae_title=AE_TITLE,
            receiving_ae_title=AE_TITLE,
        )
        sink.write(memoryview(instance.data))
        files.commit(sink.finish())
    return practice_worklist(today)


def _step_id(step: PerformedStep) -> str:
    """Which scheduled step a performed one is of."""
    items = step.dataset.get("ScheduledStepAttributesSequence") or ()
    return str(items[0].get("ScheduledProcedureStepID", "")) if items else ""
