"""Copied commands, run as a shell runs them: the tools do the same as we do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import peers, programs
from helpers.certificates import Authority
from helpers.command_line import Listening, Providing
from helpers.retrieval import CT_STUDY, DOE, data_sets, elements, kept_in, real_files

from dicomgui.app.asking.keys import parse_key
from dicomgui.app.asking.levels import Level
from dicomgui.app.asking.query import Query
from dicomgui.app.asking.wanted import Wanted
from dicomgui.app.asking.worklist import worklist_query
from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.nservices.requests import NOperation, NRequest, sop_class_of
from dicomgui.app.recipes.commands import Tool, command_of
from dicomgui.app.recipes.recipe import Recipe, Verb
from dicomgui.network import PeerAddress, TlsConfig
from dicomgui.network.service_classes.mpps import in_progress

TO = "COPIED"
TOOLS = [
    pytest.param(Tool.DICOMGUI, marks=pytest.mark.interop("dcmqrscp")),
    pytest.param(Tool.DCMTK, marks=pytest.mark.interop("dcmqrscp", "findscu")),
    pytest.param(Tool.PYNETDICOM, marks=pytest.mark.interop("dcmqrscp", "pynetdicom")),
]
CT_UNIQUE = (parse_key(f"StudyInstanceUID={CT_STUDY}"),)


@pytest.fixture(scope="module")
def port() -> int:
    """Where the archive knows the destination to be."""
    return peers.free_port()


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[PeerAddress]:
    folder = tmp_path_factory.mktemp("dcmqrscp") / "server"
    with peers.dcmqrscp(folder, destinations={TO: port}) as peer:
        peers.fill(peer, real_files())
        yield PeerAddress.parse(peer.address)


@pytest.fixture(scope="module")
def practice() -> Iterator[PeerAddress]:
    with Providing("practice", "--port", "0", "--json") as running:
        yield PeerAddress.parse(f"PRACTICE@127.0.0.1:{running.port}")


def run(recipe: Recipe, tool: Tool, folder: Path) -> str:
    """Paste the command into a shell, or run the script, in this folder; gives what it printed."""
    made = command_of(recipe, tool)
    assert made.text, made.notes
    if made.is_script:
        (folder / "script.py").write_text(made.text, encoding="utf-8")
        command: Sequence[str] = (sys.executable, "script.py")
    else:
        command = ("/bin/sh", "-c", made.text)
    # pynetdicom installs programs that are named like DCMTK's beside the interpreter.
    places = (str(programs.find("dcmqrscp").parent), str(Path(sys.executable).parent), os.environ["PATH"])
    done = subprocess.run(
        command, cwd=folder, env=peers.environment(PATH=os.pathsep.join(places)), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=peers.DEADLINE_S, check=False,
    )  # fmt: skip
    output = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, f"{made.text}\n{output}"
    return output


@pytest.mark.parametrize("tool", TOOLS)
def test_an_echo_is_answered(tool: Tool, archive: PeerAddress, tmp_path: Path) -> None:
    run(Recipe(Verb.ECHO, archive, ConnectionOptions("IT'S ME"), repeat=2), tool, tmp_path)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_query_finds_the_same_studies(tool: Tool, archive: PeerAddress, tmp_path: Path) -> None:
    query = Query((parse_key(f"PatientID={DOE}"), parse_key("StudyDate=-20000101")), limit=None)
    output = run(Recipe.of_query(archive, ConnectionOptions(), query), tool, tmp_path)
    studies = set(re.findall(r"1\.3\.6\.1\.4\.1\.5962\.1\.1\.0\.0\.0\.\d+\.\d+\.0\.1\b", output))
    assert studies == {CT_STUDY}


@pytest.mark.parametrize("tool", TOOLS)
def test_a_query_with_a_limit_ends(tool: Tool, practice: PeerAddress, tmp_path: Path) -> None:
    query = Query((parse_key("PatientName=*"),), level=Level.PATIENT, limit=2)
    run(Recipe.of_query(practice, ConnectionOptions(), query), tool, tmp_path)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_worklist_query_finds_the_same_steps(tool: Tool, practice: PeerAddress, tmp_path: Path) -> None:
    outputs = []
    for modality in ("CT", "XX"):
        query = worklist_query((parse_key(f"ScheduledProcedureStepSequence[0].Modality={modality}"),))
        output = run(Recipe.of_query(practice, ConnectionOptions(), query), tool, tmp_path)
        outputs.append(len(set(re.findall(r"\b2\.25\.\d+", output))))
    assert outputs[0] > 0
    assert outputs[1] == 0


@pytest.mark.parametrize("tool", TOOLS)
def test_a_c_get_brings_the_same_files(tool: Tool, archive: PeerAddress, tmp_path: Path) -> None:
    (tmp_path / "to here").mkdir()
    wanted = [Wanted(Level.STUDY, CT_UNIQUE)]
    recipe = Recipe.of_retrieval(archive, ConnectionOptions(), wanted, folder="to here")
    run(recipe, tool, tmp_path)
    assert kept_in(tmp_path / "to here") == data_sets(real_files(CT_STUDY))


@pytest.mark.parametrize("tool", TOOLS)
def test_a_c_move_brings_the_same_files(tool: Tool, archive: PeerAddress, port: int, tmp_path: Path) -> None:
    (tmp_path / "received").mkdir()
    recipe = Recipe.of_retrieval(
        archive, ConnectionOptions(), [Wanted(Level.STUDY, CT_UNIQUE)], destination=TO, listen_port=port
    )
    run(recipe, tool, tmp_path)
    files = (
        path for path in (tmp_path / "received").rglob("*") if path.is_file() and not path.name.startswith("index.")
    )
    assert data_sets(files) == data_sets(real_files(CT_STUDY))


@pytest.mark.parametrize("tool", TOOLS)
def test_files_and_folders_arrive(tool: Tool, tmp_path: Path) -> None:
    sources = tmp_path / "it's here"
    sources.mkdir()
    *some, last = real_files(CT_STUDY)
    for number, file in enumerate(some):
        shutil.copy(file, sources / f"{number}.dcm")
    with peers.storescp(tmp_path / "server") as server:
        recipe = Recipe(Verb.SEND, PeerAddress.parse(server.address), paths=(sources.name, str(last)))
        run(recipe, tool, tmp_path)
        assert kept_in(server.folder) == data_sets(real_files(CT_STUDY))


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("verb", [Verb.ECHO, Verb.SEND])
def test_tls_is_spoken(tool: Tool, verb: Verb, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    ours, theirs = authority.issue(), authority.issue("client")
    tls = TlsConfig(ca_file=authority.file, cert_file=theirs.cert, key_file=theirs.key)
    secured = ("--tls", "--tls-ca", authority.file, "--tls-cert", ours.cert, "--tls-key", ours.key)
    with Listening(tmp_path / "received", *secured) as listening:
        peer = PeerAddress.parse(f"DICOMGUI@127.0.0.1:{listening.port}")
        recipe = Recipe(verb, peer, ConnectionOptions(tls=tls), paths=(str(real_files(CT_STUDY)[0]),))
        run(recipe if verb is Verb.SEND else replace(recipe, paths=()), tool, tmp_path)
        stored = list((tmp_path / "received").rglob("*.dcm"))
        listening.stop()
    assert len(stored) == (verb is Verb.SEND)


@pytest.mark.interop("pynetdicom")
@pytest.mark.parametrize("tool", [Tool.DICOMGUI, Tool.PYNETDICOM])
def test_a_normalized_instance_is_made_and_changed(tool: Tool, practice: PeerAddress, tmp_path: Path) -> None:
    mpps, instance = sop_class_of("ModalityPerformedProcedureStep"), f"1.2.826.0.1.3680043.9.{len(tool)}"
    made = in_progress(station_ae="ME", modality="CT", study_instance_uid="1.2.3")
    made.PatientName = "O'Neil^$(id)"
    for operation, dataset in (
        (NOperation.CREATE, made),
        (NOperation.SET, elements(PerformedProcedureStepDescription="changed")),
    ):
        request = NRequest(operation, mpps, instance, dataset)
        assert "0x0000" in run(Recipe(Verb.NORMALIZED, practice, request=request), tool, tmp_path)
