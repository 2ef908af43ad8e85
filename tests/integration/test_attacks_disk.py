"""The listener with its archive when the disk fails, the folder goes, or the process is killed.

What was answered Success is on disk, whole and byte for byte; what is not there was never answered Success.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import random
import shutil
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from helpers import listener_process
from helpers.attacks import (
    DATASETS,
    HOSTILE_UIDS,
)
from helpers.bad_peer import (
    CT,
    EXPLICIT,
    PATIENCE_S,
    Peer,
    command,
    dataset,
    dial,
    echo_rq,
    pdata,
    pdv,
    reached,
    store_elements,
    store_rq,
)

from dicomgui.app.context import AppContext
from dicomgui.app.listening.events import ReceivedInstance
from dicomgui.app.listening.listener import Listener, ListenerOptions
from dicomgui.network import (
    Association,
    AssociationError,
    ProposedContext,
    RemoteProtocolError,
    Strictness,
    connect,
    read_head,
)
from dicomgui.network.dimse.commands import Response
from dicomgui.network.part10 import write_head
from dicomgui.network.pdu import Abort
from dicomgui.storage import disk, instance_path

SMALL, LARGE = 2_000, 300_000


def content(uid: str, size: int) -> bytes:
    """A data set that no other instance has."""
    return random.Random(uid).randbytes(size)


def stored(folder: Path) -> dict[str, bytes]:
    """Every file of the archive under a final name: its UID and its data set."""
    found = {}
    for path in folder.glob("??/*.dcm"):
        head = read_head(path)
        found[path.stem] = path.read_bytes()[head.dataset_offset :]
    return found


def everything(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def parts(folder: Path) -> list[Path]:
    return list(folder.glob("**/*.part"))


@contextlib.asynccontextmanager
async def listening(folder: Path, *, fsync: bool = True) -> AsyncIterator[Listener]:
    with AppContext() as context:
        listener = Listener(context, ListenerOptions(folder=folder, port=0, fsync=fsync, strictness=Strictness.ANY))
        await listener.start()
        try:
            yield listener
        finally:
            await listener.stop()


async def store(peer: Peer, uid: str, size: int) -> int:
    """Send an instance; the status that is answered."""
    await peer.send(store_rq(uid, content(uid, size)))
    response = await peer.read_command()
    assert isinstance(response, Response)
    return int(response.status)


async def echoes(peer: Peer) -> None:
    await peer.send(echo_rq(99))
    assert (await peer.read_command()).message_id == 99


# --- the system refuses ---------------------------------------------------------------------------------------------

CALLS = {"write": "write_all", "sync": "sync_file", "name": "place", "sync of the folder": "sync_folder"}
ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO, errno.EMFILE)


def failing(number: int, after: int = 0) -> Callable[..., None]:
    """A call that works ``after`` times and then says that it cannot."""
    calls = 0

    def fail(*args: object, **how: object) -> None:
        nonlocal calls
        calls += 1
        if calls > after:
            raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("number", ERRORS, ids=lambda number: errno.errorcode[number])
async def test_a_disk_that_fails_is_answered_a700_and_used_again_when_it_works(
    call: str, number: int, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening(tmp_path / "archive") as listener, await dial(listener.port) as peer:
        await peer.associate()
        assert await store(peer, "1.1", size) == 0
        with monkeypatch.context() as patch:
            patch.setattr(disk, CALLS[call], failing(number))
            assert await store(peer, "1.2", size) == 0xA700
            assert await store(peer, "1.3", size) == 0xA700
            await echoes(peer)
        assert parts(tmp_path) == []
        assert await store(peer, "1.4", size) == 0
        found = stored(tmp_path / "archive")
        for uid in ("1.1", "1.4"):
            assert found[uid] == content(uid, size)
        if call != "sync of the folder":  # the name is given then; only the answer could not be relied on
            assert set(found) == {"1.1", "1.4"}
        assert listener.counts.failed == 2


async def test_a_disk_that_fills_up_in_the_middle_keeps_nothing_and_the_peer_can_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_all = disk.write_all
    async with listening(tmp_path / "archive") as listener, await dial(listener.port) as peer:
        await peer.associate()
        fail = failing(errno.ENOSPC, after=2)

        def write(handle: int, first: disk.Buffer, second: disk.Buffer = b"") -> None:
            fail()
            write_all(handle, first, second)

        with monkeypatch.context() as patch:
            patch.setattr(disk, "write_all", write)
            assert await store(peer, "1.2", LARGE) == 0xA700
            assert parts(tmp_path) == []
        assert await store(peer, "1.2", LARGE) == 0
        assert stored(tmp_path / "archive") == {"1.2": content("1.2", LARGE)}


@pytest.mark.parametrize("fsync", [False, True])
@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
async def test_a_folder_that_is_removed_is_never_answered_success_and_works_again_when_it_is_back(
    size: int, fsync: bool, tmp_path: Path
) -> None:
    folder = tmp_path / "archive"
    async with listening(folder, fsync=fsync) as listener, await dial(listener.port) as peer:
        await peer.associate()
        assert await store(peer, "1.1", size) == 0
        await listener.archive.settle()  # nobody makes files in the folder while it is removed
        shutil.rmtree(folder)
        assert await store(peer, "1.2", size) == 0xA700
        await echoes(peer)
        assert not folder.exists()
        folder.mkdir()
        assert await store(peer, "1.3", size) == 0
        assert stored(folder) == {"1.3": content("1.3", size)}


async def test_a_folder_that_is_removed_in_mid_data_set(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    data = content("1.2", LARGE)
    async with listening(folder) as listener, await dial(listener.port) as peer:
        await peer.associate()
        message = store_rq("1.2", data)
        await peer.send(message[:200_000])
        await reached(lambda: parts(folder) != [], "a part is on disk")
        shutil.rmtree(folder)
        await peer.send(message[200_000:])
        response = await peer.read_command()
        assert isinstance(response, Response)
        assert response.status == 0xA700
        await echoes(peer)
        assert not folder.exists()


async def test_a_file_where_the_folder_of_partial_files_should_be(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    async with listening(folder) as listener, await dial(listener.port) as peer:
        await peer.associate()
        shutil.rmtree(folder / "incoming")
        (folder / "incoming").write_text("in the way")
        assert await store(peer, "1.2", LARGE) == 0xA700
        (folder / "incoming").unlink()
        assert await store(peer, "1.2", LARGE) == 0
    assert stored(folder) == {"1.2": content("1.2", LARGE)}


@pytest.mark.parametrize("how", ["abort", "rst", "fin", "fault"])
async def test_a_data_set_that_breaks_off_leaves_no_file(how: str, tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    async with listening(folder) as listener, await dial(listener.port) as peer:
        await peer.associate()
        await peer.send(store_rq("1.2", content("1.2", LARGE))[: -(LARGE % 16_000) - 12])  # all but the last fragment
        await reached(lambda: parts(folder) != [], "a part is on disk")
        match how:
            case "abort":
                await peer.send(b"\7\0\0\0\0\4\0\0\0\0")
            case "rst":
                await peer.reset()
            case "fin":
                peer.finish_writing()
            case "fault":
                await peer.send(b"\xff" * 70_000)
        await reached(lambda: listener.associations == (), "the association is over")
        await reached(lambda: parts(folder) == [], "nothing is left")
        assert stored(folder) == {}


async def test_a_peer_that_goes_before_its_answer_finds_the_instance_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    async with listening(folder) as listener:
        for n in range(10):
            async with await dial(listener.port) as peer:
                await peer.associate()
                await peer.send(store_rq(f"1.{n}", content(f"1.{n}", SMALL)))
                await peer.reset()
        await reached(lambda: listener.associations == (), "the associations are over")
    assert parts(folder) == []
    for uid, data in stored(folder).items():
        assert data == content(uid, SMALL)


async def test_a_listener_that_stops_waits_for_the_disk_and_tells_of_what_it_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its associations get two seconds; a sync takes as long as the disk wants, and is not left behind."""
    folder, goes_on, sync = tmp_path / "archive", threading.Event(), disk.sync_file

    def slowly(handle: int) -> None:
        goes_on.wait(PATIENCE_S)
        sync(handle)

    async with listening(folder) as listener, await dial(listener.port) as peer:
        monkeypatch.setattr(disk, "sync_file", slowly)
        await peer.associate()
        await peer.send(*(store_rq(f"1.{n}", content(f"1.{n}", SMALL), n) for n in range(1, 4)))
        await reached(lambda: bool(parts(folder)), "a sync has begun")
        stopping = asyncio.create_task(listener.stop())
        assert [type(answer) for answer in await peer.read_all()] == [Abort]
        assert not stopping.done()
        goes_on.set()
        await stopping
        told = [event.file for event in listener.drain() if isinstance(event, ReceivedInstance)]
        assert listener.counts.stored == len(told) >= 1
    assert parts(folder) == []
    assert {Path(file).stem for file in told} == set(stored(folder))


