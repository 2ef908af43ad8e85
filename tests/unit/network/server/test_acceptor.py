"""What an acceptor does outside of an association."""

from __future__ import annotations

from typing import Any

import pytest

from dicomgui.network import AcceptPolicy, AETitle, Handlers, ProposedContext, ServerOptions
from dicomgui.network.association.events import Released
from dicomgui.network.association.negotiation import build_request
from dicomgui.network.pdu import AssociateAC, AssociateRJ
from dicomgui.network.server.acceptor import Acceptor
from dicomgui.network.server.server import ServerCore


@pytest.fixture
async def acceptor() -> Acceptor:
    return Acceptor(ServerCore(AETitle("ME"), Handlers(), ServerOptions(policy=AcceptPolicy())))


async def test_before_there_is_a_connection_nothing_can_be_ended(acceptor: Acceptor) -> None:
    acceptor.abort()
    acceptor.cut()
    acceptor.close_when_idle()
    assert not acceptor.is_established
    assert not acceptor.ended.done()


async def test_a_confirmation_of_what_it_never_asked_for_is_nothing_to_it(acceptor: Acceptor) -> None:
    acceptor.association_event(Released())
    assert not acceptor.is_established


# what a negotiator may answer


CT, IMPLICIT, EXPLICIT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
ASKED = build_request("ME", "YOU", [ProposedContext(CT, (EXPLICIT, IMPLICIT)), ProposedContext(CT, (IMPLICIT,))])


@pytest.mark.parametrize(
    ("verdict", "answers"),
    [
        (None, [(0, EXPLICIT), (0, IMPLICIT)]),
        ({}, [(0, EXPLICIT), (0, IMPLICIT)]),
        (AcceptPolicy(transfer_syntaxes=(IMPLICIT,)), [(0, IMPLICIT), (0, IMPLICIT)]),
        ({1: IMPLICIT, 3: 2}, [(0, IMPLICIT), (2, None)]),
        ({3: 4, 99: 1}, [(0, EXPLICIT), (4, None)]),
    ],
)
async def test_a_verdict_that_accepts(acceptor: Acceptor, verdict: Any, answers: list[tuple[int, str | None]]) -> None:
    answer = acceptor._negotiate(ASKED, verdict)
    assert isinstance(answer, AssociateAC)
    given = [(c.result, None if c.result else c.transfer_syntax) for c in answer.presentation_contexts]
    assert given == answers


@pytest.mark.parametrize(
    "verdict",
    [
        AssociateRJ(1, 1, 1),
        AssociateRJ(2, 3, 1),
        AcceptPolicy(check_called=True, ae_title="OTHER"),
    ],
)
async def test_a_verdict_that_rejects(acceptor: Acceptor, verdict: Any) -> None:
    answer = acceptor._negotiate(ASKED, verdict)
    assert answer == (verdict if isinstance(verdict, AssociateRJ) else AssociateRJ(1, 1, 7))


@pytest.mark.parametrize("verdict", [False, True, 0, "yes", (1, 1, 1), AssociateRJ(1, 1, 256), {1: "1.2.3"}, {1: 0}])
async def test_a_verdict_that_is_none_lets_nobody_in(acceptor: Acceptor, verdict: Any) -> None:
    assert acceptor._negotiate(ASKED, verdict) == AssociateRJ(2, 3, 1)
