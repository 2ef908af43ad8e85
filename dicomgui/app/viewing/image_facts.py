"""What a data set says of its image: size, samples, what the stored values mean, and how to window them (PS3.3 C.7.6.3,
C.7.6.16, C.11.1, C.11.2).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from dicomgui.app.viewing.image_palette import Palette, read_palette
from dicomgui.app.viewing.viewed import Viewed
from dicomgui.network.uids import EXPLICIT_VR_BIG_ENDIAN
from dicomgui.trace.finding import plain
from dicomgui.trace.inspection.dataset_nodes import DataNode

__all__ = [
    "MAX_FRAME_BYTES",
    "FrameMeaning",
    "ImageError",
    "ImageFacts",
    "Modality",
    "Pixels",
    "VoiTable",
    "Window",
    "has_image",
    "read_facts",
    "read_meaning",
]

MAX_FRAME_BYTES: Final = 268_435_456
"""A frame that is larger when decoded is not shown: it is held in memory a few times."""
MAX_FRAMES: Final = 1_000_000

_PIXEL_TAGS: Final = {0x7FE0_0010: "int", 0x7FE0_0008: "f4", 0x7FE0_0009: "f8"}
_MAX_TABLE: Final = 65_536
_MAX_WINDOWS: Final = 32
_MAX_ASPECT: Final = 20.0


class ImageError(Exception):
    """An image cannot be shown; the text is a sentence that says why.

    :ivar packages: what could be installed to show it, as pip knows it; empty where nothing is known to help.
    """

    def __init__(self, message: str, *, packages: str = "") -> None:
        super().__init__(plain(message, 600))
        self.packages = packages


@dataclass(frozen=True, slots=True)
class VoiTable:
    """A VOI LUT (PS3.3 C.11.2.1.1).

    :ivar first: the value that the first grey is for; values below it have that grey, those above the last one's.
    :ivar grays: 0 to 255.
    """

    first: int
    grays: bytes


@dataclass(frozen=True, slots=True)
class Window:
    """One way to make values into grey (PS3.3 C.11.2.1).

    :ivar function: ``LINEAR``, ``LINEAR_EXACT`` or ``SIGMOID``.
    :ivar table: makes the greys instead of the function, over the values that center and width tell.
    """

    name: str
    center: float
    width: float
    function: str = "LINEAR"
    table: VoiTable | None = None


@dataclass(frozen=True, slots=True)
class Modality:
    """From stored values to those of the modality (PS3.3 C.11.1).

    :ivar unit: what they count, such as ``HU``; empty where it is not said.
    :ivar table: values from ``first`` on; ``None`` where slope and intercept hold.
    """

    slope: float = 1.0
    intercept: float = 0.0
    unit: str = ""
    table: tuple[int, ...] | None = None
    first: int = 0

    @property
    def is_identity(self) -> bool:
        """Whether stored values are the values."""
        return self.table is None and self.slope == 1.0 and self.intercept == 0.0

    def value_of(self, stored: float) -> float:
        """The value that a stored one stands for."""
        if self.table is not None:
            return self.table[max(0, min(len(self.table) - 1, int(stored) - self.first))]
        return stored * self.slope + self.intercept


@dataclass(frozen=True, slots=True)
class Pixels:
    """Where the pixel data lie.

    :ivar offset: of the value in the data set.
    :ivar length: in bytes, 0 for encapsulated ones.
    :ivar kind: ``int``, ``f4`` or ``f8``.
    :ivar vr: how they are encoded.
    """

    offset: int
    length: int
    is_encapsulated: bool
    kind: str
    vr: str


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What holds for all frames.

    :ivar lut_shape: Presentation LUT Shape (2050,0020), ``IDENTITY`` or ``INVERSE``; empty where it is not said.
    :ivar aspect: how many times as high as wide a pixel is.
    :ivar spacing: how large a pixel is, in words; empty where it is not said.
    """

    rows: int
    columns: int
    samples: int
    allocated: int
    stored: int
    high_bit: int
    is_signed: bool
    photometric: str
    planar: int
    frames: int
    pixels: Pixels
    padding: int | None
    palette: Palette | None
    frame_ms: float
    lut_shape: str = ""
    aspect: float = 1.0
    spacing: str = ""

    def is_inverse(self, photometric: str) -> bool:
        """Whether the smallest value is white: by Presentation LUT Shape (PS3.3 C.11.6), else by the colour model."""
        return self.lut_shape == "INVERSE" if self.lut_shape else photometric == "MONOCHROME1"

    @property
    def is_color(self) -> bool:
        """Whether there is no window to be set."""
        return not self.photometric.startswith("MONOCHROME")

    @property
    def frame_bytes(self) -> int:
        """Of a decoded frame."""
        return self.rows * self.columns * self.samples * max(8, self.allocated) // 8


