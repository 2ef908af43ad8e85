"""tshark reads the trace of real associations, saved as pcapng, and sees every PDU that we and the peers exchanged."""

from __future__ import annotations

import asyncio
import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from helpers import peers, programs
from helpers.instances import write_instance
from helpers.listening import Listen
from helpers.tap import Tap, pdus

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.echo import echo
from dicomgui.app.transfers.send import prepare, send
from dicomgui.network import PeerAddress, Timeouts
from dicomgui.network.tracing import ConnectRecord, Direction, PduRecord, Record
from dicomgui.trace.file import TraceWriter, read_trace
from dicomgui.trace.pcap import export_pcapng

RQ, AC, RJ, DATA, RELEASE_RQ, RELEASE_RP, ABORT = range(1, 8)
FAULT = "_ws.malformed || (dicom && _ws.expert.severity >= 0x800000) || tcp.analysis.flags"
"""What is malformed, what the dissector calls an error, and what the TCP analysis finds lost, repeated or odd."""


class Seen(NamedTuple):
    """A PDU: which connection, by our end of it and the peer's, whether we sent it, its type and its body's length."""

    connection: tuple[int, int]
    by_us: bool
    type: int
    length: int


class Capture:
    """A capture file, read by tshark.

    :param ports: the ports that speak DICOM.
    """

    def __init__(self, path: Path, ports: Iterable[int]) -> None:
        self._path = path
        self._decode = [option for port in ports for option in ("-d", f"tcp.port=={port},dicom")]

    def fields(self, shown: str, *names: str) -> list[list[str]]:
        """The fields of all packets that the filter shows."""
        wanted = [option for name in names for option in ("-e", name)]
        command = [programs.find("tshark"), "-n", "-r", self._path, *self._decode, "-Y", shown, "-T", "fields", *wanted]
        done = subprocess.run(command, capture_output=True, text=True, timeout=peers.DEADLINE_S, check=True)
        return [line.split("\t") for line in done.stdout.splitlines()]

    def pdus(self, our_ends: set[int]) -> list[Seen]:
        """Every PDU; our ends are the ports by which we are known in each connection."""
        seen = []
        names = ("tcp.srcport", "tcp.dstport", "dicom.pdu.type", "dicom.pdu.len")
        for source, target, kinds, lengths in self.fields("dicom.pdu.type", *names):
            by_us = int(source) in our_ends
            connection = (int(source), int(target)) if by_us else (int(target), int(source))
            for kind, length in zip(kinds.split(","), lengths.split(","), strict=True):
                seen.append(Seen(connection, by_us, int(kind, 0), int(length)))
        return seen

    @property
    def faults(self) -> list[list[str]]:
        return self.fields(FAULT, "frame.number", "_ws.expert.message")


def recorded(records: Iterable[Record]) -> list[Seen]:
    """The PDUs of a trace."""
    connections: dict[int, tuple[int, int]] = {}
    seen = []
    for record in records:
        if isinstance(record, ConnectRecord) and not record.error:
            connections[record.association] = (_port(record.local), _port(record.peer))
        elif isinstance(record, PduRecord):
            by_us = record.direction is Direction.SENT
            seen.append(Seen(connections[record.association], by_us, record.pdu_type, record.length - 6))
    return seen


def _port(place: str) -> int:
    return int(place.rpartition(":")[2])


def by_connection(seen: Iterable[Seen]) -> dict[tuple[int, int], list[Seen]]:
    found: dict[tuple[int, int], list[Seen]] = {}
    for one in seen:
        found.setdefault(one.connection, []).append(one)
    return found


def check_capture(records: Sequence[Record], path: Path) -> Capture:
    """Export the records; tshark sees the same PDUs in the same order in each connection, and nothing wrong."""
    export_pcapng(records, path)
    expected = recorded(records)
    capture = Capture(path, {port for one in expected for port in one.connection})
    seen = capture.pdus({one.connection[0] for one in expected})
    assert Counter(one.type for one in seen) == Counter(one.type for one in expected)
    assert by_connection(seen) == by_connection(expected)
    assert capture.faults == []
    return capture


def types(records: Iterable[Record]) -> Counter[int]:
    return Counter(one.type for one in recorded(records))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
    folder = tmp_path_factory.mktemp("files")
    return [write_instance(folder, number, pixel_bytes=65_536 * number) for number in (1, 2, 6)]


async def send_to(context: AppContext, address: str, files: Sequence[Path], options: ConnectionOptions) -> bool:
    with await prepare(context, files) as selection:
        return (await send(context, PeerAddress.parse(address), options, selection)).ok


@pytest.mark.interop("tshark", "storescp")
@pytest.mark.parametrize("full", [False, True], ids=["first bytes of data sets", "whole data sets"])
async def test_echo_and_store_at_storescp(
    context: AppContext, tmp_path: Path, files: Sequence[Path], full: bool
) -> None:
    options = ConnectionOptions(trace_full=full)
    with peers.storescp(tmp_path / "storescp", "--max-pdu", 16_384) as peer:
        async with Tap(peer.port) as tap:
            address = f"STORESCP@{peers.LOOPBACK}:{tap.port}"
            assert (await echo(context, PeerAddress.parse(address), options, repeat=3)).ok
            assert await send_to(context, address, files, options)
    records = list(context.trace.records())
    capture = check_capture(records, tmp_path / "trace.pcapng")
    counts = types(records)
    assert (counts[RQ], counts[AC], counts[RELEASE_RQ], counts[RELEASE_RP]) == (2, 2, 2, 2)
    for conversation, traced in zip(tap.conversations, by_connection(recorded(records)).values(), strict=True):
        for stream, by_us in ((conversation.sent, True), (conversation.answered, False)):
            on_the_wire = [(pdu.type, pdu.length) for pdu in pdus(bytes(stream))]
            assert [(one.type, one.length) for one in traced if one.by_us is by_us] == on_the_wire
    texts = " ".join(info for (info,) in capture.fields("dicom", "_ws.col.info"))
    assert texts.count("C-ECHO-RQ") == texts.count("C-ECHO-RSP") == 3
    assert texts.count("C-STORE-RQ") >= 3
    assert texts.count("C-STORE-RSP") >= 3
    called = {name.strip() for (name,) in capture.fields("dicom.pdu.type == 1", "dicom.assoc.ae.called")}
    assert called == {"STORESCP"}


