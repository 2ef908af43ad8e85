"""Compressed pixel data decoded by pydicom's handlers (PS3.5 8.2, A.4), frame by frame into a temporary file.

pydicom, NumPy and the decoders are imported on the first use, and nothing here runs unless decompression was asked for.
No more than one frame is held in memory, compressed and in a few copies decoded.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import IO, TYPE_CHECKING, Any, Final, Literal, NamedTuple

from dicomgui.network.dimse.codestream import FrameSize, check_encapsulated
from dicomgui.network.dimse.native import (
    IMPLICIT_LITTLE,
    ITEM,
    ITEM_END,
    SEQUENCE_END,
    UNDEFINED,
    ConversionError,
    ConversionStopped,
    Encoding,
    Reader,
    check_depth,
    tag_text,
)
from dicomgui.network.dimse.recode import Edit
from dicomgui.network.uids import name_of

if TYPE_CHECKING:
    from pydicom.pixels.decoders.base import Decoder

__all__ = [
    "LOSSLESS_SYNTAXES",
    "LOSSY_SYNTAXES",
    "MAX_FRAME_BYTES",
    "CompressedImage",
    "decompress",
    "find_images",
    "quiet_decoders",
]

MAX_FRAME_BYTES: Final = 1_073_741_824
"""A frame that would be larger when decoded is refused before it is tried."""

RLE: Final = "1.2.840.10008.1.2.5"
LOSSLESS_SYNTAXES: Final = frozenset(
    {
        "1.2.840.10008.1.2.4.57",  # JPEG Lossless, Process 14
        "1.2.840.10008.1.2.4.70",  # JPEG Lossless, Process 14, Selection Value 1
        "1.2.840.10008.1.2.4.80",  # JPEG-LS Lossless
        "1.2.840.10008.1.2.4.90",  # JPEG 2000 (Lossless Only)
        "1.2.840.10008.1.2.4.201",  # HTJ2K (Lossless Only)
        "1.2.840.10008.1.2.4.202",  # HTJ2K with RPCL Options (Lossless Only)
        RLE,
    }
)
"""Syntaxes that pydicom can decode and that never lose anything."""

_ALWAYS_LOSSY: Final = frozenset({"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"})
LOSSY_SYNTAXES: Final = _ALWAYS_LOSSY | {
    "1.2.840.10008.1.2.4.81",  # JPEG-LS Lossy (Near-Lossless)
    "1.2.840.10008.1.2.4.91",  # JPEG 2000
    "1.2.840.10008.1.2.4.203",  # HTJ2K
}
"""Syntaxes that pydicom can decode and in which something may have been lost already."""

_SAMPLES, _PHOTOMETRIC, _PLANAR, _FRAMES, _ALLOCATED = 0x00280002, 0x00280004, 0x00280006, 0x00280008, 0x00280100
_LOSSY_COMPRESSION = 0x00282110
_OFFSETS, _OFFSET_LENGTHS, _TOTAL_LENGTH, _PIXEL_DATA = 0x7FE00001, 0x7FE00002, 0x7FE00003, 0x7FE00010
_NUMBERS: Final = {
    _SAMPLES: "samples_per_pixel",
    _PLANAR: "planar_configuration",
    0x00280010: "rows",
    0x00280011: "columns",
    _ALLOCATED: "bits_allocated",
    0x00280101: "bits_stored",
    0x00280103: "pixel_representation",
}
_FACTS: Final = {*_NUMBERS, _PHOTOMETRIC, _FRAMES, _LOSSY_COMPRESSION, _OFFSETS, _OFFSET_LENGTHS}
_MAX_PIXEL_DATA: Final = 0xFFFFFFFE
_FORMATS: Final[dict[int, Literal["B", "H", "I", "Q"]]] = {1: "B", 2: "H", 4: "I", 8: "Q"}
_PREFIX: Final = "Unable to decode as exceptions were raised by all available plugins: "
_GDCM_FAILED: Final = "'NoneType' object has no attribute 'encode'"
"""pydicom's words for a frame of which GDCM decodes nothing."""
_NO_UPSAMPLED: Final = {"YBR_FULL_422": "YBR_FULL"}
"""What the decoders give has a sample of each component for each pixel."""


class CompressedImage(NamedTuple):
    """Compressed pixel data of a data set or of an item, such as an icon.

    :ivar level: offset at which the elements of its data set or item begin.
    :ivar offset: of the value, that is of the item with the Basic Offset Table.
    :ivar fragments: how many there are.
    :ivar facts: values of the elements that describe it.
    """

    level: int
    offset: int
    fragments: int
    facts: dict[int, bytes]


