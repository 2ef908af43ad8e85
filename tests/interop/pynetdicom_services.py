"""pynetdicom as a provider of query/retrieve, worklist and all N-services: ``PORT FOLDER [FILE...]``.

It has an archive of the files, remembers what is created, and says each thing that it is asked as a line of JSON. The
ports of those that it calls itself (move destinations, and who wants the report of a storage commitment on a new
association) are read from ``destinations.json`` in the folder, by AE title; the Study Instance UIDs at whose retrieval
it aborts, from ``aborts.txt``.

What is asked decides what it answers: Patient IDs SLOW (waits for a C-CANCEL after the first match), UNSUPPORTED (FF01)
and REFUSED (A700 with a comment), and the names and secrets of users below.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import build_context, build_role, evt
from pynetdicom.sop_class import Verification
from pynetdicom_hold import HoldingAE

logging.basicConfig(level=logging.WARNING)
port, folder = int(sys.argv[1]), Path(sys.argv[2])
archive = [dcmread(name) for name in sys.argv[3:]]
made: dict[str, Dataset] = {}

COMMITMENT = "1.2.840.10008.1.20.1"
FIND = [f"1.2.840.10008.5.1.4.1.2.{root}.1" for root in (1, 2, 3)] + ["1.2.840.10008.5.1.4.31"]
FAMILIES = [
    f"1.2.840.10008.5.1.4.{end}"
    for end in (
        "37.1",
        "37.2",
        "37.3",
        "41",
        "42",
        "38.2",
        "39.2",
        "43.2",
        "44.2",
        "45.2",
        "20.1",
        "1.1.200.4",
        "1.1.201.2",
    )
]
"""Queries of other kinds than of studies: hanging protocols, implant templates, …"""
RETRIEVE = [f"1.2.840.10008.5.1.4.1.2.{root}.{verb}" for root in (1, 2, 3) for verb in (2, 3)]
RETRIEVE += [f"1.2.840.10008.5.1.4.{end}.{verb}" for end in (38, 39, 43, 44, 45) for verb in (3, 4)]
RETRIEVE += [
    f"1.2.840.10008.5.1.4.{end}"
    for end in (
        "20.2",
        "20.3",
        "1.1.200.5",
        "1.1.200.6",
        "1.1.201.3",
        "1.1.201.4",
        "1.2.4.2",
        "1.2.4.3",
        "1.2.5.3",
    )
]
NORMALIZED = [
    COMMITMENT,
    "1.2.840.10008.3.1.2.3.3",  # MPPS
    "1.2.840.10008.3.1.2.3.4",  # its Retrieve
    "1.2.840.10008.3.1.2.3.5",  # its Notification
    "1.2.840.10008.5.1.1.33",  # Media Creation Management
    "1.2.840.10008.1.42",  # Substance Administration Logging
    "1.2.840.10008.5.1.1.9",  # Basic Grayscale Print Management
    "1.2.840.10008.5.1.1.14",  # Print Job
    "1.2.840.10008.5.1.1.15",  # Basic Annotation Box
    "1.2.840.10008.5.1.1.16",  # Printer
    "1.2.840.10008.5.1.4.33",  # Instance Availability Notification
    *(f"1.2.840.10008.5.1.4.34.6.{last}" for last in range(1, 6)),  # Unified Procedure Step
]
UNIQUE = {"PATIENT": "PatientID", "STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID", "IMAGE": "SOPInstanceUID"}
USERS = {
    1: (b"curie", b""),
    2: (b"curie", b"radium"),
    3: (b"ticket", b""),
    4: (b"<assertion/>", b""),
    5: (b"a.b.c", b""),
}
SUCCESS, PENDING, CANCELLED, NO_SUCH_INSTANCE = 0x0000, 0xFF00, 0xFE00, 0x0112


def say(event: evt.Event, what: str, **more: object) -> None:
    calling = str(event.assoc.requestor.ae_title).strip()
    line = json.dumps({"what": what, "calling": calling, **more})
    print(line + "\n", end="", flush=True)  # in one piece: several threads tell


def plain(dataset: Dataset | None) -> dict[str, str]:
    return {} if dataset is None else {element.keyword: str(element.value) for element in dataset}


def destination(name: str) -> int | None:
    file = folder / "destinations.json"
    return json.loads(file.read_text()).get(name) if file.is_file() else None


# -- composite services ----------------------------------------------------------------------------------------------


def was_cancelled(event: evt.Event) -> bool:
    """Wait for a C-CANCEL; it is told once only."""
    never = threading.Event()
    while event.assoc.is_established:
        if event.is_cancelled:
            say(event, "cancelled")
            return True
        never.wait(0.005)
    return False


def chosen(keys: Dataset) -> list[Dataset]:
    def fits(entry: Dataset, keyword: str) -> bool:
        wanted = keys.get(keyword)
        return not wanted or str(entry.get(keyword)) in ([wanted] if isinstance(wanted, str) else list(wanted))

    return [entry for entry in archive if all(fits(entry, keyword) for keyword in UNIQUE.values())]


def find(event: evt.Event) -> Iterator[tuple[Any, Dataset | None]]:
    keys = event.identifier
    say(event, "find", sop_class=event.request.AffectedSOPClassUID, keys=plain(keys))
    if event.request.AffectedSOPClassUID in FAMILIES:
        yield PENDING, keys
        return
    if keys.get("PatientID") == "REFUSED":
        refusal = Dataset()
        refusal.Status = 0xA700
        refusal.ErrorComment = "no memory left"
        refusal.OffendingElement = [0x00100020]
        yield refusal, None
        return
    if keys.get("PatientID") in ("SLOW", "UNSUPPORTED"):
        match = Dataset()
        match.PatientID = keys.PatientID
        yield (PENDING if keys.PatientID == "SLOW" else 0xFF01), match
        if keys.PatientID == "SLOW" and was_cancelled(event):
            yield CANCELLED, None
        return
    unique = UNIQUE[keys.QueryRetrieveLevel]
    for entry in {str(entry.get(unique)): entry for entry in chosen(keys)}.values():
        match = Dataset()
        for key in keys:
            match.add_new(key.tag, key.VR, entry[key.tag].value if key.tag in entry else None)
        match.QueryRetrieveLevel = keys.QueryRetrieveLevel
        yield PENDING, match


def send(event: evt.Event) -> Iterator[Any]:
    keys = event.identifier
    aborts = folder / "aborts.txt"
    if aborts.is_file() and str(keys.get("StudyInstanceUID")) in aborts.read_text().split():
        event.assoc.abort()
        return
    instances = chosen(keys) if keys.get("PatientID") != "SLOW" else archive[:3]
    yield len(instances)
    for number, instance in enumerate(instances):
        if keys.get("PatientID") == "SLOW" and number == 1 and was_cancelled(event):
            yield CANCELLED, None
            return
        yield PENDING, instance


def get(event: evt.Event) -> Iterator[Any]:
    say(event, "get", keys=plain(event.identifier))
    yield from send(event)


def move(event: evt.Event) -> Iterator[Any]:
    say(event, "move", destination=event.move_destination, keys=plain(event.identifier))
    there = destination(event.move_destination)
    kinds = {(instance.SOPClassUID, instance.file_meta.TransferSyntaxUID) for instance in archive}
    contexts = [build_context(sop_class, syntax) for sop_class, syntax in sorted(kinds)]
    yield (None, None) if there is None else ("127.0.0.1", there, {"contexts": contexts})
    yield from send(event)


# -- normalized services ---------------------------------------------------------------------------------------------


def n_create(event: evt.Event) -> tuple[int, Dataset | None]:
    uid = str(event.request.AffectedSOPInstanceUID or f"2.25.{1000 + len(made)}")
    say(event, "create", sop_class=event.request.AffectedSOPClassUID, uid=uid, attributes=plain(event.attribute_list))
    if uid in made:
        return 0x0111, None
    made[uid] = event.attribute_list
    answer = Dataset()
    answer.update(event.attribute_list)
    if event.request.AffectedSOPInstanceUID is None:
        answer.AffectedSOPInstanceUID = uid
    if "AnnotationDisplayFormatID" in answer:  # a film whose boxes are told
        answer.ReferencedImageBoxSequence = [referring_to("1.2.840.10008.5.1.1.4")]
        answer.ReferencedBasicAnnotationBoxSequence = [referring_to("1.2.840.10008.5.1.1.15")]
    return SUCCESS, answer


def referring_to(sop_class: str, state: str = "") -> Dataset:
    """A reference to an instance that is made for it; ``state`` is that of a print job."""
    uid = f"2.25.{1000 + len(made)}"
    made[uid] = Dataset()
    if state:
        made[uid].ExecutionStatus = state
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, uid
    return item


def n_set(event: evt.Event) -> tuple[int, Dataset | None]:
    uid = event.request.RequestedSOPInstanceUID
    say(event, "set", uid=uid, attributes=plain(event.modification_list))
    if uid not in made:
        return NO_SUCH_INSTANCE, None
    made[uid].update(event.modification_list)
    return SUCCESS, made[uid]


def n_get(event: evt.Event) -> tuple[int, Dataset | None]:
    uid, wanted = event.request.RequestedSOPInstanceUID, event.attribute_identifiers
    say(event, "get-attributes", uid=uid, tags=[f"{tag:08X}" for tag in wanted])
    if uid not in made:
        return NO_SUCH_INSTANCE, None
    answer = Dataset()
    for element in made[uid]:
        if not wanted or element.tag in wanted:
            answer.add(element)
    return SUCCESS, answer


def n_delete(event: evt.Event) -> int:
    uid = event.request.RequestedSOPInstanceUID
    say(event, "delete", uid=uid)
    return SUCCESS if made.pop(uid, None) is not None else NO_SUCH_INSTANCE


def n_action(event: evt.Event) -> tuple[int, Dataset | None]:
    request = event.request
    say(event, "action", uid=request.RequestedSOPInstanceUID, type=event.action_type)
    if request.RequestedSOPClassUID == COMMITMENT:
        threading.Thread(target=commit, args=(event, event.action_information)).start()
        return SUCCESS, None
    if "AnnotationDisplayFormatID" in made.get(request.RequestedSOPInstanceUID, ()):
        answer = Dataset()
        answer.add_new(0x21000500, "SQ", [referring_to("1.2.840.10008.5.1.1.14", "DONE")])
        return SUCCESS, answer
    return SUCCESS, event.action_information


def commit(event: evt.Event, wanted: Dataset) -> None:
    """Report all instances as safe: on a new association if we know how to reach who asked, else on the same one."""
    report = Dataset()
    report.TransactionUID = wanted.TransactionUID
    report.ReferencedSOPSequence = wanted.ReferencedSOPSequence
    calling = str(event.assoc.requestor.ae_title).strip()
    there = destination(calling)
    association = event.assoc
    if there is not None:
        roles = [build_role(COMMITMENT, scu_role=False, scp_role=True)]
        caller = HoldingAE(ae_title="PYNETDICOM")
        caller.add_requested_context(COMMITMENT)
        association = caller.associate("127.0.0.1", there, ae_title=calling, ext_neg=roles)
    status, _ = association.send_n_event_report(report, 1, COMMITMENT, "1.2.840.10008.1.20.1.1")
    say(event, "reported", status=status.get("Status"))
    if there is not None:
        association.release()


def n_event_report(event: evt.Event) -> tuple[int, Dataset | None]:
    request, content = event.request, event.event_information
    say(event, "report", uid=request.AffectedSOPInstanceUID, type=event.event_type, content=plain(content))
    return SUCCESS, None


# -- negotiation -----------------------------------------------------------------------------------------------------


def user(event: evt.Event) -> tuple[bool, bytes | None]:
    is_right = USERS.get(event.user_id_type) == (event.primary_field, event.secondary_field or b"")
    say(event, "user", type=event.user_id_type, right=is_right)
    return is_right, b"the server's own"


def extended(event: evt.Event) -> dict[str, bytes]:
    say(event, "extended", items={uid: data.hex() for uid, data in event.app_info.items()})
    return {uid: bytes([*data[:1], *bytes(len(data) - 1)]) for uid, data in event.app_info.items()}


def common(event: evt.Event) -> dict[str, Any]:
    items = {
        uid: [item.service_class_uid, *item.related_general_sop_class_identification]
        for uid, item in event.items.items()
    }
    say(event, "common", items=items)
    return dict(event.items)


def window(event: evt.Event) -> tuple[int, int]:
    say(event, "window", invoked=event.nr_invoked, performed=event.nr_performed)
    return 1, 1


entity = HoldingAE(ae_title="PYNETDICOM")
uncompressed = [ImplicitVRLittleEndian, ExplicitVRLittleEndian]
for sop_class in (Verification, *FIND, *FAMILIES, *RETRIEVE):
    entity.add_supported_context(sop_class, uncompressed)
for sop_class in NORMALIZED:
    entity.add_supported_context(sop_class, uncompressed, scu_role=True, scp_role=True)
for sop_class in {instance.SOPClassUID for instance in archive}:
    syntaxes = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000]
    entity.add_supported_context(sop_class, syntaxes, scu_role=True, scp_role=True)
entity.start_server(
    ("127.0.0.1", port),
    block=True,
    evt_handlers=[
        (evt.EVT_C_FIND, find),
        (evt.EVT_C_GET, get),
        (evt.EVT_C_MOVE, move),
        (evt.EVT_N_CREATE, n_create),
        (evt.EVT_N_SET, n_set),
        (evt.EVT_N_GET, n_get),
        (evt.EVT_N_DELETE, n_delete),
        (evt.EVT_N_ACTION, n_action),
        (evt.EVT_N_EVENT_REPORT, n_event_report),
        (evt.EVT_USER_ID, user),
        (evt.EVT_SOP_EXTENDED, extended),
        (evt.EVT_SOP_COMMON, common),
        (evt.EVT_ASYNC_OPS, window),
    ],
)
