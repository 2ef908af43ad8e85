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
from typing import NamedTuple

import pytest
from helpers import peers
from helpers.capturing import can_capture, capturing
from helpers.dissection import Dissected, Field, dissect
from helpers.instances import CT, EXPLICIT, IMPLICIT, MR, ROOT, elements, write_instance
from helpers.packets import Talk, pcapng
from helpers.recordings import associate_ac, associate_rq

from dicomgui.network import (
    ProposedContext,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentity,
    connect,
)
from dicomgui.network.dimse import CFindRQ, CFindRSP, encode, encode_dataset
from dicomgui.network.pdu import PDV, Abort, PDataTF, PresentationContextAC, PresentationContextRQ
from dicomgui.network.status import Status
from dicomgui.network.tracing import ConnectRecord, DimseRecord, Direction, PduRecord
from dicomgui.trace.capture import ImportResult, import_capture
from dicomgui.trace.describe import Node, describe_command, describe_pdu
from dicomgui.trace.inspection.dataset_nodes import DataNode, parse_dataset
from dicomgui.trace.inspection.messages import Message, message_at
from dicomgui.trace.store import TraceStore

VERIFICATION = "1.2.840.10008.1.1"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
_ITEM = 0xFFFE_E000
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


def make_capture(path: Path) -> Path:
    """What the peers above do not send: several values in a PDU, refused contexts, sequences, fragmented commands."""
    worklist = elements(QueryRetrieveLevel="STUDY", PatientName="Doe^Jane", NumberOfStudyRelatedInstances=5)
    step = elements(Modality="CT", ScheduledStationAETitle="A")
    worklist.ScheduledProcedureStepSequence = [step, step]
    refused = [
        PresentationContextAC(5, 3, ""),
        PresentationContextAC(7, 4, IMPLICIT),
        PresentationContextAC(9, 1, IMPLICIT),
    ]
    contexts = [PresentationContextRQ(number, FIND, (IMPLICIT, EXPLICIT)) for number in (1, 3, 5, 7, 9)]
    accepted = [PresentationContextAC(1, 0, IMPLICIT), PresentationContextAC(3, 0, EXPLICIT)]
    talk = Talk().open().send(0, associate_rq(*contexts).encode())
    talk.send(1, associate_ac(*accepted, *refused).encode())
    for context, syntax in ((1, IMPLICIT), (3, EXPLICIT)):
        data = encode_dataset(worklist, syntax)
        request = PDV(context, 3, encode(CFindRQ(context, FIND, has_dataset=True)))
        pending = PDV(context, 3, encode(CFindRSP(context, Status(0xFF00), FIND, has_dataset=True)))
        talk.send(0, PDataTF((request, PDV(context, 0, data[:30]), PDV(context, 2, data[30:]))).encode())
        talk.send(1, PDataTF((pending, PDV(context, 2, data))).encode())
        failed = encode(
            CFindRSP(
                context, Status(0xA700), FIND, error_comment="no room", offending_elements=(0x0010_0010, 0x0010_0020)
            )
        )
        talk.send(1, PDataTF((PDV(context, 1, failed[:20]),)).encode())
        talk.send(1, PDataTF((PDV(context, 3, failed[20:]),)).encode())
    return pcapng(path, talk.send(0, Abort(2, 5).encode()).close().packets)


class Source(NamedTuple):
    """A capture, and what must be in it at least."""

    path: Path
    pdu_types: frozenset[int]
    fields: int
    command_elements: int
    dataset_elements: int


@pytest.fixture(scope="module", params=["live", "recorded", "made"] if can_capture() else ["recorded", "made"])
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Source:
    folder = tmp_path_factory.mktemp("capture")
    if request.param == "made":
        return Source(make_capture(folder / "made.pcapng"), frozenset({1, 2, 4, 7}), 100, 35, 35)
    path = VECTORS / RECORDED
    if request.param == "live":
        path = folder / RECORDED
        hold_session(folder, path)
    return Source(path, frozenset(range(1, 8)), 5_000, 200, 100)


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
def ours(source: Source) -> Iterator[Imported]:
    imported = read(source.path)
    yield imported
    imported.store.close()


@pytest.fixture(scope="module")
def theirs(source: Source, ours: Imported) -> list[Dissected]:
    return dissect(source.path, {ports[1] for _, ports, record in ours.pdus if record.pdu_type == 1})


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


def test_the_pdus_are_the_same(source: Source, pairs: list[tuple[int, PduRecord, Dissected]], ours: Imported) -> None:
    assert {record.pdu_type for _, record, _ in pairs} == source.pdu_types
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
    assert masked == (3 in source.pdu_types), "the one passcode of a session"


def test_every_field_of_tshark_is_ours_too(source: Source, pairs: list[tuple[int, PduRecord, Dissected]]) -> None:
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
    assert compared > source.fields


def test_tshark_knows_every_field_of_ours(pairs: list[tuple[int, PduRecord, Dissected]]) -> None:
    for _, record, other in pairs:
        known = {(one.offset, one.length) for one in other.fields}
        elements = {one.offset for one in other.fields if one.name == "dicom.tag"}
        for node in describe_pdu(record).walk():
            is_element = node.label.startswith("(0000,") and (node.offset in elements or _is_unfinished(other))
            is_empty = not node.length and node.label == "Transfer-syntax-name"  # of a context that was refused
            is_known = is_element or is_empty or (node.offset, node.length) in known
            if not node.children and not is_known:
                assert node.label in OUR_OWN, (node, record.pdu_type)
                assert not node.error


