"""Processes that fork with an association to storescp open, with TLS and on uvloop as well.

The parent's association stands afterwards: over TLS a single byte of the child, such as a close_notify, would end it,
since the peer expects the parent's next record.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from helpers import peers
from helpers.certificates import Authority
from helpers.command_line import DEADLINE_S

pytestmark = [
    pytest.mark.interop("storescp"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork"),
]

START = """
import asyncio, gc, multiprocessing, os, sys
from dicomgui.network import LocalProtocolError, SyncClient, TlsConfig, connect

peer, started_by, ca = sys.argv[1:4]
tls = TlsConfig(ca_file=ca) if ca else None


def start(child):
    if started_by == "multiprocessing":
        process = multiprocessing.get_context("fork").Process(target=child)
        process.start()
        process.join()
        return process.exitcode
    number = os.fork()
    if not number:
        asyncio._set_running_loop(None)
        child()
        sys.stdout.flush()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])
"""

BLOCKING = (
    START
    + """
old = SyncClient.connect(peer, tls=tls)
assert old.echo().status.is_success


def child():
    global old
    for use in (old.echo, old.release, old.abort):
        try:
            use()
        except LocalProtocolError as error:
            assert "forked" in str(error), error
        else:
            raise AssertionError(f"{use} has gone through")
    old = None
    gc.collect()
    with SyncClient.connect(peer, tls=tls) as new:
        assert new.echo().status.is_success
        assert (new.tls is None) == (tls is None)


assert start(child) == 0
assert old.echo().status.is_success
old.release()
print("whole")
"""
)

IN_A_LOOP = (
    START
    + """
new_loop = asyncio.new_event_loop
if sys.argv[4] == "uvloop":
    from uvloop import new_event_loop as new_loop


async def anew(old):
    for use in (old.echo(), old.release(), old.abort()):
        try:
            await use
        except LocalProtocolError as error:
            assert "forked" in str(error), error
        else:
            raise AssertionError(f"{use} has gone through")
    del old
    gc.collect()
    async with connect(peer, tls=tls) as new:
        assert (await new.echo()).status.is_success


async def parent():
    async with connect(peer, tls=tls) as old:
        assert (await old.echo()).status.is_success

        def child():
            with asyncio.Runner(loop_factory=new_loop) as runner:
                runner.run(anew(old))

        assert start(child) == 0
        assert (await old.echo()).status.is_success
    print("whole")


with asyncio.Runner(loop_factory=new_loop) as runner:
    runner.run(parent())
"""
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("fork"))


def run(script: str, *arguments: str) -> None:
    command = [sys.executable, "-W", "ignore", "-c", script, *arguments]
    done = subprocess.run(command, capture_output=True, timeout=DEADLINE_S, check=False)
    assert (done.returncode, done.stdout) == (0, b"whole\n"), done.stderr.decode()


def tls_flags(authority: Authority) -> Sequence[object]:
    pair = authority.issue()
    return "+tls", pair.key, pair.cert, "-ic"


@pytest.mark.parametrize("started_by", ["os.fork", "multiprocessing"])
def test_a_blocking_client_over_tls(tmp_path: Path, authority: Authority, started_by: str) -> None:
    with peers.storescp(tmp_path, "--fork", *tls_flags(authority)) as peer:
        run(BLOCKING, peer.address, started_by, str(authority.file))


@pytest.mark.parametrize("started_by", ["os.fork", "multiprocessing"])
@pytest.mark.parametrize("with_tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_an_association_of_a_loop(
    tmp_path: Path, authority: Authority, loop: str, with_tls: bool, started_by: str
) -> None:
    flags = tls_flags(authority) if with_tls else ()
    with peers.storescp(tmp_path, "--fork", *flags) as peer:
        run(IN_A_LOOP, peer.address, started_by, str(authority.file) if with_tls else "", loop)
