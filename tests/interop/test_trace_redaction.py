"""What DCMTK sends us with a patient in it is gone from the redacted trace, in each encoding and in small PDUs."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import peers
from helpers.identified import SECRETS, encoded, patient
from helpers.instances import BIG_ENDIAN, EXPLICIT, IMPLICIT
from pydicom.dataset import FileMetaDataset

from dicomgui.network import Handlers, ServerOptions, Status, StoreRequest, serve
from dicomgui.network.association.params import AETitle
from dicomgui.network.server.offering import policy_for
from dicomgui.network.tracing import DimseRecord, PduRecord, Record
from dicomgui.trace.redaction.redact import Redaction

HOW = {IMPLICIT: "-xi", EXPLICIT: "-xe", BIG_ENDIAN: "-xb"}


def data_of(records: list[Record]) -> bytes:
    """What went on P-DATA-TF PDUs, without the headers; DCMTK sends one fragment in each."""
    pdus = [record for record in records if isinstance(record, PduRecord) and record.pdu_type == 4]
    return b"".join(b"".join(segment.data for segment in pdu.segments)[12:] for pdu in pdus)


@pytest.mark.interop("storescu")
@pytest.mark.parametrize("syntax", HOW)
async def test_a_patient_from_dcmtk_is_gone(syntax: str, tmp_path: Path) -> None:
    data = patient()
    data.TextValue = "Erika Musterfrau, Hauptstrasse 5. " * 700
    path = tmp_path / "a.dcm"
    encoded(data, syntax)
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = syntax
    data.save_as(path, enforce_file_format=True)
    records: list[Record] = []
    handlers = Handlers(on_store=store)
    options = ServerOptions(policy=policy_for(handlers, AETitle("OURS")), tracer=records.append, trace_full=True)
    async with await serve(port=0, ae_title="OURS", handlers=handlers, options=options) as server:
        small = ("--max-send-pdu", "4096")
        done = await peers.run("storescu", HOW[syntax], *small, "-aec", "OURS", peers.LOOPBACK, server.port, path)
        assert done.code == 0, str(done)
    before = data_of(records)
    assert not [secret for secret in SECRETS if secret.encode() not in before]
    redaction = Redaction(records)
    after = list(redaction.records())
    assert redaction.leftovers(after) == ()
    assert redaction.preview.others == ()
    whole = data_of(after) + repr(after).encode()
    assert not [secret for secret in (*SECRETS, "Musterfrau, H") if secret.encode() in whole]
    assert len(data_of(after)) == len(before)
    assert {record.command_field for record in after if isinstance(record, DimseRecord)} == {0x0001, 0x8001}


def store(request: StoreRequest, data: object) -> Status:
    return Status(0)
