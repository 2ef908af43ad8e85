"""The values that a redacted trace must not show any more, and how they are found again in any bytes."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Iterator
from typing import NamedTuple

from dicomgui.trace.redaction.rules import DATE_FILLER, Kind

__all__ = ["MAX_SECRET", "MIN_SECRET", "Place", "Secrets", "UidMap", "is_registered"]

MIN_SECRET = 4
"""Bytes below which a value is found everywhere by chance."""

MAX_SECRET = 256
"""Bytes of a long value that are looked for: nobody repeats it without its beginning."""

MAX_SECRETS = 200_000
_PRINTABLE = re.compile(rb"[ -~]+\0*")
_MIN_UID = 10
_MAX_SHOWN_UIDS = 500
_MAX_BYTES = 64
_MIN_TIME = 6  # 1200 is found everywhere
_REGISTERED = b"1.2.840.10008."
_UID = re.compile(rb"[0-9]+(?:\.[0-9]+)+")
# What stands in every redacted trace, or in the standard: it says nothing about anybody.
_FILLED = re.compile(rb"X{4,}|\0{4,}|" + DATE_FILLER + rb"|1\.2\.840\.10008\.[0-9.]+")
_TERMS = frozenset(
    b"PATIENT STUDY SERIES IMAGE ORIGINAL PRIMARY SECONDARY DERIVED AXIAL LOCALIZER OTHER ONLINE OFFLINE NEARLINE"
    b" MONOCHROME1 MONOCHROME2 SCHEDULED COMPLETED DISCONTINUED DICOM ISO_IR NONE TRUE FALSE HEAD".split()
) | {b"ISO_IR 100", b"ISO_IR 192", b"IN PROGRESS"}


def is_registered(uid: bytes) -> bool:
    """Whether the UID is one of the standard's own (PS3.6 annex A)."""
    return uid.startswith(_REGISTERED)


class Place(NamedTuple):
    """Where a value stands: first byte, byte after the last, and the tag of the element that it was found in."""

    start: int
    end: int
    tag: int


class Secrets:
    """Values to be found again. Bounded: :attr:`is_complete` says whether all found room."""

    def __init__(self) -> None:
        self.is_complete = True
        self.shown: set[bytes] = set()
        self._pattern: re.Pattern[bytes] | None = None
        self._tags: dict[bytes, int] = {}
        self._by_start: dict[bytes, list[bytes]] = {}

    def __len__(self) -> int:
        return len(self._tags)

    def show(self, value: bytes) -> None:
        """A value that is kept by choice, such as an AE title or a UID of a class: it is no secret."""
        value = value.strip(b" \0")
        if value and value not in self.shown and len(self.shown) < MAX_SECRETS:
            self.shown.add(value)
            self._pattern = None
        if self._tags.pop(value, None) is not None:
            self._by_start[value[:MIN_SECRET]].remove(value)

    def add(self, kind: Kind, tag: int, value: bytes) -> None:
        """Note the values of an element, each of several and each part of a name."""
        if kind in (Kind.TEXT, Kind.UID, Kind.DATE, Kind.DATE_TIME, Kind.TIME):
            for part in _parts(kind, value):
                self._add_one(tag, part[:MAX_SECRET])
        elif kind is Kind.BYTES and len(value) <= _MAX_BYTES and _PRINTABLE.fullmatch(value):
            self._add_one(tag, value.strip(b" \0"))  # a text in a private element, mostly

    def _add_one(self, tag: int, value: bytes) -> None:
        if len(value) < MIN_SECRET or value in self._tags or value in self.shown or _says_nothing(value):
            return
        if len(self._tags) >= MAX_SECRETS:
            self.is_complete = False
            return
        self._tags[value] = tag
        values = self._by_start.setdefault(value[:MIN_SECRET], [])
        values.append(value)
        values.sort(key=len, reverse=True)

    def places(self, data: bytes) -> Iterator[Place]:
        """Where secrets stand in ``data``, from front to back, without overlap."""
        if not self._by_start or len(data) < MIN_SECRET:
            return
        start = 0
        if self._pattern is None:
            self._pattern = self._shown_pattern()
        for match in self._pattern.finditer(data):
            yield from self._places(data, start, match.start())
            start = match.end()
        yield from self._places(data, start, len(data))

    def _shown_pattern(self) -> re.Pattern[bytes]:
        """What is no place to look for secrets: filling, and UIDs of classes."""
        uids = [value for value in self.shown if len(value) > _MIN_UID and _UID.fullmatch(value)]
        longest = sorted(uids, key=len, reverse=True)[:_MAX_SHOWN_UIDS]
        return re.compile(b"|".join([_FILLED.pattern, *map(re.escape, longest)]))

    def _places(self, data: bytes, start: int, end: int) -> Iterator[Place]:
        by_start = self._by_start
        position = start
        while position <= end - MIN_SECRET:
            values = by_start.get(data[position : position + MIN_SECRET])
            if values is not None:
                for value in values:
                    if data.startswith(value, position, end):
                        yield Place(position, position + len(value), self._tags[value])
                        position += len(value) - 1
                        break
            position += 1

    def has_any(self, data: bytes) -> bool:
        """Whether any secret stands in ``data``."""
        return next(self.places(data), None) is not None


