"""An imported capture shows the same PDUs, fields and byte ranges as tshark does, for all that tshark decodes.

The captures are of real sessions: DCMTK's tools with Orthanc, and our own client, which sends every item of user
information. Each field of tshark must have a node of ours in the same place with the same value, and each node of ours
must be known to tshark or be of a kind that is named here with the reason why it is not.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers import peers
from helpers.capturing import can_capture, capturing
from helpers.dissection import Dissected, Field, dissect
from helpers.instances import CT, EXPLICIT, IMPLICIT, MR, ROOT, write_instance

from dicomgui.network import (
    ProposedContext,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentity,
    connect,
)
from dicomgui.network.tracing import ConnectRecord, DimseRecord, Direction, PduRecord
from dicomgui.trace.capture import ImportResult, import_capture
from dicomgui.trace.dataset_nodes import DataNode, parse_dataset
from dicomgui.trace.describe import Node, describe_pdu
from dicomgui.trace.messages import Message, message_at
from dicomgui.trace.store import TraceStore

VERIFICATION = "1.2.840.10008.1.1"
VECTORS = Path(__file__).parents[1] / "vectors" / "captures"
RECORDED = "dcmtk-orthanc.pcapng"
"""A session as :func:`hold_session` holds it, for machines on which nobody may capture."""


# ---------------------------------------------------------------------------------------------------------- a session


def hold_session(folder: Path, capture: Path) -> None:
    """C-ECHO, C-STORE, C-FIND, C-MOVE, C-GET, a rejection and aborts between DCMTK, Orthanc and our client."""
    files = [
        write_instance(folder / "files", 1, pixel_bytes=65_536),
        write_instance(folder / "files", 2, syntax=IMPLICIT),
        write_instance(folder / "files", 3, sop_class=MR, syntax=EXPLICIT, pixel_bytes=16_384),
    ]
    study = ("-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={ROOT}.1")
    move_port = peers.free_port()
    with peers.orthanc(folder / "orthanc") as orthanc, peers.storescp(folder / "refuses", "--refuse") as refusing:
        orthanc.know("MOVESCU", move_port)
        port = orthanc.peer.port
        with capturing(capture, (port, move_port, refusing.port)):
            at = ("-aec", "ORTHANC", peers.LOOPBACK, port)
            _run("echoscu", *at)
            _run("echoscu", "--abort", *at)
            _run("echoscu", peers.LOOPBACK, refusing.port, code=1)
            _run("storescu", "-R", *at, *files)
            _run("findscu", "-S", *study, "-k", "PatientName", *at)
            _run("findscu", "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "PatientID=NOBODY", *at)
            there = ("-aet", "MOVESCU", "-aem", "MOVESCU", "+P", move_port, "-od", folder)
            _run("movescu", "-S", *there, *study, *at)
            _run("getscu", "-S", "-od", folder, *study, *at)
            asyncio.run(_associate_with_everything(f"ORTHANC@{peers.LOOPBACK}:{port}"))


def _run(name: str, *arguments: object, code: int = 0) -> None:
    done = peers.run_here(name, *arguments)
    assert done.code == code, str(done)


async def _associate_with_everything(address: str) -> None:
    """Every sub-item of user information that we can send."""
    async with connect(
        address,
        contexts=(ProposedContext(VERIFICATION, (IMPLICIT,)), ProposedContext(CT, (EXPLICIT, IMPLICIT), True, True)),
        async_ops=(4, 2),
        user_identity=UserIdentity.passcode("someone", "not to be seen"),
        extended=(SOPClassExtendedNegotiation("1.2.840.10008.5.1.4.1.2.1.1", b"\1\1\1\1"),),
        common_extended=(
            SOPClassCommonExtendedNegotiation(CT, "1.2.840.10008.4.2", ("1.2.840.10008.5.1.4.1.1.88.22",)),
        ),
    ) as association:
        await association.echo()


@pytest.fixture(scope="module", params=["live", "recorded"] if can_capture() else ["recorded"])
def capture(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if request.param == "recorded":
        return VECTORS / RECORDED
    folder = tmp_path_factory.mktemp("session")
    hold_session(folder, folder / RECORDED)
    return folder / RECORDED


# ------------------------------------------------------------------------------------------------- ours beside tshark's


@dataclass
class Imported:
    """A capture in our store, and its PDUs with the ports of sender and receiver."""

    result: ImportResult
    store: TraceStore
    pdus: list[tuple[int, tuple[int, int], PduRecord]]


def read(path: Path) -> Imported:
    store = TraceStore()
    result = import_capture(path, store)
    ends: dict[int, tuple[int, int]] = {}
    pdus = []
    for entry in store.since(0, 1_000_000):
        record = entry.record
        if isinstance(record, ConnectRecord):
            ends[record.association] = (_port(record.local), _port(record.peer))
        elif isinstance(record, PduRecord):
            ours, theirs = ends[record.association]
            ports = (ours, theirs) if record.direction is Direction.SENT else (theirs, ours)
            pdus.append((entry.seq, ports, record))
    return Imported(result, store, pdus)


def _port(place: str) -> int:
    return int(place.rpartition(":")[2])


@pytest.fixture(scope="module")
def ours(capture: Path) -> Iterator[Imported]:
    imported = read(capture)
    yield imported
    imported.store.close()


@pytest.fixture(scope="module")
def theirs(capture: Path, ours: Imported) -> list[Dissected]:
    return dissect(capture, {ports[1] for _, ports, record in ours.pdus if record.pdu_type == 1})


@pytest.fixture
def pairs(ours: Imported, theirs: list[Dissected]) -> list[tuple[int, PduRecord, Dissected]]:
    """Each PDU of ours beside the same one of tshark's."""
    return [(seq, record, other) for (seq, _, record), other in zip(ours.pdus, theirs, strict=True)]


