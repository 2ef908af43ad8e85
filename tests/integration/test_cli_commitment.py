"""``dicomgui send --commit`` in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import peers
from helpers.command_line import Listening, dicomgui, events
from helpers.retrieval import CT_STUDY, real_files

FILES = real_files(CT_STUDY)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[str]:
    """A listener of ours that also answers for what it has."""
    with Listening(tmp_path, "--commit", "same") as listener:
        yield f"DICOMGUI@127.0.0.1:{listener.port}"


def test_what_was_sent_is_committed(archive: str) -> None:
    done = dicomgui("send", archive, *FILES, "--commit", "--json")
    assert done.returncode == 0, done.stderr
    [told] = [one for one in events(done.stdout) if one["event"] == "commitment"]
    assert (told["ok"], told["committed"], told["failed"]) == (True, len(FILES), [])
    assert told["way"] == "on the same association"


def test_a_port_for_the_answer_is_opened(archive: str) -> None:
    done = dicomgui("send", archive, FILES[0], "--commit-listen", peers.free_port())
    assert done.returncode == 0, done.stderr
    assert b"the peer answers for all 1 instance" in done.stdout


def test_a_peer_without_commitment_is_a_refusal(tmp_path: Path) -> None:
    with Listening(tmp_path) as listener:
        done = dicomgui("send", f"DICOMGUI@127.0.0.1:{listener.port}", FILES[0], "--commit")
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert b"sent 1 of 1" in done.stdout
