"""One saved peer, a *node*: what it is, how to connect to it, and how ``nodes.toml`` writes it."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dicomgui.app.configuration import values as checks
from dicomgui.app.configuration.negotiation_file import NegotiationFile, negotiation_of, negotiation_table
from dicomgui.app.configuration.values import Table, Values
from dicomgui.app.connection import ConnectionOptions, RoleWish, check_operations
from dicomgui.app.credentials import Identity, IdentityKind
from dicomgui.network.association.extended import QueryFlags
from dicomgui.network.association.params import DEFAULT_PORT, AETitle, Limits, PeerAddress, Timeouts
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.transport import Proxy, TlsConfig

if TYPE_CHECKING:
    from dicomgui.app.echo import EchoResult

__all__ = ["MAX_NAME", "NODE_KEYS", "Node", "NodeStatus", "NodeTimeouts", "name_key", "node_of", "table_of"]

MAX_NAME = 64
MAX_COMMENT = 4000


@dataclass(frozen=True, slots=True)
class NodeTimeouts:
    """A node's own time-outs in seconds: ``None`` takes the usual one, ``math.inf`` waits for ever.

    :raises ConfigurationError: one is not above 0.
    """

    connect_s: float | None = None
    tls_s: float | None = None
    associate_s: float | None = None
    response_s: float | None = None
    retrieve_s: float | None = None
    release_s: float | None = None
    cancel_s: float | None = None

    def __post_init__(self) -> None:
        self.over(Timeouts())

    def over(self, usual: Timeouts) -> Timeouts:
        """``usual`` with what is set here."""
        return replace(
            usual,
            connect_s=_chosen(self.connect_s, usual.connect_s),
            tls_s=_chosen(self.tls_s, usual.tls_s),
            associate_s=_chosen(self.associate_s, usual.associate_s),
            response_s=_chosen(self.response_s, usual.response_s),
            retrieve_s=_chosen(self.retrieve_s, usual.retrieve_s),
            release_s=_chosen(self.release_s, usual.release_s),
            cancel_s=_chosen(self.cancel_s, usual.cancel_s),
        )


def _chosen(own: float | None, usual: float | None) -> float | None:
    if own is None:
        return usual
    return None if own == math.inf else own


@dataclass(frozen=True, slots=True)
class Node:
    """A saved peer.

    :ivar name: what the user calls it; unique, whatever the case of its letters.
    :ivar address: called AE title, host and port.
    :ivar calling_ae: our own AE title for this node; empty for the usual one.
    :ivar timeouts: where they differ from the usual ones.
    :ivar max_pdu_length: what we advertise to it, in bytes; 0 for no limit, ``None`` for the usual one.
    :ivar max_sent_pdu_length: send no longer PDUs, even if it takes them, in bytes; 0 for what it takes.
    :ivar negotiation: the file and the name of the negotiation profile that says what is proposed to it; read for each
        association.
    :ivar proxy: the HTTP or SOCKS proxy that leads to it. A password for that is never part of a node.
    :ivar tls: how to speak TLS with it; ``None`` speaks none.
    :ivar identity: who we say we are. The secret that proves it is never part of a node.
    :ivar require_identity: have it confirm the identity, and end the association where it does not.
    :ivar async_ops: operations at a time that we want to invoke, and to perform; 0 for no limit.
    :ivar extended: what to ask for by extended negotiation.
    :ivar role: which roles to ask for.
    :ivar charset: in which character set its texts are where a data set names none, as a term of (0008,0005); empty
        for what can be guessed.
    :ivar ask_commitment: ask for storage commitment after a send.
    :ivar comment: any text, also of several lines.
    :ivar is_machine_wide: it comes from the machine-wide file and cannot be changed here.
    :raises ConfigurationError: a value is unusable.
    """

    name: str
    address: PeerAddress
    calling_ae: str = ""
    timeouts: NodeTimeouts = field(default=NodeTimeouts())
    max_pdu_length: int | None = None
    max_sent_pdu_length: int = 0
    proxy: Proxy | None = None
    negotiation: NegotiationFile | None = None
    tls: TlsConfig | None = None
    identity: Identity | None = None
    require_identity: bool = False
    async_ops: tuple[int, int] = (1, 1)
    extended: QueryFlags = field(default=QueryFlags())
    role: RoleWish = RoleWish.USUAL
    charset: str = ""
    ask_commitment: bool = False
    comment: str = ""
    is_machine_wide: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", _checked_name(self.name))
        if self.calling_ae:
            object.__setattr__(self, "calling_ae", AETitle(self.calling_ae))
        if self.max_pdu_length is not None:
            Limits(max_pdu_length=self.max_pdu_length)
        Limits(max_sent_pdu_length=self.max_sent_pdu_length)
        if self.proxy is not None and self.proxy.password:
            raise ConfigurationError("a node keeps no password of a proxy", phase="configure",
                                     hint="Leave the password out.")  # fmt: skip
        checks.charset(self.charset)
        check_operations(*self.async_ops)
        if len(self.comment) > MAX_COMMENT:
            raise checks.wrong(f"the comment has {len(self.comment)} characters; {MAX_COMMENT} are allowed")

    def options(self, usual: ConnectionOptions | None = None) -> ConnectionOptions:
        """How to connect to it: ``usual`` (those of the settings) with what this node says otherwise."""
        usual = usual or ConnectionOptions()
        return replace(
            usual,
            calling_ae=self.calling_ae or usual.calling_ae,
            timeouts=self.timeouts.over(usual.timeouts),
            max_pdu_length=usual.max_pdu_length if self.max_pdu_length is None else self.max_pdu_length,
            max_sent_pdu_length=self.max_sent_pdu_length or usual.max_sent_pdu_length,
            sockets=usual.sockets if self.proxy is None else replace(usual.sockets, proxy=self.proxy),
            tls=self.tls or usual.tls,
            identity=self.identity or usual.identity,
            require_identity=self.require_identity if self.identity is not None else usual.require_identity,
            async_ops=self.async_ops,
            extended=self.extended,
            role=self.role,
            negotiation=self.negotiation or usual.negotiation,
            charset=self.charset,
        )


def _checked_name(name: str) -> str:
    name = " ".join(unicodedata.normalize("NFC", name).split())
    reason = ""
    if not name:
        reason = "the node has no name"
    elif len(name) > MAX_NAME:
        reason = f"the name has {len(name)} characters; {MAX_NAME} are allowed"
    elif not name.isprintable():
        reason = f"the name {name!r} contains control characters"
    elif "@" in name:
        reason = f"the name {name!r} contains @, which makes an address of it"
    elif name.startswith("-"):
        reason = f"the name {name!r} begins with -, which makes an option of it"
    if reason:
        raise ConfigurationError(reason, phase="configure", hint="Give it a short name, such as PACS.")
    return name


def name_key(name: str) -> str:
    """Names with the same key are the same name: neither case nor spacing tells them apart."""
    return unicodedata.normalize("NFC", " ".join(name.split())).casefold()


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """What the last echo of a node said. Known to the window while it runs, never saved.

    :ivar utc: when, in seconds since 1970-01-01 UTC.
    :ivar ms: median round trip of a C-ECHO in milliseconds; ``None`` where none was answered.
    :ivar reason: why it failed, or what the peer remarked, in one line; empty for a success.
    :ivar association: number in the trace, 0 for none.
    """

    ok: bool
    utc: float
    ms: float | None = None
    reason: str = ""
    association: int = 0

    @classmethod
    def of(cls, result: EchoResult, utc: float) -> NodeStatus:
        """The status that an echo has found at the time ``utc``."""
        reason = ""
        if result.findings:
            reason = result.findings[0].what
        elif result.error is not None:
            reason = str(result.error)
        elif result.status is not None and not result.status.is_success:
            reason = f"{result.status}"
        return cls(result.ok, utc, result.median_ms, reason, result.association)


# ---------------------------------------------------------------------------------------------- between file and value


NODE_KEYS = frozenset(
    (
        "name", "ae_title", "host", "port", "calling_ae", "connect_timeout_s", "tls_timeout_s",
        "associate_timeout_s", "response_timeout_s", "retrieve_timeout_s", "release_timeout_s", "cancel_timeout_s",
        "max_pdu_length", "max_sent_pdu_length", "proxy", "tls", "tls_profile", "tls_ca_file", "tls_crl_file",
        "tls_cert_file", "tls_key_file", "tls_keylog_file", "tls_server_name", "tls_verify", "tls_minimum_version",
        "tls_ciphers", "identity", "user_name", "identity_response", "identity_required", "operations_invoked",
        "operations_performed", "extended_negotiation", "role", "charset", "ask_commitment", "comment",
        "negotiation_file", "negotiation_profile",
    )
)  # fmt: skip
"""What :func:`table_of` writes, and :func:`node_of` reads."""


def node_of(values: Values, *, is_machine_wide: bool = False) -> Node:
    """The node that a table of the file describes; what is wrong in single values goes to ``values.faults``.

    :raises ConfigurationError: it makes no node.
    """

    def own_seconds(name: str) -> float | None:
        return values.take(name, None, lambda value: checks.written_seconds(checks.seconds_or_ever(value)))

    return Node(
        name=values.take("name", "", checks.text),
        address=PeerAddress(
            AETitle(values.take("ae_title", "", checks.text)),
            values.take("host", "", checks.text),
            values.take("port", DEFAULT_PORT, checks.port),
        ),
        calling_ae=values.take("calling_ae", "", checks.text),
        timeouts=NodeTimeouts(
            connect_s=own_seconds("connect_timeout_s"),
            tls_s=own_seconds("tls_timeout_s"),
            associate_s=own_seconds("associate_timeout_s"),
            response_s=own_seconds("response_timeout_s"),
            retrieve_s=own_seconds("retrieve_timeout_s"),
            release_s=own_seconds("release_timeout_s"),
            cancel_s=own_seconds("cancel_timeout_s"),
        ),
        max_pdu_length=values.take("max_pdu_length", None, checks.max_pdu_length),
        max_sent_pdu_length=values.take("max_sent_pdu_length", 0, checks.max_pdu_length),
        proxy=values.take("proxy", None, checks.proxy),
        negotiation=negotiation_of(values),
        tls=_tls_of(values) if values.take("tls", False, checks.flag) else None,
        identity=_identity_of(values),
        require_identity=values.take("identity_required", False, checks.flag),
        async_ops=(
            values.take("operations_invoked", 1, checks.operations),
            values.take("operations_performed", 1, checks.operations),
        ),
        extended=values.take("extended_negotiation", QueryFlags(), checks.query_flags),
        role=values.take("role", RoleWish.USUAL, checks.one_of(RoleWish)),
        charset=values.take("charset", "", checks.charset),
        ask_commitment=values.take("ask_commitment", False, checks.flag),
        comment=values.take("comment", "", checks.text),
        is_machine_wide=is_machine_wide,
    )


def _tls_of(values: Values) -> TlsConfig:
    def written(name: str) -> str | None:
        return values.take(name, "", checks.text) or None

    return TlsConfig(
        profile=values.take("tls_profile", TlsConfig().profile, checks.tls_profile),
        ca_file=written("tls_ca_file"),
        cert_file=written("tls_cert_file"),
        key_file=written("tls_key_file"),
        server_name=written("tls_server_name"),
        verify="require" if values.take("tls_verify", True, checks.flag) else "none",
        minimum_version=values.take("tls_minimum_version", None, checks.tls_version),
        crl_file=written("tls_crl_file"),
        keylog_file=written("tls_keylog_file"),
        ciphers=values.take("tls_ciphers", "", checks.tls_ciphers),
    )


def _identity_of(values: Values) -> Identity | None:
    kind = values.take("identity", None, checks.one_of(IdentityKind))
    if kind is None:
        return None
    name = values.take("user_name", "", checks.text)
    return Identity(kind, name, values.take("identity_response", False, checks.flag))


def table_of(node: Node) -> Table:
    """The node as the file keeps it; what is usual is left out."""
    table: Table = {
        "name": node.name,
        "ae_title": str(node.address.ae_title),
        "host": node.address.host,
        "port": node.address.port,
    }
    invoked, performed = node.async_ops
    optional: Table = {
        "calling_ae": str(node.calling_ae) or None,
        "connect_timeout_s": node.timeouts.connect_s,
        "tls_timeout_s": node.timeouts.tls_s,
        "associate_timeout_s": node.timeouts.associate_s,
        "response_timeout_s": node.timeouts.response_s,
        "retrieve_timeout_s": node.timeouts.retrieve_s,
        "release_timeout_s": node.timeouts.release_s,
        "cancel_timeout_s": node.timeouts.cancel_s,
        "max_pdu_length": node.max_pdu_length,
        "max_sent_pdu_length": node.max_sent_pdu_length or None,
        "proxy": checks.written_proxy(node.proxy) or None,
        **negotiation_table(node.negotiation),
        **_tls_table(node.tls),
        **_identity_table(node.identity),
        "identity_required": node.require_identity or None,
        "operations_invoked": None if invoked == 1 else invoked,
        "operations_performed": None if performed == 1 else performed,
        "extended_negotiation": checks.written_flags(node.extended) or None,
        "role": None if node.role is RoleWish.USUAL else node.role.value,
        "charset": node.charset or None,
        "ask_commitment": node.ask_commitment or None,
        "comment": node.comment or None,
    }
    return table | {name: value for name, value in optional.items() if value is not None}


def _tls_table(tls: TlsConfig | None) -> Table:
    if tls is None:
        return {}
    return {
        "tls": True,
        "tls_profile": None if tls.profile == TlsConfig().profile else tls.profile,
        "tls_ca_file": None if tls.ca_file is None else str(tls.ca_file),
        "tls_cert_file": None if tls.cert_file is None else str(tls.cert_file),
        "tls_key_file": None if tls.key_file is None else str(tls.key_file),
        "tls_server_name": tls.server_name,
        "tls_verify": None if tls.verify == "require" else False,
        "tls_minimum_version": tls.minimum_version,
        "tls_ciphers": tls.ciphers or None,
        "tls_crl_file": None if tls.crl_file is None else str(tls.crl_file),
        "tls_keylog_file": None if tls.keylog_file is None else str(tls.keylog_file),
    }


def _identity_table(identity: Identity | None) -> Table:
    if identity is None:
        return {}
    return {
        "identity": identity.kind.value,
        "user_name": identity.name or None,
        "identity_response": identity.want_response or None,
    }
