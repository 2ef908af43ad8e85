"""The choices of a send that few need, in the window."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from helpers import peers
from helpers.bad_peer import reached
from helpers.instances import write_instance
from pydicom import dcmread
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton

from dicomgui.app.recipes.recipe import Recipe
from dicomgui.gui.send.model import SendColumn
from dicomgui.gui.send.panel import SendPanel
from dicomgui.gui.shell.main_window import MainWindow

pytestmark = pytest.mark.qt
Press = Callable[[QPushButton], Awaitable[None]]


@pytest.fixture
def panel(window: MainWindow) -> SendPanel:
    window.show_panel(window.send)
    window.send.choices.set_open(True)
    return window.send


def column(panel: SendPanel, which: SendColumn) -> list[str]:
    return [panel.model.index(row, which).data() for row in range(panel.model.rowCount())]


async def ended(panel: SendPanel) -> None:
    await reached(lambda: not panel.is_busy and panel.run_button.isEnabled(), "the send has ended", 60)


def recipe(panel: SendPanel) -> Recipe:
    [(_, made)] = panel._recipes()
    return made


@pytest.mark.interop("storescp")
async def test_choices_reach_storescp(panel: SendPanel, press: Press, tmp_path: Path) -> None:
    files = [write_instance(tmp_path / "files", number) for number in range(4)]
    with peers.storescp(tmp_path / "kept", "--fork") as peer:
        await panel.add_paths(files)
        panel.peer.host.insert(peer.address)
        choices = panel.choices
        choices.associations.setText("2")
        choices.limit.setText("1")
        choices.renames.setChecked(True)
        choices.separate.setChecked(True)
        choices.syntaxes.setText("ImplicitVRLittleEndian, ExplicitVRLittleEndian")
        choices.set.setPlainText("PatientID=X17\n\nAccessionNumber=\n")
        assert "2 associations" in choices.button.accessibleName()
        made = recipe(panel)
        assert made.settings == ("PatientID=X17", "AccessionNumber=")
        assert made.manner == choices.wishes().manner
        await press(panel.run_button)
        await ended(panel)
        kept = [dcmread(path) for path in peer.folder.rglob("*.dcm")]
    assert column(panel, SendColumn.STATE) == ["sent"] * 4
    assert all("attributes set" in text for text in column(panel, SendColumn.RESULT))
    assert "4 changed" in panel.status.text()
    assert {(one.PatientID, one.AccessionNumber) for one in kept} == {("X17", "")}
    assert {one.file_meta.TransferSyntaxUID for one in kept} == {"1.2.840.10008.1.2"}
    assert sorted(path.name for path in files[0].parent.iterdir()) == [f"{number}.dcm.done" for number in range(4)]
    assert len({panel.model.association_at(row) for row in range(4)}) == 4
    assert dcmread(files[0].with_name("0.dcm.done")).PatientID == "INTEROP"


@pytest.mark.interop("storescp")
async def test_what_is_invented_has_rows_and_is_no_template(panel: SendPanel, press: Press, tmp_path: Path) -> None:
    with peers.storescp(tmp_path / "kept") as peer:
        panel.peer.host.insert(peer.address)
        await press(panel.run_button)
        assert panel.status.text() == "Add files first."
        panel.choices.invent.setText("patients=2,instances=2")
        assert recipe(panel).invention == "patients=2,instances=2"
        await press(panel.run_button)
        await ended(panel)
        assert column(panel, SendColumn.STATE) == ["sent"] * 4
        assert all("invented" in text for text in column(panel, SendColumn.RESULT))
        assert panel.model.templates == ()
        await press(panel.run_button)
        await ended(panel)
        kept = [dcmread(path, stop_before_pixels=True) for path in peer.folder.rglob("*.dcm")]
    assert len({one.SOPInstanceUID for one in kept}) == 8
    assert len({one.PatientID for one in kept}) == 4


@pytest.mark.parametrize(
    ("fill", "said"),
    [
        (lambda panel: panel.choices.associations.setText("33"), "33 associations"),
        (lambda panel: panel.choices.limit.setText("few"), "no number"),
        (lambda panel: panel.choices.syntaxes.setText("Nonsense"), "Nonsense"),
        (lambda panel: panel.choices.invent.setText("people=2"), "people=2"),
        (lambda panel: panel.choices.set.setPlainText("Rows=many"), "Rows"),
    ],
)
async def test_what_cannot_be_is_said_at_once_and_not_sent(
    panel: SendPanel, press: Press, tmp_path: Path, fill: Callable[[SendPanel], None], said: str
) -> None:
    await panel.add_paths([write_instance(tmp_path, 1)])
    panel.peer.host.insert("PACS@127.0.0.1:104")
    fill(panel)
    assert said in panel.choices.problem_text.text()
    assert panel.choices.button.accessibleName() == "More choices: not right yet"
    panel.choices.set_open(False)
    await press(panel.run_button)
    assert said in panel.status.text()
    assert panel.choices.button.isChecked()
    assert not panel.is_busy
    assert panel._recipes() == []


async def test_one_uid_for_several_files_is_said_and_not_sent(panel: SendPanel, press: Press, tmp_path: Path) -> None:
    await panel.add_paths([write_instance(tmp_path, number) for number in range(2)])
    panel.peer.host.insert("PACS@127.0.0.1:104")
    panel.choices.set.setPlainText("SOPInstanceUID=1.2.3")
    await press(panel.run_button)
    await ended(panel)
    assert "2 instances" in panel.status.text()


async def test_the_keyboard_reaches_every_choice(panel: SendPanel) -> None:
    choices = panel.choices
    wanted = [
        choices.button, choices.associations, choices.limit, choices.syntaxes, choices.invent, choices.renames,
        choices.separate, choices.set,
    ]  # fmt: skip
    wanted[0].setFocus()
    for before, after in itertools.pairwise(wanted):
        QTest.keyClick(before, Qt.Key.Key_Tab)
        assert after.hasFocus(), after.objectName()
        assert after.accessibleName()
