from __future__ import annotations

import pytest

from dicomgui.trace.sniff import Spoken, sniff


@pytest.mark.parametrize(
    ("data", "spoken"),
    [
        (b"HTTP/1.1 400 Bad Request", Spoken.HTTP),
        (b"<!DOCTYPE html>", Spoken.HTTP),
        (b"GET / HTTP/1.1", Spoken.HTTP),
        (b"SSH-2.0-OpenSSH_9.2", Spoken.SSH),
        (b"\x0bMSH|^~\\&|", Spoken.HL7),
        (b"220 mail.example ESMTP", Spoken.GREETING),
        (b"\x15\x03\x03\0\x02\x02\x28", Spoken.TLS_ALERT),
        (b"\x16\x03\x01\x02\0\x01", Spoken.TLS_HELLO),
        (b"\x01\0\0\0\0\xcd", Spoken.UNKNOWN),
        (b"", Spoken.UNKNOWN),
    ],
)
def test_protocols_are_known_by_their_beginning(data: bytes, spoken: Spoken) -> None:
    assert sniff(data) is spoken
