"""``dicomgui send``: its rounds, what it prints of each file, and how it ends."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dicomgui.cli.exits import Exit
from dicomgui.cli.output import Output, size_text
from dicomgui.cli.session import Session

if TYPE_CHECKING:
    from dicomgui.app.files.sources import Selection
    from dicomgui.app.transfers.send import ItemResult, SendJob, SendReport
    from dicomgui.network.association.params import PeerAddress

__all__ = ["run"]


async def run(options: argparse.Namespace, session: Session) -> Exit:
    """Send what the options say, as often as they say; what failed decides the exit code."""
    from dicomgui.app.transfers.send import Conversion, SendJob, prepare
    from dicomgui.cli.send_parsers import check_sending, manner_of
    from dicomgui.cli.target import target_of

    output = session.output
    check_sending(options)
    report_path, manner, target = _report_path(options), manner_of(options), target_of(options)
    rounds: list[SendReport] = []
    with await prepare(session.context, options.paths) as selection:
        _show_skipped(output, selection)

        def job_of(chosen: Selection) -> SendJob:
            return SendJob(
                session.context, *target, chosen, conversion=Conversion(options.convert),
                sends_broken=options.send_broken, manner=manner, on_result=partial(_show_result, output),
            )  # fmt: skip

        try:
            await _rounds(options, session, selection, job_of, rounds)
        except asyncio.CancelledError:
            if rounds:
                report = _together(rounds)
                _write_report(output, report_path, report, target[0])
                _sum_up(output, report, Exit.CANCELLED)
            raise
    report = _together(rounds)
    output.findings(report.findings)
    code = _send_exit(report)
    if not _write_report(output, report_path, report, target[0]) and code is Exit.OK:
        code = Exit.FILES
    if options.commit or options.commit_listen is not None:
        from dicomgui.cli.committing import commit

        committed = await commit(options, session, report)
        code = code if code is not Exit.OK else committed
    _sum_up(output, report, code)
    return code


async def _rounds(
    options: argparse.Namespace,
    session: Session,
    selection: Selection,
    job_of: Callable[[Selection], SendJob],
    rounds: list[SendReport],
) -> None:
    """Send as often as is wanted; what is invented is new each time. A round that breaks off is the last one."""
    loop = asyncio.get_running_loop()
    for number in range(1, options.repeat + 1):
        with ExitStack() as own:  # what the scan opened stays open until the last round
            chosen = await loop.run_in_executor(session.context.file_pool, _chosen, options, selection, own)
            if number == 1 and len(chosen.skipped) > len(selection.skipped):
                _show_skipped(session.output, chosen, len(selection.skipped))
            job = job_of(chosen)
            try:
                report = await job.run()
            except asyncio.CancelledError:
                rounds.append(job.report())
                raise
        rounds.append(report)
        if options.repeat > 1:
            _show_round(session.output, number, options.repeat, report)
        if report.error is not None:
            return


def _chosen(options: argparse.Namespace, selection: Selection, own: ExitStack) -> Selection:
    """The instances that go out in one round; blocks. What was made for it is closed by ``own``."""
    chosen = selection
    if options.invent is not None:
        from dicomgui.app.changing.inventing import invented

        chosen = own.enter_context(invented(selection, options.invent))
    if options.settings:
        from dicomgui.app.changing.settings import with_settings

        chosen = with_settings(chosen, options.settings)
    return chosen


def _together(rounds: Iterable[SendReport]) -> SendReport:
    """The reports of all rounds as one."""
    from dicomgui.trace.finding import group_findings

    first, *others = rounds
    for other in others:
        first = replace(
            first,
            results=first.results + other.results,
            associations=first.associations + other.associations,
            bytes_sent=first.bytes_sent + other.bytes_sent,
            seconds=first.seconds + other.seconds,
            error=first.error or other.error,
            findings=group_findings((*first.findings, *other.findings)),
        )
    return first


def _show_skipped(output: Output, selection: Selection, start: int = 0) -> None:
    for skipped in selection.skipped[start:]:
        output.event("skipped", path=skipped.name, reason=skipped.reason, fault=skipped.is_fault)
        if skipped.is_fault or output.is_verbose:
            output.line("skipped ", skipped.name, "", skipped.reason)


def _show_round(output: Output, number: int, total: int, report: SendReport) -> None:
    from dicomgui.app.transfers.send import ItemState

    failed = report.count(ItemState.FAILED)
    output.event(
        "round",
        number=number,
        files=len(report.results),
        sent=report.sent,
        failed=failed,
        seconds=round(report.seconds, 6),
    )
    text = f"round {number} of {total}: sent {report.sent} of {_files(len(report.results))} in {report.seconds:.2f} s"
    output.line(f"{text}; {failed} failed" if failed else text)


def _report_path(options: argparse.Namespace) -> Path | None:
    """The file of ``--report``; raises ConfigurationError where its name says no format."""
    from dicomgui.app.transfers.report import check_format

    if options.report is None:
        return None
    path = Path(options.report)
    check_format(path)
    return path


def _write_report(output: Output, path: Path | None, report: SendReport, peer: PeerAddress) -> bool:
    """Write the report that is wanted; returns False where it could not be written, which is said."""
    from dicomgui.app.transfers.report import lines_of, write_report

    if path is None:
        return True
    try:
        write_report(path, lines_of(report, str(peer)))
    except OSError as error:
        output.note(f"the report could not be written to {path}: {error.strerror or error}")
        return False
    return True


def _show_result(output: Output, result: ItemResult) -> None:
    from dicomgui.app.transfers.send import Cause

    status = result.status
    output.event(
        "file",
        path=result.item.name,
        sop_instance_uid=result.item.head.sop_instance_uid,
        status=None if status is None else int(status),
        meaning=result.reason or "success",
        state=result.state.value,
        comment=result.comment,
        converted=result.converted,
        changed=[code.value for code in result.changed],
        renaming=result.renaming,
        association=result.association,
        seconds=round(result.seconds, 6),
    )
    # What was never tried for want of an association is counted in the summary instead of listed.
    was_tried = status is not None or result.association != 0 or result.cause is Cause.FILE
    left_alone = result.renaming.startswith("not")
    if output.is_verbose or left_alone or (was_tried and (status is None or not status.is_success)):
        code = "" if status is None else f"0x{status:04X} "
        comment = f" ({result.comment})" if result.comment else ""
        texts = filter(None, (f"{code}{result.reason}{comment}", result.converted, result.renaming))
        output.line(f"{result.state.value:<10}{result.item.name}  {'; '.join(texts)}")


def _sum_up(output: Output, report: SendReport, code: Exit) -> None:
    from dicomgui.app.transfers.send import ItemState

    warnings, failed = report.count(ItemState.WARNING), report.count(ItemState.FAILED)
    cancelled, skipped = report.count(ItemState.CANCELLED), len(report.skipped)
    output.event(
        "summary",
        ok=code == Exit.OK,
        exit_code=int(code),
        files=len(report.results),
        sent=report.sent,
        converted=report.converted,
        changed=report.changed,
        warnings=warnings,
        failed=failed,
        cancelled=cancelled,
        skipped=skipped,
        bytes=report.bytes_sent,
        seconds=round(report.seconds, 6),
        mb_per_s=round(report.bytes_per_second / 1e6, 3),
        associations=list(report.associations),
        error=None if report.error is None else str(report.error),
    )
    text = f"sent {report.sent} of {_files(len(report.results))}"
    if report.sent:
        speed = f"{report.bytes_per_second / 1e6:.1f} MB/s"
        text += f": {size_text(report.bytes_sent)} in {report.seconds:.2f} s, {speed}"
    counts = (
        ("changed", report.changed), ("converted", report.converted), ("with warning", warnings), ("failed", failed),
        ("cancelled", cancelled), ("skipped", skipped),
    )  # fmt: skip
    for word, count in counts:
        if count:
            text += f"; {count} {word}"
    output.line(text)


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _send_exit(report: SendReport) -> Exit:
    """The most telling of all that went wrong: no way to the peer, then its refusals, then our files."""
    from dicomgui.app.transfers.send import Cause

    causes = report.causes
    if Cause.NETWORK in causes:
        return Exit.NETWORK
    if causes & {Cause.STATUS, Cause.CONTEXT}:
        return Exit.REFUSED
    return Exit.FILES if causes else Exit.OK
