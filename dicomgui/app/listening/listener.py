"""Receive instances: a listener with an archive behind it.

Whoever watches it reads buffers (:meth:`Listener.drain`) whenever it suits: an answer to a peer never waits for a view.
"""

from __future__ import annotations

import asyncio
import logging
import shlex
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial

from dicomgui.app.archive.local_archive import LocalArchive
from dicomgui.app.archive.state import ArchiveState
from dicomgui.app.configuration.destinations import KnownDestination
from dicomgui.app.configuration.listener_options import MAX_CONNECTIONS, CallerRule, ListenerOptions
from dicomgui.app.configuration.move_rules import may_move
from dicomgui.app.configuration.provided import Provided, pattern_of, reported
from dicomgui.app.context import AppContext
from dicomgui.app.listening.arriving import DiscardingSink, Live, TrackedSink, comment_for
from dicomgui.app.listening.command_runner import CommandRunner
from dicomgui.app.listening.committing import judged
from dicomgui.app.listening.desk import AnswerDesk
from dicomgui.app.listening.events import (
    ArchiveRepaired,
    ArchiveStateChanged,
    AssociationBegan,
    AssociationEnded,
    CommandEnded,
    ContextsRefused,
    EchoAnswered,
    InstanceDiscarded,
    ListenerCounts,
    ListenerEvent,
    OpenAssociation,
    ReceivedInstance,
    Refusal,
    RequestAnswered,
    StoreFailed,
    gone_early,
    refused,
    store_failed,
)
from dicomgui.app.listening.file_handles import room_for
from dicomgui.app.listening.responder import Worklist
from dicomgui.app.listening.rules import ASSOCIATE, AnswerRule, Basic, verdict_of
from dicomgui.app.listening.services import Find, ListenerServices
from dicomgui.network.association.negotiation import AcceptPolicy
from dicomgui.network.dimse.assembler import Sink
from dicomgui.network.dimse.commands import Command, CStoreRQ
from dicomgui.network.errors import DicomNetworkError
from dicomgui.network.pdu import AssociateRJ
from dicomgui.network.server import Server, ServerOptions, serve
from dicomgui.network.service import (
    AssociationFacts,
    AssociationRequest,
    EchoRequest,
    Handlers,
    Lifecycle,
    MoveRequest,
    Reply,
    StoreRequest,
    anomaly_text,
)
from dicomgui.network.service_classes import commitment, ups_attributes
from dicomgui.network.service_classes.performed_steps import PerformedStep
from dicomgui.network.status import Status
from dicomgui.network.tracing import Scribe, Tracer, failed_by
from dicomgui.storage import Outcome, Pending, RepairReport, StorageError, Stored

__all__ = [
    "ArchiveRepaired",
    "ArchiveStateChanged",
    "AssociationBegan",
    "AssociationEnded",
    "CallerRule",
    "CommandEnded",
    "ContextsRefused",
    "EchoAnswered",
    "InstanceDiscarded",
    "Listener",
    "ListenerCounts",
    "ListenerEvent",
    "ListenerOptions",
    "OpenAssociation",
    "Provided",
    "ReceivedInstance",
    "Refusal",
    "RequestAnswered",
    "StoreFailed",
]

MAX_EVENTS = 20_000
"""Events kept for views that do not come to fetch them; the oldest go first."""

SUCCESS = Status(0x0000)
ASSOCIATION_ENDED = Status(0x0110)


