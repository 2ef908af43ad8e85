"""The values that a redacted trace must not show any more, and how they are found again in any bytes."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Iterator
from typing import NamedTuple

from dicomgui.trace.redaction.chance import Reach, counts_at, is_registered, reach_of
from dicomgui.trace.redaction.rules import DATE_FILLER, Kind, is_personal

__all__ = ["MAX_SECRET", "MIN_SECRET", "Place", "Secrets", "UidMap"]

MIN_SECRET = 4
"""Bytes of the shortest value that is looked for in data; shorter ones are words of texts."""

MAX_SECRET = 256
"""Bytes of a long value that are looked for: nobody repeats it without its beginning."""

MAX_SECRETS = 200_000
_MAX_CLEAN = 200_000
_MAX_CLEAN_LENGTH = 128
_MAX_BYTES = 64
_PRINTABLE = re.compile(rb"[ -~]+\0*")
_UID = re.compile(rb"[0-9]+(?:\.[0-9]+)+")
# A value stands between bytes that no text has; what is between them is looked through as a whole.
_RUN = re.compile(rb"[\t\n\f\r\x1b -\xff]{3,}")
_WORD = re.compile(rb"[0-9A-Za-z\x80-\xff]+")
# What stands in every redacted trace, and dotted numbers, which may be UIDs of classes.
_FILLED = re.compile(rb"x{4,}|" + DATE_FILLER + rb"|[0-9]+(?:\.[0-9]+){3,}")


class Place(NamedTuple):
    """Where a value stands: first byte, byte after the last, and the tag of the element that it was found in."""

    start: int
    end: int
    tag: int


class Secrets:
    """Values to be found again, whatever the case of their letters.

    Bounded: :attr:`is_complete` says whether all found room. How far from its element each counts is said in
    :mod:`dicomgui.trace.redaction.chance`.
    """

    def __init__(self) -> None:
        self.is_complete = True
        self.shown: set[bytes] = set()
        self._tags: dict[bytes, int] = {}
        self._reach: dict[bytes, Reach] = {}
        self._lengths: dict[bytes, tuple[int, ...]] = {}  # by the first bytes, the longest first
        self._words: dict[bytes, int] = {}
        self._clean: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._tags)

    def show(self, value: bytes) -> None:
        """Keep a value by choice, such as an AE title or a UID of a class, unless it is a person's."""
        value = value.strip(b" \0").lower()
        if value and value not in self.shown and len(self.shown) < MAX_SECRETS:
            self.shown.add(value)
        if value in self._tags and not is_personal(self._tags[value]):
            del self._tags[value]
            del self._reach[value]

    def add(self, kind: Kind, tag: int, value: bytes) -> None:
        """Note the values of an element, each of several and each part of a name."""
        if kind in (Kind.TEXT, Kind.UID, Kind.DATE, Kind.DATE_TIME, Kind.TIME):
            for part in _parts(kind, value):
                self._add_one(kind, tag, part[:MAX_SECRET])
        elif kind is Kind.BYTES and len(value) <= _MAX_BYTES and _PRINTABLE.fullmatch(value):
            self._add_one(kind, tag, value.strip(b" \0"))  # a text in a private element, mostly

    def add_text(self, tag: int, text: str) -> None:
        """Note a value as it stands in texts: in UTF-8, in small letters."""
        for part in _parts(Kind.TEXT, text.lower().encode(errors="replace")):
            self._add_one(Kind.TEXT, tag, part[:MAX_SECRET])

    def add_path(self, tag: int, path: str) -> None:
        """Note a path, as a whole."""
        self._add_one(Kind.TEXT, tag, path.lower().encode(errors="replace")[:MAX_SECRET])

    def demand(self, tag: int, value: str) -> None:
        """Note a value that somebody wants to be gone, whatever the rule of chance says."""
        low = value.strip().lower().encode(errors="replace")[:MAX_SECRET]
        if not low.strip(b"x"):
            return  # what takes the place of values
        if len(low) >= MIN_SECRET:
            self._keep(low, tag, Reach.ANYWHERE)
        else:
            self._words[low] = tag

    def _add_one(self, kind: Kind, tag: int, value: bytes) -> None:
        """Note one value, or each of its pieces where there are bytes in it that no text has."""
        for run in _RUN.findall(value.lower()):
            reach = reach_of(kind, run, is_personal=is_personal(tag))
            if reach is Reach.WORD and len(self._words) < MAX_SECRETS:
                self._words.setdefault(run, tag)
            elif reach > Reach.WORD and (run not in self.shown or is_personal(tag)):
                self._keep(run, tag, reach)

    def _keep(self, value: bytes, tag: int, reach: Reach) -> None:
        known = self._tags.get(value)
        if known is None:
            if len(self._tags) >= MAX_SECRETS:
                self.is_complete = False
                return
            lengths = self._lengths.get(value[:MIN_SECRET], ())
            if len(value) not in lengths:
                self._lengths[value[:MIN_SECRET]] = tuple(sorted((*lengths, len(value)), reverse=True))
            self._clean.clear()
        elif is_personal(known) or not is_personal(tag):
            tag = known
        self._tags[value] = tag
        self._reach[value] = max(reach, self._reach.get(value, reach))

    # ----------------------------------------------------------------------------------------------------- finding

    def places(self, data: bytes) -> Iterator[Place]:
        """Where secrets stand in ``data``, from front to back, without overlap."""
        if not self._tags or len(data) < MIN_SECRET:
            return
        for match in _RUN.finditer(data.lower()):
            run = match.group()
            if run in self._clean:
                continue
            is_clean = True
            for start, end, tag in self._places_in_run(run):
                is_clean = False
                yield Place(match.start() + start, match.start() + end, tag)
            if is_clean and len(run) <= _MAX_CLEAN_LENGTH:
                if len(self._clean) >= _MAX_CLEAN:
                    self._clean.clear()
                self._clean.add(run)

    def places_in_text(self, text: str) -> Iterator[Place]:
        """The same of a text, in bytes of its UTF-8; also those that count as words only."""
        data = _small(text)
        places = list(self.places(data))
        yield from places
        if not self._words:
            return
        words = [match for match in _WORD.finditer(data) if match.group() in self._words]
        if not words:
            return
        taken = [place[:2] for place in places] + self._kept_uids(data)
        for word in words:
            if not any(start < word.end() and word.start() < end for start, end in taken):
                yield Place(word.start(), word.end(), self._words[word.group()])

    def reach_at(self, value: bytes) -> Reach:
        """The distance at which a value counts that was found."""
        return self._reach.get(value.lower(), Reach.WORD)

    def _places_in_run(self, run: bytes) -> Iterator[Place]:
        """Look between what is filling, and UIDs of classes."""
        start = 0
        for match in _FILLED.finditer(run):
            found = match.group()
            if found[:1].isdigit() and found != DATE_FILLER and not (is_registered(found) or found in self.shown):
                continue
            yield from self._search(run, start, match.start())
            start = match.end()
        yield from self._search(run, start, len(run))

    def _search(self, run: bytes, start: int, end: int) -> Iterator[Place]:
        position = start
        while position <= end - MIN_SECRET:
            lengths = self._lengths.get(run[position : position + MIN_SECRET])
            if lengths is not None:
                found = self._match(run, position, end, lengths)
                if found is not None:
                    yield found
                    position = found.end
                    continue
            position += 1

    def _match(self, run: bytes, position: int, end: int, lengths: tuple[int, ...]) -> Place | None:
        for length in lengths:
            stop = position + length
            if stop > end:
                continue
            value = run[position:stop]
            tag = self._tags.get(value)
            if tag is not None and counts_at(self._reach[value], run, position, stop):
                return Place(position, stop, tag)
        return None

    def _kept_uids(self, data: bytes) -> list[tuple[int, int]]:
        """Places of the UIDs that are kept: of the standard, and of classes and syntaxes."""
        found = (match for match in _FILLED.finditer(data) if b"." in match.group())
        return [match.span() for match in found if is_registered(match.group()) or match.group() in self.shown]

    def has_any(self, data: bytes) -> bool:
        """Whether any secret stands in ``data``."""
        return next(self.places(data), None) is not None

    def has_any_in_text(self, text: str) -> bool:
        """True where any secret stands in a text, also one that counts as a word only."""
        return next(self.places_in_text(text), None) is not None


def _small(text: str) -> bytes:
    """A text in small letters, each in the bytes that it had."""
    data, low = text.encode(errors="replace"), text.lower().encode(errors="replace")
    return low if len(low) == len(data) else data.lower()


def _parts(kind: Kind, value: bytes) -> Iterator[bytes]:
    for item in value.split(b"\\"):
        bare = item.strip(b" \0*?")
        if kind is Kind.TEXT:
            yield bare
            parts = re.split(rb"[\^=*?]", bare)
            if len(parts) > 1:
                yield from (part.strip() for part in parts)
        elif kind in (Kind.UID, Kind.TIME):
            yield from (bare,) if kind is Kind.UID else bare.split(b"-")
        else:
            yield from bare.split(b"-")


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
            # UIDs stand in texts as well, where four digits of a person's identifier count as a word.
            is_new = candidate != uid and candidate not in self._taken
            if is_new and not self._secrets.has_any_in_text(candidate.decode("ascii")):
                break
        return candidate
