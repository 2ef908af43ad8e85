"""Decompression: sample for sample what other programs make of it, and headers that say what is there."""

from __future__ import annotations

import struct
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pydicom.encaps
import pytest
from helpers.elements import UNDEFINED, delimiter, explicit, item
from helpers.instances import EXPLICIT, IMPLICIT, shipped_folder
from pydicom.dataset import Dataset
from pydicom.pixels.decoders.base import get_decoder

from dicomgui.network.dimse import pixels as module
from dicomgui.network.dimse.convert import ConversionError, ConversionStopped, convert_dataset, convert_file
from dicomgui.network.part10 import read_head

RLE = "1.2.840.10008.1.2.5"
J2K = "1.2.840.10008.1.2.4.90"
JPEG = "1.2.840.10008.1.2.4.50"
JPEG_12_BIT = "1.2.840.10008.1.2.4.51"


def decompressed(name: str, folder: Path, syntax: str = EXPLICIT) -> tuple[Dataset, Dataset]:
    """A file that pydicom ships, before and after."""
    path = shipped_folder() / "test_files" / name
    convert_file(path, read_head(path), syntax, folder / "made.dcm", decompress=True)
    return pydicom.dcmread(path), pydicom.dcmread(folder / "made.dcm")


# ------------------------------------------------------------------------------------- images of our own, run-length


def segment(data: bytes) -> bytes:
    """Literal runs (PS3.5 G.3.1)."""
    runs = [data[start : start + 128] for start in range(0, len(data), 128)]
    made = b"".join(bytes((len(run) - 1,)) + run for run in runs)
    return made + b"\0" * (len(made) % 2)


def rle_frame(*planes: bytes) -> bytes:
    segments, offset, offsets = [segment(plane) for plane in planes], 64, []
    for one in segments:
        offsets.append(offset)
        offset += len(one)
    return struct.pack("<16I", len(planes), *offsets, *[0] * (15 - len(planes))) + b"".join(segments)


def image(
    *frames: bytes, count: bytes = b"", samples: int = 1, photometric: bytes = b"MONOCHROME2 ", **other: int
) -> bytes:
    """A data set of 2 × 3 pixels of 8 bits."""
    numbers = {"allocated": 8, "rows": 2, "columns": 3, "planar": -1, **other}

    def us(tag: int, number: int) -> bytes:
        return explicit(tag, "US", struct.pack("<H", number)) if number >= 0 else b""

    fragments = b"".join(map(item, (b"", *frames)))
    return (
        us(0x00280002, samples) + explicit(0x00280004, "CS", photometric) + us(0x00280006, numbers["planar"])
        + (explicit(0x00280008, "IS", count) if count else b"") + us(0x00280010, numbers["rows"])
        + us(0x00280011, numbers["columns"]) + us(0x00280100, numbers["allocated"])
        + us(0x00280101, numbers["allocated"]) + us(0x00280102, numbers["allocated"] - 1) + us(0x00280103, 0)
        + explicit(0x7FE00010, "OB", fragments + delimiter(), UNDEFINED)
    )  # fmt: skip


def native(data: bytes, syntax: str = RLE) -> Dataset:
    made = convert_dataset(data, syntax, EXPLICIT, decompress=True)
    return pydicom.dcmread(BytesIO(bytes(128) + b"DICM" + explicit(0x00020010, "UI", EXPLICIT.encode()) + made))


PIXELS = bytes(range(6))


def test_frames_follow_each_other() -> None:
    made = native(image(rle_frame(PIXELS), rle_frame(PIXELS[::-1]), count=b"2 "))
    assert made["PixelData"].VR == "OB"
    assert made.PixelData == PIXELS + PIXELS[::-1]
    assert made.NumberOfFrames == 2
    assert "LossyImageCompression" not in made


def test_pixel_data_have_an_even_length() -> None:
    made = native(image(rle_frame(bytes(range(1, 10))), rows=3))
    assert made.PixelData == bytes(range(1, 10)) + b"\0"


@pytest.mark.parametrize("planar", [0, 1, -1])
def test_components_come_pixel_by_pixel_whatever_was_said(planar: int) -> None:
    planes = (b"RRRRRR", b"GGGGGG", b"BBBBBB")
    made = native(image(rle_frame(*planes), samples=3, photometric=b"RGB ", planar=planar))
    assert made.PixelData == b"RGB" * 6
    assert made.PlanarConfiguration == 0


