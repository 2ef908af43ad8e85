"""The practice PACS: every service of it, on the loopback alone, and nothing left when it has stopped."""

from __future__ import annotations

import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from helpers.bad_peer import reached
from helpers.certificates import Authority
from helpers.command_line import Providing, dicomgui, events
from helpers.instances import write_instance
from helpers.retrieval import Receiver, identifier, kept_in
from pydicom.dataset import Dataset

from dicomgui.app.context import AppContext
from dicomgui.app.practice import pacs as practice_module
from dicomgui.app.practice.data import PATIENTS, STATIONS, STUDIES, practice_instances
from dicomgui.app.practice.pacs import FIRST_PORT, PracticePACS
from dicomgui.network import (
    Association,
    Handlers,
    ListenError,
    NEventReportRequest,
    PeerAddress,
    Status,
    connect,
    presets,
    read_head,
    serve,
)
from dicomgui.network.service_classes.commitment import CommitmentResult, commitment_request
from dicomgui.network.service_classes.mpps import COMPLETED, PerformedSeries, completed, in_progress
from dicomgui.network.tracing import ListenRecord

TODAY = date(2026, 3, 1)
MPPS, COMMITMENT = "1.2.840.10008.3.1.2.3.3", "1.2.840.10008.1.20.1"
CLASSES = {one.sop_class_uid for one in practice_instances(TODAY)}
CONTEXTS = (*presets.DEFAULT, *presets.for_get(CLASSES, models=()), *presets.for_classes(MPPS, COMMITMENT))


@pytest.fixture
def context() -> Iterator[AppContext]:
    with AppContext() as made:
        yield made


@asynccontextmanager
async def practice(context: AppContext, **options: Any) -> AsyncIterator[PracticePACS]:
    pacs = PracticePACS(context, **{"port": 0, "today": TODAY, **options})
    await pacs.start()
    try:
        yield pacs
    finally:
        await pacs.stop()


@asynccontextmanager
async def connected(pacs: PracticePACS, **options: Any) -> AsyncIterator[Association]:
    async with connect(pacs.peer, **{"contexts": CONTEXTS, **options}) as assoc:
        yield assoc


async def found(assoc: Association, keys: Dataset, root: str = "study") -> list[Dataset]:
    async with assoc.find(keys, root=root) as op:
        matches = [match.dataset async for match in op]
        (await op.result()).raise_for_status()
        return matches


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary ones, of this test alone."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def entries(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_every_study_is_found_with_the_name_as_it_is_written(context: AppContext) -> None:
    async with practice(context) as pacs, connected(pacs) as assoc:
        assert (await assoc.echo()).status == 0
        matches = await found(assoc, identifier("STUDY", PatientName="", StudyInstanceUID="", ModalitiesInStudy=""))
    assert len(matches) == len(STUDIES)
    assert {str(one.PatientName) for one in matches} == {patient.name for patient in PATIENTS.values()}
    assert {one.RetrieveAETitle for one in matches} == {"PRACTICE"}


@pytest.mark.parametrize(
    ("wanted", "patient"),
    [("*花子*", "japanese"), ("*MÜLLER*", "latin"), ("иванова*", "cyrillic"), ("Wang*", "chinese")],
)
async def test_a_name_is_found_in_any_script_and_case(context: AppContext, wanted: str, patient: str) -> None:
    keys = identifier("PATIENT", PatientName=wanted, PatientID="")
    keys.SpecificCharacterSet = "ISO_IR 192"
    async with practice(context) as pacs, connected(pacs) as assoc:
        matches = await found(assoc, keys, "patient")
    assert [one.PatientID for one in matches] == [PATIENTS[patient].patient_id]


async def test_everything_is_got_in_the_default_transfer_syntaxes(context: AppContext, tmp_path: Path) -> None:
    async with practice(context) as pacs, connected(pacs) as assoc:
        for patient in PATIENTS.values():
            response = await assoc.get(
                identifier("PATIENT", PatientID=patient.patient_id), into=tmp_path, root="patient"
            )
            assert response.status == 0, response
    assert len(kept_in(tmp_path)) == len(list(practice_instances(TODAY)))


