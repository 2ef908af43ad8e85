"""What of a certificate is shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from PySide6.QtWidgets import QWidget

from dicomgui.app.echo import TlsFacts
from dicomgui.gui.echo.certificate_card import CertificateCard
from dicomgui.trace.certificate import Certificate

NOW = datetime.now(UTC)
GOOD = Certificate(
    subject="CN=pacs", issuer="CN=ca", not_before=NOW - timedelta(9), not_after=NOW + timedelta(9, 36_000),
    names=("pacs",), key="RSA, 2048 bits", serial=1, is_authority=False, fingerprint=":".join(["AB"] * 32),
)  # fmt: skip

pytestmark = pytest.mark.usefixtures("qapp")


def shown(facts: TlsFacts | None, profile: str = "") -> dict[str, str]:
    window = QWidget()
    card = CertificateCard("card")
    card.setParent(window)
    card.show_facts(facts, profile)
    assert card.isHidden() == (not card.texts)
    return card.texts


def test_a_good_one() -> None:
    texts = shown(TlsFacts("TLSv1.3", "AES", GOOD), "bcp195")
    assert (texts["Certificate of"], texts["Issued by"], texts["Good for"]) == ("CN=pacs", "CN=ca", "pacs")
    assert texts["Valid"].endswith("9 more days")
    assert texts["Secured by"] == "TLSv1.3, AES (profile bcp195)"


def test_nothing_without_tls_or_without_a_certificate() -> None:
    assert shown(None) == {}
    assert shown(TlsFacts("", "", None)) == {}
    assert shown(TlsFacts("TLSv1.3", "AES", None)) == {"Secured by": "TLSv1.3, AES"}


def test_what_to_beware_of() -> None:
    odd = replace(
        GOOD, issuer="CN=pacs", subject="CN=pacs", names=tuple(f"a{n}" for n in range(10)),
        not_after=NOW - timedelta(1), key="",
    )  # fmt: skip
    texts = shown(TlsFacts("", "", odd))
    assert texts["Issued by"].startswith("itself")
    assert texts["Good for"].endswith("a7 and 2 more")
    assert texts["Valid"].startswith("expired on")
    assert "Key" not in texts
    assert "Secured by" not in texts
    assert shown(TlsFacts("", "", replace(GOOD, names=(), subject="")))["Good for"] == "no name at all"


def test_issuers_stand_behind_and_go_with_the_next_peer() -> None:
    window = QWidget()
    card = CertificateCard("card")
    card.setParent(window)
    issuers = tuple(replace(GOOD, subject=f"CN=ca{n}", names=(), is_authority=True) for n in range(3))
    card.show_facts(TlsFacts("TLSv1.3", "AES", GOOD, issuers))
    assert [texts["Certificate of"] for texts in card.issuer_texts] == ["CN=ca0", "CN=ca1", "CN=ca2"]
    assert card.issuer_texts[0]["Good for"] == "issuing certificates, no name"
    card.show_facts(TlsFacts("TLSv1.3", "AES", GOOD, issuers[:1]))
    assert len(card.issuer_texts) == 1
    card.show_facts(TlsFacts("", "", None, issuers[:1]))
    assert (card.texts, len(card.issuer_texts), card.isHidden()) == ({}, 1, False)
    card.show_facts(None)
    assert (card.issuer_texts, card.isHidden()) == ((), True)


def test_text_of_the_peer_is_plain() -> None:
    texts = shown(TlsFacts("", "", replace(GOOD, subject="CN=\x1b[31m<b>x</b>")))
    assert "\x1b" not in texts["Certificate of"]
