"""``dicomgui --selftest``: a table of what works here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from dicomgui.app.selftest import Check, Outcome, run_checks
from dicomgui.cli.exits import Exit
from dicomgui.cli.output import Output

__all__ = ["run_selftest"]


def run_selftest(
    arguments: Sequence[str], window_checks: Callable[[Callable[[Check], None]], None], output: Output | None = None
) -> int:
    """Do all checks; gives 0 when none failed, 1 otherwise, and 2 for other arguments than ``--json``.

    :param window_checks: does those that need Qt, and tells each.
    """
    if list(arguments) not in ([], ["--json"]):
        (output or Output()).note("usage: dicomgui --selftest [--json]")
        return Exit.USAGE
    output = output or Output(as_json=bool(arguments))
    done: list[Check] = []

    def tell(check: Check) -> None:
        done.append(check)
        output.event(
            "check", name=check.name, outcome=check.outcome.value, detail=check.detail, milliseconds=round(check.ms, 1)
        )
        output.line(f"{check.outcome.value:<8} {check.ms:>6.0f} ms  {check.name}: {check.detail}")

    window_checks(tell)
    asyncio.run(run_checks(tell))
    failed = sum(check.outcome is Outcome.FAILED for check in done)
    left_out = sum(check.outcome is Outcome.LEFT_OUT for check in done)
    code = Exit.REFUSED if failed else Exit.OK
    output.event("summary", ok=not failed, exit_code=int(code), checks=len(done), failed=failed, left_out=left_out)
    output.line(f"{len(done)} checks: {failed} failed, {left_out} left out")
    return output.finish(code)
