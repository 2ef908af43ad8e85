"""The verbs, as far as no peer is needed to see what they do."""

from __future__ import annotations

import math

import pytest
from helpers.services import keys

from dicomgui.network import ConfigurationError, LocalProtocolError, PeerAddress, Timeouts
from dicomgui.network.association.contexts import AcceptedContext
from dicomgui.network.association.params import AETitle
from dicomgui.network.client import Association, ConnectOptions
from dicomgui.network.dimse.assembler import Message
from dicomgui.network.dimse.commands import CFindRSP, CMoveRSP
from dicomgui.network.dimse.dataset import decode_dataset
from dicomgui.network.service import user as module
from dicomgui.network.service.results import Match, Progress
from dicomgui.network.status import Status

CONTEXT = AcceptedContext(1, "1.2", "1.2.840.10008.1.2", as_scu=True, as_scp=False)
PEER = PeerAddress(AETitle("X"), "127.0.0.1", 104)


async def assoc() -> Association:
    return Association(PEER, ConnectOptions(timeouts=Timeouts(response_s=7.0, retrieve_s=70.0)))


@pytest.mark.parametrize(
    ("own", "response_s", "retrieve_s"), [(None, 7.0, 70.0), (3.0, 3.0, 3.0), (math.inf, None, None)]
)
async def test_a_time_out_is_that_of_the_call_or_else_of_the_association(
    own: float | None, response_s: float | None, retrieve_s: float | None
) -> None:
    user = await assoc()
    assert (user._response_s(own), user._retrieve_s(own)) == (response_s, retrieve_s)


async def test_before_there_is_an_association_every_verb_is_refused() -> None:
    user = await assoc()
    assert not user.is_connected
    for ask in (
        user.echo,
        lambda: user.find(b"").result(),
        lambda: user.move(b"", destination="D").result(),
        lambda: user.n_get("1.2", "1.3"),
        lambda: user.n_event_report("1.2", "1.3", 1),
    ):
        with pytest.raises(LocalProtocolError, match="no association"):
            await ask()


async def test_a_model_that_there_is_not_is_refused_at_once() -> None:
    user = await assoc()
    with pytest.raises(ConfigurationError):
        user.find(b"", root="nothing")
    with pytest.raises(ConfigurationError):
        user.move(b"", destination="D", root="worklist")
    with pytest.raises(ConfigurationError):
        user.get(b"", into=".", root="worklist")


def test_b24_a_level_is_set_in_a_copy() -> None:
    mine = keys(PatientID="1", QueryRetrieveLevel="IMAGE")
    data = module._encoded(mine, CONTEXT, "STUDY")
    assert decode_dataset(data, CONTEXT.transfer_syntax) == keys(PatientID="1", QueryRetrieveLevel="STUDY")
    assert mine == keys(PatientID="1", QueryRetrieveLevel="IMAGE")
    assert module._encoded(b"as it is", CONTEXT) == b"as it is"
    with pytest.raises(ConfigurationError):
        module._encoded(b"as it is", CONTEXT, "STUDY")


def test_pending_responses_as_matches_and_progress() -> None:
    find = Message(1, CFindRSP(1, Status(0xFF01), has_dataset=True), b"data", 4)
    assert module._match(find, "1.2") == Match(b"data", Status(0xFF01), "1.2")
    assert module._match(find._replace(sink_result=None), "1.2").data == b""
    move = CMoveRSP(1, Status(0xFF00), remaining=1, completed=2)
    assert module._progress(Message(1, move, None, -1), "1.2") == Progress(1, 2)
    assert module._progress(Message(1, CFindRSP(1, Status(0xFF00)), None, -1), "1.2") == Progress()
