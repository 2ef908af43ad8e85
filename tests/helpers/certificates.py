"""Certificates for the tests of TLS, made when they are asked for."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

import trustme

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
        self.file = folder / f"{name}.pem"
        self._ca.cert_pem.write_to_path(str(self.file))

    def below(self, name: str) -> Authority:
        """An authority that this one vouches for."""
        return Authority(self._folder, name, self._ca)

    def issue(self, name: str = "127.0.0.1", *, since: datetime.datetime | None = None,
              until: datetime.datetime | None = None) -> Pair:
        made = self._ca.issue_cert(
            name, not_before=since or _NOW - DAY, not_after=until or _NOW + DAY, key_type=trustme.KeyType.RSA
        )
        stem = f"{self._name}-{name}-{since}-{until}".replace(":", "").replace(" ", "")
        pair = Pair(self._folder / f"{stem}.crt", self._folder / f"{stem}.key")
        for number, blob in enumerate(made.cert_chain_pems):
            blob.write_to_path(str(pair.cert), append=number > 0)
        made.private_key_pem.write_to_path(str(pair.key))
        return pair

    def expired(self) -> Pair:
        return self.issue(since=_NOW - 3 * DAY, until=_NOW - 2 * DAY)

    def future(self) -> Pair:
        return self.issue(since=_NOW + 2 * DAY, until=_NOW + 3 * DAY)


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
