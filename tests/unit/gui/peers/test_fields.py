from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from dicomgui.app.configuration.nodes import Node, NodeTimeouts
from dicomgui.gui.keeping.configuration import Configuration
from dicomgui.gui.peers.fields import PeerChoice, PeerFields
from dicomgui.network.association.params import AETitle, PeerAddress
from dicomgui.network.errors import ConfigurationError


@pytest.fixture
def choice(qtbot: QtBot) -> PeerChoice:
    return PeerChoice(Configuration())


@pytest.fixture
def fields(qtbot: QtBot, choice: PeerChoice) -> PeerFields:
    made = PeerFields("echo", choice)
    qtbot.addWidget(made)
    return made


def texts(fields: PeerFields) -> list[str]:
    return [edit.text() for edit in (fields.called, fields.host, fields.port, fields.calling)]


@pytest.mark.parametrize("name", ["echo_called_ae", "echo_host"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PACS1@10.0.0.1:11112", ["PACS1", "10.0.0.1", "11112", "DICOMGUI"]),
        ("A@B@host", ["A@B", "host", "104", "DICOMGUI"]),
        ("PACS@[::1]:4242", ["PACS", "::1", "4242", "DICOMGUI"]),
    ],
)
def test_an_address_pasted_anywhere_fills_all(fields: PeerFields, name: str, text: str, expected: list[str]) -> None:
    edit = fields.findChild(QLineEdit, name)
    assert isinstance(edit, QLineEdit)
    edit.insert(text)
    assert texts(fields) == expected
    assert fields.problem() == ""


def test_an_address_that_is_typed_is_spread_when_the_field_is_left(qtbot: QtBot, fields: PeerFields) -> None:
    qtbot.keyClicks(fields.host, "PACS@here:77")
    assert fields.host.text() == "PACS@here:77"
    fields.host.editingFinished.emit()
    assert texts(fields)[:3] == ["PACS", "here", "77"]


def test_what_is_no_address_stays(qtbot: QtBot, fields: PeerFields) -> None:
    fields.host.insert("PACS@here:port")
    fields.host.editingFinished.emit()
    assert fields.host.text() == "PACS@here:port"


def test_two_panels_show_the_same_peer(qtbot: QtBot, choice: PeerChoice, fields: PeerFields) -> None:
    other = PeerFields("send", choice)
    qtbot.addWidget(other)
    fields.called.setText("PACS")
    fields.host.setText("here")
    assert texts(other) == texts(fields)
    assert str(choice.peer()) == "PACS@here:104"
    assert choice.options().calling_ae == "DICOMGUI"


@pytest.mark.parametrize("title", ["SEVENTEEN_LETTERS", "back\\slash", "Ümlaut"])
def test_a_title_that_dicom_does_not_allow_is_marked_and_explained(fields: PeerFields, title: str) -> None:
    fields.called.setText(title)
    fields.host.setText("here")
    assert fields.called.property("invalid") is True
    assert fields._hint.text().startswith("Called AE title: ")
    assert fields.problem()
    fields.called.setText("GOOD")
    assert fields.called.property("invalid") is False
    assert fields.problem() == ""


def test_sixteen_bytes_are_counted(fields: PeerFields) -> None:
    fields.called.setText("SIXTEEN_LETTERS_")
    assert "16 of 16" in fields._hint.text()


@pytest.mark.parametrize("port", ["", "0", "65536", "x", "٣"])
def test_what_is_no_port_is_marked(fields: PeerFields, choice: PeerChoice, port: str) -> None:
    fields.called.setText("PACS")
    fields.host.setText("here")
    fields.port.setText(port)
    assert bool(fields.port.property("invalid")) is bool(port)
    with pytest.raises(ConfigurationError):
        choice.peer()
    assert fields.problem()


PACS = Node(
    "放射科 PACS", PeerAddress(AETitle("PACS1"), "10.0.0.5", 11112), calling_ae="MODALITY",
    timeouts=NodeTimeouts(connect_s=1.5), max_pdu_length=16_384,
)  # fmt: skip


