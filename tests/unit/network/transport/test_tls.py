"""Contexts from configurations, what is refused before the network, and words for what OpenSSL reports."""

from __future__ import annotations

import contextlib
import datetime
import os
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import NameOID
from helpers.certificates import Authority, Pair, encrypted_key

from dicomgui.network import ConfigurationError, TlsConfig, TlsError
from dicomgui.network.transport import tls
from dicomgui.network.transport.tls import PROFILES, check_certificates, peer_chain, tls_error

# Compared with PS3.15: B.9 to B.11 (2020d, all of it), B.1 (2013), B.12 and B.13 (2024e, but for the lists of permitted
# algorithms of B.13, whose suites are those that two other implementations took from 2026a).
# PS3.15 B.12: what RFC 9325 4.2 recommends for TLS 1.2.
B12 = {
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
}
# B.13: the ten that it requires of TLS 1.2; Camellia-GCM, which it permits, is unknown to OpenSSL.
B13 = B12 | {
    "ECDHE-ECDSA-AES128-CCM",
    "ECDHE-ECDSA-AES128-CCM8",
    "ECDHE-ECDSA-AES256-CCM",
    "ECDHE-ECDSA-AES256-CCM8",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
}
# B.10 and B.11: "shall all be supported".
B10_REQUIRED = {
    "DHE-RSA-AES128-GCM-SHA256",
    "DHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
}
# B.11: these may be there besides (and Camellia-GCM), "no other cipher suites shall be used".
B11_MORE = {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"}
AES_CBC, TRIPLE_DES = "AES128-SHA", "DES-CBC3-SHA"


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
    assert ciphers_of(context) == B12
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


@pytest.mark.parametrize(
    ("profile", "clause", "ciphers"),
    [
        ("bcp195", "B.12", B12),
        ("modified-bcp195", "B.13", B13),
        ("extended", "B.11", B10_REQUIRED | B11_MORE),
        ("non-downgrading", "B.10", B10_REQUIRED | B12),
        ("bcp195-rfc7525", "B.9", B10_REQUIRED | B12 | {AES_CBC}),
        ("aes", "B.3", {AES_CBC}),
    ],
)
def test_cipher_suites_are_those_of_the_clause(profile: str, clause: str, ciphers: set[str]) -> None:
    assert PROFILES[profile].clause == clause
    assert ciphers_of(TlsConfig(profile=profile).client_context()) - {TRIPLE_DES} == ciphers


def test_only_the_two_newest_are_not_retired() -> None:
    assert [profile.clause for profile in PROFILES.values() if not profile.retired] == ["B.12", "B.13"]
    assert all(profile.title for profile in PROFILES.values())


@pytest.mark.parametrize(
    ("profile", "oldest", "newest"),
    [
        ("bcp195", ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.MAXIMUM_SUPPORTED),
        ("modified-bcp195", ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.MAXIMUM_SUPPORTED),
        ("extended", ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2),
        ("non-downgrading", ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.MAXIMUM_SUPPORTED),
        ("bcp195-rfc7525", ssl.TLSVersion.MINIMUM_SUPPORTED, ssl.TLSVersion.MAXIMUM_SUPPORTED),
        ("aes", ssl.TLSVersion.MINIMUM_SUPPORTED, ssl.TLSVersion.TLSv1_2),
    ],
)
def test_versions_are_those_of_the_clause(profile: str, oldest: ssl.TLSVersion, newest: ssl.TLSVersion) -> None:
    context = TlsConfig(profile=profile).client_context()
    assert (context.minimum_version, context.maximum_version) == (oldest, newest)


@pytest.mark.parametrize("profile", ["bcp195", "modified-bcp195", "extended", "non-downgrading"])
def test_short_dhe_keys_are_refused(profile: str) -> None:
    """B.11 and B.13: 2048 bits or more for DHE, which is level 2 of OpenSSL; their certificates are no weaker."""
    assert TlsConfig(profile=profile).client_context().security_level >= 2


@pytest.mark.parametrize(
    ("profile", "chosen"),
    [("extended", "DHE-RSA-AES256-GCM-SHA384"), ("non-downgrading", "DHE-RSA-AES256-GCM-SHA384"), ("bcp195", None)],
)
def test_a_server_has_dhe_where_its_profile_requires_it(pair: Pair, profile: str, chosen: str | None) -> None:
    server = TlsConfig(profile=profile, cert_file=pair.cert, key_file=pair.key).server_context()
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    client.set_ciphers("DHE-RSA-AES256-GCM-SHA384")
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(to_client, to_server, server_hostname="x"),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    if chosen is None:
        with pytest.raises(ssl.SSLError, match="NO_SHARED_CIPHER"):
            _shake_hands(*ends)
        return
    _shake_hands(*ends)
    cipher = ends[0].cipher()
    assert cipher is not None
    assert cipher[0] == chosen


def _shake_hands(*ends: ssl.SSLObject) -> None:
    for _ in range(3):
        for end in ends:
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()


def _connection(client: ssl.SSLContext, server: ssl.SSLContext) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """The client's and the server's end after the handshake; raises what stopped it."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(to_client, to_server, server_hostname="x"),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    _shake_hands(*ends)
    return ends


def _speak(client: ssl.SSLContext, server: ssl.SSLContext) -> str:
    """The cipher suite that the two agree on; raises what stopped the handshake."""
    cipher = _connection(client, server)[0].cipher()
    assert cipher is not None
    return cipher[0]


NOT_WEAK = ["bcp195", "modified-bcp195", "extended", "non-downgrading"]


@pytest.mark.parametrize("profile", NOT_WEAK)
def test_ecdhe_of_less_than_256_bits_is_refused(pair: Pair, profile: str) -> None:
    """B.11 and B.13: the key length shall be 256 bits or more; RFC 9325 4.2.1 has 224 as the least."""
    server = TlsConfig(profile=profile, cert_file=pair.cert, key_file=pair.key).server_context()
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    client.set_ciphers("ECDHE:@SECLEVEL=0")
    client.set_ecdh_curve("prime256v1")
    assert "ECDHE" in _speak(client, server)
    client.set_ecdh_curve("secp224r1")
    with pytest.raises(ssl.SSLError):
        _speak(client, server)


KEYS: dict[str, tuple[PrivateKeyTypes, bool]] = {
    "RSA of 1024 bits": (rsa.generate_private_key(65537, 1024), False),
    "ECDSA of 224 bits": (ec.generate_private_key(ec.SECP224R1()), False),
    "RSA of 2048 bits": (rsa.generate_private_key(65537, 2048), True),
    "ECDSA of 256 bits": (ec.generate_private_key(ec.SECP256R1()), True),
}


@pytest.mark.parametrize("profile", NOT_WEAK)
@pytest.mark.parametrize("kind", KEYS)
def test_certificates_are_as_strong_as_the_keys(tmp_path: Path, profile: str, kind: str) -> None:
    """RSA of 2048 bits and ECDSA of 256 bits, with SHA-256 (B.13, and RFC 9325 4.5 of the others)."""
    key, is_taken = KEYS[kind]
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.maximum_version = ssl.TLSVersion.TLSv1_2
    server.set_ciphers("ALL:@SECLEVEL=0")
    own = _self_signed(key, tmp_path)
    server.load_cert_chain(own)
    client = TlsConfig(profile=profile, ca_file=own).client_context()
    if is_taken:
        assert _speak(client, server)
    else:
        with pytest.raises(ssl.SSLError):
            _speak(client, server)


def _pss(digest: Any) -> dict[str, Any]:
    return {"rsa_padding": padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH)}


SIGNED: dict[str, tuple[Any, Callable[[Any], dict[str, Any]]]] = {
    "RSA": (rsa.generate_private_key(65537, 2048), lambda _: {}),
    "RSASSA-PSS": (rsa.generate_private_key(65537, 2048), _pss),
    "ECDSA": (ec.generate_private_key(ec.SECP256R1()), lambda _: {}),
}


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(("profile", "is_refused"), [("modified-bcp195", True), ("bcp195", False)])
@pytest.mark.parametrize("kind", SIGNED)
def test_b13_wants_certificates_signed_with_sha256(
    tmp_path: Path, kind: str, profile: str, is_refused: bool, version: ssl.TLSVersion
) -> None:
    """Either side looks at what the other shows; RFC 9325, and B.12 with it, only prefers SHA-256."""
    key, more = SIGNED[kind]
    for digest, is_strong in ((hashes.SHA224(), False), (hashes.SHA256(), True)):
        own = _self_signed(key, tmp_path, digest, **more(digest))
        config = TlsConfig(profile, ca_file=own, cert_file=own, client_auth="require")
        other = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        other.maximum_version, other.verify_mode = version, ssl.CERT_NONE
        other.load_cert_chain(own)
        ends = [_connection(config.client_context(), other)[0]]
        other = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        other.maximum_version, other.check_hostname, other.verify_mode = version, False, ssl.CERT_NONE
        other.load_cert_chain(own)
        ends.append(_connection(other, config.server_context())[1])
        for end in ends:
            assert end.version() == version.name.replace("_", ".")
            if is_refused and not is_strong:
                with pytest.raises(TlsError, match="signed with SHA-224"):
                    check_certificates(end)
            else:
                check_certificates(end)


def _self_signed(key: Any, folder: Path, digest: Any = None, **more: Any) -> Path:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    day = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, day, day + datetime.timedelta(36_500))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("x")]), critical=False)
    made = builder.sign(key, digest or hashes.SHA256(), **more)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "own.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return folder / "own.pem"


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
    empty = tmp_path / "empty"
    empty.mkdir()
    for config, text in (
        (TlsConfig(ca_file=missing), "missing.pem cannot be read"),
        (TlsConfig(ca_file=nonsense), "holds no certificate: it is neither PEM nor DER"),
        (TlsConfig(ca_file=empty), "folder .*empty holds no certificate"),
        (TlsConfig(crl_file=missing), "missing.pem cannot be read"),
        (TlsConfig(crl_file=nonsense), "holds no revocation list: it is neither"),
        (TlsConfig(cert_file=missing), "missing.pem cannot be read"),
        (TlsConfig(cert_file=pair.cert, key_file=missing), "missing.pem cannot be read"),
        (TlsConfig(cert_file=nonsense), "nonsense.pem holds no certificate: it is neither"),
        (TlsConfig(cert_file=pair.cert, key_file=nonsense), "nonsense.pem holds no key: it is neither"),
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
    for key_file in (encrypted, encrypted_key(pair, "secret")):
        assert TlsConfig(cert_file=pair.cert, key_file=key_file, key_password=lambda: "secret").server_context()
        with pytest.raises(ConfigurationError, match="does not open with this password"):
            TlsConfig(cert_file=pair.cert, key_file=key_file, key_password=lambda: "wrong").server_context()


def test_an_encrypted_key_of_another_certificate(tmp_path: Path, authority: Authority, pair: Pair) -> None:
    other = encrypted_key(authority.issue(), "secret")
    with pytest.raises(ConfigurationError, match="does not belong to the certificate"):
        TlsConfig(cert_file=pair.cert, key_file=other, key_password=lambda: "secret").server_context()


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


@pytest.mark.parametrize(
    ("first", "text"),
    [
        (b"\x01\0\0\0", "the peer does not speak TLS here, but DICOM without it (wrong version number)"),
        (b"\x07\0\0\0", "the peer does not speak TLS here, but DICOM without it (wrong version number)"),
        (b"GET / HT", "the peer does not speak TLS here, but HTTP (wrong version number)"),
        (b"SSH-2.0-", "the peer does not speak TLS here, but SSH (wrong version number)"),
        (b"\x08\0\0\0", "the peer does not speak TLS here (wrong version number)"),
        (b"", "the peer does not speak TLS here (wrong version number)"),
    ],
)
def test_what_the_peer_speaks_instead(first: bytes, text: str) -> None:
    original = ssl.SSLError(1, "odd")
    original.reason = "WRONG_VERSION_NUMBER"
    error = tls_error(original, first)
    assert str(error) == text
    assert "without TLS" in error.hint


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str | None) -> tuple[ssl.SSLError, ssl.SSLObject]:
    """The server's error in a handshake in memory, and its side of the connection."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = server.wrap_bio(to_server, to_client, server_side=True)
    theirs = client.wrap_bio(to_client, to_server, server_hostname=name)
    with contextlib.suppress(ssl.SSLWantReadError):
        theirs.do_handshake()
    with pytest.raises(ssl.SSLError) as caught:
        ours.do_handshake()
    return caught.value, ours


@pytest.mark.parametrize(
    ("name", "text"), [("other.example", "'other.example', and this listener"), (None, "asked for no server name")]
)
def test_a_caller_that_asks_for_another_name_is_refused(pair: Pair, name: str | None, text: str) -> None:
    config = TlsConfig(cert_file=pair.cert, key_file=pair.key, expected_server_name="PACS.example.")
    server, client = config.server_context(), TlsConfig(verify="none").client_context()
    error, connection = handshake(server, client, name)
    assert text in str(tls_error(error, connection=connection))
    error, _ = handshake(server, client, "pacs.EXAMPLE")
    assert isinstance(error, ssl.SSLWantReadError)  # it goes on


@pytest.mark.parametrize("name", ["", " ", "a" * 64])
def test_what_is_no_name_of_a_server_cannot_be_expected(pair: Pair, name: str) -> None:
    with pytest.raises(ConfigurationError, match="is no name of a server"):
        TlsConfig(cert_file=pair.cert, key_file=pair.key, expected_server_name=name)


def test_everything_may_be_der(tmp_path: Path, authority: Authority, pair: Pair) -> None:
    def der_of(path: Path) -> Path:
        copy = tmp_path / f"{path.stem}.der"
        copy.write_bytes(ssl.PEM_cert_to_DER_cert(path.read_text("ascii")))
        return copy

    config = TlsConfig(ca_file=der_of(authority.file), cert_file=der_of(pair.cert), key_file=pair.key)
    assert config.client_context().cert_store_stats()["x509_ca"] == 1


def test_a_folder_of_certificates_is_read_but_for_what_is_none(tmp_path: Path, authority: Authority) -> None:
    folder = tmp_path / "trusted"
    folder.mkdir()
    with pytest.raises(ConfigurationError, match="holds no certificate"):
        TlsConfig(ca_file=folder).client_context()
    (folder / "notes.txt").write_text("no certificate", "utf-8")
    (folder / "damaged.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "ascii")
    (folder / "ca.pem").write_bytes(authority.file.read_bytes())
    assert TlsConfig(ca_file=folder).client_context().cert_store_stats()["x509_ca"] == 1


def test_b13_wants_curves_of_256_bits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With elliptic curves 256 bits or more; DCMTK's programs refuse such certificates with +pm, too."""

    def judge(key: Any, profile: str) -> None:
        pem = _self_signed(key, tmp_path, hashes.SHA256()).read_text()
        der = ssl.PEM_cert_to_DER_cert(pem[pem.index("-----BEGIN CERT") : pem.index("-----END CERT") + 25] + "\n")
        monkeypatch.setattr(tls, "_shown", lambda _connection: iter([der]))
        context = TlsConfig(profile).client_context()
        check_certificates(context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="x"))

    small = ec.generate_private_key(ec.SECP224R1())
    with pytest.raises(TlsError, match="less than 256 bits"):
        judge(small, "modified-bcp195")
    judge(small, "bcp195")
    judge(ec.generate_private_key(ec.SECP256R1()), "modified-bcp195")
    judge(rsa.generate_private_key(65537, 2048), "modified-bcp195")


def test_length_of_a_compressed_point() -> None:
    """RFC 5480 2.2: 02 or 03, and one coordinate."""

    def der(tag: int, *parts: bytes) -> bytes:
        content = b"".join(parts)
        return bytes((tag, 0x81, len(content))) + content

    algorithm = der(0x30, bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex("06052b81040021"))
    key = der(0x30, algorithm, der(0x03, b"\0\x02" + bytes(28)))
    version, others = der(0xA0, b"\x02\x01\x02"), [der(0x30)] * 5
    assert tls._curve_bytes(der(0x30, der(0x30, version, *others, key))) == 28
    assert tls._curve_bytes(der(0x30, der(0x30, *others, key))) == 28


def test_no_certificate_before_a_handshake() -> None:
    context = TlsConfig().client_context()
    assert peer_chain(context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="x")) == ()


