"""The commands that talk to peers: echo, send, listen."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dicomgui.cli.exits import Exit, exit_of_error
from dicomgui.cli.output import Output
from dicomgui.cli.session import Session

if TYPE_CHECKING:
    from dicomgui.app.echo import EchoResult, Step, TlsFacts

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
        on_step=partial(_show_step, output, show_each=options.repeat == 1),
    )
    if result.tls is not None:
        _show_tls(output, result.tls)
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


def _show_tls(output: Output, tls: TlsFacts) -> None:
    from dicomgui.cli.certificate_text import chain_fields, show_chain

    output.event("tls", version=tls.version, cipher=tls.cipher, certificates=chain_fields(tls.chain))
    show_chain(output, tls.chain)


def _rounded(ms: float | None) -> float | None:
    return None if ms is None else round(ms, 3)


def _echo_exit(result: EchoResult) -> Exit:
    if result.error is not None:
        return exit_of_error(result.error)
    return Exit.OK if result.ok else Exit.REFUSED


# -------------------------------------------------------------------------------------------------------------- send


def send(options: argparse.Namespace) -> int:
    """``dicomgui send``."""
    from dicomgui.cli.sending import run

    return Session(options).run(partial(run, options))


# ------------------------------------------------------------------------------------------------------------ listen


def listen(options: argparse.Namespace) -> int:
    """``dicomgui listen``."""
    from dicomgui.cli.listening import run

    return Session(options).run(partial(run, options, Path(options.dir or "received")))


def practice(options: argparse.Namespace) -> int:
    """``dicomgui practice``."""
    from dicomgui.cli.listening import run_practice

    return Session(options).run(partial(run_practice, options))
