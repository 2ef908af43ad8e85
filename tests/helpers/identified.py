"""Associations that carry a synthetic patient, and every value of the patient that a redacted trace must not show."""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence

from helpers.instances import DEFLATED, EXPLICIT
from helpers.recordings import Recording, associate_ac, associate_rq
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence as Items

from dicomgui.network.dimse import CStoreRQ, encode
from dicomgui.network.part10 import parse_head
from dicomgui.network.pdu import PDV, PDataTF, PresentationContextAC, PresentationContextRQ
from dicomgui.network.tracing import Direction, PduRecord, Record

CT = "1.2.840.10008.5.1.4.1.1.2"
SECRETS = (
    "Musterfrau", "Erika", "PAT-4711-Z", "19671231", "Seattle Grace", "Dr^House", "ACC-998877", "20240229", "101532.25",
    "gebrochener Arm", "1.2.826.0.1.3680043.77.1001", "1.2.826.0.1.3680043.77.1002", "1.2.826.0.1.3680043.77.1003",
    "1.2.826.0.1.3680043.77.1004", "Hauptstrasse 5", "private note about Erika", "20240301120000.123", "Torso Klinik 7",
    "ORDER-55-66", "Technician^Tom", "nested^Name", "1967-Q4 study",
)  # fmt: skip
"""Nothing of these may be left."""


def patient() -> Dataset:
    """A data set with identifying values of every kind, also in sequences, private and after pixel data."""
    data = Dataset()
    data.SpecificCharacterSet = "ISO_IR 192"
    data.ImageType = ["ORIGINAL", "PRIMARY"]
    data.SOPClassUID = CT
    data.SOPInstanceUID = SECRETS[10]
    data.StudyDate = "20240229"
    data.AcquisitionDateTime = "20240301120000.123"
    data.StudyTime = "101532.25"
    data.AccessionNumber = "ACC-998877"
    data.Modality = "CT"
    data.Manufacturer = "Maker"
    data.InstitutionName = "Seattle Grace"
    data.ReferringPhysicianName = "Dr^House"
    data.StudyDescription = "gebrochener Arm"
    data.OperatorsName = ["Technician^Tom", "Dr^House"]
    inner = Dataset()
    inner.ReferencedSOPClassUID = CT
    inner.ReferencedSOPInstanceUID = SECRETS[13]
    data.ReferencedStudySequence = Items([inner])
    data.PatientName = "Musterfrau^Erika"
    data.PatientID = "PAT-4711-Z"
    data.PatientBirthDate = "19671231"
    data.PatientSex = "F"
    data.PatientAge = "056Y"
    data.PatientWeight = "72.5"
    data.PatientAddress = "Hauptstrasse 5"
    data.SliceThickness = "2.5"
    data.StudyInstanceUID = SECRETS[11]
    data.SeriesInstanceUID = SECRETS[12]
    data.StudyID = "1967-Q4 study"
    data.InstanceNumber = 7
    data.Rows, data.Columns, data.BitsAllocated, data.BitsStored, data.HighBit = 8, 8, 16, 16, 15
    data.SamplesPerPixel, data.PixelRepresentation, data.PhotometricInterpretation = 1, 0, "MONOCHROME2"
    deep = Dataset()
    deep.ScheduledProcedureStepDescription = "Torso Klinik 7"
    deeper = Dataset()
    deeper.PersonName = "nested^Name"
    deep.PersonIdentificationCodeSequence = Items([deeper])
    data.RequestAttributesSequence = Items([deep, deep])
    data.PlacerOrderNumberImagingServiceRequest = "ORDER-55-66"
    block = data.private_block(0x0029, "ACME 1.0", create=True)
    block.add_new(0x01, "LO", "private note about Erika")
    data.add_new(0x7FE00010, "OW", bytes(range(128)))
    return data


def encoded(data: Dataset, syntax: str, *, undefined: bool = False) -> bytes:
    """The data set in a transfer syntax; ``undefined``: sequences and items of undefined length."""
    if undefined:
        for element in data.iterall():
            if element.VR == "SQ":
                element.is_undefined_length = True
                for item in element.value:
                    item.is_undefined_length_sequence_item = True
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = EXPLICIT if syntax == DEFLATED else syntax
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    buffer = io.BytesIO()
    dcmwrite(buffer, data, enforce_file_format=True)
    whole = buffer.getvalue()
    body = whole[parse_head(whole).dataset_offset :]
    if syntax != DEFLATED:
        return body
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


def stored(
    body: bytes,
    syntax: str,
    *,
    fragment: int = 100_000,
    uid: str = SECRETS[10],
    number: int = 1,
    snap: int = 0,
    beginning: int | None = None,
) -> list[Record]:
    """An association on which ``body`` is sent by C-STORE, in fragments of that size, also of the command.

    :param snap: bytes kept of each fragment of the data set; 0 for all.
    :param beginning: bytes kept of the data set, and of what follows the headers; ``None`` for all.
    """
    recording = Recording(number)
    recording.connect().sent(associate_rq(PresentationContextRQ(1, CT, (syntax,))))
    recording.received(associate_ac(PresentationContextAC(1, 0, syntax)))
    command = CStoreRQ(1, CT, uid)
    for piece in pdus(encode(command), fragment, is_command=True):
        recording.raw(Direction.SENT, piece)
    left = len(body) if beginning is None else beginning
    for piece in pdus(body, fragment, is_command=False):
        most = min(snap or len(piece), left)
        left = max(0, left - len(piece) + 12)
        recording.raw(Direction.SENT, piece[: 12 + most], length=len(piece))
    recording.dimse(Direction.SENT, command)
    return recording.released().records


def pdus(data: bytes, fragment: int, *, is_command: bool) -> list[bytes]:
    """P-DATA-TF PDUs that carry ``data``, one fragment each."""
    starts = range(0, max(1, len(data)), fragment)
    kinds = [int(is_command) | (2 if start + fragment >= len(data) else 0) for start in starts]
    return [PDataTF((PDV(1, kind, data[at : at + fragment]),)).encode() for at, kind in zip(starts, kinds, strict=True)]


def stream(records: Sequence[Record]) -> bytes:
    """All data that went on P-DATA-TF PDUs, put together as their fragments were."""
    pieces = []
    for record in records:
        if isinstance(record, PduRecord) and record.pdu_type == 4:
            data = b"".join(segment.data for segment in record.segments)
            pieces.append(data[12:])
    return b"".join(pieces)
