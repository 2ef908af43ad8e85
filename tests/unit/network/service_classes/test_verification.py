"""Verification without an association: as many echoes as asked for."""

from __future__ import annotations

from dicomgui.network import Response, Status
from dicomgui.network.service_classes.verification import CONTEXTS, SOP_CLASS, verify


class Echoing:
    def __init__(self) -> None:
        self.waits: list[float | None] = []

    async def echo(self, *, timeout_s: float | None) -> Response:
        self.waits.append(timeout_s)
        return Response(Status(0))


async def test_echoes_follow_each_other() -> None:
    user = Echoing()
    assert len(await verify(user, times=2, timeout_s=5.0)) == 2
    assert user.waits == [5.0, 5.0]
    assert await verify(user, times=0) == ()
    assert [context.abstract_syntax for context in CONTEXTS] == [SOP_CLASS]
