"""What the administrator of a peer has to enter so that it lets this program in and can send to it."""

from __future__ import annotations

import platform
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from dicomgui.app.configuration.listener_options import ListenerOptions
from dicomgui.network.tracing import ConnectRecord
from dicomgui.network.transport.outgoing import own_addresses
from dicomgui.trace.store import TraceStore

__all__ = ["listener_text", "local_address", "reaches_others", "setup_text"]

_EVERY: Final = frozenset(("", str(IPv4Address(0)), str(IPv6Address(0))))

_LOOKED_AT = 64  # records of an association in which its connection is looked for


def setup_text(
    peer: str, ae_title: str, *, address: str = "", port: int = 0, tls: bool = False, computer: str | None = None
) -> str:
    """A request in a few lines, without any secret and without patient data.

    :param peer: whom it is for, such as ``PACS1@10.1.2.3:104``.
    :param address: the address of this computer as the peer sees it; left out where it is not known.
    :param port: of our listener; 0 leaves it out, and with it the request to be a destination of C-MOVE.
    :param computer: name of this computer; by default what the system says.
    """
    name = platform.node() if computer is None else computer
    whom = f" with {peer}" if peer else ""
    lines = [f"Please let this DICOM application work{whom}:", ""]
    lines.append(f"AE title:  {ae_title}")
    if address or name:
        lines.append(f"Address:   {' or '.join(filter(None, (address, name)))}")
    if port:
        lines += [f"Port:      {port}", f"TLS:       {'yes' if tls else 'no'}"]
    lines.append("")
    lines.append("Add it to the applications that may open associations (calling AE title).")
    if port:
        lines.append("Add it as a destination of C-MOVE as well, with this address and port.")
    return "\n".join(lines) + "\n"


def listener_text(options: ListenerOptions, *, computer: str | None = None) -> str:
    """The same for our listener, whoever is to send to it: every address by which it can be reached.

    :param options: how it listens.
    """
    addresses = own_addresses() if options.host in _EVERY else (options.host,)
    return setup_text(
        "", str(options.ae_title), address=" or ".join(addresses), port=options.port, tls=options.tls is not None,
        computer=computer if reaches_others(options) or computer is not None else "",
    )  # fmt: skip


def reaches_others(options: ListenerOptions) -> bool:
    """Whether other computers can come to where it listens."""
    try:
        return not ip_address(options.host).is_loopback
    except ValueError:
        return options.host != "localhost"


def local_address(store: TraceStore, association: int) -> str:
    """The address from which an association went out; empty where the trace does not tell."""
    for entry in store.of_association(association, limit=_LOOKED_AT):
        record = entry.record
        if isinstance(record, ConnectRecord) and record.local and not record.error:
            return record.local.rpartition(":")[0].strip("[]")
    return ""
