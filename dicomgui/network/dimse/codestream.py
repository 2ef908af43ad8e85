"""Headers of compressed frames, walked before a decoder gets them (PS3.5 8.2, A.4, annex G).

pydicom walks them, too, and goes round for ever at a JP2 box of length 0; decoders allocate what the codestream tells,
whatever Rows and Columns tell. So a frame is refused here whose boxes or markers have no end, or that would take more
memory than its image. A frame that is only damaged is left to the decoder.
"""

from __future__ import annotations

import itertools
import struct
from io import BytesIO
from typing import Any, BinaryIO, Final, NamedTuple

from dicomgui.network.dimse.native import ConversionError
from dicomgui.network.uids import name_of

__all__ = ["FrameSize", "check_encapsulated", "check_frame"]

LARGE_FRAME_BYTES: Final = 268_435_456
"""A larger frame must have a thousandth of its bytes when compressed: no decoder makes gigabytes of a few kilobytes."""
MOST_PACKED: Final = 1000
RLE_RATIO: Final = 64
"""Two bytes of run-length coding make 128 at most (PS3.5 G.3.1)."""
MAX_BOXES: Final = 1000
MAX_TILES: Final = 65_535
MAX_COMPONENTS: Final = 4

_RLE: Final = "1.2.840.10008.1.2.5"
_JPEG_2000: Final = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in (90, 91, 92, 93, 201, 202, 203))
_JPEG: Final = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 57, 70, 80, 81))
_JP2: Final = b"\0\0\0\x0cjP  "
_SOC, _SIZ, _SOT = b"\xff\x4f", b"\xff\x51", b"\xff\x90"
_SIZ_FIELDS: Final = struct.Struct(">8IH")
_START_OF_FRAME: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
_WITHOUT_LENGTH: Final = frozenset((0x00, 0x01, *range(0xD0, 0xD9)))
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9


class FrameSize(NamedTuple):
    """The size of each frame, as the data set says it.

    :ivar sample_bytes: of one allocated sample.
    """

    rows: int
    columns: int
    samples: int
    sample_bytes: int

    @property
    def total_bytes(self) -> int:
        """Bytes of the decoded frame."""
        return self.rows * self.columns * self.samples * self.sample_bytes


def check_encapsulated(
    source: bytes | BinaryIO,
    transfer_syntax_uid: str,
    size: FrameSize,
    *,
    number_of_frames: int,
    index: int | None = None,
    extended_offsets: tuple[bytes, bytes] | None = None,
) -> None:
    """Refuse pixel data by :func:`check_frame`, for each frame that pydicom would hand to a decoder.

    Blocks. Raises besides whatever pydicom raises for fragments that are no frames.

    :param source: the value of Pixel Data, or a file that stands at its begin, and does so afterwards.
    :param index: of the one frame to look at, from 0 on; ``None`` for all.
    """
    from pydicom import encaps

    stream = BytesIO(source) if isinstance(source, bytes) else source
    start = stream.tell()
    facts: Any = {"number_of_frames": number_of_frames, "extended_offsets": extended_offsets}
    if index is None:
        for frame in encaps.generate_frames(stream, **facts):
            check_frame(frame, transfer_syntax_uid, size)
    else:
        check_frame(encaps.get_frame(stream, index, **facts), transfer_syntax_uid, size)
    stream.seek(start)


def check_frame(data: bytes, transfer_syntax_uid: str, size: FrameSize) -> None:
    """Refuse a frame that would keep a decoder busy for ever, or have it take more memory than its image has.

    :param data: the compressed frame, of all its fragments.
    :raises ConversionError: it is such a one.
    """
    if transfer_syntax_uid == _RLE:
        _check_rle(data, size)
        return
    if size.total_bytes > LARGE_FRAME_BYTES and size.total_bytes > MOST_PACKED * len(data):
        raise ConversionError(
            f"a frame of {size.total_bytes:,} bytes has only {len(data):,} when compressed; it is not decoded"
        )
    if transfer_syntax_uid in _JPEG_2000:
        _check_codestream(data, _codestream(data, transfer_syntax_uid), size)
    elif transfer_syntax_uid in _JPEG:
        _check_jpeg(data, transfer_syntax_uid, size)


def _check_picture(width: int, height: int, components: int, size: FrameSize) -> None:
    """A codestream whose picture is larger than its image: the decoder would allocate that."""
    if width * height > size.rows * size.columns or components > max(size.samples, MAX_COMPONENTS):
        raise ConversionError(
            f"the compressed picture has {width:,} × {height:,} pixels and {components:,} components, "
            f"its image {size.columns:,} × {size.rows:,} and {size.samples:,}"
        )


# JPEG 2000 (ISO/IEC 15444-1)


