"""Phantoms: what is drawn where, and that nobody takes them for patients."""

from __future__ import annotations

import pytest

from dicomgui.app.practice import images
from dicomgui.app.practice.images import Canvas, to_words


def rows(canvas: Canvas) -> list[str]:
    pixels = bytes(canvas.pixels)
    lines = [pixels[at : at + canvas.columns] for at in range(0, len(pixels), canvas.columns)]
    return ["".join("#" if level else "." for level in line) for line in lines]


def test_an_ellipse_is_round_and_cut_at_the_edges() -> None:
    canvas = Canvas(7, 5)
    canvas.ellipse(3, 2, 2, 2, 9)
    assert rows(canvas) == ["...#...", ".#####.", ".#####.", ".#####.", "...#..."]
    canvas.ellipse(0, 0, 1, 1, 9)
    canvas.ellipse(100, 100, 3, 3, 9)
    assert rows(canvas)[0] == "##.#..."


def test_text_is_written_in_capitals_and_unknown_characters_are_gaps() -> None:
    canvas = Canvas(8, 5)
    canvas.text(0, 0, "ié1", scale=1)
    assert rows(canvas) == ["#.....#.", "#....##.", "#.....#.", "#.....#.", "#.....#."]


@pytest.mark.parametrize("bits", [1, 3, 5])
def test_noise_is_small_the_same_each_time_and_leaves_black_alone(bits: int) -> None:
    canvas = Canvas(64, 64, 255)
    canvas.rectangle(0, 0, 64, 32, 0)
    canvas.noise("seed", bits)
    top, bottom = canvas.pixels[: 64 * 32], canvas.pixels[64 * 32 :]
    assert set(top) == {0}
    assert set(bottom) == set(range(256 - (1 << bits), 256))
    again = Canvas(64, 64, 255)
    again.rectangle(0, 0, 64, 32, 0)
    again.noise("seed", bits)
    assert again.pixels == canvas.pixels
    again.noise("other", bits)
    assert again.pixels != canvas.pixels


def test_two_bytes_a_pixel() -> None:
    assert to_words(bytearray((0, 1, 255))) == b"\x00\x00\x08\x00\xf8\x07"
    assert to_words(bytearray((0, 2)), 16, 1000) == (1000).to_bytes(2, "little") + (1032).to_bytes(2, "little")


PICTURES = (
    images.head(0.5), images.head(0.5, is_mr=True), images.head(0.5, is_mr=True, inverted=True), images.abdomen(0.5),
    images.knee(0.5), images.chest(), images.hand(), images.sector(0.2), images.sector(0, chambers=False),
    images.angiogram(0.8),
)  # fmt: skip


@pytest.mark.parametrize("picture", PICTURES)
def test_each_picture_shows_something_and_says_what_it_is_not_for(picture: Canvas) -> None:
    assert len(picture.pixels) == picture.rows * picture.columns
    assert len(set(picture.pixels)) > 5
    picture.label("CT 1/2")
    expected = Canvas(picture.columns, picture.rows).label("CT 1/2")
    strip = 18 * picture.columns
    assert picture.pixels[:strip] == expected.pixels[:strip]
    assert picture.pixels[-strip:] == expected.pixels[-strip:]
    assert any(expected.pixels[-strip:])
    widest = max(line.rfind("#") for line in rows(picture)[-18:])
    assert widest < picture.columns - 1, "the whole of the text is there"


def test_a_heart_beats_and_vessels_fill() -> None:
    assert images.sector(0).pixels != images.sector(0.5).pixels
    early, late = (sum(level == 42 for level in images.angiogram(part).pixels) for part in (0.1, 0.9))
    assert 0 < early < late
