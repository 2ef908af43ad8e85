"""One captured TCP connection becomes the records that a live association would have left.

What a connection carries shows in its first bytes; until then they wait (:class:`_Waiting`). DICOM is cut into PDUs and
messages; TLS is told of as far as it can be read; other protocols matter only where DICOM was expected.
"""

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from dicomgui.network.dimse import Message
from dicomgui.network.errors import RemoteProtocolError
from dicomgui.network.pdu import AssociateAC, PduType, decode, pdu_name
from dicomgui.network.tracing import (
    BytesRecord,
    CloseRecord,
    ConnectRecord,
    DimseRecord,
    Direction,
    NoteRecord,
    PduRecord,
    Record,
    Role,
    Segment,
    TlsRecord,
)
from dicomgui.trace.capture.cutter import Cut, PduCutter, begins_like_pdu
from dicomgui.trace.capture.messages import CapturedMessages
from dicomgui.trace.capture.packets import Place
from dicomgui.trace.capture.supposed import supposed_association
from dicomgui.trace.capture.tcp import Connection, Data, Ended, Event, Gap, Opened
from dicomgui.trace.capture.tls import TlsWatcher, begins_like_tls
from dicomgui.trace.missing import missing_text
from dicomgui.trace.sniff import Spoken, sniff

__all__ = ["DICOM_PORTS", "CapturedConnection", "Clock", "ImportOptions", "Kind", "place_text"]

DICOM_PORTS = frozenset({104, 2761, 2762, 11112})
"""The ports registered for DICOM (PS3.8 9.1.1, PS3.15 B): what happens there is imported even where it is no DICOM."""

_FIRST_BYTES = 64
_EVENT_COST = 200  # bytes of the objects of one event
_MAX_WAITING_BYTES = 65_536  # of a connection that has not shown yet what it carries
_MAX_SEARCHED_BYTES = 2**20  # the same where its beginning is not in the capture
_KEPT_STRAY_BYTES = 4096
_RUN_BYTES = 2**20  # unreadable bytes of one direction that make one record
_UNREADABLE = "TLS: its contents cannot be read"
_BEGINNING = re.compile(rb"[\x01-\x07]\x00")


