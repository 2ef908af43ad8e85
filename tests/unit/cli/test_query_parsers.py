"""The options of the commands that query and retrieve."""

from __future__ import annotations

import pytest

from dicomgui.cli.main import build_parser, main

PEER = "PACS@127.0.0.1:104"
CLASS = ("--class", "1.2.3")


@pytest.mark.parametrize(
    "arguments",
    [
        ["find"],
        ["find", PEER, "--level", "frame"],
        ["find", PEER, "--root", "worklist"],
        ["find", PEER, "-k", "Nonsense=1"],
        ["find", PEER, "-k", "Modality[0]=1"],
        ["find", PEER, "-r", "PatientID=1"],
        ["find", PEER, "--limit", "0"],
        ["find", PEER, "--lev", "study"],
        ["worklist", PEER, "--level", "study"],
        ["move", PEER, "-k", "PatientID=1"],
        ["move", PEER, "--to", "SEVENTEEN_LETTERS", "-k", "PatientID=1"],
        ["move", PEER, "--to", "ME", "--listen", "70000"],
        ["get", PEER, "-k", "PatientID=1"],
        ["get", PEER, "--out", "x", "-r", "PatientID"],
        ["n-create", PEER],
        ["n-get", PEER, *CLASS, "--dataset", "x.json"],
        ["n-get", PEER, *CLASS, "--attribute", "Nonsense"],
        ["n-set", PEER, *CLASS, "--instance", "1.2"],
        ["n-action", PEER, *CLASS, "--instance", "1.2"],
        ["n-action", PEER, *CLASS, "--action", "65536"],
        ["n-action", PEER, *CLASS, "--event", "1"],
        ["n-event-report", PEER, *CLASS],
        ["n-delete", PEER, *CLASS, "--action", "1"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_code_2_and_says_why(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "usage: dicomgui" in err


@pytest.mark.parametrize(
    "command",
    ["find", "worklist", "move", "get", "n-create", "n-set", "n-get", "n-action", "n-event-report", "n-delete"],
)
def test_every_command_has_help_and_the_shared_options(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    out = capsys.readouterr().out
    for option in ("--calling", "--timeout", "--max-pdu", "--trace", "--json", "--tls", "--user", "--async-ops"):
        assert option in out


def test_keys_are_read() -> None:
    options = build_parser().parse_args(
        ["find", PEER, "--level", "series", "--root", "patient", "-k", "PatientName=DOE*", "--key", "(0010,0020)=1",
         "-r", "StudyDate", "--return", "StudyID", "--limit", "7"]
    )  # fmt: skip
    assert (options.level, options.root, options.limit) == ("series", "patient", 7)
    assert [str(key) for key in options.keys] == ["PatientName=DOE*", "PatientID=1"]
    assert [key.name for key in options.returned] == ["StudyDate", "StudyID"]


def test_two_commands_do_not_share_their_keys() -> None:
    parser = build_parser()
    parser.parse_args(["find", PEER, "-k", "PatientID=1"])
    assert parser.parse_args(["find", PEER]).keys == []
    assert parser.parse_args(["n-get", PEER, *CLASS]).attributes == []


def test_normalized_operations_are_read() -> None:
    options = build_parser().parse_args(
        ["n-action", PEER, *CLASS, "--instance", "1.2", "--action", "3", "--context", "1.4", "--dataset", "-"]
    )
    assert (options.operation, options.sop_class, options.instance) == ("n-action", "1.2.3", "1.2")
    assert (options.type_id, options.context, options.dataset) == (3, "1.4", "-")
    event = build_parser().parse_args(["n-event-report", PEER, *CLASS, "--event", "2"])
    assert event.type_id == 2
    read = build_parser().parse_args(["n-get", PEER, *CLASS, "--attribute", "PatientID", "--attribute", "0008,0005"])
    assert [attribute.tag for attribute in read.attributes] == [0x00100020, 0x00080005]
