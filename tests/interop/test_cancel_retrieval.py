"""Retrievals of DCMTK's archive that cancel themselves after a number of sub-operations or a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import peers
from helpers.command_line import dicomgui, events
from helpers.retrieval import CR_STUDY, CT_STUDY, DOE, data_sets, real_files

from dicomgui.network.tracing import DimseRecord
from dicomgui.trace.file import read_trace

TO = "CLI"
CANCEL = 0x0FFF


@pytest.fixture(scope="module")
def port() -> int:
    """The port at which the archive knows CLI to be."""
    return peers.free_port()


@pytest.fixture(scope="module")
def dcmqrscp(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[peers.Peer]:
    folder = tmp_path_factory.mktemp("dcmqrscp") / "server"
    with peers.dcmqrscp(folder, destinations={TO: port}) as peer:
        peers.fill(peer, real_files())
        yield peer


def commands_in(path: Path) -> list[int]:
    return [record.command_field for record in read_trace(path) if type(record) is DimseRecord]


@pytest.mark.interop("dcmqrscp", "storescu")
@pytest.mark.parametrize("verb", ["get", "move"])
def test_after_a_number_of_sub_operations(dcmqrscp: peers.Peer, port: int, tmp_path: Path, verb: str) -> None:
    way = ("--out", tmp_path / "in") if verb == "get" else ("--to", TO, "--listen", port, "--out", tmp_path / "in")
    done = dicomgui(
        verb, dcmqrscp.address, "-k", f"PatientID={DOE}", "-k", "StudyDate=", *way,
        "--cancel-after", 1, "--trace", tmp_path / "trace.dgtrace", "--json",
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout, done.stderr)
    results = [one for one in events(done.stdout) if one["event"] == "retrieved"]
    assert {one["keys"]["StudyInstanceUID"] for one in results} == {CR_STUDY, CT_STUDY}
    assert "cancelled" in {one["state"] for one in results}
    summary = events(done.stdout)[-1]
    assert 1 <= summary["arrived"] < 7
    assert len(data_sets((tmp_path / "in").rglob("*.dcm"))) == summary["arrived"]
    assert any("after 1 completed sub-operation" in note for note in summary["notes"])


@pytest.mark.interop("dcmqrscp", "storescu")
def test_a_number_that_is_not_reached_changes_nothing(dcmqrscp: peers.Peer, tmp_path: Path) -> None:
    done = dicomgui(
        "get", dcmqrscp.address, "-k", f"StudyInstanceUID={CT_STUDY}", "--out", tmp_path / "in",
        "--cancel-after", 40, "--cancel-after-ms", 600_000, "--trace", tmp_path / "trace.dgtrace", "--json",
    )  # fmt: skip
    assert done.returncode == 0
    summary = events(done.stdout)[-1]
    assert (summary["arrived"], summary["cancelled"]) == (4, False)
    assert CANCEL not in commands_in(tmp_path / "trace.dgtrace")
