"""What the peer's certificate says, for people who want to compare it with what they were told."""

from __future__ import annotations

from datetime import UTC, datetime

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout

from dicomgui.app.echo import TlsFacts
from dicomgui.gui.widgets.cards import Card
from dicomgui.gui.widgets.text import PlainLabel
from dicomgui.trace.certificate import Certificate
from dicomgui.trace.finding import plain

__all__ = ["CertificateCard"]

_ROWS = ("Certificate of", "Issued by", "Good for", "Valid", "Key", "Fingerprint", "Secured by")
MAX_NAMES = 8


class CertificateCard(Card):
    """Hidden where there is nothing to say."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName("Certificate of the peer")
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(6)
        grid.setColumnMinimumWidth(0, 126)
        grid.setColumnStretch(1, 1)
        self._values: dict[str, PlainLabel] = {}
        self._labels: dict[str, PlainLabel] = {}
        for row, title in enumerate(_ROWS):
            self._labels[title] = PlainLabel(title, tone="muted")
            self._values[title] = PlainLabel(selectable=True, wrap=True)
            grid.addWidget(self._labels[title], row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(self._values[title], row, 1)
        self.column.addLayout(grid)
        self.hide()

    def show_facts(self, facts: TlsFacts | None, profile: str = "") -> None:
        """Fill in; ``None`` hides it.

        :param profile: that we went by, if known.
        """
        texts: dict[str, str] = {}
        if facts is not None:
            if facts.certificate is not None:
                texts = _texts(facts.certificate, datetime.now(UTC))
            if facts.cipher:
                asked = f" (profile {profile})" if profile else ""
                texts["Secured by"] = plain(f"{facts.version}, {facts.cipher}{asked}")
        for title, value in self._values.items():
            text = texts.get(title, "")
            value.setText(text)
            value.set_tone("error" if title == "Valid" and not text[:1].isdigit() else "")
            value.setVisible(bool(text))
            self._labels[title].setVisible(bool(text))
        self.setVisible(bool(texts))

    @property
    def texts(self) -> dict[str, str]:
        """What is shown, by name."""
        return {title: value.text() for title, value in self._values.items() if value.text()}


def _texts(certificate: Certificate, now: datetime) -> dict[str, str]:
    issuer = "itself: nobody else vouches for it" if certificate.is_self_issued else plain(certificate.issuer, 300)
    names = ", ".join(plain(name) for name in certificate.names[:MAX_NAMES])
    more = len(certificate.names) - MAX_NAMES
    digits = certificate.fingerprint
    return {
        "Certificate of": plain(certificate.subject, 300) or "nobody",
        "Issued by": issuer,
        "Good for": f"{names} and {more} more" if more > 0 else names or "no name at all",
        "Valid": certificate.validity(now),
        "Key": certificate.key,
        # In two halves: a line that cannot be broken would keep the window wide.
        "Fingerprint": f"SHA-256 {digits[:48]} {digits[48:]}",
    }
