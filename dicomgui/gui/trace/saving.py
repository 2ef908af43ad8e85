"""Saving a trace to a file: how, where to, and off the loop's thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtWidgets import QDialog, QWidget

from dicomgui.app.context import AppContext
from dicomgui.app.evidence import Evidence
from dicomgui.app.operations import JobHandle, JobKind, JobState
from dicomgui.gui.panels.panel import Workplace
from dicomgui.gui.running.latest import Latest
from dicomgui.gui.trace.leftover_dialog import LeftoverDialog
from dicomgui.gui.trace.save_dialog import FORMAT_NAMES, SaveTraceDialog
from dicomgui.gui.widgets.dialogs import Ask, accepted, ask_paths
from dicomgui.gui.widgets.text import count_text, size_text
from dicomgui.network.tracing import Scribe, failed_by
from dicomgui.storage.errors import from_os_error
from dicomgui.trace.finding import Finding
from dicomgui.trace.marks import Marks
from dicomgui.trace.redaction.leftover import Leftover, Verdict
from dicomgui.trace.redaction.redact import Preview
from dicomgui.trace.reports.saving import (
    Format,
    SaveCancelled,
    Saved,
    SaveError,
    SaveOptions,
    format_of,
    preview,
    save,
)
from dicomgui.trace.store import TraceStore

__all__ = ["export_job", "save_trace"]

_TELL_S = 0.2  # between two looks at how far it is
_PARTS = 1000  # of the whole, as progress is counted in jobs

StartJob = Callable[[str, Callable[[], object]], JobHandle]
"""Enters a job of that title, which the given call cancels."""


def export_job(place: Workplace) -> StartJob:
    """What enters a saving among the jobs of the window."""
    return lambda title, cancel: place.start_job(JobKind.EXPORT, title, cancel=cancel)


async def save_trace(
    parent: QWidget,
    context: AppContext,
    associations: frozenset[int] | None,
    *,
    store: TraceStore | None = None,
    marks: Marks | None = None,
    was_redacted: bool = False,
    start_job: StartJob | None = None,
) -> tuple[Finding, ...]:
    """Ask how and where to, and write all records, or those of some associations.

    :param store: what is saved; the live trace when left out.
    :param marks: are saved with it.
    :param was_redacted: what is saved is a redacted copy already.
    :param start_job: enters the saving among the jobs, where it can be seen and cancelled.
    :returns: what went wrong, in the words of the diagnosis; nothing when all is well or nothing was chosen.
    """
    kept = context.trace if store is None else store
    options = await _ask_how(parent, context, kept, associations)
    if options is None:
        return ()
    options = replace(options, was_redacted=was_redacted)
    path = await _ask_where(parent, options)
    if path is None:
        return ()
    wanted = format_of(path)
    if wanted is None:
        path = path.with_name(path.name + options.format.value)
    elif wanted is not options.format:
        options = replace(options, format=wanted, append=False)
    return await _Saving(parent, context, kept, path, options, marks).run(start_job)


async def _ask_how(
    parent: QWidget, context: AppContext, store: TraceStore, associations: frozenset[int] | None
) -> SaveOptions | None:
    """What the user chose; ``None`` when the dialog was cancelled, or this task was."""
    what = (
        f"The whole trace: {count_text(len(store), 'row')}"
        if associations is None
        else f"Of the trace {count_text(len(associations), 'association')}"
    )
    dialog = SaveTraceDialog(what, associations, parent)
    closed = threading.Event()
    latest = Latest(context.file_pool, dialog.show_problem, dialog)

    def show_preview(wanted: SaveOptions) -> None:
        latest.ask(lambda: _previewed(store, wanted, closed), dialog.show_preview)

    dialog.preview_wanted.connect(show_preview)
    try:
        return dialog.options if await accepted(dialog) else None
    finally:
        closed.set()
        latest.forget()
        dialog.close()
        dialog.deleteLater()


def _previewed(store: TraceStore, options: SaveOptions, closed: threading.Event) -> Preview | None:
    """What would be replaced; nothing any more where the dialog is closed. Runs in a thread."""
    try:
        return preview(store, options, cancelled=closed.is_set)
    except SaveCancelled:
        return None


async def _ask_where(parent: QWidget, options: SaveOptions) -> Path | None:
    caption = "Save the redacted copy" if options.redaction else "Save the trace: it may hold patient data"
    filters = [FORMAT_NAMES[options.format]]
    if options.append:
        paths = await ask_paths(parent, Ask.FILES, "Continue which trace?", start=Path.home(), filters=filters)
    else:
        name = f"trace{'-redacted' if options.redaction else ''}{options.format.value}"
        paths = await ask_paths(parent, Ask.SAVE, caption, start=Path.home() / name, filters=filters)
    return paths[0] if paths else None


class _Saving:
    """One file being written in a thread; what it tells is looked at by the loop now and then."""

    def __init__(
        self,
        parent: QWidget,
        context: AppContext,
        store: TraceStore,
        path: Path,
        options: SaveOptions,
        marks: Marks | None,
    ) -> None:
        self._parent = parent
        self._question: tuple[tuple[Leftover, ...], Future[Mapping[int, Verdict]]] | None = None
        self._context = context
        self._path = path
        self._cancelled = threading.Event()
        self._told = ("", 0.0)
        self._work = partial(
            save, store, path, options, marks=marks if options.format is Format.TRACE else None,
            decide=self._decide, progress=self._tell, cancelled=self._cancelled.is_set,
        )  # fmt: skip

    def _tell(self, text: str, part: float) -> None:
        self._told = (text, part)

    def _decide(self, left: tuple[Leftover, ...]) -> Mapping[int, Verdict]:
        """Have the loop ask the user, and wait for the answer. Runs in the thread.

        :raises SaveCancelled: while it waited.
        """
        answer: Future[Mapping[int, Verdict]] = Future()
        self._question = left, answer
        while not self._cancelled.is_set():
            with suppress(TimeoutError):
                return answer.result(_TELL_S)
        raise SaveCancelled

    async def _ask(self, writing: asyncio.Future[Saved]) -> None:
        """Ask what the thread wants to know, unless it ends meanwhile; a dialog that is cancelled ends it."""
        if self._question is None:
            return
        (left, answer), self._question = self._question, None
        dialog = LeftoverDialog(left, self._parent)
        try:
            dialog.open()
            while dialog.isVisible() and not writing.done():
                await asyncio.wait([writing], timeout=_TELL_S)
            if dialog.result() == QDialog.DialogCode.Accepted:
                answer.set_result(dialog.verdicts)
            else:
                self._cancelled.set()
        finally:
            dialog.close()
            dialog.deleteLater()

    async def run(self, start_job: StartJob | None) -> tuple[Finding, ...]:
        """Write; give what went wrong. A cancelled task waits until the thread has cleaned up."""
        writing = asyncio.get_running_loop().run_in_executor(self._context.file_pool, self._work)
        with ExitStack() as stack:
            job = None
            if start_job is not None:
                job = stack.enter_context(start_job(f"Save {self._path.name}", self._cancelled.set))
            try:
                while not writing.done():
                    await asyncio.wait([writing], timeout=_TELL_S)
                    await self._ask(writing)
                    if job is not None:
                        text, part = self._told
                        job.update(files_done=int(part * _PARTS), files_total=_PARTS, text=text)
            finally:
                self._cancelled.set()
                if not writing.done():
                    await asyncio.wait([writing])
                writing.exception()  # of a cancelled task nobody else asks
            return self._ended(writing, job)

    def _ended(self, writing: asyncio.Future[Saved], job: JobHandle | None) -> tuple[Finding, ...]:
        try:
            saved = writing.result()
        except SaveCancelled:
            if job is not None:
                job.finish(JobState.CANCELLED, text="cancelled; there is no file")
            return ()
        except (SaveError, OSError) as error:
            evidence = Evidence()
            cause: BaseException | None = error
            while cause is not None and not isinstance(cause, OSError):
                cause = cause.__cause__
            code = from_os_error(cause, self._path, "write").code if cause is not None else ""
            Scribe(evidence, 0).file(failed_by(code), str(self._path), 0, str(error))
            findings = evidence.findings(error)
            if job is not None:
                job.finish(JobState.FAILED, finding=findings[0] if findings else None, text=str(error))
            return findings
        if job is not None:
            job.finish(text=_success(saved))
        return ()


def _success(saved: Saved) -> str:
    text = f"{count_text(saved.rows, 'row')}, {size_text(saved.size_bytes)}"
    if saved.preview is None:
        return f"{text}; may hold patient data"
    checked = "none is left" if saved.preview.can_check_all else "too many to look for each of them again"
    if saved.kept:
        checked = f"{count_text(len(saved.kept), 'value')} kept by choice"
    return f"{text}; {count_text(saved.preview.count, 'value')} replaced, {checked}"
