"""From samples to pixels of a screen: windowing, palettes, colour models. NumPy only makes it faster. For threads."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from dicomgui.app.viewing.image_facts import ImageError, ImageFacts, Modality, Window
from dicomgui.app.viewing.image_frames import Frame, has_numpy
from dicomgui.app.viewing.image_palette import Palette

__all__ = ["Picture", "auto_window", "full_window", "gray_of", "render", "value_at"]

_SAMPLED: Final = 65_536
"""Pixels that are looked at to find a window."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What is drawn: a byte of grey a pixel, or three of colour; lines follow each other without padding."""

    data: bytes
    rows: int
    columns: int
    is_color: bool


def render(
    frame: Frame, facts: ImageFacts, modality: Modality, window: Window, *, is_inverted: bool = False
) -> Picture:
    """Make a frame visible.

    :param window: for grey images.
    :param is_inverted: white for black, beyond what MONOCHROME1 demands.
    :raises ImageError: its colour model is none that can be shown.
    """
    photometric = frame.photometric
    if frame.samples == 1 and photometric.startswith("MONOCHROME"):
        gray = _gray(frame, facts, modality, window, is_inverted != facts.is_inverse(photometric))
        return Picture(gray, frame.rows, frame.columns, False)
    if frame.samples == 1 and photometric == "PALETTE COLOR" and facts.palette is not None:
        data = _by_palette(frame, facts, facts.palette)
    elif frame.samples == 3 and photometric in ("RGB", "YBR_RCT", "YBR_ICT"):
        data = _high_bytes(frame, facts)
    elif frame.samples == 3 and photometric in _YBR:
        data = _rgb_of_ybr(_high_bytes(frame, facts), _YBR[photometric])
    else:
        raise ImageError(f"Photometric Interpretation {photometric} with {frame.samples} samples a pixel is not shown.")
    return Picture(data.translate(_INVERSE) if is_inverted else data, frame.rows, frame.columns, True)


_INVERSE: Final = bytes(range(255, -1, -1))


# --------------------------------------------------------------------------------------------------------------- grey


def gray_of(value: float, window: Window) -> int:
    """The grey of a value, 0 to 255 (PS3.3 C.11.2.1)."""
    table = window.table
    if table is not None:
        return table.grays[max(0, min(len(table.grays) - 1, math.floor(value) - table.first))]
    center, width = window.center, window.width
    if window.function == "SIGMOID":
        power = max(-700.0, min(700.0, -4 * (value - center) / width))
        return round(255 / (1 + math.exp(power)))
    if window.function != "LINEAR_EXACT":
        center, width = center - 0.5, max(width - 1, 1e-9)
    if value <= center - width / 2:
        return 0
    if value > center + width / 2:
        return 255
    return min(255, max(0, round(((value - center) / width + 0.5) * 255)))


def _gray(frame: Frame, facts: ImageFacts, modality: Modality, window: Window, is_inverted: bool) -> bytes:
    if frame.code in "bBhH":
        table = _table(frame, facts, modality, window)
        return _mapped(frame, table.translate(_INVERSE) if is_inverted else table)
    if has_numpy():
        return _gray_of_array(frame, modality, window, is_inverted)
    grays = bytes(gray_of(modality.value_of(value), window) for value in frame.values)
    return grays.translate(_INVERSE) if is_inverted else grays


def _gray_of_array(frame: Frame, modality: Modality, window: Window, is_inverted: bool) -> bytes:
    import numpy as np

    values: Any = np.frombuffer(frame.data, frame.code).astype(float)
    if modality.table is not None:
        table = np.asarray(modality.table, float)
        values = table[np.clip(values - modality.first, 0, len(table) - 1).astype(int)]
    else:
        values = values * modality.slope + modality.intercept
    center, width = window.center, window.width
    if window.table is not None:
        entries = np.frombuffer(window.table.grays, "u1")
        places = np.clip(np.floor(np.nan_to_num(values)) - window.table.first, 0, len(entries) - 1)
        grays = entries[places.astype(int)]
    elif window.function == "SIGMOID":
        grays = 255 / (1 + np.exp(np.clip(-4 * (values - center) / width, -700, 700)))
    else:
        if window.function != "LINEAR_EXACT":
            center, width = center - 0.5, max(width - 1, 1e-9)
        grays = ((values - center) / width + 0.5) * 255
    grays = np.clip(np.nan_to_num(grays), 0, 255).round().astype("u1")
    return bytes((255 - grays if is_inverted else grays).tobytes())


