"""What TLS is to be like: the profiles of PS3.15 annex B as contexts of OpenSSL, and readable words for what fails."""

from __future__ import annotations

import os
import ssl
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeAlias, cast

from dicomgui.network.der import SEQUENCE, elements, inner
from dicomgui.network.errors import ConfigurationError, TlsError
from dicomgui.network.private_file import open_private
from dicomgui.network.transport.ciphers import choose_ciphers, weaker_ciphers
from dicomgui.network.transport.key_files import KeyFileKind, kinds_of, pem_of
from dicomgui.network.transport.pkcs12 import own_file, read_pkcs12

__all__ = [
    "MAX_CHAIN",
    "MAX_CHAIN_BYTES",
    "PLAIN_PORT",
    "PLAIN_REASONS",
    "PROFILES",
    "ClientAuth",
    "TlsConfig",
    "TlsInfo",
    "Verify",
    "agreed_tls",
    "check_certificates",
    "peer_chain",
    "tls_error",
]

Verify: TypeAlias = Literal["require", "none"]
ClientAuth: TypeAlias = Literal["require", "verify", "none"]

_V12, _NEWEST = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.MAXIMUM_SUPPORTED
_OLDEST = ssl.TLSVersion.MINIMUM_SUPPORTED

# RFC 9325 4.2: what is recommended for TLS 1.2.
_ECDHE_GCM = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
    ":ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
)
# RFC 7525 4.2: what was recommended before, and what PS3.15 B.10 and B.11 require.
_DHE_GCM = "DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384"
_CHACHA = "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
_CCM = "ECDHE-ECDSA-AES256-CCM:ECDHE-ECDSA-AES128-CCM:ECDHE-ECDSA-AES256-CCM8:ECDHE-ECDSA-AES128-CCM8"
_WEAK, _STRONG = "@SECLEVEL=0", "@SECLEVEL=2"  # level 2: DHE with 2048 bits and ECDHE with 224 bits, or more


class _Profile(NamedTuple):
    """One secure transport connection profile.

    :ivar clause: of PS3.15.
    :ivar title: its name there.
    :ivar ciphers: the suites of TLS 1.2 and before, in OpenSSL's notation and our order of preference. Those of TLS
        1.3 are OpenSSL's own (AES-GCM and ChaCha20-Poly1305), which Python cannot change.
    :ivar retired: no longer part of the standard; only for peers that know nothing better.
    :ivar strict: certificates are to be signed with SHA-256 or a longer hash, and keys on elliptic curves are to have
        256 bits or more; OpenSSL's level 2 takes SHA-224 and 224 bits, too.
    """

    clause: str
    title: str
    minimum: ssl.TLSVersion
    maximum: ssl.TLSVersion
    ciphers: str
    retired: bool = True
    strict: bool = False


PROFILES: Final[dict[str, _Profile]] = {
    # TLS 1.2 must be, 1.3 is preferred; the suites are those of RFC 9325.
    "bcp195": _Profile("B.12", "BCP 195 RFC 8996, 9325 TLS", _V12, _NEWEST, f"{_ECDHE_GCM}:{_STRONG}", retired=False),
    # These ten suites of TLS 1.2 are required. Others may be there besides: with Camellia-GCM, which OpenSSL does not
    # know, and with DHE, for who can set its length, which a client of OpenSSL cannot. A server is to have five suites
    # of TLS 1.3, a client one of them at least: Python offers three, and those with AES-CCM not before 3.15.
    "modified-bcp195": _Profile(
        "B.13",
        "Modified BCP 195 RFC 8996, 9325 TLS",
        _V12,
        _NEWEST,
        f"{_ECDHE_GCM}:{_CHACHA}:{_CCM}:{_STRONG}",
        retired=False,
        strict=True,
    ),
    # RFC 7525: TLS 1.0 and 1.1 only where nothing newer can be had; works with devices of the AES profile.
    "bcp195-rfc7525": _Profile(
        "B.9", "BCP 195 TLS", _OLDEST, _NEWEST, f"{_ECDHE_GCM}:{_DHE_GCM}:AES128-SHA:DES-CBC3-SHA:{_WEAK}"
    ),
    # The RSA suites must be; others of the same strength may.
    "non-downgrading": _Profile(
        "B.10", "Non-Downgrading BCP 195 TLS", _V12, _NEWEST, f"{_ECDHE_GCM}:{_DHE_GCM}:{_STRONG}"
    ),
    # As before and Camellia-GCM, but nothing else: that rules out the suites of TLS 1.3, too.
    "extended": _Profile("B.11", "Extended BCP 195 TLS", _V12, _V12, f"{_ECDHE_GCM}:{_DHE_GCM}:{_STRONG}"),
    # AES, with triple DES to fall back on, where OpenSSL still has it.
    "aes": _Profile("B.3", "AES TLS", _OLDEST, _V12, f"AES128-SHA:DES-CBC3-SHA:{_WEAK}"),
    "basic": _Profile("B.1", "Basic TLS", _OLDEST, _V12, f"DES-CBC3-SHA:{_WEAK}"),
}
"""The profiles of PS3.15 annex B by name; all but the first two are retired from the standard."""

