"""Test a peer by C-ECHO: every step to it timed, and where it failed, why."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from dicomgui.app.connection import ConnectionOptions
from dicomgui.app.context import AppContext
from dicomgui.app.evidence import Evidence
from dicomgui.network.association.contexts import Negotiated
from dicomgui.network.association.params import PeerAddress
from dicomgui.network.client import Association, presets
from dicomgui.network.errors import ConfigurationError, DicomNetworkError
from dicomgui.network.status import Service, Status
from dicomgui.network.tracing import ConnectRecord, Record, ResolveRecord, TlsRecord
from dicomgui.network.uids import VERIFICATION
from dicomgui.trace.certificate import Certificate, CertificateError, read_certificate, read_chain
from dicomgui.trace.finding import Finding

__all__ = ["EchoResult", "Step", "StepName", "TlsFacts", "echo"]

StepName: TypeAlias = Literal["resolve", "connect", "tls", "associate", "echo", "release"]
_ORDER: tuple[StepName, ...] = ("resolve", "connect", "tls", "associate", "echo", "release")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the way to the peer and back.

    :ivar name: what was done; ``tls`` comes only with TLS, ``echo`` once for each C-ECHO.
    :ivar ms: how long it took, in milliseconds.
    :ivar ok: whether it was done.
    :ivar detail: what came of it, or why it failed; one line, may hold text of the peer.
    """

    name: StepName
    ms: float
    ok: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """What the TLS handshake came to; there also where it failed over the certificate.

    :ivar version: and ``cipher``, as OpenSSL calls them; empty where the handshake failed.
    :ivar certificate: what the peer showed, ``None`` where it showed none that can be read.
    :ivar issuers: the certificates that it sent behind its own, as far as they can be read.
    """

    version: str
    cipher: str
    certificate: Certificate | None
    issuers: tuple[Certificate, ...] = ()

    @property
    def chain(self) -> tuple[Certificate, ...]:
        """All certificates of the peer that can be read, its own first."""
        return self.issuers if self.certificate is None else (self.certificate, *self.issuers)


