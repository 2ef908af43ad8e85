"""What an acceptor does outside of an association."""

from __future__ import annotations

import pytest

from dicomgui.network import AcceptPolicy, AETitle, Handlers, ServerOptions
from dicomgui.network.association.events import Released
from dicomgui.network.server import Server
from dicomgui.network.server.acceptor import Acceptor


@pytest.fixture
async def acceptor() -> Acceptor:
    return Acceptor(Server(AETitle("ME"), Handlers(), ServerOptions(policy=AcceptPolicy())))


async def test_before_there_is_a_connection_nothing_can_be_ended(acceptor: Acceptor) -> None:
    acceptor.abort()
    acceptor.cut()
    acceptor.close_when_idle()
    assert not acceptor.is_established
    assert not acceptor.ended.done()


async def test_a_confirmation_of_what_it_never_asked_for_is_nothing_to_it(acceptor: Acceptor) -> None:
    acceptor.association_event(Released())
    assert not acceptor.is_established
