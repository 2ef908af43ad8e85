"""The certificates that a peer sent, for people who want to compare them with what they were told."""

from __future__ import annotations

import time

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout

from dicomgui.app.echo import TlsFacts
from dicomgui.gui.widgets.cards import Card
from dicomgui.gui.widgets.text import PlainLabel
from dicomgui.trace.certificate import Certificate, certificate_rows
from dicomgui.trace.finding import plain

__all__ = ["CertificateCard"]

_ROWS = ("Certificate of", "Issued by", "Good for", "Valid", "Key", "Fingerprint", "Secured by")
_HALF = len("SHA-256 ") + 16 * len("AB:")


class CertificateCard(Card):
    """The peer's certificate, how the connection is secured, and behind them the issuers' certificates that it sent.

    Hidden where there is nothing to say.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName("Certificate of the peer")
        self._own = _Rows()
        self._issuers: list[_Rows] = []
        self.column.addLayout(self._own)
        self.hide()

    def show_facts(self, facts: TlsFacts | None, profile: str = "") -> None:
        """Fill in; ``None`` hides it.

        :param profile: that we went by, if known.
        """
        texts: dict[str, str] = {}
        issuers: tuple[Certificate, ...] = ()
        if facts is not None:
            issuers = facts.issuers
            if facts.certificate is not None:
                texts = _texts(facts.certificate)
            if facts.cipher:
                asked = f" (profile {profile})" if profile else ""
                texts["Secured by"] = plain(f"{facts.version}, {facts.cipher}{asked}")
        while len(self._issuers) < len(issuers):
            rows = _Rows(space_above=True)
            self._issuers.append(rows)
            self.column.addLayout(rows)
        self._own.show_texts(texts)
        for number, rows in enumerate(self._issuers):
            rows.show_texts(_texts(issuers[number]) if number < len(issuers) else {})
        self.setVisible(bool(texts or issuers))

    @property
    def texts(self) -> dict[str, str]:
        """The texts about the peer's own certificate and the connection, by title."""
        return self._own.texts

    @property
    def issuer_texts(self) -> tuple[dict[str, str], ...]:
        """The texts about each certificate that the peer sent behind its own, by title."""
        return tuple(rows.texts for rows in self._issuers if rows.texts)


class _Rows(QGridLayout):
    """Titles and texts of one certificate; those that are empty are hidden."""

    def __init__(self, *, space_above: bool = False) -> None:
        super().__init__()
        self.setHorizontalSpacing(16)
        self.setVerticalSpacing(6)
        self.setColumnMinimumWidth(0, 126)
        self.setColumnStretch(1, 1)
        self._space = 12 if space_above else 0
        self._values: dict[str, PlainLabel] = {}
        self._labels: dict[str, PlainLabel] = {}
        for row, title in enumerate(_ROWS):
            self._labels[title] = PlainLabel(title, tone="muted")
            self._values[title] = PlainLabel(selectable=True, wrap=True)
            self.addWidget(self._labels[title], row, 0, Qt.AlignmentFlag.AlignTop)
            self.addWidget(self._values[title], row, 1)

    def show_texts(self, texts: dict[str, str]) -> None:
        """Show these by title, and no others."""
        for title, value in self._values.items():
            text = texts.get(title, "")
            value.setText(text)
            value.set_tone("error" if title == "Valid" and not text[:1].isdigit() else "")
            value.setVisible(bool(text))
            self._labels[title].setVisible(bool(text))
        self.setContentsMargins(0, self._space if texts else 0, 0, 0)

    @property
    def texts(self) -> dict[str, str]:
        """The texts that are shown, by title."""
        return {title: value.text() for title, value in self._values.items() if value.text()}


def _texts(certificate: Certificate) -> dict[str, str]:
    rows = certificate_rows(certificate, time.time())
    digits = rows["Fingerprint"]
    # In two halves: a line that cannot be broken would keep the window wide.
    return rows | {"Fingerprint": f"{digits[:_HALF]} {digits[_HALF:]}"}