class Listener:
    """A provider over an archive: it keeps what it receives, and answers queries and retrievals from what is there.

    It can be started again after it was stopped.

    :ivar options: as given, with the callers that were allowed since.
    :ivar counts: since the last start.
    :ivar archive: the archive; shared with whoever has it open besides.
    :ivar watchers: called like ``on_event``; who appends one removes it.
    :ivar find: asked where a destination is that is not among the peers of the options, by its AE title.

    :param archive: of the folder of the options; made if it is not given.
    :param worklist: what is scheduled, if that service is given; by default what the desk has.
    :param desk: answers for the services that a user sets answers for; made at each start if it is not given.
    :param on_event: called for each event at once, in the loop's thread; must be quick and must not raise. For the
        command line; a window fetches events by :meth:`drain`, for which they are kept only without this.
    """

    def __init__(
        self,
        context: AppContext,
        options: ListenerOptions,
        *,
        archive: LocalArchive | None = None,
        worklist: Worklist = (),
        desk: AnswerDesk | None = None,
        on_event: Callable[[ListenerEvent], None] | None = None,
    ) -> None:
        self.options = options
        self.counts = ListenerCounts()
        self.archive = archive or LocalArchive(
            context,
            options.folder,
            fsync=options.fsync,
            layout=options.layout,
            patterns=options.patterns,
            index_folder=options.index_folder,
        )
        self.find: Find = lambda _: None
        self._context = context
        self._worklist = worklist
        self._desk = desk
        self._on_event = on_event
        self.watchers: list[Callable[[ListenerEvent], None]] = []
        self._archive = self.archive.files
        self._policy = options.policy()
        self._services: ListenerServices | None = None
        self._runner: CommandRunner | None = None
        self._asking: dict[int, AssociationRequest] = {}
        self._refused: set[int] = set()
        self._server: Server | None = None
        self._early: RepairReport | None = None
        self._tracer: Tracer | None = None
        self._held: dict[int, set[Pending]] = {}
        self._live: dict[int, Live] = {}
        self._bytes_received = 0
        self._events: deque[ListenerEvent] = deque(maxlen=MAX_EVENTS)

    @property
    def is_running(self) -> bool:
        """Whether it accepts connections."""
        return self._server is not None

    @property
    def address(self) -> str:
        """``host:port`` that it listens on; what was asked for while it does not run."""
        if self._server is not None:
            return self._server.address
        host = self.options.host
        return f"[{host}]:{self.options.port}" if ":" in host else f"{host}:{self.options.port}"

    @property
    def port(self) -> int:
        """The port that it listens on; 0 while it does not run."""
        return self._server.port if self._server is not None else 0

    @property
    def associations(self) -> tuple[AssociationFacts, ...]:
        """The associations that stand now."""
        return self._server.associations if self._server is not None else ()

    @property
    def open_associations(self) -> tuple[OpenAssociation, ...]:
        """The associations that stand now, with what came over them; the oldest first."""
        return tuple(
            OpenAssociation(live.facts, live.since_utc, live.instances, live.size_bytes + live.running_bytes)
            for live in self._live.values()
        )

    @property
    def steps(self) -> Mapping[str, PerformedStep]:
        """The performed procedure steps that came since the last start, by their UID, if that service is given."""
        return self._services.desk.performed.steps if self._services is not None else {}

    @property
    def bytes_received(self) -> int:
        """Since the listener was made: of instances that came whole, and of what is just being received."""
        return self._bytes_received + sum(live.running_bytes for live in self._live.values())

    def abort(self, association: int) -> bool:
        """Abort one association by its number in the trace; whether there was one."""
        return self._server is not None and self._server.abort(association)

    def drain(self) -> list[ListenerEvent]:
        """The events since the last call, oldest first."""
        events = list(self._events)
        self._events.clear()
        return events

    def allow(self, calling_ae_title: str) -> None:
        """Let a caller in from now on, besides those who are let in already; does nothing where everybody is."""
        titles = self.options.calling_ae_titles
        if titles and not self._is_allowed(calling_ae_title):
            self.options = replace(self.options, calling_ae_titles=(*titles, pattern_of(calling_ae_title.strip())))
            self._policy = self.options.policy()

    def provide(self, services: Collection[Provided]) -> None:
        """Give these services from now on, also while it runs; C-MOVE, C-GET and C-STORE only from the next start."""
        self.options = replace(self.options, services=frozenset(services))
        self._policy = self.options.policy()
        if self._services is not None:
            self._services.services = self.options.services

    def _is_allowed(self, calling_ae_title: str) -> bool:
        titles = self.options.calling_ae_titles
        return not titles or any(fnmatchcase(calling_ae_title.strip(), pattern) for pattern in titles)

    async def start(self) -> None:
        """Prepare the folder and listen. Does nothing while it runs.

        Files and index of the archive are compared meanwhile: if that did something, :class:`ArchiveRepaired` tells,
        once the listener runs. It listens on a full disk, too: queries and retrievals are answered, and
        :class:`ArchiveStateChanged` tells that instances are refused.

        :raises StorageError: the folder cannot be used.
        :raises ListenError: the port is taken, needs rights, or the address is not ours.
        :raises ConfigurationError: TLS cannot be set up from its files.
        """
        if self._server is not None:
            return
        self._archive.fsync = self.options.fsync
        self._archive.on_duplicate = self.options.on_duplicate
        self._early = None
        self.archive.watchers.append(self._on_repaired)
        self.archive.state_watchers.append(self._on_state)
        try:
            await self._open_archive()
        except BaseException:
            self._stop_watching()
            raise
        self.counts = ListenerCounts()
        self._tracer = self._context.tracer if self._context.is_tracing else None
        self._services = self._make_services()
        try:
            if not self.options.discards:
                await asyncio.get_running_loop().run_in_executor(self._context.file_pool, self._archive.make_folders)
            await self._services.prepare()
            self._server = await self._serve(self._services)
        except BaseException:
            await self._close_archive(self._services)
            raise
        self._services.started()
        if self.options.commands.has_any:
            self._runner = CommandRunner(self.options.commands, self.options.folder, self._command_ended)
        report = self._take_early()
        if report is not None:
            asyncio.get_running_loop().call_soon(self._on_repaired, report)
        asyncio.get_running_loop().call_soon(self._tell_state)

    async def _open_archive(self) -> None:
        if not self.options.discards:
            await self.archive.open()
            await self.archive.limit_to(self.options.quotas.ceiling)

    def _take_early(self) -> RepairReport | None:
        """What was repaired before the listener ran."""
        report, self._early = self._early, None
        return report

    async def stop(self) -> None:
        """Stop listening and end every association; what is being received may finish within two seconds.

        Returns when everything that was received is on disk or gone.
        """
        server, self._server = self._server, None
        if server is None:
            return
        assert self._services is not None
        try:
            await server.close()
            if self._runner is not None:
                await self._runner.close()
        finally:
            self._runner = None
            await self._close_archive(self._services)

    async def _close_archive(self, services: ListenerServices) -> None:
        try:
            await services.close()
        finally:
            if not self.options.discards:
                await self.archive.close()
            self._stop_watching()

    def _stop_watching(self) -> None:
        self.archive.watchers.remove(self._on_repaired)
        self.archive.state_watchers.remove(self._on_state)

    def _make_services(self) -> ListenerServices:
        return ListenerServices(
            self.archive,
            ae_title=self.options.ae_title,
            services=self.options.services,
            find=self._where,
            context=self._context,
            tell=self._tell,
            tracer=self._tracer,
            worklist=self._worklist,
            desk=self._desk,
            identifiers=self.options.identifiers,
            keeps_files=not self.options.discards,
            abort=self.abort,
            drop=self._drop,
        )

    def _where(self, ae_title: str) -> KnownDestination | None:
        return self.options.peers.get(ae_title) or self.find(ae_title)

    def _destination(self, request: MoveRequest) -> KnownDestination | None:
        destination, caller = request.command.move_destination.strip(" "), request.facts.calling_ae_title.strip(" ")
        return self._where(destination) if may_move(self.options.move_rules, caller, destination) else None

    def _verdict(self, request: AssociationRequest) -> AcceptPolicy | Awaitable[AcceptPolicy | AssociateRJ]:
        """The policy for a request for an association, or what a rule of the user says."""
        assert self._services is not None
        rule = self._services.desk.rules.choose(Basic.ASSOCIATION, ASSOCIATE, request)
        return self._current_policy() if rule is None else self._by_rule(rule, request)

    async def _by_rule(self, rule: AnswerRule, request: AssociationRequest) -> AcceptPolicy | AssociateRJ:
        text = f"by a rule: {rule.delay_ms:,} ms later, {rule.end or 'as usual'}"
        Scribe(self._tracer, request.association).note(logging.INFO, text)
        return await verdict_of(rule, request, self.abort) or self._current_policy()

    def _current_policy(self) -> AcceptPolicy:
        """Peers may report what a request of ours has asked them to, and not otherwise."""
        expected = []
        if self._context.commitments.is_expecting:
            expected.append(commitment.SOP_CLASS)
        if self._context.watched.subscriptions:
            expected.append(ups_attributes.EVENT)
        return reported(self._policy, expected) if expected else self._policy

    async def _serve(self, services: ListenerServices) -> Server:
        options = self.options
        options.check_negotiation()
        own = Handlers(on_echo=self._on_echo, on_refused=self._on_refused)
        if Provided.STORE in options.services:
            own = replace(own, open_sink=self._open_sink, on_store=self._on_store)
        return await serve(
            options.host,
            options.port,
            ae_title=options.ae_title,
            handlers=services.handlers(own),
            options=ServerOptions(
                policy=self._policy,
                negotiator=self._verdict,
                destinations=self._destination,
                timeouts=options.timeouts,
                limits=options.limits(),
                max_connections=room_for(MAX_CONNECTIONS),
                max_associations=options.max_associations,
                max_associations_per_peer=options.quotas.associations or None,
                max_hourly_instances_per_peer=options.quotas.instances_per_hour or None,
                max_hourly_bytes_per_peer=options.quotas.bytes_per_hour or None,
                on_over_quota=self._on_over_quota,
                strictness=options.strictness,
                peer_networks=options.peer_networks(),
                tracer=self._tracer,
                trace_full=options.trace_full,
                lifecycle=Lifecycle(
                    on_requested=self._on_requested,
                    on_accepted=self._on_accepted,
                    on_rejected=self._on_rejected,
                    on_closed=self._on_closed,
                ),
                tls=options.tls,
                implementation=options.implementation(),
            ),
        )

    # what the server asks and tells

    def _on_repaired(self, report: RepairReport) -> None:
        if self._server is None:
            self._early = report  # whoever waits for the listener hears first that it runs
        elif report.sentences:
            self._tell(ArchiveRepaired(time.time(), report))

    def _tell_state(self) -> None:
        """Once it runs: whether nothing can be stored, or found."""
        state = self.archive.state
        if self._server is not None and not state.is_well:
            self._tell(ArchiveStateChanged(time.time(), state))

    def _on_state(self, state: ArchiveState) -> None:
        if self._server is not None:
            self._tell(ArchiveStateChanged(time.time(), state))

    def _on_requested(self, request: AssociationRequest) -> None:
        self._asking[request.association] = request

    def _on_rejected(self, association: int, peer: str, reason: str) -> None:
        self.counts.refused += 1
        self._refused.add(association)
        asked = self._asking.pop(association, None)
        calling, called = ("", "") if asked is None else (asked.calling_ae_title, asked.called_ae_title)
        is_unknown = asked is not None and not self._is_allowed(calling)
        self._tell(Refusal(time.time(), association, peer, reason, calling, called, is_unknown))

    def _on_accepted(self, facts: AssociationFacts) -> None:
        self._asking.pop(facts.association, None)
        self.counts.associations += 1
        now = time.time()
        self._live[facts.association] = Live(facts, now)
        self._tell(AssociationBegan(now, facts))
        if facts.refused_contexts:
            self._tell(ContextsRefused(now, facts, facts.refused_contexts))

    def _on_closed(self, association: int, facts: AssociationFacts | None, error: DicomNetworkError | None) -> None:
        self._asking.pop(association, None)
        if self._services is not None:
            self._services.desk.closed(association)
        if facts is None:
            if association not in self._refused and self._server is not None:
                self._tell(gone_early(time.time(), association, error))
            self._refused.discard(association)
            return
        self._live.pop(facts.association, None)
        # What was complete, but not begun to be stored, can no longer be answered for: the peer will send it again.
        for pending in self._held.pop(facts.association, ()):
            pending.abandon()
        if not self._live:
            self._archive.rest()
        self._tell(AssociationEnded(time.time(), facts, error))

    def _on_echo(self, request: EchoRequest) -> Status:
        self.counts.echoes += 1
        self._tell(EchoAnswered(time.time(), request.facts))
        return SUCCESS

    def _on_refused(self, facts: AssociationFacts, command: Command, reply: Reply) -> None:
        self.counts.failed += isinstance(command, CStoreRQ)
        self._tell(refused(time.time(), facts, command, reply))

    def _open_sink(self, request: StoreRequest) -> Sink | Reply:
        command = request.command
        live = self._live.get(request.facts.association)
        if self.options.discards:
            sink_of_none = DiscardingSink()
            if live is not None:
                live.sink = sink_of_none
            return sink_of_none
        try:
            sink = self._archive.receive(
                sop_class_uid=command.affected_sop_class_uid,
                sop_instance_uid=command.affected_sop_instance_uid,
                transfer_syntax_uid=request.transfer_syntax_uid,
                sending_ae_title=request.facts.calling_ae_title,
                receiving_ae_title=self.options.ae_title,
            )
        except StorageError as error:
            return self._refuse(request, error)
        if live is not None:
            live.sink = sink
        return TrackedSink(self, request, sink)

    def hold(self, request: StoreRequest, pending: Pending) -> Pending:
        """A data set is complete and waits for its turn to be stored."""
        live = self._live.get(request.facts.association)
        if live is not None:
            live.sink = None
            live.size_bytes += pending.size_bytes
        self._bytes_received += pending.size_bytes
        self._held.setdefault(request.facts.association, set()).add(pending)
        return pending

    def lost(self, request: StoreRequest) -> None:
        """The association ended in the middle of a data set; nothing is left of it."""
        live = self._live.get(request.facts.association)
        if live is not None:
            live.sink = None
        problem = None if request.check is None else request.check.problem
        why = "broke off" if problem is None else f"is refused: {problem.text}"
        self._scribe(request).file("discarded", "", 0, f"{request.command.affected_sop_instance_uid} {why}")

    def _on_store(self, request: StoreRequest, result: object) -> Status | Reply | Awaitable[Status | Reply]:
        if isinstance(result, int):
            return self._discard(request, result)
        assert isinstance(result, Pending)
        if self.options.fsync:
            return self._commit_in_thread(request, result)
        if not self._let_go(request, result):
            return Reply(ASSOCIATION_ENDED)
        try:
            stored = self._archive.commit(result, tidy=False)
        except StorageError as error:
            return self._refuse(request, error)
        self._count(request, stored)
        asyncio.get_running_loop().call_soon(self._after_answer, request, stored)
        return SUCCESS

    def _discard(self, request: StoreRequest, size_bytes: int) -> Status:
        live, command = self._live.get(request.facts.association), request.command
        if live is not None:
            live.sink = None
            live.instances += 1
            live.size_bytes += size_bytes
        self._bytes_received += size_bytes
        self.counts.discarded += 1
        self.counts.size_bytes += size_bytes
        uids = command.affected_sop_class_uid, command.affected_sop_instance_uid, request.transfer_syntax_uid
        self._tell(InstanceDiscarded(time.time(), request.facts, *uids, size_bytes))
        return SUCCESS

    def _drop(self, request: StoreRequest, result: object) -> None:
        """Forget a data set that a rule of the user does not let be kept."""
        self.counts.failed += 1
        if isinstance(result, Pending) and self._let_go(request, result):
            result.abandon()

    def _let_go(self, request: StoreRequest, pending: Pending) -> bool:
        """Whether it was held until now; what is held when its association ends is dropped."""
        held = self._held.get(request.facts.association, set())
        is_held = pending in held
        held.discard(pending)
        return is_held

    async def _commit_in_thread(self, request: StoreRequest, pending: Pending) -> Status | Reply:
        if not self._let_go(request, pending):
            return Reply(ASSOCIATION_ENDED)
        # Where nobody waits for the answer any more, what lands in the folder is told of all the same.
        work = self._context.file_pool.submit(self._archive.commit, pending)
        return await judged(work, partial(self._outcome, request))

    def _after_answer(self, request: StoreRequest, stored: Stored) -> None:
        """Do what need not be done before the answer has gone: the peer is at work meanwhile."""
        self._tell_stored(request, stored)
        if self._live:  # else it has been done, at the end of the last association
            self._archive.tidy()

    def _outcome(self, request: StoreRequest, work: Future[Stored]) -> Status | Reply:
        try:
            stored = work.result()
        except StorageError as error:
            return self._refuse(request, error)
        self._count(request, stored)
        self._tell_stored(request, stored)
        return SUCCESS

    def _count(self, request: StoreRequest, stored: Stored) -> None:
        counts = self.counts
        counts.size_bytes += stored.size_bytes
        live = self._live.get(request.facts.association)
        if live is not None:
            live.instances += 1
        is_duplicate = stored.outcome is Outcome.DUPLICATE
        if is_duplicate:
            counts.duplicates += 1
        else:
            counts.stored += 1
        event = "duplicate" if is_duplicate else "stored"
        if self._tracer is not None:
            detail = "; ".join((stored.outcome.value, *_remarks_on(request)))
            self._scribe(request).file(event, stored.file, stored.size_bytes, detail)

    def _tell_stored(self, request: StoreRequest, stored: Stored) -> None:
        command = request.command
        self._tell(ReceivedInstance(
            time.time(), request.facts, command.affected_sop_class_uid, command.affected_sop_instance_uid,
            request.transfer_syntax_uid, stored.file, stored.size_bytes, stored.outcome,
            None if request.check is None else request.check.problem,
            () if request.check is None else request.check.anomalies,
        ))  # fmt: skip

    def _refuse(self, request: StoreRequest, error: StorageError) -> Reply:
        self.counts.failed += 1
        self._scribe(request).file(failed_by(error.code), error.path, 0, str(error))
        self._tell(store_failed(time.time(), request.facts, request.command, error.status, str(error), error.hint))
        return Reply(error.status, comment_for(error))

    def _command_ended(self, event: CommandEnded) -> None:
        if event.problem:
            self.counts.failed_commands += 1
        else:
            self.counts.commands += 1
        level = logging.WARNING if event.problem else logging.INFO
        text = f"{event.problem or 'a command has ended'}: {shlex.join(event.arguments) or event.command}"
        Scribe(self._tracer, event.facts.association).note(level, f"{text}\n{event.output}".strip())
        self._tell(event)

    def _on_over_quota(self, request: StoreRequest, reason: str) -> None:
        self._refuse(request, StorageError(reason, hint="How much a caller may store is among the listener's limits."))

    def _scribe(self, request: StoreRequest) -> Scribe:
        return Scribe(self._tracer, request.facts.association)

    def _tell(self, event: ListenerEvent) -> None:
        if self._on_event is None:
            self._events.append(event)
        else:
            self._on_event(event)
        if self._runner is not None:
            self._runner.received(event)
        for watcher in tuple(self.watchers):
            watcher(event)


def _remarks_on(request: StoreRequest) -> Iterator[str]:
    """The problem and the anomalies of an instance that is kept, in a few words each."""
    if request.check is None:
        return
    if request.check.problem is not None:
        yield request.check.problem.text
    yield from map(anomaly_text, request.check.anomalies)
