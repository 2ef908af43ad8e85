"""The commands that retrieve: move and get."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

from dicomgui.app.asking.dicom_json import DatasetFileError
from dicomgui.app.asking.information_models import level_for, storage_of
from dicomgui.app.asking.levels import Level
from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.listening.listener import Listener, ListenerEvent, ListenerOptions
from dicomgui.app.listening.reception import Reception, arrived_of, host_for, reception, refused_uid_of
from dicomgui.app.transfers.retrieve import (
    Arrived,
    GetJob,
    MoveJob,
    RetrieveJob,
    RetrieveManner,
    RetrieveProgress,
    RetrieveReport,
    Wanted,
    WantedResult,
    WantedState,
)
from dicomgui.cli.exits import Exit, exit_of_error
from dicomgui.cli.instance_text import remark_fields, remark_lines
from dicomgui.cli.output import Output, size_text
from dicomgui.cli.query_plan import planned, unreadable
from dicomgui.cli.session import Session
from dicomgui.cli.target import target_of
from dicomgui.network.association.params import PeerAddress
from dicomgui.network.errors import ConfigurationError, DimseFailure
from dicomgui.network.service import Strictness
from dicomgui.network.service.models import QueryOperation
from dicomgui.network.status import Service
from dicomgui.storage import StorageError
from dicomgui.trace.diagnosis.facts import Facts, OwnListener

__all__ = ["get", "move"]


def move(options: argparse.Namespace) -> int:
    """``dicomgui move``."""
    if (options.listen is None) != (options.out is None):
        raise ConfigurationError("--listen and --out belong together", phase="configure", hint="Give both, or none.")
    return _retrieve(options, "move", _move)


def get(options: argparse.Namespace) -> int:
    """``dicomgui get``."""
    return _retrieve(options, "get", _get)


_Run: TypeAlias = Callable[[argparse.Namespace, tuple[Wanted, ...], Session], Coroutine[None, None, Exit]]


def _retrieve(options: argparse.Namespace, operation: QueryOperation, run: _Run) -> int:
    session = Session(options)
    try:
        wanted = _wanted(options, operation, session.output)
    except DatasetFileError as error:
        return unreadable(session.output, error)
    return session.run(partial(run, options, wanted))


def _wanted(options: argparse.Namespace, operation: QueryOperation, output: Output) -> tuple[Wanted, ...]:
    level = level_for(options.root, options.level, operation) or Level.IMAGE
    found = []
    for one in planned(options, level, output):
        keys = tuple(key for key in one.keys if key.is_matching)
        if not keys:
            raise ConfigurationError(
                f"nothing says what to retrieve{one.name and ' in '}{one.name}", phase="configure",
                hint="Give a key, such as -k StudyInstanceUID=1.2.3.",
            )  # fmt: skip
        found.append(Wanted(level, keys, one.name))
    return tuple(found)


def _target(options: argparse.Namespace) -> tuple[PeerAddress, ConnectionOptions]:
    """As for any command; ``--timeout`` is also for the responses of the retrieval."""
    peer, chosen = target_of(options)
    if options.timeout is not None:
        chosen = replace(chosen, timeouts=replace(chosen.timeouts, retrieve_s=options.timeout))
    return peer, replace(chosen, strictness=Strictness(options.strictness))


def _manner(options: argparse.Namespace) -> RetrieveManner:
    """When the retrieval cancels itself, and how often it is repeated."""
    ms = options.cancel_after_ms
    return RetrieveManner(options.cancel_after, None if ms is None else ms / 1000, options.repeat)


# -------------------------------------------------------------------------------------------------------------- move


async def _move(options: argparse.Namespace, wanted: tuple[Wanted, ...], session: Session) -> Exit:
    output = session.output
    peer, chosen = _target(options)
    show = _Shower(output, Service.MOVE)
    job = MoveJob(
        session.context, peer, chosen, wanted,
        destination=options.to, expects_arrivals=options.listen is not None, root=options.root, manner=_manner(options),
        on_progress=show.progress, on_result=show.result, on_arrived=show.arrived,
    )  # fmt: skip
    async with _reception(options, session, peer, job) as ours:
        for note in ours.notes:
            output.note(note)
        if ours.error is not None:
            output.findings(ours.findings)
            code = Exit.FILES if isinstance(ours.error, StorageError) else Exit.NETWORK
            output.event("summary", ok=False, exit_code=int(code), error=str(ours.error))
            return code
        if options.listen is None and options.to == chosen.calling_ae:
            output.note(f"{options.to} is our own AE title: have a listener run under it, or give --listen and --out.")
        if ours.is_ready:
            port = int(ours.address.rpartition(":")[2])
            session.context.know_by(lambda: Facts(listeners=(OwnListener(options.to, host_for(peer), port),)))
            output.event("ready", host=host_for(peer), port=port, aet=options.to)
            output.line(f"listening on {ours.address} as {options.to}")
        await _run(output, job)
    return _finish(output, wanted, job.report())


def _reception(
    options: argparse.Namespace, session: Session, peer: PeerAddress, job: RetrieveJob
) -> AbstractAsyncContextManager[Reception]:
    """Our listener, where one was asked for; it is part of this process and ends with the retrieval."""
    if options.listen is None:
        return reception(None, peer, options.to)
    settings = ListenerOptions(
        Path(options.out),
        host=host_for(peer),
        port=options.listen,
        ae_title=options.to,
        any_sop_class=True,
        strictness=Strictness(options.strictness),
        trace_full=options.trace_full,
    )
    listener = Listener(session.context, settings, on_event=partial(_take, job))
    return reception(listener, peer, options.to)


def _take(job: RetrieveJob, event: ListenerEvent) -> None:
    arrived = arrived_of(event)
    if arrived is not None:
        job.received(arrived)
    refused = refused_uid_of(event)
    if refused:
        job.refused(refused)


# --------------------------------------------------------------------------------------------------------------- get


async def _get(options: argparse.Namespace, wanted: tuple[Wanted, ...], session: Session) -> Exit:
    output = session.output
    folder = Path(options.out)
    try:
        await asyncio.to_thread(partial(folder.mkdir, parents=True, exist_ok=True))
    except OSError as error:
        output.note(f"error: the folder {folder} cannot be made: {error.strerror or error}")
        output.event("summary", ok=False, exit_code=int(Exit.FILES), error=str(error))
        return Exit.FILES
    show = _Shower(output, Service.GET)
    job = GetJob(
        session.context, *_target(options), wanted,
        into=folder, root=options.root, sop_classes=storage_of(options.root), manner=_manner(options),
        on_progress=show.progress, on_result=show.result, on_arrived=show.arrived,
    )  # fmt: skip
    await _run(output, job)
    return _finish(output, wanted, job.report())


# -------------------------------------------------------------------------------------------------------------- both


async def _run(output: Output, job: RetrieveJob) -> None:
    try:
        await job.run()
    except asyncio.CancelledError:
        _sum_up(output, job.report(), Exit.CANCELLED)
        raise


class _Shower:
    """Prints what happens."""

    def __init__(self, output: Output, service: Service) -> None:
        self._output = output
        self._service = service
        self._last: tuple[int | None, ...] = (None, 0, 0, 0)

    def progress(self, progress: RetrieveProgress) -> None:
        told = progress.told
        facts = (told.remaining, told.completed, told.failed, told.warning)
        if facts == self._last or (told.remaining is None and facts[1:] == self._last[1:]):
            return
        self._last = facts
        names = ("remaining", "completed", "failed", "warning")
        self._output.event("progress", **dict(zip(names, facts, strict=True)), arrived=progress.arrived)

    def arrived(self, arrived: Arrived) -> None:
        self._output.event(
            "stored",
            path=str(arrived.path),
            sop_class_uid=arrived.sop_class_uid,
            sop_instance_uid=arrived.sop_instance_uid,
            transfer_syntax_uid=arrived.transfer_syntax_uid,
            bytes=arrived.size_bytes,
            outcome=arrived.outcome,
            **remark_fields(arrived.problem, arrived.anomalies),
        )
        self._output.detail(f"{arrived.outcome:<13}{size_text(arrived.size_bytes):>9}  {arrived.path}")
        for line in remark_lines(arrived.problem, arrived.anomalies):
            self._output.detail(line)

    def result(self, result: WantedResult) -> None:
        status, told = result.status, result.told
        meaning = "not retrieved" if status is None else status.meaning(self._service)
        self._output.event(
            "retrieved",
            **({"query": result.wanted.query} if result.wanted.query else {}),
            level=result.wanted.level.value,
            keys={key.name: key.value for key in result.wanted.keys},
            state=result.state.value,
            status=None if status is None else int(status),
            meaning=meaning,
            comment=result.comment,
            reason=result.reason,
            completed=told.completed,
            failed=told.failed,
            warning=told.warning,
            failed_sop_instance_uids=list(result.failed_uids),
        )
        code = "" if status is None else f"0x{int(status):04X} "
        numbers = f"{told.completed} completed, {told.failed} failed, {told.warning} with warning"
        comment = f" ({result.comment})" if result.comment else ""
        reason = f": {result.reason}" if result.reason else ""
        self._output.line(f"{result.state.value:<10}{result.wanted}  {code}{meaning}{reason}{comment}; {numbers}")


def _finish(output: Output, wanted: tuple[Wanted, ...], report: RetrieveReport) -> Exit:
    for note in report.notes:
        output.note(note)
    output.findings(report.findings)
    code = _exit_of(report)
    if len(wanted) > 1:
        for one in wanted:
            _sum_up_query(output, one.query, [result for result in report.results if result.wanted.query == one.query])
    _sum_up(output, report, code)
    return code


def _sum_up_query(output: Output, query: str, results: list[WantedResult]) -> None:
    """Sum up one of several queries. One without requests found nothing, or only what another has asked for."""
    good = (WantedState.DONE, WantedState.CANCELLED)
    failed = sum(result.told.failed for result in results)
    code = Exit.OK if not failed and all(result.state in good for result in results) else Exit.REFUSED
    completed = sum(result.told.delivered for result in results)
    output.event(
        "queried",
        query=query,
        ok=code is Exit.OK,
        exit_code=int(code),
        requests=len(results),
        completed=completed,
        failed=failed,
    )
    output.line(f"{query}: {len(results)} requests, {completed} delivered, {failed} failed")


def _exit_of(report: RetrieveReport) -> Exit:
    if isinstance(report.error, DimseFailure):
        return Exit.REFUSED
    if report.error is not None:
        return exit_of_error(report.error)
    if report.refused_uids:
        return Exit.FILES
    return Exit.REFUSED if report.has_failures else Exit.OK


def _sum_up(output: Output, report: RetrieveReport, code: Exit) -> None:
    told = report.told
    last = report.results[-1].status if report.results else None
    output.event(
        "summary",
        ok=code is Exit.OK,
        exit_code=int(code),
        cancelled=code is Exit.CANCELLED or report.is_stopped,
        requests=len(report.results),
        root=report.root,
        destination=report.destination or None,
        completed=told.completed,
        failed=told.failed,
        warning=told.warning,
        remaining=told.remaining,
        arrived=report.arrived,
        deliveries=report.deliveries,
        missing=report.missing,
        bytes=report.arrived_bytes,
        seconds=round(report.seconds, 6),
        status=None if last is None else int(last),
        failed_sop_instance_uids=list(report.failed_uids),
        associations=list(report.associations),
        notes=list(report.notes),
        error=None if report.error is None else str(report.error),
    )
    output.line(_summary_text(report, code))
    for uid in report.failed_uids:
        output.line("failed   ", uid)


def _summary_text(report: RetrieveReport, code: Exit) -> str:
    told = report.told
    text = f"the peer tells {told.delivered} delivered"
    counts: tuple[tuple[str, int | None], ...] = (
        ("failed", told.failed), ("with warning", told.warning), ("remaining", told.remaining),
    )  # fmt: skip
    text += "".join(f", {count} {word}" for word, count in counts if count)
    if report.arrived is not None:
        text += f"; {report.arrived} arrived, {size_text(report.arrived_bytes)} in {report.seconds:.2f} s"
    if report.repeated:
        text += f" (of {report.deliveries} deliveries, {report.repeated} of what had come before)"
    if report.missing:
        text += f"; {report.missing} never arrived"
    if code is Exit.CANCELLED or any(result.state is WantedState.CANCELLED for result in report.results):
        text += "; cancelled before the end"
    return text
