"""Contexts from configurations, what is refused before the network, and words for what OpenSSL reports."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from helpers.certificates import Authority, Pair

from dicomgui.network import ConfigurationError, TlsConfig
from dicomgui.network.transport import tls
from dicomgui.network.transport.tls import PROFILES, peer_certificate, tls_error

B12_CIPHERS = {
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def pair(authority: Authority) -> Pair:
    return authority.issue()


def ciphers_of(context: ssl.SSLContext) -> set[str]:
    return {str(cipher["name"]) for cipher in context.get_ciphers() if cipher["protocol"] != "TLSv1.3"}


def test_the_default_is_b12() -> None:
    context = TlsConfig().client_context()
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.maximum_version == ssl.TLSVersion.MAXIMUM_SUPPORTED
    assert ciphers_of(context) == B12_CIPHERS
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.options & ssl.OP_NO_RENEGOTIATION


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_every_profile_works_or_says_that_this_openssl_cannot(profile: str) -> None:
    config = TlsConfig(profile=profile)
    if profile == "basic" and not _has_triple_des():
        with pytest.raises(ConfigurationError, match="has no cipher of the TLS profile 'basic'"):
            config.client_context()
    else:
        assert ciphers_of(config.client_context())


def _has_triple_des() -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).set_ciphers("DES-CBC3-SHA:@SECLEVEL=0")
    except ssl.SSLError:
        return False
    return True


def test_b13_adds_dhe_and_no_cbc() -> None:
    names = ciphers_of(TlsConfig(profile="modified-bcp195").client_context())
    assert names > B12_CIPHERS
    assert all("GCM" in name or "CHACHA20" in name for name in names)


def test_minimum_version() -> None:
    assert TlsConfig(minimum_version="1.3").client_context().minimum_version == ssl.TLSVersion.TLSv1_3
    aes = TlsConfig(profile="aes", minimum_version="1.2").client_context()
    assert aes.minimum_version == aes.maximum_version == ssl.TLSVersion.TLSv1_2


def test_no_verification() -> None:
    context = TlsConfig(verify="none").client_context()
    assert context.verify_mode == ssl.CERT_NONE
    assert not context.check_hostname


@pytest.mark.parametrize(
    ("client_auth", "mode"),
    [("require", ssl.CERT_REQUIRED), ("verify", ssl.CERT_OPTIONAL), ("none", ssl.CERT_NONE)],
)
def test_client_authentication(authority: Authority, pair: Pair, client_auth: str, mode: ssl.VerifyMode) -> None:
    config = TlsConfig(cert_file=pair.cert, key_file=pair.key, ca_file=authority.file, client_auth=client_auth)
    assert config.server_context().verify_mode == mode


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"profile": "ssl3"}, "no TLS profile"),
        ({"verify": "maybe"}, "no verification"),
        ({"client_auth": "maybe"}, "no client authentication"),
        ({"minimum_version": "1.1"}, "no minimum TLS version"),
        ({"minimum_version": "1.3", "profile": "extended"}, "has no version 1.3"),
        ({"key_file": "key.pem"}, "without a certificate"),
    ],
)
def test_unusable_values(values: dict[str, str], text: str) -> None:
    with pytest.raises(ConfigurationError, match=text) as caught:
        TlsConfig(**values)
    assert caught.value.phase == "configure"


def test_unusable_files(tmp_path: Path, authority: Authority, pair: Pair) -> None:
    missing, nonsense = tmp_path / "missing.pem", tmp_path / "nonsense.pem"
    nonsense.write_text("nonsense")
    another = authority.issue("another.example")
    for config, text in (
        (TlsConfig(ca_file=missing), "missing.pem cannot be read"),
        (TlsConfig(ca_file=nonsense), "no certificate in PEM form"),
        (TlsConfig(cert_file=missing), "missing.pem cannot be read"),
        (TlsConfig(cert_file=pair.cert, key_file=missing), "missing.pem cannot be read"),
        (TlsConfig(cert_file=nonsense), "are no certificate and key in PEM form"),
        (TlsConfig(cert_file=pair.cert, key_file=another.key), "does not belong to the certificate"),
        (TlsConfig(keylog_file=tmp_path / "no" / "folder"), "cannot be written"),
    ):
        with pytest.raises(ConfigurationError, match=text):
            config.client_context()


def test_a_server_needs_a_certificate_and_somebody_to_trust(pair: Pair) -> None:
    with pytest.raises(ConfigurationError, match="needs a certificate"):
        TlsConfig().server_context()
    with pytest.raises(ConfigurationError, match="whom to trust"):
        TlsConfig(cert_file=pair.cert, key_file=pair.key, client_auth="require").server_context()


def test_a_weak_certificate_is_named_so(tmp_path: Path) -> None:
    weak = ssl.SSLError(1, "ee key too small")
    weak.reason = "EE_KEY_TOO_SMALL"
    text, hint = tls._key_trouble(weak, "cert.pem", "key.pem")
    assert "too weak" in text
    assert "2048" in hint


def test_encrypted_key(tmp_path: Path, pair: Pair) -> None:
    key = serialization.load_pem_private_key(pair.key.read_bytes(), None)
    encrypted = tmp_path / "encrypted.key"
    encrypted.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    asked: list[str] = []

    def password() -> str:
        asked.append("once more")
        return "secret"

    config = TlsConfig(cert_file=pair.cert, key_file=encrypted, key_password=password)
    assert config.server_context()
    assert config.client_context()
    assert len(asked) == 2
    assert "password" not in repr(config)
    with pytest.raises(ConfigurationError, match="is encrypted"):
        TlsConfig(cert_file=pair.cert, key_file=encrypted).server_context()
    with pytest.raises(ConfigurationError) as caught:
        TlsConfig(cert_file=pair.cert, key_file=encrypted, key_password=lambda: "wrong").server_context()
    assert "password may be wrong" in caught.value.hint


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("TLSV1_ALERT_UNKNOWN_CA", "the peer broke the TLS handshake off: tlsv1 alert unknown ca"),
        ("HTTP_REQUEST", "the peer does not speak TLS here (http request)"),
        ("PEER_DID_NOT_RETURN_A_CERTIFICATE", "the peer did not return a certificate"),
        ("NO_SHARED_CIPHER", "the TLS handshake failed: no shared cipher"),
        (None, "the TLS handshake failed: odd"),
    ],
)
def test_words(reason: str | None, text: str) -> None:
    original = ssl.SSLError(1, "odd")
    original.reason = reason
    error = tls_error(original)
    assert str(error) == text
    assert error.__cause__ is original
    assert error.phase == "tls"


def test_no_certificate_before_a_handshake() -> None:
    context = TlsConfig().client_context()
    assert peer_certificate(context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="x")) == b""
