from __future__ import annotations

import errno
import os
import sys

from helpers.bad_peer import bad_server

from dicomgui.app.explaining import explain_failure, explain_no_listener, facts_of_port
from dicomgui.network.errors import ConnectionRefused, ListenError
from dicomgui.storage import StorageError
from dicomgui.storage.errors import from_os_error


def test_faults_of_the_archive_are_faults_of_files() -> None:
    finding = explain_failure(StorageError("no space left on the disk.", path="/a/b"))
    assert finding.code == "file-failed"
    assert "/a/b" in finding.what
    assert "no space left on the disk)" in finding.what
    assert finding.tries
    assert "(no path)" in explain_failure(StorageError("odd")).what


def test_the_reason_of_a_failed_file_decides_on_the_advice() -> None:
    full = explain_failure(from_os_error(OSError(errno.ENOSPC, "No space left on device"), "/a", "write"))
    assert (full.code, "Free space" in full.tries[0]) == ("file-disk-full", True)
    denied = explain_failure(from_os_error(OSError(errno.EACCES, "Permission denied"), "/a", "write"))
    assert (denied.code, "permission" in denied.tries[0]) == ("file-no-access", True)
    gone = explain_failure(from_os_error(OSError(errno.ENOENT, "No such file or directory"), "/a", "write"))
    assert gone.code == "file-no-folder"
    other = explain_failure(from_os_error(OSError(errno.EIO, "Input/output error"), "/a", "write"))
    assert (other.code, other.causes, other.tries[0]) == ("file-failed", (), "Look at the system's log.")


def test_other_errors_are_explained_as_ever() -> None:
    assert explain_failure(ConnectionRefused("no", peer="A@h:1")).code == "closed-port"
    assert explain_failure(KeyError("x")).code == "internal-fault"


async def test_a_listener_that_did_not_start() -> None:
    async with bad_server(lambda peer: peer.drop()) as server:
        error = ListenError(f"cannot listen on 0.0.0.0:{server.port}: the port is in use by another program")
        finding = explain_no_listener(error)
    assert finding.code == "port-in-use"
    assert finding.actions[0].value == str(server.port + 1)
    if sys.platform == "linux":
        assert f"Port {server.port} is used by" in finding.causes[0]
    assert explain_no_listener(ListenError("odd")).code == "listen-failed"


async def test_who_holds_a_port() -> None:
    async with bad_server(lambda peer: peer.drop()) as server:
        owners = facts_of_port(server.port).port_owners
    assert not owners or str(os.getpid()) in owners[server.port]