def _stored_of(code: int, facts: ImageFacts, is_signed: bool) -> int:
    """The stored value within the bits of a sample: what lies beside it, such as an overlay, does not count."""
    value = code >> max(0, facts.high_bit + 1 - facts.stored) & ((1 << facts.stored) - 1)
    return value - (1 << facts.stored) if is_signed and value >> (facts.stored - 1) else value


def _table(frame: Frame, facts: ImageFacts, modality: Modality, window: Window) -> bytes:
    """The grey of each code of one or two bytes."""
    is_signed = frame.code in "bh"
    bits = 8 if frame.code in "bB" else 16
    stored = min(bits, facts.stored)
    low = -(1 << stored - 1) if is_signed else 0
    grays = _ramp(low, low + (1 << stored), modality, window)
    if is_signed:
        half = len(grays) // 2
        grays = grays[half:] + grays[:half]
    shift = facts.high_bit + 1 - facts.stored
    if shift > 0 and stored == facts.stored:
        mask = len(grays) - 1
        return bytes(grays[code >> shift & mask] for code in range(1 << bits))
    return grays * (1 << bits - stored)


def _ramp(low: int, high: int, modality: Modality, window: Window) -> bytes:
    """The grey of the stored values from ``low`` to below ``high``; only what is within the window is computed."""
    slope = modality.slope
    if modality.table is not None or window.table is not None or window.function == "SIGMOID" or not slope:
        return bytes(gray_of(modality.value_of(stored), window) for stored in range(low, high))
    ends = [(window.center + side * (window.width / 2 + 1) - modality.intercept) / slope for side in (-1, 1)]
    first = max(low, min(high, math.floor(min(ends))))
    last = max(first, min(high, math.ceil(max(ends)) + 1))
    below, above = (b"\0", b"\xff") if slope > 0 else (b"\xff", b"\0")
    middle = bytes(gray_of(stored * slope + modality.intercept, window) for stored in range(first, last))
    return below * (first - low) + middle + above * (high - last)


def _mapped(frame: Frame, table: bytes) -> bytes:
    """Each code by a table of bytes."""
    if frame.code in "bB":
        return frame.data.translate(table)
    if has_numpy():
        import numpy as np

        return bytes(np.frombuffer(table, "u1")[np.frombuffer(frame.data, "H")].tobytes())
    return bytes(map(table.__getitem__, memoryview(frame.data).cast("H")))


# ------------------------------------------------------------------------------------------------------------- colour


def _by_palette(frame: Frame, facts: ImageFacts, palette: Palette) -> bytes:
    out = bytearray(3 * frame.rows * frame.columns)
    if frame.code not in "bBhH":
        raise ImageError("A palette with samples of more than 16 bits is not shown.")
    last = len(palette.red) - 1
    count = 256 if frame.code in "bB" else 65_536
    places = [max(0, min(last, _stored_of(code, facts, False) - palette.first)) for code in range(count)]
    for number, plane in enumerate((palette.red, palette.green, palette.blue)):
        out[number::3] = _mapped(frame, bytes(map(plane.__getitem__, places)))
    return bytes(out)


def _high_bytes(frame: Frame, facts: ImageFacts) -> bytes:
    """The eight highest bits of each sample."""
    if frame.code in "bB":
        return frame.data
    shift = max(0, facts.stored - 8)
    if has_numpy():
        import numpy as np

        return bytes((np.frombuffer(frame.data, frame.code.upper()) >> shift).astype("u1").tobytes())
    return bytes(value >> shift & 0xFF for value in memoryview(frame.data).cast("B").cast(_unsigned(frame.code)))


def _unsigned(code: str) -> Any:
    return code.upper()


_CLAMPED: Final = bytes(512) + bytes(range(256)) + b"\xff" * 512
_ZERO: Final = 512


class _Ybr(NamedTuple):
    """What each code of a sample adds to red, green and blue (PS3.3 C.7.6.3.1.2)."""

    luma: tuple[float, ...]
    red: tuple[float, ...]
    blue: tuple[float, ...]
    green_of_red: tuple[float, ...]
    green_of_blue: tuple[float, ...]


