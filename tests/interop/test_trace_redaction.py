"""What DCMTK sends us with a patient in it is gone from the redacted trace, in each encoding and in small PDUs."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pydicom
import pytest
from helpers import peers
from helpers.command_line import dicomgui
from helpers.identified import SECRETS, encoded, patient
from helpers.instances import BIG_ENDIAN, EXPLICIT, IMPLICIT, shipped_folder
from pydicom.dataelem import DataElement
from pydicom.dataset import FileMetaDataset
from pydicom.multival import MultiValue

from dicomgui.network import Handlers, ServerOptions, Status, StoreRequest, serve
from dicomgui.network.association.params import AETitle
from dicomgui.network.server.offering import policy_for
from dicomgui.network.tracing import DimseRecord, PduRecord, Record
from dicomgui.trace.file import read_trace
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


def identifying(folder: Path) -> set[str]:
    """What pydicom reads of names, identifiers, instances, addresses and institutions in all files below a folder.

    In small letters, and each part of a name; of four letters or eight digits at least, below which anything is found
    by chance in two megabytes of numbers.
    """
    found: set[str] = set()
    for path in folder.rglob("*"):
        if not path.is_file() or path.suffix == ".py":
            continue
        with warnings.catch_warnings(action="ignore"), suppress(Exception):  # pydicom raises anything for what is none
            for element in pydicom.dcmread(path, force=True).iterall():
                found.update(_parts(element))
    return found


def _parts(element: DataElement) -> Iterator[str]:
    is_uid = element.VR == "UI" and not re.search(r"Class|TransferSyntax|Scheme|Context|Mapping", element.keyword)
    if not (element.VR == "PN" or is_uid or element.keyword in IDENTIFIERS):
        return
    values = element.value if isinstance(element.value, MultiValue) else [element.value]
    for text in (str(value).lower() for value in values):
        for part in {text, *re.split(r"[\^=]", text)} if not is_uid else {text}:
            bare = part.strip()
            letters = sum(letter.isalpha() for letter in bare)
            if (letters >= 4 or sum(map(str.isdigit, bare)) >= 8) and not bare.startswith("1.2.840.10008."):
                yield bare


IDENTIFIERS = {
    "PatientID", "OtherPatientIDs", "PatientAddress", "AccessionNumber", "StudyID", "InstitutionName",
    "InstitutionAddress", "InstitutionalDepartmentName",
}  # fmt: skip
DICTIONARY = {"anonymous", "anonymized", "patient", "none", "unknown"}


def in_copy(records: list[Record]) -> tuple[bytes, str]:
    """All bytes, as they are and as their fragments were, and all texts; in small letters."""
    pdus = [record for record in records if isinstance(record, PduRecord)]
    raw = b"\n".join(segment.data for record in pdus for segment in record.segments) + data_of(records)
    texts = [record._replace(segments=()) if isinstance(record, PduRecord) else record for record in records]
    return raw.lower(), "\n".join(map(repr, texts)).lower()


def collections_of_files() -> list[Path]:
    """Those of pydicom, and pydicom-data where it is installed."""
    found = [shipped_folder() / "test_files", shipped_folder() / "charset_files"]
    more = find_spec("data_store")
    if more is not None and more.origin is not None:
        found.append(Path(more.origin).parent / "data")
    return found


@pytest.mark.interop("storescp")
@pytest.mark.parametrize(
    ("folder", "extent"),
    [
        pytest.param(folder, extent, id=f"{folder.name}{''.join(extent)}", marks=marks)
        for number, folder in enumerate(collections_of_files())
        for extent, marks in (([], pytest.mark.long), (["--trace-full"], pytest.mark.long if number else ()))
    ],
)
def test_a_collection_of_real_files_is_saved_and_nothing_of_them_is_in_the_copy(
    folder: Path, extent: list[str], tmp_path: Path
) -> None:
    """As a user does it: sent to DCMTK with a trace, redacted without a question, judged by what pydicom reads."""
    secrets = identifying(folder)
    assert len(secrets) > 20
    trace, copy = tmp_path / "a.dgtrace", tmp_path / "b.dgtrace"
    with peers.storescp(tmp_path / "received", "--promiscuous") as peer:
        dicomgui("send", *extent, "--trace", trace, f"STORESCP@{peers.LOOPBACK}:{peer.port}", folder)
    before, named = in_copy(list(read_trace(trace)))
    assert any(secret in before.decode("latin-1") or secret in named for secret in secrets)
    saved = dicomgui("trace", "redact", trace, "-o", copy)
    assert saved.returncode == 0, saved.stderr
    raw, texts = in_copy(list(read_trace(copy)))
    left = {secret for secret in secrets - DICTIONARY if secret in texts or secret.encode() in raw}
    assert left == set()
    names = {path.name.lower() for path in folder.rglob("*") if path.is_file() and len(path.stem) > 5}
    assert not [name for name in {*names, folder.as_posix().lower()} if name in texts]
