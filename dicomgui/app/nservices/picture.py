"""A picture that a printer takes: gray of 8 bits windowed for display, or color by plane (PS3.4 H.4.3.1.2.1)."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dicomgui.app.files.file_limits import check_file
from dicomgui.network.dimse.codestream import FrameSize, check_encapsulated
from dicomgui.network.dimse.pixels import quiet_decoders
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service_classes.attributes import dataset_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["read_picture"]

MAX_PIXELS: Final = 64 * 2**20
"""Larger pictures are refused: no printer takes them."""


def read_picture(path: Path) -> Dataset:
    """The first frame of an image, as it is to be printed. Blocks: run it in a thread.

    :raises ConfigurationError: it is no image, or cannot be decoded here.
    """
    from pydicom import dcmread, errors

    try:
        with warnings.catch_warnings(action="ignore"):
            check_file(path)
            dataset = dcmread(path)
            if "PixelData" not in dataset:
                raise _wrong(f"{path.name} has no pixel data")
            if int(dataset.Rows) * int(dataset.Columns) > MAX_PIXELS:
                raise _wrong(f"{path.name} is too large to be printed")
            return _printed(dataset)
    except ImportError as error:
        raise _wrong(f"{path.name} cannot be decoded without numpy (the extra “preview”)") from error
    except ConfigurationError:
        raise
    except (errors.InvalidDicomError, OSError, AttributeError, RuntimeError, ValueError, struct.error) as error:
        raise _wrong(f"{path.name} cannot be printed: {error}") from error


def _printed(dataset: Dataset) -> Dataset:
    from pydicom import pixel_array
    from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut, convert_color_space

    _check_codestream(dataset)
    with quiet_decoders():
        pixels: Any = pixel_array(dataset, index=0)
    values: dict[str, object] = {
        "Rows": int(dataset.Rows), "Columns": int(dataset.Columns), "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7,
        "PixelRepresentation": 0,
    }  # fmt: skip
    if int(dataset.SamplesPerPixel) == 3:
        interpretation = str(dataset.PhotometricInterpretation)
        if interpretation.startswith("YBR"):
            pixels = convert_color_space(pixels, interpretation, "RGB")
        values |= {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 1}
        return dataset_of({**values, "PixelData": _even(pixels.transpose(2, 0, 1).astype("uint8").tobytes())})
    shown: Any = apply_voi_lut(apply_modality_lut(pixels, dataset), dataset).astype("float64")
    low, high = float(shown.min()), float(shown.max())
    scaled = (shown - low) * (255.0 / (high - low)) if high > low else shown * 0.0
    values |= {"SamplesPerPixel": 1, "PhotometricInterpretation": str(dataset.PhotometricInterpretation)}
    return dataset_of({**values, "PixelData": _even(scaled.round().astype("uint8").tobytes())})


def _check_codestream(dataset: Dataset) -> None:
    """Have no frame decoded that has no end, or that is larger than the image.

    :raises ConversionError: the first frame is such a one.
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_encapsulated:
        return
    size = FrameSize(
        int(dataset.Rows), int(dataset.Columns), int(dataset.SamplesPerPixel), max(1, int(dataset.BitsAllocated) // 8)
    )
    offsets, lengths = dataset.get("ExtendedOffsetTable"), dataset.get("ExtendedOffsetTableLengths")
    check_encapsulated(
        bytes(dataset.PixelData),
        str(syntax),
        size,
        number_of_frames=max(1, int(dataset.get("NumberOfFrames") or 1)),
        index=0,
        extended_offsets=(offsets, lengths) if offsets and lengths else None,
    )


def _even(data: bytes) -> bytes:
    return data + b"\0" * (len(data) % 2)


def _wrong(what: str) -> ConfigurationError:
    return ConfigurationError(what, phase="configure")
