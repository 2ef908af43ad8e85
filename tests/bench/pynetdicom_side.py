"""pynetdicom in its roles: `python -m bench.pynetdicom_side send|echo|associate|find|listen ...`.

At its best: data sets are sent and stored as they lie, in pieces, without being decoded. The last line of the output is
JSON; a server first says on which port it listens, and runs until its standard input is closed.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from helpers import peers
from interop.pynetdicom_hold import Hold
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, _config, evt
from pynetdicom.sop_class import CTImageStorage, StudyRootQueryRetrieveInformationModelFind, Verification

MAX_PDU = 131_072
_config.STORE_SEND_CHUNKED_DATASET = True
_config.STORE_RECV_CHUNKED_DATASET = True
_config.LOG_HANDLER_LEVEL = "none"


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench.pynetdicom_side")
    commands = parser.add_subparsers(dest="command", required=True)
    sender = commands.add_parser("send")
    sender.add_argument("port", type=int)
    sender.add_argument("folder", type=Path)
    for name in ("echo", "associate", "find"):
        client = commands.add_parser(name)
        client.add_argument("port", type=int)
        client.add_argument("count", type=int)
    listener = commands.add_parser("listen")
    listener.add_argument("folder", type=Path)
    arguments = parser.parse_args(argv)
    works = {"send": _send, "echo": _echo, "associate": _associate, "find": _find, "listen": _listen}
    print(json.dumps(works[arguments.command](arguments)), flush=True)
    return 0


def _entity(*contexts: str) -> AE:
    entity = AE(ae_title="BENCH")
    entity.maximum_pdu_size = MAX_PDU
    for context in contexts:
        entity.add_requested_context(context, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
    return entity


def _open(entity: AE, port: int) -> Any:
    association = entity.associate("127.0.0.1", port, max_pdu=MAX_PDU)
    if not association.is_established:
        raise SystemExit("no association")
    return association


# -- as SCU ----------------------------------------------------------------------------------------------------------


def _send(arguments: argparse.Namespace) -> dict[str, object]:
    """Seconds from the connection attempt to the release."""
    paths = sorted(arguments.folder.iterdir())
    start = time.perf_counter()
    association = _open(_entity(CTImageStorage), arguments.port)
    hold = Hold(association)
    for path in paths:
        if association.send_c_store(path).Status:
            raise SystemExit(f"not stored: {path}")
    association.release()
    hold.let_go()
    return {"seconds": time.perf_counter() - start, "count": len(paths)}


def _echo(arguments: argparse.Namespace) -> dict[str, object]:
    start = time.perf_counter()
    association = _open(_entity(Verification), arguments.port)
    hold = Hold(association)
    for _ in range(arguments.count):
        assert association.send_c_echo().Status == 0
    association.release()
    hold.let_go()
    return {"seconds": time.perf_counter() - start, "count": arguments.count}


def _associate(arguments: argparse.Namespace) -> dict[str, object]:
    entity = _entity(Verification)
    start = time.perf_counter()
    for _ in range(arguments.count):
        association = _open(entity, arguments.port)
        assert association.send_c_echo().Status == 0
        association.release()
    return {"seconds": time.perf_counter() - start, "count": arguments.count}


def _find(arguments: argparse.Namespace) -> dict[str, object]:
    """The count is the Patient ID that is asked for: `bench.our_queries` answers with so many matches."""
    keys = Dataset()
    keys.QueryRetrieveLevel = "STUDY"
    keys.PatientID = str(arguments.count)
    for keyword in ("PatientName", "StudyDate", "StudyTime", "AccessionNumber", "StudyDescription", "StudyInstanceUID"):
        setattr(keys, keyword, "")
    start = time.perf_counter()
    association = _open(_entity(StudyRootQueryRetrieveInformationModelFind), arguments.port)
    found = sum(
        1 for _, match in association.send_c_find(keys, StudyRootQueryRetrieveInformationModelFind) if match is not None
    )
    association.release()
    seconds = time.perf_counter() - start
    if found != arguments.count:
        raise SystemExit(f"found {found} of {arguments.count}")
    return {"seconds": seconds, "count": found}


# -- as SCP ----------------------------------------------------------------------------------------------------------


def _listen(arguments: argparse.Namespace) -> dict[str, object]:
    """Stores into the folder; finds so many matches as the Patient ID says, each a copy of one."""
    count = 0
    tempfile.tempdir = str(arguments.folder)  # what comes in pieces is put together there

    def store(event: evt.Event) -> int:
        nonlocal count
        event.dataset_path.replace(arguments.folder / f"{event.request.AffectedSOPInstanceUID}.dcm")
        count += 1
        return 0x0000

    def find(event: evt.Event) -> Iterator[tuple[int, Dataset]]:
        match = _match()
        for number in range(int(event.identifier.PatientID)):
            answer = copy.copy(match)
            answer.StudyInstanceUID = f"1.2.826.0.1.3680043.8.498.2.{number + 1}"
            yield 0xFF00, answer

    entity = _entity()
    entity.maximum_associations = 2000
    for context in (Verification, CTImageStorage, StudyRootQueryRetrieveInformationModelFind):
        entity.add_supported_context(context, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
    port = peers.free_port()
    server = entity.start_server(
        ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, store), (evt.EVT_C_FIND, find)]
    )
    print(json.dumps({"port": port}), flush=True)
    sys.stdin.read()
    server.shutdown()
    return {"count": count}


def _match() -> Dataset:
    match = Dataset()
    match.QueryRetrieveLevel = "STUDY"
    match.StudyDate, match.StudyTime, match.AccessionNumber = "20250601", "101500", "A0001"
    match.StudyDescription, match.PatientName, match.PatientID = "Head", "Bench^Mark", "BENCH"
    return match


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
