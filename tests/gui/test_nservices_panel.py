"""The console for N-services, by clicks and keys, against providers that run here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from helpers.bad_peer import reached
from helpers.retrieval import CT_STUDY, real_files
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from dicomgui.app.nservices.requests import NOperation
from dicomgui.app.operations import JobState
from dicomgui.gui.nservices.panel import NServicesPanel
from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.network import (
    EVERYTHING_PERMITTED,
    AETitle,
    Handlers,
    Reply,
    Server,
    ServerOptions,
    Status,
    connect,
    serve,
)
from dicomgui.network.server.offering import policy_for
from dicomgui.network.service.combining import combine
from dicomgui.network.service_classes import print_attributes
from dicomgui.network.service_classes.commitment import REPORT_CONTEXTS
from dicomgui.network.service_classes.commitment_provider import CommitmentProvider
from dicomgui.network.service_classes.performed_steps import PerformedSteps
from dicomgui.network.service_classes.printer import Printer, PrintJob
from dicomgui.network.service_classes.procedure_steps import ProcedureSteps
from dicomgui.network.service_classes.ups_watch import REPORT_CONTEXTS as EVENTS

pytestmark = [pytest.mark.qt, pytest.mark.qt_log_ignore("This plugin does not support")]

Press = Callable[[QPushButton], Awaitable[None]]


@pytest.fixture
def panel(window: MainWindow) -> NServicesPanel:
    window.resize(1300, 900)
    window.show_panel(window.nservices)
    return window.nservices


@asynccontextmanager
async def serving(window: MainWindow, *parts: Any) -> AsyncIterator[Server]:
    """A provider, chosen as the peer."""
    handlers = combine(*parts)
    options = ServerOptions(policy_for(handlers, AETitle("PEER")), permitted=EVERYTHING_PERMITTED)
    async with await serve(port=0, ae_title="PEER", handlers=handlers, options=options) as server:
        window._place.choice.set(called_ae="PEER", host="127.0.0.1", port=str(server.port))
        yield server


def use(panel: NServicesPanel, key: str) -> None:
    """Choose a template from the menu."""
    action = panel.findChild(QAction, f"nservices_template_{key}")
    assert isinstance(action, QAction)
    action.trigger()


async def answered(panel: NServicesPanel, count: int) -> str:
    await reached(lambda: panel.model.rowCount() >= count and not panel.is_busy, f"{count} exchanges are listed")
    return panel.answer.headline.text()


class Kept:
    """Keeps what it is asked, and gives its answers in turn."""

    def __init__(self, *answers: Any) -> None:
        self.requests: list[Any] = []
        self.answers = list(answers)

    def __call__(self, request: Any) -> Any:
        self.requests.append(request)
        return self.answers.pop(0) if self.answers else Status(0)

    def handlers(self) -> Handlers:
        return Handlers(
            on_n_create=self, on_n_set=self, on_n_get=self, on_n_action=self, on_n_delete=self, on_n_event_report=self
        )


async def test_there_is_a_request_to_begin_with(panel: NServicesPanel) -> None:
    assert panel.form.sop_class.text() == ""
    await reached(lambda: bool(panel.form.sop_class.text()), "it is made in a thread, and shown")
    assert panel.form.editor.dataset()


async def test_who_begins_at_once_is_not_disturbed_by_it(panel: NServicesPanel) -> None:
    panel.form.instance.setText("1.2.3")
    await reached(lambda: panel._is_begun and not len(panel.tasks), "it was made")
    assert panel.form.instance.text() == "1.2.3"
    assert panel.form.sop_class.text() == ""


async def test_a_performed_step_from_its_templates(window: MainWindow, panel: NServicesPanel, press: Press) -> None:
    steps = PerformedSteps()
    async with serving(window, steps):
        use(panel, "mpps-begin")
        await press(panel.run_button)
        assert await answered(panel, 1) == "0x0000 Success"
        use(panel, "mpps-completed")
        await press(panel.run_button)
        await answered(panel, 2)
        use(panel, "mpps-read")
        await press(panel.run_button)
        await answered(panel, 3)
        await reached(lambda: panel.answer.tree.is_open, "the answer's data set is shown")
    [step] = steps.steps.values()
    assert step.status == "COMPLETED"
    node = panel.answer.tree.node
    assert node is not None
    assert any("COMPLETED" in child.value for child in node.children)
    assert [job.state for job in window._place.jobs.all() if job.kind == "normalized"] == [JobState.DONE] * 3


async def test_each_operation_by_hand_with_keys(window: MainWindow, panel: NServicesPanel, qtbot: QtBot) -> None:
    kept = Kept()
    async with serving(window, kept.handlers()):
        form = panel.form
        for count, operation in enumerate(NOperation, start=1):
            form.operation.setCurrentIndex(form.operation.findData(operation))
            for edit, text in ((form.sop_class, "PrintJob"), (form.instance, "2.25.7"), (form.type_id, "2")):
                edit.clear()
                qtbot.keyClicks(edit, text)
            form.context.clear()
            form.editor.clear()
            if operation is NOperation.GET:
                qtbot.keyClicks(form.attributes, "PatientID 0010,0010")
            elif form.editor.isVisible():
                qtbot.keyClicks(form.editor.name, "PatientID=17")
                qtbot.keyClick(form.editor.name, Qt.Key.Key_Return)
            qtbot.keyClick(window, Qt.Key.Key_F5)
            await answered(panel, count)
    names = [type(request.command).__name__ for request in kept.requests]
    assert names == ["NCreateRQ", "NSetRQ", "NGetRQ", "NActionRQ", "NDeleteRQ", "NEventReportRQ"]
    assert kept.requests[2].command.attribute_identifiers == (0x00100020, 0x00100010)
    assert kept.requests[3].command.action_type_id == 2
    assert [request.dataset.get("PatientID") for request in kept.requests] == ["17", "17", None, "17", None, "17"]


async def test_a_film_over_one_association(
    window: MainWindow, panel: NServicesPanel, press: Press, tmp_path: Path
) -> None:
    jobs: list[PrintJob] = []
    async with serving(window, Printer(jobs.append)) as server:
        for count, key in enumerate(("film-session", "film-box", "image-box", "print"), start=1):
            use(panel, key)
            await press(panel.run_button)
            assert "0x0000" in await answered(panel, count)
        assert len({panel.model.exchange_at(row).association for row in range(4)}) == 1  # type: ignore[union-attr]
        assert "open" in panel.state.text()
        assert len(server.associations) == 1
        use(panel, "end-session")
        await press(panel.run_button)
        await answered(panel, 5)
        await press(panel.release_button)
        await reached(lambda: panel.state.text() == "no association", "it is released")
    assert len(jobs) == 1
    assert not panel.release_button.isVisible()


async def test_an_abort_ends_the_association_at_once(window: MainWindow, panel: NServicesPanel, press: Press) -> None:
    async with serving(window, Kept().handlers()) as server:
        use(panel, "film-session")
        await press(panel.run_button)
        await answered(panel, 1)
        await press(panel.abort_button)
        await reached(lambda: not server.associations, "the peer has seen its end")
        assert panel.state.text() == "no association"


async def test_a_failure_is_told_with_what_it_is_about(window: MainWindow, panel: NServicesPanel, press: Press) -> None:
    refusal = Reply(Status(0x0106), "no such modality", (0x00080060,), attribute_identifiers=(0x00080060,))
    async with serving(window, Kept(refusal).handlers()):
        use(panel, "mpps-begin")
        await press(panel.run_button)
        assert "0x0106" in await answered(panel, 1)
    assert "no such modality" in panel.answer.facts.text()
    assert "Modality (0008,0060)" in panel.answer.facts.text()
    assert panel.answer.findings.cards
    assert panel.trace_button.isEnabled()


async def test_a_request_is_sent_again_and_edited(window: MainWindow, panel: NServicesPanel, press: Press) -> None:
    kept = Kept()
    async with serving(window, kept.handlers()):
        use(panel, "available")
        await press(panel.run_button)
        await answered(panel, 1)
        use(panel, "printer")
        await press(panel.again_button)
        await answered(panel, 2)
        assert kept.requests[0].dataset == kept.requests[1].dataset
        await press(panel.edit_button)
        assert panel.form.sop_class.text() == "InstanceAvailabilityNotification"
        assert panel.form.editor.dataset() == kept.requests[0].dataset


async def test_a_cancel_aborts_what_is_waited_for(window: MainWindow, panel: NServicesPanel, press: Press) -> None:
    never = asyncio.Event()

    async def wait() -> Status:
        await never.wait()
        return Status(0)

    async with serving(window, Kept(wait()).handlers()) as server:
        use(panel, "mpps-begin")
        await press(panel.run_button)
        await press(panel.cancel_button)
        await reached(lambda: not panel.is_busy, "it has ended")
        assert panel.answer.headline.text() == "Cancelled"
        await reached(lambda: not server.associations, "the peer has seen its end")


async def test_what_is_missing_is_said_at_its_field(panel: NServicesPanel, press: Press) -> None:
    panel.form.operation.setCurrentIndex(panel.form.operation.findData(NOperation.ACTION))
    panel.form.sop_class.setText("NoSuchClass")
    await press(panel.run_button)
    assert "NoSuchClass" in panel.answer.headline.text()
    panel.form.sop_class.setText("UnifiedProcedureStepPush")
    panel.form.instance.setText("2.25.1")
    panel.form.type_id.clear()
    await press(panel.run_button)
    assert "number of its type" in panel.answer.headline.text()
    assert panel.form.type_id.property("invalid")
    panel.form.type_id.setText("3")
    assert panel.form.type_name.text() == "subscribe"


async def test_the_answer_to_commitment_on_the_same_association(
    window: MainWindow, panel: NServicesPanel, press: Press
) -> None:
    provider = CommitmentProvider(lambda request: request.references[:1])
    async with serving(window, provider):
        await panel.template_button.take_files(real_files(CT_STUDY))
        use(panel, "commit")
        await press(panel.run_button)
        await answered(panel, 2)
        row = [panel.model.index(1, column).data() for column in range(4)]
        assert row[1] == "Report: some failed"
        await reached(lambda: panel.answer.tree.is_open, "the event information is shown")
        await press(panel.release_button)
        await provider.close()


async def test_the_answer_to_commitment_on_an_association_of_the_peer(
    window: MainWindow, panel: NServicesPanel, press: Press, listening: int
) -> None:
    def back(_request: object) -> Any:
        return connect(f"DICOMGUI@127.0.0.1:{listening}", contexts=REPORT_CONTEXTS)

    provider = CommitmentProvider(lambda request: request.references, open_association=back)
    window.show_panel(panel)
    async with serving(window, provider):
        use(panel, "commit")
        panel.keep.setChecked(False)
        await press(panel.run_button)
        await answered(panel, 2)
        first, second = panel.model.exchange_at(0), panel.model.exchange_at(1)
        assert first is not None
        assert second is not None
        assert second.association not in (0, first.association)
        await provider.close()


async def test_an_event_on_an_association_of_the_peer_is_shown_with_its_subscription(
    window: MainWindow, panel: NServicesPanel, press: Press, listening: int
) -> None:
    steps = ProcedureSteps(
        open_association=lambda _: connect(f"DICOMGUI@127.0.0.1:{listening}", calling_ae="PEER", contexts=EVENTS)
    )
    window.show_panel(panel)
    async with serving(window, steps):
        panel.keep.setChecked(False)
        use(panel, "ups-push")
        await press(panel.run_button)
        await answered(panel, 1)
        use(panel, "ups-subscribe")
        await press(panel.run_button)
        await answered(panel, 3)
        request, event = panel.model.exchange_at(1), panel.model.exchange_at(2)
        assert request is not None
        assert event is not None
        assert event.event is not None
        assert panel.model.index(2, 1).data() == "Report: state"
        assert event.association not in (0, request.association)
        assert "Subscription: " in panel.answer.facts.text()
        assert f"(association {request.association})" in panel.answer.facts.text()
        await reached(lambda: panel.answer.tree.is_open, "the event information is shown")
        await steps.close()


async def test_a_picture_is_taken_for_the_image_box(panel: NServicesPanel) -> None:
    await panel.template_button.take_picture(real_files(CT_STUDY)[0])
    use(panel, "image-box")
    dataset = panel.form.editor.dataset()
    picture = dataset.BasicGrayscaleImageSequence[0]
    assert (picture.BitsAllocated, len(picture.PixelData)) == (8, picture.Rows * picture.Columns)


async def test_the_request_is_copied_as_a_command(panel: NServicesPanel) -> None:
    use(panel, "printer")
    panel.place.choice.set(called_ae="PEER", host="127.0.0.1", port="104")
    [(_, recipe)] = panel._recipes()
    assert recipe.request is not None
    assert recipe.request.sop_class_uid == print_attributes.PRINTER
