from __future__ import annotations

import pytest

from dicomgui.app.configuration.received_commands import (
    OBJECT_NAMES,
    STUDY_NAMES,
    ArgumentRefused,
    CommandLine,
    ReceivedCommands,
)
from dicomgui.network import ConfigurationError

PATIENT = 0x00100020


def test_the_text_is_split_once_and_values_stay_in_their_argument() -> None:
    line = CommandLine.parse("tool 'a b' --id={PatientID} {PatientID}.x {path} {calling_ae}", OBJECT_NAMES)
    values = {PATIENT: '1 2\'; rm -rf "$HOME" `id` {path}\n\0'}
    others = {"path": "/in/a b.dcm", "calling_ae": "CT 1"}
    said = '1 2\'; rm -rf "$HOME" `id` {path}__'
    assert line.filled(others, values) == ["tool", "a b", f"--id={said}", f"{said}.x", "/in/a b.dcm", "CT 1"]


@pytest.mark.parametrize("value", ["-rf", "+x", "@options", "/etc/passwd", "\\\\host\\x"])
def test_a_value_never_becomes_an_option_or_a_file(value: str) -> None:
    with pytest.raises(ArgumentRefused, match="read as an option"):
        CommandLine.parse("tool {PatientID}", OBJECT_NAMES).filled({}, {PATIENT: value})
    assert CommandLine.parse("tool --id={PatientID}", OBJECT_NAMES).filled({}, {PATIENT: value})[1] == f"--id={value}"


def test_a_missing_value_is_the_default_or_nothing_and_a_long_one_is_cut() -> None:
    line = CommandLine.parse("tool {PatientID|none} {PatientName}", STUDY_NAMES)
    assert line.filled({}, {}) == ["tool", "none", ""]
    assert len(line.filled({}, {PATIENT: "9" * 5_000})[1]) == 256


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("'open", "cannot be split"),
        ("  ", "is empty"),
        ("{PatientID} x", "program's name has a placeholder"),
        ("C:/tools/run.bat {path}", "batch file"),
        ("run.cmd. x", "batch file"),
        ("cmd.exe /c del {path}", "read values as commands"),
        ("ssh host store {PatientID}", "read values as commands"),
        ("sh -c 'rm {PatientID}'", "read values as commands"),
        ("/bin/bash -c -x 'rm {PatientID}'", "read values as commands"),
        ("bash -ec {PatientID}", "read values as commands"),
        ("env sh -c 'x {PatientID}'", "read values as commands"),
        ("python3 -c print('{PatientID}')", "read values as commands"),
        ("tool {Nonsense}", "no attribute"),
        ("tool {file_list}", "no attribute"),
    ],
)
def test_what_could_run_a_value_is_refused(text: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        CommandLine.parse(text, OBJECT_NAMES)


@pytest.mark.parametrize(
    "text", ["sh -c 'cp \"$1\" /in' sh {path}", "bash script.sh {path} --id={PatientID}", "python x.py {PatientID}"]
)
def test_a_script_may_have_values_for_arguments(text: str) -> None:
    assert CommandLine.parse(text, OBJECT_NAMES).wanted in ({}, {PATIENT: "LO"})


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), 86_401.0])
def test_times_are_judged(seconds: float) -> None:
    with pytest.raises(ConfigurationError, match="no time to wait"):
        ReceivedCommands(study_timeout_s=seconds)
    with pytest.raises(ConfigurationError, match="no time to wait"):
        ReceivedCommands(time_limit_s=seconds)
    assert not ReceivedCommands(" ", "").has_any
