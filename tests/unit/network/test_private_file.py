"""Files of secrets have mode 0600 before anything is in them, also where they were there with a wider one."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dicomgui.network.errors import ConfigurationError
from dicomgui.network.private_file import open_private
from dicomgui.network.transport.tls import TlsConfig
from dicomgui.trace.file import TraceWriter
from dicomgui.trace.pcap import export_pcapng

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a file there has the rights of its folder")

_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    """Whoever starts us may have asked for files that everybody can read and write."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture(params=[None, 0o644, 0o666, 0o640], ids=["new", "644", "666", "640"])
def secret(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Where a secret is to go: nothing is there, or a file with a wider mode."""
    path = tmp_path / "secret"
    if request.param is not None:
        path.touch()
        path.chmod(request.param)
    return path


def test_it_is_narrow_before_anything_is_written(secret: Path) -> None:
    descriptor = open_private(secret, _APPEND)
    assert mode_of(secret) == 0o600
    os.close(descriptor)


def test_the_key_log(secret: Path) -> None:
    TlsConfig(verify="none", keylog_file=secret).client_context()
    assert mode_of(secret) == 0o600


def test_what_the_key_log_held_stays(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text("# of another program\n")
    path.chmod(0o664)
    TlsConfig(verify="none", keylog_file=path).client_context()
    assert (mode_of(path), path.read_text().splitlines()[0]) == (0o600, "# of another program")


def test_a_trace_and_a_capture(secret: Path) -> None:
    TraceWriter(secret).close()
    assert mode_of(secret) == 0o600
    secret.chmod(0o644)
    export_pcapng([], secret)
    assert mode_of(secret) == 0o600


def test_a_trace_that_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "day.dgtrace"
    TraceWriter(path).close()
    path.chmod(0o664)
    TraceWriter(path, append=True).close()
    assert mode_of(path) == 0o600


@pytest.mark.parametrize("write", [lambda path: TraceWriter(path).close(), lambda path: export_pcapng([], path)])
def test_behind_a_link(tmp_path: Path, write: object) -> None:
    assert callable(write)
    path, link = tmp_path / "file", tmp_path / "link"
    path.touch(mode=0o666)
    link.symlink_to(path)
    write(link)
    assert mode_of(path) == 0o600


def test_a_pipe_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path, 0o644)
    os.close(open_private(path, os.O_RDWR))
    assert mode_of(path) == 0o644


def test_nothing_is_written_where_it_cannot_be_narrowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_descriptor: int, _mode: int) -> None:
        raise PermissionError(1, "Operation not permitted")  # as for a file of another user

    path = tmp_path / "keys"
    path.touch()
    path.chmod(0o666)
    monkeypatch.setattr(os, "fchmod", refuse)
    with pytest.raises(ConfigurationError, match="cannot be written: Operation not permitted"):
        TlsConfig(verify="none", keylog_file=path).client_context()
    assert path.read_bytes() == b""
