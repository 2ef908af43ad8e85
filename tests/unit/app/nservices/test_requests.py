"""Operations on normalized instances, against our own provider."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.answering import answering
from helpers.retrieval import elements

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.nservices.requests import (
    SOP_CLASSES,
    WELL_KNOWN,
    NOperation,
    NRequest,
    service_of,
    sop_class_of,
    transact,
)
from dicomgui.network import (
    EVERYTHING_PERMITTED,
    ConfigurationError,
    Handlers,
    NoAcceptedContext,
    PeerAddress,
    Reply,
    Status,
    serve,
)
from dicomgui.network.status import Service
from dicomgui.network.uids import is_valid_uid

OPTIONS = ConnectionOptions()
SUCCESS = Status(0)
MPPS = SOP_CLASSES["ModalityPerformedProcedureStep"]
PRINTER = SOP_CLASSES["Printer"]
COMMITMENT = SOP_CLASSES["StorageCommitmentPushModel"]
FILM_SESSION, META = SOP_CLASSES["BasicFilmSession"], SOP_CLASSES["BasicGrayscalePrintManagementMeta"]


class Provider:
    """Keeps what it is asked."""

    def __init__(self, answer: Any = SUCCESS) -> None:
        self.requests: list[Any] = []
        self.answer = answer

    def __call__(self, request: Any) -> Any:
        self.requests.append(request)
        return self.answer

    def handlers(self) -> Handlers:
        return Handlers(
            on_n_create=self, on_n_set=self, on_n_get=self, on_n_action=self, on_n_delete=self, on_n_event_report=self
        )


async def test_create_takes_the_instance_that_the_peer_makes(context: AppContext) -> None:
    provider = Provider(Reply(Status(0), sop_instance_uid="1.2.3", dataset=elements(PatientID="1")))
    async with answering(provider.handlers()) as scp:
        request = NRequest(NOperation.CREATE, MPPS, dataset=elements(PatientName="Müller"))
        result = await transact(context, scp.address, OPTIONS, request)
    assert (result.ok, result.status, result.sop_instance_uid) == (True, 0, "1.2.3")
    assert result.dataset is not None
    assert result.dataset.PatientID == "1"
    assert provider.requests[0].dataset.PatientName == "Müller"
    assert "ISO_IR 100" in result.notes[0]
    assert result.association > 0
    assert result.findings == ()


@pytest.mark.parametrize("operation", list(NOperation))
async def test_every_operation_reaches_its_handler(context: AppContext, operation: NOperation) -> None:
    provider = Provider()
    request = NRequest(operation, MPPS, "1.2.3", elements(PatientID="1"), 7, (0x00100020,))
    async with answering(provider.handlers(), permitted=EVERYTHING_PERMITTED) as scp:
        result = await transact(context, scp.address, OPTIONS, request)
    assert (result.ok, result.sop_instance_uid) == (True, "1.2.3")
    [seen] = provider.requests
    assert operation.value.replace("-", "_").title().replace("_", "") in type(seen.command).__name__
    assert seen.command.sop_instance_uid == "1.2.3"
    if operation.needs_type:
        assert 7 in (getattr(seen.command, "action_type_id", None), getattr(seen.command, "event_type_id", None))
    if operation is NOperation.GET:
        assert tuple(seen.command.attribute_identifiers) == (0x00100020,)
    elif operation is not NOperation.DELETE:
        assert seen.dataset.PatientID == "1"


async def test_a_meta_sop_class_is_the_context_of_its_members(context: AppContext) -> None:
    provider = Provider(Reply(Status(0), sop_instance_uid="1.2"))
    async with answering(provider.handlers(), sop_classes=frozenset({META})) as scp:
        request = NRequest(NOperation.CREATE, FILM_SESSION, context=META)
        result = await transact(context, scp.address, OPTIONS, request)
        without = await transact(context, scp.address, OPTIONS, NRequest(NOperation.CREATE, FILM_SESSION))
    assert result.ok
    assert provider.requests[0].context.abstract_syntax == META
    assert provider.requests[0].command.sop_class_uid == FILM_SESSION
    assert isinstance(without.error, NoAcceptedContext)
    assert not without.ok


async def test_an_event_is_reported_in_the_role_of_the_provider(context: AppContext) -> None:
    provider = Provider()
    async with answering(provider.handlers()) as scp:
        request = NRequest(NOperation.EVENT_REPORT, COMMITMENT, type_id=1)
        result = await transact(context, scp.address, OPTIONS, request)
    assert result.ok
    [seen] = provider.requests
    assert seen.context.as_scu  # of the server: the role that it gave away
    assert seen.command.sop_instance_uid == WELL_KNOWN[COMMITMENT]


async def test_a_failure_status_and_what_the_peer_complains_about_are_results(context: AppContext) -> None:
    provider = Provider(Reply(Status(0x0106), "no", attribute_identifiers=(0x00100010,)))
    async with answering(provider.handlers()) as scp:
        result = await transact(context, scp.address, OPTIONS, NRequest(NOperation.SET, MPPS, "1.2", elements()))
    assert (result.ok, result.status, result.comment) == (False, 0x0106, "no")
    assert result.attribute_identifiers == (0x00100010,)
    assert [finding.code for finding in result.findings] == ["attributes-refused"]


async def test_a_warning_is_done(context: AppContext) -> None:
    async with answering(Provider(Status(0x0107)).handlers()) as scp:
        result = await transact(context, scp.address, OPTIONS, NRequest(NOperation.DELETE, FILM_SESSION, "1.2"))
    assert result.ok


async def test_an_answer_that_cannot_be_read_is_said(context: AppContext) -> None:
    broken = b"\x28\x00\x10\x00US\x03\x00abc\x28\x00\x11\x00US\x01\x00a"
    async with answering(Provider(Reply(Status(0), dataset=broken)).handlers()) as scp:
        result = await transact(context, scp.address, OPTIONS, NRequest(NOperation.GET, PRINTER, "1.2"))
    assert (result.ok, result.status, result.dataset) == (False, 0, None)
    assert "could not be read" in result.notes[0]
    assert result.unreadable in result.notes[0]


async def test_a_closed_port_is_a_result(context: AppContext) -> None:
    async with await serve(port=0) as server:
        peer = PeerAddress("X", "127.0.0.1", server.port)
    numbers: list[int] = []
    result = await transact(
        context, peer, OPTIONS, NRequest(NOperation.DELETE, MPPS, "1.2"), on_association=numbers.append
    )
    assert (result.ok, result.status, result.sop_instance_uid) == (False, None, "1.2")
    assert [finding.code for finding in result.findings] == ["closed-port"]
    assert numbers == [result.association]


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ((NOperation.CREATE, "nonsense"), "no UID"),
        ((NOperation.CREATE, MPPS, "", None, None, (), "nonsense"), "no UID"),
        ((NOperation.DELETE, MPPS), "UID of an instance"),
        ((NOperation.ACTION, MPPS, "1.2"), "number of its type"),
        ((NOperation.EVENT_REPORT, MPPS, "1.2"), "number of its type"),
        ((NOperation.SET, MPPS, "1.2"), "needs a data set"),
    ],
)
def test_what_the_operation_needs_must_be_there(arguments: tuple[Any, ...], what: str) -> None:
    with pytest.raises(ConfigurationError, match=what):
        NRequest(*arguments)


def test_sop_classes_by_keyword() -> None:
    assert sop_class_of(" basicfilmsession ") == FILM_SESSION
    assert sop_class_of("1.2.3") == "1.2.3"
    with pytest.raises(ConfigurationError, match="no SOP class 'Nonsense'") as caught:
        sop_class_of("Nonsense")
    assert "Printer" in caught.value.hint
    assert all(map(is_valid_uid, SOP_CLASSES.values()))
    assert set(WELL_KNOWN) <= set(SOP_CLASSES.values())


@pytest.mark.parametrize(
    ("keyword", "service"),
    [
        ("ModalityPerformedProcedureStep", Service.MPPS),
        ("StorageCommitmentPushModel", Service.COMMITMENT),
        ("BasicFilmBox", Service.PRINT),
        ("MediaCreationManagement", Service.MEDIA_CREATION),
        ("UnifiedProcedureStepPull", Service.UPS),
        ("InstanceAvailabilityNotification", None),
    ],
)
def test_each_service_has_its_table_of_statuses(keyword: str, service: Service | None) -> None:
    assert service_of(SOP_CLASSES[keyword]) is service
