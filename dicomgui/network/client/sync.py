"""The blocking twin of the client: the same names, for code without an event loop.

::

    with SyncClient.connect("PACS1@127.0.0.1:104", calling_ae="ME") as assoc:
        response = assoc.echo()

The associations of a process live on one event loop in a thread of its own, which is there as long as one of them is.
Calls block the calling thread only; they work in a notebook and inside a running loop (which stands still meanwhile).
The child of a fork can open associations of its own; those of its parent raise there, and stay usable in the parent.
"""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from dicomgui.network.association.contexts import Negotiated, ProposedContext
from dicomgui.network.association.params import Implementation, Limits, PeerAddress, Timeouts
from dicomgui.network.client import presets
from dicomgui.network.client.association import Association, AssociationLife, connect, take_over
from dicomgui.network.client.options import Timings
from dicomgui.network.client.sync_operation import SyncOperation, on_shared
from dicomgui.network.dimse.commands import Priority
from dicomgui.network.pdu import SOPClassCommonExtendedNegotiation, SOPClassExtendedNegotiation, UserIdentityRQ
from dicomgui.network.portal import Portal, hold_shared, let_go_of, shared_portal
from dicomgui.network.service import (
    Handlers,
    InstanceFile,
    Lifecycle,
    Match,
    Progress,
    Response,
    StorableInstance,
)
from dicomgui.network.service.instance_check import Strictness
from dicomgui.network.service.permitted import PermissionTable
from dicomgui.network.tracing import Tracer
from dicomgui.network.transport import SocketOptions, TlsConfig, TlsInfo

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["SyncAssociation", "SyncClient"]

_R = TypeVar("_R")


