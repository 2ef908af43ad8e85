"""What is selected in the archive becomes a request for storage commitment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from helpers.bad_peer import reached
from helpers.retrieval import CT_STUDY, real_files
from PySide6.QtWidgets import QPushButton

from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.network import serve
from dicomgui.network.service_classes.commitment_provider import CommitmentProvider
from dicomgui.network.service_classes.references import Reference

pytestmark = [pytest.mark.qt, pytest.mark.qt_log_ignore("This plugin does not support")]

Press = Callable[[QPushButton], Awaitable[None]]


async def test_a_study_is_committed(window: MainWindow, press: Press) -> None:
    asked: list[Reference] = []

    def judge(request: object) -> tuple[Reference, ...]:
        asked.extend(request.references)  # type: ignore[attr-defined]
        return request.references  # type: ignore[attr-defined, no-any-return]

    archive, console = window.archive, window.nservices
    files = real_files(CT_STUDY)
    window.show_panel(archive)
    assert not archive.commit_button.isEnabled()
    archive.add_paths(files)
    await reached(lambda: archive.model.rowCount() > 0 and not archive.is_busy, "the study is there")
    archive.table.selectRow(0)
    await press(archive.commit_button)
    await reached(lambda: window.panel is console, "the console is shown")
    provider = CommitmentProvider(judge)
    async with await serve(port=0, ae_title="PEER", handlers=provider.handlers()) as server:
        window._place.choice.set(called_ae="PEER", host="127.0.0.1", port=str(server.port))
        await press(console.run_button)
        await reached(lambda: console.model.rowCount() == 2, "the answer has come")
        await press(console.release_button)
        await reached(lambda: not console.is_busy, "the association is released")
        await provider.close()
    assert len(asked) == len(files)
    assert console.model.index(1, 1).data() == "Report: all committed"
