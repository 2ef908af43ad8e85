"""No valid data set is refused, in whatever native encoding it comes, and everything that this program makes is one."""

from __future__ import annotations

import warnings
from datetime import date
from pathlib import Path

import pytest
from helpers.instances import BIG_ENDIAN, DEFLATED, EXPLICIT, IMPLICIT, shipped
from pydicom import Dataset, dcmread
from pydicom.uid import UID

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.files.conversion import Conversion
from dicomgui.app.files.sources import scan
from dicomgui.app.listening.listener import Listener, ListenerOptions
from dicomgui.app.practice.data import practice_instances, practice_worklist
from dicomgui.app.transfers.send import send
from dicomgui.network import PeerAddress
from dicomgui.network.dimse.dataset import encode_dataset
from dicomgui.network.structure import read_structure

BROKEN = {"MR_truncated.dcm", "rtplan_truncated.dcm", "SC_rgb_jpeg.dcm"}
WITHOUT_UIDS = {
    "UN_sequence.dcm", "chrSQEncoding.dcm", "chrSQEncoding1.dcm", "no_meta_group_length.dcm", "priv_SQ.dcm",
}  # fmt: skip


def written_by_pydicom(folder: Path, syntax: str) -> list[Path]:
    """The native ones of pydicom's files in this encoding, written by pydicom; those that it can write."""
    made = []
    for number, path in enumerate(shipped()):
        if path.name in BROKEN | WITHOUT_UIDS or "DICOMDIR" in str(path):
            continue
        with warnings.catch_warnings(action="ignore"):
            try:
                dataset = dcmread(path, force=True)
                if dataset.file_meta.TransferSyntaxUID not in (IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED):
                    continue
                dataset.walk(lambda _dataset, _element: None)  # decodes every value
                again = Dataset()
                again.update(dataset)
                again.file_meta = dataset.file_meta
                again.file_meta.TransferSyntaxUID = UID(syntax)
                target = folder / f"{number}.dcm"
                again.save_as(target, implicit_vr=syntax == IMPLICIT, little_endian=syntax != BIG_ENDIAN)
            except Exception:  # pydicom cannot write all that it reads
                continue
        made.append(target)
    return made


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED])
async def test_files_of_pydicom_written_by_pydicom_are_answered_success(tmp_path: Path, syntax: str) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    paths = written_by_pydicom(folder, syntax)
    with AppContext(keep_trace=False) as context:
        listener = Listener(context, ListenerOptions(tmp_path / "in", port=0, any_sop_class=True, fsync=False))
        await listener.start()
        peer = PeerAddress.parse(f"DICOMGUI@{listener.address}")
        with scan(paths) as selection:
            report = await send(context, peer, ConnectionOptions(), selection, conversion=Conversion.NEVER)
        await listener.stop()
    assert not [(one.item.name, one.reason) for one in report.results if one.status != 0]
    assert report.sent > 60


@pytest.mark.parametrize("seed", [1, 2])
def test_the_practice_objects_are_whole_and_without_anomaly(seed: int) -> None:
    count = 0
    for one in practice_instances(date(2024, 2, 29), seed):
        report = read_structure(one.data, one.transfer_syntax_uid)
        assert (report.fault, report.anomalies) == (None, ())
        assert (report.sop_class_uid, report.sop_instance_uid) == (one.sop_class_uid, one.sop_instance_uid)
        count += 1
    assert count > 10


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED])
def test_the_practice_worklist_is_whole_and_without_anomaly(syntax: str) -> None:
    for item in practice_worklist(date(2024, 2, 29)):
        report = read_structure(encode_dataset(item, syntax), syntax)
        assert (report.fault, report.anomalies) == (None, ())
