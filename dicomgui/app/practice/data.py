"""Patients who do not exist: the studies and the worklist of the practice PACS, made anew each time.

The same seed and day give the same bytes; dates are relative to the day. UIDs depend on both, so that a study that was
retrieved yesterday and the one of today are two studies and not two versions of one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from dicomgui.app.practice import images
from dicomgui.network.dimse.dataset import encode_dataset
from dicomgui.network.service_classes.attributes import derived_uid
from dicomgui.network.uids import (
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
)

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["PATIENTS", "STATIONS", "STUDIES", "PracticeInstance", "practice_instances", "practice_worklist"]

RLE_LOSSLESS: Final = "1.2.840.10008.1.2.5"
STATIONS: Final = ("PRACTICE_CT", "PRACTICE_US")
"""The AE titles of the stations that the worklist has steps for."""

_STORAGE: Final = "1.2.840.10008.5.1.4.1.1."
_COMMENT: Final = "Made by a program for practice; no such person exists."


class PracticeInstance(NamedTuple):
    """An instance as it would come by C-STORE; ``data`` is its data set, encoded."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    data: bytes


class Patient(NamedTuple):
    """A patient; ``charset`` are the values of Specific Character Set (0008,0005)."""

    name: str
    patient_id: str
    charset: str
    sex: str
    age: int


PATIENTS: Final = {
    "latin": Patient("Müller-Öztürk^Jürgen", "PRC-0001", "ISO_IR 100", "M", 61),
    "french": Patient("Lefèvre^Amélie^Zoë", "PRC-0002", "ISO_IR 100", "F", 34),
    "japanese": Patient("Yamada^Hanako=山田^花子=やまだ^はなこ", "PRC-0003", "\\ISO 2022 IR 87", "F", 47),
    "chinese": Patient("Wang^Xiaodong=王^小东", "PRC-0004", "GB18030", "M", 29),
    "cyrillic": Patient("Иванова^Анна^Петровна", "PRC-0005", "ISO_IR 144", "F", 72),
    "greek": Patient("Αλεξίου^Ελένη", "PRC-0006", "ISO_IR 192", "F", 55),
    "polish": Patient("Wiśniewski^Łukasz", "PRC-0007", "ISO_IR 192", "M", 8),
    "plain": Patient("Practice^Peter^^Dr", "PRC-0008", "", "M", 66),
}
"""The patients, by what is special about their names."""


class Series(NamedTuple):
    """One series; ``kind`` says how its instances are made, ``pictures`` how many or of how many frames."""

    kind: str
    modality: str
    description: str
    syntax: str
    pictures: int = 1


class Study(NamedTuple):
    """A study: whose, how long ago, what.

    :ivar series: what it consists of.
    """

    number: int
    patient: str
    days_ago: int
    time: str
    description: str
    body_part: str
    series: tuple[Series, ...]


STUDIES: Final = (
    Study(1, "latin", 0, "081500", "CT Schädel nativ", "HEAD", (
        Series("ct head", "CT", "Schädel 5 mm", EXPLICIT_VR_LITTLE_ENDIAN, 10),
        Series("sr", "SR", "Befund", EXPLICIT_VR_LITTLE_ENDIAN),
    )),
    Study(2, "latin", 412, "143000", "CT Abdomen mit KM", "ABDOMEN", (
        Series("ct abdomen", "CT", "portalvenös", IMPLICIT_VR_LITTLE_ENDIAN, 6),
    )),
    Study(3, "japanese", 0, "092000", "頭部 MRI", "HEAD", (
        Series("mr t1", "MR", "T1 軸位断", EXPLICIT_VR_LITTLE_ENDIAN, 6),
        Series("mr t2", "MR", "T2 軸位断", EXPLICIT_VR_LITTLE_ENDIAN, 6),
    )),
    Study(4, "chinese", 1, "101500", "膝关节 MRI", "KNEE", (
        Series("mr knee", "MR", "矢状位", DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, 5),
    )),
    Study(5, "cyrillic", 0, "103000", "Рентгенография грудной клетки", "CHEST", (
        Series("cr chest", "CR", "Прямая проекция", IMPLICIT_VR_LITTLE_ENDIAN),
    )),
    Study(6, "cyrillic", 365, "113000", "Рентгенография грудной клетки", "CHEST", (
        Series("cr chest", "CR", "Прямая проекция", EXPLICIT_VR_LITTLE_ENDIAN),
    )),
    Study(7, "french", 2, "155500", "Radiographie de la main gauche", "HAND", (
        Series("dx hand", "DX", "Face", EXPLICIT_VR_LITTLE_ENDIAN),
    )),
    Study(8, "greek", 1, "120500", "Υπερηχογράφημα καρδιάς", "HEART", (
        Series("us heart", "US", "Κινούμενη εικόνα", RLE_LOSSLESS, 8),
    )),
    Study(9, "polish", 7, "094500", "USG jamy brzusznej", "ABDOMEN", (
        Series("us still", "US", "Nerka", RLE_LOSSLESS, 2),
    )),
    Study(10, "plain", 30, "160000", "Coronary angiogram", "HEART", (
        Series("xa", "XA", "Left coronary artery", EXPLICIT_VR_LITTLE_ENDIAN, 8),
    )),
    Study(11, "plain", 31, "080000", "Referral letter", "", (
        Series("card", "OT", "Scanned paper", EXPLICIT_VR_LITTLE_ENDIAN),
    )),
    Study(12, "french", 3, "170000", "Compte rendu", "", (
        Series("pdf", "DOC", "Compte rendu (PDF)", EXPLICIT_VR_LITTLE_ENDIAN),
    )),
    Study(13, "greek", 90, "133000", "Αξονική κοιλίας", "ABDOMEN", (
        Series("ct abdomen", "CT", "Αρτηριακή φάση", EXPLICIT_VR_LITTLE_ENDIAN, 4),
    )),
)  # fmt: skip
"""What there is to find."""


