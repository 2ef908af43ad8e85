from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from helpers.bad_peer import bad_server

from dicomgui.app.port_owner import port_owner

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_text(
        HEAD + "   0: 0100007F:2B68 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 777 1\n"
        "   1: 0100007F:2B69 00000000:0000 01 00000000:00000000 00:00000000 00000000  1000        0 778 1\nodd\n"
    )
    folder = tmp_path / "42" / "fd"
    folder.mkdir(parents=True)
    (tmp_path / "42" / "comm").write_text("storescp\n")
    (tmp_path / "7").mkdir()
    (tmp_path / "self").mkdir()
    return tmp_path


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_the_process_that_listens(proc: Path) -> None:
    os.symlink("socket:[777]", proc / "42" / "fd" / "3")
    os.symlink("socket:[778]", proc / "42" / "fd" / "4")
    assert port_owner(0x2B68, proc) == "storescp (process 42)"
    assert port_owner(0x2B69, proc) == ""
    (proc / "42" / "comm").unlink()
    assert port_owner(0x2B68, proc) == "a process (process 42)"


def test_where_it_is_not_known(proc: Path, tmp_path: Path) -> None:
    assert port_owner(0x2B68, proc) == ""
    assert port_owner(1, tmp_path / "nowhere") == ""


async def test_of_this_computer() -> None:
    async with bad_server(lambda peer: peer.drop()) as server:
        owner = port_owner(server.port)
    assert owner == "" or owner.endswith(f"(process {os.getpid()})")
