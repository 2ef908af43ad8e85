"""The options of a connection in one place: time-outs and the maximum PDU length, for a node and for the settings."""

from __future__ import annotations

import math

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QLineEdit, QWidget

from dicomgui.app.configuration.nodes import NodeTimeouts
from dicomgui.app.connection import ConnectionOptions
from dicomgui.gui.widgets.text import PlainLabel
from dicomgui.network.association.params import Limits, Timeouts
from dicomgui.network.errors import ConfigurationError

__all__ = ["ConnectionFields", "max_pdu_text", "options_text", "parse_max_pdu", "parse_seconds", "seconds_text"]

EVER = "never"
"""What is typed, and shown, for a time-out that never comes."""

_TIMEOUTS = {
    "connect_s": ("&Connect", "Connect", "For the TCP connection"),
    "tls_s": ("TLS", "TLS handshake", "For the TLS handshake, where TLS is spoken"),
    "associate_s": ("A&ssociate", "Associate", "From our A-ASSOCIATE-RQ to the answer"),
    "response_s": ("Res&ponse", "Response", "From the end of a request to its response"),
    "retrieve_s": ("Retrieve", "Retrieve", "The same for C-MOVE and C-GET, where a peer is silent while it sends"),
    "release_s": ("&Release", "Release", "From our A-RELEASE-RQ to the answer; an A-ABORT follows"),
    "cancel_s": ("Cancel", "Cancel", "From our C-CANCEL to the final response; an A-ABORT follows"),
}


def parse_seconds(text: str) -> float | None:
    """A time-out from text: ``None`` for nothing typed, :data:`math.inf` for ``never``.

    :raises ConfigurationError: it is no time-out.
    """
    text = text.strip().lower().removesuffix("s").strip().replace(",", ".")
    if not text:
        return None
    if text in (EVER, "inf", "∞"):
        return math.inf
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < 1e9:
        raise ConfigurationError(
            f"{text!r} is no time-out", phase="configure", hint=f"Give seconds above 0, or “{EVER}”."
        )
    return seconds


def parse_max_pdu(text: str) -> int | None:
    """A maximum PDU length from text; ``None`` for nothing typed.

    :raises ConfigurationError: it is none.
    """
    digits = text.strip().replace(",", "").replace(" ", "")
    if not digits:
        return None
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 12):
        raise ConfigurationError(
            f"{text.strip()!r} is no PDU length", phase="configure", hint="Give bytes, or 0 for no limit."
        )
    return Limits(max_pdu_length=int(digits)).max_pdu_length


def seconds_text(seconds: float | None) -> str:
    """A time-out for people: ``5 s``, ``never``."""
    return EVER if seconds is None or math.isinf(seconds) else f"{seconds:g} s"


def max_pdu_text(length: int) -> str:
    """A maximum PDU length for people."""
    return f"{length:,} bytes" if length else "no limit"


def options_text(options: ConnectionOptions) -> str:
    """Options in one line."""
    times = options.timeouts
    connect, associate, response = (
        "for ever" if seconds is None else seconds_text(seconds)
        for seconds in (times.connect_s, times.associate_s, times.response_s)
    )
    parts = [
        f"waits {connect} to connect, {associate} to associate, {response} for a response",
        f"maximum PDU {max_pdu_text(options.max_pdu_length)}",
    ]
    if options.tls is not None:
        parts.append("TLS" if options.tls.verify == "require" else "TLS with any certificate")
    if options.identity is not None:
        parts.append(f"user {options.identity.name}" if options.identity.name else options.identity.kind.secret_name)
    return " · ".join(parts)


class ConnectionFields(QWidget):
    """Fields for the options; an empty one takes the usual value, which it shows.

    :param prefix: begins the object names: ``node_connect_s``, ``node_max_pdu``.
    """

    changed = Signal()

    def __init__(self, prefix: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.times: dict[str, QLineEdit] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        for number, (name, (text, accessible, tip)) in enumerate(_TIMEOUTS.items()):
            edit = self._add(grid, number, text, tip)
            edit.setObjectName(f"{prefix}_{name}")
            edit.setAccessibleName(f"{accessible} time-out in seconds")
            self.times[name] = edit
        self.max_pdu = self._add(grid, len(_TIMEOUTS), "Ma&ximum PDU", "What we take, in bytes; 0 = no limit")
        self.max_pdu.setObjectName(f"{prefix}_max_pdu")
        self.max_pdu.setAccessibleName("Maximum PDU length in bytes")

    def _add(self, grid: QGridLayout, number: int, text: str, tip: str) -> QLineEdit:
        edit = QLineEdit()
        edit.setToolTip(tip)
        edit.setMinimumWidth(76)
        edit.textChanged.connect(self.changed)
        label = PlainLabel(text, tone="muted", scale=0.9)
        label.setContentsMargins(0, 4, 0, 0)  # nearer to its own field than to the one above
        label.setBuddy(edit)
        row, column = divmod(number, 3)
        grid.addWidget(label, 2 * row, column)
        grid.addWidget(edit, 2 * row + 1, column)
        grid.setColumnStretch(column, 1)
        return edit

    @property
    def edits(self) -> dict[str, QLineEdit]:
        """All fields, by name."""
        return {**self.times, "max_pdu": self.max_pdu}

    def show_usual(self, timeouts: Timeouts, max_pdu_length: int) -> None:
        """What an empty field takes."""
        for name, edit in self.times.items():
            edit.setPlaceholderText(seconds_text(getattr(timeouts, name)))
        self.max_pdu.setPlaceholderText(f"{max_pdu_length:,}" if max_pdu_length else "no limit")

    def timeouts(self) -> NodeTimeouts:
        """The time-outs.

        :raises ConfigurationError: a field holds none.
        """
        return NodeTimeouts(**{name: parse_seconds(edit.text()) for name, edit in self.times.items()})

    def max_pdu_length(self) -> int | None:
        """The maximum PDU length, ``None`` for the usual one.

        :raises ConfigurationError: the field holds none.
        """
        return parse_max_pdu(self.max_pdu.text())

    @staticmethod
    def texts_of(timeouts: NodeTimeouts, max_pdu_length: int | None) -> dict[str, str]:
        """What the fields hold for these values."""
        texts = {}
        for name in _TIMEOUTS:
            seconds: float | None = getattr(timeouts, name)
            texts[name] = "" if seconds is None else EVER if math.isinf(seconds) else f"{seconds:g}"
        return {**texts, "max_pdu": "" if max_pdu_length is None else str(max_pdu_length)}
