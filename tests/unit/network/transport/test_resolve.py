"""The look-up of names: what comes of it, and that nobody waits for one that nobody wants any more."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from dicomgui.network.transport import resolve
from dicomgui.network.transport.resolve import look_up, usual_literal
from dicomgui.network.transport.sockets import IpFamily

STUCK = """
import socket, threading, time
ask = socket.getaddrinfo
def stuck(host, *args, **more):
    return ask(host, *args, **more) if more.get("flags") else time.sleep(60)
socket.getaddrinfo = stuck
from dicomgui.cli.main import main
raise SystemExit(main(["echo", "X@pacs.example", "--timeout", "0.2"]))
"""


def answering(monkeypatch: pytest.MonkeyPatch, answer: list[str] | Exception) -> list[str]:
    """Have the system answer; gives the names of the threads in which it was asked for a name."""
    asked: list[str] = []

    def ask(host: str, port: int, *, flags: int = 0, **more: Any) -> list[Any]:
        if flags:
            raise socket.gaierror(socket.EAI_NONAME, "no literal")
        asked.append(threading.current_thread().name)
        if isinstance(answer, Exception):
            raise answer
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in answer]

    monkeypatch.setattr(resolve.socket, "getaddrinfo", ask)
    return asked


@pytest.mark.parametrize(
    ("host", "family", "address"),
    [
        ("127.0.0.1", "any", ["127.0.0.1"]),
        ("0:0::1", "any", ["::1"]),
        ("192.0.2.1", "ipv4", ["192.0.2.1"]),
        ("192.0.2.1", "ipv6", []),
        ("::1", "ipv4", []),
        ("127.1", "any", []),
        ("fe80::1%lo", "any", []),
        ("pacs.example", "any", []),
        ("a\0b", "any", []),
        ("\ud800", "any", []),
    ],
)
def test_an_address_in_its_usual_form_is_known_without_the_system(
    host: str, family: IpFamily, address: list[str]
) -> None:
    assert usual_literal(host, family) == address


@pytest.mark.parametrize("literal", ["127.0.0.1", "::1"])
async def test_a_literal_needs_no_thread(literal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve.threading, "Thread", None)
    assert await look_up(literal, 104) == [literal]


async def test_each_address_once_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answering(monkeypatch, ["192.0.2.2", "192.0.2.1", "192.0.2.2"])
    assert await look_up("pacs.example", 104) == ["192.0.2.2", "192.0.2.1"]
    assert asked == ["look-up"]


@pytest.mark.parametrize("error", [socket.gaierror(socket.EAI_NONAME, "unknown"), UnicodeError("label too long")])
async def test_what_the_system_raises(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, error)
    with pytest.raises(type(error)):
        await look_up("pacs.example", 104)


async def test_a_name_of_this_computer() -> None:
    assert {"127.0.0.1", "::1"} & set(await look_up("localhost", 104))


@pytest.mark.parametrize("answer", [["192.0.2.1"], OSError("late")])
def test_an_answer_that_nobody_wants_any_more_is_forgotten(
    answer: list[str] | Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither after a cancel nor when the loop itself is gone."""
    answering(monkeypatch, answer)
    go_on, ask = threading.Event(), resolve._addresses

    def late(host: str, port: int, *more: Any) -> list[str]:
        if not more[1:]:
            go_on.wait()
        return ask(host, port, *more)

    monkeypatch.setattr(resolve, "_addresses", late)
    workers: list[threading.Thread] = []

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await look_up("pacs.example", 104)
        workers.extend(thread for thread in threading.enumerate() if thread.name == "look-up")

    async def give_up_and_see_the_answer_come() -> None:
        await give_up()
        go_on.set()
        await asyncio.to_thread(workers[0].join)
        await asyncio.sleep(0)

    asyncio.run(give_up_and_see_the_answer_come())
    go_on.clear()
    workers.clear()
    asyncio.run(give_up())
    go_on.set()
    for worker in workers:
        worker.join()


def test_a_command_ends_in_its_time_though_the_resolver_is_stuck() -> None:
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", STUCK], capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 3, done
    assert "took longer than 0.2 s" in done.stdout
    assert time.monotonic() - started < 30
