from __future__ import annotations

import os

from helpers.bad_peer import bad_server

from dicomgui.app.explaining import explain_failure, facts_of_port
from dicomgui.network.errors import ConnectionRefused
from dicomgui.storage import StorageError


def test_faults_of_the_archive_are_faults_of_files() -> None:
    finding = explain_failure(StorageError("no space left on the disk.", path="/a/b"))
    assert finding.code == "file-failed"
    assert "/a/b" in finding.what
    assert "no space left on the disk)" in finding.what
    assert finding.tries
    assert "(no path)" in explain_failure(StorageError("odd")).what


def test_other_errors_are_explained_as_ever() -> None:
    assert explain_failure(ConnectionRefused("no", peer="A@h:1")).code == "closed-port"
    assert explain_failure(KeyError("x")).code == "internal-fault"


async def test_who_holds_a_port() -> None:
    async with bad_server(lambda peer: peer.drop()) as server:
        owners = facts_of_port(server.port).port_owners
    assert not owners or str(os.getpid()) in owners[server.port]
