"""Masks a data set or command set in place while its bytes pass, in pieces of any size, without changing a length.

The parser follows PS3.5 chapter 7 as far as it must: headers of elements and items, sequences and their ends. Headers
stay, values are replaced as :mod:`dicomgui.trace.redaction.rules` says. From the first thing on that cannot be right,
all is masked to the end.

Everything runs twice. The first time values are only noted; the second time they are replaced. So what stands across a
border of two pieces is known when its first half is to be replaced: :class:`Script` carries it over.
"""

from __future__ import annotations

import struct
import zlib
from collections import deque
from typing import NamedTuple, Protocol

from dicomgui.network.vrs import LONG_VRS
from dicomgui.trace.redaction.rules import FILLER, NUL, PIXEL_DATA, VRS, Kind, Rule, is_known_group, rule_of

__all__ = ["DeflatedMasker", "Encoding", "Keeper", "Masker", "Script"]

_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_UNDEFINED = 0xFFFF_FFFF
_VRS = frozenset(vr.encode("ascii") for vr in VRS)
_MAX_DEPTH = 64
_MAX_LENGTH = 0x2000_0000  # four letters taken for a length are more than that
_MAX_WHOLE = 4096  # bytes of a value that is looked at as a whole
_MAX_INFLATED = 2**20  # bytes of a deflated data set in which values are looked for
_CHARACTER_SET = 0x00080005


class Encoding(NamedTuple):
    """How a data set is written.

    :ivar explicit: whether VRs stand in it.
    :ivar big: whether it is big endian.
    """

    explicit: bool
    big: bool = False


IMPLICIT = Encoding(False)


_PIXELS = Rule(Kind.BYTES, True)


class Script:
    """What the first run found out and the second needs, of one stream of messages, in order."""

    __slots__ = ("_answers",)

    def __init__(self) -> None:
        self._answers: deque[bytes | None] = deque()

    def tell(self, answer: bytes | None) -> None:
        """For the second run: the whole value or header that stood across a border, ``None`` if it was not sound."""
        self._answers.append(answer)

    def ask(self) -> bytes | None:
        """What was told; ``None`` at the end, which masks what it is asked about."""
        return self._answers.popleft() if self._answers else None


class Keeper(Protocol):
    """Who knows what becomes of values."""

    is_survey: bool
    keep_ae: bool

    def note(self, tag: int, kind: Kind, value: bytes, charset: bytes = b"") -> None:
        """First run: an element that will be masked, and its value as far as it is there.

        :param charset: value of (0008,0005) that stood before it.
        """
        ...

    def replace(self, kind: Kind, value: bytes) -> bytes:
        """Second run: what takes the place of a value, of the same length."""
        ...


class _Level(NamedTuple):
    """A sequence or item that is open, or the whole."""

    is_items: bool  # a sequence, which holds items and no elements
    end: int | None
    explicit: bool
    is_private: bool
    is_pixels: bool = False


class _Value:
    """The value that is passing."""

    __slots__ = ("collected", "has_holes", "is_asked", "is_open", "kind", "length", "rule", "script", "tag")

    def __init__(self, tag: int, rule: Rule, length: int) -> None:
        self.tag = tag
        self.rule = rule
        self.kind = Kind.BYTES if rule.kind is Kind.KEEP and length > rule.limit else rule.kind
        self.length = length
        self.collected = bytearray()
        self.has_holes = False
        self.is_open = False  # goes on beyond the piece that it began in
        self.is_asked = False  # a part of it was there, so that the whole was wanted
        self.script: bytes | None = None


