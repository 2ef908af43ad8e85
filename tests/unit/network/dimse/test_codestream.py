"""Frames that keep decoders busy, or that are larger than their image: refused before any decoder has them."""

from __future__ import annotations

import struct
from contextlib import closing
from io import BytesIO
from pathlib import Path

import pytest
from helpers.instances import shipped_folder
from pydicom import dcmread, encaps
from pydicom.errors import InvalidDicomError

from dicomgui.app.nservices.picture import read_picture
from dicomgui.app.viewing.image_facts import ImageError, read_facts
from dicomgui.app.viewing.image_frames import FrameReader
from dicomgui.app.viewing.viewed import open_file
from dicomgui.network.dimse.codestream import LARGE_FRAME_BYTES, FrameSize, check_encapsulated, check_frame
from dicomgui.network.dimse.convert import convert_file
from dicomgui.network.dimse.native import ConversionError
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.part10 import read_head

FILES = shipped_folder() / "test_files"
J2K, JPEG, JPEG_LS, RLE = (f"1.2.840.10008.1.2.{n}" for n in ("4.90", "4.50", "4.80", "5"))
SMALL = FrameSize(2, 3, 1, 1)
BOX = b"\0\0\0\x0cjP  \r\n\x87\n"
BROKEN = "JPEG2000-embedded-sequence-delimiter.dcm"
"""It has a sequence delimiter within its codestream, on purpose, in the place of its width."""


def compressed() -> list[str]:
    """The files that pydicom ships with frames in a syntax that is looked at."""
    found = []
    for path in sorted(FILES.glob("*.dcm")):
        try:
            dataset = dcmread(path, specific_tags=["Rows"])
        except InvalidDicomError:  # without file meta information
            continue
        syntax = dataset.file_meta.get("TransferSyntaxUID")
        if syntax is not None and syntax.is_encapsulated and "Rows" in dataset and path.name != BROKEN:
            found.append(path.name)
    return found


def codestream(width: int = 3, height: int = 2, components: int = 1, tile: int = 3, rest: bytes = b"\xff\x90") -> bytes:
    """The main header of JPEG 2000 (ISO/IEC 15444-1 A.5.1)."""
    size = struct.pack(">H8IH", 0, width, height, 0, 0, tile, tile, 0, 0, components) + b"\x07\x01\x01" * components
    return b"\xff\x4f\xff\x51" + struct.pack(">H", 2 + len(size)) + size + rest


def box(kind: bytes, content: bytes = b"", length: int | None = None) -> bytes:
    return struct.pack(">I", 8 + len(content) if length is None else length) + kind + content


def jpeg(width: int = 3, height: int = 2, *, before: bytes = b"", components: int = 1, code: int = 0xC0) -> bytes:
    head = struct.pack(">BBHBHHB", 0xFF, code, 8 + 3 * components, 8, height, width, components)
    return b"\xff\xd8" + before + head + b"\x01\x11\x00" * components


def rle(*segments: bytes, count: int | None = None) -> bytes:
    places, at = [], 64
    for one in segments:
        places.append(at)
        at += len(one)
    table = [len(segments) if count is None else count, *places, *[0] * (15 - len(segments))]
    return struct.pack("<16I", *table) + b"".join(segments)


