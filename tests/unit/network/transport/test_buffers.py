from __future__ import annotations

import asyncio
from typing import Any

from dicomgui.network.transport.buffers import receive_buffer


async def test_a_loop_that_reads_ahead_gives_each_connection_its_own_buffer() -> None:
    class ProactorLoop:
        pass

    loop: Any = ProactorLoop()
    first, second = receive_buffer(loop), receive_buffer(loop)
    first[0] = 1
    assert second[0] == 0
    shared = asyncio.get_running_loop()
    assert receive_buffer(shared) is receive_buffer(shared)