@dataclass(frozen=True, slots=True)
class FrameMeaning:
    """What may differ from frame to frame."""

    modality: Modality
    windows: tuple[Window, ...]


def _pixels(viewed: Viewed) -> DataNode | None:
    return next((node for tag in _PIXEL_TAGS if (node := viewed.element(tag)) is not None), None)


def has_image(viewed: Viewed) -> bool:
    """Whether there are pixel data at all."""
    return _pixels(viewed) is not None


def read_facts(viewed: Viewed) -> ImageFacts:
    """Blocks: run it in a thread.

    :raises ImageError: there is no image, or one that cannot be shown.
    """
    node = _pixels(viewed)
    if node is None:
        raise ImageError("This data set has no pixel data.")
    rows, columns = _whole(viewed, 0x0028_0010, "Rows"), _whole(viewed, 0x0028_0011, "Columns")
    pixels = _place(viewed, node)
    floats = {"f4": 32, "f8": 64}
    allocated = floats.get(pixels.kind) or _whole(viewed, 0x0028_0100, "Bits Allocated")
    if allocated != 1 and (allocated % 8 or allocated > 64):
        raise ImageError(f"Bits Allocated (0028,0100) is {allocated}, which cannot be shown.")
    stored = min(int(_number(viewed, 0x0028_0101) or allocated), allocated)
    samples = int(_number(viewed, 0x0028_0002) or 1)
    is_signed = _number(viewed, 0x0028_0103) == 1
    facts = ImageFacts(
        rows, columns, samples, allocated, stored, int(_number(viewed, 0x0028_0102) or stored - 1), is_signed,
        viewed.text_of(0x0028_0004).strip().upper() or ("RGB" if samples == 3 else "MONOCHROME2"),
        int(_number(viewed, 0x0028_0006) or 0), _frames(viewed), pixels, _padding(viewed, is_signed),
        read_palette(viewed), _frame_ms(viewed), viewed.text_of(0x2050_0020).strip().upper(), *_aspect(viewed),
    )  # fmt: skip
    _check(facts, viewed)
    return facts


def _check(facts: ImageFacts, viewed: Viewed) -> None:
    if not (facts.rows and facts.columns):
        raise ImageError(f"The image has {facts.rows} rows and {facts.columns} columns.")
    if facts.frame_bytes > MAX_FRAME_BYTES:
        raise ImageError(
            f"A frame has {facts.columns:,} × {facts.rows:,} pixels, {facts.frame_bytes / 1e6:,.0f} MB when decoded. "
            f"Frames of more than {MAX_FRAME_BYTES / 1e6:,.0f} MB are not shown."
        )
    if viewed.has_gaps:
        raise ImageError("The pixel data are not complete in the trace, so that there is no image to be shown.")
    if facts.photometric == "PALETTE COLOR" and facts.palette is None:
        raise ImageError("It is a PALETTE COLOR image whose palette (0028,1101) and following is missing or damaged.")


def _place(viewed: Viewed, node: DataNode) -> Pixels:
    kind = _PIXEL_TAGS[node.tag]
    if node.begin >= 0:
        return Pixels(node.begin, node.offset + node.length - node.begin, False, kind, node.vr)
    is_explicit = viewed.read(node.offset + 4, 2) == node.vr.encode("latin-1")
    return Pixels(node.offset + (12 if is_explicit else 8), 0, True, kind, node.vr)


