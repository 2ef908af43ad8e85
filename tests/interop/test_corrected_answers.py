"""Odd values in the answers of an archive are marked, on the command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import peers
from helpers.command_line import dicomgui, events
from helpers.instances import write_instance
from pydicom import dcmread

ODD = "ODD"


def odd_file(folder: Path) -> Path:
    """An instance with a Latin-1 name, and no character set."""
    path = write_instance(folder, 1)
    data_set = dcmread(path)
    data_set.PatientID = ODD
    data_set.PatientName = "M~ller^Anna"
    if "SpecificCharacterSet" in data_set:
        del data_set.SpecificCharacterSet
    data_set.save_as(path)
    path.write_bytes(path.read_bytes().replace(b"M~ller^Anna", b"M\xfcller^Anna"))
    return path


@pytest.fixture(scope="module")
def dcmqrscp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[peers.Peer]:
    with peers.dcmqrscp(tmp_path_factory.mktemp("dcmqrscp") / "server") as peer:
        peers.fill(peer, [odd_file(tmp_path_factory.mktemp("odd"))])
        yield peer


@pytest.mark.interop("dcmqrscp", "storescu")
def test_corrections_are_told_in_text_and_json(dcmqrscp: peers.Peer) -> None:
    asked = ("find", dcmqrscp.address, "-k", f"PatientID={ODD}", "-r", "PatientName")
    done = dicomgui(*asked, "--json")
    assert done.returncode == 0, done.stderr
    match, *_, summary = events(done.stdout)
    assert match["corrections"] == [{"element": "PatientName", "code": "no-character-set"}]
    assert summary["corrections"] == {"no-character-set": 1}
    told = dicomgui(*asked)
    lines = told.stdout.decode().splitlines()
    assert "  corrected: PatientName no-character-set" in lines
    assert lines[-1] == "corrected: no-character-set 1"
