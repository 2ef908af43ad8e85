"""odil, a C++ library of its own: its command line with our provider, and our verbs with its providers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest
import pytest_asyncio
from helpers import peers
from helpers.instances import CT, EXPLICIT, IMPLICIT
from helpers.retrieval import (
    CR_STUDY,
    CT_STUDY,
    DOE,
    Archive,
    Receiver,
    data_sets,
    elements,
    identifier,
    kept_in,
    pixels_of,
    real_files,
)
from pydicom.dataset import Dataset

from dicomgui.network import GetRequest, Handlers, ServerOptions, connect, presets, serve
from dicomgui.network.association.params import AETitle
from dicomgui.network.server.offering import policy_for

pytestmark = pytest.mark.interop("odil")


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[peers.Peer]:
    with peers.odil_services(tmp_path_factory.mktemp("odil") / "services", real_files()) as peer:
        yield peer


@pytest_asyncio.fixture
async def provider(services: peers.Peer) -> AsyncIterator[peers.Peer]:
    """It listens anew for each association."""
    await asyncio.to_thread(services.process.wait_for, lambda: peers.is_listening(services.port), "it listens")
    yield services


# -- our verbs -------------------------------------------------------------------------------------------------------


async def test_echo_of_odil(provider: peers.Peer) -> None:
    async with connect(provider.address, contexts=presets.VERIFICATION) as assoc:
        assert (await assoc.echo()).status == 0
    assert "echo" in provider.log


async def test_store_of_odil(provider: peers.Peer) -> None:
    file = real_files(CT_STUDY)[0]
    async with connect(provider.address, contexts=presets.for_instances([(CT, EXPLICIT)])) as assoc:
        assert (await assoc.store(file)).status == 0
    assert pixels_of(kept_in(provider.folder)) == pixels_of(data_sets([file]))


@pytest.mark.parametrize(("root", "level", "count"), [("patient", "PATIENT", 1), ("study", "STUDY", 2)])
async def test_find_of_odil(provider: peers.Peer, root: str, level: str, count: int) -> None:
    keys = identifier(level, PatientID=DOE, PatientName="", StudyInstanceUID="")
    async with (
        connect(provider.address, contexts=presets.QUERY) as assoc,
        assoc.find(keys, root=root) as op,
    ):
        found = [match.dataset async for match in op]
        assert (await op.result()).status == 0
    assert [str(one.PatientName) for one in found] == ["Doe^Archibald"] * count


async def test_get_of_odil(provider: peers.Peer, tmp_path: Path) -> None:
    async with connect(provider.address, contexts=presets.for_get((CT,), (EXPLICIT,))) as assoc:
        response = await assoc.get(identifier("STUDY", StudyInstanceUID=CT_STUDY), into=tmp_path)
    assert response.status == 0
    assert response.progress is not None
    assert (response.progress.completed, response.progress.failed) == (4, 0)
    assert pixels_of(kept_in(tmp_path)) == pixels_of(data_sets(real_files(CT_STUDY)))


async def test_move_of_odil(provider: peers.Peer) -> None:
    receiver = Receiver()
    async with await serve(port=0, ae_title="RECEIVER", handlers=receiver.handlers()) as server:
        (provider.folder / "destinations.json").write_text(json.dumps({"RECEIVER": server.port}), encoding="ascii")
        async with connect(provider.address, contexts=presets.QUERY) as assoc:
            response = await assoc.move(identifier("STUDY", StudyInstanceUID=CT_STUDY), destination="RECEIVER")
    assert response.status == 0
    assert response.progress is not None
    assert (response.progress.completed, response.progress.failed) == (4, 0)
    assert pixels_of(receiver.data) == pixels_of(data_sets(real_files(CT_STUDY)))


# -- its command line ------------------------------------------------------------------------------------------------


async def odil(verb: str, port: int, *arguments: object) -> peers.Finished:
    return await peers.run("odil", verb, peers.LOOPBACK, port, "ODIL", "OURS", *arguments)


async def test_echo_from_odil() -> None:
    async with await serve(port=0, ae_title="OURS") as server:
        done = await odil("echo", server.port)
    assert done.code == 0, str(done)


async def test_store_from_odil() -> None:
    receiver, files = Receiver(), real_files(CT_STUDY)
    async with await serve(port=0, ae_title="OURS", handlers=receiver.handlers()) as server:
        done = await odil("store", server.port, *files)
    assert done.code == 0, str(done)
    assert "Could not" not in done.output
    assert {request.command.affected_sop_class_uid for request in receiver.requests} == {CT}
    assert pixels_of(receiver.data) == pixels_of(data_sets(files))


@pytest.mark.parametrize(("root", "level", "count"), [("patient", "PATIENT", 1), ("study", "STUDY", 2)])
async def test_find_from_odil(root: str, level: str, count: int) -> None:
    archive = Archive(real_files())
    keys = (f"QueryRetrieveLevel={level}", f"PatientID={DOE}", "PatientName=", "StudyInstanceUID=")
    async with await serve(port=0, ae_title="OURS", handlers=archive.handlers()) as server:
        done = await odil("find", server.port, root, *keys)
    assert done.code == 0, str(done)
    assert done.output.count("Doe^Archibald") == count, str(done)
    assert CR_STUDY in done.output
    assert archive.finds[0].facts.calling_ae_title == "ODIL"


async def test_find_of_nothing_from_odil() -> None:
    async with await serve(port=0, ae_title="OURS", handlers=Handlers(on_find=lambda _: [])) as server:
        done = await odil("find", server.port, "study", "QueryRetrieveLevel=STUDY", "PatientID=NOBODY")
    assert done.code == 0, str(done)


async def test_get_from_odil(tmp_path: Path) -> None:
    """It asks which SOP classes there are, and proposes them with the SCP role, implicit before explicit.

    Files go as they are, so that the provider has to take the syntax that they are in before the requestor's favourite.
    """
    archive = Archive(real_files())
    policy = replace(
        policy_for(archive.handlers(), AETitle("OURS")), transfer_syntaxes=(EXPLICIT, IMPLICIT), prefer_ours=True
    )
    await check_get(archive, archive.handlers(), tmp_path, ServerOptions(policy))


async def test_get_of_data_sets_from_odil(tmp_path: Path) -> None:
    """Data sets that are in no syntax yet are encoded in the one that was accepted."""
    archive = Archive(real_files())

    def answer(request: GetRequest) -> list[Dataset]:
        archive.retrieves.append(request)
        found = [pydicom.dcmread(file) for file in real_files(CT_STUDY)]
        for one in found:
            del one.file_meta
        return found

    await check_get(archive, replace(archive.handlers(), on_get=answer), tmp_path, None)


async def check_get(archive: Archive, handlers: Handlers, folder: Path, options: ServerOptions | None) -> None:
    keys = ("QueryRetrieveLevel=STUDY", f"StudyInstanceUID={CT_STUDY}")
    async with await serve(port=0, ae_title="OURS", handlers=handlers, options=options) as server:
        done = await odil("get", server.port, "study", *keys, "--directory", folder)
    assert done.code == 0, str(done)
    assert "Completed: 4, remaining: 0, failed: 0" in done.output, str(done)
    assert pixels_of(kept_in(folder)) == pixels_of(data_sets(real_files(CT_STUDY)))
    assert archive.retrieves[0].dataset == elements(QueryRetrieveLevel="STUDY", StudyInstanceUID=CT_STUDY)