# RFC 7919 A.1, ffdhe2048: a group for the suites with DHE, which a server has only if it brings one.
_FFDHE2048: Final = b"""-----BEGIN DH PARAMETERS-----
MIIBCAKCAQEA//////////+t+FRYortKmq/cViAnPTzx2LnFg84tNpWp4TZBFGQz
+8yTnc4kmz75fS/jY2MMddj2gbICrsRhetPfHtXV/WVhJDP1H18GbtCFY2VVPe0a
87VXE15/V8k1mE8McODmi3fipona8+/och3xWKE2rec1MKzKT0g6eXq8CrGCsyT7
YdEIqUuyyOP7uWrat2DX9GgdT0Kj3jlN9K5W7edjcrsZCwenyO4KbXCeAvzhzffi
7MA0BM0oNC9hkXL+nOmFg/+OTxIy7vKBg8P+OxtMb61zO7X8vC7CIAXFjvGDfRaD
ssbzSibBsu/6iGtCOGEoXJf//////////wIBAg==
-----END DH PARAMETERS-----
"""
_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_DER: Final = 2  # _ssl.ENCODING_DER


# With RSA, ECDSA and DSA, and the hash alone as a parameter of RSASSA-PSS. MD5 and SHA-1 are below level 2 of OpenSSL.
_SHA224: Final = tuple(
    map(
        bytes.fromhex,
        ("06092a864886f70d01010e", "06082a8648ce3d040301", "0609608648016503040301", "0609608648016503040204"),
    )
)


_EC_KEY: Final = bytes.fromhex("06072a8648ce3d0201")
_LEAST_CURVE_BYTES: Final = 32
_VERSION_TAG: Final = 0xA0


class _Context(ssl.SSLContext):
    """A context, and what OpenSSL cannot be told.

    :ivar is_strict: the profile wants certificates signed with SHA-256 or more, and keys of 256 bits or more.
    :ivar expected_name: the name that callers have to ask for (SNI); empty for any.
    :ivar asked: the names that callers asked for in vain.
    """

    is_strict = False
    expected_name = ""

    def expect(self, name: str) -> None:
        """Let in only callers that ask for this name (RFC 6066 3)."""
        self.expected_name = name
        self.asked: weakref.WeakKeyDictionary[ssl.SSLObject, str] = weakref.WeakKeyDictionary()
        self.sni_callback = _judge_name


def _judge_name(connection: ssl.SSLObject, asked: str | None, context: ssl.SSLContext) -> int | None:
    if not isinstance(context, _Context) or (asked or "").rstrip(".").lower() == context.expected_name:
        return None
    context.asked[connection] = asked or ""
    return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME


