"""What is negotiated besides presentation contexts: roles, user identity, extended negotiation, windows; both ways."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import peers
from helpers.instances import CT, EXPLICIT, IMPLICIT, write_instance

from dicomgui.network import (
    AcceptPolicy,
    AssociationAborted,
    AssociationFacts,
    AssociationRejected,
    Handlers,
    Lifecycle,
    ProposedContext,
    Server,
    ServerOptions,
    Status,
    UserIdentityRQ,
    connect,
    presets,
    serve,
)
from dicomgui.network.association.extended import QueryFlags, StorageSupport, answer_extended, storage_relation
from dicomgui.network.association.identity import UserIdentity

VERIFICATION = "1.2.840.10008.1.1"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
COMMITMENT = "1.2.840.10008.1.20.1"
STORAGE = "1.2.840.10008.4.2"
IDENTITIES = {
    1: ("curie", ""),
    2: ("curie", "radium"),
    3: ("ticket", ""),
    4: ("<assertion/>", ""),
    5: ("a.b.c", ""),
}
"""Kind of user identity, primary and secondary field, as pynetdicom's provider lets them in."""


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[peers.Peer]:
    with peers.pynetdicom_services(tmp_path_factory.mktemp("pynetdicom") / "services", []) as peer:
        yield peer


def last(peer: peers.Peer, what: str) -> dict[str, Any]:
    """The last that it was asked of this kind."""
    return [one for one in peers.said_by(peer.log) if one["what"] == what][-1]


class Accepting:
    """Our provider with a policy, and the facts of the associations that it accepted."""

    def __init__(self, **policy: Any) -> None:
        self.accepted: list[AssociationFacts] = []
        self._options = ServerOptions(
            AcceptPolicy(ae_title="OURS", **policy), lifecycle=Lifecycle(on_accepted=self.accepted.append)
        )
        self._server: Server | None = None

    async def __aenter__(self) -> Server:
        handlers = Handlers(on_store=lambda *_: Status(0), on_find=lambda _: Status(0))
        self._server = await serve(port=0, ae_title="OURS", handlers=handlers, options=self._options)
        return self._server

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        await self._server.close()


# -- user identity ---------------------------------------------------------------------------------------------------


def of_kind(kind: int, *, want_response: bool, secret: str = "") -> UserIdentityRQ:
    primary, secondary = IDENTITIES[kind]
    primary = secret or primary
    make = {
        1: lambda: UserIdentity.username(primary, want_response=want_response),
        2: lambda: UserIdentity.passcode(primary, secondary, want_response=want_response),
        3: lambda: UserIdentity.kerberos(primary.encode(), want_response=want_response),
        4: lambda: UserIdentity.saml(primary, want_response=want_response),
        5: lambda: UserIdentity.jwt(primary, want_response=want_response),
    }
    return make[kind]()


@pytest.mark.interop("pynetdicom")
@pytest.mark.parametrize("kind", IDENTITIES)
async def test_user_identity_of_pynetdicom(provider: peers.Peer, kind: int) -> None:
    """Who is right is let in; a ticket, assertion or token has a response (and a name, with it, never has one)."""
    for want_response in (False, True):
        identity = of_kind(kind, want_response=want_response)
        async with connect(provider.address, contexts=presets.VERIFICATION, user_identity=identity) as assoc:
            expected = b"the server's own" if want_response and kind > 2 else None
            assert assoc.negotiated.identity_response == expected
            assert (await assoc.echo()).status == 0
    assert (last(provider, "user")["type"], last(provider, "user")["right"]) == (kind, True)


@pytest.mark.interop("pynetdicom")
async def test_a_required_confirmation_of_pynetdicom(provider: peers.Peer) -> None:
    """It confirms a token, and never a name."""
    token, name = of_kind(5, want_response=False), of_kind(1, want_response=False)
    contexts = presets.VERIFICATION
    async with connect(provider.address, contexts=contexts, user_identity=token, require_identity=True) as assoc:
        assert assoc.negotiated.identity_response == b"the server's own"
    with pytest.raises(AssociationAborted, match="did not confirm"):
        await connect(provider.address, contexts=contexts, user_identity=name, require_identity=True)


