"""The services of our listener that answer from what a user has set, and what came in over them.

A desk outlives the runs of its listener: what was received stays to be looked at. It belongs to the thread of the event
loop, but :meth:`AnswerDesk.worklist`.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from dicomgui.app.configuration.provided import Provided
from dicomgui.app.listening.answers import AnswerSettings
from dicomgui.app.listening.commitment_answers import CommitmentEntry
from dicomgui.app.listening.commitment_service import CommitmentRun, CommitmentService
from dicomgui.app.listening.events import ListenerEvent, RequestAnswered
from dicomgui.app.listening.media_jobs import MediaJobs, MediaRun
from dicomgui.app.listening.notifications import Expected, Notifications
from dicomgui.app.listening.print_jobs import PrintedJob, PrintedJobs
from dicomgui.app.listening.report_queue import ReportQueue
from dicomgui.app.listening.ris import PreparedRows, UserWorklist, problem_of
from dicomgui.app.listening.rules import AnswerRule, AnswerRules, Basic, RuledService, obeying
from dicomgui.app.listening.step_watchers import StepWatchers
from dicomgui.app.listening.steps_received import StepEntry, procedure_entry, step_status, studies_of
from dicomgui.network.association.contexts import ProposedContext
from dicomgui.network.client import Association
from dicomgui.network.errors import RemoteProtocolError
from dicomgui.network.service import Reply
from dicomgui.network.service_classes import mpps, ups_watch
from dicomgui.network.service_classes.commitment_provider import CommitmentProvider, CommitmentRequest
from dicomgui.network.service_classes.media_creation import MediaCreation
from dicomgui.network.service_classes.performed_steps import PerformedStep, PerformedSteps
from dicomgui.network.service_classes.printer import Printer, PrintJob
from dicomgui.network.service_classes.procedure_steps import ProcedureStep, ProcedureSteps
from dicomgui.network.service_classes.references import Reference
from dicomgui.network.service_classes.worklist import SOP_CLASS as WORKLIST
from dicomgui.network.status import Status
from dicomgui.network.uids import name_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from dicomgui.network.service import AssociationFacts, NEventReportRequest

__all__ = ["AnswerDesk", "DeskRun", "PreparedSettings"]

MAX_STEPS: Final = 2_000
MAX_STATES: Final = 4_000
MAX_DATASET_BYTES: Final = 2**20
"""Of a request about a step; more is answered 0213 (resource limitation)."""
MAX_TAKEN_BYTES: Final = 256 * 2**20
"""Of all requests about steps since the lists were cleared."""

PROCESSING_FAILURE: Final = Status(0x0110)
NO_SUCH_CLASS: Final = Reply(Status(0x0118), "no such SOP class here")
UNRECOGNIZED: Final = Reply(Status(0x0211), "this operation is not offered here for this SOP class")
TOO_MUCH: Final = Reply(Status(0x0213), "there is no room for more")

_HANDLERS: Final = {
    "N-CREATE": "on_n_create", "N-SET": "on_n_set", "N-GET": "on_n_get", "N-ACTION": "on_n_action",
    "N-DELETE": "on_n_delete",
}  # fmt: skip
_NAMES: Final = {
    Provided.WORKLIST: "worklist", Provided.MPPS: "MPPS", Provided.COMMITMENT: "storage commitment",
    Provided.PRINT: "print", Provided.MEDIA: "media creation", Provided.UPS: "UPS",
    Provided.NOTIFICATIONS: "notification", Basic.ECHO: "C-ECHO",
    Provided.STORE: "C-STORE", Provided.QUERY: "C-FIND", Provided.MOVE: "C-MOVE", Provided.GET: "C-GET",
}  # fmt: skip


class PreparedSettings(NamedTuple):
    """Settings that were judged.

    :ivar problems: rows of the worklist that cannot be used, and why.
    """

    settings: AnswerSettings
    rows: PreparedRows
    problems: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class DeskRun:
    """What a run of the listener lends to the desk.

    :ivar open: an association with an AE of this title, proposing these contexts; ``None`` for one that is not known.
    :ivar judge: the instances of a request for commitment that the archive cannot answer for, each with its Failure
        Reason.
    :ivar tell: takes events.
    :ivar abort: aborts an association, by its number in the trace.
    :ivar queue: the reports of commitment that have not been delivered yet.
    :ivar media: the archive for media; ``None`` where none are made.
    """

    open: Callable[[str, tuple[ProposedContext, ...]], AbstractAsyncContextManager[Association] | None]
    judge: Callable[[CommitmentRequest], Awaitable[Mapping[Reference, Status]]]
    tell: Callable[[ListenerEvent], None]
    queue: ReportQueue = field(default_factory=lambda: ReportQueue(None))
    media: MediaRun | None = None
    abort: Callable[[int], object] = lambda association: None


class AnswerDesk:
    """Keepers of worklist, MPPS, commitment, print, media, UPS and notifications, and the rules for all of them.

    :ivar rules: in force now.
    :ivar jobs: what was printed.
    :ivar media: requests for media.
    :ivar notifications: event reports and other notifications that came, the oldest first.
    :ivar revision: counts the changes of what was received, for views.
    :ivar problems: rows of the worklist that are not in force, and why.
    :ivar watchers: who watches unified procedure steps.

    :param print_folder: films are written there as PNG files as well.
    :param in_thread: runs what takes long, e.g. drawing a film.
    """

    def __init__(
        self,
        settings: AnswerSettings | None = None,
        *,
        print_folder: Path | None = None,
        in_thread: Callable[[Callable[[], Any]], Awaitable[Any]] = asyncio.to_thread,
    ) -> None:
        self.rules = AnswerRules()
        self.jobs = PrintedJobs()
        self.notifications = Notifications()
        self.revision = 0
        self.problems: tuple[tuple[int, str], ...] = ()
        self._settings = AnswerSettings()
        self._print_folder = print_folder
        self._in_thread = in_thread
        self._run: DeskRun | None = None
        self._scheduled = UserWorklist()
        self._asking: AssociationFacts | None = None
        self._asking_bytes = 0
        self._sizes: dict[str, int] = {}
        self._row_of_study: dict[str, Mapping[str, str]] = {}
        self._entries: dict[str, StepEntry] = {}
        self._times: dict[str, float] = {}
        self._studies: dict[str, tuple[str, ...]] = {}
        self.performed = PerformedSteps(
            on_change=self._on_performed, max_steps=MAX_STEPS, on_forget=self._on_forgotten,
            open_association=partial(self._open, mpps.NOTIFICATION_CONTEXTS),
        )  # fmt: skip
        self.procedures = ProcedureSteps(
            open_association=self._open_events, on_change=self._on_procedure, max_steps=MAX_STEPS,
            on_forget=self._on_forgotten,
        )  # fmt: skip
        self.media = MediaJobs(lambda: self._settings.media_folder, self._tell_media, in_thread)
        self.watchers = StepWatchers(self.procedures, in_thread)
        self._printer: Printer | None = None
        self._commitment = CommitmentService(
            lambda: self._settings.commitment, self._tell_commitment, self._note_change, in_thread
        )
        self.change(settings or self._settings)

    # --------------------------------------------------------------------------------------------------------- settings

    @property
    def commitments(self) -> deque[CommitmentEntry]:
        """The requests for commitment, the oldest first; the oldest go when there are very many."""
        return self._commitment.entries

    @property
    def scheduled(self) -> UserWorklist:
        """The worklist."""
        return self._scheduled

    @property
    def settings(self) -> AnswerSettings:
        """What is in force."""
        return self._settings

    def change(self, settings: AnswerSettings) -> None:
        """Put other settings in force at once; rows of the worklist that cannot be used are left out."""
        self.install(self.prepare(settings))

    def prepare(self, settings: AnswerSettings) -> PreparedSettings:
        """Judge settings; changes nothing, and may run in any thread."""
        judged = [(number, problem_of(row)) for number, row in enumerate(settings.worklist)]
        problems = tuple((number, problem) for number, problem in judged if problem)
        wrong = {number for number, _ in problems}
        usable = [row for number, row in enumerate(settings.worklist) if number not in wrong and any(row.values())]
        return PreparedSettings(settings, self._scheduled.prepared(usable), problems)

    def install(self, prepared: PreparedSettings) -> None:
        """Put prepared settings in force."""
        settings = self._settings = prepared.settings
        self.rules.replace(settings.rules)
        self.performed.is_strict = settings.mpps_is_strict
        self.performed.notified = settings.mpps_notified
        self.procedures.is_strict = settings.ups_is_strict
        if self._printer is not None:
            self._printer.set_status(settings.printer_status, settings.printer_info)
        self.problems = prepared.problems
        self._scheduled.install(prepared.rows)
        self._row_of_study = {row["StudyInstanceUID"]: row for row in self._scheduled.rows}
        self.revision += 1

    def set_datasets(self, datasets: tuple[Dataset, ...]) -> None:
        """Data sets that are worklist items beside the rows."""
        self._scheduled.datasets = datasets

    # ----------------------------------------------------------------------------------------------------- the listener

    def begin(self, run: DeskRun) -> None:
        """A listener serves from now on."""
        self._run = run
        open_report = partial(self._open, CommitmentProvider.report_contexts)
        self._commitment.begin(CommitmentRun(open_report, run.judge, run.queue))
        if run.media is not None:
            self.media.begin(run.media)

    async def end(self) -> None:
        """The listener stops: what is under way is broken off."""
        await self._commitment.end()
        await self.watchers.end()
        await self.performed.close()
        await self.media.end()
        self._run = None

    def closed(self, association: int) -> None:
        """An association has ended."""
        if self._printer is not None:
            self._printer.on_closed(association)

    def worklist(self) -> list[Dataset]:
        """The items of this moment; may be called in any thread."""
        items = self._scheduled.items(datetime.now().astimezone())
        states = self._scheduled.states
        if not self._settings.hides_ended:
            return list(items)
        ended = ("COMPLETED", "DISCONTINUED")
        return [item for item in items if states.get(str(item.get("StudyInstanceUID", ""))) not in ended]

    def service_of(self, request: Any) -> Provided | None:
        """Which of the services a request is for: by its SOP class, else by its context (print, UPS)."""
        for uid in (request.command.sop_class_uid, request.context.abstract_syntax):
            service = _SERVICE_OF.get(uid)
            if service is not None:
                return service
        return None

    def perform(self, operation: str, request: Any) -> Any:
        """Answer one of the N-services.

        :param operation: its name, ``N-CREATE``.
        """
        service = self.service_of(request)
        if service is None:
            return NO_SUCH_CLASS
        keeper = self._keeper(service)
        handler = getattr(keeper, _HANDLERS[operation], None)
        if handler is None:
            return UNRECOGNIZED
        keeps_data = service in (Provided.MPPS, Provided.UPS) and request.data is not None
        if keeps_data and not self._has_room_for(len(request.data)):
            self._note_refusal(service, operation, request, TOO_MUCH)
            return TOO_MUCH
        answer = self.by_rules(service, operation, partial(self._ask, handler))(request)
        if service is Provided.NOTIFICATIONS:
            return self._noticed(operation, request, answer)
        if service is Provided.MEDIA:
            self.revision += 1  # a cancelled request is gone
        done = self._watched(service, operation, request, answer)
        return self._watchers_kept(request, done) if (service, operation) == (Provided.UPS, "N-ACTION") else done

    async def _watchers_kept(self, request: Any, answer: Any) -> Any:
        """The answer, given after who watches was written."""
        done = await answer if isinstance(answer, Awaitable) else answer
        await self.watchers.keep(request)
        return done

    async def report(self, request: NEventReportRequest, expected: Expected) -> Status | Reply:
        """Take an event report of any SOP class, and answer it.

        :param expected: hands it to whoever waits for it; what nobody waits for is taken as well.
        """

        async def take(asked: NEventReportRequest) -> Status | Reply:
            try:
                asked.check_structure()
            except RemoteProtocolError as error:
                return Reply(PROCESSING_FAILURE, str(error))
            answer = await expected(asked)
            return Status(0) if answer is None else answer

        service, operation = Provided.NOTIFICATIONS, "N-EVENT-REPORT"
        answer = self.by_rules(service, operation, take)(request)
        done: Status | Reply = await self._noticed(operation, request, answer)
        return done

    async def _noticed(self, operation: str, request: Any, answer: Any) -> Any:
        """The answer of a notification, which is put on the list with it."""
        done = await answer if isinstance(answer, Awaitable) else answer
        entry = self.notifications.keep(time.time(), operation, request, done)
        self.revision += 1
        if entry.status.is_failure:
            self._note_refusal(Provided.NOTIFICATIONS, operation, request, done)
        else:
            kind = "" if entry.type_id is None else f" {entry.type_id}"
            self._tell(request.facts, Provided.NOTIFICATIONS, f"{operation}{kind} {name_of(entry.sop_class_uid)}")
        return done

    def by_rules(self, service: RuledService, operation: str, handler: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """A handler that asks ``handler``, and answers by the rules.

        :param operation: of its requests, ``C-FIND``.
        """
        return obeying(self.rules, service, operation, handler, self._note, self.abort)

    def abort(self, association: int) -> None:
        """Abort an association of the listener, by its number in the trace."""
        if self._run is not None:
            self._run.abort(association)

    def _keeper(self, service: Provided) -> object:
        if service is Provided.COMMITMENT:
            return self._commitment.provider
        if service is Provided.PRINT:
            return self._the_printer()
        if service is Provided.MEDIA:
            return self.media.creation
        keepers = {Provided.MPPS: self.performed, Provided.UPS: self.procedures}
        return {**keepers, Provided.NOTIFICATIONS: self.notifications}.get(service)

    def _has_room_for(self, size: int) -> bool:
        """Whether the steps may take so many bytes more; performed ones that have ended make room."""
        if size > MAX_DATASET_BYTES:
            return False
        while sum(self._sizes.values()) + size > MAX_TAKEN_BYTES:
            if not self.performed.forget_ended():
                return False
        return True

    def _ask(self, handler: Callable[[Any], Any], request: Any) -> Any:
        self._asking = request.facts
        self._asking_bytes = len(getattr(request, "data", None) or b"")
        return handler(request)

    def _watched(self, service: Provided, operation: str, request: Any, answer: Any) -> Any:
        """The answer, noted where it is a refusal."""
        if isinstance(answer, Awaitable):
            return self._watched_later(service, operation, request, answer)
        self._note_refusal(service, operation, request, answer)
        return answer

    async def _watched_later(self, service: Provided, operation: str, request: Any, answer: Awaitable[Any]) -> Any:
        done = await answer
        self._note_refusal(service, operation, request, done)
        return done

    def _note_refusal(self, service: Provided, operation: str, request: Any, answer: Any) -> None:
        status = answer.status if isinstance(answer, Reply) else answer
        if isinstance(status, Status) and status.is_failure:
            comment = answer.comment if isinstance(answer, Reply) else ""
            self._tell(request.facts, service, operation, f"{status} {comment}".rstrip())

    def _note(self, request: Any, rule: AnswerRule) -> None:
        parts = [f"{rule.delay_ms:,} ms later"] if rule.delay_ms else []
        parts += [f"0x{rule.status:04X}"] if rule.status is not None else []
        parts += ["other attributes"] if rule.attributes else []
        parts += [rule.end] if rule.end else []
        self._tell(request.facts, rule.service, f"by a rule: {', '.join(parts) or 'as usual'}")

    def _tell(self, facts: AssociationFacts, service: RuledService, detail: str, problem: str = "") -> None:
        if self._run is not None:
            self._run.tell(RequestAnswered(time.time(), facts, _NAMES[service], detail, problem))

    # ------------------------------------------------------------------------------------------------------------ steps

    def changed_at(self, sop_instance_uid: str) -> float:
        """When a step was last changed; seconds since 1970-01-01 UTC."""
        return self._times.get(sop_instance_uid, 0.0)

    def row_of_step(self, step: PerformedStep) -> Mapping[str, str] | None:
        """The row of the worklist that a performed step belongs to, by its Study Instance UID."""
        studies = self._studies.get(step.sop_instance_uid, ())
        rows = (self._row_of_study.get(study) for study in studies)
        return next((row for row in rows if row is not None), None)

    def entry_of(self, step: ProcedureStep) -> StepEntry:
        """Who made and who claimed a unified procedure step."""
        return self._entries.get(step.sop_instance_uid, StepEntry())

    def clear(self, service: Provided) -> None:
        """Forget what was received of a service; of UPS what has ended and nobody has locked."""
        if service is Provided.MPPS:
            for uid in tuple(self.performed.steps):
                self.performed.remove(uid)
                self._on_forgotten(uid)
            self._scheduled.states = {}
        elif service is Provided.UPS:
            self.procedures.remove_finished()
        elif service is Provided.COMMITMENT:
            self.commitments.clear()
        elif service is Provided.PRINT:
            self.jobs.clear()
        elif service is Provided.MEDIA:
            self.media.clear()
        elif service is Provided.NOTIFICATIONS:
            self.notifications.clear()
        self.revision += 1

    def _on_forgotten(self, uid: str) -> None:
        """A step is not there any more."""
        for known in (self._times, self._studies, self._entries, self._sizes):
            known.pop(uid, None)

    def _took(self, uid: str) -> None:
        self._times[uid] = time.time()
        self._sizes[uid] = self._sizes.get(uid, 0) + self._asking_bytes

    def _on_performed(self, step: PerformedStep) -> None:
        self._took(step.sop_instance_uid)
        studies = self._studies[step.sop_instance_uid] = studies_of(step)
        states = {**self._scheduled.states, **dict.fromkeys(studies, step_status(step))}
        self._scheduled.states = dict(islice(states.items(), max(0, len(states) - MAX_STATES), None))
        self.revision += 1
        self._tell(step.facts, Provided.MPPS, f"{step.sop_instance_uid} {step.status}")
        for ae_title in self.performed.notified:
            if self._open(mpps.NOTIFICATION_CONTEXTS, ae_title) is None:
                self._tell(step.facts, Provided.MPPS, "notification", f"no address is known for {ae_title}")

    def _on_procedure(self, step: ProcedureStep) -> None:
        facts = self._asking
        uid = step.sop_instance_uid
        self._took(uid)
        calling = "" if facts is None else facts.calling_ae_title.strip()
        self._entries[uid] = procedure_entry(self._entries.get(uid), step, calling)
        self.revision += 1
        if facts is not None:
            self._tell(facts, Provided.UPS, f"{uid} {step.state}")

    def _open_events(self, ae_title: str) -> AbstractAsyncContextManager[Association] | None:
        return self._open(ups_watch.REPORT_CONTEXTS, ae_title)

    def _open(
        self, contexts: tuple[ProposedContext, ...], ae_title: str
    ) -> AbstractAsyncContextManager[Association] | None:
        return None if self._run is None else self._run.open(ae_title, contexts)

    def _note_change(self) -> None:
        self.revision += 1

    def _tell_commitment(self, facts: AssociationFacts, detail: str, problem: str) -> None:
        self._tell(facts, Provided.COMMITMENT, detail, problem)

    def _tell_media(self, facts: AssociationFacts, detail: str, problem: str) -> None:
        self.revision += 1
        self._tell(facts, Provided.MEDIA, detail, problem)

    # --------------------------------------------------------------------------------------------------------- printing

    def _the_printer(self) -> Printer:
        """Made when it is first asked for: it takes a data set to describe one."""
        if self._printer is None:
            self._printer = Printer(self._on_print, name="DICOMGUI", max_bytes=256 * 2**20, max_films=64)
            self._printer.set_status(self._settings.printer_status, self._settings.printer_info)
        return self._printer

    def _on_print(self, job: PrintJob) -> Awaitable[object] | None:
        printed = self.jobs.add(job, time.time())
        self.revision += 1
        if self._print_folder is not None:
            return self._save_films(printed, self._print_folder)
        self._tell(job.facts, Provided.PRINT, f"{len(job.pages)} film{'' if len(job.pages) == 1 else 's'}")
        return None

    async def _save_films(self, printed: PrintedJob, folder: Path) -> None:
        paths = await self._in_thread(partial(printed.save, folder))
        for path in paths:
            self._tell(printed.job.facts, Provided.PRINT, str(path))


_SERVICE_OF: Final = {
    WORKLIST: Provided.WORKLIST,
    **dict.fromkeys(PerformedSteps.sop_classes, Provided.MPPS),
    **dict.fromkeys(CommitmentProvider.sop_classes, Provided.COMMITMENT),
    **dict.fromkeys(Printer.sop_classes, Provided.PRINT),
    **dict.fromkeys(MediaCreation.sop_classes, Provided.MEDIA),
    **dict.fromkeys(ProcedureSteps.sop_classes, Provided.UPS),
    **dict.fromkeys(Notifications.sop_classes, Provided.NOTIFICATIONS),
}
