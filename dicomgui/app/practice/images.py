"""Pictures of nothing real for the practice PACS: phantoms of ellipses and lines, with text in them.

Plain Python on one byte a pixel, row by row, so that it needs no package and costs a millisecond a picture.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache
from hashlib import shake_128
from typing import Final

__all__ = ["WARNING", "Canvas", "abdomen", "angiogram", "card", "chest", "hand", "head", "knee", "sector", "to_words"]

WARNING: Final = "PRACTICE - NOT FOR DIAGNOSIS"
"""Stands in every picture."""

_GLYPHS: Final = {
    "A": ".#. #.# ### #.# #.#", "B": "##. #.# ##. #.# ##.", "C": ".## #.. #.. #.. .##", "D": "##. #.# #.# #.# ##.",
    "E": "### #.. ##. #.. ###", "F": "### #.. ##. #.. #..", "G": ".### #... #.## #..# .###", "H": "#.# #.# ### #.# #.#",
    "I": "# # # # #", "J": "..# ..# ..# #.# .#.", "K": "#.# #.# ##. #.# #.#", "L": "#.. #.. #.. #.. ###",
    "M": "#...# ##.## #.#.# #...# #...#", "N": "#..# ##.# #.## #..# #..#", "O": ".#. #.# #.# #.# .#.",
    "P": "##. #.# ##. #.. #..", "Q": ".##. #..# #..# #.#. .#.#", "R": "##. #.# ##. #.# #.#", "S": ".## #.. .#. ..# ##.",
    "T": "### .#. .#. .#. .#.", "U": "#.# #.# #.# #.# ###", "V": "#.# #.# #.# #.# .#.",
    "W": "#...# #...# #.#.# ##.## #...#", "X": "#.# #.# .#. #.# #.#", "Y": "#.# #.# .#. .#. .#.",
    "Z": "### ..# .#. #.. ###", "0": "### #.# #.# #.# ###", "1": ".# ## .# .# .#", "2": "### ..# ### #.. ###",
    "3": "### ..# .## ..# ###", "4": "#.# #.# ### ..# ..#", "5": "### #.. ### ..# ###", "6": "### #.. ### #.# ###",
    "7": "### ..# ..# .#. .#.", "8": "### #.# ### #.# ###", "9": "### #.# ### ..# ###", "/": "..# ..# .#. #.. #..",
    "-": "... ... ### ... ...", ".": ". . . . #", ":": ". # . # .", " ": ".. .. .. .. ..",
}  # fmt: skip
_STRIP: Final = 18  # rows of a line of text


class Canvas:
    """A picture of one byte a pixel.

    :ivar pixels: row by row from the top left.
    """

    def __init__(self, columns: int, rows: int, level: int = 0) -> None:
        self.columns = columns
        self.rows = rows
        self.pixels = bytearray([level]) * (columns * rows)

    def span(self, row: int, first: float, last: float, level: int) -> None:
        """Fill a row from ``first`` to ``last``, both included, as far as they are inside."""
        left, right = max(0, round(first)), min(self.columns - 1, round(last))
        if 0 <= row < self.rows and left <= right:
            start = row * self.columns
            self.pixels[start + left : start + right + 1] = bytes((level,)) * (right - left + 1)

    def ellipse(self, x: float, y: float, width: float, height: float, level: int) -> None:
        """Fill an ellipse around a point; ``width`` and ``height`` are its half axes."""
        columns, pixels = self.columns, self.pixels
        full = bytes((level,)) * columns
        for row in range(max(0, math.ceil(y - height)), min(self.rows - 1, math.floor(y + height)) + 1):
            half = width * math.sqrt(max(0.0, 1 - ((row - y) / height) ** 2))
            left, right = max(0, round(x - half)), min(columns - 1, round(x + half)) + 1
            if left < right:
                pixels[row * columns + left : row * columns + right] = full[left:right]

    def ball(self, x: float, y: float, width: float, height: float, levels: tuple[int, int]) -> None:
        """An ellipse that goes from the first level at its edge to the second in its middle."""
        steps = 7
        for step in range(steps):
            size = 1 - step / steps
            self.ellipse(x, y, width * size, height * size, levels[0] + (levels[1] - levels[0]) * step // (steps - 1))

    def line(self, start: tuple[float, float], end: tuple[float, float], width: float, level: int) -> None:
        """A thick line with round ends."""
        length = max(abs(end[0] - start[0]), abs(end[1] - start[1]))
        count = max(1, math.ceil(length / max(1.0, width / 3)))
        for number in range(count + 1):
            part = number / count
            x, y = (a + (b - a) * part for a, b in zip(start, end, strict=True))
            self.ellipse(x, y, width / 2, width / 2, level)

    def rectangle(self, x: int, y: int, width: int, height: int, level: int) -> None:
        """Fill a rectangle from its top left corner."""
        for row in range(y, y + height):
            self.span(row, x, x + width - 1, level)

    def text(self, x: int, y: int, text: str, *, scale: int = 2, level: int = 255) -> None:
        """Write capital letters, digits and ``-./:`` from the top left corner."""
        for character in text.upper():
            rows = _GLYPHS.get(character, _GLYPHS[" "]).split(" ")
            for number, row in enumerate(rows):
                for column, mark in enumerate(row):
                    if mark == "#":
                        self.rectangle(x + column * scale, y + number * scale, scale, scale, level)
            x += (len(rows[0]) + 1) * scale

    def noise(self, seed: str, bits: int) -> None:
        """Add a little to each pixel that is not black, at most ``2 ** bits - 1``; the same for the same seed."""
        size = len(self.pixels)
        most = (1 << bits) - 1
        headroom = bytes(min(level, 255 - most) for level in range(256))
        mask = self.pixels.translate(bytes((0,)) + bytes((most,)) * 255)
        grain = int.from_bytes(shake_128(seed.encode()).digest(size)) & int.from_bytes(mask)
        added = int.from_bytes(self.pixels.translate(headroom)) + grain  # no byte can carry into the next
        self.pixels[:] = added.to_bytes(size)

    def label(self, text: str) -> Canvas:
        """Say at the top what this is, and at the bottom what it is not for."""
        size = _STRIP * self.columns
        self.pixels[:size] = _strip(self.columns, text)
        self.pixels[-size:] = _strip(self.columns, WARNING)
        return self


@lru_cache(maxsize=32)
def _strip(columns: int, text: str) -> bytes:
    canvas = Canvas(columns, _STRIP)
    canvas.text(5, 4, text, level=240)
    return bytes(canvas.pixels)


# ---------------------------------------------------------------------------------------------------------- pictures


def head(part: float, *, is_mr: bool = False, inverted: bool = False) -> Canvas:
    """A slice through a head: ``part`` is its height, from 0 at the base to 1 at the crown."""
    canvas = Canvas(256, 256)
    size = 0.35 + 0.65 * math.sin(math.pi * (0.25 + 0.65 * part))
    skull, brain, fluid = (70, 150, 30) if is_mr else (235, 120, 62)
    if inverted:
        brain, fluid = 90, 235
    wide, high = 86 * size, 104 * size
    canvas.ellipse(128, 128, wide + 9, high + 9, 90)
    canvas.ellipse(128, 128, wide + 5, high + 5, skull)
    canvas.ball(128, 128, wide - 2, high - 2, (brain + 12, brain))
    for side in (-1, 1):
        canvas.ball(128 + side * 0.42 * wide, 96, 0.34 * wide, 0.3 * high, (brain + 14, brain + 22))
        canvas.ball(128 + side * 0.42 * wide, 160, 0.34 * wide, 0.3 * high, (brain + 14, brain + 22))
        canvas.ellipse(128 + side * 15 * size, 122, 9 * size, 28 * size * math.sin(math.pi * part) + 2, fluid)
    canvas.line((128, 128 - high + 6), (128, 128 + high - 6), 2, fluid + 10)
    if 0.45 < part < 0.75:
        canvas.ball(128 + 0.5 * wide, 150, 12, 12, (brain + 30, 215))
    return canvas


def abdomen(part: float) -> Canvas:
    """A slice through a trunk."""
    canvas = Canvas(256, 256)
    canvas.ellipse(128, 134, 112, 82, 84)
    canvas.ellipse(128, 134, 103, 73, 104)
    canvas.ball(88, 122, 50, 46 - 14 * part, (132, 146))
    canvas.ball(186, 116, 30, 30, (112, 128))
    for side in (-1, 1):
        canvas.ball(128 + side * 52, 164, 17, 20 * math.sin(math.pi * (0.2 + 0.6 * part)), (140, 165))
        for number in range(3):
            canvas.ball(128 + side * (70 + 12 * number), 92 + 26 * number, 7, 5, (200, 235))
    canvas.ball(128, 180, 20, 17, (205, 240))
    canvas.ellipse(128, 196, 6, 7, 96)
    canvas.ball(120, 152, 10, 10, (170, 190))
    return canvas


def knee(part: float) -> Canvas:
    """A slice through a knee, from the side."""
    canvas = Canvas(256, 256)
    depth = math.sin(math.pi * (0.2 + 0.6 * part))
    canvas.ellipse(128, 128, 70, 126, 60)
    canvas.ball(132, 62, 34 * depth, 66, (180, 205))
    canvas.ball(134, 104, 44 * depth, 30, (178, 205))
    canvas.ball(130, 196, 38 * depth, 56, (175, 200))
    canvas.ball(76, 108, 12 * depth, 24, (185, 205))
    canvas.line((100, 134), (166, 134), 7, 28)
    canvas.line((78, 130), (108, 168), 6, 22)
    canvas.line((122, 116), (146, 152), 5, 18)
    return canvas


def chest() -> Canvas:
    """A chest from the front."""
    canvas = Canvas(320, 320)
    canvas.ball(160, 214, 150, 186, (92, 168))
    canvas.rectangle(142, 0, 36, 60, 150)
    for side in (-1, 1):
        canvas.ball(160 + side * 66, 178, 52, 104, (86, 36))
    canvas.ball(182, 214, 54, 62, (140, 178))
    canvas.ellipse(160, 320, 150, 58, 176)
    canvas.rectangle(150, 40, 20, 250, 186)
    for side in (-1, 1):
        canvas.line((160 + side * 8, 58), (160 + side * 112, 40), 9, 196)
        for number in range(7):
            top = 76 + 26 * number
            canvas.line((160 + side * 22, top), (160 + side * (92 + 4 * number), top + 16), 4, 128)
    return canvas


def hand() -> Canvas:
    """A hand with its bones."""
    canvas = Canvas(256, 320)
    tips = ((46, 168), (84, 66), (122, 46), (160, 60), (200, 98))
    for tip in tips:
        canvas.line((128, 248), tip, 34, 84)
    canvas.ball(126, 234, 62, 66, (84, 100))
    for number, (x, y) in enumerate(tips):
        joints = [(128 + (x - 128) * part, 262 + (y - 262) * part) for part in (0.2, 0.52, 0.55, 0.76, 0.79, 0.98)]
        for first, second in zip(joints[::2], joints[1::2], strict=True):
            canvas.line(first, second, 11 - number % 2, 205)
            canvas.ball(*first, 8, 8, (190, 226))
    for number in range(7):
        canvas.ball(96 + 20 * (number % 4), 262 + 20 * (number // 4), 11, 10, (180, 215))
    return canvas


def sector(part: float, *, chambers: bool = True) -> Canvas:
    """A fan of ultrasound; ``part`` is the moment of a beating heart, from 0 to 1."""
    canvas = Canvas(220, 170)
    beat = 0.5 - 0.5 * math.cos(2 * math.pi * part)
    for row in range(22, 146):
        half = 12 + (row - 22) * 0.62
        canvas.span(row, 110 - half, 110 + half, 70 - row // 5)
    if chambers:
        canvas.ball(110, 92, 46, 46, (120, 96))
        for side in (-1, 1):
            canvas.ball(110 + side * 20, 84, 15 - 6 * beat, 24 - 8 * beat, (40, 12))
            canvas.ball(110 + side * 18, 122, 13 + 4 * beat, 11 + 3 * beat, (40, 12))
    else:
        canvas.ball(106, 92, 38, 26, (150, 110))
        canvas.ball(118, 90, 15, 11, (30, 8))
    return canvas


def angiogram(part: float) -> Canvas:
    """Vessels that fill with contrast."""
    canvas = Canvas(256, 256, 190)
    canvas.ball(128, 140, 110, 110, (186, 160))
    reach = 18 + 200 * part

    def branch(x: float, y: float, angle: float, length: float, width: float, done: float) -> None:
        visible = min(length, reach - done)
        if visible <= 0 or width < 2:
            return
        end = (x + visible * math.cos(angle), y + visible * math.sin(angle))
        canvas.line((x, y), end, width, 42)
        if visible == length:
            for turn in (-0.45, 0.4):
                branch(*end, angle + turn, length * 0.8, width * 0.72, done + length)

    branch(128, 24, math.pi / 2, 58, 11, 0)
    return canvas


def card(title: str, lines: tuple[str, ...]) -> Canvas:
    """A page with a title and some lines of text."""
    canvas = Canvas(320, 220, 235)
    canvas.rectangle(0, 0, 320, 34, 60)
    canvas.text(10, 10, title, scale=3)
    for number, line in enumerate(lines):
        canvas.text(10, 52 + 22 * number, line, level=30)
    canvas.text(10, 198, WARNING, level=30)
    return canvas


@cache
def _tables(slope: int, base: int) -> tuple[bytes, bytes]:
    words = [base + slope * level for level in range(256)]
    return bytes(word & 0xFF for word in words), bytes(word >> 8 for word in words)


def to_words(pixels: bytearray, slope: int = 8, base: int = 0) -> bytes:
    """Two bytes a pixel, little endian: ``base + slope * level``."""
    words = bytearray(2 * len(pixels))
    words[::2], words[1::2] = (pixels.translate(table) for table in _tables(slope, base))
    return bytes(words)
