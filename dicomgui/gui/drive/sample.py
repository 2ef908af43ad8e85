"""A small synthetic instance to try things with; it shows nobody."""

from __future__ import annotations

from pathlib import Path

__all__ = ["write_sample"]

_SIZE = 64  # rows and columns


def write_sample(folder: Path) -> Path:
    """Write a CT image of a made-up patient into ``folder`` and give its path. Blocks; loads pydicom."""
    from pydicom import Dataset, FileMetaDataset, uid

    image = Dataset()
    image.SOPClassUID = uid.CTImageStorage
    image.SOPInstanceUID = uid.generate_uid()
    image.StudyInstanceUID = uid.generate_uid()
    image.SeriesInstanceUID = uid.generate_uid()
    image.PatientName = "Sample^Synthetic"
    image.PatientID = "SAMPLE"
    image.Modality = "CT"
    image.StudyDate, image.StudyTime = "20250101", "120000"
    image.InstanceNumber = 1
    image.Rows = image.Columns = _SIZE
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
    image.PixelData = b"".join((row * column).to_bytes(2, "little") for row in range(_SIZE) for column in range(_SIZE))
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    path = folder / "sample.dcm"
    image.save_as(path, enforce_file_format=True)
    return path
