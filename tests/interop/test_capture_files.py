"""Captures in every format that Wireshark writes, and of TLS: imported, and decrypted by tshark with our keys."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from helpers import peers, programs
from helpers.capturing import can_capture, capturing
from helpers.certificates import Authority, client_config, server_config
from helpers.dissection import dissect

from dicomgui.network import AcceptPolicy, ServerOptions, connect, presets, serve
from dicomgui.network.tracing import BytesRecord, ConnectRecord, PduRecord, Record, TlsRecord
from dicomgui.trace.capture import import_capture
from dicomgui.trace.capture.secrets import add_keylog
from dicomgui.trace.diagnosis.diagnose import diagnose
from dicomgui.trace.file import TraceWriter, read_trace
from dicomgui.trace.finding import Severity
from dicomgui.trace.pcap import export_pcapng

RECORDED = Path(__file__).parents[1] / "vectors" / "captures" / "dcmtk-orthanc.pcapng"


def imported(path: Path) -> list[Record]:
    records: list[Record] = []
    import_capture(path, records.append)
    return records


def pdus(records: list[Record]) -> list[tuple[object, ...]]:
    return [(record.direction, *record[4:]) for record in records if isinstance(record, PduRecord)]


@pytest.mark.interop("editcap")
@pytest.mark.parametrize("kind", ["pcap", "nsecpcap", "modpcap", "pcapng"])
def test_formats(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    subprocess.run([programs.find("editcap"), "-F", kind, RECORDED, path], check=True, timeout=peers.DEADLINE_S)
    assert pdus(imported(path)) == pdus(imported(RECORDED))


@pytest.mark.interop("editcap")
def test_packets_in_the_wrong_order_and_twice(tmp_path: Path) -> None:
    """tshark counts the same PDUs, although each packet is there twice and neighbours have changed places."""
    path, other = tmp_path / "a", tmp_path / "b"
    editcap = programs.find("editcap")
    subprocess.run([editcap, "-t", "0.000003", RECORDED, path], check=True, timeout=peers.DEADLINE_S)
    command = [programs.find("mergecap"), "-w", other, RECORDED, path]
    subprocess.run(command, check=True, timeout=peers.DEADLINE_S)
    assert pdus(imported(other)) == pdus(imported(RECORDED))


@pytest.mark.interop("tshark")
def test_the_export_of_an_import_is_the_same_for_tshark(tmp_path: Path) -> None:
    """Capture, import, .dgtrace, export: what goes in comes out, but for the passcode that no trace keeps."""
    with TraceWriter(tmp_path / "a.dgtrace") as writer:
        import_capture(RECORDED, writer)
    records = list(read_trace(tmp_path / "a.dgtrace"))
    export_pcapng(records, tmp_path / "b.pcapng")
    called = {int(record.peer.rpartition(":")[2]) for record in records if isinstance(record, ConnectRecord)}
    before, after = dissect(RECORDED, called), dissect(tmp_path / "b.pcapng", called)
    assert [(one.ports, one.data) for one in after] == [
        (one.ports, one.data.replace(b"not to be seen", b"*" * 14)) for one in before
    ]
    assert [len(one.fields) for one in after] == [len(one.fields) for one in before]
    assert pdus(imported(tmp_path / "b.pcapng")) == pdus(records)


@pytest.mark.interop("tshark")
def test_our_export_of_a_large_store(tmp_path: Path) -> None:
    """More than 1,000 PDUs: exported, seen by tshark as they are, imported as they were."""
    records: list[Record] = []
    number = 1200
    source = imported(RECORDED)
    stores = [record for record in source if isinstance(record, PduRecord) and record.length == 16_384]
    association = stores[0].association
    for record in source:
        if record.association == association:
            records.append(record)
            if record is stores[0]:  # more of the same data set
                records += [stores[1]] * number
    export_pcapng(records, tmp_path / "a.pcapng")
    port = next(int(record.peer.rpartition(":")[2]) for record in records if isinstance(record, ConnectRecord))
    command = [programs.find("tshark"), "-n", "-r", tmp_path / "a.pcapng", "-d", f"tcp.port=={port},dicom"]
    command += ["-T", "fields", "-e", "dicom.pdu.type", "-e", "dicom.pdu.len"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=peers.DEADLINE_S)
    kinds, lengths = zip(*(line.split("\t") for line in done.stdout.splitlines() if line.strip()), strict=True)
    seen = zip(",".join(kinds).split(","), ",".join(lengths).split(","), strict=True)
    expected = [(record.pdu_type, record.length - 6) for record in records if isinstance(record, PduRecord)]
    assert [(int(kind, 0), int(length)) for kind, length in seen] == expected
    assert len(expected) > number
    assert pdus(imported(tmp_path / "a.pcapng")) == pdus(records)


if can_capture():  # otherwise they are no tests of this machine

    @pytest.mark.interop("tshark")
    @pytest.mark.parametrize("device", ["lo", "any"])
    @pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
    async def test_devices_and_ip_versions(tmp_path: Path, device: str, host: str) -> None:
        """On ``any`` packets are of Linux cooked mode, and those of the loopback may come twice."""
        path = tmp_path / "a.pcapng"
        async with await serve(host, 0, options=ServerOptions(AcceptPolicy())) as server:
            port = server.port
            place = f"[{host}]" if ":" in host else host
            with capturing(path, [port], device=device):
                async with connect(f"DICOMGUI@{place}:{port}", contexts=presets.VERIFICATION) as association:
                    await association.echo()
        records = imported(path)
        assert [record.pdu_type for record in records if isinstance(record, PduRecord)] == [1, 2, 4, 4, 5, 6]
        (opened,) = [record for record in records if isinstance(record, ConnectRecord)]
        assert opened.peer == f"{place}:{port}"

    @pytest.mark.interop("tshark")
    async def test_tls_with_our_keys(tmp_path: Path) -> None:
        """The import tells of TLS without reading it; tshark reads it with the keys, byte for byte as we sent it."""
        authority = Authority(tmp_path)
        options = ServerOptions(AcceptPolicy(), tls=server_config(authority.issue()))
        keys, wire, opened = tmp_path / "keys.log", tmp_path / "wire.pcapng", tmp_path / "opened.pcapng"
        traced: list[Record] = []
        tls = client_config(authority, keylog_file=keys)
        async with await serve(port=0, options=options) as server:
            port = server.port
            address = f"DICOMGUI@{peers.LOOPBACK}:{port}"
            with capturing(wire, [port]):
                async with connect(address, contexts=presets.VERIFICATION, tracer=traced.append, tls=tls) as made:
                    await made.echo()
        records: list[Record] = []
        import_capture(wire, records.append, ports=frozenset({port}))
        ours = [record for record in traced if isinstance(record, TlsRecord)]
        told = [record for record in records if isinstance(record, TlsRecord)]
        assert [(one.version, one.cipher, one.error) for one in told] == [(ours[0].version, ours[0].cipher, "")]
        assert all(not record.data for record in records if isinstance(record, BytesRecord))
        assert not [finding for finding in diagnose(records) if finding.severity is Severity.ERROR]

        add_keylog(wire, keys, opened)
        assert _decrypted(wire, port) == []
        sent = [record for record in traced if isinstance(record, PduRecord)]
        assert _decrypted(opened, port) == [record.segments[0].data for record in sent]
        assert len(sent) == 6


def _decrypted(path: Path, port: int) -> list[bytes]:
    """The application data that tshark can read."""
    command = [programs.find("tshark"), "-n", "-r", path, "-d", f"tcp.port=={port},tls", "-d", f"tls.port=={port},data"]
    command += ["-Y", "data", "-T", "fields", "-e", "data.data"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=peers.DEADLINE_S)
    return [bytes.fromhex(one) for line in done.stdout.splitlines() for one in line.split(",")]
