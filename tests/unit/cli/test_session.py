"""The frame of a command: its loop, its trace file, its end by signal."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from dicomgui.cli.exits import Exit
from dicomgui.cli.session import Session, stop_signals, timeouts_of
from dicomgui.network import Timeouts
from dicomgui.network.tracing import Scribe
from dicomgui.trace.file import TraceFileError, TraceWriter, read_trace

unix = pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix; the commands' tests cover the others")


def session(*, trace: Path | None = None, as_json: bool = False) -> Session:
    return Session(argparse.Namespace(json=as_json, verbose=False, trace=trace and str(trace)))


def test_a_time_out_holds_for_every_answer() -> None:
    assert timeouts_of(None) == Timeouts()
    given = timeouts_of(2.0)
    assert (given.connect_s, given.associate_s, given.response_s, given.release_s, given.idle_s) == (2.0,) * 5
    assert timeouts_of(600.0).release_s == 5.0
    assert (given.artim_s, timeouts_of(600.0).artim_s) == (2.0, 30.0)


async def _record(running: Session) -> Exit:
    Scribe(running.context.tracer, 1).note(20, "here")
    return Exit.REFUSED


def test_the_code_is_that_of_the_work() -> None:
    assert session().run(_record) == Exit.REFUSED


def test_a_trace_is_saved_and_its_danger_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.dgtrace"
    assert session(trace=path).run(_record) == Exit.REFUSED
    assert len(list(read_trace(path))) == 1
    options = argparse.Namespace(json=False, verbose=False, trace=str(path), trace_append=True)
    assert Session(options).run(_record) == Exit.REFUSED
    assert [record.association for record in read_trace(path)] == [1, 2]
    assert "patient data" in capsys.readouterr().err


@pytest.mark.parametrize("as_json", [True, False])
def test_a_trace_that_cannot_be_written_stops_before_anything_happens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    async def never(running: Session) -> Exit:
        raise AssertionError

    assert session(trace=tmp_path / "no" / "folder", as_json=as_json).run(never) == Exit.FILES
    out, err = capsys.readouterr()
    assert "cannot write" in err
    assert [json.loads(line) for line in out.splitlines()] == (
        [{"event": "summary", "ok": False, "exit_code": 4}] if as_json else []
    )


async def _succeed(running: Session) -> Exit:
    return Exit.OK


@pytest.mark.parametrize(("work", "code"), [(_succeed, Exit.FILES), (_record, Exit.REFUSED)])
def test_a_trace_that_is_not_complete_is_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], work: object, code: Exit
) -> None:
    real = TraceWriter.close

    def fail(self: TraceWriter) -> None:
        real(self)
        raise TraceFileError("the disk is full")

    monkeypatch.setattr(TraceWriter, "close", fail)
    assert session(trace=tmp_path / "x").run(work) == code  # type: ignore[arg-type]
    assert "the disk is full" in capsys.readouterr().err


@unix
@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_the_work_and_it_can_clean_up(tmp_path: Path, kind: signal.Signals) -> None:
    cleaned: list[bool] = []

    async def work(running: Session) -> Exit:
        os.kill(os.getpid(), kind)
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.append(True)
        raise AssertionError

    before = signal.getsignal(kind)
    with pytest.raises(KeyboardInterrupt):
        session(trace=tmp_path / "x").run(work)
    assert cleaned == [True]
    trace = read_trace(tmp_path / "x")
    assert list(trace) == []
    assert trace.is_complete
    assert signal.getsignal(kind) == before


@unix
@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
async def test_signals_can_be_had_to_stop_in_peace(kind: signal.Signals) -> None:
    before = signal.getsignal(signal.SIGINT)
    stopped = asyncio.Event()
    give_back = stop_signals(stopped.set)
    os.kill(os.getpid(), kind)
    await stopped.wait()
    give_back()
    assert signal.getsignal(signal.SIGINT) == before


async def test_where_loops_know_no_signals_they_are_taken_from_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_args: object) -> None:
        raise NotImplementedError

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "add_signal_handler", missing)
    before = signal.getsignal(signal.SIGTERM)
    stopped = asyncio.Event()
    give_back = stop_signals(stopped.set)
    signal.raise_signal(signal.SIGTERM)
    await stopped.wait()
    give_back()
    assert signal.getsignal(signal.SIGTERM) == before


def test_where_loops_know_no_signals_work_is_done_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_args: object) -> None:
        raise NotImplementedError

    monkeypatch.setattr("asyncio.SelectorEventLoop.add_signal_handler", missing)
    assert session().run(_succeed) == Exit.OK
