"""A copy of a trace without patient data, in which every byte stands where it stood.

What identifies somebody is replaced by as many bytes that do not: names, numbers, dates and texts by fillers, UIDs by
others, the same one each time. So lengths, offsets, borders between PDUs and most faults survive, and the copy can be
looked into, explained and exported as the trace can.

The records are read twice, first to see what there is (:attr:`Redaction.preview`), then to replace it; what was found
is also replaced where it stands in fields that are otherwise kept. :meth:`Redaction.leftovers` looks through the copy
for each value once more; :func:`~dicomgui.trace.redaction.patching.patched` replaces those that are not to stay. Which
attributes count is said in :mod:`dicomgui.trace.redaction.rules`, and which values count outside of their own element
in :mod:`dicomgui.trace.redaction.chance`.

It cannot know what is written into pictures, and it does not keep pictures: their bytes are filled. What a trace keeps
by choice (:class:`RedactOptions`) names institutions and their devices.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from dicomgui.network.dimse.charset import decode
from dicomgui.network.tracing import (
    BytesRecord,
    CancelRecord,
    CloseRecord,
    ConnectRecord,
    DimseRecord,
    FileRecord,
    ListenRecord,
    NoteRecord,
    PduRecord,
    Record,
    RefuseRecord,
    ResolveRecord,
    TlsRecord,
)
from dicomgui.network.uids import is_valid_uid
from dicomgui.trace.marks import Marks
from dicomgui.trace.redaction.check import leftovers
from dicomgui.trace.redaction.leftover import Leftover
from dicomgui.trace.redaction.pdu import AE_TITLE, PduMasker
from dicomgui.trace.redaction.places import Places
from dicomgui.trace.redaction.rules import FILLER, Kind, Masked, mask_value, name_of_tag
from dicomgui.trace.redaction.secrets import Secrets, UidMap
from dicomgui.trace.sniff import Spoken, sniff

__all__ = ["DEFAULT_OPTIONS", "Preview", "RedactOptions", "Redaction", "redact"]

_REMOVED = "(removed)"
_A_PATH = "(path)"
_SUFFIXES = (".dcm", ".ima", ".zip", ".part")
_LONG_UID = re.compile(r"[0-2](?:\.[0-9]+){5,}")
# A path in a sentence: quoted; or from its root to the punctuation that ends it; or the name of an image's file.
_PATHS = re.compile(
    r"""(?P<quote>['"])(?:[A-Za-z]:)?[/\\][^'"]*(?P=quote)
    |(?<![\w.:/\\])(?:(?:[A-Za-z]:)?[/\\]|~/)
        (?:[^:;"'<>|\n]*[/\\])?(?:[^:;"'<>|\n]*\.(?:dcm|ima|zip|part)\b|[^\s:;,"'<>|]*)
    |(?<![^\s:;"'<>|])[^\s:;"'<>|]+\.(?:dcm|ima)\b""",
    re.IGNORECASE | re.VERBOSE,
)
_HTTP_STATUS = re.compile(rb"HTTP/\d\.\d \d{3}")
_STEP = 1000  # records between two reports of progress
_PATH = 0x00041500  # Referenced File ID, under which paths are counted
_COMMENT = 0x00000902
_UID_TAG = 0x00080018
_DEMANDED = 0x00100010
_MAX_PATHS = 10_000  # that are looked for
_FILE_NAMES = 32  # tried until one holds no value


@dataclass(frozen=True, slots=True)
class RedactOptions:
    """What is kept of what is nobody's patient data, but names institutions and devices.

    :ivar keep_ae: AE titles; without it they are filled.
    :ivar keep_addresses: host names and addresses; without it they are replaced by addresses for documentation.
    :ivar keep_certificates: certificates of TLS peers; without it they are left out.
    :ivar also: further texts that must stand nowhere in the copy, whatever the case of their letters.
    """

    keep_ae: bool = True
    keep_addresses: bool = True
    keep_certificates: bool = True
    also: tuple[str, ...] = field(default=(), repr=False)


DEFAULT_OPTIONS = RedactOptions()


@dataclass(frozen=True, slots=True)
class Preview:
    """What a redaction replaces: names and numbers, never a value.

    :ivar elements: name of each element and how many values of it, most frequent first.
    :ivar others: what else is masked, and how often.
    :ivar can_check_all: whether all values fit into the list that the check looks for.
    """

    elements: tuple[tuple[str, int], ...]
    others: tuple[tuple[Masked, int], ...]
    can_check_all: bool

    @property
    def count(self) -> int:
        """How many values are replaced."""
        return sum(count for _, count in self.elements)


class _Keeper:
    """Gathers values in the first run, and replaces them in the second."""

    def __init__(self, options: RedactOptions, key: bytes) -> None:
        self.is_survey = True
        self.keep_ae = options.keep_ae
        self.secrets = Secrets()
        self.uids = UidMap(self.secrets, key)
        self.elements: Counter[int] = Counter()
        self.others: Counter[Masked] = Counter()

    def note(self, tag: int, kind: Kind, value: bytes, charset: bytes = b"") -> None:
        self.elements[tag] += 1
        self.secrets.add(kind, tag, value)
        if (kind is Kind.TEXT and not value.isascii()) or b"\x1b" in value:
            self.secrets.add_text(tag, decode(value, charset.decode("ascii", "replace").strip(" \0")))

    def show(self, value: bytes) -> None:
        self.secrets.show(value)

    def count(self, what: Masked) -> None:
        if self.is_survey:
            self.others[what] += 1

    def replace(self, kind: Kind, value: bytes) -> bytes:
        if kind is Kind.UID:
            return self.uids.mask(value)
        return self.scrub(value) if kind is Kind.KEEP else mask_value(kind, value)

    def scrub(self, value: bytes) -> bytes:
        """A value that is kept, without what is also the value of something that is not."""
        places = list(self.secrets.places(value))
        if not places:
            return value
        is_number = value.translate(None, b"0123456789.+-eE\\ \0") == b""
        for filler in (b"0", b"9", FILLER) if is_number else (FILLER,):
            scrubbed = bytearray(value)
            for start, end, _ in places:
                scrubbed[start:end] = filler * (end - start)
            if not self.secrets.has_any(bytes(scrubbed)):  # zeros beside other digits may be a value again
                return bytes(scrubbed)
        return mask_value(Kind.BYTES, value)

    def scrub_text(self, text: str) -> str:
        """A sentence without what is a value of something."""
        scrubbed = bytearray(_bytes_of(text))
        for start, end, _ in self.secrets.places_in_text(text):
            scrubbed[start:end] = FILLER * (end - start)
        return scrubbed.decode(errors="replace")


class Redaction:
    """One redaction of some records, which must be the same each time that they are iterated over.

    :ivar preview: what will be replaced.

    :param key: makes UIDs the same in several copies; by default nobody knows it.
    :param progress: told now and then how many records the first run has seen; may raise to end it.
    """

    def __init__(
        self,
        records: Iterable[Record],
        options: RedactOptions = DEFAULT_OPTIONS,
        *,
        key: bytes | None = None,
        progress: Callable[[int], object] | None = None,
    ) -> None:
        self._records = records
        self._options = options
        self._key = os.urandom(32) if key is None else key
        self._keeper = _Keeper(options, self._key)
        for text in options.also:
            self._keeper.secrets.demand(_DEMANDED, text)
        self._paths = 0
        self._pdus = PduMasker(self._keeper)
        self._places = Places(keep=options.keep_addresses)
        for _ in self._run(progress):
            pass
        self._keeper.is_survey = False
        self._pdus.restart()
        secrets = self._keeper.secrets
        elements = [(name_of_tag(tag), count) for tag, count in self._keeper.elements.most_common()]
        self.preview = Preview(tuple(elements), tuple(self._keeper.others.most_common()), secrets.is_complete)
        self._is_used = False

    def records(self, progress: Callable[[int], object] | None = None) -> Iterator[Record]:
        """The records without what identifies somebody; to be taken once.

        :param progress: told now and then how many records are through; may raise to end it.
        :raises RuntimeError: they were taken before.
        """
        if self._is_used:
            raise RuntimeError("a redaction gives its records once")
        self._is_used = True
        return self._run(progress)

    def leftovers(self, records: Iterable[Record]) -> tuple[Leftover, ...]:
        """Values that should be gone, or may have to, and still stand in redacted records, with their places."""
        return leftovers(records, self._keeper.secrets)

    def scrubbed(self, marks: Marks) -> Marks:
        """Marks whose comments lose the values that are replaced; what else a reader wrote stays."""
        kept = Marks()
        for seq, mark in marks.items():
            kept.set(seq, marked=mark.marked, color=mark.color, comment=self._text(mark.comment))
        return kept

    def _run(self, progress: Callable[[int], object] | None) -> Iterator[Record]:
        number = 0
        for number, record in enumerate(self._records, start=1):
            if progress is not None and number % _STEP == 0:
                progress(number)
            masker = _MASKERS.get(type(record))
            yield record if masker is None else masker(self, record)
        self._pdus.close_all()
        if progress is not None:
            progress(number)

    # ---------------------------------------------------------------------------------------------------------- records

    def _pdu(self, record: PduRecord) -> Record:
        return self._pdus.mask(record)._replace(error=self._text(record.error))

    def _bytes(self, record: BytesRecord) -> Record:
        """Bytes that are no PDU may be anything; what shows the protocol stays."""
        kept = _telling(record.data)
        if len(record.data) > kept:
            self._keeper.count(Masked.NO_PDU)
        data = record.data[:kept] + FILLER * (len(record.data) - kept)
        return record._replace(data=data, error=self._text(record.error))

    def _dimse(self, record: DimseRecord) -> Record:
        keeper = self._keeper
        uid, comment = _bytes_of(record.sop_instance_uid), _bytes_of(record.comment)
        if keeper.is_survey:
            if uid:
                keeper.secrets.add(Kind.UID, _UID_TAG, uid)
            if comment:
                keeper.note(_COMMENT, Kind.TEXT, comment)
            return record
        uid = keeper.uids.mask(uid) if uid else uid
        sop_class = record.sop_class_uid
        if not is_valid_uid(sop_class):
            sop_class = mask_value(Kind.TEXT, _bytes_of(sop_class)).decode(errors="replace")
        else:
            sop_class = keeper.scrub_text(keeper.scrub(_bytes_of(sop_class)).decode(errors="replace"))
        comment = mask_value(Kind.TEXT, comment)
        return record._replace(
            sop_class_uid=sop_class,
            sop_instance_uid=uid.decode(errors="replace"),
            comment=comment.decode(errors="replace"),
        )

    def _file(self, record: FileRecord) -> Record:
        path, detail = record.path, record.detail
        is_name = record.event == "opened"
        told = detail if is_name else self._text(detail.replace(path, "the file") if path else detail)
        if self._keeper.is_survey:
            self._note_path(path)
            return record
        return record._replace(path=self._file_name(path), detail=self._file_name(detail) if is_name else told)

    def _note_path(self, path: str) -> None:
        if path:
            self._keeper.note(_PATH, Kind.BYTES, b"")
            self._paths += 1
            if self._paths <= _MAX_PATHS:
                self._keeper.secrets.add_path(_PATH, path)

    def _file_name(self, name: str) -> str:
        """The same name for the same file, which tells nothing of it, and holds no value by chance."""
        if not name:
            return ""
        suffix = PurePath(name).suffix.lower()
        kept = suffix if suffix in _SUFFIXES else ""
        for attempt in range(_FILE_NAMES):
            number = hmac.new(self._key, _bytes_of(f"{attempt or ''}{name}"), hashlib.sha256).hexdigest()[:8]
            if not self._keeper.secrets.has_any_in_text(f"file-{number}{kept}"):
                return f"file-{number}{kept}"
        return f"file-XXXXXXXX{kept}"

    def _note(self, record: NoteRecord) -> Record:
        self._keeper.count(Masked.NOTE)
        return record._replace(text=_REMOVED)

    def _connect(self, record: ConnectRecord) -> Record:
        local, peer = self._places.endpoint(record.local), self._places.endpoint(record.peer)
        return record._replace(local=local, peer=peer, error=self._text(record.error))

    def _resolve(self, record: ResolveRecord) -> Record:
        host = self._places.host(record.host)
        addresses = tuple(self._places.host(address) for address in record.addresses)
        return record._replace(host=host, addresses=addresses, error=self._text(record.error))

    def _listen(self, record: ListenRecord) -> Record:
        title = record.ae_title
        if not self._options.keep_ae and title:
            if self._keeper.is_survey:
                self._keeper.note(AE_TITLE, Kind.TEXT, _bytes_of(title))
            title = "X" * len(title)
        return record._replace(
            address=self._places.endpoint(record.address), ae_title=title, error=self._text(record.error)
        )

    def _refuse(self, record: RefuseRecord) -> Record:
        return record._replace(peer=self._places.endpoint(record.peer), reason=self._text(record.reason))

    def _tls(self, record: TlsRecord) -> Record:
        if record.peer_certificate and not self._options.keep_certificates:
            self._keeper.count(Masked.CERTIFICATE)
            record = record._replace(peer_certificate=b"", peer_chain=b"")
        return record._replace(error=self._text(record.error))

    def _cancel(self, record: CancelRecord) -> Record:
        return record._replace(detail=self._text(record.detail))

    def _close(self, record: CloseRecord) -> Record:
        self._pdus.close(record.association)
        return record._replace(error=self._text(record.error)) if record.error else record

    def _text(self, text: str) -> str:
        """A sentence of the program, which may quote a peer, and name files."""
        if not text:
            return text
        without = _PATHS.sub(_A_PATH, text)
        if without != text:
            self._keeper.count(Masked.PATH)
        if self._keeper.is_survey:
            return text
        mapped = _LONG_UID.sub(lambda match: self._keeper.uids.mask(match.group().encode()).decode(), without)
        scrubbed = self._keeper.scrub_text(mapped)
        placed = self._places.without(scrubbed)
        return scrubbed if placed == scrubbed else self._keeper.scrub_text(placed)


_MASKERS: dict[type, Callable[[Redaction, Any], Record]] = {
    PduRecord: Redaction._pdu,
    BytesRecord: Redaction._bytes,
    DimseRecord: Redaction._dimse,
    FileRecord: Redaction._file,
    NoteRecord: Redaction._note,
    ConnectRecord: Redaction._connect,
    ResolveRecord: Redaction._resolve,
    ListenRecord: Redaction._listen,
    RefuseRecord: Redaction._refuse,
    TlsRecord: Redaction._tls,
    CancelRecord: Redaction._cancel,
    CloseRecord: Redaction._close,
}


def redact(records: Iterable[Record], options: RedactOptions = DEFAULT_OPTIONS) -> Iterator[Record]:
    """The records without what identifies somebody, each as long as it was.

    :param records: are iterated over twice, so no generator.
    """
    return Redaction(records, options).records()


def _bytes_of(text: str) -> bytes:
    """As UTF-8; a trace file may hold halves of surrogate pairs, which have none."""
    return text.encode(errors="replace")


def _telling(data: bytes) -> int:
    """How many of the first bytes name a protocol and no more."""
    spoken = sniff(data)
    if spoken is Spoken.UNKNOWN:
        return 0
    if spoken in (Spoken.TLS_ALERT, Spoken.TLS_HELLO):
        return 7 if spoken is Spoken.TLS_ALERT else 6  # with level and description of an alert
    status = _HTTP_STATUS.match(data)
    return status.end() if status else next(size for size in range(1, 12) if sniff(data[:size]) is spoken)
