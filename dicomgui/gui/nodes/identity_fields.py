"""Who we say we are to a peer. The secret that proves it is asked for when it is needed, never typed here."""

from __future__ import annotations

from collections.abc import Mapping

from dicomgui.app.credentials import Identity, IdentityKind
from dicomgui.gui.widgets.buttons import Choice, push_button
from dicomgui.gui.widgets.fields import YES, FieldSet, check_box, line_edit
from dicomgui.gui.widgets.text import PlainLabel

__all__ = ["IdentityFields"]

_KINDS = {
    "": "none",
    IdentityKind.USERNAME: "user name",
    IdentityKind.PASSCODE: "user name and passcode",
    IdentityKind.SAML: "SAML assertion",
    IdentityKind.JWT: "JSON web token",
    IdentityKind.KERBEROS: "Kerberos ticket",
}


class IdentityFields(FieldSet):
    """Kind of identity, name of the user, whether the peer is to confirm it, or has to.

    :param prefix: begins the object names: ``node_identity``, ``node_user_name``, ``node_identity_response``.
    :ivar forget_button: forgets the secret that the keyring has for it.
    """

    def __init__(self, prefix: str) -> None:
        super().__init__()
        kind = Choice(f"{prefix}_identity", "User identity")
        for value, text in _KINDS.items():
            kind.addItem(text, str(value))
        self.name = line_edit(f"{prefix}_user_name", "User name")
        self.add_row(("identity", "User identity", kind, None), ("user_name", "User name", self.name, None))
        tip = "Otherwise a peer that knows nothing of identities goes unnoticed"
        confirm = check_box(f"{prefix}_identity_response", "Ask to confirm it", tip=tip)
        tip = "Forget the passcode or token that the system's keyring has for this node"
        self.forget_button = push_button(f"{prefix}_forget_secret", "Forget what is kept", tip=tip)
        self.add_row(("identity_response", "", confirm, self.forget_button))
        tip = "Ends the association before anything is sent where the peer does not confirm it"
        required = check_box(f"{prefix}_identity_required", "Go on only when it is confirmed", tip=tip)
        self.add_row(("identity_required", "", required, None))
        self.note = PlainLabel(tone="muted", scale=0.9, wrap=True)
        self.note.setObjectName(f"{prefix}_identity_note")
        self.add_wide(self.note)
        self._is_tls = False
        self.changed.connect(self._show)
        self._show()

    def show_tls(self, is_tls: bool) -> None:
        """Whether what is sent is encrypted."""
        if self._is_tls != is_tls:
            self._is_tls = is_tls
            self._show()

    def set_texts(self, texts: Mapping[str, str]) -> None:
        super().set_texts(texts)
        self._show()

    def _kind(self) -> IdentityKind | None:
        value = self.texts()["identity"]
        return IdentityKind(value) if value else None

    def _show(self) -> None:
        kind = self._kind()
        self.show_fields(("user_name",), kind is not None and kind.has_name)
        self.show_fields(("identity_response", "identity_required"), kind is not None)
        has_secret = kind is not None and kind.has_secret
        self.forget_button.setVisible(has_secret)
        self.note.setVisible(has_secret)
        self.note.set_tone("muted" if self._is_tls else "warning")
        asked = "It is asked for when it is needed; the system's keyring can keep it, no file does."
        self.note.setText(asked if self._is_tls else f"{asked} Without TLS it goes over the network in clear.")

    def identity(self) -> Identity | None:
        """What the fields say; ``None`` for no identity.

        :raises ConfigurationError: the name is missing or unusable.
        """
        kind, texts = self._kind(), self.texts()
        return None if kind is None else Identity(kind, texts["user_name"], texts["identity_response"] == YES)

    def is_required(self) -> bool:
        """Whether the association ends where the peer does not confirm the identity."""
        return self._kind() is not None and self.texts()["identity_required"] == YES

    @staticmethod
    def texts_of(identity: Identity | None, *, is_required: bool = False) -> dict[str, str]:
        """What the fields hold for an identity."""
        if identity is None:
            return {"identity": "", "user_name": "", "identity_response": "", "identity_required": ""}
        return {
            "identity": identity.kind.value,
            "user_name": identity.name,
            "identity_response": YES if identity.want_response else "",
            "identity_required": YES if is_required else "",
        }

    def summary(self) -> str:
        """In a few words; nothing without identity."""
        kind = self._kind()
        if kind is None:
            return ""
        return f"user {self.name.text().strip()}" if kind.has_name else _KINDS[kind]
