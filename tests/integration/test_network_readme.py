"""Every example of the library's README, run as it stands there but for the port numbers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from helpers.certificates import Authority
from helpers.instances import CT, EXPLICIT, MR, data_set, instance_of, write_instance
from helpers.peers import free_port, is_listening, wait_until
from pydicom.dataset import Dataset

import dicomgui.network
from dicomgui.network import (
    AcceptPolicy,
    AssociateRJ,
    Association,
    AssociationRejected,
    AssociationRequest,
    EchoRequest,
    FindRequest,
    Handlers,
    PeerAddress,
    Progress,
    Reply,
    ServerOptions,
    Status,
    StoreRequest,
    TlsConfig,
    UserIdentityRQ,
    connect,
    presets,
    serve,
)

README = Path(dicomgui.network.__file__).with_name("README.md")
BLOCK = re.compile(
    r"### (?P<title>[^\n]+)\n|<!-- (?P<kind>client|server)(?:: (?P<name>[\w-]+))? -->\n"
    r"```python\n(?P<code>.*?)```\n(?:```text\n(?P<output>.*?)```)?",
    re.DOTALL,
)


class Example(NamedTuple):
    kind: str
    name: str
    code: str
    output: str


def examples() -> Iterator[Example]:
    title = ""
    for found in BLOCK.finditer(README.read_text("utf-8")):
        if found["title"]:
            title = found["title"]
        else:
            yield Example(found["kind"], found["name"] or title, found["code"], found["output"] or "")


CLIENTS = [example for example in examples() if example.kind == "client"]
SERVERS = {example.name: example for example in examples() if example.kind == "server"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the examples find beside them: two images, a certificate and its issuer."""
    folder = tmp_path_factory.mktemp("readme")
    for number, (name, sop_class) in enumerate((("ct", CT), ("mr", MR))):
        write_instance(folder, number, sop_class=sop_class).rename(folder / f"{name}.dcm")
    authority = Authority(folder)
    pair = authority.issue()
    shutil.copy(pair.cert, folder / "cert.pem")
    shutil.copy(pair.key, folder / "key.pem")
    return folder


class Pacs:
    """The peer of the client examples."""

    def __init__(self, folder: Path) -> None:
        self.files = [folder / "ct.dcm", folder / "mr.dcm"]
        self.handlers = Handlers(
            on_echo=self.on_echo,
            on_store=lambda request, data: Status(0),
            on_find=self.on_find,
            on_move=lambda request: self.files,
            on_get=lambda request: self.files,
            on_n_create=lambda request: Reply(Status(0), sop_instance_uid="2.25.1"),
            on_n_set=lambda request: Status(0),
            on_n_get=lambda request: Status(0x0112),
        )

    async def on_echo(self, request: EchoRequest) -> Status:
        if request.facts.called_ae_title == "SLOW":
            await asyncio.Event().wait()
        return Status(0)

    async def on_find(self, request: FindRequest) -> AsyncIterator[Dataset]:
        endless = request.dataset.PatientName == "ENDLESS"
        rows = ((str(n), "X", "") for n in range(10**9)) if endless else _STUDIES
        for patient_id, name, date in rows:
            match = Dataset()
            match.PatientID, match.PatientName, match.StudyDate = patient_id, name, date
            yield match
            if endless:
                await asyncio.sleep(0)


_STUDIES = [("1", "DOE^JANE", "20260102"), ("2", "DOE^JOHN", "20260304")]


def policy(**more: object) -> AcceptPolicy:
    return AcceptPolicy(ae_title="PACS", requestor_scp=None, max_invoked=8, **more)  # type: ignore[arg-type]


def check_identity(identity: UserIdentityRQ) -> bytes | None:
    return b"" if (identity.primary, identity.secondary) == (b"anna", b"secret") else None


def refuse_strangers(request: AssociationRequest) -> AssociateRJ | None:
    return AssociateRJ(1, 1, 3) if request.calling_ae_title == "STRANGER" else None


async def run(code: str, folder: Path) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-c", code, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


@pytest.mark.parametrize("example", CLIENTS, ids=lambda example: example.name)
async def test_client_example_prints_what_the_readme_says(example: Example, folder: Path) -> None:
    pacs = Pacs(folder)
    tls = TlsConfig(
        ca_file=folder / "ca.pem", cert_file=folder / "cert.pem", key_file=folder / "key.pem", client_auth="require"
    )
    shutil.rmtree(folder / "received", ignore_errors=True)
    async with (
        await serve(port=0, ae_title="ARCHIVE", handlers=Handlers(on_store=lambda request, data: Status(0))) as archive,
        await serve(
            port=0,
            ae_title="PACS",
            handlers=pacs.handlers,
            options=ServerOptions(
                policy=policy(),
                negotiator=refuse_strangers,
                destinations={"ARCHIVE": PeerAddress("ARCHIVE", "127.0.0.1", archive.port)},
            ),
        ) as server,
        await serve(
            port=0,
            ae_title="PACS",
            options=ServerOptions(policy=policy(check_identity=check_identity), tls=tls),
        ) as secure,
    ):
        code = example.code.replace(":11112", f":{server.port}").replace(":2762", f":{secure.port}")
        assert await run(code, folder) == (0, example.output)


