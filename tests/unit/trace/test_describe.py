from __future__ import annotations

import json

import pytest
from helpers.recordings import CT, EXPLICIT, associate_ac, associate_rq
from hypothesis import given
from hypothesis import strategies as st

from dicomgui.network.dimse import CEchoRSP, CStoreRQ, encode
from dicomgui.network.pdu import (
    PDU,
    PDV,
    Abort,
    AssociateRJ,
    AssociateRQ,
    PDataTF,
    PresentationContextAC,
    PresentationContextRQ,
    ReleaseRQ,
    UnknownItem,
    UserIdentityRQ,
    UserInformation,
)
from dicomgui.network.status import Status
from dicomgui.network.tracing import Direction, PduRecord, Segment
from dicomgui.trace.describe import Node, describe_bytes, describe_command, describe_pdu, node_json


def record_of(data: bytes, *, length: int | None = None, error: str = "", kept: int | None = None) -> PduRecord:
    segments = (Segment(0, data[:kept]),)
    return PduRecord(1, 0.0, 0.0, Direction.RECEIVED, data[0], len(data) if length is None else length, segments, error)


def tree(pdu: PDU) -> Node:
    return describe_pdu(record_of(pdu.encode()))


def find(node: Node, label: str) -> Node:
    return next(item for item in node.walk() if item.label.startswith(label))


def test_a_request() -> None:
    request = associate_rq(PresentationContextRQ(1, CT, (EXPLICIT,)))
    root = tree(request)
    data = request.encode()
    assert (root.label, root.offset, root.length, root.error) == ("A-ASSOCIATE-RQ", 0, len(data), "")
    assert find(root, "Called-AE-title").value == "PACS"
    context = find(root, "Presentation context item")
    assert context.value.startswith("1: 1.2.840.10008.5.1.4.1.1.2 (CT Image Storage)")
    assert data[context.offset] == 0x20
    assert find(root, "Maximum length").value == "16384"
    assert find(root, "Transfer syntax item").value == "1.2.840.10008.1.2.1 (Explicit VR Little Endian)"
    covered = [child for child in root.children if child.length]
    assert [child.offset for child in covered[1:]] == [child.offset + child.length for child in covered[:-1]]


def test_answers() -> None:
    root = tree(associate_ac(PresentationContextAC(1, 4, EXPLICIT)))
    assert find(root, "Presentation context item").value == "1: 4 (transfer syntaxes not supported)"
    assert find(tree(AssociateRJ(1, 1, 7)), "Reason").value == "7 (called AE title not recognized)"
    assert find(tree(Abort(2, 6)), "Reason").value == "6 (invalid PDU parameter value)"


def test_a_passcode_is_not_shown() -> None:
    information = UserInformation((UserIdentityRQ(2, 0, b"alice", b"secret"),))
    texts = [node.value for node in tree(AssociateRQ("A", "B", (information,))).walk()]
    assert "alice" in texts
    assert not any("secret" in text or "73 65 63" in text for text in texts)


def test_remarks_of_the_decoder_are_shown() -> None:
    root = tree(AssociateRQ("A", "B", (UnknownItem(0x77, b"hm"),)))
    assert "unknown item 77H" in [node.value for node in root.walk() if node.label == "Remark"]


def test_a_command() -> None:
    root = tree(PDataTF((PDV(1, 3, encode(CEchoRSP(7, Status(0x0122)))),)))
    command = find(root, "Command set")
    assert (command.value, command.offset) == ("C-ECHO-RSP", 12)
    assert find(root, "(0000,0900) Status").value.startswith("0x0122 (failure)")
    assert find(root, "(0000,0002)").value == "1.2.840.10008.1.1 (Verification SOP Class)"
    assert find(root, "(0000,0000)").offset == 12
    assert find(root, "Presentation data value").value == "context 1, command, last"


def test_a_data_set_of_which_the_beginning_was_kept() -> None:
    data = PDataTF((PDV(3, 0, bytes(range(100))), PDV(3, 2, bytes(50)))).encode()
    segments = (Segment(0, data[:22]), Segment(112, data[112:118]))
    root = describe_pdu(PduRecord(1, 0.0, 0.0, Direction.SENT, 4, len(data), segments, ""))
    first, second = [node for node in root.children if node.label == "Presentation data value"]
    assert first.value == "context 3, data set, not last"
    assert first.children[-1].value == "100 bytes, of which 10 were kept: 00 01 02 03 04 05 06 07 08 09"
    assert (second.offset, second.length) == (112, 56)
    assert second.children[-1].value == "50 bytes, not kept in the trace"
    assert not any(node.error for node in root.walk())