@dataclass(frozen=True, slots=True)
class TlsConfig:
    """How to speak TLS, as client or server. A value; the files are read when a context is made.

    :ivar profile: of PS3.15 annex B: ``bcp195`` (B.12, the default: TLS 1.2 and 1.3, ECDHE with AES-GCM) or
        ``modified-bcp195`` (B.13: ChaCha20-Poly1305 and AES-CCM as well, the peer's certificates signed with SHA-256
        or more, keys on elliptic curves of 256 bits or more; of its suites of TLS 1.3 a server lacks the two with
        AES-CCM); retired and only on request:
        ``bcp195-rfc7525`` (B.9), ``non-downgrading`` (B.10), ``extended`` (B.11), ``aes`` (B.3), ``basic`` (B.1),
        the last ones as far as the OpenSSL at hand still can.
    :ivar ciphers: the cipher suites to offer instead of the profile's, in order of preference: OpenSSL's names, parted
        by colons. Those of TLS 1.3 can be chosen from Python 3.15 on; without any, OpenSSL's own are offered as well.
        See :attr:`weaker_ciphers`.
    :ivar ca_file: file (PEM or DER) of the certificates that are trusted as issuers, or a folder of such files; by
        default a client trusts what the system trusts. A server that asks for certificates needs one.
    :ivar cert_file: file (PEM or DER) of our certificate, in PEM followed by its chain; or a PKCS#12 file (``.p12``,
        ``.pfx``) of certificate, chain and key, which needs the package ``cryptography``
        (``pip install dicomgui[tls-tools]``). A server needs one.
    :ivar key_file: file (PEM or DER) of its key (PKCS#8, also encrypted; PKCS#1 or SEC 1); by default it is looked for
        in ``cert_file``.
    :ivar key_password: asked for the password of an encrypted key or PKCS#12 file each time that it is needed; never
        kept.
    :ivar server_name: the name that the peer's certificate must have, and that is sent (SNI); by default the host.
    :ivar expected_server_name: the name that callers of a server have to ask for (SNI); others, and those that ask for
        none, are refused with the alert *unrecognized_name*. By default a server does not look at it.
    :ivar verify: ``none`` lets a client trust any peer whatsoever.
    :ivar client_auth: whether a server asks for a certificate: ``require`` one, ``verify`` it where there is one, or
        ``none``.
    :ivar minimum_version: ``"1.2"`` or ``"1.3"``, where the profile's is not strict enough.
    :ivar crl_file: PEM or DER file of the revocation lists (CRL) of the issuers, or a folder of such files. The peer's
        certificate must not be in the list of its issuer, and there must be one; lists that are out of date refuse all.
    :ivar keylog_file: where the session keys are appended for Wireshark (SSLKEYLOGFILE); who has it can read all. Its
        mode is 0600 before the first key is in it, also where it was there with a wider one.
    :raises ConfigurationError: a value is unusable.
    """

    profile: str = "bcp195"
    ca_file: str | Path | None = None
    cert_file: str | Path | None = None
    key_file: str | Path | None = None
    key_password: Callable[[], str] | None = field(default=None, repr=False)
    server_name: str | None = None
    verify: Verify = "require"
    client_auth: ClientAuth = "none"
    minimum_version: Literal["1.2", "1.3"] | None = None
    keylog_file: str | Path | None = None
    crl_file: str | Path | None = None
    ciphers: str = ""
    expected_server_name: str | None = None

    def __post_init__(self) -> None:
        _check("TLS profile", self.profile, tuple(PROFILES))
        _check("verification", self.verify, ("require", "none"))
        _check("client authentication", self.client_auth, ("require", "verify", "none"))
        if self.minimum_version is not None:
            _check("minimum TLS version", self.minimum_version, tuple(_VERSIONS))
            if _VERSIONS[self.minimum_version] == _VERSIONS["1.3"] and PROFILES[self.profile].maximum == _V12:
                raise _unusable(f"the TLS profile {self.profile!r} has no version {self.minimum_version}")
        if self.key_file is not None and self.cert_file is None:
            raise _unusable("there is a TLS key without a certificate", "Give the certificate as well.")
        if self.expected_server_name is not None:
            _server_name(self.expected_server_name)
        if self.ciphers and choose_ciphers(self.ciphers).older and self.minimum_version == "1.3":
            raise _unusable("ciphers of TLS 1.2 are named, and TLS 1.3 is the least version", "Leave one of them out.")

    @property
    def weaker_ciphers(self) -> tuple[str, ...]:
        """The own ciphers that ask for less than the profile: fewer than 128 bits, or, for all profiles but the two
        that are older than BCP 195 and its first edition, without forward secrecy or authenticated encryption.
        """
        if not self.ciphers:
            return ()
        profile = PROFILES[self.profile].ciphers
        return weaker_ciphers(choose_ciphers(self.ciphers).older, profile, is_strict=profile.endswith(_STRONG))

    def client_context(self) -> ssl.SSLContext:
        """What a requestor needs.

        :raises ConfigurationError: a file cannot be used, or this OpenSSL does not know the profile.
        """
        context = self._context(ssl.PROTOCOL_TLS_CLIENT)
        if self.verify == "none":
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif self.ca_file is None:
            context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        return context

    def server_context(self) -> ssl.SSLContext:
        """What an acceptor needs.

        :raises ConfigurationError: there is no certificate, or nobody to trust where certificates are asked for; a
            file cannot be used, or this OpenSSL does not know the profile.
        """
        if self.cert_file is None:
            raise _unusable("a TLS server needs a certificate", "Give certificate and key.")
        if self.client_auth != "none" and self.ca_file is None:
            raise _unusable(
                "a TLS server that checks certificates needs to know whom to trust",
                "Give the file of the issuing authority's certificate.",
            )
        context = self._context(ssl.PROTOCOL_TLS_SERVER)
        if self.expected_server_name is not None:
            context.expect(_server_name(self.expected_server_name))
        if any(one["name"].startswith("DHE-") for one in context.get_ciphers()):
            with own_file(_FFDHE2048) as path:
                context.load_dh_params(str(path))
        context.num_tickets = 0  # nobody resumes, and who closes without having read a ticket resets the connection
        modes = {"require": ssl.CERT_REQUIRED, "verify": ssl.CERT_OPTIONAL, "none": ssl.CERT_NONE}
        context.verify_mode = modes[self.client_auth]
        return context

    def _context(self, protocol: int) -> _Context:
        profile = PROFILES[self.profile]
        context = _Context(protocol)
        context.is_strict = profile.strict
        context.minimum_version = _VERSIONS.get(self.minimum_version or "", profile.minimum)
        context.maximum_version = profile.maximum
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
        self._set_ciphers(context)
        self._load_own(context)
        self._load_trusted(context)
        self._load_revoked(context)
        if self.keylog_file is not None:
            try:
                os.close(open_private(self.keylog_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND))
                context.keylog_filename = str(self.keylog_file)
            except OSError as error:
                raise _unusable(f"the TLS key log {self.keylog_file} cannot be written: {error.strerror}") from error
        return context

    def _set_ciphers(self, context: ssl.SSLContext) -> None:
        wanted = PROFILES[self.profile].ciphers
        if self.ciphers:
            older, newer = choose_ciphers(self.ciphers)
            level = wanted[wanted.rindex("@") :]  # it also judges certificates and keys, which is not asked here
            wanted = ":".join((*older, level)) if older else wanted
            if newer:
                cast(Any, context).set_ciphersuites(":".join(newer))  # from Python 3.15 on, else there are none here
        try:
            context.set_ciphers(wanted)
        except ssl.SSLError as error:
            text = f"{ssl.OPENSSL_VERSION} has no cipher of the TLS profile {self.profile!r}"
            raise _unusable(text, "Use another profile.") from error

    def _load_own(self, context: ssl.SSLContext) -> None:
        if self.cert_file is None:
            return
        content, key_file = _read(self.cert_file), self.key_file or self.cert_file
        if KeyFileKind.PKCS12 in kinds_of(content):
            self._load_pkcs12(context, self.cert_file, content)
            return
        key = content if self.key_file is None else _read(self.key_file)
        _see_that_it_holds(content, self.cert_file, "certificate", lambda kind: kind is KeyFileKind.CERTIFICATE)
        _see_that_it_holds(key, key_file, "key", lambda kind: kind.is_key)
        asked: list[str] = []

        def password() -> str:
            asked.append(self._password())
            return asked[-1]

        try:
            if pem_of(content) is content and pem_of(key) is key:
                context.load_cert_chain(self.cert_file, self.key_file, password=password)
            else:
                with own_file(pem_of(content) + pem_of(key)) as copy:
                    context.load_cert_chain(copy, password=password)
        except ssl.SSLError as error:
            if asked and not error.reason:  # the certificate has been read before
                text = f"the TLS key {key_file} does not open with this password"
                raise _unusable(text, "Give the password that it was encrypted with.") from error
            raise _unusable(*_key_trouble(error, self.cert_file, key_file)) from error

    def _load_pkcs12(self, context: ssl.SSLContext, path: str | Path, content: bytes) -> None:
        if self.key_file is not None:
            raise _unusable(f"{path} is a PKCS#12 file, which brings its key with it", "Give no key file.")
        pem, secret = read_pkcs12(content, path, self.key_password)
        with own_file(pem) as copy:
            try:
                context.load_cert_chain(copy, password=secret)
            except ssl.SSLError as error:
                raise _unusable(*_key_trouble(error, path, path)) from error

    def _password(self) -> str:
        # Without a function OpenSSL would ask at the terminal.
        if self.key_password is None:
            raise _unusable(f"the TLS key {self.key_file or self.cert_file} is encrypted", "Give its password.")
        return self.key_password()

    def _load_trusted(self, context: ssl.SSLContext) -> None:
        if self.ca_file is None:
            return
        _load(context, self.ca_file, "certificate", KeyFileKind.CERTIFICATE)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # the peer's own certificate may be what is trusted

    def _load_revoked(self, context: ssl.SSLContext) -> None:
        if self.crl_file is not None:
            _load(context, self.crl_file, "revocation list", KeyFileKind.REVOCATION_LIST)
            context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF


