"""The checks in `tests/conftest.py` catch what they are there for: each of these wrong tests must not pass."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from helpers.source import ROOT

WRONG = """
import asyncio
import socket

import pytest

kept = []


async def test_leaked_task():
    kept.append(asyncio.get_running_loop().create_task(asyncio.Event().wait()))


@pytest.mark.qt
async def test_leaked_task_on_qt():
    kept.append(asyncio.get_running_loop().create_task(asyncio.Event().wait()))


async def test_unseen_exception():
    async def fail():
        raise ValueError

    asyncio.get_running_loop().create_task(fail())
    await asyncio.sleep(0)


async def test_failing_callback():
    asyncio.get_running_loop().call_soon(lambda: 1 / 0)
    await asyncio.sleep(0)


@pytest.mark.qt
async def test_failing_callback_on_qt():
    asyncio.get_running_loop().call_soon(lambda: 1 / 0)
    await asyncio.sleep(0)


async def test_open_socket():
    ring = [socket.socket()]
    ring.append(ring)


async def test_open_transport():
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    await asyncio.open_connection(*server.sockets[0].getsockname())
    server.close()


@pytest.mark.interop("a-program-that-nobody-has")
def test_missing_program():
    pass
"""

RIGHT = """
import asyncio

import pytest


@pytest.fixture
async def port():
    async def answer(reader, writer):
        writer.write(await reader.readexactly(4))
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.any_loop
async def test_echo(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"ping")
    assert await reader.read() == b"ping"
    writer.close()
    await writer.wait_closed()


@pytest.mark.long
def test_not_asked_for():
    raise AssertionError
"""


def _run(folder: Path, source: str) -> str:
    path = folder / "test_sample.py"
    path.write_text(source, encoding="utf-8")
    options = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT), "-p", "conftest", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rA", *options, str(path)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests")},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return done.stdout + done.stderr


def test_each_wrong_test_fails(tmp_path: Path) -> None:
    output = _run(tmp_path, WRONG)
    names = re.findall(r"def (test_\w+)", WRONG)
    if not sys.platform.startswith("linux"):
        names.remove("test_missing_program")
    caught = set(re.findall(r"^(?:FAILED|ERROR) .*::(\w+)", output, re.MULTILINE))
    assert caught == set(names), output


def test_the_right_way_passes_on_both_loops(tmp_path: Path) -> None:
    output = _run(tmp_path, RIGHT)
    assert re.search(r"\b2 passed, 1 deselected", output), output
