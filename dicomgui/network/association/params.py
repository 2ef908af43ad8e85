"""What the two ends of an association are told before it begins: validated, frozen values."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields

from dicomgui.network.errors import ConfigurationError
from dicomgui.network.uids import IMPLEMENTATION_CLASS_UID, implementation_version_name, is_valid_uid

__all__ = [
    "DEFAULT_MAX_PDU_LENGTH",
    "DEFAULT_PORT",
    "OUR_IMPLEMENTATION",
    "AETitle",
    "Implementation",
    "Limits",
    "PeerAddress",
    "Timeouts",
]

DEFAULT_PORT = 104
"""The well-known DICOM port, taken where an address names none."""

DEFAULT_MAX_PDU_LENGTH = 131_072
"""The maximum length that we advertise (PS3.8 D.1): the length of the variable field, without the 6-byte header."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")


class AETitle(str):
    """An application entity title (PS3.5 6.2, VR AE): 1 to 16 characters of the default repertoire.

    Leading and trailing spaces are not significant and are dropped. Raises :class:`ConfigurationError` for a title
    that is empty, longer than 16 bytes, outside ASCII, or that contains control characters or a backslash.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> AETitle:
        """Check ``text`` and make a title of it."""
        title = text.strip(" ")
        if not title:
            raise ConfigurationError("the AE title is empty", phase="configure", hint="Give 1 to 16 characters.")
        if not title.isascii() or _CONTROL.search(title):
            raise ConfigurationError(
                f"the AE title {title!r} contains characters that DICOM does not allow in it",
                phase="configure",
                hint="Use letters, digits, space and punctuation of ASCII, but no backslash.",
            )
        if len(title) > 16:
            raise ConfigurationError(
                f"the AE title {title!r} has {len(title)} characters; 16 are allowed",
                phase="configure",
                hint=f"Shorten it by {len(title) - 16}.",
            )
        return super().__new__(cls, title)


@dataclass(frozen=True, slots=True)
class PeerAddress:
    """Where a peer listens and what it is called.

    ``ae_title`` is the *called* AE title; ``host`` a name or an IPv4 or IPv6 literal without brackets.
    """

    ae_title: AETitle
    host: str
    port: int = DEFAULT_PORT

    @classmethod
    def parse(cls, text: str) -> PeerAddress:
        """Read ``AET@host:port``, ``AET@host`` or ``AET@[::1]:port``; the last ``@`` splits.

        :raises ConfigurationError: names the part that is wrong.
        """
        title, at, place = text.strip().rpartition("@")
        if not at:
            raise ConfigurationError(
                f"{text!r} is no peer address", phase="configure", hint="Write it as AET@host:port."
            )
        host, port = _split_place(place)
        return cls(AETitle(title), host, port)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ae_title", AETitle(self.ae_title))
        if not self.host or _CONTROL.search(self.host) or " " in self.host:
            raise ConfigurationError(
                f"{self.host!r} is no host name", phase="configure", hint="Give a name or an IP address."
            )
        if not 1 <= self.port <= 65535:
            raise ConfigurationError(
                f"port {self.port} is out of range", phase="configure", hint="Ports go from 1 to 65535."
            )

    @property
    def place(self) -> str:
        """``host:port``, IPv6 literals in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.ae_title}@{self.place}"


