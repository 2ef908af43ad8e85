"""Commands for what was received, with real processes."""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
from pathlib import Path

import pytest
from helpers.bad_peer import reached
from helpers.instances import CT, EXPLICIT, write_instance

from dicomgui.app.configuration.received_commands import ReceivedCommands
from dicomgui.app.listening import command_runner
from dicomgui.app.listening.command_runner import CommandRunner
from dicomgui.app.listening.events import CommandEnded, ReceivedInstance
from dicomgui.network.service import AssociationFacts
from dicomgui.storage import Outcome

FACTS = AssociationFacts(7, "10.0.0.1:4000", "CT1 ", "ME", "1.2", "X")
TELL = "import json, sys; print(json.dumps(sys.argv[1:]))"


def python(code: str, *words: str) -> str:
    return " ".join([shlex.quote(sys.executable), "-c", shlex.quote(code), *words])


def instance(path: Path, outcome: Outcome = Outcome.STORED) -> ReceivedInstance:
    return ReceivedInstance(1e9, FACTS, CT, "1.2.3", EXPLICIT, str(path), 100, outcome)


def runner_of(commands: ReceivedCommands, folder: Path) -> tuple[CommandRunner, list[CommandEnded]]:
    told: list[CommandEnded] = []
    return CommandRunner(commands, folder, told.append), told


async def test_a_command_is_run_for_each_new_object(tmp_path: Path) -> None:
    path = write_instance(tmp_path, 1)
    words = ("{path}", "{folder}", "{calling_ae}", "{called_ae}", "{peer}", "{SOPInstanceUID}", "{PatientID}")
    runner, told = runner_of(ReceivedCommands(python(TELL, *words)), tmp_path)
    runner.received(instance(path))
    runner.received(instance(path, Outcome.DUPLICATE))
    runner.received("another event")
    await runner.close()
    [ended] = told
    assert (ended.exit_code, ended.problem) == (0, "")
    assert json.loads(ended.output)[:6] == [str(path), str(tmp_path), "CT1", "ME", "10.0.0.1:4000", "1.2.3"]
    assert ended.arguments[0] == sys.executable


async def test_a_study_is_complete_when_nothing_more_comes(tmp_path: Path) -> None:
    paths = [write_instance(tmp_path, number) for number in (1, 2)]
    code = "import sys; print(open(sys.argv[1]).read(), sys.argv[2:])"
    command = python(code, "{file_list}", "{count}", "{StudyInstanceUID}")
    runner, told = runner_of(ReceivedCommands(on_study=command, study_timeout_s=0.2), tmp_path)
    for path in paths:
        runner.received(instance(path))
    await reached(lambda: bool(told), "the study has ended")
    assert told[0].problem == ""
    assert all(str(path) in told[0].output for path in paths)
    assert "'2'" in told[0].output
    assert "{file_list}" in told[0].arguments
    await runner.close()
    assert len(told) == 1


async def test_a_study_that_is_open_is_complete_when_the_listener_stops(tmp_path: Path) -> None:
    path = write_instance(tmp_path, 1)
    runner, told = runner_of(ReceivedCommands(on_study=python("print(1)"), study_timeout_s=3600), tmp_path)
    runner.received(instance(path))
    await runner.close()
    assert [ended.output for ended in told] == ["1"]


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        (python("import sys; print('x' * 100_000); sys.exit(3)"), "it ended with code 3"),
        ("/no/such/program {path}", "it cannot be started"),
        (python("import time; time.sleep(600)"), "it took longer than 1 s and was ended"),
    ],
)
async def test_failures_are_told(tmp_path: Path, command: str, problem: str) -> None:
    path = write_instance(tmp_path, 1)
    runner, told = runner_of(ReceivedCommands(command, time_limit_s=1), tmp_path)
    runner.received(instance(path))
    await reached(lambda: bool(told), "it has ended")
    await runner.close()
    [ended] = told
    assert problem in ended.problem
    assert len(ended.output) <= command_runner.MAX_OUTPUT_BYTES


async def test_a_value_that_begins_like_an_option_is_not_given(tmp_path: Path) -> None:
    path = write_instance(tmp_path, 1)
    path.write_bytes(path.read_bytes().replace(b"INTEROP ", b"-INTEROP"))
    runner, told = runner_of(ReceivedCommands(python(TELL, "{PatientID}")), tmp_path)
    runner.received(instance(path))
    await runner.close()
    assert [(ended.exit_code, ended.arguments) for ended in told] == [(None, ())]
    assert told[0].problem.startswith("not run: PatientID '-INTEROP'")


async def test_what_is_too_much_is_left_out_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_runner, "MAX_WAITING", 1)
    path = write_instance(tmp_path, 1)
    runner, told = runner_of(ReceivedCommands(python("print(1)"), python("print(2)"), 3600), tmp_path)
    runner.received(instance(path))
    runner.received(instance(path))
    assert [ended.problem for ended in told] == ["too many commands wait: left out"]
    await runner.close()
    assert sorted(ended.output for ended in told) == ["", "1", "2"]


async def test_what_still_runs_at_the_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_runner, "STOP_S", 1.0)
    path = write_instance(tmp_path, 1)
    runner, told = runner_of(ReceivedCommands(python("import time; time.sleep(600)")), tmp_path)
    for _ in range(3):
        runner.received(instance(path))
    await asyncio.wait_for(runner.close(), 60)
    assert len(told) == 3
    assert all(ended.problem for ended in told)


async def test_a_file_that_is_gone_has_no_values(tmp_path: Path) -> None:
    runner, told = runner_of(ReceivedCommands(python(TELL, "{PatientID|none}"), "true"), tmp_path)
    runner.received(instance(tmp_path / "gone"))
    await runner.close()
    assert json.loads(told[0].output) == ["none"]
