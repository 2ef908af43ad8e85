"""The errors that name why an association ended."""

from __future__ import annotations

import pytest

from dicomgui.network import AssociationAborted, RemoteProtocolError
from dicomgui.network.association.events import Aborted
from dicomgui.network.service.endings import abort_error, timeout_error


@pytest.mark.parametrize(("by_peer", "words"), [(True, "the peer aborted"), (False, "our side aborted")])
def test_an_abort_says_who_and_why(by_peer: bool, words: str) -> None:
    error = abort_error(Aborted(2, 6, by_peer), "X@h:1")
    assert isinstance(error, AssociationAborted)
    assert (error.source, error.reason, error.by_peer, error.peer) == (2, 6, by_peer, "X@h:1")
    assert words in str(error)


def test_an_abort_that_answers_a_fault_is_the_fault() -> None:
    fault = RemoteProtocolError("wrong")
    assert abort_error(Aborted(2, 6, False, fault), "X@h:1") is fault
    assert fault.peer == "X@h:1"
    fault.peer = "known"
    assert abort_error(Aborted(2, 6, False, fault), "X@h:1").peer == "known"


@pytest.mark.parametrize(
    ("name", "phase", "words"),
    [
        ("associate", "associate", "association request"),
        ("response", "response", "no response"),
        ("release", "release", "release request"),
        ("send", "response", "read nothing"),
        ("idle", "idle", "nothing came"),
    ],
)
def test_each_time_out_is_named(name: str, phase: str, words: str) -> None:
    error = timeout_error(name, 2.5, "X@h:1")
    assert error.phase == phase
    assert words in str(error)
    assert "2.5 s" in str(error)
    assert isinstance(error, TimeoutError)