def _ybr(low: int, scale: float, red: float, blue: float, green_of_red: float, green_of_blue: float) -> _Ybr:
    luma = tuple(scale * (value - low) + _ZERO + 0.5 for value in range(256))
    return _Ybr(luma, *(
        tuple(factor * (value - 128) for value in range(256)) for factor in (red, blue, green_of_red, green_of_blue)
    ))  # fmt: skip


_YBR: Final = {
    "YBR_FULL": _ybr(0, 1.0, 1.402, 1.772, -0.714136, -0.344136),
    "YBR_PARTIAL": _ybr(16, 1.164384, 1.596027, 2.017232, -0.812968, -0.391762),
}


def _rgb_of_ybr(data: bytes, model: _Ybr) -> bytes:
    if has_numpy():
        return _rgb_of_array(data, model)
    luma, blue, red = data[0::3], data[1::3], data[2::3]
    out = bytearray(len(data))
    clamped, base, of_red, of_blue = _CLAMPED, model.luma, model.red, model.blue
    out[0::3] = bytes(clamped[int(base[y] + of_red[r])] for y, r in zip(luma, red, strict=True))
    green_of_red, green_of_blue = model.green_of_red, model.green_of_blue
    out[1::3] = bytes(
        clamped[int(base[y] + green_of_blue[b] + green_of_red[r])] for y, b, r in zip(luma, blue, red, strict=True)
    )
    out[2::3] = bytes(clamped[int(base[y] + of_blue[b])] for y, b in zip(luma, blue, strict=True))
    return bytes(out)


def _rgb_of_array(data: bytes, model: _Ybr) -> bytes:
    import numpy as np

    samples: Any = np.frombuffer(data, "u1").reshape(-1, 3)
    tables: list[Any] = [np.asarray(table, "f4") for table in model]
    luma, of_red, of_blue, green_of_red, green_of_blue = tables
    base, blue, red = luma[samples[:, 0]] - _ZERO, samples[:, 1], samples[:, 2]
    found = np.stack((base + of_red[red], base + green_of_blue[blue] + green_of_red[red], base + of_blue[blue]), axis=1)
    return bytes(np.clip(np.floor(found), 0, 255).astype("u1").tobytes())


# ------------------------------------------------------------------------------------------------- windows and values


def _some(frame: Frame, facts: ImageFacts) -> list[float]:
    """Stored values of some pixels, evenly spread; without padding."""
    values = frame.values
    step = max(1, len(values) // _SAMPLED)
    if frame.code in "fd":
        return [value for value in values[::step] if math.isfinite(value)]
    if frame.code in "bBhH":
        found = Counter(values[::step])
        some = [(_stored_of(code, facts, frame.code in "bh"), count) for code, count in found.items()]
        return [float(value) for value, count in some if value != facts.padding for _ in range(count)]
    return [float(value) for value in values[::step] if value != facts.padding]


def auto_window(frame: Frame, facts: ImageFacts, modality: Modality) -> Window:
    """A window in which nearly everything of a frame is grey: from the 0.5th to the 99.5th of hundred values."""
    return _between(frame, facts, modality, "Automatic", 0.005)


def full_window(frame: Frame, facts: ImageFacts, modality: Modality) -> Window:
    """A window from the smallest to the largest value of a frame."""
    return _between(frame, facts, modality, "Full range", 0.0)


def _between(frame: Frame, facts: ImageFacts, modality: Modality, name: str, share: float) -> Window:
    values = sorted(modality.value_of(value) for value in _some(frame, facts))
    if not values:
        return Window(name, 0.5, 1.0)
    low, high = values[int(share * (len(values) - 1))], values[round((1 - share) * (len(values) - 1))]
    if low == high:
        low, high = values[0], values[-1]
    is_real = frame.code in "fd" or high - low < 2
    if is_real:
        return Window(name, (low + high) / 2, (high - low) or 1.0, "LINEAR_EXACT")
    return Window(name, (low + high + 1) / 2, high - low + 1)


def value_at(frame: Frame, facts: ImageFacts, column: int, row: int) -> tuple[float, ...]:
    """The stored samples of a pixel."""
    at = (row * frame.columns + column) * frame.samples
    found = frame.values[at : at + frame.samples]
    if frame.code in "fd" or frame.samples > 1 or facts.allocated == 1:
        return tuple(found)
    return tuple(_stored_of(value, facts, frame.code.islower()) for value in found)
