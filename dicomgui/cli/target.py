"""Whom a command connects to, and how: what a saved node says, unless an option says otherwise."""

from __future__ import annotations

import argparse
import getpass
import sys
from dataclasses import replace

from dicomgui.app.configuration.negotiation_file import NegotiationFile
from dicomgui.app.configuration.values import query_flags
from dicomgui.app.connection import ConnectionOptions, RoleWish
from dicomgui.app.credentials import Identity, IdentityKind, Keyring, Need
from dicomgui.cli.secret_files import secret_of
from dicomgui.cli.session import timeouts_of
from dicomgui.cli.tls import tls_of
from dicomgui.network.association.params import PeerAddress
from dicomgui.network.association.profiles import NegotiationProfile
from dicomgui.network.dimse.commands import Priority
from dicomgui.network.errors import ConfigurationError

__all__ = ["negotiation_of", "target_of"]


def target_of(options: argparse.Namespace) -> tuple[PeerAddress, ConnectionOptions]:
    """The peer and the options of the connection, with every secret that they need.

    A passcode is taken from its file, from the system's keyring, or asked for at the terminal.

    :raises ConfigurationError: an option is unusable, or a secret cannot be had.
    """
    usual = ConnectionOptions(trace_full=options.trace_full)
    if isinstance(options.peer, PeerAddress):
        peer, chosen = options.peer, usual
    else:
        peer, chosen = options.peer.address, options.peer.options(usual)
    if options.calling is not None:
        chosen = replace(chosen, calling_ae=options.calling)
    if options.timeout is not None:
        chosen = replace(chosen, timeouts=timeouts_of(options.timeout, chosen.timeouts))
    if options.cancel_timeout is not None:
        chosen = replace(chosen, timeouts=replace(chosen.timeouts, cancel_s=options.cancel_timeout))
    if options.max_pdu is not None:
        chosen = replace(chosen, max_pdu_length=options.max_pdu)
    if options.max_send_pdu is not None:
        chosen = replace(chosen, max_sent_pdu_length=options.max_send_pdu)
    chosen = _by_tcp(options, chosen)
    tls = tls_of(options)
    if tls is not None:
        chosen = replace(chosen, tls=tls)
    chosen = replace(_agreed(options, _identified(options, chosen)), ends_by_abort=getattr(options, "abort", False))
    found = negotiation_of(options)
    if found is not None:
        found[1].proposed()  # more contexts than a request can carry are no reason to call anybody
        chosen = replace(chosen, negotiation=found[0])
    return peer, _with_secrets(chosen, peer)


def _by_tcp(options: argparse.Namespace, chosen: ConnectionOptions) -> ConnectionOptions:
    sockets = chosen.sockets
    if options.keepalive is not None:
        sockets = replace(sockets, keepalive_s=options.keepalive or None)
    if options.family is not None:
        sockets = replace(sockets, family=options.family)
    if options.proxy is not None:
        sockets = replace(sockets, proxy=options.proxy)
    priority = Priority[getattr(options, "priority", "medium").upper()]
    return replace(chosen, sockets=sockets, local_host=options.local or chosen.local_host, priority=priority)


def _agreed(options: argparse.Namespace, chosen: ConnectionOptions) -> ConnectionOptions:
    if options.async_ops is not None:
        chosen = replace(chosen, async_ops=options.async_ops)
    if options.ext_neg is not None:
        chosen = replace(chosen, extended=query_flags([name for name in options.ext_neg.split(",") if name]))
    return chosen if options.role is None else replace(chosen, role=RoleWish(options.role))


_NAMED_TWICE = (
    ("max_pdu", "max_pdu_length", "--max-pdu", "the maximum PDU length"),
    ("max_send_pdu", "max_sent_pdu_length", "--max-send-pdu", "the longest PDU to send"),
    ("async_ops", "async_ops", "--async-ops", "the operations at once"),
)


def negotiation_of(options: argparse.Namespace) -> tuple[NegotiationFile, NegotiationProfile] | None:
    """The negotiation profile that the options name, read to judge it; ``None`` where they name none.

    :raises ConfigurationError: it cannot be used, or names what an option names as well.
    """
    if options.negotiation is None:
        if options.negotiation_profile is not None:
            raise _wrong("--negotiation-profile means nothing without --negotiation", "Add --negotiation FILE.")
        return None
    file = NegotiationFile(options.negotiation, options.negotiation_profile or "")
    profile = file.load()
    for option, name, flag, what in _NAMED_TWICE:
        is_given = getattr(options, option) is not None and (option != "async_ops" or options.async_ops != (1, 1))
        if is_given and getattr(profile, name) is not None:
            raise _wrong(f"{flag} and the negotiation profile both name {what}", "Leave one of them out.")
    return file, profile


def _identified(options: argparse.Namespace, chosen: ConnectionOptions) -> ConnectionOptions:
    """With the identity that the options name; its secret where it is in a file."""
    if options.user is not None and options.user_token is not None:
        raise _wrong("--user and --user-token are two identities; an association has one")
    if options.user_token is not None:
        kind, _, path = options.user_token.partition(":")
        tokens = [one for one in IdentityKind if not one.has_name]
        if kind not in tokens or not path:
            raise _wrong(f"{options.user_token!r} is no token", f"Write KIND:FILE; kinds are {', '.join(tokens)}.")
        chosen = replace(
            chosen,
            identity=Identity(IdentityKind(kind)),
            secret=secret_of(path, first_line=kind == IdentityKind.PASSCODE),
        )
    if options.user is not None:
        proves = options.ask_password or options.password_file is not None
        kind = IdentityKind.PASSCODE if proves else IdentityKind.USERNAME
        chosen = replace(chosen, identity=Identity(kind, options.user), secret=None)
    if options.password_file is not None:
        if chosen.identity is None or not chosen.identity.kind.has_secret:
            raise _wrong("--password-file means nothing without a user who has a passcode", "Add --user NAME.")
        chosen = replace(
            chosen, secret=secret_of(options.password_file, first_line=chosen.identity.kind == IdentityKind.PASSCODE)
        )
    if options.user_confirm and chosen.identity is not None:
        chosen = replace(chosen, identity=replace(chosen.identity, want_response=True))
    if options.user_required:
        if chosen.identity is None:
            raise _wrong("--user-required means nothing without a user", "Add --user NAME or --user-token.")
        chosen = replace(chosen, require_identity=True)
    return chosen


def _with_secrets(chosen: ConnectionOptions, peer: PeerAddress) -> ConnectionOptions:
    keyring = Keyring()
    for need in chosen.needs(peer):
        kept = keyring.get(need)
        secret = kept if kept and chosen.fits(need, kept) else _asked(need)
        if secret:
            chosen = chosen.with_secret(need, secret, peer)
    if chosen.identity is not None:
        chosen.identity.made(chosen.secret)  # what is missing is said before anything is sent
    return chosen


def _asked(need: Need) -> str:
    return getpass.getpass(f"{need.what}: ") if sys.stdin.isatty() else ""


def _wrong(text: str, hint: str = "") -> ConfigurationError:
    return ConfigurationError(text, phase="configure", hint=hint)
