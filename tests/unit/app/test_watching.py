"""The tracer that notes associations."""

from __future__ import annotations

from dicomgui.app.watching import Watch
from dicomgui.network import Handlers, NoAcceptedContext, connect, presets, serve
from dicomgui.network.tracing import Record


async def test_associations_are_told_once_each_and_records_go_on() -> None:
    told: list[int] = []
    onward: list[Record] = []
    watch = Watch(onward.append, told.append)
    assert (watch.association, watch.associations) == (0, ())
    async with await serve(port=0, handlers=Handlers()) as server:
        for _ in range(2):
            peer = f"X@127.0.0.1:{server.port}"
            async with connect(peer, contexts=presets.VERIFICATION, tracer=watch) as association:
                assert watch.association == association.number
                await association.echo()
    assert tuple(told) == watch.associations
    assert len(told) == 2
    assert len(onward) > 10
    assert watch.findings() == ()
    assert watch.findings(NoAcceptedContext("no", sop_class="1.2", offered=(), accepted=()))
