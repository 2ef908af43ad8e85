"""Matches with odd values are marked in the table of the query panel."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import peers
from helpers.bad_peer import reached
from helpers.instances import write_instance
from helpers.query_panel import Press, ask, shown_panel
from PySide6.QtCore import Qt

from dicomgui.gui.shell.main_window import MainWindow
from dicomgui.gui.tables.tree_cell import WARNING_ROLE

pytestmark = pytest.mark.qt


@pytest.mark.interop("dcmqrscp", "storescu")
async def test_a_name_without_a_character_set_is_marked(window: MainWindow, press: Press, tmp_path: Path) -> None:
    panel = await shown_panel(window, tmp_path / "received")
    file = write_instance(tmp_path, 1)
    file.write_bytes(file.read_bytes().replace(b"Interop^Case", b"M\xfcller^Annas"))
    with peers.dcmqrscp(tmp_path / "server") as peer:
        peers.fill(peer, [file])
        await ask(panel, press, peer.address, PatientID="INTEROP")
    index = panel.results.model.index(0, 0)
    await reached(lambda: bool(index.data(WARNING_ROLE)), "the match is marked")
    tip = index.data(Qt.ItemDataRole.ToolTipRole)
    assert "Corrected when it was read: PatientName no-character-set." in tip
