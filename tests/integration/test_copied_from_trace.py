"""What stands in a trace, copied as a command and asked again: the same comes of it."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from helpers.command_line import dicomgui, events
from helpers.instances import elements
from helpers.retrieval import kept_in

from dicomgui.app.asking.keys import parse_key
from dicomgui.app.asking.levels import Level
from dicomgui.app.asking.query import Query, find
from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.nservices.requests import NOperation, NRequest, sop_class_of, transact
from dicomgui.app.practice.pacs import PracticePACS
from dicomgui.app.recipes.commands import Tool, command_of
from dicomgui.app.recipes.of_trace import recipe_at
from dicomgui.app.recipes.recipe import Recipe, Verb
from dicomgui.app.transfers.retrieve import GetJob, Wanted
from dicomgui.network import ConfigurationError, PeerAddress
from dicomgui.network.tracing import Role
from dicomgui.trace.index import TraceIndex

OURS = ConnectionOptions("IT'S ME")


@pytest.fixture
def context() -> Iterator[AppContext]:
    with AppContext() as made:
        yield made


@pytest.fixture
async def peer() -> AsyncIterator[PeerAddress]:
    with AppContext(keep_trace=False) as theirs:
        pacs = PracticePACS(theirs, port=0)
        await pacs.start()
        try:
            yield pacs.peer
        finally:
            await pacs.stop()


def asked(context: AppContext, operation: str) -> Recipe:
    """The last request of the trace for an operation."""
    index = TraceIndex(context.trace)
    while index.update():
        pass
    exchanges = [index.exchanges[number] for number in range(1, len(index.exchanges) + 1)]
    last = [exchange for exchange in exchanges if exchange.operation == operation][-1]
    return recipe_at(context.trace, last.first_seq)


async def again(recipe: Recipe, *more: object) -> list[dict[str, object]]:
    """Run our command as it was copied."""
    arguments = shlex.split(command_of(recipe, Tool.DICOMGUI).text)[1:]
    done = await asyncio.to_thread(dicomgui, *arguments, "--json", *more)
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return events(done.stdout)


async def test_a_query(context: AppContext, peer: PeerAddress) -> None:
    found: list[str] = []
    query = Query((parse_key("PatientName=*"), parse_key("ModalitiesInStudy=CT")))
    await find(context, peer, OURS, query, on_match=lambda one: found.append(one.dataset.StudyInstanceUID))
    recipe = asked(context, "C-FIND")
    assert (recipe.verb, recipe.peer, recipe.options.calling_ae) == (Verb.FIND, peer, "IT'S ME")
    matches = [event for event in await again(recipe) if event["event"] == "match"]
    assert found
    assert [match["dataset"]["0020000D"]["Value"] for match in matches] == [[uid] for uid in found]  # type: ignore[index]


async def test_a_retrieval(context: AppContext, peer: PeerAddress, tmp_path: Path) -> None:
    found: list[str] = []
    query = Query((parse_key("ModalitiesInStudy=CT"),))
    await find(context, peer, OURS, query, on_match=lambda one: found.append(one.dataset.StudyInstanceUID))
    wanted = Wanted(Level.STUDY, (parse_key(f"StudyInstanceUID={found[0]}"),))
    (tmp_path / "first").mkdir()
    await GetJob(context, peer, OURS, [wanted], into=tmp_path / "first").run()
    await again(asked(context, "C-GET"), "--out", tmp_path / "second")
    assert kept_in(tmp_path / "second") == kept_in(tmp_path / "first") != {}


async def test_a_normalized_request(context: AppContext, peer: PeerAddress) -> None:
    printer = sop_class_of("ModalityPerformedProcedureStep")
    sent = elements(PatientName="O'Neil", PatientID="17")
    await transact(context, peer, OURS, NRequest(NOperation.CREATE, printer, "1.2.3", sent))
    request = asked(context, "N-CREATE").request
    assert request is not None
    assert (request.operation, request.sop_instance_uid, request.context) == (NOperation.CREATE, "1.2.3", "")
    assert request.dataset == sent


async def test_what_is_no_request_is_refused(context: AppContext, peer: PeerAddress) -> None:
    await find(context, peer, OURS, Query())
    store = context.trace
    for seq in (0, len(store) - 1):
        with pytest.raises(ConfigurationError):
            recipe_at(store, seq)
    assert {summary.role for summary in store.associations()} == {Role.REQUESTOR}
