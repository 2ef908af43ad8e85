"""Our side as requestor: whatever a server does, the caller gets an honest error of the right type, soon, and nothing
is left behind; what was not done is never reported as done.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers.bad_peer import (
    APPLICATION,
    CT,
    EXPLICIT,
    GOOD_AC,
    GOOD_RQ,
    IMPLICIT,
    PATIENCE_S,
    RELEASE_RP,
    RELEASE_RQ,
    SOON_S,
    USER,
    VERIFICATION,
    BadServer,
    Peer,
    Script,
    associate,
    bad_server,
    command,
    context_ac,
    dataset,
    echo_rq,
    element,
    item,
    open_files,
    pdata,
    pdu,
    pdv,
    reached,
    response,
    store_rq,
    time_passes,
    user_information,
)

from dicomgui.network import (
    Association,
    AssociationAborted,
    AssociationRejected,
    ConnectionLost,
    LocalProtocolError,
    NoAcceptedContext,
    OperationTimeout,
    ProposedContext,
    RemoteProtocolError,
    Response,
    Timeouts,
    connect,
)
from dicomgui.network.dimse.commands import CEchoRSP, CStoreRSP
from dicomgui.network.part10 import write_head
from dicomgui.network.pdu import Abort, AssociateRQ, PDataTF, ReleaseRQ
from dicomgui.network.tracing import DimseRecord, NoteRecord, Record

pytestmark = pytest.mark.any_loop

CONTEXTS = (ProposedContext(VERIFICATION, (IMPLICIT,)), ProposedContext(CT, (EXPLICIT,)))
QUICK = Timeouts(connect_s=5.0, associate_s=0.3, response_s=0.3, release_s=0.3, artim_s=0.3)
PATIENT = Timeouts(connect_s=5.0, associate_s=60.0, response_s=60.0, release_s=60.0, artim_s=60.0)
"""Time-outs that would let the test fail: what the server does must be enough to end the operation."""

ABORT = bytes.fromhex("07000000000400000206")
RJ = bytes.fromhex("03000000000400010101")
ECHO_RSP = response(0x8030, 1)
STORE_RSP = response(0x8001, 1, context_id=3)

Lost = (ConnectionLost, AssociationAborted)


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    return write_instance(tmp_path, 4000)


def write_instance(folder: Path, size: int) -> Path:
    path = folder / "instance.dcm"
    head = write_head(sop_class_uid=CT, sop_instance_uid="1.2.3", transfer_syntax_uid=EXPLICIT)
    path.write_bytes(head + bytes(size))
    return path


@dataclass(frozen=True)
class Row:
    """What a server does, and the error that a caller must see."""

    name: str
    script: Script
    error: type[Exception] | tuple[type[Exception], ...]
    timeouts: Timeouts = PATIENT

    def __str__(self) -> str:
        return self.name


def says(
    *parts: bytes,
    after: int = 1,
    stays: bool = True,
    accept: bytes | None = None,
    how: str = "close",
    releases: bool = False,
) -> Script:
    """A script: take ``after`` PDUs (the first is accepted if ``accept`` is given), send ``parts``, and end.

    With ``stays`` it reads until the client ends the association, and answers a release if it ``releases``; otherwise
    it ends the connection as ``how`` says.
    """

    async def script(peer: Peer) -> None:
        for number in range(after):
            await peer.read()
            if number == 0 and accept is not None:
                await peer.send(accept)
        await peer.send(*parts)
        if stays:
            while not isinstance(answer := await peer.read(), Abort | None):
                if releases and isinstance(answer, ReleaseRQ):
                    await peer.send(RELEASE_RP)
        elif how == "reset":
            await peer.reset()

    return script


async def dribble(peer: Peer) -> None:
    await peer.read()
    for byte in GOOD_AC * 100:
        if peer.is_gone:
            return
        await peer.send(bytes([byte]))
        await time_passes(0.02)


def bad_ac(*items: bytes) -> bytes:
    return associate(*items, pdu_type=2)


INSTEAD_OF_AN_ANSWER = [
    Row("closes at once", says(after=0, stays=False), Lost),
    Row("closes after the request", says(stays=False), Lost),
    Row("resets at once", says(after=0, stays=False, how="reset"), Lost),
    Row("resets after the request", says(stays=False, how="reset"), Lost),
    Row("aborts", says(ABORT), AssociationAborted),
    Row("aborts before the request", says(ABORT, after=0), AssociationAborted),
    Row("rejects", says(RJ), AssociationRejected),
    Row("rejects before the request", says(RJ, after=0), AssociationRejected),
    Row("rejects with codes unknown", says(pdu(3, b"\0\x09\x09\x09")), AssociationRejected),
    Row("speaks http", says(b"HTTP/1.1 400 Bad Request\r\n\r\n<html>", after=0), RemoteProtocolError),
    Row("speaks ssh", says(b"SSH-2.0-OpenSSH_9.2p1\r\n", after=0), RemoteProtocolError),
    Row("speaks tls", says(bytes.fromhex("15030300020232")), RemoteProtocolError),
    Row("is silent", says(), OperationTimeout, QUICK),
    Row("dribbles", dribble, OperationTimeout, QUICK),
    Row("half an answer", says(GOOD_AC[:50]), OperationTimeout, QUICK),
    Row("half an answer and closes", says(GOOD_AC[:50], stays=False), Lost),
    Row("an answer of 4 GiB", says(pdu(2, b"", 0xFFFFFFFF)), RemoteProtocolError),
    Row("p-data", says(ECHO_RSP), RemoteProtocolError),
    Row("release request", says(RELEASE_RQ), RemoteProtocolError),
    Row("release answer", says(RELEASE_RP), RemoteProtocolError),
    Row("a request of its own", says(GOOD_RQ), RemoteProtocolError),
    Row("unknown type", says(pdu(0x99, b"x")), RemoteProtocolError),
    Row("answer of length 0", says(pdu(2)), RemoteProtocolError),
    Row("item overruns", says(bad_ac(b"\x21\0\xff\xff")), RemoteProtocolError),
    Row("sub-item overruns", says(bad_ac(APPLICATION, item(0x50, b"\x51\0\0\xff"))), RemoteProtocolError),
    Row("maximum length of 2 bytes", says(bad_ac(APPLICATION, item(0x50, item(0x51, b"\0\1")))), RemoteProtocolError),
]


def refuses(answer: bytes) -> Script:
    return says(answer, releases=True)


WITHOUT_A_CONTEXT = [
    Row("no context answered", refuses(bad_ac(APPLICATION, USER)), NoAcceptedContext),
    Row("nothing but a head", refuses(bad_ac(item(0x77, b""))), NoAcceptedContext),
    Row("never proposed", refuses(bad_ac(APPLICATION, context_ac(99), context_ac(5), USER)), NoAcceptedContext),
    Row("even and zero", refuses(bad_ac(APPLICATION, context_ac(0), context_ac(2), USER)), NoAcceptedContext),
    Row("syntax never proposed", refuses(bad_ac(APPLICATION, context_ac(1, 0, "1.2.3"), USER)), NoAcceptedContext),
    Row("syntax empty", refuses(bad_ac(APPLICATION, context_ac(1, 0, ""), USER)), NoAcceptedContext),
    Row("syntax of another context", refuses(bad_ac(APPLICATION, context_ac(1, 0, EXPLICIT), USER)), NoAcceptedContext),
    Row("refused", refuses(bad_ac(APPLICATION, context_ac(1, 3), context_ac(3, 4), USER)), NoAcceptedContext),
    Row("result unknown", refuses(bad_ac(APPLICATION, context_ac(1, 77), USER)), NoAcceptedContext),
    Row(
        "twice and differently",
        refuses(bad_ac(APPLICATION, context_ac(1, 0), context_ac(1, 3), USER)),
        NoAcceptedContext,
    ),
]


def answers(*parts: bytes, stays: bool = True, after: int = 2, how: str = "close") -> Script:
    return says(*parts, after=after, stays=stays, accept=GOOD_AC, how=how)


INSTEAD_OF_A_RESPONSE = [
    Row("closes", answers(stays=False), Lost),
    Row("resets", answers(stays=False, how="reset"), Lost),
    Row("closes in the middle", answers(ECHO_RSP[:30], stays=False), Lost),
    Row("aborts", answers(ABORT), AssociationAborted),
    Row("asks for the release", answers(RELEASE_RQ), ConnectionLost),
    Row("answers a release", answers(RELEASE_RP), RemoteProtocolError),
    Row("associates again", answers(GOOD_AC), RemoteProtocolError),
    Row("rejects afterwards", answers(RJ), RemoteProtocolError),
    Row("requests an association", answers(GOOD_RQ), RemoteProtocolError),
    Row("speaks http", answers(b"HTTP/1.1 400 Bad Request\r\n"), RemoteProtocolError),
    Row("is silent", answers(), OperationTimeout, QUICK),
    Row("half a response", answers(ECHO_RSP[:30]), OperationTimeout, QUICK),
    Row("a fragment that is not the last", answers(pdata(pdv(1, 1, b"\0" * 8))), OperationTimeout, QUICK),
    Row("p-data over the limit", answers(pdu(4, b"", 131_073)), RemoteProtocolError),
    Row("p-data of length 0", answers(pdu(4)), RemoteProtocolError),
    Row("another message id", answers(response(0x8030, 2), response(0x8001, 2)), RemoteProtocolError),
    Row("message id 0", answers(response(0x8030, 0)), RemoteProtocolError),
    Row("another kind of response", answers(response(0x8020, 1)), RemoteProtocolError),
    Row("unknown kind of response", answers(response(0x8777, 1)), RemoteProtocolError),
    Row("pending", answers(response(0x8030, 1, 0xFF00), response(0x8001, 1, 0xFF00)), RemoteProtocolError),
    Row("pending for ever", answers(response(0x8030, 1, 0xFF00) * 500), RemoteProtocolError),
    Row("no status", answers(pdata(pdv(1, 3, command({0x100: 0x8030, 0x120: 1, 0x800: 0x101})))), RemoteProtocolError),
    Row("no id", answers(pdata(pdv(1, 3, command({0x100: 0x8030, 0x800: 0x101, 0x900: 0})))), RemoteProtocolError),
    Row("garbage as a command", answers(pdata(pdv(1, 3, b"<html>"))), RemoteProtocolError),
    Row("context never accepted", answers(response(0x8030, 1, context_id=9)), RemoteProtocolError),
    Row("data without a command", answers(dataset(b"data", 1)), RemoteProtocolError),
    Row("endless command", answers(pdata(pdv(1, 1, bytes(16_000))) * 5), RemoteProtocolError),
    Row("a data set that never ends", answers(
        pdata(pdv(1, 3, command({0x100: 0x8030, 0x120: 1, 0x800: 1, 0x900: 0})), pdv(1, 0, b"data"))
    ), OperationTimeout, QUICK),
    Row("instances that nobody asked for", answers(store_rq() * 3), OperationTimeout, QUICK),
    Row("requests only", answers(echo_rq() * 100), OperationTimeout, QUICK),
]  # fmt: skip


async def echo(assoc: Association) -> Response:
    return await assoc.echo()


@contextlib.asynccontextmanager
async def nothing_left(script: Script) -> AsyncIterator[BadServer]:
    files, tasks = open_files(), asyncio.all_tasks()
    async with bad_server(script) as server:
        yield server
        await reached(lambda: server.open == 0, "the client has closed")
    assert asyncio.all_tasks() == tasks
    await reached(lambda: open_files() <= files, "file handles back to the base")


def is_honest(error: BaseException, phase: str) -> None:
    """One line of text; a time-out says of what."""
    assert str(error)
    assert "\n" not in str(error)
    if isinstance(error, OperationTimeout):
        assert error.phase == phase


async def fails(row: Row, verb: Callable[[Association], Awaitable[object]]) -> None:
    """Connect, do ``verb``, and see the error; the connection is gone within a second of it."""
    loop = asyncio.get_running_loop()
    async with nothing_left(row.script) as server, asyncio.timeout(PATIENCE_S):
        assoc = await connect(server.address, contexts=CONTEXTS, timeouts=row.timeouts)
        with pytest.raises(row.error) as caught:
            await verb(assoc)
        failed = loop.time()
        assert not assoc.is_connected
        await assoc.release()
        assert loop.time() - failed < SOON_S
        with pytest.raises(LocalProtocolError):
            await assoc.echo()
        is_honest(caught.value, "response")


@pytest.mark.parametrize("row", INSTEAD_OF_AN_ANSWER, ids=str)
async def test_instead_of_an_answer_to_the_association_request(row: Row) -> None:
    async with nothing_left(row.script) as server, asyncio.timeout(PATIENCE_S):
        with pytest.raises(row.error) as caught:
            await connect(server.address, contexts=CONTEXTS, timeouts=row.timeouts)
        is_honest(caught.value, "associate")


@pytest.mark.parametrize("row", WITHOUT_A_CONTEXT, ids=str)
async def test_a_context_that_was_not_agreed_on_is_never_used(row: Row) -> None:
    async with nothing_left(row.script) as server:
        with pytest.raises(row.error):
            async with connect(server.address, contexts=CONTEXTS, timeouts=QUICK) as assoc:
                await assoc.echo()


@pytest.mark.parametrize("row", INSTEAD_OF_A_RESPONSE, ids=str)
async def test_instead_of_the_response_to_an_echo(row: Row) -> None:
    await fails(row, echo)


@pytest.mark.parametrize("row", INSTEAD_OF_A_RESPONSE, ids=str)
async def test_instead_of_the_response_to_a_store(row: Row, instance: Path) -> None:
    await fails(row, lambda assoc: assoc.store(instance))


@pytest.mark.parametrize("first", [ECHO_RSP, response(0x8030, 1, 0x0110)])
async def test_a_second_response_to_a_request_ends_the_association_but_does_not_change_the_first(first: bytes) -> None:
    async with nothing_left(answers(first, ECHO_RSP)) as server:
        assoc = await connect(server.address, contexts=CONTEXTS, timeouts=PATIENT)
        result = await assoc.echo()
        assert result.status.is_success is (first == ECHO_RSP)
        await reached(lambda: not assoc.is_connected, "the second response was a fault")
        await assoc.release()


@pytest.mark.parametrize("status", [0x0000, 0x0107, 0xB000])
async def test_a_success_before_the_data_set_is_there_is_a_lie(status: int, tmp_path: Path) -> None:
    """The peer answers the command alone, while we are still sending."""
    path = write_instance(tmp_path, 12_000_000)

    async def early(peer: Peer) -> None:
        await peer.accept()
        await peer.read()
        await peer.send(response(0x8001, 1, status, context_id=3))
        await peer.drop()

    async with nothing_left(early) as server:
        with pytest.raises(RemoteProtocolError, match="not sent yet"):
            async with connect(server.address, contexts=CONTEXTS, timeouts=PATIENT) as assoc:
                await assoc.store(path)


async def test_a_failure_before_the_data_set_is_there_is_a_result(tmp_path: Path) -> None:
    path = write_instance(tmp_path, 3_000_000)

    async def script(peer: Peer) -> None:
        await peer.accept()
        await peer.read()
        await peer.send(response(0x8001, 1, 0xA700, context_id=3))
        while not isinstance(answer := await peer.read(), PDataTF) or not answer.pdvs[-1].is_last:
            pass
        await peer.send(response(0x8030, 2))
        await peer.read()
        await peer.read()
        await peer.send(RELEASE_RP)

    async with (
        nothing_left(script) as server,
        connect(server.address, contexts=CONTEXTS, timeouts=PATIENT) as assoc,
    ):
        assert (await assoc.store(path)).status == 0xA700
        assert (await assoc.echo()).status == 0


STATUSES = [
    *((n, "success") for n in (0x0000,)),
    *((n, "warning") for n in (0x0001, 0x0107, 0x0116, 0xB000, 0xB006, 0xB007, 0xBFFF)),
    *((n, "failure") for n in (0x0105, 0x0110, 0x0117, 0x0122, 0x0124, 0x0210, 0x0211, 0x0213)),
    *((n, "failure") for n in (0xA700, 0xA7FF, 0xA900, 0xC000, 0xCFFF, 0x1234, 0x8888, 0xFFFF)),
    (0xFE00, "cancel"),
]


@pytest.mark.parametrize(("status", "kind"), STATUSES, ids=str)
async def test_b19_every_status_of_a_store_is_what_it_is(status: int, kind: str, instance: Path) -> None:
    async def script(peer: Peer) -> None:
        await peer.accept()
        await peer.read()
        await peer.read()
        await peer.send(response(0x8001, 1, status, context_id=3))
        await peer.read()
        await peer.send(RELEASE_RP)

    async with (
        nothing_left(script) as server,
        connect(server.address, contexts=CONTEXTS, timeouts=PATIENT) as assoc,
    ):
        result = (await assoc.store(instance)).status
        assert result == status
        assert result.is_success is (kind == "success")
        assert result.is_warning is (kind == "warning")
        assert result.is_failure is (kind == "failure")
        assert result.is_cancel is (kind == "cancel")
        assert not result.is_pending


async def test_b19_a_comment_of_controls_cannot_break_a_line(instance: Path) -> None:
    comment = "disk\r\nfull \x1b[2J<b>&amp;</b> \xe9" * 20

    async def script(peer: Peer) -> None:
        await peer.accept()
        await peer.read()
        await peer.read()
        body = command({0x100: 0x8001, 0x120: 1, 0x800: 0x101, 0x900: 0xA700, 0x902: comment.encode("latin-1")})
        await peer.send(pdata(pdv(3, 3, body)))
        await peer.read()
        await peer.send(RELEASE_RP)

    async with (
        nothing_left(script) as server,
        connect(server.address, contexts=CONTEXTS, timeouts=PATIENT) as assoc,
    ):
        result = await assoc.store(instance)
        with pytest.raises(Exception, match="A700") as caught:
            result.raise_for_status()
        assert str(caught.value).isprintable()


async def test_requests_of_a_server_are_refused_and_the_association_goes_on() -> None:
    """A role that nobody negotiated: refused by a status, and nothing is stored."""
    seen: list[object] = []

    async def script(peer: Peer) -> None:
        await peer.accept()
        await peer.read()
        await peer.send(store_rq(), echo_rq(8), pdata(pdv(1, 3, command({0x100: 0x140, 0x110: 9, 0x800: 0x101}))))
        seen.extend([await peer.read_command() for _ in range(3)])
        await peer.send(ECHO_RSP)
        await peer.read()
        await peer.send(RELEASE_RP)

    async with (
        nothing_left(script) as server,
        connect(server.address, contexts=CONTEXTS, timeouts=PATIENT) as assoc,
    ):
        assert (await assoc.echo()).status.is_success
    store, verify, create = seen
    assert isinstance(store, CStoreRSP)
    assert store.status == 0x0122
    assert isinstance(verify, CEchoRSP)
    assert verify.status.is_failure
    assert getattr(create, "status", None) == 0x0122


async def test_a_peer_that_stops_to_read_is_given_up_and_the_rest_is_not_waited_for(tmp_path: Path) -> None:
    path = write_instance(tmp_path, 30_000_000)

    async def script(peer: Peer) -> None:
        await peer.accept()
        peer.pause()
        await asyncio.Event().wait()

    loop = asyncio.get_running_loop()
    async with bad_server(script) as server:
        assoc = await connect(server.address, contexts=CONTEXTS, timeouts=QUICK)
        began = loop.time()
        with pytest.raises(OperationTimeout, match="read nothing"):
            await assoc.store(path)
        await assoc.release()
        assert loop.time() - began < 0.3 + SOON_S
        assert not assoc.is_connected


async def test_leaving_in_the_middle_of_a_store_to_a_peer_that_stopped_to_read_takes_no_second(tmp_path: Path) -> None:
    path = write_instance(tmp_path, 30_000_000)

    async def script(peer: Peer) -> None:
        await peer.accept()
        peer.pause()
        await asyncio.Event().wait()

    loop = asyncio.get_running_loop()
    async with bad_server(script) as server:
        assoc = await connect(server.address, contexts=CONTEXTS, timeouts=PATIENT)
        store = asyncio.ensure_future(assoc.store(path))
        await reached(lambda: not assoc._connection.transport.is_writable, "the way is blocked")
        began = loop.time()
        await assoc.abort()
        assert loop.time() - began < SOON_S
        with pytest.raises(AssociationAborted):
            await store


@pytest.mark.parametrize("word", [b"", ABORT], ids=["fin", "abort"])
async def test_who_stops_to_read_and_closes_its_side_is_noticed_at_once(word: bytes, tmp_path: Path) -> None:
    path = write_instance(tmp_path, 30_000_000)
    blocked = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.accept()
        peer.pause()
        await blocked.wait()
        await peer.send(word)
        peer.finish_writing()
        await asyncio.Event().wait()

    loop = asyncio.get_running_loop()
    async with bad_server(script) as server:
        assoc = await connect(server.address, contexts=CONTEXTS, timeouts=PATIENT)
        store = asyncio.ensure_future(assoc.store(path))
        await reached(lambda: not assoc._connection.transport.is_writable, "the way is blocked")
        began = loop.time()
        blocked.set()
        with pytest.raises(Lost):
            await store
        await assoc.release()
        assert loop.time() - began < SOON_S


RELEASES = [
    Row("is silent", answers(after=2), OperationTimeout, QUICK),
    Row("closes", answers(after=2, stays=False), Lost),
    Row("resets", answers(after=2, stays=False, how="reset"), Lost),
    Row("aborts", answers(ABORT), AssociationAborted),
    Row("half an answer", answers(RELEASE_RP[:7]), OperationTimeout, QUICK),
    Row("speaks http", answers(b"HTTP/1.1 400 Bad Request\r\n"), RemoteProtocolError),
    Row("a request", answers(GOOD_RQ), RemoteProtocolError),
    Row("collides and stays", answers(RELEASE_RQ), OperationTimeout, QUICK),
    Row("collides twice", answers(RELEASE_RQ, RELEASE_RQ), RemoteProtocolError),
]


@pytest.mark.parametrize("row", RELEASES, ids=str)
async def test_instead_of_the_answer_to_a_release(row: Row) -> None:
    loop = asyncio.get_running_loop()
    async with nothing_left(row.script) as server:
        assoc = await connect(server.address, contexts=CONTEXTS, timeouts=row.timeouts)
        began = loop.time()
        with pytest.raises(row.error) as caught:
            await assoc.release()
        assert loop.time() - began < SOON_S + 0.3
        await reached(lambda: server.open == 0, "the connection is closed when release() is back", SOON_S)
        assert not assoc.is_connected
        if isinstance(caught.value, OperationTimeout):
            assert caught.value.phase == "release"


async def test_a_release_that_is_cancelled_leaves_nothing() -> None:
    async with nothing_left(answers(after=3)) as server:
        assoc = await connect(server.address, contexts=CONTEXTS, timeouts=PATIENT)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await assoc.release()
        await reached(lambda: server.open == 0, "the connection is closed", SOON_S)


async def test_an_exception_of_the_caller_is_not_held_up_by_a_peer_that_answers_no_release() -> None:
    loop = asyncio.get_running_loop()

    async def leave(address: str) -> None:
        async with connect(address, contexts=CONTEXTS, timeouts=PATIENT):
            raise ValueError("mine")

    async with nothing_left(answers(after=3)) as server:
        began = loop.time()
        with pytest.raises(ValueError, match="mine"):
            await leave(server.address)
        assert loop.time() - began < 1.5 * SOON_S
        await reached(lambda: server.open == 0, "the connection is closed", SOON_S)


async def test_b16_release_collision_is_an_orderly_end_for_both() -> None:
    seen: list[object] = []

    async def script(peer: Peer) -> None:
        await peer.accept()
        seen.append(await peer.read())
        await peer.send(RELEASE_RQ)  # Sta7 and Sta9 of the requestor
        seen.append(await peer.read())
        await peer.send(RELEASE_RP)
        seen.append(await peer.read())

    async with nothing_left(script) as server, connect(server.address, contexts=CONTEXTS, timeouts=PATIENT):
        pass
    assert [type(pdu).__name__ for pdu in seen] == ["ReleaseRQ", "ReleaseRP", "NoneType"]


async def test_b16_release_waits_for_its_answer_and_takes_data_until_then() -> None:
    answered = False

    async def script(peer: Peer) -> None:
        nonlocal answered
        await peer.accept()
        await peer.read()
        await peer.send(echo_rq(3))  # allowed in Sta7; too late for an answer
        await asyncio.sleep(0)
        answered = True
        await peer.send(RELEASE_RP)
        await peer.read_all()

    async with nothing_left(script) as server:
        assoc = await connect(server.address, contexts=CONTEXTS, timeouts=PATIENT)
        await assoc.release()
        assert answered


async def test_a_server_that_releases_on_its_own_ends_the_association_in_order() -> None:
    seen: list[object] = []

    async def script(peer: Peer) -> None:
        await peer.accept()
        await peer.send(RELEASE_RQ)
        seen.append(await peer.read())

    async with nothing_left(script) as server:
        assoc = await connect(server.address, contexts=CONTEXTS, timeouts=PATIENT)
        await reached(lambda: not assoc.is_connected, "the association is over")
        with pytest.raises(LocalProtocolError):
            await assoc.echo()
        await assoc.release()
    assert type(seen[0]).__name__ == "ReleaseRP"


@pytest.mark.parametrize("length", [1, 7])
async def test_a_server_that_takes_no_data_is_told_apart_before_anything_is_sent(length: int, instance: Path) -> None:
    ac = bad_ac(APPLICATION, context_ac(1), context_ac(3, 0, EXPLICIT), user_information(max_length=length))
    async with nothing_left(says(accept=ac, after=1)) as server:
        with pytest.raises(LocalProtocolError, match="no room"):
            async with connect(server.address, contexts=CONTEXTS, timeouts=PATIENT) as assoc:
                await assoc.store(instance)


@pytest.mark.parametrize("length", [8, 4096, 131_072, 0])
async def test_b07_the_servers_maximum_length_is_kept_to(length: int, instance: Path) -> None:
    got: list[PDataTF] = []
    ac = bad_ac(APPLICATION, context_ac(1), context_ac(3, 0, EXPLICIT), user_information(max_length=length))

    async def script(peer: Peer) -> None:
        await peer.accept(ac)
        while not got or not (got[-1].pdvs[-1].is_last and not got[-1].pdvs[-1].is_command):
            answer = await peer.read()
            assert isinstance(answer, PDataTF)
            got.append(answer)
        await peer.send(STORE_RSP)
        await peer.read()
        await peer.send(RELEASE_RP)

    async with (
        nothing_left(script) as server,
        connect(server.address, contexts=CONTEXTS, timeouts=PATIENT) as assoc,
    ):
        assert (await assoc.store(instance)).status.is_success
    assert all(len(data.encode()) - 6 <= (length or 2**20) for data in got)
    body = b"".join(bytes(data.pdvs[0].data) for data in got if not data.pdvs[0].is_command)
    assert body == bytes(4000)


async def test_an_ac_that_comes_before_the_request_is_read_as_the_answer_to_it() -> None:
    """On the wire nobody can tell it from a fast answer; what matters is that the rest is held to the rules."""

    async def script(peer: Peer) -> None:
        await peer.send(GOOD_AC)
        seen = await peer.read()
        assert isinstance(seen, AssociateRQ)
        await peer.read_all()

    async with nothing_left(script) as server:
        with pytest.raises(OperationTimeout):
            async with connect(server.address, contexts=CONTEXTS, timeouts=QUICK) as assoc:
                await assoc.echo()


async def test_a_file_that_shrinks_while_it_is_sent_aborts_and_is_no_success(tmp_path: Path) -> None:
    path = write_instance(tmp_path, 40_000_000)
    seen: list[object] = []

    async def script(peer: Peer) -> None:
        await peer.accept()
        await peer.read()
        seen.extend(answer for answer in await peer.read_all() if isinstance(answer, Abort))

    async with nothing_left(script) as server:
        assoc = await connect(server.address, contexts=CONTEXTS, timeouts=PATIENT)
        store = asyncio.ensure_future(assoc.store(path))
        await asyncio.sleep(0)
        with path.open("r+b") as file:
            file.truncate(1000)
        with pytest.raises(LocalProtocolError, match="ended"):
            await store
        await assoc.release()
    assert len(seen) == 1


async def test_what_a_server_did_is_in_the_trace() -> None:
    records: list[Record] = []
    async with nothing_left(answers(response(0x8030, 2))) as server:
        with pytest.raises(RemoteProtocolError):
            async with connect(server.address, contexts=CONTEXTS, timeouts=PATIENT, tracer=records.append) as assoc:
                await assoc.echo()
    assert [r.message_id for r in records if isinstance(r, DimseRecord)] == [1, 2]
    notes = [record.text for record in records if isinstance(record, NoteRecord)]
    assert notes == ["the peer broke the protocol: a response to message 2, which nobody sent"]


async def test_elements_of_a_response_that_are_odd_do_not_matter() -> None:
    odd = element(0x0002, b"../" * 11) + element(0x9000, b"x" * 100) + element(0x0100, 0x8030)
    body = odd + element(0x0120, 1) + element(0x0800, 0x101) + element(0x0900, 0)

    async def script(peer: Peer) -> None:
        await peer.accept()
        await peer.read()
        await peer.send(pdata(pdv(1, 3, body)))
        await peer.read()
        await peer.send(RELEASE_RP)

    async with (
        nothing_left(script) as server,
        connect(server.address, contexts=CONTEXTS, timeouts=PATIENT) as assoc,
    ):
        assert (await assoc.echo()).status.is_success