def find_images(reader: Reader, encoding: Encoding) -> list[CompressedImage]:
    """All compressed pixel data from where the reader stands to its end; it is there again afterwards.

    :raises ConversionError: the data set is damaged, or its pixel data have a length as only uncompressed ones have.
    """
    start = reader.position
    found = list(_images(reader, encoding, reader.end, 0))
    reader.seek(start)
    return found


def _images(reader: Reader, encoding: Encoding, end: int, depth: int) -> Iterator[CompressedImage]:
    level, facts = reader.position, dict[int, bytes]()
    while end < 0 or reader.position < end:
        tag, vr, length = reader.header(encoding)
        if tag == ITEM_END:
            return
        if tag in _FACTS and length != UNDEFINED:
            facts[tag] = reader.take(length, tag)
        elif tag == _PIXEL_DATA and length == UNDEFINED:
            yield CompressedImage(level, reader.position, _count_fragments(reader, encoding), facts)
        elif vr == b"SQ":
            last = -1 if length == UNDEFINED else reader.position + length
            yield from _images_of_items(reader, encoding, last, tag, depth + 1)
        elif length == UNDEFINED:
            reader.skip_items(IMPLICIT_LITTLE if vr == b"UN" else encoding, tag)
        elif tag == _PIXEL_DATA and length and not depth:
            raise ConversionError(f"{tag_text(tag)} has a length, which compressed pixel data have not (PS3.5 A.4)")
        else:
            reader.skip(length, tag)


def _count_fragments(reader: Reader, encoding: Encoding) -> int:
    """How many there are behind the Basic Offset Table; goes on behind them."""
    count = -1
    while True:
        tag, _, length = reader.header(encoding)
        if tag == SEQUENCE_END:
            return max(0, count)
        if tag != ITEM or length == UNDEFINED:
            raise ConversionError(f"{tag_text(tag)} stands where a fragment of pixel data should")
        reader.skip(length, tag)
        count += 1


def _images_of_items(reader: Reader, encoding: Encoding, end: int, tag: int, depth: int) -> Iterator[CompressedImage]:
    check_depth(depth, tag)
    while end < 0 or reader.position < end:
        item = reader.header(encoding)
        if item.tag == SEQUENCE_END:
            return
        if item.tag != ITEM:
            raise ConversionError(f"{tag_text(item.tag)} stands where an item of {tag_text(tag)} should")
        last = -1 if item.length == UNDEFINED else reader.position + item.length
        yield from _images(reader, encoding, last, depth)


def decompress(
    file: IO[bytes],
    image: CompressedImage,
    transfer_syntax_uid: str,
    output: IO[bytes],
    should_stop: Callable[[], bool] | None = None,
) -> dict[int, Edit | None]:
    """Decode all frames of an image of ``file`` into ``output``; gives the elements that change with it.

    Photometric Interpretation and Planar Configuration become those of the decoded samples, Bits Allocated stays. What
    a lossless syntax holds comes out bit for bit in its colour space; a lossy image in YBR becomes RGB, as pydicom does
    it. An image of a lossy syntax is marked as such (0028,2110) where it was not. The SOP instance stays the same.

    :raises ConversionError: no installed decoder can do it, or the data are damaged.
    """
    decoder = _decoder(transfer_syntax_uid)
    options = _options(image.facts)
    _check_fragments(image.fragments, options["number_of_frames"], transfer_syntax_uid)
    failures: list[Exception] = []
    # One plugin for all frames, and the next one where it fails. GDCM comes last: pydicom corrects the samples of a
    # JPEG 2000 image in place, which what GDCM gives does not allow.
    for plugin in sorted(decoder.available_plugins, key=lambda plugin: (plugin == "gdcm", plugin)):
        output.seek(0)
        output.truncate()
        file.seek(image.offset)
        frames = _frames(decoder, file, transfer_syntax_uid, {**options, "decoding_plugin": plugin})
        try:
            with quiet_decoders():
                count, properties = _write_frames(frames, output, should_stop)
        except (ConversionError, ConversionStopped, OSError):
            raise
        except Exception as error:  # the decoders raise whatever the byte at fault causes
            failures.append(error)
        else:
            break
    else:
        raise _failed(transfer_syntax_uid, decoder, failures)
    _check_frames(count, options["number_of_frames"])
    size = output.tell()
    if size % 2:
        output.write(b"\0")
    vr = b"OB" if options["bits_allocated"] <= 8 else b"OW"
    return _edits(image.facts, transfer_syntax_uid, properties, count, Edit(vr, file=output, length=size + size % 2))