def _check(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise _unusable(f"{value!r} is no {what}", f"There are {', '.join(known)}.")


def _read(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise _unusable(f"{path} cannot be read: {error.strerror}") from error


def _load(context: ssl.SSLContext, path: str | Path, what: str, wanted: KeyFileKind) -> None:
    """Take certificates or revocation lists from a PEM or DER file, or from all those of a folder that hold some."""
    folder = Path(path)
    files = sorted(one for one in folder.iterdir() if one.is_file()) if folder.is_dir() else [folder]
    found = 0
    for file in files:
        content = _read(file)
        if file is folder:
            _see_that_it_holds(content, file, what, lambda kind: kind is wanted)
        if wanted not in kinds_of(content):
            continue
        try:
            _load_file(context, file, content)
            found += 1
        except ssl.SSLError as error:
            if file is folder:
                raise _unusable(f"{path} holds no {what} that can be read") from error
    if not found:
        raise _unusable(f"the folder {path} holds no {what}, neither as PEM nor as DER")


def _load_file(context: ssl.SSLContext, path: Path, content: bytes) -> None:
    pem = pem_of(content)
    if pem is content:
        context.load_verify_locations(cafile=path)
        return
    with own_file(pem) as copy:
        context.load_verify_locations(cafile=copy)


def _see_that_it_holds(content: bytes, path: str | Path, what: str, fits: Callable[[KeyFileKind], bool]) -> None:
    kinds = kinds_of(content)
    if any(map(fits, kinds)):
        return
    found = " and ".join(kind.words for kind in kinds)
    text = f"{path} holds no {what}"
    raise _unusable(f"{text}, but {found}" if found else f"{text}: it is neither PEM nor DER")


def _server_name(name: str) -> str:
    """A name as it goes over the wire, in small letters."""
    try:
        made = name.strip().rstrip(".").encode("idna").decode("ascii").lower()
    except UnicodeError:
        made = ""
    if not made:
        raise _unusable(f"{name!r} is no name of a server", "Give the name that callers ask for.")
    return made


def _key_trouble(error: ssl.SSLError, certificate: str | Path, key: str | Path) -> tuple[str, str]:
    reason = error.reason or ""
    if reason == "KEY_VALUES_MISMATCH":
        return f"the TLS key {key} does not belong to the certificate {certificate}", "Give the key made with it."
    if "KEY_TOO_SMALL" in reason or "MD_TOO_WEAK" in reason:
        return f"the certificate {certificate} is too weak ({reason})", "Have one made with 2048 bits and SHA-256."
    text = f"{certificate} and {key} cannot be read as certificate and key"
    if certificate == key:
        text = f"{certificate} cannot be read as a certificate with its key"
    return text, "If the key is encrypted, the password may be wrong."


def _unusable(text: str, hint: str = "") -> ConfigurationError:
    return ConfigurationError(text, phase="configure", hint=hint)


# --------------------------------------------------------------------------------------------------------- connections

MAX_CHAIN: Final = 10
"""Certificates of a peer that are kept; a chain has three as a rule."""

MAX_CHAIN_BYTES: Final = 65_536
"""Their bytes together. OpenSSL breaks the handshake off where they are more than 100 KiB."""


@dataclass(frozen=True, slots=True)
class TlsInfo:
    """What TLS agreed on.

    :ivar version: such as ``TLSv1.3``.
    :ivar cipher: OpenSSL's name of the cipher suite.
    :ivar certificate: the peer's, as DER; empty where it showed none. A server has checked it if it asked for one, a
        client unless it was told to trust anybody.
    :ivar chain: all certificates that it sent, as DER, its own first (RFC 8446 4.4.2): 10 of 64 KiB together at most.
        They are as it sent them: the trusted issuer is seldom among them, and one that is of no use may be. Another
        interpreter than CPython may tell its own alone.
    """

    version: str
    cipher: str
    certificate: bytes = field(repr=False)
    chain: tuple[bytes, ...] = field(default=(), repr=False)


def agreed_tls(connection: ssl.SSLObject | None) -> TlsInfo | None:
    """What a connection agreed on in its handshake; ``None`` for one without TLS."""
    if connection is None:
        return None
    cipher, chain = connection.cipher(), peer_chain(connection)
    return TlsInfo(connection.version() or "", cipher[0] if cipher else "", b"".join(chain[:1]), chain)


def peer_chain(connection: ssl.SSLObject) -> tuple[bytes, ...]:
    """The certificates that the peer sent, its own first, as DER, also where they were refused.

    What goes beyond :data:`MAX_CHAIN` and :data:`MAX_CHAIN_BYTES` is left out.
    """
    chain: list[bytes] = []
    room = MAX_CHAIN_BYTES
    for certificate in islice(_shown(connection), MAX_CHAIN):
        room -= len(certificate)
        if room < 0:
            break
        chain.append(certificate)
    return tuple(chain) or _own_certificate(connection)


def _own_certificate(connection: ssl.SSLObject) -> tuple[bytes, ...]:
    try:
        found = connection.getpeercert(True)
    except ValueError:  # the handshake has not succeeded
        found = None
    return (found,) if found else ()


def _shown(connection: ssl.SSLObject) -> Iterator[bytes]:
    """The certificates that the peer showed, its own first, as DER."""
    # The public method of Python 3.13 on fails where a caller showed none: the chain of a server then begins with None.
    source = getattr(connection, "_sslobj", None) or connection
    chain: Iterable[Any] = getattr(source, "get_unverified_chain", tuple)() or ()
    for one in chain:
        if one is not None:
            yield one if isinstance(one, bytes) else bytes(one.public_bytes(_DER))


def check_certificates(connection: ssl.SSLObject) -> None:
    """See that the peer's certificates are as its profile wants them, where OpenSSL could not be told.

    :raises TlsError: over a profile that forbids it (PS3.15 B.13), one is signed with less than SHA-256, or its key is
        on an elliptic curve of less than 256 bits.
    """
    if not isinstance(connection.context, _Context) or not connection.context.is_strict:
        return
    for certificate in _shown(connection):
        try:
            algorithm, curve_bytes = _signature_algorithm(certificate), _curve_bytes(certificate)
        except (ValueError, LookupError, StopIteration) as error:  # OpenSSL reads more than DER
            text = "the peer's certificate is refused: it is not in DER, and cannot be compared with this TLS profile"
            raise TlsError(text, phase="tls", hint="Have one made in DER, or use another profile.") from error
        if any(oid in algorithm for oid in _SHA224):
            text = "the peer's certificate is refused: it is signed with SHA-224, and this TLS profile wants SHA-256"
            raise TlsError(text, phase="tls", hint="Have one made with SHA-256, or use another profile.")
        if 0 < curve_bytes < _LEAST_CURVE_BYTES:
            text = "the peer's certificate is refused: its key has less than 256 bits, which this TLS profile wants"
            raise TlsError(text, phase="tls", hint="Have one made with a key on P-256, or use another profile.")


def _signature_algorithm(certificate: bytes) -> bytes:
    """The field of that name of a certificate (RFC 5280 4.1) that OpenSSL has read: what follows what is signed."""
    _, algorithm, *_ = elements(inner(certificate, SEQUENCE))
    return algorithm.content


def _curve_bytes(certificate: bytes) -> int:
    """Length of a coordinate of the public key in bytes, 0 for one that is on no elliptic curve (RFC 5480 2)."""
    signed = next(elements(inner(certificate, SEQUENCE)))
    fields = [one.content for one in elements(signed.content) if one.tag != _VERSION_TAG]
    algorithm, bits = elements(fields[5])
    if not algorithm.content.startswith(_EC_KEY):
        return 0
    point = bits.content[1:]
    return (len(point) - 1) // (2 if point.startswith(b"\x04") else 1)


PLAIN_REASONS: Final = frozenset(
    (
        "WRONG_VERSION_NUMBER",
        "HTTP_REQUEST",
        "HTTPS_PROXY_REQUEST",
        "RECORD_LAYER_FAILURE",
        "PACKET_LENGTH_TOO_LONG",
        "UNKNOWN_PROTOCOL",
        "UNEXPECTED_MESSAGE",
        "RECORD_TOO_SMALL",
    )
)
"""What OpenSSL says of a peer that does not speak TLS at all."""

PLAIN_PORT: Final = "Try without TLS, or ask for the port with TLS."


_OTHER_PROTOCOLS = (
    (tuple(bytes((kind, 0)) for kind in range(1, 8)), "DICOM without it"),  # PS3.8 9.3: type of a PDU, reserved byte
    ((b"HTTP/", b"GET ", b"POST", b"HEAD", b"PUT ", b"OPTI"), "HTTP"),
    ((b"SSH-",), "SSH"),
)


def tls_error(error: ssl.SSLError, first: bytes = b"", connection: ssl.SSLObject | None = None) -> TlsError:
    """One sentence for what OpenSSL reports; the trace's diagnosis knows causes and remedies by its words.

    :param first: the first bytes that the peer sent, as far as they are known.
    :param connection: on which it happened.
    """
    reason = error.reason or ""
    words = reason.lower().replace("_", " ") or error.strerror or str(error)
    hint = ""
    if isinstance(error, ssl.SSLCertVerificationError):
        text = f"the peer's certificate is refused: {error.verify_message}"
        hint = "Check date, issuer and name of the certificate."
    elif "UNRECOGNIZED_NAME" in reason:
        text = "the peer does not answer to the name that TLS asked it for (unrecognized name)"
        hint = "Give the name that it expects as the TLS server name."
    elif connection is not None and (asked := _asked_in_vain(connection)) is not None:
        text = f"the caller asked for the server name {asked!r}, and this listener expects another one"
        if not asked:
            text = "the caller asked for no server name (SNI), and this listener expects one"
    elif "ALERT" in reason:
        text = f"the peer broke the TLS handshake off: {words}"
    elif reason in PLAIN_REASONS:
        spoken = next((f", but {name}" for starts, name in _OTHER_PROTOCOLS if first.startswith(starts)), "")
        text = f"the peer does not speak TLS here{spoken} ({words})"
        hint = PLAIN_PORT
    elif reason == "PEER_DID_NOT_RETURN_A_CERTIFICATE":
        text = "the peer did not return a certificate"
    else:
        text = f"the TLS handshake failed: {words}"
    made = TlsError(text.rstrip("."), phase="tls", hint=hint)
    made.__cause__ = error
    return made


def _asked_in_vain(connection: ssl.SSLObject) -> str | None:
    """The name that a caller asked for and that is not the expected one; empty where it asked for none."""
    context = connection.context
    return context.asked.get(connection) if isinstance(context, _Context) and context.expected_name else None
