"""An echo that stands among the jobs, for every panel that starts one."""

from __future__ import annotations

from collections.abc import Callable

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.echo import EchoResult, Step, echo
from dicomgui.app.operations import JobHandle, JobState
from dicomgui.gui.panels.panel import Workplace
from dicomgui.gui.widgets.text import duration_text
from dicomgui.network.association.params import PeerAddress

__all__ = ["echo_as_job"]


async def echo_as_job(
    place: Workplace,
    peer: PeerAddress,
    options: ConnectionOptions,
    job: JobHandle,
    *,
    repeat: int = 1,
    on_step: Callable[[Step], None] | None = None,
) -> EchoResult:
    """Echo ``peer`` and tell ``job`` how it goes; a cancel passes and ends the job.

    Secrets that ``options`` need are taken from the keyring, or asked for.

    :param on_step: told of each step as it ends.
    """
    answered = 0

    def step_ended(step: Step) -> None:
        nonlocal answered
        if step.name == "echo" and repeat > 1:
            answered += 1
            job.update(text=f"{answered:,} of {repeat:,}")
        if on_step is not None:
            on_step(step)

    with job:
        options = await place.secrets.complete(options, peer)
        result = await echo(
            place.context, peer, options, repeat=repeat, on_step=step_ended, on_association=job.add_association
        )
        _finish(job, result)
    place.note_echo(peer, result)
    return result


def _finish(job: JobHandle, result: EchoResult) -> None:
    finding = result.findings[0] if result.findings else None
    if not result.ok:
        job.finish(JobState.FAILED, text=str(result.error or result.status or "it failed"), finding=finding)
        return
    median = result.median_ms or 0.0
    count = len(result.round_trips_ms)
    took = f"answers in {duration_text(median / 1000)}" + (f", median of {count:,}" if count > 1 else "")
    job.finish(JobState.WARNING if finding is not None else JobState.DONE, text=took, finding=finding)