def _number(text: str) -> int:
    """The number that a value of ours begins with: ``0AH (…)``, ``10 (…)``, or a status as ``FF00 (…)``."""
    first = text.split(" ")[0]
    if first.endswith("H"):
        return int(first[:-1], 16)
    return int(first, 16 if len(first) == 4 and not first.isdecimal() else 0)


def _same_number(mine: str, other: str) -> bool:
    return _number(mine) == int(other, 0)


def _same_text(mine: str, other: str) -> bool:
    return mine.rstrip() == other.rstrip()


def _same_uid(mine: str, other: str) -> bool:
    """tshark writes ``Name (1.2.3)``, ``1.2.3 (Name)`` or ``1.2.3``, we ``1.2.3 (Name)`` or ``1.2.3``."""
    return mine.split(" ")[0] in re.findall(r"[0-9]+(?:\.[0-9]+)+", other)


def _any(mine: str, other: str) -> bool:
    return True


COUNTERPARTS: dict[str, tuple[str, Callable[[str, str], bool]]] = {
    "dicom.pdu.type": ("PDU type", _same_number),
    "dicom.pdu.len": ("PDU length", _same_number),
    "dicom.assoc.version": ("Protocol-version", _same_number),
    "dicom.assoc.ae.called": ("Called-AE-title", _same_text),
    "dicom.assoc.ae.calling": ("Calling-AE-title", _same_text),
    "dicom.assoc.reject.result": ("Result", _same_number),
    "dicom.assoc.reject.source": ("Source", _same_number),
    "dicom.assoc.reject.reason": ("Reason/Diag.", _same_number),
    "dicom.assoc.abort.source": ("Source", _same_number),
    "dicom.assoc.abort.reason": ("Reason/Diag.", _same_number),
    "dicom.assoc.item.type": ("Item type", _same_number),
    "dicom.assoc.item.len": ("Item length", _same_number),
    "dicom.actx": ("Application-context-name", _same_uid),
    "dicom.pctx.id": ("Presentation-context-ID", _same_number),
    "dicom.pctx.result": ("Result/Reason", _same_number),
    "dicom.pctx.abss.syntax": ("Abstract-syntax-name", _same_uid),
    "dicom.pctx.xfer.syntax": ("Transfer-syntax-name", _same_uid),
    "dicom.userinfo": ("User information item (50H)", _any),
    "dicom.max_pdu_len": ("Maximum-length-received", _same_number),
    "dicom.userinfo.uid": ("Implementation-class-uid", _same_uid),
    "dicom.userinfo.version": ("Implementation-version-name", _same_text),
    "dicom.pdv.len": ("Item length", _same_number),
    "dicom.pdv.ctx": ("Presentation-context-ID", _same_number),
    "dicom.pdv.flags": ("Message control header", _same_number),
}