@pytest.mark.filterwarnings("ignore:Expected explicit VR")
def test_real_frames_pass() -> None:
    names = compressed()
    assert len(names) > 25
    assert {"JPEG2000.dcm", "GDCMJ2K_TextGBR.dcm", "JPEG-lossy.dcm", "MR_small_RLE.dcm"} <= set(names)
    for name in names:
        dataset = dcmread(FILES / name)
        size = FrameSize(dataset.Rows, dataset.Columns, dataset.SamplesPerPixel, dataset.BitsAllocated // 8)
        frames, syntax = int(dataset.get("NumberOfFrames") or 1), dataset.file_meta.TransferSyntaxUID
        check_encapsulated(dataset.PixelData, syntax, size, number_of_frames=frames)
        check_encapsulated(dataset.PixelData, syntax, size, number_of_frames=frames, index=frames - 1)


def test_a_box_of_no_length_at_which_pydicom_goes_round_for_ever_is_refused() -> None:
    """The sample that was found: the second box of a JP2 file tells the length 0."""
    dataset = dcmread(FILES / "GDCMJ2K_TextGBR.dcm")
    frame = bytearray(next(encaps.generate_frames(dataset.PixelData, number_of_frames=1)))
    assert frame.startswith(BOX)
    frame[12:16] = bytes(4)
    size = FrameSize(dataset.Rows, dataset.Columns, dataset.SamplesPerPixel, 1)
    with pytest.raises(ConversionError, match="JP2 box at byte 12 of the frame has the length 0"):
        check_frame(bytes(frame), J2K, size)


@pytest.mark.parametrize(
    "data",
    [
        codestream(),
        codestream(rest=b"\xff\x52\x00\x04ab\xff\x90"),
        BOX + box(b"ftyp", b"jp2 ") + box(b"jp2c", codestream()),
        BOX + box(b"jp2c", codestream(), 0),  # up to the end of the file (I.4)
        BOX + struct.pack(">I4sQ", 1, b"jp2c", 200) + codestream(),
    ],
    ids=["raw", "segment", "boxes", "last box", "long box"],
)
def test_sound_codestreams_pass(data: bytes) -> None:
    check_frame(data, J2K, SMALL)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no JPEG 2000 .* begins"),
        (BOX + box(b"ftyp", b"", 0), "length 0"),
        (BOX + box(b"ftyp", b"", 1), "length 1"),
        (BOX + box(b"ftyp", b"", 7), "length 7"),
        (BOX + box(b"ftyp", b"", 2**31), "length 2,147,483,648"),
        (BOX + box(b"free") * 3, "no codestream is among"),
        (BOX + box(b"free") * 1200 + box(b"jp2c", codestream()), "no codestream is among"),
        (BOX + box(b"jp2c", b"none"), "begins at byte 20"),
        (codestream()[:20], "begins at byte 0"),
        (codestream(rest=b""), "breaks off"),
        (codestream(rest=b"\xff\x52\x00\x00"), "breaks off"),
        (codestream(rest=b"\xff\x52\x00\x09ab"), "breaks off"),
        (codestream(rest=b"\x00\x52\x00\x04ab"), "breaks off"),
        (codestream(60_000, 60_000), "60,000 × 60,000 pixels"),
        (codestream(components=16_384), "16,384 components"),
        (codestream(tile=0), "no size"),
    ],
)
def test_codestreams_without_an_end_or_too_large_are_refused(data: bytes, words: str) -> None:
    with pytest.raises(ConversionError, match=words):
        check_frame(data, J2K, SMALL)


def test_a_codestream_of_too_many_tiles_is_refused() -> None:
    with pytest.raises(ConversionError, match="more than 65,535 tiles"):
        check_frame(codestream(1000, 1000, tile=1), J2K, FrameSize(1000, 1000, 1, 1))


@pytest.mark.parametrize("syntax", [JPEG, JPEG_LS])
def test_pictures_of_jpeg_that_are_larger_than_the_image_are_refused(syntax: str) -> None:
    code = 0xF7 if syntax == JPEG_LS else 0xC0
    table = b"\xff\xdb\x00\x04ab"
    for before in (b"", table, b"junk" + table, b"\xff\xff" + table[1:], b"\xff\x01" + table):
        check_frame(jpeg(before=before, code=code), syntax, SMALL)
        with pytest.raises(ConversionError, match="65,535 × 65,535"):
            check_frame(jpeg(65_535, 65_535, before=before, code=code), syntax, SMALL)
    with pytest.raises(ConversionError, match="200 components"):
        check_frame(jpeg(components=200, code=code), syntax, SMALL)


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"\xff\xd8\xff\xda\0\x04ab", b"\xff\xd8\xff\xd9ab", jpeg()[:8]])
def test_without_a_header_nothing_is_decoded(data: bytes) -> None:
    with pytest.raises(ConversionError, match="no header of JPEG"):
        check_frame(data, JPEG, SMALL)