class SyncAssociation:
    """An association that we requested, for callers that block; made by :meth:`SyncClient.connect`.

    Safe for several threads at once: requests are sent one after the other. Ctrl-C in a call ends what it was doing
    as a cancel does (a request under way ends the association by A-ABORT) and is raised when that has ended. Errors
    are those of :class:`Association`.

    Leave it by ``with``, :meth:`release` or :meth:`abort`. Dropped while it stands, it warns (ResourceWarning) and is
    closed in the thread of the loop; the end of the interpreter aborts it.
    """

    def __init__(self, association: Association, portal: Portal, held: ExitStack) -> None:
        self._association = association
        self._portal = portal
        self._held = held
        self._life = take_over(association)
        self._lock = threading.Lock()
        self._has_ended = False

    # facts

    @property
    def peer(self) -> PeerAddress:
        """The address that we called."""
        return self._association.peer

    @property
    def number(self) -> int:
        """The association's number in the trace."""
        return self._association.number

    @property
    def negotiated(self) -> Negotiated:
        """What both sides agreed on."""
        return self._association.negotiated

    @property
    def timings(self) -> Timings:
        """How long the steps to the association took."""
        return self._association.timings

    @property
    def tls(self) -> TlsInfo | None:
        """What TLS agreed on, and the peer's certificate; ``None`` without TLS."""
        return self._association.tls

    @property
    def is_connected(self) -> bool:
        """Whether the association stands."""
        return self._association.is_connected

    # verbs

    def echo(self, *, timeout_s: float | None = None) -> Response:
        """Verify the association by C-ECHO; see :meth:`Association.echo`."""
        return self._run(partial(self._association.echo, timeout_s=timeout_s))

    def store(
        self,
        instance: StorableInstance,
        *,
        priority: int = Priority.MEDIUM,
        move_originator_ae_title: str = "",
        move_originator_message_id: int | None = None,
        following: InstanceFile | None = None,
        convert: bool = True,
        timeout_s: float | None = None,
    ) -> Response:
        """Send one composite instance by C-STORE; see :meth:`Association.store`."""
        return self._run(
            partial(
                self._association.store,
                instance,
                priority=priority,
                move_originator_ae_title=move_originator_ae_title,
                move_originator_message_id=move_originator_message_id,
                following=following,
                convert=convert,
                timeout_s=timeout_s,
            )
        )

    def find(
        self,
        identifier: Dataset | bytes,
        *,
        root: str = "study",
        sop_class_uid: str | None = None,
        level: str | None = None,
        priority: int = Priority.MEDIUM,
        timeout_s: float | None = None,
    ) -> SyncOperation[Match]:
        """Query by C-FIND; see :meth:`Association.find`."""
        return SyncOperation(
            self._association.find(
                identifier,
                root=root,
                sop_class_uid=sop_class_uid,
                level=level,
                priority=priority,
                timeout_s=timeout_s,
            ),
            self._portal,
            self,
        )

    def move(
        self,
        identifier: Dataset | bytes,
        *,
        destination: str,
        root: str = "study",
        sop_class_uid: str | None = None,
        level: str | None = None,
        priority: int = Priority.MEDIUM,
        timeout_s: float | None = None,
    ) -> SyncOperation[Progress]:
        """Have instances sent to another AE by C-MOVE; see :meth:`Association.move`."""
        return SyncOperation(
            self._association.move(
                identifier,
                destination=destination,
                root=root,
                sop_class_uid=sop_class_uid,
                level=level,
                priority=priority,
                timeout_s=timeout_s,
            ),
            self._portal,
            self,
        )

    def get(
        self,
        identifier: Dataset | bytes,
        *,
        into: str | os.PathLike[str] | Handlers,
        root: str = "study",
        sop_class_uid: str | None = None,
        level: str | None = None,
        priority: int = Priority.MEDIUM,
        timeout_s: float | None = None,
    ) -> SyncOperation[Progress]:
        """Retrieve by C-GET; see :meth:`Association.get`. Handlers are called in the thread of the loop."""
        return SyncOperation(
            self._association.get(
                identifier,
                into=into,
                root=root,
                sop_class_uid=sop_class_uid,
                level=level,
                priority=priority,
                timeout_s=timeout_s,
            ),
            self._portal,
            self,
        )

    def n_create(
        self,
        sop_class_uid: str,
        dataset: Dataset | bytes | None = None,
        *,
        sop_instance_uid: str = "",
        context: str | None = None,
        timeout_s: float | None = None,
    ) -> Response:
        """Create an instance by N-CREATE; see :meth:`Association.n_create`."""
        create = self._association.n_create
        return self._run(
            partial(
                create, sop_class_uid, dataset, sop_instance_uid=sop_instance_uid, context=context, timeout_s=timeout_s
            )
        )

    def n_set(
        self,
        sop_class_uid: str,
        sop_instance_uid: str,
        dataset: Dataset | bytes,
        *,
        context: str | None = None,
        timeout_s: float | None = None,
    ) -> Response:
        """Change an instance by N-SET; see :meth:`Association.n_set`."""
        change = partial(self._association.n_set, sop_class_uid, sop_instance_uid, dataset)
        return self._run(partial(change, context=context, timeout_s=timeout_s))

    def n_get(
        self,
        sop_class_uid: str,
        sop_instance_uid: str,
        attributes: Sequence[int] = (),
        *,
        context: str | None = None,
        timeout_s: float | None = None,
    ) -> Response:
        """Read an instance by N-GET; see :meth:`Association.n_get`."""
        read = partial(self._association.n_get, sop_class_uid, sop_instance_uid, attributes)
        return self._run(partial(read, context=context, timeout_s=timeout_s))

    def n_action(
        self,
        sop_class_uid: str,
        sop_instance_uid: str,
        action_type_id: int,
        dataset: Dataset | bytes | None = None,
        *,
        context: str | None = None,
        timeout_s: float | None = None,
    ) -> Response:
        """Have something done with an instance by N-ACTION; see :meth:`Association.n_action`."""
        act = partial(self._association.n_action, sop_class_uid, sop_instance_uid, action_type_id, dataset)
        return self._run(partial(act, context=context, timeout_s=timeout_s))

    def n_delete(
        self,
        sop_class_uid: str,
        sop_instance_uid: str,
        *,
        context: str | None = None,
        timeout_s: float | None = None,
    ) -> Response:
        """Delete an instance by N-DELETE; see :meth:`Association.n_delete`."""
        delete = self._association.n_delete
        return self._run(partial(delete, sop_class_uid, sop_instance_uid, context=context, timeout_s=timeout_s))

    def n_event_report(
        self,
        sop_class_uid: str,
        sop_instance_uid: str,
        event_type_id: int,
        dataset: Dataset | bytes | None = None,
        *,
        context: str | None = None,
        timeout_s: float | None = None,
    ) -> Response:
        """Report an event by N-EVENT-REPORT; see :meth:`Association.n_event_report`."""
        report = partial(self._association.n_event_report, sop_class_uid, sop_instance_uid, event_type_id, dataset)
        return self._run(partial(report, context=context, timeout_s=timeout_s))

    # the end

    def release(self) -> None:
        """End the association in order (A-RELEASE) and close the connection. Does nothing when it has ended.

        :raises OperationTimeout: no answer within the release time-out; the association was aborted instead.
        :raises AssociationError: the association broke before the answer.
        """
        self._end(self._association.release)

    def abort(self, *, source: int = 0, reason: int = 0) -> None:
        """End the association at once by A-ABORT, and close the connection; see :meth:`Association.abort`."""
        self._end(partial(self._association.abort, source=source, reason=reason))

    def __enter__(self) -> SyncAssociation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._portal.is_foreign:  # there is nothing to end in the child of a fork
            self._end(partial(self._association.__aexit__, kind, error, traceback))

    def _run(self, verb: Callable[[], Awaitable[_R]]) -> _R:
        return on_shared(verb, self._portal)

    def _end(self, ending: Callable[[], Awaitable[None]]) -> None:
        """Run what ends the association; whatever comes of it, the connection is closed and the portal let go of.

        The portal is held meanwhile, so that an end in another thread does not take it away.
        """
        self._portal.refuse_own_thread()
        self._portal.refuse_other_process()
        with ExitStack() as meanwhile:
            with self._lock:
                if self._has_ended:
                    return
                meanwhile.enter_context(shared_portal())
            try:
                self._portal.run(ending)
            finally:
                self._let_go()

    def __del__(self) -> None:
        life = getattr(self, "_life", None)  # there is none where its making failed
        if life is None or self._has_ended or self._portal.is_foreign or sys.is_finalizing():
            return
        self._has_ended = True
        was_closed = life.is_closed
        self._portal.run_soon(partial(_close_dropped, life, self._held))  # nobody may be waited for here
        if not was_closed:
            warnings.warn(
                f"association {self.number} with {self.peer} was dropped, and is closed: "
                "use with, release() or abort()",
                ResourceWarning,
                stacklevel=1,
            )

    def _let_go(self) -> None:
        with self._lock:
            self._has_ended = True
            held = self._held.pop_all()
        held.close()


