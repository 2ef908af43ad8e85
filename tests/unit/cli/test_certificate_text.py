"""Certificates as a command prints them."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

from dicomgui.cli.certificate_text import chain_fields, show_chain
from dicomgui.cli.output import Output
from dicomgui.trace.certificate import Certificate

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OWN = Certificate(
    subject="CN=pacs\x1b[31m", issuer="CN=ca", not_before=NOW - timedelta(9), not_after=NOW + timedelta(9),
    names=("pacs",), key="EC, P-256", serial=1, is_authority=False, fingerprint="AB:CD",
)  # fmt: skip


def test_each_certificate_has_its_lines() -> None:
    out = io.StringIO()
    show_chain(Output(out=out, err=out), (OWN, OWN), NOW.timestamp())
    assert out.getvalue().splitlines()[:6] == [
        "  certificate 1 of 2: CN=pacs\\x1b[31m",
        "    issued by    CN=ca",
        "    good for     pacs",
        "    valid        2025-12-23 to 2026-01-10, 9 more days",
        "    key          EC, P-256",
        "    fingerprint  SHA-256 AB:CD",
    ]
    assert out.getvalue().count("certificate 2 of 2") == 1


def test_as_json_and_none_at_all() -> None:
    out = io.StringIO()
    show_chain(Output(as_json=True, out=out, err=out), (OWN,))
    show_chain(Output(out=out, err=out), ())
    assert out.getvalue() == ""
    assert [one["sha256"] for one in chain_fields((OWN,))] == ["AB:CD"]
