"""Foreign users into a listener that discards, runs commands or names files by a pattern."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from helpers import peers
from helpers.bad_peer import reached
from helpers.listening import Listen
from helpers.retrieval import CR_STUDY, CT_STUDY, DOE, elements, real_files
from pydicom import dcmread

from dicomgui.app.configuration.provided import Provided
from dicomgui.app.configuration.received_commands import ReceivedCommands
from dicomgui.app.listening.listener import CommandEnded, InstanceDiscarded, Listener, RequestAnswered
from dicomgui.network import PeerAddress, connect, presets
from dicomgui.storage import FolderLayout, FolderPatterns, IdentifierRule


@pytest.mark.interop("storescu", "dcmsend", "findscu")
async def test_instances_are_acknowledged_and_discarded(
    listen: Listen, native_files: Sequence[Path], tmp_path: Path
) -> None:
    async with listen(discards=True, services=frozenset({Provided.STORE, Provided.QUERY, Provided.UPS})) as listener:
        done = await peers.run("storescu", "-v", peers.LOOPBACK, listener.port, *native_files)
        assert done.output.count("Received Store Response (Success)") == len(native_files), str(done)
        done = await peers.run("dcmsend", "-v", peers.LOOPBACK, listener.port, *native_files)
        assert done.code == 0, str(done)
        found = await peers.run("findscu", "-S", "-k", "QueryRetrieveLevel=STUDY", peers.LOOPBACK, listener.port)
        assert found.code != 0, str(found)
        events = [event for event in listener.drain() if isinstance(event, InstanceDiscarded)]
        assert len(events) == listener.counts.discarded == 2 * len(native_files)
        assert listener.counts.size_bytes == sum(event.size_bytes for event in events) > 2 * 716_800
        assert listener.counts.stored == 0
    assert not (tmp_path / "received").exists()


def _script(folder: Path) -> str:
    """A program that prints its arguments, as the operator writes it."""
    path = folder / "tell.py"
    path.write_text("import json, sys; print(json.dumps(sys.argv[1:]))", encoding="ascii")
    return f"{shlex.quote(sys.executable)} {shlex.quote(str(path))}"


def _ended(listener: Listener) -> list[CommandEnded]:
    return [event for event in listener.drain() if isinstance(event, CommandEnded)]


@pytest.mark.interop("storescu")
async def test_commands_get_what_a_peer_sends_as_single_arguments(
    listen: Listen, native_files: Sequence[Path], tmp_path: Path
) -> None:
    sent = tmp_path / "sent.dcm"
    dataset = dcmread(native_files[3])
    dataset.PatientID = "a b; touch pwned `id` $(id)"
    dataset.PatientName = "-rf"
    dataset.save_as(sent)
    words = f"{_script(tmp_path)} {{path}} {{calling_ae}} {{PatientID}} --name={{PatientName}}"
    study = f"{_script(tmp_path)} {{count}} {{StudyInstanceUID}}"
    async with listen(commands=ReceivedCommands(words, study, study_timeout_s=0.5)) as listener:
        done = await peers.run("storescu", "-v", "-aet", "MOD;ls", peers.LOOPBACK, listener.port, sent)
        assert done.code == 0, str(done)
        await reached(lambda: listener.counts.commands == 2, "both have run")
        of_object, of_study = _ended(listener)
        [stored] = (tmp_path / "received").glob("??/*.dcm")
    assert json.loads(of_object.output) == [str(stored), "MOD;ls", dataset.PatientID, "--name=-rf"]
    assert json.loads(of_study.output) == ["1", dataset.StudyInstanceUID]


@pytest.mark.interop("storescu")
async def test_a_peer_cannot_give_a_command_an_option(
    listen: Listen, native_files: Sequence[Path], tmp_path: Path
) -> None:
    command = ReceivedCommands(f"{_script(tmp_path)} {{calling_ae}}")
    async with listen(commands=command) as listener:
        done = await peers.run("storescu", "-aet", "--delete", peers.LOOPBACK, listener.port, native_files[3])
        assert done.code == 0, str(done)
        await reached(lambda: listener.counts.failed_commands == 1, "it is told")
        [ended] = _ended(listener)
    assert ended.problem == "not run: calling_ae '--delete' would be read as an option or a file"
    assert ended.arguments == ()


@pytest.mark.interop("movescu", "storescp")
async def test_a_move_goes_only_where_its_caller_may_move(
    listen: Listen, native_files: Sequence[Path], tmp_path: Path
) -> None:
    with peers.storescp(tmp_path / "moved", ae_title="WS1") as destination:
        at = {"WS1": PeerAddress("WS1", peers.LOOPBACK, destination.port)}
        async with listen(peers=at, move_rules=(("*", "{caller}"),)) as listener:
            sent = await peers.run("storescu", peers.LOOPBACK, listener.port, native_files[3])
            assert sent.code == 0, str(sent)
            uid = dcmread(native_files[3]).StudyInstanceUID
            keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={uid}")
            move = ("movescu", "-v", "-S", "-aem", "WS1", *keys, peers.LOOPBACK, listener.port)
            other = await peers.run(*move, "-aet", "OTHER")
            itself = await peers.run(*move, "-aet", "WS1")
    assert "0xa801" in other.output.lower() or "MoveDestinationUnknown" in other.output, str(other)
    assert itself.code == 0, str(itself)
    assert len(list((tmp_path / "moved").iterdir())) == 1


@pytest.mark.interop("storescu", "dcmsend")
async def test_what_peers_send_is_found_by_the_pattern_and_stays_in_its_folder(
    listen: Listen, native_files: Sequence[Path], tmp_path: Path
) -> None:
    patterns = FolderPatterns("{PatientID}/{Modality}", "{InstanceNumber:05}")
    for number, patient in enumerate(("../../../P1", "CON", ".P2", "A/B")):
        copy = tmp_path / f"{number}.dcm"
        dataset = dcmread(native_files[3])
        dataset.PatientID, dataset.InstanceNumber = patient, 7
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"1.2.1.{number}", f"1.2.2.{number}"
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{number}"
        dataset.save_as(copy)
    modality = str(dcmread(native_files[3]).Modality)
    tree = tmp_path / "received" / "by pattern"
    async with listen(layout=FolderLayout.PATTERN, patterns=patterns) as listener:
        first = await peers.run("storescu", peers.LOOPBACK, listener.port, *(tmp_path / f"{n}.dcm" for n in (0, 1)))
        second = await peers.run("dcmsend", peers.LOOPBACK, listener.port, *(tmp_path / f"{n}.dcm" for n in (2, 3)))
        assert (first.code, second.code) == (0, 0), f"{first}{second}"
        await reached(lambda: len(list(tree.rglob("*.dcm"))) == 4, "all are linked")
        found = sorted(path.relative_to(tree).as_posix() for path in tree.rglob("*.dcm"))
    assert found == sorted(f"{folder}/{modality}/00007.dcm" for folder in ("_.._.._P1", "P2", "A_B", "_CON"))


# -- identifiers against the standard --------------------------------------------------------------------------------

ODD = (
    {"QueryRetrieveLevel": "SERIES", "SeriesInstanceUID": ""},
    {"QueryRetrieveLevel": "SERIES", "StudyInstanceUID": "", "SeriesInstanceUID": ""},
    {"QueryRetrieveLevel": "PATIENT", "PatientID": DOE},
)
"""Study root: what dcmqrscp refuses with --check-find, and Orthanc answers."""

PLAIN = (
    {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "", "PatientID": DOE},
    {"QueryRetrieveLevel": "SERIES", "StudyInstanceUID": CR_STUDY, "SeriesInstanceUID": ""},
    {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": [CR_STUDY, CT_STUDY]},
)
MISPLACED = (
    {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "", "PatientID": DOE, "Modality": ""},
    {"QueryRetrieveLevel": "SERIES", "StudyInstanceUID": CR_STUDY, "SeriesInstanceUID": "", "StudyDate": ""},
    {"QueryRetrieveLevel": "STUDY", "PatientID": DOE},
)
"""Keys of other levels, or none of its own: dcmqrscp refuses them with --check-find."""


async def _answers(peer: PeerAddress | str) -> list[int | None]:
    """For each query how many matches came; ``None`` where it was refused."""
    answers: list[int | None] = []
    async with connect(peer, contexts=presets.QUERY) as association:
        for keys in (*PLAIN, *MISPLACED, *ODD):
            async with association.find(elements(**keys), root="study") as operation:
                count = len([match async for match in operation])
                status = (await operation.result()).status
            assert status in (0x0000, 0xA900)
            answers.append(count if status.is_success else None)
    return answers


@pytest.mark.interop("dcmqrscp", "storescu")
async def test_strict_identifiers_are_those_that_dcmqrscp_demands_when_it_checks_them(
    listen: Listen, tmp_path: Path
) -> None:
    with peers.dcmqrscp(tmp_path / "dcmqrscp", "--check-find") as dcmqrscp:
        peers.fill(dcmqrscp, real_files())
        theirs = await _answers(dcmqrscp.address)
    assert theirs == [2, 3, 2, *[None] * 6]
    async with listen(identifiers=IdentifierRule.STRICT) as listener:
        await peers.run("storescu", "-R", peers.LOOPBACK, listener.port, *real_files())
        assert await _answers(f"OURS@{listener.address}") == theirs


@pytest.mark.interop("Orthanc")
async def test_lenient_identifiers_are_answered_as_orthanc_does_and_marked(
    listen: Listen, orthanc: peers.Orthanc
) -> None:
    orthanc.clear()
    for file in real_files():
        orthanc.put_file(file.read_bytes())
    theirs = await _answers(orthanc.peer.address)
    assert theirs == [2, 3, 2, 2, 3, 2, 7, 7, 1]
    async with listen(identifiers=IdentifierRule.LENIENT) as listener:
        await peers.run("storescu", "-R", peers.LOOPBACK, listener.port, *real_files())
        assert await _answers(f"OURS@{listener.address}") == theirs
        told = [event.anomalies for event in listener.drain() if isinstance(event, RequestAnswered)]
    assert told[:3] == [()] * 3
    assert told[3:] == [
        ("(0008,0060) is a key of level SERIES",),
        ("(0008,0020) is a key of level STUDY",),
        ("Study Instance UID is missing at level STUDY",),
        ("Study Instance UID is missing at level SERIES",),
        ("Study Instance UID is missing at level SERIES",),
        ("the information model has no level PATIENT",),
    ]


@pytest.mark.interop("findscu", "getscu", "storescu")
async def test_findscu_and_getscu_at_a_lenient_listener(listen: Listen, tmp_path: Path) -> None:
    series = str(dcmread(real_files(CT_STUDY)[0], stop_before_pixels=True).SeriesInstanceUID)
    keys = ["-S", "-k", "QueryRetrieveLevel=series", "-k", f"SeriesInstanceUID={series}", "-aec", "OURS"]
    async with listen(identifiers=IdentifierRule.LENIENT) as listener:
        where = (peers.LOOPBACK, listener.port)
        await peers.run("storescu", "-R", *where, *real_files())
        done = await peers.run("findscu", "-v", *keys, *where)
        assert "Received Final Find Response (Success)" in done.output, str(done)
        assert done.output.count("Find Response: ") == 1, str(done)
        (tmp_path / "got").mkdir()
        done = await peers.run("getscu", "-v", "-od", tmp_path / "got", *keys, *where)
        assert len(list((tmp_path / "got").iterdir())) == len(real_files(CT_STUDY)), str(done)
        told = [event for event in listener.drain() if isinstance(event, RequestAnswered)]
    assert [(event.service, event.problem) for event in told] == [("C-FIND", ""), ("C-GET", "")]
    for event in told:
        assert event.anomalies == (
            "Query/Retrieve Level (0008,0052) is 'series'",
            "Study Instance UID is missing at level SERIES",
        )