def test_limits_of_what_is_kept_of_a_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    context = TlsConfig().client_context()
    connection = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="x")
    for sent, kept in (([1000] * 99, 10), ([40_000, 20_000, 5536, 1], 3), ([40_000, 30_000, 1], 1)):
        monkeypatch.setattr(tls, "_shown", lambda _connection, sizes=sent: iter([bytes(size) for size in sizes]))
        assert len(peer_chain(connection)) == kept


@pytest.mark.skipif(os.name == "nt", reason="modes of files are those of POSIX")
@pytest.mark.parametrize("is_there", [False, True])
def test_the_key_log_can_be_read_by_its_owner_alone(tmp_path: Path, is_there: bool) -> None:
    path = tmp_path / "keys.log"
    if is_there:
        path.write_text("# kept\n", encoding="ascii")
        path.chmod(0o644)
    TlsConfig(keylog_file=path).client_context()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text(encoding="ascii").startswith("# kept" if is_there else "")


@pytest.mark.parametrize(
    "certificate", [b"", b"\x30\x80\x30\x00\x00\x00", b"\x30\x04\x30\x00\x30\x00", b"\x30\x02\x05\x00"]
)
def test_a_certificate_that_b13_cannot_look_at_is_refused(monkeypatch: pytest.MonkeyPatch, certificate: bytes) -> None:
    """It ends its own connection with a reason, as others that are refused."""
    monkeypatch.setattr(tls, "_shown", lambda _connection: iter([certificate]))
    context = TlsConfig("modified-bcp195").client_context()
    with pytest.raises(TlsError, match="not in DER"):
        check_certificates(context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="x"))
