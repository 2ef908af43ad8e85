"""A saved node and saved settings of the listener, with TLS, identity and the rest: what both say is what happens."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from helpers.certificates import Authority

from dicomgui.app.configuration.listener_options import CallerRule
from dicomgui.app.configuration.nodes import Node
from dicomgui.app.configuration.peers import NodeStore
from dicomgui.app.configuration.settings import ListenerSettings, Settings, SettingsStore
from dicomgui.app.connection import ConnectionOptions, RoleWish
from dicomgui.app.context import AppContext
from dicomgui.app.credentials import Identity, IdentityKind
from dicomgui.app.echo import EchoResult, echo
from dicomgui.app.listening.listener import Listener, Refusal
from dicomgui.network import AssociationRejected, PeerAddress, TlsConfig, TlsError
from dicomgui.network.association.extended import QueryFlags

pytestmark = pytest.mark.any_loop
FLAGS = QueryFlags(relational=True, fuzzy=True)


class Both:
    """Both ends, kept in files of one folder and read from there."""

    def __init__(self, folder: Path, context: AppContext) -> None:
        self._context = context
        self.authority = Authority(folder)
        self.ours = self.authority.issue("client")
        pair = self.authority.issue("127.0.0.1")
        settings = ListenerSettings(
            port=0, use_tls=True, callers=CallerRule.LISTED, users=("anna",), async_ops=(8, 2), grant_scp_role=True,
            extended=QueryFlags(fuzzy=True), fsync=False,
            tls=TlsConfig(
                ca_file=str(self.authority.file), cert_file=str(pair.cert), key_file=str(pair.key),
                client_auth="require",
            ),
        )  # fmt: skip
        SettingsStore(folder).save(Settings(listener=settings))
        store = SettingsStore(folder)
        options = replace(store.listener_options(store.load()), passcodes={"anna": "right"})
        assert store.problem is None
        self.listener = Listener(context, options)
        self._nodes = folder

    def node(self, **other: object) -> Node:
        """The node, after it was saved and read."""
        tls = TlsConfig(ca_file=str(self.authority.file), cert_file=str(self.ours.cert), key_file=str(self.ours.key))
        node = Node(
            "Ours", PeerAddress.parse(f"DICOMGUI@127.0.0.1:{self.listener.port}"), tls=tls,
            identity=Identity(IdentityKind.PASSCODE, "anna", want_response=True), async_ops=(4, 0), extended=FLAGS,
            role=RoleWish.BOTH,
        )  # fmt: skip
        store = NodeStore(self._nodes)
        store.add(replace(node, **other))
        store.save()
        [read] = NodeStore(self._nodes).load().nodes
        return read

    async def echo(self, node: Node, secret: str = "right") -> EchoResult:
        options = node.options(ConnectionOptions())
        for need in options.needs(node.address):
            options = options.with_secret(need, secret, node.address)
        return await echo(self._context, node.address, options)


@pytest.fixture
async def both(tmp_path: Path):
    with AppContext() as context:
        made = Both(tmp_path, context)
        await made.listener.start()
        yield made
        await made.listener.stop()


async def test_all_of_it_agrees(both: Both) -> None:
    result = await both.echo(both.node())
    assert result.ok, result
    assert [step.name for step in result.steps] == ["resolve", "connect", "tls", "associate", "echo", "release"]
    agreed = result.agreed
    assert agreed is not None
    assert agreed.identity_response == b""
    assert (agreed.max_invoked, agreed.max_performed) == (4, 2)
    assert agreed.accepted[0].as_scp
    assert result.tls is not None
    assert result.tls.certificate is not None
    assert result.tls.certificate.names == ("127.0.0.1",)
    assert "right" not in (both._nodes / "nodes.toml").read_text("utf-8")


async def test_a_wrong_passcode_is_rejected(both: Both) -> None:
    result = await both.echo(both.node(), "wrong")
    assert isinstance(result.error, AssociationRejected)
    assert (result.error.result, result.error.source, result.error.reason) == (1, 1, 1)
    assert any(isinstance(event, Refusal) for event in both.listener.drain())


async def test_who_says_nothing_of_a_user_is_rejected(both: Both) -> None:
    result = await both.echo(both.node(identity=None))
    assert isinstance(result.error, AssociationRejected)


async def test_who_shows_no_certificate_does_not_come_in(both: Both) -> None:
    result = await both.echo(both.node(tls=TlsConfig(ca_file=str(both.authority.file))))
    assert isinstance(result.error, TlsError)
    assert result.findings


async def test_no_trace_holds_the_passcode(both: Both) -> None:
    await both.echo(both.node())
    context = both._context
    for record in context.trace.records():
        assert b"right" not in repr(record).encode()