@pytest.mark.interop("tshark", "storescu", "echoscu")
async def test_what_our_listener_received(
    context: AppContext, listen: Listen, tmp_path: Path, files: Sequence[Path]
) -> None:
    async with listen() as listener:
        for command in (("echoscu", "-v"), ("storescu", "-v"), ("echoscu", "-v", "--abort")):
            last = files if command[0] == "storescu" else ()
            done = await peers.run(*command, "-aec", "OURS", peers.LOOPBACK, listener.port, *last)
            assert done.code == 0, str(done)
    records = list(context.trace.records())
    check_capture(records, tmp_path / "trace.pcapng")
    counts = types(records)
    assert (counts[RQ], counts[AC], counts[ABORT]) == (3, 3, 1)
    assert counts[RELEASE_RQ] == counts[RELEASE_RP] == 2


@pytest.mark.interop("tshark", "storescp", "dcmqrscp", "echoscu")
async def test_associations_that_fail(
    context: AppContext, listen: Listen, tmp_path: Path, files: Sequence[Path]
) -> None:
    """Rejected by each side, aborted by each side, without an answer, and one that never was a connection."""
    plain = ConnectionOptions()
    short = ConnectionOptions(timeouts=Timeouts(response_s=1))
    with peers.storescp(tmp_path / "refuses", "--refuse") as peer:
        assert not (await echo(context, PeerAddress.parse(peer.address), plain)).ok
    with peers.dcmqrscp(tmp_path / "other") as peer:
        assert not (await echo(context, PeerAddress.parse(f"WRONG@{peers.LOOPBACK}:{peer.port}"), plain)).ok
    with peers.storescp(tmp_path / "aborts", "--abort-after") as peer:
        assert not await send_to(context, peer.address, files[:1], plain)
    with peers.storescp(tmp_path / "sleeps", "--sleep-during", 60) as peer:
        assert not await send_to(context, peer.address, files[:1], short)
    assert not (await echo(context, PeerAddress.parse(f"X@{peers.LOOPBACK}:{peers.free_port()}"), plain)).ok
    async with listen(check_called_ae=True) as listener:
        done = await peers.run("echoscu", "-aec", "THEIRS", peers.LOOPBACK, listener.port)
        assert done.code != 0
    records = list(context.trace.records())
    counts = types(records)
    assert (counts[RQ], counts[AC], counts[RJ], counts[ABORT]) == (5, 2, 3, 2)
    export_pcapng(records, tmp_path / "trace.pcapng")
    expected = recorded(records)
    capture = Capture(tmp_path / "trace.pcapng", {port for one in expected for port in one.connection})
    seen = capture.pdus({one.connection[0] for one in expected})
    assert by_connection(seen) == by_connection(expected)
    assert capture.fields("_ws.malformed", "frame.number") == []
    rejections = [
        line
        for line in capture.fields(
            "dicom.pdu.type == 3", *(f"dicom.assoc.reject.{name}" for name in ("result", "source", "reason"))
        )
    ]
    assert sorted(tuple(int(code, 0) for code in line) for line in rejections) == [(1, 1, 1), (1, 1, 7), (1, 1, 7)]


@pytest.mark.interop("tshark", "storescp")
async def test_a_trace_file_of_the_command_line(tmp_path: Path, files: Sequence[Path]) -> None:
    """`--trace`, read again, and `trace export`."""
    trace, capture = tmp_path / "a.dgtrace", tmp_path / "a.pcapng"
    with peers.storescp(tmp_path / "storescp") as peer:
        sent = await peers.run(
            "python", "-m", "dicomgui", "send", peer.address, *files, "--trace", trace, cwd=peers.SOURCE
        )
        assert sent.code == 0, str(sent)
    done = await peers.run("python", "-m", "dicomgui", "trace", "export", trace, "-o", capture, cwd=peers.SOURCE)
    assert done.code == 0, str(done)
    expected = recorded(read_trace(trace))
    reader = Capture(capture, {peer.port})
    assert by_connection(reader.pdus({one.connection[0] for one in expected})) == by_connection(expected)
    assert reader.faults == []
    assert Counter(one.type for one in expected)[DATA] > 12


@pytest.mark.interop("tshark", "storescu")
async def test_a_trace_file_of_many_associations_at_a_time(
    context: AppContext, listen: Listen, tmp_path: Path, files: Sequence[Path]
) -> None:
    """Their records are mixed in the file; in the capture each has its own connection."""
    path = tmp_path / "a.dgtrace"
    with TraceWriter(path) as writer:
        context.add_tracer(writer)
        async with listen() as listener:
            commands = [("storescu", "-aet", f"SCU{n}", peers.LOOPBACK, listener.port, *files) for n in range(6)]
            for done in await peers.run_all(commands, tmp_path):
                assert done.code == 0, str(done)
        context.remove_tracer(writer)
    records = list(await asyncio.to_thread(lambda: list(read_trace(path))))
    check_capture(records, tmp_path / "trace.pcapng")
    assert types(records)[RELEASE_RP] == 6
