"""Reader and Writer: spans, faults and limits."""

import pytest

from dicomgui.network.errors import LocalProtocolError, RemoteProtocolError
from dicomgui.network.pdu.wire import MAX_ITEMS, PduType, Reader, Writer, clean_uid, pdu_name, printable


def reader(body: bytes, declared: int | None = None) -> Reader:
    length = len(body) if declared is None else declared
    return Reader(b"\x01\x00" + length.to_bytes(4, "big") + body)


def test_names_of_pdu_types() -> None:
    assert [pdu_name(kind) for kind in PduType] == [
        "A-ASSOCIATE-RQ", "A-ASSOCIATE-AC", "A-ASSOCIATE-RJ", "P-DATA-TF", "A-RELEASE-RQ", "A-RELEASE-RP", "A-ABORT",
    ]  # fmt: skip
    assert pdu_name(0x47) == "PDU of unknown type 47H"


def test_clean_uid_and_printable() -> None:
    assert clean_uid("1.2.3\0") == clean_uid("1.2.3 ") == "1.2.3"
    assert printable("a\nb\x1b") == "a\\nb\\x1b"


@pytest.mark.parametrize("length", range(6))
def test_incomplete_header(length: int) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        Reader(b"\x01\x00\x00\x00\x00\x00"[:length])
    assert caught.value.abort_reason == 6
    assert "breaks off" in str(caught.value)


@pytest.mark.parametrize("kind", [0, 8, 0x16, 0x47, 255])
def test_unknown_type(kind: int) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        Reader(bytes([kind]) + bytes(5))
    assert (caught.value.abort_reason, caught.value.offset, caught.value.pdu_type) == (1, 0, kind)


def test_numbers_text_and_bytes_in_order() -> None:
    r = reader(bytes.fromhex("01 0203 04050607") + "é\t".encode("latin-1") + b"xyz")
    assert (r.u8("a"), r.u16("b"), r.u32("c"), r.text(2, "d")) == (1, 0x203, 0x4050607, "é\t")
    assert bytes(r.view(1, "e")) == b"x"
    assert r.raw(2, "f") == b"yz"
    r.check_end()
    assert r.peek() == -1


def test_fault_names_pdu_field_and_offset() -> None:
    r = reader(b"\x01")
    with pytest.raises(RemoteProtocolError) as caught:
        r.u16("Source")
    error = caught.value
    assert (error.pdu_type, error.offset, error.field, error.abort_reason) == (1, 6, "Source", 6)
    assert str(error) == "A-ASSOCIATE-RQ: Source at offset 6: needs 2 bytes, its container has only 1 left"


def test_declared_but_missing_bytes() -> None:
    r = reader(b"\x01", declared=0xFFFFFFFF)
    with pytest.raises(RemoteProtocolError, match="breaks off after 1"):
        r.raw(0x7FFFFFFF, "Data")


def test_bytes_left_over_and_bytes_after_the_end() -> None:
    with pytest.raises(RemoteProtocolError, match="1 bytes are left over"):
        reader(b"\x01").check_end()
    r = reader(b"\x01\x02", declared=1)
    r.u8("a")
    with pytest.raises(RemoteProtocolError, match="1 bytes follow"):
        r.check_end()


def test_items_overrunning_and_underrunning() -> None:
    with pytest.raises(RemoteProtocolError, match="4 bytes declared, its container has only 3 left") as caught:
        reader(b"\x10\x00\x00\x04abc").open_item(lambda kind: "Thing")
    assert caught.value.offset == 8
    r = reader(b"\x10\x00\x00\x03abc")
    item = r.open_item(lambda kind: "Thing")
    item.u8("first")
    with pytest.raises(RemoteProtocolError, match="Thing at offset 11: 2 bytes are left over"):
        r.close_item(item, "Thing")


def test_number_of_items_is_bounded() -> None:
    r = reader(b"\x77\x00\x00\x00" * (MAX_ITEMS + 1))
    for _ in range(MAX_ITEMS):
        r.close_item(r.open_item(str), "Thing")
    with pytest.raises(RemoteProtocolError, match="more than 8192 items"):
        r.open_item(str)


def test_number_of_notes_is_bounded() -> None:
    r = reader(b"")
    for _ in range(1000):
        r.note("odd")
    assert len(r.notes) == 64


def test_uids_are_noted() -> None:
    r = reader(b"1.2 1..2" + b"1" * 65)
    assert r.uid(4, "UID") == "1.2 "
    assert r.uid(4, "UID") == "1..2"
    r.uid(65, "UID")
    assert [note.rsplit(" ", 2)[-1] for note in r.notes] == ["padded", "UID", "UID"]


def test_writer_refuses_what_does_not_fit() -> None:
    w = Writer()
    with pytest.raises(LocalProtocolError, match="Source: 256 does not fit into 1 bytes"):
        w.u8(256, "Source")
    with pytest.raises(LocalProtocolError, match="-1"):
        w.u32(-1, "Length")
    with pytest.raises(LocalProtocolError, match="2 bytes given"):
        w.exactly(b"ab", 3, "Reserved")
    with pytest.raises(LocalProtocolError, match="ISO 8859-1"):
        w.text("日本", "AE")
    with pytest.raises(LocalProtocolError, match="Length of UID"):
        w.sized_text("1" * 65536, "UID")
    start = w.open_item(0x10)
    w.raw(bytes(65536))
    with pytest.raises(LocalProtocolError, match="at most 65535"):
        w.close_item(start, "Thing")


def test_writer_builds_items_and_pdus() -> None:
    w = Writer()
    w.open_pdu(5, 9)
    start = w.open_item(0x10, 1)
    w.sized_raw(b"ab", "x")
    w.close_item(start, "x")
    assert w.getvalue()[6:] == bytes.fromhex("10010004 0002") + b"ab"
    assert w.close_pdu() == bytes.fromhex("0509 00000008 10010004 0002") + b"ab"
