"""The options of a send, held against what foreign archives have kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers import peers
from helpers.instances import BIG_ENDIAN, DEFLATED, EXPLICIT, IMPLICIT, instance_of, syntax_of, write_instance
from pydicom import dcmread

from dicomgui.network.tracing import FileRecord
from dicomgui.trace.file import read_trace


def sent_by(*arguments: object) -> tuple[str, ...]:
    return ("python", "-m", "dicomgui", "send", *map(str, arguments))


@pytest.mark.interop("storescp")
async def test_associations_side_by_side_bring_everything_to_storescp(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    files = [write_instance(folder, number) for number in range(12)]
    report = tmp_path / "report.json"
    with peers.storescp(tmp_path / "kept", "--fork") as peer:
        command = sent_by(peer.address, folder, "--associations", 3, "--per-association", 2, "--report", report)
        done = await peers.run(*command, "--json", cwd=peers.SOURCE)
        assert done.code == 0, str(done)
        kept = {instance_of(path) for path in peer.folder.rglob("*.dcm")}
    assert kept == {instance_of(file) for file in files}
    lines = json.loads(report.read_text())
    assert [line["path"] for line in lines] == sorted(str(file) for file in files)
    assert len({line["association"] for line in lines}) >= 6


@pytest.mark.interop("storescp")
async def test_files_are_renamed_by_what_storescp_answered(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    file = write_instance(folder, 1)
    (folder / "cut.dcm").write_bytes(write_instance(tmp_path, 2).read_bytes()[:-7])
    with peers.storescp(tmp_path / "kept") as peer:
        done = await peers.run(*sent_by(peer.address, folder, "--rename", "--json"), cwd=peers.SOURCE)
        assert [instance_of(path) for path in peer.folder.rglob("*.dcm")] == [
            instance_of(file.with_name(f"{file.name}.done"))
        ]
    assert done.code == 4, str(done)
    assert {path.name for path in folder.iterdir()} == {f"{file.name}.done", "cut.dcm.bad"}


@pytest.mark.interop("storescp")
@pytest.mark.parametrize(
    ("wanted", "extra", "kept_in"),
    [
        (("ImplicitVRLittleEndian",), (), IMPLICIT),
        (("ExplicitVRBigEndian", "ImplicitVRLittleEndian"), ("--context-per-syntax",), BIG_ENDIAN),
        (("ImplicitVRLittleEndian", "ExplicitVRLittleEndian"), (), IMPLICIT),
        (("ExplicitVRLittleEndian", "ImplicitVRLittleEndian"), (), EXPLICIT),
    ],
)
async def test_storescp_keeps_the_first_syntax_that_was_wanted(
    tmp_path: Path, wanted: tuple[str, ...], extra: tuple[str, ...], kept_in: str
) -> None:
    files = [
        write_instance(tmp_path / "files", 1, syntax=EXPLICIT),
        write_instance(tmp_path / "files", 2, syntax=IMPLICIT),
    ]
    options = [word for syntax in wanted for word in ("--transfer-syntax", syntax)]
    with peers.storescp(tmp_path / "kept", "+xa") as peer:
        done = await peers.run(*sent_by(peer.address, *files, *options, *extra), cwd=peers.SOURCE)
        assert done.code == 0, str(done)
        assert [syntax_of(path) for path in peer.folder.rglob("*.dcm")] == [kept_in] * 2


SETTINGS = (
    "PatientID=X17",
    "PatientName=Doe^Jane",
    "(0008,0050)=",
    "Rows=8",
    "RequestAttributesSequence[0].ScheduledProcedureStepID=9",
)
DCMODIFY = (
    "-i", "PatientID=X17", "-i", "PatientName=Doe^Jane", "-i", "(0008,0050)=", "-i", "Rows=8",
    "-i", "RequestAttributesSequence[0].ScheduledProcedureStepID=9",
)  # fmt: skip


@pytest.mark.interop("storescp", "dcmodify")
@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG_ENDIAN, DEFLATED])
async def test_what_is_set_arrives_as_dcmodify_would_have_set_it(tmp_path: Path, syntax: str) -> None:
    file = write_instance(tmp_path / "files", 1, syntax=syntax)
    bytes_before = file.read_bytes()
    words = [word for setting in SETTINGS for word in ("--set", setting)]
    report = tmp_path / "report.json"
    with peers.storescp(tmp_path / "kept", "+xa") as peer:
        command = sent_by(peer.address, file, *words, "--report", report, "--trace", tmp_path / "send.dgtrace")
        done = await peers.run(*command, cwd=peers.SOURCE)
        assert done.code == 0, str(done)
        [kept] = peer.folder.rglob("*.dcm")
    assert file.read_bytes() == bytes_before
    assert syntax_of(kept) == syntax
    modified = await peers.run("dcmodify", "-nb", *DCMODIFY, file)
    assert modified.code == 0, str(modified)
    assert dcmread(kept) == dcmread(file)
    assert [line["changed"] for line in json.loads(report.read_text())] == [["set"]]
    records = read_trace(tmp_path / "send.dgtrace")
    events = [one.event for one in records if isinstance(one, FileRecord)]
    assert events == ["opened", "changed"]


@pytest.mark.interop("storescp")
async def test_an_end_by_abort_and_rounds_of_what_is_new_each_time(tmp_path: Path) -> None:
    with peers.storescp(tmp_path / "kept") as peer:
        counts = "patients=2,series=2,instances=2"
        command = sent_by(peer.address, "--invent", counts, "--repeat", 3, "--abort", "--json")
        done = await peers.run(*command, cwd=peers.SOURCE)
        assert done.code == 0, str(done)
        kept = [dcmread(path, stop_before_pixels=True) for path in peer.folder.rglob("*.dcm")]
    lines = [json.loads(line) for line in done.output.splitlines()]
    rounds = [(line["number"], line["sent"]) for line in lines if line["event"] == "round"]
    assert rounds == [(1, 8), (2, 8), (3, 8)]
    assert lines[-1]["sent"] == lines[-1]["changed"] == 24
    assert len({one.SOPInstanceUID for one in kept}) == 24
    assert len({one.PatientID for one in kept}) == 6
    assert len({one.SeriesInstanceUID for one in kept}) == 12
