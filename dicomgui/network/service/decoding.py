"""Decodes matches beside the event loop where they are large: one of 60,000 elements takes a second."""

from __future__ import annotations

import asyncio
import time
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from dicomgui.network.uids import DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["INLINE_BYTES", "MatchDecoder", "is_large"]

INLINE_BYTES: Final = 4096
"""A match up to this length is decoded where it is asked for."""

TURN_S: Final = 0.004
"""So long small ones are decoded one after the other before the loop goes on."""


def is_large(data: bytes, transfer_syntax_uid: str) -> bool:
    """True where decoding a match may hold up the event loop."""
    return len(data) > INLINE_BYTES or transfer_syntax_uid == DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN


class MatchDecoder:
    """Decodes one match after the other: a large one in a thread, small ones in the loop, with turns for others."""

    def __init__(self) -> None:
        self._turn_began = 0.0

    async def decode(self, data: bytes, transfer_syntax_uid: str, read: Callable[[], Dataset]) -> Dataset:
        """The data set that ``read`` makes of a match.

        :raises RemoteProtocolError: it cannot be read.
        """
        if is_large(data, transfer_syntax_uid):
            return await asyncio.get_running_loop().run_in_executor(None, _quietly, read)
        now = time.perf_counter()
        if now - self._turn_began > TURN_S:
            await asyncio.sleep(0)
            self._turn_began = time.perf_counter()
        return _quietly(read)


def _quietly(read: Callable[[], Dataset]) -> Dataset:
    with warnings.catch_warnings(action="ignore"):  # pydicom's, about odd values: they are shown as they are
        return read()
