"""The options of a send, held against what foreign archives have kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers import peers
from helpers.instances import instance_of, write_instance


def sent_by(*arguments: object) -> tuple[str, ...]:
    return ("python", "-m", "dicomgui", "send", *map(str, arguments))


@pytest.mark.interop("dcmqrscp")
async def test_associations_side_by_side_bring_everything_to_dcmqrscp(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    files = [write_instance(folder, number) for number in range(12)]
    report = tmp_path / "report.json"
    with peers.dcmqrscp(tmp_path / "archive") as peer:
        command = sent_by(peer.address, folder, "--associations", 3, "--per-association", 2, "--report", report)
        done = await peers.run(*command, "--json", cwd=peers.SOURCE)
        assert done.code == 0, str(done)
        kept = {
            instance_of(path)
            for path in peer.folder.rglob("*")
            if path.is_file() and path.stat().st_size > 400 and path.read_bytes()[128:132] == b"DICM"
        }
    assert kept == {instance_of(file) for file in files}
    lines = json.loads(report.read_text())
    assert [line["path"] for line in lines] == sorted(str(file) for file in files)
    assert len({line["association"] for line in lines}) >= 6
