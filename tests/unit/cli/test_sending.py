"""The rounds of a send: what is made for one is gone after it, and a cancel is one wherever it comes."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from helpers import peers

from dicomgui.app.context import AppContext
from dicomgui.app.files.sources import Selection
from dicomgui.cli.main import build_parser, main
from dicomgui.cli.sending import run
from dicomgui.cli.session import Session


def test_the_template_that_was_generated_for_a_round_is_gone_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    nobody = f"SCP@127.0.0.1:{peers.free_port()}"
    assert main(["send", nobody, "--invent", "instances=2", "--set", "PatientID=9"]) == 3
    assert list(scratch.iterdir()) == []


async def test_a_cancel_before_anything_is_sent(context: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go = threading.Event(), threading.Event()

    def invented(*_: Any) -> Selection:
        begun.set()
        go.wait(60)
        return Selection()

    monkeypatch.setattr("dicomgui.app.changing.inventing.invented", invented)
    options = build_parser().parse_args(["send", "SCP@127.0.0.1:104", "--invent", "instances=1"])
    session = Session(options)
    session.context = context
    task = asyncio.create_task(run(options, session))
    assert await asyncio.to_thread(begun.wait, 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go.set()
