"""Instances into another transfer syntax: what is refused, what a file says afterwards, what stays when it fails."""

from __future__ import annotations

import subprocess
import sys
import zlib
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from helpers.elements import UNDEFINED, delimiter, explicit, implicit, item
from helpers.instances import BIG_ENDIAN, DEFLATED, EXPLICIT, IMPLICIT, data_set, shipped_folder, write_instance
from pydicom.dataset import Dataset

from dicomgui.network.dimse import convert as module
from dicomgui.network.dimse.convert import (
    ConversionError,
    ConversionStopped,
    Converted,
    PixelKind,
    convert_dataset,
    convert_file,
    kind_of,
)
from dicomgui.network.dimse.native import PIECE_BYTES
from dicomgui.network.part10 import Part10Head, read_head

NATIVE = (IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED)
JPEG = "1.2.840.10008.1.2.4.50"
ELEMENT = explicit(0x00080016, "UI", b"1.2\0") + explicit(0x00280010, "US", b"\1\2")


def shipped_file(name: str) -> Path:
    return shipped_folder() / "test_files" / name


@pytest.mark.parametrize(
    ("uid", "kind"),
    [
        *((uid, PixelKind.NATIVE) for uid in NATIVE),
        ("1.2.840.10008.1.2.5", PixelKind.LOSSLESS),
        ("1.2.840.10008.1.2.4.70", PixelKind.LOSSLESS),
        ("1.2.840.10008.1.2.4.80", PixelKind.LOSSLESS),
        ("1.2.840.10008.1.2.4.90", PixelKind.LOSSLESS),
        ("1.2.840.10008.1.2.4.201", PixelKind.LOSSLESS),
        (JPEG, PixelKind.LOSSY),
        ("1.2.840.10008.1.2.4.81", PixelKind.LOSSY),
        ("1.2.840.10008.1.2.4.91", PixelKind.LOSSY),
        ("1.2.840.10008.1.2.4.102", PixelKind.OTHER),
        ("1.2.840.10008.1.2.4.95", PixelKind.OTHER),
        ("1.2.840.10008.1.2.1.98", PixelKind.OTHER),
        ("1.2.3.4", PixelKind.OTHER),
    ],
)
def test_kinds(uid: str, kind: PixelKind) -> None:
    assert kind_of(uid) is kind


# ---------------------------------------------------------------------------------------------------------- data sets


@pytest.mark.parametrize("source", NATIVE)
@pytest.mark.parametrize("target", NATIVE)
def test_a_data_set_there_and_back(source: str, target: str) -> None:
    start = convert_dataset(ELEMENT, EXPLICIT, source)
    made = convert_dataset(memoryview(start), source, target)
    assert len(made) % 2 == 0
    assert convert_dataset(made, target, EXPLICIT) == ELEMENT


def test_a_data_set_of_pydicom() -> None:
    dataset = Dataset()
    dataset.Rows = 513
    assert convert_dataset(dataset, EXPLICIT, IMPLICIT) == implicit(0x00280010, b"\1\2")


def test_a_deflated_data_set_that_grows_too_much() -> None:
    long = explicit(0x7FE00010, "OW", bytes(4 * PIECE_BYTES))
    deflated = convert_dataset(long, EXPLICIT, DEFLATED)
    assert convert_dataset(deflated, DEFLATED, EXPLICIT, max_inflated=len(long)) == long
    with pytest.raises(ConversionError, match="more than 4,194,315 bytes"):
        convert_dataset(deflated, DEFLATED, EXPLICIT, max_inflated=len(long) - 1)