def practice_instances(today: date, seed: int = 1) -> Iterator[PracticeInstance]:
    """Every instance, study by study, made as it is asked for.

    :param seed: another one gives the same patients other UIDs and other noise in their pictures.
    """
    for study in STUDIES:
        for number, series in enumerate(study.series, start=1):
            make = {"sr": _report, "pdf": _document}.get(series.kind, _pictures)
            for instance, dataset in enumerate(make(study, series), start=1):
                _put(dataset, _identity(study, series, number, instance, today, seed))
                yield _encoded(dataset, series.syntax)


def _encoded(dataset: Dataset, syntax: str) -> PracticeInstance:
    sop_class, sop_instance = str(dataset.SOPClassUID), str(dataset.SOPInstanceUID)
    if syntax == RLE_LOSSLESS:
        from pydicom import FileMetaDataset, uid

        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = uid.UID(EXPLICIT_VR_LITTLE_ENDIAN)
        dataset.compress(RLE_LOSSLESS, encoding_plugin="pydicom", generate_instance_uid=False)
    return PracticeInstance(sop_class, sop_instance, syntax, encode_dataset(dataset, syntax))


def _put(dataset: Dataset, values: Mapping[str, object]) -> Dataset:
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def _da(day: date) -> str:
    return f"{day:%Y%m%d}"


def _patient(patient: Patient, today: date) -> dict[str, object]:
    charset = patient.charset.split("\\") if "\\" in patient.charset else patient.charset
    return {
        **({"SpecificCharacterSet": charset} if charset else {}),
        "PatientName": patient.name,
        "PatientID": patient.patient_id,
        "IssuerOfPatientID": "PRACTICE",
        "PatientBirthDate": _da(today - timedelta(days=patient.age * 365 + 100)),
        "PatientSex": patient.sex,
        "PatientComments": _COMMENT,
    }


def _identity(
    study: Study, series: Series, series_number: int, instance: int, today: date, seed: int
) -> dict[str, object]:
    """What says whose an instance is, and which."""
    day, name = _da(today - timedelta(days=study.days_ago)), f"{seed} {today} study {study.number}"
    patient = PATIENTS[study.patient]
    return {
        **_patient(patient, today),
        "PatientAge": f"{max(0, patient.age - study.days_ago // 365):03d}Y",
        "SOPInstanceUID": derived_uid(name, series_number, instance),
        "StudyInstanceUID": derived_uid(name),
        "SeriesInstanceUID": derived_uid(name, series_number),
        "StudyID": str(study.number),
        "AccessionNumber": f"PRC{study.number:05d}",
        "StudyDate": day,
        "StudyTime": study.time,
        "StudyDescription": study.description,
        "ReferringPhysicianName": "Practice^Referrer",
        "Modality": series.modality,
        "SeriesNumber": series_number,
        "SeriesDate": day,
        "SeriesTime": study.time,
        "SeriesDescription": series.description,
        "InstanceNumber": instance,
        "ContentDate": day,
        "ContentTime": study.time,
        "Manufacturer": "dicomgui practice",
        "InstitutionName": "Practice hospital",
        "StationName": f"PRACTICE_{series.modality}",
    }