SUB_ITEMS = {
    "dicom.userinfo.rolesel": ("SCP/SCU role selection sub-item (54H)", _any),
    "dicom.userinfo.rolesel.sopclassuid.len": ("SOP-class-uid-length", _same_number),
    "dicom.userinfo.rolesel.sopclassuid": ("SOP-class-uid", _same_uid),
    "dicom.userinfo.rolesel.scurole": ("SCU-role", _same_number),
    "dicom.userinfo.rolesel.scprole": ("SCP-role", _same_number),
    "dicom.userinfo.asyncneg": ("Asynchronous operations window sub-item (53H)", _any),
    "dicom.userinfo.asyncneg.maxnumopsinv": ("Maximum-number-operations-invoked", _same_number),
    "dicom.userinfo.asyncneg.maxnumopsper": ("Maximum-number-operations-performed", _same_number),
    "dicom.userinfo.extneg": ("SOP class extended negotiation sub-item (56H)", _any),
    "dicom.userinfo.extneg.sopclassuid.len": ("SOP-class-uid-length", _same_number),
    "dicom.userinfo.extneg.sopclassuid": ("SOP-class-uid", _same_uid),
    "dicom.userinfo.extneg.relational": ("Relational-queries", _same_number),
    "dicom.userinfo.extneg.datetimematching": ("Date-time-matching", _same_number),
    "dicom.userinfo.extneg.fuzzymatching": ("Fuzzy-semantic-matching", _same_number),
    "dicom.userinfo.extneg.timezone": ("Timezone-query-adjustment", _same_number),
    "dicom.userinfo.user_identify": ("User identity negotiation sub-item (58H)", _any),
    "dicom.userinfo.user_identify.type": ("User-Identity-Type", _same_number),
    "dicom.userinfo.user_identify.response_requested": ("Positive-response-requested", _same_number),
    "dicom.userinfo.user_identify.primary_field_length": ("Primary-field-length", _same_number),
    "dicom.userinfo.user_identify.primary_field": ("Primary-field", _same_text),
    "dicom.userinfo.user_identify.secondary_field_length": ("Secondary-field-length", _same_number),
    # A passcode is masked before a trace holds it, and never shown (PS3.7 D.3.3.7); tshark shows it.
    "dicom.userinfo.user_identify.secondary_field": ("Secondary-field", _any),
    # tshark does not know the SOP Class Common Extended Negotiation sub-item (57H), which we decode.
    "dicom.userinfo.unknown": ("SOP class common extended negotiation sub-item (57H)", _any),
}
NOT_DECODED_BY_TSHARK = {"dicom.userinfo.data"}
"""The bytes of what tshark calls unknown; our fields of it are checked by the unit tests of the decoder."""

OUR_OWN = {
    "Reserved": "tshark leaves reserved bytes out",
    "Service-class-uid-length": "of the sub-item 57H, which tshark does not know",
    "Service-class-uid": "the same",
    "Related-general-sop-class-identification-length": "the same",
    "Related-general-sop-class-uid-length": "the same",
    "Related-general-sop-class-uid": "the same",
    "SOP-class-uid-length": "the same",
    "SOP-class-uid": "the same",
    "Item type": "the same",
    "Item length": "the same",
    "Data set fragment": "tshark has its length, but no field for the bytes",
    "Command fragment": "the same",
}
"""Labels of nodes without children that need no field of tshark beside them, and why."""


def _nodes_by_place(root: Node) -> dict[tuple[int, int], list[Node]]:
    places: dict[tuple[int, int], list[Node]] = {}
    for node in root.walk():
        places.setdefault((node.offset, node.length), []).append(node)
    return places


def test_the_pdus_are_the_same(pairs: list[tuple[int, PduRecord, Dissected]], ours: Imported) -> None:
    assert len(pairs) > 100
    assert {record.pdu_type for _, record, _ in pairs} == {1, 2, 3, 4, 5, 6, 7}
    assert ours.result.notes == ()
    masked = 0
    for (_, record, other), (_, ports, _) in zip(pairs, ours.pdus, strict=True):
        assert ports == other.ports
        assert not record.error
        (segment,) = record.segments
        if b"not to be seen" in other.data:
            other.data = other.data.replace(b"not to be seen", b"*" * 14)
            masked += 1
        assert segment == (0, other.data)
    assert masked == 1


def test_every_field_of_tshark_is_ours_too(pairs: list[tuple[int, PduRecord, Dissected]]) -> None:
    """The same place, the same length, the same value; elements of data sets are in the next test."""
    compared = 0
    for _, record, other in pairs:
        places = _nodes_by_place(describe_pdu(record))
        for one in other.fields:
            if one.name.startswith("dicom.tag") or one.name in NOT_DECODED_BY_TSHARK:
                continue
            label, is_same = (COUNTERPARTS | SUB_ITEMS)[one.name]
            nodes = [node for node in places.get((one.offset, one.length), ()) if node.label == label]
            assert len(nodes) == 1, (one, places.get((one.offset, one.length)))
            assert is_same(nodes[0].value, one.value), (nodes[0].value, one)
            compared += 1
    assert compared > 5_000


