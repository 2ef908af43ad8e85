"""Oddities of real peers, as the threads about them tell: what is meant is plain, so it is taken, and named."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from helpers.bad_peer import (
    APPLICATION,
    APPLICATION_CONTEXT,
    IMPLICIT,
    RELEASE_RP,
    USER,
    VERIFICATION,
    Peer,
    Script,
    associate,
    bad_server,
    command,
    context_ac,
    context_rq,
    dial,
    element,
    item,
    pdata,
    pdv,
    raw,
    user_information,
)
from helpers.retrieval import elements

from dicomgui.app.connection import ConnectionOptions
from dicomgui.network import (
    AssociationAborted,
    ConnectionLost,
    Handlers,
    PeerAddress,
    Status,
    StoreRequest,
    connect,
    presets,
    serve,
)
from dicomgui.network.dimse.commands import CEchoRSP, CStoreRSP
from dicomgui.network.pdu import PDataTF
from dicomgui.network.tracing import Record
from dicomgui.trace.diagnosis.diagnose import diagnose

FIND = "1.2.840.10008.5.1.4.1.2.2.1"
CONTEXTS = presets.for_classes(VERIFICATION, FIND)
IDENTIFIER = b"\x08\0\x52\0\x06\0\0\0STUDY "


def accepted(*items: bytes, application: bytes = APPLICATION, user: bytes = USER) -> bytes:
    return associate(application, *(items or (context_ac(1), context_ac(3))), user, pdu_type=2)


def found(status: int, identifier: bytes | None) -> bytes:
    """A C-FIND-RSP with its identifier, both in one PDU."""
    has_dataset = 0x0101 if identifier is None else 1
    rsp = pdv(3, 3, command({0x0100: 0x8020, 0x0120: 1, 0x0800: has_dataset, 0x0900: status}))
    return pdata(rsp) if identifier is None else pdata(rsp, pdv(3, 2, identifier))


ONE, END = found(0xFF00, IDENTIFIER), found(0, None)


async def read_message(peer: Peer) -> None:
    """Read up to the end of a data set."""
    while isinstance(answer := await peer.read(), PDataTF):
        if any(value.is_last and not value.is_command for value in answer.pdvs):
            return


def answering(*answers: bytes, accept: bytes | None = None, release: bytes | None = RELEASE_RP) -> Script:
    async def script(peer: Peer) -> None:
        await peer.accept(accept or accepted())
        await read_message(peer)
        await peer.send(*answers)
        await peer.read()
        if release is not None:
            await peer.send(release)
            await peer.drop()

    return script


@dataclass(frozen=True)
class Odd:
    """:ivar seen: the thread that tells of it. :ivar told: words of what is said of it."""

    seen: str
    script: Script
    told: str

    def __str__(self) -> str:
        return self.seen


def padded(uid: str) -> bytes:
    return raw(uid) + b"\0"


NO_SYNTAX = item(0x21, bytes((1, 0, 3, 0)))
PADDED = accepted(
    context_ac(1),
    context_ac(3, 0, padded(IMPLICIT)),
    application=item(0x10, padded(APPLICATION_CONTEXT)),
    user=item(0x50, item(0x51, b"\0\0\x40\0") + item(0x52, padded("1.2.3"))),
)
ODD = [
    Odd("fo-dicom 543, Onis: a refusal names no syntax", answering(ONE, END, accept=accepted(NO_SYNTAX, context_ac(3))),
        "presentation context 1 has 0 transfer syntaxes"),
    Odd("pynetdicom 240: names padded with NUL", answering(ONE, END, accept=PADDED), "'1.2.3' is padded"),
    Odd("dicomweb-pacs 64: no implementation class UID",
        answering(ONE, END, accept=associate(APPLICATION, context_ac(1), context_ac(3), pdu_type=2)),
        "0 user information items"),
    Odd("dcmjs-dimse 62: a context that nobody proposed",
        answering(ONE, END, accept=accepted(context_ac(1), context_ac(3), context_ac(77))), "77 was answered"),
    Odd("pynetdicom 571: an identifier with the final response", answering(ONE, found(0, IDENTIFIER)),
        "final, but with an identifier"),
    Odd("dicom adapter 51: an empty identifier with the final response", answering(ONE, found(0, b"")),
        "final, but with an identifier"),
    Odd("dicom-rs 434: a match without an identifier", answering(found(0xFF00, None), END),
        "pending, but without an identifier"),
]  # fmt: skip


async def ask(address: str, records: list[Record]) -> tuple[int, Status]:
    options = ConnectionOptions()
    async with options.connect(PeerAddress.parse(address), CONTEXTS, records.append) as assoc:
        async with assoc.find(elements(PatientName=""), level="STUDY") as operation:
            matches = [match async for match in operation]
        return len(matches), (await operation.result()).status


@pytest.mark.parametrize("odd", ODD, ids=str)
async def test_an_odd_answer_is_taken_and_named(odd: Odd) -> None:
    records: list[Record] = []
    async with bad_server(odd.script) as server:
        assert await ask(server.address, records) == (1, Status(0))
    told = [finding.what for finding in diagnose(records)]
    assert any(odd.told in one for one in told), told


async def test_a_connection_closed_in_the_place_of_a_release_ends_nothing_that_was_done() -> None:
    """fo-dicom 337, a GE scanner: it closes where it should confirm the release."""
    records: list[Record] = []
    async with bad_server(answering(ONE, END, release=None)) as server:
        assert await ask(server.address, records) == (1, Status(0))
        with pytest.raises(ConnectionLost):  # the library lets its user judge
            async with connect(server.address, contexts=CONTEXTS) as assoc:
                await assoc.find(elements(PatientName=""), level="STUDY").each(lambda match: True)
    assert diagnose(records)


async def test_an_abort_in_the_place_of_a_release_is_a_failure() -> None:
    """pynetdicom 652: some abort there to say that what came will not do."""
    async with bad_server(answering(ONE, END, release=bytes.fromhex("07000000000400000000"))) as server:
        with pytest.raises(AssociationAborted):
            await ask(server.address, [])


async def test_a_connection_closed_before_the_answer_is_a_failure() -> None:
    async def close_early(peer: Peer) -> None:
        await peer.accept(accepted())
        await read_message(peer)
        await peer.send(ONE)

    async with bad_server(close_early) as server:
        with pytest.raises((ConnectionLost, AssociationAborted)):
            await ask(server.address, [])


async def test_an_echo_that_names_no_class_is_answered() -> None:
    """go-netdicom 11: no class; dicomweb-pacs 64: no identity; pynetdicom 746: titles padded with NUL."""
    asked = associate(
        APPLICATION,
        context_rq(1, VERIFICATION, IMPLICIT),
        item(0x50, item(0x51, b"\0\0\x40\0")),
        called=b"ME".ljust(16, b"\0"),
        calling=b"LWPACS".ljust(16, b"\0"),
    )
    async with await serve(port=0, ae_title="ME") as server, await dial(server.port) as peer:
        await peer.associate(asked)
        await peer.send(pdata(pdv(1, 3, command({0x0100: 0x0030, 0x0110: 7, 0x0800: 0x0101}))))
        answer = await peer.read_command()
    assert isinstance(answer, CEchoRSP)
    assert (answer.status, answer.message_id) == (0, 7)


async def test_an_instance_without_a_priority_is_stored() -> None:
    """dcmjs-dimse 9 left out Priority."""
    ct = "1.2.840.10008.5.1.4.1.1.2"
    body = element(2, ct) + element(0x100, 1) + element(0x110, 7) + element(0x800, 1) + element(0x1000, "1.2.3")
    kept: list[str] = []

    def on_store(request: StoreRequest, data: object) -> Status:
        kept.append(request.command.affected_sop_instance_uid)
        return Status(0)

    data = b"\x08\0\x16\0\x1a\0\0\0" + raw(ct) + b"\0" + b"\x08\0\x18\0\x06\0\0\x001.2.3\0"
    async with (
        await serve(port=0, ae_title="ME", handlers=Handlers(on_store=on_store)) as server,
        await dial(server.port) as peer,
    ):
        await peer.associate(associate(APPLICATION, context_rq(1, ct, IMPLICIT), user_information(), called=b"ME"))
        await peer.send(pdata(pdv(1, 3, body), pdv(1, 2, data)))
        answer = await peer.read_command()
    assert isinstance(answer, CStoreRSP)
    assert (answer.status, kept) == (0, ["1.2.3"])
