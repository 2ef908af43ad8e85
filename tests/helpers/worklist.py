"""A RIS of the test's own: a worklist of three steps, and performed steps that it keeps."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from helpers.answering import answering
from helpers.instances import elements
from pydicom.dataset import Dataset

from dicomgui.network import FindRequest, Handlers, PeerAddress
from dicomgui.network.service_classes.performed_steps import PerformedSteps
from dicomgui.network.service_classes.worklist import WorklistProvider

AE_TITLE = "RIS"
DAY = "20240229"


def item(number: int, name: str, modality: str, station: str) -> Dataset:
    """A worklist item with everything that a performed step repeats."""
    step = elements(
        ScheduledStationAETitle=station, ScheduledStationName=f"{station}N", Modality=modality,
        ScheduledProcedureStepStartDate=DAY, ScheduledProcedureStepStartTime="083000",
        ScheduledPerformingPhysicianName="Who^Ever", ScheduledProcedureStepDescription=f"{modality} of number {number}",
        ScheduledProcedureStepLocation="ROOM", ScheduledProcedureStepID=f"S{number}",
        ScheduledProtocolCodeSequence=[_code("P1", "protocol")],
    )  # fmt: skip
    return elements(
        SpecificCharacterSet="ISO_IR 192", PatientName=name, PatientID=f"ID{number}", PatientBirthDate="19700101",
        PatientSex="F", AccessionNumber=f"A{number}", RequestedProcedureID=f"R{number}",
        RequestedProcedureDescription="requested", RequestedProcedureCodeSequence=[_code("C1", "procedure")],
        ReferringPhysicianName="Re^Ferrer", StudyInstanceUID=f"1.2.3.{number}",
        ReferencedStudySequence=[_reference(number)], ReferencedPatientSequence=[],
        ScheduledProcedureStepSequence=[step],
    )  # fmt: skip


def _code(value: str, meaning: str) -> Dataset:
    return elements(CodeValue=value, CodingSchemeDesignator="99TEST", CodeMeaning=meaning)


def _reference(number: int) -> Dataset:
    return elements(ReferencedSOPClassUID="1.2.840.10008.3.1.2.3.1", ReferencedSOPInstanceUID=f"1.2.4.{number}")


def items() -> list[Dataset]:
    """Two of CT, one of them with a Chinese name, and one of MR."""
    return [
        item(1, "Wang^XiaoDong=王^小东=", "CT", "CT1"),
        item(2, "Doe^Jane", "CT", "CT2"),
        item(3, "Roe^Rick", "MR", "MR1"),
    ]


@dataclass
class Ris:
    """What it was asked and told.

    :ivar asked: the identifiers of all queries.
    """

    steps: PerformedSteps
    address: PeerAddress = field(default=PeerAddress("X", "x", 1))
    asked: list[Dataset] = field(default_factory=list)


@contextlib.asynccontextmanager
async def ris(*, has_steps: bool = True) -> AsyncIterator[Ris]:
    """Serve it.

    :param has_steps: whether it takes MPPS.
    """
    provider = WorklistProvider(items())
    running = Ris(PerformedSteps())

    def on_find(request: FindRequest) -> object:
        running.asked.append(request.dataset)
        return provider.on_find(request)

    told = running.steps.handlers() if has_steps else Handlers()
    handlers = Handlers(
        on_find=on_find,
        on_n_create=told.on_n_create,
        on_n_set=told.on_n_set,
        on_n_get=told.on_n_get,  # type: ignore[arg-type]
    )
    classes = {"1.2.840.10008.5.1.4.31", *(PerformedSteps.sop_classes if has_steps else ())}
    async with answering(handlers, sop_classes=frozenset(classes), ae_title=AE_TITLE) as scp:
        running.address = scp.address
        yield running
