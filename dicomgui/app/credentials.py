"""Who we are to a peer, and the secrets that prove it: kept by the system's keyring, or asked for each time.

No secret is ever written to a file of ours. A secret is text: a passcode, a SAML assertion, a JSON web token, a
Kerberos ticket in base64, or the password of a TLS key.
"""

from __future__ import annotations

import base64
import binascii
import importlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dicomgui.network.association.identity import UserIdentity
from dicomgui.network.association.params import PeerAddress
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.pdu import UserIdentityRQ

__all__ = ["Identity", "IdentityKind", "Keyring", "KeyringError", "Need"]

SERVICE = "dicomgui"
"""What entries of the keyring are filed under."""

MAX_USER = 256


class IdentityKind(StrEnum):
    """What we say of ourselves (PS3.7 D.3.3.7), as the files and the command line call it."""

    USERNAME = "username"
    PASSCODE = "passcode"
    KERBEROS = "kerberos"
    SAML = "saml"
    JWT = "jwt"

    @property
    def has_name(self) -> bool:
        """Whether a user's name goes with it."""
        return self in (IdentityKind.USERNAME, IdentityKind.PASSCODE)

    @property
    def has_secret(self) -> bool:
        """Whether it takes a secret."""
        return self is not IdentityKind.USERNAME

    @property
    def secret_name(self) -> str:
        """What the secret is called."""
        return _SECRETS.get(self, "")


_SECRETS = {
    IdentityKind.PASSCODE: "passcode",
    IdentityKind.KERBEROS: "Kerberos service ticket in base64",
    IdentityKind.SAML: "SAML assertion",
    IdentityKind.JWT: "JSON web token",
}


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we say we are, without the secret.

    :ivar name: of the user; only with a user name, or user name and passcode.
    :ivar want_response: ask the peer to confirm that it has checked the identity.
    :raises ConfigurationError: a value is unusable.
    """

    kind: IdentityKind
    name: str = ""
    want_response: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", IdentityKind(self.kind))
        object.__setattr__(self, "name", self.name.strip() if self.kind.has_name else "")
        if self.kind.has_name and not self.name:
            raise _unusable("the user identity has no user name", "Type the user's name, or choose no identity.")
        if len(self.name) > MAX_USER or not self.name.isprintable():
            raise _unusable(f"the user name {self.name[:40]!r} is too long, or holds control characters")

    def made(self, secret: str | None) -> UserIdentityRQ:
        """What goes over the wire.

        :raises ConfigurationError: the secret is missing or unusable.
        """
        wanted = self.want_response
        if self.kind is IdentityKind.USERNAME:
            return UserIdentity.username(self.name, want_response=wanted)
        if not secret:
            text = f"the {self.kind.secret_name} of {self.name or 'the user'} was not given"
            raise _unusable(text, "Type it when it is asked for.")
        if self.kind is IdentityKind.PASSCODE:
            return UserIdentity.passcode(self.name, secret, want_response=wanted)
        if self.kind is IdentityKind.KERBEROS:
            return UserIdentity.kerberos(_ticket(secret), want_response=wanted)
        make = UserIdentity.saml if self.kind is IdentityKind.SAML else UserIdentity.jwt
        return make(secret.strip(), want_response=wanted)


def _ticket(secret: str) -> bytes:
    try:
        return base64.b64decode("".join(secret.split()), validate=True)
    except (binascii.Error, ValueError):
        raise _unusable("the Kerberos ticket is no base64") from None


def _unusable(text: str, hint: str = "") -> ConfigurationError:
    return ConfigurationError(text, phase="configure", hint=hint)


@dataclass(frozen=True, slots=True)
class Need:
    """A secret that something needs.

    :ivar key: of its entry in the keyring.
    :ivar what: what is asked for, such as ``Passcode of anna for PACS@host:104``.
    """

    key: str
    what: str

    @classmethod
    def of_identity(cls, identity: Identity, peer: PeerAddress) -> Need:
        """The secret of an identity towards one peer."""
        who = f" of {identity.name}" if identity.name else ""
        name = identity.kind.secret_name
        return cls(f"{identity.kind}{who} for {peer}", f"{name[:1].upper()}{name[1:]}{who} for {peer}")

    @classmethod
    def of_key(cls, path: object) -> Need:
        """The password of an encrypted TLS key."""
        return cls(f"key {path}", f"Password of the key {path}")

    @classmethod
    def of_proxy(cls, user: str, place: str) -> Need:
        """The password of a user of a proxy."""
        return cls(f"proxy {user}@{place}", f"Password of {user} for the proxy {place}")

    @classmethod
    def of_caller(cls, name: str) -> Need:
        """The passcode by which our listener knows a user."""
        return cls(f"caller {name}", f"Passcode of {name}, who calls our listener")


class KeyringError(Exception):
    """The system's keyring did not do what was asked of it; one line for the user."""


class Keyring:
    """The system's keyring, where the package ``keyring`` and a store behind it are there.

    All methods wait for the system, which may ask the user to unlock it: a window calls them in a worker thread.

    :param backend: what has the functions of the package ``keyring``; it is looked for when left out.
    """

    def __init__(self, backend: Any = None) -> None:
        self._backend = backend
        self._is_known = backend is not None

    @property
    def is_available(self) -> bool:
        """Whether secrets can be kept."""
        return self._found() is not None

    def get(self, need: Need) -> str | None:
        """The secret, ``None`` where it is not kept or cannot be had."""
        backend = self._found()
        if backend is None:
            return None
        try:
            found = backend.get_password(SERVICE, need.key)
        except Exception:  # whatever a backend raises: locked, refused, no bus; then the user is asked
            return None
        return found if isinstance(found, str) and found else None

    def keep(self, need: Need, secret: str) -> None:
        """Keep a secret.

        :raises KeyringError: it could not be kept.
        """
        backend = self._found()
        if backend is None:
            raise KeyringError("this system has no keyring that the program can use")
        try:
            backend.set_password(SERVICE, need.key, secret)
        except Exception as error:  # whatever a backend raises
            raise KeyringError(f"the keyring did not keep it: {type(error).__name__}") from None

    def forget(self, need: Need) -> None:
        """Forget a secret; does nothing where it is not kept."""
        backend = self._found()
        if backend is not None:
            try:
                backend.delete_password(SERVICE, need.key)
            except Exception:  # most often: there is none
                return

    def _found(self) -> Any:
        if not self._is_known:
            self._is_known = True
            self._backend = _system_keyring()
        return self._backend


def _system_keyring() -> Any:
    """The package, if it has a store that is better than none."""
    try:
        package = importlib.import_module("keyring")
        return package if package.get_keyring().priority > 0 else None
    except Exception:  # not installed, or a backend that fails while it is looked for
        return None
