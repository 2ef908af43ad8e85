"""Who we are, and where the secrets are kept."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest

from dicomgui.app.credentials import Identity, IdentityKind, Keyring, KeyringError, Need
from dicomgui.network import ConfigurationError, PeerAddress
from dicomgui.network.association.identity import UserIdentity
from dicomgui.network.pdu import UserIdentityRQ

NEED = Need("key", "Password")


class Store:
    """What the package ``keyring`` offers."""

    def __init__(self, priority: float = 5) -> None:
        self.entries: dict[tuple[str, str], str] = {}
        self._priority = priority

    def get_keyring(self) -> SimpleNamespace:
        return SimpleNamespace(priority=self._priority)

    def get_password(self, service: str, name: str) -> str | None:
        return self.entries.get((service, name))

    def set_password(self, service: str, name: str, secret: str) -> None:
        self.entries[service, name] = secret

    def delete_password(self, service: str, name: str) -> None:
        del self.entries[service, name]


class Locked(Store):
    def get_password(self, service: str, name: str) -> str | None:
        raise RuntimeError("locked")

    def set_password(self, service: str, name: str, secret: str) -> None:
        raise RuntimeError(f"locked; {secret}")


class TestIdentity:
    @pytest.mark.parametrize(
        ("identity", "secret", "made"),
        [
            (Identity(IdentityKind.USERNAME, " anna "), None, UserIdentity.username("anna")),
            (Identity(IdentityKind.PASSCODE, "an", True), "x", UserIdentity.passcode("an", "x", want_response=True)),
            (Identity(IdentityKind.SAML), " <a/>\n", UserIdentity.saml("<a/>")),
            (Identity(IdentityKind.JWT, "left out"), "a.b.c\n", UserIdentity.jwt("a.b.c")),
            (Identity(IdentityKind.KERBEROS), "AAEC\n /w==", UserIdentity.kerberos(b"\0\1\2\xff")),
        ],
    )
    def test_is_made(self, identity: Identity, secret: str | None, made: UserIdentityRQ) -> None:
        assert identity.made(secret) == made

    @pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 257])
    def test_names_that_are_none(self, name: str) -> None:
        with pytest.raises(ConfigurationError):
            Identity(IdentityKind.PASSCODE, name)

    def test_nothing_goes_without_its_secret(self) -> None:
        for kind in IdentityKind:
            if kind.has_secret:
                with pytest.raises(ConfigurationError, match=f"{kind.secret_name} of .* was not given"):
                    Identity(kind, "anna").made("")

    def test_a_ticket_that_is_no_base64(self) -> None:
        with pytest.raises(ConfigurationError, match="no base64") as caught:
            Identity(IdentityKind.KERBEROS).made("hidden!")
        assert "hidden" not in str(caught.value)


def test_needs_say_what_they_are() -> None:
    peer = PeerAddress.parse("PACS@host:104")
    assert Need.of_identity(Identity(IdentityKind.JWT), peer).what == "JSON web token for PACS@host:104"
    assert Need.of_key("a.key").what == "Password of the key a.key"
    assert Need.of_caller("anna") != Need.of_caller("bert")


class TestKeyring:
    def test_keeps_and_forgets(self) -> None:
        keyring = Keyring(Store())
        assert keyring.is_available
        assert keyring.get(NEED) is None
        keyring.keep(NEED, "secret")
        assert keyring.get(NEED) == "secret"
        keyring.forget(NEED)
        keyring.forget(NEED)
        assert keyring.get(NEED) is None

    def test_a_locked_one_has_nothing_and_says_why_it_keeps_nothing(self) -> None:
        keyring = Keyring(Locked())
        assert keyring.get(NEED) is None
        with pytest.raises(KeyringError, match="RuntimeError") as caught:
            keyring.keep(NEED, "hidden")
        assert "hidden" not in str(caught.value)

    @pytest.mark.parametrize("package", [None, Store(priority=0)])
    def test_without_one(self, monkeypatch: pytest.MonkeyPatch, package: ModuleType | None) -> None:
        monkeypatch.setitem(sys.modules, "keyring", package)
        keyring = Keyring()
        assert not keyring.is_available
        assert keyring.get(NEED) is None
        keyring.forget(NEED)
        with pytest.raises(KeyringError, match="no keyring"):
            keyring.keep(NEED, "x")

    def test_the_system_s_is_found(self, monkeypatch: pytest.MonkeyPatch) -> None:
        store = Store()
        monkeypatch.setitem(sys.modules, "keyring", store)
        Keyring().keep(NEED, "secret")
        assert store.entries == {("dicomgui", "key"): "secret"}
