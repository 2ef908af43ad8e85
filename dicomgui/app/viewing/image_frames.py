"""Frames of an image as samples: native ones without NumPy, compressed ones by pydicom's plugins. For threads."""

from __future__ import annotations

import io
import sys
import threading
import warnings
import zlib
from array import array
from collections import OrderedDict
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final, cast

from dicomgui.app.viewing.image_facts import ImageError, ImageFacts
from dicomgui.app.viewing.viewed import Viewed
from dicomgui.network.dimse.codestream import FrameSize, check_encapsulated
from dicomgui.network.dimse.pixels import quiet_decoders
from dicomgui.network.uids import DEFLATED_FRAMES, EXPLICIT_VR_BIG_ENDIAN, name_of

if TYPE_CHECKING:
    from pydicom.pixels.decoders.base import Decoder

__all__ = ["Frame", "FrameReader", "decoder_of", "has_numpy"]

CACHE_BYTES: Final = 67_108_864
"""Decoded frames that are kept beside the one in view."""

_VIDEO: Final = ("1.2.840.10008.1.2.4.10", "1.2.840.10008.1.2.7.")
_decoding = threading.Lock()  # catch_warnings belongs to the process, not to a thread


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded frame.

    :ivar data: the samples in the machine's byte order, those of a pixel together.
    :ivar code: of :mod:`array` and :mod:`struct`: ``B H I Q``, ``b h i q`` or ``f d``.
    :ivar photometric: of the samples as they are here.
    :ivar note: what is odd about it, or an empty string.
    """

    data: bytes
    code: str
    rows: int
    columns: int
    samples: int
    photometric: str
    note: str = ""

    @property
    def values(self) -> memoryview[Any]:
        """The samples as numbers."""
        return memoryview(self.data).cast(cast("Any", self.code))


class FrameReader:
    """Decodes the frames of one image, and keeps a few. May be used by several threads, one at a time decodes."""

    def __init__(self, viewed: Viewed, facts: ImageFacts) -> None:
        self._viewed = viewed
        self.facts = facts
        self._kept: OrderedDict[int, Frame] = OrderedDict()
        self._lock = threading.Lock()

    def frame(self, index: int) -> Frame:
        """Decode a frame, from 0 on. Blocks.

        :raises ImageError: it cannot be decoded.
        """
        with self._lock:
            frame = self._kept.get(index)
            if frame is None:
                frame = self._decode(index)
                self._kept[index] = frame
                while len(self._kept) > 1 and sum(len(one.data) for one in self._kept.values()) > CACHE_BYTES:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(index)
            return frame

    def _decode(self, index: int) -> Frame:
        if not self.facts.pixels.is_encapsulated:
            return self._native(index)
        if self._viewed.transfer_syntax_uid == DEFLATED_FRAMES:
            return self._deflated(index)
        return self._encapsulated(index)

    # ------------------------------------------------------------------------------------------------------- native

    def _native(self, index: int) -> Frame:
        bits = self._frame_bits
        return self._framed(*self._bits(index * bits, bits))

    @property
    def _is_halved(self) -> bool:
        return self.facts.photometric in ("YBR_FULL_422", "YBR_PARTIAL_422") and self.facts.samples == 3

    @property
    def _frame_bits(self) -> int:
        facts = self.facts
        return facts.rows * facts.columns * (2 if self._is_halved else facts.samples) * facts.allocated

    def _framed(self, data: bytes, note: str) -> Frame:
        """The frame of native samples in the machine's order; of one bit allocated they are a byte each."""
        facts, is_halved = self.facts, self._is_halved
        if facts.allocated == 1:
            return Frame(data, "B", facts.rows, facts.columns, facts.samples, facts.photometric, note)
        if is_halved:
            data = _whole_422(data)
        elif facts.samples > 1 and facts.planar:
            data = _by_pixel(data, facts.samples, facts.allocated // 8)
        photometric = _unhalved(facts.photometric)
        if facts.pixels.kind == "int" and facts.samples == 1 and photometric not in _ONE_SAMPLE:
            photometric = "MONOCHROME2"
        code = {"f4": "f", "f8": "d"}.get(facts.pixels.kind) or _code(facts.allocated // 8, facts.is_signed)
        return Frame(data, code, facts.rows, facts.columns, facts.samples, photometric, note)

    def _bits(self, start: int, count: int) -> tuple[bytes, str]:
        """The bytes that hold these bits, in the machine's order; bits of one are a byte each."""
        facts = self.facts
        begin, end = start // 8, (start + count + 7) // 8
        is_big = self._viewed.transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN
        width = 2 if facts.allocated <= 8 and facts.pixels.vr == "OW" else facts.allocated // 8 or 1
        first = begin - begin % width if is_big else begin
        last = end + (-(end - first)) % width if is_big else end
        there = max(0, min(last, facts.pixels.length) - first)
        data = self._viewed.read(facts.pixels.offset + first, there)
        note = ""
        if there < end - first:
            if not there:
                raise ImageError(f"The pixel data have {facts.pixels.length:,} bytes; this frame is not among them.")
            note = f"The pixel data are cut off: {max(0, there):,} of {end - first:,} bytes of this frame are there."
        data += bytes(last - first - len(data))
        if is_big != (sys.byteorder == "big"):
            data = _swapped(data, width)
        data = data[begin - first : end - first]
        if facts.allocated == 1:
            return _unpacked(data)[start % 8 : start % 8 + count], note
        return data, note

    # -------------------------------------------------------------------------------------------------------- deflated

    def _deflated(self, index: int) -> Frame:
        """A frame of Deflated Image Frame Compression: what is in the stream is a native frame (PS3.5 A.4.13)."""
        from pydicom import encaps

        facts, bits = self.facts, self._frame_bits
        size = (bits + 7) // 8
        stream = io.BufferedReader(_Stream(self._viewed, facts.pixels.offset))
        try:
            found = encaps.get_frame(stream, index, number_of_frames=facts.frames, **self._offsets())
            data = _inflated(found, size)
        except Exception as error:  # pydicom raises whatever the byte at fault causes
            text = " ".join(str(error).split()) or type(error).__name__
            name = name_of(DEFLATED_FRAMES)
            raise ImageError(f"Frame {index + 1} of this {name} image cannot be decoded: {text}.") from error
        note = ""
        if len(data) < size:
            note = f"The pixel data are cut off: {len(data):,} of {size:,} bytes of this frame are there."
            data += bytes(size - len(data))
        if facts.allocated == 1:
            return self._framed(_unpacked(data)[:bits], note)
        return self._framed(data if sys.byteorder == "little" else _swapped(data, facts.allocated // 8), note)

    # ------------------------------------------------------------------------------------------------------ compressed

    def _encapsulated(self, index: int) -> Frame:
        uid = self._viewed.transfer_syntax_uid
        decoder = decoder_of(uid)
        self._check_codestream(index)
        failures: dict[str, None] = {}
        # GDCM comes last: pydicom corrects samples in place, which what GDCM gives does not allow.
        for plugin in sorted(decoder.available_plugins, key=lambda plugin: (plugin == "gdcm", plugin)):
            try:
                with _decoding, warnings.catch_warnings(action="ignore"), quiet_decoders():
                    return self._decoded(decoder, index, plugin)
            except ImageError:
                raise
            except Exception as error:  # the decoders raise whatever the byte at fault causes
                text = " ".join(str(error).split()).removeprefix(_PREFIX)
                failures[text or type(error).__name__] = None
        packages = _packages(decoder)
        hint = f" If the file is sound, another decoder may do it: {packages}." if packages else ""
        raise ImageError(
            f"Frame {index + 1} of this {name_of(uid)} image cannot be decoded: {'; '.join(failures)}.{hint}",
            packages=packages,
        )

    def _check_codestream(self, index: int) -> None:
        """Have nothing decoded that has no end, or that is larger than the image."""
        facts, uid = self.facts, self._viewed.transfer_syntax_uid
        size = FrameSize(facts.rows, facts.columns, facts.samples, max(1, facts.allocated // 8))
        stream = io.BufferedReader(_Stream(self._viewed, facts.pixels.offset))
        try:
            check_encapsulated(stream, uid, size, number_of_frames=facts.frames, index=index, **self._offsets())
        except Exception as error:  # pydicom raises whatever the byte at fault causes
            text = " ".join(str(error).split()) or type(error).__name__
            raise ImageError(f"Frame {index + 1} of this {name_of(uid)} image cannot be decoded: {text}.") from error

    def _decoded(self, decoder: Decoder, index: int, plugin: str) -> Frame:
        facts = self.facts
        options: dict[str, Any] = {
            "rows": facts.rows, "columns": facts.columns, "samples_per_pixel": facts.samples,
            "bits_allocated": facts.allocated, "bits_stored": facts.stored, "number_of_frames": facts.frames,
            "photometric_interpretation": facts.photometric, "pixel_representation": int(facts.is_signed),
        }  # fmt: skip
        if facts.samples > 1:
            options["planar_configuration"] = facts.planar
        options |= self._offsets()
        stream = io.BufferedReader(_Stream(self._viewed, facts.pixels.offset))
        if has_numpy():
            found, said = decoder.as_array(stream, index=index, decoding_plugin=plugin, **options)
            values: Any = found
            if values.dtype.byteorder not in ("=", "|", "<" if sys.byteorder == "little" else ">"):
                values = values.astype(values.dtype.newbyteorder("="))
            code = _code(values.dtype.itemsize, values.dtype.kind == "i")
            data = values.tobytes()
        else:
            buffer, said = decoder.as_buffer(stream, index=index, decoding_plugin=plugin, **options)
            width = int(said["bits_allocated"]) // 8
            data, code = bytes(buffer), _code(width, bool(said["pixel_representation"]))
            if facts.samples > 1 and said.get("planar_configuration"):
                data = _by_pixel(data, facts.samples, width)
        photometric = _unhalved(str(said["photometric_interpretation"]))
        return Frame(data, code, facts.rows, facts.columns, facts.samples, photometric)

    def _offsets(self) -> dict[str, Any]:
        """Where frames begin, if a table says so (PS3.3 C.7.6.3.1.8)."""
        offsets, lengths = self._viewed.element(0x7FE0_0001), self._viewed.element(0x7FE0_0002)
        if offsets is None or lengths is None:
            return {}
        limit = 8 * self.facts.frames
        found = self._viewed.value_of(offsets, limit), self._viewed.value_of(lengths, limit)
        return {"extended_offsets": found} if all(len(one) == limit for one in found) else {}


def _inflated(data: bytes, limit: int) -> bytes:
    """The first bytes of a deflate stream, with or without the header of zlib around it, which some put there.

    :raises zlib.error: it is neither.
    """
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, max(1, limit))
    except zlib.error:
        return zlib.decompressobj().decompress(data, max(1, limit))


class _Stream(io.RawIOBase):
    """Pixel data as a binary stream, for pydicom, which wants to begin where they do."""

    def __init__(self, viewed: Viewed, offset: int) -> None:
        self._viewed = viewed
        self._offset = offset
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._viewed.read(self._offset + self._position, len(buffer))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        end = len(self._viewed.parsed.data) - self._offset
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: end}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        return self._position


_PREFIX: Final = "Unable to decode as exceptions were raised by all available plugins: "
_ONE_SAMPLE: Final = frozenset({"MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"})


def decoder_of(transfer_syntax_uid: str) -> Decoder:
    """What decodes a transfer syntax.

    :raises ImageError: there is nothing; says what would have to be installed, if that would help.
    """
    from pydicom import uid
    from pydicom.pixels.decoders.base import get_decoder

    name = name_of(transfer_syntax_uid)
    try:
        decoder = get_decoder(uid.UID(transfer_syntax_uid))
    except NotImplementedError as error:
        what = "known to no decoder."
        if transfer_syntax_uid.startswith(_VIDEO):
            what = "a video, which is not played here. It can be saved to a file for a player."
        raise ImageError(f"Its transfer syntax, {name}, is {what}") from error
    if not decoder.is_available:
        packages = _packages(decoder)
        raise ImageError(
            f"{name} cannot be shown: no decoder for it is installed. Install dicomgui[preview], or {packages}.",
            packages=packages,
        )
    return decoder


def _packages(decoder: Decoder) -> str:
    ways = [text.partition(" - requires ")[2] for text in decoder.missing_dependencies]
    return "; ".join(f"python-{way}" if way.startswith("gdcm") else way for way in ways if way)


@cache
def has_numpy() -> bool:
    """Whether NumPy is installed."""
    try:
        import numpy
    except ImportError:
        return False
    return bool(numpy.__version__)


def _code(width: int, is_signed: bool) -> str:
    code = {1: "b", 2: "h", 4: "i", 8: "q"}.get(width)
    if code is None:
        raise ImageError(f"Samples of {8 * width} bits cannot be shown.")
    return code if is_signed else code.upper()


def _swapped(data: bytes, width: int) -> bytes:
    if width == 1:
        return data
    values = array({2: "H", 4: "I", 8: "Q"}[width], data)
    values.byteswap()
    return values.tobytes()


def _by_pixel(data: bytes, samples: int, width: int) -> bytes:
    """Planes one after the other as pixels one after the other."""
    size = len(data) // samples
    out = bytearray(size * samples)
    for number in range(samples):
        plane = data[number * size : (number + 1) * size]
        for byte in range(width):
            out[number * width + byte :: samples * width] = plane[byte::width]
    return bytes(out)


_BITS: Final = tuple(bytes(byte >> bit & 1 for bit in range(8)) for byte in range(256))


def _unpacked(data: bytes) -> bytes:
    """A byte for each bit, the lowest first (PS3.5 8.1.1)."""
    return b"".join(map(_BITS.__getitem__, data))


def _unhalved(photometric: str) -> str:
    """The colour model of samples of which none is left out any more."""
    return photometric.removesuffix("_422").removesuffix("_420")


def _whole_422(data: bytes) -> bytes:
    """Y Y B R of two pixels as Y B R of each (PS3.3 C.7.6.3.1.2)."""
    out = bytearray(len(data) // 4 * 6)
    blue, red = data[2::4], data[3::4]
    out[0::6], out[3::6] = data[0::4][: len(red)], data[1::4][: len(red)]
    out[1::6], out[4::6] = blue[: len(red)], blue[: len(red)]
    out[2::6], out[5::6] = red, red
    return bytes(out)
