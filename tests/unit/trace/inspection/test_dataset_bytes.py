from __future__ import annotations

import struct

import pytest

from dicomgui.trace.inspection import dataset_bytes
from dicomgui.trace.inspection.dataset_bytes import Encoding, Fault, NotKept, Source, end_of, item_head, read_head
from dicomgui.trace.inspection.messages import Gap

EXPLICIT = Encoding(True, False)
UNDEFINED = struct.pack("<I", 0xFFFFFFFF)
ITEM, ITEM_END, END = (struct.pack("<HH", 0xFFFE, number) for number in (0xE000, 0xE00D, 0xE0DD))


def source(data: bytes, *gaps: Gap) -> Source:
    return Source(data, gaps, len(data))


def test_it_knows_what_is_there() -> None:
    some = source(bytes(100), Gap(10, 5), Gap(50, 50))
    assert some.kept(0, 100) == 10
    assert some.kept(12, 1) == 0
    assert some.kept(15, 100) == 35
    assert some.has(15, 35)
    assert not some.has(15, 36)
    assert source(b"abc").kept(2, 5) == 1
    with pytest.raises(NotKept):
        some.number(8, 4, False)


def test_heads() -> None:
    assert read_head(source(b"\x10\0\x10\0PN\x04\0AB^C"), 0, 12, EXPLICIT, {})[1:] == ("PN", 8, 4)
    assert read_head(source(b"\x10\0\x10\0\x04\0\0\0AB^C"), 0, 12, Encoding(False, False), {})[1:] == ("PN", 8, 4)
    assert read_head(source(b"\0\x10\0\x10PN\0\x04AB^C"), 0, 12, Encoding(True, True), {})[1:] == ("PN", 8, 4)
    unknown = b"\x10\0\x10\0ZZ\0\0\x04\0\0\0AB^C"  # a representation of the future has a long length
    assert read_head(source(unknown), 0, 16, EXPLICIT, {})[1:] == ("ZZ", 12, 4)
    with pytest.raises(Fault, match="too few"):
        read_head(source(unknown), 0, 10, EXPLICIT, {})
    with pytest.raises(Fault, match="where an element is due"):
        read_head(source(ITEM + bytes(4)), 0, 8, EXPLICIT, {})
    with pytest.raises(Fault, match="where an item is due"):
        item_head(source(bytes(8)), 0, 8, EXPLICIT)


def test_the_end_is_found_through_all_levels_and_remembered() -> None:
    sequence = b"\x40\0\x75\x02SQ\0\0" + UNDEFINED
    unknown = b"\x09\0\x01\x10UN\0\0" + UNDEFINED  # implicit inside (PS3.5 6.2.2)
    inside = unknown + ITEM + UNDEFINED + b"\x10\0\x10\0\x02\0\0\0AB" + ITEM_END + bytes(4) + END + bytes(4)
    data = ITEM + UNDEFINED + sequence + ITEM + UNDEFINED + inside + ITEM_END + bytes(4) + END + bytes(4)
    data += ITEM_END + bytes(4) + END + bytes(4) + b"behind"
    some = source(data)
    assert end_of(some, 0, len(data), EXPLICIT, is_item=False) == len(data) - 6
    assert len(some.ends) == 6
    assert end_of(some, 0, 1, EXPLICIT, is_item=False) == len(data) - 6
    with pytest.raises(Fault, match="delimiter is missing"):
        end_of(source(data[:-14]), 0, len(data) - 14, EXPLICIT, is_item=False)
    with pytest.raises(NotKept):
        end_of(source(data, Gap(20, 4)), 0, len(data), EXPLICIT, is_item=False)


def test_the_search_for_an_end_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset_bytes, "MAX_STEPS", 10)
    data = (ITEM + bytes(4)) * 20
    with pytest.raises(Fault, match="more than 10 elements"):
        end_of(source(data), 0, len(data), EXPLICIT, is_item=False)