@pytest.mark.parametrize("syntax", [J2K, JPEG])
def test_a_large_image_is_not_made_of_next_to_nothing(syntax: str) -> None:
    size = FrameSize(30_000, 30_000, 1, 1)
    assert size.total_bytes > LARGE_FRAME_BYTES
    data = codestream(30_000, 30_000, tile=30_000) if syntax == J2K else jpeg(30_000, 30_000)
    with pytest.raises(ConversionError, match="900,000,000 bytes has only"):
        check_frame(data, syntax, size)
    check_frame(data + bytes(900_000), syntax, size)


def test_run_length_coding() -> None:
    check_frame(rle(b"\x05abcdef"), RLE, SMALL)
    check_frame(rle(b"\xfba"), RLE, SMALL)
    check_frame(rle(b"\x05abcdef", b"\x05abcdef"), RLE, FrameSize(2, 3, 1, 2))
    check_frame(rle(b"a", count=2), RLE, SMALL)  # pydicom refuses another count of segments itself
    check_frame(b"short", RLE, SMALL)


def test_segments_elsewhere_too_short_and_too_long_are_refused() -> None:
    with pytest.raises(ConversionError, match="segment 1 of a frame in run-length coding is not in the frame"):
        check_frame(struct.pack("<16I", 1, 4, *[0] * 14) + b"\x05abcdef", RLE, SMALL)
    with pytest.raises(ConversionError, match=r"segment 1 .* is not in the frame"):
        check_frame(struct.pack("<16I", 2, 70, 64, *[0] * 13) + b"\x05abcdef", RLE, FrameSize(2, 3, 1, 2))
    with pytest.raises(ConversionError, match="has 2 bytes, too few for 1,000,000,000 pixels"):
        check_frame(rle(b"\xfba"), RLE, FrameSize(50_000, 20_000, 1, 1))
    with pytest.raises(ConversionError, match="more than 6 pixels"):
        check_frame(rle(b"\x81a" * 2_200_000), RLE, SMALL)
    for padding in (b"\x80", b"\0"):
        check_frame(rle(b"\x05abcdef" + padding * 4_400_000), RLE, FrameSize(2_000, 1_200, 1, 1))


def test_a_file_stands_where_it_stood() -> None:
    dataset = dcmread(FILES / "JPEG2000.dcm")
    file = BytesIO(b"before" + dataset.PixelData)
    file.seek(6)
    size = FrameSize(dataset.Rows, dataset.Columns, 1, 2)
    check_encapsulated(file, dataset.file_meta.TransferSyntaxUID, size, number_of_frames=1)
    assert file.tell() == 6


def test_other_syntaxes_are_not_looked_at() -> None:
    check_frame(b"anything", "1.2.840.10008.1.2.4.100", SMALL)


def jp2_without_an_end(folder: Path) -> Path:
    """A file whose JP2 boxes do not get on: the one before the codestream has the length 0."""
    data = (FILES / "GDCMJ2K_TextGBR.dcm").read_bytes()
    at = data.index(b"jp2h") - 4
    path = folder / "endless.dcm"
    path.write_bytes(data[:at] + bytes(4) + data[at + 4 :])
    return path


def test_it_is_refused_where_frames_are_converted_shown_and_printed(tmp_path: Path) -> None:
    path = jp2_without_an_end(tmp_path)
    words = r"JP2 box at byte .* has the length 0"
    with pytest.raises(ConversionError, match=words):
        convert_file(path, read_head(path), "1.2.840.10008.1.2.1", tmp_path / "made.dcm", decompress=True)
    with pytest.raises(ConfigurationError, match=words):
        read_picture(path)
    with closing(open_file(path)) as viewed, pytest.raises(ImageError, match=words):
        FrameReader(viewed, read_facts(viewed)).frame(0)