def test_wide_samples_of_several_components() -> None:
    """A segment for each byte of each component, the most significant first (PS3.5 G.2)."""
    frame = rle_frame(*[bytes([number]) * 6 for number in range(1, 7)])
    made = native(image(frame, samples=3, allocated=16, photometric=b"RGB "))
    assert made.PixelData == bytes((2, 1, 4, 3, 6, 5)) * 6
    assert made["PixelData"].VR == "OW"


def test_a_lossless_image_keeps_its_colour_space() -> None:
    """YBR to RGB would round: that is no lossless decompression."""
    made = native(image(rle_frame(*[b"\x80" * 6] * 3), samples=3, photometric=b"YBR_FULL", planar=1))
    assert made.PhotometricInterpretation == "YBR_FULL"
    assert made.PixelData == b"\x80" * 18


def test_an_icon_is_decompressed_with_its_own_attributes() -> None:
    icon = image(rle_frame(b"iconicon"), rows=2, columns=4)
    for length in (None, UNDEFINED):
        inner = item(icon, undefined=length is not None) + (delimiter() if length else b"")
        made = native(explicit(0x00880200, "SQ", inner, length) + image(rle_frame(PIXELS)))
        assert made.IconImageSequence[0].PixelData == b"iconicon"
        assert made.PixelData == PIXELS


def test_where_fragments_lay_is_not_said_any_more() -> None:
    """The extended offset table is used, and gone afterwards (PS3.3 C.7.6.3.1.8)."""
    frames = [rle_frame(PIXELS), rle_frame(PIXELS[::-1])]
    data = image(*frames, count=b"2 ")
    offsets = struct.pack("<2Q", 0, len(frames[0]) + 8)
    lengths = struct.pack("<2Q", *map(len, frames))
    table = explicit(0x7FE00001, "OV", offsets) + explicit(0x7FE00002, "OV", lengths)
    table += explicit(0x7FE00003, "UV", bytes(8))
    at = data.index(b"\xe0\x7f\x10\0")
    made = native(data[:at] + table + data[at:])
    assert made.PixelData == PIXELS + PIXELS[::-1]
    assert [element.tag for element in made.group_dataset(0x7FE0)] == [0x7FE00010]


def test_more_frames_than_were_said_are_kept() -> None:
    """In JPEG, whose frames have an end of their own; in run-length coding nothing tells."""
    path = shipped_folder() / "test_files" / "SC_rgb_small_odd_jpeg.dcm"
    [frame] = pydicom.encaps.generate_frames(pydicom.dcmread(path).PixelData, number_of_frames=1)
    data = image(*[frame] * 3, count=b"2 ", samples=3, photometric=b"YBR_FULL_422", planar=0, rows=3)
    made = native(data, JPEG)
    assert made.NumberOfFrames == 3
    assert made.PixelData[:27] == made.PixelData[27:54] == made.PixelData[54:81]
    with pytest.raises(ConversionError, match="3 fragments in its pixel data for 2 frames"):
        native(image(*[rle_frame(PIXELS)] * 3, count=b"2 "))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (image(rle_frame(PIXELS), count=b"x "), "the number of frames, is no number"),
        (image(rle_frame(PIXELS), rows=-1), r"\(0028,0010\) is not there"),
        (image(rle_frame(PIXELS), rows=65535, columns=65535), "its pixel data would have 4,294,836,225 bytes"),
        (image(rle_frame(PIXELS), count=b"999999999 "), "its pixel data would have"),
        (image(rle_frame(PIXELS), count=b"2 "), "there are 1 of 2 frames"),
        (image(), "there are 0 of 1 frames"),
        (image().replace(item(b""), b""), "there are 0 of 1 frames"),
        (image().replace(item(b""), item(b"", undefined=True)), "stands where a fragment"),
        (image(b"\1\2\3\4"), "the RLE Lossless pixel data cannot be decompressed"),
        (explicit(0x7FE00010, "OB", PIXELS), "has a length"),
        (explicit(0x00880200, "SQ", explicit(0x00280010, "US")), "stands where an item"),
    ],
)
def test_what_cannot_be_decompressed(data: bytes, text: str) -> None:
    with pytest.raises(ConversionError, match=text):
        native(data)


