from __future__ import annotations

import math

import pytest
from pytestqt.qtbot import QtBot

from dicomgui.app.configuration.nodes import NodeTimeouts
from dicomgui.app.connection import ConnectionOptions
from dicomgui.gui.peers.connection_fields import ConnectionFields, options_text, parse_max_pdu, parse_seconds
from dicomgui.network.association.params import Timeouts
from dicomgui.network.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("", None), (" 5 ", 5.0), ("2.5 s", 2.5), ("2,5", 2.5), ("never", math.inf), ("∞", math.inf), ("Never", math.inf)],
)
def test_time_outs_are_read(text: str, seconds: float | None) -> None:
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["0", "-1", "soon", "nan", "1e300", "1 min"])
def test_what_is_no_time_out(text: str) -> None:
    with pytest.raises(ConfigurationError, match="no time-out") as caught:
        parse_seconds(text)
    assert "never" in caught.value.hint


def test_pdu_lengths_are_read() -> None:
    assert parse_max_pdu("") is None
    assert parse_max_pdu("0") == 0
    assert parse_max_pdu("131,072") == 131_072
    for wrong in ("100", "-5", "x", "9" * 13, "²"):
        with pytest.raises(ConfigurationError):
            parse_max_pdu(wrong)


def test_options_in_words() -> None:
    options = ConnectionOptions(timeouts=Timeouts(connect_s=None, response_s=2.5), max_pdu_length=0)
    assert options_text(options) == (
        "waits for ever to connect, 10 s to associate, 2.5 s for a response · maximum PDU no limit"
    )


def test_fields_give_back_what_they_show(qtbot: QtBot) -> None:
    fields = ConnectionFields("x")
    qtbot.addWidget(fields)
    times = NodeTimeouts(connect_s=2.5, response_s=math.inf, cancel_s=60)
    for name, text in ConnectionFields.texts_of(times, 16_384).items():
        fields.edits[name].setText(text)
    assert fields.timeouts() == times
    assert fields.max_pdu_length() == 16_384
    fields.show_usual(Timeouts(), 0)
    assert fields.times["connect_s"].placeholderText() == "5 s"
    assert fields.times["cancel_s"].placeholderText() == "10 s"
    assert fields.max_pdu.placeholderText() == "no limit"
