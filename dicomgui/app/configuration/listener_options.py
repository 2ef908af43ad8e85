"""How to listen: where, whom to let in, and what to agree to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from dicomgui.app.configuration.destinations import KnownDestination
from dicomgui.app.configuration.provided import STORAGE, USUAL, Provided, check_choice, narrowed, served
from dicomgui.app.configuration.quotas import Quotas
from dicomgui.app.configuration.received_commands import ReceivedCommands
from dicomgui.app.connection import always, check_operations, is_encrypted, limits_of, opens_key
from dicomgui.app.credentials import Need
from dicomgui.network.association.extended import QueryFlags, answer_extended
from dicomgui.network.association.identity import IdentityCheck, accept_any_identity, accept_passcodes
from dicomgui.network.association.negotiation import AcceptPolicy
from dicomgui.network.association.params import (
    DEFAULT_MAX_PDU_LENGTH,
    OUR_IMPLEMENTATION,
    AETitle,
    Implementation,
    Limits,
    Timeouts,
)
from dicomgui.network.association.profiles import NegotiationProfile
from dicomgui.network.errors import ConfigurationError
from dicomgui.network.service import Strictness
from dicomgui.network.transport import IPNetwork, TlsConfig, parse_network
from dicomgui.network.uids import VERIFICATION
from dicomgui.storage import DuplicatePolicy, FolderLayout, FolderPatterns, IdentifierRule

__all__ = ["MAX_CONNECTIONS", "PERFORMED", "SOP_CLASSES", "CallerRule", "ListenerOptions"]

MAX_CONNECTIONS = 1024
"""Connections at one time, with an association or not, where the system lets us have so many."""

PERFORMED = QueryFlags(relational=True, date_time=True)
"""The extended negotiation that is performed (PS3.4 C.5.1.1). Fuzzy matching of names, the adjustment of times to
another time zone and other views of multi-frame images are not."""

FROM_FILES = frozenset({Provided.QUERY, Provided.MOVE, Provided.GET, Provided.COMMITMENT, Provided.MEDIA})
"""Services that need the instances; a listener that discards them does not give these."""

SOP_CLASSES = STORAGE | {VERIFICATION}
"""What is taken in unless any SOP class is."""


class CallerRule(StrEnum):
    """What callers have to say of their user (PS3.7 D.3.3.7)."""

    ANY = "any"
    """Nothing: what they say is neither checked nor confirmed."""
    REQUIRED = "required"
    """Something: it is not checked."""
    LISTED = "listed"
    """A name of the list, with its passcode."""


@dataclass(frozen=True, slots=True)
class ListenerOptions:
    """How to listen.

    :ivar folder: where received instances are kept; made if it is not there.
    :ivar host: address to listen on; ``0.0.0.0`` or ``::`` for every network.
    :ivar port: 0 takes a free one.
    :ivar ae_title: ours.
    :ivar fsync: acknowledge an instance only when it is safe from a power cut.
    :ivar check_called_ae: reject who calls another AE title.
    :ivar any_sop_class: accept every SOP class instead of verification and the standard's storage classes, for peers
        that send private objects.
    :ivar max_pdu_length: what we advertise, in bytes; 0 for no limit.
    :ivar max_sent_pdu_length: send no longer PDUs, even if a caller takes them, in bytes; 0 for what it takes.
    :ivar max_associations: at one time; one more is rejected for the moment (2/3/2).
    :ivar trace_full: keep received data sets in the trace as well.
    :ivar tls: speak TLS with everyone; see :class:`~dicomgui.network.TlsConfig`.
    :ivar callers: what callers have to say of their user.
    :ivar passcodes: of the users that are let in, by name, where they are listed.
    :ivar async_ops: operations at a time that a caller may invoke, and that it may perform for us, where it asks for
        more than one; 0 for no limit.
    :ivar grant_scp_role: let callers be providers where they ask for it, e.g. to receive what they get.
    :ivar extended: what is granted by extended negotiation, as far as it is in :data:`PERFORMED`; with none of it there
        is no answer.
    :ivar grants_unperformed: grant the rest of ``extended`` as well, though the answers are those without it: for those
        who test what callers do.
    :ivar services: what is given beside verification.
    :ivar calling_ae_titles: who is let in, patterns with ``*`` and ``?``; everybody if empty.
    :ivar calling_networks: ranges of addresses from which callers are let in, such as ``192.0.2.0/24``; all if empty.
    :ivar sop_classes: what is stored and retrieved; the standard's storage classes if empty.
    :ivar transfer_syntaxes: of instances, in our order of preference; any if empty.
    :ivar peers: where a C-MOVE may send to, by AE title.
    :ivar move_rules: which caller may move to which of them, by patterns of both AE titles, see
        :mod:`dicomgui.app.configuration.move_rules`; everybody to all if empty.
    :ivar on_duplicate: what becomes of another data set with a UID that is there already.
    :ivar layout: in which folders the instances can be found besides, where the listener makes its archive; ``None``
        leaves them as they are.
    :ivar patterns: of these folders and of the file names in them, for a layout by pattern.
    :ivar index_folder: where the index of the folder lies; in the folder itself by default.
    :ivar strictness: the treatment of instances that are broken, or others than their command says.
    :ivar identifiers: the treatment of queries and retrievals whose identifier is not as PS3.4 C.4 wants it.
    :ivar commands: the operator's, for objects and studies that came.
    :ivar discards: answer Success for instances and keep none: no folder and no index are made, and no query, C-MOVE,
        C-GET, storage commitment or creation of media is answered.
    :ivar quotas: what callers may take at most, and how far the archive may grow.
    :ivar negotiation: what it names goes before everything here. SOP classes of services that are not given stay
        refused.
    :raises ConfigurationError: a value is unusable.
    """

    folder: Path
    host: str = "127.0.0.1"
    port: int = 11112
    ae_title: str = "DICOMGUI"
    fsync: bool = True
    check_called_ae: bool = False
    any_sop_class: bool = False
    max_pdu_length: int = DEFAULT_MAX_PDU_LENGTH
    timeouts: Timeouts = field(default=Timeouts())
    trace_full: bool = False
    tls: TlsConfig | None = None
    callers: CallerRule = CallerRule.ANY
    passcodes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    async_ops: tuple[int, int] = (1, 1)
    grant_scp_role: bool = False
    extended: QueryFlags = field(default=QueryFlags())
    grants_unperformed: bool = False
    services: frozenset[Provided] = USUAL
    calling_ae_titles: tuple[str, ...] = ()
    calling_networks: tuple[str, ...] = ()
    sop_classes: frozenset[str] = frozenset()
    transfer_syntaxes: tuple[str, ...] = ()
    peers: Mapping[str, KnownDestination] = field(default_factory=lambda: MappingProxyType({}))
    move_rules: tuple[tuple[str, str], ...] = ()
    max_sent_pdu_length: int = 0
    max_associations: int = 256
    on_duplicate: DuplicatePolicy = DuplicatePolicy.KEEP_BOTH
    quotas: Quotas = field(default=Quotas())
    layout: FolderLayout | None = None
    patterns: FolderPatterns | None = None
    index_folder: Path | None = None
    strictness: Strictness = Strictness.STRICT
    identifiers: IdentifierRule = IdentifierRule.USUAL
    discards: bool = False
    commands: ReceivedCommands = field(default=ReceivedCommands())
    negotiation: NegotiationProfile | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "ae_title", AETitle(self.ae_title))
        if self.discards and self.commands.has_any:
            raise ConfigurationError(
                "what is discarded has no file for a command",
                phase="configure",
                hint="Give a folder, or no command.",
            )
        if self.discards:
            object.__setattr__(self, "services", self.services - FROM_FILES)
        self.limits()  # judged now, not when it starts
        check_operations(*self.async_ops)
        self.peer_networks()
        check_choice((*self.sop_classes, *self.transfer_syntaxes), self.calling_ae_titles)

    def peer_networks(self) -> tuple[IPNetwork, ...]:
        """The ranges of :attr:`calling_networks`."""
        return tuple(map(parse_network, self.calling_networks))

    def limits(self) -> Limits:
        """What is advertised, and what is sent at most."""
        usual = Limits(max_pdu_length=self.max_pdu_length, max_sent_pdu_length=self.max_sent_pdu_length)
        return usual if self.negotiation is None else limits_of(self.negotiation, usual)

    def implementation(self) -> Implementation:
        """Which software we say that we are."""
        named = None if self.negotiation is None else self.negotiation.implementation
        return named or OUR_IMPLEMENTATION

    def policy(self) -> AcceptPolicy:
        """What is accepted of a caller."""
        checks: dict[CallerRule, IdentityCheck | None] = {
            CallerRule.ANY: None,
            CallerRule.REQUIRED: accept_any_identity,
            CallerRule.LISTED: accept_passcodes(self.passcodes),
        }
        granted = self.extended if self.grants_unperformed else self.extended.common(PERFORMED)
        policy = AcceptPolicy(
            ae_title=self.ae_title,
            check_called=self.check_called_ae,
            calling_ae_titles=self.calling_ae_titles,
            abstract_syntaxes=None if self.any_sop_class else SOP_CLASSES,
            requestor_scp=None if self.grant_scp_role else frozenset(),
            max_invoked=self.async_ops[0],
            max_performed=self.async_ops[1],
            answer_extended=answer_extended(granted) if granted.has_any else None,
            check_identity=checks[self.callers],
            require_identity=self.callers is not CallerRule.ANY,
        )
        policy = narrowed(policy, self.services, self.sop_classes, self.transfer_syntaxes)
        if self.negotiation is None:
            return policy
        profile = served(self.negotiation, policy, self.services)
        if self.negotiation.contexts and not profile.contexts:
            policy = replace(policy, abstract_syntaxes=frozenset())
        return profile.accepting(policy, None if self.grants_unperformed else PERFORMED)

    def check_negotiation(self) -> None:
        """Judge the negotiation profile beside the services.

        :raises ConfigurationError: no service could answer on any of its contexts.
        """
        if self.negotiation is not None and self.policy().abstract_syntaxes == frozenset():
            raise ConfigurationError(
                "the negotiation profile has no context that a service of this listener could answer on",
                phase="configure",
                hint="Switch the services on that it is for, or name another profile.",
            )

    def with_password(self, password: str) -> ListenerOptions:
        """The same with the password of the TLS key."""
        return self if self.tls is None else replace(self, tls=replace(self.tls, key_password=always(password)))

    def fits(self, password: str) -> bool:
        """True where the TLS key opens with a password that was kept."""
        return self.tls is None or opens_key(self.tls, password)

    def needs(self) -> tuple[Need, ...]:
        """The passwords that are needed to listen and are not here yet. Reads the file of the TLS key."""
        if self.tls is None or self.tls.key_password is not None:
            return ()
        path = self.tls.key_file or self.tls.cert_file
        return () if path is None or not is_encrypted(path) else (Need.of_key(path),)
