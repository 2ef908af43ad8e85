"""Graphics over images: drawn where pydicom sees it, for the frames that it belongs to, also inside of the pixels."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom.data
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from dicomgui.app.viewing import image_overlays
from dicomgui.app.viewing.image_facts import read_facts
from dicomgui.app.viewing.image_frames import FrameReader
from dicomgui.app.viewing.image_overlays import Plane, plane_of, read_overlays
from dicomgui.app.viewing.viewed import Viewed, open_bytes, open_file
from dicomgui.network.dimse.dataset import encode_dataset

FILE = Path(pydicom.data.__file__).parent / "test_files" / "examples_overlay.dcm"
EXPLICIT, BIG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"


def image(frames: int = 1, **values: object) -> Dataset:
    dataset = Dataset()
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = 3, 5, frames
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    dataset.add_new(0x7FE00010, "OW", bytes(2 * 15 * frames))
    return dataset


def add_overlay(dataset: Dataset, bits: Any, group: int = 0x6000, **values: Any) -> None:
    frames, rows, columns = bits.shape
    packed = np.packbits(bits.reshape(-1), bitorder="little").tobytes()
    for element, vr, value in (
        (0x10, "US", rows), (0x11, "US", columns), (0x15, "IS", frames), (0x40, "CS", "G"),
        (0x50, "SS", values.get("origin", [1, 1])), (0x51, "US", values.get("first", 1)), (0x100, "US", 1),
        (0x102, "US", 0), (0x3000, "OW", packed + b"\0" * (len(packed) % 2)),
    ):  # fmt: skip
        dataset.add_new(group << 16 | element, vr, value)


def planes(viewed: Viewed, index: int = 0) -> list[Plane]:
    facts = read_facts(viewed)
    frame = FrameReader(viewed, facts).frame(index)
    found = (plane_of(viewed, facts, overlay, frame, index) for overlay in read_overlays(viewed))
    return [plane for plane in found if plane is not None]


def viewed_of(dataset: Dataset, syntax: str = EXPLICIT) -> Viewed:
    return open_bytes(encode_dataset(dataset, syntax), syntax, "image")


def test_it_is_where_pydicom_sees_it() -> None:
    viewed = open_file(FILE)
    [plane] = planes(viewed)
    viewed.close()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected: Any = dcmread(FILE).overlay_array(0x6000)
    assert plane.data == expected.astype("u1").tobytes()
    assert any(plane.data)


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG])
def test_frames_of_overlays_belong_to_frames_of_the_image(syntax: str) -> None:
    bits = (np.arange(2 * 15).reshape(2, 3, 5) % 3 == 0).astype("u1")
    dataset = image(4)
    add_overlay(dataset, bits, first=2)
    if syntax == BIG:  # pydicom does not swap words itself
        dataset[0x60003000].value = _swapped(dataset[0x60003000].value)
    shown = [planes(viewed_of(dataset, syntax), index) for index in range(4)]
    assert [len(one) for one in shown] == [0, 1, 1, 0]
    assert [one[0].data for one in shown[1:3]] == [bits[0].tobytes(), bits[1].tobytes()]


def _swapped(data: bytes) -> bytes:
    return b"".join(data[at : at + 2][::-1] for at in range(0, len(data), 2))


def test_one_that_has_a_single_frame_belongs_to_all_and_has_an_origin() -> None:
    dataset = image(3)
    add_overlay(dataset, np.ones((1, 2, 2), "u1"), 0x6002, origin=[-1, 4])
    dataset.add_new(0x60021500, "LO", "Markers")
    [plane] = planes(viewed_of(dataset), 2)
    assert (plane.overlay.row, plane.overlay.column, plane.overlay.label) == (-2, 3, "Markers")
    assert plane.data == b"\1\1\1\1"


@pytest.mark.parametrize("has_numpy", [True, False])
def test_graphics_in_a_bit_of_the_pixels(has_numpy: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_overlays, "has_numpy", lambda: has_numpy)
    values = np.arange(15, dtype="<u2") | np.asarray([number % 2 << 15 for number in range(15)], "<u2")
    dataset = image()
    dataset[0x7FE00010].value = values.tobytes()
    for element, value in ((0x10, 3), (0x11, 5), (0x100, 16), (0x102, 15)):
        dataset.add_new(0x60000000 | element, "US", value)
    [plane] = planes(viewed_of(dataset))
    assert list(plane.data) == [number % 2 for number in range(15)]
    dataset.add_new(0x60000102, "US", 11)  # a bit of the image itself
    assert planes(viewed_of(dataset)) == []


@pytest.mark.parametrize("wrong", [{0x10: 0}, {0x10: 65535, 0x11: 65535}])
def test_one_without_a_size_that_can_be_is_left_out(wrong: dict[int, int]) -> None:
    dataset = image()
    add_overlay(dataset, np.ones((1, 2, 2), "u1"))
    for element, value in wrong.items():
        dataset.add_new(0x60000000 | element, "US", value)
    assert read_overlays(viewed_of(dataset)) == ()


def test_one_that_is_cut_off_is_drawn_as_far_as_it_goes() -> None:
    dataset = image()
    add_overlay(dataset, np.ones((1, 6, 6), "u1"))
    dataset[0x60003000].value = b"\xff\xff"
    [plane] = planes(viewed_of(dataset))
    assert plane.data == b"\1" * 16 + bytes(20)
