"""What a real association leaves in the trace holds nothing of the patient any more once it is redacted."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.identified import CT, SECRETS, encoded, patient, stored
from helpers.instances import BIG_ENDIAN, EXPLICIT, IMPLICIT, data_set, shipped, shipped_name, syntax_of
from pydicom.dataset import FileMetaDataset

from dicomgui.network import (
    Handlers,
    Limits,
    ProposedContext,
    Reply,
    ServerOptions,
    Status,
    StoreRequest,
    connect,
    serve,
)
from dicomgui.network.association.params import AETitle
from dicomgui.network.server.offering import policy_for
from dicomgui.network.tracing import DimseRecord, FileRecord, PduRecord, Record
from dicomgui.trace.file import TraceWriter, read_trace
from dicomgui.trace.redaction.redact import Redaction

SMALL_PDU = 4096


def on_store(request: StoreRequest, data: object) -> Reply:
    return Reply(Status(0xB007), "Erika does not fit", ())


def everything(records: list[Record]) -> bytes:
    """All bytes and texts; the data of PDUs also put together as it was before it was cut."""
    pdus = [record for record in records if isinstance(record, PduRecord)]
    streams = [b"".join(segment.data for segment in record.segments)[12:] for record in pdus if record.pdu_type == 4]
    return repr(records).encode() + b"".join(s.data for record in pdus for s in record.segments) + b"".join(streams)


@pytest.mark.any_loop
@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG_ENDIAN])
async def test_a_stored_patient_is_gone(syntax: str, tmp_path: Path) -> None:
    data = patient()
    data.TextValue = "Erika Musterfrau, Hauptstrasse 5. " * 1000  # so that small PDUs cut through everything
    records: list[Record] = []
    handlers = Handlers(on_store=on_store)
    options = ServerOptions(
        policy=policy_for(handlers, AETitle("OURS")),
        limits=Limits(max_pdu_length=SMALL_PDU),
        tracer=records.append,
        trace_full=True,
    )
    path = tmp_path / "Musterfrau.dcm"
    body = encoded(data, syntax)
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = syntax
    data.save_as(path, enforce_file_format=True)
    async with (
        await serve(port=0, ae_title="OURS", handlers=handlers, options=options) as server,
        connect(f"OURS@127.0.0.1:{server.port}", contexts=[ProposedContext(CT, (syntax,))]) as assoc,
    ):
        assert (await assoc.store(path)).status == 0xB007
    records.append(FileRecord(1, 0.0, 0.0, "stored", str(path), 1, ""))
    assert not [secret for secret in SECRETS if secret.encode() not in everything(records)]
    assert body in b"".join(
        b"".join(s.data for s in r.segments)[12:] for r in records if isinstance(r, PduRecord) and r.pdu_type == 4
    )
    file = tmp_path / "redacted.dgtrace"
    redaction = Redaction(records)
    with TraceWriter(file) as writer:
        for record in redaction.records():
            writer(record)
    after = list(read_trace(file))
    assert not [secret for secret in (*SECRETS, "fit", "Hauptstr") if secret.encode() in everything(after)]
    assert not [secret for secret in SECRETS if secret.encode() in file.read_bytes()]
    assert redaction.leftovers(after) == ()
    assert [r.length for r in after if isinstance(r, PduRecord)] == [
        r.length for r in records if isinstance(r, PduRecord)
    ]
    assert {r.command_field for r in after if isinstance(r, DimseRecord)} == {0x0001, 0x8001}


NOT_FOLLOWED = {"test_files/SC_rgb_jpeg.dcm", "test_files/dicomdirtests/DICOMDIR-nooffset", "test_files/image_dfl.dcm"}
"""What ends in the middle of a header, or is deflated."""


def test_files_of_the_field_are_followed_to_their_ends() -> None:
    """Every file that pydicom ships, in small PDUs: nothing moves, nothing is left, and nothing was only guessed."""
    not_followed = set()
    for path in shipped():
        body = data_set(path)
        if len(body) > 200_000:
            continue
        before = stored(body, syntax_of(path), fragment=997)
        redaction = Redaction(before)
        after = list(redaction.records())
        assert redaction.leftovers(after) == (), shipped_name(path)
        assert len(everything(after)) >= len(body)
        if redaction.preview.others:
            not_followed.add(shipped_name(path))
    assert not_followed == NOT_FOLLOWED
