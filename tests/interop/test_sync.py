"""The blocking client and the server in a thread with DCMTK: the same verbs without a loop."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import peers
from helpers.retrieval import (
    CR_STUDY,
    CT_STUDY,
    DOE,
    ENDLESS,
    Archive,
    data_sets,
    identifier,
    kept_in,
    real_files,
)

from dicomgui.network import FolderTarget, Handlers, SyncClient, SyncServer, presets

CT, CR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.1"


@pytest.mark.interop("dcmqrscp", "storescu")
def test_find_move_and_get_of_dcmqrscp_without_a_loop(tmp_path: Path) -> None:
    target = FolderTarget(tmp_path / "moved")
    receiving = Handlers(open_sink=target.open_sink, on_store=target.on_store)
    with (
        SyncServer.serve(port=0, ae_title="RECEIVER", handlers=receiving) as receiver,
        peers.dcmqrscp(tmp_path / "dcmqrscp", destinations={"RECEIVER": receiver.port}) as peer,
    ):
        peers.fill(peer, real_files())
        contexts = presets.QUERY[:2] + presets.for_get((CT, CR))
        with SyncClient.connect(peer.address, contexts=contexts) as assoc:
            with assoc.find(identifier("STUDY", PatientID=DOE, StudyInstanceUID="")) as found:
                assert {match.dataset.StudyInstanceUID for match in found} == {CR_STUDY, CT_STUDY}
            assert found.result().status == 0
            with assoc.get(identifier("STUDY", StudyInstanceUID=CR_STUDY), into=tmp_path / "got") as got:
                assert [progress.completed for progress in got] == [1, 2, 3]
            moved = assoc.move(identifier("STUDY", StudyInstanceUID=CT_STUDY), destination="RECEIVER").result()
            assert moved.status == 0
    assert kept_in(tmp_path / "got") == data_sets(real_files(CR_STUDY))
    assert kept_in(tmp_path / "moved") == data_sets(real_files(CT_STUDY))


@pytest.mark.interop("findscu", "getscu")
def test_find_and_get_from_findscu_and_getscu_in_a_thread(tmp_path: Path) -> None:
    archive = Archive(real_files())
    with SyncServer.serve(port=0, ae_title="PACS", handlers=archive.handlers()) as server:
        common = ("-v", "-S", "-aec", "PACS", "-k", "QueryRetrieveLevel=STUDY")
        found = peers.run_here("findscu", *common, "-k", f"PatientID={DOE}", peers.LOOPBACK, server.port)
        assert found.output.count("Find Response:") == 2, str(found)
        endless = ("-k", f"PatientID={ENDLESS}", "--cancel", 3)
        cancelled = peers.run_here("findscu", *common, *endless, peers.LOOPBACK, server.port)
        assert "MatchingTerminatedDueToCancelRequest" in cancelled.output, str(cancelled)[-2000:]
        wanted = ("-k", f"StudyInstanceUID={CT_STUDY}", "+B", "-od", tmp_path)
        got = peers.run_here("getscu", *common, *wanted, peers.LOOPBACK, server.port)
        assert got.code == 0, str(got)
    assert kept_in(tmp_path) == data_sets(real_files(CT_STUDY))