@pytest.mark.interop("pynetdicom")
@pytest.mark.parametrize("kind", IDENTITIES)
async def test_wrong_user_identity_of_pynetdicom(provider: peers.Peer, kind: int) -> None:
    identity = of_kind(kind, want_response=True, secret="somebody else")
    with pytest.raises(AssociationRejected) as caught:
        await connect(provider.address, contexts=presets.VERIFICATION, user_identity=identity)
    assert (caught.value.result, caught.value.source, caught.value.reason) == (2, 2, 1)
    assert (last(provider, "user")["type"], last(provider, "user")["right"]) == (kind, False)
    assert "somebody else" not in str(caught.value)


def check(identity: UserIdentityRQ) -> bytes | None:
    """Lets in those of the table; Kerberos and so on have a response."""
    primary, secondary = (text.encode() for text in IDENTITIES[identity.type])
    if (identity.primary, identity.secondary) != (primary, secondary):
        return None
    return b"for you" if identity.type > 2 else b""


def storescu_flags(folder: Path, kind: int, secret: str = "") -> list[object]:
    """How storescu is told who the user is."""
    primary, secondary = IDENTITIES[kind]
    primary = secret or primary
    if kind <= 2:
        return ["-usr", primary, *(["-pwd", secondary] if secondary else [])]
    file = folder / "secret"
    file.write_text(primary, encoding="ascii")
    return [{3: "-kt", 4: "--saml", 5: "--jwt"}[kind], file]


@pytest.mark.interop("storescu")
@pytest.mark.parametrize("response", [[], ["-rsp"]], ids=["silent", "positive response"])
@pytest.mark.parametrize("kind", IDENTITIES)
async def test_user_identity_from_storescu(tmp_path: Path, kind: int, response: list[str]) -> None:
    """With -rsp it goes on only if it gets a positive response."""
    file, accepting = write_instance(tmp_path, 1), Accepting(check_identity=check, require_identity=True)
    async with accepting as server:
        flags = ["-v", "-aec", "OURS", *storescu_flags(tmp_path, kind), *response]
        done = await peers.run("storescu", *flags, peers.LOOPBACK, server.port, file)
    assert done.code == 0, str(done)
    assert "Received Store Response (Success)" in done.output, str(done)
    [facts] = accepting.accepted
    assert facts.negotiated is not None
    identity = facts.negotiated.user_identity
    assert identity is not None
    assert (identity.type, identity.positive_response) == (kind, int(bool(response)))
    expected = (b"for you" if kind > 2 else b"") if response else None
    assert facts.negotiated.identity_response == expected


@pytest.mark.interop("storescu")
@pytest.mark.parametrize("kind", IDENTITIES)
async def test_wrong_user_identity_from_storescu(tmp_path: Path, kind: int) -> None:
    file, accepting = write_instance(tmp_path, 1), Accepting(check_identity=check)
    async with accepting as server:
        flags = storescu_flags(tmp_path, kind, secret="somebody else")
        done = await peers.run("storescu", "-v", *flags, peers.LOOPBACK, server.port, file)
    assert done.code != 0
    assert "Association Rejected" in done.output, str(done)
    assert "Rejected Permanent, Source: Service User" in done.output
    assert accepting.accepted == []


@pytest.mark.interop("storescu")
async def test_no_user_identity_from_storescu_where_one_is_required(tmp_path: Path) -> None:
    file = write_instance(tmp_path, 1)
    async with Accepting(check_identity=check, require_identity=True) as server:
        done = await peers.run("storescu", "-v", peers.LOOPBACK, server.port, file)
    assert done.code != 0
    assert "Association Rejected" in done.output, str(done)


