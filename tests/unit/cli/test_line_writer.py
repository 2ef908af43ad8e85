"""Lines written by a thread."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path

from dicomgui.cli import line_writer
from dicomgui.cli.line_writer import LineWriter


def told_of(count: int) -> str:
    return f"{count} dropped\n"


def test_what_is_written_comes_in_order() -> None:
    stream = io.StringIO()
    writer = LineWriter(stream, told_of=told_of)
    for number in range(1000):
        writer.write(f"{number}\n")
    assert writer.close(10)
    assert stream.getvalue().split() == [str(number) for number in range(1000)]
    writer.write("too late\n")
    assert "late" not in stream.getvalue()


def test_a_reader_that_sleeps_costs_lines_and_is_told_of_them(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    line = "x" * 999 + "\n"
    with os.fdopen(writing, "w") as stream, os.fdopen(reading) as reader:
        writer = LineWriter(stream, told_of=told_of)
        for _ in range(3 * line_writer.MAX_CHARACTERS // len(line)):
            writer.write(line)
        assert writer.dropped > 0
        assert not writer.close(0.05)
        got: list[str] = []

        def read() -> None:
            got.extend(reader)

        thread = threading.Thread(target=read)
        thread.start()
        assert writer.close(30)
        stream.close()
        thread.join()
    lines = [text for text in got if text == line]
    assert len(lines) + writer.dropped == 3 * line_writer.MAX_CHARACTERS // len(line)
    assert told_of(writer.dropped) in got


def test_a_stream_that_takes_no_more_ends_the_thread_and_is_told_once() -> None:
    class Broken(io.StringIO):
        def flush(self) -> None:
            raise BrokenPipeError(32, "Broken pipe")

    errors: list[OSError] = []
    writer = LineWriter(Broken(), told_of=told_of, on_error=errors.append)
    writer.write("one\n")
    assert writer.close(10)
    writer.write("two\n")
    assert [type(error) for error in errors] == [BrokenPipeError]
