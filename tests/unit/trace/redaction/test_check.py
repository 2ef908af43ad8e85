from __future__ import annotations

from helpers.identified import pdus, stored
from helpers.instances import EXPLICIT

from dicomgui.network.tracing import BytesRecord, Direction, FileRecord, NoteRecord, PduRecord, Record, Segment
from dicomgui.trace.redaction.check import Leftover, leftovers
from dicomgui.trace.redaction.rules import Kind
from dicomgui.trace.redaction.secrets import Secrets

NAME = 0x00100010


def secrets() -> Secrets:
    found = Secrets()
    found.add(Kind.TEXT, NAME, b"Musterfrau")
    return found


def test_a_value_is_found_in_bytes_and_texts() -> None:
    head = (1, 0.0, 0.0)
    records: list[Record] = [
        PduRecord(*head, Direction.SENT, 4, 20, (Segment(0, b"\x04...Musterfrau"),), ""),
        BytesRecord(*head, Direction.SENT, 10, b"Musterfrau", "bad Musterfrau"),
        FileRecord(*head, "opened", "/Musterfrau/Musterfrau", 1, ""),
        NoteRecord(*head, 20, "nothing"),
    ]
    element = "PatientName (0010,0010)"
    assert set(leftovers(records, secrets(), keep_ae=True)) == {
        Leftover(element, "P-DATA-TF", 1),
        Leftover(element, "no PDU", 1),
        Leftover(element, "error of a record", 1),
        Leftover(element, "path of a record", 2),
    }


def test_a_value_is_found_across_pdus() -> None:
    for fragment in (1, 3, 7):
        records = stored(b"xxMusterfrauxx", EXPLICIT, fragment=fragment)
        assert Leftover("PatientName (0010,0010)", "two PDUs", 1) in leftovers(records, secrets(), keep_ae=True)
    other = [PduRecord(1, 0.0, 0.0, Direction.SENT, 4, len(data), (Segment(0, data),), "") for data in (
        *pdus(b"Muster", 100, is_command=False), *pdus(b"frau", 100, is_command=False)
    )]  # fmt: skip
    assert leftovers(other, secrets(), keep_ae=True) == ()  # two messages


def test_titles_count_unless_they_are_kept() -> None:
    title = Secrets()
    title.add(Kind.TEXT, NAME, b"PACS")
    records = stored(b"", EXPLICIT)
    assert leftovers(records, title, keep_ae=True) == ()
    assert leftovers(records, title, keep_ae=False)[0].place in ("A-ASSOCIATE-RQ", "A-ASSOCIATE-AC")
