"""One saved peer."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import replace
from typing import Any

import pytest

from dicomgui.app.configuration.negotiation_file import NegotiationFile
from dicomgui.app.configuration.nodes import NODE_KEYS, Node, NodeStatus, NodeTimeouts, name_key, node_of, table_of
from dicomgui.app.configuration.values import Values
from dicomgui.app.connection import ConnectionOptions, RoleWish
from dicomgui.app.credentials import Identity, IdentityKind
from dicomgui.app.echo import EchoResult
from dicomgui.network.association.extended import QueryFlags
from dicomgui.network.association.params import PeerAddress, Timeouts
from dicomgui.network.errors import ConfigurationError, ConnectionRefused
from dicomgui.network.status import Status
from dicomgui.network.transport import HttpProxy, SocksProxy, TlsConfig
from dicomgui.trace.finding import Finding, Severity

PACS = PeerAddress.parse("PACS@10.0.0.1:104")
FULL = Node(
    "Main PACS",
    PeerAddress.parse("PACS@[::1]:11112"),
    calling_ae="ME",
    timeouts=NodeTimeouts(
        connect_s=1, tls_s=6, associate_s=2.5, response_s=math.inf, retrieve_s=3, release_s=4, cancel_s=60
    ),
    max_pdu_length=0,
    max_sent_pdu_length=4096,
    proxy=HttpProxy("proxy.example", 8080, "j\u00f6rg@lab"),
    negotiation=NegotiationFile("/etc/profiles.toml", "ct"),
    tls=TlsConfig(
        profile="extended",
        ca_file="/etc/ca.pem",
        cert_file="me.pem",
        key_file="me.key",
        server_name="pacs.example",
        verify="none",
        minimum_version="1.2",
        crl_file="/etc/crl.pem",
        ciphers="ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256",
        keylog_file="keys.txt",
    ),
    identity=Identity(IdentityKind.PASSCODE, "anna", want_response=True),
    require_identity=True,
    async_ops=(4, 0),
    extended=QueryFlags(relational=True, fuzzy=True),
    role=RoleWish.BOTH,
    charset="GB18030",
    ask_commitment=True,
    comment="first line\nsecond \u00e4",
)


class TestName:
    def test_is_tidied(self) -> None:
        assert Node("  Main \t PACS ", PACS).name == "Main PACS"
        assert Node("Mu\u0308nchen", PACS).name == "M\u00fcnchen"

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            (" ", "has no name"),
            ("x" * 65, "has 65 characters"),
            ("a\x1bb", "control characters"),
            ("a\u200bb", "control characters"),
            ("A@b", "contains @"),
            ("-v", "begins with -"),
        ],
    )
    def test_unusable(self, name: str, words: str) -> None:
        with pytest.raises(ConfigurationError, match=words) as caught:
            Node(name, PACS)
        assert caught.value.hint

    def test_keys_tell_neither_case_nor_spacing_apart(self) -> None:
        assert name_key("Stra\u00dfe  1") == name_key(" STRASSE 1")
        assert name_key("a") != name_key("b")


@pytest.mark.parametrize(
    "arguments",
    [
        {"calling_ae": "MUCH TOO LONG A TITLE"},
        {"max_pdu_length": 5},
        {"comment": "x" * 4001},
        {"max_sent_pdu_length": 5},
        {"proxy": HttpProxy("proxy", password="secret")},
        {"charset": "KLINGON"},
        {"async_ops": (1, 65_536)},
        {"async_ops": (-1, 1)},
    ],
)
def test_an_unusable_node_cannot_be_made(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        Node("PACS", PACS, **arguments)


def test_unusable_timeouts_cannot_be_made() -> None:
    with pytest.raises(ConfigurationError, match="response_s"):
        NodeTimeouts(response_s=0)


class TestOptions:
    USUAL = ConnectionOptions(calling_ae="US", timeouts=Timeouts(connect_s=50, idle_s=7), trace_full=True)

    def test_a_plain_node_takes_the_usual_ones(self) -> None:
        assert Node("PACS", PACS).options(self.USUAL) == self.USUAL
        assert Node("PACS", PACS).options() == ConnectionOptions()

    def test_what_the_node_says_counts(self) -> None:
        options = FULL.options(self.USUAL)
        assert (options.calling_ae, options.max_pdu_length, options.trace_full) == ("ME", 0, True)
        assert options.timeouts == Timeouts(
            connect_s=1, tls_s=6, associate_s=2.5, response_s=None, retrieve_s=3, release_s=4, cancel_s=60, idle_s=7
        )
        assert (options.tls, options.identity, options.async_ops) == (FULL.tls, FULL.identity, (4, 0))
        assert (options.extended, options.role) == (FULL.extended, RoleWish.BOTH)
        assert (options.max_sent_pdu_length, options.sockets.proxy) == (4096, FULL.proxy)
        assert (options.require_identity, options.charset) == (True, "GB18030")

    def test_without_an_identity_none_is_required(self) -> None:
        assert not Node("PACS", PACS, require_identity=True).options().require_identity

    def test_a_plain_node_leaves_tls_and_identity_of_the_usual_ones(self) -> None:
        usual = replace(self.USUAL, tls=FULL.tls, identity=FULL.identity)
        assert Node("PACS", PACS).options(usual) == usual


class TestFile:
    def test_what_is_written_is_read(self) -> None:
        for node in (
            FULL, Node("PACS", PACS), Node("PACS", PACS, tls=TlsConfig()),
            Node("PACS", PACS, identity=Identity(IdentityKind.JWT)),
            Node("PACS", PACS, proxy=HttpProxy("::1")),
            Node("PACS", PACS, proxy=SocksProxy("::1", 81, "anna", scheme="socks4a")),
            replace(FULL, max_pdu_length=None, timeouts=NodeTimeouts(release_s=1)),
        ):  # fmt: skip
            values = Values(table_of(node))
            assert node_of(values) == node
            assert not values.faults

    def test_every_field_has_its_key(self) -> None:
        """FULL sets everything, so that the test above sees a key that is forgotten."""
        usual = Node("PACS", PACS)
        fields = [entry.name for entry in dataclasses.fields(Node) if entry.name != "is_machine_wide"]
        assert all(getattr(FULL, name) != getattr(usual, name) for name in fields)
        assert set(table_of(FULL)) == NODE_KEYS

    def test_a_plain_node_is_four_lines(self) -> None:
        assert table_of(Node("PACS", PACS)) == {"name": "PACS", "ae_title": "PACS", "host": "10.0.0.1", "port": 104}

    def test_the_port_may_be_left_out(self) -> None:
        assert node_of(Values({"name": "a", "ae_title": "B", "host": "c"})).address.port == 104

    def test_machine_wide(self) -> None:
        assert node_of(Values(table_of(FULL)), is_machine_wide=True) == replace(FULL, is_machine_wide=True)

    @pytest.mark.parametrize("name", ["name", "ae_title", "host"])
    def test_a_part_is_missing(self, name: str) -> None:
        table = table_of(FULL)
        del table[name]
        with pytest.raises(ConfigurationError):
            node_of(Values(table))

    def test_wrong_values_are_told_of(self) -> None:
        table = table_of(FULL) | {"connect_timeout_s": -1, "port": "x", "max_pdu_length": 3}
        values = Values(table)
        node_of(values)
        assert [fault.partition(":")[0] for fault in values.faults] == ["port", "connect_timeout_s", "max_pdu_length"]

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("tls", 1), ("tls_profile", "none"), ("tls_verify", "no"), ("tls_minimum_version", "1.1"),
            ("tls_ciphers", "NO-SUCH-SUITE"), ("identity", "fingerprint"), ("identity_response", "yes"),
            ("operations_invoked", -1),
            ("operations_performed", 65_536), ("extended_negotiation", ["relational", "x"]),
            ("extended_negotiation", "fuzzy"), ("role", "judge"), ("max_sent_pdu_length", 8), ("proxy", "ftp://x"),
            ("identity_required", 1), ("charset", "KLINGON"),
        ],
    )  # fmt: skip
    def test_a_wrong_value_of_security_and_association(self, name: str, value: object) -> None:
        values = Values(table_of(FULL) | {name: value})
        node_of(values)
        assert [fault.partition(":")[0] for fault in values.faults] == [name]

    def test_an_identity_without_its_name_makes_no_node(self) -> None:
        table = table_of(FULL)
        del table["user_name"]
        with pytest.raises(ConfigurationError, match="no user name"):
            node_of(Values(table))

    def test_a_key_without_a_certificate_makes_no_node(self) -> None:
        table = table_of(FULL)
        del table["tls_cert_file"]
        with pytest.raises(ConfigurationError, match="without a certificate"):
            node_of(Values(table))


class TestStatus:
    RESULT = EchoResult(PACS, 7, (), (2.0, 4.0, 9.0), Status(0))

    def test_good(self) -> None:
        assert NodeStatus.of(self.RESULT, 5.0) == NodeStatus(True, 5.0, 4.0, "", 7)

    def test_finding(self) -> None:
        finding = Finding("closed-port", Severity.ERROR, "Nothing listens.")
        error = ConnectionRefused("refused")
        result = replace(self.RESULT, status=None, round_trips_ms=(), error=error, findings=(finding,))
        assert NodeStatus.of(result, 5.0) == NodeStatus(False, 5.0, None, "Nothing listens.", 7)
        assert NodeStatus.of(replace(result, findings=()), 5.0).reason == "refused"

    def test_status(self) -> None:
        status = NodeStatus.of(replace(self.RESULT, status=Status(0x0122)), 5.0)
        assert not status.ok
        assert status.reason.startswith("0x0122")

    def test_nothing(self) -> None:
        assert NodeStatus.of(replace(self.RESULT, status=None), 5.0).reason == ""
