"""Certificates from PKCS#12 files: every way to write one, and what is said of those that do not open."""

from __future__ import annotations

import ssl
import stat
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from helpers.certificates import Authority, Pair

from dicomgui.network import ConfigurationError, TlsConfig
from dicomgui.network.transport.pkcs12 import is_pkcs12, own_file, read_pkcs12

PASSWORD = "pass wörd"
NO_ENCRYPTION = serialization.NoEncryption()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def pair(authority: Authority) -> Pair:
    return authority.issue()


def certificates(path: Path) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(path.read_bytes())


def bundle(
    pair: Pair,
    *others: x509.Certificate,
    encryption: serialization.KeySerializationEncryption = NO_ENCRYPTION,
    key: bool = True,
    certificate: bool = True,
) -> bytes:
    """A PKCS#12 file with the certificate of ``pair``, its key and ``others``."""
    loaded = serialization.load_pem_private_key(pair.key.read_bytes(), None)
    assert isinstance(loaded, pkcs12.PKCS12PrivateKeyTypes)
    return pkcs12.serialize_key_and_certificates(
        b"ours", loaded if key else None, certificates(pair.cert)[0] if certificate else None, others, encryption
    )


def encrypted(pair: Pair) -> bytes:
    return bundle(pair, encryption=serialization.BestAvailableEncryption(PASSWORD.encode()))


def config_of(folder: Path, content: bytes, **more: object) -> TlsConfig:
    path = folder / "own.p12"
    path.write_bytes(content)
    return TlsConfig(cert_file=path, **more)


