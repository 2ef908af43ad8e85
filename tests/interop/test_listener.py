"""Foreign users into our listener: what is stored is what was on the wire, byte for byte, and every answer is true."""

from __future__ import annotations

import json
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
from helpers import peers
from helpers.instances import data_set, instance_of, syntax_of, write_instance
from helpers.listening import Listen
from helpers.tap import Tap

from dicomgui.app.listening.listener import EchoAnswered, Listener, ReceivedInstance
from dicomgui.storage.layout import instance_path

HERE = Path(__file__).parent


def check_stored(listener: Listener, tap: Tap, count: int) -> list[ReceivedInstance]:
    """Everything that went over the wire is in the archive as it was, and was answered with Success."""
    received = [event for event in listener.drain() if isinstance(event, ReceivedInstance)]
    assert len(received) == count
    by_uid = {event.sop_instance_uid: event for event in received}
    assert by_uid.keys() == {store.sop_instance_uid for store in tap.stores}
    for conversation in tap.conversations:
        offered = {context.context_id: context for context in conversation.proposed}
        for store in conversation.stores:
            event = by_uid[store.sop_instance_uid]
            assert event.path == instance_path(listener.options.folder, store.sop_instance_uid)
            assert data_set(event.path) == store.dataset
            assert instance_of(event.path) == store.sop_instance_uid
            assert syntax_of(event.path) == event.transfer_syntax_uid
            assert event.transfer_syntax_uid in offered[store.context_id].transfer_syntaxes
        assert conversation.store_statuses == [0] * len(conversation.stores)
    assert not list(listener.options.folder.rglob("*.part"))
    return received


def check_equal_to(received: Sequence[ReceivedInstance], files: Sequence[Path]) -> None:
    by_uid = {event.sop_instance_uid: event for event in received}
    for file in files:
        event = by_uid[instance_of(file)]
        assert event.transfer_syntax_uid == syntax_of(file)
        assert data_set(event.path) == data_set(file), file


@pytest.mark.interop("echoscu")
async def test_echoscu(listen: Listen) -> None:
    async with listen() as listener:
        done = await peers.run(
            "echoscu", "-v", "-aet", "ECHOSCU", "-aec", "OURS", "--repeat", 5, peers.LOOPBACK, listener.port
        )
        assert done.code == 0, str(done)
        assert done.output.count("Received Echo Response (Success)") == 5
        events = [event for event in listener.drain() if isinstance(event, EchoAnswered)]
        assert [event.facts.calling_ae_title for event in events] == ["ECHOSCU"] * 5
        assert listener.counts.echoes == 5


@pytest.mark.interop("echoscu")
async def test_echoscu_with_128_contexts(listen: Listen) -> None:
    async with listen() as listener:
        done = await peers.run("echoscu", "-v", "-ppc", 128, "-pts", 38, peers.LOOPBACK, listener.port)
        assert done.code == 0, str(done)


@pytest.mark.interop("echoscu")
async def test_echoscu_under_a_wrong_name_is_told_so(listen: Listen) -> None:
    async with listen(check_called_ae=True) as listener:
        done = await peers.run("echoscu", "-v", "-aec", "THEIRS", peers.LOOPBACK, listener.port)
        assert done.code != 0
        assert "Called AE Title Not Recognized" in done.output, str(done)
        assert listener.counts.refused == 1


@pytest.mark.interop("echoscu")
async def test_echoscu_that_aborts_leaves_the_listener_at_work(listen: Listen) -> None:
    async with listen() as listener:
        aborted = await peers.run("echoscu", "-v", "--abort", peers.LOOPBACK, listener.port)
        assert "Aborting Association" in aborted.output, str(aborted)
        done = await peers.run("echoscu", "-v", peers.LOOPBACK, listener.port)
        assert done.code == 0, str(done)
        assert listener.counts.associations == 2


@pytest.mark.interop("storescu")
@pytest.mark.parametrize("fsync", [False, True], ids=["no fsync", "fsync"])
async def test_storescu(listen: Listen, native_files: Sequence[Path], fsync: bool) -> None:
    """Proposes all native syntaxes; explicit little endian is the first in its contexts."""
    async with listen(fsync=fsync) as listener, Tap(listener.port) as tap:
        done = await peers.run("storescu", "-v", "-aec", "OURS", peers.LOOPBACK, tap.port, *native_files)
        assert done.code == 0, str(done)
        assert done.output.count("Received Store Response (Success)") == len(native_files)
        check_stored(listener, tap, len(native_files))


@pytest.mark.interop("storescu")
@pytest.mark.parametrize(
    ("option", "number"), [("-xe", 1), ("-xi", 3), ("-xb", 5)], ids=["explicit", "implicit", "big endian"]
)
async def test_storescu_in_each_native_syntax(
    listen: Listen, native_files: Sequence[Path], option: str, number: int
) -> None:
    file = native_files[number - 1]
    async with listen() as listener, Tap(listener.port) as tap:
        done = await peers.run("storescu", "-v", option, peers.LOOPBACK, tap.port, file)
        assert done.code == 0, str(done)
        check_equal_to(check_stored(listener, tap, 1), [file])


@pytest.mark.interop("dcmsend")
async def test_dcmsend(listen: Listen, native_files: Sequence[Path]) -> None:
    async with listen() as listener, Tap(listener.port) as tap:
        done = await peers.run("dcmsend", "-v", "-aec", "OURS", peers.LOOPBACK, tap.port, *native_files)
        assert done.code == 0, str(done)
        check_stored(listener, tap, len(native_files))


