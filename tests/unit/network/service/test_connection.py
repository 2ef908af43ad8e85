"""The traffic of an association before, while and after it stands, as far as no peer is needed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dicomgui.network import LocalProtocolError, PeerAddress, RemoteProtocolError, Status
from dicomgui.network.association.events import AssociateRejected
from dicomgui.network.association.params import AETitle
from dicomgui.network.association.states import State
from dicomgui.network.client import Association, ConnectOptions
from dicomgui.network.dimse.assembler import Message
from dicomgui.network.dimse.commands import CEchoRSP, UnknownCommand
from dicomgui.network.pdu import AssociateRJ, PdvPiece
from dicomgui.network.service import Connection

PEER = PeerAddress(AETitle("X"), "127.0.0.1", 104)


@pytest.fixture
async def connection() -> Connection:
    return Association(PEER, ConnectOptions())._connection


async def test_before_the_association_there_is_nothing(connection: Connection) -> None:
    for ask in (
        lambda: connection.transport,
        lambda: connection.negotiated,
        lambda: connection.requests,
        lambda: connection._sending,
    ):
        with pytest.raises(LocalProtocolError):
            ask()
    assert (connection.is_open, connection.is_established, connection.is_over) == (False, False, False)
    assert connection.is_idle
    assert not connection.is_receiving
    await connection.drain()


async def test_answers_to_nobody_are_dropped(connection: Connection) -> None:
    answer = CEchoRSP(1, Status(0))
    connection.respond(1, answer)
    await connection.respond_with(1, answer, b"data")
    connection.handle_event(PdvPiece(1, 3, memoryview(b"early"), True, True))


async def test_it_ends_once(connection: Connection) -> None:
    connection.handle_event(AssociateRejected(AssociateRJ(1, 1, 7)))
    assert connection.is_over
    connection.abort()
    connection.finish()
    connection.transport_closed(None)
    assert connection.is_over


async def test_a_response_that_there_is_not_is_a_fault_of_the_peer(connection: Connection) -> None:
    message = Message(1, UnknownCommand(1, 0x8999), None, -1)
    with pytest.raises(RemoteProtocolError, match="no response that there is") as caught:
        connection._receive(message)
    assert caught.value.abort_reason == 6


async def test_a_connection_that_ends_before_the_association_has_an_error(connection: Connection) -> None:
    owner: Any = connection._owner
    connection.transport_closed(OSError(5, "broken"))
    with pytest.raises(Exception, match="the connection was lost"):
        await owner._answer


class Line:
    """A transport and a sender that write down what is asked of them."""

    def __init__(self, fault: BaseException | None = None) -> None:
        self.fault = fault
        self.calls: list[str] = []
        self.is_sending = False
        self.is_idle = True

    def post(self, *values: object) -> None:
        if self.fault is not None:
            raise self.fault

    async def send(self, *values: object) -> None:
        self.post()

    def end(self, error: object) -> None:
        self.calls.append("end")

    def __getattr__(self, name: str) -> Any:
        return lambda *values, **named: self.calls.append(name)


def stand(connection: Connection, line: Any) -> None:
    """As if the association stood."""
    connection._machine.state = State.STA6
    connection._transport = connection._sender = connection._requester = line


async def test_an_answer_that_cannot_be_sent_ends_the_association(connection: Connection) -> None:
    line = Line(LocalProtocolError("no room"))
    stand(connection, line)
    connection.respond(1, CEchoRSP(1, Status(0)))
    await connection.respond_with(1, CEchoRSP(1, Status(0)), b"data")
    assert line.calls == ["provider_abort", "provider_abort"]


async def test_an_answer_that_is_cut_off_ends_the_association(connection: Connection) -> None:
    line = Line(asyncio.CancelledError())
    stand(connection, line)
    with pytest.raises(asyncio.CancelledError):
        await connection.respond_with(1, CEchoRSP(1, Status(0)), b"data")
    assert connection.is_over
    assert "flush" in line.calls


async def test_an_answer_that_comes_too_late_is_no_fault(connection: Connection) -> None:
    line = Line(LocalProtocolError("over"))
    stand(connection, line)

    async def send(*values: object) -> None:
        connection._over = True
        raise LocalProtocolError("over")

    line.send = send
    await connection.respond_with(1, CEchoRSP(1, Status(0)), b"data")
    assert line.calls == []


async def test_our_own_slowness_is_no_idleness_of_the_peer(connection: Connection) -> None:
    line = Line()
    line.is_idle = False
    stand(connection, line)
    connection.timed_out("idle", 5.0)
    assert line.calls == ["set_idle_timeout"]
    assert not connection.is_over
    line.is_idle = True
    connection.timed_out("idle", 5.0)
    assert connection.is_over


async def test_a_response_that_is_overdue_ends_the_association(connection: Connection) -> None:
    line = Line()
    stand(connection, line)
    connection._overdue(5.0)
    assert connection.is_over
    assert "cut" not in line.calls
