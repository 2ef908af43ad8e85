"""Foreign users into a listener that discards, runs commands or names files by a pattern."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from helpers import peers
from helpers.listening import Listen

from dicomgui.app.configuration.provided import Provided
from dicomgui.app.listening.listener import InstanceDiscarded


@pytest.mark.interop("storescu", "dcmsend", "findscu")
async def test_instances_are_acknowledged_and_discarded(
    listen: Listen, native_files: Sequence[Path], tmp_path: Path
) -> None:
    async with listen(discards=True, services=frozenset({Provided.STORE, Provided.QUERY, Provided.UPS})) as listener:
        done = await peers.run("storescu", "-v", peers.LOOPBACK, listener.port, *native_files)
        assert done.output.count("Received Store Response (Success)") == len(native_files), str(done)
        done = await peers.run("dcmsend", "-v", peers.LOOPBACK, listener.port, *native_files)
        assert done.code == 0, str(done)
        found = await peers.run("findscu", "-S", "-k", "QueryRetrieveLevel=STUDY", peers.LOOPBACK, listener.port)
        assert found.code != 0, str(found)
        events = [event for event in listener.drain() if isinstance(event, InstanceDiscarded)]
        assert len(events) == listener.counts.discarded == 2 * len(native_files)
        assert listener.counts.size_bytes == sum(event.size_bytes for event in events) > 2 * 716_800
        assert listener.counts.stored == 0
    assert not (tmp_path / "received").exists()
