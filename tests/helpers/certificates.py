"""Certificates for the tests of TLS, made when they are asked for."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from dicomgui.network import TlsConfig

_NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Pair:
    """A certificate with its chain, and its key, as PEM files."""

    cert: Path
    key: Path


class Authority:
    """An issuer of certificates.

    :ivar file: its own certificate.
    """

    def __init__(self, folder: Path, name: str = "ca", above: trustme.CA | None = None) -> None:
        # Certificates that are out of date are issued by an authority that is not.
        rsa = trustme.KeyType.RSA
        self._ca = trustme.CA(key_type=rsa) if above is None else above.create_child_ca(key_type=rsa)
        self._folder = folder
        self._name = name
        self._issued = 0
        self.file = folder / f"{name}.pem"
        self._ca.cert_pem.write_to_path(str(self.file))

    def below(self, name: str) -> Authority:
        """An authority that this one vouches for."""
        return Authority(self._folder, name, self._ca)

    def issue(
        self, name: str = "127.0.0.1", *, since: datetime.datetime | None = None, until: datetime.datetime | None = None
    ) -> Pair:
        made = self._ca.issue_cert(
            name, not_before=since or _NOW - DAY, not_after=until or _NOW + DAY, key_type=trustme.KeyType.RSA
        )
        self._issued += 1
        stem = f"{self._name}-{name}-{self._issued}".replace(":", "")
        pair = Pair(self._folder / f"{stem}.crt", self._folder / f"{stem}.key")
        for number, blob in enumerate(made.cert_chain_pems):
            blob.write_to_path(str(pair.cert), append=number > 0)
        made.private_key_pem.write_to_path(str(pair.key))
        return pair

    def revoke(self, *pairs: Pair) -> Path:
        """A list of revoked certificates, as a PEM file."""
        issuer = x509.load_pem_x509_certificate(self._ca.cert_pem.bytes())
        made = x509.CertificateRevocationListBuilder().issuer_name(issuer.subject)
        made = made.last_update(_NOW - DAY).next_update(_NOW + DAY)
        for pair in pairs:
            number = x509.load_pem_x509_certificate(pair.cert.read_bytes()).serial_number
            one = x509.RevokedCertificateBuilder().serial_number(number).revocation_date(_NOW - DAY).build()
            made = made.add_revoked_certificate(one)
        key = serialization.load_pem_private_key(self._ca.private_key_pem.bytes(), None)
        path = self._folder / f"{self._name}-{len(pairs)}.crl"
        path.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        return path

    def expired(self) -> Pair:
        return self.issue(since=_NOW - 3 * DAY, until=_NOW - 2 * DAY)

    def future(self) -> Pair:
        return self.issue(since=_NOW + 2 * DAY, until=_NOW + 3 * DAY)


def encrypted_key(pair: Pair, password: str) -> Path:
    """The key of a pair as DER that a password opens (PKCS#8)."""
    key = serialization.load_pem_private_key(pair.key.read_bytes(), None)
    path = pair.key.with_suffix(".encrypted.der")
    encryption = serialization.BestAvailableEncryption(password.encode())
    path.write_bytes(key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, encryption))
    return path


def server_config(pair: Pair, authority: Authority | None = None, **more: object) -> TlsConfig:
    """What a server uses; with an authority it requires certificates."""
    if authority is not None:
        more = {"ca_file": authority.file, "client_auth": "require", **more}
    return TlsConfig(cert_file=pair.cert, key_file=pair.key, **more)


def client_config(authority: Authority, pair: Pair | None = None, **more: object) -> TlsConfig:
    """What a client uses."""
    if pair is not None:
        more = {"cert_file": pair.cert, "key_file": pair.key, **more}
    return TlsConfig(ca_file=authority.file, **more)
