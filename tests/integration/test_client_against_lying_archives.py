"""Archives that lie about a query or a retrieval: what did not come is never reported as success."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers.bad_peer import (
    APPLICATION,
    CT,
    PATIENCE_S,
    RELEASE_RP,
    USER,
    Peer,
    associate,
    bad_server,
    command,
    context_ac,
    dataset,
    instance_data,
    item,
    pdata,
    pdv,
    raw,
    response,
    store_elements,
    user_information,
)

from dicomgui.app.asking.keys import parse_key
from dicomgui.app.asking.levels import Level
from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.transfers.retrieve import GetJob, MoveJob, RetrieveReport, Wanted
from dicomgui.network import PeerAddress, Timeouts
from dicomgui.network.pdu import Abort, AssociateRQ, PDataTF, ReleaseRQ

QUICK = ConnectionOptions(timeouts=Timeouts(response_s=0.4, retrieve_s=0.4, release_s=0.4))
GET_RSP, MOVE_RSP, FIND_RSP = 0x8010, 0x8021, 0x8020
STUDY = Wanted(Level("STUDY"), (parse_key("StudyInstanceUID=1.2.9"),))
COUNTS = {"remaining": "x1020", "completed": "x1021", "failed": "x1022", "warning": "x1023"}


@pytest.fixture
def context() -> Iterator[AppContext]:
    with AppContext() as made:
        yield made


@dataclass(frozen=True)
class Lie:
    """What an archive answers to a retrieval: how many instances come, and what the responses say.

    :ivar stored: UIDs of the instances that it sends on the way.
    :ivar told: status and numbers of each response.
    """

    name: str
    told: tuple[tuple[int, dict[str, int]], ...]
    stored: tuple[str, ...] = ()
    message_id: int = 1

    def __str__(self) -> str:
        return self.name


PENDING = 0xFF00
LIES = [
    Lie("done, nothing came", ((0, {"completed": 3, "failed": 0, "warning": 0}),)),
    Lie("done, one of three came", ((0, {"completed": 3, "failed": 0, "warning": 0}),), ("1.2.1",)),
    Lie("done, all failed", ((0, {"completed": 0, "failed": 3, "warning": 0}),)),
    Lie("announced five, done after two", (
        (PENDING, {"remaining": 4, "completed": 1, "failed": 0, "warning": 0}), (0, {"completed": 2}),
    ), ("1.2.1", "1.2.2")),
    Lie("announced five, done without numbers", (
        (PENDING, {"remaining": 4, "completed": 1, "failed": 0, "warning": 0}), (0, {}),
    ), ("1.2.1", "1.2.2")),
    Lie("done, but some remain", ((0, {"remaining": 2, "completed": 1, "failed": 0, "warning": 0}),), ("1.2.1",)),
    Lie("delivered by warnings that never came", ((0xB000, {"completed": 0, "failed": 0, "warning": 2}),)),
    Lie("65,535 done", ((0, {"completed": 65_535, "failed": 65_535, "warning": 65_535}),)),
    Lie("pending and then silent", ((PENDING, {"remaining": 1}),)),
    Lie("silent", ()),
    Lie("another message", ((0, {"completed": 0}),), message_id=9),
    Lie("refused", ((0xA701, {}),)),
    Lie("unknown failure", ((0x1234, {"completed": 3}),)),
    Lie("cancelled by itself", ((0xFE00, {"completed": 1}),), ("1.2.1",)),
]  # fmt: skip


def accept(rq: AssociateRQ) -> tuple[bytes, dict[str, int]]:
    """An answer that accepts everything in the roles that were asked for; the contexts by abstract syntax."""
    ids = {context.abstract_syntax: context.context_id for context in reversed(rq.presentation_contexts)}
    answers = [context_ac(one.context_id, 0, one.transfer_syntaxes[0]) for one in rq.presentation_contexts]
    role = item(0x54, len(CT).to_bytes(2, "big") + raw(CT) + b"\1\1")
    information = user_information(role) if CT in ids else USER
    return associate(APPLICATION, *answers, information, pdu_type=2), ids


async def asked(peer: Peer) -> int:
    """Read a request to its end; the presentation context, 0 if it is none."""
    while True:
        pdu = await peer.read()
        if isinstance(pdu, ReleaseRQ):
            await peer.send(RELEASE_RP)
            return 0
        if pdu is None or isinstance(pdu, Abort):
            return 0
        assert isinstance(pdu, PDataTF)
        if pdu.pdvs[-1].is_last and not pdu.pdvs[-1].is_command:
            return pdu.pdvs[-1].context_id


async def lie(peer: Peer, told: Lie, command_field: int) -> None:
    rq = await peer.read()
    assert isinstance(rq, AssociateRQ)
    answer, ids = accept(rq)
    await peer.send(answer)
    context_id = await asked(peer)
    if command_field == GET_RSP and CT not in ids:  # the look-up before it; nothing is known
        await peer.send(response(FIND_RSP, 1, 0xA700, context_id))
        await asked(peer)
        return
    responses = [
        response(command_field, told.message_id, status, context_id, **{COUNTS[name]: n for name, n in counts.items()})
        for status, counts in told.told
    ]
    await peer.send(*responses[:-1])
    for number, uid in enumerate(told.stored, 1):
        await peer.send(
            pdata(pdv(ids[CT], 3, command(store_elements(uid, number)))), dataset(instance_data(uid), ids[CT])
        )
        await peer.read()
    await peer.send(*responses[-1:])
    while await asked(peer):
        pass


def address_of(port: int) -> PeerAddress:
    return PeerAddress.parse(f"LIAR@127.0.0.1:{port}")


def says_so(report: RetrieveReport) -> None:
    """No success; and everything that is to be told is one plain line."""
    assert not report.ok
    assert report.has_failures or report.is_cancelled or report.error is not None or report.left()
    assert all(note.isprintable() for note in report.notes)
    assert report.error is None or str(report.error).isprintable()


@pytest.mark.parametrize("told", LIES, ids=str)
async def test_a_get_that_is_lied_to_is_no_success(told: Lie, context: AppContext, tmp_path: Path) -> None:
    async with bad_server(lambda peer: lie(peer, told, GET_RSP)) as server, asyncio.timeout(PATIENCE_S):
        job = GetJob(
            context, address_of(server.port), QUICK, [STUDY], into=tmp_path / "in", sop_classes=[CT], root="study"
        )
        report = await job.run()
    says_so(report)
    assert report.arrived == len(told.stored) or report.error is not None


@pytest.mark.parametrize("told", [one for one in LIES if not one.stored], ids=str)
async def test_a_move_to_us_that_is_lied_to_is_no_success(told: Lie, context: AppContext) -> None:
    async with bad_server(lambda peer: lie(peer, told, MOVE_RSP)) as server, asyncio.timeout(PATIENCE_S):
        job = MoveJob(
            context, address_of(server.port), QUICK, [STUDY], destination="OURS", expects_arrivals=True, root="study"
        )
        says_so(await job.run())


async def test_an_honest_answer_is_a_success(context: AppContext, tmp_path: Path) -> None:
    """Without it the others would prove nothing."""
    numbers = {"completed": 2, "failed": 0, "warning": 0}
    honest = Lie("honest", ((PENDING, {"remaining": 1, "completed": 1}), (0, numbers)), ("1.2.1", "1.2.2"))
    brief = Lie("brief", ((PENDING, {"remaining": 1, "completed": 1}), (0, {})), ("1.2.1", "1.2.2"))
    for told in (honest, brief):
        async with bad_server(lambda peer, told=told: lie(peer, told, GET_RSP)) as server:
            job = GetJob(
                context, address_of(server.port), QUICK, [STUDY], into=tmp_path / told.name, sop_classes=[CT],
                root="study",
            )  # fmt: skip
            report = await job.run()
        assert report.ok, (told.name, report)
        assert report.arrived == 2
