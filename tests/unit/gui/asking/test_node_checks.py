"""Nodes with check boxes."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from dicomgui.app.configuration.nodes import Node
from dicomgui.gui.asking.node_checks import NodeChecks
from dicomgui.gui.keeping.configuration import Configuration
from dicomgui.network import PeerAddress

pytestmark = pytest.mark.qt


def test_what_is_checked_stays_checked_when_nodes_come_and_go(qtbot: QtBot) -> None:
    config = Configuration()
    for name in ("A", "B"):
        config.nodes.add(Node(name, PeerAddress(name, "127.0.0.1")))
    checks = NodeChecks("nodes", config)
    qtbot.addWidget(checks)
    changes: list[bool] = []
    checks.changed.connect(lambda: changes.append(True))
    checks.setCurrentRow(1)
    qtbot.keyClick(checks, Qt.Key.Key_Space)
    assert [node.name for node in checks.nodes] == ["B"]
    assert len(changes) == 1
    config.nodes.add(Node("<b>C</b>", PeerAddress("C", "127.0.0.1")))
    config.nodes_edited()
    assert [node.name for node in checks.nodes] == ["B"]
    assert "<b>" not in checks.item(2).toolTip()
    checks.check("B", is_on=False)
    checks.check("nobody")
    assert checks.nodes == ()