async def test_the_same_instance_from_four_at_once_is_kept_once_and_whole(tmp_path: Path) -> None:
    folder = tmp_path / "archive"

    async def send() -> int:
        async with await dial(listener.port) as peer:
            await peer.associate()
            return await store(peer, "1.2", LARGE)

    async with listening(folder) as listener:
        assert await asyncio.gather(*(send() for _ in range(4))) == [0] * 4
    assert stored(folder) == {"1.2": content("1.2", LARGE)}
    assert parts(folder) == []


# --- kill -9 --------------------------------------------------------------------------------------------------------


class Process:
    """A listener in its own process."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.port = port

    async def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
        await self.process.wait()


@contextlib.asynccontextmanager
async def listener_in_its_own_process(folder: Path, speed: str) -> AsyncIterator[Process]:
    script = str(Path(listener_process.__file__))
    process = await asyncio.create_subprocess_exec(
        sys.executable, script, str(folder), speed, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    listener = Process(process, int(await process.stdout.readline()))
    try:
        yield listener
    finally:
        await listener.kill()
        process._transport.close()  # type: ignore[attr-defined]


async def send_until_it_dies(port: int, folder: Path, name: str, acknowledged: list[tuple[str, int]]) -> None:
    """Send instance after instance and write down what was answered Success."""
    sizes = random.Random(name)
    with contextlib.suppress(AssociationError, RemoteProtocolError):
        assoc: Association
        async with connect(f"X@127.0.0.1:{port}", contexts=[ProposedContext(CT, (EXPLICIT,))]) as assoc:
            for n in range(10_000):
                uid, size = f"1.{name}.{n}", sizes.choice((SMALL, 70_000, LARGE, 2_000_000))
                path = folder / f"{name}.dcm"
                head = write_head(sop_class_uid=CT, sop_instance_uid=uid, transfer_syntax_uid=EXPLICIT)
                path.write_bytes(head + content(uid, size))
                if (await assoc.store(path)).status.is_success:
                    acknowledged.append((uid, size))


@pytest.mark.parametrize("speed", ["fsync", "fast"])
async def test_kill_9_under_load_loses_nothing_that_was_acknowledged_and_tears_nothing(
    speed: str, tmp_path: Path
) -> None:
    folder, outbox = tmp_path / "archive", tmp_path / "outbox"
    outbox.mkdir()
    acknowledged: list[tuple[str, int]] = []
    for round_number in range(2):
        before = len(acknowledged)
        async with listener_in_its_own_process(folder, speed) as listener, asyncio.TaskGroup() as group:
            for n in range(3):
                name = f"{round_number}{n + 1}"
                group.create_task(send_until_it_dies(listener.port, outbox, name, acknowledged))
            await reached(lambda: len(acknowledged) >= before + 15, "enough is acknowledged")  # noqa: B023
            await listener.kill()
    found = stored(folder)
    for uid, size in acknowledged:
        assert found[uid] == content(uid, size)
    known = {uid for uid, _ in acknowledged}
    for uid in found.keys() - known:  # stored, but killed before the answer: whole all the same
        assert found[uid] == content(uid, len(found[uid]))
        assert len(found[uid]) in (SMALL, 70_000, LARGE, 2_000_000)
    async with listening(folder) as listener, await dial(listener.port) as peer:
        assert parts(folder) == []
        await peer.associate()
        assert await store(peer, "1.9", LARGE) == 0
        await echoes(peer)


# --- what is in a data set does not matter --------------------------------------------------------------------------


def is_stored_as_it_came(folder: Path, uid: str, data: bytes) -> bool:
    """Head and data set, and nothing else; a data set that begins like a head is no part of it."""
    head = write_head(
        sop_class_uid=CT, sop_instance_uid=uid, transfer_syntax_uid=EXPLICIT,
        sending_ae_title="BAD-PEER", receiving_ae_title="DICOMGUI",
    )  # fmt: skip
    return instance_path(folder, uid).read_bytes() == head + data


@pytest.mark.parametrize("name", DATASETS)
async def test_a_data_set_is_stored_as_it_came_whatever_is_in_it(name: str, tmp_path: Path) -> None:
    data = DATASETS[name]
    async with listening(tmp_path / "archive", fsync=False) as listener, await dial(listener.port) as peer:
        await peer.associate()
        await peer.send(store_rq("1.2.3", data))
        response = await peer.read_command()
        assert isinstance(response, Response)
        assert response.status == 0
        assert is_stored_as_it_came(tmp_path / "archive", "1.2.3", data)
        await echoes(peer)


@pytest.mark.parametrize("uid", HOSTILE_UIDS, ids=lambda uid: repr(uid[:20]))
async def test_a_uid_that_is_none_names_no_file_inside_or_outside_of_the_folder(uid: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "archive"
    async with listening(folder, fsync=False) as listener, await dial(listener.port) as peer:
        await peer.associate()
        before = everything(tmp_path)
        await peer.send(store_rq(uid, bytes(LARGE)))
        response = await peer.read_command()
        assert isinstance(response, Response)
        assert response.status.is_failure
        assert everything(tmp_path) == before
        await peer.send(store_rq("1.2.3", b"good"))
        assert getattr(await peer.read_command(), "status", None) == 0


async def test_a_class_or_titles_of_garbage_name_no_file_either(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    elements = {**store_elements("1.2.3"), 0x1030: b"../../x\0 ", 0x1031: 7}
    async with listening(folder, fsync=False) as listener, await dial(listener.port) as peer:
        await peer.associate()
        await peer.send(pdata(pdv(3, 3, command(elements))), dataset(b"data"))
        assert getattr(await peer.read_command(), "status", None) == 0
    assert stored(folder) == {"1.2.3": b"data"}
    assert {path.relative_to(tmp_path).parts[0] for path in everything(tmp_path)} == {"archive"}


async def test_instances_of_one_uid_and_other_data_are_all_kept_under_safe_names(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    async with listening(folder, fsync=False) as listener, await dial(listener.port) as peer:
        await peer.associate()
        for data in (b"one ", b"two ", b"one ", b"three "):
            await peer.send(store_rq("1.2.3", data))
            assert getattr(await peer.read_command(), "status", None) == 0
    assert sorted(stored(folder).values()) == [b"one ", b"three ", b"two "]
    assert instance_path(folder, "1.2.3") in everything(folder)
