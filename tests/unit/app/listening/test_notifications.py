"""Event reports and other notifications: what is taken, by which rule, what is kept, what is handed on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from helpers.retrieval import elements

from dicomgui.app.configuration.provided import REPORTING, USUAL, Provided
from dicomgui.app.context import AppContext
from dicomgui.app.listening import notifications
from dicomgui.app.listening.answers import AnswerSettings
from dicomgui.app.listening.desk import AnswerDesk
from dicomgui.app.listening.listener import Listener, ListenerOptions, RequestAnswered
from dicomgui.app.listening.rules import AnswerRule
from dicomgui.network import Association, ProposedContext, RemoteProtocolError, connect
from dicomgui.network.dimse.dataset import encode_dataset
from dicomgui.network.service_classes import availability
from dicomgui.network.service_classes.commitment import SOP_CLASS as COMMITMENT
from dicomgui.network.service_classes.commitment import CommitmentResult
from dicomgui.network.service_classes.references import Reference
from dicomgui.network.uids import DEFAULT_TRANSFER_SYNTAXES

PRINTER, MPPS = "1.2.840.10008.5.1.1.16", "1.2.840.10008.3.1.2.3.5"
CT = "1.2.840.10008.5.1.4.1.1.2"


def reporting(*uids: str) -> tuple[ProposedContext, ...]:
    return tuple(ProposedContext(uid, DEFAULT_TRANSFER_SYNTAXES, scu_role=False, scp_role=True) for uid in uids)


@asynccontextmanager
async def asked(
    context: AppContext, folder: Path, *rules: AnswerRule, offered: bool = True
) -> AsyncIterator[tuple[Association, AnswerDesk, Listener]]:
    desk = AnswerDesk(AnswerSettings(rules=rules))
    services = USUAL | {Provided.NOTIFICATIONS} if offered else USUAL
    listener = Listener(context, ListenerOptions(folder, port=0, fsync=False, services=services), desk=desk)
    await listener.start()
    try:
        contexts = (*reporting(*REPORTING), *availability.CONTEXTS)
        async with connect(f"X@{listener.address}", contexts=contexts, calling_ae="PRINTER") as association:
            yield association, desk, listener
    finally:
        await listener.stop()


async def test_reports_of_every_kind_are_taken_and_listed(context: AppContext, tmp_path: Path) -> None:
    async with asked(context, tmp_path) as (association, desk, listener):
        for number, uid in enumerate(REPORTING, start=1):
            response = await association.n_event_report(uid, f"2.25.{number}", 1, elements(PatientID="1"))
            assert response.status == 0
        told = [one for one in listener.drain() if isinstance(one, RequestAnswered)]
    entries = list(desk.notifications.entries)
    assert [one.sop_class_uid for one in entries] == list(REPORTING)
    assert (entries[0].calling_ae_title, entries[0].type_id, entries[0].operation) == ("PRINTER", 1, "N-EVENT-REPORT")
    assert entries[0].dataset() == elements(PatientID="1")
    assert told[0].service == "notification"
    assert "N-EVENT-REPORT 1" in told[0].detail


async def test_nothing_of_that_is_accepted_where_it_is_not_offered(context: AppContext, tmp_path: Path) -> None:
    desk = AnswerDesk()
    listener = Listener(context, ListenerOptions(tmp_path, port=0, fsync=False), desk=desk)
    await listener.start()
    try:
        contexts = (*reporting(PRINTER, MPPS), *availability.CONTEXTS, ProposedContext(CT, DEFAULT_TRANSFER_SYNTAXES))
        async with connect(f"X@{listener.address}", contexts=contexts) as association:
            assert [one.abstract_syntax for one in association.negotiated.accepted] == [CT]
    finally:
        await listener.stop()


async def test_a_rule_answers_otherwise_and_its_answer_is_listed(context: AppContext, tmp_path: Path) -> None:
    rule = AnswerRule(Provided.NOTIFICATIONS, "N-EVENT-REPORT", 0x0110, "busy", delay_ms=1, every=2)
    async with asked(context, tmp_path, rule) as (association, desk, listener):
        answers = [await association.n_event_report(PRINTER, "2.25.1", 2) for _ in range(2)]
        problems = [one.problem for one in listener.drain() if isinstance(one, RequestAnswered) and one.problem]
    assert [(int(one.status), one.comment) for one in answers] == [(0, ""), (0x0110, "busy")]
    assert [int(one.status) for one in desk.notifications.entries] == [0, 0x0110]
    assert "busy" in problems[0]


async def test_a_commitment_that_waits_gets_its_report_and_others_are_taken(
    context: AppContext, tmp_path: Path
) -> None:
    uid = context.commitments.expect()
    async with asked(context, tmp_path) as (association, desk, _):
        for transaction in ("2.25.404", uid):
            report = CommitmentResult(transaction, (Reference(CT, "2.25.9"),)).dataset()
            assert (await association.n_event_report(COMMITMENT, "1.2.840.10008.1.20.1.1", 1, report)).status == 0
        delivery = await context.commitments.wait(uid, 5)
    assert delivery.result.transaction_uid == uid
    assert len(desk.notifications.entries) == 2


async def test_available_instances_are_taken_and_incomplete_ones_refused(context: AppContext, tmp_path: Path) -> None:
    dataset = availability.notification("2.25.1", {"2.25.2": [availability.AvailableInstance(CT, "2.25.3", "ARCHIVE")]})
    async with asked(context, tmp_path) as (association, desk, _):
        good = await association.n_create(availability.SOP_CLASS, dataset)
        bad = await association.n_create(availability.SOP_CLASS, elements(PatientID="1"))
    assert good.status == 0
    assert bad.status.is_failure
    assert [(one.operation, one.status.is_failure) for one in desk.notifications.entries] == [
        ("N-CREATE", False), ("N-CREATE", True),
    ]  # fmt: skip


async def test_what_is_kept_is_bounded(context: AppContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = elements(PatientComments="x" * 900)
    size = len(encode_dataset(dataset, "1.2.840.10008.1.2"))
    monkeypatch.setattr(notifications, "MAX_ENTRY_BYTES", size + 100)
    monkeypatch.setattr(notifications, "MAX_BYTES", 3 * size + 200)
    async with asked(context, tmp_path) as (association, desk, _):
        for number in range(1, 6):
            await association.n_event_report(PRINTER, f"2.25.{number}", 1, dataset)
        kept = desk.notifications
        assert [one.sop_instance_uid for one in kept.entries] == ["2.25.3", "2.25.4", "2.25.5"]
        long = elements(PatientComments="x" * 5_000)
        assert (await association.n_event_report(PRINTER, "2.25.6", 1, long)).status == 0
    last = kept.entries[-1]
    assert (last.data, last.size_bytes > 5_000, len(last.dataset())) == (None, True, 0)
    desk.clear(Provided.NOTIFICATIONS)
    assert not kept.entries


async def test_a_data_set_that_cannot_be_read_is_listed_all_the_same(context: AppContext, tmp_path: Path) -> None:
    async with asked(context, tmp_path) as (association, desk, _):
        broken = b"\x08\x00\x10\x11SQ\x00\x00\xff\xff\xff\xffabcdefgh"
        assert (await association.n_event_report(PRINTER, "2.25.1", 1, broken)).status == 0x0110
    [entry] = desk.notifications.entries
    assert entry.status == 0x0110
    with pytest.raises(RemoteProtocolError):
        entry.dataset()