_TELLS_ITSELF: ContextVar[bool] = ContextVar("_TELLS_ITSELF", default=False)
_LOGGERS: Final = ("pydicom.pixels.decoders.base", "pylibjpeg.utils")
"""The loggers that get each failure of a decoder as a traceback."""


def _is_others(_record: logging.LogRecord) -> bool:
    return not _TELLS_ITSELF.get()


@contextmanager
def quiet_decoders() -> Iterator[None]:
    """Keep tracebacks of decoders out of the log: a :class:`ConversionError` tells why the last of them failed.

    It holds for this thread alone: what others decode with pydicom is logged as ever.
    """
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_is_others)  # adds it once
    token = _TELLS_ITSELF.set(True)
    try:
        yield
    finally:
        _TELLS_ITSELF.reset(token)


def _write_frames(
    frames: Iterator[tuple[bytes, dict[str, str | int]]], output: IO[bytes], should_stop: Callable[[], bool] | None
) -> tuple[int, dict[str, str | int]]:
    """How many frames there were, and what pydicom says of the last."""
    count, properties = 0, dict[str, str | int]()
    for frame, said in frames:
        if should_stop is not None and should_stop():
            raise ConversionStopped
        output.write(frame)
        count, properties = count + 1, said
    return count, properties


def _check_fragments(count: int, frames: int, transfer_syntax_uid: str) -> None:
    """A frame has one fragment at least, and just one in run-length coding (PS3.5 A.4.2); pydicom would guess."""
    _check_frames(count, frames)
    if transfer_syntax_uid == RLE and count > frames:
        raise ConversionError(f"there are {count:,} fragments in its pixel data for {frames:,} frames")


def _check_frames(count: int, frames: int) -> None:
    if count < frames:
        raise ConversionError(f"there are {count:,} of {frames:,} frames in its pixel data")


def _decoder(transfer_syntax_uid: str) -> Decoder:
    from pydicom import uid
    from pydicom.pixels.decoders.base import get_decoder

    name = name_of(transfer_syntax_uid)
    try:
        decoder = get_decoder(uid.UID(transfer_syntax_uid))
    except NotImplementedError as error:
        raise ConversionError(f"{name} cannot be decompressed here", hint="Send it as it is.") from error
    if not decoder.is_available:
        raise ConversionError(
            f"{name} cannot be decompressed: no decoder is installed for it",
            hint=f"Install dicomgui[preview], or one of: {_packages(decoder)}.",
            packages=_packages(decoder),
        )
    return decoder


