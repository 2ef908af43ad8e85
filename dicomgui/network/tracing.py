"""The observer stream: what every association tells, as typed records with time stamps.

Everything that inspects an association (the live trace, the diagnosis, the capture files, the command line, the tests)
reads this one stream. A :data:`Tracer` is any callable that takes a record; ``None`` means that nobody listens, and
costs nothing. This module knows no PDU class: a PDU is its type, its length and the bytes that were kept of it.

Records are named tuples because a busy association makes tens of thousands of them a second. Every record begins with
the same three fields: ``association`` (see :func:`next_association_id`; 0 for what belongs to no association),
``mono`` (monotonic seconds) and ``utc`` (seconds since 1970-01-01 UTC).

A tracer is called in the event loop's thread, must return quickly and must not raise. One that has a method
``take_sent`` is handed the P-DATA-TF PDUs that were written at once all together, see :func:`hand_on`; one that has a
method ``take_received`` the PDUs and messages that came together, see :func:`hand_on_received`; one that has a method
``take_later`` what makes the records of a small message, see :func:`hand_on_later`.
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import NamedTuple, TypeAlias

__all__ = [
    "ENDED_EARLY",
    "LEFT_OPEN",
    "SNAP_LENGTH",
    "BytesRecord",
    "CancelRecord",
    "CloseRecord",
    "ConnectRecord",
    "DimseRecord",
    "Direction",
    "FileRecord",
    "ListenRecord",
    "MakeSent",
    "NoteRecord",
    "PduRecord",
    "Record",
    "RefuseRecord",
    "ResolveRecord",
    "Role",
    "Scribe",
    "Segment",
    "StateRecord",
    "TimerRecord",
    "TlsRecord",
    "Tracer",
    "broken_rule",
    "failed_by",
    "hand_on",
    "hand_on_later",
    "hand_on_received",
    "next_association_id",
    "read_broken_rule",
    "read_unmet_need",
    "unmet_need",
]

SNAP_LENGTH = 8192
"""Bytes kept of the data set of a C-STORE unless the whole is asked for; of fragments behind them the headers are."""


class Direction(IntEnum):
    """Which way bytes went, seen from us."""

    SENT = 0
    RECEIVED = 1


class Role(IntEnum):
    """Which side of the association we are (PS3.7 D.1)."""

    REQUESTOR = 0
    ACCEPTOR = 1


class Segment(NamedTuple):
    """Bytes of a PDU that were kept, ``offset`` counted from the first byte of the PDU."""

    offset: int
    data: bytes


class ResolveRecord(NamedTuple):
    """The host name was looked up; on failure ``addresses`` is empty and ``error`` says why."""

    association: int
    mono: float
    utc: float
    host: str
    addresses: tuple[str, ...]
    seconds: float
    error: str


class ConnectRecord(NamedTuple):
    """A transport connection was opened (``error`` empty) or could not be.

    ``local`` and ``peer`` are ``host:port`` (IPv6 in brackets). ``error`` begins with the name of the class of
    :mod:`dicomgui.network.errors`, e.g. ``ConnectionRefused: …``.
    """

    association: int
    mono: float
    utc: float
    role: Role
    local: str
    peer: str
    seconds: float
    error: str


class ListenRecord(NamedTuple):
    """A listening socket was opened (``active``), closed, or could not be opened (``error``)."""

    association: int
    mono: float
    utc: float
    address: str
    ae_title: str
    active: bool
    error: str


class RefuseRecord(NamedTuple):
    """We refused a connection or an association, and why."""

    association: int
    mono: float
    utc: float
    peer: str
    reason: str


class TlsRecord(NamedTuple):
    """A TLS handshake ended.

    :ivar peer_certificate: the peer's, as DER, or empty.
    :ivar peer_chain: the certificates that followed it, as DER, one after another.
    """

    association: int
    mono: float
    utc: float
    version: str
    cipher: str
    peer_certificate: bytes
    seconds: float
    error: str
    peer_chain: bytes = b""


class BytesRecord(NamedTuple):
    """Bytes that are part of no PDU: what followed a fault, or never was DICOM.

    ``length`` counts what arrived; ``data`` may hold less. ``error`` is the fault that these bytes belong to.
    """

    association: int
    mono: float
    utc: float
    direction: Direction
    length: int
    data: bytes
    error: str


class PduRecord(NamedTuple):
    """One whole PDU, or one that broke off or was refused (``error`` not empty).

    ``length`` counts header and body (10 for an A-ABORT). ``segments`` hold the bytes kept, in order and without
    overlap; what lies between them was not kept.
    """

    association: int
    mono: float
    utc: float
    direction: Direction
    pdu_type: int
    length: int
    segments: tuple[Segment, ...]
    error: str


class StateRecord(NamedTuple):
    """The PS3.8 state machine changed its state: numbers of state and event as in table 9-10, action as ``AE-1``."""

    association: int
    mono: float
    utc: float
    before: int
    event: int
    action: str
    after: int


class DimseRecord(NamedTuple):
    """One whole DIMSE message went or came.

    ``command_field`` as in PS3.7 E.1 (0x0001 C-STORE-RQ). ``message_id`` is the id responded to for a response.
    ``status`` is -1 for a request. ``dataset_length`` is -1 where the message has no data set.
    """

    association: int
    mono: float
    utc: float
    direction: Direction
    context_id: int
    command_field: int
    message_id: int
    sop_class_uid: str
    sop_instance_uid: str
    status: int
    dataset_length: int
    comment: str


class TimerRecord(NamedTuple):
    """A time-out ran out: ``name`` is artim, connect, associate, response, release or idle."""

    association: int
    mono: float
    utc: float
    name: str
    seconds: float


def failed_by(code: str) -> str:
    """The event of a file that failed, with the code of its failure where that is known."""
    return f"failed:{code}" if code else "failed"


class FileRecord(NamedTuple):
    """A file was read, or written: ``event`` is opened, stored, duplicate, changed, discarded, failed or broken.

    A failure may have its code behind a colon, as in ``failed:broken``; see :attr:`failure`.
    """

    association: int
    mono: float
    utc: float
    event: str
    path: str
    size_bytes: int
    detail: str

    @property
    def has_failed(self) -> bool:
        """True where the file could not be read, sent or written."""
        return self.event.partition(":")[0] == "failed"

    @property
    def failure(self) -> str:
        """The code of the failure: broken, unreadable, disk-full, no-access or no-folder; empty for any other."""
        return self.event.partition(":")[2] if self.has_failed else ""


class CancelRecord(NamedTuple):
    """Our side cancelled what was under way; ``detail`` says what and how it ended."""

    association: int
    mono: float
    utc: float
    detail: str


class CloseRecord(NamedTuple):
    """The transport connection is closed; ``by_peer`` whether the peer closed first, ``error`` where it broke."""

    association: int
    mono: float
    utc: float
    by_peer: bool
    error: str


class NoteRecord(NamedTuple):
    """Something worth telling that no other record holds; ``level`` as in :mod:`logging`."""

    association: int
    mono: float
    utc: float
    level: int
    text: str


Record: TypeAlias = (
    ResolveRecord
    | ConnectRecord
    | ListenRecord
    | RefuseRecord
    | TlsRecord
    | BytesRecord
    | PduRecord
    | StateRecord
    | DimseRecord
    | TimerRecord
    | FileRecord
    | CancelRecord
    | CloseRecord
    | NoteRecord
)
Tracer: TypeAlias = Callable[[Record], None]


def hand_on(tracer: Tracer, sent: Sequence[PduRecord], message: DimseRecord | None = None) -> None:
    """Give a tracer the records of P-DATA-TF PDUs that one association has sent at once, each with one segment.

    Where these are all of a C-STORE-RQ, the ``message`` may come with them.

    PDUs that are alike in all that was kept, as the later ones of a large object are, have the same record again and
    again.
    """
    take: Callable[[Sequence[PduRecord], DimseRecord | None], None] | None = getattr(tracer, "take_sent", None)
    if take is not None:
        take(sent, message)
        return
    for record in sent:
        tracer(record)
    if message is not None:
        tracer(message)


MakeSent: TypeAlias = Callable[[], tuple[Sequence[PduRecord], DimseRecord]]
"""Makes what :func:`hand_on` gives of one message; always the same."""


def hand_on_later(tracer: Tracer, count: int, make: MakeSent) -> None:
    """Give a tracer the same of a whole small message, of so many records, for those that forget most of it unseen.

    One that has a method ``take_later`` is handed what makes the records, and need not have them made.
    """
    take: Callable[[int, MakeSent], None] | None = getattr(tracer, "take_later", None)
    if take is not None:
        take(count, make)
    else:
        hand_on(tracer, *make())


def hand_on_received(tracer: Tracer, records: Sequence[Record]) -> None:
    """Give a tracer the records of pending responses that one association has received at once, or of PDUs.

    Of each response its P-DATA-TF PDUs, with one segment each, and the message; the same record may be there several
    times. Or the same record of a P-DATA-TF again and again, as for :func:`hand_on`.
    """
    take: Callable[[Sequence[Record]], None] | None = getattr(tracer, "take_received", None)
    if take is not None:
        take(records)
        return
    for record in records:
        tracer(record)


_ids = itertools.count(1)
_mono, _utc, _new = time.monotonic, time.time, tuple.__new__  # for the records of which there are most


ENDED_EARLY = "the connection ended in the middle of it"
LEFT_OPEN = "it was not complete when ARTIM ran out"
"""Errors of a :class:`PduRecord` that was cut off, and may be sound as far as it came."""

_BROKEN_RULE = "the peer broke the protocol: "


def broken_rule(fault: str) -> str:
    """The text of a :class:`NoteRecord` on a fault of the peer in a PDU that is sound by itself."""
    return f"{_BROKEN_RULE}{fault}"


def read_broken_rule(text: str) -> str:
    """The fault that such a text tells of; empty for any other."""
    return text.removeprefix(_BROKEN_RULE) if text.startswith(_BROKEN_RULE) else ""


_UNMET = re.compile(r"no accepted context for ([0-9.]+)(?: in ([0-9., ]+))?")


def unmet_need(abstract_syntax: str, transfer_syntaxes: tuple[str, ...]) -> str:
    """The text of a :class:`NoteRecord` on a request that could not go out, because no context was accepted for it.

    :param transfer_syntaxes: UIDs of which one was needed; none of them where any would do.
    """
    which = f" in {', '.join(transfer_syntaxes)}" if transfer_syntaxes else ""
    return f"no accepted context for {abstract_syntax}{which}"


def read_unmet_need(text: str) -> tuple[str, tuple[str, ...]] | None:
    """Abstract syntax and transfer syntaxes of such a text, ``None`` for any other."""
    match = _UNMET.fullmatch(text)
    return None if match is None else (match[1], tuple(match[2].split(", ")) if match[2] else ())


def next_association_id() -> int:
    """A number for a new association or connection attempt, unique in this process; never 0."""
    return next(_ids)


class Scribe:
    """Stamps records of one association and hands them to the tracer.

    :ivar association: the number that all its records carry.
    :ivar tracer: where they go; ``None`` when nobody listens, so that a caller on a hot path can skip the work.
    """

    __slots__ = ("association", "tracer")

    def __init__(self, tracer: Tracer | None, association: int) -> None:
        self.tracer = tracer
        self.association = association

    def resolve(self, host: str, addresses: tuple[str, ...], seconds: float, error: str = "") -> None:
        """Record a name look-up."""
        if self.tracer is not None:
            self.tracer(ResolveRecord(self.association, time.monotonic(), time.time(), host, addresses, seconds, error))

    def connect(self, role: Role, local: str, peer: str, seconds: float, error: str = "") -> None:
        """Record a transport connection, or that there is none."""
        if self.tracer is not None:
            self.tracer(
                ConnectRecord(self.association, time.monotonic(), time.time(), role, local, peer, seconds, error)
            )

    def listen(self, address: str, ae_title: str, *, active: bool, error: str = "") -> None:
        """Record that a listener opened, closed or failed to open."""
        if self.tracer is not None:
            self.tracer(ListenRecord(self.association, time.monotonic(), time.time(), address, ae_title, active, error))

    def refuse(self, peer: str, reason: str) -> None:
        """Record that we refused a connection or association."""
        if self.tracer is not None:
            self.tracer(RefuseRecord(self.association, time.monotonic(), time.time(), peer, reason))

    def tls(self, version: str, cipher: str, chain: Sequence[bytes], seconds: float, error: str = "") -> None:
        """Record the end of a TLS handshake.

        :param chain: the certificates that the peer sent, as DER, its own first.
        """
        if self.tracer is not None:
            now, utc, own = time.monotonic(), time.time(), b"".join(chain[:1])
            self.tracer(
                TlsRecord(self.association, now, utc, version, cipher, own, seconds, error, b"".join(chain[1:]))
            )

    def stray_bytes(self, direction: Direction, length: int, data: bytes, error: str = "") -> None:
        """Record bytes that belong to no PDU."""
        if self.tracer is not None:
            self.tracer(BytesRecord(self.association, time.monotonic(), time.time(), direction, length, data, error))

    def pdu(
        self,
        direction: Direction,
        pdu_type: int,
        length: int,
        segments: tuple[Segment, ...],
        error: str = "",
    ) -> None:
        """Record a PDU."""
        if self.tracer is not None:
            fields = (self.association, _mono(), _utc(), direction, pdu_type, length, segments, error)
            self.tracer(_new(PduRecord, fields))

    def state(self, before: int, event: int, action: str, after: int) -> None:
        """Record a change of state."""
        if self.tracer is not None:
            self.tracer(StateRecord(self.association, time.monotonic(), time.time(), before, event, action, after))

    def dimse(
        self,
        direction: Direction,
        context_id: int,
        command_field: int,
        message_id: int,
        *,
        sop_class_uid: str = "",
        sop_instance_uid: str = "",
        status: int = -1,
        dataset_length: int = -1,
        comment: str = "",
    ) -> None:
        """Record a DIMSE message."""
        if self.tracer is not None:
            fields = (
                self.association, _mono(), _utc(), direction, context_id, command_field, message_id, sop_class_uid,
                sop_instance_uid, status, dataset_length, comment,
            )  # fmt: skip
            self.tracer(_new(DimseRecord, fields))

    def timer(self, name: str, seconds: float) -> None:
        """Record a time-out."""
        if self.tracer is not None:
            self.tracer(TimerRecord(self.association, time.monotonic(), time.time(), name, seconds))

    def file(self, event: str, path: str, size_bytes: int, detail: str = "") -> None:
        """Record what happened to a file."""
        if self.tracer is not None:
            self.tracer(FileRecord(self.association, time.monotonic(), time.time(), event, path, size_bytes, detail))

    def cancel(self, detail: str) -> None:
        """Record a cancel of ours."""
        if self.tracer is not None:
            self.tracer(CancelRecord(self.association, time.monotonic(), time.time(), detail))

    def close(self, *, by_peer: bool, error: str = "") -> None:
        """Record the end of the transport connection."""
        if self.tracer is not None:
            self.tracer(CloseRecord(self.association, time.monotonic(), time.time(), by_peer, error))

    def note(self, level: int, text: str) -> None:
        """Record a remark."""
        if self.tracer is not None:
            self.tracer(NoteRecord(self.association, time.monotonic(), time.time(), level, text))
