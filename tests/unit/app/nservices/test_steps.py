"""Templates one after the other, with our own printer and keeper of steps."""

from __future__ import annotations

import pytest
from helpers.answering import answering

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.nservices.steps import known_of, parse_step, run_steps
from dicomgui.app.nservices.templates import Known
from dicomgui.network import EVERYTHING_PERMITTED, ConfigurationError, Handlers, PeerAddress, Reply, Status
from dicomgui.network.service_classes.printer import Printer, PrintJob


def test_a_step_is_a_template_with_changes() -> None:
    step = parse_step(
        "ups-subscribe-filtered: ScheduledProcedureStepPriority=LOW; ScheduledStationNameCodeSequence[0].CodeValue=CT1"
    )
    request = step.request(Known(our_ae="ME"))
    assert (request.sop_instance_uid, request.type_id) == ("1.2.840.10008.5.1.4.34.5.1", 3)
    assert request.dataset is not None
    assert request.dataset.ReceivingAE == "ME"
    assert request.dataset.ScheduledProcedureStepPriority == "LOW"
    assert request.dataset.ScheduledStationNameCodeSequence[0].CodeValue == "CT1"


def test_the_first_item_of_a_sequence_is_changed_and_not_replaced() -> None:
    before = parse_step("ups-progress").request(known_of("ME", instance="2.25.1"))
    request = parse_step("ups-progress:ProcedureStepProgressInformationSequence[0].ProcedureStepProgress=75").request(
        known_of("ME", instance="2.25.1")
    )
    assert before.dataset is not None
    assert request.dataset is not None
    [item] = request.dataset.ProcedureStepProgressInformationSequence
    assert str(item.ProcedureStepProgress) == "75"
    assert item.ProcedureStepProgressDescription == "half done"


@pytest.mark.parametrize(
    ("text", "told"),
    [("nonsense", "there is no template 'nonsense'"), ("print:Nonsense=1", "no attribute"), (":A=1", "no template")],
)
def test_what_is_no_step_is_refused(text: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        parse_step(text)


@pytest.mark.parametrize("key", ["ups-read", "ups-subscribe-step", "annotation-box", "print-job", "mpps-completed"])
def test_a_step_without_its_instance_is_refused(key: str) -> None:
    with pytest.raises(ConfigurationError, match="needs an instance"):
        parse_step(key).request(Known())


def test_what_is_known_of_a_step_is_filled_in() -> None:
    request = parse_step("ups-complete").request(known_of("ME", instance="2.25.1", transaction="2.25.2"))
    assert request.sop_instance_uid == "2.25.1"
    assert request.dataset is not None
    assert request.dataset.TransactionUID == "2.25.2"


async def test_a_film_with_a_text_is_printed_and_its_job_asked_for() -> None:
    jobs: list[PrintJob] = []
    printer = Printer(jobs.append)
    written = (
        "film-session",
        "film-box:AnnotationDisplayFormatID=1",
        "image-box",
        "annotation-box:TextString=Left",
        "print",
        "print-job",
        "end-session",
    )
    with AppContext() as context:
        async with answering(printer.handlers()) as server:
            results = await run_steps(
                context,
                PeerAddress.parse(server.peer),
                ConnectionOptions(),
                [parse_step(one) for one in written],
                Known(),
            )
    assert [int(result.status or 0) for result in results] == [0] * 7
    assert results[5].dataset is not None
    assert results[5].dataset.ExecutionStatus in ("PENDING", "PRINTING", "DONE")
    await printer.close()
    assert jobs[0].pages[0].texts == {1: "Left"}


async def test_the_first_step_that_fails_ends_it() -> None:
    handlers = Handlers(on_n_create=lambda request: Reply(Status(0x0110), "no"))
    told: list[object] = []
    with AppContext() as context:
        async with answering(handlers, permitted=EVERYTHING_PERMITTED) as server:
            results = await run_steps(
                context,
                PeerAddress.parse(server.peer),
                ConnectionOptions(),
                [parse_step("ups-push"), parse_step("ups-claim")],
                Known(),
                wait_s=0.01,
                on_result=told.append,
            )
    assert [result.status for result in results] == [0x0110]
    assert told == results