def _parts(kind: Kind, value: bytes) -> Iterator[bytes]:
    for item in value.split(b"\\"):
        bare = item.strip(b" \0*?")
        if kind is Kind.TEXT:
            yield bare
            parts = re.split(rb"[\^=*?]", bare)
            if len(parts) > 1:
                yield from (part.strip() for part in parts)
        elif kind is Kind.UID:
            yield bare
        elif kind is Kind.TIME:
            yield from (part for part in bare.split(b"-") if len(part) >= _MIN_TIME)
        else:
            yield from bare.split(b"-")


def _says_nothing(value: bytes) -> bool:
    return not value.strip(b"0X \0.-:^=") or value in DATE_FILLER or value in _TERMS or is_registered(value)


class UidMap:
    """Gives UIDs others of the same length and shape, the same one each time, which cannot be calculated back.

    The first two components stay, and so do those of the standard. A new UID is none of the secrets and holds none.

    :param key: makes the same of the same; a random one when left out, so that two files do not match.
    """

    _MAX_CACHED = 100_000
    _SHORT = 24  # below it two UIDs may become the same by chance

    def __init__(self, secrets: Secrets, key: bytes | None = None) -> None:
        self._secrets = secrets
        self._key = os.urandom(32) if key is None else key
        self._known: dict[bytes, bytes] = {}
        self._taken: set[bytes] = set()

    def mask(self, value: bytes) -> bytes:
        """What takes the place of the value of an element; several UIDs are replaced one by one."""
        return b"\\".join(self._padded(item) for item in value.split(b"\\"))

    def _padded(self, item: bytes) -> bytes:
        uid = item.rstrip(b" \0")
        return self._new(uid) + item[len(uid) :]

    def _new(self, uid: bytes) -> bytes:
        known = self._known.get(uid)
        if known is not None:
            return known
        if is_registered(uid) or uid in self._secrets.shown or not uid:
            return uid
        if _UID.fullmatch(uid) is None:
            return bytes(byte if byte in b".*?" else ord("X") for byte in uid)
        made = self._made(uid)
        if len(self._known) >= self._MAX_CACHED:
            self._known.clear()
        self._known[uid] = made
        if len(made) < self._SHORT and len(self._taken) < self._MAX_CACHED:
            self._taken.add(made)
        return made

    def _made(self, uid: bytes) -> bytes:
        candidate = uid
        for attempt in range(256):
            digest = hmac.new(self._key, uid + bytes((attempt,)), hashlib.sha512).digest()
            digits = str(int.from_bytes(digest, "big"))
            parts = uid.split(b".")
            position = 0
            for number in range(min(2, len(parts) - 1), len(parts)):
                size = len(parts[number])
                part = digits[position : position + size]
                position += size
                first = "7" if part[0] == "0" and size > 1 else part[0]  # no component begins with a zero
                parts[number] = (first + part[1:]).encode("ascii")
            candidate = b".".join(parts)
            if candidate != uid and candidate not in self._taken and not self._secrets.has_any(candidate):
                break
        return candidate
