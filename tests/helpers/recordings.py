"""Traces made by hand: associations as an observer would have told them, without a network."""

from __future__ import annotations

import itertools

from dicomgui.network.dimse import CEchoRQ, CEchoRSP, Command, CStoreRQ, CStoreRSP, encode
from dicomgui.network.pdu import (
    PDU,
    PDV,
    Abort,
    ApplicationContext,
    AssociateAC,
    AssociateRJ,
    AssociateRQ,
    ImplementationClassUID,
    MaximumLength,
    PDataTF,
    PresentationContextAC,
    PresentationContextRQ,
    ReleaseRP,
    ReleaseRQ,
    UserInformation,
)
from dicomgui.network.status import Status
from dicomgui.network.tracing import (
    BytesRecord,
    CloseRecord,
    ConnectRecord,
    DimseRecord,
    Direction,
    ListenRecord,
    PduRecord,
    Record,
    Role,
    Segment,
    StateRecord,
    TimerRecord,
)

VERIFICATION = "1.2.840.10008.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
JPEG_2000 = "1.2.840.10008.1.2.4.90"
INFORMATION = UserInformation((MaximumLength(16384), ImplementationClassUID("1.2.3.4")))
UTC = 1_750_000_000.0


def associate_rq(*contexts: PresentationContextRQ, called: str = "PACS", calling: str = "ME") -> AssociateRQ:
    """A request with the given contexts, or with verification."""
    proposed = contexts or (PresentationContextRQ(1, VERIFICATION, (IMPLICIT,)),)
    return AssociateRQ(called, calling, (ApplicationContext(), *proposed, INFORMATION))


def associate_ac(*contexts: PresentationContextAC) -> AssociateAC:
    """An answer with the given contexts, or accepting context 1."""
    answered = contexts or (PresentationContextAC(1, 0, IMPLICIT),)
    return AssociateAC("PACS", "ME", (ApplicationContext(), *answered, INFORMATION))


class Recording:
    """Builds the records of one association; a second passes with each, unless ``wait`` says more."""

    def __init__(self, association: int = 1, *, role: Role = Role.REQUESTOR) -> None:
        self.association = association
        self.role = role
        self.records: list[Record] = []
        self._clock = itertools.count()
        self._extra = 0.0

    @property
    def head(self) -> tuple[int, float, float]:
        """The three fields that every record begins with."""
        now = next(self._clock) + self._extra
        return self.association, 100.0 + now, UTC + now

    def wait(self, seconds: float) -> Recording:
        """Let time pass."""
        self._extra += seconds
        return self

    def add(self, record: Record) -> Recording:
        """Append any record."""
        self.records.append(record)
        return self

    def connect(
        self, local: str = "10.0.0.1:50000", peer: str = "10.0.0.2:104", seconds: float = 0.001, error: str = ""
    ) -> Recording:
        """The transport connection was opened, or could not be."""
        return self.add(ConnectRecord(*self.head, self.role, local, peer, seconds, error))

    def raw(self, direction: Direction, data: bytes, error: str = "", length: int | None = None) -> Recording:
        """A PDU as bytes."""
        size = len(data) if length is None else length
        return self.add(PduRecord(*self.head, direction, data[0], size, (Segment(0, data),), error))

    def sent(self, pdu: PDU) -> Recording:
        """We sent a PDU."""
        return self.raw(Direction.SENT, pdu.encode())

    def received(self, pdu: PDU, error: str = "") -> Recording:
        """A PDU came."""
        return self.raw(Direction.RECEIVED, pdu.encode(), error)

    def stray(self, data: bytes, error: str = "unknown PDU type") -> Recording:
        """Bytes came that are no PDU."""
        return self.add(BytesRecord(*self.head, Direction.RECEIVED, len(data), data, error))

    def established(self) -> Recording:
        """Connection and association, in the role of the recording."""
        self.connect()
        if self.role is Role.REQUESTOR:
            return self.sent(associate_rq()).received(associate_ac())
        return self.received(associate_rq()).sent(associate_ac())

    def message(self, direction: Direction, command: Command, context_id: int = 1, dataset: bytes = b"") -> Recording:
        """A command, and what belongs to it, as P-DATA-TF and as message."""
        self.raw(direction, PDataTF((PDV(context_id, 3, encode(command)),)).encode())
        if dataset:
            self.raw(direction, PDataTF((PDV(context_id, 2, dataset),)).encode())
        return self.dimse(direction, command, context_id)

    def listening(self, ae_title: str, address: str = "0.0.0.0:11112") -> Recording:
        """A listener of ours has opened; it belongs to no association."""
        _, mono, utc = self.head
        return self.add(ListenRecord(0, mono, utc, address, ae_title, True, ""))

    def dimse(self, direction: Direction, command: Command, context_id: int = 1) -> Recording:
        """A message without its bytes."""
        status = getattr(command, "status", None)
        return self.add(
            DimseRecord(
                *self.head,
                direction,
                context_id,
                command.command_field,
                command.message_id,
                command.sop_class_uid,
                command.sop_instance_uid,
                -1 if status is None else int(status),
                -1,
                getattr(command, "error_comment", ""),
            )
        )

    def echo(self) -> Recording:
        """A C-ECHO that succeeds."""
        self.message(Direction.SENT, CEchoRQ(1))
        return self.message(Direction.RECEIVED, CEchoRSP(1, Status(0)))

    def store(self, status: int = 0, comment: str = "", number: int = 1) -> Recording:
        """A C-STORE with the given answer."""
        self.dimse(Direction.SENT, CStoreRQ(number, CT, f"1.2.3.{number}"))
        answer = CStoreRSP(number, Status(status), CT, f"1.2.3.{number}", error_comment=comment)
        return self.dimse(Direction.RECEIVED, answer)

    def released(self) -> Recording:
        """We released, the peer agreed, the connection was closed."""
        return self.sent(ReleaseRQ()).received(ReleaseRP()).closed(by_peer=False)

    def rejected(self, result: int, source: int, reason: int) -> Recording:
        """The request was rejected by the acceptor."""
        pdu = AssociateRJ(result, source, reason)
        return self.received(pdu) if self.role is Role.REQUESTOR else self.sent(pdu)

    def aborted(self, source: int = 0, reason: int = 0) -> Recording:
        """The peer aborted."""
        return self.received(Abort(source, reason))

    def state(self, event: int, before: int = 6, after: int = 1, action: str = "AA-4") -> Recording:
        """The machine changed its state."""
        return self.add(StateRecord(*self.head, before, event, action, after))

    def timer(self, name: str, seconds: float = 30.0) -> Recording:
        """A time-out ran out."""
        return self.add(TimerRecord(*self.head, name, seconds))

    def closed(self, *, by_peer: bool = True, error: str = "") -> Recording:
        """The connection is gone."""
        return self.add(CloseRecord(*self.head, by_peer, error))
