from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from helpers.recordings import Recording

from dicomgui.app.configuration import setup_card
from dicomgui.app.configuration.listener_options import ListenerOptions
from dicomgui.app.configuration.setup_card import listener_text, local_address, reaches_others, setup_text
from dicomgui.network.transport import TlsConfig
from dicomgui.trace.store import TraceStore


def test_what_an_administrator_has_to_enter() -> None:
    text = setup_text("PACS@10.0.0.2:104", "ME", address="10.0.0.1", port=11112, computer="ward-7")
    assert "work with PACS@10.0.0.2:104" in text
    assert "AE title:  ME" in text
    assert "Address:   10.0.0.1 or ward-7" in text
    assert "Port:      11112" in text
    assert "TLS:       no" in text
    assert "destination of C-MOVE" in text


def test_without_a_listener_nothing_is_said_of_c_move() -> None:
    text = setup_text("", "ME", computer="")
    assert "Port" not in text
    assert "C-MOVE" not in text
    assert "Address" not in text


def test_the_address_is_that_which_the_peer_saw() -> None:
    store = TraceStore()
    for record in (*Recording(1).established().records, *Recording(2).connect("[fe80::1]:5", error="x").records):
        store(record)
    assert local_address(store, 1) == "10.0.0.1"
    assert local_address(store, 2) == ""
    assert local_address(store, 9) == ""


def test_the_card_of_a_listener_names_where_it_is_reached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(setup_card, "own_addresses", lambda: ("10.0.0.7", "2001:db8::7"))
    every = ListenerOptions(tmp_path, host="0.0.0.0", port=104, ae_title="STORE", tls=TlsConfig())
    text = listener_text(every, computer="ward-7")
    assert "Address:   10.0.0.7 or 2001:db8::7 or ward-7" in text
    assert ("AE title:  STORE" in text, "Port:      104" in text, "TLS:       yes" in text) == (True, True, True)
    assert str(tmp_path) not in text
    assert "Address:   10.1.1.1 or ward-7" in listener_text(replace(every, host="10.1.1.1"), computer="ward-7")
    assert "Address:   127.0.0.1\n" in listener_text(replace(every, host="127.0.0.1"))


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", False), ("::1", False), ("localhost", False), ("0.0.0.0", True), ("::", True), ("ward-7", True)],
)
def test_whether_others_reach_it(host: str, expected: bool, tmp_path: Path) -> None:
    assert reaches_others(ListenerOptions(tmp_path, host=host)) is expected
