"""Pictures as a printer takes them."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.instances import shipped_folder
from helpers.retrieval import elements

from dicomgui.app.nservices.picture import read_picture
from dicomgui.app.viewing.dataset_save import save_dataset
from dicomgui.network.errors import ConfigurationError

FILES = shipped_folder() / "test_files"


def test_gray_of_sixteen_bits_becomes_gray_of_eight() -> None:
    picture = read_picture(FILES / "CT_small.dcm")
    assert (picture.BitsAllocated, picture.SamplesPerPixel, picture.PhotometricInterpretation) == (8, 1, "MONOCHROME2")
    assert len(picture.PixelData) == picture.Rows * picture.Columns == 128 * 128
    assert (min(picture.PixelData), max(picture.PixelData)) == (0, 255)


def test_color_goes_by_plane(tmp_path: Path) -> None:
    values = {"Rows": 1, "Columns": 2, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0}
    image = elements(**values, SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0)
    image.PixelData = bytes((1, 2, 3, 4, 5, 6))
    save_dataset(image, tmp_path / "a.dcm")
    picture = read_picture(tmp_path / "a.dcm")
    assert (picture.PixelData, picture.PlanarConfiguration) == (bytes((1, 4, 2, 5, 3, 6)), 1)


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    save_dataset(elements(PatientID="1"), tmp_path / "a.dcm")
    (tmp_path / "b.txt").write_text("no image")
    for name in ("a.dcm", "b.txt", "c.dcm"):
        with pytest.raises(ConfigurationError, match=name):
            read_picture(tmp_path / name)
