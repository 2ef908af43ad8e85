from __future__ import annotations

import pytest
from helpers.recordings import CT, Recording

from dicomgui.network.pdu import AssociateRQ, SOPClassExtendedNegotiation, UserInformation
from dicomgui.network.tracing import PduRecord
from dicomgui.trace.describe import describe_pdu
from dicomgui.trace.describe_extended import application_fields

FIND = "1.2.840.10008.5.1.4.1.2.1.1"
GET = "1.2.840.10008.5.1.4.1.2.1.3"
WORKLIST = "1.2.840.10008.5.1.4.31"


@pytest.mark.parametrize(
    ("uid", "data", "expected"),
    [
        (FIND, b"\1\0", [("Relational-queries", "1 (yes)"), ("Date-time-matching", "0 (no)")]),
        (GET, b"\0\1", [("Relational-retrieval", "0 (no)"), ("Enhanced-multi-frame-image-conversion", "1 (yes)")]),
        (WORKLIST, b"\1\1\1", [("Reserved", "1"), ("Reserved", "1"), ("Fuzzy-semantic-matching", "1 (yes)")]),
        (CT, b"\2", [("Level-of-support", "2 (level 2, full)")]),
        (FIND, b"\7", [("Relational-queries", "7")]),
        ("1.2.3", b"\1", []),
        (FIND, b"", []),
    ],
)
def test_each_service_names_its_bytes(uid: str, data: bytes, expected: list[tuple[str, str]]) -> None:
    assert application_fields(uid, data) == expected


def test_the_bytes_have_their_places_in_the_pdu() -> None:
    information = UserInformation(
        (SOPClassExtendedNegotiation(FIND, b"\1\0\1"), SOPClassExtendedNegotiation("1.2", b""))
    )
    pdu = AssociateRQ("A", "B", (information,))
    (record,) = Recording().sent(pdu).records
    assert isinstance(record, PduRecord)
    nodes = [node for node in describe_pdu(record).walk() if node.label == "Service-class-application-information"]
    data = pdu.encode()
    first = data.index(b"\1\0\1", 80)
    assert [(child.label, child.offset, child.length) for child in nodes[0].children] == [
        ("Relational-queries", first, 1),
        ("Date-time-matching", first + 1, 1),
        ("Fuzzy-semantic-matching", first + 2, 1),
    ]
    assert (nodes[0].offset, nodes[0].length) == (first, 3)
    assert nodes[1].children == ()
