"""Windowing, palettes and what values mean."""

from __future__ import annotations

from array import array

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels.processing import apply_voi
from pydicom.sequence import Sequence

from dicomgui.app.viewing import image_facts, image_render
from dicomgui.app.viewing.image_facts import ImageError, Modality, Window, read_facts, read_meaning
from dicomgui.app.viewing.image_frames import Frame, FrameReader
from dicomgui.app.viewing.image_palette import expand_segments
from dicomgui.app.viewing.image_render import auto_window, full_window, gray_of, render, value_at
from dicomgui.app.viewing.viewed import Viewed, open_bytes
from dicomgui.network.dimse.dataset import encode_dataset

EXPLICIT = "1.2.840.10008.1.2.1"


def image(pixels: bytes, *, rows: int = 1, **values: object) -> Viewed:
    dataset = Dataset()
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows = rows
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.PixelRepresentation = 0
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    width = dataset.SamplesPerPixel * max(1, dataset.BitsAllocated // 8)
    if "Columns" not in dataset:
        dataset.Columns = len(pixels) // width // rows
    dataset.add_new(0x7FE00010, "OW", pixels + b"\0" * (len(pixels) % 2))
    return open_bytes(encode_dataset(dataset, EXPLICIT), EXPLICIT, "image")


def drawn(viewed: Viewed, window: Window, *, is_inverted: bool = False) -> list[int]:
    facts = read_facts(viewed)
    modality = read_meaning(viewed, 0).modality
    return list(render(FrameReader(viewed, facts).frame(0), facts, modality, window, is_inverted=is_inverted).data)


def words(*values: int) -> bytes:
    return array("H", [value & 0xFFFF for value in values]).tobytes()


@pytest.mark.parametrize(
    ("value", "window", "gray"),
    [
        (0, Window("", 2048, 4096), 0), (4095, Window("", 2048, 4096), 255), (2048, Window("", 2048, 4096), 128),
        (-1000, Window("", 40, 400), 0), (240, Window("", 40, 400), 255), (39, Window("", 40, 400), 127),
        (5, Window("", 5, 1), 255), (4, Window("", 5, 1), 0),
        (0.5, Window("", 0.5, 1, "LINEAR_EXACT"), 128), (0, Window("", 0.5, 1, "LINEAR_EXACT"), 0),
        (40, Window("", 40, 400, "SIGMOID"), 128), (-10000, Window("", 40, 400, "SIGMOID"), 0),
    ],
)  # fmt: skip
def test_a_window_makes_the_grey_that_the_standard_says(value: float, window: Window, gray: int) -> None:
    assert gray_of(value, window) == gray


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("slope", [1.0, -2.0, 0.5])
@pytest.mark.parametrize(("stored", "signed"), [(16, 0), (16, 1), (12, 0), (12, 1)])
def test_a_table_draws_what_each_value_would_be_drawn(function: str, slope: float, stored: int, signed: int) -> None:
    low = -(1 << stored - 1) if signed else 0
    values = [low, low + 1, low + 100, 0, 1, 40, 300, 1000, low + (1 << stored) - 1]
    raw = [value & ((1 << stored) - 1) for value in values]
    viewed = image(
        words(*raw), BitsStored=stored, HighBit=stored - 1, PixelRepresentation=signed, RescaleSlope=slope,
        RescaleIntercept=-24,
    )  # fmt: skip
    window = Window("", 100.5, 450, function)
    expected = [gray_of(value * slope - 24, window) for value in values]
    assert all(abs(a - b) <= 1 for a, b in zip(drawn(viewed, window), expected, strict=True))


def test_what_lies_beside_the_stored_bits_does_not_count() -> None:
    viewed = image(words(0xF001, 0x0FFF), BitsStored=12, HighBit=11)
    facts = read_facts(viewed)
    frame = FrameReader(viewed, facts).frame(0)
    assert [value_at(frame, facts, column, 0) for column in (0, 1)] == [(1,), (4095,)]
    assert drawn(viewed, Window("", 2048, 4096)) == [0, 255]
    shifted = image(words(0x0010, 0xFFF0), BitsStored=12, HighBit=15)
    assert drawn(shifted, Window("", 2048, 4096)) == [0, 255]


def test_monochrome_1_is_white_where_it_is_small() -> None:
    viewed = image(words(0, 4095), BitsStored=12, HighBit=11, PhotometricInterpretation="MONOCHROME1")
    assert drawn(viewed, Window("", 2048, 4096)) == [255, 0]
    assert drawn(viewed, Window("", 2048, 4096), is_inverted=True) == [0, 255]


@pytest.mark.parametrize("has_numpy", [False, True])
def test_samples_of_32_bits_are_windowed_too(has_numpy: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_render, "has_numpy", lambda: has_numpy)
    pixels = array("I", [0, 500_000, 1_000_000]).tobytes()
    viewed = image(pixels, BitsAllocated=32, BitsStored=32)
    assert drawn(viewed, Window("", 500_000, 1_000_001)) == [0, 128, 255]


def test_planes_become_pixels() -> None:
    viewed = image(
        b"\x01\x02\x03\x04\x05\x06", SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=1,
        BitsAllocated=8, BitsStored=8, Columns=2,
    )  # fmt: skip
    assert drawn(viewed, Window("", 0, 1)) == [1, 3, 5, 2, 4, 6]


def test_values_mean_what_the_data_set_says_of_them() -> None:
    viewed = image(
        words(1000), Modality="CT", RescaleSlope=2, RescaleIntercept=-1024, WindowCenter=[40, 400],
        WindowWidth=[350, 1500], WindowCenterWidthExplanation=["SOFT", "BONE"],
    )  # fmt: skip
    meaning = read_meaning(viewed, 0)
    assert (meaning.modality.value_of(1000), meaning.modality.unit) == (976, "HU")
    assert [(one.name, one.center, one.width) for one in meaning.windows] == [("SOFT", 40, 350), ("BONE", 400, 1500)]


def test_a_table_of_the_modality_comes_before_a_slope() -> None:
    item = Dataset()
    item.add_new(0x00283002, "US", [3, 10, 16])
    item.ModalityLUTType = "OD"
    item.add_new(0x00283006, "US", [100, 200, 300])
    meaning = read_meaning(image(words(11), ModalityLUTSequence=[item], RescaleSlope=7), 0)
    assert [meaning.modality.value_of(value) for value in (9, 10, 11, 50)] == [100, 100, 200, 300]
    assert meaning.modality.unit == "OD"


def test_functional_groups_say_it_for_each_frame() -> None:
    def group(center: int, slope: int) -> Dataset:
        voi, transformed, made = Dataset(), Dataset(), Dataset()
        voi.WindowCenter, voi.WindowWidth = center, 100
        transformed.RescaleSlope, transformed.RescaleIntercept = slope, 0
        made.FrameVOILUTSequence, made.PixelValueTransformationSequence = Sequence([voi]), Sequence([transformed])
        return made

    per_frame = [group(10, 1), group(20, 3)]
    del per_frame[0].PixelValueTransformationSequence
    viewed = image(
        words(1, 2), NumberOfFrames=2, Columns=1, PerFrameFunctionalGroupsSequence=per_frame,
        SharedFunctionalGroupsSequence=[group(99, 5)],
    )  # fmt: skip
    found = [read_meaning(viewed, index) for index in (0, 1)]
    assert [(one.windows[0].center, one.modality.slope) for one in found] == [(10, 5), (20, 3)]


@pytest.mark.parametrize(
    ("changes", "words_of_it"),
    [
        ({"Rows": 60_000, "Columns": 60_000}, "are not shown"), ({"Rows": 0, "Columns": 5}, "0 rows"),
        ({"BitsAllocated": 12}, "Bits Allocated"), ({"PhotometricInterpretation": "PALETTE COLOR"}, "palette"),
    ],
)  # fmt: skip
def test_what_cannot_be_shown_says_why(changes: dict[str, object], words_of_it: str) -> None:
    with pytest.raises(ImageError, match=words_of_it):
        read_facts(image(words(1, 2), **changes))


def test_a_colour_model_that_is_not_shown_is_named() -> None:
    viewed = image(bytes(8), SamplesPerPixel=4, PhotometricInterpretation="CMYK", BitsAllocated=8, BitsStored=8)
    with pytest.raises(ImageError, match="CMYK"):
        drawn(viewed, Window("", 0, 1))


def test_padding_and_outliers_do_not_widen_the_automatic_window() -> None:
    values = [-2000] * 500 + list(range(1000)) + [30_000]
    viewed = image(words(*values), rows=19, Columns=79, PixelRepresentation=1, PixelPaddingValue=-2000, RescaleSlope=1)
    facts = read_facts(viewed)
    frame = Frame(words(*values), "h", 19, 79, 1, "MONOCHROME2")
    found = auto_window(frame, facts, Modality())
    assert found.center - found.width / 2 >= 0
    assert found.center + found.width / 2 <= 1000
    assert full_window(frame, facts, Modality()).center > 10_000


def test_a_frame_of_one_value_has_a_window_all_the_same() -> None:
    viewed = image(words(7, 7, 7))
    facts = read_facts(viewed)
    assert auto_window(FrameReader(viewed, facts).frame(0), facts, Modality()).width > 0


@pytest.mark.parametrize(
    ("segments", "entries"),
    [
        ((0, 2, 5, 6, 1, 4, 10), [5, 6, 7, 8, 9, 10]), ((0, 1, 9, 1, 3, 0), [9, 6, 3, 0]),
        ((0, 2, 1, 2, 2, 1, 0, 0), [1, 2, 1, 2]), ((2, 1, 0, 0), []), ((0, 50, 1, 2), [1, 2]), ((9, 9, 9), []),
        ((1, 4, 10), []), ((), []),
    ],
)  # fmt: skip
def test_segments_of_a_palette_are_expanded(segments: tuple[int, ...], entries: list[int]) -> None:
    assert expand_segments(segments) == entries


def test_a_palette_that_loops_has_an_end() -> None:
    loops = (0, 4, 1, 2, 3, 4, *((2, 60_000, 0, 0) * 2000))
    assert len(expand_segments(loops)) <= 65_536


def test_the_size_of_a_frame_is_bounded() -> None:
    assert image_facts.MAX_FRAME_BYTES <= 1 << 28


def lut(first: int, values: list[int], bits: int = 16, *, packed: bool = False, **more: str) -> Dataset:
    item = Dataset()
    item.add_new(0x00283002, "US", [len(values) & 0xFFFF, first & 0xFFFF, bits])
    data = bytes(values) if packed else words(*values)
    item.add_new(0x00283006, "OW", data + b"\0" * (len(data) % 2))
    for keyword, value in more.items():
        setattr(item, keyword, value)
    return item


@pytest.mark.parametrize("has_numpy", [True, False])
@pytest.mark.parametrize(
    ("bits", "packed", "allocated"), [(16, False, 16), (12, False, 16), (8, False, 16), (8, True, 16), (12, False, 32)]
)
def test_a_voi_table_is_drawn_as_pydicom_applies_it(
    bits: int, packed: bool, allocated: int, has_numpy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_render, "has_numpy", lambda: has_numpy)
    top = (1 << bits) - 1
    entries = [round(top * (number / 99) ** 2) for number in range(100)]
    dataset_values: dict[str, object] = {
        "VOILUTSequence": Sequence([lut(10, entries, bits, packed=packed, LUTExplanation="Square")]),
        "RescaleSlope": 2, "RescaleIntercept": 4, "WindowCenter": 1, "WindowWidth": 2,
    }  # fmt: skip
    stored = [0, 1, 3, 20, 40, 52, 53, 100]
    pixels = words(*stored) if allocated == 16 else array("I", stored).tobytes()
    viewed = image(pixels, BitsAllocated=allocated, BitsStored=allocated, **dataset_values)
    tables = read_meaning(viewed, 0).windows
    assert [one.name for one in tables] == ["Square", "Window 1"]
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = EXPLICIT
    dataset.VOILUTSequence = Sequence([lut(10, entries, bits)])  # pydicom wants each entry in a word
    dataset.BitsStored, dataset.PixelRepresentation = 16, 0
    expected = apply_voi(np.asarray([2 * value + 4 for value in stored], "u2"), dataset)
    assert drawn(viewed, tables[0]) == [min(255, int(value) * 255 // top) for value in expected]


def test_a_voi_table_may_begin_below_zero() -> None:
    table = lut(-3, [0, 50, 100, 150, 200, 255], 8)
    viewed = image(words(-4, -3, -1, 1, 9), PixelRepresentation=1, VOILUTSequence=Sequence([table]))
    [window] = read_meaning(viewed, 0).windows
    assert (window.center, window.width, window.name) == (0.0, 6.0, "Table 1")
    assert drawn(viewed, window) == [0, 0, 100, 200, 255]


@pytest.mark.parametrize("wrong", [{"bits": 0}, {"bits": 17}, {"values": []}])
def test_a_voi_table_that_is_none_is_left_out(wrong: dict[str, int]) -> None:
    item = lut(0, [1, 2], 8) if "values" not in wrong else lut(0, [])
    if "bits" in wrong:
        item.add_new(0x00283002, "US", [2, 0, wrong["bits"]])
    assert read_meaning(image(words(1), VOILUTSequence=Sequence([item])), 0).windows == ()


@pytest.mark.parametrize(
    ("shape", "photometric", "is_inverse"),
    [
        ("", "MONOCHROME2", False), ("", "MONOCHROME1", True), ("IDENTITY", "MONOCHROME2", False),
        ("INVERSE", "MONOCHROME1", True), ("INVERSE", "MONOCHROME2", True), ("IDENTITY", "MONOCHROME1", False),
    ],
)  # fmt: skip
def test_the_shape_of_the_presentation_decides_what_is_white(shape: str, photometric: str, is_inverse: bool) -> None:
    more = {"PresentationLUTShape": shape} if shape else {}
    viewed = image(words(0, 255), PhotometricInterpretation=photometric, **more)
    assert drawn(viewed, Window("", 128, 256)) == ([255, 0] if is_inverse else [0, 255])


@pytest.mark.parametrize(
    ("values", "aspect", "spacing"),
    [
        ({}, 1.0, ""),
        ({"PixelSpacing": [2, 0.5]}, 4.0, "0.5 × 2 mm"),
        ({"PixelAspectRatio": [1, 2]}, 0.5, "pixels 2 × 1"),
        ({"PixelSpacing": [1, 1], "PixelAspectRatio": [1, 2]}, 1.0, "1 × 1 mm"),
        ({"ImagerPixelSpacing": [0.2, 0.1]}, 2.0, "0.1 × 0.2 mm at the detector"),
        ({"PixelSpacing": [0, 1]}, 1.0, ""),
        ({"PixelSpacing": [1000, 1]}, 1.0, "1 × 1000 mm"),
    ],
)
def test_pixels_are_as_high_as_the_data_set_says(values: dict[str, object], aspect: float, spacing: str) -> None:
    facts = read_facts(image(words(1, 2), **values))
    assert (facts.aspect, facts.spacing) == (aspect, spacing)


def test_functional_groups_say_how_large_a_pixel_is() -> None:
    measures, group = Dataset(), Dataset()
    measures.PixelSpacing = [0.3, 0.6]
    group.PixelMeasuresSequence = Sequence([measures])
    facts = read_facts(image(words(1, 2), SharedFunctionalGroupsSequence=Sequence([group])))
    assert facts.aspect == 0.5


@pytest.mark.parametrize("has_numpy", [True, False])
def test_partial_range_of_a_video_is_black_at_16_and_white_at_235(
    has_numpy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_render, "has_numpy", lambda: has_numpy)
    viewed = image(
        bytes([16, 235, 128, 128, 81, 81, 90, 240]), Columns=4, SamplesPerPixel=3, BitsAllocated=8, BitsStored=8,
        PlanarConfiguration=0, PhotometricInterpretation="YBR_PARTIAL_422",
    )  # fmt: skip
    pixels = drawn(viewed, Window("", 128, 256))
    assert pixels[:6] == [0, 0, 0, 255, 255, 255]
    assert all(abs(value - wanted) <= 1 for value, wanted in zip(pixels[6:9], (255, 0, 0), strict=True))


def test_segments_of_a_palette_may_be_bytes() -> None:
    assert expand_segments((0, 2, 7, 9, 1, 2, 13, 2, 1, 0, 0, 0, 0), is_bytes=True) == [7, 9, 11, 13, 7, 9]
    descriptor = [6, 0, 8]
    values: dict[str, object] = {"PhotometricInterpretation": "PALETTE COLOR", "BitsAllocated": 8, "BitsStored": 8}
    viewed_values = dict(values)
    for number, color in enumerate(("Red", "Green", "Blue")):
        viewed_values[f"{color}PaletteColorLookupTableDescriptor"] = descriptor
        data = bytes((0, 2, 7 + number, 9, 1, 2, 13, 2, 1, 0, 0, 0, 0, 0))
        viewed_values[f"Segmented{color}PaletteColorLookupTableData"] = data
    assert drawn(image(bytes([0, 3, 5, 9]), **viewed_values), Window("", 1, 1)) == [
        7, 8, 9, 13, 13, 13, 9, 9, 9, 9, 9, 9,
    ]  # fmt: skip