@pytest.fixture
def with_node(choice: PeerChoice, fields: PeerFields) -> PeerFields:
    choice.config.nodes.add(PACS)
    choice.config.nodes_edited()
    return fields


def pick(fields: PeerFields, name: str) -> None:
    """As a user who chooses from the list."""
    fields.node.setCurrentIndex(fields.node.findText(name))
    fields.node.activated.emit(fields.node.currentIndex())


def test_a_node_fills_address_and_options(with_node: PeerFields, choice: PeerChoice) -> None:
    pick(with_node, PACS.name)
    assert texts(with_node) == ["PACS1", "10.0.0.5", "11112", "MODALITY"]
    options = choice.options()
    assert (options.timeouts.connect_s, options.timeouts.response_s, options.max_pdu_length) == (1.5, 60.0, 16_384)
    assert PACS.name in with_node._hint.text()
    assert "16,384" in with_node._hint.text()
    assert with_node.save_button.isHidden()


def test_another_address_is_no_longer_the_node(with_node: PeerFields, choice: PeerChoice) -> None:
    pick(with_node, PACS.name)
    with_node.calling.setText("OTHER")
    assert choice.node == PACS  # our own title may be another
    assert choice.options().calling_ae == "OTHER"
    with_node.host.setText("10.0.0.6")
    assert choice.node is None
    assert with_node.node.currentText() == "type an address"
    assert choice.options().max_pdu_length == 131_072
    pick(with_node, PACS.name)
    pick(with_node, "type an address")
    assert texts(with_node) == ["", "", "104", "DICOMGUI"]


def test_a_free_address_is_kept_as_a_node_by_one_click(qtbot: QtBot, fields: PeerFields, choice: PeerChoice) -> None:
    assert not fields.node.isEnabled()
    fields.host.insert("NEW@here:77")
    assert not fields.save_button.isHidden()
    fields.save_button.click()
    assert choice.node is not None
    assert fields.node.currentText() == choice.node.name == "NEW"
    assert fields.save_button.isHidden()
    assert [str(node.address) for node in choice.config.nodes.nodes] == ["NEW@here:77"]


def test_a_node_that_is_edited_or_deleted_elsewhere(with_node: PeerFields, choice: PeerChoice) -> None:
    pick(with_node, PACS.name)
    choice.config.nodes.change(PACS.name, replace(PACS, address=PeerAddress(AETitle("PACS1"), "10.0.0.9", 104)))
    choice.config.nodes_edited()
    assert texts(with_node)[:3] == ["PACS1", "10.0.0.9", "104"]
    choice.config.nodes.delete(PACS.name)
    choice.config.nodes_edited()
    assert choice.node is None
    assert texts(with_node)[:3] == ["PACS1", "10.0.0.9", "104"]


def test_the_usual_title_and_options_come_from_the_settings(fields: PeerFields, choice: PeerChoice) -> None:
    config = choice.config
    config.change(replace(config.settings, calling_ae=AETitle("MYSELF"), max_pdu_length=8192))
    assert fields.calling.text() == "MYSELF"
    fields.calling.setText("")
    assert choice.options().calling_ae == "MYSELF"
    assert choice.options().max_pdu_length == 8192
    fields.calling.setText("TYPED")
    config.change(replace(config.settings, calling_ae=AETitle("AGAIN")))
    assert fields.calling.text() == "TYPED"


def test_what_was_e_mailed_is_pasted_with_its_line_breaks(qtbot: QtBot, fields: PeerFields) -> None:
    mail = "Hello,\nAE title: XPACS\nIP: 10.0.0.5\nPort: 11112\nRegards"
    QGuiApplication.clipboard().setText(mail)
    qtbot.keyClick(fields.calling, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert texts(fields) == ["XPACS", "10.0.0.5", "11112", "DICOMGUI"]
    QGuiApplication.clipboard().setText("PLAIN")
    fields.called.selectAll()
    qtbot.keyClick(fields.called, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert fields.called.text() == "PLAIN"
