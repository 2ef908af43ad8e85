"""Import of a capture file: its DICOM connections become records of a trace.

It streams: packets are read one by one, TCP is put together, and each record goes to a tracer as soon as it is known,
so that a capture of any length takes bounded memory. Whatever is in the file, nothing but :class:`CaptureError` is
raised; what is odd or damaged is told in the notes of the result or by a ``NoteRecord``.

What a capture cannot show is not made up: there are no states of the state machine and no timers, and the contents of
TLS stay unread.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dicomgui.network.errors import ConfigurationError
from dicomgui.network.tracing import Record, Tracer, next_association_id
from dicomgui.network.uids import is_valid_uid
from dicomgui.trace.capture.connection import CapturedConnection, Clock, ImportOptions, Kind
from dicomgui.trace.capture.packets import Dissector
from dicomgui.trace.capture.reader import CaptureReader, Packet
from dicomgui.trace.capture.tcp import Connection, Ended, Event, Reassembler

__all__ = ["ImportResult", "import_capture"]

_MAX_WAITING_BYTES = 64 * 2**20
"""What all connections together may hold until they have shown what they carry."""

_LOOK_UP_EVERY = 256  # packets between looks at the caller's wishes


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What was found in a capture file.

    :ivar associations: the numbers of the connections that were imported, in the order of their first records.
    :ivar packets: packets in the file, as far as it was read.
    :ivar records: records that were made.
    :ivar others: connections that carry no DICOM and were not imported, by what they began like.
    :ivar notes: what is worth knowing, sentence by sentence: damage, cut packets, missing pieces.
    :ivar is_cancelled: whether the caller stopped it; what came before was handed over.
    """

    associations: tuple[int, ...]
    packets: int
    records: int
    others: Mapping[str, int]
    notes: tuple[str, ...]
    is_cancelled: bool = False


def import_capture(
    path: Path,
    tracer: Tracer,
    *,
    contexts: Mapping[int, tuple[str, str]] | None = None,
    we: str = "requestor",
    ports: frozenset[int] = frozenset(),
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    number: Callable[[], int] = next_association_id,
) -> ImportResult:
    """Read a capture file (pcap or pcapng) into a tracer; may run in any thread.

    :param tracer: takes the records, association by association mixed as they were on the wire; a
        :class:`~dicomgui.trace.store.TraceStore` or :class:`~dicomgui.trace.file.TraceWriter`, for example.
    :param contexts: abstract and transfer syntax by presentation context id, for associations that began before the
        capture did. They get an A-ASSOCIATE-RQ and -AC that say in their AE titles that they were not captured.
    :param we: which side counts as this one: ``requestor`` (default), ``acceptor``, an address, or ``address:port``.
    :param ports: where DICOM is expected, beside 104, 2761, 2762 and 11112. Associations are found on any port; this
        is for what else happened there: refused connections, other protocols, TLS.
    :param progress: told now and then which share of the file was read, 0 to 1.
    :param cancelled: asked now and then whether to stop.
    :param number: gives each imported connection its number.
    :raises CaptureError: the file cannot be read or is no capture.
    :raises ConfigurationError: ``contexts`` hold what can be no context, or ``we`` names no side.
    """
    _check(contexts or {})
    reader = CaptureReader(path)
    importer = _Importer(ImportOptions(dict(contexts or {}), _side(we), ports), tracer, number)
    is_cancelled = False
    for packet in reader:
        importer.packet(packet)
        if importer.packets % _LOOK_UP_EVERY == 0:
            if progress is not None:
                progress(min(1.0, reader.position / max(1, reader.size)))
            if cancelled is not None and cancelled():
                is_cancelled = True
                break
    if not is_cancelled:
        importer.finish()
        if progress is not None:
            progress(1.0)
    return importer.result(reader, is_cancelled=is_cancelled)