def _options(facts: dict[int, bytes]) -> dict[str, Any]:
    """What pydicom has to know of an image.

    :raises ConversionError: it is not said, or would be too large.
    """
    options: dict[str, Any] = {
        key: int.from_bytes(facts[tag][:2], "little") for tag, key in _NUMBERS.items() if len(facts.get(tag, b"")) >= 2
    }
    options["photometric_interpretation"] = facts.get(_PHOTOMETRIC, b"").strip(b" \0").decode("latin-1")
    frames = facts.get(_FRAMES, b"").strip(b" \0") or b"1"
    if not frames.isdigit() or len(frames) > 10:
        raise ConversionError(f"{tag_text(_FRAMES)}, the number of frames, is no number")
    options["number_of_frames"] = max(1, int(frames))
    if facts.get(_OFFSETS) and facts.get(_OFFSET_LENGTHS):
        options["extended_offsets"] = (facts[_OFFSETS], facts[_OFFSET_LENGTHS])
    for tag, key in _NUMBERS.items():
        if key not in options and tag != _PLANAR:
            raise ConversionError(f"{tag_text(tag)} is not there, without which an image cannot be decompressed")
    if options["samples_per_pixel"] > 1:
        options.setdefault("planar_configuration", 0)
    size = options["rows"] * options["columns"] * options["samples_per_pixel"] * ((options["bits_allocated"] + 7) // 8)
    if size > MAX_FRAME_BYTES or size * options["number_of_frames"] > _MAX_PIXEL_DATA:
        raise ConversionError(
            f"its pixel data would have {size * options['number_of_frames']:,} bytes, "
            f"more than can be decompressed or be said in a data set"
        )
    return options


def _frames(
    decoder: Decoder, file: Any, transfer_syntax_uid: str, options: dict[str, Any]
) -> Iterator[tuple[bytes, dict[str, str | int]]]:
    """The frames, each with little endian samples, pixel by pixel, and what pydicom says of it."""
    width = options["bits_allocated"] // 8
    size = FrameSize(options["rows"], options["columns"], options["samples_per_pixel"], max(1, width))
    check_encapsulated(
        file,
        transfer_syntax_uid,
        size,
        number_of_frames=options["number_of_frames"],
        extended_offsets=options.get("extended_offsets"),
    )
    if transfer_syntax_uid == RLE:  # the one that needs no NumPy
        for buffer, properties in decoder.iter_buffer(file, **options):
            yield _by_pixel(bytes(buffer), options["samples_per_pixel"], width, properties), properties
        return
    as_rgb = transfer_syntax_uid in LOSSY_SYNTAXES
    for array, properties in decoder.iter_array(file, as_rgb=as_rgb, **options):
        frame: Any = array
        if 8 * frame.dtype.itemsize > options["bits_allocated"]:
            raise ConversionError(
                f"the compressed samples have up to {8 * frame.dtype.itemsize} bits where "
                f"{tag_text(_ALLOCATED)} allocates {options['bits_allocated']}"
            )
        yield frame.astype(f"<{frame.dtype.kind}{width}", copy=False).tobytes(), properties


def _by_pixel(frame: bytes, samples: int, width: int, properties: dict[str, str | int]) -> bytes:
    """The samples of a frame pixel by pixel, also where its components come one after the other."""
    if samples == 1 or not properties.get("planar_configuration"):
        return frame
    result = bytearray(len(frame))
    planes, pixels = memoryview(frame).cast(_FORMATS[width]), memoryview(result).cast(_FORMATS[width])
    count = len(planes) // samples
    for number in range(samples):
        pixels[number::samples] = planes[number * count : (number + 1) * count]
    properties["planar_configuration"] = 0
    return bytes(result)


def _edits(
    facts: dict[int, bytes], transfer_syntax_uid: str, properties: dict[str, str | int], count: int, pixels: Edit
) -> dict[int, Edit | None]:
    # What says where fragments lie makes no sense any more (PS3.3 C.7.6.3.1.8 and following).
    edits: dict[int, Edit | None] = {_OFFSETS: None, _OFFSET_LENGTHS: None, _TOTAL_LENGTH: None, _PIXEL_DATA: pixels}
    before = facts.get(_PHOTOMETRIC, b"").strip(b" \0").decode("latin-1")
    photometric = str(properties["photometric_interpretation"])
    photometric = _NO_UPSAMPLED.get(photometric, photometric)
    if photometric != before:
        edits[_PHOTOMETRIC] = Edit(b"CS", _even(photometric))
    if properties["samples_per_pixel"] != 1 and facts.get(_PLANAR) != b"\0\0":
        edits[_PLANAR] = Edit(b"US", b"\0\0")
    if count != int(facts.get(_FRAMES, b"").strip(b" \0") or b"1"):
        edits[_FRAMES] = Edit(b"IS", _even(str(count)))
    is_lossy = transfer_syntax_uid in _ALWAYS_LOSSY or before == "YBR_ICT"
    if is_lossy and facts.get(_LOSSY_COMPRESSION, b"").strip(b" \0") != b"01":
        edits[_LOSSY_COMPRESSION] = Edit(b"CS", b"01")
    return edits


def _even(text: str) -> bytes:
    return text.encode("ascii") + b" " * (len(text) % 2)


def _failed(transfer_syntax_uid: str, decoder: Decoder, failures: list[Exception]) -> ConversionError:
    packages = _packages(decoder)
    texts = (
        " ".join(str(failure).split()).removeprefix(_PREFIX).replace(_GDCM_FAILED, "it gave no samples")
        or type(failure).__name__
        for failure in failures
    )
    reasons = dict.fromkeys(texts)
    return ConversionError(
        f"the {name_of(transfer_syntax_uid)} pixel data cannot be decompressed: {'; '.join(reasons)}",
        hint=f"If the file is sound, another decoder may do it: {packages}." if packages else "The file is damaged.",
        packages=packages,
    )


def _packages(decoder: Decoder) -> str:
    """The packages of the decoders that are not installed, as pip knows them."""
    ways = [text.partition(" - requires ")[2] for text in decoder.missing_dependencies]
    return "; ".join(f"python-{way}" if way.startswith("gdcm") else way for way in ways if way)
