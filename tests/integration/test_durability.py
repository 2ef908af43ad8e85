"""Killed again and again under load, the archive loses nothing that it has answered for, neither file nor row."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import sys
from pathlib import Path

from helpers import listener_process
from helpers.bad_peer import reached
from helpers.instances import CT, EXPLICIT, ROOT, data_set
from pydicom.dataset import Dataset, FileMetaDataset

from dicomgui.app.archive.local_archive import LocalArchive
from dicomgui.app.context import AppContext
from dicomgui.network import DicomNetworkError, connect, presets
from dicomgui.network.dimse.dataset import encode_dataset
from dicomgui.storage import Selection

KILLS = 20
SENDERS = 3
MOST = 40
"""Instances that are acknowledged at most before a listener is killed."""


def instance(round_number: int, sender: int, number: int) -> Dataset:
    """Small ones and some that do not fit into memory; each with other bytes."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = CT, f"{ROOT}.5.{round_number}.{sender}.{number}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"{ROOT}.6.{round_number}", f"{ROOT}.7.{sender}"
    dataset.PatientID, dataset.Modality, dataset.InstanceNumber = f"P{sender}", "CT", number
    size = 120_000 if number % 5 == 4 else 1_000
    dataset.add_new(0x7FE00010, "OW", random.Random(str(dataset.SOPInstanceUID)).randbytes(size))
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = EXPLICIT
    return dataset


class Killed:
    """A listener in a process of its own, that is started beforehand and killed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def prepared(cls, folder: Path) -> Killed:
        """A process that waits until it may begin."""
        arguments = (sys.executable, listener_process.__file__, str(folder), "fast", "wait")
        pipe = asyncio.subprocess.PIPE
        return cls(await asyncio.create_subprocess_exec(*arguments, stdin=pipe, stdout=pipe))

    async def begin(self) -> int:
        """Let it listen; its port."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"go\n")
        return int(await self._process.stdout.readline())

    async def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
        await self._process.wait()
        self._process._transport.close()  # type: ignore[attr-defined]


async def send_until_it_dies(port: int, round_number: int, sender: int, acknowledged: dict[str, bytes]) -> None:
    contexts = presets.for_instances([(CT, EXPLICIT)])
    with contextlib.suppress(DicomNetworkError):
        async with connect(f"OURS@127.0.0.1:{port}", contexts=contexts) as assoc:
            for number in range(10_000):
                dataset = instance(round_number, sender, number)
                if (await assoc.store(dataset)).status.is_success:
                    acknowledged[dataset.SOPInstanceUID] = encode_dataset(dataset, EXPLICIT)


async def test_twenty_kills_under_load_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    acknowledged: dict[str, bytes] = {}
    moments = random.Random(5)
    listener = await Killed.prepared(folder)
    for round_number in range(KILLS):
        before = len(acknowledged) + moments.randrange(1, MOST)
        port = await listener.begin()
        async with asyncio.TaskGroup() as group:
            for sender in range(SENDERS):
                group.create_task(send_until_it_dies(port, round_number, sender, acknowledged))
            following = await Killed.prepared(folder)
            await reached(lambda: len(acknowledged) >= before, "enough is acknowledged")  # noqa: B023
            await listener.kill()
        listener = following
    await listener.kill()

    with AppContext() as context:
        archive = LocalArchive(context, folder)
        async with archive.opened():
            assert await archive.repaired()
            assert archive.trouble == ""
            assert archive.report is not None
            assert archive.report.rows.unreadable == 0
            rows = {file.sop_instance_uid: file.path for file in await archive.files_of(Selection())}
            counts = await archive.counts()
        files = {path.stem: path for path in folder.glob("??/*.dcm")}
    assert rows == files, "after the repair each file has its row, and each row its file"
    assert counts.instances == len(files) >= len(acknowledged) > KILLS
    assert {uid: data_set(files[uid]) for uid in acknowledged} == acknowledged
    assert not list(folder.rglob("*.part"))
