"""The attributes that the program itself names: in its columns, forms and templates.

pydicom's dictionary has them too; but to load it takes as long as to make the whole window, and 50 MB.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

__all__ = ["USUAL_ATTRIBUTES", "USUAL_KEYWORDS"]

USUAL_ATTRIBUTES: Final = MappingProxyType({
    "SpecificCharacterSet": (0x0008_0005, "CS", "Specific Character Set"),
    "SOPClassUID": (0x0008_0016, "UI", "SOP Class UID"),
    "SOPInstanceUID": (0x0008_0018, "UI", "SOP Instance UID"),
    "StudyDate": (0x0008_0020, "DA", "Study Date"),
    "SeriesDate": (0x0008_0021, "DA", "Series Date"),
    "ContentDate": (0x0008_0023, "DA", "Content Date"),
    "StudyTime": (0x0008_0030, "TM", "Study Time"),
    "SeriesTime": (0x0008_0031, "TM", "Series Time"),
    "ContentTime": (0x0008_0033, "TM", "Content Time"),
    "AccessionNumber": (0x0008_0050, "SH", "Accession Number"),
    "QueryRetrieveLevel": (0x0008_0052, "CS", "Query/Retrieve Level"),
    "Modality": (0x0008_0060, "CS", "Modality"),
    "ModalitiesInStudy": (0x0008_0061, "CS", "Modalities in Study"),
    "ReferringPhysicianName": (0x0008_0090, "PN", "Referring Physician's Name"),
    "StudyDescription": (0x0008_1030, "LO", "Study Description"),
    "ProcedureCodeSequence": (0x0008_1032, "SQ", "Procedure Code Sequence"),
    "SeriesDescription": (0x0008_103E, "LO", "Series Description"),
    "ReferencedStudySequence": (0x0008_1110, "SQ", "Referenced Study Sequence"),
    "ReferencedPatientSequence": (0x0008_1120, "SQ", "Referenced Patient Sequence"),
    "PatientName": (0x0010_0010, "PN", "Patient's Name"),
    "PatientID": (0x0010_0020, "LO", "Patient ID"),
    "PatientBirthDate": (0x0010_0030, "DA", "Patient's Birth Date"),
    "PatientSex": (0x0010_0040, "CS", "Patient's Sex"),
    "BodyPartExamined": (0x0018_0015, "CS", "Body Part Examined"),
    "StudyInstanceUID": (0x0020_000D, "UI", "Study Instance UID"),
    "SeriesInstanceUID": (0x0020_000E, "UI", "Series Instance UID"),
    "StudyID": (0x0020_0010, "SH", "Study ID"),
    "SeriesNumber": (0x0020_0011, "IS", "Series Number"),
    "InstanceNumber": (0x0020_0013, "IS", "Instance Number"),
    "NumberOfPatientRelatedStudies": (0x0020_1200, "IS", "Number of Patient Related Studies"),
    "NumberOfStudyRelatedSeries": (0x0020_1206, "IS", "Number of Study Related Series"),
    "NumberOfStudyRelatedInstances": (0x0020_1208, "IS", "Number of Study Related Instances"),
    "NumberOfSeriesRelatedInstances": (0x0020_1209, "IS", "Number of Series Related Instances"),
    "NumberOfFrames": (0x0028_0008, "IS", "Number of Frames"),
    "RequestedProcedureDescription": (0x0032_1060, "LO", "Requested Procedure Description"),
    "RequestedProcedureCodeSequence": (0x0032_1064, "SQ", "Requested Procedure Code Sequence"),
    "ScheduledStationAETitle": (0x0040_0001, "AE", "Scheduled Station AE Title"),
    "ScheduledProcedureStepStartDate": (0x0040_0002, "DA", "Scheduled Procedure Step Start Date"),
    "ScheduledProcedureStepStartTime": (0x0040_0003, "TM", "Scheduled Procedure Step Start Time"),
    "ScheduledPerformingPhysicianName": (0x0040_0006, "PN", "Scheduled Performing Physician's Name"),
    "ScheduledProcedureStepDescription": (0x0040_0007, "LO", "Scheduled Procedure Step Description"),
    "ScheduledProtocolCodeSequence": (0x0040_0008, "SQ", "Scheduled Protocol Code Sequence"),
    "ScheduledProcedureStepID": (0x0040_0009, "SH", "Scheduled Procedure Step ID"),
    "ScheduledStationName": (0x0040_0010, "SH", "Scheduled Station Name"),
    "ScheduledProcedureStepLocation": (0x0040_0011, "SH", "Scheduled Procedure Step Location"),
    "ScheduledProcedureStepStatus": (0x0040_0020, "CS", "Scheduled Procedure Step Status"),
    "ScheduledProcedureStepSequence": (0x0040_0100, "SQ", "Scheduled Procedure Step Sequence"),
    "PerformedStationAETitle": (0x0040_0241, "AE", "Performed Station AE Title"),
    "PerformedStationName": (0x0040_0242, "SH", "Performed Station Name"),
    "PerformedLocation": (0x0040_0243, "SH", "Performed Location"),
    "PerformedProcedureStepStartDate": (0x0040_0244, "DA", "Performed Procedure Step Start Date"),
    "PerformedProcedureStepStartTime": (0x0040_0245, "TM", "Performed Procedure Step Start Time"),
    "PerformedProcedureStepEndDate": (0x0040_0250, "DA", "Performed Procedure Step End Date"),
    "PerformedProcedureStepEndTime": (0x0040_0251, "TM", "Performed Procedure Step End Time"),
    "PerformedProcedureStepStatus": (0x0040_0252, "CS", "Performed Procedure Step Status"),
    "PerformedProcedureStepID": (0x0040_0253, "SH", "Performed Procedure Step ID"),
    "PerformedProcedureStepDescription": (0x0040_0254, "LO", "Performed Procedure Step Description"),
    "PerformedProcedureTypeDescription": (0x0040_0255, "LO", "Performed Procedure Type Description"),
    "PerformedProtocolCodeSequence": (0x0040_0260, "SQ", "Performed Protocol Code Sequence"),
    "ScheduledStepAttributesSequence": (0x0040_0270, "SQ", "Scheduled Step Attributes Sequence"),
    "PerformedProcedureStepDiscontinuationReasonCodeSequence": (
        0x0040_0281, "SQ", "Performed Procedure Step Discontinuation Reason Code Sequence",
    ),
    "PerformedSeriesSequence": (0x0040_0340, "SQ", "Performed Series Sequence"),
    "RequestedProcedureID": (0x0040_1001, "SH", "Requested Procedure ID"),
})  # fmt: skip
"""By keyword: tag, value representation, name."""

USUAL_KEYWORDS: Final = MappingProxyType({tag: keyword for keyword, (tag, _, _) in USUAL_ATTRIBUTES.items()})
"""By tag."""
