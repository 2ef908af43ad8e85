"""``dicomgui --selftest``: a table of what works here."""

from __future__ import annotations

import argparse
import asyncio
import importlib
from collections.abc import Callable, Iterator, Sequence

from dicomgui.app.selftest import Check, Outcome, check, run_checks
from dicomgui.cli.exits import Exit
from dicomgui.cli.main import build_parser
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

    def tell(one: Check) -> None:
        done.append(one)
        output.event(
            "check", name=one.name, outcome=one.outcome.value, detail=one.detail, milliseconds=round(one.ms, 1)
        )
        output.line(f"{one.outcome.value:<8} {one.ms:>6.0f} ms  {one.name}: {one.detail}")

    window_checks(tell)
    asyncio.run(_all_checks(tell))
    failed = sum(one.outcome is Outcome.FAILED for one in done)
    left_out = sum(one.outcome is Outcome.LEFT_OUT for one in done)
    code = Exit.REFUSED if failed else Exit.OK
    output.event("summary", ok=not failed, exit_code=int(code), checks=len(done), failed=failed, left_out=left_out)
    output.line(f"{len(done)} checks: {failed} failed, {left_out} left out")
    return output.finish(code)


async def _all_checks(tell: Callable[[Check], None]) -> None:
    tell(await check("commands", _commands))
    await run_checks(tell)


async def _commands() -> str:
    """They are loaded by name when they are asked for, which a bundler does not see."""
    names = sorted(set(_modules(build_parser())))
    for name in names:
        importlib.import_module(name)
    return f"{len(names)} modules loaded"


def _modules(parser: argparse.ArgumentParser) -> Iterator[str]:
    run = parser.get_default("run")
    if run is not None:
        yield run[0]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from _modules(inner)
