"""Saving a trace: the dialog that asks how, the file dialog, the job, and what is told of failures."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest
from helpers.bad_peer import reached
from helpers.identified import SECRETS, encoded, patient, stored
from helpers.instances import EXPLICIT
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QComboBox, QDialog, QLabel, QListWidget, QWidget

from dicomgui.app.context import AppContext
from dicomgui.app.operations import Job, JobHandle, JobKind, Jobs, JobState
from dicomgui.gui.look.theme import Theme
from dicomgui.gui.running.reporter import Reporter
from dicomgui.gui.running.tasks import PanelTasks
from dicomgui.gui.trace import saving as trace_saving
from dicomgui.gui.trace.leftover_dialog import LeftoverDialog
from dicomgui.gui.trace.save_dialog import SaveTraceDialog
from dicomgui.gui.trace.saving import save_trace
from dicomgui.gui.widgets.dialogs import Ask
from dicomgui.network.tracing import NoteRecord
from dicomgui.trace.file import TraceWriter, read_trace
from dicomgui.trace.finding import Finding
from dicomgui.trace.marks import Marks
from dicomgui.trace.redaction.leftover import FieldSpan, Leftover, Verdict
from dicomgui.trace.redaction.redact import RedactOptions
from dicomgui.trace.reports.saving import Format, Saved, SaveOptions
from dicomgui.trace.store import TraceStore

pytestmark = pytest.mark.qt


class Desk:
    """A widget from which a trace is saved, and what the user does."""

    def __init__(self, context: AppContext, monkeypatch: pytest.MonkeyPatch) -> None:
        self.context = context
        self.widget = QWidget()
        self.reporter = Reporter()
        self.tasks = PanelTasks("desk", self.reporter)
        self.jobs = Jobs()
        self.asked: list[tuple[Ask, str, str, str]] = []
        self.path: Path | None = None
        self.findings: tuple[Finding, ...] | None = None

        async def ask_paths(parent: QWidget, ask: Ask, caption: str, *, start: Path, filters: list[str]) -> list[Path]:
            self.asked.append((ask, caption, start.name, filters[0]))
            return [self.path] if self.path else []

        monkeypatch.setattr(trace_saving, "ask_paths", ask_paths)

    def save(self, associations: frozenset[int] | None = None, **more: object) -> None:
        async def run() -> None:
            self.findings = await save_trace(
                self.widget,
                self.context,
                associations,
                start_job=self.start_job,
                **more,  # type: ignore[arg-type]
            )

        self.tasks.spawn(run(), name="save")

    def start_job(self, title: str, cancel: Callable[[], object]) -> JobHandle:
        return self.jobs.start(JobKind.EXPORT, title, cancel=cancel)

    async def dialog(self) -> SaveTraceDialog:
        await reached(lambda: bool(self.widget.findChildren(SaveTraceDialog)), "it is asked how to save")
        [dialog] = self.widget.findChildren(SaveTraceDialog)
        return dialog

    async def done(self) -> None:
        await reached(lambda: not len(self.tasks), "the saving has ended")
        assert self.reporter.count == 0

    @property
    def job(self) -> Job:
        [job] = self.jobs.all()
        return job


@pytest.fixture
async def desk(theme: Theme, context: AppContext, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    made = Desk(context, monkeypatch)
    for record in stored(encoded(patient(), EXPLICIT), EXPLICIT):
        context.trace(record)
    yield made
    await made.tasks.close()
    made.widget.deleteLater()


async def test_a_redacted_copy_is_what_is_offered(desk: Desk, tmp_path: Path) -> None:
    desk.path = tmp_path / "a.dgtrace"
    marks = Marks()
    marks.set(2, color="red")
    desk.save(marks=marks)
    dialog = await desk.dialog()
    assert dialog.is_redacted
    assert dialog.options == SaveOptions()
    dialog.save_button.click()
    await desk.done()
    assert desk.findings == ()
    assert desk.asked == [(Ask.SAVE, "Save the redacted copy", "trace-redacted.dgtrace", "Trace (*.dgtrace)")]
    reader = read_trace(desk.path)
    assert len(list(reader)) == len(desk.context.trace)
    assert reader.info["redacted"] is True
    assert reader.marks.seqs() == [2]
    assert not [secret for secret in SECRETS if secret.encode() in desk.path.read_bytes()]
    assert desk.job.state is JobState.DONE
    assert desk.job.title == "Save a.dgtrace"
    assert "none is left" in desk.job.text


async def test_everything_is_saved_only_when_it_is_chosen(desk: Desk, tmp_path: Path) -> None:
    desk.path = tmp_path / "a"
    desk.save()
    dialog = await desk.dialog()
    dialog.extent.setCurrentIndex(1)
    assert "patient data" in dialog.extent_note.text()
    assert not dialog.keep_ae.isVisible()
    dialog.format.setCurrentIndex(dialog.format.findData(Format.TEXT))
    assert not dialog.append.isEnabled()
    dialog.save_button.click()
    await desk.done()
    assert "may hold patient data" in desk.asked[0][1]
    assert (tmp_path / "a.txt").read_text(encoding="utf-8").startswith("DICOM trace")
    assert "may hold patient data" in desk.job.text


async def test_the_name_that_was_typed_says_the_format(desk: Desk, tmp_path: Path) -> None:
    desk.path = tmp_path / "a.md"
    desk.save()
    (await desk.dialog()).save_button.click()
    await desk.done()
    assert desk.path.read_text(encoding="utf-8").startswith("# DICOM trace")


async def test_a_file_is_continued(desk: Desk, tmp_path: Path) -> None:
    desk.path = tmp_path / "a.dgtrace"
    with TraceWriter(desk.path) as writer:
        writer(NoteRecord(1, 0.0, 0.0, 20, "x"))
    desk.save(frozenset({1}))
    dialog = await desk.dialog()
    assert "1 association" in dialog.what.text()
    dialog.append.setChecked(True)
    dialog.save_button.click()
    await desk.done()
    assert desk.asked[0][:2] == (Ask.FILES, "Continue which trace?")
    assert len(list(read_trace(desk.path))) == 1 + len(desk.context.trace)


async def test_another_store_can_be_saved(desk: Desk, tmp_path: Path) -> None:
    store = TraceStore()
    store(NoteRecord(1, 0.0, 0.0, 20, "x"))
    desk.path = tmp_path / "a.dgtrace"
    desk.save(store=store)
    (await desk.dialog()).save_button.click()
    await desk.done()
    assert len(list(read_trace(desk.path))) == 1
    store.close()


async def test_cancelling_either_dialog_saves_nothing(desk: Desk, tmp_path: Path) -> None:
    desk.save()
    (await desk.dialog()).cancel_button.click()
    await desk.done()
    assert (desk.findings, desk.asked) == ((), [])
    desk.save()
    await reached(lambda: any(d.isVisible() for d in desk.widget.findChildren(QDialog)), "it is asked again")
    [dialog] = [d for d in desk.widget.findChildren(SaveTraceDialog) if d.isVisible()]
    dialog.save_button.click()
    await desk.done()
    assert len(desk.asked) == 1
    assert desk.jobs.all() == ()


async def test_what_would_be_replaced_can_be_seen_before(desk: Desk) -> None:
    desk.save()
    dialog = await desk.dialog()
    dialog.preview_button.click()
    assert not dialog.preview_button.isEnabled()
    await reached(lambda: dialog.preview_button.isEnabled(), "the preview is there")
    texts = [dialog.preview_list.item(row).text() for row in range(dialog.preview_list.count())]
    assert "1 × PatientName (0010,0010)" in texts
    assert not [secret for secret in SECRETS if secret in "\n".join(texts)]
    assert dialog.preview_text.text().endswith("elements")
    dialog.keep_ae.setChecked(False)
    assert dialog.options.redaction == RedactOptions(keep_ae=False)
    assert not dialog.preview_list.isVisible()
    dialog.cancel_button.click()
    await desk.done()


async def test_a_failure_is_explained(desk: Desk, tmp_path: Path) -> None:
    desk.path = tmp_path / "missing" / "a.dgtrace"
    desk.save()
    (await desk.dialog()).save_button.click()
    await desk.done()
    assert desk.findings
    assert desk.findings[0].code == "file-no-folder"
    assert desk.job.state is JobState.FAILED


async def test_a_cancelled_job_leaves_no_file(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.path = tmp_path / "a.dgtrace"
    begun = threading.Event()
    real = trace_saving.save

    def slow(*arguments: object, **more: object) -> Saved:
        begun.set()
        cancelled = more["cancelled"]
        assert isinstance(cancelled.__self__, threading.Event)  # type: ignore[attr-defined]
        cancelled.__self__.wait(20)  # type: ignore[attr-defined]
        return real(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(trace_saving, "save", slow)
    desk.save()
    (await desk.dialog()).save_button.click()
    await reached(begun.is_set, "the thread works")
    assert desk.jobs.cancel(desk.job.number)
    await desk.done()
    assert desk.findings == ()
    assert desk.job.state is JobState.CANCELLED
    assert not desk.path.exists()


async def test_the_end_of_the_panel_ends_the_thread(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.path = tmp_path / "a.dgtrace"
    begun, ended = threading.Event(), threading.Event()

    def slow(*arguments: object, **more: object) -> Saved:
        begun.set()
        more["cancelled"].__self__.wait(20)  # type: ignore[attr-defined]
        ended.set()
        raise trace_saving.SaveCancelled

    monkeypatch.setattr(trace_saving, "save", slow)
    desk.save()
    (await desk.dialog()).save_button.click()
    await reached(begun.is_set, "the thread works")
    await desk.tasks.close()
    assert ended.is_set()
    assert desk.job.state is JobState.CANCELLED


def named_after_the_title() -> TraceStore:
    """A patient called PACS is sent to an AE title of that name."""
    data = patient()
    data.PatientName = "PACS^Erika"
    store = TraceStore()
    for record in stored(encoded(data, EXPLICIT), EXPLICIT):
        store(record)
    return store


def left_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def asked_about(desk: Desk) -> LeftoverDialog:
    (await desk.dialog()).save_button.click()
    shown = desk.widget.findChildren
    await reached(lambda: any(one.isVisible() for one in shown(LeftoverDialog)), "it is asked what may stay")
    [dialog] = desk.widget.findChildren(LeftoverDialog)
    return dialog


@pytest.mark.parametrize("stays", [False, True])
async def test_the_user_decides_about_each_value_that_is_left(desk: Desk, tmp_path: Path, stays: bool) -> None:
    desk.path = tmp_path / "a.dgtrace"
    with closing(named_after_the_title()) as store:
        desk.save(store=store)
        dialog = await asked_about(desk)
        assert not desk.path.exists()
        item = dialog.values.item(0)
        assert dialog.values.count() == 1
        assert item.text().splitlines()[0] == "“PACS”, of PatientName (0010,0010)"
        assert "row 2, PDU, called AE title, offset 10" in item.text()
        assert item.checkState() is Qt.CheckState.Checked  # what is left as it is, is replaced
        if stays:
            item.setCheckState(Qt.CheckState.Unchecked)
        dialog.save_button.click()
        await desk.done()
    assert desk.findings == ()
    assert (b"PACS" in desk.path.read_bytes()) == stays
    assert ("1 value kept by choice" in desk.job.text) == stays


async def test_who_does_not_decide_saves_nothing(desk: Desk, tmp_path: Path) -> None:
    desk.path = tmp_path / "a.dgtrace"
    with closing(named_after_the_title()) as store:
        desk.save(store=store)
        (await asked_about(desk)).cancel_button.click()
        await desk.done()
    assert desk.findings == ()
    assert desk.job.state is JobState.CANCELLED
    assert left_in(tmp_path) == []


async def test_a_cancelled_job_takes_its_question_back(desk: Desk, tmp_path: Path) -> None:
    desk.path = tmp_path / "a.dgtrace"
    with closing(named_after_the_title()) as store:
        desk.save(store=store)
        dialog = await asked_about(desk)
        assert dialog.isVisible()
        assert desk.jobs.cancel(desk.job.number)
        await desk.done()
    assert desk.job.state is JobState.CANCELLED
    assert not [one for one in desk.widget.findChildren(LeftoverDialog) if one.isVisible()]
    assert left_in(tmp_path) == []


def test_many_places_of_a_value_are_counted() -> None:
    places = tuple(FieldSpan(row, "file", "path", 1, 5) for row in range(1, 7))
    dialog = LeftoverDialog((Leftover(3, 0x00100010, b"<b>Erika", places),))
    assert dialog.values.item(0).text().endswith("and 3 more places")
    assert dialog.verdicts == {3: Verdict.MASK}
    dialog.deleteLater()


async def test_everything_in_the_dialog_has_a_name_and_a_key_of_its_own(desk: Desk) -> None:
    desk.save()
    dialog = await desk.dialog()
    parts = [
        widget
        for kind in (QAbstractButton, QComboBox, QListWidget)
        for widget in dialog.findChildren(kind)
        if not widget.objectName().startswith("qt_") and widget.parent() is dialog
    ]
    assert len(parts) >= 9
    assert all(widget.objectName().startswith("save_trace_") and widget.accessibleName() for widget in parts)
    assert len({widget.objectName() for widget in parts}) == len(parts)
    assert all(widget.focusPolicy() & Qt.FocusPolicy.TabFocus for widget in parts)
    texts = [label.text() for label in dialog.findChildren(QLabel) if label.buddy() is not None]
    texts += [widget.text() for widget in parts if isinstance(widget, QAbstractButton)]
    keys = [text[text.index("&") + 1].lower() for text in texts]
    assert len(set(keys)) == len(keys)
    dialog.cancel_button.click()
    await desk.done()
