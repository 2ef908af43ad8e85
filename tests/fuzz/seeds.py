"""Sound inputs to begin with: what other programs sent and wrote (`tests/vectors`), and what ours write."""

from __future__ import annotations

import json
import struct
import tempfile
import zlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import tomli_w
from helpers import bad_peer
from helpers.failures import RECORDED
from helpers.hostile import DEFLATED_ITEMS, empty_items, request_command
from helpers.identified import encoded, patient
from helpers.recordings import Recording

from dicomgui.app.asking.dicom_json import dataset_json
from dicomgui.network import presets
from dicomgui.network.part10 import write_head
from dicomgui.network.tracing import Record
from dicomgui.trace.file import TraceWriter
from dicomgui.trace.pcap import export_pcapng
from dicomgui.trace.store import TraceStore

VECTORS = Path(__file__).parents[1] / "vectors"
FOUND = VECTORS / "fuzz"
"""Inputs that once broke something, as ``TARGET-what.bin``; see `test_fuzz_targets.py`."""

IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED, STUDY_FIND = "1.2.840.10008.1.2.1.99", "1.2.840.10008.5.1.4.1.2.2.1"
CT, UID = "1.2.840.10008.5.1.4.1.1.2", "1.2.826.0.1.3680043.8.498.1"
_TRACE_HEAD, _CHUNK_HEAD, _CRC = 16, struct.Struct(">4sI"), struct.Struct(">I")


def found(target: str) -> list[bytes]:
    """What once broke this target."""
    return [path.read_bytes() for path in sorted(FOUND.glob(f"{target}-*.bin"))]


def _vectors(kind: str) -> list[bytes]:
    texts = (path.read_text("utf-8") for path in sorted((VECTORS / kind).glob("*.hex")))
    return [bytes.fromhex("".join(line for line in text.splitlines() if not line.startswith("#"))) for text in texts]


def pdus() -> list[bytes]:
    """PDUs of other programs, one by one, and some of them one after the other."""
    ones = _vectors("pdu")
    return [*ones, b"".join(ones[:5]), b"".join(one for one in ones if one[0] == 4)]


def conversations() -> list[bytes]:
    """What peers say, behind a byte that says in which pieces; see `targets.run_listener`."""
    stores = b"".join(bad_peer.store_rq(f"1.2.{number}", bytes(50 * number), number) for number in (2, 3))
    good = bad_peer.GOOD_RQ + bad_peer.echo_rq() + stores + bad_peer.RELEASE_RQ
    others = [bad_peer.GOOD_RQ + one for one in (bad_peer.echo_rq(), stores, bad_peer.RELEASE_RP, bad_peer.pdu(7))]
    others += _costly_requests()
    return [bytes([255]) + good, bytes([3]) + good, *(bytes([255]) + one for one in (*others, *_vectors("pdu")))]


def _costly_requests() -> list[bytes]:
    """A query and an instance with a deflated data set that costs its sender nothing."""
    find, store = (bad_peer.context_rq(number, uid, DEFLATED) for number, uid in ((1, STUDY_FIND), (3, CT)))
    begin = bad_peer.associate(bad_peer.APPLICATION, find, store, bad_peer.USER)
    stored = bad_peer.command(bad_peer.store_elements("1.9", 9))
    bomb = empty_items(DEFLATED_ITEMS, deflated=True)
    return [
        begin + bad_peer.pdata(bad_peer.pdv(number, 3, command)) + bad_peer.dataset(bomb, number, 60_000)
        for number, command in ((1, request_command("C-FIND")), (3, stored))
    ]


def replies() -> list[bytes]:
    """What servers say: an acceptance of all that is asked for by default, and responses."""
    contexts = [bad_peer.context_ac(2 * number + 1, 0, EXPLICIT) for number in range(len(presets.DEFAULT))]
    accepted = bad_peer.associate(bad_peer.APPLICATION, *contexts, bad_peer.USER, pdu_type=2)
    find = next(2 * n + 1 for n, one in enumerate(presets.DEFAULT) if one.abstract_syntax == STUDY_FIND)
    echo = bad_peer.response(0x8030, 1)
    match = bad_peer.pdata(bad_peer.pdv(find, 3, bad_peer.command({0x100: 0x8020, 0x120: 2, 0x800: 1, 0x900: 0xFF00})))
    match += bad_peer.dataset(b"\x10\0\x20\0LO\x02\x001 ", find)
    good = accepted + echo + match * 3 + bad_peer.response(0x8020, 2, 0, find) + bad_peer.RELEASE_RP
    others = [accepted + one for one in (bad_peer.response(0x8030, 9), bad_peer.RELEASE_RQ, bad_peer.pdu(7, bytes(4)))]
    return [bytes([255]) + good, bytes([2]) + good, *(bytes([255]) + one for one in (*others, *_vectors("pdu")))]


def commands() -> list[bytes]:
    """Command sets of other programs."""
    return _vectors("dimse")


def _encoded() -> list[tuple[str, bytes]]:
    sample = patient()
    return [
        (syntax, encoded(sample, syntax, undefined=undefined))
        for syntax in (IMPLICIT, EXPLICIT, BIG, DEFLATED)
        for undefined in (False, True)
    ]