@pytest.mark.interop("pynetdicom")
@pytest.mark.parametrize("kind", IDENTITIES)
async def test_user_identity_from_pynetdicom(kind: int) -> None:
    async with Accepting(check_identity=check) as server:
        ask = {"classes": [VERIFICATION], "items": [["identity", kind, True, *IDENTITIES[kind]]], "steps": [["echo"]]}
        said = await peers.pynetdicom_user(server.port, "OURS", **ask)
    assert [one["what"] for one in said] == ["accepted", "echo"]
    assert said[0]["identity"] == ("for you" if kind > 2 else "")


@pytest.mark.interop("pynetdicom")
async def test_wrong_user_identity_from_pynetdicom() -> None:
    """pynetdicom now and then takes note of the closed connection before the A-ASSOCIATE-RJ that came ahead of it."""
    async with Accepting(check_identity=check) as server:
        ask = {"classes": [VERIFICATION], "items": [["identity", 2, True, "curie", "polonium"]]}
        for _ in range(5):
            [said] = await peers.pynetdicom_user(server.port, "OURS", **ask)
            if said.get("result") is not None:
                break
    assert (said["what"], said["result"], said["diagnostic"]) == ("rejected", 1, 1)


# -- roles -----------------------------------------------------------------------------------------------------------


@pytest.mark.interop("pynetdicom")
@pytest.mark.parametrize(
    ("asked", "got"),
    [((None, None), (True, False)), ((True, True), (True, True)), ((False, True), (False, True))],
    ids=["nothing asked", "both", "SCP only"],
)
async def test_roles_of_pynetdicom(
    provider: peers.Peer, asked: tuple[bool | None, bool | None], got: tuple[bool, bool]
) -> None:
    scu, scp = asked
    context = ProposedContext(COMMITMENT, (EXPLICIT, IMPLICIT), scu_role=scu, scp_role=scp)
    async with connect(provider.address, contexts=[context]) as assoc:
        [accepted] = assoc.negotiated.accepted
        assert (accepted.as_scu, accepted.as_scp) == got


@pytest.mark.interop("pynetdicom")
async def test_a_role_that_pynetdicom_does_not_give(provider: peers.Peer) -> None:
    """Its verification is for it alone to provide."""
    context = ProposedContext(VERIFICATION, (IMPLICIT,), scu_role=True, scp_role=True)
    async with connect(provider.address, contexts=[context]) as assoc:
        [accepted] = assoc.negotiated.accepted
        assert (accepted.as_scu, accepted.as_scp) == (True, False)
        assert (await assoc.echo()).status == 0


@pytest.mark.interop("pynetdicom")
async def test_roles_from_pynetdicom() -> None:
    """One role for each SOP class that it asks about and that the policy grants."""
    accepting = Accepting(requestor_scp=frozenset({CT, COMMITMENT}))
    async with accepting as server:
        said = await peers.pynetdicom_user(
            server.port,
            "OURS",
            classes=[CT, COMMITMENT, ENHANCED_CT],
            items=[["role", CT, True, True], ["role", COMMITMENT, False, True], ["role", ENHANCED_CT, True, True]],
        )
    assert said[0]["roles"] == {CT: [True, True], COMMITMENT: [False, True], ENHANCED_CT: [True, False]}
    [facts] = accepting.accepted
    assert facts.negotiated is not None
    ours = {one.abstract_syntax: (one.as_scu, one.as_scp) for one in facts.negotiated.accepted}
    assert ours == {CT: (True, True), COMMITMENT: (True, False), ENHANCED_CT: (False, True)}


# -- extended negotiation --------------------------------------------------------------------------------------------


@pytest.mark.interop("pynetdicom")
async def test_extended_negotiation_of_pynetdicom(provider: peers.Peer) -> None:
    """It grants relational queries and nothing else of what is asked for."""
    flags = QueryFlags(relational=True, date_time=True, fuzzy=True)
    async with connect(provider.address, contexts=presets.QUERY, extended=[flags.item(FIND)]) as assoc:
        [answer] = assoc.negotiated.extended
        assert answer.sop_class_uid == FIND
        assert QueryFlags.decode(answer.data) == QueryFlags(relational=True)
    assert last(provider, "extended")["items"] == {FIND: "010101"}