class Masker:
    """Masks one data set.

    :ivar is_lost: something was wrong, and all after it is masked.
    :ivar is_followed: whether it was followed at all.
    :ivar masked_bytes: how many bytes were masked for that reason.

    :param encoding: ``None`` where nobody knows it, or it cannot be followed: then all is masked.
    :param filler: takes the place of what is masked because it cannot be followed.
    """

    def __init__(self, keeper: Keeper, script: Script, encoding: Encoding | None, *, filler: bytes = FILLER) -> None:
        self.is_lost = encoding is None
        self.is_followed = encoding is not None
        self.masked_bytes = 0
        self._keeper = keeper
        self._script = script
        self._filler = filler
        known = encoding or IMPLICIT
        order = ">" if known.big else "<"
        self._tag = struct.Struct(f"{order}HH")
        self._short = struct.Struct(f"{order}H")
        self._long = struct.Struct(f"{order}L")
        self._levels = [_Level(False, None, known.explicit, False)]
        self._head = bytearray()
        self._head_script: bytes | None = None
        self._value: _Value | None = None
        self._left = 0
        self._position = 0
        self._last_tag = -1
        self._charset = b""

    def feed(self, data: bytearray, start: int, end: int) -> None:
        """The next bytes are ``data[start:end]``; the second run masks them there."""
        position = start
        while position < end:
            if self.is_lost:
                self._blank(data, position, end)
                self._position += end - position
                return
            if self._value is not None:
                position = self._pass_value(self._value, data, position, end)
            else:
                self._close_levels()
                position = self._pass_head(data, position, end)
        self._close_levels()

    def skip(self, count: int) -> None:
        """The next ``count`` bytes are not there."""
        value = self._value
        if self.is_lost or count == 0:
            self._position += count
        elif value is not None and count <= self._left:
            value.has_holes = True
            value.is_open = True
            self._position += count
            self._left -= count
            self._end_value_if_through(value)
        else:
            self._lose()
            self._position += count

    def finish(self) -> None:
        """No more bytes come."""
        if self._head or self._value is not None:
            self._lose()

    # ---------------------------------------------------------------------------------------------------------- headers

    def _pass_head(self, data: bytearray, position: int, end: int) -> int:
        """Take a header, or as much of it as is there; give the place after it."""
        before = len(self._head)
        size = self._head_size(data, position, end)
        if size == 0 or size - before > end - position:
            if not before and not self._keeper.is_survey:
                self._head_script = self._script.ask()
            self._head += data[position:end]
            self._position += end - position
            if not self._keeper.is_survey and self._head_script is None:
                self._blank(data, position, end)
            return end
        stop = position + size - before
        head = bytes(self._head) + data[position:stop]
        self._position += stop - position
        sound = self._open(head)
        if before:
            self._head = bytearray()
            if self._keeper.is_survey:
                self._script.tell(head if sound else None)
        if not sound:
            self._position -= stop - position
            self.is_lost = True
            return position
        return stop

    def _head_size(self, data: bytearray, position: int, end: int) -> int:
        """How long the header is, 0 where that cannot be seen yet."""
        if not self._levels[-1].explicit or self._levels[-1].is_items:
            return 8
        head = bytes(self._head) + data[position : min(end, position + 8)]
        if len(head) < 6:
            return 0
        if self._tag.unpack_from(head)[0] == 0xFFFE:
            return 8
        return 12 if head[4:6] in LONG_VRS else 8

    def _open(self, head: bytes) -> bool:
        """Begin what a header announces; whether it can be right."""
        level = self._levels[-1]
        group, element = self._tag.unpack_from(head)
        tag = group << 16 | element
        if group == 0xFFFE:
            return self._open_item(level, tag, self._long.unpack_from(head, 4)[0])
        if level.is_items:
            return False
        vr = ""
        if level.explicit:
            if head[4:6] not in _VRS:
                return False
            vr = head[4:6].decode("ascii")
            length = self._long.unpack_from(head, 8)[0] if len(head) == 12 else self._short.unpack_from(head, 6)[0]
        else:
            length = self._long.unpack_from(head, 4)[0]
        return self._open_element(level, tag, vr, length)

    def _open_element(self, level: _Level, tag: int, vr: str, length: int) -> bool:
        rule = rule_of(tag, vr, keep_ae=self._keeper.keep_ae, is_private=level.is_private)
        if not is_known_group(tag >> 16) or (not rule.is_known and tag <= self._last_tag):
            return False
        self._last_tag = tag
        is_private = level.is_private or bool(tag >> 16 & 1)
        if length == _UNDEFINED:
            return self._open_undefined(level, tag, vr, rule, is_private)
        if not self._fits(tag, length):
            return False
        if rule.kind is Kind.SEQUENCE:
            return self._push(_Level(True, self._position + length, level.explicit, is_private))
        if length:
            self._value = _Value(tag, rule, length)
            self._left = length
        return True

    def _open_undefined(self, level: _Level, tag: int, vr: str, rule: Rule, is_private: bool) -> bool:
        if tag == PIXEL_DATA or vr in ("OB", "OW"):
            return self._push(_Level(True, level.end, level.explicit, is_private, is_pixels=True))
        if vr not in ("", "SQ", "UN") or (not vr and rule.is_known and rule.kind not in (Kind.SEQUENCE, Kind.BYTES)):
            return False
        # What is in a UN of undefined length is implicit VR, whatever is around it (PS3.5 6.2.2, note 4).
        explicit = level.explicit and vr != "UN"
        return self._push(_Level(True, None, explicit, is_private))

    def _open_item(self, level: _Level, tag: int, length: int) -> bool:
        if tag == _ITEM and level.is_items:
            if level.is_pixels:
                if not self._fits(PIXEL_DATA, length):
                    return False
                if length:
                    self._value = _Value(PIXEL_DATA, _PIXELS, length)
                    self._left = length
                return True
            end = None if length == _UNDEFINED else self._position + length
            if end is not None and not self._fits(tag, length):
                return False
            self._last_tag = -1
            return self._push(_Level(False, end, level.explicit, level.is_private))
        is_end = tag == (_SEQUENCE_END if level.is_items else _ITEM_END)
        if not is_end or length or len(self._levels) == 1:
            return False
        self._pop()
        return True

    def _fits(self, tag: int, length: int) -> bool:
        if length >= _MAX_LENGTH and tag != PIXEL_DATA:
            return False
        ends = [level.end for level in self._levels if level.end is not None]
        return not ends or self._position + length <= min(ends)

    def _push(self, level: _Level) -> bool:
        if len(self._levels) >= _MAX_DEPTH:
            return False
        self._levels.append(level)
        return True

    def _pop(self) -> None:
        self._levels.pop()
        self._last_tag = -1  # what was before the sequence is not remembered: the order matters for unknown tags only

    def _close_levels(self) -> None:
        """Leave the sequences and items of defined length that end here."""
        while self._value is None and not self._head and len(self._levels) > 1:
            end = self._levels[-1].end
            if end is None or self._position < end or self._levels[-1].is_pixels:
                return
            self._pop()

    # ----------------------------------------------------------------------------------------------------------- values

    def _pass_value(self, value: _Value, data: bytearray, position: int, end: int) -> int:
        stop = min(end, position + self._left)
        is_whole = not value.is_open and stop - position == self._left
        keeper = self._keeper
        if keeper.is_survey:
            value.collected += data[position : min(stop, position + _MAX_WHOLE - len(value.collected))]
        elif is_whole:
            data[position:stop] = self._replaced(value, bytes(data[position:stop]))
        else:
            self._mask_part(value, data, position, stop)
        if not is_whole:
            value.is_open = value.is_asked = True
        self._position += stop - position
        self._left -= stop - position
        self._end_value_if_through(value)
        return stop

    def _replaced(self, value: _Value, whole: bytes) -> bytes:
        if value.kind is Kind.KEEP and not value.rule.keeps(whole):
            return self._keeper.replace(Kind.BYTES, whole)
        return self._keeper.replace(value.kind, whole)

    def _mask_part(self, value: _Value, data: bytearray, position: int, stop: int) -> None:
        """A part of a value: of a short one the whole is known from the first run."""
        if not _is_scripted(value):
            kind = value.kind if value.kind in (Kind.TEXT, Kind.ZEROS) else Kind.BYTES
            # What is at the end of a part is no padding unless the value ends there.
            goes_on = b"X" if stop - position < self._left else b""
            masked = self._keeper.replace(kind, bytes(data[position:stop]) + goes_on)
            data[position:stop] = masked[: stop - position]
            return
        if not value.is_asked:
            known = self._script.ask()
            value.script = None if known is None else self._replaced(value, known)
        start = value.length - self._left
        piece = b"" if value.script is None else value.script[start : start + stop - position]
        if len(piece) != stop - position:
            piece = self._keeper.replace(Kind.BYTES, bytes(data[position:stop]))
        data[position:stop] = piece

    def _end_value_if_through(self, value: _Value) -> None:
        if self._left:
            return
        self._value = None
        if self._keeper.is_survey:
            self._note(value)

    def _note(self, value: _Value) -> None:
        """First run: the value is through, or broke off."""
        if value.is_asked and _is_scripted(value):
            # Of a value that is to be kept and broke off nobody knows whether it was one.
            is_unsound = value.has_holes or (value.kind is Kind.KEEP and self._left > 0)
            self._script.tell(None if is_unsound else bytes(value.collected))
        if value.kind is not Kind.KEEP:
            # What a UID begins with is the beginning of many others, which would all seem to be left.
            is_unknown = value.has_holes or (value.kind is Kind.UID and self._left > 0)
            self._keeper.note(value.tag, value.kind, b"" if is_unknown else bytes(value.collected), self._charset)
        elif value.tag == _CHARACTER_SET:
            self._charset = bytes(value.collected)

    # ---------------------------------------------------------------------------------------------------- what is wrong

    def _lose(self) -> None:
        """From here on all is masked."""
        value, self._value = self._value, None
        if self._keeper.is_survey:
            if value is not None:
                self._note(value)
            elif self._head:
                self._script.tell(None)
        self._head = bytearray()
        self.is_lost = True

    def _blank(self, data: bytearray, start: int, end: int) -> None:
        self.masked_bytes += end - start
        if not self._keeper.is_survey:
            data[start:end] = self._filler * (end - start)


