"""One association for several queries: opened once, opened again where it is gone, ended once."""

from __future__ import annotations

from collections.abc import Iterator

from helpers.answering import answering
from helpers.instances import elements
from helpers.retrieval import DOE
from pydicom.dataset import Dataset

from dicomgui.app.asking.keys import parse_key
from dicomgui.app.asking.levels import contexts_for
from dicomgui.app.asking.query import FindJob, FindResult, Query
from dicomgui.app.asking.shared_association import SharedAssociation
from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.network import FindRequest, Handlers, PeerAddress, Server
from dicomgui.network.pdu import PduType
from dicomgui.network.tracing import PduRecord

OPTIONS = ConnectionOptions()
CONTEXTS = contexts_for(("study", "patient"), "find")


def query(*keys: str) -> Query:
    return Query(tuple(map(parse_key, keys)))


async def ask(context: AppContext, peer: PeerAddress, options: ConnectionOptions, *keys: str) -> list[FindResult]:
    async with SharedAssociation(context, peer, options, CONTEXTS) as shared:
        results = [await FindJob(context, peer, options, query(key), over=shared).run() for key in keys]
    assert shared.error is None
    return results


def pdus(context: AppContext) -> list[int]:
    return [int(one[4]) for one in context.trace.records() if type(one) is PduRecord]


async def test_several_queries_take_one_association(context: AppContext) -> None:
    async with answering() as scp:
        results = await ask(context, scp.address, OPTIONS, f"PatientID={DOE}", "PatientID=nobody", f"PatientID={DOE}")
    assert [(result.count, result.ok) for result in results] == [(2, True), (0, True), (2, True)]
    assert len({result.association for result in results}) == 1
    assert [[finding.code for finding in result.findings] for result in results] == [[], ["find-empty"], []]
    assert pdus(context).count(PduType.ASSOCIATE_RQ) == pdus(context).count(PduType.RELEASE_RQ) == 1


async def test_it_ends_by_abort_where_that_is_asked_for(context: AppContext) -> None:
    async with answering() as scp:
        options = ConnectionOptions(ends_by_abort=True)
        results = await ask(context, scp.address, options, f"PatientID={DOE}", f"PatientID={DOE}")
    assert [result.ok for result in results] == [True, True]
    assert pdus(context)[-1] == PduType.ABORT
    assert PduType.RELEASE_RQ not in pdus(context)


async def test_a_query_that_finds_it_gone_opens_another(context: AppContext) -> None:
    servers: list[Server] = []

    async def find(request: FindRequest) -> Iterator[Dataset]:
        if request.dataset.PatientID == "ABORT":
            servers[0].abort(request.facts.association)
        return iter([elements(PatientID="1")])

    async with answering(Handlers(on_find=find)) as scp:
        servers.append(scp.server)
        results = await ask(context, scp.address, OPTIONS, "PatientID=1", "PatientID=ABORT", "PatientID=1")
    assert [result.ok for result in results] == [True, False, True]
    assert results[0].association == results[1].association != results[2].association


async def test_a_closed_port_is_a_result_each(context: AppContext) -> None:
    peer = PeerAddress("NOBODY", "127.0.0.1", 1)
    results = await ask(context, peer, OPTIONS, "PatientID=1", "PatientID=2")
    assert [(result.ok, result.error is None) for result in results] == [(False, False)] * 2
    assert all(result.findings for result in results)