def test_what_was_not_kept_is_told() -> None:
    data = PDataTF((PDV(3, 0, bytes(100)),)).encode()
    for kept in (6, 8, 10, 11):
        root = describe_pdu(record_of(data, kept=kept))
        assert "not kept" in find(root, "Presentation data value").value
        assert root.length == len(data)
    lost = describe_pdu(PduRecord(1, 0.0, 0.0, Direction.SENT, 4, 50, (), ""))
    assert (lost.label, lost.value) == ("P-DATA-TF", "its bytes are not in the trace")


def test_lengths_that_cannot_be() -> None:
    data = bytearray(PDataTF((PDV(1, 2, b"abcd"),)).encode())
    for length in (0, 1, 7, 0xFFFFFFFF):
        data[6:10] = length.to_bytes(4, "big")
        root = describe_pdu(record_of(bytes(data)))
        assert f"its length is {length}" in find(root, "Presentation data value").error


def test_a_command_in_fragments() -> None:
    command = encode(CStoreRQ(1, CT, "1.2.3"))
    root = tree(PDataTF((PDV(1, 1, command[:30]), PDV(1, 3, command[30:]))))
    first, second = [node for node in root.children if node.label == "Presentation data value"]
    assert first.children[-1].error == ""
    assert first.children[-1].children[0].label == "(0000,0000) Command Group Length"
    assert second.children[-1].label == "Command fragment"


def test_very_many_fragments_are_not_all_shown() -> None:
    root = tree(PDataTF(tuple(PDV(1, 2, b"") for _ in range(3000))))
    assert root.children[-1].label == "More"
    assert len(root.children) < 2100


def test_malformed_pdus_have_a_tree_and_a_fault() -> None:
    data = bytearray(associate_rq().encode())
    data[76:78] = b"\xff\xff"
    root = describe_pdu(record_of(bytes(data)))
    assert root.label == "A-ASSOCIATE-RQ"
    assert find(root, "Called-AE-title").value == "PACS"
    faults = [node for node in root.walk() if node.error]
    assert len(faults) == 1
    assert faults[0].offset == 76


def test_pdus_that_broke_off_have_a_tree() -> None:
    data = associate_rq().encode()
    for end in range(1, len(data)):
        root = describe_pdu(record_of(data[:end], length=len(data)))
        assert any(node.error for node in root.walk())


def test_what_the_protocol_said_is_kept() -> None:
    error = "A-RELEASE-RQ is not allowed in Sta2"
    root = describe_pdu(record_of(ReleaseRQ().encode(), error=error))
    assert root.error == error
    data = record_of(PDataTF((PDV(1, 2, b"ab"),)).encode(), error="unexpected\n")
    assert describe_pdu(data).error == "unexpected\\n"


def test_bytes_of_a_file() -> None:
    data = associate_rq().encode() + ReleaseRQ().encode()
    assert [node.label for node in describe_bytes(data)] == ["A-ASSOCIATE-RQ", "A-RELEASE-RQ"]
    assert describe_bytes(b"") == []
    last = describe_bytes(data + b"HTTP/1.1 400")[-1]
    assert any(node.error for node in last.walk())
    assert len(describe_bytes(data + b"HTTP/1.1 400 Bad Request, and so on")) == 3
    (short,) = describe_bytes(b"\x01\0")
    assert any(node.error for node in short.walk())


def test_a_command_set_alone() -> None:
    data = encode(CEchoRSP(1, Status(0)))
    root = describe_command(data)
    assert (root.label, root.value, root.length, root.error) == ("Command set", "C-ECHO-RSP", len(data), "")
    broken = describe_command(data[:-3])
    assert broken.error
    assert broken.children
    assert describe_command(data[:-3], is_whole=False).error == ""
    odd = describe_command(data[:8] + b"\x01\0\0\0" + data[12:])
    assert any(node.label == "Remark" for node in odd.children)
    assert describe_command(b"").error


def test_as_json() -> None:
    value = json.loads(json.dumps(node_json(tree(ReleaseRQ()))))
    assert list(value) == ["name", "value", "offset", "length", "children"]
    assert value["children"][0] == {"name": "PDU type", "value": "05H", "offset": 0, "length": 1, "children": []}
    assert node_json(Node("a", error="b"))["error"] == "b"


def test_values_of_a_peer_are_plain_text() -> None:
    root = tree(associate_rq(called="A\nB\x1b"))
    assert find(root, "Called-AE-title").value == "A\\nB\\x1b"


@given(st.integers(1, 7), st.binary(max_size=200), st.integers(0, 300))
def test_any_bytes_have_a_tree(kind: int, data: bytes, length: int) -> None:
    root = describe_pdu(record_of(bytes((kind,)) + data, length=length))
    assert all(node.value.isprintable() and node.error.isprintable() for node in root.walk())
    json.dumps(node_json(root))


@pytest.mark.parametrize("kind", [0, 8, 0x16, 0x48, 255])
def test_what_is_no_pdu(kind: int) -> None:
    root = describe_pdu(record_of(bytes((kind,)) + b"abcdefghijk"))
    assert any(node.error for node in root.walk())
