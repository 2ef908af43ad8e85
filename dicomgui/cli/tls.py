"""The options for TLS, and what they ask for."""

from __future__ import annotations

import argparse
import functools
import getpass
import sys
from collections.abc import Callable
from dataclasses import replace

from dicomgui.app.connection import always, is_encrypted, opens_key
from dicomgui.app.credentials import Keyring, Need
from dicomgui.cli.secret_files import secret_of
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.transport import ClientAuth, TlsConfig

__all__ = ["tls_of"]

_FLAGS = {
    "tls_ca": "--tls-ca",
    "tls_crl": "--tls-crl",
    "tls_cert": "--tls-cert",
    "tls_key": "--tls-key",
    "tls_key_password_file": "--tls-key-password-file",
    "tls_profile": "--tls-profile",
    "tls_ciphers": "--tls-ciphers",
    "tls_min_version": "--tls-min-version",
    "tls_keylog": "--tls-keylog",
    "tls_server_name": "--tls-server-name",
    "tls_expect_server_name": "--tls-expect-server-name",
    "tls_insecure": "--tls-insecure",
    "tls_client_auth": "--tls-client-auth",
}


def tls_of(options: argparse.Namespace) -> TlsConfig | None:
    """What the options say about TLS; ``None`` without ``--tls``. The files are judged here, before the network.

    :raises ConfigurationError: an option without ``--tls``, or a file that cannot be used.
    """
    if not options.tls:
        given = [flag for name, flag in _FLAGS.items() if getattr(options, name, None)]
        if given:
            raise ConfigurationError(f"{given[0]} means nothing without --tls", phase="configure", hint="Add --tls.")
        return None
    is_server = hasattr(options, "tls_client_auth")
    config = TlsConfig(
        profile=options.tls_profile or "bcp195",
        ca_file=options.tls_ca,
        cert_file=options.tls_cert,
        key_file=options.tls_key,
        server_name=getattr(options, "tls_server_name", None),
        verify="none" if getattr(options, "tls_insecure", False) else "require",
        client_auth=_client_auth(options) if is_server else "none",
        minimum_version=options.tls_min_version,
        keylog_file=options.tls_keylog,
        crl_file=options.tls_crl,
        ciphers=options.tls_ciphers or "",
        expected_server_name=getattr(options, "tls_expect_server_name", None),
    )
    config = replace(config, key_password=_password(config, options.tls_key_password_file))
    if config.weaker_ciphers:
        weaker = ", ".join(config.weaker_ciphers)
        sys.stderr.write(f"Weaker than the TLS profile {config.profile} asks for: {weaker}.\n")
    if is_server:
        config.server_context()
    else:
        config.client_context()
    return config


def _client_auth(options: argparse.Namespace) -> ClientAuth:
    """Who names an authority wants certificates from it, unless told otherwise."""
    chosen: ClientAuth | None = options.tls_client_auth
    return chosen or ("none" if options.tls_ca is None else "require")


def _password(config: TlsConfig, file: str | None) -> Callable[[], str] | None:
    """The password of our key: from its file, from the keyring, or asked for at the terminal, once for the command."""
    key = config.key_file or config.cert_file
    if file is not None:
        if key is None:
            text = "--tls-key-password-file means nothing without a key"
            raise ConfigurationError(text, phase="configure", hint="Add --tls-cert and --tls-key.")
        return always(secret_of(file, first_line=True))
    if key is None or not is_encrypted(key):
        return None
    need = Need.of_key(key)
    kept = Keyring().get(need)
    if kept and opens_key(config, kept):
        return always(kept)
    return functools.cache(functools.partial(getpass.getpass, f"{need.what}: ")) if sys.stdin.isatty() else None
