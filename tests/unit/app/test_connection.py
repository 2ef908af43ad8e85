"""How the program connects."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dicomgui.app.connection import ConnectionOptions, RoleWish, is_encrypted
from dicomgui.app.credentials import Identity, IdentityKind, Need
from dicomgui.network import (
    AcceptPolicy,
    AETitle,
    ConfigurationError,
    PeerAddress,
    ProposedContext,
    ServerOptions,
    SocketOptions,
    Timeouts,
    TlsConfig,
    parse_proxy,
    presets,
    serve,
)
from dicomgui.network.association.extended import QueryFlags, WorklistFlags, answer_extended, decode_extended
from dicomgui.network.association.identity import accept_passcodes
from dicomgui.network.tracing import PduRecord, Record

PEER = PeerAddress.parse("PACS@host:104")


@pytest.mark.parametrize(
    "wrong",
    [
        {"calling_ae": "seventeen letters"}, {"calling_ae": ""}, {"max_pdu_length": 7}, {"async_ops": (1, -1)},
        {"async_ops": (65_536, 1)},
    ],
)  # fmt: skip
def test_unusable_values_are_refused_at_once(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        ConnectionOptions(**wrong)


def test_the_title_is_checked_and_stripped() -> None:
    assert ConnectionOptions(calling_ae=" ME ").calling_ae == AETitle("ME")


async def test_the_options_reach_the_association() -> None:
    records: list[Record] = []
    options = ConnectionOptions("ME", Timeouts(connect_s=3.0), max_pdu_length=16_384, trace_full=True)
    async with await serve(port=0) as server:
        peer = PeerAddress.parse(f"X@127.0.0.1:{server.port}")
        async with options.connect(peer, presets.VERIFICATION, records.append) as association:
            assert association.negotiated.calling_ae_title == "ME"
    request = next(record for record in records if isinstance(record, PduRecord))
    assert (16_384).to_bytes(4, "big") in request.segments[0].data


async def test_identity_window_roles_and_extended_negotiation_reach_the_association() -> None:
    policy = AcceptPolicy(
        check_identity=accept_passcodes({"anna": "right"}), require_identity=True, requestor_scp=None, max_invoked=8,
        max_performed=2, answer_extended=answer_extended(QueryFlags(fuzzy=True)),
    )  # fmt: skip
    options = ConnectionOptions(
        identity=Identity(IdentityKind.PASSCODE, "anna", want_response=True), secret="right", async_ops=(4, 0),
        extended=QueryFlags(relational=True, fuzzy=True), role=RoleWish.BOTH,
    )  # fmt: skip
    scu_only = ProposedContext("1.2.3", ("1.2.840.10008.1.2",), scu_role=True, scp_role=False)
    contexts = (*presets.VERIFICATION, *presets.WORKLIST, scu_only)
    async with await serve(port=0, options=ServerOptions(policy)) as server:
        peer = PeerAddress.parse(f"X@127.0.0.1:{server.port}")
        async with options.connect(peer, contexts, None) as association:
            agreed = association.negotiated
    assert agreed.identity_response == b""
    assert (agreed.max_invoked, agreed.max_performed) == (4, 2)
    assert [(one.as_scu, one.as_scp) for one in agreed.accepted] == [(True, True), (True, True), (True, False)]
    assert [decode_extended(item) for item in agreed.extended] == [WorklistFlags(fuzzy=True)]


@pytest.mark.parametrize(
    ("role", "expected"), [(RoleWish.USUAL, None), (RoleWish.USER, (1, 0)), (RoleWish.PROVIDER, (0, 1))]
)
async def test_roles(role: RoleWish, expected: tuple[int, int] | None) -> None:
    [context] = ConnectionOptions(role=role)._in_role(presets.VERIFICATION)
    assert (None if context.role is None else (context.role.scu, context.role.scp)) == expected


async def test_without_its_secret_an_identity_is_not_left_out_but_an_error() -> None:
    options = ConnectionOptions(identity=Identity(IdentityKind.PASSCODE, "anna"))
    with pytest.raises(ConfigurationError, match="the passcode of anna was not given"):
        options.connect(PEER, presets.VERIFICATION, None)


def test_no_secret_is_shown() -> None:
    assert "hidden" not in repr(ConnectionOptions(secret="hidden"))


class TestNeeds:
    def pem(self, folder: Path, text: str = "-----BEGIN ENCRYPTED PRIVATE KEY-----") -> Path:
        path = folder / f"{len(text)}.pem"
        path.write_text(text)
        return path

    def test_nothing(self, tmp_path: Path) -> None:
        plain = self.pem(tmp_path, "-----BEGIN PRIVATE KEY-----")
        for options in (
            ConnectionOptions(), ConnectionOptions(identity=Identity(IdentityKind.USERNAME, "anna")),
            ConnectionOptions(identity=Identity(IdentityKind.JWT), secret="x"), ConnectionOptions(tls=TlsConfig()),
            ConnectionOptions(tls=TlsConfig(cert_file=plain)),
            ConnectionOptions(tls=TlsConfig(cert_file=tmp_path / "none")),
            ConnectionOptions(tls=TlsConfig(cert_file=self.pem(tmp_path), key_password=lambda: "x")),
        ):  # fmt: skip
            assert options.needs(PEER) == ()

    def test_they_are_named_and_taken(self, tmp_path: Path) -> None:
        path = self.pem(tmp_path)
        options = ConnectionOptions(
            identity=Identity(IdentityKind.PASSCODE, "anna"), tls=TlsConfig(cert_file="cert.pem", key_file=path)
        )
        passcode, key = options.needs(PEER)
        assert passcode == Need("passcode of anna for PACS@host:104", "Passcode of anna for PACS@host:104")
        assert key.what == f"Password of the key {path}"
        one = options.with_secret(passcode, "secret", PEER)
        assert (one.secret, one.needs(PEER)) == ("secret", (key,))
        both = one.with_secret(key, "password", PEER)
        assert both.needs(PEER) == ()
        assert both.tls is not None
        assert both.tls.key_password is not None
        assert both.tls.key_password() == "password"
        assert replace(both, tls=None).with_secret(key, "password", PEER).tls is None

    @pytest.mark.parametrize(
        ("content", "encrypted"),
        [
            (b"-----BEGIN ENCRYPTED PRIVATE KEY-----", True),
            (b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n", True),
            (b"\x30\x82\x01\x00\x02\x01\x03", True),
            (b"-----BEGIN CERTIFICATE-----", False),
            (b"", False),
        ],
    )
    def test_is_encrypted(self, tmp_path: Path, content: bytes, encrypted: bool) -> None:
        path = tmp_path / "key"
        path.write_bytes(content)
        assert is_encrypted(path) is encrypted
        assert not is_encrypted("a\0b")


def test_the_password_of_a_proxy_is_a_need() -> None:
    for url, is_needed in (
        ("socks5h://anna@gate:1080", True), ("http://anna@gate:1080", True), ("socks4://anna@gate:1080", False),
        ("socks5://gate:1080", False), ("socks5://anna:known@gate:1080", False),
    ):  # fmt: skip
        options = ConnectionOptions(sockets=SocketOptions(proxy=parse_proxy(url)))
        needs = options.needs(PEER)
        assert bool(needs) is is_needed, url
        for need in needs:
            assert need == Need.of_proxy("anna", "gate:1080")
            given = options.with_secret(need, "s3cret", PEER)
            assert given.sockets.proxy is not None
            assert given.sockets.proxy.password == "s3cret"
            assert not given.needs(PEER)
            assert "s3cret" not in repr(given)
