"""pynetdicom as a user of query/retrieve and the N-services: ``PORT CALLED JSON``, each answer a line of JSON.

The JSON is an object: ``steps``, a list of lists whose first element is a function of this script and the rest its
arguments; ``classes``, the SOP classes to propose; ``storage``, those to propose with the SCP role, for C-GET, into
``folder``; ``items``, further user information, each a list with its kind first; ``calling``, its AE title.
"""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, Association, build_role, evt
from pynetdicom.pdu_primitives import (
    AsynchronousOperationsWindowNegotiation,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
)
from pynetdicom_hold import Hold

port, called, order = int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
reports = threading.Semaphore(0)


def say(**what: Any) -> None:
    print(json.dumps(what) + "\n", end="", flush=True)  # in one piece: several threads tell


def plain(dataset: Dataset | None) -> dict[str, Any] | None:
    if dataset is None:
        return None
    return {e.keyword: list(map(str, e.value)) if e.VM > 1 else str(e.value) for e in dataset}


def made(values: dict[str, Any]) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        inner = isinstance(value, list) and value and isinstance(value[0], dict)
        setattr(dataset, keyword, [made(one) for one in value] if inner else value)
    return dataset


def tell(what: str, status: Dataset, dataset: Dataset | None = None) -> None:
    """Say a response; a status without anything in it means that the association is gone."""
    facts = {element.keyword: element.value for element in status if element.keyword != "Status"}
    code = f"{status.Status:04X}" if "Status" in status else "none"
    say(what=what, status=code, dataset=plain(dataset), **facts)


# -- the steps -------------------------------------------------------------------------------------------------------


def find(model: str, keys: dict[str, Any], cancel_after: int = 0) -> None:
    for number, (status, dataset) in enumerate(association.send_c_find(made(keys), model), 1):
        tell("find", status, dataset)
        if number == cancel_after:
            association.send_c_cancel(1, query_model=model)


def get(model: str, keys: dict[str, Any], cancel_after: int = 0) -> None:
    for number, (status, dataset) in enumerate(association.send_c_get(made(keys), model), 1):
        tell("get", status, dataset)
        if number == cancel_after:
            association.send_c_cancel(1, query_model=model)


def move(model: str, keys: dict[str, Any], destination: str, cancel_after: int = 0) -> None:
    for number, (status, dataset) in enumerate(association.send_c_move(made(keys), destination, model), 1):
        tell("move", status, dataset)
        if number == cancel_after:
            association.send_c_cancel(1, query_model=model)


def echo() -> None:
    tell("echo", association.send_c_echo())


def n_create(sop_class: str, uid: str | None, values: dict[str, Any], context: str | None = None) -> None:
    tell("create", *association.send_n_create(made(values), sop_class, uid, meta_uid=context))


def n_set(sop_class: str, uid: str, values: dict[str, Any], context: str | None = None) -> None:
    tell("set", *association.send_n_set(made(values), sop_class, uid, meta_uid=context))


def n_get(sop_class: str, uid: str, tags: list[int], context: str | None = None) -> None:
    tell("get", *association.send_n_get(tags, sop_class, uid, meta_uid=context))


def n_action(sop_class: str, uid: str, kind: int, values: dict[str, Any] | None, context: str | None = None) -> None:
    information = None if values is None else made(values)
    tell("action", *association.send_n_action(information, kind, sop_class, uid, meta_uid=context))


def n_delete(sop_class: str, uid: str, context: str | None = None) -> None:
    tell("delete", association.send_n_delete(sop_class, uid, meta_uid=context))


def n_event_report(sop_class: str, uid: str, kind: int, values: dict[str, Any]) -> None:
    tell("event-report", *association.send_n_event_report(made(values), kind, sop_class, uid))


def wait_for_report() -> None:
    global hold
    hold.let_go()
    if not reports.acquire(timeout=30):
        say(what="nothing was reported")
    hold = Hold(association)


# -- what comes ------------------------------------------------------------------------------------------------------


def store(event: evt.Event) -> int:
    request = event.request
    path = Path(order["folder"]) / f"{request.AffectedSOPInstanceUID}.dcm"
    path.write_bytes(event.encoded_dataset())
    return 0x0000


def report(event: evt.Event) -> tuple[int, None]:
    say(what="report", type=event.event_type, content=plain(event.event_information))
    reports.release()
    return 0x0000, None


# -- user information ------------------------------------------------------------------------------------------------


def identity(kind: int, response: bool, primary: str, secondary: str = "") -> UserIdentityNegotiation:
    item = UserIdentityNegotiation()
    item.user_identity_type = kind
    item.positive_response_requested = response
    item.primary_field = primary.encode()
    if secondary:
        item.secondary_field = secondary.encode()
    return item


def extended(uid: str, data: str) -> SOPClassExtendedNegotiation:
    item = SOPClassExtendedNegotiation()
    item.sop_class_uid = uid
    item.service_class_application_information = bytes.fromhex(data)
    return item


def common(uid: str, service: str, general: list[str]) -> SOPClassCommonExtendedNegotiation:
    item = SOPClassCommonExtendedNegotiation()
    item.sop_class_uid = uid
    item.service_class_uid = service
    item.related_general_sop_class_identification = general
    return item


def window(invoked: int, performed: int) -> AsynchronousOperationsWindowNegotiation:
    item = AsynchronousOperationsWindowNegotiation()
    item.maximum_number_operations_invoked = invoked
    item.maximum_number_operations_performed = performed
    return item


def role(uid: str, scu: bool, scp: bool) -> Any:
    return build_role(uid, scu_role=scu, scp_role=scp)


entity = AE(ae_title=order.get("calling", "PYNETDICOM"))
kinds = {"identity": identity, "extended": extended, "common": common, "window": window, "role": role}
items = [kinds[name](*arguments) for name, *arguments in order.get("items", [])]
for sop_class in order.get("classes", []):
    entity.add_requested_context(sop_class)
for sop_class in order.get("storage", []):
    entity.add_requested_context(sop_class, ExplicitVRLittleEndian)
    items.append(build_role(sop_class, scp_role=True))
association: Association = entity.associate(
    "127.0.0.1",
    port,
    ae_title=called,
    ext_neg=items,
    evt_handlers=[(evt.EVT_C_STORE, store), (evt.EVT_N_EVENT_REPORT, report)],
)
if not association.is_established:
    rejection = association.acceptor.primitive
    say(what="rejected", result=getattr(rejection, "result", None), diagnostic=getattr(rejection, "diagnostic", None))
    sys.exit(1)
answer = association.acceptor
told = answer.user_identity.server_response if answer.user_identity else None
say(
    what="accepted",
    window=list(answer.asynchronous_operations),
    roles={uid: [one.scu_role, one.scp_role] for uid, one in answer.role_selection.items()},
    extended={uid: data.hex() for uid, data in answer.sop_class_extended.items()},
    identity=told.decode() if told is not None else None,
    contexts=[context.abstract_syntax for context in association.accepted_contexts],
)
steps = (echo, find, get, move, n_create, n_set, n_get, n_action, n_delete, n_event_report, wait_for_report)
hold = Hold(association)
try:
    for name, *arguments in order.get("steps", []):
        next(step for step in steps if step.__name__ == name)(*arguments)
finally:  # its thread would keep the program
    association.release()
    hold.let_go()
