"""The parser: what is accepted, what is refused with code 2, and where it leads."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from dicomgui.cli import main as module
from dicomgui.cli.main import build_parser, main

PEER = "PACS@127.0.0.1:104"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["echo"],
        ["echo", "no-address"],
        ["echo", "THIS_TITLE_IS_TOO_LONG@host"],
        ["echo", "A@host:99999"],
        ["echo", PEER, "--repeat", "0"],
        ["echo", PEER, "--repeat", "-1"],
        ["echo", PEER, "--repeat", "x"],
        ["echo", PEER, "--timeout", "0"],
        ["echo", PEER, "--timeout", "nan"],
        ["echo", PEER, "--timeout", "soon"],
        ["echo", PEER, "--max-pdu", "7"],
        ["echo", PEER, "--max-pdu", "many"],
        ["echo", PEER, "--calling", ""],
        ["echo", PEER, "--rep", "3"],
        ["echo", PEER, "extra"],
        ["listen"],
        ["listen", "--dir", "x", "--port", "65536"],
        ["listen", "--dir", "x", "--aet", "back\\slash"],
        ["trace"],
        ["trace", "nonsense"],
        ["trace", "show"],
        ["trace", "export", "x"],
        ["trace", "decode", "--kind", "cake"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_code_2_and_says_why(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "usage: dicomgui" in err


def test_a_wrong_argument_cannot_act_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["echo", "A@\x1b[2J"]) == 2
    assert "\x1b" not in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--help"], ["echo", "--help"], ["trace", "decode", "-h"], ["--version"]])
def test_help_and_version_are_no_failures(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    assert "dicomgui" in capsys.readouterr().out


def test_help_names_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--help"])
    out = capsys.readouterr().out
    assert all(f"\n  {code} " in out for code in (0, 1, 2, 3, 4, 130))


def test_values_are_read() -> None:
    options = build_parser().parse_args(
        ["echo", "PACS@[::1]:11112", "--calling", " ME ", "--timeout", "2.5", "--max-pdu", "0", "--repeat", "9", "-v"]
    )
    assert str(options.peer) == "PACS@[::1]:11112"
    assert (options.calling, options.timeout, options.max_pdu, options.repeat) == ("ME", 2.5, 0, 9)
    assert options.verbose
    assert not options.json


def test_the_port_is_104_where_none_is_given() -> None:
    assert build_parser().parse_args(["echo", "PACS@host"]).peer.port == 104


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["echo", PEER, "--tls-insecure"], "--tls-insecure means nothing without --tls"),
        (["listen", "--dir", "x", "--tls-client-auth", "verify"], "--tls-client-auth means nothing without --tls"),
        (["echo", PEER, "--tls", "--tls-ca", "missing.pem"], "missing.pem cannot be read"),
        (["send", PEER, "x", "--tls", "--tls-profile", "ssl3"], "no TLS profile"),
        (["listen", "--dir", "x", "--tls"], "needs a certificate"),
    ],
)
def test_unusable_tls_is_wrong_usage(
    arguments: list[str],
    text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").mkdir()
    assert main(arguments) == 2
    assert text in capsys.readouterr().err


def test_a_listener_is_private_unless_told_otherwise() -> None:
    options = build_parser().parse_args(["listen", "--dir", "x"])
    assert (options.host, options.port, options.aet) == ("127.0.0.1", 11112, "DICOMGUI")
    assert not options.no_fsync


def test_a_command_gives_its_code_and_a_cancel_is_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[argparse.Namespace] = []

    def run(options: argparse.Namespace) -> int:
        asked.append(options)
        if options.repeat == 2:
            raise KeyboardInterrupt
        return 3

    monkeypatch.setattr("dicomgui.cli.commands.echo", run)
    assert main(["echo", PEER]) == 3
    assert main(["echo", PEER, "--repeat", "2"]) == 130
    assert len(asked) == 2
    assert "cancelled" in capsys.readouterr().err


def test_the_arguments_of_the_process_are_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["dicomgui", "--version"])
    assert module.main() == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["listen", "--dir", "d"],
        ["practice"],
        ["get", "A@h:1", "-k", "StudyInstanceUID=1", "--out", "d"],
        ["move", "A@h:1", "-k", "StudyInstanceUID=1", "--to", "B", "--listen", "1", "--out", "d"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_whatever_receives_can_be_told_how_strictly(arguments: list[str]) -> None:
    assert build_parser().parse_args(arguments).strictness == "strict"
    for choice in ("strict", "warn", "any"):
        assert build_parser().parse_args([*arguments, "--strictness", choice]).strictness == choice


INTERRUPTED = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
sys.argv = ["dicomgui", "echo", "A@127.0.0.1:1"]
from dicomgui.__main__ import main
sys.exit(main())
"""


@pytest.mark.parametrize("loaded", ["dicomgui.app.collector", "dicomgui.cli.main", "dicomgui.cli.commands"])
def test_ctrl_c_while_modules_load_ends_without_a_traceback(loaded: str) -> None:
    script = INTERRUPTED.format(module=loaded)
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "cancelled\n")
