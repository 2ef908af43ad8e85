"""The options of a send: associations side by side, and how much goes over each."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from helpers.instances import write_instance

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.files.sources import Selection, scan
from dicomgui.app.transfers.send import ItemState, SendJob, SendProgress, send
from dicomgui.app.transfers.send_manner import MAX_ASSOCIATIONS, SendManner
from dicomgui.network import (
    AcceptPolicy,
    ConfigurationError,
    Handlers,
    PeerAddress,
    Server,
    ServerOptions,
    Status,
    StoreRequest,
    Timeouts,
    serve,
)

OPTIONS = ConnectionOptions(timeouts=Timeouts(associate_s=20.0, response_s=20.0))


class Waiting:
    """A store handler that answers nobody before instances came over so many associations."""

    def __init__(self, associations: int) -> None:
        self.uids: Counter[int] = Counter()
        self._wanted = associations
        self._there = asyncio.Event()
        self.three = asyncio.Event()

    async def __call__(self, request: StoreRequest, data: object) -> Status:
        self.uids[request.facts.association] += 1
        if len(self.uids) == 3:
            self.three.set()
        if len(self.uids) >= self._wanted:
            self._there.set()
        await self._there.wait()
        return Status(0)


def to(server: Server) -> PeerAddress:
    return PeerAddress.parse(f"SCP@127.0.0.1:{server.port}")


def files(folder: Path, count: int) -> Selection:
    return scan([write_instance(folder, number) for number in range(count)])


async def test_associations_side_by_side_share_the_files(context: AppContext, tmp_path: Path) -> None:
    shelf, progress, selection = Waiting(3), list[SendProgress](), files(tmp_path, 20)
    async with await serve(port=0, handlers=Handlers(on_store=shelf)) as server:
        report = await send(
            context, to(server), OPTIONS, selection, manner=SendManner(associations=3), on_progress=progress.append
        )
    assert report.ok
    assert (len(shelf.uids), shelf.uids.total(), len(report.associations)) == (3, 20, 3)
    assert tuple(result.item for result in report.results) == selection.items
    assert {result.association for result in report.results} == set(report.associations)
    done = [one.done for one in progress]
    assert done == sorted(done)
    sizes = [one.bytes_done for one in progress]
    assert max(sizes) == sizes[-1] == selection.size_bytes


async def test_so_many_on_one_association_and_no_more(context: AppContext, tmp_path: Path) -> None:
    shelf = Waiting(1)
    async with await serve(port=0, handlers=Handlers(on_store=shelf)) as server:
        report = await send(context, to(server), OPTIONS, files(tmp_path, 7), manner=SendManner(per_association=3))
    assert report.ok
    assert list(shelf.uids.values()) == [3, 3, 1]


async def test_what_a_refused_association_leaves_goes_over_the_others(context: AppContext, tmp_path: Path) -> None:
    shelf = Waiting(1)
    options = ServerOptions(AcceptPolicy(), max_associations=1)
    async with await serve(port=0, handlers=Handlers(on_store=shelf), options=options) as server:
        report = await send(context, to(server), OPTIONS, files(tmp_path, 9), manner=SendManner(associations=3))
    assert report.error is None
    assert report.sent == 9


async def test_without_a_connection_everything_fails_once(context: AppContext, tmp_path: Path) -> None:
    peer = PeerAddress.parse("SCP@127.0.0.1:1")
    report = await send(context, peer, OPTIONS, files(tmp_path, 5), manner=SendManner(associations=2))
    assert report.error is not None
    assert report.count(ItemState.FAILED) == len(report.results) == 5


async def test_a_cancel_stops_every_association(context: AppContext, tmp_path: Path) -> None:
    shelf = Waiting(4)  # more than there are: nobody is answered
    async with await serve(port=0, handlers=Handlers(on_store=shelf)) as server:
        job = SendJob(context, to(server), OPTIONS, files(tmp_path, 8), manner=SendManner(associations=3))
        work = asyncio.create_task(job.run())
        await shelf.three.wait()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
    report = job.report()
    assert report.count(ItemState.CANCELLED) == len(report.results) == 8


@pytest.mark.parametrize("values", [(0, 0), (MAX_ASSOCIATIONS + 1, 0), (1, -1)])
def test_numbers_out_of_range_are_refused(values: tuple[int, int]) -> None:
    with pytest.raises(ConfigurationError):
        SendManner(*values)
