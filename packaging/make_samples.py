"""Make the images that `dicomgui --selftest` decodes: `resources/selftest/*.dcm`, one for each transfer syntax.

    pip install imagecodecs pydicom
    python packaging/make_samples.py

They are kept in the source tree; this is only run to make others. All show the same: a slope of grey, 32 × 32 pixels of
8 bits, whose value at a place is known. The encoders are those of imagecodecs, none of which is part of the product, so
that the decoders of the product are judged by somebody else.
"""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import get_encoder
from pydicom.uid import UID

FOLDER = Path(__file__).resolve().parent.parent / "resources" / "selftest"
SIZE = 32
VALUES = np.fromfunction(lambda row, column: 4 * row + 3 * column, (SIZE, SIZE)).astype(np.uint8)
STUDY = 0x5E1F7E57_0000_4000_8000_000000000000
"""The UIDs are made of a UUID (PS3.5 B.2): the same each time, so that an archive keeps one copy."""


def jpeg2000(*, lossless: bool) -> bytes:
    return imagecodecs.jpeg2k_encode(VALUES, level=None if lossless else 60, codecformat="j2k", reversible=lossless)


def htj2k(*, lossless: bool) -> bytes:
    return imagecodecs.htj2k_encode(VALUES, reversible=lossless, level=None if lossless else 0.001)


def rle() -> bytes:
    encoder = get_encoder("1.2.840.10008.1.2.5")
    return encoder.encode(
        VALUES.tobytes(), rows=SIZE, columns=SIZE, samples_per_pixel=1, bits_allocated=8, bits_stored=8,
        pixel_representation=0, photometric_interpretation="MONOCHROME2", number_of_frames=1, encoding_plugin="pydicom",
    )  # fmt: skip


COMPRESSED = {
    "1.2.840.10008.1.2.4.50": lambda: imagecodecs.jpeg8_encode(VALUES, level=95),
    "1.2.840.10008.1.2.4.51": lambda: imagecodecs.jpeg8_encode(VALUES, level=95),
    "1.2.840.10008.1.2.4.57": lambda: imagecodecs.ljpeg_encode(VALUES),
    "1.2.840.10008.1.2.4.70": lambda: imagecodecs.ljpeg_encode(VALUES),
    "1.2.840.10008.1.2.4.80": lambda: imagecodecs.jpegls_encode(VALUES),
    "1.2.840.10008.1.2.4.81": lambda: imagecodecs.jpegls_encode(VALUES, level=2),
    "1.2.840.10008.1.2.4.90": lambda: jpeg2000(lossless=True),
    "1.2.840.10008.1.2.4.91": lambda: jpeg2000(lossless=False),
    "1.2.840.10008.1.2.4.201": lambda: htj2k(lossless=True),
    "1.2.840.10008.1.2.4.202": lambda: htj2k(lossless=True),
    "1.2.840.10008.1.2.4.203": lambda: htj2k(lossless=False),
    "1.2.840.10008.1.2.5": rle,
}
NATIVE = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99")


def write(uid: str, data: bytes, number: int) -> None:
    image = Dataset()
    image.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    image.SOPInstanceUID = f"2.25.{STUDY + 16 + number}"
    image.StudyInstanceUID, image.SeriesInstanceUID = f"2.25.{STUDY}", f"2.25.{STUDY + 1}"
    image.PatientName, image.PatientID = "Selftest^Synthetic", "DICOMGUI-SELFTEST"
    image.Modality, image.StudyDate, image.StudyTime = "OT", "20250101", "120000"
    image.SeriesNumber, image.InstanceNumber = 1, number
    image.StudyID, image.AccessionNumber = "1", ""
    image.Rows = image.Columns = SIZE
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated = image.BitsStored = 8
    image.HighBit, image.PixelRepresentation = 7, 0
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = UID(uid)
    is_compressed = uid in COMPRESSED
    if is_compressed:
        image.PixelData = encapsulate([data])
    else:
        image.PixelData = data
    image["PixelData"].VR = "OB"
    image["PixelData"].is_undefined_length = is_compressed
    image.save_as(FOLDER / f"{uid}.dcm", enforce_file_format=True)


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for number, uid in enumerate((*NATIVE, *COMPRESSED), start=1):
        write(uid, COMPRESSED[uid]() if uid in COMPRESSED else VALUES.tobytes(), number)


if __name__ == "__main__":
    main()
