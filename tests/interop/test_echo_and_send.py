"""Our echo and our send against every provider: what they answered, and what they have afterwards."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from helpers import peers
from helpers.instances import data_set, instance_of, syntax_of
from helpers.tap import Tap

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.echo import echo
from dicomgui.app.transfers.send import ItemState, SendReport, prepare, send
from dicomgui.network import PeerAddress

STEPS = ["resolve", "connect", "associate", "echo", "echo", "echo", "release"]


async def check_echo(context: AppContext, peer: peers.Peer, implementation: str) -> None:
    result = await echo(context, PeerAddress.parse(peer.address), ConnectionOptions(), repeat=3)
    assert result.ok, result
    assert [step.name for step in result.steps] == STEPS
    assert len(result.round_trips_ms) == 3
    assert result.status == 0
    assert result.implementation_version_name.startswith(implementation)
    assert result.error is None


async def check_send(
    context: AppContext, peer: peers.Peer, files: Sequence[Path], options: ConnectionOptions | None = None
) -> tuple[SendReport, Tap]:
    """Send the files and compare what was on the wire with them; the report and the tap tell the rest."""
    async with Tap(peer.port) as tap:
        address = PeerAddress.parse(f"{peer.ae_title}@{peers.LOOPBACK}:{tap.port}")
        with await prepare(context, files) as selection:
            report = await send(context, address, options or ConnectionOptions(), selection)
    assert [result.state for result in report.results] == [ItemState.SENT] * len(files), report
    assert report.ok
    [conversation] = tap.conversations
    offered = {context.context_id: context for context in conversation.proposed}
    for file, store in zip(files, conversation.stores, strict=True):
        assert store.dataset == data_set(file)
        assert store.sop_instance_uid == instance_of(file)
        assert offered[store.context_id].transfer_syntaxes == (syntax_of(file),)
    return report, tap


def check_kept(kept: dict[str, bytes], files: Sequence[Path]) -> None:
    """What a peer has, as files by SOP Instance UID, is what was sent, in the syntax in which it was sent."""
    assert kept.keys() == {instance_of(file) for file in files}
    for file in files:
        mine = kept[instance_of(file)]
        assert syntax_of(mine) == syntax_of(file), file
        assert data_set(mine) == data_set(file), file


def files_in(folder: Path) -> dict[str, bytes]:
    contents = [path.read_bytes() for path in folder.rglob("*.dcm")]
    return {instance_of(content): content for content in contents}


@pytest.mark.interop("storescp")
async def test_storescp(context: AppContext, tmp_path: Path, native_files: Sequence[Path]) -> None:
    with peers.storescp(tmp_path / "storescp", "+xa") as peer:
        await check_echo(context, peer, "OFFIS_DCMTK")
        await check_send(context, peer, native_files)
        check_kept(files_in(peer.folder), native_files)


@pytest.mark.interop("dcmqrscp")
async def test_dcmqrscp(context: AppContext, tmp_path: Path, native_files: Sequence[Path]) -> None:
    with peers.dcmqrscp(tmp_path / "dcmqrscp") as peer:
        await check_echo(context, peer, "OFFIS_DCMTK")
        await check_send(context, peer, native_files)
        check_kept(files_in(peer.folder), native_files)


@pytest.mark.interop("Orthanc")
async def test_orthanc(context: AppContext, orthanc: peers.Orthanc, native_files: Sequence[Path]) -> None:
    orthanc.clear()
    await check_echo(context, orthanc.peer, "OFFIS_DCMTK")  # which it is made of
    await check_send(context, orthanc.peer, native_files)
    check_kept({uid: orthanc.file(one) for uid, one in orthanc.instances().items()}, native_files)


@pytest.mark.interop("pynetdicom")
async def test_pynetdicom(context: AppContext, pynetdicom: peers.Peer, native_files: Sequence[Path]) -> None:
    await check_echo(context, pynetdicom, "PYNETDICOM")
    await check_send(context, pynetdicom, native_files)
    check_kept(files_in(pynetdicom.folder), native_files)


# -- the length of PDUs ----------------------------------------------------------------------------------------------


@pytest.mark.interop("storescp")
@pytest.mark.parametrize("limit", [4096, 16_384, 131_072])
async def test_the_peers_limit_is_kept_and_used(
    context: AppContext, tmp_path: Path, native_files: Sequence[Path], limit: int
) -> None:
    with peers.storescp(tmp_path / "storescp", "--max-pdu", limit) as peer:
        _, tap = await check_send(context, peer, native_files[:1])
        check_kept(files_in(peer.folder), native_files[:1])
    lengths = tap.conversations[0].data_lengths_sent
    assert max(lengths) <= limit
    assert max(lengths) > limit - 16, "an even fragment and its PDV header fill the PDU"
    assert len(lengths) <= 716_800 // (limit - 16) + 3


@pytest.mark.interop("storescp")
async def test_shorter_pdus_than_storescp_takes(
    context: AppContext, tmp_path: Path, native_files: Sequence[Path]
) -> None:
    with peers.storescp(tmp_path / "storescp", "--max-pdu", 131_072) as peer:
        _, tap = await check_send(context, peer, native_files[:1], ConnectionOptions(max_sent_pdu_length=4096))
        check_kept(files_in(peer.folder), native_files[:1])
    assert 4080 < max(tap.conversations[0].data_lengths_sent) <= 4096


@pytest.mark.interop("pynetdicom")
@pytest.mark.parametrize("limit", [0, 4_194_304], ids=["no limit", "4 MiB"])
async def test_a_peer_with_a_high_limit_or_none_gets_everything(
    context: AppContext, tmp_path: Path, native_files: Sequence[Path], limit: int
) -> None:
    with peers.pynetdicom_scp(tmp_path / "received", max_pdu=limit) as peer:
        result = await echo(context, PeerAddress.parse(peer.address), ConnectionOptions())
        assert result.peer_max_pdu_length == limit
        await check_send(context, peer, native_files)
        check_kept(files_in(peer.folder), native_files)


# -- the command line ------------------------------------------------------------------------------------------------


@pytest.mark.interop("storescp")
async def test_the_command_line_echoes_and_sends(tmp_path: Path, native_files: Sequence[Path]) -> None:
    with peers.storescp(tmp_path / "storescp", "+xa") as peer:
        echoed = await peers.run("python", "-m", "dicomgui", "echo", peer.address, "--json", cwd=peers.SOURCE)
        assert echoed.code == 0, str(echoed)
        assert json.loads(echoed.output.splitlines()[-1])["ok"] is True
        sent = await peers.run(
            "python", "-m", "dicomgui", "send", peer.address, *native_files, "--json", cwd=peers.SOURCE
        )
        assert sent.code == 0, str(sent)
        events = [json.loads(line) for line in sent.output.splitlines()]
        files = [event for event in events if event["event"] == "file"]
        assert [event["sop_instance_uid"] for event in files] == [instance_of(file) for file in native_files]
        check_kept(files_in(peer.folder), native_files)


@pytest.mark.interop("storescp")
async def test_the_command_line_tells_a_rejection_by_its_exit_code(tmp_path: Path) -> None:
    with peers.storescp(tmp_path / "storescp", "--refuse") as peer:
        echoed = await peers.run("python", "-m", "dicomgui", "echo", peer.address, "--json", cwd=peers.SOURCE)
    assert echoed.code == 3, str(echoed)
    events = [json.loads(line) for line in echoed.output.splitlines()]
    assert events[-1]["event"] == "summary"
    assert events[-1]["ok"] is False
    assert any(event["event"] == "finding" for event in events)