def test_a_deflated_data_set_that_is_damaged_or_cut_off() -> None:
    deflated = convert_dataset(ELEMENT * 50, EXPLICIT, DEFLATED)
    with pytest.raises(ConversionError, match="breaks off"):
        convert_dataset(deflated[: len(deflated) // 2], DEFLATED, IMPLICIT)
    with pytest.raises(ConversionError, match="damaged") as caught:
        convert_dataset(b"\xff" * 40, DEFLATED, IMPLICIT)
    assert isinstance(caught.value.__cause__, zlib.error)


def test_what_is_not_converted() -> None:
    with pytest.raises(ConversionError, match=r"JPEG Baseline .* not one of the uncompressed"):
        convert_dataset(ELEMENT, EXPLICIT, JPEG)
    with pytest.raises(ConversionError, match="decompressed, which was not asked for"):
        convert_dataset(ELEMENT, JPEG, EXPLICIT)
    with pytest.raises(ConversionError, match=r"1\.2\.3\.4 cannot be converted"):
        convert_dataset(ELEMENT, "1.2.3.4", EXPLICIT, decompress=True)
    assert convert_dataset(b"anything", "1.2.3.4", "1.2.3.4") == b"anything"


def test_a_compressed_syntax_without_pixel_data_needs_no_decoder() -> None:
    """A report in a study of JPEG images may well be in their transfer syntax."""
    nested = explicit(0x0040A730, "SQ", item(ELEMENT, undefined=True) + delimiter(), UNDEFINED)
    unknown = explicit(0x00291010, "UN", item(implicit(0x00280010, b"\1\2")) + delimiter(), UNDEFINED)
    data = nested + explicit(0x00880200, "SQ", item(explicit(0x7FE00010, "OB", b"\1\2"))) + unknown
    made = convert_dataset(data, JPEG, IMPLICIT, decompress=True)
    assert convert_dataset(made, IMPLICIT, EXPLICIT)[: len(nested)] == nested


# -------------------------------------------------------------------------------------------------------------- files


def converted(path: Path, uid: str, target: Path, **more: object) -> Converted:
    return convert_file(path, read_head(path), uid, target, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("source", NATIVE)
@pytest.mark.parametrize("target", NATIVE)
def test_a_file_says_what_it_is(tmp_path: Path, source: str, target: str) -> None:
    path, made = write_instance(tmp_path, 7, syntax=source), tmp_path / "made.dcm"
    result = converted(path, target, made, scratch=tmp_path)
    assert result.head == read_head(made)._replace(meta=result.head.meta)
    assert result.head.meta == read_head(made).meta[1:]
    assert result.head.transfer_syntax_uid == target
    assert result.size_bytes == made.stat().st_size
    assert result.source_syntax == source
    before, after = pydicom.dcmread(path), pydicom.dcmread(made)
    assert [element.tag for element in before] == [element.tag for element in after]
    assert after.file_meta.FileMetaInformationGroupLength + 144 == result.head.dataset_offset
    assert after.file_meta.MediaStorageSOPInstanceUID == before.SOPInstanceUID == after.SOPInstanceUID
    big = BIG_ENDIAN in (source, target) and source != target
    pixels = bytes(after.PixelData)
    assert (pixels[1::2] + pixels[::2] == before.PixelData[::2] + before.PixelData[1::2]) is big
    assert sorted(tmp_path.iterdir()) == sorted((path, made))


def test_the_meta_information_is_kept_but_for_who_wrote_it(tmp_path: Path) -> None:
    path = write_instance(tmp_path, 1)
    dataset = pydicom.dcmread(path)
    dataset.file_meta.SourceApplicationEntityTitle = "OLD"
    dataset.file_meta.ImplementationClassUID = "1.2.3"
    dataset.file_meta.PrivateInformationCreatorUID = "1.2.3.4"
    dataset.file_meta.PrivateInformation = b"abc\0"
    dataset.file_meta.add_new(0x00020027, "UR", "dicom://host")
    dataset.save_as(path, enforce_file_format=True)
    converted(path, IMPLICIT, tmp_path / "made.dcm")
    meta = pydicom.dcmread(tmp_path / "made.dcm").file_meta
    assert meta.SourceApplicationEntityTitle == "OLD"
    assert meta.PrivateInformationCreatorUID == "1.2.3.4"
    assert meta.PrivateInformation == b"abc\0"
    assert meta[0x00020027].value == "dicom://host"
    assert meta.ImplementationClassUID.startswith("2.25.")
    assert meta.TransferSyntaxUID == IMPLICIT


def test_a_file_without_meta_information_gets_one(tmp_path: Path) -> None:
    path = tmp_path / "bare"
    path.write_bytes(data_set(write_instance(tmp_path, 3)))
    converted(path, BIG_ENDIAN, tmp_path / "made.dcm")
    made = pydicom.dcmread(tmp_path / "made.dcm")
    assert made.file_meta.MediaStorageSOPInstanceUID == made.SOPInstanceUID
    assert made.Rows == pydicom.dcmread(tmp_path / "3.dcm").Rows


def test_an_open_file_is_written_from_where_it_stands(tmp_path: Path) -> None:
    path, target = write_instance(tmp_path, 1), BytesIO()
    result = convert_file(path, read_head(path), IMPLICIT, target)
    assert target.getbuffer().nbytes == result.size_bytes
    assert read_head(BytesIO(target.getvalue())).transfer_syntax_uid == IMPLICIT


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    path = write_instance(tmp_path, 1)
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        converted(path, IMPLICIT, path)
    assert path.read_bytes() == before


def test_nothing_stays_of_what_failed(tmp_path: Path) -> None:
    path = write_instance(tmp_path, 1)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ConversionError, match="ends in the middle of"):
        converted(path, IMPLICIT, tmp_path / "made.dcm")
    with pytest.raises(ConversionStopped):
        converted(path, IMPLICIT, tmp_path / "made.dcm", should_stop=lambda: True)
    with pytest.raises(FileNotFoundError):
        convert_file(tmp_path / "none", read_head(path), IMPLICIT, tmp_path / "made.dcm")
    assert list(tmp_path.iterdir()) == [path]


def test_a_media_directory_is_not_converted(tmp_path: Path) -> None:
    path = shipped_file("dicomdirtests/DICOMDIR")
    with pytest.raises(ConversionError, match="byte offsets"):
        converted(path, IMPLICIT, tmp_path / "made")


def test_a_large_file_is_converted_in_small_memory(tmp_path: Path) -> None:
    """40 MB of pixel data, deflated and swapped, in a process that may not use as much."""
    path = write_instance(tmp_path, 1, pixel_bytes=5_000 * 8192)
    code = (
        "import resource, sys; from pathlib import Path; "
        "from dicomgui.network.dimse.convert import convert_file; from dicomgui.network.part10 import read_head; "
        "from pydicom.datadict import dictionary_VR; dictionary_VR(0x7FE00010); "
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024; before = peak(); "
        "a, b, c = map(Path, sys.argv[1:]); convert_file(a, read_head(a), '1.2.840.10008.1.2.1.99', b); "
        "convert_file(b, read_head(b), '1.2.840.10008.1.2.2', c); print(peak() - before)"
    )
    if sys.platform != "linux":
        pytest.skip("elsewhere the unit of ru_maxrss is another, or there is none")
    command = [sys.executable, "-c", code, path, tmp_path / "b", tmp_path / "c"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=True)
    assert int(done.stdout) < 32_000_000


def test_nothing_is_loaded_before_it_is_needed() -> None:
    """Neither pydicom, whose every part loads its pixel code, nor NumPy for a question or what is only packed."""
    code = (
        "import sys; from dicomgui.network.dimse.convert import convert_dataset, kind_of; "
        "kind_of('1.2.840.10008.1.2.5'); "
        "convert_dataset(b'\\x28\\0\\x10\\0US\\2\\0\\1\\2', '1.2.840.10008.1.2.1', '1.2.840.10008.1.2'); "
        "loaded = [n for n in sys.modules if n.split('.')[0] in ('pydicom', 'numpy')]; assert not loaded, loaded"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_heads_with_unknown_elements_are_written() -> None:
    """Group 0002 may hold what we do not know: it becomes UN."""
    head = Part10Head(0, EXPLICIT, "1.2.3", "1.2.3.4", True, (), (module.MetaElement(0x0099, b"abc"),))
    meta = module._meta(module._meta_elements(head, IMPLICIT))
    assert explicit(0x00020099, "UN", b"abc\0") in meta
