"""The options of ``send``."""

from __future__ import annotations

import pytest

from dicomgui.app.files.conversion import SyntaxChoice
from dicomgui.app.transfers.send_manner import SendManner
from dicomgui.cli.main import build_parser, main
from dicomgui.cli.send_parsers import manner_of
from dicomgui.network import ConfigurationError


def given(*words: str) -> SendManner:
    return manner_of(build_parser().parse_args(["send", "PACS@127.0.0.1:104", "a.dcm", *words]))


def test_options_become_a_manner() -> None:
    assert given() == SendManner()
    told = given(
        "--associations",
        "3",
        "--per-association",
        "7",
        "--rename",
        "--context-per-syntax",
        "--transfer-syntax",
        "ImplicitVRLittleEndian",
        "--transfer-syntax",
        "1.2.840.10008.1.2.1",
    )
    syntaxes = SyntaxChoice(("1.2.840.10008.1.2", "1.2.840.10008.1.2.1"), separate=True)
    assert told == SendManner(3, 7, True, syntaxes)


@pytest.mark.parametrize("words", [("--associations", "0"), ("--per-association", "x"), ("--transfer-syntax", "no")])
def test_wrong_values_are_refused_at_once(words: tuple[str, str]) -> None:
    with pytest.raises(SystemExit):
        given(*words)


def test_too_many_associations_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="33 associations"):
        given("--associations", "33")


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("a.dcm", "--rename", "--repeat", "2"),
        ("--rename", "--invent", "patients=1"),
        ("a.dcm", "--set", "Nonsense=1"),
        ("a.dcm", "--set", "Rows=many"),
        ("--invent", "people=1"),
        ("a.dcm", "--repeat", "0"),
    ],
)
def test_what_cannot_be_sent_so_is_wrong_usage(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["send", "PACS@127.0.0.1:104", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "error: " in err