def test_frames_that_are_lost_while_decoding_are_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = module._frames
    monkeypatch.setattr(module, "_frames", lambda *arguments: list(frames(*arguments))[:-1])
    with pytest.raises(ConversionError, match="1 of 2 frames"):
        native(image(rle_frame(PIXELS), rle_frame(PIXELS), count=b"2 "))


def test_it_stops_between_frames() -> None:
    data = image(*[rle_frame(PIXELS)] * 3, count=b"3 ")
    found = module.find_images(module.Reader(BytesIO(data)), module.Encoding(explicit=True, big=False))
    asked: list[int] = []

    def stop_at_the_second() -> bool:
        asked.append(1)
        return len(asked) == 2

    output = BytesIO()
    with pytest.raises(ConversionStopped):
        module.decompress(BytesIO(data), found[0], RLE, output, stop_at_the_second)
    assert output.getvalue() == PIXELS


def test_run_length_needs_no_numpy() -> None:
    code = (
        "import sys; sys.modules['numpy'] = None; "
        "from dicomgui.network.dimse.convert import convert_dataset; "
        "data = sys.stdin.buffer.read(); "
        f"made = convert_dataset(data, '{RLE}', '{IMPLICIT}', decompress=True); assert made.endswith(bytes(range(6)))"
    )
    command, data = [sys.executable, "-c", code], image(rle_frame(PIXELS))
    done = subprocess.run(command, input=data, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()


# ------------------------------------------------------------------------------------------------- what pydicom ships


@pytest.mark.parametrize(
    ("name", "photometric", "lossy"),
    [
        ("SC_rgb_dcmtk_+eb+cy+np.dcm", "RGB", "01"),
        ("SC_rgb_jpeg_gdcm.dcm", "RGB", None),
        ("SC_rgb_gdcm_KY.dcm", "RGB", "01"),
        ("693_J2KI.dcm", "MONOCHROME2", "01"),
        ("GDCMJ2K_TextGBR.dcm", "RGB", None),
        ("MR_small_jpeg_ls_lossless.dcm", "MONOCHROME2", None),
        ("JPEGLSNearLossless_16.dcm", "MONOCHROME2", None),
        ("examples_jpeg2k.dcm", "RGB", "00"),
        ("SC_rgb_rle_16bit_2frame.dcm", "RGB", None),
    ],
)
def test_as_pydicom_does_it(tmp_path: Path, name: str, photometric: str, lossy: str | None) -> None:
    before, made = decompressed(name, tmp_path)
    expected = pydicom.dcmread(shipped_folder() / "test_files" / name)
    expected.decompress(generate_instance_uid=False)
    assert made.PixelData == expected.PixelData
    assert made["PixelData"].VR == expected["PixelData"].VR
    assert made.PhotometricInterpretation == expected.PhotometricInterpretation == photometric
    assert made.get("PlanarConfiguration") == expected.get("PlanarConfiguration")
    assert made.get("LossyImageCompression") == lossy
    assert made.BitsAllocated == before.BitsAllocated
    assert made.get("SOPInstanceUID") == before.get("SOPInstanceUID")
    changed = {"PixelData", "PhotometricInterpretation", "PlanarConfiguration"}
    for element in before:
        assert element.keyword in changed or not element.tag.element or made[element.tag].value == element.value


def test_a_lossy_image_that_does_not_say_so_is_marked(tmp_path: Path) -> None:
    path = tmp_path / "unmarked.dcm"
    dataset = pydicom.dcmread(shipped_folder() / "test_files" / "SC_rgb_jpeg_dcmtk.dcm")
    for before in ("00", None):
        dataset.LossyImageCompression = before
        if before is None:
            del dataset.LossyImageCompression
        dataset.save_as(path)
        convert_file(path, read_head(path), IMPLICIT, tmp_path / "made.dcm", decompress=True)
        assert pydicom.dcmread(tmp_path / "made.dcm").LossyImageCompression == "01"
        (tmp_path / "made.dcm").unlink()


def test_samples_fill_what_is_allocated() -> None:
    """A codestream of 8 bits in a data set that allocates 16, and the other way round."""
    path = shipped_folder() / "test_files" / "GDCMJ2K_TextGBR.dcm"
    data = path.read_bytes()[read_head(path).dataset_offset :]
    allocated = explicit(0x00280100, "US", b"\x08\0")
    wide = data.replace(allocated, explicit(0x00280100, "US", b"\x10\0"))
    assert wide != data
    narrow_made, wide_made = (convert_dataset(one, J2K, EXPLICIT, decompress=True) for one in (data, wide))
    narrow_pixels, wide_pixels = narrow_made[-480_000:], wide_made[-960_000:]
    assert wide_pixels[::2] == narrow_pixels
    assert not any(wide_pixels[1::2])
    path = shipped_folder() / "test_files" / "MR_small_jp2klossless.dcm"
    data = path.read_bytes()[read_head(path).dataset_offset :]
    narrow = data.replace(explicit(0x00280100, "US", b"\x10\0"), allocated).replace(
        explicit(0x00280101, "US", b"\x10\0"), explicit(0x00280101, "US", b"\x08\0")
    )
    with pytest.raises(ConversionError, match=r"up to 16 bits where \(0028,0100\) allocates 8"):
        convert_dataset(narrow, J2K, EXPLICIT, decompress=True)
    one_bit = narrow.replace(allocated, explicit(0x00280100, "US", b"\1\0")).replace(
        explicit(0x00280101, "US", b"\x08\0"), explicit(0x00280101, "US", b"\1\0")
    )
    with pytest.raises(ConversionError, match=r"up to 16 bits where \(0028,0100\) allocates 1$"):
        convert_dataset(one_bit, J2K, EXPLICIT, decompress=True)


def test_the_next_decoder_is_tried_where_one_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoder, tried = get_decoder(J2K), list[str]()
    iter_array = decoder.iter_array

    def fail_at_first(file: Any, **options: Any) -> Any:
        tried.append(options["decoding_plugin"])
        if len(tried) == 1:
            yield next(iter_array(file, **options))
            raise RuntimeError("no more")
        yield from iter_array(file, **options)

    monkeypatch.setattr(decoder, "iter_array", fail_at_first)
    _, made = decompressed("GDCMJ2K_TextGBR.dcm", tmp_path)
    assert tried == ["pylibjpeg", "gdcm"]
    assert len(made.PixelData) == 480_000


# ----------------------------------------------------------------------------------------------- decoders that lack


def test_a_missing_decoder_is_named(tmp_path: Path) -> None:
    """JPEG of 12 bits: only a decoder under the GPL does it, which no extra of ours installs."""
    with pytest.raises(ConversionError, match=r"JPEG Extended .* cannot be decompressed") as caught:
        decompressed("JPEG-lossy.dcm", tmp_path)
    assert "pylibjpeg-libjpeg" in caught.value.packages
    assert caught.value.packages in caught.value.hint


def test_where_no_decoder_is_installed_all_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = get_decoder(JPEG)
    plugins = {name: ("gdcm>=3.0.10",) if name == "gdcm" else ("numpy", "other") for name in ("gdcm", "pillow")}
    monkeypatch.setattr(decoder, "_available", {})
    monkeypatch.setattr(decoder, "_unavailable", {**plugins, "odd": ()})
    data = image(b"\xff\xd8\xff\xd9")
    with pytest.raises(ConversionError, match="no decoder is installed for it") as caught:
        convert_dataset(data, JPEG, EXPLICIT, decompress=True)
    assert caught.value.packages == "python-gdcm>=3.0.10; numpy and other"
    assert "dicomgui[preview]" in caught.value.hint


def test_a_damaged_file_that_every_decoder_was_tried_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(get_decoder(RLE), "_unavailable", {})
    with pytest.raises(ConversionError) as caught:
        native(image(b"\1\2\3\4"))
    assert caught.value.hint == "The file is damaged."
    assert caught.value.packages == ""


def test_no_traceback_of_a_decoder_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """pydicom and pylibjpeg log each failure with its traceback; the message of the error has the reason."""
    with pytest.raises(ConversionError, match="cannot be decompressed"):
        native(image(b"\1\2\3\4"))
    assert not caplog.records
    head = bytes(128) + b"DICM" + explicit(0x00020010, "UI", RLE.encode() + b"\0")
    damaged = pydicom.dcmread(BytesIO(head + image(b"\1\2\3\4")))
    with pytest.raises(RuntimeError):
        get_decoder(pydicom.uid.UID(RLE)).as_buffer(damaged)
    assert caplog.records, "what others decode is logged as ever"


def test_syntaxes_that_pydicom_has_no_decoder_for() -> None:
    with pytest.raises(ConversionError, match="cannot be decompressed here"):
        module._decoder("1.2.840.10008.1.2.4.100")
