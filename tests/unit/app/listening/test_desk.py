"""The desk of answers: limits, services that are off, what is forgotten, what a rule is told as."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from helpers.listening import listens_in
from helpers.retrieval import elements

from dicomgui.app.configuration.provided import ALL, USUAL, Provided
from dicomgui.app.context import AppContext
from dicomgui.app.listening import desk as answer_desk
from dicomgui.app.listening.answers import AnswerSettings
from dicomgui.app.listening.desk import AnswerDesk
from dicomgui.app.listening.listener import Listener, ListenerOptions, RequestAnswered
from dicomgui.app.listening.rules import AnswerRule
from dicomgui.network import EVERYTHING_PERMITTED, connect, presets
from dicomgui.network.service_classes import mpps, print_management
from dicomgui.network.service_classes.worklist import fetch

PUSH, PULL = "1.2.840.10008.5.1.4.34.6.1", "1.2.840.10008.5.1.4.34.6.3"
MPPS, META, SESSION, FILM = "1.2.840.10008.3.1.2.3.3", *(f"1.2.840.10008.5.1.1.{last}" for last in (9, 1, 2))
STEP = elements(
    ProcedureStepState="SCHEDULED", ProcedureStepLabel="Plan", WorklistLabel="RT", InputReadinessState="READY",
    ScheduledProcedureStepPriority="MEDIUM", ScheduledProcedureStepStartDateTime="20250102",
)  # fmt: skip


@pytest.fixture
async def listener(context: AppContext, tmp_path: Path) -> AsyncIterator[Listener]:
    desk = AnswerDesk(print_folder=tmp_path / "films")
    made = Listener(context, ListenerOptions(tmp_path / "archive", port=0, fsync=False, services=ALL), desk=desk)
    await made.start()
    yield made
    await made.stop()


def desk_of(listener: Listener) -> AnswerDesk:
    assert listener._desk is not None
    return listener._desk


async def test_too_much_is_refused(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_desk, "MAX_DATASET_BYTES", 300)
    monkeypatch.setattr(answer_desk, "MAX_TAKEN_BYTES", 500)
    large = elements(**{one.keyword: one.value for one in STEP}, PatientComments="x" * 300)
    async with connect(f"X@{listener.address}", contexts=presets.for_classes(PUSH)) as assoc:
        assert (await assoc.n_create(PUSH, large)).status == 0x0213
        statuses = [int((await assoc.n_create(PUSH, STEP)).status) for _ in range(10)]
    kept = len(desk_of(listener).procedures.steps)
    assert 1 < kept < 9
    assert statuses == [0] * kept + [0x0213] * (10 - kept)


async def test_steps_that_have_ended_make_room_for_new_ones(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a RIS that runs for weeks would refuse every step in the end."""
    monkeypatch.setattr(answer_desk, "MAX_TAKEN_BYTES", 6000)
    monkeypatch.setattr(answer_desk, "MAX_STATES", 5)
    desk = desk_of(listener)
    uids = []
    async with connect(f"X@{listener.address}", contexts=presets.for_classes(MPPS)) as assoc:
        for _ in range(30):
            uids.append(await mpps.start(assoc, mpps.in_progress(station_ae="CT1", modality="CT")))
            await mpps.finish(assoc, uids[-1], mpps.completed([mpps.PerformedSeries("1.2.3", "Thorax")]))
    kept = list(desk.performed.steps)
    assert 1 < len(kept) < 15
    assert kept == uids[-len(kept) :]
    assert [desk.changed_at(uid) > 0 for uid in uids] == [uid in kept for uid in uids]
    assert len(desk.scheduled.states) == 5


async def test_a_service_that_is_switched_off_refuses_what_still_comes(listener: Listener) -> None:
    contexts = (*presets.for_classes(PUSH, META), *presets.WORKLIST)
    async with connect(f"X@{listener.address}", contexts=contexts) as assoc:
        listener.provide(USUAL)
        assert (await assoc.n_create(PUSH, STEP)).status == 0x0118
        assert (await assoc.n_create(SESSION, context=META)).status == 0x0118
        async with assoc.find(elements(PatientID=""), root="worklist") as operation:
            assert (await operation.result()).status == 0x0122


async def test_an_operation_that_a_service_does_not_have_is_unrecognized(listener: Listener) -> None:
    contexts = presets.for_classes(MPPS)
    async with connect(f"X@{listener.address}", contexts=contexts, permitted=EVERYTHING_PERMITTED) as assoc:
        assert (await assoc.n_delete(MPPS, "2.25.1")).status == 0x0211


async def test_a_rule_is_told_and_a_refusal_as_well(listener: Listener) -> None:
    rule = AnswerRule(Provided.UPS, "N-CREATE", 0x0110, "out of order", delay_ms=1)
    desk_of(listener).change(AnswerSettings(rules=(rule,), worklist=({"PatientID": "1"},)))
    async with connect(f"X@{listener.address}", contexts=(*presets.for_classes(PUSH), *presets.WORKLIST)) as assoc:
        refused = await assoc.n_create(PUSH, STEP)
        assert (refused.status, refused.comment) == (0x0110, "out of order")
        assert len(await fetch(assoc)) == 1
    told = [(one.detail, one.problem) for one in listener.drain() if isinstance(one, RequestAnswered)]
    assert told[0] == ("by a rule: 1 ms later, 0x0110", "")
    assert told[1][0] == "N-CREATE"
    assert "out of order" in told[1][1]
    assert told[2] == ("worklist", "")


async def test_films_are_written_before_the_answer(listener: Listener, tmp_path: Path) -> None:
    async with connect(f"X@{listener.address}", contexts=presets.for_classes(META)) as assoc:
        session = await assoc.n_create(SESSION, print_management.film_session(), context=META)
        film = await assoc.n_create(FILM, print_management.film_box(session.sop_instance_uid), context=META)
        await assoc.n_action(FILM, film.sop_instance_uid, 1, context=META)
        assert (tmp_path / "films" / "print-0001-film-01.png").exists()
    [told] = [one for one in listener.drain() if isinstance(one, RequestAnswered)]
    assert told.detail.endswith("print-0001-film-01.png")


async def test_lists_outlive_a_stop_and_are_cleared(listener: Listener) -> None:
    desk = desk_of(listener)
    async with connect(f"X@{listener.address}", contexts=presets.for_classes(PUSH)) as assoc:
        assert (await assoc.n_create(PUSH, STEP, sop_instance_uid="2.25.1")).status == 0
    await listener.stop()
    await listener.start()
    assert list(desk.procedures.steps) == ["2.25.1"]
    before = desk.revision
    for service in (Provided.MPPS, Provided.UPS, Provided.COMMITMENT, Provided.PRINT):
        desk.clear(service)
    assert desk.revision > before
    assert list(desk.procedures.steps) == ["2.25.1"]  # it has not ended


async def test_a_listener_without_a_desk_has_one_of_its_own(context: AppContext, tmp_path: Path) -> None:
    async with (
        listens_in(context, tmp_path)(services=ALL) as listener,
        connect(f"X@{listener.address}", contexts=presets.for_classes(PUSH, PULL)) as assoc,
    ):
        assert (await assoc.n_create(PUSH, STEP)).status == 0