def _side(we: str) -> str:
    """The same with an address as it is written in records."""
    if we in ("requestor", "acceptor"):
        return we
    host, _, digits = we.rpartition(":")
    has_port = digits.isascii() and digits.isdigit() and (host.startswith("[") or ":" not in host) and bool(host)
    try:
        address = ipaddress.ip_address((host if has_port else we).removeprefix("[").removesuffix("]"))
    except ValueError:
        raise ConfigurationError(f"{we!r} is no side: give requestor, acceptor or an IP address") from None
    if not has_port:
        return str(address)
    return f"[{address}]:{digits}" if address.version == 6 else f"{address}:{digits}"


def _check(contexts: Mapping[int, tuple[str, str]]) -> None:
    for number, syntaxes in contexts.items():
        if not (1 <= number <= 255 and number % 2):
            raise ConfigurationError(f"{number} is no presentation context id: those are odd, from 1 to 255")
        for uid in syntaxes:
            if not is_valid_uid(uid):
                raise ConfigurationError(f"{uid!r}, given for presentation context {number}, is no UID")


class _Importer:
    """Holds what is under way between two packets."""

    def __init__(self, options: ImportOptions, tracer: Tracer, number: Callable[[], int]) -> None:
        self.packets = 0
        self._options = options
        self._tracer = tracer
        self._number = number
        self._dissector = Dissector()
        self._tcp = Reassembler()
        self._clock: Clock | None = None
        self._last_ns = 0
        self._open: dict[Connection, CapturedConnection] = {}
        self._waiting_bytes = 0
        self._associations: dict[int, None] = {}
        self._others: Counter[str] = Counter()
        self._records = 0

    def packet(self, packet: Packet) -> None:
        """Take the next packet."""
        self.packets += 1
        self._last_ns = packet.time_ns or self._last_ns
        segment = self._dissector.segment(packet)
        if segment is not None:
            for connection, event in self._tcp.feed(segment):
                self._event(connection, event)

    def finish(self) -> None:
        """There are no more packets."""
        for connection, event in self._tcp.finish(self._last_ns):
            self._event(connection, event)

    def _event(self, connection: Connection, event: Event) -> None:
        captured = self._open.get(connection)
        if captured is None:
            self._clock = self._clock or Clock(connection.first_ns)
            captured = self._open[connection] = CapturedConnection(connection, self._options, self._clock, self._number)
        before = captured.waiting_bytes
        self._hand_over(captured, captured.take(event))
        self._waiting_bytes += captured.waiting_bytes - before
        if isinstance(event, Ended):
            del self._open[connection]
            if captured.kind is Kind.IGNORED:
                self._others[captured.spoken or ("unknown" if connection.is_open else "nothing")] += 1
        elif self._waiting_bytes > _MAX_WAITING_BYTES:
            self._decide_all()

    def _decide_all(self) -> None:
        for captured in self._open.values():
            self._hand_over(captured, captured.decide_now())
        self._waiting_bytes = 0

    def _hand_over(self, captured: CapturedConnection, records: Iterator[Record]) -> None:
        for record in records:
            self._associations[captured.association] = None
            self._records += 1
            self._tracer(record)

    def result(self, reader: CaptureReader, *, is_cancelled: bool) -> ImportResult:
        """What was found."""
        found = self._dissector
        notes = [
            *reader.notes,
            *(
                f"{_number_of(count, 'packet')} of link type {link_type} cannot be read."
                for link_type, count in sorted(found.unknown_links.items())
            ),
            *(text.format(_number_of(count, noun)) for count, noun, text in (
                (found.unreadable, "packet", "{} with damaged or cut headers left out."),
                (found.cut, "packet", "{} captured only in part: their data is missing."),
                (found.lost_datagrams, "fragmented datagram", "{} not whole in the capture."),
                (self._tcp.evicted, "connection", "{} given up for room before the end: there were too many at once."),
                (reader.secrets, "block", "{} of decryption secrets left unused: TLS is not decrypted."),
            ) if count),
        ]  # fmt: skip
        return ImportResult(
            tuple(self._associations), self.packets, self._records, dict(self._others), tuple(notes), is_cancelled
        )


def _number_of(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
