"""Several queries, identifiers out of files, repeating and aborting, beside DCMTK's and pynetdicom's peers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import peers, print_peers
from helpers.command_line import dicomgui, events
from helpers.instances import elements
from helpers.retrieval import CR_STUDY, CT_STUDY, DOE, kept_in, real_files
from pydicom import dcmread
from pydicom.dataset import Dataset

from dicomgui.network.pdu import PduType
from dicomgui.network.tracing import DimseRecord, PduRecord
from dicomgui.trace.file import read_trace

C_FIND, N_GET = 0x0020, 0x0110


@pytest.fixture(scope="module")
def dcmqrscp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[peers.Peer]:
    with peers.dcmqrscp(tmp_path_factory.mktemp("dcmqrscp") / "server") as peer:
        peers.fill(peer, real_files())
        yield peer


def written(path: Path, **values: Any) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(elements(**values).to_json())
    return path


def sent_in(trace: Path, kind: int) -> int:
    return sum(type(one) is DimseRecord and one.command_field == kind for one in read_trace(trace))


def pdus_in(trace: Path, kind: PduType) -> int:
    return sum(type(one) is PduRecord and one[4] == kind for one in read_trace(trace))


@pytest.mark.interop("dcmqrscp", "storescu")
def test_each_file_is_a_query_on_one_association(dcmqrscp: peers.Peer, tmp_path: Path) -> None:
    folder = tmp_path / "queries"
    first = written(folder / "a.json", StudyInstanceUID=CT_STUDY, PatientName="")
    second = written(folder / "b.json", StudyInstanceUID=CR_STUDY, PatientName="")
    none = written(tmp_path / "none.json", StudyInstanceUID="1.2.3")
    trace = tmp_path / "trace.dgtrace"
    done = dicomgui("find", dcmqrscp.address, "--query", folder, "--query", none, "--trace", trace, "--json")
    assert done.returncode == 0, done.stderr
    told = events(done.stdout)
    matches = {one["query"]: one["dataset"]["0020000D"]["Value"] for one in told if one["event"] == "match"}
    assert matches == {str(first): [CT_STUDY], str(second): [CR_STUDY]}
    ends = [one for one in told if one["event"] == "queried"]
    assert [(one["query"], one["matches"], one["exit_code"]) for one in ends] == [
        (str(first), 1, 0), (str(second), 1, 0), (str(none), 0, 0),
    ]  # fmt: skip
    assert {one["association"] for one in ends} == {1}
    assert (told[-1]["queries"], told[-1]["matches"], told[-1]["ok"]) == (3, 2, True)
    assert sent_in(trace, C_FIND) == 3
    assert pdus_in(trace, PduType.ASSOCIATE_RQ) == pdus_in(trace, PduType.RELEASE_RQ) == 1


@pytest.mark.interop("dcmqrscp", "storescu")
def test_a_query_that_finds_nothing_is_one_of_two(dcmqrscp: peers.Peer, tmp_path: Path) -> None:
    bad = written(tmp_path / "a.json", PatientName="A" * 40, PatientID="1")
    good = written(tmp_path / "b.json", PatientID=DOE, StudyInstanceUID="")
    done = dicomgui(
        "find", dcmqrscp.address, "--root", "patient", "--query", bad, "--query", good, "--json"
    )  # fmt: skip
    ends = [one for one in events(done.stdout) if one["event"] == "queried"]
    assert [(one["query"], one["matches"]) for one in ends] == [(str(bad), 0), (str(good), 2)]
    assert done.returncode == max(one["exit_code"] for one in ends)


@pytest.mark.interop("dcmqrscp", "storescu")
@pytest.mark.parametrize(("level", "count"), [("study", 2), ("series", 4), ("image", 7)])
def test_identifiers_of_files_are_asked_for_once(dcmqrscp: peers.Peer, tmp_path: Path, level: str, count: int) -> None:
    files = [*real_files(CT_STUDY), *real_files(CR_STUDY)]
    given = [part for path in [*files, *files[:2]] for part in ("--ids-from", path)]
    done = dicomgui("find", dcmqrscp.address, "--level", level, *given, "--json")
    assert done.returncode == 0, done.stderr
    keyword = {"study": "0020000D", "series": "0020000E", "image": "00080018"}[level]
    found = [one["dataset"][keyword]["Value"][0] for one in events(done.stdout) if one["event"] == "match"]
    assert len(found) == len(set(found)) == count
    tag = int(keyword, 16)
    assert set(found) == {str(dcmread(path)[tag].value) for path in files}


@pytest.mark.interop("dcmqrscp", "storescu")
def test_what_files_name_is_fetched(dcmqrscp: peers.Peer, tmp_path: Path) -> None:
    one, other = real_files(CT_STUDY)[0], real_files(CR_STUDY)[0]
    done = dicomgui(
        "get", dcmqrscp.address, "--level", "image", "--ids-from", one, "--ids-from", other, "--out", tmp_path / "in",
        "--json",
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert set(kept_in(tmp_path / "in")) == {str(dcmread(path).SOPInstanceUID) for path in (one, other)}
    ends = [one for one in events(done.stdout) if one["event"] == "queried"]
    assert [(one["query"], one["completed"]) for one in ends] == [
        ("identifiers 1 of 2", 1), ("identifiers 2 of 2", 1),
    ]  # fmt: skip


@pytest.mark.interop("dcmqrscp", "storescu")
def test_files_say_what_is_fetched_and_each_has_its_result(dcmqrscp: peers.Peer, tmp_path: Path) -> None:
    good = written(tmp_path / "a.json", StudyInstanceUID=CT_STUDY)
    none = written(tmp_path / "b.json", PatientID="NOBODY")
    done = dicomgui(
        "get", dcmqrscp.address, "--query", good, "--query", none, "--out", tmp_path / "in", "--json"
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout, done.stderr)
    ends = [one for one in events(done.stdout) if one["event"] == "queried"]
    assert [(one["query"], one["completed"]) for one in ends] == [(str(good), 4), (str(none), 0)]


@pytest.mark.interop("dcmqrscp", "storescu")
def test_queries_and_retrievals_are_repeated_and_aborted(dcmqrscp: peers.Peer, tmp_path: Path) -> None:
    trace = tmp_path / "find.dgtrace"
    key = ("-k", f"StudyInstanceUID={CT_STUDY}", "--repeat", 3, "--abort", "--json")
    done = dicomgui("find", dcmqrscp.address, *key, "--trace", trace)
    assert done.returncode == 0, done.stderr
    assert [one["matches"] for one in events(done.stdout) if one["event"] == "queried"] == [1, 1, 1]
    assert sent_in(trace, C_FIND) == 3
    assert (pdus_in(trace, PduType.ABORT), pdus_in(trace, PduType.RELEASE_RQ)) == (1, 0)
    got = dicomgui("get", dcmqrscp.address, *key, "--out", tmp_path / "in")
    assert got.returncode == 0, (got.stdout, got.stderr)
    summary = events(got.stdout)[-1]
    assert (summary["requests"], summary["arrived"], summary["deliveries"]) == (3, 4, 12)


@pytest.mark.interop("wlmscpfs")
def test_a_worklist_is_repeated(tmp_path: Path) -> None:
    step = elements(Modality="CT", ScheduledStationAETitle="S", ScheduledProcedureStepStartDate="20240229",
                    ScheduledProcedureStepStartTime="08", ScheduledProcedureStepID="1",
                    ScheduledPerformingPhysicianName="C", ScheduledProcedureStepDescription="H")  # fmt: skip
    item: Dataset = elements(
        PatientName="Doe", PatientID="1", PatientBirthDate="19700101", PatientSex="F", AccessionNumber="1",
        StudyInstanceUID="1.2.3", RequestedProcedureID="1", RequestedProcedureDescription="H",
        ScheduledProcedureStepSequence=[step],
    )  # fmt: skip
    trace = tmp_path / "trace.dgtrace"
    with peers.wlmscpfs(tmp_path / "server", [item], "-csk") as peer:
        done = dicomgui("worklist", peer.address, "-k", "PatientID=1", "--repeat", 2, "--trace", trace, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["matches"] == 2
    assert (sent_in(trace, C_FIND), pdus_in(trace, PduType.ASSOCIATE_RQ)) == (2, 1)


@pytest.mark.interop("dcmprscp")
def test_a_normalized_request_is_repeated_and_aborted(tmp_path: Path) -> None:
    trace = tmp_path / "trace.dgtrace"
    with print_peers.dcmprscp(tmp_path / "server") as peer:
        done = dicomgui(
            "n-get", peer.address, "--class", "Printer", "--instance", "1.2.840.10008.5.1.1.17",
            "--context", "BasicGrayscalePrintManagementMeta", "--repeat", 3, "--abort", "--trace", trace, "--json",
        )  # fmt: skip
    assert done.returncode == 0, (done.stdout, done.stderr)
    told = events(done.stdout)
    assert [one["status"] for one in told if one["event"] == "response"] == [0, 0, 0]
    assert told[-1]["requests"] == 3
    assert sent_in(trace, N_GET) == 3
    assert (pdus_in(trace, PduType.ABORT), pdus_in(trace, PduType.RELEASE_RQ)) == (1, 0)
