"""Each test image of pydicom is previewed as pydicom itself decodes it, or it is said what is missing; with NumPy and,
where nothing is compressed, without.
"""

from __future__ import annotations

import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pydicom.data
import pytest
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.pixels import convert_color_space, pixel_array
from pydicom.pixels.processing import apply_color_lut

from dicomgui.app.viewing import image_frames, image_render
from dicomgui.app.viewing.image_facts import ImageError, has_image, read_facts, read_meaning
from dicomgui.app.viewing.image_frames import Frame, FrameReader, decoder_of
from dicomgui.app.viewing.image_render import auto_window, gray_of, render, value_at
from dicomgui.app.viewing.viewed import open_file
from dicomgui.network.dimse.dataset import encode_dataset
from dicomgui.network.part10 import write_head

FOLDER = Path(pydicom.data.__file__).parent / "test_files"
NO_DECODER = {"JPEG-lossy.dcm": "pylibjpeg-libjpeg", "JPGExtended.dcm": "pylibjpeg-libjpeg"}
"""JPEG of 12 bits: what can do it is under the GPL, and no part of ``preview``; it is said by name."""
DAMAGED = {"JPEG2000-embedded-sequence-delimiter.dcm": "cannot be decoded"}
NO_IMAGE = {"meta_missing_tsyntax.dcm": "Rows", "nested_priv_SQ.dcm": "Rows"}
CUT_OFF = {"MR_truncated.dcm"}
REFUSED = NO_DECODER | DAMAGED | NO_IMAGE


def images() -> list[str]:
    """The files with pixel data, by name."""
    names = []
    for path in sorted(FOLDER.glob("*.dcm")):
        try:
            viewed = open_file(path)
        except ImageError:
            continue
        except ValueError:  # no DICOM file
            continue
        if has_image(viewed):
            names.append(path.name)
        viewed.close()
    return names


IMAGES = images()


def places(rows: int, columns: int) -> list[tuple[int, int]]:
    """Some pixels: the corners, and others spread."""
    corners = [(0, 0), (0, columns - 1), (rows - 1, 0), (rows - 1, columns - 1)]
    return corners + [(number * 37 % rows, number * 101 % columns) for number in range(1, 60)]