def _codestream(data: bytes, transfer_syntax_uid: str) -> int:
    """The offset of the codestream, behind the boxes of a JP2 file where there are any (I.4)."""
    if not data.startswith(_JP2):
        if not data.startswith(_SOC):
            raise ConversionError(f"no {name_of(transfer_syntax_uid)} codestream begins with the frame")
        return 0
    at = len(_JP2) + 4
    for _ in range(MAX_BOXES):
        length, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        if len(kind) < 4:
            break
        if kind == b"jp2c":
            return at + (16 if length == 1 else 8)
        if length < 8 or length > len(data) - at:
            raise ConversionError(f"the JP2 box at byte {at:,} of the frame has the length {length:,}")
        at += length
    raise ConversionError("no codestream is among the JP2 boxes of the frame")


def _check_codestream(data: bytes, at: int, size: FrameSize) -> None:
    """Walk the main header, up to the first tile (A.4.1)."""
    start = at
    if data[at : at + 2] != _SOC or data[at + 2 : at + 4] != _SIZ or len(data) < at + 6 + 2 + _SIZ_FIELDS.size:
        raise ConversionError(f"no JPEG 2000 codestream begins at byte {at:,} of the frame")
    right, lower, left, upper, tile_x, tile_y, tile_left, tile_upper, components = _SIZ_FIELDS.unpack_from(data, at + 8)
    _check_picture(max(0, right - left), max(0, lower - upper), components, size)
    if not (tile_x and tile_y):
        raise ConversionError("the tiles of the JPEG 2000 codestream have no size")
    if -(-max(0, right - tile_left) // tile_x) * -(-max(0, lower - tile_upper) // tile_y) > MAX_TILES:
        raise ConversionError(f"the JPEG 2000 codestream has more than {MAX_TILES:,} tiles")
    at += 2
    while data[at : at + 2] != _SOT:
        length = int.from_bytes(data[at + 2 : at + 4])
        if data[at : at + 1] != b"\xff" or length < 2 or at + 2 + length > len(data):
            raise ConversionError(f"the header of the JPEG 2000 codestream breaks off at byte {at - start:,}")
        at += 2 + length


# JPEG (ISO/IEC 10918-1) and JPEG-LS (ISO/IEC 14495-1)


def _check_jpeg(data: bytes, transfer_syntax_uid: str, size: FrameSize) -> None:
    at = _start_of_frame(data)
    if at < 0 or len(data) < at + 10:
        raise ConversionError(f"the frame has no header of {name_of(transfer_syntax_uid)}")
    height, width = struct.unpack_from(">HH", data, at + 5)
    _check_picture(width, height, data[at + 9], size)


def _start_of_frame(data: bytes) -> int:
    """The offset of the marker SOFn; -1 where none comes. What lies between markers is passed over, as decoders do."""
    at = data.find(b"\xff")
    while 0 <= at < len(data) - 3:
        code = data[at + 1]
        if code in _START_OF_FRAME:
            return at
        if code in (_START_OF_SCAN, _END_OF_IMAGE):
            return -1
        if code == 0xFF:
            at += 1
        elif code in _WITHOUT_LENGTH:
            at = data.find(b"\xff", at + 2)
        else:
            at = data.find(b"\xff", at + 2 + max(2, int.from_bytes(data[at + 2 : at + 4])))
    return -1


# run-length coding (PS3.5 annex G)


def _check_rle(data: bytes, size: FrameSize) -> None:
    count = int.from_bytes(data[:4], "little")
    if len(data) < 64 or count != size.samples * size.sample_bytes:
        return  # pydicom says what is wrong, and takes no memory for it
    ends = [*struct.unpack_from(f"<{min(count, 15)}I", data, 4), len(data)]
    plane = size.rows * size.columns
    for number, (begin, end) in enumerate(itertools.pairwise(ends), 1):
        if not 64 <= begin <= end <= len(data):
            raise ConversionError(f"segment {number} of a frame in run-length coding is not in the frame")
        if (end - begin) * RLE_RATIO < plane:
            raise ConversionError(
                f"segment {number} of a frame in run-length coding has {end - begin:,} bytes, "
                f"too few for {plane:,} pixels"
            )
        if (end - begin) * RLE_RATIO > LARGE_FRAME_BYTES and _decoded_size(data, begin, end, 2 * plane) > 2 * plane:
            raise ConversionError(f"segment {number} of a frame in run-length coding has more than {plane:,} pixels")


def _decoded_size(data: bytes, at: int, end: int, most: int) -> int:
    """Bytes that a segment decodes to; ends when there are more than ``most``."""
    found = 0
    while at < end and found <= most:
        head = data[at]
        if head > 128:
            found += 257 - head
            at += 2
        elif head < 128:
            found += head + 1
            at += head + 2
        else:
            at += 1
    return found