def _is_unfinished(pdu: Dissected) -> bool:
    """Whether it has the beginning of a command only: tshark shows the elements where the last fragment is."""
    return any(one.name == "dicom.pdv.flags" and int(one.value, 0) == 1 for one in pdu.fields)


# ----------------------------------------------------------------------------------------------------------- elements


@dataclass
class Element:
    """What tshark says of one element: its tag, where it begins, its length with the value, and the value."""

    tag: int
    offset: int
    length: int
    value: Field | None


def _elements(fields: list[Field]) -> list[Element]:
    """tshark has fields for the tag, the VR, the length and the value of an element; we have a node for the whole."""
    found: list[Element] = []
    for one in fields:
        if one.name == "dicom.tag":
            found.append(Element(int(one.value, 0), one.offset, 0, None))
        elif one.name == "dicom.tag.vl":
            found[-1].length = one.offset + one.length - found[-1].offset + int(one.value, 0)
        elif one.name.startswith("dicom.tag.value"):
            end, ended = found[-1].offset + found[-1].length, one.offset + one.length
            # Several numbers or tags are a field each in tshark; the first one is compared by value.
            assert ended == end or (ended < end and one.name != "dicom.tag.value.str"), (
                "the value is as long as it says"
            )
            found[-1].value = found[-1].value or one
    return found


def _same_value(mine: str, other: Field) -> bool:
    """Numbers as such, texts without padding and names; bytes by their place only."""
    if mine.startswith("("):  # a tag, which tshark takes for a number of four bytes with the low half first
        group, element = mine[1:5], mine[6:10]
        return int(element + group, 16) == int(other.value, 0)
    if other.name in ("dicom.tag.value.16u", "dicom.tag.value.32u"):
        return _same_number(mine, other.value)
    if other.name == "dicom.tag.value.str":
        return mine.split(" (")[0].rstrip() == other.value.split(" (")[0].rstrip()
    return other.name == "dicom.tag.value.byte"


def test_every_element_of_a_command_is_the_same(
    source: Source, ours: Imported, pairs: list[tuple[int, PduRecord, Dissected]]
) -> None:
    """Commands in one PDU, and those that were put together from fragments."""
    compared = 0
    for seq, record, other in pairs:
        theirs = [one for one in _elements(other.fields) if one.tag >> 16 == 0]
        root = describe_pdu(record)
        if not theirs and (theirs := [one for one in _elements(other.reassembled) if one.tag >> 16 == 0]):
            message = message_at(ours.store, seq)
            assert message is not None
            root = describe_command(message.command)
        if _is_unfinished(other):
            continue
        nodes = {node.offset: node for node in root.walk() if node.label.startswith("(0000,")}
        assert sorted(nodes) == [one.offset for one in theirs]
        for one in theirs:
            node = nodes[one.offset]
            assert node.label.startswith(f"(0000,{one.tag:04X}) ")
            assert node.length == one.length
            assert one.value is None or _same_value(node.value, one.value), (node, one)
            compared += 1
    assert compared > source.command_elements


def test_every_element_of_a_data_set_is_the_same(
    source: Source, ours: Imported, pairs: list[tuple[int, PduRecord, Dissected]]
) -> None:
    """Data sets in one PDU, and those that tshark and we put together from many; items of sequences as well."""
    compared = 0
    for seq, _, other in pairs:
        inside = [one for one in _elements(other.fields) if one.tag >> 16]
        joined = [one for one in _elements(other.reassembled) if one.tag >> 16]
        if not inside and not joined:
            continue
        message = message_at(ours.store, seq, inside[0].offset if inside else len(other.data) - 1)
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
    assert compared > source.dataset_elements


def _data_nodes(message: Message) -> dict[int, DataNode]:
    parsed = parse_dataset(message.dataset, message.context.transfer_syntax)
    return {node.offset: node for node in parsed.root.walk() if node.tag >= 0 or node.label.startswith("Item ")}


def _check_element(nodes: dict[int, DataNode], one: Element, offset: int) -> int:
    node = nodes[offset]
    assert node.tag == (one.tag if one.tag != _ITEM else -1)
    assert node.length == one.length
    assert one.value is None or _same_value(node.value, one.value), (node.label, node.value, one)
    return 1


def test_every_message_is_found(source: Source, ours: Imported, theirs: list[Dissected]) -> None:
    """As many commands as tshark sees, each with its status."""
    elements = [one for pdu in theirs for one in (*_elements(pdu.fields), *_elements(pdu.reassembled))]
    statuses = [_number(one.value.value) for one in elements if one.tag == 0x0000_0900 and one.value is not None]
    records = [entry.record for entry in ours.store.since(0, 1_000_000)]
    messages = [record for record in records if isinstance(record, DimseRecord)]
    assert sorted(message.status for message in messages if message.status >= 0) == sorted(statuses)
    fields = {message.command_field for message in messages}
    assert fields >= ({0x01, 0x10, 0x20, 0x21, 0x30} if 3 in source.pdu_types else {0x20, 0x8020})