def served(config: TlsConfig, authority: Authority) -> bytes:
    """The certificate that a client sees."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = (
        TlsConfig(ca_file=authority.file).client_context().wrap_bio(to_client, to_server, server_hostname="127.0.0.1")
    )
    server = config.server_context().wrap_bio(to_server, to_client, server_side=True)
    for end in (client, server, client, server):
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return client.getpeercert(True) or b""


def test_without_a_password(tmp_path: Path, authority: Authority, pair: Pair) -> None:
    asked: list[str] = []

    def password() -> str:
        asked.append("")
        return PASSWORD

    content = bundle(pair)
    own = certificates(pair.cert)[0].public_bytes(serialization.Encoding.DER)
    assert served(config_of(tmp_path, content), authority) == own
    assert served(config_of(tmp_path, content, key_password=password), authority) == own
    assert not asked


def test_with_a_password(tmp_path: Path, authority: Authority, pair: Pair) -> None:
    config = config_of(tmp_path, encrypted(pair), key_password=lambda: PASSWORD)
    assert served(config, authority) == certificates(pair.cert)[0].public_bytes(serialization.Encoding.DER)
    assert config.client_context()


def test_an_empty_password_is_none(tmp_path: Path, pair: Pair) -> None:
    assert config_of(tmp_path, bundle(pair), key_password=lambda: "").server_context()


@pytest.mark.parametrize(
    ("password", "text", "hint"),
    [
        (None, "own.p12 does not open without a password", "Give its password."),
        ("guessed", "own.p12 does not open with this password", "damaged"),
    ],
    ids=["none", "another"],
)
def test_a_wrong_password(tmp_path: Path, pair: Pair, password: str | None, text: str, hint: str) -> None:
    config = config_of(tmp_path, encrypted(pair), key_password=None if password is None else lambda: password)
    with pytest.raises(ConfigurationError, match=text) as caught:
        config.server_context()
    assert caught.value.phase == "configure"
    assert hint in caught.value.hint
    assert "guessed" not in str(caught.value)


def test_a_damaged_file(tmp_path: Path, pair: Pair) -> None:
    with pytest.raises(ConfigurationError, match="does not open"):
        config_of(tmp_path, bundle(pair)[:-20], key_password=lambda: PASSWORD).client_context()


@pytest.mark.parametrize(
    ("key", "certificate", "text"), [(False, True, "holds no"), (True, False, "holds no certificate with its key")]
)
def test_a_file_without_the_one_or_the_other(
    tmp_path: Path, pair: Pair, key: bool, certificate: bool, text: str
) -> None:
    encryption = serialization.BestAvailableEncryption(PASSWORD.encode())
    content = bundle(pair, key=key, certificate=certificate, encryption=encryption)
    with pytest.raises(ConfigurationError, match=text):
        config_of(tmp_path, content, key_password=lambda: PASSWORD).client_context()


def test_a_key_file_besides_is_a_mistake(tmp_path: Path, pair: Pair) -> None:
    with pytest.raises(ConfigurationError, match="brings its key with it"):
        config_of(tmp_path, bundle(pair), key_file=pair.key).client_context()


@pytest.mark.parametrize("with_password", [False, True])
def test_an_encryption_that_nobody_knows(
    tmp_path: Path, pair: Pair, monkeypatch: pytest.MonkeyPatch, with_password: bool
) -> None:
    def load(_content: bytes, password: bytes | None) -> None:
        if with_password and password is None:
            raise ValueError
        raise UnsupportedAlgorithm("RC2")

    monkeypatch.setattr(pkcs12, "load_pkcs12", load)
    with pytest.raises(ConfigurationError, match="in a way that cannot be read") as caught:
        config_of(tmp_path, bundle(pair), key_password=lambda: PASSWORD).client_context()
    assert "AES" in caught.value.hint


def test_without_the_package(tmp_path: Path, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives", None)
    with pytest.raises(ConfigurationError, match="package cryptography, which reads those, is missing") as caught:
        config_of(tmp_path, bundle(pair)).client_context()
    assert "dicomgui[tls-tools]" in caught.value.hint
    assert TlsConfig(cert_file=pair.cert, key_file=pair.key).server_context()  # PEM needs no package


def test_a_weak_certificate_is_named_by_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_kw: object) -> None:
        error = ssl.SSLError(1, "ee key too small")
        error.reason = "EE_KEY_TOO_SMALL"
        raise error

    pair = Authority(tmp_path).issue()
    config = config_of(tmp_path, bundle(pair))
    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", refuse)
    with pytest.raises(ConfigurationError, match=r"own\.p12 is too weak"):
        config.client_context()


def test_the_chain_is_put_in_order(tmp_path: Path) -> None:
    """A file may hold its certificates in any order, and some that have nothing to do with ours."""
    root, stranger = Authority(tmp_path, "root"), Authority(tmp_path, "stranger")
    between = root.below("between")
    pair = between.issue()
    middle, top = certificates(between.file)[0], certificates(root.file)[0]
    content = bundle(pair, certificates(stranger.file)[0], top, middle)
    pem, _ = read_pkcs12(content, "own.p12", None)
    assert x509.load_pem_x509_certificates(pem) == [certificates(pair.cert)[0], middle, top]


def test_no_key_lies_open_on_the_disk(tmp_path: Path, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[bytes, Path, int]] = []

    load = ssl.SSLContext.load_cert_chain

    def spy(self: ssl.SSLContext, certfile: Path, password: str) -> None:
        seen.append((certfile.read_bytes(), certfile, stat.S_IMODE(certfile.stat().st_mode)))
        load(self, certfile, password=password)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", spy)
    config_of(tmp_path, encrypted(pair), key_password=lambda: PASSWORD).client_context()
    [(content, path, mode)] = seen
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in content
    assert b"BEGIN PRIVATE KEY" not in content
    assert sys.platform == "win32" or mode == 0o600
    assert not path.exists()


def test_own_file_goes_also_after_an_error() -> None:
    paths: list[Path] = []

    def fail() -> None:
        with own_file(b"x") as path:
            paths.append(path)
            assert path.read_bytes() == b"x"
            raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"):
        fail()
    assert not paths[0].parent.exists()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (bytes.fromhex("30 07 020103 3000"), True),  # the length in one byte
        (bytes.fromhex("30 8107 020103 3000"), True),  # in two
        (bytes.fromhex("30 820a00 020103 3082"), True),
        (bytes.fromhex("30 80 020103 3080"), True),  # indefinite, as some write it
        (bytes.fromhex("30 820a00 308209e0"), False),  # a certificate
        (bytes.fromhex("30 820a00 020100 300d"), False),  # a key
        (b"-----BEGIN CERTIFICATE-----", False),
        (b"0", False),
        (b"", False),
    ],
)
def test_known_by_its_first_bytes(content: bytes, expected: bool) -> None:
    assert is_pkcs12(content) is expected
