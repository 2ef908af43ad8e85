"""Where a C-MOVE may send to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dicomgui.app.configuration.destinations import destination_of, destinations_of, parse_destination
from dicomgui.app.configuration.negotiation_file import NegotiationFile
from dicomgui.app.configuration.nodes import Node, NodeTimeouts
from dicomgui.app.connection import ConnectionOptions, RoleWish
from dicomgui.app.credentials import Identity, IdentityKind
from dicomgui.network import ConfigurationError, PeerAddress, parse_proxy, presets

CT = "1.2.840.10008.5.1.4.1.1.2"


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


def test_a_node_is_reached_through_its_proxy_and_by_its_profile(tmp_path: Path) -> None:
    """As a send to it is."""
    path = tmp_path / "profiles.toml"
    path.write_text(
        '[profile.a]\nmax_pdu_length = 32768\nimplementation_version_name = "PROFILED"\n'
        f'[[profile.a.context]]\nabstract_syntax = "{CT}"\ntransfer_syntaxes = ["1.2.840.10008.1.2"]\n',
        encoding="utf-8",
    )
    node = Node(
        "one", PeerAddress.parse("CT1@10.0.0.1:104"), proxy=parse_proxy("socks5h://proxy:1080"), role=RoleWish.BOTH,
        negotiation=NegotiationFile(str(path)), max_sent_pdu_length=8192,
    )  # fmt: skip
    found = destination_of(node, ConnectionOptions(calling_ae="US"))
    assert found is not None
    assert found.prepare is not None
    assert found.options.sockets.proxy == node.proxy
    made = found.prepare(replace(found.options, contexts=presets.for_instances([(CT, "1.2.840.10008.1.2.1")])))
    assert (made.limits.max_pdu_length, made.limits.max_sent_pdu_length) == (32_768, 8192)
    assert made.sockets.proxy == node.proxy
    assert made.implementation.version_name == "PROFILED"
    [context] = made.contexts
    assert (context.abstract_syntax, context.transfer_syntaxes) == (CT, ("1.2.840.10008.1.2",))
    assert (context.scu_role, context.scp_role) == (True, True)
    path.unlink()
    with pytest.raises(ConfigurationError):
        found.prepare(found.options)


def test_nodes_by_ae_title_the_first_of_several_and_none_that_needs_a_secret() -> None:
    nodes = [
        Node("a", PeerAddress.parse("CT1@10.0.0.1:104")),
        Node("b", PeerAddress.parse("CT1@10.0.0.2:104")),
        Node("c", PeerAddress.parse("MR1@10.0.0.3:104"), identity=Identity(IdentityKind.PASSCODE, "anna")),
    ]
    found = destinations_of(nodes, "US")
    assert {title: one.address.host for title, one in found.items()} == {"CT1": "10.0.0.1"}
    assert found["CT1"].options.calling_ae == "US"
