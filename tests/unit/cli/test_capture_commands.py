"""trace import."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.packets import ACK, SERVER, Talk, pcapng
from helpers.recordings import CT, IMPLICIT, associate_ac, associate_rq

from dicomgui.cli.main import main
from dicomgui.network.dimse import CEchoRQ, encode
from dicomgui.network.pdu import PDV, PDataTF
from dicomgui.network.tracing import BytesRecord, ConnectRecord, PduRecord, Role
from dicomgui.trace.file import read_trace

RQ, AC = associate_rq().encode(), associate_ac().encode()
ECHO = PDataTF((PDV(1, 3, encode(CEchoRQ(1))),)).encode()
WEB = Talk(server=(SERVER[0], 8042)).open().send(0, b"GET / HTTP/1.1\r\n\r\n").send(1, b"HTTP/1.1 200 OK\r\n").close()


def session() -> Talk:
    return Talk().open().send(0, RQ).send(1, AC).send(0, ECHO).close()


def test_import_writes_a_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture = pcapng(tmp_path / "a.pcapng", session().packets + WEB.packets)
    assert main(["trace", "import", str(capture), "-o", str(tmp_path / "a.dgtrace")]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("1 connection imported from ")
    assert out.rstrip().endswith("other connections: 1 HTTP")
    assert "patient data" in err
    reader = read_trace(tmp_path / "a.dgtrace")
    pdus = [record for record in reader if isinstance(record, PduRecord)]
    assert [pdu.segments[0].data for pdu in pdus] == [RQ, AC, ECHO]
    assert reader.is_complete
    assert reader.info["imported_from"] == "a.pcapng"
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["a.dgtrace", "a.pcapng"]


def test_json_tells_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture = pcapng(tmp_path / "a.pcapng", session().packets + WEB.packets)
    assert main(["trace", "import", "--json", str(capture), "-o", str(tmp_path / "a.dgtrace")]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["associations"], told["others"]) == (True, 1, {"HTTP": 1})


def test_options(tmp_path: Path) -> None:
    """Contexts set by hand, the side that is ours, and a port where DICOM was expected."""
    late = session().packets[-5:]
    capture = pcapng(tmp_path / "a.pcapng", [*late, *WEB.packets])
    command = ["trace", "import", str(capture), "-o", str(tmp_path / "x"), "--we", "acceptor", "--port", "8042"]
    assert main([*command, "--context", f"1=1.2.840.10008.1.1,{IMPLICIT}", "--context", f"3={CT},{IMPLICIT}"]) == 0
    records = list(read_trace(tmp_path / "x"))
    assert {record.role for record in records if isinstance(record, ConnectRecord)} == {Role.ACCEPTOR}
    assert any(isinstance(record, BytesRecord) and record.data.startswith(b"GET") for record in records)
    supposed = [record for record in records if isinstance(record, PduRecord) and record.pdu_type in (1, 2)]
    assert len(supposed) == 2


@pytest.mark.parametrize("context", ["1", "1=1.2.3", "x=1.2.3,1.2", "=1.2,1.2", "2=1.2.3,1.2.3", "1=1.2.3,Implicit"])
def test_a_wrong_context_is_wrong_usage(tmp_path: Path, context: str, capsys: pytest.CaptureFixture[str]) -> None:
    capture = pcapng(tmp_path / "a.pcapng", session().packets)
    assert main(["trace", "import", str(capture), "-o", str(tmp_path / "x"), "--context", context]) == 2
    assert "context" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_what_is_no_capture_leaves_everything_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a").write_bytes(b"nothing of the kind")
    (tmp_path / "x").write_text("precious")
    assert main(["trace", "import", str(tmp_path / "a"), "-o", str(tmp_path / "x")]) == 4
    assert "is no capture file" in capsys.readouterr().err
    assert (tmp_path / "x").read_text() == "precious"


def test_without_dicom_there_is_no_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture = pcapng(tmp_path / "a.pcapng", WEB.packets)
    capture.write_bytes(capture.read_bytes()[:-9])
    assert main(["trace", "import", str(capture), "-o", str(tmp_path / "x")]) == 4
    damage, error, *_ = capsys.readouterr().err.splitlines()
    assert "ends in the middle of the packet" in damage
    assert "no DICOM association" in error
    assert [path.name for path in tmp_path.iterdir()] == ["a.pcapng"]


def test_the_capture_itself_is_not_overwritten(tmp_path: Path) -> None:
    capture = pcapng(tmp_path / "a.pcapng", session().packet(0, ACK).packets)
    before = capture.read_bytes()
    assert main(["trace", "import", str(capture), "-o", str(capture)]) == 2
    assert capture.read_bytes() == before


def test_damage_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture = pcapng(tmp_path / "a.pcapng", session().packets)
    capture.write_bytes(capture.read_bytes()[:-9])
    assert main(["trace", "import", str(capture), "-o", str(tmp_path / "x")]) == 0
    assert "ends in the middle" in capsys.readouterr().err


def test_export_takes_a_key_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture = pcapng(tmp_path / "a.pcapng", session().packets)
    trace = str(tmp_path / "a.dgtrace")
    assert main(["trace", "import", str(capture), "-o", trace]) == 0
    keys = tmp_path / "keys.log"
    keys.write_text("CLIENT_RANDOM 00ff 11ee\n")
    assert main(["trace", "export", trace, "-o", str(tmp_path / "b.pcapng"), "--keylog", str(keys)]) == 0
    assert keys.read_bytes() in (tmp_path / "b.pcapng").read_bytes()
    assert main(["trace", "export", trace, "-o", str(tmp_path / "b.txt"), "--keylog", str(keys)]) == 4
    keys.write_text("no keys\n")
    assert main(["trace", "export", trace, "-o", str(tmp_path / "c.pcapng"), "--keylog", str(keys)]) == 4
    assert "is no TLS key log" in capsys.readouterr().err
    assert not (tmp_path / "c.pcapng").exists()


def test_add_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture = pcapng(tmp_path / "a.pcapng", session().packets)
    keys, target = tmp_path / "keys.log", tmp_path / "b.pcapng"
    keys.write_text("CLIENT_RANDOM 00ff 11ee\n")
    command = ["trace", "add-keys", str(capture), "--keylog", str(keys), "-o"]
    assert main([*command, str(target)]) == 0
    assert keys.read_bytes() in target.read_bytes()
    assert "can read everything" in capsys.readouterr().err
    assert main([*command, str(capture)]) == 2
    keys.write_text("none")
    assert main([*command, str(target)]) == 4
