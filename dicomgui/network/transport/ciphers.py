"""Lists of cipher suites of one's own, by OpenSSL's names, and how they stand beside those of a profile."""

from __future__ import annotations

import ssl
from typing import Any, Final, NamedTuple

from dicomgui.network.errors import ConfigurationError

__all__ = ["CipherChoice", "choose_ciphers", "weaker_ciphers"]

_LEAST_BITS: Final = 128
_FORWARD_SECRET: Final = ("kx-ecdhe", "kx-dhe", "kx-any")
_NEWER_HINT: Final = "Python 3.15 is the first that can choose them; leave them out, and all of OpenSSL's are offered."


class CipherChoice(NamedTuple):
    """A list, parted by the versions of TLS.

    :ivar older: of TLS 1.2 and before, in order of preference.
    :ivar newer: of TLS 1.3; empty for OpenSSL's own.
    """

    older: tuple[str, ...]
    newer: tuple[str, ...]


def choose_ciphers(text: str) -> CipherChoice:
    """Read a list of OpenSSL's names, parted by colons or commas, and judge each name.

    :raises ConfigurationError: a name is unknown to this OpenSSL, is one of TLS 1.3, which this Python cannot choose,
        or of a suite without encryption or without a certificate; names it.
    """
    names = tuple(dict.fromkeys(name for name in text.replace(",", ":").replace(" ", ":").split(":") if name))
    if not names:
        raise _unusable("the list of ciphers is empty", "Name some, parted by colons.")
    newer = tuple(name for name in names if name.startswith("TLS_"))
    if newer:
        _judge_newer(newer)
    older = tuple(name for name in names if name not in newer)
    for name in older:
        if _facts(name) is None:
            hint = "`openssl ciphers -s -v ALL` lists those that there are; one name is one suite."
            raise _unusable(f"{ssl.OPENSSL_VERSION} has no cipher called {name!r}", hint)
        if _proves_or_hides_nothing(name):
            hint = "Everybody on the way could read it, or pose as the peer."
            raise _unusable(f"the cipher {name} encrypts nothing, or knows no certificate", hint)
    return CipherChoice(older, newer)


def weaker_ciphers(names: tuple[str, ...], profile_ciphers: str, *, is_strict: bool) -> tuple[str, ...]:
    """Those of TLS 1.2 and before that ask for less than the profile does.

    :param profile_ciphers: of the profile, in OpenSSL's notation.
    :param is_strict: the profile wants keys that are forgotten (ECDHE, DHE) and authenticated encryption (AEAD).
    """
    own = set(profile_ciphers.split(":"))
    return tuple(name for name in names if name not in own and _is_weak(name, is_strict=is_strict))


def _is_weak(name: str, *, is_strict: bool) -> bool:
    facts = _facts(name)
    if facts is None or facts["strength_bits"] < _LEAST_BITS:
        return True
    return is_strict and not (facts["aead"] and facts["kea"] in _FORWARD_SECRET)


def _proves_or_hides_nothing(name: str) -> bool:
    facts = _facts(name)
    return facts is None or facts["auth"] in ("auth-null", "auth-psk", "auth-srp") or not facts["strength_bits"]


def _facts(name: str) -> dict[str, Any] | None:
    """Facts that OpenSSL has of a suite; ``None`` where no suite has exactly this name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.set_ciphers(f"{name}:@SECLEVEL=0")
    except (ssl.SSLError, ValueError):
        return None
    return next((dict(one) for one in context.get_ciphers() if one["name"] == name), None)


def _judge_newer(names: tuple[str, ...]) -> None:
    choose = getattr(ssl.SSLContext, "set_ciphersuites", None)
    if choose is None:
        raise _unusable(f"this Python cannot choose {names[0]}, which is a cipher of TLS 1.3", _NEWER_HINT)
    for name in names:
        try:
            choose(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), name)
        except (ssl.SSLError, ValueError) as error:
            raise _unusable(f"{ssl.OPENSSL_VERSION} has no cipher called {name!r}", "") from error


def _unusable(text: str, hint: str) -> ConfigurationError:
    return ConfigurationError(text, phase="configure", hint=hint)
