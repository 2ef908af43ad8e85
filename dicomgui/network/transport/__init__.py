"""The only sockets of the product: connections, listeners, and the driver of the state machine."""

from dicomgui.network.transport.connect import ConnectTimes, open_connection
from dicomgui.network.transport.contexts import requestor_context
from dicomgui.network.transport.eager import EagerLoop, eager_event_loop
from dicomgui.network.transport.forking import call_in_child, fork_count, stay_with_parent
from dicomgui.network.transport.listen import Listener, open_listener
from dicomgui.network.transport.networks import IPNetwork, is_within, parse_network
from dicomgui.network.transport.observe import TellMessage, TraceObserver
from dicomgui.network.transport.protocol import AssociationTransport
from dicomgui.network.transport.proxy import HttpProxy, Proxy, parse_proxy
from dicomgui.network.transport.secure import TlsTransport
from dicomgui.network.transport.sockets import IpFamily, SocketOptions, socket_place
from dicomgui.network.transport.socks import SocksProxy
from dicomgui.network.transport.tasks import TaskOwner
from dicomgui.network.transport.tls import ClientAuth, TlsConfig, TlsInfo
from dicomgui.network.transport.user import TransportUser

__all__ = [
    "AssociationTransport",
    "ClientAuth",
    "ConnectTimes",
    "EagerLoop",
    "HttpProxy",
    "IPNetwork",
    "IpFamily",
    "Listener",
    "Proxy",
    "SocketOptions",
    "SocksProxy",
    "TaskOwner",
    "TellMessage",
    "TlsConfig",
    "TlsInfo",
    "TlsTransport",
    "TraceObserver",
    "TransportUser",
    "call_in_child",
    "eager_event_loop",
    "fork_count",
    "is_within",
    "open_connection",
    "open_listener",
    "parse_network",
    "parse_proxy",
    "requestor_context",
    "socket_place",
    "stay_with_parent",
]