# -------------------------------------------------------------------------------------------------------- instances


class _Kind(NamedTuple):
    """Pictures of one kind.

    :ivar draw: makes one, given where between 0 and 1 it stands in its series.
    :ivar grain: bits of noise.
    :ivar is_deep: two bytes a pixel instead of one.
    """

    sop_class: str
    label: str
    draw: Callable[[float], images.Canvas]
    grain: int = 3
    is_deep: bool = False
    is_multi_frame: bool = False
    more: Mapping[str, object] = {}


_CT: Final = {
    "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"], "RescaleIntercept": "-1024", "RescaleSlope": "1",
    "RescaleType": "HU", "KVP": "120", "SliceThickness": "5", "WindowCenter": "60", "WindowWidth": "1400",
}  # fmt: skip
_MR: Final = {
    "ImageType": ["ORIGINAL", "PRIMARY", "OTHER"], "ScanningSequence": "SE", "SequenceVariant": "NONE",
    "ScanOptions": "", "MRAcquisitionType": "2D", "RepetitionTime": "500", "EchoTime": "15", "EchoTrainLength": 1,
    "SliceThickness": "5", "WindowCenter": "900", "WindowWidth": "1800",
}  # fmt: skip
_XRAY: Final = {
    "ImageType": ["ORIGINAL", "PRIMARY"], "ViewPosition": "PA", "PatientOrientation": ["L", "F"],
    "WindowCenter": "1024", "WindowWidth": "2048",
}  # fmt: skip
_DX: Final = {
    **_XRAY, "PresentationIntentType": "FOR PRESENTATION", "PixelIntensityRelationship": "LOG",
    "PixelIntensityRelationshipSign": -1, "RescaleIntercept": "0", "RescaleSlope": "1", "RescaleType": "US",
    "PresentationLUTShape": "IDENTITY", "LossyImageCompression": "00", "BurnedInAnnotation": "YES",
    "ImageLaterality": "L", "ImagerPixelSpacing": ["0.5", "0.5"], "DetectorType": "DIRECT", "PositionerType": "NONE",
    "AcquisitionContextSequence": [],
}  # fmt: skip
_MOVING: Final = {"FrameTime": "80", "FrameIncrementPointer": 0x0018_1063, "RecommendedDisplayFrameRate": 12}
_US: Final = {"ImageType": ["ORIGINAL", "PRIMARY"], "LossyImageCompression": "00"}
_XA: Final = {**_MOVING, "ImageType": ["ORIGINAL", "PRIMARY", "SINGLE PLANE"], "RadiationSetting": "GR",
              "PixelIntensityRelationship": "LIN", "PositionerMotion": "STATIC", "PositionerPrimaryAngle": "0",
              "PositionerSecondaryAngle": "0", "KVP": "75", "XRayTubeCurrent": "600", "ExposureTime": "8",
              "Exposure": "5"}  # fmt: skip
_LETTER: Final = ("REFERRAL OF A PATIENT", "WHO DOES NOT EXIST.", "PLEASE DO NOTHING.", "THANK YOU.")

_KINDS: Final = {
    "ct head": _Kind(f"{_STORAGE}2", "CT HEAD", images.head, is_deep=True, more=_CT),
    "ct abdomen": _Kind(f"{_STORAGE}2", "CT ABDOMEN", images.abdomen, is_deep=True, more=_CT),
    "mr t1": _Kind(f"{_STORAGE}4", "MR T1", lambda part: images.head(part, is_mr=True), is_deep=True, more=_MR),
    "mr t2": _Kind(f"{_STORAGE}4", "MR T2", lambda part: images.head(part, is_mr=True, inverted=True), is_deep=True,
                   more={**_MR, "RepetitionTime": "4000", "EchoTime": "100"}),
    "mr knee": _Kind(f"{_STORAGE}4", "MR KNEE", images.knee, is_deep=True, more=_MR),
    "cr chest": _Kind(f"{_STORAGE}1", "CR CHEST", lambda _: images.chest(), is_deep=True, more=_XRAY),
    "dx hand": _Kind(f"{_STORAGE}1.1", "DX HAND", lambda _: images.hand(), is_deep=True, more=_DX),
    "us heart": _Kind(f"{_STORAGE}3.1", "US HEART", images.sector, 4, is_multi_frame=True, more={**_US, **_MOVING}),
    "us still": _Kind(f"{_STORAGE}6.1", "US KIDNEY", lambda _: images.sector(0, chambers=False), 4, more=_US),
    "xa": _Kind(f"{_STORAGE}12.1", "XA CORONARY", images.angiogram, is_multi_frame=True, more=_XA),
    "card": _Kind(f"{_STORAGE}7", "", lambda _: images.card("LETTER", _LETTER), 2, more={"ConversionType": "SD"}),
}  # fmt: skip