async def test_it_moves_to_whom_it_is_told_of(context: AppContext) -> None:
    receiver = Receiver()
    keys = identifier("PATIENT", PatientID=PATIENTS["greek"].patient_id)
    async with (
        await serve(port=0, ae_title="US", handlers=receiver.handlers()) as ours,
        practice(context) as pacs,
        connected(pacs) as assoc,
    ):
        assert (await assoc.move(keys, destination="US", root="patient")).status == 0xA801
        pacs.know("US", PeerAddress.parse(f"US@127.0.0.1:{ours.port}"))
        response = await assoc.move(keys, destination="US", root="patient")
        assert response.status == 0
    sent = {one.sop_instance_uid: one.data for one in practice_instances(TODAY)}
    assert receiver.data.items() <= sent.items(), "as they are, whatever their transfer syntax"
    assert len(receiver.data) == 5


async def test_what_is_sent_to_it_is_found_and_gone_after_a_restart(context: AppContext, tmp_path: Path) -> None:
    file = write_instance(tmp_path, 1)
    keys = identifier("STUDY", PatientID="INTEROP", StudyInstanceUID="")
    pacs = PracticePACS(context, port=0, today=TODAY)
    counts = []
    for _ in range(2):
        await pacs.start()
        await pacs.start()
        async with connected(pacs, contexts=(*presets.QUERY, *presets.for_instances([_kind(file)]))) as assoc:
            counts.append(len(await found(assoc, keys)))
            assert (await assoc.store(file)).status == 0
            counts.append(len(await found(assoc, keys)))
        await pacs.stop()
        await pacs.stop()
        assert pacs.counts.stored == 1
    assert counts == [0, 1, 0, 1]


def _kind(file: Path) -> tuple[str, str]:
    head = read_head(file)
    return head.sop_class_uid, head.transfer_syntax_uid


async def test_the_worklist_follows_the_performed_procedure_step(context: AppContext) -> None:
    step = Dataset()
    step.Modality, step.ScheduledStationAETitle, step.ScheduledProcedureStepStartDate = "", STATIONS[0], "20260301"
    step.ScheduledProcedureStepID = step.ScheduledProcedureStepStatus = ""
    keys = Dataset()
    keys.PatientName = keys.PatientID = keys.StudyInstanceUID = keys.AccessionNumber = keys.RequestedProcedureID = ""
    keys.ScheduledProcedureStepSequence = [step]

    async def statuses(assoc: Association) -> list[str]:
        matches = await found(assoc, keys, "worklist")
        return [str(one.ScheduledProcedureStepSequence[0].ScheduledProcedureStepStatus) for one in matches]

    async with practice(context) as pacs, connected(pacs) as assoc:
        items = await found(assoc, keys, "worklist")
        assert {str(one.PatientName) for one in items} == {
            PATIENTS[name].name for name in ("latin", "japanese", "cyrillic")
        }
        assert await statuses(assoc) == ["SCHEDULED"] * 3
        begun = in_progress(items[0], station_ae="CT1", modality="CT")
        created = await assoc.n_create(MPPS, begun)
        assert created.status == 0, created
        assert await statuses(assoc) == ["STARTED", "SCHEDULED", "SCHEDULED"]
        done = completed([PerformedSeries("2.25.9", "protocol")])
        changed = await assoc.n_set(MPPS, created.sop_instance_uid, done)
        assert changed.status == 0, changed
        assert await statuses(assoc) == [COMPLETED, "SCHEDULED", "SCHEDULED"]


async def test_it_answers_for_what_it_has(context: AppContext) -> None:
    reports: list[CommitmentResult] = []

    def on_report(request: NEventReportRequest) -> Status:
        reports.append(CommitmentResult.of(request.dataset))
        return Status(0)

    mine = [(one.sop_class_uid, one.sop_instance_uid) for one in practice_instances(TODAY)]
    async with (
        practice(context) as pacs,
        connected(pacs, handlers=Handlers(on_n_event_report=on_report)) as assoc,
    ):
        data = commitment_request([*mine, (mine[0][0], "1.2.3")], "2.25.7")
        assert (await assoc.n_action(COMMITMENT, f"{COMMITMENT}.1", 1, data)).status == 0
        await reached(lambda: bool(reports), "the report came")
    assert [tuple(one) for one in reports[0].committed] == mine
    assert len(reports[0].failed) == 1


