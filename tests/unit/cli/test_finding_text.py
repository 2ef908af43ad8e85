from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator

import pytest
from helpers.failures import RECORDED

from dicomgui.cli.finding_text import evidence_lines, option_lines, records_shown
from dicomgui.cli.main import build_parser
from dicomgui.network.tracing import Record
from dicomgui.trace.diagnosis.diagnose import diagnose
from dicomgui.trace.finding import Action, ActionKind, Finding, Severity


def lines_of(code: str) -> tuple[str, ...]:
    records: list[Record] = list(RECORDED[code]())
    findings = [finding for finding in diagnose(records) if finding.code == code]
    return evidence_lines(findings[0], records_shown(findings, records))


def test_evidence_is_a_row_and_its_bytes() -> None:
    rejection, title = lines_of("rejected-called-ae")
    assert rejection == "row 3, A-ASSOCIATE-RJ, bytes 7 to 9: 01 01 07"
    assert title.startswith("row 2, A-ASSOCIATE-RQ, bytes 10 to 25: 50 41 43 53 20")


def test_bytes_that_are_no_pdu_and_records_without_bytes() -> None:
    (line,) = lines_of("not-dicom-ssh")
    assert line == "row 3, bytes, bytes 0 to 15: 53 53 48 2d 32 2e 30 2d 4f 70 65 6e 53 53 48 5f"
    assert lines_of("closed-port") == ("row 1, connect",)
    message, status = lines_of("store-out-of-resources")
    assert message == "row 5, DIMSE message"
    assert status.endswith(": 00 00 00 09 02 00 00 00 00 a7")


def test_a_record_that_is_not_there_has_its_number_only() -> None:
    (finding,) = diagnose(RECORDED["closed-port"]())
    assert evidence_lines(finding, {}) == ("row 1",)


def test_what_the_command_line_can_do() -> None:
    actions = (
        Action(ActionKind.TRY_AE, "Try PACS1", "PACS1"),
        Action(ActionKind.EDIT_NODE, "Edit the node"),
        Action(ActionKind.RETRY_TLS, "Retry with TLS"),
    )
    finding = Finding("x", Severity.ERROR, "What.", actions=actions)
    assert option_lines(finding) == ("the same to PACS1@host:port", "the same with --tls")


CALLING = ("echo", "send", "find", "worklist", "move", "get", "n-get", "n-set", "n-create", "n-action", "n-delete")
COMMANDS = {
    ActionKind.SEND_DECOMPRESSED: ("send",),
    ActionKind.OTHER_ROOT: ("find", "move", "get"),
    ActionKind.NEXT_PORT: ("listen", "practice"),
}
"""Which commands a finding with this action can come from; the others from whatever calls a peer."""
INSTANCE = ("--class", "1.2", "--instance", "1.2.3")
NEEDS = {
    "send": ("file.dcm",), "move": ("--to", "ME"), "get": ("--out", "FOLDER"), "listen": ("--dir", "FOLDER"),
    "n-get": INSTANCE, "n-set": (*INSTANCE, "--dataset", "-"), "n-create": INSTANCE, "n-delete": INSTANCE,
    "n-action": (*INSTANCE, "--action", "1"),
}  # fmt: skip


def command_lines(kind: ActionKind) -> Iterator[list[str]]:
    """What a person types who follows the advice, for each command that it is given after."""
    (advice,) = option_lines(Finding("x", Severity.ERROR, "What.", actions=(Action(kind, "Label", "4711"),)))
    if advice.startswith("dicomgui "):
        command, _, others = advice.removeprefix("dicomgui ").partition(", with the same keys and ")
        yield [command, "PACS@host", "-k", "PatientID=1", *shlex.split(others)]
        return
    way, _, told = advice.removeprefix("the same ").partition(" ")
    for command in COMMANDS.get(kind, CALLING):
        peer = (
            [told.replace("port", "104")] if way == "to" else [] if command in ("listen", "practice") else ["PACS@host"]
        )
        options = re.split(r",? or ", told) if way == "with" else [""]
        for option in options:
            yield [command, *shlex.split(option), *peer, *NEEDS.get(command, ())]


@pytest.mark.parametrize("kind", [kind for kind in ActionKind if option_lines(
    Finding("x", Severity.ERROR, "What.", actions=(Action(kind, "Label", "4711"),))
)])  # fmt: skip
def test_what_is_advised_is_understood(kind: ActionKind) -> None:
    for arguments in command_lines(kind):
        build_parser().parse_args(arguments)


@pytest.mark.parametrize("code", RECORDED)
def test_every_option_in_a_sentence_is_one_of_ours(code: str) -> None:
    known = set(known_options(build_parser()))
    for finding in diagnose(RECORDED[code]()):
        for sentence in (finding.what, *finding.causes, *finding.tries):
            assert set(re.findall(r"--[a-z][a-z-]+", sentence)) <= known


def known_options(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from known_options(below)