@dataclass(frozen=True, slots=True)
class EchoResult:
    """What an echo found out.

    :ivar association: the association's number in the trace; 0 where there was not even an attempt.
    :ivar steps: in their order; the last one is the failed one, if any.
    :ivar round_trips_ms: of each answered C-ECHO, in milliseconds.
    :ivar status: of the last C-ECHO, ``None`` where none was answered.
    :ivar peer_max_pdu_length: what the peer advertises, in bytes; 0 for no limit, ``None`` without association.
    :ivar transfer_syntax: UID accepted for Verification, or an empty string.
    :ivar tls: ``None`` without TLS.
    :ivar agreed: the association as it was negotiated, ``None`` without one.
    :ivar error: what went wrong on the way; a failure status is none.
    :ivar findings: what the diagnosis says.
    """

    peer: PeerAddress
    association: int
    steps: tuple[Step, ...]
    round_trips_ms: tuple[float, ...]
    status: Status | None
    implementation_class_uid: str = ""
    implementation_version_name: str = ""
    peer_max_pdu_length: int | None = None
    transfer_syntax: str = ""
    tls: TlsFacts | None = None
    agreed: Negotiated | None = None
    error: DicomNetworkError | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every step was done and every C-ECHO answered with success, or with a warning."""
        return self.error is None and self.status is not None and (self.status.is_success or self.status.is_warning)

    @property
    def min_ms(self) -> float | None:
        """The shortest round trip."""
        return min(self.round_trips_ms, default=None)

    @property
    def median_ms(self) -> float | None:
        """The median of the round trips."""
        return statistics.median(self.round_trips_ms) if self.round_trips_ms else None

    @property
    def p95_ms(self) -> float | None:
        """The round trip that 95 % of all do not exceed (nearest rank)."""
        if not self.round_trips_ms:
            return None
        return sorted(self.round_trips_ms)[math.ceil(0.95 * len(self.round_trips_ms)) - 1]


async def echo(
    context: AppContext,
    peer: PeerAddress,
    options: ConnectionOptions,
    *,
    repeat: int = 1,
    on_step: Callable[[Step], None] | None = None,
    on_association: Callable[[int], None] | None = None,
) -> EchoResult:
    """Open an association for Verification alone, send ``repeat`` C-ECHOs, release it.

    Never raises for what a peer or the network does; a cancel passes, after the association has been ended.

    :param on_step: told of each step as it ends.
    :param on_association: told the association's number in the trace, once, as soon as there is one.
    """
    ladder = _Ladder(context, on_step, on_association, has_tls=options.tls is not None)
    error: DicomNetworkError | None = None
    try:
        async with options.connect(peer, presets.VERIFICATION, ladder) as association:
            ladder.associated(association)
            await _echo_all(association, ladder, repeat)
            if options.ends_by_abort:
                await association.abort()
                ladder.done("release", "aborted instead")
            else:
                await association.release()
                ladder.done("release")
    except DicomNetworkError as exc:
        error = exc
        ladder.failed(exc)
    return ladder.result(peer, error)


async def _echo_all(association: Association, ladder: _Ladder, repeat: int) -> None:
    for _ in range(max(1, repeat)):
        ladder.under_way = "echo"
        response = await association.echo()
        ladder.answered(response.status, response.comment)
        if response.status.is_failure:
            return


class _Ladder:
    """Times the steps: those of the connection from the observer stream, those above it as they are told.

    It is the tracer of the one association.

    :ivar under_way: the step that fails if something fails now.
    """

    def __init__(
        self,
        context: AppContext,
        on_step: Callable[[Step], None] | None,
        on_association: Callable[[int], None] | None = None,
        *,
        has_tls: bool = False,
    ) -> None:
        self._after_connect: StepName = "tls" if has_tls else "associate"
        self._evidence = Evidence(context.tracer)
        self._context = context
        self._on_step = on_step
        self._on_association = on_association
        self._steps: list[Step] = []
        self._round_trips: list[float] = []
        self._status: Status | None = None
        self._negotiated: Negotiated | None = None
        self._tls: TlsFacts | None = None
        self._association = 0
        self._since = time.perf_counter()
        self.under_way: StepName = "resolve"

    def __call__(self, record: Record) -> None:
        if self._association != record.association:
            self._association = record.association
            if self._on_association is not None:
                self._on_association(record.association)
        self._evidence(record)
        if isinstance(record, ResolveRecord) and not record.error:
            self.done("resolve", ", ".join(record.addresses))
        elif isinstance(record, ConnectRecord) and not record.error:
            self.done("connect", record.peer)
            self.under_way = self._after_connect
        elif isinstance(record, TlsRecord):
            own = _certificate(record.peer_certificate)
            self._tls = TlsFacts(record.version, record.cipher, own, read_chain(record.peer_chain))
            if not record.error:
                self.done("tls", f"{record.version}, {record.cipher}")

    def done(self, name: StepName, detail: str = "", *, ok: bool = True) -> float:
        """A step has ended; gives its milliseconds, since the step before."""
        now = time.perf_counter()
        ms, self._since = (now - self._since) * 1000, now
        step = Step(name, ms, ok, detail)
        self._steps.append(step)
        self.under_way = _ORDER[min(_ORDER.index(name) + 1, len(_ORDER) - 1)]
        if self._on_step is not None:
            self._on_step(step)
        return ms

    def associated(self, association: Association) -> None:
        self._negotiated = negotiated = association.negotiated
        name = negotiated.peer_version_name or negotiated.peer_implementation_class_uid
        limit = str(negotiated.peer_max_pdu_length or "no limit")
        self.done("associate", f"{name}, max PDU {limit}" if name else f"max PDU {limit}")

    def answered(self, status: Status, comment: str) -> None:
        self._status = status
        ok = status.is_success or status.is_warning
        text = f"0x{status:04X} {status.meaning(Service.VERIFICATION)}"
        self._round_trips.append(self.done("echo", f"{text} ({comment})" if comment else text, ok=ok))

    def failed(self, error: DicomNetworkError) -> None:
        """The step that was under way has failed; none was where nothing has been tried."""
        if isinstance(error, ConfigurationError) and not self._association:
            return
        self.done(self.under_way, str(error).removeprefix(f"{error.peer}: "), ok=False)

    def result(self, peer: PeerAddress, error: DicomNetworkError | None) -> EchoResult:
        negotiated = self._negotiated
        accepted = None if negotiated is None else negotiated.find(VERIFICATION)
        return EchoResult(
            peer=peer,
            association=self._association,
            steps=tuple(self._steps),
            round_trips_ms=tuple(self._round_trips),
            status=self._status,
            implementation_class_uid=negotiated.peer_implementation_class_uid if negotiated else "",
            implementation_version_name=negotiated.peer_version_name if negotiated else "",
            peer_max_pdu_length=negotiated.peer_max_pdu_length if negotiated else None,
            transfer_syntax=accepted.transfer_syntax if accepted else "",
            tls=self._tls,
            agreed=negotiated,
            error=error,
            findings=self._evidence.findings(error, self._context.facts),
        )


def _certificate(der: bytes) -> Certificate | None:
    try:
        return read_certificate(der) if der else None
    except CertificateError:
        return None
