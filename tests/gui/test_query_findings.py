"""What the query panel does about its findings: fewer keys, another root, another way to retrieve."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.answering import Answering
from helpers.bad_peer import reached
from helpers.query_panel import Press, ask, cells, choose_method, ended, retrieved, shown_panel
from helpers.retrieval import CR_STUDY
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPushButton

from dicomgui.gui.query.panel import QueryPanel
from dicomgui.gui.shell.main_window import MainWindow

pytestmark = pytest.mark.qt


@pytest.fixture
async def panel(window: MainWindow, tmp_path: Path) -> QueryPanel:
    return await shown_panel(window, tmp_path / "received")


def button(panel: QueryPanel, name: str) -> QPushButton:
    found = panel.findings.findChild(QPushButton, name)
    assert found is not None, sorted(one.objectName() for one in panel.findings.findChildren(QPushButton))
    return found


async def test_keys_are_left_out_until_something_matches(panel: QueryPanel, press: Press, pacs: Answering) -> None:
    await ask(panel, press, pacs.peer, PatientName="Doe^A*", StudyDate="19000101")
    assert cells(panel) == []
    await press(button(panel, "finding_find_empty_relax_query"))
    await reached(lambda: bool(cells(panel)), "something matches")
    await ended(panel)
    assert cells(panel) == ["Doe Archibald"] * 2
    assert pacs.asked()[-1] == {"QueryRetrieveLevel": "STUDY", "PatientName": "Doe^A*"}


async def test_where_no_key_is_the_reason_it_says_so(panel: QueryPanel, press: Press, pacs: Answering) -> None:
    await ask(panel, press, pacs.peer, PatientName="Nobody*", StudyDate="19000101")
    await press(button(panel, "finding_find_empty_relax_query"))
    await reached(lambda: "either" in panel.status.text(), "it says so")
    assert "PatientName" in panel.status.text()
    assert "StudyDate" in panel.status.text()


async def test_the_other_root_is_asked(panel: QueryPanel, press: Press, pacs: Answering) -> None:
    await ask(panel, press, pacs.peer, PatientName="Nobody*")
    first = pacs.archive.finds[-1].context.abstract_syntax
    await press(button(panel, "finding_find_empty_other_root"))
    await reached(lambda: len(pacs.archive.finds) == 2, "it was asked again")
    await ended(panel)
    assert pacs.archive.finds[-1].context.abstract_syntax != first


async def test_an_unknown_destination_is_got_round_by_c_get(
    panel: QueryPanel, press: Press, pacs: Answering, window: MainWindow
) -> None:
    await ask(panel, press, pacs.peer, StudyInstanceUID=CR_STUDY)
    panel.results.table.selectRow(0)
    choose_method(panel, "C-MOVE to another AE title")
    panel.retrieve.destination.setText("STRANGER")
    await press(panel.retrieve.button)
    await retrieved(panel)
    await reached(lambda: bool(panel.findings.cards), "it is explained")
    await press(button(panel, "finding_move_unknown_destination_copy_setup"))
    assert "destination of C-MOVE" in QGuiApplication.clipboard().text()
    await press(button(panel, "finding_move_unknown_destination_use_get"))
    await reached(lambda: panel.retrievals.arrivals > 0, "instances arrive")
    await retrieved(panel)
    assert window.panel is panel