def test_tshark_knows_every_field_of_ours(pairs: list[tuple[int, PduRecord, Dissected]]) -> None:
    for _, record, other in pairs:
        known = {(one.offset, one.length) for one in other.fields}
        elements = {one.offset for one in other.fields if one.name == "dicom.tag"}
        for node in describe_pdu(record).walk():
            is_element = node.label.startswith("(0000,") and node.offset in elements
            if not node.children and not is_element and (node.offset, node.length) not in known:
                assert node.label in OUR_OWN, (node, record.pdu_type)
                assert not node.error


# ----------------------------------------------------------------------------------------------------------- elements


@dataclass
class Element:
    """What tshark says of one element: its tag, where it begins, its value and where that lies."""

    tag: int
    offset: int
    length: int
    value: Field | None


def _elements(fields: list[Field]) -> list[Element]:
    """tshark has fields for the tag, the VR, the length and the value of an element; we have a node for the whole."""
    found: list[Element] = []
    for one in fields:
        if one.name == "dicom.tag":
            found.append(Element(int(one.value, 0), one.offset, 8, None))
        elif one.name == "dicom.tag.vl":
            found[-1].length = one.offset + one.length - found[-1].offset
        elif one.name.startswith("dicom.tag.value"):
            assert one.offset == found[-1].offset + found[-1].length, "a value follows its length"
            found[-1].length += one.length
            found[-1].value = one
    return found


def _same_value(mine: str, other: Field) -> bool:
    """Numbers as such, texts without padding and names; bytes by their place only."""
    if other.name in ("dicom.tag.value.16u", "dicom.tag.value.32u"):
        return _same_number(mine, other.value)
    if other.name == "dicom.tag.value.str":
        return mine.split(" (")[0].rstrip() == other.value.split(" (")[0].rstrip()
    return other.name == "dicom.tag.value.byte"


def test_every_element_of_a_command_is_the_same(pairs: list[tuple[int, PduRecord, Dissected]]) -> None:
    compared = 0
    for _, record, other in pairs:
        nodes = {node.offset: node for node in describe_pdu(record).walk() if node.label.startswith("(0000,")}
        theirs = [one for one in _elements(other.fields) if one.tag >> 16 == 0]
        assert sorted(nodes) == [one.offset for one in theirs]
        for one in theirs:
            node = nodes[one.offset]
            assert node.label.startswith(f"(0000,{one.tag:04X}) ")
            assert node.length == one.length
            assert one.value is None or _same_value(node.value, one.value), (node, one)
            compared += 1
    assert compared > 200


def test_every_element_of_a_data_set_is_the_same(ours: Imported, pairs: list[tuple[int, PduRecord, Dissected]]) -> None:
    """Data sets in one PDU, and those that tshark and we put together from many."""
    compared = 0
    for seq, _, other in pairs:
        inside = [one for one in _elements(other.fields) if one.tag >> 16]
        joined = _elements(other.reassembled)
        if not inside and not joined:
            continue
        message = message_at(ours.store, seq)
        assert message is not None
        nodes = _data_nodes(message)
        start = len(message.command)
        for one in inside:
            position = message.position_of(seq, one.offset)
            assert position is not None
            compared += _check_element(nodes, one, position - start)
        for one in joined:
            compared += _check_element(nodes, one, one.offset)
        assert len(nodes) == len(inside) + len(joined)
    assert compared > 100


def _data_nodes(message: Message) -> dict[int, DataNode]:
    parsed = parse_dataset(message.dataset, message.context.transfer_syntax)
    return {node.offset: node for node in parsed.root.walk() if node.tag >= 0}


def _check_element(nodes: dict[int, DataNode], one: Element, offset: int) -> int:
    node = nodes[offset]
    assert (node.tag, node.length) == (one.tag, one.length)
    assert one.value is None or _same_value(node.value, one.value), (node.label, node.value, one)
    return 1


def test_every_message_is_found(ours: Imported, theirs: list[Dissected]) -> None:
    """As many commands as tshark sees, each with its status."""
    statuses = [
        _number(one.value)
        for pdu in theirs
        for tag, one in zip(_elements(pdu.fields), _values(pdu.fields), strict=True)
        if tag.tag == 0x0000_0900
    ]
    records = [entry.record for entry in ours.store.since(0, 1_000_000)]
    messages = [record for record in records if isinstance(record, DimseRecord)]
    assert sorted(message.status for message in messages if message.status >= 0) == sorted(statuses)
    assert {message.command_field for message in messages} >= {0x01, 0x10, 0x20, 0x21, 0x30}


def _values(fields: list[Field]) -> list[Field]:
    return [element.value or Field("", "0", 0, 0) for element in _elements(fields)]