class DeflatedMasker(Masker):
    """Masks a deflated data set wholly, and notes in the first run what is in it (PS3.5 A.5).

    Of what is inflated the first MiB is looked through, up to the first byte that the trace has not kept.
    """

    def __init__(self, keeper: Keeper, script: Script) -> None:
        super().__init__(keeper, script, None, filler=NUL)
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        self._inflated = 0
        self._inside = Masker(keeper, Script(), Encoding(True)) if keeper.is_survey else None

    def feed(self, data: bytearray, start: int, end: int) -> None:
        """The next bytes are ``data[start:end]``."""
        self._look_inside(bytes(data[start:end]))
        super().feed(data, start, end)

    def skip(self, count: int) -> None:
        """The next ``count`` bytes are not there."""
        if count:
            self._leave()
        super().skip(count)

    def finish(self) -> None:
        """No more bytes come."""
        self._leave()
        super().finish()

    def _look_inside(self, data: bytes) -> None:
        if self._inside is None:
            return
        try:
            found = bytearray(self._inflater.decompress(data, _MAX_INFLATED - self._inflated))
        except zlib.error:
            self._leave()
            return
        self._inflated += len(found)
        self._inside.feed(found, 0, len(found))
        if self._inflated >= _MAX_INFLATED:
            self._leave()

    def _leave(self) -> None:
        if self._inside is not None:
            self._inside.finish()
            self._inside = None


def _is_scripted(value: _Value) -> bool:
    """Whether what replaces a part of the value depends on all of it."""
    return value.length <= _MAX_WHOLE and value.kind not in (Kind.TEXT, Kind.BYTES, Kind.ZEROS)
