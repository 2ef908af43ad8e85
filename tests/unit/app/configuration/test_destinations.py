"""Where a C-MOVE may send to."""

from __future__ import annotations

import pytest

from dicomgui.app.configuration.destinations import destination_of, destinations_of, parse_destination
from dicomgui.app.configuration.nodes import Node, NodeTimeouts
from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.credentials import Identity, IdentityKind
from dicomgui.network import ConfigurationError, PeerAddress


@pytest.mark.parametrize(
    ("text", "title", "host", "port"),
    [
        ("CT1=10.0.0.1:104", "CT1", "10.0.0.1", 104),
        ("A B = [::1]:11112", "A B", "::1", 11112),
        ("X=ct1", "X", "ct1", 104),
    ],
)
def test_a_destination_is_read(text: str, title: str, host: str, port: int) -> None:
    found, address = parse_destination(text)
    assert (found, address.ae_title, address.host, address.port) == (title, title, host, port)


@pytest.mark.parametrize("text", ["", "CT1", "CT1=", "=10.0.0.1:104", "CT1=10.0.0.1:99999", "A_TITLE_THAT_IS_LONG=h:1"])
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_destination(text)


def test_a_node_keeps_its_ways() -> None:
    node = Node(
        "one", PeerAddress.parse("CT1@10.0.0.1:104"), calling_ae="OTHER", timeouts=NodeTimeouts(connect_s=7),
        max_pdu_length=16_384, async_ops=(4, 1),
        identity=Identity(IdentityKind.USERNAME, "anna"),
    )  # fmt: skip
    found = destination_of(node, ConnectionOptions(calling_ae="US"))
    assert found is not None
    options = found.options
    assert found.address == node.address
    assert (options.calling_ae, options.timeouts.connect_s, options.limits.max_pdu_length) == ("OTHER", 7, 16_384)
    assert options.async_ops == (4, 1)
    assert options.user_identity is not None


def test_nodes_by_ae_title_the_first_of_several_and_none_that_needs_a_secret() -> None:
    nodes = [
        Node("a", PeerAddress.parse("CT1@10.0.0.1:104")),
        Node("b", PeerAddress.parse("CT1@10.0.0.2:104")),
        Node("c", PeerAddress.parse("MR1@10.0.0.3:104"), identity=Identity(IdentityKind.PASSCODE, "anna")),
    ]
    found = destinations_of(nodes, "US")
    assert {title: one.address.host for title, one in found.items()} == {"CT1": "10.0.0.1"}
    assert found["CT1"].options.calling_ae == "US"