def _split_place(place: str) -> tuple[str, int]:
    if place.startswith("["):
        host, bracket, rest = place[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ConfigurationError(f"{place!r} is no host and port", phase="configure", hint="Write [::1]:104.")
        port = rest[1:]
    elif place.count(":") > 1:
        return place, DEFAULT_PORT
    else:
        host, _, port = place.partition(":")
    if not port:
        return host, DEFAULT_PORT
    if not (port.isascii() and port.isdigit()):
        raise ConfigurationError(f"{port!r} is no port number", phase="configure", hint="Ports go from 1 to 65535.")
    return host, int(port)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait, in seconds; ``None`` waits for ever.

    :ivar connect_s: for the transport connection.
    :ivar tls_s: for the TLS handshake, on either side.
    :ivar associate_s: from the A-ASSOCIATE-RQ to its answer.
    :ivar response_s: from the end of a request to its (next) response.
    :ivar retrieve_s: the same for C-MOVE and C-GET, where a peer may be silent while it sends.
    :ivar cancel_s: from a C-CANCEL to the final response of the operation; an A-ABORT follows.
    :ivar release_s: from the A-RELEASE-RQ to its answer; an A-ABORT follows.
    :ivar idle_s: without a byte on an association that we accepted; an A-ABORT follows.
    :ivar artim_s: PS3.8 9.1.5: from the connection to the whole A-ASSOCIATE-RQ, and from our last word to the close.
    """

    connect_s: float | None = 5.0
    tls_s: float | None = 10.0
    associate_s: float | None = 10.0
    response_s: float | None = 60.0
    retrieve_s: float | None = 600.0
    release_s: float | None = 5.0
    cancel_s: float | None = 10.0
    idle_s: float | None = 60.0
    artim_s: float = 30.0

    def __post_init__(self) -> None:
        for one in fields(self):
            name, value = one.name, getattr(self, one.name)
            if value is not None and not value > 0:
                raise ConfigurationError(f"the time-out {name} is {value}; it must be above 0", phase="configure")


_POSITIVE = (
    "max_attributes_length",
    "max_image_box_length",
    "max_elements",
    "max_depth",
    "max_memory",
    "max_instance_memory",
    "max_instance_inflated",
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of what a peer can make us hold. Lengths in bytes.

    :ivar max_pdu_length: what we advertise and enforce for P-DATA-TF; 0 advertises no limit.
    :ivar max_sent_pdu_length: of the P-DATA-TF that we send, where the peer takes longer ones; 0 for what it takes, up
        to 1 MiB.
    :ivar max_associate_length: of an A-ASSOCIATE PDU's body.
    :ivar max_command_length: of a command set, all fragments together.
    :ivar max_dataset_length: of a data set, all fragments together; C-STORE goes where its sink says, up to this.
    :ivar max_attributes_length: of the identifier of a C-FIND, C-MOVE or C-GET, of the data set of an N-service and of
        that of a response, as sent and as inflated. A request beyond it is answered A700 or 0213; a response beyond it
        ends the association.
    :ivar max_image_box_length: of the data set of an N-SET for an image box of print management, which waits on disk.
    :ivar max_elements: elements and items of such data sets, counted before they are decoded; about 20,000 references
        of an N-ACTION fit.
    :ivar max_depth: sequences in one another.
    :ivar max_memory: what such data sets, decoded ones and waiting requests take up, of all associations of a server
        together, or of one association as a client.
    :ivar max_instance_memory: the same for the data sets of C-STOREs where no handler chooses a sink; one alone may
        take all of it.
    :ivar max_instance_inflated: to which the data set of a C-STORE may inflate; done to see whether it is whole,
        nothing of it is kept.
    """

    max_pdu_length: int = DEFAULT_MAX_PDU_LENGTH
    max_associate_length: int = 1_048_576
    max_command_length: int = 65_536
    max_dataset_length: int = field(default=4 * 2**30)
    max_sent_pdu_length: int = 0
    max_attributes_length: int = 2 * 2**20
    max_image_box_length: int = 256 * 2**20
    max_elements: int = 60_000
    max_depth: int = 64
    max_memory: int = 64 * 2**20
    max_instance_memory: int = 256 * 2**20
    max_instance_inflated: int = 2**30

    def __post_init__(self) -> None:
        for name in _POSITIVE:
            if getattr(self, name) < 1:
                raise ConfigurationError(
                    f"the limit {name} is {getattr(self, name)}; it must be above 0", phase="configure"
                )
        for length in (self.max_pdu_length, self.max_sent_pdu_length):
            if length and not 4096 <= length <= 0xFFFFFFFF:
                raise ConfigurationError(
                    f"the maximum PDU length {length} is out of range",
                    phase="configure",
                    hint="Give 4096 or more, or 0 for no limit.",
                )


@dataclass(frozen=True, slots=True)
class Implementation:
    """Which software we say that we are (PS3.7 D.3.3.2). The defaults are the truth, all else is for tests.

    :ivar class_uid: implementation class UID.
    :ivar version_name: implementation version name, up to 16 characters of ASCII; an empty one is not sent.
    :raises ConfigurationError: a value is unusable.
    """

    class_uid: str = IMPLEMENTATION_CLASS_UID
    version_name: str = field(default_factory=implementation_version_name)

    def __post_init__(self) -> None:
        if not is_valid_uid(self.class_uid):
            raise ConfigurationError(f"{self.class_uid!r} is no UID", phase="configure")
        name = self.version_name
        if len(name) > 16 or not name.isascii() or _CONTROL.search(name):
            raise ConfigurationError(
                f"the implementation version name {name!r} is unusable",
                phase="configure",
                hint="Give up to 16 characters of ASCII.",
            )


OUR_IMPLEMENTATION = Implementation()
"""What we are."""
