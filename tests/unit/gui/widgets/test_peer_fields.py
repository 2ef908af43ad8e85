from __future__ import annotations

import pytest
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from dicomgui.gui.widgets.peer_fields import PeerChoice, PeerFields
from dicomgui.network.errors import ConfigurationError


@pytest.fixture
def choice(qtbot: QtBot) -> PeerChoice:
    return PeerChoice()


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
    assert "character" in fields._hint.text()
    assert fields._hint.text() == fields.problem()
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
