"""The commands that talk to peers: echo, send, listen."""

from __future__ import annotations

import argparse
import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dicomgui.cli.exits import Exit, exit_of_error
from dicomgui.cli.output import Output, size_text
from dicomgui.cli.session import Session

if TYPE_CHECKING:
    from dicomgui.app.echo import EchoResult, Step
    from dicomgui.app.transfers.send import ItemResult, SendReport
    from dicomgui.network.association.params import PeerAddress

__all__ = ["echo", "listen", "practice", "send"]


# -------------------------------------------------------------------------------------------------------------- echo


def echo(options: argparse.Namespace) -> int:
    """``dicomgui echo``."""
    return Session(options).run(partial(_echo, options))


async def _echo(options: argparse.Namespace, session: Session) -> Exit:
    from dicomgui.app.echo import echo as run_echo
    from dicomgui.cli.target import target_of

    output = session.output
    peer, connection = target_of(options)
    output.line(peer)
    result = await run_echo(
        session.context,
        peer,
        connection,
        repeat=options.repeat,
        ends_by_abort=options.abort,
        on_step=partial(_show_step, output, show_each=options.repeat == 1),
    )
    output.findings(result.findings)
    code = _echo_exit(result)
    if len(result.round_trips_ms) > 1:
        output.line(
            f"{len(result.round_trips_ms)} round trips:"
            f" min {result.min_ms:.1f}, median {result.median_ms:.1f}, p95 {result.p95_ms:.1f} ms"
        )
    output.event(
        "summary",
        ok=code == Exit.OK,
        exit_code=int(code),
        association=result.association,
        status=None if result.status is None else int(result.status),
        count=len(result.round_trips_ms),
        min_ms=_rounded(result.min_ms),
        median_ms=_rounded(result.median_ms),
        p95_ms=_rounded(result.p95_ms),
        implementation_class_uid=result.implementation_class_uid,
        implementation_version_name=result.implementation_version_name,
        max_pdu_length=result.peer_max_pdu_length,
        transfer_syntax_uid=result.transfer_syntax,
        error=None if result.error is None else str(result.error),
    )
    return code


def _show_step(output: Output, step: Step, *, show_each: bool) -> None:
    output.event("step", name=step.name, ms=round(step.ms, 3), ok=step.ok, detail=step.detail)
    if show_each or output.is_verbose or step.name != "echo" or not step.ok:
        time = f"{step.ms:8.1f} ms"
        output.line(f"  {step.name:<10}{time}  {'' if step.ok else 'FAILED  '}{step.detail}")


def _rounded(ms: float | None) -> float | None:
    return None if ms is None else round(ms, 3)


def _echo_exit(result: EchoResult) -> Exit:
    if result.error is not None:
        return exit_of_error(result.error)
    return Exit.OK if result.ok else Exit.REFUSED


# -------------------------------------------------------------------------------------------------------------- send


def send(options: argparse.Namespace) -> int:
    """``dicomgui send``."""
    return Session(options).run(partial(_send, options))


async def _send(options: argparse.Namespace, session: Session) -> Exit:
    from dicomgui.app.transfers.send import Conversion, SendJob, prepare
    from dicomgui.cli.send_parsers import manner_of
    from dicomgui.cli.target import target_of

    output = session.output
    report_path = _report_path(options)
    manner = manner_of(options)
    target = target_of(options)
    with await prepare(session.context, options.paths) as selection:
        for skipped in selection.skipped:
            output.event("skipped", path=skipped.name, reason=skipped.reason, fault=skipped.is_fault)
            if skipped.is_fault or output.is_verbose:
                output.line("skipped ", skipped.name, "", skipped.reason)
        job = SendJob(
            session.context,
            *target,
            selection,
            conversion=Conversion(options.convert),
            sends_broken=options.send_broken,
            manner=manner,
            on_result=partial(_show_result, output),
        )
        try:
            report = await job.run()
        except asyncio.CancelledError:
            _write_report(output, report_path, job.report(), target[0])
            _sum_up(output, job.report(), Exit.CANCELLED)
            raise
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
        ("converted", report.converted), ("with warning", warnings), ("failed", failed), ("cancelled", cancelled),
        ("skipped", skipped),
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


# ------------------------------------------------------------------------------------------------------------ listen


def listen(options: argparse.Namespace) -> int:
    """``dicomgui listen``."""
    from dicomgui.cli.listening import run

    return Session(options).run(partial(run, options, Path(options.dir or "received")))


def practice(options: argparse.Namespace) -> int:
    """``dicomgui practice``."""
    from dicomgui.cli.listening import run_practice

    return Session(options).run(partial(run_practice, options))
