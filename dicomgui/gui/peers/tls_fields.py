"""Whether and how TLS is spoken: profile, files, and whose certificate is believed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, cast

from PySide6.QtCore import Qt, Signal

from dicomgui.gui.widgets.buttons import Choice, push_button
from dicomgui.gui.widgets.fields import YES, FieldSet, check_box, line_edit
from dicomgui.gui.widgets.text import PlainLabel
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.transport import ClientAuth, TlsConfig
from dicomgui.network.transport.tls import PROFILES

__all__ = ["TlsFields", "profile_text"]

_CLIENT = ("tls_profile", "tls_minimum_version", "tls_ciphers", "tls_ca_file", "tls_server_name", "tls_verify",
           "tls_cert_file", "tls_key_file", "tls_crl_file", "tls_keylog_file")  # fmt: skip
_SERVER = ("tls_profile", "tls_minimum_version", "tls_ciphers", "tls_cert_file", "tls_key_file", "tls_client_auth",
           "tls_expected_server_name", "tls_ca_file", "tls_crl_file", "tls_keylog_file")  # fmt: skip
_CLIENT_AUTH = {
    "none": "asked for no certificate",
    "verify": "checked if they show a certificate",
    "require": "let in only with a certificate",
}
_VERSIONS = {"": "by the profile", "1.2": "1.2", "1.3": "1.3"}
_WARNING = "Anybody on the way can pose as this peer: for tests only."
_KEYLOG = "Who has this key log can read everything that is sent. Export a trace with it for Wireshark, then delete it."


def profile_text(name: str) -> str:
    """A profile for people: its clause of PS3.15, and whether it is retired."""
    profile = PROFILES[name]
    return f"{name} · PS3.15 {profile.clause}{', retired' if profile.retired else ''}"


class TlsFields(FieldSet):
    """The fields of one node, or with ``is_server`` those of the listener. Off, they show nothing but the switch.

    :param prefix: begins the object names: ``node_tls``, ``node_tls_profile``, ``node_tls_ca_file`` …
    """

    file_wanted = Signal(str)
    """The user wants to choose the file of the field with this name."""

    def __init__(self, prefix: str, *, is_server: bool = False) -> None:
        super().__init__()
        self._prefix = prefix
        self._names = _SERVER if is_server else _CLIENT
        self._new: set[str] = set()
        self.switch = check_box(f"{prefix}_tls", "Speak TLS" if not is_server else "Speak TLS with everyone")
        self.add_row(("tls", "", self.switch, None))
        self.profile = Choice(f"{prefix}_tls_profile", "TLS profile")
        for name, profile in PROFILES.items():
            self.profile.addItem(profile_text(name), name)
            self.profile.setItemData(self.profile.count() - 1, profile.title, Qt.ItemDataRole.ToolTipRole)
        self.ciphers_note = PlainLabel("", tone="warning", scale=0.9, wrap=True)
        self.ciphers_note.setObjectName(f"{prefix}_tls_ciphers_note")
        self.note = PlainLabel(_WARNING, tone="warning", scale=0.9, wrap=True)
        self.note.setObjectName(f"{prefix}_tls_note")
        self.keylog_note = PlainLabel(_KEYLOG, tone="warning", scale=0.9, wrap=True)
        self.keylog_note.setObjectName(f"{prefix}_tls_keylog_note")
        if is_server:
            self._add_server_rows()
        else:
            self._add_client_rows()
        self._add_file("tls_crl_file", "Revoked certificates (CRL)", "not looked at")
        self._add_file("tls_keylog_file", "Key log for Wireshark", "none", is_new=True)
        self.add_wide(self.keylog_note)
        self.add_wide(self.note)
        self.changed.connect(self._show)
        self._show()

    def _add_client_rows(self) -> None:
        self.add_row(("tls_profile", "Profile", self.profile, None))
        self._add_file("tls_ca_file", "Trusted issuers", "as the system trusts")
        tip = "The name that the certificate must list, where the host is an alias or address"
        name = line_edit(f"{self._prefix}_tls_server_name", "Name in its certificate", hint="as its host", tip=tip)
        verify = check_box(f"{self._prefix}_tls_verify", "Check its certificate")
        self.add_row(("tls_server_name", "Name in its certificate", name, None))  # a long one, of a whole domain
        self.add_row(("tls_minimum_version", "Least version", self._versions(), None))
        self._add_ciphers()
        self.add_row(("tls_verify", "", verify, None))
        self._add_file("tls_cert_file", "Our certificate", "none")
        self._add_file("tls_key_file", "Its key", "in the same file")

    def _add_server_rows(self) -> None:
        auth = Choice(f"{self._prefix}_tls_client_auth", "Callers' certificates")
        for value, text in _CLIENT_AUTH.items():
            auth.addItem(text, value)
        self.add_row(("tls_profile", "Profile", self.profile, None),
                     ("tls_minimum_version", "Least version", self._versions(), None))  # fmt: skip
        self._add_ciphers()
        tip = "Callers that ask for another server name (SNI), or for none, are refused"
        name = line_edit(f"{self._prefix}_tls_expected_server_name", "Name they ask for", hint="any", tip=tip)
        self.add_row(("tls_client_auth", "Callers are", auth, None),
                     ("tls_expected_server_name", "Name they ask for", name, None))  # fmt: skip
        self._add_file("tls_cert_file", "Our certificate", "needed")
        self._add_file("tls_key_file", "Its key", "in the same file")
        self._add_file("tls_ca_file", "Issuers of callers' certificates", "needed to check them")

    def _add_ciphers(self) -> None:
        tip = "Cipher suites by OpenSSL's names, parted by colons, in order of preference"
        edit = line_edit(f"{self._prefix}_tls_ciphers", "Ciphers", hint="those of the profile", tip=tip)
        self.add_row(("tls_ciphers", "Ciphers", edit, None))
        self.add_wide(self.ciphers_note)

    def _versions(self) -> Choice:
        least = Choice(f"{self._prefix}_tls_minimum_version", "Least version of TLS")
        for value, text in _VERSIONS.items():
            least.addItem(text, value)
        return least

    def _add_file(self, name: str, label: str, hint: str, *, is_new: bool = False) -> None:
        if is_new:
            self._new.add(name)
        edit = line_edit(f"{self._prefix}_{name}", label, hint=hint)
        button = push_button(f"{self._prefix}_{name}_browse", "", "folder", tip="Choose the file")
        button.setAccessibleName(f"Choose: {label}")
        button.clicked.connect(lambda: self.file_wanted.emit(name))
        self.add_row((name, label, edit, button))

    def _show(self) -> None:
        texts = self.texts()
        self.show_fields(self._names, texts["tls"] == YES)
        self.note.setVisible(texts["tls"] == YES and texts.get("tls_verify", YES) != YES)
        self.keylog_note.setVisible(texts["tls"] == YES and bool(texts["tls_keylog_file"].strip()))

        self._judge_ciphers(texts)

    def _judge_ciphers(self, texts: Mapping[str, str]) -> None:
        """Say at once which ciphers are weaker than the profile, or why the list cannot be used."""
        said = ""
        if texts["tls"] == YES and texts["tls_ciphers"].strip():
            try:
                weaker = TlsConfig(profile=texts["tls_profile"], ciphers=texts["tls_ciphers"]).weaker_ciphers
                said = f"Weaker than the profile asks for: {', '.join(weaker)}." if weaker else ""
            except ConfigurationError as error:
                said = f"{error.args[0][:1].upper()}{error.args[0][1:]}."
        self.ciphers_note.setText(said)
        self.ciphers_note.setVisible(bool(said))

    def may_be_new(self, name: str) -> bool:
        """Whether the file of a field is one that we write, and need not be there yet."""
        return name in self._new

    def set_texts(self, texts: Mapping[str, str]) -> None:
        super().set_texts(texts)
        self._show()

    @property
    def is_on(self) -> bool:
        """Whether TLS is spoken."""
        return self.switch.isChecked()

    def config(self) -> TlsConfig:
        """What the fields say, on or off.

        :raises ConfigurationError: a key is there without a certificate.
        """
        texts = self.texts()
        return TlsConfig(
            profile=texts["tls_profile"],
            ca_file=texts["tls_ca_file"].strip() or None,
            cert_file=texts["tls_cert_file"].strip() or None,
            key_file=texts["tls_key_file"].strip() or None,
            server_name=texts.get("tls_server_name", "").strip() or None,
            verify="require" if texts.get("tls_verify", YES) == YES else "none",
            minimum_version=cast(Literal["1.2", "1.3"] | None, texts.get("tls_minimum_version") or None),
            client_auth=cast(ClientAuth, texts.get("tls_client_auth") or "none"),
            crl_file=texts["tls_crl_file"].strip() or None,
            keylog_file=texts["tls_keylog_file"].strip() or None,
            ciphers=texts["tls_ciphers"].strip(),
            expected_server_name=texts.get("tls_expected_server_name", "").strip() or None,
        )

    @staticmethod
    def texts_of(tls: TlsConfig | None, *, is_on: bool = True) -> dict[str, str]:
        """What the fields hold for a configuration; ``None`` for no TLS."""
        config = tls or TlsConfig()
        return {
            "tls": YES if tls is not None and is_on else "",
            "tls_profile": config.profile,
            "tls_ca_file": str(config.ca_file or ""),
            "tls_cert_file": str(config.cert_file or ""),
            "tls_key_file": str(config.key_file or ""),
            "tls_server_name": config.server_name or "",
            "tls_verify": YES if config.verify == "require" else "",
            "tls_minimum_version": config.minimum_version or "",
            "tls_client_auth": config.client_auth,
            "tls_ciphers": config.ciphers,
            "tls_expected_server_name": config.expected_server_name or "",
            "tls_crl_file": str(config.crl_file or ""),
            "tls_keylog_file": str(config.keylog_file or ""),
        }

    def summary(self) -> str:
        """In a few words; nothing without TLS."""
        if not self.is_on:
            return ""
        texts = self.texts()
        any_certificate = ", any certificate" if texts.get("tls_verify", YES) != YES else ""
        return f"TLS{any_certificate}{', key log' if texts['tls_keylog_file'].strip() else ''}"
