from __future__ import annotations

from helpers.recordings import Recording

from dicomgui.app.setup_card import local_address, setup_text
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
