"""tshark reads an exported trace and sees the same PDUs that were recorded."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from helpers.recordings import CT, EXPLICIT, IMPLICIT, Recording, associate_ac, associate_rq

from dicomgui.network.dimse import CEchoRQ, CEchoRSP, CStoreRQ, CStoreRSP, encode
from dicomgui.network.pdu import (
    PDV,
    Abort,
    AssociateRJ,
    PDataTF,
    PresentationContextAC,
    PresentationContextRQ,
    ReleaseRP,
    ReleaseRQ,
)
from dicomgui.network.status import Status
from dicomgui.network.tracing import Direction, PduRecord, Record, Role, Segment
from dicomgui.trace.pcap import export_pcapng

pytestmark = pytest.mark.interop("tshark")

VERIFICATION = "1.2.840.10008.1.1"
RQ = associate_rq(PresentationContextRQ(1, VERIFICATION, (IMPLICIT,)), PresentationContextRQ(3, CT, (EXPLICIT,)))
AC = associate_ac(PresentationContextAC(1, 0, IMPLICIT), PresentationContextAC(3, 0, EXPLICIT))


def tshark(path: Path, port: int, *arguments: str) -> list[str]:
    command = ["tshark", "-n", "-r", str(path), "-d", f"tcp.port=={port},dicom", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return result.stdout.splitlines()


def pdu_types(path: Path, port: int) -> list[int]:
    lines = tshark(path, port, "-Y", "dicom", "-T", "fields", "-e", "dicom.pdu.type")
    return [int(value, 0) for line in lines for value in line.split(",")]


def faults(path: Path, port: int) -> list[str]:
    """What tshark warns of: malformed packets, bad checksums, lost or repeated segments."""
    checks = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]
    warnings = ["-Y", "_ws.malformed || _ws.expert.severity >= 0x600000", "-T", "fields", "-e", "_ws.expert.message"]
    return tshark(path, port, *checks, *warnings)


def data_set(length: int) -> bytes:
    """An explicit little endian data set of one element (7FE0,0010) OB."""
    return bytes.fromhex("e07f10004f420000") + length.to_bytes(4, "little") + bytes(length)


def store(recording: Recording, number: int, size: int, snap: int | None) -> None:
    """A C-STORE with its data set in PDUs of 16 KiB, of which ``snap`` bytes each are kept."""
    uid = f"1.2.3.{number}"
    recording.raw(Direction.SENT, PDataTF((PDV(3, 3, encode(CStoreRQ(number, CT, uid))),)).encode())
    data = data_set(size)
    for start in range(0, len(data), 16_378):
        last = start + 16_378 >= len(data)
        pdu = PDataTF((PDV(3, 2 if last else 0, data[start : start + 16_378]),)).encode()
        kept = pdu if snap is None else pdu[: 12 + snap]
        recording.raw(Direction.SENT, kept, length=len(pdu))
    recording.raw(Direction.RECEIVED, PDataTF((PDV(3, 3, encode(CStoreRSP(number, Status(0), CT, uid))),)).encode())


def session(local: str, peer: str, *, snap: int | None) -> list[Record]:
    recording = Recording().connect(local, peer)
    recording.raw(Direction.SENT, RQ.encode()).raw(Direction.RECEIVED, AC.encode())
    recording.raw(Direction.SENT, PDataTF((PDV(1, 3, encode(CEchoRQ(1))),)).encode())
    recording.raw(Direction.RECEIVED, PDataTF((PDV(1, 3, encode(CEchoRSP(1, Status(0)))),)).encode())
    store(recording, 2, 1_000, snap)
    store(recording, 3, 300_000, snap)
    recording.sent(ReleaseRQ()).received(ReleaseRP()).closed(by_peer=False)
    return recording.records


def recorded_types(records: list[Record]) -> list[int]:
    return [record.pdu_type for record in records if isinstance(record, PduRecord)]


@pytest.mark.parametrize("snap", [None, 100], ids=["whole", "snapped"])
@pytest.mark.parametrize(
    ("local", "peer", "port"),
    [("127.0.0.1:50000", "127.0.0.1:11112", 11112), ("[::1]:50000", "[::1]:104", 104)],
    ids=["IPv4", "IPv6"],
)
def test_the_same_pdus_are_seen(tmp_path: Path, local: str, peer: str, port: int, snap: int | None) -> None:
    path = tmp_path / "a.pcapng"
    records = session(local, peer, snap=snap)
    export_pcapng(records, path)
    assert pdu_types(path, port) == recorded_types(records)
    assert faults(path, port) == []
    commands = tshark(path, port, "-Y", "dicom", "-T", "fields", "-e", "_ws.col.info")
    assert any("C-ECHO-RQ" in line for line in commands)
    assert sum("C-STORE-RSP" in line for line in commands) == 2
    comments = tshark(path, port, "-Y", "frame.comment contains zeros", "-T", "fields", "-e", "frame.comment")
    assert bool(comments) is (snap is not None)


def test_rejections_and_aborts_are_seen(tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    rejected = Recording(1).connect("10.0.0.1:50001").sent(RQ).received(AssociateRJ(1, 1, 7)).closed()
    aborted = Recording(2).connect("10.0.0.1:50002").sent(RQ).received(AC).received(Abort(2, 6))
    aborted.closed(error="ConnectionResetError: x")
    called = Recording(3, role=Role.ACCEPTOR).connect("10.0.0.1:104", "10.0.0.9:41000")
    called.received(RQ).sent(AC).received(ReleaseRQ()).sent(ReleaseRP()).closed()
    refused = Recording(4).connect("", error="ConnectionRefused: nothing listens")
    records = [*rejected.records, *aborted.records, *called.records, *refused.records]
    export_pcapng(records, path)
    assert pdu_types(path, 104) == recorded_types(records)
    told = ["Association rejected", "Association aborted", "Connection reset (RST)", "Connection reset (RST)"]
    assert faults(path, 104) == told


def test_unusual_pdus_do_not_confuse_what_follows(tmp_path: Path) -> None:
    """A PDU of which nothing but its length is known is zeros; the next one is seen again."""
    path = tmp_path / "a.pcapng"
    recording = Recording().connect().sent(RQ).received(AC)
    head = PDataTF((PDV(3, 0, bytes(70_000)),)).encode()[:12]
    recording.add(PduRecord(*recording.head, Direction.SENT, 4, 70_012, (Segment(0, head),), ""))
    recording.sent(ReleaseRQ()).received(ReleaseRP()).closed()
    export_pcapng(recording.records, path)
    assert pdu_types(path, 104) == [1, 2, 4, 5, 6]