@pytest.mark.interop("pynetdicom")
async def test_pynetdicom(listen: Listen, native_files: Sequence[Path]) -> None:
    async with listen() as listener, Tap(listener.port) as tap:
        done = await peers.run("python", HERE / "pynetdicom_scu.py", tap.port, "OURS", *native_files)
        assert done.code == 0, str(done)
        assert done.output.split("\n")[:-1] == ["echo 0000"] + ["store 0000"] * len(native_files)
        check_equal_to(check_stored(listener, tap, len(native_files)), native_files)
        assert listener.counts.echoes == 1


@pytest.mark.interop("node", "dcmjs-dimse")
async def test_dcmjs_dimse(listen: Listen, native_files: Sequence[Path]) -> None:
    """It proposes implicit and explicit little endian, and makes the data sets anew in what is accepted."""
    async with listen() as listener, Tap(listener.port) as tap:
        done = await peers.run("node", HERE / "dcmjs_scu.cjs", tap.port, "OURS", *native_files)
        assert done.code == 0, str(done)
        said = [line for line in done.output.splitlines() if line.startswith(("echo", "store", "released"))]
        assert said == ["echo 0000"] + ["store 0000"] * len(native_files) + ["released"]
        check_stored(listener, tap, len(native_files))
        assert listener.counts.echoes == 1


@pytest.mark.interop("node", "dcmjs-dimse")
async def test_dcmjs_dimse_under_a_wrong_name_is_told_so(listen: Listen) -> None:
    async with listen(check_called_ae=True) as listener:
        done = await peers.run("node", HERE / "dcmjs_scu.cjs", listener.port, "THEIRS")
        assert done.code == 1, str(done)
        assert "rejected 1 1 7" in done.output


# -- limits, duplicates, many at a time ------------------------------------------------------------------------------


@pytest.mark.interop("storescu")
@pytest.mark.parametrize("limit", [4096, 131_072, 0])
async def test_storescu_keeps_to_our_maximum_length(listen: Listen, native_files: Sequence[Path], limit: int) -> None:
    async with listen(max_pdu_length=limit) as listener, Tap(listener.port) as tap:
        done = await peers.run("storescu", "-v", peers.LOOPBACK, tap.port, native_files[0])
        assert done.code == 0, str(done)
        check_equal_to(check_stored(listener, tap, 1), native_files[:1])
    lengths = tap.conversations[0].data_lengths_sent
    assert max(lengths) <= (limit or 131_072)
    assert len(lengths) >= 716_800 // (limit or 131_072)


@pytest.mark.interop("storescu")
async def test_the_same_instances_again_are_kept_once(listen: Listen, native_files: Sequence[Path]) -> None:
    async with listen() as listener, Tap(listener.port) as tap:
        for _ in range(2):
            done = await peers.run("storescu", "-v", peers.LOOPBACK, tap.port, *native_files)
            assert done.code == 0, str(done)
        assert (listener.counts.stored, listener.counts.duplicates) == (len(native_files), len(native_files))
        assert len(list(listener.options.folder.rglob("*.dcm"))) == len(native_files)
        assert [one.store_statuses for one in tap.conversations] == [[0] * len(native_files)] * 2


@pytest.mark.interop("storescu", "dcmsend")
async def test_twenty_associations_at_the_same_time(listen: Listen, tmp_path: Path) -> None:
    folders = [tmp_path / "sent" / str(number) for number in range(20)]
    files = [
        write_instance(folder, 100 * number + index, pixel_bytes=65_536)
        for number, folder in enumerate(folders, start=1)
        for index in range(10)
    ]
    async with listen(fsync=True) as listener, Tap(listener.port) as tap:
        commands = []
        for number, folder in enumerate(folders):
            name = "storescu" if number % 2 else "dcmsend"
            commands.append((name, "-v", "+sd", "-aet", f"SENDER{number}", peers.LOOPBACK, tap.port, folder))
        for done in await peers.run_all(commands, tmp_path):
            assert done.code == 0, str(done)
        received = check_stored(listener, tap, len(files))
        check_equal_to(received, files)
        assert listener.counts.associations == 20
        assert {event.facts.calling_ae_title for event in received} == {f"SENDER{number}" for number in range(20)}


# -- the command line ------------------------------------------------------------------------------------------------


@pytest.mark.interop("storescu")
async def test_the_command_line_listens(tmp_path: Path, native_files: Sequence[Path]) -> None:
    folder = tmp_path / "received"
    arguments = ("-m", "dicomgui", "listen", "--port", 0, "--aet", "OURS", "--dir", folder, "--json")
    with peers.Process("python", arguments, tmp_path / "listen.log", cwd=peers.SOURCE) as process:
        process.wait_for_line("ready")
        ready = json.loads(process.log.splitlines()[0])
        assert (ready["event"], ready["aet"]) == ("ready", "OURS")
        done = await peers.run("storescu", "-v", peers.LOOPBACK, ready["port"], *native_files)
        assert done.code == 0, str(done)
        process.interrupt(signal.SIGTERM)
        ended = process.finish()
    assert ended.code == 0, str(ended)
    events = [json.loads(line) for line in ended.output.splitlines()]
    stored = [Path(event["path"]) for event in events if event["event"] == "stored"]
    assert sorted(stored) == sorted(instance_path(folder, instance_of(file)) for file in native_files)
    assert data_set(stored[0]) == data_set(native_files[0])
    assert events[-1]["event"] == "summary"