@pytest.mark.interop("pynetdicom")
async def test_extended_negotiation_from_pynetdicom() -> None:
    answer = answer_extended(QueryFlags(relational=True, fuzzy=True), StorageSupport(level=2, coercion=0))
    async with Accepting(answer_extended=answer) as server:
        said = await peers.pynetdicom_user(
            server.port,
            "OURS",
            classes=[FIND, CT],
            items=[["extended", FIND, "010101"], ["extended", CT, "030000000200"]],
        )
    assert said[0]["extended"] == {FIND: "010001", CT: "020000000000"}


@pytest.mark.interop("pynetdicom")
async def test_common_extended_negotiation_of_pynetdicom(provider: peers.Peer) -> None:
    contexts = presets.VERIFICATION + presets.for_classes(ENHANCED_CT)
    related = storage_relation(ENHANCED_CT, CT)
    async with connect(provider.address, contexts=contexts, common_extended=[related]) as assoc:
        assert (await assoc.echo()).status == 0
    assert last(provider, "common")["items"] == {ENHANCED_CT: [STORAGE, CT]}


@pytest.mark.interop("pynetdicom")
async def test_common_extended_negotiation_from_pynetdicom() -> None:
    accepting = Accepting()
    async with accepting as server:
        items = [["common", ENHANCED_CT, STORAGE, [CT]]]
        await peers.pynetdicom_user(server.port, "OURS", classes=[ENHANCED_CT], items=items)
    [facts] = accepting.accepted
    assert facts.negotiated is not None
    assert facts.negotiated.common_extended == (storage_relation(ENHANCED_CT, CT),)


@pytest.mark.interop("pynetdicom")
async def test_a_related_general_sop_class_from_pynetdicom() -> None:
    """Of a SOP class that the acceptor does not know it hears that it can be taken for one that it knows."""
    items = [["common", ENHANCED_CT, STORAGE, [CT]]]
    for accept_related in (False, True):
        accepting = Accepting(abstract_syntaxes=frozenset({CT}), accept_related=accept_related)
        async with accepting as server:
            await peers.pynetdicom_user(server.port, "OURS", classes=[CT, ENHANCED_CT], items=items)
        [facts] = accepting.accepted
        assert facts.negotiated is not None
        taken = {context.abstract_syntax for context in facts.negotiated.accepted}
        assert taken == ({CT, ENHANCED_CT} if accept_related else {CT})


# -- the asynchronous operations window ------------------------------------------------------------------------------


@pytest.mark.interop("pynetdicom")
async def test_asynchronous_operations_of_pynetdicom(provider: peers.Peer) -> None:
    """It answers with one of each, whatever it is asked for; then that counts."""
    async with connect(provider.address, contexts=presets.VERIFICATION, async_ops=(5, 0)) as assoc:
        assert (assoc.negotiated.max_invoked, assoc.negotiated.max_performed) == (1, 1)
        assert (await assoc.echo()).status == 0
    told = last(provider, "window")
    assert (told["invoked"], told["performed"]) == (5, 0)


@pytest.mark.interop("pynetdicom")
async def test_asynchronous_operations_from_pynetdicom() -> None:
    accepting = Accepting(max_invoked=3, max_performed=2)
    async with accepting as server:
        ask = {"classes": [VERIFICATION], "items": [["window", 5, 0]], "steps": [["echo"]]}
        said = await peers.pynetdicom_user(server.port, "OURS", **ask)
    assert said[0]["window"] == [3, 2]
    assert said[1]["status"] == "0000"
    [facts] = accepting.accepted
    assert facts.negotiated is not None
    assert (facts.negotiated.max_performed, facts.negotiated.max_invoked) == (3, 2)
