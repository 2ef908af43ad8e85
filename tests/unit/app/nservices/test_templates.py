"""Requests that are made already: what providers of ours say about each, in the order in which they follow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from helpers.retrieval import elements

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.nservices.grouped_references import Home
from dicomgui.app.nservices.requests import NOperation, NRequest, NResult
from dicomgui.app.nservices.session import NSession
from dicomgui.app.nservices.templates import TEMPLATES, Draft, Known, learned
from dicomgui.network import PeerAddress, connect, serve
from dicomgui.network.service.combining import combine
from dicomgui.network.service_classes import print_attributes
from dicomgui.network.service_classes.availability import Notification, NotificationReceiver
from dicomgui.network.service_classes.commitment_provider import CommitmentProvider
from dicomgui.network.service_classes.performed_steps import PerformedSteps
from dicomgui.network.service_classes.printer import Printer, PrintJob
from dicomgui.network.service_classes.procedure_steps import ProcedureSteps
from dicomgui.network.service_classes.references import Reference

BY_KEY = {template.key: template for template in TEMPLATES}
REFERENCE = Reference("1.2.840.10008.5.1.4.1.1.2", "2.25.5")


async def sent(context: AppContext, part: Any, *keys: str, known: Known | None = None) -> tuple[list[NResult], Known]:
    """Send these templates to a provider, one after the other over one association."""
    known = known or Known()
    results = []
    async with await serve(port=0, ae_title="PEER", handlers=combine(part)) as server:
        session = NSession(context, PeerAddress("PEER", "127.0.0.1", server.port), ConnectionOptions())
        for key in keys:
            result = await session.send(BY_KEY[key].make(known).request(), keep=True)
            assert result.status is not None, (key, result.error)
            assert result.ok, (key, result.status, result.comment)
            known = learned(known, result)
            results.append(result)
        await session.release()
    return results, known


@pytest.mark.parametrize("end", ["mpps-completed", "mpps-discontinued"])
async def test_a_performed_step_is_begun_and_ended(context: AppContext, end: str) -> None:
    steps = PerformedSteps()
    results, known = await sent(context, steps, "mpps-begin", end, "mpps-read", known=Known(references=(REFERENCE,)))
    [step] = steps.steps.values()
    assert step.status == ("COMPLETED" if end == "mpps-completed" else "DISCONTINUED")
    assert step.sop_instance_uid == known.instance("1.2.840.10008.3.1.2.3.3")
    assert results[2].dataset is not None
    [series] = results[2].dataset.PerformedSeriesSequence
    assert series.ReferencedImageSequence[0].ReferencedSOPInstanceUID == REFERENCE.sop_instance_uid


async def test_a_film_is_printed(context: AppContext) -> None:
    jobs: list[PrintJob] = []
    keys = ("printer", "film-session", "film-box", "image-box", "print", "end-session")
    _, known = await sent(context, Printer(jobs.append), *keys)
    [job] = jobs
    assert job.pages[0].images[0].dataset.Rows == 64
    assert print_attributes.FILM_SESSION not in known.created


async def test_a_color_film_is_printed_where_the_picture_is_in_color(context: AppContext) -> None:
    jobs: list[PrintJob] = []
    values = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "Rows": 2, "Columns": 2, "BitsAllocated": 8}
    picture = elements(**values, BitsStored=8, HighBit=7, PixelRepresentation=0, PlanarConfiguration=1)
    picture.PixelData = bytes(12)
    keys = ("film-session", "film-box", "image-box", "print")
    await sent(context, Printer(jobs.append), *keys, known=Known(image=picture))
    assert jobs[0].pages[0].images[0].dataset.PixelData == bytes(12)


async def test_a_unified_step_is_pushed_claimed_and_completed(context: AppContext) -> None:
    steps = ProcedureSteps()
    keys = ("ups-push", "ups-claim", "ups-progress", "ups-performed", "ups-complete", "ups-read")
    results, known = await sent(context, steps, *keys)
    assert known.transaction_uid
    assert results[-1].dataset is not None
    assert results[-1].dataset.ProcedureStepState == "COMPLETED"


async def test_a_unified_step_is_asked_to_be_cancelled(context: AppContext) -> None:
    await sent(context, ProcedureSteps(), "ups-push", "ups-cancel")


async def test_unified_steps_are_subscribed_to(context: AppContext) -> None:
    steps = ProcedureSteps(open_association=lambda _title: connect("DICOMGUI@127.0.0.1:1"))
    await sent(context, steps, "ups-subscribe", "ups-unsubscribe", known=Known(our_ae="DICOMGUI"))


async def test_commitment_is_asked_for_what_was_chosen(context: AppContext) -> None:
    asked: list[Reference] = []
    provider = CommitmentProvider(lambda request: asked.extend(request.references) or request.references)
    [result], _ = await sent(context, provider, "commit", known=Known(references=(REFERENCE,)))
    assert asked == [REFERENCE]
    assert result.request.dataset is not None
    context.commitments.forget(result.request.dataset.TransactionUID)
    await provider.close()


async def test_availability_is_told(context: AppContext) -> None:
    told: list[Notification] = []
    await sent(context, NotificationReceiver(told.append), "available", known=Known(references=(REFERENCE,)))
    assert [one.sop_instance_uid for one in told[0].instances] == [REFERENCE.sop_instance_uid]


def test_what_is_missing_is_said() -> None:
    for key in ("mpps-completed", "commit", "film-box", "image-box", "print", "ups-claim", "ups-complete"):
        assert BY_KEY[key].make(Known()).note, key


def test_a_picture_that_does_not_fit_gives_way_to_a_pattern() -> None:
    draft = BY_KEY["image-box"].make(Known(image=elements(SamplesPerPixel=1, Rows=1)))
    assert "no pixel data" in draft.note
    assert draft.dataset is not None
    assert draft.dataset.BasicGrayscaleImageSequence[0].Rows == 64


def test_a_failure_teaches_nothing() -> None:
    request = NRequest(NOperation.CREATE, print_attributes.FILM_SESSION, context=print_attributes.GRAYSCALE_META)
    failed = NResult(
        PeerAddress("P", "h", 1), request, 1, None, "", "2.25.1", (), (), None, 0.0
    )  # fmt: skip
    assert learned(Known(), failed) == Known()


def test_keys_are_unique_and_a_draft_of_a_request_is_the_same_request() -> None:
    assert len(BY_KEY) == len(TEMPLATES)
    request = BY_KEY["commit"].make(replace(Known(), references=(REFERENCE,))).request()
    assert Draft.of(request).request() == request


OTHERS = tuple(Reference("1.2.840.10008.5.1.4.1.1.2", f"2.25.{number}") for number in range(11, 15))
HOMES = {"2.25.11": Home("2.25.1", "2.25.2"), "2.25.12": Home("2.25.1", "2.25.3"), "2.25.13": Home("2.25.1", "2.25.2"),
         "2.25.14": Home("2.25.9", "2.25.8")}  # fmt: skip


def test_instances_are_named_by_their_series_and_study() -> None:
    known = Known(references=OTHERS, homes=HOMES)
    available = BY_KEY["available"].make(known)
    assert available.dataset is not None
    series = available.dataset.ReferencedSeriesSequence
    assert available.dataset.StudyInstanceUID == "2.25.1"
    assert [(one.SeriesInstanceUID, len(one.ReferencedSOPSequence)) for one in series] == [("2.25.2", 2), ("2.25.3", 1)]
    assert "1 instances of others are left out" in available.note
    for key, path in (("ups-push", "InputInformationSequence"), ("ups-performed", "")):
        made = BY_KEY[key].make(known).dataset
        assert made is not None
        items = (
            made[path].value
            if path
            else (made.UnifiedProcedureStepPerformedProcedureSequence[0].OutputInformationSequence)
        )
        assert [(one.StudyInstanceUID, one.SeriesInstanceUID) for one in items] == [
            ("2.25.1", "2.25.2"), ("2.25.1", "2.25.3"), ("2.25.9", "2.25.8"),
        ]  # fmt: skip
    ended = BY_KEY["mpps-completed"].make(known).dataset
    assert ended is not None
    assert [len(one.ReferencedImageSequence) for one in ended.PerformedSeriesSequence] == [2, 1, 1]
    assert ended.PerformedSeriesSequence[1].SeriesInstanceUID == "2.25.3"
