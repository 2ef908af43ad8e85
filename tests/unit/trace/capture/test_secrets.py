from __future__ import annotations

import sys
from pathlib import Path

import pytest
from helpers.packets import Talk, enhanced, ethernet, interface, option, pcap, pcapng, section

from dicomgui.trace.capture.reader import CaptureError, CaptureReader
from dicomgui.trace.capture.secrets import add_keylog
from dicomgui.trace.pcap import PcapExportError

KEYS = b"CLIENT_RANDOM 00ff 11ee\n"
TALK = Talk().open().close()


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "keys.log"
    path.write_bytes(KEYS)
    return path


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_keys_stand_before_the_packets_and_all_else_stays(tmp_path: Path, keys: Path, order: str) -> None:
    rest = interface(option(9, b"\x09", order), order=order)
    rest += b"".join(enhanced(ethernet(data), time_ns, order=order) for time_ns, data in TALK.packets)
    source = tmp_path / "a.pcapng"
    source.write_bytes(section(order) + rest)
    add_keylog(source, keys, tmp_path / "b.pcapng")
    copy = (tmp_path / "b.pcapng").read_bytes()
    assert copy.startswith(section(order))
    assert copy.endswith(rest)
    reader = CaptureReader(tmp_path / "b.pcapng")
    assert list(reader) == list(CaptureReader(source))
    assert (reader.secrets, reader.notes) == (1, ())
    assert KEYS in copy
    if sys.platform != "win32":
        assert (tmp_path / "b.pcapng").stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.glob("*.part"))


def test_the_old_format_has_no_place_for_keys(tmp_path: Path, keys: Path) -> None:
    with pytest.raises(CaptureError, match="save it as pcapng first"):
        add_keylog(pcap(tmp_path / "a.pcap", TALK.packets), keys, tmp_path / "b.pcapng")
    assert not (tmp_path / "b.pcapng").exists()


def test_faults_leave_what_is_there(tmp_path: Path, keys: Path) -> None:
    source = pcapng(tmp_path / "a.pcapng", TALK.packets)
    target = tmp_path / "b.pcapng"
    target.write_text("precious")
    (tmp_path / "short").write_bytes(source.read_bytes()[:20])
    (tmp_path / "none").write_text("no keys")
    with pytest.raises(CaptureError, match="is damaged"):
        add_keylog(tmp_path / "short", keys, target)
    with pytest.raises(PcapExportError, match="is no TLS key log"):
        add_keylog(source, tmp_path / "none", target)
    with pytest.raises(CaptureError, match="cannot read"):
        add_keylog(tmp_path / "missing", keys, target)
    with pytest.raises(PcapExportError, match="cannot write"):
        add_keylog(source, keys, tmp_path / "missing" / "b.pcapng")
    assert target.read_text() == "precious"