def _pictures(study: Study, series: Series) -> Iterator[Dataset]:
    kind = _KINDS[series.kind]
    canvases = (_picture(kind, study, series, number) for number in range(series.pictures))
    if kind.is_multi_frame:
        yield _image(kind, study, list(canvases), 0)
        return
    for number, canvas in enumerate(canvases):
        yield _image(kind, study, [canvas], number)


def _picture(kind: _Kind, study: Study, series: Series, number: int) -> images.Canvas:
    canvas = kind.draw((number + 0.5) / series.pictures)
    canvas.noise(f"{study.number} {series.kind} {number}", kind.grain)
    place = f" {number + 1}/{series.pictures}" if series.pictures > 1 else ""
    return canvas.label(f"{kind.label}{place}") if kind.label else canvas


def _image(kind: _Kind, study: Study, frames: list[images.Canvas], number: int) -> Dataset:
    from pydicom import Dataset

    first, bits = frames[0], 12 if kind.is_deep else 8
    dataset = _put(Dataset(), {"SOPClassUID": kind.sop_class, **_body(study), **kind.more})
    if kind.sop_class in (f"{_STORAGE}2", f"{_STORAGE}4"):
        _put(dataset, {
            "FrameOfReferenceUID": derived_uid(kind.label, "frame of reference"), "PositionReferenceIndicator": "",
            "PatientPosition": "HFS", "ImageOrientationPatient": ["1", "0", "0", "0", "1", "0"],
            "ImagePositionPatient": ["-115.2", "-115.2", str(5 * number)], "PixelSpacing": ["0.9", "0.9"],
            "AcquisitionNumber": 1,
        })  # fmt: skip
    elif "PatientOrientation" not in dataset:  # type 2C: there is no other orientation (PS3.3 C.7.6.1)
        dataset.PatientOrientation = ""
    if kind.is_multi_frame:
        dataset.NumberOfFrames = len(frames)
    _put(dataset, {
        "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "Rows": first.rows, "Columns": first.columns,
        "BitsAllocated": 16 if kind.is_deep else 8, "BitsStored": bits, "HighBit": bits - 1, "PixelRepresentation": 0,
    })  # fmt: skip
    pixels = b"".join(images.to_words(one.pixels) if kind.is_deep else bytes(one.pixels) for one in frames)
    dataset.add_new(0x7FE0_0010, "OW" if kind.is_deep else "OB", pixels)
    return dataset


def _body(study: Study) -> dict[str, object]:
    """Which part of the body is seen: of a pair also which side, type 2C of General Series (PS3.3 C.7.3.1)."""
    if not study.body_part:
        return {"Laterality": ""}
    part: dict[str, object] = {"BodyPartExamined": study.body_part}
    if study.body_part == "KNEE":
        part["Laterality"] = "R"
    elif study.body_part == "HAND":  # DX: Image Laterality says the side, and General Anatomy wants a code
        view = _code("399348003", "postero-anterior", "SCT")
        view.ViewModifierCodeSequence = []
        part["AnatomicRegionSequence"] = [_code("85562004", "Hand", "SCT")]
        part["ViewCodeSequence"] = [view]
    return part


def _report(study: Study, _series: Series) -> Iterator[Dataset]:
    """A basic text report (PS3.3 A.35.1)."""
    from pydicom import Dataset

    text = _put(Dataset(), {
        "RelationshipType": "CONTAINS", "ValueType": "TEXT", "ConceptNameCodeSequence": [_code("121071", "Finding")],
        "TextValue": f"{study.description}: nothing was found, because nobody was there. {images.WARNING.title()}.",
    })  # fmt: skip
    yield _put(Dataset(), {
        "SOPClassUID": f"{_STORAGE}88.11", "ReferencedPerformedProcedureStepSequence": [], "CompletionFlag": "COMPLETE",
        "VerificationFlag": "UNVERIFIED", "PerformedProcedureCodeSequence": [], "ValueType": "CONTAINER",
        "ConceptNameCodeSequence": [_code("18748-4", "Diagnostic Imaging Report", "LN")],
        "ContinuityOfContent": "SEPARATE", "ContentSequence": [text],
    })  # fmt: skip


