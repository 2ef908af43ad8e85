"""``dicomgui send --commit``: storage commitment of what was sent."""

from __future__ import annotations

import argparse

from dicomgui.app.transfers.commitment import CommitmentJob, CommitmentOrder, CommitmentOutcome, CommitmentState
from dicomgui.app.transfers.send_results import SendReport
from dicomgui.cli.exits import Exit, exit_of_error
from dicomgui.cli.output import Output
from dicomgui.cli.session import Session
from dicomgui.cli.target import target_of
from dicomgui.network.service_classes.references import Reference

__all__ = ["commit"]


async def commit(options: argparse.Namespace, session: Session, report: SendReport) -> Exit:
    """Ask the peer to answer for the files that were sent, and wait; the exit code that this deserves."""
    heads = [one.item.head for one in report.results if one.is_sent]
    if not heads:
        return Exit.OK
    references = [Reference(head.sop_class_uid, head.sop_instance_uid) for head in heads]
    listen = None if options.commit_listen is None else (options.commit_host, options.commit_listen)
    order = CommitmentOrder.of(references, wait_s=options.commit_wait, listen=listen)
    output = session.output
    job = CommitmentJob(session.context, *target_of(options), order, on_change=lambda now: _tell(output, now))
    outcome = await job.run()
    output.findings(outcome.findings)
    _show(output, outcome)
    return _exit_of(outcome)


def _tell(output: Output, outcome: CommitmentOutcome) -> None:
    if outcome.state is CommitmentState.WAITING:
        output.event("waiting", transaction_uid=outcome.transaction_uid, instances=len(outcome.references))


def _show(output: Output, outcome: CommitmentOutcome) -> None:
    result = outcome.result
    failed = () if result is None else result.failed
    output.event(
        "commitment",
        ok=outcome.ok,
        state=outcome.state.value,
        way=outcome.way.value,
        transaction_uid=outcome.transaction_uid,
        instances=len(outcome.references),
        committed=0 if result is None else len(result.committed),
        failed=[
            {"sop_instance_uid": one.reference.sop_instance_uid, "reason": int(one.reason), "meaning": one.text}
            for one in failed
        ],
        unanswered=[one.sop_instance_uid for one in outcome.unanswered],
        status=None if outcome.status is None else int(outcome.status),
        associations=list(outcome.associations),
        seconds=round(outcome.seconds, 6),
        error=None if outcome.error is None else str(outcome.error),
    )
    for one in failed:
        output.line(f"not committed  {one.reference.sop_instance_uid}  0x{int(one.reason):04X} {one.text}")
    for reference in outcome.unanswered:
        output.line(f"not committed  {reference.sop_instance_uid}  the answer does not name it")
    output.line(f"storage commitment: {outcome.text}")


def _exit_of(outcome: CommitmentOutcome) -> Exit:
    if outcome.ok:
        return Exit.OK
    return exit_of_error(outcome.error) if outcome.error is not None else Exit.REFUSED