class Serving:
    """A server example that runs."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process = process
        self.peer = f"ME@127.0.0.1:{port}"
        self.port = port

    async def connected(self, **options: Any) -> Association:
        """An association with it, as soon as it listens."""
        await asyncio.to_thread(wait_until, lambda: is_listening(self.port), "the example to listen")
        return await connect(self.peer, **options)

    async def stopped(self) -> str:
        """Stop it by Ctrl-C; what it has printed."""
        self._process.send_signal(signal.SIGINT)
        out, _ = await self._process.communicate()
        return out.decode().replace("\r", "")


@contextlib.asynccontextmanager
async def serving(name: str, folder: Path, destination: int = 0) -> AsyncIterator[Serving]:
    port = free_port()
    code = SERVERS[name].code.replace("11112", str(port)).replace("11113", str(destination))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-c", code, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        yield Serving(process, port)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def test_server_example_echo(folder: Path) -> None:
    async with serving("echo", folder) as server:
        async with await server.connected(calling_ae="ANNA") as assoc:
            assert (await assoc.echo()).status.is_success
        assert await server.stopped() == "echo from ANNA\n"


async def test_server_example_store(folder: Path) -> None:
    async with serving("store", folder) as server:
        contexts = presets.for_instances([(CT, EXPLICIT)])
        async with await server.connected(contexts=contexts) as assoc:
            assert (await assoc.store(folder / "ct.dcm")).status.is_success
        assert [data_set(path) for path in (folder / "inbox").iterdir()] == [data_set(folder / "ct.dcm")]


async def test_server_example_find(folder: Path) -> None:
    keys = Dataset()
    keys.PatientName = "DOE*"
    async with serving("find", folder) as server, await server.connected() as assoc:
        names = [str(match.dataset.PatientName) async for match in assoc.find(keys, level="PATIENT")]
    assert names == ["DOE^JANE", "DOE^JOHN"]


async def test_server_example_retrieve(folder: Path, tmp_path: Path) -> None:
    study = Dataset()
    study.StudyInstanceUID = "1.2.3"
    got: list[object] = []

    def keep(request: StoreRequest, data: object) -> Status:
        got.append((request.facts.calling_ae_title, request.command.move_originator_ae_title))
        return Status(0)

    contexts = presets.QUERY + presets.for_get([CT, MR], models=())
    async with (
        await serve(port=0, ae_title="ARCHIVE", handlers=Handlers(on_store=keep)) as archive,
        serving("retrieve", folder, archive.port) as server,
        await server.connected(contexts=contexts, calling_ae="ANNA") as assoc,
    ):
        moved = await assoc.move(study, destination="ARCHIVE", level="STUDY")
        received = await assoc.get(study, into=tmp_path, level="STUDY")
    assert moved.status.is_success
    assert got == [("ME", "ANNA")] * 2
    assert received.progress == Progress(None, 2, 0, 0)
    assert len(os.listdir(tmp_path)) == 2


async def test_server_example_negotiator(folder: Path) -> None:
    async with serving("negotiator", folder) as server:
        async with await server.connected() as assoc:
            assert {context.transfer_syntax for context in assoc.negotiated.accepted} == {"1.2.840.10008.1.2"}
        with pytest.raises(AssociationRejected) as caught:
            await connect(server.peer, calling_ae="TEST1")
    assert (caught.value.result, caught.value.source, caught.value.reason) == (2, 3, 1)


async def test_server_example_lifecycle(folder: Path) -> None:
    async with serving("lifecycle", folder) as server:
        async with await server.connected(calling_ae="ANNA", contexts=presets.VERIFICATION):
            pass
        assoc = await connect(server.peer, calling_ae="BERTA", contexts=presets.VERIFICATION)
        await assoc.abort()
        printed = (await server.stopped()).splitlines()
    assert printed[:4] == ["requested by ANNA", "accepted 1 contexts", "releasing ANNA", "released"]
    assert "aborted 0 0" in printed


async def test_server_example_tls(folder: Path) -> None:
    tls = TlsConfig(ca_file=folder / "ca.pem", cert_file=folder / "cert.pem", key_file=folder / "key.pem")
    async with serving("tls", folder) as server, await server.connected(tls=tls) as assoc:
        assert (await assoc.echo()).status.is_success


async def test_server_example_thread(folder: Path) -> None:
    async with serving("thread", folder) as server:
        contexts = presets.for_instances([(CT, EXPLICIT)])
        async with await server.connected(contexts=contexts) as assoc:
            assert (await assoc.store(folder / "ct.dcm")).status.is_success
        printed = (await server.stopped()).splitlines()
    assert printed == [f"{instance_of(folder / 'ct.dcm')} {len(data_set(folder / 'ct.dcm'))} bytes", "stopped"]


def test_each_server_example_is_run() -> None:
    here = Path(__file__).read_text("utf-8")
    assert SERVERS
    assert [name for name in SERVERS if f"def test_server_example_{name}(" not in here] == []