def _frames(viewed: Viewed) -> int:
    found = re.match(r"[0-9]{1,9}", viewed.text_of(0x0028_0008).strip())
    return max(1, min(MAX_FRAMES, int(found[0]))) if found else 1


def _frame_ms(viewed: Viewed) -> float:
    """How long a frame is shown: Frame Time, or by the rate (PS3.3 C.7.6.5); 100 ms where nobody says."""
    time = _number(viewed, 0x0018_1063)
    if time and time > 0:
        return time
    rate = _number(viewed, 0x0008_2144) or _number(viewed, 0x0018_0040)
    return 1000.0 / rate if rate and rate > 0 else 100.0


def _padding(viewed: Viewed, is_signed: bool) -> int | None:
    node = viewed.element(0x0028_0120)
    raw = viewed.value_of(node, 2) if node is not None else b""
    is_big = viewed.transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN
    return int.from_bytes(raw, "big" if is_big else "little", signed=is_signed) if len(raw) == 2 else None


def _aspect(viewed: Viewed) -> tuple[float, str]:
    """Height by width of a pixel, and its size: by its spacing, else by Pixel Aspect Ratio (PS3.3 C.7.6.3.1.7)."""
    shared = _group(viewed, 0x5200_9229, 0) or _group(viewed, 0x5200_9230, 0)
    measures = next(viewed.items_of(0x0028_9110, shared), None) if shared is not None else None
    wide = _numbers(viewed.text_of(0x0028_0030, measures)) or _numbers(viewed.text_of(0x0028_0030))
    for numbers, what in ((wide, "mm"), (_numbers(viewed.text_of(0x0018_1164)), "mm at the detector")):
        if len(numbers) == 2 and min(numbers) > 0:
            aspect = _sane(numbers[0] / numbers[1])
            return aspect, f"{numbers[1]:.4g} × {numbers[0]:.4g} {what}"
    ratio = _numbers(viewed.text_of(0x0028_0034))
    if len(ratio) == 2 and min(ratio) > 0:
        return _sane(ratio[0] / ratio[1]), f"pixels {ratio[1]:g} × {ratio[0]:g}"
    return 1.0, ""


def _sane(aspect: float) -> float:
    """Beyond that it is a mistake, and nothing could be seen."""
    return aspect if 1 / _MAX_ASPECT <= aspect <= _MAX_ASPECT else 1.0


# ------------------------------------------------------------------------------------------------- what values mean


def read_meaning(viewed: Viewed, index: int) -> FrameMeaning:
    """What the values of a frame mean; functional groups come before what is said of all (PS3.3 C.7.6.16). Blocks.

    :param index: of the frame, from 0.
    """
    places = [group for group in (_group(viewed, 0x5200_9230, index), _group(viewed, 0x5200_9229, 0)) if group]
    transformed = [item for group in places for item in viewed.items_of(0x0028_9145, group)]
    voi = [item for group in places for item in viewed.items_of(0x0028_9132, group)]
    modality = _modality(viewed, transformed[0] if transformed else None)
    return FrameMeaning(modality, (*_voi_tables(viewed, modality), *_windows(viewed, voi[0] if voi else None)))


def _group(viewed: Viewed, tag: int, index: int) -> DataNode | None:
    return next((item for number, item in enumerate(viewed.items_of(tag)) if number == index), None)


def _modality(viewed: Viewed, inside: DataNode | None) -> Modality:
    unit = _unit(viewed, inside)
    table = next(viewed.items_of(0x0028_3000, inside), None)
    if table is not None:
        found = _table(viewed, table, unit)
        if found is not None:
            return found
    slope, intercept = _number(viewed, 0x0028_1053, inside), _number(viewed, 0x0028_1052, inside)
    return Modality(slope if slope else 1.0, intercept or 0.0, unit)


def _unit(viewed: Viewed, inside: DataNode | None) -> str:
    said = viewed.text_of(0x0028_1054, inside).strip() or viewed.text_of(0x0028_3004, inside).strip()
    if said and said != "US":  # unspecified
        return plain(said, 16)
    modality = viewed.text_of(0x0008_0060).strip()
    if modality == "CT" and _number(viewed, 0x0028_1053, inside) is not None:
        return "HU"
    if modality == "PT":
        return plain(viewed.text_of(0x0054_1001).strip(), 16)
    return plain(viewed.text_of(0x3004_0002).strip(), 16) if modality == "RTDOSE" else ""


