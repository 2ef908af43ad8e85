"""A trace for everything that can go wrong: the records by which each code of the diagnosis is known."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from helpers.recordings import CT, EXPLICIT, IMPLICIT, INFORMATION, JPEG_2000, Recording, associate_ac, associate_rq

from dicomgui.network.dimse import (
    CEchoRQ,
    CEchoRSP,
    CFindRQ,
    CFindRSP,
    CGetRQ,
    CGetRSP,
    CMoveRQ,
    CMoveRSP,
    Command,
    CStoreRQ,
    CStoreRSP,
    NActionRQ,
    NActionRSP,
    NCreateRSP,
    NEventReportRQ,
    NSetRSP,
)
from dicomgui.network.dimse.command_set import encode
from dicomgui.network.errors import (
    ConfigurationError,
    DicomNetworkError,
    LocalProtocolError,
    NoAcceptedContext,
)
from dicomgui.network.pdu import (
    PDV,
    Abort,
    ApplicationContext,
    AssociateRQ,
    PDataTF,
    PresentationContextAC,
    PresentationContextRQ,
    RoleSelection,
    UserInformation,
)
from dicomgui.network.status import Status
from dicomgui.network.tracing import (
    CancelRecord,
    Direction,
    FileRecord,
    ListenRecord,
    NoteRecord,
    PduRecord,
    Record,
    RefuseRecord,
    ResolveRecord,
    Role,
    TlsRecord,
)

__all__ = ["ERRORS", "RECORDED", "element", "got", "knocked", "merged", "moved", "negotiated"]

SENT, RECEIVED = Direction.SENT, Direction.RECEIVED
MR = "1.2.840.10008.5.1.4.1.1.4"
FIND, MOVE, GET = (f"1.2.840.10008.5.1.4.1.2.2.{number}" for number in (1, 2, 3))
MPPS = "1.2.840.10008.3.1.2.3.3"
UPS = "1.2.840.10008.5.1.4.34.6.1"
COMMITMENT = "1.2.840.10008.1.20.1"
HEAD = (1, 100.0, 1_750_000_000.0)


# ------------------------------------------------------------------------------------------------------------ builders


def asked(role: Role = Role.REQUESTOR, *, called: str = "PACS", calling: str = "ME") -> Recording:
    """A connection on which the association was asked for."""
    recording = Recording(role=role).connect()
    direction = SENT if role is Role.REQUESTOR else RECEIVED
    return recording.raw(direction, associate_rq(called=called, calling=calling).encode())


def negotiated(*results: tuple[str, str, int], role: Role = Role.REQUESTOR) -> Recording:
    """An association whose contexts (abstract, transfer syntax) got the results."""
    proposed = [PresentationContextRQ(2 * n + 1, a, (t,)) for n, (a, t, _) in enumerate(results)]
    answered = [PresentationContextAC(2 * n + 1, r, t) for n, (_, t, r) in enumerate(results)]
    ours, theirs = (SENT, RECEIVED) if role is Role.REQUESTOR else (RECEIVED, SENT)
    recording = Recording(role=role).connect()
    return recording.raw(ours, associate_rq(*proposed).encode()).raw(theirs, associate_ac(*answered).encode())


def answered(command: Command) -> Recording:
    """A response of the peer on an association that stands, with its bytes."""
    return Recording().established().message(RECEIVED, command)


def tls(error: str, role: Role = Role.REQUESTOR) -> Recording:
    """A handshake that failed."""
    recording = Recording(role=role).connect()
    return recording.add(TlsRecord(*recording.head, "", "", b"", 0.1, error)).closed()


def element(tag: int, vr: str, value: bytes) -> bytes:
    """An element in explicit VR little endian, of a VR with a short length."""
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), len(value)) + value


def found(dataset: bytes) -> Recording:
    """A query with one match, in explicit VR little endian."""
    recording = negotiated((FIND, EXPLICIT, 0)).message(SENT, CFindRQ(1, FIND))
    recording.message(RECEIVED, CFindRSP(1, Status(0xFF00), FIND, has_dataset=True), 1, dataset)
    return recording.message(RECEIVED, CFindRSP(1, Status(0), FIND)).released()


def moved(status: int, *, destination: str = "ME", times: int = 1, **counts: int) -> Recording:
    """A C-MOVE of ours, from 104 s on, and its end at about 110 s."""
    recording = negotiated((MOVE, EXPLICIT, 0))
    for number in range(1, times + 1):
        recording.message(SENT, CMoveRQ(number, MOVE, destination), 1, b"\0\0")
        recording.message(RECEIVED, CMoveRSP(number, Status(status), MOVE, **counts))
    return recording


def got(status: int, *, roles: tuple[int, int] = (1, 1), result: int = 0, **counts: int) -> Recording:
    """A C-GET of ours; ``roles`` are the SCP role for CT as asked and as granted, ``result`` that of the CT context."""
    contexts = (PresentationContextRQ(1, GET, (EXPLICIT,)), PresentationContextRQ(3, CT, (EXPLICIT,)))
    answers = (PresentationContextAC(1, 0, EXPLICIT), PresentationContextAC(3, result, EXPLICIT))
    asked_roles, granted = ((RoleSelection(CT, 0, 1),) if role else () for role in roles)
    request = AssociateRQ(
        "PACS", "ME", (ApplicationContext(), *contexts, UserInformation((*INFORMATION.sub_items, *asked_roles)))
    )
    answer = associate_ac(*answers)
    answer = type(answer)(
        "PACS", "ME", (ApplicationContext(), *answers, UserInformation((*INFORMATION.sub_items, *granted)))
    )
    recording = Recording().connect().sent(request).received(answer)
    recording.message(SENT, CGetRQ(1, GET), 1, b"\0\0")
    return recording.message(RECEIVED, CGetRSP(1, Status(status), GET, **counts))


def knocked(
    *, at: float = 4.5, called: str = "ME", reject: tuple[int, int, int] | None = None, result: int = 0,
    stores: int = 0, status: int = 0, peer: str = "10.0.0.2:50104",
) -> Recording:  # fmt: skip
    """An association (number 2) that a peer opened with us, ``at`` seconds after 100 s."""
    recording = Recording(2, role=Role.ACCEPTOR).wait(at).connect(peer=peer)
    recording.received(associate_rq(PresentationContextRQ(1, CT, (EXPLICIT,)), called=called, calling="PACS"))
    if reject is not None:
        return recording.rejected(*reject).closed()
    recording.sent(associate_ac(PresentationContextAC(1, result, EXPLICIT)))
    for number in range(1, stores + 1):
        request = CStoreRQ(number, CT, f"1.2.{number}", move_originator_ae_title="ME", move_originator_message_id=1)
        recording.message(RECEIVED, request, 1, b"\0\0").message(SENT, CStoreRSP(number, Status(status)))
    return recording


def merged(*recordings: Recording) -> list[Record]:
    """The records of several associations in the order of their time."""
    return sorted((record for one in recordings for record in one.records), key=lambda record: record.mono)


def listener() -> Recording:
    """Our listener ME has opened, before everything else."""
    return Recording(0).wait(-50.0).listening("ME")


def added(record: Callable[[tuple[int, float, float]], Record], role: Role = Role.REQUESTOR) -> Recording:
    recording = Recording(role=role).established()
    return recording.add(record(recording.head))


def committed() -> Recording:
    recording = negotiated((COMMITMENT, EXPLICIT, 0))
    recording.message(SENT, NActionRQ(1, COMMITMENT, f"{COMMITMENT}.1", 1), 1, b"\0\0")
    return recording.message(RECEIVED, NActionRSP(1, Status(0), COMMITMENT))


def not_committed() -> Recording:
    item = element(0x00081197, "US", struct.pack("<H", 0x0112))
    report = NEventReportRQ(7, COMMITMENT, f"{COMMITMENT}.1", 2, has_dataset=True)
    return committed().message(RECEIVED, report, 1, item + item).released()


def expecting(recording: Recording) -> Recording:
    """With a C-STORE under way."""
    return recording.message(SENT, CStoreRQ(1, CT, "1.2.3"), 1)


def oddly_answered() -> Recording:
    """A C-ECHO-RSP whose group length is wrong."""
    command = CEchoRSP(1, Status(0))
    data = encode(command)
    odd = PDataTF((PDV(1, 3, data[:8] + bytes(4) + data[12:]),))
    recording = Recording().established().message(SENT, CEchoRQ(1))
    return recording.raw(RECEIVED, odd.encode()).dimse(RECEIVED, command)


def oddly_accepted() -> Recording:
    """An A-ASSOCIATE-AC that answers a context that was not proposed."""
    recording = Recording().connect().sent(associate_rq(PresentationContextRQ(1, FIND, (EXPLICIT,))))
    return recording.received(associate_ac(*(PresentationContextAC(number, 0, EXPLICIT) for number in (1, 77))))


_NAME = 0x00100010
_CHARSET = element(0x00080005, "CS", b"ISO_IR 192")

Make = Callable[[], Sequence[Record]]


def _of(make: Callable[[], Recording]) -> Make:
    return lambda: make().records


# --------------------------------------------------------------------------------------------------------- the traces

_CONNECTION: dict[str, Callable[[], Recording]] = {
    "name-not-found": lambda: Recording().add(ResolveRecord(*HEAD, "pacz", (), 0.1, "no such host")),
    "closed-port": lambda: Recording().connect(error="ConnectionRefused: the port is closed"),
    "no-answer": lambda: Recording().connect(error="ConnectTimeout: no answer within 5 s"),
    "unreachable": lambda: Recording().connect(error="ConnectError: Network is unreachable"),
    "proxy-identity": lambda: Recording().connect(
        error="ConnectError: the proxy gate:1080 wants another user or password"
    ),
    "proxy-refused": lambda: Recording().connect(
        error="ConnectError: the proxy gate:1080 does not let us through: its rules do not allow it (SOCKS reply 2)"
    ),
    "proxy-no-way": lambda: Recording().connect(
        error="ConnectError: the proxy gate:1080 does not reach the peer: host unreachable (SOCKS reply 4)"
    ),
    "proxy-not-one": lambda: Recording().connect(error="ConnectError: gate:1080 does not answer as a proxy does"),
    "connect-failed": lambda: Recording().connect(error="ConnectError: odd"),
    "port-in-use": lambda: listen_failed("the port is in use by another program"),
    "port-forbidden": lambda: listen_failed("the port needs administrator rights"),
    "address-not-here": lambda: listen_failed("the address does not belong to this computer"),
    "listen-failed": lambda: listen_failed("too many open files"),
    "tls-unknown-issuer": lambda: tls("certificate verify failed: unable to get local issuer certificate"),
    "tls-expired": lambda: tls("certificate verify failed: certificate has expired"),
    "tls-not-yet-valid": lambda: tls("certificate verify failed: certificate is not yet valid"),
    "tls-name-mismatch": lambda: tls("certificate verify failed: Hostname mismatch"),
    "tls-certificate-unfit": lambda: tls("certificate verify failed: unsuitable certificate purpose"),
    "tls-client-certificate": lambda: tls("tlsv13 alert certificate required"),
    "tls-certificate-refused": lambda: tls("the peer broke the TLS handshake off: tlsv1 alert unknown ca"),
    "tls-name-unknown": lambda: tls("the peer does not answer to the name that TLS asked it for (unrecognized name)"),
    "tls-caller-name": lambda: tls(
        "the caller asked for the server name 'a', and this listener expects another one", Role.ACCEPTOR
    ),
    "tls-caller-certificate": lambda: tls("the peer did not return a certificate", Role.ACCEPTOR),
    "tls-our-certificate": lambda: tls("tlsv1 alert unknown ca", Role.ACCEPTOR),
    "tls-silent": lambda: tls("the TLS handshake took longer than 5 s"),
    "tls-caller-silent": lambda: tls("the TLS handshake took longer than 5 s", Role.ACCEPTOR),
    "tls-no-common": lambda: tls("no shared cipher"),
    "tls-peer-is-plain": lambda: tls("[SSL: WRONG_VERSION_NUMBER] wrong version number"),
    "tls-caller-is-plain": lambda: tls("[SSL: WRONG_VERSION_NUMBER] wrong version number", Role.ACCEPTOR),
    "tls-failed": lambda: tls("EOF occurred in violation of protocol"),
    "peer-wants-tls": lambda: asked().stray(b"\x15\x03\x03\0\x02\x02\x28").closed(),
    "caller-uses-tls": lambda: Recording(role=Role.ACCEPTOR).connect().stray(b"\x16\x03\x01\x02\0\x01\0").closed(),
    "not-dicom-http": lambda: asked().stray(b"HTTP/1.1 400 Bad Request\r\n").closed(),
    "not-dicom-ssh": lambda: asked().stray(b"SSH-2.0-OpenSSH_9.2").closed(),
    "not-dicom-hl7": lambda: asked().stray(b"\x0bMSH|^~\\&|").closed(),
    "not-dicom-greeting": lambda: asked().stray(b"220 mail ESMTP").closed(),
    "not-dicom": lambda: asked().stray(b"\xde\xad\xbe\xef").closed(),
    "caller-not-dicom": lambda: Recording(role=Role.ACCEPTOR).connect().stray(b"GET / HTTP/1.1\r\n").closed(),
    "silent": lambda: asked().timer("associate").sent(Abort()).closed(by_peer=False),
    "closed-on-greeting": lambda: asked().closed(),
    "closed-on-greeting-tls": lambda: over_tls().closed(),
    "caller-silent": lambda: Recording(role=Role.ACCEPTOR).connect().timer("artim").closed(by_peer=False),
}


def listen_failed(error: str) -> Recording:
    return Recording(0).add(ListenRecord(0, 0.0, 0.0, "0.0.0.0:104", "ME", False, error))


def over_tls() -> Recording:
    recording = asked()
    return recording.add(TlsRecord(*recording.head, "TLSv1.3", "AES", b"", 0.1, ""))


_ASSOCIATION: dict[str, Callable[[], Recording]] = {
    "rejected-called-ae": lambda: asked().rejected(1, 1, 7).closed(),
    "rejected-calling-ae": lambda: asked().rejected(1, 1, 3).closed(),
    "rejected-no-reason": lambda: asked().rejected(1, 1, 1).closed(),
    "rejected-application-context": lambda: asked().rejected(1, 1, 2).closed(),
    "rejected-protocol-version": lambda: asked().rejected(1, 2, 2).closed(),
    "rejected-busy": lambda: asked().rejected(2, 3, 1).closed(),
    "rejected-unknown": lambda: asked().rejected(1, 3, 9).closed(),
    "we-rejected-called-ae": lambda: asked(Role.ACCEPTOR).rejected(1, 1, 7).closed(),
    "we-rejected-calling-ae": lambda: asked(Role.ACCEPTOR).rejected(1, 1, 3).closed(),
    "we-rejected-busy": lambda: asked(Role.ACCEPTOR).rejected(2, 3, 2).closed(),
    "we-rejected": lambda: asked(Role.ACCEPTOR).rejected(1, 2, 2).closed(),
    "we-refused": lambda: Recording().add(RefuseRecord(*HEAD, "10.0.0.2:104", "too many connections")),
    "aborted-on-greeting": lambda: asked().aborted(2, 4).closed(),
    "aborted-by-user": lambda: Recording().established().aborted(0, 0).closed(),
    "aborted-by-provider": lambda: Recording().established().aborted(2, 6).closed(),
    "aborted-unknown-source": lambda: Recording().established().aborted(1, 0).closed(),
    "caller-aborted": lambda: Recording(role=Role.ACCEPTOR).established().aborted().closed(),
    "we-aborted": lambda: Recording().established().sent(Abort()).closed(by_peer=False),
    "message-broke-off": lambda: added(lambda head: CancelRecord(*head, "a message broke off: the file ended early")),
    "cancelled": lambda: added(lambda head: CancelRecord(*head, "by the user")),
    "protocol-violation": lambda: Recording().established().received(associate_ac(), "not allowed in Sta6").closed(),
    "no-context": lambda: negotiated((CT, EXPLICIT, 3), (MR, EXPLICIT, 4)),
    "no-context-user": lambda: negotiated((CT, EXPLICIT, 1)),
    "no-context-provider": lambda: negotiated((CT, EXPLICIT, 2)),
    "no-context-abstract": lambda: negotiated((CT, EXPLICIT, 3)),
    "no-context-transfer": lambda: negotiated((CT, JPEG_2000, 4)),
    "some-contexts-refused": lambda: negotiated((CT, JPEG_2000, 4), (CT, IMPLICIT, 0)),
    "we-accepted-none": lambda: negotiated((CT, EXPLICIT, 3), role=Role.ACCEPTOR),
    "no-association-answer": lambda: Recording().established().timer("associate"),
    "no-response": lambda: expecting(Recording().established()).timer("response"),
    "not-reading": lambda: expecting(Recording().established()).timer("send"),
    "no-release-answer": lambda: Recording().established().timer("release"),
    "idle": lambda: Recording(role=Role.ACCEPTOR).established().timer("idle"),
    "timed-out": lambda: Recording().established().timer("tea"),
    "connection-lost": lambda: Recording().established().closed(),
    "connection-lost-idle": lambda: Recording().established().wait(299.0).closed(),
    "connection-lost-sending": lambda: expecting(Recording().established()).closed(),
    "we-closed": lambda: Recording().established().closed(by_peer=False),
    "caller-lost": lambda: Recording(role=Role.ACCEPTOR).established().closed(),
    "cannot-tell": lambda: asked().add(PduRecord(1, 103.0, 0.0, RECEIVED, 3, 10, (), "")).closed(),
}

_MESSAGES: dict[str, Callable[[], Recording]] = {
    "status-failure": lambda: answered(NCreateRSP(1, Status(0xC302), UPS)),
    "status-warning": lambda: answered(NSetRSP(1, Status(0x0116), MPPS)),
    "status-unlisted": lambda: answered(CEchoRSP(1, Status(0x0999))),
    "store-out-of-resources": lambda: answered(CStoreRSP(1, Status(0xA700), CT)),
    "store-wrong-class": lambda: answered(CStoreRSP(1, Status(0xA900), CT)),
    "store-not-understood": lambda: answered(CStoreRSP(1, Status(0xC000), CT)),
    "store-changed": lambda: answered(CStoreRSP(1, Status(0xB000), CT)),
    "not-authorized": lambda: answered(CStoreRSP(1, Status(0x0124), CT)),
    "class-not-supported": lambda: answered(CStoreRSP(1, Status(0x0122), CT)),
    "duplicate-instance": lambda: answered(NCreateRSP(1, Status(0x0111), MPPS)),
    "processing-failure": lambda: answered(NSetRSP(1, Status(0x0110), MPPS)),
    "unknown-operation": lambda: answered(CEchoRSP(1, Status(0x0211))),
    "no-such-instance": lambda: answered(NSetRSP(1, Status(0x0112), MPPS)),
    "class-instance-conflict": lambda: answered(NSetRSP(1, Status(0x0119), MPPS)),
    "invalid-instance": lambda: answered(NCreateRSP(1, Status(0x0117), MPPS)),
    "attributes-refused": lambda: answered(NCreateRSP(1, Status(0x0106), MPPS)),
    "attributes-missing": lambda: answered(NCreateRSP(1, Status(0x0120), MPPS)),
    "argument-refused": lambda: answered(NActionRSP(1, Status(0x0123), COMMITMENT)),
    "duplicate-invocation": lambda: answered(CEchoRSP(1, Status(0x0210))),
    "resource-limitation": lambda: answered(NCreateRSP(1, Status(0x0213), MPPS)),
    "find-identifier": lambda: answered(CFindRSP(1, Status(0xA900), FIND)),
    "find-out-of-resources": lambda: answered(CFindRSP(1, Status(0xA700), FIND)),
    "find-empty": lambda: (
        negotiated((FIND, EXPLICIT, 0)).message(SENT, CFindRQ(1, FIND)).message(RECEIVED, CFindRSP(1, Status(0), FIND))
    ),
    "commitment-refused": not_committed,
    "commitment-open": lambda: committed().wait(60.0).released(),
    "we-answered-failure": lambda: (
        Recording(role=Role.ACCEPTOR).established().message(SENT, CStoreRSP(1, Status(0xA700)))
    ),
    "we-answered-warning": lambda: (
        Recording(role=Role.ACCEPTOR).established().message(SENT, CStoreRSP(1, Status(0xB000)))
    ),
    "move-unknown-destination": lambda: moved(0xA801),
    "move-suboperations": lambda: moved(0xA702),
    "get-suboperations": lambda: answered(CGetRSP(1, Status(0xA702), GET)),
    "retrieve-out-of-resources": lambda: moved(0xA701),
    "retrieve-identifier": lambda: moved(0xA900),
    "some-suboperations": lambda: moved(0xB000, completed=3, failed=1),
    "retrieve-nothing": lambda: moved(0, remaining=0, completed=0, failed=0, warning=0),
    "counters-odd": lambda: moved(0, completed=2, failed=3),
    "get-all-failed": lambda: got(0xA702, roles=(1, 0), completed=0, failed=4),
    "odd-ae-title": lambda: asked(Role.ACCEPTOR, called="PACS\0\0"),
    "odd-command": oddly_answered,
    "odd-negotiation": oddly_accepted,
    "character-set-missing": lambda: found(element(_NAME, "PN", "Größe ".encode("latin-1"))),
    "character-set-contradicted": lambda: found(_CHARSET + element(_NAME, "PN", "Größe ".encode("latin-1"))),
    "characters-lost": lambda: found(_CHARSET + element(_NAME, "PN", "Gr\ufffd\ufffde ".encode())),
    "file-failed": lambda: added(lambda head: FileRecord(*head, "failed", "/a/b.dcm", 0, "no space")),
    "file-broken": lambda: added(lambda head: FileRecord(*head, "failed:broken", "/a/b.dcm", 9, "it breaks off")),
    "file-unreadable": lambda: added(lambda head: FileRecord(*head, "failed:unreadable", "/a/b.dcm", 0, "gone")),
    "file-disk-full": lambda: added(lambda head: FileRecord(*head, "failed:disk-full", "/a/b.part", 0, "full")),
    "file-no-access": lambda: added(lambda head: FileRecord(*head, "failed:no-access", "/a", 0, "denied")),
    "file-no-folder": lambda: added(lambda head: FileRecord(*head, "failed:no-folder", "/a", 0, "not there")),
    "file-discarded": lambda: added(lambda head: FileRecord(*head, "discarded", "/a/b.part", 0, "")),
    "internal-fault": lambda: added(lambda head: NoteRecord(*head, 40, "internal fault: KeyError: 3")),
}

RECORDED: dict[str, Make] = {
    **{code: _of(make) for part in (_CONNECTION, _ASSOCIATION, _MESSAGES) for code, make in part.items()},
    "move-no-knock": lambda: merged(listener(), moved(0xA702, completed=0, failed=2)),
    "move-knock-refused": lambda: merged(listener(), moved(0xA702, failed=2), knocked(called="YOU", reject=(1, 1, 7))),
    "move-knock-contexts": lambda: merged(listener(), moved(0xA702, failed=2), knocked(result=3)),
    "move-knock-stores": lambda: merged(listener(), moved(0xB000, failed=2), knocked(stores=2, status=0xA700)),
    "move-knock-idle": lambda: merged(listener(), moved(0xA702, failed=2), knocked()),
    "fewer-arrived": lambda: merged(listener(), moved(0, completed=5), knocked(stores=3)),
}
"""For each code records that show it. An association of ours has the number 1, one of a peer's the number 2."""

ERRORS: dict[str, Exception] = {
    "configuration": ConfigurationError("the port is no number", phase="configure"),
    "local-misuse": LocalProtocolError("nothing can be sent now"),
    "unknown": DicomNetworkError("something odd", peer="PACS@10.0.0.2:104"),
    "no-context-not-proposed": NoAcceptedContext("not proposed", sop_class=CT),
}
"""What only an error tells, because nothing went over the wire."""
