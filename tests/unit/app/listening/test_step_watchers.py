"""Watchers of unified procedure steps: told of each start and stop of the listener, after one of the program, too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import MappingProxyType

import pytest
from helpers.bad_peer import reached

from dicomgui.app.configuration.provided import ALL, USUAL
from dicomgui.app.context import AppContext
from dicomgui.app.listening.desk import AnswerDesk
from dicomgui.app.listening.listener import Listener, ListenerOptions
from dicomgui.app.listening.step_watchers import read_watchers
from dicomgui.network import PeerAddress, Server, connect, serve
from dicomgui.network.association.params import AETitle
from dicomgui.network.service_classes import ups, ups_watch
from dicomgui.network.service_classes.ups_watch import COLD_START, WARM_START, EventReceiver, EventType, UpsEvent


class Watcher:
    """An AE that keeps the events that it is sent."""

    def __init__(self) -> None:
        self.events: list[UpsEvent] = []
        self.server: Server | None = None

    def told(self) -> list[tuple[str, str, str]]:
        return [
            (
                event.scp_status,
                event.dataset.SubscriptionListStatus,
                event.dataset.UnifiedProcedureStepListStatus,
            )
            for event in self.events
            if event.event_type == EventType.SCP_STATUS_CHANGE
        ]


@pytest.fixture
async def watcher() -> AsyncIterator[Watcher]:
    made = Watcher()
    async with await serve(port=0, ae_title="WATCHER", handlers=EventReceiver(made.events.append).handlers()) as server:
        made.server = server
        yield made


def listener(context: AppContext, folder: Path, watcher: Watcher, **more: object) -> Listener:
    """A new one, as after a start of the program."""
    assert watcher.server is not None
    there = PeerAddress(AETitle("WATCHER"), "127.0.0.1", watcher.server.port)
    options = ListenerOptions(
        folder, port=0, fsync=False, services=ALL, peers=MappingProxyType({"WATCHER": there}), **more
    )
    return Listener(context, options, desk=AnswerDesk())


async def subscribed(made: Listener, *, then_leave: bool = False) -> None:
    async with connect(f"X@{made.address}", contexts=ups.CONTEXTS) as assoc:
        await ups_watch.subscribe(assoc, "WATCHER")
        if then_leave:
            await ups_watch.unsubscribe(assoc, "WATCHER")


async def test_watchers_are_told_of_each_stop_and_start(context: AppContext, tmp_path: Path, watcher: Watcher) -> None:
    warm, cold = (WARM_START, WARM_START), (COLD_START, COLD_START)
    first = listener(context, tmp_path, watcher)
    await first.start()
    await subscribed(first)
    assert watcher.told() == []
    await first.stop()
    assert watcher.told() == [("GOING DOWN", *warm)]
    await first.start()
    await reached(lambda: len(watcher.told()) == 2, "the restart is told")
    assert watcher.told()[1] == ("RESTARTED", *warm)
    await first.stop()
    watcher.events.clear()
    for _ in range(2):  # who does not subscribe again is still told
        again = listener(context, tmp_path, watcher)
        await again.start()
        await reached(lambda: bool(watcher.told()), "the cold start is told")
        assert watcher.told() == [("RESTARTED", *cold)]
        assert again._desk is not None
        assert again._desk.procedures.receivers == ()
        await again.stop()
        watcher.events.clear()


async def test_who_has_left_is_told_nothing(context: AppContext, tmp_path: Path, watcher: Watcher) -> None:
    first = listener(context, tmp_path, watcher)
    await first.start()
    await subscribed(first, then_leave=True)
    await first.stop()
    assert read_watchers(tmp_path / "ups-watchers.json") == ()
    assert watcher.told() == []


async def test_a_listener_without_the_service_tells_nobody(
    context: AppContext, tmp_path: Path, watcher: Watcher
) -> None:
    first = listener(context, tmp_path, watcher)
    await first.start()
    await subscribed(first)
    await first.stop()
    watcher.events.clear()
    plain = listener(context, tmp_path, watcher)
    plain.provide(USUAL)
    await plain.start()
    await plain.stop()
    assert watcher.told() == []


async def test_a_watcher_that_is_gone_does_not_hold_up_the_stop(
    context: AppContext, tmp_path: Path, watcher: Watcher
) -> None:
    first = listener(context, tmp_path, watcher)
    await first.start()
    await subscribed(first)
    assert watcher.server is not None
    await watcher.server.close()
    async with asyncio.timeout(30):
        await first.stop()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"ae_titles": 5}', '{"ae_titles": ["", 7, "LONGER-THAN-SIXTEEN"]}'])
def test_a_damaged_file_names_nobody(tmp_path: Path, text: str) -> None:
    path = tmp_path / "ups-watchers.json"
    assert read_watchers(path) == ()
    path.write_text(text)
    assert read_watchers(path) == ()