def _table(viewed: Viewed, item: DataNode, unit: str) -> Modality | None:
    found = _lut(viewed, item, may_be_negative=_number(viewed, 0x0028_0103) == 1)
    if found is None:
        return None
    first, values, _ = found
    said = viewed.text_of(0x0028_3004, item).strip()
    return Modality(unit=plain(said, 16) or unit, table=values, first=first)


def _voi_tables(viewed: Viewed, modality: Modality) -> Iterator[Window]:
    """The VOI LUTs of the data set; the values they are for are those that the modality gives."""
    is_signed = _number(viewed, 0x0028_0103) == 1
    may_be_negative = is_signed or (modality.table is None and modality.intercept < 0)
    for number, item in enumerate(viewed.items_of(0x0028_3010)):
        found = _lut(viewed, item, may_be_negative=may_be_negative)
        if found is None or number >= _MAX_WINDOWS:
            continue
        first, values, bits = found
        top = (1 << bits) - 1
        table = VoiTable(first, bytes(min(255, value * 255 // top) for value in values))
        name = plain(viewed.text_of(0x0028_3003, item).strip(), 40) or f"Table {number + 1}"
        yield Window(name, first + len(values) / 2, float(len(values)), table=table)


def _lut(viewed: Viewed, item: DataNode, *, may_be_negative: bool) -> tuple[int, tuple[int, ...], int] | None:
    """The first value that a table is for, its entries, and their bits (PS3.3 C.11.1.1, C.11.2.1.1)."""
    descriptor, data = viewed.element(0x0028_3002, item), viewed.element(0x0028_3006, item)
    if descriptor is None or data is None:
        return None
    order = ">" if viewed.transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN else "<"
    raw, value = viewed.value_of(descriptor, 6), viewed.value_of(data, 2 * _MAX_TABLE)
    if len(raw) < 6:
        return None
    count, first, bits = struct.unpack(f"{order}HHH", raw)
    count = count or _MAX_TABLE
    values: tuple[int, ...] = struct.unpack(f"{order}{len(value) // 2}H", value[: len(value) // 2 * 2])
    if bits <= 8 and count <= len(value) < 2 * count:  # two entries in a word
        values = tuple(value)
    values = values[:count]
    if not values or not 1 <= bits <= 16:
        return None
    return first - 0x1_0000 if first >= 0x8000 and may_be_negative else first, values, bits


def _windows(viewed: Viewed, inside: DataNode | None) -> tuple[Window, ...]:
    centers = _numbers(viewed.text_of(0x0028_1050, inside))
    widths = _numbers(viewed.text_of(0x0028_1051, inside))
    names = viewed.text_of(0x0028_1055, inside).split("\\")
    function = viewed.text_of(0x0028_1056, inside).strip() or "LINEAR"
    found = []
    for number, (center, width) in enumerate(zip(centers, widths, strict=False)):
        if width > 0 and number < _MAX_WINDOWS:
            name = names[number].strip() if number < len(names) else ""
            found.append(Window(plain(name, 40) or f"Window {number + 1}", center, width, function))
    return tuple(found)


def _numbers(text: str) -> list[float]:
    found = []
    for part in text.split("\\"):
        try:
            found.append(float(part))
        except ValueError:
            break
    return [number for number in found if abs(number) < 1e12]


def _number(viewed: Viewed, tag: int, inside: DataNode | None = None) -> float | None:
    numbers = _numbers(viewed.text_of(tag, inside))
    return numbers[0] if numbers else None


def _whole(viewed: Viewed, tag: int, name: str) -> int:
    number = _number(viewed, tag)
    if number is None or number < 0:
        raise ImageError(
            f"{name} ({tag >> 16:04X},{tag & 0xFFFF:04X}) is not there, without which the pixel data are no image."
        )
    return int(number)
