"""What commands print: text for people, or one JSON object a line (``--json``).

Results go to standard output, what explains them to standard error; with ``--json`` all is on standard output. Text
that comes from peers, files and names is escaped before it reaches a terminal.

Printing never raises: it happens in the middle of associations. Who reads us may go away (``| head``) or its disk may
be full; then nothing more is printed, :attr:`Output.is_lost` says so, and :meth:`Output.finish` at the end.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Final, TextIO

from dicomgui.cli.exits import Exit
from dicomgui.cli.finding_text import option_lines
from dicomgui.cli.line_writer import LineWriter
from dicomgui.trace.finding import Finding, finding_json

__all__ = ["Output", "safe", "size_text"]

CLOSING_S: Final = 1.0
"""Seconds that the end of a command waits for who reads what is printed."""


def safe(text: object) -> str:
    """``text`` in one line without anything that a terminal would act on."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in str(text))


def size_text(size: float) -> str:
    """A number of bytes for people, in powers of 1000."""
    if size < 1000:
        return f"{size:.0f} bytes"
    number = size / 1000
    for unit in ("kB", "MB"):
        if number < 1000:
            return f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"


class Output:
    """Prints for one command, in the manner that was asked for; every line is flushed.

    :ivar is_verbose: whether ``-v`` was given.
    :ivar is_json: whether ``--json`` was given.
    :ivar on_lost: called when it turns out that nobody reads what is printed.
    """

    def __init__(
        self, *, as_json: bool = False, verbose: bool = False, out: TextIO | None = None, err: TextIO | None = None
    ) -> None:
        self.is_json = as_json
        self.is_verbose = verbose
        self.on_lost: Callable[[], None] | None = None
        self._out = out or _tolerant(sys.stdout)
        self._err = err or _tolerant(sys.stderr)
        self._error: OSError | None = None
        self._writers: tuple[LineWriter, LineWriter] | None = None

    def write_by_threads(self, call: Callable[[Callable[[], None]], object]) -> None:
        """From now on print without waiting for who reads: for commands that serve others meanwhile.

        :param call: has a function called in the thread of the command, such as ``loop.call_soon_threadsafe``.
        """
        if self._writers is None:
            self._writers = (
                LineWriter(self._out, told_of=self._dropped_line, on_error=partial(self._lose_by, call)),
                LineWriter(self._err, told_of=_dropped_text),
            )

    def stop_threads(self) -> None:
        """Write what waits, for a second at most for each stream, and print directly again."""
        writers, self._writers = self._writers, None
        for writer, stream in zip(writers or (), (self._out, self._err), strict=False):
            if not writer.close(CLOSING_S):
                _give_up(stream)

    @property
    def is_lost(self) -> bool:
        """Whether standard output takes no more."""
        return self._error is not None

    def finish(self, code: int) -> int:
        """The exit code, unless results were lost for another reason than that their reader had enough of them."""
        self.stop_threads()
        if self._error is None or isinstance(self._error, BrokenPipeError):
            return code
        self.note(f"error: cannot write the output: {self._error.strerror or self._error}")
        return code or Exit.FILES

    def event(self, event: str, **fields: object) -> None:
        """With ``--json``, one object; otherwise nothing."""
        if self.is_json:
            self.json({"event": event, **fields})

    def json(self, value: object) -> None:
        """One JSON object on a line of its own, whatever was asked for. Only ASCII, so no terminal is harmed."""
        self._print(json.dumps(value))

    def line(self, *cells: object) -> None:
        """A line for people; the cells are escaped."""
        if not self.is_json:
            self._print(" ".join(safe(cell) for cell in cells).rstrip())

    def detail(self, *cells: object) -> None:
        """A line that only ``-v`` shows."""
        if self.is_verbose:
            self.line(*cells)

    def note(self, text: object) -> None:
        """A remark beside the result, on standard error in either manner."""
        self._remark(safe(text))

    def findings(self, findings: Iterable[Finding], proof: Callable[[Finding], tuple[str, ...]] | None = None) -> None:
        """What failed, why probably, and what to try.

        :param proof: gives the lines of a finding's evidence, which are shown with the clause of the standard then.
        """
        for finding in findings:
            if self.is_json:
                self.json(finding_json(finding))
            else:
                self._finding(finding, proof(finding) if proof is not None else ())

    def _finding(self, finding: Finding, proof: tuple[str, ...]) -> None:
        lines = [f"{finding.severity.value}: {finding.what}"]
        lines += _listed("likely", finding.causes)
        lines += _listed("try", finding.tries)
        lines += _listed("run", option_lines(finding))
        lines += _listed("shown", proof)
        if (self.is_verbose or proof) and finding.clause:
            lines += _listed("see", (finding.clause,))
        self._remark("\n".join(safe(line) for line in lines))

    def _print(self, text: str) -> None:
        if self._error is not None:
            return
        if self._writers is not None:
            self._writers[0].write(text + "\n")
            return
        try:
            self._out.write(text + "\n")
            self._out.flush()
        except OSError as error:
            self._lose(error)

    def _lose_by(self, call: Callable[[Callable[[], None]], object], error: OSError) -> None:
        call(partial(self._lose, error))

    def _lose(self, error: OSError) -> None:
        """Standard output takes no more."""
        if self._error is None:
            self._error = error
            _give_up(self._out)
            if self.on_lost is not None:
                self.on_lost()

    def _dropped_line(self, lines: int) -> str:
        return json.dumps({"event": "dropped", "lines": lines}) + "\n" if self.is_json else _dropped_text(lines)

    def _remark(self, text: str) -> None:
        if self._writers is not None:
            self._writers[1].write(text + "\n")
            return
        with suppress(OSError):
            self._err.write(text + "\n")
            self._err.flush()


def _dropped_text(lines: int) -> str:
    return f"{lines:,} lines were dropped, because nobody read those before them\n"


def _give_up(stream: TextIO) -> None:
    """Send what is left in the stream nowhere, so that Python does not fail again when it flushes at its end."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _listed(title: str, texts: tuple[str, ...]) -> list[str]:
    return [f"  {title if number == 0 else '':<8}{text}" for number, text in enumerate(texts)]


def _tolerant(stream: TextIO) -> TextIO:
    """The stream, made so that a character that it cannot write becomes an escape instead of an error."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    return stream
