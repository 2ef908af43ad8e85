"""The blocking twin of an operation."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from helpers.services import keys

from dicomgui.network import Handlers, Match, NoAcceptedContext, Operation, SyncAssociation, SyncClient, SyncServer
from dicomgui.network.client.sync_operation import SyncOperation

ASKED = keys(PatientID="")


async def find(request: Any) -> AsyncIterator[object]:
    """As many matches as asked for; where that is more than anybody takes, it waits to be told to stop."""
    for number in range(1, int(request.dataset.PatientID or 3) + 1):
        yield keys(PatientID=str(number))
        if number == 100:
            await asyncio.Event().wait()


@pytest.fixture
def assoc() -> Iterator[SyncAssociation]:
    with (
        SyncServer.serve(port=0, handlers=Handlers(on_find=find)) as server,
        SyncClient.connect(f"X@127.0.0.1:{server.port}") as association,
    ):
        yield association


def test_the_names_agree_with_those_of_the_twin() -> None:
    def public(thing: type) -> set[str]:
        return {name for name, _ in inspect.getmembers(thing) if not name.startswith("_")}

    assert public(SyncOperation) == public(Operation)


def test_it_is_iterated(assoc: SyncAssociation) -> None:
    op = assoc.find(ASKED)
    assert iter(op) is op
    assert [match.dataset.PatientID for match in op] == ["1", "2", "3"]
    assert list(op) == []
    assert op.result().status.is_success
    assert not op.is_cancelled


def test_it_gives_what_came_in_batches(assoc: SyncAssociation) -> None:
    op, found = assoc.find(ASKED), []
    while batch := op.batch():
        found += [match.dataset.PatientID for match in batch]
    assert found == ["1", "2", "3"]
    assert op.result().status.is_success


def test_leaving_a_block_early_cancels(assoc: SyncAssociation) -> None:
    with assoc.find(keys(PatientID="100000")) as op:
        next(op)
    assert op.is_cancelled
    assert op.result().status.is_cancel
    assert assoc.echo().status.is_success


@pytest.mark.parametrize("answer", [None, True, False])
def test_a_callback_runs_in_this_thread_and_may_stop_it(assoc: SyncAssociation, answer: bool | None) -> None:
    import threading

    threads: set[int] = set()

    def take(match: Match) -> bool | None:
        threads.add(threading.get_ident())
        return answer

    op = assoc.find(keys(PatientID="100000") if answer is False else ASKED)
    response = op.each(take)
    assert threads == {threading.get_ident()}
    assert response.status.is_cancel == op.is_cancelled == (answer is False)


def test_a_callback_that_raises_cancels(assoc: SyncAssociation) -> None:
    def fail(match: Match) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError):
        assoc.find(keys(PatientID="100000")).each(fail)
    assert assoc.echo().status.is_success


def test_errors_are_those_of_the_twin(assoc: SyncAssociation) -> None:
    with pytest.raises(NoAcceptedContext):
        assoc.find(ASKED, root="ups").result()
    assert assoc.find(ASKED).cancel is not None
