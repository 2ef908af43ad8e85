"""Matches in another character set than they name, orders that are given up, exports of several kinds."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

import pytest
from helpers.answering import answering
from helpers.bad_peer import reached
from helpers.query_panel import Press, ask, cells, fill, shown_panel
from helpers.retrieval import elements
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.valuerep import PersonName
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from dicomgui.app.configuration.nodes import Node
from dicomgui.gui.asking import results as query_results
from dicomgui.gui.asking.model import AT_ONCE
from dicomgui.gui.asking.rows import Arrangement, Row, arranged
from dicomgui.gui.query.panel import QueryPanel
from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.network import FindRequest, Handlers

# What an off-screen window cannot do is no fault of the program.
pytestmark = [
    pytest.mark.qt, pytest.mark.qt_log_ignore("This plugin does not support"),
    pytest.mark.qt_log_ignore("propagateSizeHints"),
]  # fmt: skip
Answer = Callable[[str], Awaitable[str]]
WANG = "\u738b^\u5c0f\u4e1c"


@pytest.fixture
async def panel(window: MainWindow, tmp_path: Path) -> QueryPanel:
    return await shown_panel(window, tmp_path / "received")


def nameless(_request: FindRequest) -> Iterator[Dataset]:
    """Matches in GB18030 that do not say so."""
    for number, name in enumerate((WANG, "Doe^John"), 1):
        made = elements(QueryRetrieveLevel="STUDY", PatientID=str(number), StudyInstanceUID=f"1.2.{number}")
        made.add_new(0x00100010, "PN", PersonName(name.encode("gb18030")))
        yield made


def shown(panel: QueryPanel) -> str:
    """The values of the data set beside the table."""
    node = panel.results.dataset.node
    assert node is not None
    return " ".join(child.value for child in node.children)


def choose(menu: QMenu, text: str) -> None:
    [action] = [one for one in menu.actions() if text in one.text()]
    action.trigger()
    menu.close()


async def test_garbled_names_are_read_in_the_set_that_they_are_in(
    panel: QueryPanel, press: Press, qtbot: QtBot
) -> None:
    results = panel.results
    assert not results.charset_button.isEnabled()
    async with answering(Handlers(on_find=nameless)) as scp:
        await ask(panel, press, scp.peer, PatientName="*")
        assert "\u738b \u5c0f\u4e1c" not in cells(panel)
        results.table.setFocus()
        results.table.selectRow(0)
        qtbot.keyClick(results.table, Qt.Key.Key_Return)
        assert WANG not in shown(panel)
        await press(results.charset_button)
        choose(results.charset_button.menu_of_sets, "(GB18030)")
        assert cells(panel) == ["\u738b \u5c0f\u4e1c", "Doe John"]
        assert results.charset_button.accessibleName() == "Read texts as GB18030"
        assert WANG in shown(panel)
        results.filter.insert("\u5c0f\u4e1c")
        qtbot.keyClick(results.filter, Qt.Key.Key_Return)
        assert cells(panel) == ["\u738b \u5c0f\u4e1c"]
        results.filter.clear()
        qtbot.keyClick(results.filter, Qt.Key.Key_Return)
        await ask(panel, press, scp.peer, PatientName="*")  # the choice stays
        assert cells(panel) == ["\u738b \u5c0f\u4e1c", "Doe John"]
        await press(results.charset_button)
        choose(results.charset_button.menu_of_sets, "As the answers say")
        assert "\u738b \u5c0f\u4e1c" not in cells(panel)


async def test_the_character_set_of_a_node_counts_where_an_answer_names_none(
    panel: QueryPanel, press: Press, window: MainWindow
) -> None:
    async with answering(Handlers(on_find=nameless)) as scp:
        window.config.nodes.add(node := Node("Old", scp.address, charset="GB18030"))
        window.config.nodes_edited()
        window._place.choice.choose(node)
        fill(panel, PatientName="*")
        await press(panel.run_button)
        await reached(lambda: not panel.is_busy and panel.results.model.count == 2, "both are there")
    assert cells(panel) == ["\u738b \u5c0f\u4e1c", "Doe John"]
    assert window._place.choice.options().charset == "GB18030"


async def test_only_the_newest_order_is_waited_for(
    panel: QueryPanel, press: Press, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first filter would hold its thread for ever, were it not given up."""
    held = threading.Event()
    asked: list[tuple[str, ...]] = []

    def slow(rows: Sequence[Row], arrangement: Arrangement, is_wanted: Callable[[], bool]) -> list[Row]:
        asked.append(arrangement.words)
        held.set()
        while arrangement.words == ("first",) and is_wanted():
            threading.Event().wait(0.001)
        return arranged(rows, arrangement, is_wanted)

    monkeypatch.setattr(query_results, "arranged", slow)
    count = 2 * AT_ONCE

    def find(_request: FindRequest) -> Iterator[Dataset]:
        for number in range(count):
            yield elements(QueryRetrieveLevel="STUDY", PatientID=f"{number:05}", StudyInstanceUID=f"1.2.{number}")

    panel.form.how.limit.setCurrentIndex(panel.form.how.limit.count() - 1)
    async with answering(Handlers(on_find=find)) as scp:
        await ask(panel, press, scp.peer, PatientName="*")
    results = panel.results
    assert not results.arranging.isVisible()
    qtbot.keyClicks(results.filter, "first")
    qtbot.keyClick(results.filter, Qt.Key.Key_Return)
    await reached(held.is_set, "it is under way")
    assert results.arranging.text() == f"Filtering {count:,} matches \u2026"
    assert results.arranging.isVisible()
    results.filter.clear()
    qtbot.keyClicks(results.filter, "00017")
    qtbot.keyClick(results.filter, Qt.Key.Key_Return)
    await reached(lambda: cells(panel, "id") == ["00017"], "the newest is shown")
    await reached(lambda: not results.arranging.isVisible(), "nothing is under way any more")
    assert asked == [("first",), ("00017",)]


async def test_matches_are_exported_as_dicom_files_and_as_xml(
    panel: QueryPanel, press: Press, answer: Answer, tmp_path: Path
) -> None:
    async with answering(Handlers(on_find=nameless)) as scp:
        await ask(panel, press, scp.peer, PatientName="*")
    await press(panel.results.export_button)
    await answer(str(tmp_path / "found.dcm"))
    await reached(lambda: f"2 matches written to {tmp_path / 'found'}" in panel.status.text(), "they are written")
    files = sorted((tmp_path / "found").iterdir())
    assert [dcmread(path).PatientID for path in files] == ["1", "2"]
    assert WANG.encode("gb18030") in files[0].read_bytes()
    choose(panel.results.charset_button.menu_of_sets, "(GB18030)")
    await press(panel.results.export_button)
    await answer(str(tmp_path / "found.xml"))
    await reached(lambda: f"written to {tmp_path / 'found (2)'}" in panel.status.text(), "they are written")
    assert "<FamilyName>\u738b</FamilyName>" in (tmp_path / "found (2)" / "match-00001.xml").read_text("utf-8")
