"""The sources of the password of our TLS key."""

from __future__ import annotations

import getpass
import io
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers.certificates import Authority, Pair, encrypted_key

from dicomgui.app.credentials import Need
from dicomgui.cli import tls
from dicomgui.cli.main import main


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    made = Authority(tmp_path_factory.mktemp("ca")).issue()
    return Pair(made.cert, encrypted_key(made, "right"))


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No keyring and no terminal of whoever runs this."""
    monkeypatch.setattr(tls, "Keyring", lambda: SimpleNamespace(get=lambda _need: None))
    monkeypatch.setattr(sys, "stdin", io.StringIO())


def keep(monkeypatch: pytest.MonkeyPatch, **kept: str) -> None:
    monkeypatch.setattr(tls, "Keyring", lambda: SimpleNamespace(get=lambda need: kept.get(need.key)))


def type_in(monkeypatch: pytest.MonkeyPatch, text: str) -> list[str]:
    """A terminal where this is typed; gives what was asked."""
    asked: list[str] = []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return text

    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr(getpass, "getpass", ask)
    return asked


def tried(pair: Pair, *more: object) -> int:
    """Exit code of an echo to nobody: 3 where the key was opened."""
    return main(["echo", "X@127.0.0.1:1", "--tls", "--tls-cert", str(pair.cert), "--tls-key", str(pair.key),
                 "--timeout", "1", *map(str, more)])  # fmt: skip


def test_nothing_gives_it(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    assert tried(pair) == 2
    assert f"the TLS key {pair.key} is encrypted" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "opens"), [("right\n", True), ("wrong\n", False)])
def test_a_file(pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, opens: bool) -> None:
    file = tmp_path / "password"
    file.write_text(text, encoding="utf-8")
    code = tried(pair, "--tls-key-password-file", file)
    told = f"the TLS key {pair.key} does not open with this password" in capsys.readouterr().err
    assert (code != 2, told) == (opens, not opens)


def test_a_file_without_a_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "password"
    file.write_text("right", encoding="utf-8")
    assert main(["echo", "X@127.0.0.1:1", "--tls", "--tls-key-password-file", str(file)]) == 2
    assert "means nothing without a key" in capsys.readouterr().err
    assert main(["echo", "X@127.0.0.1:1", "--tls-key-password-file", str(file)]) == 2
    assert "means nothing without --tls" in capsys.readouterr().err


def test_the_keyring(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    key = Need.of_key(pair.key).key
    asked = type_in(monkeypatch, "right")
    keep(monkeypatch, **{key: "right"})
    assert tried(pair) != 2
    assert asked == []
    keep(monkeypatch, **{key: "an older one"})
    assert tried(pair) != 2
    assert asked == [f"Password of the key {pair.key}: "]


def test_the_terminal(pair: Pair, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked = type_in(monkeypatch, "wrong")
    assert tried(pair) == 2
    assert len(asked) == 1
    assert "does not open with this password" in capsys.readouterr().err
