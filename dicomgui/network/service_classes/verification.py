"""Verification (PS3.4 annex A): does somebody answer, and how fast.

::

    async with connect("PACS1@127.0.0.1:104", contexts=verification.CONTEXTS) as assoc:
        echoes = await verification.verify(assoc, times=10)
        print(min(echo.seconds for echo in echoes))
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import Final

from dicomgui.network.association.contexts import ProposedContext
from dicomgui.network.service import Response, ServiceUser
from dicomgui.network.uids import DEFAULT_TRANSFER_SYNTAXES, VERIFICATION

__all__ = ["CONTEXTS", "SOP_CLASS", "Echo", "verify"]

SOP_CLASS: Final = VERIFICATION
CONTEXTS: Final = (ProposedContext(SOP_CLASS, DEFAULT_TRANSFER_SYNTAXES),)
"""What to propose."""


@dataclass(frozen=True, slots=True)
class Echo:
    """The answer to one C-ECHO, and how long it took, in seconds."""

    response: Response
    seconds: float


async def verify(user: ServiceUser, *, times: int = 1, timeout_s: float | None = None) -> tuple[Echo, ...]:
    """Send C-ECHOs one after the other.

    :param timeout_s: how long to wait for each answer; by default as the association does.
    :raises NoAcceptedContext: the peer did not accept verification.
    :raises OperationTimeout: no answer in time; the association was aborted.
    :raises AssociationError: the association ended before an answer.
    """
    echoes = []
    for _ in range(times):
        start = perf_counter()
        response = await user.echo(timeout_s=timeout_s)
        echoes.append(Echo(response, perf_counter() - start))
    return tuple(echoes)
