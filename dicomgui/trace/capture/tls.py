"""What a TLS handshake shows to somebody who only listens: version, cipher, the server's name and certificate.

RFC 5246 for TLS 1.2 and before, RFC 8446 for TLS 1.3, where the certificate is encrypted already.
"""

from __future__ import annotations

from collections.abc import Iterator

from dicomgui.trace.certificate import MAX_CERTIFICATES

__all__ = ["TlsWatcher", "begins_like_tls"]

_MAX_BYTES = 65_536  # of one side's handshake
_RECORD_HEAD = 5
_CHANGE_CIPHER_SPEC, _ALERT, _HANDSHAKE, _APPLICATION_DATA = 20, 21, 22, 23
_SERVER_HELLO, _CERTIFICATE = 2, 11
_SUPPORTED_VERSIONS = 43
_VERSIONS = {0x0300: "SSLv3", 0x0301: "TLSv1", 0x0302: "TLSv1.1", 0x0303: "TLSv1.2", 0x0304: "TLSv1.3"}
_CIPHERS = {
    0x002F: "AES128-SHA", 0x0035: "AES256-SHA", 0x000A: "DES-CBC3-SHA", 0x009C: "AES128-GCM-SHA256",
    0x009D: "AES256-GCM-SHA384", 0x009E: "DHE-RSA-AES128-GCM-SHA256", 0x009F: "DHE-RSA-AES256-GCM-SHA384",
    0xC02B: "ECDHE-ECDSA-AES128-GCM-SHA256", 0xC02C: "ECDHE-ECDSA-AES256-GCM-SHA384",
    0xC02F: "ECDHE-RSA-AES128-GCM-SHA256", 0xC030: "ECDHE-RSA-AES256-GCM-SHA384",
    0xCCA8: "ECDHE-RSA-CHACHA20-POLY1305", 0xCCA9: "ECDHE-ECDSA-CHACHA20-POLY1305",
    0x1301: "TLS_AES_128_GCM_SHA256", 0x1302: "TLS_AES_256_GCM_SHA384", 0x1303: "TLS_CHACHA20_POLY1305_SHA256",
}  # fmt: skip
"""The usual suites by their numbers, with OpenSSL's names as in our own records; others are named by number."""

_ALERTS = {
    0: "close notify", 10: "unexpected message", 20: "bad record mac", 40: "handshake failure", 42: "bad certificate",
    43: "unsupported certificate", 44: "certificate revoked", 45: "certificate expired", 46: "certificate unknown",
    47: "illegal parameter", 48: "unknown ca", 49: "access denied", 50: "decode error", 51: "decrypt error",
    70: "protocol version", 71: "insufficient security", 80: "internal error", 112: "unrecognized name",
    116: "certificate required",
}  # fmt: skip


def begins_like_tls(data: bytes | bytearray) -> bool:
    """Whether a TLS handshake or alert begins here."""
    return len(data) >= 2 and data[0] in (_ALERT, _HANDSHAKE) and data[1] == 3


class TlsWatcher:
    """Takes both sides of a connection that speaks TLS, and reads what is in the clear.

    :ivar version: as ``TLSv1.3``; empty before the ServerHello.
    :ivar cipher: the suite's name.
    :ivar certificates: the server's and those that followed it, DER; none where they were encrypted or are not in the
        capture.
    :ivar alert: the first alert in the clear but a close notify, in the words of RFC 8446 6; empty without one.
    :ivar alert_side: who sent it.
    :ivar is_encrypted: for each side, whether what follows is encrypted.
    """

    def __init__(self) -> None:
        self.version = self.cipher = self.alert = ""
        self.certificates: tuple[bytes, ...] = ()
        self.alert_side = -1
        self.is_encrypted = [False, False]
        self._held = (bytearray(), bytearray())
        self._messages = (bytearray(), bytearray())
        self._taken = [0, 0]

    def feed(self, side: int, data: bytes) -> None:
        """Take the next bytes of a side."""
        self._taken[side] += len(data)
        if self.is_encrypted[side]:
            return
        held = self._held[side]
        held += data
        while len(held) >= _RECORD_HEAD and not self.is_encrypted[side]:
            kind, length = held[0], int.from_bytes(held[3:5], "big")
            if len(held) < _RECORD_HEAD + length:
                break
            self._record(side, kind, bytes(held[_RECORD_HEAD : _RECORD_HEAD + length]))
            del held[: _RECORD_HEAD + length]
        if self._taken[side] > _MAX_BYTES:
            self.is_encrypted[side] = True
        if self.is_encrypted[side]:
            held.clear()
            self._messages[side].clear()

    def _record(self, side: int, kind: int, content: bytes) -> None:
        if kind == _HANDSHAKE:
            self._messages[side].extend(content)
            for number, body in _messages(self._messages[side]):
                if number == _SERVER_HELLO:
                    self._server_hello(body)
                elif number == _CERTIFICATE and not self.certificates and self.version:
                    self.certificates = tuple(_certificates(body))
        elif kind == _ALERT and len(content) == 2:
            if content[1] and not self.alert:
                self.alert, self.alert_side = _ALERTS.get(content[1], f"alert {content[1]}"), side
        else:
            self.is_encrypted[side] = True

    def _server_hello(self, body: bytes) -> None:
        if len(body) < 38:
            return
        version = int.from_bytes(body[:2], "big")
        after = 35 + body[34]
        suite = int.from_bytes(body[after : after + 2], "big")
        for kind, value in _extensions(body[after + 3 :]):
            if kind == _SUPPORTED_VERSIONS and len(value) == 2:
                version = int.from_bytes(value, "big")
        self.version = _VERSIONS.get(version, f"TLS version {version:04X}H")
        self.cipher = _CIPHERS.get(suite, f"cipher suite {suite:04X}H")


def _messages(held: bytearray) -> Iterator[tuple[int, bytes]]:
    """The whole handshake messages at the beginning, which are taken out."""
    while len(held) >= 4:
        length = int.from_bytes(held[1:4], "big")
        if len(held) < 4 + length:
            return
        yield held[0], bytes(held[4 : 4 + length])
        del held[: 4 + length]


def _extensions(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = 2
    while position + 4 <= len(data):
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        yield int.from_bytes(data[position : position + 2], "big"), data[position + 4 : position + 4 + length]
        position += 4 + length


def _certificates(body: bytes) -> Iterator[bytes]:
    """The certificates of a message of that name (RFC 5246 7.4.2)."""
    position = 3
    for _ in range(MAX_CERTIFICATES):
        length = int.from_bytes(body[position : position + 3], "big")
        position += 3
        if not length or position + length > len(body):
            return
        yield body[position : position + length]
        position += length