@cache
def _bombs() -> list[tuple[str, bytes]]:
    """A sequence of empty items, which costs its sender nothing: 11.7 kB deflated, and 64 KiB plain."""
    return [(DEFLATED, empty_items(DEFLATED_ITEMS, deflated=True)), (EXPLICIT, empty_items(8000))]


def files() -> list[bytes]:
    """Part 10 files, and data sets without a head."""
    heads = [
        write_head(sop_class_uid=CT, sop_instance_uid=UID, transfer_syntax_uid=syntax) + data
        for syntax, data in _encoded()
    ]
    bombs = [
        write_head(sop_class_uid=CT, sop_instance_uid=UID, transfer_syntax_uid=syntax) + data
        for syntax, data in _bombs()
    ]
    return [*heads, *(data for syntax, data in _encoded() if syntax != DEFLATED), *bombs]


def datasets() -> list[bytes]:
    """Data sets behind a byte that names their transfer syntax; see `targets.SYNTAXES`."""
    numbers = {IMPLICIT: 0, EXPLICIT: 1, BIG: 2, DEFLATED: 3}
    return [bytes([numbers[syntax]]) + data for syntax, data in (*_encoded(), *_bombs())]


def requests() -> list[bytes]:
    """Data sets as users give them."""
    text = json.dumps(dataset_json(patient())).encode()
    return [
        text,
        b'{"00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]}}',
        b"[]",
        *files()[:3],
        *files()[-2:],
    ]


def _talks() -> list[list[Record]]:
    sound = Recording().connect().established().echo().store().released().closed().records
    return [sound, *(list(make()) for code, make in RECORDED.items() if not code.startswith("tls"))]


def _written(talks: Iterable[list[Record]], suffix: str) -> list[bytes]:
    inputs = []
    with tempfile.TemporaryDirectory(prefix="dicomgui-seeds-") as folder:
        path = Path(folder) / f"a.{suffix}"
        for records in talks:
            if suffix == "pcapng":
                export_pcapng(records, path)
            else:
                with TraceWriter(path) as writer:
                    for record in records:
                        writer(record)
            inputs.append(path.read_bytes())
    return inputs


def captures() -> list[bytes]:
    """What Wireshark captured, and what we export."""
    inputs = [path.read_bytes() for path in sorted((VECTORS / "captures").iterdir())]
    inputs = [one for one in inputs if len(one) <= 65_536] + [one[:20_000] for one in inputs]
    return inputs + _written(_talks()[:25], "pcapng")


def traces() -> list[bytes]:
    """Trace files of everything that the diagnosis knows."""
    return _written(_talks(), "dgtrace")


def with_checksums(data: bytes) -> bytes:
    """A trace file whose chunks have the checksums that belong to them."""
    mended, position = bytearray(data), _TRACE_HEAD
    while position + _CHUNK_HEAD.size <= len(mended):
        _, length = _CHUNK_HEAD.unpack_from(mended, position)
        end = position + _CHUNK_HEAD.size + length
        if end + _CRC.size > len(mended):
            break
        _CRC.pack_into(mended, end, zlib.crc32(mended[position:end]))
        position = end + _CRC.size
    return bytes(mended)


def recorded_store() -> TraceStore:
    """A small trace in memory."""
    store = TraceStore()
    for records in _talks()[:12]:
        for record in records:
            store(record)
    return store


def filters() -> list[bytes]:
    """Filters of every key and shape."""
    from dicomgui.trace.filter import KEYS, WORDS

    texts = [
        "op:c-store status:!0000", "not (failed or open) and size>200", 'tag:0010,0020~"1 2"', "text:disk or think>1s",
        "pdu:data,rj dir:sent", "ctx.result:0 pending>0", "(" * 20 + "failed" + ")" * 20,
        *(word.name for word in WORDS),
    ]  # fmt: skip
    names = [key.name for key in KEYS]
    return [text.encode() for text in (*texts, *(f"{name}:1 {name}>=0 {name}~a* {name}:!x" for name in names))]


def settings() -> list[bytes]:
    """Files of settings with every value that ours write, and hand-written ones."""
    from dicomgui.app.configuration.settings import Settings, _table_of

    node = {"name": "PACS", "ae_title": "PACS", "host": "192.0.2.7", "port": 104, "comment": "x", "tls": True}
    whole = tomli_w.dumps({"version": 1, **_table_of(Settings()), "node": [node, {**node, "name": "RIS"}]})
    search = {"name": "today", "keys": ["PatientName=DOE*"], "nodes": ["PACS"], "level": "study"}
    return [whole.encode(), tomli_w.dumps({"search": [search], "worklist": [{"PatientID": "1"}]}).encode(), b"a.b.c=1"]


def texts() -> list[bytes]:
    """Addresses as people have them, and worklists."""
    return [
        b"PACS@192.0.2.7:104", b"AE Title: PACS\nIP: 192.0.2.7\nPort: 104", b"storescu -aec PACS 192.0.2.7 104 x.dcm",
        b'{"DicomModalities": {"a": ["PACS", "192.0.2.7", 104]}}', b"PACS\t192.0.2.7\t104\tRIS", b"[fe80::1]:104",
        b"PatientName,PatientID,Modality,ScheduledProcedureStepStartDate\nDoe^Jane,1,CT,20240101\n",
        b'patient;id;modality\n"Doe;Jane";1;MR\n',
    ]  # fmt: skip
