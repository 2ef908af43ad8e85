"""The destinations of a C-MOVE."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from dicomgui.network import AETitle, ConfigurationError, ConnectOptions, Destination, PeerAddress, Timeouts
from dicomgui.network.server import moving
from dicomgui.network.server.moving import DestinationMover

CT, EXPLICIT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1"
PLACE = PeerAddress(AETitle("DEST"), "127.0.0.1", 104)


def request(destination: str) -> Any:
    return SimpleNamespace(command=SimpleNamespace(move_destination=destination))


def mover(destinations: Any, **usual: Any) -> DestinationMover:
    return DestinationMover(destinations, AETitle("US"), ConnectOptions(**usual))


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[PeerAddress, ConnectOptions]]:
    calls: list[Any] = []
    monkeypatch.setattr(moving, "open_with", lambda *values: calls.append(values))
    return calls


@pytest.mark.parametrize(("title", "known"), [("DEST", True), (" DEST ", True), ("dest", False), ("", False)])
def test_titles_are_compared_without_padding(title: str, known: bool) -> None:
    assert mover({"DEST": PLACE}).knows(request(title)) == known
    assert mover(lambda asked: PLACE if asked.command.move_destination == title else None).knows(request(title))


def test_an_address_is_called_as_the_server_would(opened: list[Any]) -> None:
    times = Timeouts(response_s=3.0)
    mover({"DEST": PLACE}, timeouts=times).open(request("DEST"), [(CT, EXPLICIT)])
    [(address, options)] = opened
    assert address == PLACE
    assert (options.calling_ae, options.timeouts) == ("US", times)
    assert [(c.abstract_syntax, c.transfer_syntaxes) for c in options.contexts] == [
        (CT, (EXPLICIT,)),
        (CT, ("1.2.840.10008.1.2",)),
    ]


def test_a_destination_has_its_own_options_but_for_title_and_trace(opened: list[Any]) -> None:
    records: list[Any] = []
    times = Timeouts(response_s=3.0)
    own = Destination(PLACE, ConnectOptions(calling_ae=AETitle("OTHER"), timeouts=times))
    mover({"DEST": own}, tracer=records.append, trace_full=True).open(request("DEST"), [(CT, EXPLICIT)])
    [(_, options)] = opened
    assert (options.calling_ae, options.timeouts, options.trace_full) == ("US", times, True)
    assert options.tracer == records.append


def test_a_destination_prepares_each_association_by_the_instances_that_are_to_go(opened: list[Any]) -> None:
    def prepare(options: ConnectOptions) -> ConnectOptions:
        return replace(options, contexts=options.contexts[:1], async_ops=(4, 1))

    own = Destination(PLACE, ConnectOptions(), prepare)
    made = mover({"DEST": own})
    made.open(request("DEST"), [(CT, EXPLICIT)])
    made.open(request("DEST"), [(CT, "1.2.840.10008.1.2")])
    assert [one.contexts[0].transfer_syntaxes for _, one in opened] == [(EXPLICIT,), ("1.2.840.10008.1.2",)]
    assert {(len(one.contexts), one.async_ops, one.calling_ae) for _, one in opened} == {(1, (4, 1), "US")}


def test_one_that_is_gone_meanwhile_is_an_error_and_no_fault() -> None:
    with pytest.raises(ConfigurationError, match="not known any more"):
        mover({}).open(request("DEST"), [])
