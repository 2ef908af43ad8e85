"""Who the user is (PS3.7 D.3.3.7): the five kinds of identity that a requestor can send, and checks for an acceptor.

A passcode, ticket, assertion or token goes over the wire as it is: anybody on the way can read and use it unless the
connection has TLS. What is made here is a secret; it has no readable ``repr`` and is masked in traces.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from typing import Final

from dicomgui.network.errors import ConfigurationError
from dicomgui.network.pdu import UserIdentityRQ, UserIdentityType

__all__ = ["IdentityCheck", "UserIdentity", "accept_any_identity", "accept_passcodes", "claimed_name"]

MAX_LENGTH: Final = 65_529
"""Bytes of primary and secondary field together: the sub-item's length of 16 bits counts 6 bytes besides them. The
other user information of the request, some 80 bytes and more with roles, has to fit into as many bytes with it."""

IdentityCheck = Callable[[UserIdentityRQ], bytes | None]
"""Gives the server's response to an identity (``b""`` where its kind has none), ``None`` to reject the association; see
:attr:`~dicomgui.network.AcceptPolicy.check_identity`."""


class UserIdentity:
    """Makes the user identity for :func:`~dicomgui.network.connect`; one method for each kind.

    ``want_response`` asks the acceptor to confirm that it has checked the identity. Without it an acceptor that knows
    nothing of identities goes unnoticed, and so does one that does: silence is the usual answer.

    All raise :class:`ConfigurationError` for what is empty, or longer than 65,529 bytes.
    """

    @staticmethod
    def username(name: str, *, want_response: bool = False) -> UserIdentityRQ:
        """A user's name without any proof (type 1)."""
        return _made(UserIdentityType.USERNAME, want_response, _text("user name", name))

    @staticmethod
    def passcode(name: str, passcode: str, *, want_response: bool = False) -> UserIdentityRQ:
        """A user's name and passcode (type 2), both sent in UTF-8."""
        primary, secondary = _text("user name", name), _text("passcode", passcode)
        return _made(UserIdentityType.USERNAME_AND_PASSCODE, want_response, primary, secondary)

    @staticmethod
    def kerberos(ticket: bytes, *, want_response: bool = False) -> UserIdentityRQ:
        """A Kerberos service ticket (type 3); a response holds the server's own ticket."""
        return _made(UserIdentityType.KERBEROS, want_response, _bytes("Kerberos ticket", ticket))

    @staticmethod
    def saml(assertion: str | bytes, *, want_response: bool = False) -> UserIdentityRQ:
        """A SAML assertion (type 4); a response holds a SAML response."""
        return _made(UserIdentityType.SAML, want_response, _bytes("SAML assertion", assertion))

    @staticmethod
    def jwt(token: str | bytes, *, want_response: bool = False) -> UserIdentityRQ:
        """A JSON web token (type 5); a response holds one too."""
        return _made(UserIdentityType.JWT, want_response, _bytes("JSON web token", token))


def _made(kind: UserIdentityType, want_response: bool, primary: bytes, secondary: bytes = b"") -> UserIdentityRQ:
    length = len(primary) + len(secondary)
    if length > MAX_LENGTH:
        raise _unusable(f"the user identity has {length} bytes; {MAX_LENGTH} are the most")
    return UserIdentityRQ(int(kind), int(want_response), primary, secondary)


def _text(what: str, value: str) -> bytes:
    return _bytes(what, value)


def _bytes(what: str, value: str | bytes) -> bytes:
    try:
        data = value.encode("utf-8") if isinstance(value, str) else bytes(value)
    except UnicodeEncodeError:  # its text holds the secret
        raise _unusable(f"the {what} of the user identity is no text that UTF-8 can hold") from None
    if not data:
        raise _unusable(f"the {what} of the user identity is empty")
    return data


def _unusable(text: str) -> ConfigurationError:
    return ConfigurationError(text, phase="configure")


# The acceptor.


def claimed_name(identity: UserIdentityRQ) -> str:
    """The user's name where the identity says one in clear (types 1 and 2), else an empty string.

    It is a claim, may hold any characters, and what is no UTF-8 in it is shown as an escape.
    """
    if identity.type in (UserIdentityType.USERNAME, UserIdentityType.USERNAME_AND_PASSCODE):
        return identity.primary.decode("utf-8", "backslashreplace")
    return ""


def accept_any_identity(identity: UserIdentityRQ) -> bytes | None:
    """An :data:`IdentityCheck` that lets everybody in who says who he is, and proves nothing: for tests and labs."""
    return b"" if identity.primary else None


def accept_passcodes(passcodes: Mapping[str, str]) -> IdentityCheck:
    """An :data:`IdentityCheck` for name and passcode (type 2).

    Everybody else is rejected: an unknown name, a wrong passcode, a name without passcode, and all other types.

    :param passcodes: of each user, by name; looked into at every association, so that it may change.
    """

    def check(identity: UserIdentityRQ) -> bytes | None:
        if identity.type != UserIdentityType.USERNAME_AND_PASSCODE:
            return None
        expected = passcodes.get(claimed_name(identity))
        # An unknown name takes as long as a wrong passcode.
        is_right = hmac.compare_digest((expected or "").encode("utf-8"), identity.secondary)
        return b"" if expected and is_right else None

    return check