class Kind(Enum):
    """What a connection carries."""

    UNDECIDED = ""
    DICOM = "DICOM"
    TLS = "TLS"
    FOREIGN = "foreign"
    """Another protocol, where DICOM was expected."""
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a capture is read.

    :ivar contexts: abstract and transfer syntax by presentation context id, for associations whose beginning is not in
        the capture.
    :ivar we: which side counts as this one: ``requestor``, ``acceptor``, an address, or an address with a port. Where
        an address fits neither side or both, it is the requestor.
    :ivar ports: further ports on which DICOM is expected, beside :data:`DICOM_PORTS`.
    """

    contexts: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    we: str = "requestor"
    ports: frozenset[int] = frozenset()

    def expects_dicom(self, port: int) -> bool:
        """Whether DICOM is expected on this port."""
        return port in DICOM_PORTS or port in self.ports


class Clock:
    """Time stamps of records from those of packets; the monotonic one counts from the first packet on.

    :param first_ns: time of the first packet.
    """

    def __init__(self, first_ns: int) -> None:
        self._first_ns = first_ns
        self._last_mono_ns = 0
        self._last_ns = first_ns

    def stamp(self, time_ns: int) -> tuple[float, float]:
        """Monotonic seconds and seconds since 1970-01-01 UTC; a packet without a time gets the one before it."""
        time_ns = self._last_ns = time_ns or self._last_ns
        self._last_mono_ns = max(self._last_mono_ns, time_ns - self._first_ns)
        return self._last_mono_ns / 1e9, time_ns / 1e9


def place_text(place: Place) -> str:
    """``host:port`` as in our records, IPv6 in brackets."""
    address = ipaddress.ip_address(place.address)
    return f"{address}:{place.port}" if address.version == 4 else f"[{address}]:{place.port}"


class _Waiting:
    """The events of a connection that has not shown yet what it carries."""

    def __init__(self, connection: Connection) -> None:
        self.events: list[Event] = []
        self.first = (bytearray(), bytearray())
        self.size = 0
        self.has_header = False
        self._connection = connection
        self._tails = [b"", b""]

    def add(self, event: Event) -> None:
        self.events.append(event)
        self.size += _EVENT_COST
        if not isinstance(event, Data):
            return
        side, data = event.side, event.data
        self.size += len(data)
        first = self.first[side]
        first += data[: _FIRST_BYTES - len(first)]
        if self._connection.has_start(side):
            self.has_header = self.has_header or begins_like_pdu(first) or _begins_like_request(first)
        else:
            window = self._tails[side] + data
            starts = (match.start() for match in _BEGINNING.finditer(window))
            self.has_header = self.has_header or any(begins_like_pdu(window, start) for start in starts)
            self._tails[side] = window[-11:]

    def kind(self, *, is_expected: bool, is_last: bool) -> Kind:
        """What the connection carries, as far as that can be told now."""
        if self.has_header:
            return Kind.DICOM
        foreign = Kind.FOREIGN if is_expected else Kind.IGNORED
        if all(map(begins_like_tls, self.first)):
            return Kind.TLS if is_expected else Kind.IGNORED
        both_begun = all(len(first) >= 10 and self._connection.has_start(side) for side, first in enumerate(self.first))
        limit = _MAX_WAITING_BYTES if self._connection.opener >= 0 else _MAX_SEARCHED_BYTES
        return foreign if both_begun or self.size > limit or is_last else Kind.UNDECIDED

    @property
    def spoken(self) -> Spoken:
        """The protocol that the first bytes of either side show."""
        return next((found for first in self.first if (found := sniff(bytes(first)))), Spoken.UNKNOWN)

    @property
    def requestor(self) -> int:
        """The side that the first PDUs show to be the requestor, -1 where they do not."""
        for side, first in enumerate(self.first):
            begins = bytes(first[:2]) if self.has_header else b""
            if begins == b"\1\0":
                return side
            if begins in (b"\2\0", b"\3\0"):
                return 1 - side
        return -1


def _begins_like_request(first: bytes | bytearray) -> bool:
    """Whether it is an A-ASSOCIATE-RQ, though perhaps an odd one."""
    return len(first) >= 10 and first[:2] == b"\1\0" and 68 <= int.from_bytes(first[2:6], "big") <= 2**20


class _Side:
    def __init__(self, direction: Direction, *, is_whole: bool) -> None:
        self.direction = direction
        self.cutter = PduCutter(is_synced=is_whole)
        self.messages = CapturedMessages(is_whole=is_whole)


class CapturedConnection:
    """Turns the events of one connection into records.

    :ivar kind: what it carries.
    :ivar spoken: for one that is ignored, what it began like.

    :param number: is asked for the number of the association once it is known that it has one.
    """

    def __init__(self, connection: Connection, options: ImportOptions, clock: Clock, number: Callable[[], int]) -> None:
        self.association = 0
        self._number = number
        self.kind = Kind.UNDECIDED
        self.spoken = Spoken.UNKNOWN
        self._connection = connection
        self._options = options
        self._clock = clock
        self._waiting: _Waiting | None = _Waiting(connection)
        self._sides: tuple[_Side, _Side]
        self._tls: TlsWatcher | None = None
        self._tls_since_ns = -1
        self._run: tuple[int, int, bytes, int] | None = None  # foreign bytes: side, length, beginning, time

    @property
    def waiting_bytes(self) -> int:
        """What it holds until it has shown what it carries."""
        return self._waiting.size if self._waiting is not None else 0

    @property
    def is_expected(self) -> bool:
        """Whether DICOM is expected here, by its ports."""
        return any(self._options.expects_dicom(place.port) for place in self._connection.ends)

    def take(self, event: Event) -> Iterator[Record]:
        """Take the next event; gives the records that it makes."""
        waiting = self._waiting
        if waiting is None:
            if self.kind is not Kind.IGNORED:
                yield from self._handle(event)
            return
        waiting.add(event)
        kind = waiting.kind(is_expected=self.is_expected, is_last=isinstance(event, Ended))
        if kind is not Kind.UNDECIDED:
            yield from self._decide(waiting, kind)

    def decide_now(self) -> Iterator[Record]:
        """No more can wait: judge by what is there."""
        if self._waiting is not None:
            yield from self._decide(self._waiting, self._waiting.kind(is_expected=self.is_expected, is_last=True))

    def _decide(self, waiting: _Waiting, kind: Kind) -> Iterator[Record]:
        self.kind, self._waiting = kind, None
        if kind is Kind.IGNORED:
            self.spoken = waiting.spoken
            self._connection.is_muted = True
            return
        self.association = self._number()
        if kind is Kind.TLS:
            self._tls = TlsWatcher()
        self._settle_roles(waiting.requestor)
        for event in waiting.events:
            yield from self._handle(event)

    def _handle(self, event: Event) -> Iterator[Record]:
        match event:
            case Opened():
                return self._opened(event)
            case Data():
                return self._data(event)
            case Gap():
                return self._gap(event)
            case Ended():
                return self._ended(event)

    # ---------------------------------------------------------------------------------------------------------- roles

    def _settle_roles(self, shown: int) -> None:
        requestor = self._connection.opener if self._connection.opener >= 0 else shown
        if requestor < 0:
            requestor = self._guess_requestor()
        ours = self._our_side(requestor)
        self._role = Role.REQUESTOR if ours == requestor else Role.ACCEPTOR
        self._ours = ours
        made = [
            _Side(Direction.SENT if side == ours else Direction.RECEIVED, is_whole=self._connection.has_start(side))
            for side in (0, 1)
        ]
        self._sides = (made[0], made[1])

    def _guess_requestor(self) -> int:
        """Neither SYN nor A-ASSOCIATE is there: who is called has the known port, or the lower one."""
        known = [self._options.expects_dicom(place.port) for place in self._connection.ends]
        if known[0] != known[1]:
            return 1 if known[0] else 0
        return 0 if self._connection.ends[0].port >= self._connection.ends[1].port else 1

    def _our_side(self, requestor: int) -> int:
        we = self._options.we
        if we in ("requestor", "acceptor"):
            return requestor if we == "requestor" else 1 - requestor
        ours = [_is_place(place, we) for place in self._connection.ends]
        return requestor if ours[0] == ours[1] else ours.index(True)

    # --------------------------------------------------------------------------------------------------------- events

    def _head(self, time_ns: int) -> tuple[int, float, float]:
        return (self.association, *self._clock.stamp(time_ns))

    def _note(self, time_ns: int, level: int, text: str) -> NoteRecord:
        return NoteRecord(*self._head(time_ns), level, text)

    def _places(self) -> tuple[str, str]:
        ends = self._connection.ends
        return place_text(ends[self._ours]), place_text(ends[1 - self._ours])

    def _opened(self, event: Opened) -> Iterator[Record]:
        seconds = max(0.0, event.seconds) if self._role is Role.REQUESTOR else 0.0
        yield ConnectRecord(*self._head(event.time_ns), self._role, *self._places(), seconds, "")
        if all(self._connection.has_start(side) for side in (0, 1)):
            return
        yield self._note(event.time_ns, logging.WARNING, "The beginning of this connection is not in the capture.")
        if self._options.contexts and self.kind is Kind.DICOM:
            yield from self._suppose(event.time_ns)

    def _suppose(self, time_ns: int) -> Iterator[Record]:
        """The presentation contexts were set by hand: two PDUs that say so in the place of those that are missing."""
        text = "The two PDUs that follow were not captured: they hold the presentation contexts that were set by hand."
        yield self._note(time_ns, logging.WARNING, text)
        directions = [Direction.SENT, Direction.RECEIVED]
        if self._role is Role.ACCEPTOR:
            directions.reverse()
        for direction, data in zip(directions, supposed_association(self._options.contexts), strict=True):
            yield PduRecord(*self._head(time_ns), direction, data[0], len(data), (Segment(0, data),), "")
        for side in self._sides:
            side.messages.accepted = frozenset(self._options.contexts)

    def _data(self, event: Data) -> Iterator[Record]:
        if self.kind is Kind.DICOM:
            side = self._sides[event.side]
            yield from self._cuts(side, side.cutter.feed(event.data), event.time_ns)
        elif self.kind is Kind.TLS:
            yield from self._watch(event)
        else:
            yield from self._foreign(event.side, len(event.data), event.data, event.time_ns)

    def _gap(self, event: Gap) -> Iterator[Record]:
        whose = "this side" if event.side == self._ours else "the peer"
        yield self._note(event.time_ns, logging.WARNING, missing_text(event.length, whose))
        if self.kind is Kind.DICOM:
            side = self._sides[event.side]
            yield from self._cuts(side, side.cutter.skip(event.length), event.time_ns)
            if not side.cutter.is_synced:
                side.messages.lose()

    def _ended(self, event: Ended) -> Iterator[Record]:
        if not self._connection.is_open:
            yield from self._never_opened(event)
            return
        for side in self._sides:
            cuts = side.cutter.end() if event.side >= 0 else side.cutter.end("")
            yield from self._cuts(side, cuts, event.time_ns)
        yield from self._end_run()
        if self._tls is not None and self._tls_since_ns >= 0 and event.side >= 0:
            yield self._tls_record(event.time_ns, "TlsError: the handshake did not come to its end")
        if event.side < 0:
            yield self._note(event.time_ns, logging.INFO, "The capture does not show the end of this connection.")
            return
        by_peer = event.side != self._ours
        error = f"ConnectionResetError: reset by {'the peer' if by_peer else 'this side'}" if event.reset else ""
        yield CloseRecord(*self._head(event.time_ns), by_peer, error)

    def _never_opened(self, event: Ended) -> Iterator[Record]:
        """A SYN without an answer, or with a refusal."""
        place = place_text(self._connection.ends[1])
        if event.reset:
            error = f"ConnectionRefused: {place} refused the connection"
        else:
            error = f"ConnectTimeout: {place} did not answer before the capture ended"
        seconds = max(0, event.time_ns - self._connection.first_ns) / 1e9
        if self._role is Role.REQUESTOR:
            yield ConnectRecord(*self._head(event.time_ns), self._role, *self._places(), seconds, error)
        else:
            text = f"A connection from {place_text(self._connection.ends[0])} was not accepted."
            yield self._note(event.time_ns, logging.WARNING, text)

    # ---------------------------------------------------------------------------------------------------------- DICOM

    def _cuts(self, side: _Side, cuts: Iterable[Cut], time_ns: int) -> Iterator[Record]:
        for cut in cuts:
            if cut.pdu_type < 0:
                side.messages.lose()
                data = b"".join(segment.data for segment in cut.segments)
                yield BytesRecord(*self._head(time_ns), side.direction, cut.length, data, cut.error)
            elif cut.pdu_type == PduType.P_DATA_TF:
                yield from self._data_pdu(side, cut, time_ns)
            else:
                yield self._pdu(side, cut, time_ns)
                if cut.pdu_type == PduType.ASSOCIATE_AC and not cut.error:
                    self._accept(cut)

    def _pdu(self, side: _Side, cut: Cut, time_ns: int, error: str = "") -> PduRecord:
        text = cut.error or error
        return PduRecord(*self._head(time_ns), side.direction, cut.pdu_type, cut.length, cut.segments, text)

    def _data_pdu(self, side: _Side, cut: Cut, time_ns: int) -> Iterator[Record]:
        """The PDU and after it the messages that end in it, as in a live trace."""
        if cut.error:
            side.messages.lose()
            yield self._pdu(side, cut, time_ns)
            return
        found = side.messages.read(cut.length, cut.segments)
        yield self._pdu(side, cut, time_ns, found.error)
        for message in found.messages:
            yield self._dimse(side.direction, message, time_ns)
        for remark in found.remarks:
            verb = "sent" if side.direction is Direction.SENT else "received"
            yield self._note(time_ns, logging.WARNING, f"{pdu_name(cut.pdu_type)} {verb}: {remark}"[:500])

    def _dimse(self, direction: Direction, message: Message, time_ns: int) -> DimseRecord:
        command = message.command
        status = getattr(command, "status", None)
        return DimseRecord(
            *self._head(time_ns),
            direction,
            message.context_id,
            command.command_field,
            command.message_id,
            command.sop_class_uid,
            command.sop_instance_uid,
            -1 if status is None else int(status),
            message.dataset_length,
            getattr(command, "error_comment", ""),
        )

    def _accept(self, cut: Cut) -> None:
        try:
            pdu = decode(cut.segments[0].data)
        except RemoteProtocolError:
            return
        if isinstance(pdu, AssociateAC):
            accepted = frozenset(one.context_id for one in pdu.presentation_contexts if one.is_accepted)
            for side in self._sides:
                side.messages.accepted = accepted

    # -------------------------------------------------------------------------------------------------- TLS and others

    def _watch(self, event: Data) -> Iterator[Record]:
        tls = self._tls
        assert tls is not None
        if self._tls_since_ns == -1:
            self._tls_since_ns = event.time_ns
        tls.feed(event.side, event.data)
        if self._tls_since_ns >= 0 and (all(tls.is_encrypted) or tls.alert):
            error = ""
            if tls.alert:
                by_peer = tls.alert_side != self._ours
                error = f"TlsError: {'alert of the peer' if by_peer else 'this side refused'}: {tls.alert}"
            yield from self._end_run()
            yield self._tls_record(event.time_ns, error)
        yield from self._foreign(event.side, len(event.data), b"", event.time_ns)

    def _tls_record(self, time_ns: int, error: str) -> TlsRecord:
        tls, since_ns = self._tls, self._tls_since_ns
        assert tls is not None
        self._tls_since_ns = -2  # told
        chain = tls.certificates if self._role is Role.REQUESTOR else ()
        own, others = b"".join(chain[:1]), b"".join(chain[1:])
        seconds = max(0, time_ns - since_ns) / 1e9
        return TlsRecord(*self._head(time_ns), tls.version, tls.cipher, own, seconds, error, others)

    def _foreign(self, side: int, length: int, data: bytes, time_ns: int) -> Iterator[Record]:
        """Bytes that are not taken apart: those of one direction that follow each other make one record."""
        if self._run is not None and (self._run[0] != side or self._run[1] >= _RUN_BYTES):
            yield from self._end_run()
        _, before, kept, since_ns = self._run or (side, 0, b"", time_ns)
        self._run = (side, before + length, kept + data[: _KEPT_STRAY_BYTES - len(kept)], since_ns)

    def _end_run(self) -> Iterator[Record]:
        if self._run is not None:
            (side, length, kept, since_ns), self._run = self._run, None
            error = _UNREADABLE if self.kind is Kind.TLS else "this is no DICOM"
            yield BytesRecord(*self._head(since_ns), self._sides[side].direction, length, kept, error)


def _is_place(place: Place, text: str) -> bool:
    """Whether ``text`` is the address of the place, with or without its port."""
    return text in (place_text(place), str(ipaddress.ip_address(place.address)))
