"""What the worklist panel does, with others: DCMTK's worklist, and pynetdicom as the one that is told of steps."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import peers
from helpers.worklist import DAY, items

from dicomgui.app.asking.query import FindResult, Found, find
from dicomgui.app.asking.worklist import step_keys, worklist_query
from dicomgui.app.asking.worklist_relaxing import relaxations
from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.nservices.mpps import REASONS, PerformedSteps, StepState, begin_texts, begun, end_texts, ended
from dicomgui.app.nservices.performed_series import fresh_row
from dicomgui.network import PeerAddress

OPTIONS = ConnectionOptions()


async def test_steps_of_wlmscpfs_and_why_there_are_none(tmp_path: Path) -> None:
    found: list[Found] = []
    with AppContext() as context, peers.wlmscpfs(tmp_path, items(), "--keep-char-set") as peer:
        address = address_of(peer)
        query = worklist_query(step_keys(date=DAY, modality="CT"))
        result: FindResult = await find(context, address, OPTIONS, query, on_match=found.append)
        assert (result.ok, result.count) == (True, 2)
        assert sorted(str(one.dataset.PatientName) for one in found) == ["Doe^Jane", "Wang^XiaoDong=王^小东"]
        step = found[0].dataset.ScheduledProcedureStepSequence[0]
        assert step.ScheduledProtocolCodeSequence[0].CodeValue == "P1"
        empty = worklist_query(step_keys(date=DAY, modality="CT", station_ae="CT_1"))
        answers = [one async for one in relaxations(context, empty, [(address, OPTIONS)])]
    assert [(one.key.attribute.keyword if one.key else "", one.count) for one in answers] == [
        ("ScheduledStationAETitle", 2), ("Modality", 0), ("ScheduledProcedureStepStartDate", 0), ("", 3),
    ]  # fmt: skip


def address_of(peer: peers.Peer) -> PeerAddress:
    return PeerAddress(peer.ae_title, peers.LOOPBACK, peer.port)


@pytest.mark.parametrize("is_broken_off", [False, True])
async def test_pynetdicom_is_told_that_a_step_begins_and_ends(tmp_path: Path, is_broken_off: bool) -> None:
    with AppContext() as context, peers.pynetdicom_services(tmp_path, []) as peer:
        steps = PerformedSteps(context)
        item = items()[0]
        uid = steps.plan(address_of(peer), OPTIONS, begun(item, begin_texts(item, station_ae="CT1")))
        assert (await steps.send(uid, steps.begin_request(uid), OPTIONS)).ok
        assert steps.steps[uid].state is StepState.IN_PROGRESS
        rows = [fresh_row("Scout"), {**fresh_row("Thorax"), "images": "1.2.7; 1.2.8"}]
        end = steps.end_request(uid, ended(end_texts(), rows, REASONS[2] if is_broken_off else None, modality="CT"))
        assert (await steps.send(uid, end, OPTIONS)).ok
        said = peers.said_by(peer.log)
    assert steps.steps[uid].state is (StepState.DISCONTINUED if is_broken_off else StepState.COMPLETED)
    [created] = [one for one in said if one["what"] == "create"]
    [changed] = [one for one in said if one["what"] == "set"]
    assert created["attributes"]["PatientName"] == "Wang^XiaoDong=王^小东"
    assert "ScheduledStepAttributesSequence" in created["attributes"]
    expected = "DISCONTINUED" if is_broken_off else "COMPLETED"
    assert changed["attributes"]["PerformedProcedureStepStatus"] == expected
    assert changed["attributes"]["PerformedSeriesSequence"].count("Referenced SOP Instance UID") == 2