def expected_of(path: Path, index: int) -> tuple[Any, Any]:
    """What pydicom decodes: the samples, and as 8-bit RGB where it is in colour, else ``None``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = dcmread(path, force=True)
        frames = int(str(dataset.get("NumberOfFrames", 1) or 1).rstrip("A"))
        dataset.NumberOfFrames = frames  # one of the files has 1A, which pydicom itself does not take
        array: Any = pixel_array(dataset, index=index if frames > 1 else 0)
        if dataset.PhotometricInterpretation == "PALETTE COLOR":
            return array, (apply_color_lut(array, dataset) >> 8).astype("u1")
        if array.ndim == 3:
            is_native = not dataset.file_meta.TransferSyntaxUID.is_compressed
            if is_native and dataset.PhotometricInterpretation.startswith("YBR"):
                array = convert_color_space(pixel_array(dataset, raw=True), "YBR_FULL", "RGB")
            return array, (array >> (dataset.BitsStored - 8)).astype("u1")
        return array, None


def shown(path: Path, index: int = 0) -> tuple[Frame, Any]:
    """The frame, and the pixels that are drawn of it."""
    viewed = open_file(path)
    try:
        facts = read_facts(viewed)
        frame = FrameReader(viewed, facts).frame(index)
        modality = read_meaning(viewed, index).modality
        window = auto_window(frame, facts, modality)
        picture = render(frame, facts, modality, window)
        assert (picture.rows, picture.columns) == (facts.rows, facts.columns)
        assert len(picture.data) == facts.rows * facts.columns * (3 if picture.is_color else 1)
        array, colors = expected_of(path, index)
        for row, column in places(facts.rows, facts.columns):
            at = row * facts.columns + column
            if colors is not None:
                drawn = picture.data[3 * at : 3 * at + 3]
                assert max(abs(int(a) - int(b)) for a, b in zip(drawn, colors[row, column], strict=True)) <= 1
            else:
                [stored] = value_at(frame, facts, column, row)
                assert stored == array[row, column]
                gray = gray_of(modality.value_of(stored), window)
                assert abs(picture.data[at] - (255 - gray if facts.photometric == "MONOCHROME1" else gray)) <= 1
        return frame, picture
    finally:
        viewed.close()


@pytest.mark.parametrize("name", [name for name in IMAGES if name not in REFUSED and name not in CUT_OFF])
def test_it_is_drawn_as_pydicom_decodes_it(name: str) -> None:
    frame, _ = shown(FOLDER / name)
    assert frame.note == ""


@pytest.mark.parametrize("name", REFUSED)
def test_the_rest_says_what_is_missing_or_wrong(name: str) -> None:
    viewed = open_file(FOLDER / name)
    with pytest.raises(ImageError, match=REFUSED[name]):
        FrameReader(viewed, read_facts(viewed)).frame(0)
    viewed.close()


def test_there_are_as_many_images_as_pydicom_ships() -> None:
    assert len(IMAGES) >= 60
    assert REFUSED.keys() <= set(IMAGES)


@pytest.mark.parametrize("name", ["rtdose.dcm", "rtdose_expb.dcm", "rtdose_rle.dcm", "SC_rgb_rle_2frame.dcm"])
@pytest.mark.parametrize("index", [0, 1])
def test_each_frame_is_its_own(name: str, index: int) -> None:
    shown(FOLDER / name, index)


def test_a_later_frame_of_compressed_ones() -> None:
    shown(FOLDER / "examples_ybr_color.dcm", 29)


NATIVE = [
    name
    for name in IMAGES
    if name not in REFUSED | dict.fromkeys(CUT_OFF, "")
    and not any(part in name.lower() for part in ("j2k", "jpeg", "jpg", "jls", "jp2", "ybr_color"))
] + ["SC_rgb_jpeg_dcmd.dcm"]  # fmt: skip


@pytest.mark.parametrize("name", NATIVE)
def test_uncompressed_and_run_length_need_no_numpy(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_frames, "has_numpy", lambda: False)
    monkeypatch.setattr(image_render, "has_numpy", lambda: False)
    shown(FOLDER / name)


def test_pixel_data_that_are_cut_off_are_shown_as_far_as_they_go() -> None:
    viewed = open_file(FOLDER / "MR_truncated.dcm")
    frame = FrameReader(viewed, read_facts(viewed)).frame(0)
    viewed.close()
    assert "cut off: 8,130 of 8,192 bytes" in frame.note
    whole = open_file(FOLDER / "MR_small.dcm")
    assert frame.data[:8130] == FrameReader(whole, read_facts(whole)).frame(0).data[:8130]
    whole.close()


def test_a_frame_that_is_not_there_is_said() -> None:
    viewed = open_file(FOLDER / "CT_small.dcm")
    reader = FrameReader(viewed, read_facts(viewed))
    with pytest.raises(ImageError, match="not among them"):
        reader.frame(1)
    viewed.close()


def test_frames_are_kept_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_frames, "CACHE_BYTES", 1000)
    viewed = open_file(FOLDER / "rtdose.dcm")
    reader = FrameReader(viewed, read_facts(viewed))
    first = reader.frame(0)
    assert reader.frame(0) is first
    for index in range(1, 15):
        assert np.frombuffer(reader.frame(index).data, "I").shape == (100,)
    assert reader.frame(14) is reader.frame(14)
    assert reader.frame(0) is not first
    viewed.close()


def deflated(
    tmp_path: Path, frames: list[bytes], *, window: int = -15, offsets: bool = False, **values: object
) -> Path:
    """A file in Deflated Image Frame Compression, an item for each frame (PS3.5 A.4.13)."""
    streams = []
    for frame in frames:
        packer = zlib.compressobj(wbits=window)
        stream = packer.compress(frame) + packer.flush()
        streams.append(stream + b"\0" * (len(stream) % 2))
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7.3", "2.25.8"
    facts = {"SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "Rows": 3, "Columns": 5,
             "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0}  # fmt: skip
    for keyword, value in {**facts, **values, "NumberOfFrames": len(frames)}.items():
        setattr(dataset, keyword, value)
    dataset.PixelData = encapsulate(streams, has_bot=offsets)
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    path = tmp_path / "deflated.dcm"
    uids = {"sop_class_uid": dataset.SOPClassUID, "sop_instance_uid": dataset.SOPInstanceUID}
    head = write_head(**uids, transfer_syntax_uid="1.2.840.10008.1.2.8.1")
    path.write_bytes(head + encode_dataset(dataset, "1.2.840.10008.1.2.1"))
    return path


def decoded(path: Path, index: int = 0) -> Frame:
    viewed = open_file(path)
    try:
        return FrameReader(viewed, read_facts(viewed)).frame(index)
    finally:
        viewed.close()


@pytest.mark.parametrize("window", [-15, 15], ids=["raw", "with the header of zlib"])
@pytest.mark.parametrize("offsets", [True, False])
def test_deflated_frames_are_inflated(tmp_path: Path, window: int, offsets: bool) -> None:
    frames = [bytes(range(15)), bytes(range(100, 115))]
    path = deflated(tmp_path, frames, window=window, offsets=offsets)
    assert [decoded(path, index).data for index in (0, 1)] == frames
    assert decoded(path).note == ""


def test_deflated_frames_of_one_bit_begin_on_a_byte_each(tmp_path: Path) -> None:
    """PS3.5 8.2.16: a segmentation, whose 15 bits a frame are two bytes, the lowest bit first."""
    frames = [b"\x01\x40", b"\xff\x7f"]
    path = deflated(tmp_path, frames, BitsAllocated=1, BitsStored=1, HighBit=0)
    assert decoded(path).data == bytes([1, *[0] * 13, 1])
    assert decoded(path, 1).data == bytes([1] * 15)


def test_deflated_words_and_colours(tmp_path: Path) -> None:
    words = np.arange(15, dtype="<u2") * 999
    path = deflated(tmp_path, [words.tobytes()], BitsAllocated=16, BitsStored=16, HighBit=15)
    assert list(decoded(path).values) == list(words)
    values: dict[str, object] = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 1}
    frame = decoded(deflated(tmp_path, [bytes(range(45))], **values))
    assert frame.data[:6] == bytes([0, 15, 30, 1, 16, 31])


def test_deflated_frames_that_are_cut_off_or_no_stream_are_said(tmp_path: Path) -> None:
    frame = decoded(deflated(tmp_path, [bytes(range(9))]))
    assert frame.data == bytes(range(9)) + bytes(6)
    assert "9 of 15 bytes" in frame.note
    path = deflated(tmp_path, [bytes(15)])
    data = path.read_bytes()
    path.write_bytes(data[:-16] + b"\xff" * 8 + data[-8:])
    with pytest.raises(ImageError, match="Frame 1 of this Deflated Image Frame Compression image cannot be decoded"):
        decoded(path)


def test_a_deflated_frame_is_inflated_no_further_than_it_is_large(tmp_path: Path) -> None:
    assert decoded(deflated(tmp_path, [bytes(50_000_000)])).data == bytes(15)


def test_without_a_decoder_its_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = decoder_of("1.2.840.10008.1.2.4.80")
    monkeypatch.setattr(decoder, "_available", {})
    monkeypatch.setattr(decoder, "_unavailable", {"pyjpegls": ("numpy", "pyjpegls>=1.2")})
    with pytest.raises(ImageError, match=r"dicomgui\[preview\].*pyjpegls"):
        decoder_of("1.2.840.10008.1.2.4.80")


@pytest.mark.parametrize(("uid", "words"), [("1.2.840.10008.1.2.4.100", "a video"), ("1.2.3.4", "known to no decoder")])
def test_what_nothing_decodes_is_said(uid: str, words: str) -> None:
    with pytest.raises(ImageError, match=words):
        decoder_of(uid)
