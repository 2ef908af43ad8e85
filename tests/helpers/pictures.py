"""Images to print: uncompressed, of any size, gray or in color."""

from __future__ import annotations

from pydicom.dataset import Dataset


def picture(rows: int = 4, columns: int = 6, samples: int = 1) -> Dataset:
    dataset = Dataset()
    dataset.SamplesPerPixel = samples
    dataset.PhotometricInterpretation = "MONOCHROME2" if samples == 1 else "RGB"
    dataset.Rows, dataset.Columns = rows, columns
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    if samples == 3:
        dataset.PlanarConfiguration = 1
    dataset.add_new(0x7FE00010, "OB", bytes(range(rows * columns * samples)))
    return dataset