def _code(value: str, meaning: str, scheme: str = "DCM") -> Dataset:
    from pydicom import Dataset

    return _put(Dataset(), {"CodeValue": value, "CodingSchemeDesignator": scheme, "CodeMeaning": meaning})


def _document(_study: Study, series: Series) -> Iterator[Dataset]:
    """A page of PDF (PS3.3 A.45.1)."""
    from pydicom import Dataset

    document = _pdf("Practice report", images.WARNING)
    yield _put(Dataset(), {
        "SOPClassUID": f"{_STORAGE}104.1", "BurnedInAnnotation": "YES", "ConversionType": "WSD",
        "AcquisitionDateTime": "", "DocumentTitle": series.description, "ConceptNameCodeSequence": [],
        "MIMETypeOfEncapsulatedDocument": "application/pdf",
        "EncapsulatedDocument": document + b"\0" * (len(document) % 2),
        "EncapsulatedDocumentLength": len(document),
    })  # fmt: skip


def _pdf(*lines: str) -> bytes:
    """A page with a few lines of ASCII (ISO 32000-1, 7.5)."""
    shown = " ".join(f"({line}) Tj 0 -28 Td" for line in lines)
    content = f"BT /F1 22 Tf 60 760 Td {shown} ET".encode("ascii")
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    data, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return data + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (size, table, size, len(data))
    )


# --------------------------------------------------------------------------------------------------------- worklist


class _Step(NamedTuple):
    patient: str
    station: str
    modality: str
    time: str
    description: str


_STEPS: Final = (
    _Step("latin", STATIONS[0], "CT", "083000", "CT Thorax"),
    _Step("japanese", STATIONS[0], "CT", "093000", "腹部 CT"),
    _Step("cyrillic", STATIONS[0], "CT", "110000", "КТ головы"),
    _Step("greek", STATIONS[1], "US", "090000", "Υπερηχογράφημα κοιλίας"),
    _Step("polish", STATIONS[1], "US", "101500", "USG serca"),
)


def practice_worklist(today: date, seed: int = 1) -> list[Dataset]:
    """The scheduled procedure steps of today for two stations, each in an item of its own (PS3.4 table K.6-1)."""
    from pydicom import Dataset

    made = []
    for number, step in enumerate(_STEPS, start=1):
        scheduled = _put(Dataset(), {
            "Modality": step.modality, "ScheduledStationAETitle": step.station, "ScheduledStationName": step.station,
            "ScheduledProcedureStepStartDate": _da(today), "ScheduledProcedureStepStartTime": step.time,
            "ScheduledPerformingPhysicianName": "Practice^Performer", "ScheduledProcedureStepDescription":
            step.description, "ScheduledProcedureStepID": f"STEP{number}", "ScheduledProcedureStepLocation": "Room 1",
            "ScheduledProcedureStepStatus": "SCHEDULED", "ScheduledProtocolCodeSequence": [],
            "PreMedication": "", "RequestedContrastAgent": "",
        })  # fmt: skip
        patient = PATIENTS[step.patient]._replace(charset="ISO_IR 192")
        made.append(_put(Dataset(), {
            **_patient(patient, today), "StudyInstanceUID": derived_uid(seed, today, "worklist", number),
            "AccessionNumber": f"PRW{number:05d}", "RequestedProcedureID": f"RP{number}",
            "RequestedProcedureDescription": step.description, "RequestedProcedureCodeSequence": [],
            "RequestedProcedurePriority": "ROUTINE", "ReferringPhysicianName": "Practice^Referrer",
            "RequestingPhysician": "Practice^Referrer", "PatientWeight": None, "MedicalAlerts": "", "Allergies": "",
            "PregnancyStatus": None, "AdmissionID": "", "CurrentPatientLocation": "", "PatientState": "",
            "PatientTransportArrangements": "", "ReferencedStudySequence": [], "ReferencedPatientSequence": [],
            "ScheduledProcedureStepSequence": [scheduled],
        }))  # fmt: skip
    return made
