"""Files inside of data sets: videos and documents, found by what they are and written byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate

from dicomgui.app.viewing.enclosed import find_enclosed, save_enclosed
from dicomgui.app.viewing.viewed import Viewed, open_file

H264, MPEG2, HEVC, JPEG = (f"1.2.840.10008.1.2.4.{last}" for last in ("102", "100.1", "107", "50"))
EXPLICIT = "1.2.840.10008.1.2.1"


def viewed(path: Path, syntax: str, fragments: list[bytes] | None = None, **values: object) -> Viewed:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.77.1.1.1", "2.25.1"
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    if fragments is not None:
        dataset.PixelData = encapsulate(fragments, has_bot=False)
        dataset["PixelData"].is_undefined_length = True
    dataset.save_as(path, enforce_file_format=True)
    return open_file(path)


@pytest.mark.parametrize(
    ("syntax", "start", "suffix"),
    [
        (H264, b"\0\0\0\x18ftypmp42", ".mp4"), (H264, b"\x47" + bytes(187) + b"\x47", ".ts"),
        (MPEG2, b"\0\0\1\xba", ".mpg"), (MPEG2, b"\0\0\1\xb3", ".m2v"), (H264, b"\0\0\0\1\x67", ".h264"),
        (HEVC, b"\0\0\0\1\x40", ".h265"),
    ],
)  # fmt: skip
def test_a_video_is_named_and_saved_as_it_is(tmp_path: Path, syntax: str, start: bytes, suffix: str) -> None:
    content = [start + bytes(range(256)) * 8, b"more" * 700]
    content = [one + b"\0" * (len(one) % 2) for one in content]
    shown = viewed(tmp_path / "video.dcm", syntax, content)
    found = find_enclosed(shown)
    assert found is not None
    assert (found.what, found.suffix, found.size_bytes) == ("video", suffix, sum(map(len, content)))
    assert "which is not played here" in found.detail
    save_enclosed(shown, found, tmp_path / "saved")
    shown.close()
    assert (tmp_path / "saved").read_bytes() == b"".join(content)
    assert not list(tmp_path.glob(".*.part"))


@pytest.mark.parametrize(
    ("kind", "what", "suffix"),
    [("application/pdf", "PDF document", ".pdf"), ("model/stl", "3D model", ".stl"), ("a/b", "document", ".bin")],
)
def test_a_document_is_saved_without_the_byte_that_pads_it(tmp_path: Path, kind: str, what: str, suffix: str) -> None:
    shown = viewed(
        tmp_path / "document.dcm", EXPLICIT, MIMETypeOfEncapsulatedDocument=kind, EncapsulatedDocument=b"%PDF-\0",
        EncapsulatedDocumentLength=5,
    )  # fmt: skip
    found = find_enclosed(shown)
    assert found is not None
    assert (found.what, found.suffix) == (what, suffix)
    save_enclosed(shown, found, tmp_path / "saved")
    shown.close()
    assert (tmp_path / "saved").read_bytes() == b"%PDF-"


def test_an_image_encloses_nothing(tmp_path: Path) -> None:
    for shown in (viewed(tmp_path / "a.dcm", JPEG, [b"\xff\xd8"]), viewed(tmp_path / "b.dcm", EXPLICIT)):
        assert find_enclosed(shown) is None
        shown.close()


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    shown = viewed(tmp_path / "a.dcm", H264, [b"abcd"])
    found = find_enclosed(shown)
    assert found is not None
    with pytest.raises(OSError, match="directory"):
        save_enclosed(shown, found, tmp_path / "none" / "saved")
    shown.close()
    assert [path.name for path in tmp_path.iterdir()] == ["a.dcm"]
