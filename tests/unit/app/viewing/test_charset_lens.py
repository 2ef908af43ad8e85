"""Bytes under several character sets, and what is said of a wrong one or of none."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.data import get_charset_files
from pydicom.dataset import Dataset

from dicomgui.app.viewing.charset_lens import CANDIDATES, doubts_of, is_text, reading, readings
from dicomgui.app.viewing.viewed import Viewed, open_bytes, open_file
from dicomgui.network.dimse.dataset import encode_dataset

EXPLICIT = "1.2.840.10008.1.2.1"
SAMPLES = {
    "ISO_IR 192": ("王^小東", "王^小東".encode()),
    "ISO_IR 100": ("Grün", b"Gr\xfcn"),
    "ISO_IR 101": ("Wałęsa", "Wałęsa".encode("iso8859_2")),
    "ISO_IR 148": ("Şahin", "Şahin".encode("iso8859_9")),
    "GB18030": ("王小东", "王小东".encode("gb18030")),
    "GBK": ("王小东", "王小东".encode("gbk")),
    "ISO 2022 IR 58": ("王小东", b"\x1b$)A" + "王小东".encode("gb2312")),
    "ISO 2022 IR 87": ("山田", b"\x1b$B;3ED\x1b(B"),
    "ISO 2022 IR 159": ("丂", "丂".encode("iso2022_jp_2")),
    "ISO_IR 13": ("ﾔﾏﾀﾞ", "ﾔﾏﾀﾞ".encode("shift_jis")),
    "ISO 2022 IR 149": ("김", b"\x1b$)C\xb1\xe8"),
    "ISO_IR 144": ("Люк", "Люк".encode("iso8859_5")),
    "ISO_IR 126": ("Διο", "Διο".encode("iso8859_7")),
    "ISO_IR 127": ("قبا", "قبا".encode("iso8859_6")),
    "ISO_IR 138": ("שרון", "שרון".encode("iso8859_8")),
    "ISO_IR 166": ("ไทย", "ไทย".encode("iso8859_11")),
}


def raw(name: bytes, charset: str | None) -> Viewed:
    dataset = Dataset()
    if charset is not None:
        dataset.SpecificCharacterSet = charset
    dataset.PatientName = "X" * (len(name) + len(name) % 2)
    data = encode_dataset(dataset, EXPLICIT)
    return open_bytes(data.replace(b"X" * (len(name) + len(name) % 2), name + b" " * (len(name) % 2)), EXPLICIT, "it")


def test_every_candidate_has_a_sample_here() -> None:
    assert SAMPLES.keys() == CANDIDATES.keys()


@pytest.mark.parametrize("term", SAMPLES)
def test_each_set_is_read_without_a_fault(term: str) -> None:
    text, data = SAMPLES[term]
    found = reading(data, term)
    assert (found.text, found.fault) == (text, "")


def test_a_set_that_does_not_hold_the_bytes_says_which() -> None:
    found = reading(b"Gr\xfcn", "ISO_IR 192")
    assert "FCh at 2" in found.fault
    assert found.text == "Gr\ufffdn"
    assert "escape sequences" in reading("山".encode("shift_jis"), "ISO 2022 IR 87").fault
    assert "escape sequences" in reading(SAMPLES["ISO 2022 IR 87"][1], "ISO_IR 100").fault


def test_the_set_that_is_said_comes_first_then_that_of_the_peer() -> None:
    found = readings(b"Gr\xfcn", "ISO_IR 144", "ISO_IR 101")
    assert [one.term for one in found[:3]] == ["ISO_IR 144", "ISO_IR 101", "ISO_IR 192"]
    assert len(found) == len(CANDIDATES)


@pytest.mark.parametrize(
    ("name", "charset", "words"),
    [
        (b"Gr\xfcn", None, "no Specific Character Set"), ("Grün".encode(), None, "could be UTF-8"),
        (b"Gr\xfcn", "ISO_IR 192", "does not fit"), (b"Gr\xfcn", "LATIN 1", "is no character set"),
        (b"\x1b$B;3ED\x1b(B", None, "no Specific Character Set"),
    ],
)  # fmt: skip
def test_a_wrong_or_missing_set_is_said(name: bytes, charset: str | None, words: str) -> None:
    [doubt] = doubts_of(raw(name, charset))
    assert words in doubt.text
    assert doubt.node.label == "(0010,0010) PN PatientName"


@pytest.mark.parametrize("path", [pytest.param(Path(str(p)), id=Path(str(p)).stem) for p in get_charset_files("*.dcm")])
def test_the_files_of_pydicom_say_rightly_what_they_are(path: Path) -> None:
    viewed = open_file(path)
    try:
        assert doubts_of(viewed) == []
    finally:
        viewed.close()


def test_all_texts_can_be_read_in_another_set_and_back() -> None:
    viewed = raw("Люк".encode("iso8859_5"), "ISO_IR 100")
    assert viewed.text_of(0x00100010) != "Люк"
    viewed.read_as("ISO_IR 144")
    assert viewed.text_of(0x00100010) == "Люк"
    viewed.read_as(None)
    assert viewed.text_of(0x00100010) != "Люк"


def test_only_what_the_set_matters_for_is_text() -> None:
    viewed = raw(b"A", "ISO_IR 100")
    assert [is_text(node) for node in viewed.parsed.root.children] == [False, True]