class SyncClient:
    """Opens associations for callers that block."""

    @staticmethod
    def connect(
        peer: PeerAddress | str,
        *,
        calling_ae: str = "DICOMGUI",
        contexts: Sequence[ProposedContext] = presets.DEFAULT,
        timeouts: Timeouts | None = None,
        limits: Limits | None = None,
        tracer: Tracer | None = None,
        trace_full: bool = False,
        local_host: str | None = None,
        tls: TlsConfig | None = None,
        user_identity: UserIdentityRQ | None = None,
        async_ops: tuple[int, int] = (1, 1),
        extended: Sequence[SOPClassExtendedNegotiation] = (),
        common_extended: Sequence[SOPClassCommonExtendedNegotiation] = (),
        handlers: Handlers | None = None,
        lifecycle: Lifecycle | None = None,
        require_identity: bool = False,
        sockets: SocketOptions | None = None,
        implementation: Implementation | None = None,
        permitted: PermissionTable | None = None,
        strictness: Strictness = Strictness.STRICT,
    ) -> SyncAssociation:
        """Open an association with ``peer``; parameters and errors are those of :func:`~dicomgui.network.connect`.

        Use it as ``with SyncClient.connect(…) as assoc:``, which leaves the association as ``async with`` does, or call
        ``release()`` or ``abort()``. ``tracer``, ``handlers`` and ``lifecycle`` are called in the thread of the loop.

        Ctrl-C meanwhile aborts what there is of the association, and is raised when that is closed.

        :raises OSError: the system has no more handles for an event loop.
        """
        opening = connect(
            peer,
            calling_ae=calling_ae,
            contexts=contexts,
            timeouts=timeouts,
            limits=limits,
            tracer=tracer,
            trace_full=trace_full,
            local_host=local_host,
            tls=tls,
            user_identity=user_identity,
            async_ops=async_ops,
            extended=extended,
            common_extended=common_extended,
            handlers=handlers,
            lifecycle=lifecycle,
            require_identity=require_identity,
            sockets=sockets,
            implementation=implementation,
            permitted=permitted,
            strictness=strictness,
        )
        return _open(opening)


def _open(opening: Awaitable[Association]) -> SyncAssociation:
    opened: list[Association] = []

    async def open_and_keep() -> None:
        association = await opening
        portal.adopt(take_over(association).abort)
        opened.append(association)

    portal = hold_shared()
    held = ExitStack()
    held.callback(let_go_of, portal)
    try:
        portal.run(open_and_keep)
        association = opened[0]
        held.callback(portal.disown, take_over(association).abort)
        return SyncAssociation(association, portal, held)
    except BaseException:
        with held:
            for association in opened:  # the interrupt came when it stood already
                portal.run(association.abort)
                portal.disown(take_over(association).abort)
        raise


async def _close_dropped(life: AssociationLife, held: ExitStack) -> None:
    """Close what a thread has dropped, and let go of the portal for it."""
    with held:
        await life.close_dropped()