async def test_it_takes_the_next_free_port_of_the_loopback_alone(context: AppContext) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0 if sys.platform == "win32" else 1)
        try:
            taken.bind(("127.0.0.1", FIRST_PORT))
            taken.listen()
        except OSError:
            pass  # somebody else has it: all the better
        async with practice(context, port=None) as pacs, practice(context, port=None) as other:
            assert pacs.port > FIRST_PORT
            assert pacs.port != other.port
            assert pacs.address.startswith("127.0.0.1:")
            async with connected(other) as assoc:
                assert (await assoc.echo()).status == 0
        listens = [record for record in context.trace.records() if isinstance(record, ListenRecord)]
        assert [record.active for record in listens] == [True, True, False, False]
        assert not any(record.error for record in listens), "a port of somebody else's is an error in the trace"


async def test_a_port_that_is_taken_is_told_and_nothing_stays(context: AppContext, temporary: Path) -> None:
    async with await serve(port=0) as server:
        pacs = PracticePACS(context, port=server.port, today=TODAY)
        with pytest.raises(ListenError):
            await pacs.start()
        assert not pacs.is_running
        assert pacs.port == 0
    assert entries(temporary) == []


async def test_nothing_stays_when_making_the_patients_fails(
    context: AppContext, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: date) -> Iterator[Any]:
        raise OSError(28, "no space")

    monkeypatch.setattr(practice_module, "practice_instances", broken)
    with pytest.raises(OSError, match="no space"):
        await PracticePACS(context, port=0).start()
    assert entries(temporary) == []


async def test_it_advertises_what_it_is_told(context: AppContext) -> None:
    async with practice(context, max_pdu_length=16_384) as pacs, connected(pacs) as assoc:
        assert assoc.negotiated.peer_max_pdu_length == 16_384


async def test_its_folder_goes_with_it(context: AppContext) -> None:
    async with practice(context) as pacs:
        assert pacs.listener is not None
        folder = pacs.listener.archive.folder
        assert folder.is_dir()
    assert not folder.exists()


# -- the command line ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_the_command_line_answers_until_a_signal(kind: int) -> None:
    with Providing("practice", "--port", 0, "--aet", "LEARN") as running:
        assert running.first_line.startswith(b"listening on 127.0.0.1:")
        assert running.first_line.strip().endswith(b" as LEARN")
        assert dicomgui("echo", f"LEARN@127.0.0.1:{running.port}").returncode == 0
        code, _, _ = running.stop(kind)
    assert code == 0


def test_the_command_line_answers_over_tls_whom_it_knows(tmp_path: Path) -> None:
    authority, secret = Authority(tmp_path), tmp_path / "secret"
    secret.write_text("right")
    server, user = authority.issue(), ("--user", "anna", "--password-file", secret)
    tls = ("--tls", "--tls-cert", server.cert, "--tls-key", server.key)
    with Providing("practice", "--port", 0, *tls, *user, "--async-ops", 4) as running:
        peer, trust = f"PRACTICE@127.0.0.1:{running.port}", ("--tls", "--tls-ca", authority.file)
        found = dicomgui("find", peer, *trust, *user, "--user-required", "-k", "PatientName=*", "--json")
        assert found.returncode == 0, found.stderr
        assert events(found.stdout)[-1]["matches"] > 0
        assert dicomgui("echo", peer, *trust).returncode == 3
        assert dicomgui("echo", peer, *user).returncode == 3
        running.stop()


def test_the_command_line_moves_to_a_peer(tmp_path: Path) -> None:
    with Providing("listen", "--port", 0, "--dir", tmp_path / "received", "--aet", "THERE", "--json") as receiving:
        with Providing("practice", "--port", 0, "--json", "--peer", f"THERE=127.0.0.1:{receiving.port}") as running:
            patient = PATIENTS["latin"].patient_id
            done = dicomgui(
                "move", f"PRACTICE@127.0.0.1:{running.port}", "--to", "THERE", "--root", "patient", "--level",
                "patient", "-k", f"PatientID={patient}",
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            code, out, _ = running.stop()
        assert code == 0
        assert [one["service"] for one in events(out) if one["event"] == "answered"] == ["C-MOVE"]
        _, out, _ = receiving.stop()
    assert len([one for one in events(out) if one["event"] == "stored"]) == 17


@pytest.mark.parametrize("arguments", [["--peer", "NOWHERE"], ["--port", "99999"], ["--aet", ""]])
def test_wrong_usage_is_told(arguments: list[str]) -> None:
    assert dicomgui("practice", *arguments).returncode == 2
